"""Histories of rules on several hosts: what was asked, what the server kept, and what was wrong.

Clients log **operations**. What an operation asks for happens at some moment between ``start``,
just before the request is sent, and ``end``, when the response has come. Times are nanoseconds of
the monotonic clock, which all processes of a machine share. Each change has a number of its own,
which is the author in the history at the server, so the server says which changes happened, and in
which order. Rules tell the number of the change that put them.

The changes of the server, one after the other, are **commits**. A host has to be at least at some
commit, its **floor**, which rises with what is promised:

- own host: at a change that was acknowledged on this host.
- late: at each change, some time after it was acknowledged anywhere, and after the host could
  reach the server again.
- monotonic: for a bucket, at what an earlier read on this host saw of it.
- whole: for all buckets of one change, at this change, once a read saw it in one of them.

A read before the floor is a finding. So is a change that was acknowledged and is not in the history
(lost), that is there twice (doubled) or though it was refused, and one that precedes a change that
was acknowledged before it began (order).

A cut is a time in which a host could not reach the server. It delays what is promised of other
hosts. If it falls into a change, it also lifts the promise of the own host until then.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from math import inf
from operator import attrgetter
from typing import NamedTuple

from tests.support.host_operations import (
    CLOSED,
    Cut,
    Era,
    Fault,
    Finding,
    Kind,
    Limits,
    Operation,
)


class _Commit(NamedTuple):
    """A change as the server has it: the number in each bucket that it changed."""

    number: int
    revision: int
    values: Mapping[str, int | None]


class _Span(NamedTuple):
    """From which commit on, and until which, a bucket had some rules."""

    first: int
    after: float


class _Floor(NamedTuple):
    """The commit that a host has reached at least, and the operation that shows it."""

    place: int
    cause: Operation


_Floors = dict[Fault, _Floor]


def find_faults(
    operations: Iterable[Operation],
    eras: Sequence[Era],
    limits: Limits,
    cuts: Collection[Cut] = (),
    *,
    may_close: Collection[str] = (),
) -> list[Finding]:
    """Give what breaks the promise; buckets have no rules at first.

    :param may_close: the hosts that may refuse reads.
    """
    operations = list(operations)
    commits = list(_commits(eras))
    deadlines = _Deadlines(limits, cuts)
    return [
        *_wrong_changes(operations, commits),
        *_Sweep(operations, commits, deadlines, may_close).findings(),
    ]


def _commits(eras: Sequence[Era]) -> Iterator[_Commit]:
    path: list[_Commit] = []
    for era in eras:
        if era.restore is not None:
            before = _state(path)
            path = [commit for commit in path if commit.revision <= era.back_to]
            after = _state(path)
            buckets = {each for each in before | after if before.get(each) != after.get(each)}
            values = {bucket: after.get(bucket) for bucket in buckets}
            # It has no revision of its own: the next one may go back behind it.
            path.append(_Commit(era.restore, era.back_to, values))
            yield path[-1]
        new = (entry for entry in era.entries if entry.revision > era.back_to)
        by_revision = attrgetter("revision", "number")
        for (revision, number), entries in groupby(sorted(new, key=by_revision), by_revision):
            values = {each.bucket: None if each.is_deletion else number for each in entries}
            path.append(_Commit(number, revision, values))
            yield path[-1]


def _state(path: Iterable[_Commit]) -> dict[str, int | None]:
    state: dict[str, int | None] = {}
    for commit in path:
        state |= commit.values
    return state


def _wrong_changes(
    operations: Iterable[Operation], commits: Sequence[_Commit]
) -> Iterator[Finding]:
    """Compare what was acknowledged with what the server has."""
    found: defaultdict[int | None, list[_Commit]] = defaultdict(list)
    for commit in commits:
        found[commit.number].append(commit)
    for operation in operations:
        if operation.kind in (Kind.READ, Kind.RESTORE):
            continue
        its = found[operation.number]
        if len(its) > 1:
            yield Finding(Fault.DOUBLED, operation)
        if operation.end == inf:
            continue
        if operation.revision is None and its:
            yield Finding(Fault.REFUSED, operation)
        elif operation.revision is not None and not its:
            yield Finding(Fault.LOST, operation)
        elif its and operation.revision not in {commit.revision for commit in its}:
            yield Finding(Fault.REVISION, operation)


class _Deadlines:
    """By when a change has to be obeyed."""

    def __init__(self, limits: Limits, cuts: Iterable[Cut]) -> None:
        self._limits = limits
        self._cuts = sorted(cuts, key=attrgetter("start"))

    def of(self, host: str, acknowledged: float) -> float:
        due = acknowledged + self._limits.late
        for cut in self._cuts_of(host):
            if cut.start < due and acknowledged < cut.end:
                due = max(due, cut.end + self._limits.recovery)
        return due

    def is_cut(self, operation: Operation) -> bool:
        """Whether a change may have been acknowledged without what follows it."""
        return any(
            cut.start < operation.end and operation.start < cut.end
            for cut in self._cuts_of(operation.host)
        )

    def _cuts_of(self, host: str) -> Iterator[Cut]:
        return (cut for cut in self._cuts if cut.host in (None, host))


class _Sweep:
    """Goes through the operations in the order of time, and lifts the floors."""

    def __init__(
        self,
        operations: Sequence[Operation],
        commits: Sequence[_Commit],
        deadlines: _Deadlines,
        may_close: Collection[str],
    ) -> None:
        self._operations = operations
        self._commits = commits
        self._deadlines = deadlines
        self._may_close = may_close
        self._places = {commit.number: place for place, commit in enumerate(commits)}
        self._changes = {each.number: each for each in operations if each.kind != Kind.READ}
        self._spans = _spans(commits)
        self._hosts = {each.host for each in operations}
        self._of_host: defaultdict[str, _Floors] = defaultdict(dict)
        self._of_bucket: defaultdict[tuple[str, str], _Floors] = defaultdict(dict)
        # The newest change that anybody had acknowledged, now and when each operation began.
        self._acknowledged: _Floor | None = None
        # By the place of the operation.
        self._known: dict[int, _Floor | None] = {}
        self._at_start: dict[int, _Floors] = {}

    def findings(self) -> Iterator[Finding]:
        # At one moment all begins before anything ends, which promises least.
        events = []
        for place, operation in enumerate(self._operations):
            events.append((operation.start, 0, place, ""))
            if operation.end == inf:
                continue
            events.append((operation.end, 1, place, ""))
            if operation.kind != Kind.READ and operation.number in self._places:
                for host in self._hosts:
                    due = self._deadlines.of(host, operation.end)
                    events.append((due, 2, place, host))
        for _, step, place, host in sorted(events):
            operation = self._operations[place]
            if step == 0:
                self._begin(place, operation)
            elif step == 2:
                floor = _Floor(self._places[operation.number], operation)
                _lift(self._of_host[host], Fault.LATE, floor)
            elif operation.kind == Kind.READ:
                yield from self._end_read(operation, self._at_start.pop(place))
            else:
                yield from self._end_change(operation, self._known.pop(place))

    def _begin(self, place: int, operation: Operation) -> None:
        if operation.kind == Kind.READ:
            [bucket] = operation.buckets
            floors = self._of_host[operation.host]
            self._at_start[place] = floors | self._of_bucket[operation.host, bucket]
        else:
            self._known[place] = self._acknowledged

    def _end_change(self, change: Operation, known: _Floor | None) -> Iterator[Finding]:
        place = self._places.get(change.number)
        if place is not None:
            floor = _Floor(place, change)
            if known and place < known.place:
                yield Finding(Fault.ORDER, change, (known.cause,))
            if self._acknowledged is None or place > self._acknowledged.place:
                self._acknowledged = floor
        elif known:
            # A refusal has seen what was acknowledged before.
            floor = known._replace(cause=change)
        else:
            return
        if change.kind != Kind.RESTORE and not self._deadlines.is_cut(change):
            _lift(self._of_host[change.host], Fault.OWN_HOST, floor)

    def _end_read(self, read: Operation, floors: _Floors) -> Iterator[Finding]:
        if read.number == CLOSED:
            if read.host not in self._may_close:
                yield Finding(Fault.CLOSED, read)
            return
        [bucket] = read.buckets
        spans = self._spans[bucket].get(read.number, [])
        if not spans:
            change = self._changes.get(read.number)
            yield Finding(Fault.UNCOMMITTED, read, (change,) if change else ())
            return
        begun = [span for span in spans if self._start(span) < read.end]
        if not begun:
            yield Finding(Fault.EARLY, read, self._causes(spans[0].first))
            return
        is_wrong = False
        for fault, floor in floors.items():
            if begun[-1].after <= floor.place:
                is_wrong = True
                yield Finding(fault, read, self._story(begun[-1], floor))
        if not is_wrong:
            lowest = max((floor.place for floor in floors.values()), default=-1)
            self._learn(read, next(span for span in begun if span.after > lowest))

    def _learn(self, read: Operation, span: _Span) -> None:
        [bucket] = read.buckets
        if span.first < 0:
            return
        floor = _Floor(span.first, read)
        _lift(self._of_bucket[read.host, bucket], Fault.MONOTONIC, floor)
        for other in self._commits[span.first].values.keys() - {bucket}:
            _lift(self._of_bucket[read.host, other], Fault.WHOLE, floor)

    def _start(self, span: _Span) -> float:
        if span.first < 0:
            return -inf
        change = self._changes.get(self._commits[span.first].number)
        return change.start if change else -inf

    def _story(self, span: _Span, floor: _Floor) -> tuple[Operation, ...]:
        """The change that the read saw, the one that replaced it, and why it had to be seen."""
        causes = [*self._causes(span.first), *self._causes(int(span.after)), floor.cause]
        return tuple(dict.fromkeys(causes))

    def _causes(self, place: int) -> tuple[Operation, ...]:
        change = self._changes.get(self._commits[place].number) if place >= 0 else None
        return (change,) if change else ()


def _lift(floors: _Floors, fault: Fault, floor: _Floor) -> None:
    if fault not in floors or floors[fault].place < floor.place:
        floors[fault] = floor


def _spans(commits: Sequence[_Commit]) -> defaultdict[str, dict[int | None, list[_Span]]]:
    """When each bucket had which rules, by bucket and number, in order."""
    steps: defaultdict[str, list[tuple[int, int | None]]] = defaultdict(lambda: [(-1, None)])
    for place, commit in enumerate(commits):
        for bucket, number in commit.values.items():
            steps[bucket].append((place, number))
    found: defaultdict[str, dict[int | None, list[_Span]]] = defaultdict(
        lambda: {None: [_Span(-1, inf)]}
    )
    for bucket, its in steps.items():
        spans: dict[int | None, list[_Span]] = {}
        for (place, number), (after, _) in pairwise([*its, (inf, None)]):
            spans.setdefault(number, []).append(_Span(place, after))
        found[bucket] = spans
    return found
