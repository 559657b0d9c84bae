"""``export`` and ``import``: the rules of many buckets as JSON lines."""

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from shutil import get_terminal_size
from typing import Any, BinaryIO, Final, cast

import click

from flask_bucketcors.api.put_review import Findings
from flask_bucketcors.api.rules_writer import NoSuchBucket, RulesWriter, Written
from flask_bucketcors.cli.application import (
    author_option,
    current_state,
    current_writer,
    strict_option,
)
from flask_bucketcors.cli.database_options import (
    create_option,
    database_option,
    limits_option,
)
from flask_bucketcors.cli.output_files import open_output
from flask_bucketcors.cli.report_changes import print_findings, print_written
from flask_bucketcors.cli.report_losses import exact_option, written_as
from flask_bucketcors.cli.rule_files import (
    INPUT_FILE,
    STDIN,
    open_input,
    reason_of,
    told,
)
from flask_bucketcors.cli.stored_buckets import each_bucket
from flask_bucketcors.cli.terminal import (
    JSON,
    STRICT_REFUSES,
    clipped,
    counted,
    fail_if,
    is_dumb,
    printable,
    problem_lines,
    utf8_text,
)
from flask_bucketcors.core.errors import InvalidBucketName, RefusedByLint, StoredRulesInvalid
from flask_bucketcors.core.problems import InvalidRules
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.documents.any_form import read_rules
from flask_bucketcors.documents.from_json import load_json
from flask_bucketcors.documents.to_forms import FORMS
from flask_bucketcors.stores.contract import Store

# The number of buckets in a transaction: each transaction waits for the disk.
BATCH: Final = 500
# The longest document of a dialect has 64 KiB, and about as many as JSON.
MAX_LINE_BYTES: Final = 1024 * 1024

# The key of a document in a line.
_XML: Final = "xml"
# Different notes that are printed; lines of one form have the same.
_MAX_NOTES: Final = 20
_OTHER_NOTES: Final = "other notes"
_MAX_NAME: Final = 63
# The widths of the bar, and of the text beside it, such as "100%  00:00:02", in characters.
_BAR_WIDTH: Final = 36
_BESIDE_BAR: Final = 32
_ERASE_LINE: Final = "\r\x1b[K"


@click.command("export")
@click.argument(
    "file", type=click.Path(dir_okay=False, writable=True, allow_dash=True), default=STDIN
)
@click.option(
    "--prefix", callback=utf8_text, default="", help="Only buckets whose names begin with this."
)
@click.option(
    "--as",
    "form",
    type=click.Choice(list(FORMS)),
    default=JSON,
    show_default=True,
    help="The form of the rules in each line; see `show`.",
)
@exact_option
@database_option
def export_rules(file: str, prefix: str, form: str, exact: bool) -> None:
    """Write the rules of all buckets to FILE, one bucket per line.

    FILE is replaced once everything is written; without FILE, or with -, the rules go to standard
    output. Each line is a JSON object: {"bucket": ..., "rules": [...]}, with "response_vary" if it
    is set. With --as, the rules have the keys of another form beside "bucket": "xml" with a
    document, "CORSRules", "resource" and others. `import` reads each of them. Buckets with
    unreadable rules are reported and left out, and with --exact those whose rules the form cannot
    say in full.

    \b
    Example:
      flask bucketcors export buckets.jsonl
    """
    left_out = 0
    with open_output(file) as lines:
        for line in _exported(current_state().store, prefix, form, exact=exact):
            left_out += line is None
            lines.write(line or "")
    fail_if(left_out)


def _exported(store: Store, prefix: str, form: str, *, exact: bool) -> Iterator[str | None]:
    """Give a line for each bucket; None for a bucket that is left out."""
    for bucket, rule_set in each_bucket(store, prefix):
        data = rule_set and written_as(rule_set, form, bucket, exact=exact)
        yield None if data is None else json.dumps({"bucket": bucket, **_keyed(data)}) + "\n"


def _keyed(data: Any) -> dict[str, Any]:
    """Rules in a form, as keys beside the name of a bucket."""
    if isinstance(data, str):
        return {_XML: data}
    # Google Cloud Storage has a list alone, and this key in the properties of a bucket.
    return data if isinstance(data, dict) else {"cors": data}


_Reviewed = tuple[RuleSet, Findings]


