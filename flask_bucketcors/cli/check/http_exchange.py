"""Asks a live server, as a browser would: one request at a time, and no redirect is followed.

No body is sent, and none is read: what a page is told stands in the headers. They are given as
they came, so that what stands there twice can be seen.
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
    """A server did not answer, or not in HTTP. ``hint`` says what to look at."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Answer(NamedTuple):
    """What a server said.

    :param headers: names and values in the order in which they came, repetitions included.
    """

    status: int
    headers: Headers

    def values(self, name: str) -> list[str]:
        """The values of all lines of a header; names have no case."""
        return [value for each, value in self.headers if each.lower() == name.lower()]


def ask(url: SplitResult, method: str, headers: Headers, seconds: float) -> Answer:
    """Send one request and give the answer.

    :param seconds: for connecting, and again for all up to the end of the answer's headers.
    :raises Unreachable: if there is none.
    """
    connection = _connection(url, seconds)
    try:
        with _deadline(connection, seconds):
            _send(connection, url, method, headers)
            # Where the server says that it closes, the socket is the response's.
            with connection.getresponse() as response:
                return _answer(response)
    except ssl.SSLError as error:
        raise _no_tls(error) from None
    except (OSError, HTTPException, ValueError) as error:
        raise _unreachable(error, seconds) from None
    finally:
        connection.close()


class _FinalResponse(HTTPResponse):
    """What follows the answers that only say that one will (RFC 9110, 15.2), such as 103."""

    def begin(self) -> None:
        super().begin()
        while 100 <= self.status < 200 and self.status != HTTPStatus.SWITCHING_PROTOCOLS:
            # Without headers it has not begun yet.
            self.headers = None  # type: ignore[assignment]
            super().begin()


def _answer(response: HTTPResponse) -> Answer:
    if response.headers.defects:
        # The standard library ends the headers there, browsers go on behind it.
        raise HTTPException("there is a line among them that is none")
    # RFC 9112, 5.2: a line that was folded is one with a blank.
    headers = [(name, _FOLD.sub(" ", value).strip()) for name, value in response.getheaders()]
    return Answer(response.status, headers)


def _no_tls(error: ssl.SSLError) -> Unreachable:
    if isinstance(error, ssl.SSLCertVerificationError):
        hint = "a browser gives up here, too: mend the certificate"
        return Unreachable(f"the certificate is refused: {error.verify_message}", hint)
    reason = (error.reason or str(error)).replace("_", " ").lower()
    hint = "a browser gives up here, too: does the server speak TLS at this port?"
    return Unreachable(f"no TLS connection: {reason}", hint)


def _unreachable(error: Exception, seconds: float) -> Unreachable:
    if isinstance(error, TimeoutError):
        return Unreachable(
            f"no answer within {seconds:g} seconds", "is the server busy, or a port filtered?"
        )
    if isinstance(error, OSError):
        return Unreachable(
            f"no connection: {error.strerror or error}",
            "is the address right, and the server running?",
        )
    if type(error) is HTTPException:
        # The one that http.client raises about headers has no kind of its own either.
        hint = "have the server, or what is in front of it, mend them"
        return Unreachable(f"the answer's headers cannot be read: {error}", hint)
    return Unreachable(f"the answer is not HTTP: {error!r}", "is this the right port and scheme?")


class _LateHandshake(HTTPSConnection):
    """Leaves the handshake to whoever connects, who has a time limit for it."""

    def connect(self) -> None:
        HTTPConnection.connect(self)
        context = ssl.create_default_context()
        # What http.client offers, too: some servers answer nobody who does not.
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
    """Connect, and then give the rest a time limit: a server may send a byte now and then."""
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
        # Cut off, the beginning of an answer may look like a whole one.
        raise TimeoutError


def _send(connection: HTTPConnection, url: SplitResult, method: str, headers: Headers) -> None:
    # Escapes that are there stay; what no request line can hold is escaped.
    target = quote(url.path or "/", safe="%/:@!$&'()*+,;=~")
    if url.query:
        target += "?" + quote(url.query, safe="%/:@!$&'()*+,;=~?")
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value)
    if method not in ("GET", "HEAD", "OPTIONS"):
        connection.putheader("Content-Length", "0")
    connection.endheaders()
