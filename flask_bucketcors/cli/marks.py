"""Values of a rule with a part of them marked, as compilers print them."""

from collections.abc import Iterator, Sequence
from shutil import get_terminal_size
from typing import Final

import click

from flask_bucketcors.core.dialects import ELEMENTS

# How many values of a field are shown.
_MAX_SHOWN: Final = 3
# The number of characters in a line if the terminal does not tell.
_USUAL_WIDTH: Final = 100
_LEAST_WIDTH: Final = 20
_CUT: Final = "..."


def marked_value(
    field: str, value: str, span: tuple[int, int], others: int, colour: str, note: str = ""
) -> Iterator[str]:
    """Print one value of a field, and mark a part of it; a long value is cut around that part.

    :param span: where the part begins and ends.
    :param others: the number of other values of the field.
    :param note: what to print behind the mark.
    """
    begin, end = span
    before, part, behind = map(escaped, (value[:begin], value[begin:end], value[end:]))
    shown = before + part + behind
    room = _room_beside(_margin(field))
    shown, start, length = _windowed(shown, len(before), max(1, len(part)), room)
    return _lines(field, shown + count_of_more(others), start, length, colour, note)


def marked_values(field: str, values: Sequence[str], colour: str, note: str = "") -> Iterator[str]:
    """Print the values of a field, and mark all of them."""
    shown = listed(values)
    return _lines(field, shown, 0, len(shown), colour, note)


def unmarked_values(field: str, values: Sequence[str]) -> str:
    """The line with the values of a field."""
    return _margin(field) + listed(values)


def count_of_more(more: int) -> str:
    """The number of values that are not shown, in words; empty if all are."""
    return f"  (and {more} more)" if more > 0 else ""


def escaped(text: str) -> str:
    """The text, with escapes for characters that may look like others or cannot be seen."""
    return ascii(text)[1:-1] if not (text.isascii() and text.isprintable()) else text


def _lines(
    field: str, shown: str, start: int, length: int, colour: str, note: str
) -> Iterator[str]:
    margin = _margin(field)
    yield margin + shown
    yield " " * (len(margin) + start) + click.style("^" * length, fg=colour, bold=True) + note


def _margin(field: str) -> str:
    return f"    {ELEMENTS[field]}  "


def listed(values: Sequence[str]) -> str:
    """The first values of a list, and the number of the others."""
    room = _room_beside("")
    shown = ", ".join(escaped(_windowed(each, 0, 0, room)[0]) for each in values[:_MAX_SHOWN])
    return (shown or "(none)") + count_of_more(len(values) - _MAX_SHOWN)


def _windowed(text: str, start: int, length: int, room: int) -> tuple[str, int, int]:
    """Cut a long text around its marked part; give the place of the mark in what is left."""
    if len(text) <= room:
        return text, start, length
    length = min(length, room)
    begin = min(max(0, start - (room - length) // 2), len(text) - room)
    end = begin + room
    before, behind = _CUT if begin else "", _CUT if end < len(text) else ""
    return before + text[begin:end] + behind, start - begin + len(before), length


def _room_beside(margin: str) -> int:
    """The number of characters of a value that fit into a line behind a margin."""
    width = get_terminal_size((_USUAL_WIDTH, 0)).columns
    return max(_LEAST_WIDTH, width - len(margin) - 2 * len(_CUT))
