"""What each step costs a server and a host: the assumptions of `hosts_model.py`."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psycopg
from cases import bucket_name, own_rule_set
from following_host import open_host, rules_of
from hosts_requests import scratch
from report import Table
from server_load import cpu_of, cpu_seconds, quiet_database

from flask_bucketcors import SQLStore
from flask_bucketcors.stores.sql.feed import Feed
from tests.support.hosts.postgresql import PostgreSQL, postgresql
from tests.support.hosts.server import Database

BUCKETS = 50_000
CONNECTIONS, REPEATS, LISTENERS = 20, 300, 100
#: Buckets of one change that a catch-up brings.
ROWS = 1_000
#: Time in which a server does what a notification is followed by.
SETTLE_SECONDS = 0.5
CHANNEL = "benchmark"


def costs() -> dict[str, Table]:
    """Measure each step alone, on a PostgreSQL server that waits for its disk."""
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        server = stack.enter_context(postgresql(durable=True))
        database = stack.enter_context(quiet_database(server))
        store = stack.enter_context(closing(SQLStore(database.url)))
        pairs = [(bucket_name(number), own_rule_set(number)) for number in range(BUCKETS)]
        store.put_many(pairs)
        rows = [
            *connecting(server, store),
            *catching_up(server, store, pairs[:ROWS]),
            *putting(server, store),
            *copying(server, database, store, folder),
            *notifying(server, database),
        ]
    return {"hosts-costs": Table(["each step", "measured"], rows)}


def connecting(server: PostgreSQL, store: SQLStore) -> Iterator[list[Any]]:
    with ExitStack() as stack:
        feeds = [stack.enter_context(closing(store.open_feed())) for _ in range(CONNECTIONS)]
        connects = iter(feeds)
        spent = each_ms(server, lambda: next(connects).listen(), CONNECTIONS)
    yield ["server CPU, connect and LISTEN, ms", spent]


def catching_up(server: PostgreSQL, store: SQLStore, pairs: list[Any]) -> Iterator[list[Any]]:
    with closing(store.open_feed()) as feed:
        known = take(feed, None)
        nothing = each_ms(server, lambda: take(feed, known), REPEATS)
        yield ["server CPU, catch-up without a change, ms", nothing]
        store.put_many(pairs)
        rows = each_ms(server, lambda: take(feed, known), CONNECTIONS) - nothing
        yield ["server CPU, each row of a catch-up, µs", 1e3 * rows / len(pairs)]


def putting(server: PostgreSQL, store: SQLStore) -> Iterator[list[Any]]:
    yield [
        "server CPU, put, ms",
        each_ms(server, lambda: store.put("own", rules_of(1)), REPEATS),
    ]


def copying(
    server: PostgreSQL, database: Database, store: SQLStore, folder: Path
) -> Iterator[list[Any]]:
    with closing(store.open_feed()) as feed:
        spent = each_ms(server, lambda: take(feed, None), 3)
        yield ["server CPU, each row of a whole copy, µs", 1e3 * spent / BUCKETS]
        with feed.since(None) as batch:
            size = sum(len(row.bucket) + len(row.document or "") for row in batch.rows)
    # Five more values, and the lengths of all.
    yield ["bytes, each row of a whole copy", size / BUCKETS + 5 * 8 + 7 * 4]
    begin = time.process_time()
    with closing(open_host(database.url, folder / "copy")) as host:
        host.put("own", rules_of(1))
        copied = time.process_time() - begin
        yield ["host, each row of a whole copy, µs", 1e6 * copied / BUCKETS]
        begin = time.process_time()
        for number in range(2, REPEATS + 2):
            host.put("own", rules_of(number))
        both = time.process_time() - begin
    begin = time.process_time()
    for number in range(2, REPEATS + 2):
        store.put("own", rules_of(number))
    yield [
        "host, a change into the copy, ms",
        1e3 * (both - (time.process_time() - begin)) / REPEATS,
    ]


def notifying(server: PostgreSQL, database: Database) -> Iterator[list[Any]]:
    url = database.url.replace("+psycopg", "")
    with ExitStack() as stack:

        def connect() -> psycopg.Connection[Any]:
            return stack.enter_context(closing(psycopg.connect(url, autocommit=True)))

        writer = connect()
        pid = writer.info.backend_pid
        alone = each_ms(server, lambda: writer.execute(f"NOTIFY {CHANNEL}"), CONNECTIONS)
        for _ in range(LISTENERS):
            connect().execute(f"LISTEN {CHANNEL}")
        before = cpu_of(pid)
        together = each_ms(server, lambda: notify(writer), CONNECTIONS)
        own = 1e3 * (cpu_of(pid) - before) / CONNECTIONS
    yield ["server CPU, NOTIFY, each listener, µs", 1e3 * max(0.0, own - alone) / LISTENERS]
    yield ["server CPU, a listener that is notified, µs", 1e3 * (together - own) / LISTENERS]


def notify(writer: psycopg.Connection[Any]) -> None:
    writer.execute(f"NOTIFY {CHANNEL}")
    # Otherwise listeners find several notifications at once.
    time.sleep(SETTLE_SECONDS / 10)


def take(feed: Feed, known: Any) -> Any:
    """Read all rows since a position, and return the new one."""
    with feed.since(known) as batch:
        for _ in batch.rows:
            pass
    return batch.position


def each_ms(server: PostgreSQL, act: Callable[[], object], times: int) -> float:
    """The milliseconds of the server's CPUs for one of many calls."""
    before = cpu_seconds(server)
    for _ in range(times):
        act()
    time.sleep(SETTLE_SECONDS)
    return 1e3 * (cpu_seconds(server) - before) / times
