"""Questions about rules in any form: why a request is refused, what is odd, what changes.

Rules may be a :class:`~flask_bucketcors.RuleSet`; a document as text, see
:func:`~flask_bucketcors.documents.read_configuration`; plain data in our names or in those of a
vendor's SDK; or None, for a bucket that has none.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from flask_bucketcors.analysis.algebra.diff import Diff
from flask_bucketcors.analysis.algebra.diff import diff as diff_rules
from flask_bucketcors.analysis.explainer.explain import Explanation
from flask_bucketcors.analysis.explainer.explain import explain as explain_rules
from flask_bucketcors.analysis.linter.findings import Finding
from flask_bucketcors.analysis.linter.lint import lint as lint_rules
from flask_bucketcors.core.dialects import Dialect
from flask_bucketcors.core.grants import VaryMode
from flask_bucketcors.core.hosts import PublicSuffix
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.documents import plain_configuration, read_configuration

AnyRules = RuleSet | str | bytes | Mapping[str, Any] | Iterable[Any] | None


def explain(
    rules: AnyRules,
    *,
    origin: str | None = None,
    method: str | None = "GET",
    headers: Iterable[str] = (),
    credentials: bool = False,
    kind: str | None = "preflight",
    dialect: Dialect | str = "cos",
    answer: Mapping[str, Any] | None = None,
    allow_credentials: bool = True,
    vary: VaryMode | str = VaryMode.SAFE,
) -> Explanation:
    """Say why a page's request fails under rules, and what to change.

    :param rules: in any form, valid or not.

    The other parameters are those of :func:`flask_bucketcors.analysis.explainer.explain.explain`.

    :raises ValueError: if the document cannot be read, or the dialect or the kind is unknown.
    """
    return explain_rules(
        _plain(rules),
        origin=origin,
        method=method,
        headers=headers,
        credentials=credentials,
        kind=kind,
        dialect=dialect,
        answer=answer,
        allow_credentials=allow_credentials,
        vary=vary,
    )


def lint(
    rules: AnyRules,
    dialect: Dialect | str = "cos",
    public_suffix: PublicSuffix | None = None,
    *,
    allow_credentials: bool = True,
) -> tuple[Finding, ...]:
    """Say what is dangerous, useless or otherwise worth knowing about rules.

    :param rules: in any form, valid or not.

    The other parameters are those of :func:`flask_bucketcors.analysis.linter.lint.lint`.

    :raises ValueError: if the document cannot be read, or the dialect is unknown.
    """
    return lint_rules(_plain(rules), dialect, public_suffix, allow_credentials=allow_credentials)


def diff(
    old: AnyRules,
    new: AnyRules,
    dialect: Dialect | str = "cos",
    *,
    allow_credentials: bool = True,
) -> Diff:
    """Say which requests two rule sets decide differently.

    :param old, new: in any form; they must be valid.

    The other parameters are those of :func:`flask_bucketcors.analysis.algebra.diff.diff`.

    :raises InvalidRules: with every problem of the rules.
    :raises ValueError: if a document cannot be read, or the dialect is unknown.
    """
    rules = _valid(old), _valid(new)
    return diff_rules(*rules, dialect, allow_credentials=allow_credentials)


def _plain(rules: AnyRules) -> Any:
    if rules is None or isinstance(rules, RuleSet):
        return rules
    return (
        read_configuration(rules) if isinstance(rules, (str, bytes)) else plain_configuration(rules)
    )


def _valid(rules: AnyRules) -> RuleSet | None:
    plain = _plain(rules)
    return plain if plain is None or isinstance(plain, RuleSet) else RuleSet.from_dict(plain)
