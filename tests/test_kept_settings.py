"""What a store keeps of its application: settings, and the limit of the history."""

import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from flask import Flask

from flask_bucketcors import BucketCORS, MemoryStore, Rule, RulesAPI, RuleSet, SQLiteStore
from flask_bucketcors.api.kept_settings import KeptSettings
from flask_bucketcors.stores.contract import Store
from flask_bucketcors.stores.replica.store import ReplicaStore
from flask_bucketcors.stores.sqlite import database, schema
from tests.support import ROOT
from tests.support.fake_server import FakeServer

RULES = RuleSet([Rule(["https://page.example"], ["GET"])])


# Settings that are not those of a new database.
CHANGED = {"BUCKETCORS_HISTORY": 7, "BUCKETCORS_STRICT": "dangers"}


def sql(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement).fetchall()


def fill(store: Store, count: int) -> None:
    for _ in range(count):
        store.put("photos", RULES)


def entries(path: Path) -> int:
    """How many changes the file has, whatever a store would show."""
    [(count,)] = sql(
        path,
        "SELECT (SELECT count(*) FROM bucketcors_rules) + "
        "(SELECT count(*) FROM bucketcors_history)",
    )
    assert isinstance(count, int)
    return count


def start(path: Path, **settings: object) -> None:
    app = Flask("storage", instance_path=str(path.parent))
    app.config.update({f"BUCKETCORS_{key}": value for key, value in settings.items()})
    app.config["BUCKETCORS_DATABASE"] = path.name
    BucketCORS(app)
    app.extensions["bucketcors"].store.close()


# The limit of the history


def test_a_store_without_a_limit_keeps_what_the_application_keeps(path: Path) -> None:
    start(path, HISTORY=120)
    with closing(SQLiteStore(path)) as store:
        fill(store, 121)
        assert len(store.history("photos")) == 120
    assert entries(path) == 120


@pytest.mark.parametrize(
    "settings, kept",
    [({}, 120), ({"HISTORY": None}, 120), ({"HISTORY": 3}, 3), ({"HISTORY": 200}, 200)],
)
def test_only_the_setting_changes_the_limit(
    settings: dict[str, object], kept: int, path: Path
) -> None:
    start(path, HISTORY=120)
    start(path, **settings)
    with closing(SQLiteStore(path)) as store:
        fill(store, 121)
        assert len(store.history("photos")) == min(kept, 121)


def test_a_new_limit_counts_for_stores_that_are_open(path: Path) -> None:
    with closing(SQLiteStore(path)) as store:
        fill(store, 5)
        start(path, HISTORY=2)
        assert len(store.history("photos")) == 2
        fill(store, 1)
    assert entries(path) == 2


def test_a_deletion_counts_as_an_entry(path: Path) -> None:
    with closing(SQLiteStore(path, history_limit=2)) as store:
        fill(store, 3)
        store.delete("photos")
    assert entries(path) == 2


