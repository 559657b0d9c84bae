"""What lint found in a bucket's rules: one entry for each check, and tags beside the values."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from flask_bucketcors.analysis.linter.findings import Finding, worst_first
from flask_bucketcors.analysis.mistakes import Check, Severity

#: How severities are called here.
SEVERITY_NAMES: Final[Mapping[Severity, str]] = {
    Severity.DANGER: "danger",
    Severity.WARNING: "warning",
    Severity.ADVICE: "hint",
}


class FindingGroup(NamedTuple):
    """The findings of one check.

    :param severity: its name.
    :param rules: the numbers of the rules that they are about, from 1; none if they are about the
        rules as a whole.
    :param first: the finding that the entry explains; tags show where the others are.
    :param more: how many others there are.
    """

    check: Check
    severity: str
    rules: Sequence[int]
    first: Finding
    more: int


class Tag(NamedTuple):
    """A mark beside a value, or a rule.

    :param kind: the severity.
    """

    kind: str
    text: str


#: Tags by what they stand beside: the field and the index of the value in it; None for the field
#: as a whole, or the rule as a whole.
TagsOfRule = Mapping[tuple[str | None, int | None], Sequence[Tag]]


def group_findings(findings: Iterable[Finding]) -> list[FindingGroup]:
    """Put the findings of each check together, the worst first."""
    by_check: dict[Check, list[Finding]] = {}
    for each in worst_first(findings):
        by_check.setdefault(each.check, []).append(each)
    return [_group(check, found) for check, found in by_check.items()]


def _group(check: Check, findings: Sequence[Finding]) -> FindingGroup:
    rules = sorted({each.rule + 1 for each in findings if each.rule is not None})
    severity = SEVERITY_NAMES[check.severity]
    return FindingGroup(check, severity, rules, findings[0], len(findings) - 1)


def count_findings(findings: Iterable[Finding]) -> list[tuple[Severity, int, str]]:
    """Give how many findings there are of each severity, with its name, the worst first."""
    counts = Counter(each.severity for each in findings)
    return [(each, counts[each], SEVERITY_NAMES[each]) for each in Severity if counts[each]]


def tags_by_rule(findings: Iterable[Finding]) -> Mapping[int, TagsOfRule]:
    """Give the tags of each rule, by its index from 0; the worst first."""
    found: dict[int, dict[tuple[str | None, int | None], dict[Tag, None]]]
    found = defaultdict(lambda: defaultdict(dict))
    for each in worst_first(findings):
        if each.rule is not None:
            tag = Tag(each.severity, each.check.title)
            found[each.rule][each.field, each.index][tag] = None
    return {
        rule: {place: tuple(tags) for place, tags in places.items()}
        for rule, places in found.items()
    }
