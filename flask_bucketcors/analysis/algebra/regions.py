"""Requests that are alike, in words."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from flask_bucketcors.analysis.algebra.partition import Atoms, bits
from flask_bucketcors.analysis.algebra.request_space import Lists, Requests, listed
from flask_bucketcors.analysis.algebra.spans import Span
from flask_bucketcors.core.headers import parse_requested_headers
from flask_bucketcors.core.origins import covers
from flask_bucketcors.core.wildcards import ANY, Wildcard

# What a "*" stands for where there is little room.
_HEADER: Final = "any header"


@dataclass(frozen=True, slots=True)
class HeaderLists:
    """The lists of requested headers of a region; names in lower case.

    :param names: the names that a list may have; without any, lists are empty.
    :param one_of: sets of names; a list has at least one name of each set. Without sets, it may be
        empty.
    :param not_all_of: names; a list lacks at least one of them. Without names, it may have all.
    """

    names: tuple[Span, ...]
    one_of: tuple[tuple[Span, ...], ...] = ()
    not_all_of: tuple[str, ...] = ()

    def hold(self, names: Iterable[str]) -> bool:
        """Whether a list is one of them; false for a list that is too long for a server."""
        requested = parse_requested_headers(",".join(names))
        if requested is None:
            return False
        asked = set(requested.names)
        return (
            all(hold_text(self.names, name, _fits) for name in asked)
            and all(any(hold_text(each, name, _fits) for name in asked) for each in self.one_of)
            and not (self.not_all_of and asked.issuperset(self.not_all_of))
        )

    def as_dict(self) -> dict[str, Any]:
        """The lists as plain data."""
        return {
            "names": spans_as_dicts(self.names),
            "one_of": list(map(spans_as_dicts, self.one_of)),
            "not_all_of": list(self.not_all_of),
        }

    def in_words(self, most: int | None = None) -> str:
        """Say which lists these are.

        :param most: how many of a number of values to name; None for all.
        """
        if not self.names:
            return "no header"
        parts = [self._names_in_words(most)]
        sets = [each for each in self.one_of if each != self.names]
        parts += [f"including one {_out_of(each, most)}" for each in sets[:most]]
        if len(sets) > len(parts) - 1:
            parts.append(f"and one out of each of {len(sets) - len(parts) + 1} more sets")
        if self.not_all_of:
            parts.append(f"but not all of {listed(self.not_all_of, most)}")
        text = ", ".join(parts)
        return text if self.one_of else f"no header, or {text}"

    def _names_in_words(self, most: int | None) -> str:
        is_any, has_one = self.names == (Span(ANY),), self.names in self.one_of
        if is_any:
            return "one or more headers of any name" if has_one else "any headers"
        return f"{'one or more' if has_one else 'headers out'} of {_said(self.names, most)}"

    def in_few_words(self, most: int | None = 3) -> str:
        """Say which lists these are, in a few words for the cell of a table.

        For example "no extra header", "any header", "content-type, x-cos-meta-*" if a request may
        ask for these, or "only with authorization" if it must.

        :param most: how many of a number of values to name; None for all.
        """
        if not self.names:
            return "no extra header"
        text = self._required_in_words(most) if self.one_of else _said(self.names, most, _HEADER)
        if self.not_all_of:
            return f"{text}, but not all of {listed(self.not_all_of, most)}"
        return text

    def _required_in_words(self, most: int | None) -> str:
        required = " and ".join(_one_in_words(each, most) for each in self.one_of[:most])
        more = len(self.one_of) - len(self.one_of[:most])
        beyond = f" and {more} more" if more else ""
        others = set(self.names).difference(*self.one_of)
        also = [each for each in self.names if each in others]
        if also and not any(each.pattern == ANY for some in self.one_of for each in some):
            beyond += f" (also {_said(also, most, 'any other')})"
        return f"only with {required}{beyond}"

    def __str__(self) -> str:
        return self.in_words()


@dataclass(frozen=True, eq=False)
class Region:
    """Requests: all combinations of some origins, methods, and lists of header names.

    Its origins and headers are worked out only on demand, because that can take long.

    :param methods: the methods.
    :raises TooIntricate: by its properties and methods, if the bounds of the diff do not suffice.
    """

    methods: tuple[str, ...]
    _requests: Requests = field(repr=False)
    _origins: Atoms = field(repr=False)
    _lists: Lists = field(repr=False)

    @cached_property
    def origins(self) -> tuple[Span, ...]:
        """The origins; all spans together."""
        return self._requests.origins.spans(self._origins)

    @cached_property
    def headers(self) -> HeaderLists:
        """The lists of header names."""
        return header_lists(self._requests, self._lists)

    def holds(self, origin: str, method: str, headers: Iterable[str] = ()) -> bool:
        """Whether a request is one of these.

        :param origin: the Origin header as sent.
        :param headers: the names that a preflight asks for, in any case.
        """
        return (
            method in self.methods
            and hold_text(self.origins, origin, covers)
            and self.headers.hold(headers)
        )

    def as_dict(self) -> dict[str, Any]:
        """The region as plain data."""
        return {
            "origins": spans_as_dicts(self.origins),
            "methods": list(self.methods),
            "headers": self.headers.as_dict(),
        }

    def in_words(self, most: int | None = None) -> str:
        """Say which requests these are.

        :param most: how many of a number of values to name; None for all.
        """
        origins = _said(self.origins, most, "any origin")
        return f"{', '.join(self.methods)} from {origins}, with {self.headers.in_words(most)}"

    def __str__(self) -> str:
        return self.in_words()


def header_lists(requests: Requests, lists: Lists) -> HeaderLists:
    """Put lists of header names in words.

    :raises TooIntricate: if the bounds of the work that the requests are a part of do not suffice.
    """
    names = requests.names
    absent = [names.atoms[bit].example for bit in bits(lists.not_all_of)]
    one_of = tuple(map(names.spans, lists.one_of))
    return HeaderLists(names.spans(lists.names), one_of, tuple(absent))


def spans_as_dicts(spans: Sequence[Span]) -> list[dict[str, Any]]:
    """Give spans as plain data."""
    return list(map(_span_as_dict, spans))


def hold_text(spans: Sequence[Span], text: str, fits: Callable[[str, str], bool]) -> bool:
    """Whether a text is in one of some spans, if this is how a pattern fits it."""
    return any(
        fits(span.pattern, text) and not any(fits(each, text) for each in span.but_not)
        for span in spans
    )


def _fits(pattern: str, name: str) -> bool:
    wildcard = Wildcard.parse(pattern)
    return wildcard.fits(name) if wildcard else name == pattern


def _span_as_dict(span: Span) -> dict[str, Any]:
    return {"pattern": span.pattern, "but_not": list(span.but_not)}


def _one_in_words(spans: Sequence[Span], most: int | None) -> str:
    """Say which names one is out of, in few words."""
    if len(spans) > 1:
        return f"one of {_said(spans, most)}"
    [(pattern, but_not)] = spans
    if pattern == ANY:
        return f"a header other than {listed(but_not, most)}" if but_not else "a header"
    return _said(spans, most)


def _out_of(spans: Sequence[Span], most: int | None) -> str:
    """Say out of which names one is."""
    if len(spans) == 1 and spans[0].pattern == ANY:
        return f"other than {listed(spans[0].but_not, most)}"
    return f"of {_said(spans, most)}"


def _said(spans: Sequence[Span], most: int | None, anything: str = ANY) -> str:
    return listed([_in_words(span, most, anything) for span in spans[:most]], most, len(spans))


def _in_words(span: Span, most: int | None, anything: str) -> str:
    pattern = anything if span.pattern == ANY else span.pattern
    return f"{pattern} (but not {listed(span.but_not, most)})" if span.but_not else pattern
