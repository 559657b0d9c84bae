"""Measure what writes and lists cost where no sync hides it: the databases are in memory (tmpfs).

- One change through ``put`` and through ``PUT ?cors``, compared with one INSERT.
- ``put_many`` over existing buckets, compared with the least code that keeps each replaced row in
  a history table.
- A page of ten names near the end of 100,000, and ten names with a prefix, compared with a SELECT
  that seeks.
- The last change and the history of a bucket whose 100 rules were replaced 49 times, compared with
  a SELECT of the same rows.
"""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from time import time
from typing import Any

from cases import MEMORY, bucket_name, build_store, own_rule_set, rule_set
from cold import connect, puts, seconds
from report import AT_MOST, Table, finish, parse_arguments
from timing import calls, least_seconds

from flask_bucketcors import RuleSet, SQLiteStore
from flask_bucketcors.stores.rows import format_rule_set

ROUNDS_OF_PUT_MANY = 8
OVERWRITING_AT_MOST = 1.3
# Of put and of PUT ?cors; benchmarks/README.md says what they do.
IN_MEMORY_AT_MOST = (7.0, 16.0)
PAGE = 10
CALLS = 3
LIST_AT_MOST = 3.0
CHANGES = 50

COLUMNS = "bucket TEXT, document TEXT, revision INTEGER, time REAL, author TEXT"
PRESENT = f"CREATE TABLE present ({COLUMNS}, PRIMARY KEY (bucket))"
HISTORY = f"CREATE TABLE history ({COLUMNS}, PRIMARY KEY (bucket, revision)) WITHOUT ROWID"
KEEP = "INSERT INTO history SELECT * FROM present WHERE bucket = ?"
REPLACE = "INSERT OR REPLACE INTO present VALUES (?, ?, ?, ?, ?)"
AFTER = "SELECT bucket FROM bucketcors_rules WHERE bucket > ? ORDER BY bucket LIMIT ?"
BETWEEN = "SELECT bucket FROM bucketcors_rules WHERE bucket >= ? AND bucket < ? ORDER BY bucket"
LAST = "SELECT revision, time, author FROM bucketcors_rules WHERE bucket = ?"
ALL_CHANGES = (
    "SELECT revision, time, author, document FROM bucketcors_history WHERE bucket = ? "
    "ORDER BY revision DESC"
)


def main() -> None:
    options = parse_arguments(__doc__, changes=2_000, replaced=20_000, buckets=100_000, rounds=100)
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=MEMORY) as name:
        folder = Path(name)
        rows = [
            *puts(folder, options.changes, IN_MEMORY_AT_MOST, pick=min),
            overwriting(folder, options.replaced),
            *lists(folder, options.buckets, options.rounds),
            *changes_of_one(folder, options.rounds),
        ]
    table = Table(["in memory", "flask_bucketcors", AT_MOST], rows)
    finish({"writes-in-memory": table}, save=options.save)


def overwriting(folder: Path, count: int) -> list[Any]:
    """Replace the rules of all buckets again and again, in two databases that take turns."""
    least = {"ours": float("inf"), "bare": float("inf")}
    buckets = list(map(bucket_name, range(count)))
    with (
        closing(SQLiteStore(folder / "replaced.sqlite")) as store,
        closing(connect(folder / "bare.sqlite")) as connection,
    ):
        connection.execute(PRESENT)
        connection.execute(HISTORY)
        for turn in range(ROUNDS_OF_PUT_MANY):
            pairs = [(bucket, rule_set(turn + n)) for n, bucket in enumerate(buckets)]
            bare = seconds(partial(replace_many, connection, turn, pairs))
            ours = seconds(partial(store.put_many, pairs))
            # In the first turn, there is nothing to replace.
            if turn > 0:
                least = {"ours": min(least["ours"], ours), "bare": min(least["bare"], bare)}
    name = f"put_many over {count:,} buckets; the least code with a history = 1"
    return [name, least["ours"] / least["bare"], OVERWRITING_AT_MOST]


def replace_many(
    connection: sqlite3.Connection, turn: int, pairs: Sequence[tuple[str, RuleSet]]
) -> None:
    now = time()
    rows = ((bucket, format_rule_set(rules), turn, now, None) for bucket, rules in pairs)
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(KEEP, ((bucket,) for bucket, _ in pairs))
    connection.executemany(REPLACE, rows)
    connection.execute("COMMIT")


def lists(folder: Path, buckets: int, rounds: int) -> Iterator[list[Any]]:
    path = folder / "many.sqlite"
    last, prefix = bucket_name(buckets - PAGE - 1), bucket_name(buckets // 2)[:-1]
    with closing(build_store(path, buckets)) as store:
        for name, ours, statement, parameters in (
            (
                "a page at the far end",
                partial(store.list, after=last, limit=PAGE),
                AFTER,
                (last, PAGE),
            ),
            ("a prefix", partial(store.list, prefix), BETWEEN, (prefix, f"{prefix}:")),
        ):
            figure = against_select(path, ours, statement, parameters, rounds)
            yield [f"{name} of {buckets:,} buckets; SELECT = 1", figure, LIST_AT_MOST]


def changes_of_one(folder: Path, rounds: int) -> Iterator[list[Any]]:
    path, bucket = folder / "changed.sqlite", bucket_name(0)
    with closing(SQLiteStore(path)) as store:
        for number in range(CHANGES):
            rules = RuleSet([own_rule_set(number + n).rules[0] for n in range(100)])
            store.put(bucket, rules)
        for name, ours, statement in (
            ("the last change", lambda: store.last_change(bucket), LAST),
            ("the history", lambda: store.history(bucket), ALL_CHANGES),
        ):
            figure = against_select(path, ours, statement, (bucket,), rounds)
            yield [f"{name} of {CHANGES}; SELECT = 1", figure, None]


def against_select(
    path: Path,
    ours: Callable[[], object],
    statement: str,
    parameters: tuple[Any, ...],
    rounds: int,
) -> float:
    with closing(sqlite3.connect(path)) as connection:
        found = partial(select_all, connection, statement, parameters)
        times = least_seconds({"ours": calls(ours, CALLS), "bare": calls(found, CALLS)}, rounds)
    return times["ours"] / times["bare"]


def select_all(
    connection: sqlite3.Connection, statement: str, parameters: tuple[Any, ...]
) -> object:
    return connection.execute(statement, parameters).fetchall()


if __name__ == "__main__":
    main()
