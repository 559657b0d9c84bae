"""Import of histories: of each bucket, what the store does not have yet.

A change is known by its time, its author and its rules. So an import that is run again stores
nothing twice, and an import of a later export stores what has been added.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import click

from flask_bucketcors.api.put_review import Findings
from flask_bucketcors.api.rules_writer import RulesWriter, Written
from flask_bucketcors.cli.terminal import counted, printable
from flask_bucketcors.core.errors import RulesChanged
from flask_bucketcors.stores.contract import LastWrite
from flask_bucketcors.stores.history_entry import HistoryEntry, PastChange


class Arrival(NamedTuple):
    """The history of a bucket in a line, the oldest change first.

    :param findings: what lint found in its last rules.
    """

    changes: Sequence[PastChange]
    findings: Findings


class _Plan(NamedTuple):
    """What a batch is about to do.

    :param writes: the last writes to all its buckets.
    :param arrivals: what to append, by bucket.
    :param conflicts: buckets that have changed here, with what is said about them.
    """

    writes: Mapping[str, LastWrite]
    arrivals: dict[str, Arrival]
    conflicts: dict[str, str]


@dataclass
class HistoryImport:
    """Stores histories, many buckets in one transaction.

    :param overwrites: whether to store also what comes to a bucket that has changed here.
    :param batch: what is not yet stored, by bucket.
    :param stored, equal, conflicts: the numbers of buckets that got changes, that had them already,
        and that have changed here and are left alone.
    :param left_out: the number of old changes for which the store has no room.
    """

    writer: RulesWriter
    overwrites: bool
    batch: dict[str, Arrival] = field(default_factory=dict)
    stored: int = 0
    equal: int = 0
    conflicts: int = 0
    left_out: int = 0

    def has(self, bucket: str, last: PastChange) -> bool:
        """Whether the store has a change as the last one of a bucket."""
        found = self.writer.store.last_writes([bucket])[bucket].change
        return found is not None and _is_same(found, last)

    def flush(self, show: Callable[[Mapping[str, Written]], None]) -> None:
        """Store the batch.

        :param show: called with what was written, if there is anything to be printed.
        """
        done: Mapping[str, Written] = {}
        while self.batch:
            plan = self._plan()
            try:
                done = self.writer.put_with_history(plan.arrivals, plan.writes)
            except RulesChanged:
                # Somebody has just written to one of them, which may be a conflict now.
                continue
            self._count(plan)
            self.batch.clear()
            show(done)
            _report(plan.conflicts)

    def _plan(self) -> _Plan:
        plan = _Plan(self.writer.store.last_writes(self.batch), {}, {})
        for bucket, (changes, findings) in self.batch.items():
            last = plan.writes[bucket].change
            missing = changes if last is None else self._missing(bucket, last, changes)
            if missing is None and last is not None:
                plan.conflicts[bucket] = self._conflict(bucket, last, changes)
            elif missing:
                plan.arrivals[bucket] = Arrival(missing, findings)
        return plan

    def _missing(
        self, bucket: str, last: HistoryEntry, changes: Sequence[PastChange]
    ) -> Sequence[PastChange] | None:
        """Give the changes that a bucket lacks; None if it has changed here."""
        # The usual case of an import that is run again needs no history.
        for place in range(len(changes) - 1, -1, -1):
            if _is_same(last, changes[place]):
                return changes[place + 1 :]
        if not self.overwrites:
            return None
        known = self._known(bucket)
        for place in range(len(changes) - 1, -1, -1):
            if changes[place] in known:
                # At least the last one, which is not the last one here.
                return changes[place + 1 :] or changes[-1:]
        return changes

    def _conflict(self, bucket: str, last: HistoryEntry, changes: Sequence[PastChange]) -> str:
        if changes[-1] in self._known(bucket):
            return (
                f"it has all changes of the file, and later ones up to revision {last.revision}; "
                "--overwrite restores the rules of the file"
            )
        return (
            f"it has changed here, up to revision {last.revision}, and in the file; --overwrite "
            "stores the changes of the file after those"
        )

    def _known(self, bucket: str) -> Sequence[PastChange]:
        return [PastChange.of(entry) for entry in self.writer.store.history(bucket)]

    def _count(self, plan: _Plan) -> None:
        self.stored += len(plan.arrivals)
        self.conflicts += len(plan.conflicts)
        self.equal += len(self.batch) - len(plan.arrivals) - len(plan.conflicts)
        limit = self.writer.store.history_limit
        self.left_out += sum(max(0, len(each.changes) - limit) for each in plan.arrivals.values())

    def summary(self) -> str:
        """What follows the numbers of lines; "" if there is nothing to say."""
        said = ""
        if self.conflicts:
            said += f", {counted(self.conflicts, 'bucket')} left alone"
        if self.left_out:
            said += (
                f"; {counted(self.left_out, 'old change')} left out, as this database keeps "
                f"{self.writer.store.history_limit} of each bucket"
            )
        return said


def _is_same(entry: HistoryEntry, change: PastChange) -> bool:
    # The rules are parsed only if the rest is the same.
    is_near = (entry.time, entry.author) == (change.time, change.author)
    return is_near and entry.rule_set == change.rules


def _report(conflicts: Mapping[str, str]) -> None:
    for bucket, reason in conflicts.items():
        click.echo(f"{printable(bucket)} is left alone: {reason}", err=True)
