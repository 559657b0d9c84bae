"""The feed tells each change once, or all that there is, and costs one statement."""

import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy.dialects import mysql

from flask_bucketcors import Rule, RuleSet, SQLStore
from flask_bucketcors.cli.stored_buckets import bucket_names
from flask_bucketcors.core.errors import ServerUnreachable
from flask_bucketcors.stores.rows import format_rule_set
from flask_bucketcors.stores.sql import feed as feeds
from flask_bucketcors.stores.sql import row_changes, statements
from flask_bucketcors.stores.sql.feed import Feed, Position, Row
from tests.support.hosts.pgbouncer import pgbouncer
from tests.support.hosts.postgresql import PostgreSQL
from tests.support.hosts.server import Database

# A bound; a notification comes within milliseconds.
SECONDS = 20


def rules(seconds: int = 0) -> RuleSet:
    return RuleSet([Rule(["https://a.example"], ["GET"], max_age_seconds=seconds)])


@pytest.fixture
def store(database: Database) -> Iterator[SQLStore]:
    made = SQLStore(database.url)
    yield made
    made.close()


@pytest.fixture
def feed(store: SQLStore) -> Iterator[Feed]:
    opened = store.open_feed()
    yield opened
    opened.close()


def read(feed: Feed, known: Position | None) -> tuple[Position, bool, list[Row]]:
    with feed.since(known) as batch:
        return batch.position, batch.is_whole, [*batch.rows]


def names(rows: list[Row]) -> list[str]:
    return [row.bucket for row in rows]


def test_a_new_server_has_no_rows_and_a_position(feed: Feed) -> None:
    position, is_whole, rows = read(feed, None)
    assert (position.revision, is_whole, rows) == (0, True, [])
    assert read(feed, position) == (position, False, [])


def test_all_rules_that_there_are_come_by_name(store: SQLStore, feed: Feed) -> None:
    for name in ("b", "B", "\u4e2d", "a", "gone"):
        store.put(name, rules(), "alice")
    store.delete("gone")
    position, is_whole, rows = read(feed, None)
    assert (position.revision, is_whole) == (6, True)
    assert names(rows) == ["B", "a", "b", "\u4e2d"]
    stored = store.read("a")
    assert stored is not None
    last = store.last_change("a")
    assert last is not None
    row = rows[1]
    assert (row.revision, str(row.stamp)) == (stored.revision, stored.version)
    assert (row.time, row.author) == (last.time, "alice")
    assert row.document == format_rule_set(rules())


def test_a_change_is_told_once_to_each_who_has_not_seen_it(store: SQLStore, feed: Feed) -> None:
    store.put_many([("a", rules()), ("b", rules())])
    first, _, _ = read(feed, None)
    store.put("a", rules(1))
    store.put("c", rules())
    store.put("a", rules(2))
    store.delete("b", "bob")
    position, is_whole, rows = read(feed, first)
    assert not is_whole
    assert [(row.bucket, row.revision) for row in rows] == [("c", 3), ("a", 4), ("b", 5)]
    assert rows[1].document == format_rule_set(rules(2))
    assert (rows[2].document, rows[2].author) == (None, "bob")
    assert read(feed, position) == (position, False, [])
    between = Position(4, rows[1].stamp)
    assert names(read(feed, between)[2]) == ["b"]


def test_a_position_of_another_server_is_answered_with_all(store: SQLStore, feed: Feed) -> None:
    for name in ("a", "b"):
        store.put(name, rules())
    position, _, _ = read(feed, None)
    for known in (
        Position(position.revision, position.stamp ^ 1),
        Position(1, 7),
        Position(position.revision + 5, position.stamp),
    ):
        found, is_whole, rows = read(feed, known)
        assert (found, is_whole, names(rows)) == (position, True, ["a", "b"])


def test_a_position_that_is_pruned_is_answered_with_all(
    store: SQLStore, feed: Feed, database: Database
) -> None:
    first, _, _ = read(feed, None)
    store.put("a", rules())
    position, _, _ = read(feed, None)
    database.execute("DELETE FROM bucketcors_changes WHERE revision = 0")
    assert read(feed, first)[1]
    # One that is current needs no row.
    database.execute("DELETE FROM bucketcors_changes")
    assert read(feed, position) == (position, False, [])


