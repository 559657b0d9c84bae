"""How the console looks and behaves: for screen readers, the keyboard, every width and scheme."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from console_person import Person, person
from console_scenes import SCENES
from console_site import ConsoleSite, served

from flask_bucketcors import Rule, RuleSet, SQLiteStore
from tests.support.other_tools import run_sql

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

AXE = "BUCKETCORS_AXE"
WIDTHS = (360, 1280, 1600)
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
    run_sql(store.place, "UPDATE bucketcors_rules SET document = '[1]' WHERE bucket = 'broken'")
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


@contextmanager
def visitor(
    browser: "Browser", site: ConsoleSite, width: int = 1280, **options: Any
) -> Iterator[Person]:
    """Somebody with a window of a width."""
    viewport = {"width": width, "height": 900}
    with person(browser, site, viewport=viewport, **options) as who:
        yield who


def pages_of_links(who: Person) -> Iterator[str]:
    """Go to each page that a link leads to in turn, and give its name."""
    for name, path in PAGES.items():
        who.open(path)
        yield name


def pages_of_forms(who: Person) -> Iterator[str]:
    """Go to each page that only a form leads to in turn, and give its name."""
    for name, go in SCENES.items():
        go(who)
        yield name


def all_pages(who: Person) -> Iterator[str]:
    """Go to each page in turn, and give its name."""
    yield from pages_of_links(who)
    yield from pages_of_forms(who)


#: Takes what ``axe.run`` takes.
AXE_RUN = """async (options) => (await axe.run(options)).violations.flatMap((each) =>
    each.nodes.slice(0, 2).map((node) => [each.id, each.impact, node.html.slice(0, 200)]))"""
#: The rules that the colour scheme makes a difference to.
OF_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}


@pytest.mark.parametrize("pages", [pages_of_links, pages_of_forms])
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(
    browser: "Browser",
    console_site: ConsoleSite,
    axe: str,
    width: int,
    pages: Callable[[Person], Iterator[str]],
) -> None:
    """Of whatever impact, in the light and in the dark scheme."""
    faults: list[tuple[str, ...]] = []
    with visitor(browser, console_site, width, bypass_csp=True) as who:
        for name in pages(who):
            who.page.evaluate(axe)
            for scheme, options in (("light", {}), ("dark", OF_COLOURS)):
                who.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                found = who.page.evaluate(AXE_RUN, options)
                faults += [(name, scheme, *each) for each in found]
            if (overflow := who.overflow()) > 0:
                faults.append((name, "overflow", str(overflow)))
    assert faults == []


def test_forced_colours_leave_everything_readable(
    browser: "Browser", console_site: ConsoleSite, axe: str
) -> None:
    """The colours of tags and notes are gone then, so each has a border."""
    faults: list[tuple[str, ...]] = []
    options = {"forced_colors": "active", "color_scheme": "dark", "bypass_csp": True}
    # axe compares the colours of the stylesheet, which are not those that are drawn.
    without_contrast = {"rules": {"color-contrast": {"enabled": False}}}
    with visitor(browser, console_site, **options) as who:
        for name in all_pages(who):
            who.page.evaluate(axe)
            faults += [(name, *each) for each in who.page.evaluate(AXE_RUN, without_contrast)]
            faults += [(name, "no border", each) for each in who.page.evaluate(WITHOUT_BORDER)]
        who.open("/b/shop/history")
        tabs = who.page.evaluate(UNDERLINED)
    assert faults == []
    assert tabs == ["History"]


def test_no_page_breaks_its_own_policy(browser: "Browser", console_site: ConsoleSite) -> None:
    with visitor(browser, console_site) as who:
        for name in all_pages(who):
            assert who.trouble == [], name


def test_every_control_is_reached_by_tab_with_a_visible_ring(
    browser: "Browser", console_site: ConsoleSite
) -> None:
    faults = []
    with visitor(browser, console_site) as who:
        for name in all_pages(who):
            controls = who.page.evaluate(CONTROLS)
            if controls > MOST_TAB_STOPS:
                faults.append((name, f"{controls} stops"))
            reached = len({who.page.evaluate(NEXT) for _ in stops(who, controls)} - {None})
            if reached < min(controls, MOST_TAB_STOPS):
                faults.append((name, f"{reached} of {controls} with a ring"))
    assert faults == []


def stops(who: Person, count: int) -> Iterator[None]:
    """Press Tab as often as a page has controls, and once more.

    Where the script of the page has set the focus, they begin there, and pass the end of the page.
    """
    for _ in range(min(count, MOST_TAB_STOPS) + 1):
        who.page.keyboard.press("Tab")
        yield


#: The number of the element that has the focus, if a ring shows it.
NEXT = """() => {
    const at = document.activeElement;
    if (['none', 'hidden'].includes(getComputedStyle(at).outlineStyle)) return null;
    return [...document.querySelectorAll('*')].indexOf(at);
}"""

#: The tabs below which there is a line.
UNDERLINED = """() => [...document.querySelectorAll('.tabs a')].filter((each) =>
    getComputedStyle(each).borderBottomColor !==
    getComputedStyle(document.documentElement).backgroundColor).map((each) => each.innerText)"""

#: Where nothing but a colour tells a note or a tag from what is around.
WITHOUT_BORDER = """() => [...document.querySelectorAll('.tag, .note, .box, button, .button, mark')]
    .filter((each) => each.checkVisibility())
    .filter((each) => {
        const style = getComputedStyle(each);
        return style.borderTopStyle === 'none' && style.outlineStyle === 'none';
    }).map((each) => each.outerHTML.slice(0, 120))"""

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
