"""Measure first requests, many buckets, and writes.

- The first request for a bucket, compared with a SELECT of its row and ``json.loads``.
- Requests among 1,000,000 buckets, compared with requests among 1,000.
- ``put_many``, compared with ``executemany`` of the same rows, both durable.
- One change of rules, compared with one INSERT, both durable: WAL and ``synchronous=FULL``, one
  transaction each. They take turns on the disk of the temporary folder, and the medians count.

The store with 1,000,000 buckets takes a minute to build and half a gigabyte of disk.
"""

import io
import json
import sqlite3
import statistics
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter
from typing import Any
from wsgiref.types import WSGIApplication

from cases import (
    ACTUAL,
    ENVIRON,
    PREFLIGHT,
    Case,
    bare,
    bucket_name,
    build_store,
    document_of,
    fill,
    own_rule_set,
    path_of,
    rule_set,
    shuffled,
)
from report import AT_MOST, Table, finish, parse_arguments
from timing import Run, least_seconds, start_response, write

from flask_bucketcors import BucketCORSMiddleware, RulesAPI, RuleSet, SQLiteStore

COLD_CALLS = 10
AMONG_CALLS = 100
COLD_AT_MOST = 3.5
FEW = 1_000
MANY_AT_MOST = 1.5
PUT_MANY_ROUNDS = 5
PUT_MANY_AT_MOST = 3.7
# Of put and of PUT ?cors.
ON_DISK_AT_MOST = (1.5, 2.2)

CREATE = "CREATE TABLE rules (bucket TEXT PRIMARY KEY NOT NULL, document TEXT NOT NULL)"
INSERT = "INSERT INTO rules VALUES (?, ?)"
SELECT = "SELECT document FROM bucketcors_rules WHERE bucket = ?"

DOCUMENT = (
    b"<CORSConfiguration><CORSRule><AllowedOrigin>https://www.example.com</AllowedOrigin>"
    b"<AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>"
    b"<AllowedHeader>*</AllowedHeader><ExposeHeader>ETag</ExposeHeader>"
    b"<MaxAgeSeconds>600</MaxAgeSeconds></CORSRule></CORSConfiguration>"
)


