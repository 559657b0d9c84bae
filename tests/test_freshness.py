"""A change is seen by every worker process from the next request on, under a real gunicorn."""

import json
import select
import socket
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from served_app import DATABASE, HOST_SUFFIX, TOGETHER, WORKER
from servers import Server, gunicorn
from signing import authorization

from flask_bucketcors.core.rules import Rule, RuleSet
from flask_bucketcors.stores import SQLiteStore

APP = "served_app:create_app()"
BUCKET = "examplebucket-1250000000"
HOST = f"{BUCKET}.{HOST_SUFFIX}"
# Rules allow them in turn, so that an answer by the rules before is wrong in any case.
ORIGINS = ("https://even.test", "https://odd.test")

# Each worker class does it with and without --preload, which makes 1,000.
ROUNDS = 500

# Bounds, for a machine that has much else to do.
ANSWER_SECONDS = 30
ALL_WORKERS_SECONDS = 60
# What other tools change is looked for once a second.
NOTICED_SECONDS = 5


class Answer(NamedTuple):
    """What a preflight was answered, by which process, and whether the connection stays."""

    status: int
    max_age: str | None
    worker: str
    is_kept: bool

    @property
    def verdict(self) -> tuple[int, str | None]:
        """What the rules say; two rule sets of this module never agree on it."""
        return self.status, self.max_age


REFUSED = (403, None)


class Workers:
    """The worker processes of a server, all of which answer.

    A new connection goes to whichever worker is fastest, and that can leave one out a hundred
    times. So connections that a worker keeps are used again. A sync worker keeps none, but has
    one at a time until the client closes it; therefore none is closed here before all have
    answered.
    """

    def __init__(self, server: Server, count: int, each: int) -> None:
        self._server = server
        self._count = count
        self._each = each
        self._connections: list[socket.socket] = []
        self._names: set[str] = set()

    def preflight(self, origin: str) -> list[Answer]:
        """Send preflights until each worker has answered ``each`` of them; give all answers."""
        message = build_preflight(origin)
        answers = exchange(self._connections, message)
        deadline = time.monotonic() + ALL_WORKERS_SECONDS
        while not self._all_have(answered := Counter(answer.worker for answer in answers)):
            assert time.monotonic() < deadline, (
                f"in {ALL_WORKERS_SECONDS} s not each of {self._count} workers has answered "
                f"{self._each} preflights; these have: {dict(answered)}"
            )
            new = [connect(self._server) for _ in range(self._count)]
            self._connections += new
            answers += exchange(new, message)
        self._keep(answers)
        return answers

    def keep_busy(self, origin: str, until: socket.socket) -> list[Answer]:
        """Send preflights until this connection has something to read; give all answers."""
        message = build_preflight(origin)
        answers: list[Answer] = []
        deadline = time.monotonic() + ANSWER_SECONDS
        while not select.select([until], [], [], 0)[0]:
            assert time.monotonic() < deadline, "the change is not acknowledged"
            answers += exchange(self._connections, message) or self._exchange_once(message)
        return answers

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    def _exchange_once(self, message: bytes) -> list[Answer]:
        """Use new connections, and leave one worker out, which may be busy with a change."""
        with ExitStack() as stack:
            new = [stack.enter_context(connect(self._server)) for _ in range(self._count - 1)]
            return exchange(new, message)

    def _all_have(self, answered: Counter[str]) -> bool:
        if len(answered) < self._count or min(answered.values()) < self._each:
            return False
        self._names = self._names or set(answered)
        assert set(answered) == self._names, "a worker has died and another took its place"
        return True

    def _keep(self, answers: Sequence[Answer]) -> None:
        """Keep ``each`` connections to each worker, if the worker keeps them too."""
        connections, self._connections = self._connections, []
        kept: Counter[str] = Counter()
        for connection, answer in zip(connections, answers, strict=True):
            if answer.is_kept and kept[answer.worker] < self._each:
                kept[answer.worker] += 1
                self._connections.append(connection)
            else:
                connection.close()


@contextmanager
def serving(
    database: Path, *, workers: int = 3, each: int = 1, together: int = 1, **settings: Any
) -> Iterator[tuple[Server, Workers]]:
    """Run the application.

    :param each: how many preflights each worker is to answer at the same time.
    :param together: how many workers are to open the database at one moment.
    :param settings: see :func:`servers.gunicorn`.
    """
    environ = {DATABASE: str(database), TOGETHER: str(together)}
    with (
        gunicorn(APP, workers=workers, environ=environ, **settings) as server,
        closing(Workers(server, workers, each)) as all_workers,
    ):
        yield server, all_workers