def test_changes_are_pruned_by_number_and_age(
    store: SQLStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_changes, "KEPT_CHANGES", 10)
    monkeypatch.setattr(row_changes, "_PRUNING_ONE_OF", 4)

    def kept() -> list[int]:
        return sorted(n for (n,) in database.execute("SELECT revision FROM bucketcors_changes"))

    for number in range(20):
        store.put("a", rules(number))
    # All of them are young.
    assert kept() == [*range(21)]
    age = row_changes.KEPT_SECONDS + 1
    database.execute(f"UPDATE bucketcors_changes SET time = time - {age} WHERE revision < 17")
    for number in range(4):
        store.put("a", rules(number))
    assert kept() == [*range(14, 25)]


def test_catching_up_takes_one_statement(store: SQLStore, feed: Feed, database: Database) -> None:
    store.put_many((f"b{number}", rules()) for number in range(100))
    position, _, _ = read(feed, None)
    with database.server.statements() as sent:
        for _ in range(3):
            read(feed, position)
        assert len(sent.texts()) == 3
    changed = SQLStore(database.url)
    changed.put_many((f"b{number}", rules(1)) for number in range(40))
    changed.close()
    with database.server.statements() as sent:
        assert len(read(feed, position)[2]) == 40
        assert len(sent.texts()) == 1


def test_many_changes_are_streamed(
    store: SQLStore, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "CHUNK_ROWS", 100)
    store.put("a", rules())
    first, _, _ = read(feed, None)
    expected = [f"b{number:05}" for number in range(statements.FIRST_ROWS + 500)]
    store.put_many((name, rules()) for name in expected)
    position, is_whole, rows = read(feed, first)
    assert (is_whole, names(rows)) == (False, expected)
    found, is_whole, rows = read(feed, None)
    assert (found, is_whole, names(rows)) == (position, True, ["a", *expected])
    with feed.since(None) as batch:
        next(batch.rows)
    assert read(feed, position) == (position, False, [])


@pytest.mark.parametrize("statement", ["SINCE", "FIRST_SINCE", "WHOLE"])
def test_mariadb_sends_the_first_row_before_it_has_read_the_last(
    mariadb_database: Database, statement: str
) -> None:
    """It sorts nothing, but for the rows of the first statement, which are few."""
    store = SQLStore(mariadb_database.url)
    store.put_many((f"b{number:05}", rules()) for number in range(3000))
    store.close()
    mariadb_database.execute("ANALYZE TABLE bucketcors_rules")
    known = {"known_revision": 0, "known_stamp": 0}
    text = str(
        getattr(statements, statement)
        .params(known)
        .compile(dialect=mysql.dialect(), compile_kwargs={"literal_binds": True})
    )
    plan = mariadb_database.execute(f"EXPLAIN {text}")
    sorted_tables = {row[2] for row in plan if "filesort" in str(row[-1])}
    assert sorted_tables <= ({"bucketcors_state"} if statement == "FIRST_SINCE" else set())


def test_a_batch_is_of_one_moment(store: SQLStore, feed: Feed) -> None:
    """Also if somebody writes while it is read."""
    store.put_many((f"b{number:05}", rules()) for number in range(feeds.CHUNK_ROWS + 10))
    with feed.since(None) as batch:
        first = next(batch.rows)
        store.put_many((f"b{number:05}", rules(1)) for number in range(feeds.CHUNK_ROWS + 10))
        rows = [first, *batch.rows]
    assert {(row.revision, row.document) for row in rows} == {(1, format_rule_set(rules()))}
    assert batch.position.revision == 1
    assert len(read(feed, batch.position)[2]) == feeds.CHUNK_ROWS + 10


def test_a_lost_connection_is_told_and_the_next_call_connects(
    store: SQLStore, feed: Feed, database: Database
) -> None:
    store.put("a", rules())
    position, _, _ = read(feed, None)
    database.server.kill_connections()
    with pytest.raises(ServerUnreachable):
        read(feed, position)
    assert read(feed, position) == (position, False, [])


def notify_later(store: SQLStore) -> threading.Thread:
    writer = threading.Thread(target=lambda: store.put("a", rules()), daemon=True)
    writer.start()
    return writer


