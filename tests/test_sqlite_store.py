"""What is SQLite's own: the file, other tools, other processes, forks, and a broken disk."""

import errno
import fcntl
import gc
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from itertools import product
from pathlib import Path
from signal import SIG_DFL, SIGALRM, SIGKILL, alarm, signal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from flask_bucketcors import (
    BucketCORSMiddleware,
    InvalidRules,
    Rule,
    RulesAPI,
    RulesChanged,
    RuleSet,
    SQLiteStore,
    StoredRulesInvalid,
    StoreUnavailable,
    UnknownRevision,
)
from flask_bucketcors.core.compiled import CompiledRules
from flask_bucketcors.stores.rows import format_rule_set
from flask_bucketcors.stores.sqlite import database_file, schema
from flask_bucketcors.stores.sqlite.change_token import ChangeToken, draw_number
from flask_bucketcors.stores.sqlite.database import LOOK_SECONDS
from flask_bucketcors.stores.sqlite.waiting import IF_DAMAGED
from flask_bucketcors.wsgi.rules_cache import CHECK_SECONDS, RulesCache
from tests.support.other_tools import run_sql
from tests.support.processes.children import CHILD_SECONDS
from tests.support.processes.store_worker import store_worker
from tests.support.strategies import rule_sets


def rules(seconds: int = 0) -> RuleSet:
    return RuleSet([Rule(["https://a.example"], ["GET"], max_age_seconds=seconds)])


def in_child(action: Callable[[], object]) -> int:
    """Run an action in a forked process and give its exit status: 0 if it returned true."""
    child = os.fork()
    if child == 0:
        signal(SIGALRM, SIG_DFL)
        alarm(CHILD_SECONDS)
        code = 1
        try:
            code = 0 if action() else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)  # no limit: the child has an alarm
    return os.waitstatus_to_exitcode(status)


def replace(path: Path, documents: dict[str, RuleSet], statement: str = "SELECT 1") -> None:
    """Put another database, on which a statement was run, in the place of one."""
    other = path.with_name("replacement")
    with closing(SQLiteStore(other)) as store:
        store.put_many(documents.items())
    run_sql(other, statement)
    os.replace(other, path)


def edit(path: Path, bucket: str, rule_set: RuleSet) -> bool:
    """Do as another tool would; gives true, for the exit status of a process."""
    change = "UPDATE bucketcors_rules SET document = ? WHERE bucket = ?"
    run_sql(path, change, json.dumps(rule_set.as_dict()), bucket)
    return True


def put_and_die(path: Path, bucket: str, rule_set: RuleSet) -> None:
    """Leave a log behind."""
    SQLiteStore(path).put(bucket, rule_set)
    kill_self()


def kill_self() -> None:
    os.kill(os.getpid(), SIGKILL)


def log_of(path: Path, suffix: str = "") -> Path:
    return path.with_name(f"{path.name}-wal{suffix}")


def test_the_folder_is_made(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path / "a" / "b" / "rules.sqlite")) as store:
        assert store.put("b", rules()) == 1


def test_rules_outlive_the_store(path: Path) -> None:
    for seconds in range(3):
        with closing(SQLiteStore(path)) as store:
            assert store.get("b") == (rules(seconds - 1) if seconds else None)
            store.put("b", rules(seconds))


def test_commits_reach_the_disk(path: Path, store: SQLiteStore) -> None:
    """Write-ahead log, and synchronous=FULL on the connection that writes."""
    assert run_sql(path, "PRAGMA journal_mode") == [("wal",)]
    setting = "PRAGMA synchronous"
    assert store._database.change(lambda each: each.execute(setting).fetchone()) == (2,)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE bucketcors_rules SET document = ? WHERE bucket = 'b'",
        "INSERT OR REPLACE INTO bucketcors_rules (bucket, document) VALUES ('b', ?)",
        "INSERT INTO bucketcors_rules (bucket, document) VALUES ('b', ?) "
        "ON CONFLICT (bucket) DO UPDATE SET document = excluded.document",
        "REPLACE INTO bucketcors_rules "
        "SELECT bucket, ?, revision, stamp, time, author FROM bucketcors_rules",
    ],
)
def test_an_edit_by_another_tool_counts(path: Path, store: SQLiteStore, statement: str) -> None:
    store.put("b", rules(1), author="me")
    state, before = store.state(), store.read("b")
    run_sql(path, statement, json.dumps(rules(2).as_dict()))
    after = store.read("b")
    assert before is not None
    assert after is not None
    assert store.state() != state
    assert after.version != before.version
    assert after.parse() == rules(2)
    history = store.history("b")
    assert [(entry.author, entry.rule_set) for entry in history] == [
        (None, rules(2)),
        ("me", rules(1)),
    ]
    assert store.rollback("b", history[-1].revision) > history[0].revision


