"""The requests, functions, rules and stores that the benchmarks use."""

import io
import json
import random
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from wsgicors import CORS

from flask_bucketcors import Rule, RuleSet, SQLiteStore

ORIGIN = "https://www.example.com"
HOST_SUFFIX = "cos.test"

#: A folder in memory (tmpfs), where no sync hides what a write costs.
MEMORY = Path("/dev/shm")

# Rows in one transaction. More would only take memory.
PUT_AT_ONCE = 20_000

# The keys that gunicorn sets for a browser's request. Fewer keys would be copied faster.
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
    """The environ of a preflight for a PUT with two requested headers."""
    return {
        **actual(origin),
        "REQUEST_METHOD": "OPTIONS",
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT",
        "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": "content-md5,content-type",
    }


def own_origin(number: int) -> str:
    """The origin that only one bucket names."""
    return f"https://www.site{number}.example"


def other_origin(number: int) -> str:
    """An origin that no bucket names, as long as the bucket's own."""
    return f"https://www.elsw{number}.example"


def bare(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The function that the middlewares wrap. It makes a new list of 3 headers each time."""
    headers = [("Content-Type", "text/plain"), ("Content-Length", "9"), ("ETag", '"1"')]
    start_response("200 OK", headers)
    return [b"an object"]


def bare_with_10_headers(
    environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """The same with 10 headers, as storage sends them with an object."""
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

    :param at_most: the project's limit in docs/performance.md: the time over the bare function,
        where wsgicors takes 1.
    :param origin_of: the origin that a request for a numbered bucket comes from; None for none.
    :param app: the function that is wrapped.
    :param by_host: whether the host names the bucket, instead of the path.
    """

    name: str
    environ: dict[str, Any] = field(repr=False)
    at_most: float | None = None
    origin_of: Callable[[int], str] | None = field(default=own_origin, kw_only=True)
    app: WSGIApplication = field(default=bare, kw_only=True)
    by_host: bool = field(default=False, kw_only=True)

    @property
    def wrapped(self) -> Wrapped:
        """What the middleware depends on. Cases with the same value share a middleware."""
        return self.app, self.by_host

    def requests(self, buckets: Iterable[int]) -> Iterator[dict[str, Any]]:
        """What is different in the environ of a request for each of these buckets."""
        for number in buckets:
            bucket = bucket_name(number)
            if self.by_host:
                different = {"HTTP_HOST": f"{bucket}.{HOST_SUFFIX}"}
            else:
                different = {"PATH_INFO": path_of(bucket)}
            if self.origin_of is not None:
                different["HTTP_ORIGIN"] = self.origin_of(number)
            yield different


PREFLIGHT = Case("preflight", preflight(), 1.0)
ACTUAL = Case("actual response", actual(), 1.05)
REFUSED_ACTUAL = Case("actual response, refused", actual(), 1.3, origin_of=other_origin)
WITHOUT_ORIGIN = Case("without Origin", actual(None), 2.5, origin_of=None)
REFUSED_PREFLIGHT = Case(
    "preflight, refused, with its document", preflight(), 3.5, origin_of=other_origin
)
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
    """One rule, different for each bucket, so that buckets cannot share compiled rules."""
    return RuleSet([Rule([origin], ["GET", "PUT"], ["*"], ["ETag"], 600 + number)])


def own_rule_set(number: int) -> RuleSet:
    """One rule with an origin that no other bucket names."""
    return rule_set(number, own_origin(number))


def document_of(rules: RuleSet) -> str:
    """The rules as the stores write them."""
    return json.dumps(rules.as_dict(), separators=(",", ":"))


def static_policy(app: WSGIApplication, origin: str) -> WSGIApplication:
    """wsgicors with the policy of :func:`rule_set`, the same for all paths."""
    policy: WSGIApplication = CORS(
        app,
        origin=origin,
        methods="GET,PUT",
        headers="*",
        expose_headers="ETag",
        credentials="true",
        maxage="600",
    )
    return policy


def fill(store: SQLiteStore, pairs: Iterable[tuple[str, RuleSet]]) -> None:
    """Put many rule sets, in several transactions."""
    rest = iter(pairs)
    while chunk := list(islice(rest, PUT_AT_ONCE)):
        store.put_many(chunk)


def build_store(path: Path, buckets: int, make: Callable[[int], RuleSet] = rule_set) -> SQLiteStore:
    """Open a store of numbered buckets. Fill it if it does not exist yet."""
    is_new = not path.exists()
    store = SQLiteStore(path)
    if is_new:
        fill(store, ((bucket_name(number), make(number)) for number in range(buckets)))
    return store


def shuffled(count: int, seed: int = 0) -> list[int]:
    """Numbers in a random order, which is the same in each run."""
    numbers = list(range(count))
    random.Random(seed).shuffle(numbers)
    return numbers
