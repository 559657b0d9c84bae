"""The console's page "XML and JSON": all rules as text, to copy and to replace."""

import json
from html import unescape

import pytest

from flask_bucketcors import ConsoleAction, ConsoleOptions, MemoryStore, Rule, RuleSet, Store
from flask_bucketcors.documents.to_forms import FORMS
from tests.support.console_apps import Form, Person, console_application, forms_of, text_of

RULES = RuleSet(
    [Rule(["https://*.shop.example"], ["GET", "PUT"], ["x-cos-meta-*"], ["ETag"], 600, "a\u202eb")]
)


@pytest.fixture
def store() -> Store:
    store = MemoryStore()
    store.put("photos", RULES, "alice")
    return store


@pytest.fixture
def person(store: Store) -> Person:
    return Person(console_application(store).test_client())


def to_copy(page: str) -> str:
    """The text that the page shows to copy."""
    start = page.index("readonly")
    found = page[page.index(">", start) + 1 : page.index("</textarea>", start)]
    return unescape(found.removeprefix("\n"))


def form_of(person: Person, label: str) -> Form:
    assert person.page is not None
    [form] = [each for each in forms_of(person.page.text) if each.label == label]
    return form


def test_every_form_is_shown_and_can_be_read_back(person: Person) -> None:
    for name in FORMS:
        page = person.open(f"/b/photos/text?as={name}")
        text = to_copy(page)
        assert RuleSet.parse(text).rules[0].allowed_methods == ("GET", "PUT"), name
        assert "\u202e" not in page, name
    assert RuleSet.parse(to_copy(person.open("/b/photos/text?as=json"))) == RULES
    assert RuleSet.parse(to_copy(person.open("/b/photos/text"))) == RULES


def test_a_form_says_what_it_cannot_say(person: Person) -> None:
    text = text_of(person.open("/b/photos/text?as=gcs"))
    assert "This format cannot express everything" in text
    assert "Google Cloud Storage takes exact origins" in text
    assert "cannot say" not in text_of(person.open("/b/photos/text?as=json"))


def test_a_form_that_nobody_knows_is_the_usual_one(person: Person) -> None:
    assert to_copy(person.open("/b/photos/text?as=<script>")) == to_copy(
        person.open("/b/photos/text")
    )


def test_a_document_becomes_a_proposal(person: Person, store: Store) -> None:
    person.open("/b/photos/text")
    stored = store.read("photos")
    assert stored is not None
    fields = dict(form_of(person, "See what changes").fields)
    assert (fields["kind"], fields["version"], fields["document"]) == ("rules", stored.version, "")
    fields = dict(form_of(person, "Delete all rules").fields)
    assert (fields["kind"], fields["version"]) == ("clear", stored.version)


def test_without_rules_there_is_nothing_to_copy_or_delete(person: Person) -> None:
    text = text_of(person.open("/b/new/text"))
    assert "The bucket has no rules." in text
    assert "Delete all rules" not in text
    assert dict(form_of(person, "See what changes").fields)["kind"] == "rules"


def test_default_rules_are_shown_as_such(store: Store) -> None:
    app = console_application(store, default_rules=RULES)
    page = Person(app.test_client()).open("/b/new/text?as=json")
    assert "These are the default rules." in text_of(page)
    assert "Delete all rules" not in text_of(page)
    assert json.loads(to_copy(page)) == RULES.as_dict()


def test_who_may_not_write_can_copy_alone(store: Store) -> None:
    options = ConsoleOptions(
        authorize=lambda call: None if call.action is ConsoleAction.WRITE else "bob"
    )
    page = Person(console_application(store, options=options).test_client()).open("/b/photos/text")
    assert "shop.example" in page
    assert [each.label for each in forms_of(page)] == ["Show"]
