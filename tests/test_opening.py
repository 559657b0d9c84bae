"""From a setting to a store."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flask_bucketcors import MemoryStore, Rule, RuleSet, SQLiteStore, StoreUnavailable
from flask_bucketcors.stores.contract import Store
from flask_bucketcors.stores.database_urls import ServerURL
from flask_bucketcors.stores.opening import (
    is_database,
    is_file,
    open_store,
    shown_database,
    wanted_database,
)
from tests.support.tables import in_one_test


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which is not the one that is passed."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def path_of(store: Store) -> Path | None:
    assert isinstance(store, SQLiteStore)
    with closing(store):
        return store.place


def test_a_store_is_itself() -> None:
    store = MemoryStore()
    assert open_store(store, folder="/nowhere") is store


@pytest.mark.parametrize("setting", ["rules.sqlite", Path("rules.sqlite")])
def test_a_relative_path_begins_in_the_folder(
    tmp_path: Path, elsewhere: Path, setting: str | Path
) -> None:
    assert path_of(open_store(setting, folder=tmp_path)) == tmp_path / "rules.sqlite"
    assert path_of(open_store(setting)) == elsewhere / "rules.sqlite"


def test_an_absolute_path_is_itself(tmp_path: Path, elsewhere: Path) -> None:
    path = tmp_path / "rules.sqlite"
    assert path_of(open_store(path, folder=elsewhere)) == path


def test_memory_is_no_path(elsewhere: Path) -> None:
    assert path_of(open_store(":memory:", folder=elsewhere)) is None
    assert list(elsewhere.iterdir()) == []


def test_the_limit_of_the_history_is_the_stores(tmp_path: Path) -> None:
    rules = RuleSet([Rule(["*"], ["GET"])])
    with closing(open_store("rules.sqlite", folder=tmp_path, history_limit=2)) as store:
        for _ in range(3):
            store.put("photos", rules)
        assert len(store.history("photos")) == 2


URL = "postgresql+psycopg://me:secret@db.example/rules"
REFUSED: list[tuple[Any, str]] = [
    ("postgresql://me:secret@db.example/rules", "'postgresql://...'"),
    (Path("postgresql://me:secret@db.example/rules"), "'postgresql://...'"),
    (Path(URL), "'postgresql+psycopg://...'"),
    (URL.encode(), "'postgresql+psycopg://...'"),
    (" " + URL, "'postgresql...'"),
    (URL + " ", "'postgresql+psycopg://...'"),
    (URL.replace("secret", "sec ret"), "'postgresql+psycopg://...'"),
    (URL.replace("secret", "sec@ret"), "'postgresql+psycopg://...'"),
    (URL.replace("secret", "sec/ret"), "'postgresql+psycopg://...'"),
    (URL.replace("secret", "sec?ret"), "'postgresql+psycopg://...'"),
    (URL.replace("secret", "sec#ret"), "'postgresql+psycopg://...'"),
    (URL.replace("secret", "sec:ret"), "'postgresql+psycopg://...'"),
    (URL.replace("example", "example:65536"), "'postgresql+psycopg://...'"),
    (URL.replace("me:secret@", "me:secret/"), "'postgresql+psycopg://...'"),
    ("Postgresql//me:secret@db.example/rules", "'Postgresql...'"),
    ("postgresql:me:secret@db.example/rules", "'postgresql...'"),
    ("postgresql;//me:secret@db.example/rules", "'postgresql...'"),
    ("//me:secret@db.example/rules", "'...'"),
    ("me:secret@db.example/rules", "'...'"),
    ("host=db.example user=me password=secret", "'...'"),
    ("sqlite:///rules.sqlite", "'sqlite://...'"),
    ("", "''"),
    (None, "None"),
    (True, "True"),
    ({"password": "secret"}, "dict"),
]


@in_one_test
@pytest.mark.parametrize("setting, shown", REFUSED)
def test_what_is_no_setting_is_shown_without_a_password(setting: Any, shown: str) -> None:
    assert not is_database(setting)
    assert shown_database(setting) == shown


FILES: list[str | Path] = [
    "rules.sqlite",
    Path("rules.sqlite"),
    ":memory:",
    r"C:\r.db",
    r"C:\Users\me@corp\r.db",
    "a@b.db",
    "/srv/a:b.db",
    "mysql.sqlite",
]


@in_one_test
@pytest.mark.parametrize("setting", FILES)
def test_what_is_a_setting(setting: str | Path) -> None:
    assert is_database(setting)
    assert is_file(setting)


URLS = [
    URL,
    "postgresql+psycopg://db.example/rules",
    "postgresql+psycopg://me@db.example:5432/rules?sslmode=require&password=secret",
    "postgresql+psycopg:///rules?host=/run/postgresql",
    "postgresql+psycopg://me:s%40c%2Fret@[::1]:5432/rules",
    "mysql+pymysql://me:!$&'()*+,;=-._~@10.0.0.1/rules",
    "mariadb+pymysql://me:@db.example",
]


@in_one_test
@pytest.mark.parametrize("url", URLS)
def test_the_url_of_a_server_is_a_setting_and_no_file(url: str) -> None:
    assert is_database(url)
    assert not is_file(url)
    assert "secret" not in shown_database(url)
    assert "secret" not in repr(ServerURL(url))
    assert "secret" not in repr({"BUCKETCORS_DATABASE": ServerURL(url)})
    assert ServerURL(url) == url


@in_one_test
@pytest.mark.parametrize(
    "setting, wanted",
    [
        ("postgresql://me:secret@db.example/rules", "the URL with its driver, 'postgresql+psycop"),
        ("postgres://me:secret@db.example/rules", "the URL with its driver, 'postgresql+psycopg:"),
        ("mysql://me:secret@db.example/rules", "the URL with its driver, 'mysql+pymysql://...'"),
        ("mariadb//me:secret@db.example", "the URL with its driver, 'mariadb+pymysql://...'"),
        (URL.replace("secret", "sec@ret"), "in a user's name and a password, write %40 for @"),
        # As a file with the URL ends.
        (f"{URL}\n", "leave out spaces and line breaks around the URL"),
        ("oracle://me:secret@db.example", "the URL of a server with its driver, such as 'postgre"),
        ("sqlite:///rules.sqlite", "the path of a file"),
        (URL.encode(), "the URL as a text"),
        (Path(URL), "the path of a file, ':memory:', or the URL of a server"),
        (None, "the path of a file, ':memory:', or the URL of a server"),
    ],
)
def test_what_to_write_instead(setting: Any, wanted: str) -> None:
    assert wanted in wanted_database(setting)
    assert "secret" not in wanted_database(setting)


@in_one_test
@pytest.mark.parametrize(
    "setting, message",
    [
        (Path("mysql://me:secret@db.example/rules"), "the URL mysql://...; write the path"),
        ("mysql://me:secret@db.example/rules", "the URL mysql://...; write the path"),
        ("postgresql//me:secret@db.example/rules", "the URL postgresql...; write the path"),
        ("", "is empty; write the path"),
        ("a\0b", "contains a NUL character"),
    ],
)
def test_a_path_that_no_file_can_have_is_refused(
    tmp_path: Path, setting: str | Path, message: str
) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        open_store(setting, folder=tmp_path)
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_store_in_a_file_refuses_the_url_of_a_server() -> None:
    with pytest.raises(StoreUnavailable) as caught:
        SQLiteStore(URL)
    assert str(caught.value) == (
        "the path of the database is the URL postgresql+psycopg://...; write the path of a file, "
        "or set BUCKETCORS_DATABASE to the URL"
    )
