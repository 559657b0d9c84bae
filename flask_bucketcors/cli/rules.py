"""Commands for the rules of one bucket."""

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

import click
from flask import current_app
from flask.cli import with_appcontext

from flask_bucketcors.cli.application import author_option, current_store, refuse_reserved
from flask_bucketcors.cli.reading import INPUT_FILE, limits_of, name_of, read_file, to_s3_json
from flask_bucketcors.cli.terminal import (
    JSON,
    Refused,
    echo_json,
    format_option,
    printable,
    utf8_text,
)
from flask_bucketcors.core.dialects import DIALECTS, S3
from flask_bucketcors.core.errors import UnknownRevision
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.documents import format_xml
from flask_bucketcors.stores import HistoryEntry, Store

# Names that are asked for at a time, so that a list of any length needs little memory.
PAGE: Final = 1000


def bucket_names(store: Store, prefix: str = "", after: str = "") -> Iterator[str]:
    """Give the names of all buckets that have rules, sorted, from behind ``after``."""
    while names := store.list(prefix, after, PAGE):
        yield from names
        after = names[-1]


@click.command("list")
@click.argument("prefix", callback=utf8_text, default="")
@click.option("--after", callback=utf8_text, default="", help="Begin behind this name.")
@click.option("--limit", type=click.IntRange(min=1), help="Print so many names at most.")
@format_option
@with_appcontext
def list_buckets(prefix: str, after: str, limit: int | None, form: str) -> None:
    """Print the names of the buckets that have rules, sorted.

    PREFIX is what their names begin with. Where a name holds what a terminal would not show,
    that is escaped; --format json is exact.

    \b
    Example:
      flask bucketcors list photos --limit 10
    """
    names = islice(bucket_names(current_store(), prefix, after), limit)
    if form == JSON:
        echo_json(list(names))
        return
    for name in names:
        click.echo(printable(name))


@click.command("show")
@click.argument("bucket")
@click.option(
    "--dialect",
    type=click.Choice(list(DIALECTS)),
    help="Whose XML; with --format json, s3 is what `aws s3api` takes.  [default: the app's]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["xml", JSON]),
    default="xml",
    show_default=True,
    help="How to print it.",
)
@with_appcontext
def show_rules(bucket: str, dialect: str | None, form: str) -> None:
    """Print the rules of BUCKET.

    What is printed can be put again.

    \b
    Example:
      flask bucketcors show photos --dialect s3 --format json
    """
    rule_set = existing_rules(current_store(), bucket)
    if form == JSON:
        echo_json(to_s3_json(rule_set) if dialect == S3.name else rule_set.as_dict())
        return
    name = dialect or current_app.config["BUCKETCORS_DIALECT"]
    click.echo(_printable_xml(format_xml(rule_set, DIALECTS[name]).decode()))


def existing_rules(store: Store, bucket: str) -> RuleSet:
    """Give the rules of a bucket.

    :raises Refused: if it has none.
    """
    rule_set = store.get(bucket)
    if rule_set is None:
        raise Refused(f"bucket {printable(bucket)} has no rules")
    return rule_set


@click.command("put")
@click.argument("bucket")
@click.argument("file", type=INPUT_FILE)
@click.option("--diff", "show_diff", is_flag=True, help="Show what changes, and ask before.")
@click.option("--yes", is_flag=True, help="With --diff, do not ask.")
@author_option
@with_appcontext
def put_rules(bucket: str, file: str, show_diff: bool, yes: bool, author: str | None) -> None:
    """Replace the rules of BUCKET by those in FILE.

    FILE holds XML of COS, OSS, S3 or OBS, the JSON of `aws s3api` or of the COS SDK, or the
    JSON that `show` prints; - is standard input. It is refused as a whole, with everything
    that is wrong. With --diff, what changes is shown first, with what is dangerous in the
    rules; standard input has to be a terminal then, or --yes be written.

    \b
    Example:
      flask bucketcors put photos rules.xml
    """
    refuse_reserved(bucket)
    store = current_store()
    rule_set = read_file(file, limits_of(current_app.config))
    if current_app.config["BUCKETCORS_STRICT"]:
        _refuse_dangers(rule_set)
    if show_diff and not _is_agreed(store, bucket, rule_set, name_of(file), yes):
        return
    revision = store.put(bucket, rule_set, author)
    click.echo(f"{printable(bucket)}: revision {revision}, {count_of(rule_set)}")


