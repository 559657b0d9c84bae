"""The checker of histories finds every stale read, and nothing else."""

from itertools import product
from math import inf
from random import Random

import pytest

from tests.support.rule_histories import (
    DISAGREES,
    NOT_WRITTEN,
    REPLACED,
    Read,
    Write,
    find_violations,
)
from tests.support.tables import in_one_test

BUCKET = "photos"

# Each history is drawn on one line, in columns of time. A change is its version between brackets,
# "-" for a deletion; one that nobody acknowledges has no closing bracket. A read is between
# parentheses. What overlaps stands on another line.
GOOD = {
    "nothing was put": ["(-)"],
    "what was put": ["[1] (1)"],
    "the newest": ["[1] [2] (2)"],
    "a deletion": ["[1] [-] (-)"],
    "put again after a deletion": ["[1] [-] [2] (2)"],
    "deleted twice": ["[1] [-] [2] [-] (-)"],
    "old rules until the change is acknowledged": ["[1] [2   ]", "     (1)"],
    "new rules before the change is acknowledged": ["[1] [2   ]", "     (2)"],
    "new and then old rules before it is acknowledged": ["[1] [2         ]", "     (2) (1)"],
    "a read that began before the acknowledgement": ["[1] [2]    ", "     (1)"],
    "a change that nobody acknowledged, done": ["[1] [2", "       (2)"],
    "a change that nobody acknowledged, not done": ["[1] [2", "       (1)"],
    "a change that nobody acknowledged, done late": ["[1] [2", "       (1) (2)"],
    "either of two changes at once, the first": ["[1 ]   (1)", " [2 ]     "],
    "either of two changes at once, the second": ["[1 ]   (2)", " [2 ]     "],
    "a put and a deletion at once": ["[1 ]   (1)", " [- ]     "],
    "other rules after another change": ["[1] (1) [2] (2)"],
    "a long read across changes": ["[1] [2] [3]", "   (1      )"],
}
BAD = {
    "none after a put": (["[1] (-)"], [REPLACED]),
    "the one before": (["[1] [2] (1)"], [REPLACED]),
    "the one before that": (["[1] [2] [3] (1)"], [REPLACED]),
    "rules after a deletion": (["[1] [-] (1)"], [REPLACED]),
    "an older deletion": (["[1] [-] [2] (-)"], [REPLACED]),
    "old rules beside new ones": (["[1] [2] (2)", "         (1)"], [DISAGREES, REPLACED]),
    "old rules during the next change": (["[1] [2] [3   ]", "         (1)"], [REPLACED]),
    "replaced by one of two changes at once": (["[1] [2 ]   (1)", "     [3 ]"], [REPLACED]),
    "rules of the future": (["(1) [1]"], [NOT_WRITTEN]),
    "rules of nobody": (["[1] (7)"], [NOT_WRITTEN]),
    "two workers that do not agree": (["[1 ]   (1) (2)", " [2 ]"], [DISAGREES]),
    "two workers that do not agree on a deletion": (["[1 ]   (-) (1)", " [- ]"], [DISAGREES]),
    "a change of mind": (["[1 ]   (1) (2) (1)", " [2 ]"], [DISAGREES]),
}


def drawn(lines):
    """The writes and reads of a drawing."""
    writes, reads = [], []
    for line in lines:
        for place, mark in enumerate(line):
            if mark in "[(":
                version = None if line[place + 1] == "-" else int(line[place + 1])
                end = line.find("])"["[(".index(mark)], place)
                kind, events = (Write, writes) if mark == "[" else (Read, reads)
                events.append(kind(BUCKET, version, place, inf if end < 0 else end))
    return writes, reads


@in_one_test
@pytest.mark.parametrize("lines", GOOD.values(), ids=GOOD.keys())
def test_a_history_that_keeps_the_promise(lines):
    assert find_violations(*drawn(lines)) == []


@in_one_test
@pytest.mark.parametrize("lines, reasons", BAD.values(), ids=BAD.keys())
def test_a_history_that_breaks_the_promise(lines, reasons):
    found = find_violations(*drawn(lines))
    assert sorted(violation.reason for violation in found) == sorted(reasons)


def test_buckets_have_nothing_to_do_with_each_other():
    writes = [Write("photos", 1, 0, 1), Write("videos", 2, 0, 1)]
    reads = [Read("photos", 1, 2, 3), Read("videos", 2, 2, 3), Read("music", None, 2, 3)]
    assert find_violations(writes, reads) == []
    [violation] = find_violations(writes, [Read("photos", 2, 2, 3)])
    assert violation.reason == NOT_WRITTEN


def test_the_order_of_the_events_does_not_matter():
    random = Random(1)
    for lines in [*GOOD.values(), *(lines for lines, _ in BAD.values())]:
        writes, reads = drawn(lines)
        expected = {
            violation.read
            for violation in find_violations(writes, reads)
            if violation.reason == REPLACED
        }
        random.shuffle(writes)
        random.shuffle(reads)
        found = {
            violation.read
            for violation in find_violations(writes, reads)
            if violation.reason == REPLACED
        }
        assert found == expected


def test_it_agrees_with_the_promise_word_for_word():
    """On small histories, of which there are many."""
    random = Random(2)
    for _ in range(3000):
        writes = [Write(BUCKET, random.choice([None, n]), *interval(random)) for n in range(4)]
        reads = [Read(BUCKET, each.version, *interval(random)) for each in writes]
        found = {
            violation.read
            for violation in find_violations(writes, reads)
            if violation.reason != DISAGREES
        }
        assert found == {read for read in reads if not is_possible(read, writes)}


def interval(random):
    start = random.randrange(20)
    return start, start + random.randrange(1, 6)


def is_possible(read, writes):
    first = Write(BUCKET, None, -inf, -inf)
    return any(
        write.version == read.version
        and write.start < read.end
        and not any(write.end < other.start and other.end < read.start for other in writes)
        for write in [first, *writes]
    )


def test_every_pair_of_reads_in_a_pause_agrees():
    """And of no other pair it is asked."""
    random = Random(3)
    for _ in range(1000):
        writes = [Write(BUCKET, n, *interval(random)) for n in range(2)]
        reads = [Read(BUCKET, random.randrange(2), *interval(random)) for _ in range(4)]
        found = any(violation.reason == DISAGREES for violation in find_violations(writes, reads))
        assert found == any(
            one.version != other.version and is_paused(one, other, writes)
            for one, other in product(reads, reads)
        )


def is_paused(one, other, writes):
    start, end = min(one.start, other.start), max(one.end, other.end)
    return not any(write.start < end and start < write.end for write in writes)
