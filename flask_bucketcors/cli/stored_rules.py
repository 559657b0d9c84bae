"""Commands for the stored rules of a bucket: list, show, delete, history, rollback."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

import click

from flask_bucketcors.cli.application import (
    author_option,
    current_state,
    current_writer,
    default_rules_of,
    require_bucket,
    strict_option,
)
from flask_bucketcors.cli.database_options import database_option
from flask_bucketcors.cli.report_changes import print_findings, print_written
from flask_bucketcors.cli.report_losses import exact_option, written_as
from flask_bucketcors.cli.stored_buckets import PAGE, bucket_names, bucket_summaries
from flask_bucketcors.cli.terminal import (
    JSON,
    Refused,
    called,
    counted,
    echo_json,
    fail_if,
    format_option,
    printable,
    utf8_text,
    without_rules,
)
from flask_bucketcors.core.errors import UnknownRevision
from flask_bucketcors.documents.to_forms import FORMS
from flask_bucketcors.stores.bucket_summary import BucketSummary
from flask_bucketcors.stores.contract import ANY_VERSION, Expected
from flask_bucketcors.stores.history_entry import HistoryEntry

_DEFAULT: Final = "these are the default rules, BUCKETCORS_DEFAULT_RULES"


@click.command("list")
@click.argument("prefix", callback=utf8_text, default="")
@click.option("--after", callback=utf8_text, default="", help="Start after this name.")
@click.option("--limit", type=click.IntRange(min=1), help="Print at most this many buckets.")
@click.option("--long", is_flag=True, help="Also print the numbers of rules and the last changes.")
@format_option
@database_option
def list_buckets(prefix: str, after: str, limit: int | None, long: bool, form: str) -> None:
    """Print the names of the buckets that have rules, sorted.

    With PREFIX, only names that begin with it. With --long, each line also has the number of
    rules, the time of the last change in UTC, and its author. Characters that a terminal would not
    show are escaped; --format json prints names exactly, with all that --long prints.

    \b
    Example:
      flask bucketcors list photos --limit 10 --long
    """
    store = current_state().store
    if not long and form != JSON:
        for name in islice(bucket_names(store, prefix, after), limit):
            click.echo(printable(name))
        return
    summaries = islice(bucket_summaries(store, prefix, after), limit)
    if form == JSON:
        echo_json([_summary_data(each) for each in summaries])
        return
    while page := [*islice(summaries, PAGE)]:
        _print_table([_summary_cells(each) for each in page])


@click.command("show")
@click.argument("bucket")
@click.option(
    "--as",
    "form",
    type=click.Choice(list(FORMS)),
    help="The form: a vendor's XML or JSON, or a tool's.  [default: XML of the app's dialect]",
)
@exact_option
@database_option
def show_rules(bucket: str, form: str | None, exact: bool) -> None:
    """Print the rules of BUCKET, in any form.

    You can pass the output to `put`. cos, oss, s3 and obs are XML. aws is for `aws s3api`, gcs
    for `gcloud storage`, r2 for `wrangler`, b2 for `b2 bucket update`; json is the JSON of this
    package. Standard error has a warning for what the form cannot express.

    If BUCKET has no rules of its own, the default rules are printed, if there are any, and
    standard error says so.

    \b
    Example:
      flask bucketcors show photos --as aws
    """
    rule_set = current_state().store.get(bucket)
    if rule_set is None:
        require_bucket(bucket)
        rule_set = default_rules_of(bucket)
        if rule_set is None:
            raise Refused(without_rules(bucket))
        click.echo(f"bucket {printable(bucket)} has no rules of its own: {_DEFAULT}", err=True)
    data = written_as(rule_set, form or current_state().settings.dialect, bucket, exact=exact)
    if data is None:
        fail_if(True)
    elif isinstance(data, str):
        click.echo(_printable_xml(data))
    else:
        echo_json(data)


@click.command("delete")
@click.argument("bucket")
@click.option("--yes", is_flag=True, help="Do not ask.")
@author_option
@database_option
def delete_rules(bucket: str, yes: bool, author: str | None) -> None:
    """Delete the rules of BUCKET, but keep its history.

    \b
    Example:
      flask bucketcors delete photos --yes
    """
    name = printable(bucket)
    writer = current_writer()
    expected: Expected = ANY_VERSION
    if not yes:
        stored = current_state().store.read(bucket)
        expected = stored.version if stored else None
        if stored is None:
            require_bucket(bucket)
        if sys.stdin is None:
            raise click.UsageError("standard input is closed, so nobody can confirm: add --yes")
        click.confirm(f"Delete the rules of {name}?", abort=True)
    done = writer.delete(bucket, author, expected=expected)
    if done is None:
        require_bucket(bucket)
        raise Refused(without_rules(bucket))
    print_written(bucket, done)


@click.command("history")
@click.argument("bucket")
@click.option("--before", type=int, help="Start before this revision.")
@click.option("--limit", type=click.IntRange(min=1), help="Print at most this many changes.")
@format_option
@database_option
def show_history(bucket: str, before: int | None, limit: int | None, form: str) -> None:
    """Print the changes to the rules of BUCKET, newest first.

    Times are in UTC. --format json also prints the rules of each revision.

    \b
    Example:
      flask bucketcors history photos --limit 10
    """
    store = current_state().store
    entries = store.history(bucket, before=before, limit=limit)
    if not entries and before is not None and store.history(bucket, limit=1):
        raise Refused(f"bucket {printable(bucket)} has no revision before {before}")
    if not entries:
        require_bucket(bucket)
        raise Refused(f"bucket {printable(bucket)} has no history")
    if form == JSON:
        echo_json([_entry_data(entry) for entry in entries])
    else:
        _print_table([_entry_cells(entry) for entry in entries])


@click.command("rollback")
@click.argument("bucket")
@click.argument("revision", type=int)
@strict_option
@author_option
@database_option
def roll_back(bucket: str, revision: int, strict: str, author: str | None) -> None:
    """Restore the rules of BUCKET at REVISION, as a new revision.

    \b
    Example:
      flask bucketcors rollback photos 1
    """
    name = printable(bucket)
    require_bucket(bucket)
    try:
        done = current_writer(strict).rollback(bucket, revision, author, in_full=True)
    except UnknownRevision:
        if not current_state().store.history(bucket, limit=1):
            raise Refused(f"bucket {name} has no history") from None
        message = f"bucket {name} has no rules of revision {revision}"
        raise Refused(f"{message}; {called()} history {name} lists them") from None
    print_written(bucket, done, f", with the rules of revision {revision}")
    print_findings(bucket, done.findings)


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _summary_cells(summary: BucketSummary) -> Sequence[str]:
    count = summary.rule_count
    what = "unreadable" if count is None else counted(count, "rule")
    return printable(summary.bucket), what, _time(summary), printable(_author(summary) or "-")


def _summary_data(summary: BucketSummary) -> dict[str, Any]:
    return {**summary._asdict(), "time": _time(summary), "author": _author(summary)}


def _entry_cells(entry: HistoryEntry) -> Sequence[str]:
    return str(entry.revision), _time(entry), printable(_author(entry) or "-"), _what(entry)


def _entry_data(entry: HistoryEntry) -> dict[str, Any]:
    data: dict[str, Any] = {
        "revision": entry.revision,
        "time": _time(entry),
        "author": _author(entry),
    }
    if entry.unreadable is not None:
        return {**data, "unreadable": entry.unreadable}
    return {**data, **(entry.rule_set.as_dict() if entry.rule_set else {"rules": None})}


def _time(entry: HistoryEntry | BucketSummary) -> str:
    try:
        return datetime.fromtimestamp(entry.time, UTC).isoformat(" ", "seconds")[:19] + "Z"
    except (TypeError, ValueError, OverflowError, OSError):
        # Another tool may have written any value.
        return ascii(entry.time)


def _author(entry: HistoryEntry | BucketSummary) -> str | None:
    # Another tool may have written bytes.
    return ascii(entry.author) if isinstance(entry.author, bytes) else entry.author


def _what(entry: HistoryEntry) -> str:
    if entry.unreadable is not None:
        return f"unreadable: {printable(entry.unreadable)}"
    return counted(len(entry.rule_set.rules), "rule") if entry.rule_set else "deleted"


def _printable_xml(text: str) -> str:
    """Replace control characters in a document by character references.

    If the output is not in UTF-8, which the document declares, other characters beyond ASCII are
    replaced as well.
    """
    is_utf8 = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"

    def is_safe(each: str) -> bool:
        return each in "\n\t" or (each.isprintable() and (is_utf8 or each.isascii()))

    return "".join(each if is_safe(each) else f"&#x{ord(each):X};" for each in text)
