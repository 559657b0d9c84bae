"""Tables of the documentation whose cells are computed.

With WRITE_DOCS=1 in the environment, a test that compares a table writes it into the page.
"""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

Row = Sequence[str]
_TABLE = re.compile(r"^(?:\|.*\|\n)+", re.M)


def read_tables(page: Path, heading: str) -> list[list[Row]]:
    """The tables of one section of a page, each without its head.

    :param heading: the text of the heading; the section ends at the next heading of any level.
    """
    section = _section(page.read_text(), heading)
    return [_cells(found[0])[2:] for found in _TABLE.finditer(section)]


def assert_table(page: Path, heading: str, head: Row, rows: Iterable[Row], place: int = 0) -> None:
    """Fail unless a table of a section has these cells.

    :param place: which table of the section, from 0.
    """
    lines = (head, ["---"] * len(head), *rows)
    expected = "".join(
        "|" + "".join(f" {cell} |" if cell else " |" for cell in cells) + "\n" for cells in lines
    )
    text = page.read_text()
    section = _section(text, heading)
    table = list(_TABLE.finditer(section))[place]
    if os.environ.get("WRITE_DOCS") == "1":
        written = section[: table.start()] + expected + section[table.end() :]
        page.write_text(text.replace(section, written))
        table = list(_TABLE.finditer(written))[place]
    assert table[0] == expected, "run this with WRITE_DOCS=1, and read the page"


def unquoted(cell: str) -> str:
    """The text of a cell that is code, without its marks."""
    return cell.removeprefix("`").removesuffix("`")


def _section(text: str, heading: str) -> str:
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.M | re.S)
    assert found is not None, heading
    return found[1]


def _cells(table: str) -> list[Row]:
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in table.splitlines()]
