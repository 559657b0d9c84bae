"""What people do in the console from beginning to end, and what pages of other sites notice."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from console_person import Person, person
from console_site import ConsoleSite, served
from pages import Page

from flask_bucketcors import MemoryStore, Rule, RuleSet

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

NARROW = {"viewport": {"width": 360, "height": 740}, "java_script_enabled": False}
SEE = "See what changes"
MOST_CLICKS = 6

A = Rule(["https://a.example"], ["GET"])
B = Rule(["https://b.example"], ["GET", "PUT"], ["content-type"])
C = Rule(["https://c.example"], ["GET"])


@pytest.fixture(scope="module")
def shop() -> Iterator[ConsoleSite]:
    """The application with the console, and buckets."""
    with served(MemoryStore(), refusals=":memory:") as site:
        yield site


@pytest.fixture(scope="module")
def other_site() -> Iterator[ConsoleSite]:
    """A site on another port, whose pages use the shop's objects."""
    with served(MemoryStore()) as site:
        site.upload("pages", "index.html", "<!doctype html><title>page</title>")
        yield site


@pytest.fixture
def other_page(context: "BrowserContext", other_site: ConsoleSite) -> Page:
    """A page of the other site."""
    page = context.new_page()
    page.goto(other_site.url("/files/pages/index.html"))
    return Page(page.main_frame)


