"""Hosts with workers of gunicorn, and a server that changes, is away, hangs or goes back.

The figures that they print are those of the machine; no test asserts on them but where a promise
has a limit, and then with room for a machine that has much else to do.
"""

import os
import select
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from flask_bucketcors.core.errors import ServerUnreachable
from flask_bucketcors.stores.replica.store import ReplicaStore
from flask_bucketcors.stores.sql.store import SQLStore
from tests.support.hosts.mariadb import mariadb
from tests.support.hosts.partitions import Network
from tests.support.hosts.postgresql import PostgreSQL, postgresql
from tests.support.hosts.server import Database, Server
from tests.support.processes.served_copies import WAYS, WayToServe, host
from tests.support.processes.served_workers import BUCKET, rules

CHANGES = 10
# For what must happen within seconds, on a machine that has much else to do.
ROOM_SECONDS = 10


@contextmanager
def tools(database: Database) -> Iterator[SQLStore]:
    """Another program, which changes rules at the server."""
    store = SQLStore(database.url)
    try:
        yield store
    finally:
        store.close()


SERVERS: dict[str, Callable[[], AbstractContextManager[Server]]] = {
    "postgresql": postgresql,
    "mariadb": mariadb,
}
EACH_WAY = [*(("postgresql", way) for way in WAYS), ("mariadb", WAYS[3])]
LEAST_AND_MOST = [("postgresql", WAYS[3]), ("mariadb", WAYS[0])]


@pytest.fixture
def served_by(request: pytest.FixtureRequest) -> tuple[Database, WayToServe]:
    """A new database of a kind of server that no test stops, and how a host serves."""
    kind, way = request.param
    return request.getfixturevalue(f"{kind}_database"), way


@pytest.fixture
def own_served_by(request: pytest.FixtureRequest) -> Iterator[tuple[Database, WayToServe]]:
    """Likewise, of a server that the test may stop."""
    kind, way = request.param
    with SERVERS[kind]() as server, server.database() as database:
        yield database, way


def name_of(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


@pytest.mark.parametrize("served_by", EACH_WAY, ids=name_of, indirect=True)
def test_a_host_obeys_its_own_changes_at_once_and_others_soon(
    served_by: tuple[Database, WayToServe], tmp_path: Path
) -> None:
    database, way = served_by
    late = []
    with (
        tools(database) as other,
        host(database.url, tmp_path / "copy", way, refresh=0.2) as served,
    ):
        for number in range(0, 2 * CHANGES, 2):
            assert served.put(number) == 200
            assert all(served.seen(number))
            other.put(BUCKET, rules(number + 1))
            late.append(served.wait_until_obeyed(number + 1))
        assert served.server.complaints == []
    milliseconds = [each * 1000 for each in late]
    print(f"other host: p50 {statistics.median(milliseconds):.0f}, max {max(milliseconds):.0f} ms")


def test_requests_send_no_statement(postgresql_database: Database, tmp_path: Path) -> None:
    """Those that the server gets are the leader's, once a second."""
    database = postgresql_database
    with host(database.url, tmp_path / "copy", refresh=0.5) as served:
        assert served.put(1) == 200
        served.wait_until_obeyed(1)
        began = time.monotonic()
        with database.server.statements() as sent:
            for _ in range(200):
                served.workers.preflight("https://even.test")
        seconds = time.monotonic() - began
        # A statement may be more than one line of a log, as that which begins a transaction.
        assert len(sent.texts()) <= 3 * (seconds / 0.5 + 2)


TROUBLES: dict[str, Callable[[Server], AbstractContextManager[object]]] = {}


def trouble(name: str) -> Callable[[Callable[[Server], Iterator[None]]], None]:
    def add(make: Callable[[Server], Iterator[None]]) -> None:
        TROUBLES[name] = contextmanager(make)

    return add


@trouble("stopped fast")
def _stopped_fast(server: Server) -> Iterator[None]:
    server.stop("fast")
    yield
    server.start()


@trouble("stopped at once")
def _stopped_at_once(server: Server) -> Iterator[None]:
    server.stop("immediate")
    yield
    server.start()


@trouble("hung")
def _hung(server: Server) -> Iterator[None]:
    with server.hanging():
        yield


@pytest.mark.parametrize("own_served_by", LEAST_AND_MOST, ids=name_of, indirect=True)
def test_a_host_serves_while_the_server_is_away_and_obeys_when_it_is_back(
    own_served_by: tuple[Database, WayToServe], tmp_path: Path
) -> None:
    own_database, way = own_served_by
    with host(own_database.url, tmp_path / "copy", way) as served:
        number = 0
        for name, in_trouble in TROUBLES.items():
            assert served.put(number) == 200
            served.wait_until_obeyed(number)
            with in_trouble(own_database.server):
                began = time.monotonic()
                assert served.put(number + 1) == 503
                refused = time.monotonic() - began
                assert served.statuses(number) == {200}
                assert refused < ROOM_SECONDS
                # Restarted workers read the copy, too.
                leader = served.leader
                assert leader
            number += 2
            began = time.monotonic()
            with tools(own_database) as other:
                other.put(BUCKET, rules(number))
            late = served.wait_until_obeyed(number)
            print(
                f"{name}: PUT refused after {refused:.2f} s, obeyed {late:.2f} s after it is back"
            )
            assert time.monotonic() - began < ROOM_SECONDS
            number += 2
        assert "cannot bring the copy" in served.server.log


@pytest.mark.parametrize("served_by", LEAST_AND_MOST, ids=name_of, indirect=True)
def test_when_the_leader_is_killed_another_worker_follows(
    served_by: tuple[Database, WayToServe], tmp_path: Path
) -> None:
    database, way = served_by
    with tools(database) as other, host(database.url, tmp_path / "copy", way) as served:
        for number in range(0, 6, 2):
            other.put(BUCKET, rules(number))
            served.wait_until_one_obeys(number)
            served.reach_all_workers()
            leader = served.leader
            assert leader
            os.kill(leader, signal.SIGKILL)
            other.put(BUCKET, rules(number + 1))
            late = served.wait_until_one_obeys(number + 1)
            print(f"leader killed: obeyed after {late:.2f} s")
            assert served.leader != leader
            assert late < ROOM_SECONDS


def test_a_host_without_a_copy_is_closed_until_the_server_is_there(
    own_postgresql: PostgreSQL, tmp_path: Path
) -> None:
    with own_postgresql.database() as database:
        own_postgresql.stop()
        with host(database.url, tmp_path / "copy") as served:
            assert served.statuses(1) == {503}
            own_postgresql.start()
            with tools(database) as other:
                other.put(BUCKET, rules(1))
            served.wait_until_obeyed(1)


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Callable[[Database, str], ReplicaStore]]:
    """Make a store as a host's worker has it, which follows the server."""
    with ExitStack() as stack:

        def make(database: Database, name: str) -> ReplicaStore:
            store = ReplicaStore(SQLStore(database.url, connect=False), tmp_path / name / "copy")
            stack.callback(store.close)
            store.signal()
            return store

        yield make


