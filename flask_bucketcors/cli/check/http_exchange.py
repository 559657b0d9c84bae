"""One request to a live server and its response; redirects are not followed.

No body is sent. Repeated headers are kept as they were sent. Of a body only the beginning is read,
and only if it may say why the request failed.
"""

import re
import socket
import ssl
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import (
    BadStatusLine,
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    LineTooLong,
    RemoteDisconnected,
)
from typing import Final, NamedTuple
from urllib.parse import SplitResult, quote

from flask_bucketcors.analysis.response_mistakes import ResponseMistake
from flask_bucketcors.core.browser import BLANKS, value_of
from flask_bucketcors.core.hosts import DEFAULT_PORTS

DEFAULT_TIMEOUT_SECONDS: Final = 10.0
#: The number of bytes of a body that are read, and that it may have when it is decompressed.
MAX_BODY: Final = 32 * 1024

Headers = Sequence[tuple[str, str]]

# Of what is no HTTP, in characters.
_MAX_SHOWN: Final = 200
_FOLD: Final = re.compile(r"\r?\n[ \t]+")
# Of a success, the object itself; only a web page in its place is of interest.
_PAGE_TYPE: Final = re.compile(r"\s*(?:text/html|application/xhtml)", re.IGNORECASE)
# RFC 8446, 5.1 and 6: a record with an alert.
_TLS_ALERT: Final = "\x15\x03"
# What nginx, Go, Apache, Tomcat and Jetty say.
_TLS_WANTED: Final = re.compile(
    rb"plain HTTP request was sent to HTTPS port|sent an HTTP request to an HTTPS server|"
    rb"plain HTTP to an SSL-enabled|combination of host and port requires TLS",
    re.IGNORECASE,
)


class Unreachable(Exception):
    """A server sent no response, or not in HTTP. The message says what to check."""

    def __init__(self, kind: ResponseMistake, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Response(NamedTuple):
    """What a server sent.

    :param headers: names and values in the order in which they were sent, repeated ones included.
    :param body: the beginning of the body, decompressed; empty if it was not read.
    """

    status: int
    headers: Headers
    body: bytes = b""


def ask(url: SplitResult, method: str, headers: Headers, seconds: float) -> Response:
    """Send one request and give the response.

    :param seconds: the time limit for connecting, and again for the response.
    :raises Unreachable: if there is none.
    """
    try:
        response = _exchange(url, method, headers, seconds)
    except ssl.SSLError as error:
        raise _no_tls(error, url, seconds) from None
    except (OSError, HTTPException, ValueError) as error:
        raise _unreachable(error, url, seconds) from None
    if response.status == HTTPStatus.BAD_REQUEST and _TLS_WANTED.search(response.body):
        raise _of(ResponseMistake.SPEAKS_TLS)
    return response


def _exchange(url: SplitResult, method: str, headers: Headers, seconds: float) -> Response:
    connection = _connection(url, seconds)
    try:
        with _deadline(connection, seconds) as deadline:
            _send(connection, url, method, headers)
            # If the server closes the connection, the response owns the socket.
            with connection.getresponse() as response:
                received = _received(response)
                deadline.end()
                return received._replace(body=_beginning(response, received))
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
    headers = [(name, _FOLD.sub(" ", value).strip(BLANKS)) for name, value in response.getheaders()]
    return Response(response.status, headers)


def _beginning(response: HTTPResponse, received: Response) -> bytes:
    """The beginning of the body, as far as it arrives in time."""
    kind = value_of("Content-Type", received.headers) or ""
    if received.status < 300 and not _PAGE_TYPE.match(kind):
        return b""
    body = b""
    # What came before an error is good enough.
    with suppress(OSError, HTTPException, ValueError):
        while len(body) < MAX_BODY and (part := response.read1(MAX_BODY - len(body))):
            body += part
    encoding = (value_of("Content-Encoding", received.headers) or "identity").lower()
    return body if encoding == "identity" else _decompressed(body)


def _decompressed(body: bytes) -> bytes:
    try:
        # Of gzip and zlib alike; a bomb is cut off.
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, MAX_BODY)
    except zlib.error:
        return b""


