"""The table "Who may do what": which rules decide the requests of which pages."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from flask_bucketcors.analysis.algebra.pattern_words import pattern_in_words
from flask_bucketcors.analysis.algebra.permissions import (
    Decided,
    PermissionRow,
    Permissions,
    permissions,
)
from flask_bucketcors.analysis.algebra.spans import Span
from flask_bucketcors.api.result_memo import ResultMemo
from flask_bucketcors.console.paging import Paging
from flask_bucketcors.console.visit import Visit
from flask_bucketcors.core.origins import NULL
from flask_bucketcors.core.rules import RuleSet

#: How many rows a page shows, beside the last one.
ROWS_PER_PAGE: Final = 20
# How many origins of a row are named, and how many that an origin pattern covers are left out.
_MOST_ORIGINS: Final = 3
_MOST_LEFT_OUT: Final = 3

_memo: Final[ResultMemo[Permissions]] = ResultMemo()


class ShownOrigin(NamedTuple):
    """An origin, or many that fit a pattern.

    :param words: what it says; "" if that is the text itself.
    :param but_not: patterns within it whose origins are in other rows.
    :param more: how many such patterns are not named.
    """

    text: str
    words: str
    but_not: Sequence[str]
    more: int


class Cell(NamedTuple):
    """A rule that decides requests of a method.

    :param number: that of the rule, from 1.
    :param words: which headers the page may send, and whether with cookies.
    """

    number: int
    words: str


class Row(NamedTuple):
    """A row of the table.

    :param origins: those that are named.
    :param more: how many origins and patterns are not named.
    :param is_null: whether it is about ``null``.
    :param cells: what decides, for each method.
    """

    origins: Sequence[ShownOrigin]
    more: int
    is_null: bool
    cells: Sequence[Sequence[Cell]]


class PermissionTable(NamedTuple):
    """The table, or a part of its rows.

    :param rows: those of this page of the list.
    :param others: the last row: all origins that no other row is about.
    """

    methods: Sequence[str]
    rows: Sequence[Row]
    others: Row
    paging: Paging

    @property
    def numbers(self) -> int:
        """How often the rows name a rule."""
        return sum(len(cells) for row in (*self.rows, self.others) for cells in row.cells)


def find_permissions(visit: Visit, rule_set: RuleSet) -> Permissions:
    """Say who may do what by some rules; remember it.

    :raises TooIntricate: if that cannot be said within the narrow bounds.
    """
    writer = visit.console.writer
    dialect, allow_credentials = writer.dialect, writer.allow_credentials
    return _memo.find(
        rule_set,
        (dialect, allow_credentials),
        lambda: permissions(rule_set, dialect, allow_credentials=allow_credentials),
    )


def make_table(found: Permissions, page: int) -> PermissionTable:
    """Put a page of the permissions in words."""
    *own, others = found.rows
    paging = Paging(len(own), ROWS_PER_PAGE, page)
    rows = [_row(own[index], found.methods) for index in paging.indexes]
    return PermissionTable(found.methods, rows, _row(others, found.methods), paging)


def _row(row: PermissionRow, methods: Sequence[str]) -> Row:
    return Row(
        [_origin(each) for each in row.origins[:_MOST_ORIGINS]],
        max(0, len(row.origins) - _MOST_ORIGINS),
        any(each.pattern == NULL for each in row.origins),
        [[_cell(each) for each in row.decided.get(method, ())] for method in methods],
    )


def _origin(span: Span) -> ShownOrigin:
    words = pattern_in_words(span.pattern)
    # The row of "null" has a mark of its own.
    has_words = words != span.pattern and span.pattern != NULL
    return ShownOrigin(
        span.pattern,
        words if has_words else "",
        span.but_not[:_MOST_LEFT_OUT],
        max(0, len(span.but_not) - _MOST_LEFT_OUT),
    )


def _cell(decided: Decided) -> Cell:
    cookies = "; cookies" if decided.terms.credentials else ""
    return Cell(decided.rule + 1, f"{decided.headers.in_few_words()}{cookies}")
