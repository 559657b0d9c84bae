"""What a change of rules changes for pages, grouped by the origins that it concerns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from flask_bucketcors.analysis.algebra.diff import Change, ChangeKind, Diff
from flask_bucketcors.analysis.algebra.pattern_words import pattern_in_words
from flask_bucketcors.analysis.algebra.request_space import Example
from flask_bucketcors.analysis.algebra.spans import Span
from flask_bucketcors.analysis.algebra.terms import Terms
from flask_bucketcors.console.shown_text import counted

# How many origins of a group are named, and how many values of each list.
_MOST_ORIGINS: Final = 3
_MOST_VALUES: Final = 5


@dataclass(frozen=True, slots=True)
class ChangedRequests:
    """Requests of a group that change alike.

    :param methods: such as ``GET, PUT``.
    :param headers: which headers they may have, in few words.
    :param terms: on which terms they are allowed, or how these change; may be empty.
    :param example: one of them.
    """

    methods: str
    headers: str
    terms: str
    example: Example


@dataclass(frozen=True, slots=True)
class ChangesOfOrigins:
    """What changes in the same direction for some origins.

    :param origins: the origins in words.
    """

    kind: ChangeKind
    origins: str
    requests: tuple[ChangedRequests, ...]


def changes_by_origins(diff: Diff, telling: Sequence[Example] = ()) -> list[ChangesOfOrigins]:
    """Group what browsers notice; what is newly allowed comes first.

    :param telling: example requests that are better than others.
    :raises TooIntricate: if the bounds of the diff do not suffice.
    """
    groups = [
        ChangesOfOrigins(
            kind, _in_words(origins), tuple(_requests(each, telling) for each in changes)
        )
        for origins, found in diff.by_origins().items()
        for kind in ChangeKind
        if (changes := [each for each in found if each.kind is kind and each.is_felt])
    ]
    order = tuple(ChangeKind)
    return sorted(groups, key=lambda each: order.index(each.kind))


def _requests(change: Change, telling: Sequence[Example]) -> ChangedRequests:
    if change.kind is ChangeKind.OTHER_TERMS:
        terms = "; ".join(_differences(change))
    else:
        granted = change.after or change.before
        terms = "with cookies" if granted and granted.credentials else ""
    headers = change.region.headers.in_few_words(_MOST_VALUES)
    example = next((each for each in telling if change.region.holds(*each)), change.witness)
    return ChangedRequests(", ".join(change.region.methods), headers, terms, example)


def _differences(change: Change) -> Iterator[str]:
    """Say how terms change, as far as browsers notice."""
    before, after = change.before, change.after
    if before is None or after is None:
        return
    if before.credentials != after.credentials:
        yield f"cookies: {_cookies(before)} → {_cookies(after)}"
    elif before.any_origin != after.any_origin:
        yield f"the response names: {_named(before)} → {_named(after)}"
    if before.exposed != after.exposed:
        yield f"readable headers: {_listed(before.exposed)} → {_listed(after.exposed)}"
    if before.max_age != after.max_age:
        yield f"kept for: {_kept(before.max_age)} → {_kept(after.max_age)}"


def _cookies(terms: Terms) -> str:
    return "yes" if terms.credentials else "no"


def _named(terms: Terms) -> str:
    return "*" if terms.any_origin else "the origin"


def _kept(seconds: int | None) -> str:
    return "the browser decides" if seconds is None else counted(seconds, "second")


def _in_words(origins: Sequence[Span]) -> str:
    told = [_span_in_words(each) for each in origins[:_MOST_ORIGINS]]
    more = len(origins) - len(told)
    return "; ".join(told) + (f"; and {more} more" if more else "")


def _span_in_words(span: Span) -> str:
    text = pattern_in_words(span.pattern)
    return f"{text}, but not {_listed(span.but_not)}" if span.but_not else text


def _listed(values: Sequence[str] | frozenset[str]) -> str:
    ordered = sorted(values) if isinstance(values, frozenset) else values
    told = list(ordered[:_MOST_VALUES])
    more = len(ordered) - len(told)
    return (", ".join(told) or "none") + (f" and {more} more" if more else "")
