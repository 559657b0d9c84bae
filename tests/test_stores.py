"""The contract of every store.

``BUCKETCORS_STORE=module:name`` runs it with another store, see docs/writing-a-store.md.
"""

import os
import pickle
import pkgutil
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flask_bucketcors import (
    BucketSummary,
    HistoryNotTaken,
    LastWrite,
    MemoryStore,
    PastChange,
    Reach,
    Rule,
    RulesChanged,
    RuleSet,
    SQLiteStore,
    UnknownRevision,
)
from flask_bucketcors.core.errors import InvalidBucketName
from flask_bucketcors.stores.contract import ANY_VERSION, Store
from flask_bucketcors.stores.replica.store import ReplicaStore
from tests.support import ROOT
from tests.support.fake_server import FakeServer

Make = Callable[..., Store]


def rules(seconds: int = 0) -> RuleSet:
    """A rule set that differs by its number from others."""
    return RuleSet([Rule(["https://a.example"], ["GET"], max_age_seconds=seconds, id="a&b")], True)


GIVEN = os.environ.get("BUCKETCORS_STORE", "")
PAGE = ROOT / "docs" / "writing-a-store.md"


def documented_store() -> type[Store]:
    """The store that the page for authors of stores shows."""
    names: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)[0], names)
    store: type[Store] = names["FileStore"]
    return store


def open_store(kind: str, folder: Path, given: str = GIVEN, **options: Any) -> Store:
    """Open a store of a kind, empty, in a new folder."""
    kinds: dict[str, Callable[[], Store]] = {
        "memory": lambda: MemoryStore(**options),
        "sqlite": lambda: SQLiteStore(folder / "rules.sqlite", **options),
        "sqlite in memory": lambda: SQLiteStore(":memory:", **options),
        "copy of a fake server": lambda: ReplicaStore(
            FakeServer(**options),
            folder / "copy.sqlite",  # type: ignore[arg-type]
        ),
        "documented": lambda: documented_store()(folder / "rules.json", **options),
        "given": lambda: pkgutil.resolve_name(given)(folder / "rules", **options),
    }
    return kinds[kind]()


