"""A client of one host, which changes rules, asks for objects, and logs what it saw.

Run it with ``-m`` and the arguments ``PORT HOST_SUFFIX WORKER_HEADER HOST NUMBER SEED LOG``. It
obeys lines of its input: ``go`` on with changes, be ``quiet``, and ``end``. It says ``quiet`` when
no change of its own is under way any more. The log has an
:class:`~tests.support.host_operations.Operation` as JSON in each line.

One thread changes rules, and asks for them as soon as that is acknowledged. Others ask all the
time, one connection after the other, so that each response comes after the one before. Connections
that break are made anew, because servers and workers come and go.
"""

import json
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.client import HTTPException, HTTPResponse
from itertools import islice
from math import inf
from queue import SimpleQueue
from random import Random
from socket import create_connection, socket
from threading import Condition, Event
from typing import Any, Final

from tests.support.host_operations import CLOSED, Kind, Operation
from tests.support.processes.history_client import (
    ORIGIN,
    Response,
    Server,
    actual_version,
    preflight_version,
)

BUCKETS: Final = tuple(f"bucket-{number}" for number in range(12))
# A change of as many is staged at the server.
STAGED: Final = tuple(f"other-{number}" for number in range(60))
#: Numbers that a client may use.
NUMBERS: Final = 1_000_000
READERS: Final = 2
# Workers share a socket that listens, so more connections than workers reach most of them. They are
# made anew now and then, to reach others.
CONNECTIONS: Final = 4
READS_WITH_CONNECTIONS: Final = 50
CHANGES_WITH_CONNECTIONS: Final = 20
RECONNECT_SECONDS: Final = 0.02
# How many changes a client makes in a second, at most.
CHANGES: Final = 40.0
KINDS: Final = {Kind.PUT: 0.6, Kind.DELETE: 0.15, Kind.PUT_MANY: 0.25}
AT_ONCE: Final = 3
LARGE: Final = 0.2
PREFLIGHTS: Final = 0.7
CAREFUL: Final = 0.3
# A server that hangs delays a change; nobody waits as long when all is well.
RESPONSE_SECONDS: Final = 30


