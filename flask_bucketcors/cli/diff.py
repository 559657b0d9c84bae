"""``diff``: show which requests two rule sets treat differently."""

from collections.abc import Iterable, Sequence

import click

from flask_bucketcors.analysis.algebra.bounds import Bounds
from flask_bucketcors.analysis.algebra.diff import Diff, diff
from flask_bucketcors.cli.application import current_state, require_bucket, source_in_force
from flask_bucketcors.cli.database_options import database_option, refuse_unused_database
from flask_bucketcors.cli.options import bucket_option, dialect_option, resource_option
from flask_bucketcors.cli.report_diff import Side, print_changes, print_sides
from flask_bucketcors.cli.rule_files import ANY_LIMITS, INPUT_FILE, name_of, once_stdin, read_file
from flask_bucketcors.cli.terminal import (
    JSON,
    Refused,
    called,
    echo_json,
    fail_if,
    format_option,
    printable,
)
from flask_bucketcors.core.dialects import COS
from flask_bucketcors.core.errors import TooIntricate
from flask_bucketcors.core.rules import lacking_methods


class _Trouble(Refused):
    """The rules cannot be compared; exit code 2, because 1 means that there are changes."""

    exit_code = 2


@click.command("diff")
@click.argument("files", nargs=-1, type=INPUT_FILE, metavar="[OLD] [NEW]")
@bucket_option
@click.option(
    "--revision",
    "revisions",
    multiple=True,
    type=int,
    help="A revision of the bucket. Give it twice to compare two revisions.",
)
@resource_option
@dialect_option
@database_option
@format_option
def diff_rules(
    files: Sequence[str],
    bucket: str | None,
    revisions: Sequence[int],
    resource: str | None,
    dialect: str | None,
    form: str,
) -> None:
    """Show which requests two rule sets treat differently.

    OLD and NEW are files; one of them may be -, standard input. With --bucket, OLD is the
    bucket's rules, or those of --revision. NEW is a file, a second --revision, or the bucket's
    rules. Exit codes: 0 no change, 1 changes, 2 the rules cannot be compared.

    \b
    Example:
      flask bucketcors diff old.xml new.xml
    """
    allow_credentials = True
    if bucket is None:
        refuse_unused_database()
        old, new = _two_files(files, revisions, resource)
    else:
        old, new = _with_bucket(bucket, files, revisions, resource)
        settings = current_state().settings
        dialect, allow_credentials = dialect or settings.dialect, settings.allow_credentials
    try:
        changes = diff(
            old.rule_set,
            new.rule_set,
            dialect or COS.name,
            allow_credentials=allow_credentials,
            bounds=Bounds.WIDE,
        )
        # What is printed counts as work, too.
        _print(old, new, changes, form)
    except TooIntricate as error:
        raise _Trouble(str(error)) from None
    fail_if(changes)


def _print(old: Side, new: Side, changes: Diff, form: str) -> None:
    if form == JSON:
        data = [each.as_dict() for each in changes]
        notes = [*old.notes, *new.notes]
        echo_json({"old": old.name, "new": new.name, "changes": data, "notes": notes})
    else:
        print_sides(old, new)
        print_changes(changes)


def _two_files(
    files: Sequence[str], revisions: Sequence[int], resource: str | None
) -> tuple[Side, Side]:
    if len(files) != 2 or revisions:
        raise click.UsageError("write OLD and NEW, or --bucket NAME and NEW or --revision NUMBER")
    once_stdin(files)
    old, new = (_file(each, resource=resource) for each in files)
    return old, new


def _with_bucket(
    bucket: str, files: Sequence[str], revisions: Sequence[int], resource: str | None
) -> tuple[Side, Side]:
    if len(files) > 1 or not 1 <= len(files) + len(revisions) <= 2:
        raise click.UsageError("with --bucket write NEW, or --revision NUMBER once or twice")
    sides = [_revision(bucket, each) for each in revisions]
    if not sides:
        sides.append(_stored(bucket))
    if files:
        sides.append(_file(files[0], current_state().settings.extra_methods, resource))
    if len(sides) == 1:
        sides.append(_stored(bucket))
    old, new = sides
    return old, new


def _file(path: str, extra_methods: Iterable[str] = (), resource: str | None = None) -> Side:
    """Read a side from a file.

    :param extra_methods: those that the application accepts.
    :param resource: which bucket of a template.
    """
    try:
        rule_set, reading = read_file(path, ANY_LIMITS, resource)
    except Refused as error:
        raise _Trouble(error.message) from None
    return Side(
        name_of(path), rule_set, lacking_methods(rule_set, tuple(extra_methods)), reading.notes
    )


def _stored(bucket: str) -> Side:
    source = source_in_force(bucket, current_state().store.get(bucket))
    return Side(source.where, source.rules)


def _revision(bucket: str, revision: int) -> Side:
    name = printable(bucket)
    for entry in current_state().store.history(bucket, before=revision + 1, limit=1):
        if entry.revision == revision:
            if entry.unreadable is not None:
                raise click.UsageError(f"revision {revision}: {printable(entry.unreadable)}")
            return Side(f"bucket {name}, revision {revision}", entry.rule_set)
    require_bucket(bucket, click.UsageError)
    raise click.UsageError(
        f"bucket {name} has no revision {revision}; {called()} history {name} lists them"
    )