def _refuse_dangers(rule_set: RuleSet) -> None:
    # Here, and not above: other commands need not wait for lint and diff.
    from flask_bucketcors.cli.reviewing import refuse_dangers

    refuse_dangers(rule_set)


def _is_agreed(store: Store, bucket: str, rule_set: RuleSet, where: str, yes: bool) -> bool:
    from flask_bucketcors.cli.reviewing import is_agreed

    return is_agreed(store, bucket, rule_set, where, yes)


@click.command("delete")
@click.argument("bucket")
@click.option("--yes", is_flag=True, help="Do not ask.")
@author_option
@with_appcontext
def delete_rules(bucket: str, yes: bool, author: str | None) -> None:
    """Delete the rules of BUCKET; its history is kept.

    \b
    Example:
      flask bucketcors delete photos --yes
    """
    store = current_store()
    name = printable(bucket)
    if not yes:
        if sys.stdin is None:
            raise click.UsageError("standard input is closed: write --yes")
        click.confirm(f"Delete the rules of {name}?", abort=True)
    revision = store.delete(bucket, author)
    if revision is None:
        raise Refused(f"bucket {name} has no rules")
    click.echo(f"{name}: revision {revision}, no rules")


@click.command("history")
@click.argument("bucket")
@format_option
@with_appcontext
def show_history(bucket: str, form: str) -> None:
    """Print the changes to the rules of BUCKET, newest first.

    Times are UTC. --format json holds the rules of each revision.

    \b
    Example:
      flask bucketcors history photos
    """
    entries = current_store().history(bucket)
    if not entries:
        raise Refused(f"bucket {printable(bucket)} has no history")
    if form == JSON:
        echo_json([_entry_data(entry) for entry in entries])
    else:
        _print_history(entries)


@click.command("rollback")
@click.argument("bucket")
@click.argument("revision", type=int)
@author_option
@with_appcontext
def roll_back(bucket: str, revision: int, author: str | None) -> None:
    """Make the rules that BUCKET had at REVISION a new revision.

    \b
    Example:
      flask bucketcors rollback photos 1
    """
    refuse_reserved(bucket)
    name = printable(bucket)
    try:
        made = current_store().rollback(bucket, revision, author)
    except UnknownRevision:
        message = f"bucket {name} has no rules of revision {revision}"
        raise Refused(f"{message}; flask bucketcors history {name} tells which there are") from None
    click.echo(f"{name}: revision {made}, with the rules of revision {revision}")


def count_of(rule_set: RuleSet) -> str:
    """How many rules there are, in words."""
    count = len(rule_set.rules)
    return "1 rule" if count == 1 else f"{count} rules"


def _print_history(entries: Sequence[HistoryEntry]) -> None:
    rows = [
        (str(each.revision), _time(each), printable(_author(each) or "-"), _what(each))
        for each in entries
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _entry_data(entry: HistoryEntry) -> dict[str, Any]:
    data: dict[str, Any] = {
        "revision": entry.revision,
        "time": _time(entry),
        "author": _author(entry),
    }
    if entry.unreadable is not None:
        return {**data, "unreadable": entry.unreadable}
    return {**data, **(entry.rule_set.as_dict() if entry.rule_set else {"rules": None})}


def _time(entry: HistoryEntry) -> str:
    try:
        return datetime.fromtimestamp(entry.time, UTC).isoformat(" ", "seconds")[:19] + "Z"
    except (TypeError, ValueError, OverflowError, OSError):
        # Other tools write to the tables, too.
        return ascii(entry.time)


def _author(entry: HistoryEntry) -> str | None:
    # What another tool wrote need not be text.
    return ascii(entry.author) if isinstance(entry.author, bytes) else entry.author


def _what(entry: HistoryEntry) -> str:
    if entry.unreadable is not None:
        return f"unreadable: {printable(entry.unreadable)}"
    return count_of(entry.rule_set) if entry.rule_set else "deleted"


def _printable_xml(text: str) -> str:
    """The document with what a terminal would obey as references, which mean the same in XML.

    So is what is not ASCII where the output is not UTF-8, as the document says that it is.
    """
    is_utf8 = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"

    def is_safe(each: str) -> bool:
        return each in "\n\t" or (each.isprintable() and (is_utf8 or each.isascii()))

    return "".join(each if is_safe(each) else f"&#x{ord(each):X};" for each in text)