def test_a_database_of_an_older_release_loses_no_history(path: Path) -> None:
    """That release kept the limit in the settings of the application alone."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in schema._STEPS[0]:
            connection.execute(statement)
        for revision in range(120):
            rules = '{"rules":[]}'
            entry = ("photos", revision, 0.0, None, rules)
            connection.execute("INSERT INTO bucketcors_history VALUES (?, ?, ?, ?, ?)", entry)
    with closing(SQLiteStore(path)) as store:
        assert sql(path, "SELECT history_limit, settings FROM bucketcors_state") == [(121, "{}")]
        fill(store, 1)
    assert entries(path) == 121


@pytest.mark.parametrize("limit", [0, -1])
def test_no_tool_can_keep_less_than_one_entry(limit: int, path: Path) -> None:
    SQLiteStore(path).close()
    with pytest.raises(sqlite3.IntegrityError):
        sql(path, f"UPDATE bucketcors_state SET history_limit = {limit}")


# Settings


@pytest.mark.parametrize("path_text", ["rules.sqlite", ":memory:"])
def test_settings_of_other_names_stay(path_text: str, tmp_path: Path) -> None:
    where = path_text if path_text == ":memory:" else tmp_path / path_text
    with closing(SQLiteStore(where)) as store:
        assert store.kept_settings() == {}
        store.keep_settings({"strict": "off", "limits": {"cos": (1, 2)}})
        store.keep_settings({"strict": "dangers"})
        assert store.kept_settings() == {"strict": "dangers", "limits": {"cos": [1, 2]}}


def test_a_store_that_keeps_nothing_gives_the_defaults() -> None:
    store = MemoryStore()
    RulesAPI(store, strict="dangers")
    assert store.kept_settings() == {}
    kept = KeptSettings.read(store)
    assert (kept.settings.strict, kept.has_public_suffix, kept.applications) == ("off", False, [])


def test_to_start_an_application_is_no_change_of_rules(path: Path) -> None:
    with closing(SQLiteStore(path)) as store:
        fill(store, 1)
        signal = store.signal()
        before = (signal[0], store.signal()[0], store.state(), store.revision)
        start(path, STRICT="dangers", HISTORY=7, LIMITS={"cos": (1, 1)})
        assert (signal[0], store.signal()[0], store.state(), store.revision) == before


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a writer, as a program does that is in a transaction."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def test_a_second_start_writes_nothing(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"STRICT": "dangers", "HISTORY": 7, "LIMITS": {"cos": (1, 1)}}
    start(path, **settings)
    monkeypatch.setattr(database, "WRITE_TIMEOUT_SECONDS", 0)
    with locked(path):
        start(path, **settings)
    assert caplog.messages == []


def test_an_application_that_cannot_write_its_database_still_serves(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(SQLiteStore(path)) as store:
        fill(store, 1)
    monkeypatch.setattr(database, "WRITE_TIMEOUT_SECONDS", 0)
    app = Flask("storage", instance_path=str(path.parent), static_folder=None)
    app.config.update(
        BUCKETCORS_DATABASE=path.name, BUCKETCORS_HISTORY=7, BUCKETCORS_STRICT="dangers"
    )
    with locked(path):
        BucketCORS(app)
        preflight = {
            "Origin": "https://page.example",
            "Access-Control-Request-Method": "GET",
        }
        assert app.test_client().options("/photos/a", headers=preflight).status_code == 200
    app.extensions["bucketcors"].store.close()
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    limit, *others = caplog.messages
    assert limit.startswith("history_limit=7 has no effect, the database keeps the earlier one")
    assert len(others) == 2
    for text in others:
        assert text.startswith("the settings of the application are not kept in its database")
        assert str(path) in text


def test_while_the_server_is_away_an_application_starts_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = FakeServer()
    copy = tmp_path / "copy.sqlite"
    ReplicaStore(server, copy).close()  # type: ignore[arg-type]
    server.lose()
    with closing(ReplicaStore(server, copy)) as store:  # type: ignore[arg-type]
        BucketCORS(Flask("storage"), store=store)
    [(_, level, away), (_, _, kept)] = caplog.record_tuples
    assert level == logging.ERROR
    assert "requests are served from the copy" in away
    assert kept == (
        "the settings of the application are not kept in its database, so commands with "
        "--database use earlier ones: the server cannot be reached"
    )


def test_a_start_leaves_nothing_open(path: Path) -> None:
    """uWSGI forks without telling Python, and a child must not inherit a connection."""
    app = Flask("storage", instance_path=str(path.parent))
    app.config.update(
        BUCKETCORS_DATABASE=path.name, BUCKETCORS_HISTORY=7, BUCKETCORS_STRICT="dangers"
    )
    BucketCORS(app)
    links = [Path("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
    open_files = [os.readlink(link) for link in links if link.is_symlink()]
    assert str(path) not in open_files


START = """
import sys
from flask import Flask
from flask_bucketcors import BucketCORS
app = Flask("storage", instance_path=sys.argv[1])
app.config.update(BUCKETCORS_DATABASE="rules.sqlite", BUCKETCORS_HISTORY=7)
app.config.update(BUCKETCORS_STRICT="dangers")
sys.stdin.readline()
BucketCORS(app)
"""


def test_workers_that_start_at_once_agree(path: Path) -> None:
    command = [sys.executable, "-c", START, str(path.parent)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    workers = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environ, text=True
        )
        for _ in range(4)
    ]
    try:
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("\n")
            worker.stdin.flush()
        said = [worker.communicate(timeout=50)[1] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait(10)
    assert (said, [worker.returncode for worker in workers]) == ([""] * 4, [0] * 4)
    with closing(SQLiteStore(path)) as store:
        kept = KeptSettings.read(store)
        assert (kept.settings.strict, kept.applications) == ("dangers", ["storage"])
    assert sql(path, "SELECT history_limit FROM bucketcors_state") == [(7,)]
