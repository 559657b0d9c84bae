"""The answers that this package gives itself: errors, and the id that every answer carries."""

import os
import secrets
import time
from base64 import b64encode
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Final
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIEnvironment

from flask_bucketcors.core.dialects import Dialect
from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.core.hosts import split_host
from flask_bucketcors.documents import format_error

# How much of a path an error document repeats, in characters.
MAX_PATH_SHOWN: Final = 256


class RequestIds:
    """Ids of the form that COS gives: base64 of ``time_x_y_z`` in hexadecimal.

    What is random and what takes a clock is made once for a process, when it answers for the
    first time; after that an id is a counter. A random one for each answer would cost more
    than all the rest of a preflight.
    """

    def __init__(self) -> None:
        self._process: tuple[int, str, Iterator[int]] = (0, "", count())

    def next(self) -> str:
        """Give an id that no other answer has."""
        process, prefix, counter = self._process
        if process != os.getpid():
            process, prefix, counter = self._process = self._begin()
        return prefix + b64encode(b"%09x" % (next(counter) & 0xFFFFFFFFF)).decode()

    def _begin(self) -> tuple[int, str, Iterator[int]]:
        # 24 bytes: base64 of text whose length divides by 3 can be continued. Threads that
        # come here at once get a random part each.
        now, noise = int(time.time()) & 0xFFFFFFFF, secrets.token_hex(7)
        text = f"{now:08x}_{noise[:8]}_{noise[8:13]}_"
        return os.getpid(), b64encode(text.encode()).decode(), count()


request_ids: Final = RequestIds()


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
    request_id, trace_id = request_ids.next(), _trace_id()
    body = format_error(
        dialect,
        {
            "Code": error.code,
            "Message": message or error.message,
            "Resource": resource(environ),
            "RequestId": request_id,
            "TraceId": trace_id,
        },
    )
    pairs = [
        ("Content-Type", "application/xml"),
        ("Content-Length", str(len(body))),
        *headers,
        (dialect.request_id_header, request_id),
        (dialect.trace_id_header, trace_id),
    ]
    start_response(error.status, pairs)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def resource(environ: WSGIEnvironment) -> str:
    """Host and path of a request as error documents show them, safe in any of them."""
    host = environ.get("HTTP_HOST", "")
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "") or "/"
    shown = quote(path.encode("latin-1", "replace"))[:MAX_PATH_SHOWN]
    return (host if split_host(host) else "") + shown


def _trace_id() -> str:
    # Base64 of 128 hexadecimal digits, as COS sends it.
    return b64encode(secrets.token_hex(64).encode()).decode()
