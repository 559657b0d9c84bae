"""Prints the changes between rule sets, in lines that begin with ``+``, ``-`` or ``~``."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

import click

from flask_bucketcors.analysis.algebra.diff import Change, ChangeKind, Diff
from flask_bucketcors.analysis.algebra.request_space import listed
from flask_bucketcors.analysis.algebra.terms import Terms
from flask_bucketcors.cli.terminal import counted, printable
from flask_bucketcors.core.headers import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    EXPOSE_HEADERS,
    MAX_AGE,
)
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.core.wildcards import ANY

_GROUPS: Final = {
    ChangeKind.NEWLY_ALLOWED: ("+", "green", "newly allowed"),
    ChangeKind.NO_LONGER_ALLOWED: ("-", "red", "no longer allowed"),
    ChangeKind.OTHER_TERMS: ("~", "yellow", "on other terms"),
}
_NAMES: Final = {
    "any_origin": ALLOW_ORIGIN,
    "credentials": ALLOW_CREDENTIALS,
    "methods": ALLOW_METHODS,
    "headers": ALLOW_HEADERS,
    "exposed": EXPOSE_HEADERS,
    "max_age": MAX_AGE,
}
# The number of changes of one kind that are printed; JSON has all.
_MAX_CHANGES: Final = 20
_MAX_SHOWN: Final = 5


class Side(NamedTuple):
    """Rules to compare.

    :param name: the file or the bucket, printable.
    :param rule_set: None for no rules.
    :param lacking_methods: methods that the API refuses until the settings allow them.
    :param notes: what was read as something else, or not at all.
    """

    name: str
    rule_set: RuleSet | None
    lacking_methods: Sequence[str] = ()
    notes: Sequence[str] = ()


def print_sides(old: Side, new: Side) -> None:
    """Print the names of both sides, as ``diff -u`` does, and a change of ResponseVary.

    ResponseVary does not decide requests, so it is not among the changes.
    """
    for mark, side in (("---", old), ("+++", new)):
        none = "" if side.rule_set else " (no rules)"
        click.echo(click.style(f"{mark} {side.name}{none}", bold=True))
    for side in (old, new):
        if side.lacking_methods:
            methods = ", ".join(side.lacking_methods)
            click.echo(f"{side.name} needs {methods} in BUCKETCORS_EXTRA_METHODS")
    before, after = (bool(each.rule_set and each.rule_set.response_vary) for each in (old, new))
    if before is not after:
        click.echo(f"ResponseVary: {str(before).lower()} -> {str(after).lower()}")


def print_changes(changes: Diff) -> None:
    """Print the changes by kind, newly allowed requests first, and the number of changes."""
    for kind, (mark, colour, title) in _GROUPS.items():
        group = changes.of_kind(kind)
        if group:
            click.echo(click.style(title.capitalize(), bold=True))
        for change in group[:_MAX_CHANGES]:
            _print_change(change, mark, colour)
        if len(group) > _MAX_CHANGES:
            more = len(group) - _MAX_CHANGES
            click.echo(click.style(f"{mark} and {more} more; --format json has all", fg=colour))
    click.echo(_count_of(changes))


def _count_of(changes: Diff) -> str:
    """The number of changes, in words."""
    if not changes:
        return "both rule sets treat every request alike"
    counts = {title: len(changes.of_kind(kind)) for kind, (_, _, title) in _GROUPS.items()}
    parts = ", ".join(f"{count} {title}" for title, count in counts.items() if count)
    return f"{counted(len(changes), 'change')}: {parts}"


def _print_change(change: Change, mark: str, colour: str) -> None:
    click.echo(click.style(f"{mark} {printable(change.region.in_words(_MAX_SHOWN))}", fg=colour))
    for line in _terms(change):
        click.echo(f"    {printable(line)}")
    click.echo(f"    example request: {printable(change.witness.in_words(_MAX_SHOWN))}")


def _listed(names: Collection[str]) -> str:
    return listed(sorted(names), _MAX_SHOWN)


def _terms(change: Change) -> Iterator[str]:
    """The terms of newly allowed requests, or how terms change."""
    before, after = change.before, change.after
    if before is not None and after is not None:
        for aspect in change.aspects:
            yield f"{_NAMES[aspect]}: {_other(aspect, before, after)}"
    elif after is not None:
        said = (f"{_NAMES[name]}: {_said(name, after)}" for name in _SAID if getattr(after, name))
        yield "; ".join([f"{ALLOW_ORIGIN}: {_said('any_origin', after)}", *said])


# Terms of a newly allowed request; methods and headers are part of the region.
_SAID: Final = ("credentials", "exposed", "max_age")


def _other(aspect: str, before: Terms, after: Terms) -> str:
    """A term before and after; of a long list, what was removed and what was added."""
    old, new = getattr(before, aspect), getattr(after, aspect)
    if isinstance(old, frozenset) and max(len(old), len(new)) > _MAX_SHOWN:
        parts = {"without": old - new, "with": new - old}
        said = (f"{word} {_listed(names)}" for word, names in parts.items() if names)
        return f"now {' and '.join(said)}"
    return f"{_said(aspect, before)} -> {_said(aspect, after)}"


def _said(aspect: str, terms: Terms) -> str:
    value = getattr(terms, aspect)
    if aspect == "any_origin":
        return ANY if value else "the origin"
    if aspect == "credentials":
        return "true" if value else "none"
    if isinstance(value, frozenset):
        return _listed(value) or "none"
    return "none" if value is None else f"{value} seconds"
