"""A storage application for servers of every kind, in the middleware.

Every response has a chunk, an empty one where there is no body: hypercorn needs it.
"""

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

from hosts import DATABASE, GATES

from flask_bucketcors import BucketCORSMiddleware, RulesAPI, SQLiteStore
from tests.support.cos_signing import KEYS, NOW

#: How long it waits for that file.
GATE_SECONDS = 20

OBJECT = b"hello"
ETAG = '"v1"'
TEXT = ("Content-Type", "text/plain")
STATUSES = {"missing": "404 Not Found", "error": "500 Internal Server Error"}


def storage(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer by the last segment of the path, and else with the path as it arrived."""
    path = environ.get("PATH_INFO", "")
    kind = path.rpartition("/")[2]
    if kind == "broken":
        raise RuntimeError("the application fails on purpose")
    if kind == "stream":
        start_response("200 OK", [TEXT])
        return _stream(Path(os.environ[GATES], environ["QUERY_STRING"]))
    if kind == "object":
        return _object(environ, start_response)
    return _whole(environ, start_response, STATUSES.get(kind, "200 OK"), path.encode("latin-1"))


def _object(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    if environ.get("HTTP_IF_NONE_MATCH") == ETAG:
        start_response("304 Not Modified", [("ETag", ETAG)])
        return [b""]
    if environ.get("HTTP_RANGE") == "bytes=1-2":
        head = ("Content-Range", f"bytes 1-2/{len(OBJECT)}")
        return _whole(environ, start_response, "206 Partial Content", OBJECT[1:3], head)
    return _whole(environ, start_response, "200 OK", OBJECT)


def _whole(
    environ: WSGIEnvironment,
    start_response: StartResponse,
    status: str,
    body: bytes,
    *more: tuple[str, str],
) -> Iterable[bytes]:
    start_response(status, [TEXT, ("Content-Length", str(len(body))), ("ETag", ETAG), *more])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]


def _stream(gate: Path) -> Iterator[bytes]:
    yield b"first "
    deadline = time.monotonic() + GATE_SECONDS
    while not gate.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    yield b"last" if gate.exists() else b"nobody has read the first chunk"


store = SQLiteStore(os.environ[DATABASE])
application = BucketCORSMiddleware(
    storage,
    store=store,
    api=RulesAPI(store, access_keys=KEYS, clock=lambda: NOW),
)
