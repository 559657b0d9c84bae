"""What rules do that their owner may not know: exact, each finding with a witness.

Facts:

- COS and OSS, best practice: one rule for each origin, no rules that overlap, values as narrow
  as possible.
- 436/8279: an AllowedOrigin is compared as text.
"""

from typing import Final

from flask_bucketcors.analysis.algebra.bounds import AMPLE, Bounds
from flask_bucketcors.analysis.linter.dangers import danger_findings
from flask_bucketcors.analysis.linter.findings import Finding
from flask_bucketcors.analysis.linter.methods_and_headers import header_findings
from flask_bucketcors.analysis.linter.order import order_findings
from flask_bucketcors.analysis.linter.origin_spelling import writing_findings
from flask_bucketcors.analysis.linter.repeats import repeat_findings
from flask_bucketcors.analysis.linter.sites import usual_public_suffix
from flask_bucketcors.analysis.linter.subject import Subject
from flask_bucketcors.analysis.spelling.unchecked import PlainRules
from flask_bucketcors.core.dialects import Dialect, find_dialect
from flask_bucketcors.core.hosts import PublicSuffix
from flask_bucketcors.core.origins import NULL
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.core.wildcards import ANY
from flask_bucketcors.documents import AnyRules, read_rules

_CHECKS: Final = (
    order_findings,
    repeat_findings,
    danger_findings,
    writing_findings,
    header_findings,
)


_DANGERS: Final = (danger_findings,)


def lint(
    rules: AnyRules,
    dialect: Dialect | str = "cos",
    public_suffix: PublicSuffix | None = None,
    *,
    allow_credentials: bool = True,
    dangers_only: bool = False,
    bounds: Bounds = AMPLE,
) -> tuple[Finding, ...]:
    """Say what is dangerous, useless or otherwise worth knowing about rules.

    :param rules: in any form; they may be rules that the API would reject.
    :param dialect: whose forms the answers take, or its name.
    :param public_suffix: gives the public suffix of a host name (``com`` of ``a.com``), for
        which there are lists; without it, what two-letter domains usually do is assumed.
    :param allow_credentials: whether an answer that names the origin also allows credentials.
    :param dangers_only: whether to look for findings of severity danger alone.
    :param bounds: of the work.
    :returns: the findings by rule, and by id within a rule.
    :raises ValueError: if the rules have no known form, or there is no such dialect.
    :raises TooIntricate: if the values with a ``*`` overlap in too many ways.
    """
    dialect = find_dialect(dialect) if isinstance(dialect, str) else dialect
    plain = PlainRules.read(read_rules(rules))
    suffix = public_suffix or usual_public_suffix
    subject = Subject(plain, dialect, allow_credentials, suffix, bounds)
    checks = _DANGERS if dangers_only else _CHECKS
    found = [finding for check in checks for finding in check(subject)]
    return tuple(sorted(found, key=lambda each: (each.rule, each.id)))


def may_be_dangerous(rule_set: RuleSet) -> bool:
    """Whether rules may have a finding of severity danger; quick, and never no where they have.

    All others name origins by https or by a scheme of an application's own, each in full.
    """
    return any(
        origin == NULL or (ANY in origin and origin != ANY) or origin.startswith("http://")
        for rule in rule_set.rules
        for origin in rule.allowed_origins
    )
