"""Many rows come from the server at once: it neither sorts nor keeps them before the first."""

import gc
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import create_engine

from flask_bucketcors import Rule, RuleSet, SQLStore
from flask_bucketcors.core.errors import ServerUnreachable
from flask_bucketcors.stores.sql import statements
from flask_bucketcors.stores.sql.feed import CHUNK_ROWS, Feed, Position, Row
from tests.support.hosts.server import Database

BUCKETS = statements.FIRST_ROWS + 200
#: So many that a server does not rather sort them.
MANY = 20_000
RULES = RuleSet([Rule(["https://www.example.com"], ["GET"])])


@pytest.fixture
def store(database: Database) -> Iterator[SQLStore]:
    with closing(SQLStore(database.url)) as store:
        yield store


def taken(store: SQLStore, known: Position | None) -> tuple[Position, bool, list[Row]]:
    """What a feed tells, with all rows."""
    with closing(store.open_feed()) as feed, feed.since(known) as batch:
        return batch.position, batch.is_whole, list(batch.rows)


def names(count: int) -> list[str]:
    return [f"bucket-{number:05}" for number in range(count)]


def plan(database: Database, statement: Any) -> str:
    """How the server would execute a statement."""
    engine = create_engine(database.url)
    compiled = statement.params(known_revision=1).compile(
        engine, compile_kwargs={"literal_binds": True}
    )
    # PostgreSQL plans for the first rows of a cursor, and MariaDB has none.
    declared = "DECLARE rows CURSOR FOR" if engine.dialect.name == "postgresql" else ""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN {declared} {compiled}").fetchall()
    engine.dispose()
    return "\n".join(map(str, rows))


@pytest.mark.parametrize("name", ["WHOLE", "SINCE"])
def test_rows_are_read_in_the_order_of_an_index(
    database: Database, store: SQLStore, name: str
) -> None:
    store.put_many((bucket, RULES) for bucket in names(MANY))
    found = plan(database, getattr(statements, name))
    assert "bucketcors_rules" in found
    assert "sort" not in found.lower()


def test_a_whole_copy_has_all_rules_in_their_order(store: SQLStore) -> None:
    store.put_many((bucket, RULES) for bucket in names(BUCKETS))
    store.delete("bucket-00001")
    position, is_whole, rows = taken(store, None)
    assert is_whole
    assert (position.revision, [row.bucket for row in rows]) == (
        2,
        sorted({*names(BUCKETS)} - {"bucket-00001"}),
    )


def test_many_changes_come_with_their_deletions(store: SQLStore) -> None:
    store.put("bucket-00001", RULES)
    known, *_ = taken(store, None)
    store.put_many((bucket, RULES) for bucket in names(BUCKETS))
    store.delete("bucket-00001")
    position, is_whole, rows = taken(store, known)
    assert (position.revision, is_whole) == (3, False)
    assert sorted(row.bucket for row in rows) == names(BUCKETS)
    assert [row.bucket for row in rows if row.document is None] == ["bucket-00001"]


def test_a_server_without_rules_has_a_position(store: SQLStore) -> None:
    assert taken(store, None)[1:] == (True, [])
    store.put("photos", RULES)
    store.delete("photos")
    position, is_whole, rows = taken(store, None)
    assert (position.revision, is_whole, rows) == (2, True, [])
    assert taken(store, position) == (position, False, [])


@pytest.mark.parametrize("revision", [1, 7])
def test_a_position_that_the_server_does_not_have_gives_a_whole_copy(
    store: SQLStore, revision: int
) -> None:
    store.put("photos", RULES)
    position, is_whole, rows = taken(store, Position(revision, 1))
    assert (position.revision, is_whole, [row.bucket for row in rows]) == (1, True, ["photos"])


def test_a_connection_that_is_lost_between_rows_prints_no_traceback(
    database: Database, store: SQLStore
) -> None:
    long = RuleSet([Rule([f"https://{place:0>200}.example"], ["GET"]) for place in range(30)])
    store.put_many((bucket, long) for bucket in names(3 * CHUNK_ROWS))

    def be_cut_off(feed: Feed) -> None:
        with feed.since(None) as batch:
            next(batch.rows)
            assert database.server.kill_connections()
            list(batch.rows)

    with closing(store.open_feed()) as feed:
        with pytest.raises(ServerUnreachable):
            be_cut_off(feed)
        gc.collect()
        with feed.since(None) as batch:
            assert len(list(batch.rows)) == 3 * CHUNK_ROWS
