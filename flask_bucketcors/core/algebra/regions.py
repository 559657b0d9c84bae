"""Requests that are alike, in words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from flask_bucketcors.core.algebra.partition import Atoms, bits
from flask_bucketcors.core.algebra.requests import Lists, Requests
from flask_bucketcors.core.algebra.spans import Span
from flask_bucketcors.core.headers import parse_requested_headers
from flask_bucketcors.core.origins import covers
from flask_bucketcors.core.wildcards import ANY, Wildcard


@dataclass(frozen=True, slots=True)
class HeaderLists:
    """The lists of header names that requests of a region ask for; names in lower case.

    :param names: what they consist of; if there is nothing, they are empty.
    :param one_of: sets of names; a list has at least one out of each. Without any, it may be
        empty.
    :param not_all_of: names of which a list lacks at least one; without any, it may have all.
    """

    names: tuple[Span, ...]
    one_of: tuple[tuple[Span, ...], ...] = ()
    not_all_of: tuple[str, ...] = ()

    def hold(self, names: Iterable[str]) -> bool:
        """Whether a list is one of them; one that no server reads is not."""
        requested = parse_requested_headers(",".join(names))
        if requested is None:
            return False
        asked = set(requested.names)
        return (
            all(_spans_hold(self.names, name) for name in asked)
            and all(any(_spans_hold(each, name) for name in asked) for each in self.one_of)
            and not (self.not_all_of and asked.issuperset(self.not_all_of))
        )

    def __str__(self) -> str:
        if not self.names:
            return "no header"
        names = _said(self.names)
        asked = "any headers" if names == ANY else f"headers out of {names}"
        for each in self.one_of:
            if each == self.names:
                asked += ", at least one"
            else:
                asked += f", at least one out of {_said(each)}"
        if self.not_all_of:
            all_of = ", ".join(self.not_all_of)
            asked += (
                f", without {all_of}" if len(self.not_all_of) == 1 else f", not all of {all_of}"
            )
        return asked if self.one_of else f"no header, or {asked}"


@dataclass(frozen=True, eq=False)
class Region:
    """Requests: all combinations of some origins, methods, and lists of header names.

    What it consists of is put in words when it is asked for: that can take much longer than to
    know that it is not empty.
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
        names = self._requests.names
        lists = self._lists
        absent = [names.atoms[bit].example for bit in bits(lists.not_all_of)]
        one_of = tuple(map(names.spans, lists.one_of))
        return HeaderLists(names.spans(lists.names), one_of, tuple(absent))

    def holds(self, origin: str, method: str, headers: Iterable[str] = ()) -> bool:
        """Whether a request is one of these.

        :param origin: the Origin header as sent.
        :param headers: the names that a preflight asks for, in any case.
        """
        return (
            method in self.methods
            and any(
                covers(span.pattern, origin)
                and not any(covers(each, origin) for each in span.but_not)
                for span in self.origins
            )
            and self.headers.hold(headers)
        )

    def as_dict(self) -> dict[str, Any]:
        """The region as plain data."""
        return {
            "origins": [_span_as_dict(each) for each in self.origins],
            "methods": list(self.methods),
            "headers": {
                "names": [_span_as_dict(each) for each in self.headers.names],
                "one_of": [[_span_as_dict(each) for each in some] for some in self.headers.one_of],
                "not_all_of": list(self.headers.not_all_of),
            },
        }

    def __str__(self) -> str:
        return f"{', '.join(self.methods)} from {_said(self.origins)}, with {self.headers}"


def _spans_hold(spans: Sequence[Span], name: str) -> bool:
    return any(
        _fits(span.pattern, name) and not any(_fits(each, name) for each in span.but_not)
        for span in spans
    )


def _fits(pattern: str, name: str) -> bool:
    wildcard = Wildcard.parse(pattern)
    return wildcard.fits(name) if wildcard else name == pattern


def _span_as_dict(span: Span) -> dict[str, Any]:
    return {"pattern": span.pattern, "but_not": list(span.but_not)}


def _said(spans: Sequence[Span]) -> str:
    return ", ".join(
        f"{span.pattern} (but not {', '.join(span.but_not)})" if span.but_not else span.pattern
        for span in spans
    )
