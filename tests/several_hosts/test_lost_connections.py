"""Connections that are lost outside of statements, where SQLAlchemy does not notice it."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from threading import Timer

import pytest
from sqlalchemy.engine import make_url

from flask_bucketcors import Rule, RuleSet
from flask_bucketcors.core.errors import ServerUnreachable
from flask_bucketcors.stores.sql.store import SQLStore
from tests.support.hosts.link import Link, link
from tests.support.hosts.server import Database

RULES = RuleSet([Rule(["*"], ["GET"])])
MANY = 100


@contextmanager
def linked(database: Database) -> Iterator[tuple[SQLStore, Link]]:
    """A store, and the cable through which it reaches the server."""
    url = make_url(database.url)
    with (
        link((str(url.host), url.port or 0)) as cable,
        closing(SQLStore(url.set(host="127.0.0.1", port=cable.port))) as store,
    ):
        yield store, cable


def test_while_a_feed_waits(postgresql_database: Database) -> None:
    with linked(postgresql_database) as (store, cable), closing(store.open_feed()) as feed:
        assert feed.listen()
        Timer(0.1, cable.cut).start()
        with pytest.raises(ServerUnreachable):
            feed.wait(30)
        with feed.since(None) as batch:
            assert list(batch.rows) == []


@pytest.mark.parametrize("setting", [b"AUTOCOMMIT = 1", b"ISOLATION LEVEL"])
def test_while_a_connection_is_prepared(mariadb_database: Database, setting: bytes) -> None:
    with linked(mariadb_database) as (store, cable):
        store.put("b", RULES)
        store.close()
        cable.cut_at(re.compile(setting), is_sent=False)
        with suppress(ServerUnreachable):
            store.put("b", RULES)
            store.read("b")
        assert cable.count == 1
        store.put("b", RULES)


def test_while_a_large_change_is_sent(postgresql_database: Database) -> None:
    with linked(postgresql_database) as (store, cable):
        cable.cut_at(re.compile(rb"COPY"), is_sent=True)
        # It is sent again.
        assert store.put_many((f"b{number}", RULES) for number in range(MANY)) == 1
        assert cable.count == 1
        assert len(store.list()) == MANY
