"""One request to a live server and its response; redirects are not followed.

No body is sent or read: the headers decide. Repeated headers are kept as they were sent.
"""

import re
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Final, NamedTuple
from urllib.parse import SplitResult, quote

DEFAULT_TIMEOUT_SECONDS: Final = 10.0

Headers = Sequence[tuple[str, str]]

_FOLD: Final = re.compile(r"\r?\n[ \t]+")


class Unreachable(Exception):
    """A server sent no response, or not in HTTP. ``hint`` says what to check."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Response(NamedTuple):
    """What a server sent.

    :param headers: names and values in the order in which they were sent, repeated ones included.
    """

    status: int
    headers: Headers


def ask(url: SplitResult, method: str, headers: Headers, seconds: float) -> Response:
    """Send one request and give the response.

    :param seconds: the time limit for connecting, and again for the headers of the response.
    :raises Unreachable: if there is none.
    """
    connection = _connection(url, seconds)
    try:
        with _deadline(connection, seconds):
            _send(connection, url, method, headers)
            # If the server closes the connection, the response owns the socket.
            with connection.getresponse() as response:
                return _received(response)
    except ssl.SSLError as error:
        raise _no_tls(error) from None
    except (OSError, HTTPException, ValueError) as error:
        raise _unreachable(error, seconds) from None
    finally:
        connection.close()


class _FinalResponse(HTTPResponse):
    """The final response, after informational ones such as 103 (RFC 9110, 15.2)."""

    def begin(self) -> None:
        super().begin()
        while 100 <= self.status < 200 and self.status != HTTPStatus.SWITCHING_PROTOCOLS:
            # http.client takes a response with headers for one that has begun.
            self.headers = None  # type: ignore[assignment]
            super().begin()


def _received(response: HTTPResponse) -> Response:
    if response.headers.defects:
        # The standard library ends the headers at such a line; browsers go on.
        raise HTTPException("one of their lines is not a header")
    # RFC 9112, 5.2: a folded line is one line with a space.
    headers = [(name, _FOLD.sub(" ", value).strip()) for name, value in response.getheaders()]
    return Response(response.status, headers)


def _no_tls(error: ssl.SSLError) -> Unreachable:
    if isinstance(error, ssl.SSLCertVerificationError):
        hint = "browsers refuse it, too: correct the certificate"
        return Unreachable(f"the certificate is refused: {error.verify_message}", hint)
    reason = (error.reason or str(error)).replace("_", " ").lower()
    hint = "browsers fail, too: does the server speak TLS on this port?"
    return Unreachable(f"no TLS connection: {reason}", hint)


def _unreachable(error: Exception, seconds: float) -> Unreachable:
    if isinstance(error, TimeoutError):
        return Unreachable(
            f"no response within {seconds:g} seconds", "is the server busy, or behind a firewall?"
        )
    if isinstance(error, OSError):
        return Unreachable(
            f"no connection: {error.strerror or error}",
            "is the address right, and the server running?",
        )
    if type(error) is HTTPException:
        # http.client raises this class, and no subclass, for bad headers.
        hint = "correct them in the server, or in what is in front of it"
        return Unreachable(f"the response's headers cannot be read: {error}", hint)
    return Unreachable(f"the response is not HTTP: {error!r}", "is this the right port and scheme?")


class _LateHandshake(HTTPSConnection):
    """Leaves the handshake to :func:`_deadline`, which limits its time."""

    def connect(self) -> None:
        HTTPConnection.connect(self)
        context = ssl.create_default_context()
        # As http.client does: some servers do not respond without it.
        context.set_alpn_protocols(["http/1.1"])
        self.sock = context.wrap_socket(
            self.sock, server_hostname=self.host, do_handshake_on_connect=False
        )


def _connection(url: SplitResult, seconds: float) -> HTTPConnection:
    kind = _LateHandshake if url.scheme == "https" else HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=seconds)
    connection.response_class = _FinalResponse
    return connection


@contextmanager
def _deadline(connection: HTTPConnection, seconds: float) -> Iterator[None]:
    """Connect, and limit the time of the rest as a whole: a server may send single bytes."""
    connection.connect()
    connected = connection.sock
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        with suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()
    try:
        if isinstance(connected, ssl.SSLSocket):
            connected.do_handshake()
        yield
    except (OSError, HTTPException, ValueError):
        if not expired.is_set():
            raise
    finally:
        timer.cancel()
    if expired.is_set():
        # The beginning of a response may look like a whole one.
        raise TimeoutError


def _send(connection: HTTPConnection, url: SplitResult, method: str, headers: Headers) -> None:
    # Existing escapes stay; characters that a request line cannot contain are escaped.
    target = quote(url.path or "/", safe="%/:@!$&'()*+,;=~")
    if url.query:
        target += "?" + quote(url.query, safe="%/:@!$&'()*+,;=~?")
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value)
    if method not in ("GET", "HEAD", "OPTIONS"):
        connection.putheader("Content-Length", "0")
    connection.endheaders()
