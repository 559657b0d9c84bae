"""Histories of rules: who changed and who read them, when, and whether a read was too old.

An event is seen by a client. What it asks for happens at some moment between ``start``, just
before the request is sent, and ``end``, when the response has come. Times are nanoseconds of the
monotonic clock, which all processes of a machine share.

The promise that :func:`find_violations` checks for each bucket:

- A read sees rules that somebody put before the read ended, or none after a deletion.
- They are not rules that were replaced for certain: by a change that began after they were
  acknowledged, and that was itself acknowledged before the read began.
- While no change is under way, all reads see the same.

It promises no more. While a change is not acknowledged, a read may see it and a later one not.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import NamedTuple, TypeVar

#: Stands for rules: the number that was put with them, or None for a bucket that has none.
Version = int | None


class Write(NamedTuple):
    """A change; ``end`` is infinite if nobody acknowledged it."""

    bucket: str
    version: Version
    start: float
    end: float


class Read(NamedTuple):
    """A response, and the version by which it was decided."""

    bucket: str
    version: Version
    start: float
    end: float


_Event = TypeVar("_Event", Write, Read)


class Violation(NamedTuple):
    """A read that breaks the promise."""

    read: Read
    reason: str


NOT_WRITTEN = "nobody put these rules before the read ended"
REPLACED = "they were replaced by a change that was acknowledged before the read began"
DISAGREES = "another read saw other rules, and no change was under way from one to the other"


def find_violations(writes: Iterable[Write], reads: Iterable[Read]) -> list[Violation]:
    """Give the reads that break the promise; buckets have no rules at first."""
    violations: list[Violation] = []
    written = _by_bucket(writes)
    for bucket, its_reads in _by_bucket(reads).items():
        first = Write(bucket, None, -inf, -inf)
        violations += _History([first, *written.get(bucket, [])]).violations(its_reads)
    return violations


class _History:
    """The changes of one bucket."""

    def __init__(self, writes: Sequence[Write]) -> None:
        by_start = sorted(writes, key=lambda write: write.start)
        self._starts = [write.start for write in by_start]
        # From each place on, when the first of all later changes was acknowledged.
        self._first_end = [inf] * (len(by_start) + 1)
        for place in range(len(by_start) - 1, -1, -1):
            self._first_end[place] = min(by_start[place].end, self._first_end[place + 1])
        self._by_version: defaultdict[Version, list[Write]] = defaultdict(list)
        for write in by_start:
            self._by_version[write.version].append(write)
        self._pauses = list(_pauses(by_start))

    def violations(self, reads: Sequence[Read]) -> Iterator[Violation]:
        for read in reads:
            if reason := self._reason(read):
                yield Violation(read, reason)
        yield from self._disagreements(reads)

    def _reason(self, read: Read) -> str | None:
        """Why the read cannot have seen what it did; None if it can."""
        writes = self._by_version.get(read.version, [])
        begun = bisect_left(writes, read.end, key=lambda write: write.start)
        if not begun:
            return NOT_WRITTEN
        # The newest first, as it is almost always the one.
        if any(self._replaced_at(write) >= read.start for write in reversed(writes[:begun])):
            return None
        return REPLACED

    def _replaced_at(self, write: Write) -> float:
        """When the first change was acknowledged that began after this one was."""
        return self._first_end[bisect_right(self._starts, write.end)]

    def _disagreements(self, reads: Sequence[Read]) -> Iterator[Violation]:
        seen: dict[int, Version] = {}
        for read in sorted(reads, key=lambda read: read.start):
            place = bisect_right(self._pauses, (read.start, inf)) - 1
            _, pause_end = self._pauses[place]
            if read.end <= pause_end and seen.setdefault(place, read.version) != read.version:
                yield Violation(read, DISAGREES)


def _pauses(by_start: Sequence[Write]) -> Iterator[tuple[float, float]]:
    """The times, from and until, at which no change is under way."""
    latest = -inf
    for write in by_start:
        if write.start > latest:
            yield latest, write.start
        latest = max(latest, write.end)
    yield latest, inf


def _by_bucket(events: Iterable[_Event]) -> dict[str, list[_Event]]:
    found: defaultdict[str, list[_Event]] = defaultdict(list)
    for event in events:
        found[event.bucket].append(event)
    return found
