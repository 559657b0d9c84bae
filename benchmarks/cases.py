"""What is measured: requests as a server hands them over, the bare function, rules, stores."""

import io
import random
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from wsgicors import CORS

from flask_bucketcors import Rule, RuleSet, SQLiteStore

ORIGIN = "https://www.example.com"
OTHER_ORIGIN = "https://www.example.net"
HOST_SUFFIX = "cos.test"

# Rows that one transaction takes; more would only fill the memory.
PUT_AT_ONCE = 20_000

# All that gunicorn puts there for a browser's request; a shorter one would be copied faster.
ENVIRON: dict[str, Any] = {
    "wsgi.errors": sys.stderr,
    "wsgi.version": (1, 0),
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
    "wsgi.file_wrapper": object,
    "wsgi.input_terminated": True,
    "wsgi.input": io.BytesIO(),
    "wsgi.url_scheme": "https",
    "gunicorn.socket": None,
    "SERVER_SOFTWARE": "gunicorn",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "SERVER_NAME": "127.0.0.1",
    "SERVER_PORT": "8000",
    "REMOTE_ADDR": "127.0.0.1",
    "REMOTE_PORT": "50000",
    "REQUEST_METHOD": "GET",
    "QUERY_STRING": "",
    "RAW_URI": "/bucket/photos/cat.png",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/bucket/photos/cat.png",
    "HTTP_HOST": "store.test",
    "HTTP_CONNECTION": "keep-alive",
    "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0 Safari/537.36",
    "HTTP_ACCEPT": "*/*",
    "HTTP_ACCEPT_ENCODING": "gzip, deflate, br",
    "HTTP_ACCEPT_LANGUAGE": "en",
    "HTTP_REFERER": "https://www.example.com/",
    "HTTP_SEC_FETCH_DEST": "empty",
    "HTTP_SEC_FETCH_MODE": "cors",
    "HTTP_SEC_FETCH_SITE": "cross-site",
}


def actual(origin: str | None = ORIGIN) -> dict[str, Any]:
    """The environ of an actual request."""
    return ENVIRON if origin is None else {**ENVIRON, "HTTP_ORIGIN": origin}


def preflight(origin: str = ORIGIN) -> dict[str, Any]:
    """The environ of a preflight, for a PUT with two headers that have to be asked for."""
    return {
        **actual(origin),
        "REQUEST_METHOD": "OPTIONS",
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT",
        "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": "content-md5,content-type",
    }


def bare(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The function that the middlewares are put around: a fresh list of 3 headers."""
    headers = [("Content-Type", "text/plain"), ("Content-Length", "9"), ("ETag", '"1"')]
    start_response("200 OK", headers)
    return [b"an object"]


def bare_with_10_headers(
    environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """The same with the headers of an object that has some."""
    headers = [
        ("Content-Type", "text/plain"),
        ("Content-Length", "9"),
        ("ETag", '"1"'),
        ("Last-Modified", "Sun, 22 Nov 2026 10:00:00 GMT"),
        ("Cache-Control", "max-age=60"),
        ("Accept-Ranges", "bytes"),
        ("Content-Disposition", "inline"),
        ("x-cos-hash-crc64ecma", "1"),
        ("x-cos-storage-class", "STANDARD"),
        ("x-cos-meta-author", "somebody"),
    ]
    start_response("200 OK", headers)
    return [b"an object"]


#: The function that is wrapped, and whether the host names the bucket.
Wrapped = tuple[WSGIApplication, bool]


@dataclass(frozen=True)
class Case:
    """One kind of request.

    :param at_most: the project's limit, docs/performance.md: time over the bare function, with
        wsgicors as 1.
    :param app: the function that is wrapped.
    :param by_host: whether the host names the bucket, and not the path.
    """

    name: str
    environ: dict[str, Any] = field(repr=False)
    at_most: float | None = None
    app: WSGIApplication = bare
    by_host: bool = False

    @property
    def key(self) -> str:
        """The key of the environ that names the bucket."""
        return "HTTP_HOST" if self.by_host else "PATH_INFO"

    @property
    def wrapped(self) -> Wrapped:
        """What it asks for of a middleware: cases that agree in it can have the same one."""
        return self.app, self.by_host

    def names(self, buckets: Iterable[int]) -> list[str]:
        """What stands there for each of these buckets."""
        if self.by_host:
            return [f"{bucket_name(number)}.{HOST_SUFFIX}" for number in buckets]
        return [path_of(bucket_name(number)) for number in buckets]


PREFLIGHT = Case("preflight", preflight(), 1.1)
ACTUAL = Case("actual response", actual(), 1.3)
REFUSED_ACTUAL = Case("actual response, refused", actual(OTHER_ORIGIN), 3)
WITHOUT_ORIGIN = Case("without Origin", actual(None), 2.5)
REFUSED_PREFLIGHT = Case("preflight, refused, with its document", preflight(OTHER_ORIGIN), 6)
TEN_HEADERS = Case("10 headers instead of 3", actual(), app=bare_with_10_headers)
BY_HOST = Case("the host names the bucket", actual(), by_host=True)

CASES = [
    PREFLIGHT,
    ACTUAL,
    REFUSED_ACTUAL,
    WITHOUT_ORIGIN,
    REFUSED_PREFLIGHT,
    TEN_HEADERS,
    BY_HOST,
]


def bucket_name(number: int) -> str:
    return f"bucket-{number:07}"


def path_of(bucket: str) -> str:
    return f"/{bucket}/photos/cat.png"


def rule_set(number: int, origin: str = ORIGIN) -> RuleSet:
    """One rule; no two buckets have the same, so that nobody can keep one for all of them."""
    return RuleSet([Rule([origin], ["GET", "PUT"], ["*"], ["ETag"], 600 + number)])


def own_rule_set(number: int) -> RuleSet:
    """One rule with an origin that no other bucket names."""
    return rule_set(number, own_origin(number))


def own_origin(number: int) -> str:
    return f"https://www.site{number}.example"


def static_policy(app: WSGIApplication) -> WSGIApplication:
    """wsgicors with what :func:`rule_set` says, for all paths alike."""
    policy: WSGIApplication = CORS(
        app,
        origin=ORIGIN,
        methods="GET,PUT",
        headers="*",
        expose_headers="ETag",
        credentials="true",
        maxage="600",
    )
    return policy


def fill(store: SQLiteStore, pairs: Iterable[tuple[str, RuleSet]]) -> None:
    """Put many rule sets, some at a time."""
    rest = iter(pairs)
    while chunk := list(islice(rest, PUT_AT_ONCE)):
        store.put_many(chunk)


def build_store(path: Path, buckets: int) -> SQLiteStore:
    """Open a store of numbered buckets; fill it if it is not there yet."""
    is_new = not path.exists()
    store = SQLiteStore(path)
    if is_new:
        fill(store, ((bucket_name(number), rule_set(number)) for number in range(buckets)))
    return store


def shuffled(count: int) -> list[int]:
    """Numbers in an order that no cache can foresee; the same one each time."""
    numbers = list(range(count))
    random.Random(count).shuffle(numbers)
    return numbers