@dataclass
class _Import:
    """The state of an import.

    :param stored: the number of buckets whose rules were replaced.
    :param equal: the number of buckets that had these rules already.
    :param refused: the number of lines that are wrong.
    :param notes: what was read as something else, with the number of lines.
    :param bucket: the name in the line that was read last; None if it has none.
    :param batch: rules that are not yet stored, with the findings of lint, by bucket.
    :param before_print: removes the bar, if there is one.
    """

    writer: RulesWriter
    author: str | None
    stored: int = 0
    equal: int = 0
    refused: int = 0
    before_print: Callable[[], None] = lambda: None
    batch: dict[str, _Reviewed] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)
    bucket: str | None = None

    def take(self, line: bytes) -> None:
        """Store the rules of a line, now or with those of later lines.

        :raises InvalidRules: if the line is wrong; its bucket keeps its rules.
        """
        bucket, reviewed = self._parse(line)
        if reviewed is None:
            self.equal += 1
            # The last line of a bucket counts.
            self.batch.pop(bucket, None)
            return
        self.batch[bucket] = reviewed
        if len(self.batch) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Store the rules of the lines so far, for each bucket that has other rules."""
        changed = {
            bucket: reviewed
            for bucket, reviewed in self.batch.items()
            if self._current(bucket) != reviewed[0]
        }
        done = self.writer.put_many(changed, self.author)
        self.stored += len(changed)
        self.equal += len(self.batch) - len(changed)
        self.batch.clear()
        if self.writer.compares:
            self._print(zip(changed, done, strict=True))

    def _print(self, written: Iterable[tuple[str, Written]]) -> None:
        self.before_print()
        for bucket, each in written:
            print_written(bucket, each)
            print_findings(bucket, each.findings)

    def summary(self) -> str:
        return (
            f"{self.stored} stored, {self.equal} had these rules already, "
            f"{counted(self.refused, 'line')} refused"
        )

    def _parse(self, line: bytes) -> tuple[str, _Reviewed | None]:
        """Read a line; None instead of refused rules that the bucket has already."""
        self.bucket = None
        bucket, data = _parse_line(line)
        self.bucket = bucket
        try:
            self.writer.check_bucket(bucket)
            rule_set = self._read(data)
            findings = self.writer.review(rule_set, in_full=self.writer.compares)
        except (InvalidBucketName, NoSuchBucket) as error:
            raise InvalidRules(detail=f"refused: {error}") from None
        except RefusedByLint as error:
            if self._current(bucket) != rule_set:
                raise InvalidRules(detail=f"refused: {STRICT_REFUSES}: {error}") from None
            # Never written, as other rules may take their place before the batch is stored.
            return bucket, None
        return bucket, (rule_set, findings)

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

    def _current(self, bucket: str) -> RuleSet | None:
        try:
            return self.writer.store.get(bucket)
        except StoredRulesInvalid:
            return None


@click.command("import")
@click.argument("file", type=INPUT_FILE)
@click.option("--quiet", is_flag=True, help="Print only how many buckets were stored.")
@strict_option
@author_option
@limits_option
@database_option
@create_option
def import_rules(file: str, quiet: bool, strict: str, author: str | None) -> None:
    """Replace the rules of the buckets in FILE.

    FILE has the form that `export` writes; - is standard input. The rules of a line may also be
    JSON of another vendor or tool, with the "bucket" beside them, or a document under "xml".

    If a line is wrong, it is reported with its number and every problem, and its bucket keeps
    its rules. The other lines are stored, hundreds in one transaction. Buckets that are not in
    FILE keep their rules.

    Run an interrupted import again to continue it: buckets that already have the rules of their
    line get no new revision.

    \b
    Example:
      flask bucketcors import buckets.jsonl
    """
    work = _Import(current_writer(strict, compares=not quiet), author)
    try:
        with open_input(file) as opened:
            _import_lines(opened, file, work)
        work.flush()
    except click.UsageError:
        raise
    except BaseException:
        click.echo(f"not finished: {work.summary()}; run it again to continue", err=True)
        raise
    work.print_notes()
    click.echo(work.summary())
    fail_if(work.refused)


def _import_lines(file: BinaryIO, path: str, work: _Import) -> None:
    with _progress(file) as (advance, erase_bar):
        work.before_print = erase_bar
        for number, line in enumerate(_lines(file, path), 1):
            try:
                if line.strip():
                    work.take(line)
            except InvalidRules as error:
                work.refused += 1
                named = f" ({_named(work.bucket)})" if work.bucket else ""
                reason = f"line {number}{named} is {reason_of(error)}"
                erase_bar()
                click.echo("\n".join([reason, *problem_lines(error.problems)]), err=True)
            advance(len(line))


def _named(bucket: str) -> str:
    return printable(clipped(bucket, _MAX_NAME))


def _lines(file: BinaryIO, path: str) -> Iterator[bytes]:
    """Give the lines of a file; of a line that is too long, only its beginning."""
    while line := _line(file, path):
        yield line
        while len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            line = _line(file, path)


def _line(file: BinaryIO, path: str) -> bytes:
    with told(path):
        return file.readline(MAX_LINE_BYTES + 1)


def _parse_line(line: bytes) -> tuple[str, Any]:
    """Read a line: the bucket's name, and the rest of the object, or the document in it."""
    if len(line) > MAX_LINE_BYTES:
        raise InvalidRules(detail=f"longer than {MAX_LINE_BYTES} bytes")
    data, problems = load_json(line)
    if problems:
        raise InvalidRules(problems)
    if not isinstance(data, dict) or not isinstance(data.get("bucket"), str):
        raise InvalidRules(detail='without a bucket: write {"bucket": "...", "rules": [...]}')
    bucket = data.pop("bucket")
    xml = data.get(_XML)
    return bucket, xml if data.keys() == {_XML} and isinstance(xml, str) else data


Progress = tuple[Callable[[int], Any], Callable[[], None]]


@contextmanager
def _progress(file: BinaryIO) -> Iterator[Progress]:
    """Give a function that advances the bar by some bytes, and one that removes it.

    It appears again when it advances.
    """
    size = _size(file)
    if size is None or not sys.stderr.isatty() or is_dumb():
        yield (lambda count: None), (lambda: None)
        return
    width = min(_BAR_WIDTH, max(1, get_terminal_size().columns - _BESIDE_BAR))
    with click.progressbar(length=size, label="Importing", width=width, file=sys.stderr) as bar:
        yield bar.update, (lambda: click.echo(_ERASE_LINE, nl=False, err=True))


def _size(file: BinaryIO) -> int | None:
    """Give the size of a file in bytes; None for a pipe."""
    try:
        return os.fstat(file.fileno()).st_size or None
    except OSError:
        return None
