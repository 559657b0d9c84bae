"""The contract of stores, and what a store on a server adds to it, on real servers."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine

from flask_bucketcors import Rule, RuleSet, SQLStore, Store
from tests.support.hosts.server import Database, Server
from tests.test_stores import *  # noqa: F403
from tests.test_stores import Make


@pytest.fixture(scope="module")
def emptied(server: Server) -> Iterator[Database]:
    """A database whose tables are emptied before each test: to make one takes longer."""
    with server.database() as database:
        yield database


@pytest.fixture
def make(emptied: Database) -> Iterator[Make]:
    """Make a store on each kind of server with the options given; it is closed at the end."""
    opened: list[Store] = []
    engine = create_engine(emptied.url)
    with engine.begin() as connection:
        SQLStore.metadata.create_all(connection)
        for table in SQLStore.metadata.sorted_tables:
            connection.execute(table.delete())
    engine.dispose()

    def make_store(**options: Any) -> Store:
        opened.append(SQLStore(emptied.url, **options))
        return opened[-1]

    yield make_store
    for store in opened:
        store.close()


def test_revisions_do_not_recur_if_only_the_counter_is_lost(
    emptied: Database,
    make: Make,
) -> None:
    rules = RuleSet([Rule(["https://a.example"], ["GET"])])
    before = make()
    for _ in range(3):
        before.put("photos", rules)
    emptied.execute("DELETE FROM bucketcors_state")
    after = make()
    assert after.revision == 4
    for _ in range(3):
        after.put("photos", rules)
    assert [each.revision for each in after.history("photos")] == [7, 6, 5, 3, 2, 1]