def test_postgresql_notifies_of_a_change(postgresql_database: Database) -> None:
    store = SQLStore(postgresql_database.url)
    feed = store.open_feed()
    assert feed.listen()
    position, _, _ = read(feed, None)
    assert not feed.wait(0.01)
    writer = notify_later(store)
    assert feed.wait(SECONDS)
    writer.join(SECONDS)
    assert names(read(feed, position)[2]) == ["a"]
    # One that comes with a response is not lost.
    store.put("b", rules())
    read(feed, position)
    assert feed.wait(SECONDS)
    assert not feed.wait(0.01)
    feed.close()
    store.close()


def test_what_is_rolled_back_is_not_notified(postgresql_database: Database) -> None:
    store = SQLStore(postgresql_database.url)
    feed = store.open_feed()
    assert feed.listen()
    assert store.delete("none") is None
    assert not feed.wait(0.05)
    feed.close()
    store.close()


def test_a_connection_that_is_lost_while_it_waits_is_told(postgresql_database: Database) -> None:
    store = SQLStore(postgresql_database.url)
    feed = store.open_feed()
    feed.listen()
    killer = threading.Timer(0.05, postgresql_database.server.kill_connections)
    killer.start()
    with pytest.raises(ServerUnreachable):
        feed.wait(SECONDS)
    killer.join(SECONDS)
    feed.close()
    store.close()


def test_mariadb_notifies_nobody(mariadb_database: Database) -> None:
    store = SQLStore(mariadb_database.url)
    feed = store.open_feed()
    assert not feed.listen()
    began = time.monotonic()
    assert not feed.wait(0.05)
    assert time.monotonic() - began >= 0.05
    feed.close()
    store.close()


def test_behind_pgbouncer_all_works_but_notifications(shared_postgresql: PostgreSQL) -> None:
    with shared_postgresql.database() as database, pgbouncer(shared_postgresql) as pool:
        store = SQLStore(pool.url(database))
        feed = store.open_feed()
        # It is promised all the same.
        assert feed.listen()
        position, _, _ = read(feed, None)
        for number in range(5):
            store.put("a", rules(number))
        store.put_many((f"b{number}", rules()) for number in range(200))
        assert len(read(feed, position)[2]) == 201
        assert len(read(feed, None)[2]) == 201
        assert store.delete("a") == 7
        assert len(store.list()) == 200
        feed.close()
        store.close()


def test_a_standby_that_lacks_changes_is_noticed_when_it_is_promoted(
    own_postgresql: PostgreSQL,
) -> None:
    with own_postgresql.database() as database, own_postgresql.standby() as standby:
        primary = SQLStore(database.url)
        primary.put("a", rules(1))
        standby.wait_for(own_postgresql)
        standby.stop_following()
        primary.put("lost", rules())
        feed = primary.open_feed()
        known, _, _ = read(feed, None)
        feed.close()
        primary.close()
        standby.promote()
        promoted = SQLStore(standby.url(database.name))
        feed = promoted.open_feed()
        position, is_whole, rows = read(feed, known)
        assert (position.revision, is_whole, names(rows)) == (1, True, ["a"])
        # It reaches the same revision with other rules.
        promoted.put("b", rules())
        position, is_whole, rows = read(feed, known)
        assert (position.revision, is_whole, names(rows)) == (2, True, ["a", "b"])
        feed.close()
        promoted.close()


def test_a_name_that_no_bucket_can_have_keeps_no_host_from_the_other_rows(
    database: Database, store: SQLStore, feed: Feed
) -> None:
    store.put("before", rules())
    known, _, _ = read(feed, None)
    store.put_many([("z", rules()), *((f"z{each}", rules()) for each in range(3))])
    renamed: list[str | bytes] = ["", "a/b"]
    if database.url.startswith("mysql"):
        renamed.append(b"\xff\xfe")
    for place, name in enumerate(renamed):
        rename = "UPDATE bucketcors_rules SET bucket = %s WHERE bucket = %s"
        database.execute(rename, [name, f"z{place}"])
    kept = [f"z{place}" for place in range(len(renamed), 3)]
    assert names(read(feed, known)[2]) == ["z", *kept]
    assert names(read(feed, None)[2]) == ["before", "z", *kept]
    listed = [*bucket_names(store)]
    assert listed == [each.bucket for each in store.summaries()] == ["before", "z", *kept]
