"""Summaries in the SQLite store: counted by the database, and true of what other tools write."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from flask_bucketcors import (
    BucketSummary,
    HistoryEntry,
    MemoryStore,
    Rule,
    RuleSet,
    SQLiteStore,
    StoredRulesInvalid,
)
from flask_bucketcors.stores import rows
from flask_bucketcors.stores.contract import StoredRules
from flask_bucketcors.stores.sqlite import bucket_pages
from tests.support.other_tools import run_sql

ONE = RuleSet([Rule(["*"], ["GET"])])
TWO = RuleSet([Rule(["https://a.example"], ["GET"]), Rule(["*"], ["GET"])], True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rules.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    with closing(SQLiteStore(path)) as store:
        store.put_many([("a", ONE), ("b", TWO)], author="alice")
        yield store


def counts(store: SQLiteStore) -> Sequence[int | None]:
    return [each.rule_count for each in store.summaries()]


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the buckets whose rules are parsed from now on."""
    noted: list[str] = []

    def parse(bucket: str, document: str) -> RuleSet:
        noted.append(bucket)
        return rows.parse_rule_set(bucket, document)

    monkeypatch.setattr(bucket_pages, "parse_rule_set", parse)
    return noted


def test_rules_of_an_author_are_counted_without_parsing(
    store: SQLiteStore, parsed: list[str]
) -> None:
    store.put("c", TWO)
    assert counts(store) == [1, 2, 2]
    assert parsed == ["c"]


DOCUMENTS = [
    # what another tool writes, and the number of rules
    (rows.format_rule_set(TWO), 2),
    ("", None),
    ("not JSON", None),
    ("{}", None),
    ('{"rules": []}', None),
    ('{"rules": {}}', None),
    ('{"rules": [{"allowed_origins": ["https://a b"], "allowed_methods": ["GET"]}]}', None),
    (b"\xff", None),
]
WRITES = [
    "UPDATE bucketcors_rules SET document = ? WHERE bucket = 'a'",
    "UPDATE bucketcors_rules SET document = ?, author = 'mallory' WHERE bucket = 'a'",
    "REPLACE INTO bucketcors_rules (bucket, document, author) VALUES ('a', ?, 'mallory')",
]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(("document", "count"), DOCUMENTS)
def test_what_another_tool_wrote_is_counted_if_it_can_be_read(
    path: Path, store: SQLiteStore, document: str | bytes, count: int | None, write: str
) -> None:
    run_sql(path, write, document)
    assert counts(store) == [count, 2]
    stored = store.read("a")
    assert stored is not None
    if count is None:
        with pytest.raises(StoredRulesInvalid):
            stored.parse()
    else:
        assert len(stored.parse().rules) == count


@pytest.mark.parametrize("document", ["", "{}", "[1, 2]", '{"rules": 7}', '{"rules": []}'])
def test_a_damaged_row_breaks_no_page(path: Path, store: SQLiteStore, document: str) -> None:
    run_sql(path, "DROP TRIGGER bucketcors_updated")
    run_sql(path, "UPDATE bucketcors_rules SET document = ? WHERE bucket = 'a'", document)
    assert [(each.bucket, each.rule_count) for each in store.summaries()] == [("a", None), ("b", 2)]


class Unreadable(MemoryStore):
    """A store whose rules of one bucket cannot be read, and of another are deleted meanwhile."""

    def read(self, bucket: str) -> StoredRules | None:
        stored = super().read(bucket)
        if bucket == "deleted":
            return None
        return stored and stored._replace(parse=refuse) if bucket == "broken" else stored


def refuse() -> RuleSet:
    raise StoredRulesInvalid("no rule set")


def test_a_store_without_a_query_of_its_own_reads_each_bucket() -> None:
    store = Unreadable()
    store.put_many((bucket, ONE) for bucket in ("broken", "deleted", "photos"))
    found = [(each.bucket, each.rule_count) for each in store.summaries()]
    assert found == [("broken", None), ("photos", 1)]


class Elsewhere(SQLiteStore):
    """A store whose rules another source replaces."""

    def read(self, bucket: str) -> StoredRules | None:
        stored = super().read(bucket)
        return stored and stored._replace(parse=lambda: TWO)


class Numbered(SQLiteStore):
    """A store with a history of its own."""

    def _history(
        self, bucket: str, before: int | None, limit: int | None
    ) -> Sequence[HistoryEntry]:
        return [HistoryEntry(7, 1.5, "bob", ONE)]


class WithAQuery(Elsewhere):
    """A store that overrides both."""

    def read(self, bucket: str) -> StoredRules | None:
        return super().read(bucket)

    def _summaries(
        self, prefix: str, after: str, limit: int | None, contains: str
    ) -> Sequence[BucketSummary]:
        return []


def test_a_subclass_that_reads_elsewhere_has_the_default() -> None:
    with closing(Elsewhere(":memory:")) as store:
        store.put("a", ONE, "alice")
        assert [(each.rule_count, each.author) for each in store.summaries()] == [(2, "alice")]
    with closing(Numbered(":memory:")) as store:
        store.put("a", ONE, "alice")
        assert [(each.rule_count, each.author) for each in store.summaries()] == [(1, "bob")]
    with closing(WithAQuery(":memory:")) as store:
        store.put("a", ONE, "alice")
        assert store.summaries() == []
