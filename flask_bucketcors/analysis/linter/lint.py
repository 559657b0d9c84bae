"""What rules do that their owner may not know: exact, each finding with an example request.

Facts:

- COS and OSS, best practice: one rule for each origin, no rules that overlap, values as narrow
  as possible.
- 436/8279: an AllowedOrigin is compared as text.
"""

from collections.abc import Iterable
from typing import Final

from flask_bucketcors.analysis.algebra.bounds import Bounds, Work
from flask_bucketcors.analysis.linter.dangers import any_origin_findings, danger_findings
from flask_bucketcors.analysis.linter.findings import Finding
from flask_bucketcors.analysis.linter.methods_and_headers import header_findings
from flask_bucketcors.analysis.linter.order import order_findings
from flask_bucketcors.analysis.linter.origin_spelling import spelling_findings
from flask_bucketcors.analysis.linter.refusals import refusal_findings
from flask_bucketcors.analysis.linter.repeats import repeat_findings
from flask_bucketcors.analysis.linter.shared_domains import with_shared_domains
from flask_bucketcors.analysis.linter.sites import usual_public_suffix
from flask_bucketcors.analysis.linter.subject import Subject
from flask_bucketcors.analysis.spelling.unchecked import PlainRules
from flask_bucketcors.core.dialects import Dialect, find_dialect
from flask_bucketcors.core.hosts import PublicSuffix
from flask_bucketcors.documents.any_form import AnyRules

_CHECKS: Final = (
    order_findings,
    repeat_findings,
    danger_findings,
    any_origin_findings,
    spelling_findings,
    header_findings,
)


def lint(
    rules: AnyRules,
    dialect: Dialect | str = "cos",
    public_suffix: PublicSuffix | None = None,
    *,
    extra_methods: Iterable[str] = (),
    allow_credentials: bool = True,
    dangers_only: bool = False,
    bounds: Bounds = Bounds.NARROW,
) -> tuple[Finding, ...]:
    """Find what is dangerous, useless or misspelled in rules.

    :param rules: in any form; they may be rules that the API would reject.
    :param dialect: the vendor whose responses are assumed, or its name.
    :param public_suffix: gives the public suffix of a host name (``com`` of ``a.com``); see
        docs/lint.md. Without it, only usual suffixes are known.
    :param extra_methods: the methods that the API would accept beside GET, PUT, POST, DELETE and
        HEAD: the application's BUCKETCORS_EXTRA_METHODS.
    :param allow_credentials: whether a response that names the origin also allows credentials.
    :param dangers_only: whether to look only for dangers, which is faster.
    :param bounds: limits of the work.
    :returns: the findings by rule, and by id within a rule.
    :raises ValueError: if the rules have no known form, or there is no such dialect or method.
    :raises TooIntricate: if the bounds do not suffice.
    :raises TypeError: if they are no :class:`~flask_bucketcors.Bounds`.
    """
    dialect = find_dialect(dialect, extra_methods)
    work = Work(bounds)
    return lint_within(work, rules, dialect, public_suffix, allow_credentials, dangers_only)


def lint_within(
    work: Work,
    rules: AnyRules,
    dialect: Dialect,
    public_suffix: PublicSuffix | None,
    allow_credentials: bool,
    dangers_only: bool,
) -> tuple[Finding, ...]:
    """Lint rules as :func:`lint` does, as a part of other work.

    :raises TooIntricate: if its bounds do not suffice.
    """
    plain = PlainRules.read(rules)
    suffix = with_shared_domains(public_suffix or usual_public_suffix)
    subject = Subject(plain, dialect, allow_credentials, suffix, work)
    checks = (danger_findings,) if dangers_only else _CHECKS
    found = [finding for check in checks for finding in check(subject)]
    if not dangers_only:
        found.extend(refusal_findings(subject, found))
    return tuple(sorted(found, key=_by_place))


def _by_place(finding: Finding) -> tuple[int, str]:
    # Those about the rules as a whole come first.
    return (-1 if finding.rule is None else finding.rule, finding.id)
