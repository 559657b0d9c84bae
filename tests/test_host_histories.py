"""The checker of histories of several hosts finds what breaks the promise, and nothing else."""

from math import inf
from random import Random

import pytest

from tests.support.host_histories import find_faults
from tests.support.host_operations import (
    CLOSED,
    Cut,
    Entry,
    Era,
    Fault,
    Kind,
    Limits,
    Operation,
    describe,
)
from tests.support.tables import in_one_test

BOTH = ("photos", "videos")
LIMITS = Limits(late=8, recovery=6)

# Each history is drawn in columns of time. A line begins with its host, then come changes and
# reads; what overlaps stands on another line.
#
#   [1]  puts photos      [d]  deletes photos     {3}  puts photos and videos as one change
#   [1   nobody acknowledged it                   [1!] was refused
#   (1)  reads photos     <1>  reads videos       (-)  sees no rules       (!)  is refused
#   [^]  the server goes back
#
# A line "b ===" is a time in which host b could not reach the server; "* ===" is one of all hosts.
# The history at the server is the order of the changes; "^1" goes back to what was right after 1.
GOOD = {
    "nothing was put": ("", ["a (-) <->"]),
    "what was put": ("1", ["a [1] (1)"]),
    "old rules until it is acknowledged": ("1 2", ["a [1] [2   ]", "a     (1)"]),
    "new rules before it is acknowledged": ("1 2", ["a [1] [2   ]", "a     (2)"]),
    "two at once, in the order of the server": ("2 1", ["a [1 ]   (1)", "b  [2 ]"]),
    "a deletion": ("1 d", ["a [1] [d] (-)"]),
    "rules put again after a deletion": ("1 d 2", ["a [1] [d] [2] (2)"]),
    "nobody acknowledged it, and it is done": ("1 2", ["a [1] [2", "a       (2)"]),
    "nobody acknowledged it, and it is not done": ("1", ["a [1] [2", "a       (1)"]),
    "a refusal": ("1 2", ["a [1]      (2)", "b    [2]", "a       [3!]"]),
    "another host, soon after": ("1 2", ["a [1] [2]", "b          (1)  (2)"]),
    "another host that began soon after": ("1", ["a [1]        ", "b       (-              )"]),
    "another host that is cut off": ("1", ["a [1]", "b    =======", "b          (-)"]),
    "another host, soon after a cut": ("1", ["a [1]", "b    =======", "b                (-)"]),
    "two cuts in a row": ("1", ["a [1]", "b    =====     ====", "b                      (-)"]),
    "the own host in a cut": ("1", ["a [1]", "*  ====", "a         (-)"]),
    "other hosts at different times": ("1 2", ["a [1]  [2]", "b        (2)", "c         (1)"]),
    "whole": ("1 2 {3}", ["a [1] {3} (3) <3>"]),
    "parts of it at once": ("{3}", ["a {3   }", "b   (3)", "b   <->"]),
    "back to before": ("1 2 ^1", ["a [1] [2] (2) [^]", "b                 (1)", "a   (1)"]),
    "back to before, late": ("1 2 ^1", ["a [1] [2] (2) [^]", "b                  (2) (1)"]),
    "the same revision again": ("1 2 ^1 3", ["a [1] [2] [^] [3] (3)"]),
    "back to no rules": ("1 ^", ["a [1] [^]    ", "b           (1) (-)"]),
    "back and forth": ("1 ^", ["a [1] [^]", "b     (1)   (-) (-)"]),
}
BAD = {
    "lost": ("1", ["a [1] [2]"], [Fault.LOST]),
    "lost with its restore": ("1 ^", ["a [1] [^] [2]"], [Fault.LOST]),
    "doubled": ("1 2 1", ["a [1]", "b  [2]"], [Fault.DOUBLED]),
    "doubled, not acknowledged": ("1 2 1", ["a [1 ", "b  [2]"], [Fault.DOUBLED]),
    "refused, but done": ("1", ["a [1!]"], [Fault.REFUSED]),
    "in the wrong order": ("2 1", ["a [1] [2]"], [Fault.ORDER]),
    "not committed": ("1", ["a [1] [2", "a       (2)"], [Fault.UNCOMMITTED]),
    "of nobody": ("1", ["a [1] (7)"], [Fault.UNCOMMITTED]),
    "before it was written": ("1", ["a (1) [1]"], [Fault.EARLY]),
    "the own host": ("1 2", ["a [1] [2] (1)"], [Fault.OWN_HOST]),
    "the own host after a deletion": ("1 d", ["a [1] [d] (1)"], [Fault.OWN_HOST]),
    "the own host, of another bucket": ("{3} 1", ["b {3}", "a     [1] <->"], [Fault.OWN_HOST]),
    "the own host after a refusal": ("1", ["b [1]", "a     [2!] (-)"], [Fault.OWN_HOST]),
    "late": ("1", ["a [1]", "b                (-)"], [Fault.LATE]),
    "late, with other rules": ("1 2", ["a [1] [2]", "b                  (1)"], [Fault.LATE]),
    "late after a cut": ("1", ["a [1]", "b    ===", "b                 (-)"], [Fault.LATE]),
    "late, the own host after a cut": ("1", ["*  =", "a [1]          (-)"], [Fault.LATE]),
    "late back to before": ("1 ^", ["a [1]  (1) [^]", "b                      (1)"], [Fault.LATE]),
    "a cut of another host": ("1", ["a [1]", "c    =======", "b              (-)"], [Fault.LATE]),
    "a change of mind": ("1 2", ["a [1] [2]", "b         (2) (1)"], [Fault.MONOTONIC]),
    "gone again": ("1 d 2", ["a [1] [d] [2]", "b             (2) (-)"], [Fault.MONOTONIC]),
    "a part of it": ("1 {3}", ["a [1] {3} ", "b         (3) <->"], [Fault.WHOLE]),
    "a part of what came back": (
        "{3} {4} ^3",
        ["a {3}{4}[^]", "b      (4)(3) <4>"],
        [Fault.WHOLE],
    ),
    "closed": ("1", ["a [1]", "b     (!)"], [Fault.CLOSED]),
}


