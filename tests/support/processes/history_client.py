"""A client that changes rules, requests objects, and reports the history that it has seen.

Run it with ``-m`` and the arguments ``PORT HOST_SUFFIX WORKER_HEADER NUMBER ROUNDS``. In each
round it may put or delete the rules of a bucket. Then it asks for them on all of its connections
at once, half by preflights and half by actual requests. At the end it prints a JSON object with
its ``writes`` and ``reads``, in the fields of :mod:`~tests.support.rule_histories`, and the
``workers`` that have responded. It imports little, since many of it are started.

All rules that are ever put differ in a number that both kinds of response tell.
"""

import json
import sys
import time
from http.client import HTTPMessage, HTTPResponse
from random import Random
from socket import create_connection, socket
from typing import NamedTuple

from tests.support.cos_signing import authorization
from tests.support.rule_histories import Read, Version, Write

BUCKETS = ["photos", "videos"]
ORIGIN = "https://page.test"
CONNECTIONS = 6
# Every so many rounds a client connects anew, to workers that it may not know yet.
ROUNDS_WITH_CONNECTIONS = 20
# Of all rounds; in the others the client only asks.
PUTS = 0.3
DELETIONS = 0.1
# A bound, for a machine that has much else to do.
RESPONSE_SECONDS = 30

_EXPOSED = "X-Version-"

#: Rules that tell their number.
DOCUMENT = (
    f"<CORSConfiguration><CORSRule><AllowedOrigin>{ORIGIN}</AllowedOrigin>"
    "<AllowedMethod>GET</AllowedMethod><MaxAgeSeconds>{0}</MaxAgeSeconds>"
    f"<ExposeHeader>{_EXPOSED}{{0}}</ExposeHeader></CORSRule></CORSConfiguration>"
)


class Server(NamedTuple):
    """Where to ask.

    :param host_suffix: buckets are on hosts below it.
    :param worker_header: names the process that has responded.
    """

    port: int
    host_suffix: str
    worker_header: str


class Response(NamedTuple):
    """What came back."""

    status: int
    headers: HTTPMessage


class Client:
    """A client; its random choices are those of its number."""

    def __init__(self, server: Server, number: int) -> None:
        self._server = server
        self._random = Random(number)
        # Max-Age has room for such numbers of a hundred clients.
        self._version = number * 10_000_000
        self._connections: list[socket] = []
        self.writes: list[Write] = []
        self.reads: list[Read] = []
        self.workers: set[str] = set()

    def run(self, rounds: int) -> None:
        for number in range(rounds):
            if number % ROUNDS_WITH_CONNECTIONS == 0:
                self.close()
                self._connections = [self._connect() for _ in range(CONNECTIONS)]
            bucket = self._random.choice(BUCKETS)
            choice = self._random.random()
            if choice < PUTS:
                self._put(bucket)
            elif choice < PUTS + DELETIONS:
                self._write(bucket, None, self._rules_call("DELETE", bucket), expected=204)
            self._ask(bucket)

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    def _connect(self) -> socket:
        return create_connection(("127.0.0.1", self._server.port), timeout=RESPONSE_SECONDS)

    def _put(self, bucket: str) -> None:
        self._version += 1
        body = DOCUMENT.format(self._version).encode()
        self._write(bucket, self._version, self._rules_call("PUT", bucket, body), expected=200)

    def _write(self, bucket: str, version: Version, message: bytes, expected: int) -> None:
        connection = self._random.choice(self._connections)
        start = time.monotonic_ns()
        connection.sendall(message)
        status = self._receive(connection).status
        if status != expected:
            raise RuntimeError(f"a change of rules got {status}")
        self.writes.append(Write(bucket, version, start, time.monotonic_ns()))

    def _ask(self, bucket: str) -> None:
        asked = []
        for connection in self._connections:
            is_preflight = self._random.random() < 0.5
            build = self._preflight if is_preflight else self._actual_request
            message = build(bucket)
            asked.append((connection, is_preflight, time.monotonic_ns()))
            connection.sendall(message)
        for connection, is_preflight, start in asked:
            response = self._receive(connection)
            end = time.monotonic_ns()
            version = preflight_version(response) if is_preflight else actual_version(response)
            self.reads.append(Read(bucket, version, start, end))

    def _preflight(self, bucket: str) -> bytes:
        headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
        return self._build("OPTIONS", bucket, "/object", headers)

    def _actual_request(self, bucket: str) -> bytes:
        return self._build("GET", bucket, "/object", {"Origin": ORIGIN})

    def _rules_call(self, method: str, bucket: str, body: bytes = b"") -> bytes:
        signed = {"host": self._host(bucket)}
        signature = authorization(method, "/?cors", signed, now=int(time.time()))
        return self._build(method, bucket, "/?cors", {"Authorization": signature}, body)

    def _build(
        self, method: str, bucket: str, target: str, headers: dict[str, str], body: bytes = b""
    ) -> bytes:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._host(bucket)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        return "\r\n".join(lines).encode() + body

    def _host(self, bucket: str) -> str:
        return f"{bucket}.{self._server.host_suffix}"

    def _receive(self, connection: socket) -> Response:
        with HTTPResponse(connection) as response:
            response.begin()
            response.read()
            self.workers.add(response.headers[self._server.worker_header])
            return Response(response.status, response.headers)


def preflight_version(response: Response) -> Version:
    """By which rules a preflight was decided.

    :raises RuntimeError: if it was by none, or the response is not one to a preflight.
    """
    max_age = response.headers["Access-Control-Max-Age"]
    if (response.status, max_age) == (403, None):
        return None
    if response.status != 200 or max_age is None:
        raise RuntimeError(f"a preflight got {response.status} with Max-Age {max_age}")
    return int(max_age)


def actual_version(response: Response) -> Version:
    """By which rules an actual request was decided.

    :raises RuntimeError: if the object did not come, or only a part of the headers.
    """
    exposed = response.headers["Access-Control-Expose-Headers"]
    origin = response.headers["Access-Control-Allow-Origin"]
    if response.status != 200 or origin != (exposed and ORIGIN):
        raise RuntimeError(f"a request got {response.status}, {origin} and {exposed}")
    return int(exposed.removeprefix(_EXPOSED)) if exposed else None


def main(port: str, host_suffix: str, worker_header: str, number: str, rounds: str) -> None:
    client = Client(Server(int(port), host_suffix, worker_header), int(number))
    try:
        client.run(int(rounds))
    finally:
        client.close()
    told = {"writes": client.writes, "reads": client.reads, "workers": sorted(client.workers)}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
