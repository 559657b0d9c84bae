"""What lint and diff found out is kept for those who ask again, within bounds."""

import gc
import logging
import tracemalloc
from collections.abc import Callable
from functools import partial
from sys import getsizeof
from threading import Barrier, Thread
from typing import Any

import pytest

from flask_bucketcors import MemoryStore, Rule, RuleSet, TooIntricate, lint
from flask_bucketcors.api import change_summary, put_review
from flask_bucketcors.api.put_review import Reviewer
from flask_bucketcors.api.result_memo import MAX_BYTES, ResultMemo
from flask_bucketcors.api.rules_writer import RulesWriter
from flask_bucketcors.core.dialects import COS, OSS
from tests.support.intricate_rules import SHAPES
from tests.support.processes.children import CHILD_SECONDS

RULES = RuleSet([Rule(["https://*.a.example"], ["GET", "PUT"])])
# What the memo counts for a question of one character and a result of 20.
SIZE = 2 * (getsizeof("") + 64) + 3 + 22
OTHER = RuleSet([Rule(["https://*.b.example"], ["GET", "PUT"])])


class Counted:
    """A result, and how often it was found."""

    def __init__(self, result: Any = "found") -> None:
        self.result, self.count = result, 0

    def __call__(self) -> Any:
        self.count += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def test_what_was_found_is_not_looked_for_again() -> None:
    memo: ResultMemo[str] = ResultMemo()
    find = Counted()
    assert [memo.find("question", None, find) for _ in range(3)] == ["found"] * 3
    assert memo.find("another", None, Counted("other")) == "other"
    assert find.count == 1


def test_that_nothing_is_decided_is_kept_and_other_errors_are_not() -> None:
    memo: ResultMemo[str] = ResultMemo()
    undecided, failing = Counted(TooIntricate("kinds", 5)), Counted(LookupError())
    for _ in range(2):
        with pytest.raises(TooIntricate, match="within 5 kinds"):
            memo.find("undecided", None, undecided)
        with pytest.raises(LookupError):
            memo.find("failing", None, failing)
    assert (undecided.count, failing.count) == (1, 2)


@pytest.mark.parametrize(
    "memo",
    [ResultMemo(max_results=2), ResultMemo(max_bytes=2 * SIZE)],
    ids=["count", "bytes"],
)
def test_what_was_used_last_stays(memo: ResultMemo[str]) -> None:
    first, second = Counted("x" * 20), Counted("y" * 20)
    memo.find("a", None, first)
    memo.find("b", None, second)
    memo.find("a", None, first)
    memo.find("c", None, Counted("z" * 20))
    memo.find("a", None, first)
    assert (first.count, second.count) == (1, 1)
    memo.find("b", None, second)
    assert second.count == 2


def test_what_is_larger_than_all_displaces_nothing() -> None:
    memo: ResultMemo[str] = ResultMemo(max_bytes=2 * SIZE)
    small, large = Counted(), Counted("x" * 1000)
    for _ in range(2):
        memo.find("small", None, small)
        assert memo.find("large", None, large) == "x" * 1000
    assert (small.count, large.count) == (1, 2)


@pytest.mark.parametrize(
    "make",
    [
        *(SHAPES[name][1] for name in ("dangerous origins", "plain http", "long origins")),
        SHAPES["very many headers"][1],
        lambda size: [Rule(["*"], ["GET"], [f"{i:x}" for i in range(size * 50)])],
    ],
    ids=["dangerous origins", "plain http", "long origins", "very many headers", "short texts"],
)
def test_it_takes_no_more_memory_than_it_counts(make: Callable[[int], list[Rule]]) -> None:
    """Findings, with the rules that they are about."""
    memo: ResultMemo[Any] = ResultMemo(max_results=1000)
    # What lint keeps for all rules is not counted.
    lint(RuleSet(make(100)))
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        rules = RuleSet(make(100))
        memo.find(rules, None, partial(lint, rules))
        del rules
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 0 < taken <= memo._size <= MAX_BYTES


def test_threads_share_it() -> None:
    memo: ResultMemo[int] = ResultMemo(max_results=8)
    start = Barrier(8)
    wrong: list[int] = []

    def ask(seed: int) -> None:
        start.wait(10)
        for i in range(500):
            number = (i * seed) % 16
            found = memo.find(number, None, lambda number=number: number * 2)
            if found != number * 2:
                wrong.append(found)

    threads = [Thread(target=ask, args=(seed,), daemon=True) for seed in range(1, 9)]
    for each in threads:
        each.start()
    for thread in threads:
        thread.join(CHILD_SECONDS)
    assert not wrong
    assert len(memo._kept) == 8
    assert memo._size == sum(each.size for each in memo._kept.values())


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs of lint and diff that writes have started."""
    found: list[str] = []

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            found.append(name)
            return function(*arguments, **named)

        return run

    monkeypatch.setattr(put_review, "lint", counting("lint", put_review.lint))
    monkeypatch.setattr(change_summary, "diff", counting("diff", change_summary.diff))
    return found


def test_the_same_rules_are_linted_once(runs: list[str]) -> None:
    reviewer = Reviewer(strict="dangers", public_suffix=None, allow_credentials=True)
    found = [reviewer.review(RuleSet(list(RULES.rules)), COS, in_full=True) for _ in range(3)]
    assert found[0] == found[1] == found[2] == lint(RULES)
    assert runs == ["lint"]
    reviewer.review(RULES, OSS, in_full=True)
    reviewer.review(RULES, COS)
    reviewer.review(OTHER, COS, in_full=True)
    assert len(runs) == 4


def test_the_same_change_is_compared_once(
    runs: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "flask_bucketcors.changes")
    writer = RulesWriter(store=MemoryStore(), dialect=COS)
    for bucket in ("first", "second"):
        writer.put(bucket, RULES)
        writer.put(bucket, OTHER)
    lines = [each.getMessage().partition("; ")[2] for each in caplog.records]
    assert lines[:2] == lines[2:]
    assert runs.count("diff") == 2
