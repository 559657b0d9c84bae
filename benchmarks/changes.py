"""Measure what a change of one bucket's rules costs the requests of other buckets.

- **In one process**, one bucket is changed. The first request after that notices the change, and
  the next ones are for buckets that were not requested since. The unit is the same after a change
  in another database, because every write displaces something from the CPU's caches; for the first
  request it is a SELECT of one row by another connection, after a change too.
- **Under gunicorn**, wrk loads a server beside a process that changes buckets, in the server's
  database and in another one in turns. The median of all rounds counts. In the first two rows, wrk
  requests none of the changed buckets; in the last one, the rules of each have to be read again.

The databases are in memory (tmpfs), because disks do not take 1,000 changes a second.
"""

import sqlite3
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from cases import (
    ACTUAL,
    MEMORY,
    bare,
    bucket_name,
    build_store,
    path_of,
    rule_set,
)
from cold import SELECT, seconds
from end_to_end import ASKED_BUCKETS, KINDS, OURS, WriterTooSlow, speed, writing
from report import AT_LEAST, AT_MOST, Table, finish, parse_arguments
from served import BUCKETS
from serving import serving
from timing import call_all, no_collector

from flask_bucketcors import BucketCORSMiddleware, SQLiteStore

# Buckets that are requested once after the first one. None of them is changed.
NEXT = 20
NEXT_AT_MOST = 1.1
FIRST_AT_MOST = 5.0
SAME, OTHER = "same", "other"
# What is changed, how often in a second, and the least throughput.
OTHERS, REQUESTED = range(ASKED_BUCKETS, BUCKETS), range(ASKED_BUCKETS)
CHANGES: list[tuple[str, range, int, float | None]] = [
    ("others than requested", OTHERS, 100, 0.97),
    ("others than requested", OTHERS, 1_000, 0.9),
    ("the requested ones", REQUESTED, 1_000, None),
]


def main() -> None:
    options = parse_arguments(__doc__, changes=1_000, rounds=20, seconds=2)
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=MEMORY) as folder:
        databases = {which: Path(folder, f"{which}.sqlite") for which in (SAME, OTHER)}
        for path in databases.values():
            build_store(path, BUCKETS).close()
        requests = list(in_process(databases, options.changes))
        speeds = [
            beside_changes(databases, *each, options.rounds, options.seconds) for each in CHANGES
        ]
    name = "requests a second, gthread worker with 4 threads; changes in another database = 1"
    tables = {
        "after-a-change": Table(["after a change", "flask_bucketcors", AT_MOST], requests),
        "beside-changes": Table([name, "flask_bucketcors", AT_LEAST], speeds),
    }
    finish(tables, save=options.save)


def in_process(databases: dict[str, Path], changes: int) -> Iterator[list[Any]]:
    """Rows of a table: the requests after a change."""
    with ExitStack() as stack:
        stores = {
            which: stack.enter_context(closing(SQLiteStore(path)))
            for which, path in databases.items()
        }
        connection = stack.enter_context(closing(sqlite3.connect(databases[SAME])))
        times = least_after_changes(stores, connection, changes)
    cost = {which: times["next", which] - times["bare", which] for which in databases}
    name = "the next request of another bucket; after a change in another database = 1"
    yield [name, cost[SAME] / cost[OTHER], NEXT_AT_MOST]
    first = times["first", SAME] / times["row", SAME]
    yield ["the first request of a process; SELECT of a row = 1", first, FIRST_AT_MOST]


def least_after_changes(
    stores: dict[str, SQLiteStore], connection: sqlite3.Connection, changes: int
) -> dict[tuple[str, str], float]:
    """Make changes in both databases in turns. Return the least seconds of what comes then."""
    app = BucketCORSMiddleware(bare, store=stores[SAME])
    environ, (changed, *others) = ACTUAL.environ, map(bucket_name, range(2 + NEXT))
    first, *following = ({"PATH_INFO": path_of(bucket)} for bucket in others)
    least: dict[tuple[str, str], float] = defaultdict(lambda: float("inf"))
    with no_collector():
        for number, which in product(range(changes), stores):
            # So that all are in memory.
            call_all(app, environ, [first, *following])
            stores[which].put(changed, rule_set(number))
            found = {
                # In turns, because either is the first to notice the change.
                "row": seconds(partial(row, connection, changed)) if number % 2 else float("inf"),
                "first": call_all(app, environ, [first]),
                "next": call_all(app, environ, following) / NEXT,
                "bare": call_all(bare, environ, following) / NEXT,
            }
            for what, time in found.items():
                least[what, which] = min(least[what, which], time)
    return least


def row(connection: sqlite3.Connection, bucket: str) -> object:
    return connection.execute(SELECT, (bucket,)).fetchone()


def beside_changes(
    databases: dict[str, Path],
    which_buckets: str,
    buckets: range,
    per_second: int,
    at_least: float | None,
    rounds: int,
    seconds: int,
) -> list[Any]:
    """A row of a table: the throughput beside so many changes a second."""
    ratios = []
    with serving(OURS, databases[SAME], **KINDS["gthread worker, 4 threads"]) as server:
        for _ in range(rounds):
            speeds = {}
            # A busy machine may not make so many changes. Such a round does not count.
            with suppress(WriterTooSlow):
                for which, path in databases.items():
                    with writing(path, per_second, buckets=buckets):
                        speeds[which] = speed(server, seconds)
                ratios.append(speeds[SAME] / speeds[OTHER])
    name = f"{per_second:,} changes a second of {which_buckets}, rounds: {len(ratios)}"
    figure = statistics.median(ratios) if ratios else None
    return [name, figure, at_least]


if __name__ == "__main__":
    main()