@pytest.fixture(params=[False, True], ids=["without JavaScript", "with JavaScript"])
def has_script(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def uses_objects(page: Page, shop: ConsoleSite, bucket: str) -> tuple[bool, bool]:
    """Whether a script of the page reads an object of a bucket, and whether it stores one."""
    url = shop.url(f"/files/{bucket}/key")
    return page.fetch(url) is not None, page.fetch(url, method="PUT", body="x") is not None


def is_told(who: Person, bucket: str) -> bool:
    """Whether the page says that the last change of a bucket is saved."""
    [last, *_] = who.site.store.history(bucket)
    return f"Saved as revision {last.revision}." in who.text


def by_template(alice: Person, origin: str) -> None:
    alice.type("Your site's origin", origin)
    alice.click("Uploads with the COS SDK")


def by_form(alice: Person, origin: str) -> None:
    alice.click("Add a rule")
    alice.type("Origins", origin)
    alice.click("GET read")
    alice.click("PUT write")


@pytest.mark.parametrize("begin", [by_template, by_form])
def test_a_bucket_without_rules_gets_one_and_the_page_works(
    browser: "Browser",
    shop: ConsoleSite,
    other_site: ConsoleSite,
    other_page: Page,
    begin: Callable[[Person, str], None],
) -> None:
    bucket = f"fresh-{begin.__name__}"
    assert uses_objects(other_page, shop, bucket) == (False, False)
    with person(browser, shop, **NARROW) as alice:
        alice.open("/")
        alice.type("Name of the bucket", bucket)
        alice.click("Open")
        assert alice.heading == "No rules yet"
        begin(alice, other_site.url("").rstrip("/"))
        alice.click(SEE)
        assert "Newly allowed" in alice.text
        assert uses_objects(other_page, shop, bucket) == (False, False)
        alice.click("Save")
        assert is_told(alice, bucket)
        assert alice.clicks <= MOST_CLICKS
        assert alice.overflow() <= 0
        assert alice.trouble == []
    assert uses_objects(other_page, shop, bucket) == (True, True)
    assert [each.author for each in shop.store.history(bucket)] == ["alice"]


def test_from_a_refused_request_to_saved_in_three_clicks(
    browser: "Browser", shop: ConsoleSite, other_site: ConsoleSite, other_page: Page
) -> None:
    origin = other_site.url("").rstrip("/")
    shop.store.put("refused", RuleSet([Rule([origin], ["GET"])]), "bob")
    assert uses_objects(other_page, shop, "refused") == (True, False)
    with person(browser, shop, **NARROW) as alice:
        alice.open("/b/refused/refused")
        alice.click(f"Why? PUT from {origin}")
        assert "Refused" in alice.text
        alice.click(SEE)
        alice.click("Save")
        assert is_told(alice, "refused")
        assert alice.clicks == 3
    assert uses_objects(other_page, shop, "refused") == (True, True)


def test_each_change_is_in_the_history_with_its_author(
    browser: "Browser", shop: ConsoleSite, has_script: bool
) -> None:
    bucket = f"changed-{has_script}"
    shop.store.put(bucket, RuleSet([A, B, C]), "bob")
    with person(browser, shop, "alice", java_script_enabled=has_script) as alice:

        def save(button: str = "Save") -> list[Rule]:
            alice.click(button)
            alice.page.wait_for_url("**/b/*/?saved=*")
            found = shop.store.get(bucket)
            return list(found.rules) if found else []

        alice.open(f"/b/{bucket}/")
        alice.click("Edit rule 1")
        alice.click("HEAD look up")
        alice.click(SEE)
        edited = Rule(["https://a.example"], ["GET", "HEAD"])
        assert save() == [edited, B, C]
        alice.click("Down rule 1")
        assert save() == [B, edited, C]
        alice.click("Delete rule 3")
        assert save() == [B, edited]
        alice.click("History")
        # The first is in force; the second one of the others is that before the last change.
        alice.click("Restore", 1)
        assert save() == [edited, B, C]
        alice.click("XML and JSON")
        alice.type("All rules", RuleSet([C]).to_json())
        alice.click(SEE)
        assert save() == [C]
        alice.click("XML and JSON")
        alice.click("Delete all rules")
        assert "No longer allowed" in alice.text
        assert save("Delete all rules") == []
        assert alice.heading == "No rules yet"
        alice.click("History")
        revisions = shop.store.history(bucket)
        cards = [f"Revision {each.revision} just now by {each.author}" for each in revisions]
        assert [each for each in cards if each not in alice.text] == []
        assert alice.trouble == []
    assert [each.author for each in revisions] == ["alice"] * 6 + ["bob"]


# Two editors


@pytest.fixture
def editors(
    browser: "Browser", shop: ConsoleSite, has_script: bool
) -> Iterator[tuple[Person, Person, str]]:
    """Alice and yve, and a bucket with three rules."""
    bucket = f"edited-{len(shop.store.list())}"
    shop.store.put(bucket, RuleSet([A, B, C]), "bob")
    options = {"java_script_enabled": has_script}
    with (
        person(browser, shop, "alice", **options) as alice,
        person(browser, shop, "yve", **options) as yve,
    ):
        yield alice, yve, bucket


def edit(who: Person, bucket: str, number: int, origins: str) -> None:
    who.open(f"/b/{bucket}/rules/{number}")
    who.type("Origins", origins)


def saved(shop: ConsoleSite, bucket: str) -> list[str]:
    found = shop.store.get(bucket)
    return [each.allowed_origins[0] for each in found.rules] if found else []


def test_two_who_edit_different_rules_both_have_what_they_typed(
    shop: ConsoleSite, editors: tuple[Person, Person, str]
) -> None:
    alice, yve, bucket = editors
    edit(alice, bucket, 1, "https://alice.example")
    edit(yve, bucket, 3, "https://yve.example")
    yve.click(SEE)
    yve.click("Save")
    alice.click(SEE)
    assert "Somebody else changed these rules while you worked: yve, just now." in alice.text
    alice.click("Save")
    assert saved(shop, bucket) == [
        "https://alice.example",
        "https://b.example",
        "https://yve.example",
    ]


def test_two_who_edit_one_rule_choose(
    shop: ConsoleSite, editors: tuple[Person, Person, str]
) -> None:
    alice, yve, bucket = editors
    edit(alice, bucket, 2, "https://alice.example")
    edit(yve, bucket, 2, "https://yve.example")
    yve.click(SEE)
    yve.click("Save")
    alice.click(SEE)
    assert alice.heading == "Rule 2 was changed while you worked"
    assert "https://yve.example" in alice.text
    assert "https://alice.example" in alice.text
    assert saved(shop, bucket)[1] == "https://yve.example"
    alice.click("Use my version")
    alice.click("Save")
    assert saved(shop, bucket)[1] == "https://alice.example"
    assert [each.author for each in shop.store.history(bucket)] == ["alice", "yve", "bob"]


def test_a_change_between_what_changes_and_save_is_shown_before_it_is_saved(
    shop: ConsoleSite, editors: tuple[Person, Person, str]
) -> None:
    alice, yve, bucket = editors
    edit(alice, bucket, 1, "https://alice.example")
    alice.click(SEE)
    yve.open(f"/b/{bucket}/")
    yve.click("Delete rule 3")
    yve.click("Save")
    alice.click("Save")
    assert "Somebody else changed these rules while you worked: yve, just now." in alice.text
    assert saved(shop, bucket) == ["https://a.example", "https://b.example"]
    alice.click("Save")
    assert saved(shop, bucket) == ["https://alice.example", "https://b.example"]


# Going back


@pytest.mark.parametrize(
    ("path", "label", "text", "leads_to"),
    [
        ("add", "Origins", "https://typed.example", "Add a rule: what changes"),
        ("rules/1", "Name", "typed", "Change rule 1: what changes"),
        ("text", "All rules", RuleSet([C]).to_json(), "Replace all rules: what changes"),
    ],
)
def test_going_back_keeps_what_was_typed(
    browser: "Browser",
    shop: ConsoleSite,
    has_script: bool,
    path: str,
    label: str,
    text: str,
    leads_to: str,
) -> None:
    """Also from a form that is too old; the page that comes then has a new token."""
    shop.store.put("back", RuleSet([A]), "bob")
    with person(browser, shop, java_script_enabled=has_script) as alice:
        alice.open(f"/b/back/{path}")
        alice.type(label, text)
        if path == "add":
            alice.click("GET read")
        alice.page.evaluate(
            "for (const each of document.getElementsByName('token')) each.value = ''"
        )
        alice.click(SEE)
        assert "Nothing was saved." in alice.text
        for _ in range(2):
            alice.page.go_back()
            assert alice.page.get_by_label(label, exact=True).input_value() == text
            alice.click(SEE)
            assert alice.heading == leads_to


# What the script adds


def test_leaving_a_form_with_changes_asks_first(browser: "Browser", shop: ConsoleSite) -> None:
    shop.store.put("left", RuleSet([A, B]), "bob")
    with person(browser, shop) as alice:
        alice.open("/b/left/rules/1")
        alice.click("Cancel")
        assert alice.trouble == []
        for path, label, text in (
            ("rules/1", "Origins", "https://new.example"),
            ("text", "All rules", "<CORSConfiguration/>"),
        ):
            alice.open(f"/b/left/{path}")
            alice.page.get_by_label(label, exact=True).press_sequentially(text)
            alice.click("Buckets")
            alice.page.wait_for_url("**/cors/")
        assert alice.trouble == ["beforeunload"] * 2
        # What is sent is not lost, and asks nothing.
        alice.open("/b/left/rules/1")
        alice.page.get_by_label("Origins", exact=True).press_sequentially("x")
        alice.click(SEE)
        assert len(alice.trouble) == 2


@pytest.mark.parametrize("path", ["add", "text"])
def test_what_is_wrong_has_the_focus(browser: "Browser", shop: ConsoleSite, path: str) -> None:
    with person(browser, shop) as alice:
        alice.open(f"/b/wrong/{path}")
        if path == "text":
            alice.type("All rules", "{")
        alice.click(SEE)
        focused = alice.page.evaluate("document.activeElement.innerText")
        assert focused.startswith("Not saved: ")
        # From there, Tab leads to the fields that are wrong.
        alice.page.keyboard.press("Tab")
        assert alice.page.evaluate("document.activeElement.localName") == "a"
        alice.page.keyboard.press("Enter")
        assert alice.page.evaluate("document.querySelector(':target') !== null")
