"""The cache: fresh, bounded, and closed where it cannot know."""

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from flask_bucketcors import MemoryStore, Rule, RuleSet, SQLiteStore, Store, StoreUnavailable
from flask_bucketcors.core.closed_rules import ClosedRules
from flask_bucketcors.core.compiled import CompiledRules
from flask_bucketcors.core.errors import StoredRulesInvalid
from flask_bucketcors.interval_log import LOG_SECONDS
from flask_bucketcors.stores.contract import Changes, Signal, StoredRules, Versions
from flask_bucketcors.wsgi.compared_signals import comparable
from flask_bucketcors.wsgi.kept_rules import MAX_ABSENT, ROOM_PARTS
from flask_bucketcors.wsgi.rules_cache import CHECK_SECONDS, RulesCache
from tests.support.other_tools import run_sql
from tests.support.processes.children import CHILD_SECONDS


def rules(seconds: int = 0) -> RuleSet:
    return RuleSet([Rule(["*"], ["GET"], max_age_seconds=seconds)])


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Source(MemoryStore):
    """A store whose parts can be broken, and that can change without a signal."""

    def __init__(self) -> None:
        super().__init__()
        self.broken: set[str] = set()
        self.cell = [0]
        self.reads = self.asked = 0

    def read(self, bucket: str) -> Any:
        self.reads += 1
        self._fail("read")
        return super().read(bucket)

    def signal(self) -> Signal:
        self._fail("signal")
        return self.cell

    def changes_since(self, state: Hashable, *, is_signalled: bool = False) -> Changes:
        self._fail("state")
        self.asked += 1
        return super().changes_since(state)

    def put_by_a_writer_that_dies(self, bucket: str, rule_set: RuleSet) -> None:
        super()._put_all({bucket: rule_set}, None, {})

    def _delete(self, bucket: str, author: str | None, expected: Versions) -> int | None:
        deletion = super()._delete(bucket, author, expected)
        self.cell[0] += 1
        return deletion

    def _put_all(
        self, rule_sets: Mapping[str, RuleSet], author: str | None, expected: Versions
    ) -> int:
        revision = super()._put_all(rule_sets, author, expected)
        self.cell[0] += 1
        return revision

    def _fail(self, part: str) -> None:
        if part in self.broken:
            raise StoreUnavailable(f"{part} fails")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def cache(source: Source, clock: Clock) -> RulesCache:
    return RulesCache(source, CompiledRules, cached_buckets=3, clock=clock)


def seconds_of(found: CompiledRules | ClosedRules | None) -> int | None:
    """The number that a rule set was given, to tell it from others."""
    assert isinstance(found, CompiledRules)
    age = dict(found.preflight("https://a.example", "GET").headers).get("Access-Control-Max-Age")
    return None if age is None else int(age)


def test_rules_are_compiled_once(cache: RulesCache, source: Source) -> None:
    source.put("b", rules(1))
    assert cache.get("b") is cache.get("b")
    assert source.reads == 1


def test_a_bucket_without_rules_is_remembered_too(cache: RulesCache, source: Source) -> None:
    assert cache.get("b") is None
    assert cache.get("b") is None
    assert source.reads == 1


def test_a_signalled_change_is_seen_at_once(cache: RulesCache, source: Source) -> None:
    for seconds in range(3):
        source.put("b", rules(seconds))
        assert seconds_of(cache.get("b")) == seconds
    source.delete("b")
    assert cache.get("b") is None
    source.put("b", rules(7))
    assert seconds_of(cache.get("b")) == 7


def test_a_change_to_one_bucket_does_not_compile_the_others_again(
    cache: RulesCache, source: Source
) -> None:
    source.put("a", rules(1))
    compiled = cache.get("a")
    source.put("b", rules(2))
    assert cache.get("a") is compiled


def cannot_tell(source: Source) -> None:
    """Let a store be one by somebody else, that does not know which buckets have changed."""

    def changes_since(state: Hashable, *, is_signalled: bool = False) -> Changes:
        return Store.changes_since(source, state)

    source.changes_since = changes_since  # type: ignore[method-assign]


