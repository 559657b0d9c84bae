"""The list of buckets in the console."""

from pathlib import Path

import pytest

from flask_bucketcors import MemoryStore, Rule, RuleSet, SQLiteStore
from flask_bucketcors.console import bucket_list
from tests.support.console_apps import Person, console_application, text_of
from tests.support.other_tools import run_sql

HARMLESS = RuleSet([Rule(["https://www.example.com"], ["GET"])])
DANGEROUS = RuleSet([Rule(["https://*example.com"], ["GET"]), Rule(["null"], ["GET"])])


@pytest.fixture
def person() -> Person:
    store = MemoryStore()
    store.put("photos", HARMLESS, "alice")
    store.put("shop", DANGEROUS, "<b>bob</b>")
    store.put("a\u202eb", HARMLESS)
    return Person(console_application(store).test_client())


def test_each_bucket_has_its_rules_findings_and_last_change(person: Person) -> None:
    text = text_of(person.open("/"))
    assert "photos 1 none just now by alice" in text
    assert "shop 2 2 dangers" in text
    assert "by <b>bob</b>" in text
    assert "a⟨U+202E⟩b 1 none just now" in text


def test_names_are_found_by_how_they_begin(person: Person) -> None:
    person.open("/")
    found = text_of(person.send("Find", prefix="sho"))
    assert "shop" in found
    assert "photos" not in found
    assert "No bucket has a name that begins with nothing." in text_of(
        person.send("Find", prefix="nothing")
    )


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("fresh", "fresh"),
        (" fresh ", "fresh"),
        ("static", "static"),
        ("a/b", "a/b cannot be the name of a bucket."),
        ("..", ".. cannot be the name of a bucket."),
        ("", "Open a bucket without rules"),
        ("\u0000", "cannot be the name of a bucket."),
        ("x" * 256, "cannot be the name of a bucket."),
        ("https://evil.example", "cannot be the name of a bucket."),
    ],
)
def test_a_bucket_without_rules_is_opened_by_its_name(
    person: Person, typed: str, said: str
) -> None:
    person.open("/")
    assert said in text_of(person.send("Open", bucket=typed))
    assert person.page is not None
    assert person.page.request.host == "localhost"


def test_unreadable_rules_are_said_to_be(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "rules.sqlite")
    store.put("broken", HARMLESS)
    run_sql(store.place, "UPDATE bucketcors_rules SET document = '[1]'")
    text = text_of(Person(console_application(store).test_client()).open("/"))
    store.close()
    assert "broken Unreadable \u2013 just now" in text


def test_a_page_has_fifty_buckets_and_leads_to_the_next() -> None:
    store = MemoryStore()
    store.put_many([(f"b{number:03}", HARMLESS) for number in range(120)])
    person = Person(console_application(store).test_client())
    seen: list[str] = []
    page = person.open("/")
    while True:
        names = [word for word in text_of(page).split() if word[0] == "b" and word[1:].isdigit()]
        seen += names
        if "Next 50" not in page:
            break
        assert len(names) == bucket_list.PER_PAGE
        page = person.open(f"/?after={names[-1]}")
    assert seen == [f"b{number:03}" for number in range(120)]


def test_a_page_does_not_lint_for_long(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_list, "_LINT_FOR", -1)
    assert "shop 2 not checked yet" in text_of(person.open("/"))
