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
#: The origin that is allowed, and the headers for a preflight and for an actual response.
Answer = tuple[str | None, Pairs, Pairs]

_VARY = ("Vary", "Origin")
_ACTUAL = (
    ("Access-Control-Allow-Credentials", "true"),
    ("Access-Control-Allow-Origin", ORIGIN),
    ("Access-Control-Expose-Headers", "ETag"),
)
_PREFLIGHT = (
    ("Content-Type", "text/plain"),
    ("Content-Length", "0"),
    *_ACTUAL,
    ("Access-Control-Allow-Headers", "content-md5,content-type"),
    ("Access-Control-Allow-Methods", "GET,PUT"),
)
_NOBODY: Answer = ("nobody", (), ())
_DOCUMENT = b"<?xml version='1.0' encoding='utf-8' ?><Error><Code>AccessForbidden</Code></Error>"
_REFUSAL = (
    ("Content-Type", "application/xml"),
    ("Content-Length", str(len(_DOCUMENT))),
    _VARY,
)


def least(app: WSGIApplication, answers: Mapping[str, Answer], *, by_host: bool) -> WSGIApplication:
    """Put the least code around an application."""
    key, separator, index = ("HTTP_HOST", ".", 0) if by_host else ("PATH_INFO", "/", 1)
    find = answers.get

    def middleware(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = find(environ[key].split(separator, 2)[index], _NOBODY)
        allowed = environ.get("HTTP_ORIGIN") == answer[0]
        if environ["REQUEST_METHOD"] == "OPTIONS":
            if allowed:
                start_response("200 OK", [*answer[1]])
                return []
            start_response("403 Forbidden", [*_REFUSAL])
            return [_DOCUMENT]
        added = answer[2] if allowed else (_VARY,)

        def decorate(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Callable[[bytes], object]:
            return start_response(status, [*headers, *added], exc_info)

        return app(environ, decorate)

    return middleware


def build_answers(buckets: int) -> dict[str, Answer]:
    """The answers for numbered buckets; they share what is the same, and no more."""
    return {bucket_name(number): _answer(number) for number in range(buckets)}


def _answer(number: int) -> Answer:
    own = ("Access-Control-Max-Age", str(600 + number))
    return ORIGIN, (*_PREFLIGHT, own, _VARY), (*_ACTUAL, _VARY)
