"""The rule that decides, with the part that does not fit marked, as good compilers do."""

from collections.abc import Callable, Iterator, Mapping
from itertools import takewhile
from shutil import get_terminal_size
from typing import Any, Final

import click

from flask_bucketcors.analysis.explainer.explain import Explanation
from flask_bucketcors.analysis.explainer.rule_trace import Mismatch
from flask_bucketcors.core.dialects import LIST_ELEMENTS

RuleAt = Callable[[int], Mapping[str, Any]]

ELEMENTS: Final = {**LIST_ELEMENTS, "max_age_seconds": "MaxAgeSeconds", "id": "ID"}
# Values of a field that are shown where none comes near.
_MAX_SHOWN: Final = 3
# Characters of a value where no terminal says how many there is room for.
_USUAL_WIDTH: Final = 100
_LEAST_WIDTH: Final = 20
_CUT: Final = "..."


def marked_rule(explanation: Explanation, rule_at: RuleAt) -> Iterator[str]:
    """The lines that show where the request and the nearest rule differ; none if they do not.

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
    margin = f"    {ELEMENTS.get(mismatch.field, mismatch.field)}  "
    asked = escaped(mismatch.asked)
    texts = texts_of(values)
    if mismatch.nearest is None:
        shown = listed(texts)
        start, length = 0, len(shown)
    else:
        shown = escaped(mismatch.nearest)
        start, length = difference(shown, asked)
        shown += count_of_more(len(texts) - 1)
    yield margin + shown
    mark = click.style("^" * length, fg="red", bold=True)
    causes = f" ({', '.join(mismatch.causes)})" if mismatch.causes else ""
    yield f"{' ' * (len(margin) + start)}{mark} sent: {asked}{causes}"


def difference(text: str, other: str) -> tuple[int, int]:
    """Where two texts differ: the first character in ``text``, and how many, at least one."""
    start = _count_equal(text, other)
    rest, other_rest = text[start:], other[start:]
    return start, max(1, len(rest) - _count_equal(rest[::-1], other_rest[::-1]))


def windowed(text: str, start: int, length: int, room: int) -> tuple[str, int, int]:
    """Give the part of a long text in which something is marked, and where it is there."""
    if len(text) <= room:
        return text, start, length
    length = min(length, room)
    begin = min(max(0, start - (room - length) // 2), len(text) - room)
    end = begin + room
    before, behind = _CUT if begin else "", _CUT if end < len(text) else ""
    return before + text[begin:end] + behind, start - begin + len(before), length


def room_beside(margin: str) -> int:
    """How many characters of a value go in a line behind a margin."""
    width = get_terminal_size((_USUAL_WIDTH, 0)).columns
    return max(_LEAST_WIDTH, width - len(margin) - 2 * len(_CUT))


def _count_equal(text: str, other: str) -> int:
    """How many characters two texts begin with in common."""
    pairs = zip(text, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def listed(texts: list[str]) -> str:
    """The first of some values, and how many there are besides."""
    shown = ", ".join(map(escaped, texts[:_MAX_SHOWN])) or "(none)"
    return shown + count_of_more(len(texts) - _MAX_SHOWN)


def count_of_more(more: int) -> str:
    """How many there are that are not shown, if any are, in words."""
    return f"  (and {more} more)" if more > 0 else ""


def texts_of(values: object) -> list[str]:
    """The values of a field, whatever it holds."""
    # Rules that are explained need not be such as a bucket may have.
    if isinstance(values, list | tuple):
        return [str(each) for each in values]
    return [] if values is None else [str(values)]


def escaped(text: str) -> str:
    """A letter that only looks like another one, and one that cannot be seen, are escaped."""
    return ascii(text)[1:-1] if not (text.isascii() and text.isprintable()) else text
