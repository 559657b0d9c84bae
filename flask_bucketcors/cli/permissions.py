"""``permissions``: show who may do what, and which rule decides it."""

from collections.abc import Sequence

import click

from flask_bucketcors.analysis.algebra.bounds import Bounds
from flask_bucketcors.analysis.algebra.permissions import permissions
from flask_bucketcors.cli.application import current_state, source_in_force
from flask_bucketcors.cli.database_options import database_option, refuse_unused_database
from flask_bucketcors.cli.options import bucket_option, dialect_option, resource_option
from flask_bucketcors.cli.report_permissions import print_permissions
from flask_bucketcors.cli.rule_files import ANY_LIMITS, INPUT_FILE, read_file
from flask_bucketcors.cli.rule_sources import Source
from flask_bucketcors.cli.terminal import JSON, echo_json, format_option, without_rules
from flask_bucketcors.core.dialects import COS, find_dialect


@click.command("permissions")
@click.argument("file", required=False, type=INPUT_FILE)
@bucket_option
@resource_option
@dialect_option
@database_option
@format_option
def show_permissions(
    file: str | None, bucket: str | None, resource: str | None, dialect: str | None, form: str
) -> None:
    """Show who may do what, and which rule decides it.

    The rules are those in FILE (- is standard input) or those of a bucket. The result is exact:
    each origin is in one row.

    \b
    Example:
      flask bucketcors permissions rules.xml
    """
    source, notes = _find_source(file, bucket, resource, dialect)
    found = permissions(
        source.rules,
        source.dialect,
        allow_credentials=source.allow_credentials,
        bounds=Bounds.WIDE,
    )
    if form == JSON:
        echo_json({source.kind: source.name, **found.as_dict(), "notes": list(notes)})
    else:
        print_permissions(found, source.where)


def _find_source(
    file: str | None, bucket: str | None, resource: str | None, dialect: str | None
) -> tuple[Source, Sequence[str]]:
    """Read valid rules; give the notes about a file, too."""
    if (file is None) is (bucket is None):
        raise click.UsageError("write FILE or --bucket NAME")
    if file is not None:
        refuse_unused_database()
        rule_set, reading = read_file(file, ANY_LIMITS, resource)
        return Source("file", file, rule_set, find_dialect(dialect or COS)), reading.notes
    if resource is not None:
        raise click.UsageError("--resource is for a template: write FILE, too")
    name = str(bucket)
    source = source_in_force(name, current_state().store.get(name), dialect)
    if source.rules is None:
        # A misspelled name must not look like a bucket that refuses everything.
        raise click.UsageError(without_rules(name))
    return source, ()