def test_an_edit_by_another_process_is_seen_by_whoever_asks_for_the_state(
    path: Path, store: SQLiteStore
) -> None:
    store.put("b", rules(1))
    assert store.get("b") == rules(1)
    state = store.state()
    assert in_child(lambda: edit(path, "b", rules(2))) == 0
    assert store.state() != state
    assert store.get("b") == rules(2)


def test_an_insertion_that_another_tool_ignored_is_nothing_new(
    path: Path, store: SQLiteStore
) -> None:
    store.put("b", rules(1), author="me")
    state = store.state()
    insert = "INSERT OR IGNORE INTO bucketcors_rules (bucket, document) VALUES ('b', 'other')"
    run_sql(path, insert)
    assert store.state() == state
    assert [entry.author for entry in store.history("b")] == ["me"]
    store.put("b", rules(2))
    assert [entry.rule_set for entry in store.history("b")] == [rules(2), rules(1)]


def test_what_a_renaming_replaced_stays_in_the_history(path: Path, store: SQLiteStore) -> None:
    store.put("old", rules(1))
    store.put("new", rules(2))
    run_sql(path, "UPDATE OR REPLACE bucketcors_rules SET bucket = 'new' WHERE bucket = 'old'")
    assert [entry.rule_set for entry in store.history("new")] == [rules(1), rules(2)]
    assert [entry.rule_set for entry in store.history("old")] == [None, rules(1)]


def test_history_by_other_tools_is_shortened_by_the_next_put(path: Path) -> None:
    with closing(SQLiteStore(path, history_limit=2)) as store:
        store.put("b", rules(0))
        for seconds in range(1, 5):
            edit(path, "b", rules(seconds))
        store.put("b", rules(5))
        assert [entry.rule_set for entry in store.history("b")] == [rules(5), rules(4)]
    assert run_sql(path, "SELECT count(*) FROM bucketcors_history") == [(1,)]


def test_a_deletion_by_another_tool_counts(path: Path, store: SQLiteStore) -> None:
    store.put("b", rules())
    state = store.state()
    run_sql(path, "DELETE FROM bucketcors_rules")
    assert store.state() != state
    assert store.get("b") is None
    assert store.history("b")[0].rule_set is None


def test_a_renaming_by_another_tool_counts(path: Path, store: SQLiteStore) -> None:
    store.put("old", rules())
    run_sql(path, "UPDATE bucketcors_rules SET bucket = 'new'")
    assert (store.get("old"), store.get("new")) == (None, rules())
    assert store.history("old")[0].rule_set is None
    assert store.history("new")[0].rule_set == rules()


@pytest.mark.parametrize(
    "document",
    ["", "not JSON", "[]", "{}", '{"rules": []}', '{"rules": [{}]}', "[" * 100_000, b"\xff"],
)
def test_a_document_that_is_no_rule_set_is_said_to_be_none(
    path: Path, store: SQLiteStore, document: object
) -> None:
    store.put("b", rules())
    run_sql(path, "UPDATE bucketcors_rules SET document = ?", document)
    with pytest.raises(StoredRulesInvalid, match="bucket 'b'"):
        store.get("b")
    latest, first = store.history("b")
    assert (latest.rule_set, "bucket 'b'" in str(latest.unreadable)) == (None, True)
    with pytest.raises(UnknownRevision):
        store.rollback("b", latest.revision)
    assert store.rollback("b", first.revision)
    assert store.put("b", rules(2))
    assert store.get("b") == rules(2)


def test_another_process_sees_what_was_put(path: Path, store: SQLiteStore) -> None:
    store.put("b", rules(1))
    assert in_child(lambda: store.get("b") == rules(1)) == 0


def test_a_change_in_one_process_is_signalled_to_the_other(store: SQLiteStore) -> None:
    signal = store.signal()[0]
    assert in_child(lambda: store.put("b", rules())) == 0
    assert store.signal()[0] != signal


def test_opening_does_not_take_a_signal_back(path: Path, store: SQLiteStore) -> None:
    store.put("b", rules())
    signal = store.signal()[0]
    SQLiteStore(path).close()
    assert store.signal()[0] == signal != 0


def test_every_writer_signals_its_own_write(path: Path, store: SQLiteStore) -> None:
    seen = set()
    with closing(SQLiteStore(path)) as other:
        for writer in (store, other, store):
            writer.put("b", rules())
            assert store.signal()[0] == other.signal()[0]
            seen.add(store.signal()[0])
    assert len(seen) == 3


def test_a_revision_that_comes_back_with_other_rules_is_told_apart(
    path: Path, tmp_path: Path, store: SQLiteStore
) -> None:
    """A backup is put back into the running database, and written to again."""
    store.put("b", rules(1))
    with closing(sqlite3.connect(path)) as source:
        source.execute("VACUUM INTO ?", (str(tmp_path / "backup.sqlite"),))
    store.put("b", rules(2))
    before, signal, state = store.read("b"), store.signal()[0], store.state()
    with (
        closing(sqlite3.connect(tmp_path / "backup.sqlite")) as backup,
        closing(sqlite3.connect(path)) as target,
    ):
        backup.backup(target)
    assert store.put("b", rules(3)) == 2
    after = store.read("b")
    assert before is not None
    assert after is not None
    assert before.version != after.version
    assert store.signal()[0] != signal
    assert store.state() != state