def build(method: str, target: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {HOST}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def build_preflight(origin: str) -> bytes:
    headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    return build("OPTIONS", "/object", headers)


def build_rules_call(method: str, body: bytes = b"") -> bytes:
    signature = authorization(method, "/?cors", {"host": HOST}, now=int(time.time()))
    return build(method, "/?cors", {"Authorization": signature}, body)


def build_put(number: int) -> bytes:
    """The call that puts the rules of this number."""
    [rule] = rules(number).rules
    body = (
        f"<CORSConfiguration><CORSRule><AllowedOrigin>{rule.allowed_origins[0]}</AllowedOrigin>"
        f"<AllowedMethod>GET</AllowedMethod><MaxAgeSeconds>{number}</MaxAgeSeconds>"
        "</CORSRule></CORSConfiguration>"
    )
    return build_rules_call("PUT", body.encode())


def put(server: Server, number: int) -> None:
    with connect(server) as connection:
        [answer] = exchange([connection], build_put(number))
    assert answer.status == 200


def rules(number: int) -> RuleSet:
    return RuleSet([Rule([origin_of(number)], ["GET"], max_age_seconds=number)])


def origin_of(number: int) -> str:
    return ORIGINS[number % 2]


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=ANSWER_SECONDS)


def exchange(connections: Sequence[socket.socket], message: bytes) -> list[Answer]:
    """Send the message on all connections at once and read the answers."""
    for connection in connections:
        connection.sendall(message)
    return [read(connection) for connection in connections]


def read(connection: socket.socket) -> Answer:
    with HTTPResponse(connection) as response:
        response.begin()
        is_kept = not response.will_close
        response.read()
        max_age = response.headers["Access-Control-Max-Age"]
        return Answer(response.status, max_age, response.headers[WORKER], is_kept)


@pytest.mark.parametrize("preload", [False, True], ids=["workers load", "preloaded"])
@pytest.mark.parametrize(
    "worker, threads, each", [("sync", 1, 1), ("gthread", 4, 2), ("gevent", 1, 2)]
)
def test_no_worker_answers_by_rules_that_were_replaced(tmp_path, worker, threads, each, preload):
    """Requests never stop, and from the acknowledgement on all get the new answer."""
    settings = {"worker_class": worker, "threads": threads, "preload": preload}
    with serving(tmp_path / "rules.sqlite", each=each, **settings) as (server, workers):
        for number in range(1, ROUNDS + 1):
            origin, deletes = origin_of(number), number % 10 == 0
            expected = REFUSED if deletes else (200, str(number))
            with connect(server) as change:
                change.sendall(build_rules_call("DELETE") if deletes else build_put(number))
                early = workers.keep_busy(origin, until=change)
                assert read(change).status == (204 if deletes else 200)
            answers = workers.preflight(origin)
            assert [answer for answer in answers if answer.verdict != expected] == [], number
            assert {answer.verdict for answer in early} <= {REFUSED, expected}


@pytest.mark.parametrize("attempt", range(5))
def test_eight_workers_may_start_at_once_on_a_database_that_is_not_there(tmp_path, attempt):
    database = tmp_path / "new" / "rules.sqlite"
    with serving(database, workers=8, together=8) as (server, workers):
        assert {answer.verdict for answer in workers.preflight(origin_of(1))} == {REFUSED}
        put(server, 1)
        assert {answer.verdict for answer in workers.preflight(origin_of(1))} == {(200, "1")}
        assert server.log.count("Booting worker") == 8
        assert server.complaints == []


def test_a_change_through_a_store_in_another_process_is_seen_at_once(tmp_path):
    database = tmp_path / "rules.sqlite"
    with serving(database) as (_, workers), closing(SQLiteStore(database)) as store:
        for number in range(1, 20):
            store.put(BUCKET, rules(number))
            answers = workers.preflight(origin_of(number))
            assert {answer.verdict for answer in answers} == {(200, str(number))}


def test_a_change_by_another_tool_is_seen_by_all_workers_within_seconds(tmp_path):
    """Triggers count its edit, and each worker asks the database about once a second."""
    database = tmp_path / "rules.sqlite"
    with serving(database) as (server, workers):
        put(server, 1)
        assert {answer.verdict for answer in workers.preflight(origin_of(1))} == {(200, "1")}
        edit_with_sqlite(database, rules(3))
        deadline = time.monotonic() + NOTICED_SECONDS
        verdicts = set()
        while verdicts != {(200, "3")} and time.monotonic() < deadline:
            verdicts = {answer.verdict for answer in workers.preflight(origin_of(3))}
        assert verdicts == {(200, "3")}


def edit_with_sqlite(database: Path, rule_set: RuleSet) -> None:
    change = "UPDATE bucketcors_rules SET document = ? WHERE bucket = ?"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(change, (json.dumps(rule_set.as_dict()), BUCKET))
