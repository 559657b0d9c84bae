"""``export`` and ``import``: the rules of many buckets as JSON lines, with or without history."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from shutil import get_terminal_size
from typing import Any, BinaryIO, Final

import click

from flask_bucketcors.cli.application import (
    author_option,
    current_state,
    current_writer,
    strict_option,
)
from flask_bucketcors.cli.bucket_lines import (
    MAX_HISTORY_LINE_BYTES,
    format_history_line,
    format_line,
)
from flask_bucketcors.cli.database_options import (
    create_option,
    database_option,
    limits_option,
)
from flask_bucketcors.cli.history_import import HistoryImport
from flask_bucketcors.cli.line_import import LineImport
from flask_bucketcors.cli.output_files import open_output
from flask_bucketcors.cli.report_losses import exact_option, written_as
from flask_bucketcors.cli.rule_files import (
    INPUT_FILE,
    STDIN,
    open_input,
    reason_of,
    told,
)
from flask_bucketcors.cli.stored_buckets import bucket_names, each_bucket
from flask_bucketcors.cli.terminal import (
    JSON,
    clipped,
    counted,
    fail_if,
    is_dumb,
    printable,
    problem_lines,
    utf8_text,
)
from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.errors import HistoryNotTaken, InvalidBucketName
from flask_bucketcors.core.problems import InvalidRules
from flask_bucketcors.documents.to_forms import FORMS
from flask_bucketcors.stores.contract import Store
from flask_bucketcors.stores.history_entry import HistoryEntry

# The number of histories to read at a time: few enough for memory if their changes are large.
_AT_ONCE: Final = 10
_TOO_LONG: Final = f"a line may have {MAX_HISTORY_LINE_BYTES} bytes"
_DELETION: Final = "a deletion stands in its place"
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
@click.option(
    "--history",
    "with_history",
    is_flag=True,
    help="Also the earlier changes of each bucket, and deleted buckets.",
)
@database_option
def export_rules(file: str, prefix: str, form: str, exact: bool, with_history: bool) -> None:
    """Write the rules of all buckets to FILE, one bucket per line.

    FILE is replaced once everything is written; without FILE, or with -, the rules go to standard
    output. Each line is a JSON object: {"bucket": ..., "rules": [...]}, with "response_vary" if it
    is set. With --as, the rules have the keys of another form beside "bucket": "xml" with a
    document, "CORSRules", "resource" and others. `import` reads each of them. Buckets with
    unreadable rules are reported and left out, and with --exact those whose rules the form cannot
    express in full.

    With --history, each line has the "time" and "author" of the last change, too, and a list
    "history" of the earlier changes, newest first. Buckets whose rules are deleted, but whose
    history is kept, have lines with "rules": null. Unreadable rules are reported, and a deletion
    stands in their place.

    \b
    Example:
      flask bucketcors export buckets.jsonl
    """
    if with_history and form != JSON:
        raise click.UsageError(f"--history is for the form {JSON}: leave out --as")
    left_out = 0
    with open_output(file) as lines:
        store = current_state().store
        found = (
            _exported_histories(store, prefix)
            if with_history
            else _exported(store, prefix, form, exact=exact)
        )
        for line, count in found:
            left_out += count
            lines.write(line)
    fail_if(left_out)


# A line, or "" if the bucket is left out, and how many things are left out.
_Exported = Iterator[tuple[str, int]]


def _exported(store: Store, prefix: str, form: str, *, exact: bool) -> _Exported:
    for bucket, rule_set in each_bucket(store, prefix):
        data = rule_set and written_as(rule_set, form, bucket, exact=exact)
        yield ("", 1) if data is None else (format_line(bucket, data), 0)


def _exported_histories(store: Store, prefix: str) -> _Exported:
    names = bucket_names(store, prefix, with_deleted=True)
    while some := [*islice(names, _AT_ONCE)]:
        found = {**store.histories([name for name in some if is_bucket_name(name)])}
        for bucket in some:
            if not is_bucket_name(bucket):
                _report_left_out(InvalidBucketName(bucket))
                yield "", 1
            # A deleted bucket may be forgotten since it was listed.
            elif entries := found.pop(bucket):
                yield _exported_history(bucket, entries)


def _exported_history(bucket: str, entries: Sequence[HistoryEntry]) -> tuple[str, int]:
    line, cut = format_history_line(bucket, entries)
    unreadable = [entry for entry in entries if entry.unreadable is not None]
    for entry in unreadable:
        _report_left_out(f"revision {entry.revision}, {_DELETION}: {entry.unreadable}")
    if cut:
        _report_left_out(f"{counted(cut, 'old change')} of bucket {bucket!r}: {_TOO_LONG}")
    return line, len(unreadable) + cut


def _report_left_out(reason: object) -> None:
    click.echo(f"left out: {printable(str(reason))}", err=True)


@click.command("import")
@click.argument("file", type=INPUT_FILE)
@click.option("--quiet", is_flag=True, help="Print only how many buckets were stored.")
@click.option(
    "--overwrite",
    is_flag=True,
    help="Store histories even if their buckets have changed here.",
)
@strict_option
@author_option
@limits_option
@database_option
@create_option
def import_rules(file: str, quiet: bool, overwrite: bool, strict: str, author: str | None) -> None:
    """Replace the rules of the buckets in FILE.

    FILE has the form that `export` writes; - is standard input. The rules of a line may also be
    JSON of another vendor or tool, with the "bucket" beside them, or a document under "xml".

    If a line is wrong, it is reported with its number and every problem, and its bucket keeps
    its rules. The other lines are stored, hundreds in one transaction. Buckets that are not in
    FILE keep their rules.

    Run an interrupted import again to continue it: buckets that already have the rules of their
    line get no new revision.

    A line with a history appends those changes that the bucket does not have yet, with their times
    and authors. The limits and --strict apply to its last rules only. A bucket that has changed
    here, so that its last change is not in the line, is reported and left alone. With --overwrite,
    the changes of the line are appended to it all the same.

    \b
    Example:
      flask bucketcors import buckets.jsonl
    """
    writer = current_writer(strict, compares=not quiet)
    work = LineImport(writer, author, HistoryImport(writer, overwrites=overwrite))
    try:
        with open_input(file) as opened:
            _import_lines(opened, file, work)
        work.flush()
    except (click.UsageError, HistoryNotTaken):
        raise
    except BaseException:
        click.echo(f"not finished: {work.summary()}; run it again to continue", err=True)
        raise
    work.print_notes()
    click.echo(work.summary())
    fail_if(work.refused + work.histories.conflicts)


def _import_lines(file: BinaryIO, path: str, work: LineImport) -> None:
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
        while len(line) > MAX_HISTORY_LINE_BYTES and not line.endswith(b"\n"):
            line = _line(file, path)


def _line(file: BinaryIO, path: str) -> bytes:
    with told(path):
        return file.readline(MAX_HISTORY_LINE_BYTES + 1)


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
