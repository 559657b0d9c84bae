"""The applications in the middleware, behind gunicorn: what arrives over a socket."""

import os
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest
from apps import CHUNKS, Application
from behind_gunicorn import FOLDER, NAME, ORIGIN, PEAK
from wsgi_calls import LARGE_BYTES, skip_unless_asked_for

from tests.support import ROOT
from tests.support.processes.servers import gunicorn

skip_unless_asked_for()

SECONDS = 30
#: In KiB. The file is four times as large.
MOST_GROWTH = 16 * 1024


@pytest.fixture
def connection(name: str, large: Path, folder: Path) -> Iterator[HTTPConnection]:
    """A connection to a worker with four threads."""
    paths = os.pathsep.join(map(str, (Path(__file__).parent, ROOT)))
    environ = {NAME: name, FOLDER: str(folder), "PYTHONPATH": paths}
    with gunicorn("behind_gunicorn:create_app()", workers=1, threads=4, environ=environ) as server:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)
        yield connection
        connection.close()


def ask(connection: HTTPConnection, method: str, target: str, **headers: str) -> HTTPResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, target, headers={"Origin": ORIGIN, "Host": "localhost", **named})
    return connection.getresponse()


def read(response: HTTPResponse) -> tuple[int, str | None, bytes]:
    """Status, the origin that is allowed, and the body."""
    return response.status, response.getheader("Access-Control-Allow-Origin"), response.read()


def size_of(response: HTTPResponse) -> int:
    """Read the body in pieces."""
    size = 0
    while piece := response.read(1024 * 1024):
        size += len(piece)
    return size


def test_what_arrives(application: Application, connection: HTTPConnection) -> None:
    whole = ask(connection, "GET", "/photos/cat.txt")
    assert read(whole) == (200, ORIGIN, b"hello, world")
    assert read(ask(connection, "GET", "/plain/cat.txt"))[2] == b"hello, world"
    part = read(ask(connection, "GET", "/photos/cat.txt", Range="bytes=1-3"))
    assert part == (206, ORIGIN, b"ell") or not application.has_ranges
    etag, since = whole.getheader("ETag"), whole.getheader("Last-Modified")
    condition = {"If_None_Match": etag} if etag else {"If_Modified_Since": str(since)}
    unchanged = read(ask(connection, "GET", "/photos/cat.txt", **condition))
    assert unchanged == (304, ORIGIN, b"")
    assert read(ask(connection, "GET", "/photos/missing.txt"))[:2] == (404, ORIGIN)
    if application.is_framework:
        stream = read(ask(connection, "GET", "/photos/stream"))
        assert stream == (200, ORIGIN, b"".join(CHUNKS))

    assert read(ask(connection, "GET", "/photos?cors"))[0] == 200
    assert read(ask(connection, "DELETE", "/photos?cors"))[0] == 204
    assert read(ask(connection, "GET", "/photos?cors"))[0] == 404
    # The bucket is still there; only its rules are gone.
    gone = ask(connection, "GET", "/photos/cat.txt")
    assert gone.getheader("Access-Control-Expose-Headers") != "ETag"
    assert gone.read() == b"hello, world"

    if application.is_flat:
        before = int(gone.getheader(PEAK) or 0)
        assert size_of(ask(connection, "GET", "/photos/large.bin")) == LARGE_BYTES
        after = ask(connection, "GET", "/photos/cat.txt")
        after.read()
        assert int(after.getheader(PEAK) or 0) - before < MOST_GROWTH