class Connection:
    """A connection to some worker of the host."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._socket: socket | None = None

    def ask(self, message: bytes) -> tuple[Response, bytes]:
        """Send a request, and give the response and its body.

        :raises OSError: or HTTPException, if there is none.
        """
        try:
            if self._socket is None:
                address = ("127.0.0.1", self._server.port)
                self._socket = create_connection(address, RESPONSE_SECONDS)
            self._socket.sendall(message)
            with HTTPResponse(self._socket) as response:
                response.begin()
                body = response.read()
                return Response(response.status, response.headers), body
        except BaseException:
            self.close()
            raise

    def post(self, path: str, asked: dict[str, Any]) -> tuple[Response, bytes]:
        """Send a JSON object to the application itself."""
        body = json.dumps(asked).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        return self.ask(_message("POST", path, "127.0.0.1", headers) + body)

    def request_object(self, bucket: str, *, is_preflight: bool) -> Response:
        """Ask for an object of a bucket, or send the preflight of such a request."""
        host = f"{bucket}.{self._server.host_suffix}"
        method, headers = "GET", {"Origin": ORIGIN}
        if is_preflight:
            method, headers = "OPTIONS", headers | {"Access-Control-Request-Method": "GET"}
        response, _ = self.ask(_message(method, "/object", host, headers))
        return response

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Client:
    """The client.

    :param number: tells clients apart, and their changes.
    :param seed: of its random choices.
    """

    def __init__(self, server: Server, host: str, number: int, seed: int) -> None:
        self._server = server
        self._host = host
        self._number = number
        self._seed = seed
        self._numbers = iter(range(number * NUMBERS + 1, (number + 1) * NUMBERS))
        self._ended = Event()
        self._state = Condition()
        self._is_quiet = True
        self._is_changing = False
        self.log: SimpleQueue[Operation] = SimpleQueue()

    def obey(self, lines: Iterable[str]) -> None:
        """Work until a line says to end.

        :raises RuntimeError: if a response came that none should be.
        """
        with ThreadPoolExecutor() as pool:
            threads = [pool.submit(self._change_all)]
            threads += [pool.submit(self._read_all, place) for place in range(READERS)]
            for line in lines:
                if line.strip() == "end":
                    break
                with self._state:
                    self._is_quiet = line.strip() == "quiet"
                    self._state.notify_all()
                    self._state.wait_for(lambda: not (self._is_quiet and self._is_changing))
                print(line.strip(), flush=True)
            with self._state:
                self._ended.set()
                self._is_quiet = False
                self._state.notify_all()
            for thread in threads:
                thread.result(RESPONSE_SECONDS)

    def _change_all(self) -> None:
        try:
            self._change_until_the_end(Random(self._seed))
        finally:
            with self._state:
                self._is_changing = False
                self._state.notify_all()

    def _change_until_the_end(self, random: Random) -> None:
        while not self._ended.is_set():
            with connections(self._server) as (own, *others):
                for number in islice(self._numbers, CHANGES_WITH_CONNECTIONS):
                    self._pause(random)
                    if self._ended.is_set():
                        return
                    buckets = self._change(random, own, number)
                    for connection in others:
                        self._read(random, connection, random.choice(buckets[:AT_ONCE]))

    def _pause(self, random: Random) -> None:
        with self._state:
            self._is_changing = False
            self._state.notify_all()
            self._state.wait_for(lambda: not self._is_quiet)
        self._ended.wait(random.expovariate(CHANGES))
        with self._state:
            self._state.wait_for(lambda: not self._is_quiet)
            self._is_changing = True

    def _change(self, random: Random, connection: Connection, number: int) -> tuple[str, ...]:
        [kind] = random.choices(list(KINDS), list(KINDS.values()))
        buckets = tuple(random.sample(BUCKETS, AT_ONCE if kind == Kind.PUT_MANY else 1))
        if kind == Kind.PUT_MANY and random.random() < LARGE:
            buckets += STAGED
        asked = {"kind": kind, "buckets": buckets, "number": number}
        asked["is_careful"] = random.random() < CAREFUL
        start, end, revision = time.monotonic_ns(), inf, None
        # If no response comes, or 503, nobody knows yet whether the change happened.
        with suppress(OSError, HTTPException):
            response, body = connection.post("/changes", asked)
            if response.status == 200:
                end, revision = time.monotonic_ns(), json.loads(body)["revision"]
            elif response.status != 503:
                raise RuntimeError(f"a change got {response.status}: {body!r}")
        self._log(kind, buckets, number, start, end, revision)
        return buckets

    def _read_all(self, place: int) -> None:
        random = Random(self._seed * 1000 + place)
        while not self._ended.is_set():
            with connections(self._server) as opened:
                for _ in range(READS_WITH_CONNECTIONS):
                    bucket = random.choice(BUCKETS)
                    for connection in opened:
                        self._read(random, connection, bucket)
        with connections(self._server) as opened:
            for bucket in BUCKETS:
                for connection in opened:
                    self._read(random, connection, bucket)

    def _read(self, random: Random, connection: Connection, bucket: str) -> None:
        is_preflight = random.random() < PREFLIGHTS
        start = time.monotonic_ns()
        try:
            response = connection.request_object(bucket, is_preflight=is_preflight)
        except (OSError, HTTPException):
            # The worker is gone, and the next one has to start.
            self._ended.wait(RECONNECT_SECONDS)
            return
        end = time.monotonic_ns()
        if is_preflight and response.status == 503:
            number = CLOSED
        else:
            number = (preflight_version if is_preflight else actual_version)(response)
        # Without headers, an actual request is one of a bucket that is closed or has no rules.
        if is_preflight or number is not None:
            self._log(Kind.READ, (bucket,), number, start, end, None)

    def _log(self, kind: Kind, *rest: Any) -> None:
        self.log.put(Operation(kind, f"{self._host}-{self._number}", self._host, *rest))


@contextmanager
def connections(server: Server) -> Iterator[list[Connection]]:
    """New connections for the length of a block; each is made when it is first used."""
    made = [Connection(server) for _ in range(CONNECTIONS)]
    try:
        yield made
    finally:
        for each in made:
            each.close()


def _message(method: str, path: str, host: str, headers: dict[str, str]) -> bytes:
    lines = [f"{name}: {value}" for name, value in {"Host": host, **headers}.items()]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode()


def main(
    port: str, host_suffix: str, worker_header: str, host: str, number: str, seed: str, log: str
) -> None:
    server = Server(int(port), host_suffix, worker_header)
    client = Client(server, host, int(number), int(seed))
    client.obey(sys.stdin)
    with open(log, "w") as file:
        while not client.log.empty():
            print(json.dumps(client.log.get_nowait()), file=file)


if __name__ == "__main__":
    main(*sys.argv[1:])
