"""Prints findings as compilers do: text, place with a mark, example requests, help."""

from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from typing import Final

import click

from flask_bucketcors.analysis.algebra.bounds import Bounds
from flask_bucketcors.analysis.linter.findings import Finding, worst_first
from flask_bucketcors.analysis.linter.lint import lint
from flask_bucketcors.analysis.mistakes import Severity
from flask_bucketcors.analysis.spelling.unchecked import PlainRule
from flask_bucketcors.cli.marks import escaped, marked_value, marked_values, unmarked_values
from flask_bucketcors.cli.rule_sources import Source
from flask_bucketcors.cli.terminal import clipped, counted, printable
from flask_bucketcors.core.hosts import PublicSuffix

SEVERITIES: Final = tuple(Severity)

_COLOURS: Final = {Severity.DANGER: "red", Severity.WARNING: "yellow", Severity.ADVICE: "cyan"}
# A text quotes values, which can be as long as the file.
_MAX_TEXT: Final = 1000
_MAX_HEADERS: Final = 5
_MAX_ID: Final = 40
_WHOLE_RULE: Final = ("allowed_origins", "allowed_methods", "allowed_headers")


def lint_by(source: Source, public_suffix: PublicSuffix | None) -> list[Finding]:
    """Lint the rules of a source; give the findings, the worst first.

    :param public_suffix: what to use if the application has no function of its own.
    :raises TooIntricate: as :func:`flask_bucketcors.lint`.
    """
    found = lint(
        source.rules,
        source.dialect,
        source.public_suffix or public_suffix,
        allow_credentials=source.allow_credentials,
        bounds=Bounds.WIDE,
    )
    return worst_first(found)


def find_public_suffix(wanted: bool | None) -> PublicSuffix | None:
    """Give the function that looks a name up in the list of public suffixes.

    :param wanted: whether to use the list; None uses it if it is installed.
    :raises click.UsageError: if it is wanted but not installed.
    """
    if wanted is False:
        return None
    try:
        # It belongs to an extra, and is slow to load.
        module = import_module("publicsuffixlist")
    except ModuleNotFoundError:
        if wanted:
            raise click.UsageError(
                "there is no list of public suffixes: pip install 'flask-bucketcors[publicsuffix]'"
            ) from None
        return None
    found: PublicSuffix = module.PublicSuffixList().publicsuffix
    return found


def print_finding(finding: Finding, source: Source) -> None:
    """Print a finding, with the marked values of its rule."""
    colour = _COLOURS[finding.severity]
    title = click.style(f"{finding.severity}[{finding.id}]", fg=colour, bold=True)
    click.echo(f"{title}: {_said(finding.text)}")
    if finding.rule is None:
        click.echo(f"  {source.where}")
    else:
        rule = source.rule(finding.rule)
        click.echo(f"  {source.where}: {finding.place}{_id_of(rule)}")
        for line in _marked(finding, rule, colour):
            click.echo(line)
    for witness in finding.witnesses:
        asked = witness.request.in_words(_MAX_HEADERS)
        click.echo(f"  example request: {_said(f'{asked} is {witness.decision}')}")
    click.echo(f"  help: {_said(finding.help)}")


def count_of_findings(counts: Counter[Severity]) -> str:
    """The number of findings of each severity, in words."""
    count = counts.total()
    if not count:
        return "no findings"
    parts = ", ".join(f"{each} {counts[each]}" for each in SEVERITIES if counts[each])
    return f"{counted(count, 'finding')} ({parts})"


def _said(text: str) -> str:
    return printable(clipped(text, _MAX_TEXT))


def _id_of(rule: PlainRule) -> str:
    return f" ({escaped(str(rule.id)[:_MAX_ID])})" if rule.id else ""


def _marked(finding: Finding, rule: PlainRule, colour: str) -> Iterator[str]:
    """The values of the field that a finding is about, marked; without a field, the rule."""
    if finding.field is None:
        for field in _WHOLE_RULE:
            if values := getattr(rule, field):
                yield unmarked_values(field, values)
        return
    found = getattr(rule, finding.field)
    texts = found if isinstance(found, tuple) else [] if found is None else [str(found)]
    if finding.span is None:
        yield from marked_values(finding.field, texts, colour)
    else:
        value, others = str(finding.value), len(texts) - 1
        yield from marked_value(finding.field, value, finding.span, others, colour)
