"""The ring of the last changes, alone: what a reader learns from it, and when it has to ask."""

from collections.abc import Sequence
from mmap import mmap

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flask_bucketcors.stores.sqlite.change_ring import END, ChangeRing, Entry

BEFORE = 100
NUMBERS = range(101, 1000)


@pytest.fixture
def memory() -> mmap:
    return mmap(-1, END)


@pytest.fixture
def ring(memory: mmap) -> ChangeRing:
    return ChangeRing(memory)


def append(ring: ChangeRing, *changes: Sequence[str]) -> None:
    """Add changes one after the other, from stamp 100 on to 101, 102, ..."""
    for stamp, buckets in zip(NUMBERS, changes, strict=False):
        ring.append(Entry(stamp - 1, stamp, stamp * 10, buckets))


@pytest.mark.parametrize(
    "known, published, names, position",
    [
        (100, 103, {"a", "b", "c", "d"}, 103),
        (101, 103, {"b", "c", "d"}, 103),
        (102, 103, {"d"}, 103),
        (100, 101, {"a", "b", "c", "d"}, 101),
        (101, 102, {"b", "c", "d"}, 102),
    ],
)
def test_the_names_since_a_stamp(ring, known, published, names, position) -> None:
    """Those behind the published number, too, as it may have been published late."""
    append(ring, ["a"], ["b", "c"], ["d"])
    found = ring.since(known, published)
    assert found is not None
    assert (found[0], found[1].after, found[1].id) == (names, position, position * 10)


@pytest.mark.parametrize("published, names", [(101, {"c"}), (102, {"c"})])
def test_a_number_that_is_published_late_is_no_step_back(ring, published, names) -> None:
    append(ring, ["a"], ["b"], ["c"])
    assert ring.since(102, published) == (names, None)


@pytest.mark.parametrize(
    "known, published",
    [
        pytest.param(99, 103, id="of a change that another tool made before these"),
        pytest.param(101, 7, id="published by nobody who wrote an entry"),
        pytest.param(7, 103, id="known from another database"),
        pytest.param(103, 7, id="after the last entry"),
        pytest.param(7, 7, id="of no entry"),
    ],
)
def test_stamps_that_the_ring_does_not_connect(ring, known, published) -> None:
    append(ring, ["a"], ["b"], ["c"])
    assert ring.since(known, published) is None


def test_an_empty_ring_knows_nothing(ring) -> None:
    assert ring.since(100, 101) is None


def test_a_change_of_too_many_names_is_one_of_any(ring) -> None:
    append(ring, ["a"], [f"bucket-{number:0240}" for number in range(20)], ["c"])
    assert ring.since(100, 103) is None
    assert ring.since(101, 103) is None
    found = ring.since(102, 103)
    assert found is not None
    assert found[0] == {"c"}


def test_names_may_be_as_long_and_as_strange_as_names_are(ring) -> None:
    names = ["\u4e2d" * 85, "a b", "\u202e", "%00", "-1"]
    append(ring, names)
    found = ring.since(100, 101)
    assert found is not None
    assert found[0] == set(names)


def test_the_ring_goes_round_and_forgets_the_oldest(ring) -> None:
    """Names of all lengths, so that entries lie across the end in many ways."""
    changes = [["b" * (number * 7 % 250 + 1)] for number in range(len(NUMBERS))]
    for stamp, buckets in zip(NUMBERS, changes, strict=True):
        ring.append(Entry(stamp - 1, stamp, stamp, buckets))
        found = ring.since(max(BEFORE, stamp - 20), stamp)
        assert found is not None
        assert found[0] == {each for change in changes[: stamp - BEFORE][-20:] for each in change}
    assert ring.since(BEFORE, NUMBERS[-1]) is None
    assert ring.since(BEFORE + 1, BEFORE) is None


