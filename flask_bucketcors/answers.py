"""The answers that this package gives itself: errors, and the id that every answer carries."""

import os
import re
import secrets
import time
from base64 import b64encode
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Final
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIEnvironment

from flask_bucketcors.core.dialects import Dialect
from flask_bucketcors.documents import format_error

# How much of a path an error document repeats, in characters.
MAX_PATH_SHOWN: Final = 256

# What a Host header may look like to be repeated.
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?")


class RequestIds:
    """Ids of the form that COS gives: base64 of ``time_x_y_z`` in hexadecimal.

    What is random and what takes a clock is made once for a process, when it answers for the
    first time; after that an id is a counter. A random one for each answer would cost more
    than all the rest of a preflight.
    """

    def __init__(self) -> None:
        self._process = 0
        self._prefix = ""
        self._counter: Iterator[int] = count()

    def next(self) -> str:
        """Give an id that no other answer has."""
        if self._process != os.getpid():
            self._begin()
        number = b"%06x" % (next(self._counter) & 0xFFFFFF)
        return self._prefix + b64encode(number).decode()

    def _begin(self) -> None:
        # 24 bytes: base64 of text whose length divides by 3 can be continued.
        now, noise = int(time.time()) & 0xFFFFFFFF, secrets.token_hex(7)
        text = f"{now:08x}_{noise[:8]}_{noise[8:13]}_"
        self._prefix = b64encode(text.encode()).decode()
        self._counter = count(secrets.randbelow(0xFFFF))
        self._process = os.getpid()


request_ids: Final = RequestIds()


def answer_error(
    environ: WSGIEnvironment,
    start_response: StartResponse,
    dialect: Dialect,
    code: str,
    *,
    message: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
) -> list[bytes]:
    """Answer with one of the dialect's errors.

    :param code: one of ``dialect.errors``.
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
    return (host if _HOST.fullmatch(host) else "") + shown


def _trace_id() -> str:
    # Base64 of 128 hexadecimal digits, as COS sends it.
    return b64encode(secrets.token_hex(64).encode()).decode()
