"""Timing-Allow-Origin in Chromium: what a page learns of the timing of its requests.

Facts:

- Resource Timing, 4.3 and Fetch, "TAO check": where the check fails, ``requestStart``,
  ``responseStart`` and others are 0, and ``transferSize`` is 0, too.
"""

from collections.abc import Callable

import pytest
from pages import Page, Site

from flask_bucketcors import Rule

# The entry may be queued a little after the response has been read.
FIND_TIMING = """url => new Promise(resolve => {
    new PerformanceObserver((list, observer) => {
        const [entry] = list.getEntriesByName(url);
        if (entry === undefined) return;
        observer.disconnect();
        resolve([entry.requestStart > 0, entry.responseStart > 0, entry.transferSize > 0]);
    }).observe({type: "resource", buffered: true});
})"""

FILLED, EMPTY = [True] * 3, [False] * 3


def timing_of(page: Page, url: str) -> list[bool]:
    """Whether the times and the size of a request that the page has made are filled."""
    found: list[bool] = page.frame.evaluate(FIND_TIMING, url)
    return found


@pytest.mark.parametrize("is_open", [False, True], ids=["a rule for its origin", "a bare star"])
def test_a_page_that_a_rule_allows_reads_the_timing(
    site: Site, visit: Callable[[str], Page], is_open: bool
) -> None:
    origin = site.origin("a.app.test")
    url = site.url(site.bucket(Rule(["*" if is_open else origin], ["GET"])))
    page = visit(origin)
    assert page.fetch(url) is not None
    assert timing_of(page, url) == FILLED


def test_a_page_that_no_rule_allows_does_not(site: Site, visit: Callable[[str], Page]) -> None:
    url = site.url(site.bucket(Rule([site.origin("b.app.test")], ["GET"])))
    page = visit(site.origin("a.app.test"))
    assert page.fetch(url, mode="no-cors") is not None
    assert timing_of(page, url) == EMPTY


def test_without_the_header_no_page_does(site: Site, visit: Callable[[str], Page]) -> None:
    """Not even one that may read the response: outside the buckets nobody sends the header."""
    url = site.plain_url("Access-Control-Allow-Origin: *")
    page = visit(site.origin("a.app.test"))
    assert page.fetch(url) is not None
    assert timing_of(page, url)[:2] == EMPTY[:2]


def test_the_header_of_the_application_stands_beside_it(
    site: Site, visit: Callable[[str], Page]
) -> None:
    allowed, own = site.origin("a.app.test"), site.origin("b.app.test")
    bucket = site.bucket(Rule([allowed], ["GET"]))
    for origin in (allowed, own):
        url = site.url(bucket, header=f"Timing-Allow-Origin: {own}")
        page = visit(origin)
        assert page.fetch(url, mode="cors" if origin == allowed else "no-cors") is not None
        assert timing_of(page, url) == FILLED
