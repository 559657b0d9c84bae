"""Pages of names in the SQLite store: right for all of Unicode, and one range of its index."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_bucketcors import MemoryStore, Rule, RuleSet, SQLiteStore
from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.stores.sqlite import bucket_pages

RULES = RuleSet([Rule(["*"], ["GET"])])
# Few characters, so that names have common prefixes: the least and the greatest, both neighbours of
# the surrogates, and some of each length in UTF-8.
CHARACTERS = "  ab\u00ff\u0100\ud7ff\ue000\uffff\U00010000\U0010ffff"
NAMES = st.text(CHARACTERS, min_size=1, max_size=4).filter(is_bucket_name)
BOUNDS = st.text(CHARACTERS + "\0\ud800\udfff", max_size=4)


@given(st.lists(NAMES, max_size=12), BOUNDS, BOUNDS, st.none() | st.integers(0, 5), BOUNDS)
def test_a_page_is_what_a_filter_of_all_names_gives(
    names: list[str], prefix: str, after: str, limit: int | None, contains: str
) -> None:
    naive = sorted(name for name in set(names) if name.startswith(prefix) and name > after)
    with_text = [name for name in naive if contains in name]
    for store in (SQLiteStore(":memory:"), MemoryStore()):
        with closing(store):
            store.put_many((name, RULES) for name in names)
            assert store.list(prefix, after, limit) == naive[:limit]
            for name in names[::2]:
                store.delete(name)
            assert store.list(prefix, after, limit, with_deleted=True) == naive[:limit]
            store.put_many((name, RULES) for name in names)
            found = store.summaries(prefix, after, limit, contains=contains)
            assert [each.bucket for each in found] == with_text[:limit]


@pytest.mark.parametrize("encoding", ["UTF-16le", "UTF-16be"])
def test_pages_of_a_database_in_utf_16_are_sorted_by_code_point(
    tmp_path: Path, encoding: str
) -> None:
    """It may be the application's own. SQLite sorts its names by their bytes."""
    with closing(sqlite3.connect(tmp_path / "app.db")) as connection:
        connection.executescript(f"PRAGMA encoding = '{encoding}'; CREATE TABLE own (id)")
    names = sorted(["a", "\u00ff", "\u00ffb", "\u0100", "\u0100b", "\uffee", "\U0001f600"])
    with closing(SQLiteStore(tmp_path / "app.db")) as store:
        store.put_many((name, RULES) for name in names)
        assert store.list() == names
        assert store.list("\u00ff") == ["\u00ff", "\u00ffb"]
        store.delete("\u00ff")
        assert store.list("\u00ff", with_deleted=True) == ["\u00ff", "\u00ffb"]
        assert store.list("", "\u00ff", 1, with_deleted=True) == ["\u00ffb"]
        store.put("\u00ff", RULES)
        for place, name in enumerate(names):
            assert store.list("", name) == names[place + 1 :]
            assert store.list("", name, 1) == names[place + 1 : place + 2]
            [*found] = store.summaries("", name, 2, contains="\u00ff")
            assert found == [
                each for each in store.summaries() if each.bucket > name and "\u00ff" in each.bucket
            ]


@pytest.fixture
def store() -> Iterator[SQLiteStore]:
    with closing(SQLiteStore(":memory:")) as store:
        store.put("a", RULES)
        yield store


@pytest.mark.parametrize("end", ["b", b""], ids=["a prefix", "no prefix"])
@pytest.mark.parametrize(
    ("statement", "index"),
    [(bucket_pages.NAMES, "COVERING INDEX"), (bucket_pages.SUMMARIES, "INDEX")],
    ids=["names", "summaries"],
)
def test_a_page_is_one_range_of_the_index(
    store: SQLiteStore, end: object, statement: str, index: str
) -> None:
    parameters = {"low": "a", "high": end, "contains": "", "limit": 10}
    plan: list[Any] = store._database.query(f"EXPLAIN QUERY PLAN {statement}", parameters)
    assert len(plan) == 1
    assert plan[0][3].endswith("(bucket>? AND bucket<?)")
    assert f"USING {index}" in plan[0][3]
