"""What a write changed, in a few words: for the log, and for the commands that write rules."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from flask_bucketcors.analysis.algebra.diff import Change, diff
from flask_bucketcors.api.result_memo import ResultMemo
from flask_bucketcors.core.dialects import Dialect
from flask_bucketcors.core.errors import TooIntricate
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.log_fields import fields

logger: Final = logging.getLogger("flask_bucketcors.changes")

_CHANGED: Final = "rules of bucket %.300r: revision %d by %.200r, %s; %s"
_NOT_COMPARED: Final = "comparing the rules of bucket %.300r failed"

# How many origins, or other values of one kind, a text names.
_MAX_NAMED: Final = 2
_MAX_TEXT: Final = 200


@dataclass(frozen=True, kw_only=True)
class RulesChange:
    """A write to the rules of a bucket.

    :param author: as passed to the store.
    :param before, after: the rules; None for no rules.
    :param default: the rules that decide if there are no rules; None if there are none either.
    :param unknown: why the rules before are not known; ``""`` if they are.
    :param dialect, allow_credentials: the form of the responses.
    :param memo: of the effects of earlier changes.
    """

    bucket: str
    revision: int
    author: str | None
    before: RuleSet | None
    after: RuleSet | None
    unknown: str
    dialect: Dialect
    allow_credentials: bool
    default: RuleSet | None = None
    memo: ResultMemo[tuple[str, ...]] = field(default_factory=ResultMemo, repr=False, compare=False)

    @property
    def counts(self) -> str:
        """The numbers of rules after the write and before it, in words."""
        before = "unknown" if self.unknown else len(self.before.rules) if self.before else "none"
        return f"{_count(self.after)} ({before} before)"

    @cached_property
    def effects(self) -> tuple[str, ...]:
        """What is newly allowed, and what is no longer allowed."""
        if self.unknown:
            return (f"not compared: {self.unknown}",)
        try:
            before, after = self.before or self.default, self.after or self.default
            context = (self.dialect, self.allow_credentials)
            return self.memo.find((before, after), context, lambda: self._compare(before, after))
        except TooIntricate as error:
            return (f"not compared: it takes more than {error.number:,} {error.bound}",)
        except Exception as error:
            # The rules are stored by now, so the write must not fail.
            said = fields("comparison_failed", bucket=self.bucket, error=error)
            logger.exception(_NOT_COMPARED, self.bucket, extra=said)
            return ("not compared: comparing them failed",)

    def log(self) -> None:
        """Write a line to the log."""
        logger.info(
            _CHANGED,
            self.bucket,
            self.revision,
            self.author,
            self.counts,
            "; ".join(ascii(each)[1:-1] for each in self.effects),
            extra=self._fields(),
        )

    def _fields(self) -> Mapping[str, object]:
        return fields(
            "rules_changed",
            bucket=self.bucket,
            revision=self.revision,
            author=self.author,
            rules=_number(self.after),
            rules_before=None if self.unknown else _number(self.before),
            effects=self.effects,
        )

    def _compare(self, before: RuleSet | None, after: RuleSet | None) -> tuple[str, ...]:
        changes = diff(before, after, self.dialect, allow_credentials=self.allow_credentials)
        # What is different for a browser, such as "credentials".
        aspects = sorted({name for each in changes for name in each.aspects})
        groups = {
            "newly allowed": changes.newly_allowed,
            "no longer allowed": changes.no_longer_allowed,
            f"on other terms ({', '.join(aspects)})": changes.on_other_terms,
        }
        said = tuple(f"{title}: {_said(group)}" for title, group in groups.items() if group)
        return said or ("every request is treated as before",)


def _said(changes: Sequence[Change]) -> str:
    text = changes[0].region.in_words(_MAX_NAMED)
    if len(text) > _MAX_TEXT:
        text = f"{text[:_MAX_TEXT]}..."
    more = len(changes) - 1
    return f"{text}; and {more} more" if more else text


def _number(rule_set: RuleSet | None) -> int:
    return len(rule_set.rules) if rule_set else 0


def _count(rule_set: RuleSet | None) -> str:
    if rule_set is None:
        return "no rules"
    count = len(rule_set.rules)
    return "1 rule" if count == 1 else f"{count} rules"
