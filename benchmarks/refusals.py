"""Measure what counting refused preflights adds to a request, and what a write of the counts takes.

Both middlewares have the same store and take turns. A round is as many requests as are counted
several times, so the figures hold that as well.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count, islice
from pathlib import Path
from wsgiref.types import WSGIApplication

from cases import ORIGIN, actual, bare, preflight
from report import markdown
from timing import Environ, Run, least_seconds, requests

from flask_bucketcors import BucketCORSMiddleware, Rule, RuleSet, SQLiteStore
from flask_bucketcors.refused_lately.refusal_counter import MOST_PENDING
from flask_bucketcors.refused_lately.refusal_table import LATEST, MAX_ROWS, MOST_OFTEN, RefusalTable
from flask_bucketcors.refused_lately.tally import MAX_KEYS, Count, Tally

ROUNDS = 500
WRITES = 20
# So that those that a full table holds have as many rows each as there may be.
BUCKETS = MAX_ROWS // (MOST_OFTEN + LATEST)
MICROSECONDS, MILLISECONDS = 1e6, 1e3
#: The most microseconds that a refused preflight may take longer.
AT_MOST = 1.0
RULES = RuleSet([Rule([ORIGIN], ["GET"])])


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        with closing(SQLiteStore(Path(folder, "rules.sqlite"))) as store:
            store.put("bucket", RULES)
            added = measure_requests(store)
        writes = measure_writes(Path(folder, "refused.sqlite"))
    print(markdown(["microseconds that counting adds to a request", "now"], list(added.items())))
    print(markdown(["milliseconds of a write", "now"], list(writes.items())))
    return 1 if max(added.values()) > AT_MOST else 0


def measure_requests(store: SQLiteStore) -> dict[str, float]:
    """Give the microseconds that counting adds, by case."""
    sides: dict[str, WSGIApplication] = {
        "off": BucketCORSMiddleware(bare, store=store),
        "on": BucketCORSMiddleware(bare, store=store, refusals=True),
    }
    runs = {(case, side): run for side, app in sides.items() for case, run in cases(app).items()}
    seconds = least_seconds(runs, ROUNDS)
    return {
        case: (seconds[case, "on"] - seconds[case, "off"]) * MICROSECONDS
        for case, side in runs
        if side == "on"
    }


def cases(app: WSGIApplication) -> dict[str, Run]:
    allowed = {**preflight(), "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET"}
    del allowed["HTTP_ACCESS_CONTROL_REQUEST_HEADERS"]
    return {
        "refused, the same origin": rounds(app, allowed, same_origins()),
        "refused, another origin each time": rounds(app, allowed, other_origins()),
        "refused, the method": rounds(app, preflight(), own_origins()),
        "allowed": rounds(app, allowed, own_origins()),
        "actual request": rounds(app, actual(), own_origins()),
    }


def rounds(app: WSGIApplication, environ: Environ, differences: Iterator[Environ]) -> Run:
    return requests(app, environ, differences, 4 * MOST_PENDING)


def same_origins() -> Iterator[Environ]:
    while True:
        yield {"HTTP_ORIGIN": "".join(["https://", "other.example"])}


def other_origins() -> Iterator[Environ]:
    for number in count():
        yield {"HTTP_ORIGIN": f"https://other{number}.example"}


def own_origins() -> Iterator[Environ]:
    while True:
        yield {"HTTP_ORIGIN": "".join(list(ORIGIN))}


def measure_writes(path: Path) -> dict[str, float]:
    """Give the milliseconds of a write, by how many rows it adds."""
    table, numbers = RefusalTable(path), count()
    found = {f"{rows} rows": write(table, numbers, rows) for rows in (10, 100, MAX_KEYS)}
    write(table, numbers, MAX_KEYS, times=MAX_ROWS // MAX_KEYS)
    found[f"{MAX_KEYS} rows into a full table"] = write(table, numbers, MAX_KEYS)
    return found


def write(table: RefusalTable, numbers: Iterator[int], rows: int, *, times: int = WRITES) -> float:
    """Give the least milliseconds of a write of rows that are not there yet."""
    least = float("inf")
    for _ in range(times):
        tally, now = Tally(), time.time()
        for number in islice(numbers, rows):
            key = (f"bucket-{number % BUCKETS}", f"https://{number}.example", "GET", "origin")
            tally.by_key[key] = Count(1, now, now)
        begin = time.perf_counter()
        table.add(tally, seconds=1)
        least = min(least, time.perf_counter() - begin)
    return least * MILLISECONDS


if __name__ == "__main__":
    sys.exit(main())
