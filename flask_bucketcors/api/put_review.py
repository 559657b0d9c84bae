"""A look at rules when they are put: what lint says of them is logged, answered, or refused.

Most rules are put when nobody reads what is only advice: then they are looked at no closer than
it takes to see what is dangerous.
"""

import logging
from collections.abc import Sequence
from typing import Final

from flask_bucketcors.analysis.algebra.bounds import HASTY
from flask_bucketcors.analysis.linter.findings import Finding, Severity, worst_first
from flask_bucketcors.analysis.linter.lint import lint, may_be_dangerous
from flask_bucketcors.core.dialects import Dialect
from flask_bucketcors.core.errors import CallRefused, Refusal, TooIntricate
from flask_bucketcors.core.hosts import PublicSuffix
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.interval_log import IntervalLog

logger = logging.getLogger(__name__)

# A line, a header or a message holds no more findings than this; what is more is counted.
MAX_LISTED: Final = 50
MAX_EXPLAINED: Final = 3


class Reviewer:
    """Looks at rules that are put.

    :param public_suffix, allow_credentials: see :func:`flask_bucketcors.lint`.
    """

    def __init__(self, *, public_suffix: PublicSuffix | None, allow_credentials: bool) -> None:
        self._public_suffix = public_suffix
        self._allow_credentials = allow_credentials
        self._log = IntervalLog(logger)

    def refuse_dangers(self, rule_set: RuleSet, dialect: Dialect) -> None:
        """Let rules pass that are not dangerous.

        :raises CallRefused: if they are, or if that cannot be told.
        """
        if not may_be_dangerous(rule_set):
            return
        try:
            dangers = self._look(rule_set, dialect, dangers_only=True)
        except TooIntricate as error:
            raise CallRefused(Refusal.INVALID_VALUE, _sentence(error)) from None
        if dangers:
            raise CallRefused(Refusal.INVALID_VALUE, _explained(dangers))

    def review(
        self, rule_set: RuleSet, dialect: Dialect, *, in_full: bool = False
    ) -> tuple[Finding, ...] | None:
        """Give what is to be said of rules; without ``in_full``, what somebody would read.

        None if that cannot be told, which is no reason to refuse them.
        """
        in_full = in_full or logger.isEnabledFor(logging.INFO)
        if not in_full and not may_be_dangerous(rule_set):
            return ()
        try:
            return self._look(rule_set, dialect, dangers_only=not in_full)
        except TooIntricate:
            return None
        except Exception:
            # Such as of the application's own function for public suffixes.
            self._log.write(logging.ERROR, "looking at rules failed", exc_info=True)
            return None

    def log_findings(self, bucket: str, findings: Sequence[Finding] | None) -> None:
        """Write what is to be said of a bucket's new rules to the log, the dangers as a warning."""
        if findings is None:
            logger.warning("rules for bucket %r could not be looked at", bucket)
            return
        dangers = _dangers(findings)
        others = [each for each in findings if each.severity is not Severity.DANGER]
        if dangers:
            logger.warning("dangerous rules for bucket %r: %s", bucket, _listed(dangers))
        if others:
            logger.info("rules for bucket %r: %s", bucket, _listed(others))

    def listed(self, findings: Sequence[Finding] | None) -> str:
        """Give the value of :data:`~flask_bucketcors.api.rules_api.FINDINGS`."""
        if findings is None:
            return "unknown"
        # The worst first, so that none of them is among those that are only counted.
        listed = worst_first(findings)[:MAX_LISTED]
        items = [f"{each.id};rule={each.rule + 1}" for each in listed]
        if len(findings) > MAX_LISTED:
            items.append(f"more;count={len(findings) - MAX_LISTED}")
        return ", ".join(items) or "none"

    def _look(
        self, rule_set: RuleSet, dialect: Dialect, *, dangers_only: bool
    ) -> tuple[Finding, ...]:
        return lint(
            rule_set,
            dialect,
            self._public_suffix,
            allow_credentials=self._allow_credentials,
            dangers_only=dangers_only,
            bounds=HASTY,
        )


def _sentence(error: TooIntricate) -> str:
    text = str(error)
    return f"{text[0].upper()}{text[1:]}."


def _dangers(findings: Sequence[Finding]) -> list[Finding]:
    return [each for each in findings if each.severity is Severity.DANGER]


def _listed(findings: Sequence[Finding]) -> str:
    lines = [_named(each) for each in findings[:MAX_LISTED]]
    more = len(findings) - len(lines)
    return "; ".join([*lines, f"and {more} more"] if more else lines)


def _named(finding: Finding) -> str:
    value = "" if finding.value is None else f" {finding.value!a:.100}"
    return f"{finding.id} rule {finding.rule + 1}{value}: {finding.check.meaning}"


def _explained(dangers: Sequence[Finding]) -> str:
    sentences = [f"{each} ({each.witnesses[0]})" for each in dangers[:MAX_EXPLAINED]]
    more = len(dangers) - len(sentences)
    return " ".join([*sentences, f"And {more} more."] if more else sentences)