@pytest.mark.parametrize("write", ["put", "delete"])
def test_a_change_to_one_bucket_does_not_read_the_others_again(
    cache: RulesCache, source: Source, write: str
) -> None:
    source.put_many([("a", rules(1)), ("b", rules(1))])
    before = {name: cache.get(name) for name in ("a", "b", "absent")}
    source.put("b", rules(2)) if write == "put" else source.delete("b")
    reads = source.reads
    assert [cache.get("a"), cache.get("absent")] == [before["a"], None]
    assert source.reads == reads
    cache.get("b")
    assert source.reads == reads + 1


def test_a_bucket_that_had_no_rules_is_read_when_it_gets_some(
    cache: RulesCache, source: Source
) -> None:
    assert cache.get("b") is None
    source.put("b", rules(1))
    assert seconds_of(cache.get("b")) == 1


def test_a_store_that_cannot_tell_which_buckets_changed_is_read_again(
    cache: RulesCache, source: Source
) -> None:
    cannot_tell(source)
    source.put_many([("a", rules(1)), ("b", rules(1))])
    compiled = cache.get("a"), cache.get("b")
    source.put("b", rules(2))
    reads = source.reads
    assert (cache.get("a"), seconds_of(cache.get("b"))) == (compiled[0], 2)
    assert source.reads == reads + 2


class WithFallback(MemoryStore):
    """A store with rules for all buckets that have none."""

    def read(self, bucket: str) -> StoredRules | None:
        return super().read(bucket) or super().read("fallback")


class WithFallbackOnDisk(SQLiteStore):
    """The same, in a database."""

    def read(self, bucket: str) -> StoredRules | None:
        return super().read(bucket) or super().read("fallback")


@pytest.mark.parametrize("make", [WithFallback, partial(WithFallbackOnDisk, ":memory:")])
def test_a_store_that_reads_elsewhere_does_not_give_the_names_of_its_base(
    make: Callable[[], Store],
) -> None:
    with contextlib.closing(make()) as store:
        cache = RulesCache(store, CompiledRules, cached_buckets=3)
        store.put("fallback", rules(1))
        assert seconds_of(cache.get("b")) == 1
        store.put("fallback", rules(2))
        assert seconds_of(cache.get("b")) == 2


class Restarted(MemoryStore):
    """A store that says in another way, too, that rules changed."""

    restarts = 0

    def state(self) -> Any:
        return self.restarts, super().state()


def test_a_store_that_has_a_state_of_its_own_is_asked_for_it(clock: Clock) -> None:
    store = Restarted()
    cache = RulesCache(store, CompiledRules, cached_buckets=3, clock=clock)
    store.put("b", rules(1))
    assert seconds_of(cache.get("b")) == 1
    store._current.clear()
    store.restarts += 1
    clock.now += CHECK_SECONDS
    assert cache.get("b") is None


@pytest.mark.parametrize("others_rules", [None, rules(1)], ids=["no rules", "rules"])
@pytest.mark.parametrize("is_deleted", [False, True])
@pytest.mark.parametrize("tells", [True, False])
def test_rules_read_before_a_change_are_not_kept_after_it(
    cache: RulesCache, source: Source, others_rules: RuleSet | None, is_deleted: bool, tells: bool
) -> None:
    """While one request reads a bucket's rules, they change, and another request is served."""
    if not tells:
        cannot_tell(source)
    if others_rules:
        source.put("b", others_rules)
    cache.get("a")

    def read(bucket: str) -> Any:
        source.read = Source.read.__get__(source)  # type: ignore[method-assign]
        found = source.read(bucket)
        source.put("b", rules(2))
        if is_deleted:
            source.delete("b")
        cache.get("a")
        return found

    source.read = read  # type: ignore[method-assign]
    cache.get("b")
    assert cache.get("b") is None if is_deleted else seconds_of(cache.get("b")) == 2


