"""What a list of buckets says about each of them, for people who look for one."""

from collections.abc import Callable
from typing import NamedTuple

from flask_bucketcors.core.errors import StoredRulesInvalid
from flask_bucketcors.core.rules import RuleSet


class BucketSummary(NamedTuple):
    """A bucket that has rules, without the rules.

    :param bucket: its name.
    :param rule_count: how many rules it has; None if the stored rules are unreadable.
    :param version: identifies the write that stored them, as that of
        :class:`~flask_bucketcors.StoredRules` does.
    :param revision: the number of that write.
    :param time: when it happened, in seconds since 1970, UTC.
    :param author: who made it; None if nobody was named.
    """

    bucket: str
    rule_count: int | None
    version: str
    revision: int
    time: float
    author: str | None


def count_rules(parse: Callable[[], RuleSet]) -> int | None:
    """Count the rules that a function gives; None if they are unreadable."""
    try:
        return len(parse().rules)
    except StoredRulesInvalid:
        return None
