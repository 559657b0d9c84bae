"""What a SQLite store says of changes since a state: its own, other processes' and tools'."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flask_bucketcors import Rule, RulesChanged, RuleSet, SQLiteStore
from flask_bucketcors.stores.contract import Changes
from flask_bucketcors.stores.sqlite import schema
from flask_bucketcors.stores.sqlite.noted_changes import MAX_NOTED_BUCKETS
from flask_bucketcors.stores.sqlite.schema import SCHEMA_VERSION
from tests.support.other_tools import run_sql

RULES = RuleSet([Rule(["*"], ["GET"])])
OTHERS = RuleSet([Rule(["*"], ["PUT"])])
TEXT = json.dumps(OTHERS.as_dict())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rules.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    with closing(SQLiteStore(path)) as store:
        store.put_many((bucket, RULES) for bucket in ("a", "b", "c"))
        yield store


def queries(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the queries of a store from now on."""
    noted: list[str] = []
    query = store._database.query

    def note(statement: str, *arguments: object) -> object:
        noted.append(statement)
        return query(statement, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(store._database, "query", note)
    return noted


Write = Callable[[SQLiteStore], object]
WRITES: dict[str, tuple[Write, set[str]]] = {
    "put": (lambda store: store.put("a", OTHERS), {"a"}),
    "put of a new bucket": (lambda store: store.put("d", OTHERS), {"d"}),
    "put of a long name": (lambda store: store.put("\u4e2d" * 85, OTHERS), {"\u4e2d" * 85}),
    "delete": (lambda store: store.delete("b"), {"b"}),
    "put_many": (lambda store: store.put_many([("a", OTHERS), ("e", OTHERS)]), {"a", "e"}),
    "rollback": (lambda store: store.rollback("c", 1), {"c"}),
}


@pytest.mark.parametrize("write, buckets", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("is_signalled", [True, False])
@pytest.mark.parametrize("is_own", [True, False])
def test_a_write_of_a_store_names_its_buckets(
    path: Path,
    store: SQLiteStore,
    write: Write,
    buckets: set[str],
    is_signalled: bool,
    is_own: bool,
) -> None:
    """Whether this store or another one wrote."""
    state = store.state()
    with closing(SQLiteStore(path)) as another:
        write(store if is_own else another)
    found = store.changes_since(state, is_signalled=is_signalled)
    assert (found.state, found.buckets) == (store.state(), buckets)


def test_a_signalled_change_needs_no_query(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = [store.state()]
    noted = queries(store, monkeypatch)
    for write, buckets in WRITES.values():
        write(store)
        noted.clear()
        found = store.changes_since(states[-1], is_signalled=True)
        states.append(found.state)
        assert (found.buckets, noted) == (buckets, [])
    assert store.changes_since(states[0], is_signalled=True).buckets == {
        name for _, buckets in WRITES.values() for name in buckets
    }


TOOLS = {
    "UPDATE bucketcors_rules SET document = ? WHERE bucket = 'a'": {"a"},
    "UPDATE bucketcors_rules SET document = ?": {"a", "b", "c"},
    "INSERT INTO bucketcors_rules (bucket, document) VALUES ('d', ?)": {"d"},
    "INSERT OR REPLACE INTO bucketcors_rules (bucket, document) VALUES ('b', ?)": {"b"},
    "INSERT OR IGNORE INTO bucketcors_rules (bucket, document) VALUES ('b', ?)": set(),
    "UPDATE bucketcors_rules SET bucket = 'd', document = ? WHERE bucket = 'a'": {"a", "d"},
    "UPDATE OR REPLACE bucketcors_rules SET bucket = 'b', document = ? WHERE bucket = 'a'": {
        "a",
        "b",
    },
    "DELETE FROM bucketcors_rules WHERE bucket = 'a' OR document = ?": {"a"},
    "DELETE FROM bucketcors_rules WHERE document <> ?": {"a", "b", "c"},
}


@pytest.mark.parametrize("statement, buckets", TOOLS.items(), ids=TOOLS)
def test_an_edit_by_another_tool_names_its_buckets(
    path: Path, store: SQLiteStore, statement: str, buckets: set[str]
) -> None:
    state = store.state()
    run_sql(path, statement, TEXT)
    assert store.changes_since(state) == Changes(store.state(), buckets)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO bucketcors_rules (rowid, bucket, document) VALUES (1, 'd', ?)",
        "INSERT OR REPLACE INTO bucketcors_rules (rowid, bucket, document) VALUES (1, 'b', ?)",
        "UPDATE OR REPLACE bucketcors_rules SET rowid = 1 WHERE bucket = 'b' AND document <> ?",
        "UPDATE OR REPLACE bucketcors_rules SET rowid = 1, document = ? WHERE bucket = 'b'",
    ],
)
def test_a_row_that_takes_the_place_of_another_is_a_change_of_any_bucket(
    path: Path, store: SQLiteStore, statement: str
) -> None:
    """SQLite deletes the row of bucket "a" and fires no trigger."""
    state = store.state()
    run_sql(path, statement, TEXT)
    assert store.get("a") is None
    assert store.changes_since(state) == Changes(store.state(), None)


def test_a_name_that_is_no_text_is_a_change_of_any_bucket(path: Path, store: SQLiteStore) -> None:
    state = store.state()
    run_sql(path, "INSERT INTO bucketcors_rules (bucket, document) VALUES (x'61', ?)", TEXT)
    assert store.changes_since(state) == Changes(store.state(), None)


def test_an_edit_by_another_tool_is_not_passed_over_when_a_store_writes_next(
    path: Path, store: SQLiteStore
) -> None:
    """The ring in memory has the second change, and not the first."""
    state = store.state()
    run_sql(path, "UPDATE bucketcors_rules SET document = ? WHERE bucket = 'a'", TEXT)
    store.put("b", OTHERS)
    for is_signalled in (True, False):
        found = store.changes_since(state, is_signalled=is_signalled)
        assert found == Changes(store.state(), {"a", "b"})


def put_changed_rules(store: SQLiteStore) -> None:
    stored = store.read("b")
    with pytest.raises(RulesChanged):
        store.put("c", OTHERS, expected=stored.version if stored else None)


@pytest.mark.parametrize(
    "find",
    [lambda store: store.delete("a"), lambda store: store.put_many([]), put_changed_rules],
    ids=["delete", "put_many", "put"],
)
def test_what_a_write_found_is_not_hidden_by_one_that_is_announced_late(
    path: Path, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch, find: Write
) -> None:
    """A process stops after its commit, another tool writes, and a store learns of both."""
    state, late = store.state(), []
    with closing(SQLiteStore(path)) as another, monkeypatch.context() as patched:
        patched.setattr(another, "_publish", lambda *change: late.append(change))
        another.put("b", OTHERS)
    run_sql(path, "DELETE FROM bucketcors_rules WHERE bucket = 'a'")
    find(store)
    store._publish(*late[0])
    assert store.changes_since(state, is_signalled=True) == Changes(store.state(), {"a", "b"})


@pytest.mark.parametrize("write, buckets", WRITES.values(), ids=WRITES)
def test_who_reads_a_change_that_is_not_yet_announced_announces_it(
    path: Path,
    store: SQLiteStore,
    monkeypatch: pytest.MonkeyPatch,
    write: Write,
    buckets: set[str],
) -> None:
    """A client that saw it in one process must not see the rules before it in another one."""
    state, cell = store.state(), store.signal()
    seen, late = cell[0], []
    with closing(SQLiteStore(path)) as another, monkeypatch.context() as patched:
        patched.setattr(another, "_publish", lambda *change: late.append(change))
        write(another)
        assert cell[0] == seen
        another.read(min(buckets))
    announced = cell[0]
    assert announced != seen
    assert store.changes_since(state, is_signalled=True) == Changes(store.state(), buckets)
    store.read(min(buckets))
    assert cell[0] == announced
    # The writer goes on only now, and hides nothing.
    store._publish(*late[0])
    assert store.changes_since(state, is_signalled=True) == Changes(store.state(), buckets)


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("DELETE FROM bucketcors_changes", id="all are deleted"),
        pytest.param(
            "DELETE FROM bucketcors_changes WHERE id < (SELECT max(id) FROM bucketcors_changes)",
            id="the oldest are deleted",
        ),
        pytest.param(
            "DELETE FROM bucketcors_changes WHERE id = (SELECT max(id) FROM bucketcors_changes)",
            id="the last is deleted",
        ),
        pytest.param("UPDATE bucketcors_changes SET stamp = stamp + 1", id="stamps are changed"),
        pytest.param("UPDATE bucketcors_state SET stamp = stamp + 1", id="the state is changed"),
        pytest.param("UPDATE bucketcors_changes SET bucket = NULL", id="names are removed"),
    ],
)
def test_where_rows_are_missing_any_bucket_may_have_changed(
    path: Path, store: SQLiteStore, statement: str
) -> None:
    state = store.state()
    store.put("a", OTHERS)
    store.put("b", OTHERS)
    run_sql(path, statement)
    assert store.changes_since(state) == Changes(store.state(), None)
    state = store.state()
    store.put("a", RULES)
    found = store.changes_since(state)
    assert found.buckets is None or "a" in found.buckets
    assert found.state == store.state()


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_a_database_of_an_older_release_names_buckets_from_then_on(
    path: Path, version: int
) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for step in schema._STEPS[:version]:
            for statement in step:
                connection.execute(statement)
        connection.execute("UPDATE bucketcors_state SET schema_version = ?", (version,))
        insert = "INSERT INTO bucketcors_rules (bucket, document) VALUES ('a', ?), ('b', ?)"
        connection.execute(insert, (TEXT, TEXT))
    with closing(SQLiteStore(path)) as store:
        assert store.get("a") == OTHERS
        state = store.state()
        store.put("a", RULES)
        run_sql(path, "UPDATE bucketcors_rules SET document = ? WHERE bucket = 'b'", TEXT)
        assert store.changes_since(state) == Changes(store.state(), {"a", "b"})


