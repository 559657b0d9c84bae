"""Chromium, and servers for it; everything here is skipped where there is no Chromium.

``BUCKETCORS_BROWSER=1`` makes that a failure. ``BUCKETCORS_CHROMIUM`` names the program, if it
is not the ``chromium`` of the search path.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from pages import Page, Site, serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

REQUIRED = "BUCKETCORS_BROWSER"
PROGRAM = "BUCKETCORS_CHROMIUM"

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test here more time: one starts the browser, some make thousands of requests."""
    folder = str(Path(__file__).parent)
    for item in items:
        # All tests of the run are here, so a path is compared as text.
        if str(item.path).startswith(folder):
            item.add_marker(pytest.mark.timeout(180))


@pytest.fixture(scope="session", autouse=True)
def chromium() -> str:
    """The path of Chromium; where it or playwright is missing, nothing here runs."""
    program = os.environ.get(PROGRAM) or shutil.which("chromium")
    if program is None:
        _missing(f"there is no chromium on the search path, and {PROGRAM} is not set")
    if find_spec("playwright") is None:
        _missing("playwright is not installed")
    return program


def _missing(reason: str) -> NoReturn:
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED} is set, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def sites(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Site]]:
    """The served applications, by their Vary mode. Each is on a port of its own."""
    folder = tmp_path_factory.mktemp("served")
    with ExitStack() as stack:
        yield {vary: stack.enter_context(serve(folder, vary)) for vary in ("safe", "vendor")}


@pytest.fixture(scope="session")
def site(sites: dict[str, Site]) -> Site:
    """The application as it is by default."""
    return sites["safe"]


@pytest.fixture(scope="session")
def browser(chromium: str, sites: dict[str, Site]) -> Iterator["Browser"]:
    """Chromium; it ends before the servers do, which would wait for its connections."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: "Browser") -> Iterator["BrowserContext"]:
    """A new profile: no cookies, nothing in the caches."""
    with browser.new_context() as context:
        yield context


@pytest.fixture
def visit(context: "BrowserContext") -> Callable[[str], Page]:
    """A function that opens a page of an origin."""

    def open_page(origin: str) -> Page:
        page = context.new_page()
        page.goto(f"{origin}/")
        return Page(page.main_frame)

    return open_page