def drawn(history, lines):
    """The operations, the eras of the server and the cuts of a drawing."""
    operations, cuts = [], []
    for line in lines:
        host = line[0]
        if "=" in line:
            cuts += cuts_of(host, line)
            continue
        for start, mark in enumerate(line):
            if mark in "[{(<":
                operations.append(operation_of(host, line, start))
    acknowledged = {each.number for each in operations if each.revision is not None}
    many = {each.number for each in operations if each.kind == Kind.PUT_MANY}
    eras, revisions = eras_of(history, many)
    given = [
        each._replace(revision=revisions.get(each.number, 99))
        if each.number in acknowledged and each.kind != Kind.READ
        else each
        for each in operations
    ]
    return given, eras, cuts


def cuts_of(host, line):
    """Each run of equals signs is a cut."""
    edges = [place for place in range(1, len(line) + 1) if is_edge(line, place)]
    hosts = None if host == "*" else host
    return [Cut(hosts, *each) for each in zip(edges[::2], edges[1::2], strict=True)]


def is_edge(line, place):
    return (line[place : place + 1] == "=") != (line[place - 1] == "=")


def operation_of(host, line, start):
    opening = line[start]
    end = line.find({"[": "]", "{": "}", "(": ")", "<": ">"}[opening], start)
    text = line[start + 1 : end if end > 0 else None].strip().split(" ")[0]
    end = inf if end < 0 else end
    if opening in "(<":
        number = {"-": None, "!": CLOSED}[text] if text in "-!" else int(text)
        bucket = "photos" if opening == "(" else "videos"
        return Operation(Kind.READ, host, host, (bucket,), number, start, end)
    if text == "^":
        return Operation(Kind.RESTORE, host, host, (), ord("^"), start, end)
    is_refused, name = text.endswith("!"), text.rstrip("!")
    kind = Kind.PUT_MANY if opening == "{" else Kind.PUT if name.isdigit() else Kind.DELETE
    buckets = BOTH if kind == Kind.PUT_MANY else BOTH[:1]
    revision = None if is_refused or end == inf else 0
    return Operation(kind, host, host, buckets, number_of(name), start, end, revision)