def _of(kind: ResponseMistake, value: str = "") -> Unreachable:
    return Unreachable(kind, kind.text(value))


def _no_tls(error: ssl.SSLError, url: SplitResult, seconds: float) -> Unreachable:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of(ResponseMistake.CERTIFICATE, error.verify_message)
    if _responds(url, "http", seconds):
        return _of(ResponseMistake.SPEAKS_HTTP)
    reason = (error.reason or str(error)).replace("_", " ").lower()
    hint = "browsers fail, too: does the server speak TLS on this port?"
    return Unreachable(ResponseMistake.UNREACHABLE, f"no TLS connection: {reason}: {hint}")


def _responds(url: SplitResult, scheme: str, seconds: float) -> bool:
    """Whether a port speaks another scheme; a certificate that is refused is a response."""
    port = "" if url.port else f":{DEFAULT_PORTS[url.scheme]}"
    try:
        _exchange(SplitResult(scheme, url.netloc + port, "/", "", ""), "HEAD", [], seconds)
    except ssl.SSLCertVerificationError:
        return True
    except (OSError, HTTPException, ValueError):
        return False
    return True


def _unreachable(error: Exception, url: SplitResult, seconds: float) -> Unreachable:
    match error:
        case TimeoutError():
            return _because(
                f"no response within {seconds:g} seconds",
                "is the server busy, or behind a firewall?",
            )
        case socket.gaierror():
            return _of(ResponseMistake.NO_SUCH_HOST)
        case ConnectionRefusedError():
            return _of(ResponseMistake.CLOSED_PORT)
        case BadStatusLine() | ConnectionError() if _wants_tls(error, url, seconds):
            return _of(ResponseMistake.SPEAKS_TLS)
        case OSError():
            hint = "is the address right, and the server running?"
            return _because(f"no connection: {error.strerror or error}", hint)
    if type(error) in (HTTPException, LineTooLong):
        # http.client raises the first, and no subclass, for bad headers.
        hint = "correct them in the server, or in what is in front of it"
        return _because(f"the response's headers cannot be read: {error}", hint)
    said = repr(error)[:_MAX_SHOWN]
    return _because(f"the response is not HTTP: {said}", "is this the right port and scheme?")


def _because(message: str, hint: str) -> Unreachable:
    return Unreachable(ResponseMistake.UNREACHABLE, f"{message}: {hint}")


def _wants_tls(error: Exception, url: SplitResult, seconds: float) -> bool:
    """Whether a server that sends no HTTP speaks TLS."""
    if url.scheme == "https":
        return False
    if not isinstance(error, RemoteDisconnected | ConnectionError):
        return str(error).startswith(_TLS_ALERT)
    return _responds(url, "https", seconds)


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


class _Deadline:
    """The time limit for a response; when it ends, what was read is enough."""

    def __init__(self, connected: socket.socket, seconds: float) -> None:
        self._connected = connected
        self._expired = threading.Event()
        self._needed = True
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True
        self._timer.start()

    def _expire(self) -> None:
        self._expired.set()
        with suppress(OSError):
            self._connected.shutdown(socket.SHUT_RDWR)

    @property
    def is_missed(self) -> bool:
        """Whether the time ended too early."""
        return self._needed and self._expired.is_set()

    def end(self) -> None:
        """Note that what is needed has arrived.

        :raises TimeoutError: if the time ended before, since the beginning of a response may look
            like a whole one.
        """
        if self._expired.is_set():
            raise TimeoutError
        self._needed = False

    def cancel(self) -> None:
        """Stop the clock."""
        self._timer.cancel()


@contextmanager
def _deadline(connection: HTTPConnection, seconds: float) -> Iterator[_Deadline]:
    """Connect, and limit the time of the rest as a whole: a server may send single bytes."""
    connection.connect()
    connected = connection.sock
    deadline = _Deadline(connected, seconds)
    try:
        if isinstance(connected, ssl.SSLSocket):
            connected.do_handshake()
        yield deadline
    except (OSError, HTTPException, ValueError):
        if not deadline.is_missed:
            raise
    finally:
        deadline.cancel()
    if deadline.is_missed:
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
