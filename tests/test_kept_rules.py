"""The rules in memory: what makes room for others, and what buckets share."""

import random
from collections.abc import Iterable
from contextlib import closing
from typing import Any

import pytest

from flask_bucketcors import BucketCORSMiddleware, MemoryStore, Rule, RuleSet, SQLiteStore, Store
from flask_bucketcors.core.closed_rules import ClosedRules
from flask_bucketcors.core.compiled import UNIT_BYTES, CompiledRules
from flask_bucketcors.stores.usual_text import read_usual_text
from flask_bucketcors.wsgi import kept_rules
from flask_bucketcors.wsgi.kept_rules import ABSENT_PARTS, MAX_ABSENT, KeptRules
from flask_bucketcors.wsgi.rules_cache import RulesCache
from tests.support.other_tools import run_sql
from tests.test_hot_path import A, environ_of, shortly

PLENTY = 2**40


def rules(number: int, origins: int = 1) -> RuleSet:
    """Rules that no other number has."""
    return RuleSet([Rule([f"https://{n}.{number}.example" for n in range(origins)], ["GET"])])


def cache_of(store: Store, buckets: int = 1000, size: int = PLENTY) -> RulesCache:
    return RulesCache(store, CompiledRules, cached_buckets=buckets, cached_bytes=size)


def filled(names: Iterable[str], cached: int) -> tuple[MemoryStore, RulesCache]:
    """A cache for ``cached`` buckets that was asked for all of these."""
    store = MemoryStore()
    store.put_many((name, rules(number)) for number, name in enumerate(names))
    cache = cache_of(store, cached)
    for name in names:
        cache.get(name)
    return store, cache


# Marks


def test_a_bucket_that_was_used_lately_stays() -> None:
    store, cache = filled("abc", 3)
    store.put("d", rules(9))
    cache.get("a")
    cache.get("d")
    assert set(cache.kept.by_bucket) == {"a", "c", "d"}


def test_a_mark_counts_once() -> None:
    store, cache = filled("abc", 3)
    store.put_many((name, rules(ord(name))) for name in "defg")
    cache.get("a")
    for name in "def":
        cache.get(name)
    assert set(cache.kept.by_bucket) == {"d", "e", "f"}


def test_one_request_for_each_of_many_buckets_displaces_none_in_use() -> None:
    """As somebody causes who looks at all buckets once."""
    names = [f"b{number}" for number in range(2000)]
    store, cache = filled(names[:1000], 1000)
    for name in names[1000:]:
        store.put(name, rules(int(name[1:])))
    used = names[100:300]
    for name in names[1000:]:
        cache.get(name)
        for each in used:
            cache.get(each)
    assert set(used) < set(cache.kept.by_bucket)
    assert len(cache.kept.by_bucket) <= 1000


def test_where_all_were_used_the_oldest_make_room() -> None:
    store, cache = filled([str(number) for number in range(100)], 100)
    for number in range(100):
        cache.get(str(number))
    store.put("new", rules(1000))
    cache.get("new")
    assert "new" in cache.kept.by_bucket
    assert 90 < len(cache.kept.by_bucket) <= 100


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param(environ_of("/a/k", ORIGIN=A), id="refused"),
        pytest.param(environ_of("/a/k"), id="no origin"),
        pytest.param(environ_of("/a/k", ORIGIN="https://0.0.example"), id="allowed"),
        pytest.param(
            environ_of("/a/k", "OPTIONS", ORIGIN=A, ACCESS_CONTROL_REQUEST_METHOD="GET"),
            id="preflight",
        ),
        pytest.param(environ_of("/a/", ORIGIN=A), id="not on the hot path"),
    ],
)
def test_any_request_marks_its_bucket(environ: dict[str, Any]) -> None:
    store = MemoryStore()
    store.put("a", rules(0))
    middleware = BucketCORSMiddleware(lambda environ, start: start("200 OK", []) or [], store=store)
    shortly(middleware, environ)
    entry = middleware._rules.kept.by_bucket["a"]
    assert not entry.used
    shortly(middleware, environ)
    assert entry.used


