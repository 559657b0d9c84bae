"""A server of WSGI applications in a few lines, which keeps everything that it was told."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import IO, Any
from wsgiref.types import WSGIApplication, WSGIEnvironment

import pytest
from werkzeug.test import EnvironBuilder

ASKED_FOR = "BUCKETCORS_APPLICATIONS"
LARGE_BYTES = 64 * 1024 * 1024

# They are other ones in each response.
VOLATILE = frozenset({"date", "expires", "x-amzn-requestid"})
# Likewise in error documents: the time in those of WsgiDAV, ids in those of moto.
VOLATILE_TEXT = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+|<(RequestId|HostId)>[^<]*")


def skip_unless_asked_for() -> None:
    """Skip the module that calls this, unless the environment asks for it."""
    if os.environ.get(ASKED_FOR) != "1":
        pytest.skip(
            f"takes the extra applications: {ASKED_FOR}=1 asks for it", allow_module_level=True
        )


class FileWrapper:
    """What a server hands out as ``wsgi.file_wrapper``."""

    def __init__(self, file: IO[bytes], size: int = 8192) -> None:
        self.file = file
        self.size = size
        self.closed = 0

    def __iter__(self) -> "FileWrapper":
        return self

    def __next__(self) -> bytes:
        if chunk := self.file.read(self.size):
            return chunk
        raise StopIteration

    def close(self) -> None:
        self.closed += 1
        self.file.close()


@dataclass
class Call:
    """A call of an application.

    :param iterable: what it returned.
    :param excs: the type of each exception that came with ``start_response``.
    :param size: bytes of the body.
    """

    status: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    iterable: Iterable[bytes] = ()
    excs: list[type[BaseException]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Any:
        if exc_info:
            self.excs.append(exc_info[0])
        self.status, self.headers = status, list(headers)
        return self.chunks.append

    @property
    def body(self) -> bytes:
        """What is the same each time of the body."""
        return VOLATILE_TEXT.sub(b"", b"".join(self.chunks))

    @property
    def code(self) -> int:
        return int(self.status.split(" ", 1)[0])

    @property
    def steady(self) -> list[tuple[str, str]]:
        """The headers that are the same each time, as they came."""
        return [pair for pair in self.headers if pair[0].lower() not in VOLATILE]

    def named(self, prefix: str = "") -> dict[str, str]:
        """The headers whose names begin so, by their names in lower case."""
        pairs = ((name.lower(), value) for name, value in self.steady)
        return {name: value for name, value in pairs if name.startswith(prefix)}


def environ_of(
    method: str, url: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> WSGIEnvironment:
    """The environ of a request; of an application that uses the wrapper, :class:`FileWrapper`."""
    builder = EnvironBuilder(
        path=url, method=method, headers=headers, data=body, base_url="http://localhost/"
    )
    environ = builder.get_environ()
    builder.close()
    return {**environ, "wsgi.file_wrapper": FileWrapper}


def run(app: WSGIApplication, environ: WSGIEnvironment, *, keep: bool = True) -> Call:
    """Call an application, read all that it returns, and close it.

    :param keep: whether the body is kept.
    """
    call = Call()
    call.iterable = app(environ, call.start_response)
    try:
        for chunk in call.iterable:
            call.size += len(chunk)
            if keep:
                call.chunks.append(chunk)
    finally:
        close(call.iterable)
    return call


def close(iterable: Iterable[bytes]) -> None:
    if hasattr(iterable, "close"):
        iterable.close()
