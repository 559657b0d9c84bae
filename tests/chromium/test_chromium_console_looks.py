"""How the console looks and behaves: for screen readers, the keyboard, every width and scheme."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from console_site import ConsoleSite, served

from flask_bucketcors import Rule, RuleSet, SQLiteStore
from tests.support.other_tools import run_sql

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

AXE = "BUCKETCORS_AXE"
WIDTHS = (360, 1280, 1600)
SCHEMES = ("light", "dark")
MOST_TAB_STOPS = 120

HIDING = "a\u202eb\u200bc"
RULES = RuleSet(
    [
        Rule(["*"], ["GET", "HEAD"], expose_headers=["ETag"], max_age_seconds=600, id="public"),
        Rule(["https://www.shop.example", "https://*.shop.example"], ["GET", "PUT", "POST"], ["*"]),
        Rule(["https://*shop.com"], ["GET", "PUT"], ["content-type"], max_age_seconds=86400),
        Rule(["https://app.shop.example"], ["GET"], ["content-type"], id="never reached"),
        Rule(["http://localhost:3000", "null"], ["GET", "PUT", "DELETE"], ["authorization"]),
    ]
)
MANY = RuleSet(
    [
        Rule([f"https://a{n}.site{m}.example" for m in range(10)], ["GET", "PUT"], ["x-a", "x-b"])
        for n in range(100)
    ]
)
ONE_LONG = RuleSet([Rule([f"https://site{n}.example" for n in range(1000)], ["GET"])])
REFUSED = "?origin=https://other.example&method=PUT&headers=x-a"

#: Every page that a link leads to.
PAGES = {
    "buckets": "/",
    "no such bucket": "/?prefix=zzz",
    "rules": "/b/shop/",
    "rules, second page": "/b/many/?page=2",
    "many rules": "/b/many/",
    "many origins": "/b/long/",
    "no rules": "/b/empty/",
    "unreadable rules": "/b/broken/",
    "hiding name": "/b/a%E2%80%AEb%E2%80%8Bc/",
    "add": "/b/shop/add",
    "edit": "/b/shop/rules/2",
    "try": "/b/shop/try",
    "allowed": "/b/shop/try?origin=https://www.shop.example&method=GET",
    "refused try": f"/b/shop/try{REFUSED}",
    "refused": "/b/shop/refused",
    "history": "/b/shop/history",
    "text": "/b/shop/text",
    "missing": "/nothing",
}


@pytest.fixture(scope="module")
def console_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    store = SQLiteStore(tmp_path_factory.mktemp("looks") / "rules.sqlite")
    for bucket, rules in (("many", MANY), ("long", ONE_LONG), (HIDING, RULES), ("broken", RULES)):
        store.put(bucket, rules, "bob")
    store.put("shop", RuleSet(RULES.rules[:2]), HIDING)
    store.put("shop", RULES, "<b>eve</b>")
    run_sql(store.path, "UPDATE bucketcors_rules SET document = '[1]' WHERE bucket = 'broken'")
    with served(store) as site:
        yield site
    store.close()


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core."""
    path = os.environ.get(AXE)
    if path is None:
        if os.environ.get("BUCKETCORS_BROWSER") == "1":
            pytest.fail(f"{AXE} does not name axe.min.js of npm's axe-core")
        pytest.skip(f"{AXE} does not name axe.min.js of npm's axe-core")
    return Path(path).read_text("utf-8")


def new_page(browser: "Browser", site: ConsoleSite, width: int, scheme: str, **kw: Any) -> "Page":
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
        **kw,
    )
    page = context.new_page()
    page.goto(site.url("/login"))
    return page


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(
    browser: "Browser", console_site: ConsoleSite, axe: str, width: int, scheme: str
) -> None:
    page = new_page(browser, console_site, width, scheme, bypass_csp=True)
    faults = []
    for name, path in PAGES.items():
        page.goto(console_site.console(path))
        page.evaluate(axe)
        found = page.evaluate("() => axe.run()")
        faults += [
            (name, each["id"], each["impact"], node["html"][:200])
            for each in found["violations"]
            for node in each["nodes"][:2]
        ]
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if overflow > 0:
            faults.append((name, "overflow", overflow, ""))
    page.context.close()
    assert faults == []


def test_no_page_breaks_its_own_policy(browser: "Browser", console_site: ConsoleSite) -> None:
    page = new_page(browser, console_site, 1280, "light")
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    for path in PAGES.values():
        page.goto(console_site.console(path))
    page.context.close()
    # Chromium says itself that it loaded the page of a 404.
    assert [text for text in said if "404" not in text] == []


def test_every_control_is_reached_by_tab_with_a_visible_ring(
    browser: "Browser", console_site: ConsoleSite
) -> None:
    page = new_page(browser, console_site, 1280, "light")
    faults = []
    for name, path in PAGES.items():
        page.goto(console_site.console(path))
        controls = page.evaluate(CONTROLS)
        if controls > MOST_TAB_STOPS:
            faults.append((name, f"{controls} stops"))
        reached = 0
        for _ in range(min(controls, MOST_TAB_STOPS)):
            page.keyboard.press("Tab")
            style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            reached += style not in ("none", "hidden")
        if reached != min(controls, MOST_TAB_STOPS):
            faults.append((name, f"{reached} of {controls} with a ring"))
    page.context.close()
    assert faults == []


CONTROLS = """() => [...document.querySelectorAll(
    'a[href], button, input:not([type=hidden]), textarea, select, summary')]
    .filter((each) => each.checkVisibility({visibilityProperty: true}) && !each.disabled).length"""


def test_names_that_hide_are_shown(context: "BrowserContext", console_site: ConsoleSite) -> None:
    page = context.new_page()
    page.goto(console_site.url("/login"))
    for path in ("/", PAGES["hiding name"], "/b/shop/history"):
        page.goto(console_site.console(path))
        assert "⟨U+202E⟩" in page.inner_text("body")
        assert "\u202e" not in page.inner_text("body")
