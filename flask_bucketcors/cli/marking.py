"""The rule that decides, with the part that does not fit marked, as good compilers do."""

from collections.abc import Callable, Iterator, Mapping
from itertools import takewhile
from typing import Any, Final

import click

from flask_bucketcors.core.explain import Explanation, Mismatch
from flask_bucketcors.core.fields import LIST_ELEMENTS

RuleAt = Callable[[int], Mapping[str, Any]]

# Values of a field that are shown where none comes near.
_MAX_SHOWN: Final = 3


def marked_rule(explanation: Explanation, rule_at: RuleAt) -> Iterator[str]:
    """The lines that show where the request and the nearest rule part; none if they do not.

    :param rule_at: gives the fields of the rule at an index.
    """
    trace = explanation.nearest
    if trace is None or explanation.cause not in trace.causes:
        return
    rule = rule_at(trace.rule)
    yield click.style(f"  rule {trace.rule + 1}", bold=True)
    for mismatch in trace.mismatches:
        yield from _marked_field(mismatch, rule.get(mismatch.field))


def _marked_field(mismatch: Mismatch, values: object) -> Iterator[str]:
    """The value that came nearest, and below it what is marked and why."""
    margin = f"    {LIST_ELEMENTS.get(mismatch.field, mismatch.field)}  "
    asked = _ascii(mismatch.asked)
    texts = _texts(values)
    if mismatch.nearest is None:
        shown = _shown(texts)
        start, length = 0, len(shown)
    else:
        shown = _ascii(mismatch.nearest)
        start, length = _difference(shown, asked)
        shown += _count(len(texts) - 1)
    yield margin + shown
    mark = click.style("^" * length, fg="red", bold=True)
    causes = f" ({', '.join(mismatch.causes)})" if mismatch.causes else ""
    yield f"{' ' * (len(margin) + start)}{mark} asked: {asked}{causes}"


def _difference(text: str, other: str) -> tuple[int, int]:
    """Where two texts differ: the first character in ``text``, and how many, at least one."""
    start = _count_equal(text, other)
    rest, other_rest = text[start:], other[start:]
    return start, max(1, len(rest) - _count_equal(rest[::-1], other_rest[::-1]))


def _count_equal(text: str, other: str) -> int:
    """How many characters two texts begin with in common."""
    pairs = zip(text, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _shown(texts: list[str]) -> str:
    shown = ", ".join(map(_ascii, texts[:_MAX_SHOWN])) or "(none)"
    return shown + _count(len(texts) - _MAX_SHOWN)


def _count(more: int) -> str:
    return f"  (and {more} more)" if more > 0 else ""


def _texts(values: object) -> list[str]:
    # Rules that are explained need not be such as a bucket may have.
    if isinstance(values, list | tuple):
        return [str(each) for each in values]
    return [] if values is None else [str(values)]


def _ascii(text: str) -> str:
    """A letter that only looks like another one, and one that cannot be seen, are escaped."""
    return ascii(text)[1:-1] if not (text.isascii() and text.isprintable()) else text
