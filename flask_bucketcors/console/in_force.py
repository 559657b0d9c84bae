"""Which rules decide requests to a bucket: its own, or the default rules."""

from typing import NamedTuple

from flask_bucketcors.console.visit import Visit
from flask_bucketcors.core.rules import RuleSet


class InForce(NamedTuple):
    """The rules that decide.

    :param rule_set: None for no rules.
    :param is_default: whether they are the default rules.
    """

    rule_set: RuleSet | None
    is_default: bool = False


def find_in_force(visit: Visit) -> InForce:
    """Give the rules that decide requests to the bucket of a visit.

    :raises StoredRulesInvalid: if the stored text is not a rule set.
    """
    own, find = visit.rule_set, visit.console.writer.find_default_rules
    if own is not None or find is None:
        return InForce(own)
    default = find(visit.bucket)
    return InForce(default, default is not None)
