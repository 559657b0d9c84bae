"""The answers that this package gives itself: errors, and the id that every answer carries."""

import os
import re
import secrets
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import chain, product, repeat
from typing import Final
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIEnvironment

from flask_bucketcors.core.dialects import Dialect
from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.core.hosts import split_host
from flask_bucketcors.documents import format_error

# How much of a path an error document repeats, in characters.
MAX_PATH_SHOWN: Final = 256
# Error documents kept ready, but for what differs in each answer.
MAX_DOCUMENTS: Final = 128


# Three hexadecimal digits, in base64.
_THREE_DIGITS: Final = tuple(b64encode(b"%03x" % number).decode() for number in range(4096))
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/_.~-]*")


class Ids:
    """Ids for answers: what is random is drawn once for a process, the rest is a counter.

    A random one for each answer would cost more than all the rest of a preflight.

    :param draw: gives a beginning and an end in base64; the beginning stands for bytes whose
        number divides by 3, so that it can be continued by nine hexadecimal digits.
    """

    def __init__(self, draw: Callable[[], tuple[str, str]]) -> None:
        self._draw = draw
        #: Gives an id that no other answer has, and has no end.
        self.series = self._begin()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin_anew)

    def _begin_anew(self) -> None:
        # A child must not go on with the numbers of its parent.
        self.series = self._begin()

    def _begin(self) -> Iterator[str]:
        # All but the drawing runs in C, one step at a time, so that threads may share it.
        return chain.from_iterable(map(_numbered, iter(self._draw, None)))


def _numbered(ends: tuple[str, str]) -> Iterator[str]:
    beginning, end = ends
    return map("".join, product((beginning,), *repeat(_THREE_DIGITS, 3), (end,)))


def _draw_request_id() -> tuple[str, str]:
    # COS: base64 of time_x_y_z in hexadecimal.
    now, noise = int(time.time()) & 0xFFFFFFFF, secrets.token_hex(7)
    return b64encode(f"{now:08x}_{noise[:8]}_{noise[8:13]}_".encode()).decode(), ""


def _draw_trace_id() -> tuple[str, str]:
    # COS: base64 of 128 hexadecimal digits.
    noise = secrets.token_hex(60).encode()
    return b64encode(noise[:117]).decode(), b64encode(noise[117:119]).decode()


request_ids: Final = Ids(_draw_request_id)
trace_ids: Final = Ids(_draw_trace_id)


def answer_error(
    environ: WSGIEnvironment,
    start_response: StartResponse,
    dialect: Dialect,
    code: Refusal,
    *,
    message: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
) -> list[bytes]:
    """Answer with one of the dialect's errors.

    :param code: what for.
    :param message: the text, if not the dialect's own.
    :param headers: further headers of the answer.
    """
    error = dialect.errors[code]
    request_id, trace_id = next(request_ids.series), next(trace_ids.series)
    # None of these needs escaping.
    values = {"Resource": resource(environ), "RequestId": request_id, "TraceId": trace_id}
    body = (_document(dialect, error.code, message or error.message) % values).encode()
    pairs = [
        ("Content-Type", "application/xml"),
        ("Content-Length", str(len(body))),
        *headers,
        (dialect.request_id_header, request_id),
        (dialect.trace_id_header, trace_id),
    ]
    start_response(error.status, pairs)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


@lru_cache(MAX_DOCUMENTS)
def _document(dialect: Dialect, code: str, message: str) -> str:
    """An error document with places for what is another in each answer."""
    places = {name: f"%({name})s" for name in ("Resource", "RequestId", "TraceId")}
    texts = {"Code": code, "Message": message.replace("%", "%%")}
    return format_error(dialect, texts | places).decode()


def resource(environ: WSGIEnvironment) -> str:
    """Host and path of a request as error documents show them, safe in any of them."""
    host = environ.get("HTTP_HOST", "")
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "") or "/"
    if not _PLAIN_PATH.fullmatch(path):
        path = quote(path.encode("latin-1", "replace"))
    return (host if split_host(host) else "") + path[:MAX_PATH_SHOWN]