def test_under_default_rules_a_bucket_in_use_stays_too() -> None:
    cache = cache_of(MemoryStore(), 100)
    cache.default = CompiledRules(rules(0))
    for number in range(1000):
        cache.get(f"invented-{number}")
        assert cache.get("used") is cache.default
        assert "used" in cache.kept.by_bucket
    assert len(cache.kept.by_bucket) <= 100


# Bytes


def test_what_is_kept_is_bounded_by_bytes() -> None:
    store = MemoryStore()
    store.put_many((str(number), rules(number, 50)) for number in range(100))
    limit = 20 * CompiledRules(rules(0, 50)).units * UNIT_BYTES
    cache = cache_of(store, size=limit)
    for number in range(100):
        cache.get(str(number))
        assert cache.kept.bytes <= limit
    assert 10 < len(cache.kept.by_bucket) < 20
    assert "99" in cache.kept.by_bucket


def test_a_large_bucket_makes_room_by_its_size() -> None:
    store, cache = filled([str(number) for number in range(10)], 1000)
    each = cache.kept.bytes // 10
    store.put("large", rules(99, 100))
    small = cache_of(store, size=PLENTY)
    small.get("large")
    cache = cache_of(store, size=(small.kept.bytes + 4 * each) * 8 // 7)
    for name in [*map(str, range(10)), "large"]:
        cache.get(name)
    assert list(cache.kept.by_bucket) == ["6", "7", "8", "9", "large"][-len(cache.kept.by_bucket) :]
    assert 2 < len(cache.kept.by_bucket) <= 5


def test_rules_that_are_larger_than_the_limit_are_kept_alone() -> None:
    """Otherwise each request would read them."""
    store, _ = filled("ab", 9)
    cache = cache_of(store, size=1)
    for name in "ab":
        assert cache.get(name) is cache.get(name)
        assert list(cache.kept.by_bucket) == [name]


@pytest.mark.parametrize("default", [None, CompiledRules(rules(0))], ids=["no rules", "default"])
def test_names_without_rules_are_bounded_by_bytes(default: CompiledRules | None) -> None:
    """And displace no rules."""
    store, _ = filled("a", 9)
    size = 1_000_000
    cache = cache_of(store, MAX_ABSENT, size)
    cache.default = default
    kept = cache.get("a")
    for number in range(1000):
        cache.get(f"{number}{'x' * 200}")
        assert cache.kept.absent_bytes <= size // ABSENT_PARTS
    assert 100 < len(cache.kept.absent) < 1000
    assert cache.get("a") is kept


# Sharing


def test_buckets_with_equal_rules_share_compiled_ones() -> None:
    store, _ = filled("a", 9)
    store.put("b", rules(0))
    store.put("c", RuleSet([Rule(["https://0.0.example"], ("GET",), id="mine")], False))
    store.put("d", rules(1))
    cache = cache_of(store)
    a, b, c, d = map(cache.get, "abcd")
    assert a is b is c
    assert d is not a


def test_a_text_that_another_bucket_has_is_not_parsed_again(monkeypatch) -> None:
    """A stored text is parsed and checked, whichever bucket has it first."""
    parsed = []
    monkeypatch.setattr(
        kept_rules, "read_usual_text", lambda text: parsed.append(text) or read_usual_text(text)
    )
    with closing(SQLiteStore(":memory:")) as store:
        store.put_many((name, rules(1)) for name in "ab")
        store.put("c", rules(2))
        cache = cache_of(store)
        assert cache.get("a") is cache.get("b") is not cache.get("c")
        assert len(parsed) == 2
        # As soon as no bucket has the text, it counts as never seen.
        store.put_many((name, rules(3)) for name in "ab")
        cache.get("a"), cache.get("b")
        store.put("a", rules(1))
        cache.get("a")
        assert len(parsed) == 4


def test_a_text_that_is_no_rules_closes_each_bucket_that_has_it(tmp_path) -> None:
    path = tmp_path / "rules.sqlite"
    with closing(SQLiteStore(path)) as store:
        store.put_many((name, rules(1)) for name in "abc")
        run_sql(path, "UPDATE bucketcors_rules SET document = '{}' WHERE bucket IN ('b', 'c')")
        cache = cache_of(store)
        assert isinstance(cache.get("a"), CompiledRules)
        assert isinstance(cache.get("b"), ClosedRules)
        assert isinstance(cache.get("c"), ClosedRules)


def test_buckets_that_share_rules_change_apart() -> None:
    store, _ = filled("a", 9)
    store.put("b", rules(0))
    cache = cache_of(store)
    before = cache.get("a"), cache.get("b")
    store.put("b", rules(1))
    assert cache.get("a") is before[0]
    changed = cache.get("b")
    assert changed is not None
    assert changed.actual("https://0.1.example", "GET").allowed
    store.delete("a")
    assert cache.get("a") is None
    assert cache.get("b") is changed


def test_the_rules_that_buckets_share_name_none_of_them() -> None:
    """Nor the write that stored them."""
    store = MemoryStore()
    store.put_many((name, rules(0)) for name in ("secret-one", "secret-two"))
    store.put("secret-two", rules(0))
    cache = cache_of(store)
    cache.get("secret-one")
    compiled = cache.get("secret-two")
    assert isinstance(compiled, CompiledRules)
    versions = [
        str(stored.version) for n in ("secret-one", "secret-two") if (stored := store.read(n))
    ]
    seen = " ".join(map(repr, reachable(compiled)))
    assert "0.0.example" in seen
    assert not any(text in seen for text in ("secret", *versions))


def reachable(value: Any) -> list[Any]:
    """The texts that an object leads to."""
    found, rest, seen = [], [value], set()
    while rest:
        each = rest.pop()
        if id(each) in seen or callable(each):
            continue
        seen.add(id(each))
        if isinstance(each, str | bytes):
            found.append(each)
        elif isinstance(each, dict):
            rest += [*each, *each.values()]
        elif isinstance(each, tuple | list | set | frozenset):
            rest += each
        else:
            slots = [s for kind in type(each).__mro__ for s in getattr(kind, "__slots__", ())]
            rest += [getattr(each, s) for s in slots if hasattr(each, s)]
    return found


def test_rules_that_buckets_share_are_counted_once_and_as_long_as_one_has_them() -> None:
    store = MemoryStore()
    store.put_many((name, rules(0, 100)) for name in "abc")
    cache = cache_of(store)
    cache.get("a")
    first = cache.kept.bytes
    for name in "bc":
        cache.get(name)
    each = (cache.kept.bytes - first) // 2
    assert 0 < each < first // 10
    for name in "abc":
        store.delete(name)
        cache.get(name)
    assert cache.kept.bytes == 0


@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize("default", [None, CompiledRules(rules(0))], ids=["no rules", "default"])
def test_what_is_counted_is_what_is_kept(default: CompiledRules | None, tells: bool) -> None:
    """After any history of requests, changes and deletions, with room for a few."""
    chance = random.Random(7)
    store = MemoryStore()
    if not tells:
        store.changes_since = lambda state, **_: super(MemoryStore, store).changes_since(state)  # type: ignore[method-assign]
    names = ["a", "b", "c d", "\xfc", *(f"n{number}" for number in range(20))]
    cache = cache_of(store, 6, 30_000)
    cache.default = default
    for _ in range(3000):
        name = chance.choice(names)
        match chance.randrange(6):
            case 0:
                store.put(name, rules(chance.randrange(4), chance.choice([1, 9, 30])))
            case 1:
                store.delete(name)
            case _:
                found, stored = cache.get(name), store.get(name)
                assert (stored is None) is (found is default)
        assert_counted(cache.kept)
    for name in names:
        store.delete(name)
        cache.get(name)
    assert (cache.kept.bytes, cache.kept.count, cache.kept._shared) == (0, 0, {})


def assert_counted(kept: KeptRules) -> None:
    own = [e for e in (*kept.by_bucket.values(), *kept._aside.values()) if e.version is not None]
    compiled = {id(e.rules): e.rules for e in own}
    assert kept.count == len(own) <= 6
    assert {*map(id, kept._shared.values())} == compiled.keys()
    assert sum(e.users for e in kept._shared.values()) == len(own)
    assert sum(rules.units * UNIT_BYTES for rules in compiled.values()) <= kept.bytes <= 30_000
    others = [e for e in kept.by_bucket.values() if e.version is None]
    assert len(others) in (0, len(kept.absent))