def test_without_a_token_the_database_is_asked(path: Path) -> None:
    """As in a folder that may not be written; root may, so a folder stands in the way."""
    (path.parent / "rules.sqlite-revision").mkdir(parents=True)
    with closing(SQLiteStore(path)) as store, closing(SQLiteStore(path)) as other:
        signal = store.signal()[0]
        other.put("b", rules())
        assert store.signal()[0] != signal
        assert store.get("b") == rules()


def test_a_database_that_cannot_be_asked_does_not_signal(path: Path) -> None:
    (path.parent / "rules.sqlite-revision").mkdir(parents=True)
    with closing(SQLiteStore(path)) as store:
        cell = store.signal()
        before = cell[0]
        store.close()
        path.write_bytes(b"something else " * 100)
        assert cell[0] == before != 0


def test_a_replaced_file_is_noticed(path: Path, store: SQLiteStore) -> None:
    """Though it is open here, and its log is in use."""
    store.put("b", rules(1))
    state, before = store.state(), store.read("b")
    replace(path, {"b": rules(2)})
    assert store.state() != state
    after = store.read("b")
    assert before is not None
    assert after is not None
    assert after.version != before.version
    assert after.parse() == rules(2)
    assert store.list() == ["b"]


def test_a_copy_in_place_of_the_file_is_noticed_though_all_in_it_is_the_same(
    path: Path, store: SQLiteStore
) -> None:
    store.put("b", rules())
    state = store.state()
    run_sql(path, "VACUUM INTO ?", str(path.with_name("copy")))
    os.replace(path.with_name("copy"), path)
    assert store.state() != state
    assert store.get("b") == rules()


