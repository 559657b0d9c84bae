"""How long hosts need after a server, a standby or a leader fails."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from following_host import BUCKET, CLOSED, Following, following, open_host, rules_of
from hosts_requests import scratch
from report import AT_MOST, Table
from server_load import quiet_database

from flask_bucketcors import SQLStore, StoreUnavailable
from tests.support.hosts.postgresql import PostgreSQL, postgresql
from tests.support.hosts.server import Database

HOSTS = 2
LEADERS_KILLED = 5
#: Changes that a standby lacks when it is promoted.
LACKED = 5
AWAY_SECONDS, HUNG_SECONDS = 2.0, 7.0
STALE_SECONDS = 3.0
#: Limits in seconds: another worker follows; hosts follow again; a host closes after its limit.
LEADER_AT_MOST, BACK_AT_MOST, CLOSED_AT_MOST = 0.5, 2.1, STALE_SECONDS + 1


def failures() -> dict[str, Table]:
    """Make servers and leaders fail, and measure until hosts are right again."""
    rows = []
    with postgresql() as server:
        rows += [*after_stops(server)]
        rows += [after_hanging(server)]
        rows += [after_limit(server)]
        rows += [after_leaders(server)]
        rows += [*after_promotion(server)]
    columns = ["seconds until all hosts obey", "at the latest", AT_MOST]
    return {"hosts-failures": Table(columns, rows)}


@contextmanager
def followed(
    server: PostgreSQL, **settings: Any
) -> Iterator[tuple[Database, SQLStore, list[Following]]]:
    """A database with some hosts that follow it, and a store to change it."""
    with ExitStack() as stack:
        database = stack.enter_context(quiet_database(server))
        store = stack.enter_context(closing(SQLStore(database.url)))
        folder = stack.enter_context(scratch())
        store.put(BUCKET, rules_of(1))
        hosts = [
            stack.enter_context(following(database.url, folder / f"{n}", **settings))
            for n in range(HOSTS)
        ]
        yield database, store, hosts


def until_all(hosts: list[Following], number: int) -> float:
    """When the last host obeyed the rules of a number."""
    return max(host.until(lambda found: found == number) for host in hosts)


def check_open(hosts: list[Following]) -> None:
    """No bucket was closed: each request got its response by the copy."""
    if any(note.number == CLOSED for host in hosts for note in host.obeyed()[1:]):
        raise RuntimeError("a host closed the bucket")


def after_stops(server: PostgreSQL) -> Iterator[list[Any]]:
    """Stop the server, start it, and make a change at once."""
    with followed(server) as (_, store, hosts):
        for number, how in enumerate(("fast", "immediate"), 2):
            server.stop(how)
            time.sleep(AWAY_SECONDS)
            server.start()
            store.put(BUCKET, rules_of(number))
            begin = time.monotonic()
            seconds = until_all(hosts, number) - begin
            yield [f"server stopped ({how}) and back", seconds, BACK_AT_MOST]
        check_open(hosts)


def after_hanging(server: PostgreSQL) -> list[Any]:
    """Stop all processes of the server for a while."""
    with followed(server) as (_, store, hosts):
        with server.hanging():
            time.sleep(HUNG_SECONDS)
        begin = time.monotonic()
        put_again(lambda: store.put(BUCKET, rules_of(2)))
        seconds = until_all(hosts, 2) - begin
        check_open(hosts)
    return ["server hung (SIGSTOP) and goes on", seconds, BACK_AT_MOST]


def put_again(put: Callable[[], object]) -> None:
    """Put, also if the connection that is open does not work any more."""
    try:
        put()
    except StoreUnavailable:
        put()


def after_limit(server: PostgreSQL) -> list[Any]:
    """Hang longer than a copy may be old."""
    with followed(server, stale_seconds=STALE_SECONDS) as (_, _, hosts):
        with server.hanging():
            begin = time.monotonic()
            closed = until_all(hosts, CLOSED) - begin
        until_all(hosts, 1)
    return [f"closed while the server hangs, limit {STALE_SECONDS:g} s", closed, CLOSED_AT_MOST]


def after_leaders(server: PostgreSQL) -> list[Any]:
    """Kill the leader of a host while another host makes a change."""
    found = []
    with ExitStack() as stack:
        database = stack.enter_context(quiet_database(server))
        folder = stack.enter_context(scratch())
        own = stack.enter_context(closing(open_host(database.url, folder / "own")))
        own.put(BUCKET, rules_of(1))
        for number in range(2, LEADERS_KILLED + 2):
            found.append(kill_leader(database.url, folder / f"{number}", own, number))
    return ["leader killed with a change at that moment", max(found), LEADER_AT_MOST]


def kill_leader(url: str, copy: Path, own: Any, number: int) -> float:
    # The first process of a host becomes its leader.
    with following(url, copy, "leader") as leader, following(url, copy, "other") as other:
        leader.process.kill()
        own.put(BUCKET, rules_of(number))
        begin = time.monotonic()
        return max(0.0, other.until(lambda found: found == number) - begin)


def after_promotion(server: PostgreSQL) -> Iterator[list[Any]]:
    """Promote a standby that lacks changes that were acknowledged, and then overtake it."""
    with followed(server) as (_, store, hosts), server.standby() as standby:
        store.put(BUCKET, rules_of(2))
        standby.wait_for(server)
        standby.stop_following()
        for number in range(3, 3 + LACKED):
            store.put(BUCKET, rules_of(number))
        until_all(hosts, number)
        server.stop()
        standby.stop()
        standby.start(server.port)
        begin = time.monotonic()
        standby.promote()
        seconds = max(0.0, until_all(hosts, 2) - begin)
        yield [f"standby promoted that lacks {LACKED} changes", seconds, BACK_AT_MOST]
        for number in range(100, 100 + 2 * LACKED):
            put_again(lambda number=number: store.put(BUCKET, rules_of(number)))
        begin = time.monotonic()
        yield ["the same, overtaken", until_all(hosts, number) - begin, BACK_AT_MOST]
        check_open(hosts)
        standby.stop()
        server.start()
