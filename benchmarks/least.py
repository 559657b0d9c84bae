"""The least code that could do the job: one dict lookup, one closure, one list.

It only serves as a measure, and does less than the package. It prepares all responses, for one
origin in each bucket. It compares neither method nor headers, never learns of a change, and
relies on an application that sends no CORS headers and no Vary. Faster code would have to do
without the lookup, the closure or the list.
"""

# Otherwise each request would evaluate the annotations of the inner function again.
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from cases import bucket_name

Pairs = tuple[tuple[str, str], ...]
#: The origin that is allowed, and the headers for a preflight and for an actual response.
Prepared = tuple[str | None, Pairs, Pairs]

_VARY = ("Vary", "Origin")
_ACTUAL = (
    ("Access-Control-Allow-Credentials", "true"),
    ("Access-Control-Expose-Headers", "ETag"),
    _VARY,
)
_PREFLIGHT = (
    ("Content-Type", "text/plain"),
    ("Content-Length", "0"),
    *_ACTUAL,
    ("Access-Control-Allow-Headers", "content-md5,content-type"),
    ("Access-Control-Allow-Methods", "GET,PUT"),
)
_NOBODY: Prepared = ("nobody", (), ())
_DOCUMENT = b"<?xml version='1.0' encoding='utf-8' ?><Error><Code>AccessForbidden</Code></Error>"
_REFUSAL = (
    ("Content-Type", "application/xml"),
    ("Content-Length", str(len(_DOCUMENT))),
    _VARY,
)


def least(
    app: WSGIApplication, prepared: Mapping[str, Prepared], *, by_host: bool
) -> WSGIApplication:
    """Wrap an application in the least code."""
    key, separator, index = ("HTTP_HOST", ".", 0) if by_host else ("PATH_INFO", "/", 1)
    find = prepared.get

    def middleware(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        origin, for_preflight, for_actual = find(environ[key].split(separator, 2)[index], _NOBODY)
        allowed = environ.get("HTTP_ORIGIN") == origin
        if environ["REQUEST_METHOD"] == "OPTIONS":
            if allowed:
                start_response("200 OK", [*for_preflight])
                return []
            start_response("403 Forbidden", [*_REFUSAL])
            return [_DOCUMENT]
        added = for_actual if allowed else (_VARY,)

        def decorate(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Callable[[bytes], object]:
            return start_response(status, [*headers, *added], exc_info)

        return app(environ, decorate)

    return middleware


def prepare(buckets: Iterable[int], origin_of: Callable[[int], str]) -> dict[str, Prepared]:
    """The origins and headers for numbered buckets. Equal headers are shared objects.

    The data of the buckets lie in memory in the order of ``buckets``.
    """
    return {bucket_name(number): _prepared(number, origin_of(number)) for number in buckets}


def _prepared(number: int, origin: str) -> Prepared:
    allowed = ("Access-Control-Allow-Origin", origin)
    max_age = ("Access-Control-Max-Age", str(600 + number))
    return origin, (*_PREFLIGHT, allowed, max_age), (*_ACTUAL, allowed)
