"""Prints what a write to a bucket's rules changed, and what lint found in the new rules."""

from typing import Final

import click

from flask_bucketcors.analysis.linter.findings import worst_first
from flask_bucketcors.analysis.mistakes import Severity
from flask_bucketcors.api.put_review import Findings
from flask_bucketcors.api.rules_writer import Written
from flask_bucketcors.cli.terminal import clipped, printable

_MAX_FINDINGS: Final = 20
_MAX_TEXT: Final = 500


def print_written(bucket: str, done: Written, note: str = "", *, with_effects: bool = True) -> None:
    """Print the revision of a write, the numbers of rules, and what is newly allowed.

    :param note: follows the revision.
    :param with_effects: whether to print more than the revision and the numbers of rules.
    """
    counts = f", {done.change.counts}" if done.change else ""
    click.echo(f"{printable(bucket)}: revision {done.revision}{note}{counts}")
    for each in done.change.effects if done.change and with_effects else ():
        click.echo(f"  {printable(each)}")


def print_findings(bucket: str, findings: Findings, *, with_dangers: bool = True) -> None:
    """Print dangers and warnings to standard error; advice is for ``lint``."""
    name = printable(bucket)
    if findings is None:
        click.echo(f"{name}: lint could not judge the rules", err=True)
        return
    shown = (Severity.DANGER, Severity.WARNING) if with_dangers else (Severity.WARNING,)
    found = worst_first(each for each in findings if each.severity in shown)
    for each in found[:_MAX_FINDINGS]:
        text = f"{each.severity}[{each.id}] {each.place}: {each.text} help: {each.help}"
        click.echo(f"{name}: {printable(clipped(text, _MAX_TEXT))}", err=True)
    if len(found) > _MAX_FINDINGS:
        more = len(found) - _MAX_FINDINGS
        click.echo(f"{name}: and {more} more; see flask bucketcors lint --bucket {name}", err=True)
