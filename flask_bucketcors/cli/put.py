"""``put``: replaces the rules of a bucket, and shows before what changes and what is dangerous."""

import sys
from dataclasses import replace

import click
from flask.cli import with_appcontext

from flask_bucketcors.analysis.algebra.diff import diff
from flask_bucketcors.analysis.linter.findings import Severity
from flask_bucketcors.api.put_review import Reviewer
from flask_bucketcors.cli.application import (
    author_option,
    current_settings,
    current_store,
    refuse_reserved,
)
from flask_bucketcors.cli.report_diff import print_changes, print_sides, print_vary
from flask_bucketcors.cli.report_lint import find_public_suffix, linted_bucket, print_finding
from flask_bucketcors.cli.rule_files import INPUT_FILE, limits_of, name_of, read_file
from flask_bucketcors.cli.stored_buckets import count_of
from flask_bucketcors.cli.terminal import Refused, printable
from flask_bucketcors.core.dialects import DIALECTS
from flask_bucketcors.core.errors import CallRefused, StoredRulesInvalid, TooIntricate
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.stores import Store, StoredRules


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
    rule_set = read_file(file, limits_of(current_settings()))
    if current_settings().strict:
        _refuse_dangers(rule_set)
    if show_diff and not _is_agreed(store, bucket, rule_set, name_of(file), yes):
        return
    revision = store.put(bucket, rule_set, author)
    click.echo(f"{printable(bucket)}: revision {revision}, {count_of(rule_set)}")


def _refuse_dangers(rule_set: RuleSet) -> None:
    """Refuse what a PUT by an SDK would be refused for.

    :raises Refused: if rules are dangerous, and the application takes no such.
    """
    settings = current_settings()
    reviewer = Reviewer(
        public_suffix=settings.public_suffix,
        allow_credentials=settings.allow_credentials,
    )
    try:
        reviewer.refuse_dangers(rule_set, DIALECTS[settings.dialect])
    except CallRefused as error:
        raise Refused(f"{printable(error.detail)}\n  BUCKETCORS_STRICT refuses that") from None


def _is_agreed(store: Store, bucket: str, rule_set: RuleSet, where: str, yes: bool) -> bool:
    """Show what other rules for a bucket change, and what is dangerous in them, and ask.

    :param where: where they are from, for people.
    :param yes: whether to go on without asking.
    :returns: false if the bucket has these rules.
    :raises click.Abort: if the answer is no.
    :raises click.UsageError: if there is nobody to ask.
    :raises Refused: if the rules were changed while the question stood there.
    """
    stored = store.read(bucket)
    if not _show_changes(bucket, stored, rule_set, where):
        return False
    _show_dangers(bucket, rule_set, where)
    if not yes:
        _ask(bucket)
        now = store.read(bucket)
        if (now and now.version) != (stored and stored.version):
            raise Refused(f"the rules of {printable(bucket)} were changed meanwhile: look again")
    return True


def _show_changes(bucket: str, stored: StoredRules | None, rule_set: RuleSet, where: str) -> bool:
    """Print what changes, if anything does."""
    name = printable(bucket)
    try:
        old = stored.parse() if stored else None
    except StoredRulesInvalid as error:
        # These rules mend that.
        click.echo(f"{printable(str(error))}; nothing to compare with")
        return True
    if old == rule_set:
        click.echo(f"{name} has these rules already: nothing changes")
        return False
    print_sides(f"bucket {name}" + ("" if old else " (no rules)"), where)
    print_vary(old, rule_set)
    try:
        changes = diff(
            old,
            rule_set,
            current_settings().dialect,
            allow_credentials=current_settings().allow_credentials,
        )
    except TooIntricate as error:
        # Often because of the old rules, which these mend.
        click.echo(f"what changes cannot be said: {error}")
    else:
        print_changes(changes)
    return True


def _show_dangers(bucket: str, rule_set: RuleSet, where: str) -> None:
    linted = replace(linted_bucket(bucket, rule_set), where=where)
    try:
        found = linted.findings(find_public_suffix(None))
    except TooIntricate as error:
        click.echo(f"what is dangerous cannot be said: {error}")
        return
    for finding in found:
        if finding.severity is Severity.DANGER:
            click.echo()
            print_finding(finding, linted)
    click.echo()


def _ask(bucket: str) -> None:
    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError("standard input is no terminal to ask at: write --yes")
    click.confirm(f"Put these rules for {printable(bucket)}?", abort=True)
