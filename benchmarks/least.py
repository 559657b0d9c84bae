"""The least code that could do the job: one dict lookup, one closure, one list.

It is here to be measured and does not do what the package does: all its answers are made
beforehand, for one origin a bucket; it compares neither method nor headers, never learns of a
change, and relies on an application that sends no CORS headers and no Vary of its own. What is
faster than this would have to do without one of the three.
"""

# An inner function's annotations would be worked out again for each request.
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from cases import ORIGIN, bucket_name

Pairs = tuple[tuple[str, str], ...]
#: Status, headers and body of a preflight's answer, and the headers for an actual response.
Answer = tuple[str, Pairs, list[bytes], Pairs]

_VARY = ("Vary", "Origin")
_DOCUMENT = b"<?xml version='1.0' encoding='utf-8' ?><Error><Code>AccessForbidden</Code></Error>"
_REFUSAL: Answer = (
    "403 Forbidden",
    (("Content-Type", "application/xml"), ("Content-Length", str(len(_DOCUMENT))), _VARY),
    [_DOCUMENT],
    (_VARY,),
)


def least(
    app: WSGIApplication, answers: Mapping[tuple[str, str | None], Answer], *, by_host: bool
) -> WSGIApplication:
    """Put the least code around an application."""
    key, separator, index = ("HTTP_HOST", ".", 0) if by_host else ("PATH_INFO", "/", 1)
    find = answers.get

    def middleware(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        bucket = environ[key].split(separator, 2)[index]
        status, pairs, body, added = find((bucket, environ.get("HTTP_ORIGIN")), _REFUSAL)
        if environ["REQUEST_METHOD"] == "OPTIONS":
            start_response(status, [*pairs])
            return body

        def decorate(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Callable[[bytes], object]:
            return start_response(status, [*headers, *added], exc_info)

        return app(environ, decorate)

    return middleware


def build_answers(buckets: int) -> dict[tuple[str, str | None], Answer]:
    """The answers for numbered buckets; each has its own, as in a store."""
    return {(bucket_name(number), ORIGIN): _answer(number) for number in range(buckets)}


def _answer(number: int) -> Answer:
    credentials = ("Access-Control-Allow-Credentials", "true")
    allowed, exposed = (
        ("Access-Control-Allow-Origin", ORIGIN),
        ("Access-Control-Expose-Headers", "ETag"),
    )
    preflight = (
        ("Content-Type", "text/plain"),
        ("Content-Length", "0"),
        credentials,
        ("Access-Control-Allow-Headers", "content-md5,content-type"),
        ("Access-Control-Allow-Methods", "GET,PUT"),
        allowed,
        exposed,
        ("Access-Control-Max-Age", str(600 + number)),
        _VARY,
    )
    return "200 OK", preflight, [], (credentials, allowed, exposed, _VARY)
