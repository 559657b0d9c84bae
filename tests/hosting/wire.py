"""Requests as bytes on a socket, and what comes back, one response after the other."""

import select
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import IO, Any, cast

# No test waits as long if all is well.
SECONDS = 30
# How long a client holds back a body that nobody asks for; then it sends it all the same.
CONTINUE_SECONDS = 1


@dataclass(frozen=True)
class Response:
    """One response.

    :param headers: names in lower case; those that came more than once are joined by a comma.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def cors(self) -> dict[str, str]:
        """Its Access-Control-* headers, without that prefix."""
        prefix = "access-control-"
        return {
            name.removeprefix(prefix): value
            for name, value in self.headers.items()
            if name.startswith(prefix)
        }


class Wire:
    """A connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._stream = connection.makefile("rb")

    def send(self, data: bytes) -> None:
        # A server may refuse a request, and close, before it has read all of it.
        with suppress(ConnectionError):
            self._socket.sendall(data)

    def end(self) -> None:
        """Say that nothing more is sent."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def is_asked_to_continue(self) -> bool:
        """Whether the server says 100 Continue; False if it says nothing, or something else."""
        self._socket.settimeout(CONTINUE_SECONDS)
        try:
            start = self._socket.recv(len(b"HTTP/1.1 100"), socket.MSG_PEEK)
        except TimeoutError:
            return False
        finally:
            self._socket.settimeout(SECONDS)
        return start.endswith(b" 100")

    def has_response(self) -> bool:
        """Whether something has arrived that was not read."""
        return bool(select.select([self._socket], [], [], 0)[0])

    def begin(self, method: str) -> HTTPResponse:
        """Read the head of a response; interim ones are passed over.

        :raises HTTPException, OSError: if there is none.
        """
        response = HTTPResponse(cast(socket.socket, _Shared(self._stream)), method=method)
        response.begin()
        return response

    def receive(self, method: str) -> Response:
        """Read a response, likewise."""
        response = self.begin(method)
        headers: dict[str, str] = {}
        for name, value in response.getheaders():
            name = name.lower()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return Response(response.status, headers, response.read())

    def receive_all(self, methods: list[str]) -> list[Response]:
        """Read responses until these many have come, or no more do."""
        responses = []
        with suppress(HTTPException, OSError):
            for method in methods:
                responses.append(self.receive(method))
        return responses

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


class _Shared:
    """A socket for HTTPResponse, which closes its stream: here the next response comes from it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def makefile(self, *args: Any) -> Any:
        return self

    def close(self) -> None:
        pass

    def flush(self) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def connect(port: int) -> Iterator[Wire]:
    """Open a connection, for as long as the block runs."""
    wire = Wire(socket.create_connection(("127.0.0.1", port), timeout=SECONDS))
    try:
        yield wire
    finally:
        wire.close()


def request(
    method: str,
    target: str | bytes,
    *headers: tuple[str, str],
    body: bytes = b"",
    host: str = "store.test",
    close: bool = True,
) -> bytes:
    """A request; its length is announced if it has a body and does not say how it is sent."""
    target = target.encode() if isinstance(target, str) else target
    names = {name.lower() for name, _ in headers}
    lines = [("Host", host), *headers]
    if body and not names & {"content-length", "transfer-encoding"}:
        lines.append(("Content-Length", str(len(body))))
    if close:
        lines.append(("Connection", "close"))
    head = b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in lines)
    return method.encode() + b" " + target + b" HTTP/1.1\r\n" + head + b"\r\n" + body


def chunks(body: bytes) -> bytes:
    """A body in two chunks (RFC 9112, 7.1)."""
    parts = (body[:10], body[10:], b"")
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
