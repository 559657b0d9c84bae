"""docs/same-origin.md: its tables are what ``check`` and ``explain`` go by, and a browser's."""

from urllib.parse import urlsplit

import pytest

from flask_bucketcors.analysis.spelling.sent_origins import browser_form
from flask_bucketcors.cli.check.redirects import origin_of
from tests.support import ROOT
from tests.support.page_tables import Row, read_tables, unquoted
from tests.support.tables import in_one_test

PAGE = ROOT / "docs" / "same-origin.md"
#: The page of the first table, which its text names.
FIRST = "http://www.example.com/dir/page.html"


def pairs() -> list[Row]:
    """The page, the URL, and whether the page says that they have the same origin."""
    first, *others = read_tables(PAGE, "Two URLs")
    assert others
    rows = [(f"`{FIRST}`", *row) for row in first] + [row for table in others for row in table]
    return [(unquoted(page), unquoted(url), says) for page, url, says, _ in rows]


@in_one_test
@pytest.mark.parametrize("page, url, says", pairs())
def test_urls_have_the_same_origin_where_the_page_says_so(page: str, url: str, says: str) -> None:
    same = origin_of(urlsplit(page)) == origin_of(urlsplit(url))
    assert says == ("yes" if same else "no")


def test_the_page_of_the_first_table_is_named() -> None:
    assert f"`{FIRST}` requests:" in PAGE.read_text()


@in_one_test
@pytest.mark.parametrize("row", read_tables(PAGE, "What a browser sends as `Origin`")[0])
def test_the_origins_are_those_that_browsers_send(row: Row) -> None:
    address, origin = map(unquoted, row)
    assert browser_form(_without_path(address)) == origin


def _without_path(address: str) -> str:
    """An address up to its host, if it has one; ``browser_form`` takes no path."""
    if address.startswith("file:"):
        return address
    before, slashes, rest = address.partition("://")
    return before + slashes + rest.partition("/")[0]
