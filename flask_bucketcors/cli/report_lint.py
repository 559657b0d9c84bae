"""Findings of lint as compilers print them: what, where with a mark, example requests, help."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, Final

import click

from flask_bucketcors.analysis.linter.findings import Finding, Witness, worst_first
from flask_bucketcors.analysis.linter.lint import lint
from flask_bucketcors.analysis.mistakes import Severity
from flask_bucketcors.analysis.spelling.unchecked import PlainRule, PlainRules
from flask_bucketcors.cli.application import current_settings
from flask_bucketcors.cli.marks import (
    ELEMENTS,
    count_of_more,
    escaped,
    listed,
    room_beside,
    texts_of,
    windowed,
)
from flask_bucketcors.cli.terminal import printable
from flask_bucketcors.core.hosts import PublicSuffix
from flask_bucketcors.core.rules import RuleSet

SEVERITIES: Final = tuple(Severity)

_COLOURS: Final = {Severity.DANGER: "red", Severity.WARNING: "yellow", Severity.ADVICE: "cyan"}
# A text quotes values, which may be as long as the file.
_MAX_TEXT: Final = 1000
_MAX_HEADERS: Final = 5
_MAX_ID: Final = 40
_WHOLE_RULE: Final = ("allowed_origins", "allowed_methods", "allowed_headers")


@dataclass(frozen=True)
class Linted:
    """Rules, and where they are from.

    :param kind: ``file`` or ``bucket``.
    :param name: of it; not made printable.
    :param where: the same for people.
    :param rules: plain data with the names of Rule's fields, not judged yet.
    :param dialect: whose forms the responses take.
    :param allow_credentials: whether responses that name the origin allow credentials.
    :param public_suffix: the application's own function, if it has one.
    """

    kind: str
    name: str
    where: str
    rules: Any
    dialect: str
    allow_credentials: bool = True
    public_suffix: PublicSuffix | None = None

    @cached_property
    def _plain(self) -> PlainRules:
        return PlainRules.read(self.rules)

    def rule(self, index: int) -> PlainRule:
        """The rule at an index, as it was written."""
        return self._plain.rules[index]

    def findings(self, public_suffix: PublicSuffix | None) -> list[Finding]:
        """Give the findings, the worst first."""
        found = lint(
            self.rules,
            self.dialect,
            self.public_suffix or public_suffix,
            allow_credentials=self.allow_credentials,
        )
        return worst_first(found)


def linted_bucket(bucket: str, rule_set: RuleSet, dialect: str | None = None) -> Linted:
    """Take rules of a bucket of the current application, by its settings."""
    settings = current_settings()
    return Linted(
        "bucket",
        bucket,
        f"bucket {printable(bucket)}",
        rule_set.as_dict(),
        dialect or settings.dialect,
        settings.allow_credentials,
        settings.public_suffix,
    )


def find_public_suffix(wanted: bool | None) -> PublicSuffix | None:
    """Give the function that looks into the list of public suffixes, if it is installed.

    :param wanted: None: if it is there.
    :raises click.UsageError: if it is wanted and not there.
    """
    if wanted is False:
        return None
    try:
        # Of an extra, and slow to load for those who do not lint.
        module = import_module("publicsuffixlist")
    except ModuleNotFoundError:
        if wanted:
            raise click.UsageError(
                "there is no list of public suffixes: pip install 'flask-bucketcors[publicsuffix]'"
            ) from None
        return None
    found: PublicSuffix = module.PublicSuffixList().publicsuffix
    return found


def print_finding(finding: Finding, linted: Linted) -> None:
    """Print a finding, with the rule that it is about and what is marked in it."""
    colour = _COLOURS[finding.severity]
    title = click.style(f"{finding.severity}[{finding.id}]", fg=colour, bold=True)
    rule = linted.rule(finding.rule)
    click.echo(f"{title}: {_said(finding.text)}")
    click.echo(f"  {linted.where}: rule {finding.rule + 1}{_id_of(rule)}")
    for line in _marked(finding, rule, colour):
        click.echo(line)
    for witness in finding.witnesses:
        click.echo(f"  example request: {_asked(witness)}")
    click.echo(f"  help: {_said(finding.help)}")


def counted(counts: Counter[Severity]) -> str:
    """How many findings there are of each severity, in words."""
    count = counts.total()
    if not count:
        return "no findings"
    parts = ", ".join(f"{each} {counts[each]}" for each in SEVERITIES if counts[each])
    return f"{count} {'finding' if count == 1 else 'findings'} ({parts})"


def _said(text: str) -> str:
    more = len(text) - _MAX_TEXT
    shown = f"{text[:_MAX_TEXT]}... (and {more} more characters)" if more > 0 else text
    return printable(shown)


def _id_of(rule: PlainRule) -> str:
    return f" ({escaped(str(rule.id)[:_MAX_ID])})" if rule.id else ""


def _asked(witness: Witness) -> str:
    shown = ", ".join(witness.headers[:_MAX_HEADERS])
    headers = f" with {shown}{count_of_more(len(witness.headers) - _MAX_HEADERS)}"
    asked = f"{witness.method} from {witness.origin}{headers if witness.headers else ''}"
    return _said(f"{asked} is {witness.decision}")


def _marked(finding: Finding, rule: PlainRule, colour: str) -> Iterator[str]:
    """The lines of the rule that it is about, marked where it is about a field."""
    if finding.field is None:
        for field in _WHOLE_RULE:
            if values := getattr(rule, field):
                yield _line(field, listed([_cut(each) for each in values]))
        return
    margin = _line(finding.field, "")
    texts = texts_of(getattr(rule, finding.field))
    if finding.span is None:
        shown = listed([_cut(each) for each in texts])
        start, length, others = 0, len(shown), 0
    else:
        value, (begin, end) = str(finding.value), finding.span
        before, part, behind = map(escaped, (value[:begin], value[begin:end], value[end:]))
        shown = before + part + behind
        shown, start, length = windowed(shown, len(before), len(part), room_beside(margin))
        others = len(texts) - 1
    yield margin + shown + count_of_more(others)
    yield " " * (len(margin) + start) + click.style("^" * length, fg=colour, bold=True)


def _line(field: str, shown: str) -> str:
    return f"    {ELEMENTS[field]}  {shown}"


def _cut(text: str) -> str:
    return windowed(text, 0, 0, room_beside(""))[0]
