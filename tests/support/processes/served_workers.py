"""Requests that reach every worker of ``served_storage`` under gunicorn."""

import json
import select
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple

from flask_bucketcors.core.rules import Rule, RuleSet
from tests.support.apps.served_storage import (
    APP,
    DATABASE,
    DEFAULT_RULES,
    HOST_SUFFIX,
    TOGETHER,
    WORKER,
)
from tests.support.cos_signing import authorization
from tests.support.processes.servers import Server, gunicorn

BUCKET = "examplebucket-1250000000"
HOST = f"{BUCKET}.{HOST_SUFFIX}"
# Rules allow them in turn, so that a response by the rules before is wrong in any case.
ORIGINS = ("https://even.test", "https://odd.test")

# Bounds, for a machine that has much else to do.
RESPONSE_SECONDS = 30
ALL_WORKERS_SECONDS = 60
PAUSE_SECONDS = 0.001


class Response(NamedTuple):
    """The response to a preflight: by which process, and whether the connection stays."""

    status: int
    max_age: str | None
    worker: str
    is_kept: bool

    @property
    def verdict(self) -> tuple[int, str | None]:
        """What the rules say; two rule sets of this module never agree on it."""
        return self.status, self.max_age


class Workers:
    """The worker processes of a server, all of which respond.

    A new connection goes to whichever worker is fastest, and that can leave one out a hundred
    times. So connections that a worker keeps are used again. A sync worker keeps none, but has
    one at a time until the client closes it; therefore none is closed here before all have
    responded.
    """

    def __init__(self, server: Server, count: int, each: int) -> None:
        self._server = server
        self._count = count
        self._each = each
        self._connections: list[socket.socket] = []
        self._names: set[str] = set()

    def preflight(self, origin: str) -> list[Response]:
        """Send preflights until each worker responded to ``each`` of them; give all responses."""
        message = build_preflight(origin)
        responses = exchange(self._connections, message)
        deadline = time.monotonic() + ALL_WORKERS_SECONDS
        while not self._all_have(responded := Counter(response.worker for response in responses)):
            assert time.monotonic() < deadline, (
                f"in {ALL_WORKERS_SECONDS} s not each of {self._count} workers has responded to "
                f"{self._each} preflights; these have: {dict(responded)}"
            )
            new = [connect(self._server) for _ in range(self._count)]
            self._connections += new
            responses += exchange(new, message)
        self._keep(responses)
        return responses

    def keep_busy(self, origin: str, until: socket.socket) -> list[Response]:
        """Send preflights until this connection has something to read; give all responses."""
        message = build_preflight(origin)
        responses: list[Response] = []
        deadline = time.monotonic() + RESPONSE_SECONDS
        # The pause leaves a processor to the worker that makes the change.
        while not select.select([until], [], [], PAUSE_SECONDS)[0]:
            assert time.monotonic() < deadline, "the change is not acknowledged"
            responses += exchange(self._connections, message) or self._exchange_once(message)
        return responses

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    def _exchange_once(self, message: bytes) -> list[Response]:
        """Use new connections, and leave one worker out, which may be busy with a change."""
        with ExitStack() as stack:
            new = [stack.enter_context(connect(self._server)) for _ in range(self._count - 1)]
            return exchange(new, message)

    def _all_have(self, responded: Counter[str]) -> bool:
        if len(responded) < self._count or min(responded.values()) < self._each:
            return False
        self._names = self._names or set(responded)
        assert set(responded) == self._names, "a worker has died and another took its place"
        return True

    def _keep(self, responses: Sequence[Response]) -> None:
        """Keep ``each`` connections to each worker, if the worker keeps them too."""
        connections, self._connections = self._connections, []
        kept: Counter[str] = Counter()
        for connection, response in zip(connections, responses, strict=True):
            if response.is_kept and kept[response.worker] < self._each:
                kept[response.worker] += 1
                self._connections.append(connection)
            else:
                connection.close()


@contextmanager
def serving(
    database: Path,
    *,
    workers: int = 3,
    each: int = 1,
    together: int = 1,
    default_rules: RuleSet | None = None,
    **settings: Any,
) -> Iterator[tuple[Server, Workers]]:
    """Run the application.

    :param each: how many preflights each worker is to respond to at the same time.
    :param together: how many workers are to open the database at one moment.
    :param default_rules: the rules of buckets without rules of their own.
    :param settings: see :func:`gunicorn`.
    """
    environ = {DATABASE: str(database), TOGETHER: str(together)}
    if default_rules is not None:
        environ[DEFAULT_RULES] = json.dumps(default_rules.as_dict())
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
        [response] = exchange([connection], build_put(number))
    assert response.status == 200


def rules(number: int) -> RuleSet:
    return RuleSet([Rule([origin_of(number)], ["GET"], max_age_seconds=number)])


def origin_of(number: int) -> str:
    return ORIGINS[number % 2]


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=RESPONSE_SECONDS)


def exchange(connections: Sequence[socket.socket], message: bytes) -> list[Response]:
    """Send the message on all connections at once and read the responses."""
    for connection in connections:
        connection.sendall(message)
    return [read(connection) for connection in connections]


def read(connection: socket.socket) -> Response:
    with HTTPResponse(connection) as received:
        received.begin()
        is_kept = not received.will_close
        received.read()
        max_age = received.headers["Access-Control-Max-Age"]
        return Response(received.status, max_age, received.headers[WORKER], is_kept)