def test_the_store_itself_looks_now_and_then_which_file_it_has(
    path: Path, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For whoever asks for neither signal nor state."""
    store.put("b", rules(1))
    assert store.get("b") == rules(1)
    replace(path, {"b": rules(2)})
    later = time.monotonic() + LOOK_SECONDS
    monkeypatch.setattr("time.monotonic", lambda: later)
    assert store.get("b") == rules(2)


def test_a_write_goes_to_the_file_at_the_path_before_anybody_has_noticed(
    path: Path, store: SQLiteStore, caplog: pytest.LogCaptureFixture
) -> None:
    """And from then on everybody reads there."""
    with closing(SQLiteStore(path)) as other:
        store.put("old", rules(1))
        assert store.get("old") == other.get("old") == rules(1)
        replace(path, {"b": rules(2)})
        revision = store.put("new", rules(3))
        for each in (other, store):
            assert (each.list(), each.revision) == (["b", "new"], revision)
        assert (other.get("b"), other.get("new"), other.get("old")) == (rules(2), rules(3), None)
    assert "rules.sqlite-wal-old" in caplog.text
    assert run_sql(path, "PRAGMA integrity_check") == [("ok",)]


def test_a_write_is_done_again_if_the_file_is_replaced_meanwhile(
    path: Path, store: SQLiteStore
) -> None:
    files = []

    def work(connection: sqlite3.Connection) -> int:
        files.append(os.stat(path).st_ino)
        if len(files) == 1:
            replace(path, {"b": rules(2)})
        return connection.execute("DELETE FROM bucketcors_rules").rowcount

    store.put("old", rules(1))
    assert store._database.change(work) == 1
    assert len(set(files)) == 2
    assert store.list() == []


def test_a_file_that_is_replaced_again_and_again_is_not_written(
    path: Path, store: SQLiteStore
) -> None:
    with pytest.raises(StoreUnavailable, match="again and again"):
        store._database.change(lambda connection: replace(path, {}))


def test_a_file_in_another_journal_mode_is_brought_to_this_one_by_the_next_write(
    path: Path, store: SQLiteStore
) -> None:
    replace(path, {"b": rules(1)}, "PRAGMA journal_mode = DELETE")
    assert run_sql(path, "PRAGMA journal_mode") == [("delete",)]
    assert store.get("b") == rules(1)
    store.put("b", rules(2))
    assert run_sql(path, "PRAGMA journal_mode") == [("wal",)]


def test_a_log_that_a_killed_process_left_is_not_read_into_another_file(path: Path) -> None:
    """What a restored backup comes to when nobody thinks of the log."""
    assert in_child(lambda: put_and_die(path, "old", rules(1))) == -SIGKILL
    replace(path, {"b": rules(2)})
    with closing(SQLiteStore(path)) as store:
        assert store.list() == ["b"]
        assert store.get("b") == rules(2)
    assert run_sql(path, "PRAGMA integrity_check") == [("ok",)]
    assert log_of(path, "-old").stat().st_size > 0


def test_a_log_that_a_killed_process_left_is_read_into_its_own_file(path: Path) -> None:
    assert in_child(lambda: put_and_die(path, "b", rules(1))) == -SIGKILL
    with closing(SQLiteStore(path)) as store:
        assert store.get("b") == rules(1)
    assert not log_of(path, "-old").exists()


def test_a_copied_folder_keeps_its_log(path: Path, tmp_path: Path) -> None:
    """All of its files are others; the record of the old ones has nothing to say about them."""
    folder = tmp_path / "folder"
    assert in_child(lambda: put_and_die(folder / "a", "b", rules(1))) == -SIGKILL
    shutil.copytree(folder, tmp_path / "copy")
    with closing(SQLiteStore(tmp_path / "copy" / "a")) as store:
        assert store.get("b") == rules(1)


def test_a_file_that_was_moved_here_with_its_log_keeps_it(
    path: Path, tmp_path: Path, store: SQLiteStore
) -> None:
    store.put("old", rules(1))
    store.close()
    other = tmp_path / "other"
    assert in_child(lambda: put_and_die(other, "b", rules(2))) == -SIGKILL
    os.replace(log_of(other), log_of(path))
    os.replace(other, path)
    assert (store.get("b"), store.list()) == (rules(2), ["b"])


def test_a_log_that_was_deleted_is_not_taken_for_a_later_one_with_its_inode(
    path: Path, tmp_path: Path, store: SQLiteStore
) -> None:
    """Another tool's, which a link to the deleted one makes here."""
    store.put("b", rules(1))
    os.link(log_of(path), tmp_path / "link")
    store.close()
    replace(path, {"b": rules(2)})
    os.truncate(tmp_path / "link", 0)
    os.replace(tmp_path / "link", log_of(path))
    assert store.get("b") == rules(2)
    assert not log_of(path, "-old").exists()


def test_a_writer_killed_before_it_could_signal_is_noticed(path: Path, store: SQLiteStore) -> None:
    store.put("b", rules(1))
    cell, state = store.signal(), store.state()
    before = cell[0]

    def die_instead_of_signalling() -> None:
        store._publish = lambda *change: kill_self()  # type: ignore[method-assign,assignment]
        store.put("b", rules(2))

    assert in_child(die_instead_of_signalling) == -SIGKILL
    assert cell[0] == store.signal()[0] == before
    assert store.state() != state
    assert store.get("b") == rules(2)


def test_a_token_that_was_deleted_is_replaced_for_all(path: Path, store: SQLiteStore) -> None:
    with closing(SQLiteStore(path)) as other:
        path.with_name("rules.sqlite-revision").unlink()
        cells = [store.signal(), other.signal()]
        before = [cell[0] for cell in cells]
        store.put("b", rules())
        assert all(cell[0] != number for cell, number in zip(cells, before, strict=True))


def test_what_a_database_in_memory_held_is_gone_when_it_is_closed() -> None:
    with closing(SQLiteStore(":memory:")) as store:
        store.put("b", rules())
        cell, state = store.signal(), store.state()
        before = cell[0]
        store.close()
        assert cell[0] != before
        assert store.state() != state
        assert store.get("b") is None
    assert not Path(":memory:-revision").exists()


def test_a_deleted_file_is_no_longer_believed_and_made_again_by_the_next_put(
    path: Path, store: SQLiteStore
) -> None:
    store.put("b", rules(1))
    state = store.state()
    path.unlink()
    assert store.state() != state
    with pytest.raises(StoreUnavailable, match=r"rules\.sqlite"):
        store.get("b")
    store.put("b", rules(2))
    assert store.get("b") == rules(2)
    with closing(SQLiteStore(path)) as other:
        assert other.get("b") == rules(2)


def test_a_file_overwritten_with_something_else_is_no_longer_believed(
    path: Path, store: SQLiteStore
) -> None:
    store.put("b", rules())
    state = store.state()
    store.close()
    path.write_bytes(b"something else " * 100)
    assert store.state() != state
    with pytest.raises(StoreUnavailable, match="not a database"):
        store.get("b")


@pytest.mark.parametrize("size", [0, 100, 4096, 8192])
def test_the_error_for_a_damaged_database_says_what_to_do(
    path: Path, store: SQLiteStore, size: int
) -> None:
    store.put("b", rules())
    assert store.get("b") == rules()
    run_sql(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    os.truncate(path, size)
    for attempt in (lambda: store.put("b", rules(1)), lambda: store.read("b")):
        with pytest.raises(StoreUnavailable) as raised:
            attempt()
        assert str(raised.value).endswith(f"; {IF_DAMAGED}")
    store.close()
    if size:
        with pytest.raises(StoreUnavailable, match="restore a backup"):
            SQLiteStore(path)


def test_a_locked_database_says_nothing_about_the_rules(path: Path, store: SQLiteStore) -> None:
    store.put("b", rules())
    store.close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("UPDATE bucketcors_state SET revision = revision")
        with pytest.raises(StoreUnavailable, match="locked"):
            store.state()
    assert store.get("b") == rules()


def test_a_writer_in_another_process_does_not_keep_readers_waiting(
    path: Path, store: SQLiteStore
) -> None:
    store.put("b", rules(1))
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM bucketcors_rules")
        assert store.get("b") == rules(1)


@pytest.mark.parametrize(
    "content", [b"not a database, and long enough to say so" * 30, b"\0" * 5000]
)
def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreUnavailable, match="not a database"):
        SQLiteStore(path)
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match=r"rules\.sqlite"):
        SQLiteStore(tmp_path / "file" / "rules.sqlite")