@pytest.fixture(
    params=[
        *("memory", "sqlite", "sqlite in memory", "copy of a fake server", "documented"),
        *(["given"] if GIVEN else []),
    ]
)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Make a store with the options given; it is closed at the end."""
    opened: list[Store] = []

    def make_store(**options: Any) -> Store:
        opened.append(open_store(request.param, tmp_path, **options))
        return opened[-1]

    yield make_store
    for store in opened:
        store.close()


@pytest.fixture
def store(make: Make) -> Store:
    return make()


def test_the_contract_takes_a_store_by_its_name(tmp_path: Path) -> None:
    named = open_store("given", tmp_path, "flask_bucketcors:SQLiteStore", history_limit=1)
    assert isinstance(named, SQLiteStore)
    named.close()


TOLD = {
    "memory": (Reach.PROCESS, None),
    "sqlite": (Reach.MACHINE, "rules.sqlite"),
    "sqlite in memory": (Reach.PROCESS, None),
    "documented": (Reach.PROCESS, "rules.json"),
}


@pytest.mark.parametrize("kind", TOLD)
def test_a_store_tells_who_obeys_it_and_where_it_is(kind: str, tmp_path: Path) -> None:
    with closing(open_store(kind, tmp_path)) as store:
        assert (store.reach, store.place and str(store.place.relative_to(tmp_path))) == TOLD[kind]


def test_another_process_reads_what_its_opener_opens(store: Store) -> None:
    opener = store.opener()
    if opener is None:
        # A store that machines or hosts share can be opened.
        assert store.reach in (Reach.PROCESS, None)
        return
    store.put("b", rules(1))
    with closing(pickle.loads(pickle.dumps(opener))()) as other:
        assert other.get("b") == rules(1)
        assert other.state() == store.state()


def test_a_new_store_is_healthy(store: Store) -> None:
    assert [note for note in store.health() if note.help] == []


def test_a_store_that_needs_no_other_host_is_up_to_date(store: Store) -> None:
    store.put("b", rules(1))
    store.catch_up()
    assert store.get("b") == rules(1)


def test_what_is_put_is_got(store: Store) -> None:
    store.put("b", rules(1))
    assert store.get("b") == rules(1)


def test_nothing_is_got_where_nothing_was_put(store: Store) -> None:
    assert store.get("b") is None
    assert store.read("b") is None
    assert store.list() == []
    assert store.history("b") == []


def test_a_put_replaces_all_that_was_there(store: Store) -> None:
    store.put("b", rules(1))
    store.put("b", rules(2))
    assert store.get("b") == rules(2)
    assert store.list() == ["b"]


def test_a_delete_deletes_and_says_whether_there_was_anything(store: Store) -> None:
    revision = store.put("b", rules())
    assert store.delete("b") == revision + 1
    assert store.get("b") is None
    assert store.list() == []
    assert store.delete("b") is None


def test_buckets_do_not_share_rules(store: Store) -> None:
    store.put("a", rules(1))
    store.put("b", rules(2))
    store.delete("a")
    assert store.get("b") == rules(2)


@pytest.mark.parametrize("name", ["B", "b.c", "b'; --", "b%_", "\u4e2d\u6587", "b" * 255, " b "])
def test_names_are_the_applications(store: Store, name: str) -> None:
    store.put(name, rules(1))
    store.put("other", rules(2))
    assert store.get(name) == rules(1)
    assert store.list(prefix=name) == [name]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "a\x00b", "a\nb", "a\x7f", "\udcff", "b" * 256, "\u4e2d" * 86]
)
def test_what_no_bucket_can_be_called(store: Store, name: str) -> None:
    with pytest.raises(InvalidBucketName):
        store.put(name, rules())
    with pytest.raises(InvalidBucketName):
        store.put_many([("good", rules()), (name, rules())])
    assert store.get(name) is None
    assert store.delete(name) is None
    assert store.history(name) == []
    assert store.list() == []


def test_only_rule_sets_are_stored(store: Store) -> None:
    with pytest.raises(TypeError, match=r"write RuleSet\("):
        store.put("b", [Rule(["*"], ["GET"])])  # type: ignore[arg-type]


def test_buckets_are_listed_in_order_by_prefix_and_page(store: Store) -> None:
    store.put_many((name, rules()) for name in ["b", "a", "B", "ab", "\u4e2d"])
    assert store.list() == ["B", "a", "ab", "b", "\u4e2d"]
    assert store.list(prefix="a") == ["a", "ab"]
    assert store.list(after="a") == ["ab", "b", "\u4e2d"]
    assert store.list(after="a", limit=2) == ["ab", "b"]
    assert store.list(prefix="a", after="a") == ["ab"]
    assert store.list(prefix="c") == []


LAST = "\U0010ffff"


@pytest.mark.parametrize(
    ("prefix", "after", "listed"),
    [
        (LAST, "", [LAST, LAST + LAST]),
        (f"a{LAST}", "", [f"a{LAST}", f"a{LAST}b"]),
        ("\ud7ff", "", ["\ud7ff"]),
        ("a", "A", ["a", "ab", f"a{LAST}", f"a{LAST}b"]),
        ("a", "ab", [f"a{LAST}", f"a{LAST}b"]),
        ("a", f"a{LAST}b", []),
        ("", LAST, [LAST + LAST]),
        # Surrogates are between them. No name has one.
        ("", "\ud7ff", ["\ue000", LAST, LAST + LAST]),
        ("", "\ud800", ["\ue000", LAST, LAST + LAST]),
        ("", "a\udfff", [f"a{LAST}", f"a{LAST}b", "b", "\ud7ff", "\ue000", LAST, LAST + LAST]),
        ("\ud800", "", []),
        ("a\udc00", "", []),
    ],
)
def test_a_page_has_the_names_between_its_bounds(
    store: Store, prefix: str, after: str, listed: list[str]
) -> None:
    names = ["a", "ab", f"a{LAST}", f"a{LAST}b", "b", "\ud7ff", "\ue000", LAST, LAST + LAST]
    store.put_many((name, rules()) for name in names)
    assert store.list(prefix, after) == listed
    assert store.list(prefix, after, 1) == listed[:1]


PAGES: dict[str, Callable[..., Any]] = {
    "list": lambda store, limit: store.list(limit=limit),
    "summaries": lambda store, limit: store.summaries(limit=limit),
    "history": lambda store, limit: store.history("b", limit=limit),
    "history of a name that no bucket has": lambda store, limit: store.history("", limit=limit),
}
a_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)


@a_page
@pytest.mark.parametrize(
    ("limit", "error"),
    [(-1, ValueError), (-(10**30), ValueError), (1.0, TypeError), ("1", TypeError)],
)
def test_a_page_has_no_negative_number_of_items(store: Store, page, limit, error) -> None:
    store.put("b", rules())
    with pytest.raises(error, match=f"limit is {limit!r}: write a whole number from 0, or None"):
        page(store, limit)


@a_page
def test_a_page_may_be_empty(store: Store, page) -> None:
    store.put("b", rules())
    assert page(store, 0) == []


def test_a_summary_says_what_the_rules_and_the_last_change_say(store: Store) -> None:
    store.put_many([("a", rules()), ("b", rules())], author="alice")
    store.put("b", RuleSet([*rules(1).rules, *rules(2).rules]), author="bob")
    store.put("c", rules())
    for summary, count in zip(store.summaries(), [1, 2, 1], strict=True):
        stored, last = store.read(summary.bucket), store.last_change(summary.bucket)
        assert stored is not None
        assert last is not None
        assert summary == BucketSummary(
            summary.bucket, count, stored.version, last.revision, last.time, last.author
        )
    assert [each.author for each in store.summaries()] == ["alice", "bob", None]


def test_a_bucket_without_rules_has_no_summary(store: Store) -> None:
    store.put_many([("a", rules()), ("b", rules()), ("c", rules())])
    store.delete("b")
    assert [each.bucket for each in store.summaries()] == ["a", "c"]
    store.rollback("b", 1)
    assert [each.bucket for each in store.summaries()] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("selection", "selected"),
    [
        ({}, ["B", "a", "ab", "abc", "b%", "\u4e2d"]),
        ({"prefix": "a"}, ["a", "ab", "abc"]),
        ({"after": "a", "limit": 2}, ["ab", "abc"]),
        ({"contains": "b"}, ["ab", "abc", "b%"]),
        ({"contains": "b", "limit": 2}, ["ab", "abc"]),
        ({"contains": "b", "prefix": "a", "after": "ab"}, ["abc"]),
        ({"contains": "%"}, ["b%"]),
        ({"contains": "_"}, []),
        ({"contains": "'"}, []),
        ({"contains": "\u4e2d"}, ["\u4e2d"]),
        ({"contains": "\ud800"}, []),
        ({"contains": "\0"}, []),
        ({"prefix": "\ud800"}, []),
        ({"limit": 10**30, "prefix": "B"}, ["B"]),
    ],
)
def test_summaries_are_selected_by_name(store: Store, selection: Any, selected: list[str]) -> None:
    names = ["B", "a", "ab", "abc", "b%", "\u4e2d"]
    store.put_many((name, rules()) for name in reversed(names))
    assert [each.bucket for each in store.summaries(**selection)] == selected


def test_many_are_put_as_one_revision(store: Store) -> None:
    before = store.put("a", rules(0))
    assert store.put_many([("a", rules(1)), ("b", rules(2))], author="me") == before + 1
    assert (store.get("a"), store.get("b")) == (rules(1), rules(2))
    assert [entry.author for entry in store.history("b")] == ["me"]


def test_many_are_put_all_or_none(store: Store) -> None:
    def failing() -> Iterator[tuple[str, RuleSet]]:
        yield "a", rules()
        raise LookupError("the source failed")

    with pytest.raises(LookupError):
        store.put_many(failing())
    assert store.list() == []


def test_the_revision_is_that_of_the_last_change(store: Store) -> None:
    assert store.revision == 0
    assert store.put("a", rules()) == store.revision == 1
    assert store.delete("a") == store.revision == 2
    store.delete("a")
    assert store.revision == 2


def test_none_are_put_without_a_new_revision(store: Store) -> None:
    revision = store.put("a", rules())
    assert store.put_many([]) == revision


def test_the_last_of_a_bucket_put_twice_at_once_wins(store: Store) -> None:
    store.put_many([("b", rules(1)), ("b", rules(2))])
    assert store.get("b") == rules(2)


def test_history_tells_who_did_what_newest_first(store: Store) -> None:
    first = store.put("b", rules(1), author="alice")
    second = store.delete("b", author="bob")
    third = store.put("b", rules(3))
    entries = store.history("b")
    assert [(each.revision, each.author, each.rule_set) for each in entries] == [
        (third, None, rules(3)),
        (second, "bob", None),
        (first, "alice", rules(1)),
    ]
    assert entries[0].time >= entries[-1].time > 1_600_000_000


@pytest.mark.parametrize(
    ("page", "revisions"),
    [
        ({}, [6, 4, 2, 1]),
        ({"limit": 2}, [6, 4]),
        ({"before": 4}, [2, 1]),
        ({"before": 4, "limit": 1}, [2]),
        # There is no change of this revision in this bucket.
        ({"before": 5, "limit": 1}, [4]),
        ({"before": 1}, []),
        ({"before": 0}, []),
        ({"before": -(10**30)}, []),
        ({"before": 10**30, "limit": 10**30}, [6, 4, 2, 1]),
    ],
)
def test_history_is_read_in_pages(store: Store, page: Any, revisions: list[int]) -> None:
    for bucket in ("b", "b", "other"):
        store.put(bucket, rules())
    store.delete("b")
    store.put("other", rules())
    store.put("b", rules())
    assert [each.revision for each in store.history("b", **page)] == revisions


def test_a_page_of_history_begins_before_a_number(store: Store) -> None:
    with pytest.raises(TypeError, match="revision is '7': write a whole number"):
        store.history("b", before="7")  # type: ignore[arg-type]


def test_the_last_change_is_the_first_of_the_history(store: Store) -> None:
    assert store.last_change("b") is None
    assert store.last_change("a/b") is None
    store.put("other", rules())
    store.put("b", rules(1), author="alice")
    changes: list[Callable[[], Any]] = [
        lambda: store.put("b", rules(2), author="bob"),
        lambda: store.delete("b", author="carol"),
        lambda: store.put_many([("b", rules(3)), ("c", rules(3))], author="dave"),
        lambda: store.rollback("b", store.history("b")[-1].revision),
    ]
    for change in changes:
        change()
        last = store.last_change("b")
        assert last == store.history("b")[0]
        assert last is not None
        assert last.revision == store.revision


@pytest.mark.parametrize("write", ["put", "put_many", "delete", "rollback"])
def test_an_author_has_at_most_256_characters(store: Store, write: str) -> None:
    store.put("b", rules(), author="\u4e2d" * 256)
    writes: dict[str, Callable[[], Any]] = {
        "put": lambda: store.put("b", rules(1), "a" * 257),
        "put_many": lambda: store.put_many([("b", rules(1))], "a" * 257),
        "delete": lambda: store.delete("b", "a" * 257),
        "rollback": lambda: store.rollback("b", 1, "a" * 257),
    }
    with pytest.raises(ValueError, match="257 characters: write at most 256"):
        writes[write]()
    assert store.revision == 1


@pytest.mark.parametrize(
    ("author", "error", "said"),
    [
        ("\ud800", ValueError, "is '\\\\ud800', which UTF-8 cannot encode"),
        (b"alice", TypeError, "author is b'alice': write a name as text"),
        (7, TypeError, "author is 7: write a name as text"),
    ],
)
def test_an_author_is_text_that_can_be_kept(
    store: Store, author: Any, error: type[Exception], said: str
) -> None:
    store.put("b", rules())
    for write in (lambda: store.put("b", rules(1), author), lambda: store.delete("b", author)):
        with pytest.raises(error, match=said):
            write()
    assert store.revision == 1


def test_history_keeps_the_last_ones_of_each_bucket(make: Make) -> None:
    store = make(history_limit=2)
    store.put("other", rules())
    for seconds in range(4):
        store.put("b", rules(seconds))
    assert [entry.rule_set for entry in store.history("b")] == [rules(3), rules(2)]
    assert len(store.history("other")) == 1


def test_pages_of_history_end_where_it_ends(make: Make) -> None:
    store = make(history_limit=3)
    revisions = [store.put("b", rules(seconds)) for seconds in range(5)]
    kept = revisions[:1:-1]
    assert [each.revision for each in store.history("b", before=kept[0])] == kept[1:]
    assert store.history("b", before=kept[-1]) == []
    with pytest.raises(UnknownRevision):
        store.rollback("b", revisions[0])


def test_history_keeps_the_last_ones_beyond_a_deletion(make: Make) -> None:
    store = make(history_limit=3)
    for seconds in range(3):
        store.put("b", rules(seconds))
    store.delete("b")
    assert [entry.rule_set for entry in store.history("b")] == [None, rules(2), rules(1)]
    store.put_many([("b", rules(3)), ("other", rules())])
    assert [entry.rule_set for entry in store.history("b")] == [rules(3), None, rules(2)]


def test_one_entry_of_history_is_what_is_in_force(make: Make) -> None:
    store = make(history_limit=1)
    store.put("b", rules(1))
    store.put("b", rules(2))
    assert [entry.rule_set for entry in store.history("b")] == [rules(2)]
    store.delete("b")
    assert [entry.rule_set for entry in store.history("b")] == [None]


def test_a_rollback_is_a_new_revision_with_the_old_rules(store: Store) -> None:
    first = store.put("b", rules(1))
    store.put("b", rules(2))
    revision = store.rollback("b", first, author="carol")
    assert store.get("b") == rules(1)
    latest = store.history("b")[0]
    assert (latest.revision, latest.author, latest.rule_set) == (revision, "carol", rules(1))


def test_a_rollback_brings_deleted_rules_back(store: Store) -> None:
    first = store.put("b", rules(1))
    store.delete("b")
    store.rollback("b", first)
    assert store.get("b") == rules(1)


def test_a_rollback_needs_rules_of_that_bucket_and_revision(store: Store) -> None:
    first = store.put("a", rules(1))
    store.put("b", rules(2))
    deletion = store.delete("b")
    for bucket, revision in [("b", first), ("b", deletion), ("b", 999), ("none", first)]:
        with pytest.raises(UnknownRevision, match=str(revision)):
            store.rollback(bucket, revision or 0)
    assert store.get("b") is None


# Two buckets of another store: one has rules, the other is deleted.
PHOTOS = [
    PastChange(100.25, "alice", rules(1)),
    PastChange(200.0, None, None),
    PastChange(300.123456, "bob", rules(2)),
]
GONE = [PastChange(150.0, "carol", rules(3)), PastChange(250.0, "dave", None)]


@pytest.fixture
def make_taking(make: Make) -> Make:
    """Make a store that takes a history, which is optional."""

    def make_store(**options: Any) -> Store:
        made = make(**options)
        if GIVEN and type(made)._put_with_history is Store._put_with_history:
            pytest.skip("the store has no _put_with_history, which is optional")
        return made

    return make_store


@pytest.fixture
def taking(make_taking: Make) -> Store:
    return make_taking()


def changes_of(store: Store, bucket: str) -> list[PastChange]:
    """The history of a bucket, the oldest first."""
    return [PastChange.of(entry) for entry in reversed(store.history(bucket))]


def test_a_history_keeps_its_times_and_authors(taking: Store) -> None:
    revision = taking.put_with_history([("photos", PHOTOS), ("gone", GONE)])
    assert changes_of(taking, "photos") == PHOTOS
    assert changes_of(taking, "gone") == GONE
    assert (taking.get("photos"), taking.get("gone")) == (rules(2), None)
    assert revision == taking.revision


def test_the_last_changes_of_a_history_have_the_new_revision(taking: Store) -> None:
    before = taking.put("other", rules())
    revision = taking.put_with_history([("photos", PHOTOS), ("gone", GONE)])
    assert revision == before + 3
    numbers = {
        name: [each.revision for each in taking.history(name)] for name in ("photos", "gone")
    }
    assert numbers == {
        "photos": [revision, revision - 1, revision - 2],
        "gone": [revision, revision - 1],
    }
    stored = taking.read("photos")
    assert stored is not None
    assert stored.revision == revision
    assert taking.put("other", rules(1)) == revision + 1


def test_a_history_is_appended_to_what_the_bucket_has(taking: Store) -> None:
    taking.put_many([("photos", rules(7)), ("gone", rules(8))], author="erin")
    first = {name: changes_of(taking, name) for name in ("photos", "gone")}
    taking.put_with_history([("photos", PHOTOS), ("gone", GONE)])
    assert changes_of(taking, "photos") == [*first["photos"], *PHOTOS]
    assert changes_of(taking, "gone") == [*first["gone"], *GONE]
    assert taking.list() == ["photos"]
    taking.put_with_history([("gone", GONE)])
    assert changes_of(taking, "gone") == [*first["gone"], *GONE, *GONE]


def test_what_came_with_a_history_can_be_restored_and_changed(taking: Store) -> None:
    taking.put_with_history([("photos", PHOTOS), ("gone", GONE)])
    taking.rollback("gone", taking.history("gone")[-1].revision, author="erin")
    assert taking.get("gone") == rules(3)
    taking.rollback("photos", taking.history("photos")[-1].revision)
    assert taking.get("photos") == rules(1)
    assert [each.rule_set for each in taking.history("photos")] == [
        rules(1),
        rules(2),
        None,
        rules(1),
    ]


def test_of_a_history_as_much_is_kept_as_of_other_changes(make_taking: Make) -> None:
    store = make_taking(history_limit=2)
    assert store.history_limit == 2
    store.put("photos", rules(9))
    store.put("gone", rules(9))
    store.put_with_history([("photos", PHOTOS), ("gone", GONE[1:])])
    assert changes_of(store, "photos") == PHOTOS[1:]
    assert [each.rules for each in changes_of(store, "gone")] == [None, rules(9)][::-1]
    store.put("photos", rules(4))
    assert [each.rule_set for each in store.history("photos")] == [rules(4), rules(2)]


def test_histories_are_put_all_or_none(taking: Store) -> None:
    def failing() -> Iterator[tuple[str, list[PastChange]]]:
        yield "photos", PHOTOS
        raise LookupError("the source failed")

    with pytest.raises(LookupError):
        taking.put_with_history(failing())
    taking.put("b", rules(1))
    seen = (taking.state(), taking.signal()[0])
    with pytest.raises(RulesChanged, match="'b'"):
        taking.put_with_history([("photos", PHOTOS), ("b", GONE)], expected={"b": None})
    assert taking.list(with_deleted=True) == ["b"]
    assert taking.state() == seen[0]
    taking.put_with_history([("photos", PHOTOS), ("b", GONE)], expected={"b": version(taking)})
    assert taking.get("b") is None


def test_a_history_signals_and_names_its_buckets(taking: Store) -> None:
    taking.put_many([("photos", rules()), ("gone", rules())])
    cell = taking.signal()
    number, state = cell[0], taking.state()
    taking.put_with_history([("photos", PHOTOS), ("gone", GONE)])
    assert cell[0] == taking.signal()[0] != number
    for is_signalled in (False, True):
        found = taking.changes_since(state, is_signalled=is_signalled)
        assert found.state == taking.state() != state
        assert found.buckets is None or {"photos", "gone"} <= set(found.buckets)


def test_without_histories_nothing_is_stored(taking: Store) -> None:
    revision, state = taking.put("b", rules()), taking.state()
    assert taking.put_with_history([]) == revision
    assert taking.state() == state


@pytest.mark.parametrize(
    ("bucket", "changes", "error", "said"),
    [
        ("a/b", PHOTOS, InvalidBucketName, "is not a bucket name"),
        ("b", [], ValueError, "bucket 'b' has no changes: leave it out"),
        ("b", [(1.0, "a" * 257, None)], ValueError, "257 characters: write at most 256"),
        ("b", [(1.0, 7, None)], TypeError, "author is 7: write a name as text"),
        ("b", [(1.0, None, [])], TypeError, r"write RuleSet\("),
        ("b", [("1", None, None)], TypeError, "time is '1': write seconds since 1970"),
        ("b", [(float("nan"), None, None)], ValueError, "time is nan: write seconds"),
        ("b", [(float("inf"), None, None)], ValueError, "time is inf: write seconds"),
        ("b", [(True, None, None)], TypeError, "time is True: write seconds"),
        ("b", [(10**400, None, None)], ValueError, r"time is 10{79}\.\.\.: write seconds"),
    ],
)
def test_a_history_that_no_store_could_keep_is_refused(
    store: Store, bucket: str, changes: Any, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        store.put_with_history([("good", PHOTOS), (bucket, changes)])
    assert store.list() == []


def test_a_store_that_cannot_take_a_history_says_so(tmp_path: Path) -> None:
    class OtherStore(MemoryStore):
        def _put_all(self, *arguments: Any) -> int:
            return super()._put_all(*arguments)

    with pytest.raises(HistoryNotTaken, match="OtherStore cannot take a history: write its method"):
        OtherStore().put_with_history([("photos", PHOTOS)])


def test_deleted_buckets_are_listed_if_asked_for(store: Store) -> None:
    store.put_many((name, rules()) for name in ["b", "a", "B", "ab", "\u4e2d"])
    store.put("a", rules(1))
    store.delete("a")
    store.delete("\u4e2d")
    found = store.list(with_deleted=True)
    if GIVEN and found == store.list():
        pytest.skip("the store has no _list_with_history, which is optional")
    assert found == ["B", "a", "ab", "b", "\u4e2d"]
    assert store.list() == ["B", "ab", "b"]
    assert store.list(prefix="a", with_deleted=True) == ["a", "ab"]
    assert store.list(after="a", limit=2, with_deleted=True) == ["ab", "b"]
    assert store.list(limit=0, with_deleted=True) == []
    assert store.list(prefix="\ud800", with_deleted=True) == []


def test_histories_are_those_of_each_bucket(make: Make) -> None:
    store = make(history_limit=2)
    for number in range(4):
        store.put_many([("a", rules(number)), ("b", rules(number))], author="alice")
    store.delete("b")
    found = store.histories(["b", "a", "none", "a/b"])
    assert found == {name: store.history(name) for name in ("b", "a", "none", "a/b")}
    assert [len(each) for each in found.values()] == [2, 2, 0, 0]


def test_last_writes_are_those_of_each_bucket(store: Store) -> None:
    store.put_many([("a", rules(1)), ("b", rules(2))], author="alice")
    store.put("a", rules(3), author="bob")
    store.delete("b", author="carol")
    assert store.last_writes(["a", "b", "none", "a/b"]) == {
        "a": LastWrite(version(store, "a"), store.history("a")[0]),
        "b": LastWrite(None, store.history("b")[0]),
        "none": LastWrite(None, None),
        "a/b": LastWrite(None, None),
    }


def test_signal_and_state_are_others_after_every_change(store: Store) -> None:
    """Also in a cell that was given before."""
    cell = store.signal()
    signals, states = {cell[0]}, {store.state()}
    first = store.put("b", rules(1))
    changes: list[Callable[[], Any]] = [
        lambda: store.put("b", rules(2)),
        lambda: store.delete("b"),
        lambda: store.rollback("b", first),
        lambda: store.put_many([("c", rules())]),
    ]
    for change in changes:
        change()
        assert cell[0] == store.signal()[0]
        assert cell[0] not in signals
        assert store.state() not in states
        signals.add(cell[0])
        states.add(store.state())


def test_a_store_names_the_buckets_that_changed_or_says_that_it_cannot_tell(store: Store) -> None:
    store.put_many([("a", rules()), ("b", rules())])
    states = [store.state()]
    writes = [
        lambda: store.put("a", rules(2)),
        lambda: store.delete("b"),
        lambda: store.put_many([("c", rules()), ("d", rules())]),
        lambda: store.rollback("b", 1),
    ]
    changed = [{"a"}, {"b"}, {"c", "d"}, {"b"}]
    for write in writes:
        write()
        states.append(store.state())
    for is_signalled in (False, True):
        for number, state in enumerate(states):
            found = store.changes_since(state, is_signalled=is_signalled)
            assert found.state == states[-1]
            missed = set().union(*changed[number:])
            assert found.buckets is None or missed <= set(found.buckets)
            again = store.changes_since(found.state, is_signalled=is_signalled)
            assert (again.state, list(again.buckets or ())) == (found.state, [])


@pytest.mark.parametrize("state", [None, object(), "of another store", -1, 10**9, (1, 2, 3)])
def test_a_state_that_a_store_does_not_know_is_followed_by_any_change(
    store: Store, state: object
) -> None:
    store.put("a", rules())
    assert store.changes_since(state) == (store.state(), None)


def test_signal_and_state_stay_while_nothing_changes(store: Store) -> None:
    store.put("b", rules())
    seen = (store.signal()[0], store.state())
    assert store.get("b")
    assert (store.signal()[0], store.state()) == seen


def test_the_state_stays_where_there_is_nothing_to_delete_or_to_put(store: Store) -> None:
    store.put("b", rules())
    seen = store.state()
    assert store.delete("none") is None
    assert store.put_many([]) == store.revision
    assert store.state() == seen


def test_a_version_is_another_one_only_when_the_buckets_own_rules_changed(store: Store) -> None:
    store.put("b", rules(1))
    reads = [store.read("b")]
    for bucket in ("other", "b"):
        store.put(bucket, rules(1))
        reads.append(store.read("b"))
    first, after_another, after_its_own = (read and read.version for read in reads)
    assert first == after_another != after_its_own


def version(store: Store, bucket: str = "b") -> str | None:
    """What an editor passes back as ``expected=``."""
    stored = store.read(bucket)
    return stored.version if stored else None


WRITES: dict[str, Callable[..., int | None]] = {
    "put": lambda store, **expected: store.put("b", rules(9), **expected),
    "delete": lambda store, **expected: store.delete("b", **expected),
    "rollback": lambda store, **expected: store.rollback("b", 1, **expected),
}
a_write = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)


@a_write
def test_a_write_happens_if_the_rules_are_the_expected_ones(store: Store, write) -> None:
    store.put("b", rules(1))
    store.put("b", rules(2))
    assert write(store, expected=version(store)) == store.revision == 3


@a_write
def test_a_write_happens_without_an_expected_version(store: Store, write) -> None:
    store.put("b", rules(1))
    store.put("b", rules(2))
    assert write(store, expected=ANY_VERSION) == 3


CHANGES: dict[str, Callable[[Store], Any]] = {
    "put": lambda store: store.put("b", rules(2)),
    "put again": lambda store: store.put("b", rules(1)),
    "put, and put back": lambda store: (store.put("b", rules(2)), store.put("b", rules(1))),
    "deleted": lambda store: store.delete("b"),
    "deleted and put again": lambda store: (store.delete("b"), store.put("b", rules(1))),
    "rolled back": lambda store: store.rollback("b", 1),
}


@a_write
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_write_is_refused_if_the_rules_have_changed(store: Store, write, change) -> None:
    """Also if they are equal to the expected ones again: the editor has not seen why."""
    store.put("b", rules(1))
    seen = version(store)
    change(store)
    before = (store.get("b"), store.history("b"), store.state())
    with pytest.raises(RulesChanged, match="bucket 'b' have changed") as caught:
        write(store, expected=seen)
    assert caught.value.bucket == "b"
    assert (store.get("b"), store.history("b"), store.state()) == before


@a_write
def test_none_expects_a_bucket_without_rules(store: Store, write) -> None:
    store.put("b", rules(1))
    with pytest.raises(RulesChanged):
        write(store, expected=None)
    store.delete("b")
    write(store, expected=None)


def test_a_version_counts_for_its_own_bucket_alone(store: Store) -> None:
    store.put("b", rules(1))
    seen = version(store)
    store.put("other", rules(2))
    assert store.put("b", rules(3), expected=seen)


def test_many_are_put_only_if_all_have_the_expected_rules(store: Store) -> None:
    store.put_many([("a", rules(1)), ("b", rules(1)), ("c", rules(1))])
    seen = {"a": version(store, "a"), "b": version(store, "b"), "new": None}
    pairs = [(bucket, rules(2)) for bucket in ("a", "b", "c", "new")]
    store.put("c", rules(3))
    assert store.put_many(pairs, expected=seen)
    with pytest.raises(RulesChanged, match="'new'"):
        store.put_many(pairs, expected={"c": version(store, "c"), "new": None})


def test_what_is_expected_of_a_bucket_that_is_not_put_is_a_mistake(store: Store) -> None:
    with pytest.raises(ValueError, match="names bucket 'c'"):
        store.put_many([("b", rules())], expected={"c": None})


def test_a_revision_is_no_version(store: Store) -> None:
    revision = store.put("b", rules())
    with pytest.raises(TypeError, match=r"write the version of store.read\(bucket\)"):
        store.put("b", rules(), expected=revision)  # type: ignore[arg-type]


def test_stored_rules_say_which_revision_put_them_there(store: Store) -> None:
    revision = store.put("b", rules())
    store.put("other", rules())
    stored = store.read("b")
    assert stored is not None
    assert stored.revision == revision


def test_versions_of_two_stores_in_memory_differ() -> None:
    """A page may be older than the process that shows it."""
    one, other = MemoryStore(), MemoryStore()
    one.put("b", rules())
    other.put("b", rules())
    assert version(one) != version(other)


def test_the_rules_of_a_revision_are_read_without_putting_them(store: Store) -> None:
    first = store.put("b", rules(1))
    store.put("b", rules(2))
    assert store.get_revision("b", first) == rules(1)
    assert store.get("b") == rules(2)


def test_a_closed_store_opens_again(make: Make) -> None:
    store = make()
    store.close()
    store.close()
    if isinstance(store, SQLiteStore):
        assert store.list() == []
    store.put("b", rules())
    assert store.get("b") == rules()


def test_to_keep_settings_is_optional_and_no_change_of_rules(store: Store) -> None:
    store.put("b", rules())
    before = (store.revision, store.state(), store.signal()[0])
    store.keep_settings({"limits": {"cos": [20, 65536]}})
    store.keep_settings({"strict": "off"})
    assert store.kept_settings() in ({}, {"limits": {"cos": [20, 65536]}, "strict": "off"})
    assert (store.revision, store.state(), store.signal()[0]) == before


def test_limits_may_be_as_large_as_anybody_writes_them(make: Make) -> None:
    store = make(history_limit=10**30)
    for seconds in range(3):
        store.put("alice", rules(seconds))
    assert len(store.history("alice")) == 3
    assert store.list(limit=10**30) == ["alice"]
