"""Before a ``put``: what would change, what is dangerous, and whether that may be."""

import sys
from dataclasses import replace

import click
from flask import current_app

from flask_bucketcors.cli.changes import print_changes, print_sides, print_vary
from flask_bucketcors.cli.findings import find_public_suffix, print_finding
from flask_bucketcors.cli.linting import stored_rules
from flask_bucketcors.cli.terminal import Refused, printable
from flask_bucketcors.core.dialects import DIALECTS
from flask_bucketcors.core.diff import diff
from flask_bucketcors.core.errors import CallRefused, StoredRulesInvalid, TooIntricate
from flask_bucketcors.core.linting.findings import Severity
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.review import Reviewer
from flask_bucketcors.stores import Store, StoredRules


def refuse_dangers(rule_set: RuleSet) -> None:
    """Refuse what a PUT by an SDK would be refused for.

    :raises Refused: if rules are dangerous, and the application takes no such.
    """
    config = current_app.config
    reviewer = Reviewer(
        public_suffix=config["BUCKETCORS_PUBLIC_SUFFIX"],
        allow_credentials=config["BUCKETCORS_ALLOW_CREDENTIALS"],
    )
    try:
        reviewer.refuse_dangers(rule_set, DIALECTS[config["BUCKETCORS_DIALECT"]])
    except CallRefused as error:
        raise Refused(f"{printable(error.detail)}\n  BUCKETCORS_STRICT refuses that") from None


def is_agreed(store: Store, bucket: str, rule_set: RuleSet, where: str, yes: bool) -> bool:
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
            current_app.config["BUCKETCORS_DIALECT"],
            allow_credentials=current_app.config["BUCKETCORS_ALLOW_CREDENTIALS"],
        )
    except TooIntricate as error:
        # Often because of the old rules, which these mend.
        click.echo(f"what changes cannot be said: {error}")
    else:
        print_changes(changes)
    return True


def _show_dangers(bucket: str, rule_set: RuleSet, where: str) -> None:
    linted = replace(stored_rules(bucket, rule_set), where=where)
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
