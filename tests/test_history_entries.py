"""Entries of a history: rules are parsed when somebody reads them."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flask_bucketcors import HistoryEntry, Rule, RuleSet, SQLiteStore, UnknownRevision
from flask_bucketcors.core.errors import StoredRulesInvalid
from flask_bucketcors.stores import rows
from flask_bucketcors.stores.sqlite import kept_history
from tests.support.other_tools import run_sql

RULES = RuleSet([Rule(["*"], ["GET"])])


def rules(seconds: int) -> RuleSet:
    return RuleSet([Rule(["https://a.example"], ["GET"], max_age_seconds=seconds)])


def refused() -> RuleSet:
    raise StoredRulesInvalid("no rule set")


@pytest.mark.parametrize(
    ("given", "rule_set", "unreadable"),
    [
        (RULES, RULES, None),
        (None, None, None),
        (lambda: RULES, RULES, None),
        (refused, None, "no rule set"),
    ],
    ids=["rules", "deleted", "rules of a function", "unreadable"],
)
def test_an_entry_has_rules_or_says_why_it_has_none(given, rule_set, unreadable):
    entry = HistoryEntry(7, 1.5, "me", given)
    assert (entry.rule_set, entry.unreadable) == (rule_set, unreadable)
    assert (entry.revision, entry.time, entry.author) == (7, 1.5, "me")


def test_entries_are_equal_if_all_that_they_tell_is():
    entry = HistoryEntry(7, 1.5, "me", RULES)
    assert entry == HistoryEntry(7, 1.5, "me", lambda: RULES)
    assert hash(entry) == hash(HistoryEntry(7, 1.5, "me", lambda: RULES))
    others = [
        HistoryEntry(8, 1.5, "me", RULES),
        HistoryEntry(7, 2.5, "me", RULES),
        HistoryEntry(7, 1.5, None, RULES),
        HistoryEntry(7, 1.5, "me", None),
        HistoryEntry(7, 1.5, "me", refused),
        (7, 1.5, "me", RULES),
    ]
    assert all(entry != other for other in others)
    assert "7, 1.5, 'me', RuleSet(" in repr(entry)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rules.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    with closing(SQLiteStore(path)) as store:
        for seconds in range(4):
            store.put("b", rules(seconds), author=f"author {seconds}")
        yield store


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the documents that are parsed from now on."""
    noted: list[str] = []

    def parse(bucket: str, document: str) -> RuleSet:
        noted.append(document)
        return rows.parse_rule_set(bucket, document)

    monkeypatch.setattr(kept_history, "parse_rule_set", parse)
    return noted


def test_a_list_of_changes_parses_nothing(store: SQLiteStore, parsed: list[str]) -> None:
    assert [each.author for each in store.history("b")] == [f"author {n}" for n in (3, 2, 1, 0)]
    last = store.last_change("b")
    assert last is not None
    assert (last.revision, last.author) == (4, "author 3")
    assert parsed == []


def test_a_document_is_parsed_once(store: SQLiteStore, parsed: list[str]) -> None:
    entry = store.history("b")[1]
    assert (entry.rule_set, entry.unreadable, entry.rule_set) == (rules(2), None, rules(2))
    assert len(parsed) == 1


def test_a_rollback_parses_the_rules_of_its_revision(store: SQLiteStore, parsed: list[str]) -> None:
    store.rollback("b", 2)
    assert [json.loads(each) for each in parsed] == [rules(1).as_dict()]


def test_unreadable_entries_do_no_harm_to_others(path: Path, store: SQLiteStore) -> None:
    run_sql(path, "UPDATE bucketcors_history SET document = '{}' WHERE revision = 2")
    found = {each.revision: each for each in store.history("b")}
    assert found[2].rule_set is None
    assert "the stored rules of bucket 'b'" in (found[2].unreadable or "")
    assert found[1].rule_set == rules(0)
    assert store.rollback("b", 1) == 5
    with pytest.raises(UnknownRevision):
        store.rollback("b", 2)


@pytest.mark.parametrize("turn", [0, 1], ids=["its turn", "not its turn"])
def test_a_change_of_many_buckets_deletes_old_entries_in_its_turn(
    path: Path, monkeypatch: pytest.MonkeyPatch, turn: int
) -> None:
    """Nobody sees them in any case."""
    many = [f"b{number}" for number in range(kept_history.MAX_FORGETTING + 1)]
    monkeypatch.setattr("secrets.randbits", lambda bits: kept_history.FORGETTING_ONE_OF + turn)
    with closing(SQLiteStore(path, history_limit=2)) as store:
        for seconds in range(4):
            store.put_many((bucket, rules(seconds)) for bucket in many)
        assert [each.rule_set for each in store.history("b0")] == [rules(3), rules(2)]
        assert kept(path) == (3 if turn else 1)
        store.put("b0", rules(4))
        assert [each.rule_set for each in store.history("b0")] == [rules(4), rules(3)]
        assert kept(path) == 1


def kept(path: Path) -> int:
    """How many entries of a bucket are in the history."""
    [(count,)] = run_sql(path, "SELECT count(*) FROM bucketcors_history WHERE bucket = 'b0'")
    return int(count)
