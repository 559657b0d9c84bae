"""Explanations as text and as JSON."""

from typing import Any

import click

from flask_bucketcors.analysis.explainer.explain import Explanation
from flask_bucketcors.analysis.explainer.fix import Fix
from flask_bucketcors.cli.marks import RuleAt, marked_rule
from flask_bucketcors.cli.terminal import printable
from flask_bucketcors.core.errors import TooIntricate


def explanation_data(explanation: Explanation) -> dict[str, Any]:
    """An explanation as plain data; each fix holds its rules."""
    return {
        "allowed": explanation.allowed,
        "cause": explanation.cause,
        "also": list(explanation.also),
        "text": explanation.text,
        "problems": list(map(str, explanation.problems)),
        "fixes": list(map(_fix_data, explanation.fixes)),
    }


def _fix_data(fix: Fix) -> dict[str, Any]:
    try:
        newly_allows = [each.as_dict() for each in fix.newly_allows]
    except TooIntricate:
        # The effect says so.
        newly_allows = None
    return {
        "text": fix.text,
        "effect": fix.effect,
        **fix.rules.as_dict(),
        "newly_allows": newly_allows,
    }


def print_explanation(explanation: Explanation, rule_at: RuleAt) -> None:
    """Print an explanation, with the part of the rules that decides.

    :param rule_at: gives the fields of the rule at an index.
    """
    colour = "green" if explanation.allowed else "red"
    cause = f"[{explanation.cause}]" if explanation.cause else ""
    verdict = click.style(explanation.verdict + cause, fg=colour, bold=True)
    click.echo(f"{verdict}: {printable(explanation.summary)}")
    for line in marked_rule(explanation, rule_at):
        click.echo(line)
    for line in filter(None, (*explanation.details, explanation.remedy)):
        click.echo(printable(line))
    for number, fix in enumerate(explanation.fixes, 1):
        text = printable(f"{fix.text} {fix.effect}")
        click.echo(f"{click.style(f'Fix {number}', fg='green')}: {text}")
