"""Writes rules in another form, and prints what the form cannot say."""

from typing import Any, Final

import click

from flask_bucketcors.cli.terminal import clipped, printable
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.documents.to_forms import FORMS, write_as

_MAX_LOSSES: Final = 20
_MAX_TEXT: Final = 500

exact_option: Final = click.option(
    "--exact", is_flag=True, help="Refuse rules that the form cannot express in full."
)


def written_as(rule_set: RuleSet, form: str, bucket: str, *, exact: bool) -> Any:
    """Write rules in a form, and print what it cannot say to standard error.

    :param form: a name of :data:`~flask_bucketcors.documents.to_forms.FORMS`.
    :param exact: whether that is an error.
    :returns: plain data, or a text for XML; None if there is an error.
    """
    data, losses = write_as(rule_set, FORMS[form], bucket)
    start = f"{'error' if exact else 'warning'}: {printable(bucket)} as {form}"
    for each in losses[:_MAX_LOSSES]:
        click.echo(f"{start}: {printable(clipped(each, _MAX_TEXT))}", err=True)
    if len(losses) > _MAX_LOSSES:
        click.echo(f"{start}: and {len(losses) - _MAX_LOSSES} more", err=True)
    return None if exact and losses else data
