"""The console's page "History": who changed the rules of a bucket, and what that changed."""

from collections.abc import Sequence
from typing import Any

import pytest

from flask_bucketcors import (
    ConsoleAction,
    ConsoleOptions,
    HistoryEntry,
    MemoryStore,
    Rule,
    RuleSet,
    Store,
    StoredRulesInvalid,
)
from flask_bucketcors.analysis.algebra.diff import Diff, diff_within
from flask_bucketcors.console import history_page
from tests.support.console_apps import Person, console_application, forms_of, text_of
from tests.support.intricate_rules import SHAPES

SHOP = Rule(["https://www.shop.example"], ["GET"])
UPLOADS = Rule(["https://*.shop.example"], ["PUT"], ["content-type"])
ANY = Rule(["*"], ["GET"])


@pytest.fixture
def store() -> Store:
    store = MemoryStore()
    store.put("photos", RuleSet([SHOP]), "alice")
    store.put("photos", RuleSet([SHOP, UPLOADS]), "bob")
    store.put("other", RuleSet([ANY]), "eve")
    store.put("photos", RuleSet([UPLOADS]), None)
    return store


def person_of(store: Store, **options: Any) -> Person:
    return Person(console_application(store, **options).test_client())


def cards(person: Person, path: str = "/b/photos/history") -> list[str]:
    """The texts of the cards."""
    return [text_of(each) for each in person.open(path).split("<section")[1:]]


def test_a_card_says_who_changed_what(store: Store) -> None:
    newest, middle, first = cards(person_of(store))
    assert "Revision 4 just now, 1 rule in force" in newest
    assert "No longer allowed: https://www.shop.example GET \N{EN DASH} no extra header" in newest
    assert "Revision 2 just now by bob, 2 rules Restore" in middle
    assert (
        "Newly allowed: every https site below shop.example PUT \N{EN DASH} content-type" in middle
    )
    assert "www.shop.example GET" not in middle
    assert "earliest change in the history" in first
    assert "Newly allowed: https://www.shop.example" in first


def test_a_change_that_no_page_notices(store: Store) -> None:
    store.put("photos", RuleSet([UPLOADS, UPLOADS]), "alice")
    store.put("photos", RuleSet([UPLOADS, UPLOADS], response_vary=True), "alice")
    store.put("photos", RuleSet([UPLOADS, UPLOADS], response_vary=True), "alice")
    same, vary, twice, *_ = cards(person_of(store))
    assert "The rules are the same as before." in same
    assert "Every request is treated as before. Return Vary: Origin: off → on" in vary
    assert "Every request is treated as before." in twice


def test_deleted_rules_are_a_change(store: Store) -> None:
    store.delete("photos", "carol")
    person = person_of(store)
    deleted, *others = cards(person)
    assert "by carol, all rules deleted" in deleted
    assert "No longer allowed: every https site below shop.example" in deleted
    assert "Restore" not in deleted
    assert not any("in force" in each for each in (deleted, *others))
    assert all("Restore" in each for each in others)


def test_an_earlier_revision_is_restored(store: Store) -> None:
    person = person_of(store)
    person.open("/b/photos/history")
    assert person.page is not None
    restores = [each for each in forms_of(person.page.text) if each.label == "Restore"]
    assert [dict(each.fields)["revision"] for each in restores] == ["2", "1"]
    person.send("Restore")
    person.send("Save")
    assert store.get("photos") == RuleSet([SHOP, UPLOADS])


def test_who_may_not_write_restores_nothing(store: Store) -> None:
    options = ConsoleOptions(
        authorize=lambda call: None if call.action is ConsoleAction.WRITE else "bob"
    )
    assert "Restore" not in str(cards(person_of(store, options=options)))


def test_ten_changes_a_page(store: Store) -> None:
    for number in range(25):
        store.put("photos", RuleSet([Rule([f"https://{number}.test"], ["GET"])]), "alice")
    person = person_of(store)
    seen = []
    path: str | None = "/b/photos/history"
    while path is not None:
        found = cards(person, path)
        seen.append(len(found))
        # Each is compared with the one before, also across pages.
        assert all("No longer allowed" in each for each in found[:-3])
        assert person.page is not None
        before, has_older, _ = person.page.text.partition('">Older</a>')
        path = before.rpartition('href="')[2].removeprefix(person.prefix) if has_older else None
    assert seen == [10, 10, 8]


def test_a_page_that_does_not_exist(store: Store) -> None:
    person = person_of(store)
    assert "Nobody has changed the rules" in text_of(person.open("/b/new/history"))
    for before in ("1", "0", "-5", "9" * 30):
        text = text_of(person.open(f"/b/photos/history?before={before}"))
        assert ("The history has no earlier changes." in text) is (len(before) < 3), before
    assert "Revision 4" in text_of(person.open("/b/photos/history?before=x"))


class Damaged(MemoryStore):
    """A store whose history another tool has written."""

    def _history(
        self, bucket: str, before: int | None, limit: int | None
    ) -> Sequence[HistoryEntry]:
        def fail() -> RuleSet:
            raise StoredRulesInvalid("the text is no \u202eJSON")

        author: Any = b"<b>"
        time: Any = "<i>never"
        return [
            HistoryEntry(3, 1e300, author, RuleSet([SHOP])),
            HistoryEntry(2, time, "<script>alert(1)</script>\u202e", fail),
            HistoryEntry(1, float("nan"), "", RuleSet([ANY])),
        ]


def test_what_another_tool_has_written_does_no_harm() -> None:
    person = person_of(Damaged())
    after, unreadable, before = cards(person)
    assert "the rules before are unreadable" in after
    assert "These rules are unreadable: the text is no ⟨U+202E⟩JSON" in unreadable
    assert "Restore" not in unreadable
    assert "Newly allowed: any site" in before
    assert person.page is not None
    for each in ("<script>", "<b>", "<i>", "\u202e"):
        assert each not in person.page.text


def test_rules_that_take_too_much_work_are_not_compared() -> None:
    store = MemoryStore()
    size, shape = SHAPES["nested origins and crossing headers"]
    store.put("photos", RuleSet(shape(size)), "mallory")
    [card] = cards(person_of(store))
    assert "rules overlap in too many ways" in card


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The comparisons that pages made."""
    made = []

    def count(*arguments: Any) -> Diff:
        made.append(arguments)
        return diff_within(*arguments)

    monkeypatch.setattr(history_page, "diff_within", count)
    return made


def test_what_changed_is_found_out_once(store: Store, compared: list[Any]) -> None:
    person = person_of(store)
    first = cards(person)
    assert len(compared) == 3
    assert cards(person) == first
    assert len(compared) == 3


def test_a_page_does_some_work_and_the_next_visit_goes_on(
    store: Store, compared: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_page, "MAX_COMPARISONS", 0)
    person = person_of(store)
    for count in (1, 2, 3):
        found = cards(person)
        assert ["Reload the page" in each for each in found] == [each >= count for each in range(3)]
        assert len(compared) == count