def test_a_database_of_a_newer_release_is_refused(path: Path, store: SQLiteStore) -> None:
    newer = schema.SCHEMA_VERSION + 1
    run_sql(path, "UPDATE bucketcors_state SET schema_version = ?", newer)
    with pytest.raises(StoreUnavailable, match=f"schema version {newer}.*install"):
        SQLiteStore(path)


def test_a_worker_stops_writing_once_a_newer_release_has_changed_the_tables(path: Path) -> None:
    """It runs on meanwhile, and reads what it can."""
    newer = schema.SCHEMA_VERSION + 1
    said = f"schema version {newer} and this release knows {schema.SCHEMA_VERSION}; install"
    with store_worker(path) as worker, store_worker(path) as other:
        assert worker.ask("put", "b", 1).isdecimal()
        run_sql(path, "UPDATE bucketcors_state SET schema_version = ?", newer)
        for each in (worker, other):
            assert said in each.ask("put", "b", 2)
            assert said in each.ask("delete", "b")
            assert each.ask("get", "b") == "1"
        assert run_sql(path, "SELECT revision FROM bucketcors_state") == [(1,)]
        run_sql(path, "UPDATE bucketcors_state SET schema_version = ?", schema.SCHEMA_VERSION)
        assert worker.ask("put", "b", 2) == "2"


RACES = [("put", 2), ("delete",), ("rollback", 1)]


def test_of_two_processes_that_change_the_rules_they_read_one_wins(
    path: Path, store: SQLiteStore
) -> None:
    """Whatever either of them does, and although neither waits for the other."""
    first = store.put("b", rules(1))
    with store_worker(path) as one, store_worker(path) as other:
        for (command, *of_one), (other_command, *of_other) in list(product(RACES, RACES)) * 2:
            store.rollback("b", first)
            before = store.read("b")
            assert before is not None
            one.tell(command, "b", *of_one, before.version)
            other.tell(other_command, "b", *of_other, before.version)
            answers = sorted([one.answer(), other.answer()])
            assert answers == [str(before.revision + 1), "changed"]
            assert store.revision == before.revision + 1


def test_an_edit_by_another_tool_is_not_overwritten(path: Path, store: SQLiteStore) -> None:
    store.put("b", rules(1))
    before = store.read("b")
    assert before is not None
    run_sql(path, "UPDATE bucketcors_rules SET document = document")
    with pytest.raises(RulesChanged):
        store.put("b", rules(2), expected=before.version)


def test_rules_that_are_unreadable_have_a_version_to_replace(
    path: Path, store: SQLiteStore
) -> None:
    store.put("b", rules(1))
    run_sql(path, "UPDATE bucketcors_rules SET document = '{'")
    before = store.read("b")
    assert before is not None
    assert store.put("b", rules(2), expected=before.version)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE bucketcors_state DROP COLUMN own_write",
        "ALTER TABLE bucketcors_rules RENAME COLUMN author TO requester",
        "ALTER TABLE bucketcors_rules RENAME COLUMN document TO body",
        "ALTER TABLE bucketcors_state RENAME COLUMN stamp TO mark",
    ],
)
def test_tables_that_no_longer_fit_are_said_to_be_a_newer_releases(
    path: Path, store: SQLiteStore, change: str
) -> None:
    """However it changed them, as long as it says so in the schema version."""
    store.put("b", rules(1))
    for (name,) in run_sql(path, "SELECT name FROM sqlite_master WHERE type = 'trigger'"):
        run_sql(path, f"DROP TRIGGER {name}")
    run_sql(path, change)
    newer = schema.SCHEMA_VERSION + 1
    run_sql(path, "UPDATE bucketcors_state SET schema_version = ?", newer)
    with pytest.raises(StoreUnavailable, match=f"schema version {newer} and this release knows"):
        store.put("b", rules(2))
    with pytest.raises(StoreUnavailable, match=f"schema version {newer} and this release knows"):
        SQLiteStore(path)