def number_of(name):
    return int(name) if name.isdigit() else ord(name)


def eras_of(history, many):
    """The eras, and the revision of each change."""
    eras, revisions, last = [Era([])], {}, 0
    for name in history.replace("{", "").replace("}", "").split():
        if name[0] == "^":
            last = revisions[int(name[1:])] if name[1:] else 0
            kept = [each for each in eras[-1].entries if each.revision <= last]
            eras.append(Era(kept, ord("^"), last))
            continue
        number, last = number_of(name), last + 1
        buckets = BOTH if number in many else BOTH[:1]
        eras[-1].entries.extend(Entry(each, last, number, name.isalpha()) for each in buckets)
        revisions.setdefault(number, last)
    return eras, revisions


@in_one_test
@pytest.mark.parametrize("history, lines", GOOD.values(), ids=GOOD.keys())
def test_a_history_that_keeps_the_promise(history, lines):
    operations, eras, cuts = drawn(history, lines)
    assert find_faults(operations, eras, LIMITS, cuts) == []


@in_one_test
@pytest.mark.parametrize("history, lines, faults", BAD.values(), ids=BAD.keys())
def test_a_history_that_breaks_the_promise(history, lines, faults):
    operations, eras, cuts = drawn(history, lines)
    found = find_faults(operations, eras, LIMITS, cuts)
    assert [each.fault for each in found] == faults, describe(found)


def test_a_host_that_may_close():
    operations, eras, cuts = drawn(*BAD["closed"][:2])
    assert find_faults(operations, eras, LIMITS, cuts, may_close={"b"}) == []


def test_the_story_of_a_finding():
    operations, eras, cuts = drawn("1 2", ["a [1] [2]", "b         (2) (1)"])
    assert describe(find_faults(operations, eras, LIMITS, cuts)).splitlines() == [
        "1 findings",
        "",
        "monotonic (1), for example",
        "       0.000 to      0.000 ms  host a, process a: put 1 of photos, revision 1",
        "       0.000 to      0.000 ms  host a, process a: put 2 of photos, revision 2",
        "       0.000 to      0.000 ms  host b, process b: read 2 of photos",
        ">      0.000 to      0.000 ms  host b, process b: read 1 of photos",
    ]


def test_hosts_that_follow_keep_the_promise():
    """Whatever they do, and in which order."""
    for seed in range(200):
        random = Random(seed)
        operations, entries = followed(random)
        found = find_faults(operations, [Era(entries)], Limits(late=50, recovery=0))
        assert found == [], f"seed {seed}: {describe(found)}"


def followed(random):
    """What three hosts do that follow a server, one at a time."""
    operations, entries, states = [], [], {host: ({}, 0) for host in "abc"}
    for number in range(1, 201):
        host, buckets, start = random.choice("abc"), (random.choice(BOTH),), number * 10
        if number % 2:
            entries.append(Entry(*buckets, len(entries) + 1, number, random.random() < 0.3))
            states[host] = follow(*states[host], entries)
            kind, seen = Kind.DELETE if entries[-1].is_deletion else Kind.PUT, number
        else:
            kind, seen = Kind.READ, states[host][0].get(*buckets)
        revision = len(entries) if number % 2 else None
        operations.append(Operation(kind, host, host, buckets, seen, start, start + 5, revision))
        if number % 3 == 0:
            states = {each: follow(*state, entries) for each, state in states.items()}
    return operations, entries


def follow(state, position, entries):
    new = {each.bucket: None if each.is_deletion else each.number for each in entries[position:]}
    return state | new, len(entries)