def test_one_thread_asks_what_changed_and_the_others_wait(
    cache: RulesCache, source: Source
) -> None:
    source.put("b", rules(1))
    cache.get("b")
    source.put("b", rules(2))
    asked, go_on, tell = [], threading.Event(), source.changes_since

    def wait(state: Hashable, *, is_signalled: bool = False) -> Changes:
        asked.append(state)
        assert go_on.wait(CHILD_SECONDS)
        return tell(state)

    source.changes_since = wait  # type: ignore[method-assign]
    found: list[int | None] = []
    threads = [
        threading.Thread(target=lambda: found.append(seconds_of(cache.get("b"))), daemon=True)
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    go_on.set()
    for thread in threads:
        thread.join(CHILD_SECONDS)
    assert (found, len(asked)) == ([2] * 4, 1)


@pytest.mark.parametrize(
    "changes",
    [
        Changes(1, 7),  # type: ignore[arg-type]
        Changes(1, ["b", None]),  # type: ignore[list-item]
        Changes(1, [b"b", object()]),  # type: ignore[list-item]
        Changes(1, "b"),
        Changes(1, "another"),
        (1, {"b"}),
        {"b"},
        None,
    ],
)
def test_what_a_store_says_in_a_wrong_form_closes_its_buckets(
    cache: RulesCache, source: Source, clock: Clock, changes: Any
) -> None:
    source.put("b", rules(1))
    cache.get("b")
    source.put("b", rules(2))
    right = source.changes_since
    source.changes_since = lambda state, *, is_signalled=False: changes  # type: ignore[method-assign]
    source.broken = {"read"}
    for _ in range(3):
        assert isinstance(cache.get("b"), ClosedRules)
        clock.now += CHECK_SECONDS
    source.changes_since, source.broken = right, set()  # type: ignore[method-assign]
    clock.now += CHECK_SECONDS
    assert seconds_of(cache.get("b")) == 2


def test_a_change_without_a_signal_is_seen_within_the_check_interval(
    cache: RulesCache, source: Source, clock: Clock
) -> None:
    source.put("b", rules(1))
    cache.get("b")
    source.put_by_a_writer_that_dies("b", rules(2))
    assert seconds_of(cache.get("b")) == 1
    clock.now += CHECK_SECONDS
    assert seconds_of(cache.get("b")) == 2


def test_a_signal_after_a_lost_one_brings_both_changes(cache: RulesCache, source: Source) -> None:
    source.put_many([("a", rules(1)), ("b", rules(1))])
    assert seconds_of(cache.get("a")) == seconds_of(cache.get("b")) == 1
    source.put_by_a_writer_that_dies("a", rules(2))
    source.put("b", rules(2))
    assert seconds_of(cache.get("a")) == seconds_of(cache.get("b")) == 2


@pytest.mark.parametrize("part", ["read", "state", "signal"])
def test_rules_in_memory_stand_while_nothing_says_that_they_changed(
    cache: RulesCache, source: Source, clock: Clock, part: str
) -> None:
    source.put("b", rules(1))
    cache.get("b")
    source.broken = {part}
    for _ in range(3):
        clock.now += CHECK_SECONDS
        assert seconds_of(cache.get("b")) == 1


@pytest.mark.parametrize("broken", [{"read"}, {"state", "read"}, {"signal", "read", "state"}])
def test_a_bucket_never_seen_is_closed_while_it_cannot_be_read(
    cache: RulesCache, source: Source, clock: Clock, broken: set[str]
) -> None:
    source.put("b", rules(1))
    source.broken = broken
    assert isinstance(cache.get("b"), ClosedRules)
    source.broken = set()
    clock.now += CHECK_SECONDS
    assert seconds_of(cache.get("b")) == 1


@pytest.mark.parametrize("broken", [{"read"}, {"state", "read"}])
def test_a_signalled_change_that_cannot_be_read_closes_the_bucket(
    cache: RulesCache, source: Source, clock: Clock, broken: set[str]
) -> None:
    source.put("b", rules(1))
    cache.get("b")
    source.put("b", rules(2))
    source.broken = broken
    assert isinstance(cache.get("b"), ClosedRules)
    source.broken = set()
    clock.now += CHECK_SECONDS
    assert seconds_of(cache.get("b")) == 2


def test_a_store_in_trouble_is_not_asked_by_every_request(
    cache: RulesCache, source: Source, clock: Clock
) -> None:
    source.broken = {"read"}
    for _ in range(100):
        cache.get("b")
    assert source.reads == 1
    clock.now += CHECK_SECONDS
    cache.get("b")
    assert source.reads == 2


def test_rules_that_do_not_parse_close_their_bucket_alone(
    cache: RulesCache, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.put_many([("good", rules(1)), ("bad", rules(666))])

    def compile_rules(rule_set: RuleSet) -> CompiledRules:
        if rule_set == rules(666):
            raise ValueError("no rule set")
        return CompiledRules(rule_set)

    monkeypatch.setattr(cache, "_compile", compile_rules)
    assert isinstance(cache.get("bad"), ClosedRules)
    assert seconds_of(cache.get("good")) == 1
    source.put("bad", rules(2))
    assert seconds_of(cache.get("bad")) == 2


def test_trouble_is_logged_once_an_interval_and_escaped(
    cache: RulesCache, source: Source, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    def lines() -> int:
        return len([record for record in caplog.records if record.levelno >= logging.ERROR])

    source.broken = {"read"}
    for number in range(10):
        cache.get(f"b{number}")
    assert lines() == 1
    clock.now += LOG_SECONDS
    cache.get("b\r\nforged")
    cache.get("another")
    assert lines() == 2
    assert "\nforged" not in caplog.text


def test_any_error_of_a_store_stays_inside(cache: RulesCache, source: Source) -> None:
    def fail(bucket: str) -> Any:
        raise ZeroDivisionError

    source.read = fail  # type: ignore[method-assign]
    assert isinstance(cache.get("b"), ClosedRules)


def test_buckets_with_rules_are_bounded(cache: RulesCache, source: Source) -> None:
    source.put_many((str(number), rules(number)) for number in range(10))
    for _ in range(2):
        for number in range(10):
            assert seconds_of(cache.get(str(number))) == number
    assert len(cache.generation.by_bucket) == 3


def test_names_without_rules_are_bounded_and_displace_no_rules(
    cache: RulesCache, source: Source
) -> None:
    source.put("b", rules(1))
    compiled = cache.get("b")
    for number in range(MAX_ABSENT * 2):
        assert cache.get(f"invented-{number}") is None
        assert len(cache.kept.absent) <= MAX_ABSENT
    assert cache.get("b") is compiled


def test_names_make_room_for_several_at_once(cache: RulesCache, source: Source) -> None:
    """A dictionary from which the first entry is taken again and again gets slower and slower."""
    for default in (None, CompiledRules(rules())):
        cache = RulesCache(source, CompiledRules, cached_buckets=MAX_ABSENT)
        cache.default = default
        for number in range(MAX_ABSENT + 1):
            cache.get(str(number))
        kept = cache.kept
        assert len(kept.absent) == MAX_ABSENT - MAX_ABSENT // ROOM_PARTS + 1
        assert [*kept.by_bucket] == ([*kept.absent] if default else [])


def test_what_is_no_name_is_not_looked_up(cache: RulesCache, source: Source) -> None:
    for name in ("a\x00b", "\udcff", "\ud800", ""):
        assert cache.get(name) is None
    assert source.reads == 0


def test_no_thread_sees_rules_older_than_the_last_acknowledged(source: Source) -> None:
    """Readers note the last acknowledged number, ask, and never get a smaller one."""
    cache = RulesCache(source, CompiledRules, cached_buckets=10)
    acknowledged, stop, stale = [0], threading.Event(), []
    source.put("b", rules(0))

    def read() -> None:
        while not stop.is_set():
            known = acknowledged[0]
            seconds = seconds_of(cache.get("b"))
            if seconds is None or seconds < known:
                stale.append((known, seconds))

    readers = [threading.Thread(target=read, daemon=True) for _ in range(4)]
    for reader in readers:
        reader.start()
    for seconds in range(1, 2000):
        source.put("b", rules(seconds))
        acknowledged[0] = seconds
    stop.set()
    for reader in readers:
        reader.join(CHILD_SECONDS)
    assert not any(reader.is_alive() for reader in readers)
    assert not stale


def test_no_thread_reads_an_old_file_while_another_closes_it(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy took the place of the file, and another process has written to the copy."""
    path, link, copy = tmp_path / "rules", tmp_path / "link", tmp_path / "copy"
    closing, go_on = threading.Event(), threading.Event()
    with contextlib.closing(SQLiteStore(path)) as source:
        source.put("b", rules(1))
        cache = RulesCache(source, CompiledRules, cached_buckets=3, clock=clock)
        assert seconds_of(cache.get("b")) == 1
        run_sql(path, "VACUUM INTO ?", str(copy))
        os.replace(copy, path)
        link.symlink_to(path)
        # A path of its own makes it a database of its own, as in another process.
        with contextlib.closing(SQLiteStore(link)) as another:
            another.put("b", rules(2))
        close = source._database._let_go

        def wait(own: Any) -> None:
            monkeypatch.undo()
            closing.set()
            assert go_on.wait(CHILD_SECONDS)
            close(own)

        monkeypatch.setattr(source._database, "_let_go", wait)
        thread = threading.Thread(target=source.list, daemon=True)
        thread.start()
        assert closing.wait(CHILD_SECONDS)
        assert seconds_of(cache.get("b")) == 2
        go_on.set()
        thread.join(CHILD_SECONDS)


class Overtaken(RulesCache):
    """A cache in which another thread is a moment behind, and puts an older generation in place."""

    late: Any = None

    def __setattr__(self, name: str, value: object) -> None:
        is_late = name == "generation" and self.late is not None
        super().__setattr__(name, self.late if is_late else value)


def test_a_thread_that_looked_itself_uses_what_it_found(source: Source, clock: Clock) -> None:
    cache = Overtaken(source, CompiledRules, cached_buckets=10, clock=clock)
    source.put("b", rules(1))
    assert seconds_of(cache.get("b")) == 1
    cache.late = cache.generation
    source.put("b", rules(2))
    assert seconds_of(cache.get("b")) == 2


def test_states_are_compared_and_not_ordered() -> None:
    """A database put back from a backup has a smaller revision than the one before."""
    states: list[Hashable] = [5, 3]
    source = Source()
    source.put("b", rules(1))
    source.state = lambda: states[0]  # type: ignore[method-assign,assignment,return-value]
    cannot_tell(source)
    clock = Clock()
    cache = RulesCache(source, CompiledRules, cached_buckets=3, clock=clock)
    cache.get("b")
    source.put_by_a_writer_that_dies("b", rules(2))
    states.pop(0)
    clock.now += CHECK_SECONDS
    assert seconds_of(cache.get("b")) == 2


def test_room_for_one_bucket_is_room_enough(source: Source, clock: Clock) -> None:
    source.put_many([("a", rules(1)), ("b", rules(2))])
    cache = RulesCache(source, CompiledRules, cached_buckets=1, clock=clock)
    for _ in range(2):
        assert seconds_of(cache.get("a")) == 1
        assert seconds_of(cache.get("b")) == 2
    assert list(cache.generation.by_bucket) == ["b"]
    compiled = cache.get("b")
    assert cache.get("b") is compiled


@pytest.mark.parametrize("again", ["a", "b", "c"])
def test_a_bucket_that_is_read_again_displaces_no_other(
    cache: RulesCache, source: Source, again: str
) -> None:
    """The cache has room for three, and is full."""
    source.put_many((name, rules(1)) for name in "abc")
    before = {name: cache.get(name) for name in "abc"}
    source.put(again, rules(2))
    assert seconds_of(cache.get(again)) == 2
    assert {name: cache.get(name) for name in "abc" if name != again} == {
        name: before[name] for name in "abc" if name != again
    }


def test_the_bucket_that_was_read_first_makes_room(cache: RulesCache, source: Source) -> None:
    source.put_many((name, rules(ord(name))) for name in "abcd")
    before = {name: cache.get(name) for name in "abc"}
    cache.get("d")
    assert list(cache.generation.by_bucket) == ["b", "c", "d"]
    reads = source.reads
    assert [cache.get(name) for name in "bc"] == [before[name] for name in "bc"]
    assert source.reads == reads
    assert cache.get("a") is not before["a"]


def test_a_bucket_that_was_deleted_takes_no_room(cache: RulesCache, source: Source) -> None:
    source.put_many((name, rules(1)) for name in "abc")
    before = {name: cache.get(name) for name in "abc"}
    source.delete("a")
    assert cache.get("a") is None
    source.put("d", rules(1))
    cache.get("d")
    assert [cache.get(name) for name in "bc"] == [before[name] for name in "bc"]


class DeadCell:
    """A signal that cannot be read, as of a file that is gone."""

    def __getitem__(self, index: int) -> int:
        raise OSError("the signal is gone")


def test_a_signal_that_raises_says_nothing_of_a_change(
    cache: RulesCache, source: Source, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Rules in memory stand, and the store is not asked by every request."""
    source.put("b", rules(1))
    cache.get("b")
    asked = source.asked
    cache.generation = replace(cache.generation, signal=comparable(DeadCell()))
    for _ in range(3):
        assert seconds_of(cache.get("b")) == 1
    assert source.asked == asked
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "the signal is gone" in caplog.text
    clock.now += CHECK_SECONDS
    assert seconds_of(cache.get("b")) == 1
    assert source.asked == asked + 1


@pytest.mark.parametrize("part", ["signal", "state"])
def test_after_trouble_rules_are_read_again_although_nothing_changed(
    cache: RulesCache, source: Source, clock: Clock, part: str
) -> None:
    source.put("b", rules(1))
    cache.get("b")
    source.broken = {part}
    clock.now += CHECK_SECONDS
    cache.get("b")
    source.broken = set()
    reads = source.reads
    for _ in range(2):
        clock.now += CHECK_SECONDS
        assert seconds_of(cache.get("b")) == 1
    assert source.reads == reads + 1


@pytest.mark.parametrize("later, asks", [(0.0, 0), (CHECK_SECONDS - 0.001, 0), (CHECK_SECONDS, 1)])
def test_the_store_is_asked_when_a_second_has_passed(
    cache: RulesCache, source: Source, clock: Clock, later: float, asks: int
) -> None:
    source.put("b", rules(1))
    cache.get("b")
    asked = source.asked
    clock.now += later
    for _ in range(3):
        cache.get("b")
    assert source.asked == asked + asks


@pytest.mark.parametrize(
    "name, is_found_as_sent",
    [
        ("photos", True),
        ("Photos.2024_a-b", True),
        (".photos", True),
        ("...", False),
        ("a b", False),
        ("b\xfccher", False),
        ("a%20b", False),
        ("a:b", False),
    ],
)
def test_names_that_a_request_may_spell_in_another_way_are_not_found_as_sent(
    cache: RulesCache, source: Source, name: str, is_found_as_sent: bool
) -> None:
    source.put(name, rules(1))
    assert seconds_of(cache.get(name)) == 1
    assert cache.get(name) is cache.get(name)
    assert (name in cache.generation.by_bucket) is is_found_as_sent


class Unreadable(Source):
    """A store that holds for each bucket what is no rule set, in a version that it is told."""

    version = "1"
    parsed = 0

    def read(self, bucket: str) -> StoredRules:
        return StoredRules(self.version, 1, self._parse)

    def _parse(self) -> RuleSet:
        self.parsed += 1
        raise StoredRulesInvalid("no rule set")


def test_rules_that_are_none_are_logged_by_name_once_for_each_version(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    source = Unreadable()
    cache = RulesCache(source, CompiledRules, cached_buckets=3, clock=clock)

    def closed() -> list[str]:
        """Ask after a change of both, and give what was logged."""
        caplog.clear()
        source.put_many((bucket, rules(1)) for bucket in ("b", "c"))
        for bucket in ("b", "c"):
            assert isinstance(cache.get(bucket), ClosedRules)
        return [record.getMessage() for record in caplog.records]

    first, second = closed(), closed()
    assert [line[:13] for line in first] == ["bucket 'b' is", "bucket 'c' is"]
    assert (second, source.parsed) == ([], 2)
    source.version = 2
    assert (closed(), source.parsed) == (first, 4)