def wait_for(store: ReplicaStore, number: int) -> None:
    deadline = time.monotonic() + ROOM_SECONDS
    while store.get(BUCKET) != rules(number):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_hosts_go_back_with_a_standby_that_lacks_changes(
    own_postgresql: PostgreSQL, hosts: Callable[[Database, str], ReplicaStore]
) -> None:
    """It is promoted, and then overtakes the revision that the hosts had."""
    with own_postgresql.database() as database:
        one, two = hosts(database, "one"), hosts(database, "two")
        one.put(BUCKET, rules(1))
        with own_postgresql.standby() as standby:
            standby.wait_for(own_postgresql)
            standby.stop_following()
            for number in range(2, 7):
                one.put(BUCKET, rules(number))
            wait_for(two, 6)
            own_postgresql.stop("immediate")
            standby.promote()
            standby.stop()
            standby.start(own_postgresql.port)
            for store in (one, two):
                wait_for(store, 1)
            for number in range(10, 16):
                one.put(BUCKET, rules(number))
            wait_for(two, 15)
            versions = {store.read(BUCKET).version for store in (one, two)}  # type: ignore[union-attr]
            assert len(versions) == 1


def test_a_notification_that_comes_with_the_response_to_a_statement_counts(
    postgresql_database: Database,
) -> None:
    """The statement may not have seen the change yet."""
    with tools(postgresql_database) as one, tools(postgresql_database) as other:
        feed = one.open_feed()
        assert feed.listen()
        other.put(BUCKET, rules(1))
        connection = feed._lane._place.opened.connection  # type: ignore[union-attr]
        socket = connection.connection.dbapi_connection.pgconn.socket  # type: ignore[union-attr]
        assert select.select([socket], [], [], ROOM_SECONDS)[0]
        with feed.since(None) as batch:
            assert [*batch.rows]
        assert feed.wait(0)
        assert not feed.wait(0)
        feed.close()


def test_a_change_is_acknowledged_or_refused_and_never_lost_while_connections_are_killed(
    own_database: Database, hosts: Callable[[Database, str], ReplicaStore]
) -> None:
    store = hosts(own_database, "one")
    acknowledged = []
    for number in range(1, 41):
        if number % 4 == 0:
            own_database.server.kill_connections()
        try:
            store.put(f"b{number}", rules(number))
        except ServerUnreachable:
            continue
        acknowledged.append(number)
        assert store.get(f"b{number}") == rules(number)
    assert acknowledged
    with tools(own_database) as other:
        assert {f"b{number}" for number in acknowledged} <= {*other.list()}


def test_a_host_that_is_cut_off_closes_when_its_limit_is_over_and_opens_again(
    two_cables: Network, tmp_path: Path
) -> None:
    with (
        postgresql(place=two_cables.server) as server,
        server.database() as database,
        ExitStack() as stack,
    ):
        served = [
            stack.enter_context(
                host(
                    database.url,
                    tmp_path / f"host{number}" / "copy",
                    stale=3,
                    prefix=cable.host.prefix,
                )
            )
            for number, cable in enumerate(two_cables.cables)
        ]
        assert served[0].put(2) == 200
        for each in served:
            each.wait_until_obeyed(2)
        two_cables.cables[1].cut()
        began = time.monotonic()
        assert served[0].put(4) == 200
        assert served[1].statuses(2) == {200}
        while served[1].statuses(2) != {503}:
            assert time.monotonic() < began + ROOM_SECONDS
        closed = time.monotonic() - began
        assert served[1].put(6) == 503
        assert all(served[0].seen(4))
        two_cables.cables[1].heal()
        late = served[1].wait_until_obeyed(4)
        print(f"closed after {closed:.2f} s, right {late:.2f} s after it healed")
        assert closed < 3 + ROOM_SECONDS