def test_the_history_is_not_what_names_the_buckets(path: Path, store: SQLiteStore) -> None:
    """Operators delete it."""
    state = store.state()
    store.put("a", OTHERS)
    run_sql(path, "DELETE FROM bucketcors_history")
    assert store.changes_since(state).buckets == {"a"}


@pytest.mark.parametrize("is_signalled", [True, False])
@pytest.mark.parametrize(
    "count, is_noted", [(MAX_NOTED_BUCKETS, True), (MAX_NOTED_BUCKETS + 1, False)]
)
def test_a_change_of_many_buckets_is_one_of_any(
    path: Path, store: SQLiteStore, count: int, is_noted: bool, is_signalled: bool
) -> None:
    state = store.state()
    [[before]] = run_sql(path, "SELECT count(*) FROM bucketcors_changes")
    names = [f"bucket-{number}" for number in range(count)]
    store.put_many((name, RULES) for name in names)
    assert store.changes_since(state, is_signalled=is_signalled) == Changes(
        store.state(), set(names) if is_noted else None
    )
    [[after]] = run_sql(path, "SELECT count(*) FROM bucketcors_changes")
    assert after - before == (count if is_noted else 1)


@pytest.mark.parametrize("first, is_told", [(0, True), (1, False), (MAX_NOTED_BUCKETS, False)])
def test_many_changes_with_many_names_together_are_of_any_bucket(
    store: SQLiteStore, first: int, is_told: bool
) -> None:
    """The last rows have one stamp, and some of them are cut off."""
    state = store.state()
    for count in (first, MAX_NOTED_BUCKETS):
        store.put_many((f"bucket-{count}-{number}", RULES) for number in range(count))
    found = store.changes_since(state)
    assert found.state == store.state()
    assert found.buckets is None or len(found.buckets) == MAX_NOTED_BUCKETS
    assert (found.buckets is not None) is is_told


