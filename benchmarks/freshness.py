"""Whether anybody is answered by rules that were replaced, and what knowing better costs.

10,000 rounds over a gunicorn of 4 workers with 4 threads each, and as many over one of 4
workers with gevent. In a round the rules change: by turns through ``?cors`` on a connection of
its own, and through a store in this process. Preflights are on their way to all workers
meanwhile. As soon as the change is acknowledged, others go to all workers, on other
connections; an answer to one of them by any other rules is stale.

The cost is that of what a request does about it, beside the bare function: a look at the
shared number and one at the clock.
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
from flask_bucketcors.stores import Signal

BUCKET = "bucket"
# Rules allow them in turn, so that an answer by the rules before is wrong in any case.
ORIGINS = ("https://even.example", "https://odd.example")
WORKERS = 4
# Connections to each worker, half of which ask while rules change.
EACH = 4
KINDS: dict[str, dict[str, Any]] = {
    "gunicorn, 4 workers of 4 threads": {"worker_class": "gthread", "threads": 4},
    "gunicorn, 4 workers with gevent": {"worker_class": "gevent"},
}
COST_AT_MOST = 0.5
CALLS = 200
COST_ROUNDS = 500

# Bounds, for a machine that has much else to do.
ANSWER_SECONDS = 30
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
    """Change rules again and again; give the row of a table."""
    deadline = time.monotonic() + SERVER_SECONDS
    answers = stale = 0
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
            answers, stale = answers + len(found), stale + found.count(False)
            busy, asking = asking, busy
            if time.monotonic() > deadline:
                raise RuntimeError(f"{number} rounds took {SERVER_SECONDS} s")
    return [kind, stale, answers, rounds, 0]


def play(
    number: int, change: Callable[[int], None], busy: Sequence[socket], asking: Sequence[socket]
) -> list[bool]:
    """Make one change; say of each answer after it whether it is by these rules."""
    message = preflight(number)
    send(busy, message)
    change(number)
    send(asking, message)
    receive(busy)
    return [is_by(number, answer) for answer in receive(asking)]


def is_by(number: int, answer: HTTPResponse) -> bool:
    """Whether an answer is by the rules of this number."""
    return answer.status == 200 and answer.headers["Access-Control-Max-Age"] == str(number)


def put(server: Server, number: int) -> None:
    """Change rules through ``?cors``."""
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=ANSWER_SECONDS)) as connection:
        connection.request("PUT", f"/{BUCKET}?cors", document(number))
        answer = connection.getresponse()
        answer.read()
    if answer.status != 200:
        raise RuntimeError(f"rules were not put: {answer.status}")


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
    """Open connections until each worker has enough; give two halves, both to all workers."""
    by_worker: dict[str | None, list[socket]] = defaultdict(list)
    deadline = time.monotonic() + ANSWER_SECONDS
    while len(by_worker) < WORKERS or min(map(len, by_worker.values())) < EACH:
        if time.monotonic() > deadline:
            raise RuntimeError("not all workers answer")
        # Several at once: one by one they could all go to the same worker.
        new = [stack.enter_context(connect(server)) for _ in range(WORKERS)]
        send(new, preflight(0))
        for connection, answer in zip(new, receive(new), strict=True):
            by_worker[answer.headers[WORKER]].append(connection)
    half = EACH // 2
    groups = [each[:EACH] for each in by_worker.values()]
    return list(chain(*(each[:half] for each in groups))), list(
        chain(*(each[half:] for each in groups))
    )


def connect(server: Server) -> socket:
    return create_connection(("127.0.0.1", server.port), timeout=ANSWER_SECONDS)


def send(connections: Sequence[socket], message: bytes) -> None:
    for connection in connections:
        connection.sendall(message)


def receive(connections: Sequence[socket]) -> list[HTTPResponse]:
    """Read one answer from each."""
    answers = []
    for connection in connections:
        with HTTPResponse(connection) as answer:
            answer.begin()
            answer.read()
            answers.append(answer)
    return answers


def cost() -> list[list[Any]]:
    """Time what a request does about it, less the call of a function."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        store = SQLiteStore(Path(folder, "rules.sqlite"))
        looks = looks_at(store.signal())
        runs = {
            "bare": requests(bare, ACTUAL.environ, ACTUAL.key, repeat("/bucket/key"), CALLS),
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
