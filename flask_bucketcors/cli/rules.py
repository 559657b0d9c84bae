"""``rules``: prints ready-made rules for usual clients."""

import json
from collections.abc import Iterator, Sequence
from typing import Final

import click

from flask_bucketcors.analysis.algebra.bounds import Bounds
from flask_bucketcors.analysis.linter.lint import lint
from flask_bucketcors.analysis.ready_made import READY_MADE
from flask_bucketcors.cli.terminal import JSON, Refused, called, printable
from flask_bucketcors.core.dialects import DIALECTS
from flask_bucketcors.core.problems import InvalidRules
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.documents.to_forms import FORMS, write_as

# Terraform's form holds the name of the bucket, which is not known here.
_BUCKET: Final = "my-bucket"


@click.command("rules")
@click.argument("name", required=False, type=click.Choice(list(READY_MADE)), metavar="[NAME]")
@click.option(
    "--origin",
    "origins",
    multiple=True,
    help="An origin from which pages use the bucket, such as https://www.example.com. Repeatable.",
)
@click.option(
    "--as",
    "form",
    type=click.Choice(list(FORMS)),
    default=JSON,
    show_default=True,
    help="The form: JSON of this package, XML of cos, oss, s3 or obs, or another vendor's JSON.",
)
def print_ready_made(name: str | None, origins: Sequence[str], form: str) -> None:
    """Print rules that a usual client needs.

    Without NAME, list the names. Standard error has what you should know before you use the
    rules, such as what lint finds in them, or what the form cannot express.

    \b
    Example:
      flask bucketcors rules uppy --origin https://www.example.com --as s3
    """
    if name is None:
        if origins:
            raise click.UsageError(f"write a NAME: {', '.join(READY_MADE)}")
        _list()
        return
    if not origins:
        raise click.UsageError("write --origin ORIGIN for each site that uses the bucket")
    ready = READY_MADE[name]
    try:
        rules = ready.rules_for(origins)
    except InvalidRules as error:
        raise Refused("the rules cannot be made", error.problems) from error
    text, losses = _written(rules, form)
    click.echo(text)
    found = (f"{each.id}: {each.text} {each.help}" for each in lint(rules, bounds=Bounds.WIDE))
    for note in filter(None, (ready.notes, *found, *losses)):
        click.echo(f"note: {printable(note)}", err=True)


def _list() -> None:
    width = max(map(len, READY_MADE))
    for name, ready in READY_MADE.items():
        click.echo(f"{name:{width}}  {ready.purpose}")
    click.echo(f"\nPrint one with: {called()} rules NAME --origin ORIGIN")


def _written(rules: RuleSet, form: str) -> tuple[str, Iterator[str]]:
    """The rules in a form, and what the form cannot say."""
    if form == JSON:
        return rules.to_json(), iter(())
    if form in DIALECTS:
        return rules.to_xml(form), iter(())
    written = write_as(rules, FORMS[form], _BUCKET)
    return json.dumps(written.data, indent=2), (f"left out or changed: {x}" for x in written.losses)
