"""Prints explanations, as text and as JSON."""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any, Final

import click

from flask_bucketcors.analysis.algebra.bounds import Bounds
from flask_bucketcors.analysis.explainer.explain import Explanation, explain
from flask_bucketcors.analysis.explainer.fix import Fix
from flask_bucketcors.analysis.explainer.rule_trace import Mismatch
from flask_bucketcors.cli.marks import escaped, marked_value, marked_values
from flask_bucketcors.cli.rule_sources import Source
from flask_bucketcors.cli.terminal import printable
from flask_bucketcors.core.errors import TooIntricate

_COLOUR: Final = "red"


def explain_by(source: Source, **request: Any) -> Explanation:
    """Explain a request by the rules of a source; see :func:`flask_bucketcors.explain`."""
    return explain(
        source.rules,
        bounds=Bounds.WIDE,
        dialect=source.dialect,
        allow_credentials=source.allow_credentials,
        vary=source.vary,
        **request,
    )


def explanation_data(explanation: Explanation) -> dict[str, Any]:
    """An explanation as plain data; each fix has its rules."""
    return {
        "allowed": explanation.allowed,
        "cause": explanation.cause,
        "also": list(explanation.also),
        "text": explanation.text,
        "problems": list(map(str, explanation.problems)),
        "notes": list(explanation.notes),
        "fixes": list(map(_fix_data, explanation.fixes)),
    }


def _fix_data(fix: Fix) -> dict[str, Any]:
    try:
        newly_allows = [each.as_dict() for each in fix.newly_allows]
    except TooIntricate:
        # The effect says that it cannot be listed.
        newly_allows = None
    return {
        "text": fix.text,
        "effect": fix.effect,
        **fix.rules.as_dict(),
        "newly_allows": newly_allows,
        "is_dangerous": fix.is_dangerous,
    }


def print_explanation(explanation: Explanation, source: Source) -> None:
    """Print an explanation, with the marked values of the nearest rule."""
    colour = "green" if explanation.allowed else _COLOUR
    cause = f"[{explanation.cause}]" if explanation.cause else ""
    verdict = click.style(explanation.verdict + cause, fg=colour, bold=True)
    click.echo(f"{verdict}: {printable(explanation.summary)}")
    for line in _marked_rule(explanation, source):
        click.echo(line)
    for line in filter(None, (*explanation.details, explanation.help)):
        click.echo(printable(line))
    for number, fix in enumerate(explanation.fixes, 1):
        text = printable(f"{fix.text} {fix.effect}")
        click.echo(f"{click.style(f'Fix {number}', fg='green')}: {text}")
    if explanation.fixes and source.is_default:
        click.echo(
            "These are the default rules, so a fix changes every bucket without rules of its own. "
            f"To change this one alone, put rules of its own: `put {printable(source.name)} FILE`."
        )


def _marked_rule(explanation: Explanation, source: Source) -> Iterator[str]:
    """The values of the nearest rule that do not match, if they are the cause."""
    trace = explanation.nearest
    if trace is None or explanation.cause not in trace.causes:
        return
    yield click.style(f"  rule {trace.rule + 1}", bold=True)
    for mismatch in trace.mismatches:
        yield from _marked_field(mismatch, getattr(source.rule(trace.rule), mismatch.field))


def _marked_field(mismatch: Mismatch, values: Sequence[str]) -> Iterator[str]:
    """The nearest value, and below it what differs and why."""
    note = f" sent: {escaped(mismatch.asked)} ({', '.join(mismatch.causes)})"
    if mismatch.nearest is None:
        return marked_values(mismatch.field, values, _COLOUR, note)
    span = _difference(mismatch.nearest, mismatch.asked)
    return marked_value(mismatch.field, mismatch.nearest, span, len(values) - 1, _COLOUR, note)


def _difference(text: str, other: str) -> tuple[int, int]:
    """The start and the end of the part of a text in which it differs from another text."""
    start = _count_equal(text, other)
    return start, len(text) - _count_equal(text[start:][::-1], other[start:][::-1])


def _count_equal(text: str, other: str) -> int:
    """The number of characters at the start that two texts have in common."""
    pairs = zip(text, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