def test_the_log_says_once_that_a_newer_release_changed_the_tables(
    path: Path, store: SQLiteStore, caplog: pytest.LogCaptureFixture
) -> None:
    newer = schema.SCHEMA_VERSION + 1
    run_sql(path, "UPDATE bucketcors_state SET schema_version = ?", newer)
    api = RulesAPI(store, authorize=lambda call: True)
    application = BucketCORSMiddleware(lambda *_: [], store=store, api=api)
    body = (
        b"<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin>"
        b"<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"
    )
    for _ in range(3):
        response = Client(application).put("/b?cors", data=body)
        assert response.status_code == 503
        response.close()
    assert caplog.text.count(f"schema version {newer} and this release knows") == 1


def test_steps_of_later_releases_are_taken_in_one_transaction(
    path: Path, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("b", rules())
    store.close()
    step = (
        "ALTER TABLE bucketcors_rules ADD COLUMN note TEXT",
        "CREATE TABLE bucketcors_more (a)",
    )
    broken = ("CREATE TABLE bucketcors_third (a)", "SELECT no_such_function()")
    present = schema.SCHEMA_VERSION
    monkeypatch.setattr(schema, "_STEPS", (*schema._STEPS, step, broken))
    monkeypatch.setattr(schema, "SCHEMA_VERSION", present + 2)
    with pytest.raises(StoreUnavailable, match="no_such_function"):
        SQLiteStore(path)
    assert run_sql(path, "SELECT schema_version FROM bucketcors_state") == [(present,)]
    assert not run_sql(path, "SELECT * FROM sqlite_master WHERE name = 'bucketcors_more'")
    monkeypatch.setattr(schema, "_STEPS", schema._STEPS[: present + 1])
    monkeypatch.setattr(schema, "SCHEMA_VERSION", present + 1)
    with closing(SQLiteStore(path)) as migrated:
        assert migrated.get("b") == rules()
    assert run_sql(path, "SELECT schema_version FROM bucketcors_state") == [(present + 1,)]
    assert run_sql(path, "SELECT note FROM bucketcors_rules") == [(None,)]


def test_a_step_that_ends_its_transaction_keeps_its_reason(
    path: Path, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As SQLite does by itself after an I/O error."""
    step = (
        "CREATE TABLE bucketcors_more (a)",
        "CREATE TRIGGER ends BEFORE INSERT ON bucketcors_more "
        "BEGIN SELECT RAISE(ROLLBACK, 'no room'); END",
        "INSERT INTO bucketcors_more VALUES (1)",
    )
    monkeypatch.setattr(schema, "_STEPS", (*schema._STEPS, step))
    monkeypatch.setattr(schema, "SCHEMA_VERSION", schema.SCHEMA_VERSION + 1)
    with pytest.raises(StoreUnavailable, match="no room"):
        SQLiteStore(path)


def test_a_write_that_ends_its_transaction_keeps_its_reason(path: Path, store: SQLiteStore) -> None:
    run_sql(
        path,
        "CREATE TRIGGER ends BEFORE INSERT ON bucketcors_rules "
        "BEGIN SELECT RAISE(ROLLBACK, 'no room'); END",
    )
    with pytest.raises(StoreUnavailable, match="no room"):
        store.put("b", rules())
    run_sql(path, "DROP TRIGGER ends")
    assert store.put("b", rules()) == 1


def test_a_transaction_that_could_not_be_rolled_back_does_not_stay(store: SQLiteStore) -> None:
    """Its connection is closed before the next write."""
    store.put("b", rules(1))
    writer = store._database._connections.writer
    assert writer is not None
    writer.connection.execute("BEGIN IMMEDIATE")
    writer.connection.execute("DELETE FROM bucketcors_rules")
    store.put("c", rules(2))
    assert store.list() == ["b", "c"]


def test_tables_live_beside_an_applications_own(path: Path) -> None:
    run_sql(path, "CREATE TABLE rules (mine TEXT)")
    run_sql(path, "INSERT INTO rules VALUES ('kept')")
    with closing(SQLiteStore(path)) as store:
        store.put("b", rules())
    assert run_sql(path, "SELECT mine FROM rules") == [("kept",)]


def test_a_failed_write_leaves_everything_as_it_was(path: Path, store: SQLiteStore) -> None:
    store.put("b", rules(1))
    signal, state = store.signal()[0], store.state()
    run_sql(
        path,
        "CREATE TRIGGER full BEFORE INSERT ON bucketcors_history "
        "BEGIN SELECT RAISE(ABORT, 'disk full'); END",
    )
    with pytest.raises(StoreUnavailable, match="disk full"):
        store.put("b", rules(2))
    assert (store.signal()[0], store.state()) == (signal, state)
    assert store.get("b") == rules(1)


def test_threads_share_two_connections(path: Path, store: SQLiteStore) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for seconds in range(20):
                store.put(f"b{number}", rules(seconds))
                assert store.get(f"b{number}") == rules(seconds)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(CHILD_SECONDS)
    assert not failures
    assert len(store.list()) == 8
    assert run_sql(path, "SELECT revision FROM bucketcors_state") == [(160,)]


@given(rule_sets(), st.sampled_from([None, True, False]), st.text(alphabet='"\\ab\u4e2d{},'))
def test_a_document_is_what_its_rule_set_is_as_data(
    data: list[dict[str, Any]], vary: bool | None, id: str
) -> None:
    rule_set = RuleSet([Rule(**{**data[0], "id": id or None}), *map(rule_of, data)], vary)
    assert json.loads(format_rule_set(rule_set)) == rule_set.as_dict()


@given(st.text(alphabet=st.characters(max_codepoint=0x100), min_size=1, max_size=5))
def test_what_needs_an_escape_in_a_document_stands_in_no_list(text: str) -> None:
    """As documents are written without any there."""
    for field in ("allowed_origins", "allowed_headers", "expose_headers"):
        lists = {"allowed_origins": ["*"], "allowed_methods": ["GET"], field: [text]}
        with suppress(InvalidRules):
            rule_set = RuleSet([Rule(**lists)])
            assert json.loads(format_rule_set(rule_set)) == rule_set.as_dict()


def rule_of(data: dict[str, Any]) -> Rule:
    return Rule(**data)


@pytest.mark.parametrize("end", ["del store; gc.collect()", "pass"], ids=["dropped", "at the end"])
@pytest.mark.parametrize("place", ["sys.argv[1]", "':memory:'"], ids=["file", "memory"])
def test_python_has_nothing_to_say_of_a_store_that_nobody_closed(
    path: Path, end: str, place: str
) -> None:
    """As the stores of applications that tests make by the hundred."""
    program = (
        "import gc, sys; from flask_bucketcors import Rule, RuleSet, SQLiteStore; "
        f"store = SQLiteStore({place}); store.put('b', RuleSet([Rule(['*'], ['GET'])])); "
        f"store.get('b'); {end}"
    )
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", program, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert not log_of(path).exists()


def test_a_store_that_is_dropped_while_somebody_opens_the_file_is_closed_all_the_same(
    path: Path,
) -> None:
    store = SQLiteStore(path)
    store.put("b", rules())
    connection = store._database._connections.opened[0].connection
    with path.with_name("rules.sqlite-lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        del store
        gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_nothing_is_open_after_construction(path: Path) -> None:
    """So that a server may fork then, without Python's hooks."""
    with closing(SQLiteStore(path)) as store:
        assert store._database._connections.opened == []


def test_a_deletion_of_what_is_deleted_tells_of_it_too(store, monkeypatch):
    """Another process may have committed the deletion, and be about to tell of it."""
    store.put("b", rules())
    cell = store.signal()
    seen = cell[0]
    with monkeypatch.context() as stopped:
        stopped.setattr(SQLiteStore, "_publish", lambda self, revision, stamp: revision)
        assert store.delete("b") is not None
    assert cell[0] == seen
    assert store.delete("b") is None
    assert cell[0] != seen


def test_a_put_of_nothing_tells_of_what_others_have_put(store, monkeypatch):
    """An import leaves out the rules that are there already, and may be told of only now."""
    store.put("b", rules())
    cell = store.signal()
    seen = cell[0]
    with monkeypatch.context() as stopped:
        stopped.setattr(SQLiteStore, "_publish", lambda self, revision, stamp: revision)
        store.put("b", rules(1))
    assert cell[0] == seen
    assert store.put_many([]) == store.revision
    assert cell[0] != seen


@pytest.mark.parametrize("write", ["put", "delete"])
def test_a_write_that_finds_other_rules_tells_of_them(store, monkeypatch, write):
    """Its caller knows of them, and a later request must not see older ones."""
    store.put("b", rules())
    seen = store.read("b").version
    cell = store.signal()
    before = cell[0]
    with monkeypatch.context() as stopped:
        stopped.setattr(SQLiteStore, "_publish", lambda self, revision, stamp: revision)
        store.put("b", rules(1))
    assert cell[0] == before
    arguments = {"put": ("b", rules(2)), "delete": ("b",)}[write]
    with pytest.raises(RulesChanged):
        getattr(store, write)(*arguments, expected=seen)
    assert cell[0] != before


class Refused:
    """In the place of a file that cannot be mapped at the moment."""

    def __init__(self, path: Path) -> None:
        raise OSError(errno.EMFILE, "Too many open files", str(path))


def test_a_change_is_told_although_the_token_could_not_be_mapped_before(path, monkeypatch):
    ChangeToken(Path(f"{path}-revision"))
    others = ChangeToken(Path(f"{path}-revision")).signal
    with monkeypatch.context() as exhausted:
        exhausted.setattr(database_file, "ChangeToken", Refused)
        store = SQLiteStore(path)
        store.put("b", rules())
    with closing(store):
        assert others[0] == 0
        store.put("b", rules(1))
    assert others[0] != 0


def test_a_change_is_told_to_processes_on_both_sides_of_a_new_token(store, path):
    store.put("b", rules())
    before = store.signal()
    token = Path(f"{path}-revision")
    token.unlink()
    behind = ChangeToken(token).signal
    seen = before[0]
    store.put("b", rules(1))
    assert before[0] != seen
    assert behind[0] == before[0]


def test_a_change_is_obeyed_while_a_process_goes_over_to_a_new_token(store, path, monkeypatch):
    """It still compares the old number, and asks at each moment of the announcement."""
    store.put_many([("b", rules()), ("c", rules())])
    link = path.with_name("link")
    link.symlink_to(path)
    with closing(SQLiteStore(link)) as another:
        cache = RulesCache(another, CompiledRules, cached_buckets=10, clock=lambda: 0.0)
        before = cache.get("b")
        Path(f"{path}-revision").unlink()
        another.signal()
        another.put("c", rules(1))
        find = store._database.tokens

        def tokens() -> Iterator[ChangeToken]:
            for token in find():
                yield token
                cache.get("b")

        cache.get("b")
        monkeypatch.setattr(store._database, "tokens", tokens)
        store.put("b", rules(1))
        assert cache.get("b") is not before


@pytest.mark.parametrize("bits", [0, 1, 2**61 - 1])
def test_a_number_that_is_drawn_is_a_normal_float(path, monkeypatch, bits):
    """Others might be equal to another number, or not even to themselves."""
    token = ChangeToken(Path(f"{path}-revision"))
    monkeypatch.setattr("secrets.randbits", lambda count: bits)
    token.cell[0] = draw_number()
    assert sys.float_info.min <= token.signal[0] <= sys.float_info.max


def test_a_token_for_which_there_is_little_room_is_none(path):
    """The first bytes are written, and the others are not."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            ChangeToken(Path(f"{path}-revision"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert ChangeToken(Path(f"{path}-revision")).cell[0] == 0


def test_a_link_that_leads_elsewhere_has_the_token_of_that_place(tmp_path):
    """As for whoever opens it from then on."""
    link = tmp_path / "rules.sqlite"
    for name in ("one", "two"):
        with closing(SQLiteStore(tmp_path / name)) as made:
            made.put("b", rules())
    link.symlink_to("one")
    with closing(SQLiteStore(link)) as store, closing(SQLiteStore(tmp_path / "two")) as other:
        assert store.get("b") == rules()
        link.unlink()
        link.symlink_to("two")
        cell = store.signal()
        assert cell[0] == other.signal()[0]
        other.put("b", rules(1))
        assert cell[0] == other.signal()[0]
        assert store.get("b") == rules(1)


@pytest.fixture
def asked(path, monkeypatch):
    """A store that asks the database each time, as no number can be shared."""
    monkeypatch.setattr(database_file, "ChangeToken", Refused)
    with closing(SQLiteStore(path)) as store:
        yield store


def test_a_thread_that_asked_the_database_is_told_what_it_found(asked, monkeypatch):
    """And not what a thread found that asked before the last change, and took longer."""
    asked.put("b", rules(1))
    cell = asked.signal()
    before = cell[0]
    asked.put("b", rules(2))

    class Overtaken(type(cell)):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, before)

    cell.__class__ = Overtaken
    assert cell[0] != before


def test_an_own_change_is_known_although_the_database_cannot_be_asked(asked, monkeypatch):
    asked.put("b", rules(1))
    cell = asked.signal()
    before = cell[0]
    asked.put("b", rules(2))

    def unavailable(self: SQLiteStore) -> int:
        raise StoreUnavailable("it is locked")

    monkeypatch.setattr(cell, "_ask", partial(unavailable, asked))
    assert cell[0] != before


def test_a_state_that_cannot_be_asked_for_is_never_the_one_before(store, monkeypatch):
    """What was read meanwhile may have changed since."""
    cause = sqlite3.DatabaseError("database disk image is malformed")

    def fail(*arguments: object) -> list[object]:
        raise StoreUnavailable("the database is malformed") from cause

    monkeypatch.setattr(store, "_query", fail)
    assert store.state() != store.state()


def test_rules_in_memory_stand_while_no_file_can_be_opened(store):
    """A machine that is short of files says nothing of a change; a change is seen afterwards."""
    now = [0.0]
    cache = RulesCache(store, CompiledRules, cached_buckets=1, clock=lambda: now[0])
    store.put("b", rules(1))
    first = cache.get("b")
    # As before a fork: what is needed next has to be opened.
    store.close()
    now[0] += 2 * CHECK_SECONDS
    with no_more_files():
        assert cache.get("b") is first
    store.put("b", rules(2))
    assert cache.get("b") is not first


@contextmanager
def no_more_files() -> Iterator[None]:
    """Have this process open as many files as it may."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, os.listdir("/proc/self/fd")))
    taken: list[int] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, limits[1]))
        with suppress(OSError):
            while True:
                taken.append(os.dup(0))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for each in taken:
            os.close(each)