def test_an_entry_that_is_half_written_is_not_believed(ring, memory) -> None:
    """Each bit of the last entry, flipped."""
    append(ring, ["a"], ["b"])
    whole, untouched = memory[:], ring.since(101, 102)
    last = [place for place in range(END) if whole[place]]
    for place in range(last[0], last[-1] + 1):
        for bit in range(8):
            memory[place] ^= 1 << bit
            found = ring.since(101, 102)
            memory[place] = whole[place]
            assert found in (None, untouched)


def test_what_a_transaction_wrote_that_failed_does_no_harm(ring) -> None:
    append(ring, ["a"])
    ring.append(Entry(101, 7, 0, ["never"]))
    ring.append(Entry(101, 8, 0, ["never, either"]))
    ring.append(Entry(101, 102, 0, ["b"]))
    found = ring.since(100, 102)
    assert found is not None
    assert {"a", "b"} <= found[0]
    assert found[1].after == 102
    assert ring.since(100, 7) is None or ring.since(100, 7)[0] >= {"a"}


class Model:
    """Writers that publish late or never, and a reader that follows the ring.

    Rules are numbers here: each commit gives one bucket the next number.
    """

    def __init__(self) -> None:
        self.ring = ChangeRing(mmap(-1, END))
        self.committed: dict[str, int] = {}
        self.stamp = self.number = BEFORE
        self.next = BEFORE
        self.unpublished: list[int] = []
        self.acknowledged: dict[str, int] = {}
        self.bucket_of: dict[int, str] = {}
        self.known = self.seen = BEFORE
        self.read: dict[str, int] = {}
        self.open: tuple[int, str] | None = None

    def begin(self, bucket: str) -> None:
        self.abort()
        self.next += 1
        self.ring.append(Entry(self.stamp, self.next, self.next, [bucket]))
        self.open = self.next, bucket

    def abort(self) -> None:
        self.open = None

    def commit(self) -> None:
        if self.open:
            self.stamp, bucket = self.open
            self.committed[bucket] = self.stamp
            self.bucket_of[self.stamp] = bucket
            self.unpublished.append(self.stamp)
            self.open = None

    def commit_without_an_entry(self, bucket: str) -> None:
        """As another tool does."""
        self.abort()
        self.next += 1
        self.stamp = self.committed[bucket] = self.next

    def find(self) -> None:
        """Acknowledge what others have committed, as a deletion does that finds no rules."""
        self.abort()
        self.next += 2
        self.ring.append(Entry(0, self.next - 1, 0, None))
        self.number = self.next
        self.acknowledged.update(self.committed)

    def publish(self, which: int) -> None:
        if self.unpublished:
            self.number = self.unpublished.pop(which % len(self.unpublished))
            bucket = self.bucket_of[self.number]
            self.acknowledged[bucket] = max(self.acknowledged.get(bucket, 0), self.number)

    def follow(self) -> None:
        if self.number != self.seen:
            self.seen = self.number
            found = self.ring.since(self.known, self.number)
            if found is None:
                self.known, names = self.stamp, set("abc")
            else:
                names = found[0]
                self.known = found[1].after if found[1] else self.known
            for name in names:
                self.read[name] = self.committed.get(name, 0)
        for bucket, number in self.acknowledged.items():
            assert self.read.get(bucket, 0) >= number


BUCKETS = st.sampled_from("abc")
STEPS = st.one_of(
    st.tuples(st.just("begin"), BUCKETS),
    st.tuples(st.just("commit_without_an_entry"), BUCKETS),
    st.tuples(st.just("publish"), st.integers(0, 3)),
    st.sampled_from([("commit",), ("abort",), ("find",), ("follow",)]),
)


@given(st.lists(STEPS, max_size=40))
def test_a_reader_obeys_every_change_that_was_acknowledged(steps) -> None:
    model = Model()
    for name, *arguments in steps:
        getattr(model, name)(*arguments)
        model.follow()


@given(st.lists(STEPS, max_size=60))
@example([("begin", "a"), ("commit",), ("commit_without_an_entry", "b"), ("find",), ("publish", 0)])
def test_a_reader_that_comes_now_and_then_does_so_too(steps) -> None:
    model = Model()
    for name, *arguments in steps:
        getattr(model, name)(*arguments)
    model.follow()
