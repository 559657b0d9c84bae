"""Linting rules when they are put: findings are logged or sent in a header, or refuse the rules.

Most rules are put when nobody reads advice. Then lint looks only for dangers, and does no algebra
if the rules cannot have any.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from flask_bucketcors.analysis.linter.findings import Finding, worst_first
from flask_bucketcors.analysis.linter.lint import lint
from flask_bucketcors.analysis.mistakes import Severity
from flask_bucketcors.api.result_memo import ResultMemo
from flask_bucketcors.core.dialects import Dialect
from flask_bucketcors.core.errors import RefusedByLint, TooIntricate
from flask_bucketcors.core.hosts import PublicSuffix
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.interval_log import IntervalLog
from flask_bucketcors.log_fields import fields

logger: Final = logging.getLogger("flask_bucketcors.lint")

# A header, a log line or a message lists at most this many findings; the others are counted.
MAX_LISTED: Final = 50
MAX_LOGGED: Final = 8
MAX_EXPLAINED: Final = 3

_NOT_JUDGED: Final = "%s could not be judged"
_FOUND: Final = "%s, %s: %s"
_LINT_FAILED: Final = "linting rules failed"

#: The severities of findings that refuse rules, by the setting that is called strict.
REFUSED_BY: Final[Mapping[str, Collection[Severity]]] = {
    "off": (),
    "dangers": (Severity.DANGER,),
    "warnings": (Severity.DANGER, Severity.WARNING),
}
# A full lint takes time, so warnings are below the usual level of a log.
_LEVELS: Final[Mapping[Severity, int]] = {
    Severity.DANGER: logging.WARNING,
    Severity.WARNING: logging.INFO,
    Severity.ADVICE: logging.DEBUG,
}

#: The findings of a review; None if lint could not judge the rules.
Findings = tuple[Finding, ...] | None
# Lints rules; takes only ``dangers_only``.
_Lint = Callable[..., tuple[Finding, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewer:
    """Lints rules that are put.

    :param strict: which findings refuse rules; see :class:`~flask_bucketcors.RulesAPI`.
    :param public_suffix, allow_credentials: see :func:`flask_bucketcors.lint`.
    """

    strict: str
    public_suffix: PublicSuffix | None
    allow_credentials: bool
    _log: IntervalLog = field(default_factory=partial(IntervalLog, logger), init=False)
    _memo: ResultMemo[tuple[Finding, ...]] = field(
        default_factory=ResultMemo, init=False, compare=False, repr=False
    )

    def review(self, rule_set: RuleSet, dialect: Dialect, *, in_full: bool = False) -> Findings:
        """Give the findings about rules.

        :param in_full: whether to give all findings. Otherwise only the dangers are given, and the
            others if they are logged.
        :raises RefusedByLint: if this is strict, and the rules have such a finding or cannot be
            judged.
        """
        in_full = in_full or logger.isEnabledFor(logging.INFO)
        lint_rules = partial(self._lint, rule_set, dialect)
        if refused := REFUSED_BY[self.strict]:
            return self._refuse(refused, lint_rules, in_full)
        return self._try_to_lint(lint_rules, dangers_only=not in_full)

    def find(self, rule_set: RuleSet, dialect: Dialect) -> Findings:
        """Give all findings about rules, for somebody who only looks: it refuses nothing."""
        return self._try_to_lint(partial(self._lint, rule_set, dialect), dangers_only=False)

    def _lint(
        self, rule_set: RuleSet, dialect: Dialect, *, dangers_only: bool
    ) -> tuple[Finding, ...]:
        run = partial(
            lint,
            rule_set,
            dialect,
            self.public_suffix,
            allow_credentials=self.allow_credentials,
            dangers_only=dangers_only,
        )
        return self._memo.find(rule_set, (dialect, dangers_only), run)

    def log_findings(self, bucket: str | None, findings: Findings) -> None:
        """Log the findings about new rules, one line for each severity.

        :param bucket: whose rules they are; None for the default rules.
        """
        rules = "default rules" if bucket is None else f"rules of bucket {bucket!r}"
        if findings is None:
            logger.warning(_NOT_JUDGED, rules, extra=fields("rules_not_judged", bucket=bucket))
            return
        for severity, level in _LEVELS.items():
            found = [each for each in findings if each.severity is severity]
            if found and logger.isEnabledFor(level):
                ids = [each.id for each in found]
                said = fields("lint_findings", bucket=bucket, severity=severity, findings=ids)
                logger.log(level, _FOUND, rules, severity, _listed(found), extra=said)

    def _refuse(self, refused: Collection[Severity], lint_rules: _Lint, in_full: bool) -> Findings:
        dangers_only = Severity.WARNING not in refused
        findings = None
        if dangers_only and in_full:
            # If lint cannot judge everything, it may still find the dangers.
            findings = self._try_to_lint(lint_rules, dangers_only=False)
        try:
            judged = lint_rules(dangers_only=dangers_only) if findings is None else findings
        except TooIntricate as error:
            raise RefusedByLint(_sentence(error)) from None
        if worst := [each for each in worst_first(judged) if each.severity in refused]:
            raise RefusedByLint(_explained(worst))
        return findings if dangers_only and in_full else judged

    def _try_to_lint(self, lint_rules: _Lint, *, dangers_only: bool) -> Findings:
        try:
            return lint_rules(dangers_only=dangers_only)
        except TooIntricate:
            return None
        except Exception as error:
            # For example from the application's own function for public suffixes.
            said = fields("lint_failed", error=error)
            self._log.write(logging.ERROR, _LINT_FAILED, exc_info=True, extra=said)
            return None


def format_findings(findings: Findings) -> str:
    """Write findings as a list of RFC 9651: ``BC201;rule=1, BC312;rule=2``.

    It is ``none`` if there are none, and ``unknown`` if lint could not judge the rules.
    """
    if findings is None:
        return "unknown"
    # The worst first, so that only less severe ones are merely counted.
    listed = worst_first(findings)[:MAX_LISTED]
    items = [f"{each.id};{each.place.replace(' ', '=')}" for each in listed]
    if len(findings) > MAX_LISTED:
        items.append(f"more;count={len(findings) - MAX_LISTED}")
    return ", ".join(items) or "none"


def _sentence(error: TooIntricate) -> str:
    text = str(error)
    return f"{text[0].upper()}{text[1:]}."


def _listed(findings: Sequence[Finding]) -> str:
    lines = [_named(each) for each in findings[:MAX_LOGGED]]
    more = len(findings) - len(lines)
    return "; ".join([*lines, f"and {more} more"] if more else lines)


def _named(finding: Finding) -> str:
    value = "" if finding.value is None else f" {finding.value!a:.100}"
    return f"{finding.id} {finding.place}{value}: {finding.check.meaning}"


def _explained(findings: Sequence[Finding]) -> str:
    shown = findings[:MAX_EXPLAINED]
    sentences = [f"{each} Example request: {each.witnesses[0]}." for each in shown]
    more = len(findings) - len(sentences)
    return " ".join([*sentences, f"And {more} more."] if more else sentences)
