"""Prints who may do what as a table: rows of origins, and columns of methods."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from textwrap import wrap
from typing import Final

import click

from flask_bucketcors.analysis.algebra.pattern_words import pattern_in_words
from flask_bucketcors.analysis.algebra.permissions import Decided, PermissionRow, Permissions
from flask_bucketcors.analysis.algebra.request_space import listed
from flask_bucketcors.analysis.algebra.spans import Span
from flask_bucketcors.cli.terminal import printable

_WIDTH: Final = 80
_INDENT: Final = "  "
_GAP: Final = "  "
# A column is at least as wide as its longest word, but for words longer than this.
_LONGEST_WORD: Final = 14
_LEAST_WIDTH: Final = 8
# The number of origins, and of exceptions, that are printed; JSON has all.
_MAX_SHOWN: Final = 3
_REFUSED: Final = "-"

# What a cell says, in paragraphs.
_Cell = Sequence[str]


def print_permissions(found: Permissions, where: str) -> None:
    """Print a table that fits a usual terminal.

    Methods that are decided alike for all origins share a column.

    :param where: the rules are from, printable.
    """
    columns = _columns(found)
    widths = _widths([[[title], *cells] for title, cells in columns.items()])
    click.echo(click.style(where, bold=True))
    click.echo(f"The first rule that matches a request decides; {_REFUSED} means refused.\n")
    for line in _lines([[title] for title in columns], widths):
        click.echo(click.style(line, bold=True))
    for row, *cells in zip(found, *columns.values(), strict=True):
        click.echo()
        for origin in _origins(row, is_alone=len(found) == 1):
            click.echo(click.style(origin, bold=True))
        for line in _lines(cells, widths):
            click.echo(line)


def _columns(found: Permissions) -> dict[str, Sequence[_Cell]]:
    """Give the cells below each title, which names one or several methods."""
    titles: dict[tuple[tuple[Decided, ...], ...], str] = {}
    for method in found.methods:
        column = tuple(row.decided[method] for row in found)
        titles[column] = f"{titles[column]}, {method}" if column in titles else method
    return {title: list(map(_cell, column)) for column, title in titles.items()}


def _cell(found: Sequence[Decided]) -> _Cell:
    lines = []
    for each in found:
        cookies = "; cookies" if each.terms.credentials else ""
        lines += [f"rule {each.rule + 1}", f"{each.headers.in_few_words()}{cookies}"]
    return lines or [_REFUSED]


def _origins(row: PermissionRow, *, is_alone: bool) -> Iterator[str]:
    """Give lines that name the origins of a row, the first ones if there are many."""
    if row.is_rest:
        yield "any site" if is_alone else "any other site"
        return
    for span in row.origins[:_MAX_SHOWN]:
        # A pattern in pieces could not be copied.
        yield from wrap(
            printable(_said(span)),
            _WIDTH,
            subsequent_indent=_INDENT * 2,
            break_long_words=False,
            break_on_hyphens=False,
        )
    more = len(row.origins) - _MAX_SHOWN
    if more > 0:
        yield f"and {more} more"


def _said(span: Span) -> str:
    words = pattern_in_words(span.pattern)
    text = span.pattern if words == span.pattern else f"{span.pattern} ({words})"
    return f"{text}, but not {listed(span.but_not, _MAX_SHOWN)}" if span.but_not else text


def _widths(columns: Sequence[Sequence[_Cell]]) -> list[int]:
    """Give the columns' widths: the widest ones become narrower until all fit into a line."""
    widths = [max(len(text) for cell in cells for text in cell) for cells in columns]
    words = [
        max(len(word) for cell in cells for text in cell for word in text.split())
        for cells in columns
    ]
    most = _WIDTH - len(_INDENT) - len(_GAP) * (len(columns) - 1)
    for least in ([min(each, _LONGEST_WORD) for each in words], [_LEAST_WIDTH] * len(words)):
        while sum(widths) > most:
            room, place = max((width - least[i], i) for i, width in enumerate(widths))
            if room <= 0:
                break
            widths[place] -= 1
    return widths


def _lines(cells: Sequence[_Cell], widths: Sequence[int]) -> Iterator[str]:
    wrapped = [
        [line for text in cell for line in wrap(printable(text), width, break_on_hyphens=False)]
        for cell, width in zip(cells, widths, strict=True)
    ]
    for line in zip_longest(*wrapped, fillvalue=""):
        texts = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        yield _INDENT + _GAP.join(texts).rstrip()
