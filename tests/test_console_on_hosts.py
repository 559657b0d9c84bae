"""The console on several hosts: the server may be away, and a page may come from any of them."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

import pytest
from werkzeug.test import Client

from flask_bucketcors import (
    MemoryStore,
    Reach,
    Rule,
    RuleSet,
    StoreUnavailable,
    console_app,
)
from flask_bucketcors.stores.replica.store import ReplicaStore
from tests.support.console_apps import Person, console_application, forms_of, text_of
from tests.support.fake_server import FakeServer

A = RuleSet([Rule(["https://a.example"], ["GET"])])
B = RuleSet([Rule(["https://b.example"], ["GET"])])
TYPED = "https://typed.example"
AWAY = "the server db.example is away"


@pytest.fixture
def server() -> FakeServer:
    server = FakeServer()
    server.put("photos", B, "yve")
    server.put("photos", A, "yve")
    return server


def open_host(server: FakeServer, path: Path) -> ReplicaStore:
    """Open the store of a host, which asks the server only if somebody makes it."""
    server.promises = False
    return ReplicaStore(server, path, refresh_seconds=3600)  # type: ignore[arg-type]


@pytest.fixture
def host(server: FakeServer, tmp_path: Path) -> Iterator[ReplicaStore]:
    with closing(open_host(server, tmp_path / "copy.sqlite")) as store:
        yield store


@pytest.fixture
def other_host(server: FakeServer, tmp_path: Path) -> Iterator[ReplicaStore]:
    with closing(open_host(server, tmp_path / "other.sqlite")) as store:
        yield store


@pytest.fixture
def person(host: ReplicaStore) -> Person:
    return Person(console_application(host).test_client())


@pytest.fixture
def other(other_host: ReplicaStore) -> Person:
    """The same person, whose requests another host gets."""
    return Person(console_application(other_host).test_client())


def status_of(person: Person) -> int:
    assert person.page is not None
    return person.page.status_code


def labels_of(page: str) -> list[str]:
    return [button.label for form in forms_of(page) for button in form.buttons]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/", "photos 1 none just now by yve"),
        ("/b/photos/", "https://a.example"),
        ("/b/photos/", "Last change just now by yve"),
        ("/b/photos/text", "https://a.example"),
        ("/b/photos/add", "See what changes"),
        ("/b/photos/try?origin=https://a.example&method=GET", "https://a.example"),
        ("/b/photos/refused", "Refused lately"),
        # Whether it had rules, only the server knows.
        ("/b/other/", "No rules yet"),
    ],
)
def test_while_the_server_is_away_pages_show_the_copy(
    path: str, text: str, server: FakeServer, person: Person
) -> None:
    server.lose(StoreUnavailable(AWAY))
    page = person.open(path)
    assert status_of(person) == 200
    assert text in text_of(page)


def test_the_history_says_that_the_server_is_away(server: FakeServer, person: Person) -> None:
    assert "Revision 2" in person.open("/b/photos/history")
    server.lose(StoreUnavailable(AWAY))
    page = text_of(person.open("/b/photos/history"))
    assert status_of(person) == 503
    assert "because the database server cannot be reached" in page
    # Its name is nobody's business.
    assert AWAY not in page


def test_a_save_that_the_server_does_not_confirm_loses_nothing_typed(
    server: FakeServer, person: Person
) -> None:
    person.open("/b/photos/add")
    page = person.send("See what changes", origins=TYPED, methods="GET")
    server.lose(StoreUnavailable(AWAY))
    page = person.send("Save")
    assert status_of(person) == 503
    assert "did not confirm your change" in text_of(page)
    assert labels_of(page) == ["Try again", "Edit again"]
    assert 'href="/-/cors/b/photos/"' in page
    # What was typed can be edited while the server is away.
    assert TYPED in person.send("Edit again")
    person.send("See what changes")
    person.send("Save")
    assert status_of(person) == 503
    server.come_back()
    assert TYPED in person.send("Try again")
    assert status_of(person) == 200
    stored = server.get("photos")
    assert stored is not None
    assert [rule.allowed_origins for rule in stored.rules] == [("https://a.example",), (TYPED,)]


def test_to_restore_a_revision_can_be_tried_again(server: FakeServer, person: Person) -> None:
    person.open("/b/photos/history")
    server.lose(StoreUnavailable(AWAY))
    page = person.send("Restore")
    assert status_of(person) == 503
    assert "The database cannot be read now" in text_of(page)
    assert labels_of(page) == ["Try again"]
    server.come_back()
    person.send("Try again")
    person.send("Save")
    assert server.get("photos") == B


def test_what_was_saved_after_all_is_not_saved_twice(
    server: FakeServer, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is lost after the commit, and before the server says so."""
    person.open("/b/photos/add")
    person.send("See what changes", origins=TYPED, methods="GET")
    put = server._put_all

    def put_and_lose(*arguments: Any) -> NoReturn:
        put(*arguments)
        raise StoreUnavailable(AWAY)

    with monkeypatch.context() as losing:
        losing.setattr(server, "_put_all", put_and_lose)
        person.send("Save")
        assert status_of(person) == 503
    person.send("Try again")
    assert status_of(person) == 200
    assert server.revision == 3


def test_the_page_after_a_save_shows_it_on_each_host(person: Person, other: Person) -> None:
    person.open("/b/photos/add")
    person.send("See what changes", origins=TYPED, methods="GET")
    person.send("Save")
    assert TYPED not in other.open("/b/photos/")
    page = other.open("/b/photos/?saved=3")
    assert "Saved as revision 3" in page
    assert TYPED in page


def test_a_form_of_one_host_is_that_of_each_host(
    server: FakeServer, host: ReplicaStore, person: Person, other: Person
) -> None:
    server.put("photos", B, "yve")
    host.catch_up()
    person.open("/b/photos/add")
    other.page = person.page
    page = other.send("See what changes", origins=TYPED, methods="GET")
    assert "while you worked" not in text_of(page)
    person.page = other.page
    assert "Saved as revision 4" in person.send("Save")


def test_refusals_are_said_to_be_those_of_this_host(host: ReplicaStore) -> None:
    person = Person(console_application(host, refusals=":memory:").test_client())
    name = socket.gethostname()
    assert f"Counted on this host ({name}) only." in text_of(person.open("/b/photos/refused"))
    alone = Person(console_application(MemoryStore(), refusals=":memory:").test_client())
    assert "Counted on this host" not in text_of(alone.open("/b/photos/refused"))


def test_a_console_without_a_copy_says_where_refusals_are(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeServer, "reach", Reach.HOSTS)
    app = console_app(server, authorize=lambda call: "alice", secret_key="of the tests")
    page = Client(app).get("/b/photos/refused", base_url="http://localhost")
    assert "Open the console of the application on a host" in text_of(page.text)


def test_names_that_clients_invent_are_not_asked_for_at_the_server(
    server: FakeServer, host: ReplicaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = console_application(host, refusals=":memory:")
    sent = {"Origin": TYPED, "Access-Control-Request-Method": "GET"}
    asked: list[str] = []
    monkeypatch.setattr(server, "last_change", asked.append)
    assert app.test_client().options("/invented/a.jpg", headers=sent).status_code == 403
    refusals = app.extensions["bucketcors"].middleware.refusals
    assert refusals.rows("invented") == []
    assert asked == []
