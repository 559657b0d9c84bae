"""What the checker of several hosts is told, and what it says.

:mod:`tests.support.host_histories` has the checker.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from enum import StrEnum
from operator import attrgetter
from typing import Final, NamedTuple


class Kind(StrEnum):
    """What an operation asks for."""

    PUT = "put"
    DELETE = "delete"
    PUT_MANY = "put_many"
    #: The server goes back to an earlier state, as if a backup was restored.
    RESTORE = "restore"
    READ = "read"


#: The number of a read that was refused because the rules are unknown.
CLOSED: Final = -1


class Operation(NamedTuple):
    """A request, and what came of it.

    :param buckets: of all kinds but ``PUT_MANY`` one. A restore has none.
    :param number: of a change, its own; of a read, that of the rules that it saw, None for no
        rules, or :data:`CLOSED`.
    :param end: infinite if no response came, or one that does not tell whether the change happened.
    :param revision: what a change was acknowledged as. None if it was refused, because the bucket
        had other rules than expected, or if there was nothing to delete.
    """

    kind: Kind
    process: str
    host: str
    buckets: tuple[str, ...]
    number: int | None
    start: float
    end: float
    revision: int | None = None


class Entry(NamedTuple):
    """One entry of a bucket's history at the server."""

    bucket: str
    revision: int
    number: int
    is_deletion: bool


class Era(NamedTuple):
    """The history at the server until it went back to an earlier state, or until the end.

    :param entries: in any order.
    :param restore: the number of the restore with which it began; None for the first.
    :param back_to: the last revision that this restore left.
    """

    entries: Collection[Entry]
    restore: int | None = None
    back_to: int = 0


class Cut(NamedTuple):
    """A time in which a host could not reach the server.

    :param host: None for all hosts.
    """

    host: str | None
    start: float
    end: float


class Limits(NamedTuple):
    """How long other hosts may take, in nanoseconds.

    :param late: from the acknowledgement of a change until every host obeys.
    :param recovery: from the end of a cut until then.
    """

    late: float
    recovery: float


class Fault(StrEnum):
    """What can be wrong."""

    LOST = "lost"
    DOUBLED = "doubled"
    REFUSED = "refused, but done"
    REVISION = "acknowledged as another revision"
    ORDER = "order"
    UNCOMMITTED = "read, but not committed"
    EARLY = "read before it was written"
    OWN_HOST = "own host"
    LATE = "late"
    MONOTONIC = "monotonic"
    WHOLE = "whole"
    CLOSED = "closed"


class Finding(NamedTuple):
    """An operation that breaks the promise.

    :param because: the operations that made the promise.
    """

    fault: Fault
    operation: Operation
    because: tuple[Operation, ...] = ()


def describe(findings: Collection[Finding]) -> str:
    """Count the findings, and show the shortest story of each kind."""
    counts = Counter(finding.fault for finding in findings)
    lines = [f"{len(findings)} findings"]
    for fault, count in counts.items():
        its = (finding for finding in findings if finding.fault == fault)
        lines += ["", f"{fault} ({count}), for example", *_told(min(its, key=_length))]
    return "\n".join(lines)


def _length(finding: Finding) -> tuple[int, float]:
    told = (*finding.because, finding.operation)
    return len(told), max(each.start for each in told) - min(each.start for each in told)


def _told(finding: Finding) -> Iterator[str]:
    told = sorted({*finding.because, finding.operation}, key=attrgetter("start"))
    first = told[0].start
    for each in told:
        mark = ">" if each == finding.operation else " "
        when = f"{(each.start - first) / 1e6:10.3f} to {(each.end - first) / 1e6:10.3f} ms"
        what = f"{each.kind} {each.number} of {', '.join(each.buckets)}"
        revision = "" if each.revision is None else f", revision {each.revision}"
        yield f"{mark} {when}  host {each.host}, process {each.process}: {what}{revision}"
