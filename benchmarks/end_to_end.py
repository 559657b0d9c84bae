"""Measure a Flask application under gunicorn and wrk: bare, with this package, and with others.

One of the others is the least code that could do the job. Its cost is mostly gunicorn's work for
four more headers.

**Throughput.** All servers run, and wrk loads them in turns, for a second each. A round compares
each server with the bare one just before and just after it. The median of all rounds counts.

**Latency.** wrk loads the server with this package while another process changes rules 50 times
a second. It loads the bare server under the same writes, to a database that the server does not
read, because a busy disk and CPU delay that server too.

Run nothing else meanwhile: gunicorn and wrk need a CPU each.
"""

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from cases import bucket_name, build_store, rule_set
from report import AT_LEAST, AT_MOST, Table, finish, parse_arguments
from served import BUCKETS
from serving import Server, serving, wrk

from flask_bucketcors import SQLiteStore

BARE, OURS = "plain", "with_bucketcors"
LOADED = {
    OURS: "flask_bucketcors",
    "with_least_code": "least code",
    "with_flask_cors": "flask-cors",
}
KINDS = {
    "sync worker": {"worker_class": "sync", "workers": 1},
    "gthread worker, 4 threads": {"worker_class": "gthread", "workers": 1, "threads": 4},
}
THROUGHPUT_AT_LEAST = 0.95
TAIL_AT_MOST = 10.0
CHANGES_PER_SECOND = 50
# The buckets that wrk requests. Each change is of one of them.
ASKED_BUCKETS = 100
START_SECONDS = 30


def main() -> None:
    options = parse_arguments(__doc__, rounds=30, seconds=1, tail_seconds=20)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        database = Path(folder, "rules.sqlite")
        build_store(database, BUCKETS).close()
        speeds = [throughput(kind, database, options.rounds, options.seconds) for kind in KINDS]
        tails = list(tail_rows(database, options.tail_seconds))
    columns = ["requests a second; bare Flask = 1", *LOADED.values(), AT_LEAST]
    tables = {
        "end-to-end": Table(columns, speeds),
        "tail": Table(["99.9th percentile of latency; the median = 1", "ratio", AT_MOST], tails),
    }
    finish(tables, save=options.save)


def throughput(kind: str, database: Path, rounds: int, seconds: int) -> list[Any]:
    with ExitStack() as stack:
        servers = {
            app: stack.enter_context(serving(app, database, **KINDS[kind]))
            for app in (BARE, *LOADED)
        }
        ratios: dict[str, list[float]] = {app: [] for app in LOADED}
        before = speed(servers[BARE], seconds)
        for _ in range(rounds):
            for app, found in ratios.items():
                measured, after = speed(servers[app], seconds), speed(servers[BARE], seconds)
                found.append(2 * measured / (before + after))
                before = after
    return [kind, *(statistics.median(each) for each in ratios.values()), THROUGHPUT_AT_LEAST]


def speed(server: Server, seconds: int) -> float:
    return wrk(server, seconds)["per_second"]


def tail_rows(database: Path, seconds: int) -> Iterator[list[Any]]:
    kind = "gthread worker, 4 threads"
    for app, name, limit in ((OURS, "flask_bucketcors", TAIL_AT_MOST), (BARE, "bare Flask", None)):
        with serving(app, database, **KINDS[kind]) as server:
            yield [f"{name}, no changes", tail(server, seconds), limit]
            with writing(database):
                name = f"{name}, {CHANGES_PER_SECOND} changes a second"
                yield [name, tail(server, seconds), limit]


def tail(server: Server, seconds: int) -> float:
    result = wrk(server, seconds)
    return result["p999"] / result["median"]


class WriterTooSlow(RuntimeError):
    """The process that changes rules was more than a second late."""


@contextmanager
def writing(
    database: Path, per_second: int = CHANGES_PER_SECOND, *, buckets: range = range(ASKED_BUCKETS)
) -> Iterator[None]:
    """Change rules in another process.

    :param buckets: the numbers of the buckets that it changes in turn.
    :raises WriterTooSlow: if that process cannot make the changes in time.
    """
    context = multiprocessing.get_context("spawn")
    begun, stop, late = context.Event(), context.Event(), context.Event()
    arguments = (database, per_second, buckets, begun, stop, late)
    process = context.Process(target=write_rules, args=arguments)
    process.start()
    try:
        if not begun.wait(START_SECONDS):
            raise RuntimeError("the writer did not start")
        yield
    finally:
        stop.set()
        process.join(START_SECONDS)
        process.kill()
    if late.is_set():
        raise WriterTooSlow(f"the writer could not make {per_second} changes a second")


def write_rules(
    database: Path, per_second: int, buckets: range, begun: Any, stop: Any, late: Any
) -> None:
    """Change rules at a steady rate until ``stop`` is set."""
    store, pause = SQLiteStore(database), 1 / per_second
    begin, number = time.monotonic(), 0
    while not stop.is_set():
        store.put(bucket_name(buckets[number % len(buckets)]), rule_set(number))
        begun.set()
        number += 1
        behind = time.monotonic() - begin - number * pause
        if behind > 1:
            late.set()
        time.sleep(max(0, -behind))
    store.close()


if __name__ == "__main__":
    main()