def main() -> None:
    options = parse_arguments(__doc__, buckets=1_000_000, cached=100_000, changes=500, rounds=100)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        rows = [
            *first_requests(folder, options.rounds),
            *among_many(folder, options.buckets, options.rounds),
            put_many(folder, options.cached // PUT_MANY_ROUNDS),
            *puts(folder, options.changes),
        ]
    columns = ["flask_bucketcors", AT_MOST]
    finish({"cold": Table(["ratios", *columns], rows)}, save=options.save)


def first_requests(folder: Path, rounds: int) -> Iterator[list[Any]]:
    """Time requests for buckets that are not in memory. The last of the rules decides."""
    for rules in (1, 100):
        path = folder / f"first-{rules}.sqlite"
        buckets = list(map(bucket_name, range(rounds * COLD_CALLS)))
        with closing(SQLiteStore(path)) as store:
            fill(store, zip(buckets, rule_sets(rules, len(buckets)), strict=True))
        for case in (ACTUAL, PREFLIGHT):
            times = time_first(path, case, buckets, rounds)
            name = f"first {case.name}, rules: {rules}; SELECT and json.loads = 1"
            yield [name, times["ours"] / times["bare"], COLD_AT_MOST]


def rule_sets(rules: int, buckets: int) -> Iterator[RuleSet]:
    """Rule sets of ``rules`` rules. The last rule is that of the other measurements."""
    others = [own_rule_set(each).rules[0] for each in range(rules - 1)]
    return (RuleSet([*others, rule_set(number).rules[0]]) for number in range(buckets))


def time_first(path: Path, case: Case, buckets: list[str], rounds: int) -> dict[str, float]:
    with closing(SQLiteStore(path)) as store, closing(sqlite3.connect(path)) as connection:
        middleware = BucketCORSMiddleware(bare, store=store)
        runs = {
            "ours": once_each(request(middleware, case), buckets, COLD_CALLS),
            "bare": once_each(partial(select, connection), buckets, COLD_CALLS),
        }
        return least_seconds(runs, rounds)


def once_each(ask: Callable[[str], object], buckets: Iterable[str], calls: int) -> Run:
    """Rounds of requests, each for a bucket that was not requested before."""
    source = iter(buckets)

    def run() -> float:
        chunk = list(islice(source, calls))
        begin = perf_counter()
        for bucket in chunk:
            ask(bucket)
        return (perf_counter() - begin) / calls

    return run


def request(app: WSGIApplication, case: Case) -> Callable[[str], object]:
    def ask(bucket: str) -> object:
        return app({**case.environ, "PATH_INFO": path_of(bucket)}, start_response)

    return ask


def select(connection: sqlite3.Connection, bucket: str) -> object:
    return json.loads(connection.execute(SELECT, (bucket,)).fetchone()[0])


def among_many(folder: Path, buckets: int, rounds: int) -> Iterator[list[Any]]:
    """Time requests in a store of many buckets and in one of few."""
    with ExitStack() as stack:
        runs: dict[tuple[str, int], Run] = {}
        for count in (FEW, buckets):
            store = build_store(folder / f"among-{count}.sqlite", count)
            stack.enter_context(closing(store))
            order = list(map(bucket_name, shuffled(count)))
            runs["from the store", count] = once_each(not_cached(store), cycle(order), AMONG_CALLS)
            runs["from memory", count] = once_each(cached(store), cycle(order[:FEW]), AMONG_CALLS)
        # So that the few buckets are in memory.
        for run in runs.values():
            for _ in range(FEW // AMONG_CALLS):
                run()
        times = least_seconds(runs, rounds)
    for kind in ("from the store", "from memory"):
        name = f"request served {kind}, {buckets:,} buckets; {FEW:,} buckets = 1"
        yield [name, times[kind, buckets] / times[kind, FEW], MANY_AT_MOST]


def cached(store: SQLiteStore) -> Callable[[str], object]:
    return request(BucketCORSMiddleware(bare, store=store), ACTUAL)


def not_cached(store: SQLiteStore) -> Callable[[str], object]:
    # Only one bucket is kept, so each request reads another one from the store.
    return request(BucketCORSMiddleware(bare, store=store, cached_buckets=1), ACTUAL)


def put_many(folder: Path, count: int) -> list[Any]:
    with (
        closing(SQLiteStore(folder / "put-many.sqlite")) as store,
        closing(connect(folder / "executemany.sqlite")) as connection,
    ):
        times: dict[str, list[float]] = {"ours": [], "bare": []}
        for turn in range(PUT_MANY_ROUNDS):
            numbers = range(turn * count, (turn + 1) * count)
            pairs = [(bucket_name(number), rule_set(number)) for number in numbers]
            rows = [(bucket, document_of(rules)) for bucket, rules in pairs]
            times["bare"].append(seconds(partial(insert_many, connection, rows)))
            times["ours"].append(seconds(partial(store.put_many, pairs)))
    name = f"put_many of {count:,} rule sets; executemany of the same rows = 1"
    return [name, min(times["ours"]) / min(times["bare"]), PUT_MANY_AT_MOST]


def insert_many(connection: sqlite3.Connection, rows: Sequence[tuple[str, str]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(INSERT, rows)
    connection.execute("COMMIT")


def puts(
    folder: Path,
    changes: int,
    at_most: tuple[float, float] = ON_DISK_AT_MOST,
    pick: Callable[[list[float]], float] = statistics.median,
) -> Iterator[list[Any]]:
    """Time writes for new buckets, in three databases that take turns.

    :param at_most: the limits of put and of PUT ?cors.
    :param pick: the time that counts. The least times on a disk are of writes that it only cached.
    """
    with (
        closing(SQLiteStore(folder / "put.sqlite")) as store,
        closing(SQLiteStore(folder / "rules-call.sqlite")) as called_store,
        closing(connect(folder / "insert.sqlite")) as connection,
    ):
        api = RulesAPI(called_store, authorize=lambda call: True)
        middleware = BucketCORSMiddleware(bare, store=called_store, api=api)
        times: dict[str, list[float]] = {"bare": [], "put": [], "call": []}
        for number in range(changes):
            bucket, rules = bucket_name(number), rule_set(number)
            row = (bucket, document_of(rules))
            times["bare"].append(seconds(partial(connection.execute, INSERT, row)))
            times["put"].append(seconds(partial(store.put, bucket, rules)))
            times["call"].append(seconds(partial(call_put, middleware, bucket)))
    picked = {name: pick(each) for name, each in times.items()}
    names = (("store.put", "put"), ("PUT ?cors", "call"))
    for (name, key), limit in zip(names, at_most, strict=True):
        yield [f"{name}; INSERT = 1", picked[key] / picked["bare"], limit]


def call_put(app: WSGIApplication, bucket: str) -> None:
    """Send ``PUT ?cors`` to an application in this process."""
    environ = {
        **ENVIRON,
        "REQUEST_METHOD": "PUT",
        "QUERY_STRING": "cors",
        "PATH_INFO": f"/{bucket}",
        "CONTENT_LENGTH": str(len(DOCUMENT)),
        "wsgi.input": io.BytesIO(DOCUMENT),
    }
    list(app(environ, expect_200))


def expect_200(
    status: str, headers: list[tuple[str, str]], exc_info: Any = None
) -> Callable[[bytes], object]:
    if status != "200 OK":
        raise RuntimeError(f"the rules were not put: {status}")
    return write


def connect(path: Path) -> sqlite3.Connection:
    """Open a database with one table, as durable as the store's."""
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", CREATE):
        connection.execute(statement)
    return connection


def seconds(function: Callable[[], object]) -> float:
    begin = perf_counter()
    function()
    return perf_counter() - begin


if __name__ == "__main__":
    main()
