"""Edits of a rule set as values, which you can show, compare and apply later.

Indexes count from 0, as in ``RuleSet.rules``, ``Finding.rule`` and ``RuleTrace.rule``. Only the
text of an edit (``str(edit)``) counts from 1.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from flask_bucketcors.core.errors import BucketCORSError
from flask_bucketcors.core.rules import Rule, RuleSet


class NoSuchRule(BucketCORSError, LookupError):
    """An edit names a position that the rule set does not have.

    :param index: the position, from 0.
    :param places: the number of positions.
    """

    def __init__(self, index: int, places: int) -> None:
        instead = f"write a number from 1 to {places}" if places else "the bucket has no rules"
        super().__init__(f"there is no rule {index + 1}: {instead}")


class RuleEdit(ABC):
    """One change of a rule set."""

    __slots__ = ()

    def apply(self, rule_set: RuleSet | None) -> RuleSet:
        """Give the rules after the edit.

        :param rule_set: is not changed; None for a bucket without rules.
        :raises NoSuchRule: if the edit names a rule that is not there.
        :raises InvalidRules: if no rule would remain; delete the rules of the bucket instead.
        """
        rules = list(rule_set.rules) if rule_set else []
        self._edit(rules)
        return RuleSet(rules, self._response_vary(rule_set))

    @abstractmethod
    def _edit(self, rules: list[Rule]) -> None:
        """Change the list of rules."""

    def _response_vary(self, rule_set: RuleSet | None) -> bool | None:
        return rule_set.response_vary if rule_set else None


@dataclass(frozen=True, slots=True)
class AddRule(RuleEdit):
    """Add a rule.

    :param rule: the new rule.
    :param index: its index; the rules from there on move down. None adds it at the end.
    :param response_vary: the value for a bucket without rules; a bucket with rules keeps its own.
    """

    rule: Rule
    index: int | None = None
    response_vary: bool | None = None

    def _edit(self, rules: list[Rule]) -> None:
        index = len(rules) if self.index is None else self.index
        rules.insert(_place(index, len(rules) + 1), self.rule)

    def _response_vary(self, rule_set: RuleSet | None) -> bool | None:
        return rule_set.response_vary if rule_set else self.response_vary

    def __str__(self) -> str:
        where = "" if self.index is None else f" as rule {self.index + 1}"
        headers = self.rule.allowed_headers
        beside = f" and the headers {_listed(headers)}" if headers else ""
        methods = ", ".join(self.rule.allowed_methods)
        return f"add a rule for {_listed(self.rule.allowed_origins)} with {methods}{beside}{where}"


@dataclass(frozen=True, slots=True)
class ReplaceRule(RuleEdit):
    """Replace a rule.

    :param index: index of the old rule.
    :param rule: the new rule.
    :param to: index of the new rule; None for that of the old one.
    """

    index: int
    rule: Rule
    to: int | None = None

    def _edit(self, rules: list[Rule]) -> None:
        del rules[_place(self.index, len(rules))]
        to = self.index if self.to is None else self.to
        rules.insert(_place(to, len(rules) + 1), self.rule)

    def __str__(self) -> str:
        where = "" if self.to is None else f" and move it to place {self.to + 1}"
        return f"replace rule {self.index + 1}{where}"


@dataclass(frozen=True, slots=True)
class DeleteRule(RuleEdit):
    """Delete a rule.

    :param index: index of the rule.
    """

    index: int

    def _edit(self, rules: list[Rule]) -> None:
        del rules[_place(self.index, len(rules))]

    def __str__(self) -> str:
        return f"delete rule {self.index + 1}"


@dataclass(frozen=True, slots=True)
class MoveRule(RuleEdit):
    """Move a rule.

    :param index: index of the rule.
    :param to: its new index.
    """

    index: int
    to: int

    def _edit(self, rules: list[Rule]) -> None:
        rule = rules.pop(_place(self.index, len(rules)))
        rules.insert(_place(self.to, len(rules) + 1), rule)

    def __str__(self) -> str:
        if self.to == self.index:
            return f"leave rule {self.index + 1} in its place"
        side = "above" if self.to < self.index else "below"
        return f"move rule {self.index + 1} {side} rule {self.to + 1}"


@dataclass(frozen=True, slots=True)
class SetResponseVary(RuleEdit):
    """Turn ResponseVary on or off.

    :param response_vary: the new value; None removes it.
    """

    response_vary: bool | None

    def _edit(self, rules: list[Rule]) -> None:
        """Leave the rules as they are."""

    def _response_vary(self, rule_set: RuleSet | None) -> bool | None:
        return self.response_vary

    def __str__(self) -> str:
        if self.response_vary is None:
            return "remove ResponseVary"
        return f"turn ResponseVary {'on' if self.response_vary else 'off'}"


def _place(index: int, places: int) -> int:
    if not 0 <= index < places:
        raise NoSuchRule(index, places)
    return index


def _listed(values: Sequence[str]) -> str:
    return ", ".join(map(repr, values))