def test_the_rows_of_old_changes_are_pruned(path: Path, store: SQLiteStore) -> None:
    state = store.state()
    for _ in range(4):
        run_sql(path, "UPDATE bucketcors_rules SET document = ?", TEXT)
        names = [f"bucket-{number}" for number in range(MAX_NOTED_BUCKETS)]
        store.put_many((name, RULES) for name in names)
    [[kept]] = run_sql(path, "SELECT count(*) FROM bucketcors_changes")
    assert 2 * MAX_NOTED_BUCKETS <= kept < 2 * MAX_NOTED_BUCKETS + 64
    assert store.changes_since(state) == Changes(store.state(), None)


@pytest.mark.parametrize("is_signalled", [True, False])
def test_a_backup_in_the_place_of_the_file_is_a_change_of_any_bucket(
    path: Path, store: SQLiteStore, is_signalled: bool
) -> None:
    """Its revisions and IDs come back with other rules."""
    backup = path.with_name("backup")
    store.close()
    shutil.copy(path, backup)
    store.put("a", OTHERS)
    state = store.state()
    store.close()
    os.replace(backup, path)
    with closing(SQLiteStore(path)) as another:
        another.put("b", OTHERS)
    assert store.changes_since(state, is_signalled=is_signalled) == Changes(store.state(), None)


def test_a_write_that_failed_names_nobody(store: SQLiteStore) -> None:
    state = store.state()
    with pytest.raises(ZeroDivisionError):
        store.put_many((name, RULES) for name in iter(lambda: 1 // 0, None))
    assert store.changes_since(state, is_signalled=True) == Changes(state, set())


def test_a_store_in_memory_names_its_buckets() -> None:
    with closing(SQLiteStore(":memory:")) as store:
        store.put("a", RULES)
        state = store.state()
        store.put("b", RULES)
        assert store.changes_since(state, is_signalled=True) == Changes(store.state(), {"b"})
