"""Count responses by outdated rules, and measure what it costs to avoid them.

There are 10,000 rounds under gunicorn with 4 workers of 4 threads each, and as many with 4
gevent workers. In each round:

1. Preflights are on their way to all workers.
2. The rules change, in turns through ``?cors`` on a new connection and through a store in this
   process.
3. As soon as the change is acknowledged, new preflights go to all workers, on other connections.
   A response to one of them is stale if it is by any other rules.

The cost is what each request does to stay fresh: it reads the shared number and the clock. The
unit is the time of the bare function.
"""

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from itertools import chain, cycle, repeat
from pathlib import Path
from socket import create_connection, socket
from typing import Any

from cases import ACTUAL, bare
from report import AT_MOST, Table, finish, parse_arguments
from served import WORKER
from serving import Server, serving
from timing import calls, least_seconds, requests

from flask_bucketcors import Rule, RuleSet, SQLiteStore
from flask_bucketcors.stores.contract import Signal

BUCKET = "bucket"
# The rules allow one of them in turn, so a response by the previous rules is always different.
ORIGINS = ("https://even.example", "https://odd.example")
WORKERS = 4
# Connections to each worker. Half of them send requests while rules change.
EACH = 4
KINDS: dict[str, dict[str, Any]] = {
    "gunicorn, 4 workers of 4 threads": {"worker_class": "gthread", "threads": 4},
    "gunicorn, 4 workers with gevent": {"worker_class": "gevent"},
}
COST_AT_MOST = 0.5
CALLS = 200
COST_ROUNDS = 500

# Limits that hold on a busy machine too.
RESPONSE_SECONDS = 30
SERVER_SECONDS = 1_200


def main() -> None:
    options = parse_arguments(__doc__, rounds=10_000)
    rows = [count_stale(kind, options.rounds) for kind in KINDS]
    tables = {
        "freshness": Table(
            ["responses after a change", "stale", "responses", "changes", AT_MOST], rows
        ),
        "freshness-cost": Table(["the bare function = 1", "freshness", AT_MOST], cost()),
    }
    finish(tables, save=options.save)


def count_stale(kind: str, rounds: int) -> list[Any]:
    """Change rules again and again. Return the row of a table."""
    deadline = time.monotonic() + SERVER_SECONDS
    responses = stale = 0
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-"))
        database = Path(folder, "rules.sqlite")
        settings = {"workers": WORKERS, **KINDS[kind]}
        server = stack.enter_context(serving("naming_workers", database, **settings))
        store = stack.enter_context(closing(SQLiteStore(database)))
        changes = [*[partial(put, server)] * 2, *[partial(store_put, store)] * 2]
        busy, asking = connect_to_all(server, stack)
        for number, change in zip(range(1, rounds + 1), cycle(changes)):
            found = play(number, change, busy, asking)
            responses, stale = responses + len(found), stale + found.count(False)
            busy, asking = asking, busy
            if time.monotonic() > deadline:
                raise RuntimeError(f"{number} rounds took {SERVER_SECONDS} s")
    return [kind, stale, responses, rounds, 0]


def play(
    number: int, change: Callable[[int], None], busy: Sequence[socket], asking: Sequence[socket]
) -> list[bool]:
    """Make one change. Return for each response after it whether it is by the new rules."""
    message = preflight(number)
    send(busy, message)
    change(number)
    send(asking, message)
    receive(busy)
    return [is_by(number, response) for response in receive(asking)]


def is_by(number: int, response: HTTPResponse) -> bool:
    """Whether a response is by the rules of this number."""
    return response.status == 200 and response.headers["Access-Control-Max-Age"] == str(number)


def put(server: Server, number: int) -> None:
    """Change rules through ``?cors``."""
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=RESPONSE_SECONDS)) as connection:
        connection.request("PUT", f"/{BUCKET}?cors", document(number))
        response = connection.getresponse()
        response.read()
    if response.status != 200:
        raise RuntimeError(f"rules were not put: {response.status}")


def store_put(store: SQLiteStore, number: int) -> None:
    store.put(BUCKET, RuleSet([Rule([origin_of(number)], ["GET"], max_age_seconds=number)]))


def document(number: int) -> bytes:
    return (
        f"<CORSConfiguration><CORSRule><AllowedOrigin>{origin_of(number)}</AllowedOrigin>"
        f"<AllowedMethod>GET</AllowedMethod><MaxAgeSeconds>{number}</MaxAgeSeconds>"
        "</CORSRule></CORSConfiguration>"
    ).encode()


def preflight(number: int) -> bytes:
    return (
        f"OPTIONS /{BUCKET}/key HTTP/1.1\r\nHost: store.test\r\nOrigin: {origin_of(number)}\r\n"
        "Access-Control-Request-Method: GET\r\n\r\n"
    ).encode()


def origin_of(number: int) -> str:
    return ORIGINS[number % 2]


def connect_to_all(server: Server, stack: ExitStack) -> tuple[list[socket], list[socket]]:
    """Open connections until each worker has enough. Return two halves, each to all workers."""
    by_worker: dict[str | None, list[socket]] = defaultdict(list)
    deadline = time.monotonic() + RESPONSE_SECONDS
    while len(by_worker) < WORKERS or min(map(len, by_worker.values())) < EACH:
        if time.monotonic() > deadline:
            raise RuntimeError("not all workers respond")
        # Several at once, because one by one they could all go to the same worker.
        new = [stack.enter_context(connect(server)) for _ in range(WORKERS)]
        send(new, preflight(0))
        for connection, response in zip(new, receive(new), strict=True):
            by_worker[response.headers[WORKER]].append(connection)
    half = EACH // 2
    groups = [each[:EACH] for each in by_worker.values()]
    return list(chain(*(each[:half] for each in groups))), list(
        chain(*(each[half:] for each in groups))
    )


def connect(server: Server) -> socket:
    return create_connection(("127.0.0.1", server.port), timeout=RESPONSE_SECONDS)


def send(connections: Sequence[socket], message: bytes) -> None:
    for connection in connections:
        connection.sendall(message)


def receive(connections: Sequence[socket]) -> list[HTTPResponse]:
    """Read one response from each connection."""
    responses = []
    for connection in connections:
        with HTTPResponse(connection) as response:
            response.begin()
            response.read()
            responses.append(response)
    return responses


def cost() -> list[list[Any]]:
    """Time what each request does to stay fresh, without the cost of a function call."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        store = SQLiteStore(Path(folder, "rules.sqlite"))
        looks = looks_at(store.signal())
        runs = {
            "bare": requests(bare, ACTUAL.environ, repeat({"PATH_INFO": "/bucket/key"}), CALLS),
            "call": calls(lambda: False, CALLS),
            "looks": calls(looks, CALLS),
        }
        times = least_seconds(runs, COST_ROUNDS)
        store.close()
    figure = (times["looks"] - times["call"]) / times["bare"]
    return [["a look at the shared number and at the clock", figure, COST_AT_MOST]]


def looks_at(signal: Signal) -> Callable[[], bool]:
    clock, seen, deadline = time.monotonic, signal[0], time.monotonic() + SERVER_SECONDS
    return lambda: signal[0] != seen or clock() >= deadline


if __name__ == "__main__":
    main()
