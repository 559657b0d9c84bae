"""The request that somebody tries: from the fields of a form, or from pasted evidence."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Self

from flask_bucketcors.analysis.evidence import (
    MAX_CONSOLE,
    Arguments,
    from_console,
    from_copy,
    from_har,
)
from flask_bucketcors.analysis.explainer.exchange import PageRequest
from flask_bucketcors.console.visit import Visit
from flask_bucketcors.core.browser import combined, needs_preflight, sent_method, unsafe_names

_JSON_START: Final = ("{", "\ufeff{")
_COPIES: Final = ("curl ", "fetch(", "invoke-")
# Other invisible characters stay, so that the explanation can name them.
_BLANKS: Final = " \t\r\n"
_TOO_LONG: Final = (
    f"This text is longer than {MAX_CONSOLE:,} characters: paste the message or the request alone, "
    "without its body."
)
_NOT_READ: Final = (
    "This text is not understood. Paste one of these: the whole red message of the browser's "
    "console, a request that you copied as cURL, as fetch or as PowerShell from the network tab, "
    "or a HAR file."
)


@dataclass(frozen=True, kw_only=True)
class TriedRequest:
    """A request of a page, as far as it is known.

    :param headers: the names that a preflight requests.
    :param kind, response, guessed: see :func:`~flask_bucketcors.explain`.
    :param note: what was left out of the evidence, in a sentence; ``""`` for nothing.
    """

    origin: str
    method: str
    headers: tuple[str, ...] = ()
    cookies: bool = False
    kind: str | None = None
    response: Mapping[str, Any] | None = None
    guessed: tuple[str, ...] = ()
    note: str = ""

    @classmethod
    def from_fields(cls, fields: Mapping[str, str]) -> Self:
        """Read the fields of the form, which are also those of a link to the page."""
        return cls(
            origin=fields.get("origin", "").strip(_BLANKS),
            method=sent_method(fields.get("method", "").strip(_BLANKS)) or "GET",
            headers=tuple(_names(fields.get("headers", ""))),
            cookies=bool(fields.get("cookies")),
        )

    @classmethod
    def from_evidence(cls, text: str, origin: str) -> Self:
        """Read what was pasted.

        :param origin: the page's, if the text does not name it.
        :raises ValueError: if the text is not understood; the message says what to paste.
        """
        found, note = _read(text)
        return cls(
            origin=_whole(found.get("origin") or origin.strip(_BLANKS)),
            method=_whole(found["method"] or "GET"),
            headers=tuple(map(_whole, found["headers"])),
            cookies=found["credentials"],
            kind=found["kind"],
            response=found.get("response"),
            guessed=tuple(found.get("guessed", ())),
            note=note,
        )

    @property
    def is_preflighted(self) -> bool:
        """Whether the browser sends a preflight first."""
        if self.kind is None:
            return needs_preflight(self.method, self.headers)
        return self.kind == "preflight"

    @property
    def is_certain(self) -> bool:
        """Whether the method is known."""
        return "method" not in self.guessed

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of :func:`~flask_bucketcors.explain`."""
        return {
            "origin": self.origin,
            "method": self.method,
            "headers": self.headers,
            "credentials": self.cookies,
            "kind": self.kind,
            "response": self.response,
            "guessed": self.guessed,
        }

    def of_page(self, visit: Visit) -> PageRequest:
        """Give the request as a browser sends it to this application."""
        writer = visit.console.writer
        return PageRequest(
            origin=self.origin,
            method=self.method,
            headers=self.headers,
            credentials=self.cookies,
            preflighted=self.is_preflighted,
            dialect=writer.dialect,
            allow_credentials=writer.allow_credentials,
            vary=visit.console.vary,
        )


def _whole(text: str) -> str:
    """Replace halves of characters, which escapes may spell: no page can be encoded with them."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _names(text: str) -> Iterable[str]:
    """The names that a preflight requests, of lines with names, or with a name and its value."""
    pairs = list(_pairs(text))
    unsafe = unsafe_names(combined((name, value) for name, value in pairs if value))
    asked = (name for name, value in pairs if not value or name.lower() in unsafe)
    return dict.fromkeys(asked)


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            yield name.strip(_BLANKS), value.strip(_BLANKS)
        else:
            names = (each.strip(_BLANKS) for each in line.split(","))
            yield from ((each, "") for each in names if each)


def _read(text: str) -> tuple[Arguments, str]:
    """Read evidence of any kind, and say what was left out."""
    if text.lstrip().startswith(_JSON_START):
        first, *more = from_har(text.strip())
        if not more:
            return first, ""
        return first, f"The HAR file has {len(more)} more such requests; this is the first."
    if len(text) > MAX_CONSOLE:
        raise ValueError(_TOO_LONG)
    if not any(word in text.lower() for word in _COPIES):
        return _read_console(text), ""
    try:
        return from_copy(text), ""
    except ValueError as error:
        # The message of a console may hold one of the words, too.
        with suppress(ValueError):
            return from_console(text), ""
        raise error


def _read_console(text: str) -> Arguments:
    try:
        return from_console(text)
    except ValueError:
        raise ValueError(_NOT_READ) from None
