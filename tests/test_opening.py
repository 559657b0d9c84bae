"""From a setting to a store."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flask_bucketcors import MemoryStore, Rule, RuleSet, SQLiteStore, StoreUnavailable
from flask_bucketcors.stores.contract import Store
from flask_bucketcors.stores.opening import is_database, open_store, shown_database
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


REFUSED: list[tuple[Any, str]] = [
    ("postgresql://me:secret@db.example/rules", "'postgresql://...'"),
    (Path("postgresql://me:secret@db.example/rules"), "'postgresql://...'"),
    (b"postgresql://me:secret@db.example/rules", "'postgresql://...'"),
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


@pytest.mark.parametrize("setting", ["rules.sqlite", Path("rules.sqlite"), ":memory:", r"C:\r.db"])
def test_what_is_a_setting(setting: str | Path) -> None:
    assert is_database(setting)


@pytest.mark.parametrize(
    "setting, message",
    [
        ("postgresql://me:secret@db.example/rules", "the URL postgresql://...; write the path"),
        (Path("mysql://me:secret@db.example/rules"), "the URL mysql://...; write the path"),
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
