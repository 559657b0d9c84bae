"""Import of lines: their rules are checked as those of a put, and stored hundreds at a time."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import click

from flask_bucketcors.api.put_review import Findings
from flask_bucketcors.api.rules_writer import NoSuchBucket, RulesWriter, Written
from flask_bucketcors.cli.bucket_lines import ReadLine, parse_line
from flask_bucketcors.cli.history_import import Arrival, HistoryImport
from flask_bucketcors.cli.report_changes import print_findings, print_written
from flask_bucketcors.cli.terminal import STRICT_REFUSES, counted, printable
from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.errors import InvalidBucketName, RefusedByLint
from flask_bucketcors.core.problems import InvalidRules
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.documents.any_form import read_rules
from flask_bucketcors.stores.contract import LastWrite
from flask_bucketcors.stores.history_entry import PastChange

# The number of buckets in a transaction: each transaction waits for the disk.
BATCH: Final = 500
# Others cannot write during a transaction, so it is shorter if the lines are long.
BATCH_BYTES: Final = 8 * 1024 * 1024

# Different notes that are printed; lines of one form have the same.
_MAX_NOTES: Final = 20
_OTHER_NOTES: Final = "other notes"

_Reviewed = tuple[RuleSet, Findings]


@dataclass
class LineImport:
    """The state of an import.

    :param author: who imports, for the history of lines that have none of their own.
    :param histories: the lines with a history.
    :param stored: the number of buckets whose rules were replaced.
    :param equal: the number of buckets that had these rules already.
    :param refused: the number of lines that are wrong.
    :param notes: what was read as something else, with the number of lines.
    :param bucket: the name in the line that was read last; None if it has none.
    :param batch: rules that are not yet stored, with the findings of lint, by bucket.
    :param batch_bytes: the length of the lines that are not yet stored.
    :param before_print: removes the bar, if there is one.
    """

    writer: RulesWriter
    author: str | None
    histories: HistoryImport
    stored: int = 0
    equal: int = 0
    refused: int = 0
    before_print: Callable[[], None] = lambda: None
    batch: dict[str, _Reviewed] = field(default_factory=dict)
    batch_bytes: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    bucket: str | None = None

    def take(self, line: bytes) -> None:
        """Store the rules of a line, now or with those of later lines.

        :raises InvalidRules: if the line is wrong; its bucket keeps its rules.
        """
        self.bucket = None
        read = parse_line(line)
        self.bucket = read.bucket
        try:
            (self._take_rules if read.past is None else self._take_history)(read)
        except (InvalidBucketName, NoSuchBucket) as error:
            raise InvalidRules(detail=f"refused: {error}") from None
        self.batch_bytes += len(line)
        if len(self.batch) + len(self.histories.batch) >= BATCH or self.batch_bytes >= BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Store the rules of the lines so far, for each bucket that has other rules."""
        writes = self.writer.store.last_writes(self.batch)
        changed = {
            bucket: reviewed
            for bucket, reviewed in self.batch.items()
            if _rules(writes[bucket]) != reviewed[0]
        }
        done = self.writer.put_many(changed, self.author)
        self.stored += len(changed)
        self.equal += len(self.batch) - len(changed)
        self.batch.clear()
        self._print(dict(zip(changed, done, strict=True)))
        self.histories.flush(self._print)
        self.batch_bytes = 0

    def _print(self, written: Mapping[str, Written]) -> None:
        self.before_print()
        if self.writer.compares:
            for bucket, each in written.items():
                print_written(bucket, each)
                print_findings(bucket, each.findings)

    def summary(self) -> str:
        stored, equal = self.stored + self.histories.stored, self.equal + self.histories.equal
        return (
            f"{stored} stored, {equal} had these rules already, "
            f"{counted(self.refused, 'line')} refused{self.histories.summary()}"
        )

    def _take_rules(self, read: ReadLine) -> None:
        # The last line of a bucket counts.
        self.histories.batch.pop(read.bucket, None)
        self.writer.check_bucket(read.bucket)
        rule_set = self._read(read.data)
        try:
            findings = self.writer.review(rule_set, in_full=self.writer.compares)
            self.batch[read.bucket] = (rule_set, findings)
        except RefusedByLint as error:
            if _rules(self.writer.store.last_writes([read.bucket])[read.bucket]) != rule_set:
                raise InvalidRules(detail=f"refused: {STRICT_REFUSES}: {error}") from None
            # Never written, as other rules may take their place before the batch is stored.
            self.equal += 1
            self.batch.pop(read.bucket, None)

    def _take_history(self, read: ReadLine) -> None:
        self.batch.pop(read.bucket, None)
        # The rules have one form, and no limit applies to the past.
        rule_set = None if read.data is None else RuleSet.from_dict(read.data)
        last = PastChange(read.time, read.author, rule_set)
        try:
            findings = self._admit(read.bucket, rule_set)
        except RefusedByLint as error:
            if not self.histories.has(read.bucket, last):
                raise InvalidRules(detail=f"refused: {STRICT_REFUSES}: {error}") from None
            self.histories.equal += 1
            self.histories.batch.pop(read.bucket, None)
            return
        self.histories.batch[read.bucket] = Arrival([*(read.past or ()), last], findings)

    def _admit(self, bucket: str, rule_set: RuleSet | None) -> Findings:
        if rule_set is not None:
            self.writer.check_bucket(bucket)
            return self.writer.admit(bucket, rule_set, in_full=self.writer.compares)
        # A bucket whose rules are deleted need not exist any more.
        if not is_bucket_name(bucket):
            raise InvalidBucketName(bucket)
        return ()

    def _read(self, data: Any) -> RuleSet:
        limits = self.writer.dialect
        reading = read_rules(data, max_bytes=limits.max_body_bytes)
        rule_set = cast(RuleSet, reading.rule_set(limits))
        for note in reading.notes:
            known = note in self.notes or len(self.notes) < _MAX_NOTES
            self.notes[note if known else _OTHER_NOTES] += 1
        return rule_set

    def print_notes(self) -> None:
        """Print what was read as something else, with the number of lines."""
        for note, count in self.notes.items():
            click.echo(f"{printable(note)} ({counted(count, 'line')})", err=True)


def _rules(write: LastWrite) -> RuleSet | None:
    """The present rules; None if there are none, or they are unreadable."""
    return write.change.rule_set if write.change else None
