"""The console's page "Refused lately": from a refused preflight to a rule that is saved."""

from pathlib import Path

import pytest

from flask_bucketcors import MemoryStore, Rule, RuleSet, SQLiteStore, Store
from tests.support.console_apps import Person, console_application, text_of

SHOP = "https://www.shop.example"
RULES = RuleSet([Rule(["https://a.test"], ["GET", "PUT"], ["content-type"])])


@pytest.fixture
def store() -> Store:
    store = MemoryStore()
    store.put("photos", RULES, "alice")
    return store


@pytest.fixture
def person(store: Store) -> Person:
    return Person(console_application(store, refusals=":memory:").test_client())


def send_preflight(
    person: Person, origin: str, method: str, headers: str = "", bucket: str = "photos"
) -> int:
    names = {"Access-Control-Request-Headers": headers} if headers else {}
    response = person.client.options(
        f"/{bucket}/a.jpg",
        headers={"Origin": origin, "Access-Control-Request-Method": method, **names},
    )
    return response.status_code


def shown(person: Person, bucket: str = "photos") -> str:
    return text_of(person.open(f"/b/{bucket}/refused")).partition("a page that you know. ")[2]


def follow(person: Person, label: str) -> str:
    """Open the first link of a label."""
    assert person.page is not None
    before, _, _ = person.page.text.partition(f">{label}</a>")
    href = before.rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    return person.open(href.removeprefix(person.prefix))


def test_a_row_says_who_was_refused_and_why(person: Person) -> None:
    assert "refused no preflight" in shown(person)
    for _ in range(3):
        send_preflight(person, SHOP, "DELETE")
    send_preflight(person, "https://a.test", "PUT", "x-a,x-b")
    text = shown(person)
    assert f"{SHOP} DELETE Origin not allowed 3 just now Why?" in text
    assert "https://a.test PUT Header not allowed with x-a, x-b 1 just now Why?" in text


def test_from_a_refused_preflight_to_a_saved_rule_in_three_clicks(person: Person) -> None:
    assert send_preflight(person, SHOP, "PUT", "x-a") == 403
    person.open("/b/photos/refused")
    assert "No rule allows PUT" in text_of(follow(person, "Why?"))
    person.send("See what changes")
    page = person.send("Save")
    assert person.page is not None
    assert person.page.status_code == 200, page
    assert send_preflight(person, SHOP, "PUT", "x-a") == 200


def test_it_says_how_counting_is_turned_on(store: Store) -> None:
    person = Person(console_application(store, refusals=False).test_client())
    assert "set BUCKETCORS_REFUSALS to True" in text_of(person.open("/b/photos/refused"))


def test_default_rules_refuse_for_all_buckets_together(store: Store) -> None:
    app = console_application(store, refusals=":memory:", default_rules=RULES)
    person = Person(app.test_client())
    assert send_preflight(person, SHOP, "GET", bucket="new") == 403
    assert SHOP not in shown(person, "new")
    assert "flask bucketcors refused" in shown(person, "new")
    assert "flask bucketcors refused" not in shown(person)


HOSTILE = [
    "https://<script>alert(1)</script>",
    "https://\u00e9\u202evil.test".encode().decode("latin-1"),
    "https://" + "a" * 5_000,
    'https://"onmouseover=alert(1)',
]


def test_what_anybody_sends_does_nothing(person: Person) -> None:
    for number, origin in enumerate(HOSTILE):
        send_preflight(person, origin, f"<M{number}>")
        send_preflight(person, origin, "PUT")
    text = shown(person)
    assert person.page is not None
    assert "<script>" not in person.page.text
    assert '"onmouseover' not in person.page.text
    assert text.count("cannot be tried") == 6
    assert text.count("just now Why?") == 2


def test_a_table_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "rules.sqlite")
    store.put("photos", RULES)
    broken = tmp_path / "refused"
    broken.write_bytes(b"no database" * 1_000)
    app = console_application(store, refusals=str(broken))
    person = Person(app.test_client())
    page = text_of(person.open("/b/photos/refused"))
    assert "The refused preflights cannot be read now" in page
    store.close()


def test_rows_for_which_there_is_no_room_are_counted(store: Store) -> None:
    app = console_application(store, refusals=":memory:")
    person = Person(app.test_client())
    for number in range(60):
        send_preflight(person, f"https://{number}.test", "PUT")
    text = shown(person)
    rows = text.count("just now Why?")
    assert 40 <= rows <= 50
    assert f"{60 - rows} preflights that are not listed" in text
