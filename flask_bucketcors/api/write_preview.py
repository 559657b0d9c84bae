"""What a write would do, for a page that shows it before somebody confirms.

Nothing is written. The page then shows the same refusals and findings as the write itself, because
both ask the same :class:`~flask_bucketcors.api.rules_writer.RulesWriter`.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from operator import attrgetter
from typing import Final, NamedTuple

from flask_bucketcors.analysis.linter.findings import Finding
from flask_bucketcors.api.put_review import Findings
from flask_bucketcors.api.rules_writer import RulesWriter
from flask_bucketcors.core.dialects import Dialect
from flask_bucketcors.core.errors import BucketCORSError, RulesChanged, StoredRulesInvalid
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.stores.contract import ANY_VERSION, Expected, StoredRules


class _Compared(NamedTuple):
    """A finding, and what must be equal for another one to be the same.

    :param if_moved: about a rule that stands in another place.
    :param if_edited: about a rule that has other values. One about a value may be about that of
        another rule; one about a rule has to be in the same place.
    """

    finding: Finding
    if_moved: Hashable
    if_edited: Hashable


_Key = Callable[[_Compared], Hashable]
_IF_MOVED: Final[_Key] = attrgetter("if_moved")
_IF_EDITED: Final[_Key] = attrgetter("if_edited")


class WritePreview(NamedTuple):
    """What a write would do.

    :param stored: the rules that it would replace; None if there are none. Pass their version as
        ``expected=`` when the write is confirmed.
    :param refusal: the error that the write would raise; None if it would succeed.
    :param findings: what lint finds in the new rules, even if they are refused; None if lint
        cannot judge them. A deletion has no findings.
    :param new_findings: those that the stored rules do not have; None if there are none to compare,
        because lint cannot judge the new rules.
    """

    stored: StoredRules | None
    refusal: BucketCORSError | None
    findings: Findings
    new_findings: Findings


def preview_write(
    writer: RulesWriter,
    bucket: str,
    rule_set: RuleSet | None,
    *,
    expected: Expected = ANY_VERSION,
    dialect: Dialect | None = None,
    is_rollback: bool = False,
) -> WritePreview:
    """Say what a write would do now, without writing.

    Other parameters are those of the methods of
    :class:`~flask_bucketcors.api.rules_writer.RulesWriter`.

    :param rule_set: the new rules; None to delete those that are stored.
    :param is_rollback: whether the write would be a rollback to these rules.
    :raises StoreUnavailable: if the store cannot be reached.
    """
    stored = writer.store.read(bucket)
    refusal = None
    try:
        if rule_set is not None:
            writer.admit(bucket, rule_set, dialect=dialect, in_full=True, is_rollback=is_rollback)
        if expected is not ANY_VERSION and expected != (stored.version if stored else None):
            raise RulesChanged(bucket)
        if rule_set is not None:
            writer.check_bucket(bucket)
    except BucketCORSError as error:
        refusal = error
    if rule_set is None:
        return WritePreview(stored, refusal, (), ())
    findings = writer.findings(rule_set, dialect)
    new = findings and _new_findings(writer, stored, rule_set, findings, dialect)
    return WritePreview(stored, refusal, findings, new)


def _new_findings(
    writer: RulesWriter,
    stored: StoredRules | None,
    rule_set: RuleSet,
    findings: Iterable[Finding],
    dialect: Dialect | None,
) -> tuple[Finding, ...]:
    before = _parse(stored)
    if before is None:
        return tuple(findings)
    numbers: dict[Hashable, int] = {}
    old = [*_compared(writer.findings(before, dialect) or (), before, numbers)]
    new = [*_compared(findings, rule_set, numbers)]
    # First the rules that are the same, so that only findings about edited ones remain.
    added, removed = _left(new, old, _IF_MOVED), _left(old, new, _IF_MOVED)
    return tuple(each.finding for each in _left(added, removed, _IF_EDITED))


def _parse(stored: StoredRules | None) -> RuleSet | None:
    try:
        return stored.parse() if stored else None
    except StoredRulesInvalid:
        return None


def _compared(
    findings: Iterable[Finding], rule_set: RuleSet, numbers: dict[Hashable, int]
) -> Iterator[_Compared]:
    """Say by what findings are compared.

    :param numbers: of rules that differ in more than their ID; new ones are added.
    """
    contents = [
        (
            each.allowed_origins,
            each.allowed_methods,
            each.allowed_headers,
            each.expose_headers,
            each.max_age_seconds,
        )
        for each in rule_set.rules
    ]
    rules = [numbers.setdefault(each, len(numbers)) for each in contents]
    for each in findings:
        about = (each.check, each.field, each.value)
        rule = None if each.rule is None else rules[each.rule]
        place = each.rule if each.value is None else None
        yield _Compared(each, (*about, rule), (*about, place))


def _left(findings: Iterable[_Compared], others: Iterable[_Compared], key: _Key) -> list[_Compared]:
    """Give the findings that are not among the others, each as often as it is missing there."""
    known = Counter(map(key, others))
    left = []
    for each in findings:
        if known[key(each)] > 0:
            known[key(each)] -= 1
        else:
            left.append(each)
    return left
