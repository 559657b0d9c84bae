"""A storage application that answers as the query of a URL asks, behind the middleware.

Buckets are below ``PREFIX``. What is outside is the application's own and no bucket's: ``/`` is
an empty page, so that every host name gives pages an origin, and any other path answers with
nothing but what its query asks for.
"""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask_bucketcors import BucketCORSMiddleware, RulesAPI, SQLiteStore
from tests.support.cos_signing import KEYS

#: Name the variables of the environment that hold the path of the database and the Vary mode.
DATABASE: Final = "SERVED_DATABASE"
VARY: Final = "SERVED_VARY"

PREFIX: Final = "/buckets"
LOG_PATH: Final = "/log"

ETAG: Final = '"object"'
SIZE_HEADER: Final = "x-cos-meta-size"
# A picture of one pixel: what is no image is kept from <img> before any cache.
OBJECT: Final = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)
PAGE: Final = b"<!doctype html><title>page</title>"

Query = dict[str, list[str]]


@dataclass(frozen=True)
class Request:
    """A request as it reached the server; names of headers are in lower case."""

    token: str
    method: str
    host: str
    target: str
    headers: dict[str, str]


def create_app() -> WSGIApplication:
    """Build the application around the database that the environment names."""
    store = SQLiteStore(os.environ[DATABASE])
    api = RulesAPI(store, access_keys=KEYS)
    return Recorder(
        BucketCORSMiddleware(
            answer,
            store=store,
            api=api,
            url_prefix=PREFIX,
            vary=os.environ[VARY],
            timing_allow_origin=True,
        )
    )


class Recorder:
    """Stands outermost, and tells at ``LOG_PATH`` which requests with a token have come."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self._requests: list[Request] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        token = parse_qs(environ["QUERY_STRING"]).get("token", [""])[0]
        if environ["PATH_INFO"] == LOG_PATH:
            return self._tell(token, start_response)
        if token:
            self._requests.append(_request(token, environ))
        return self._app(environ, start_response)

    def _tell(self, prefix: str, start_response: StartResponse) -> list[bytes]:
        found = [asdict(each) for each in self._requests if each.token.startswith(prefix)]
        return _send(start_response, 200, [("Content-Type", "application/json")], _json(found))


def answer(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Received as the query asks.

    ``status`` and ``header`` (``Name: value``, any number of them) say what to answer;
    ``login=1`` lets nobody in who sends no Authorization, and ``slash=1`` redirects to the path
    with a slash behind it, both whatever the method is.
    """
    if environ["PATH_INFO"] == "/":
        return _send(start_response, 200, [("Content-Type", "text/html")], PAGE)
    query = parse_qs(environ["QUERY_STRING"])
    status, headers = _status_and_headers(environ, query)
    has_body = environ["REQUEST_METHOD"] != "HEAD" and status not in (204, 304)
    return _send(start_response, status, headers, OBJECT if has_body else b"")


def _status_and_headers(
    environ: WSGIEnvironment, query: Query
) -> tuple[int, list[tuple[str, str]]]:
    path = environ["PATH_INFO"]
    if "login" in query and "HTTP_AUTHORIZATION" not in environ:
        return 401, []
    if "slash" in query and not path.endswith("/"):
        return 308, [("Location", f"{path}/?{environ['QUERY_STRING']}")]
    unchanged = environ.get("HTTP_IF_NONE_MATCH") == ETAG
    status = int(query.get("status", ["304" if unchanged else "200"])[0])
    headers = [("Content-Type", "image/gif"), ("ETag", ETAG), (SIZE_HEADER, str(len(OBJECT)))]
    return status, headers + [_pair(line) for line in query.get("header", [])]


def _send(
    start_response: Callable[..., Any],
    status: int,
    headers: Sequence[tuple[str, str]],
    body: bytes,
) -> list[bytes]:
    length = [] if status in (204, 304) else [("Content-Length", str(len(body)))]
    start_response(f"{status} {HTTPStatus(status).phrase}", [*headers, *length])
    return [body]


def _request(token: str, environ: WSGIEnvironment) -> Request:
    headers = {
        key.removeprefix("HTTP_").replace("_", "-").lower(): value
        for key, value in environ.items()
        if key.startswith("HTTP_")
    }
    target = environ["RAW_URI"]
    return Request(token, environ["REQUEST_METHOD"], headers["host"], target, headers)


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition(": ")
    return name, value


def _json(value: object) -> bytes:
    return json.dumps(value).encode()
