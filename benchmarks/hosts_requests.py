"""What requests do on a host that follows a server: nothing at the server, and as fast as ever."""

import random
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from itertools import cycle, repeat
from pathlib import Path
from typing import Any

from cases import (
    ORIGIN,
    PREFLIGHT,
    bare,
    bucket_name,
    fill,
    path_of,
    preflight,
    rule_set,
)
from following_host import open_host
from freshness import KINDS, connect_to_all, play, put, store_put
from report import AT_MOST, Table
from server_load import quiet_database
from serving import serving
from timing import least_seconds, requests, start_response

from flask_bucketcors import BucketCORSMiddleware, SQLiteStore, SQLStore
from tests.support.hosts.postgresql import postgresql

BUCKETS = 2_000
#: Requests of a kind: of one bucket, of each bucket once, and of buckets that nobody has.
REQUESTS = 2_000
RATES = (0, 10, 100)
WRITER = "writer"
#: How long a host is watched without requests.
IDLE_SECONDS = 2.0
HOT_AT_MOST = 1.05
HOT_CALLS, HOT_ROUNDS = 200, 300
ROUNDS = 625
WAIT_SECONDS = 30


def statements() -> dict[str, Table]:
    """Count the statements that a host sends for requests while others change rules.

    A host also follows. So a statement is one of a request if the host does not send it without
    requests, at the same rate of changes.
    """
    rows = []
    with postgresql() as server, server.database() as database, scratch() as folder:
        with closing(SQLStore(database.url)) as writer:
            fill(writer, ((bucket_name(n), rule_set(n)) for n in range(BUCKETS)))
        with closing(open_host(database.url, folder / "copy")) as store:
            middleware = BucketCORSMiddleware(bare, store=store)
            ask(middleware, [bucket_name(0)])
            names = iter(map(bucket_name, range(BUCKETS)))
            for rate in RATES:
                with changing(f"{database.url}?application_name={WRITER}", rate):
                    rows.append(count_statements(server, middleware, names, rate))
    columns = ["changes a second", "statements of requests", "requests", AT_MOST]
    return {"hosts-statements": Table(columns, rows)}


def count_statements(
    server: Any, middleware: BucketCORSMiddleware, names: Iterator[str], rate: int
) -> list[Any]:
    own = {"tests", WRITER}
    with server.statements() as idle:
        idle.own = own
        time.sleep(IDLE_SECONDS)
    usual = set(idle.texts())
    count = REQUESTS // len(RATES)
    with server.statements() as busy:
        busy.own = own
        for kind in (
            [bucket_name(0)] * count,
            [next(names) for _ in range(count)],
            [f"absent-{rate}-{number}" for number in range(count)],
        ):
            ask(middleware, kind)
    found = [text for text in busy.texts() if text not in usual]
    return [f"{rate}", len(found), 3 * count, 0]


def ask(middleware: BucketCORSMiddleware, buckets: Sequence[str]) -> None:
    for bucket in buckets:
        environ = {**preflight(), "PATH_INFO": path_of(bucket)}
        list(middleware(environ, start_response))


@contextmanager
def changing(url: str, rate: int) -> Iterator[None]:
    """Change random buckets from elsewhere, so many times a second."""
    over = threading.Event()

    def change() -> None:
        with closing(SQLStore(url)) as store:
            while not over.wait(1 / rate):
                number = random.randrange(BUCKETS)
                store.put(bucket_name(number), rule_set(number))

    thread = threading.Thread(target=change, daemon=True)
    if rate:
        thread.start()
    yield
    over.set()
    if rate:
        thread.join(WAIT_SECONDS)


def hot() -> dict[str, Table]:
    """Time preflights of one bucket on a host, and with a SQLite file, in turns."""
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        server = stack.enter_context(postgresql())
        database = stack.enter_context(quiet_database(server))
        file = stack.enter_context(closing(SQLiteStore(folder / "file")))
        host = stack.enter_context(closing(open_host(database.url, folder / "copy")))
        runs = {}
        for name, store in (("file", file), ("host", host)):
            fill(store, ((bucket_name(n), rule_set(n)) for n in range(BUCKETS)))
            app = BucketCORSMiddleware(bare, store=store)
            differences = repeat({"PATH_INFO": path_of(bucket_name(0)), "HTTP_ORIGIN": ORIGIN})
            runs[name] = requests(app, PREFLIGHT.environ, differences, HOT_CALLS)
        times = least_seconds(runs, HOT_ROUNDS)
    columns = ["time; SQLite alone = 1", "a host", AT_MOST]
    return {
        "hosts-hot": Table(columns, [["hot preflight", times["host"] / times["file"], HOT_AT_MOST]])
    }


def own_host() -> dict[str, Table]:
    """Count responses by outdated rules of the host that took a change, as `freshness.py` does."""
    rows = []
    with postgresql() as server:
        for kind in KINDS:
            with quiet_database(server) as database, scratch() as folder:
                rows.append(count_stale(kind, database.url, folder / "copy"))
    columns = ["responses of the own host after a change", "stale", "responses", "changes", AT_MOST]
    return {"hosts-own": Table(columns, rows)}


def count_stale(kind: str, url: str, copy: Path) -> list[Any]:
    responses = stale = 0
    with ExitStack() as stack:
        settings = {"workers": 4, **KINDS[kind]}
        server = stack.enter_context(serving("naming_workers", url, copy, **settings))
        store = stack.enter_context(closing(open_host(url, copy)))
        busy, asking = connect_to_all(server, stack)
        changes = cycle([*[partial(put, server)] * 2, *[partial(store_put, store)] * 2])
        for number, change in zip(range(1, ROUNDS // len(KINDS) + 1), changes, strict=False):
            found = play(number, change, busy, asking)
            responses, stale = responses + len(found), stale + found.count(False)
            busy, asking = asking, busy
    return [kind, stale, responses, number, 0]


@contextmanager
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        yield Path(folder)
