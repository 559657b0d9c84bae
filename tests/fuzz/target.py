"""What a target is, and how it takes bytes apart."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes
from wsgiref.util import setup_testing_defaults


class Target(NamedTuple):
    """One parser under test.

    :param name: on the command line.
    :param check: takes any bytes; raises AssertionError where an invariant does not hold, and
        lets every exception through that is not documented.
    :param seeds: gives inputs to begin with.
    :param words: what mutants are made of, beside the seeds' own bytes.
    """

    name: str
    check: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    words: tuple[bytes, ...] = ()


class Message(NamedTuple):
    """A request in the form ``METHOD target``, then header lines, an empty line, the body."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @classmethod
    def read(cls, data: bytes) -> "Message":
        """Read any bytes; what has no sense is left out."""
        head, _, body = data.partition(b"\n\n")
        # As a WSGI server hands bytes over.
        first, *lines = head.decode("latin-1").split("\n")
        method, _, target = first.partition(" ")
        pairs = (line.partition(":") for line in lines)
        return cls(method, target, {name: value.strip() for name, _, value in pairs}, body)

    def environ(self) -> dict[str, Any]:
        """The request as a server hands it over."""
        path, _, query = self.target.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.method or "GET",
            "PATH_INFO": unquote_to_bytes(path.encode("latin-1")).decode("latin-1"),
            "QUERY_STRING": query,
        }
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
        setup_testing_defaults(environ)
        return environ


def message(method: str, target: str, headers: Iterable[Iterable[str]], body: bytes = b"") -> bytes:
    """Write a request in that form."""
    lines = [f"{method} {target}", *(": ".join(pair) for pair in headers)]
    return "\n".join(lines).encode("utf-8", "surrogateescape") + b"\n\n" + body


def check_words(text: str, limit: int | None, *beginnings: str) -> None:
    """A refusal says something, in no more characters than these, and begins in such a way."""
    assert text
    assert limit is None or len(text) <= limit
    assert text.startswith(beginnings or "")
