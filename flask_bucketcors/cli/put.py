"""``put``: replace the rules of a bucket; with ``--diff``, show changes and dangers first."""

import sys
from dataclasses import replace

import click

from flask_bucketcors.analysis.algebra.bounds import Bounds
from flask_bucketcors.analysis.algebra.diff import diff
from flask_bucketcors.analysis.mistakes import Severity
from flask_bucketcors.cli.application import (
    author_option,
    bucket_source,
    current_state,
    current_writer,
    require_bucket,
    source_in_force,
    strict_option,
)
from flask_bucketcors.cli.database_options import (
    create_option,
    database_option,
    limits_option,
)
from flask_bucketcors.cli.options import resource_option
from flask_bucketcors.cli.report_changes import print_findings, print_written
from flask_bucketcors.cli.report_diff import Side, print_changes, print_sides
from flask_bucketcors.cli.report_lint import find_public_suffix, lint_by, print_finding
from flask_bucketcors.cli.rule_files import INPUT_FILE, name_of, read_file
from flask_bucketcors.cli.rule_sources import Source
from flask_bucketcors.cli.terminal import printable
from flask_bucketcors.core.errors import StoredRulesInvalid, TooIntricate
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.stores.contract import ANY_VERSION, Expected, StoredRules


@click.command("put")
@click.argument("bucket")
@click.argument("file", type=INPUT_FILE)
@click.option("--diff", "show_diff", is_flag=True, help="Show the changes, and ask first.")
@click.option("--yes", is_flag=True, help="With --diff, do not ask.")
@resource_option
@strict_option
@author_option
@limits_option
@database_option
@create_option
def put_rules(
    bucket: str,
    file: str,
    show_diff: bool,
    yes: bool,
    resource: str | None,
    strict: str,
    author: str | None,
) -> None:
    """Replace the rules of BUCKET with those in FILE.

    FILE holds rules in any form: XML, JSON or YAML of the vendors, their SDKs and tools, or what
    `show` prints; - is standard input. Standard error says which values were converted. If
    anything is wrong, nothing is stored, and every problem is listed.

    With --diff, the command shows the changes and dangers, and asks before it stores the rules.
    Standard input must be a terminal then, or add --yes.

    \b
    Example:
      flask bucketcors put photos rules.xml
    """
    writer = current_writer(strict)
    require_bucket(bucket)
    rule_set, _ = read_file(file, writer.dialect, resource)
    expected: Expected = ANY_VERSION
    if show_diff:
        # Nobody should confirm rules that are refused afterwards.
        writer.review(rule_set)
        stored = current_state().store.read(bucket)
        if not _show_changes(bucket, stored, rule_set, name_of(file)):
            return
        _show_dangers(replace(bucket_source(bucket, rule_set), kind="file", name=file))
        if not yes:
            _ask(bucket)
        expected = stored.version if stored else None
    done = writer.put(bucket, rule_set, author, expected=expected, in_full=True)
    print_written(bucket, done, with_effects=not show_diff)
    # With --diff, the dangers are above.
    print_findings(bucket, done.findings, with_dangers=not show_diff)


def _show_changes(bucket: str, stored: StoredRules | None, rule_set: RuleSet, where: str) -> bool:
    """Print what changes; False if nothing does.

    :param where: the source of the new rules, to be printed.
    """
    name = printable(bucket)
    try:
        source = source_in_force(bucket, stored.parse() if stored else None)
    except StoredRulesInvalid as error:
        # Unreadable rules are a reason to put new ones.
        click.echo(f"{printable(str(error))}; nothing to compare with")
        return True
    old = source.rules
    if stored and old == rule_set:
        click.echo(f"{name} has these rules already: nothing changes")
        return False
    print_sides(Side(source.where, old), Side(where, rule_set))
    settings = current_state().settings
    try:
        changes = diff(
            old,
            rule_set,
            settings.dialect,
            allow_credentials=settings.allow_credentials,
            bounds=Bounds.WIDE,
        )
        print_changes(changes)
    except TooIntricate as error:
        # Often the old rules are the reason, and the new ones correct that.
        click.echo(f"the changes cannot be shown: {error}")
    return True


def _show_dangers(source: Source) -> None:
    try:
        found = lint_by(source, find_public_suffix(None))
    except TooIntricate as error:
        click.echo(f"dangers cannot be shown: {error}")
        return
    for finding in found:
        if finding.severity is Severity.DANGER:
            click.echo()
            print_finding(finding, source)
    click.echo()


def _ask(bucket: str) -> None:
    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError("standard input is not a terminal, so nobody can confirm: add --yes")
    click.confirm(f"Put these rules for {printable(bucket)}?", abort=True)
