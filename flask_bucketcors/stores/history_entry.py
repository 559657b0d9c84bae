"""One change to a bucket's rules, as the history of every store tells it."""

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

from flask_bucketcors.core.errors import StoredRulesInvalid
from flask_bucketcors.core.rules import RuleSet


class HistoryEntry:
    """One change to a bucket's rules.

    :param revision: the number of the change. Numbers grow within a store.
    :param time: when it happened, in seconds since 1970, UTC.
    :param author: who made it, as passed to the store; None if nothing was passed.
    :param rules: the rules from then on; None if they were deleted. A store may pass a function
        that gives them, or raises StoredRulesInvalid. It is called when somebody first reads
        :attr:`rule_set` or :attr:`unreadable`, so that a list of changes needs no parsing.
    """

    def __init__(
        self,
        revision: int,
        time: float,
        author: str | None,
        rules: RuleSet | Callable[[], RuleSet] | None,
    ) -> None:
        self.revision = revision
        self.time = time
        self.author = author
        self._rules = rules

    @property
    def rule_set(self) -> RuleSet | None:
        """The rules from then on; None if they were deleted, or are unreadable."""
        return self._parsed[0]

    @property
    def unreadable(self) -> str | None:
        """Why the stored text is not a rule set; None if it is one, or if there is none."""
        return self._parsed[1]

    @cached_property
    def _parsed(self) -> tuple[RuleSet | None, str | None]:
        if self._rules is None or isinstance(self._rules, RuleSet):
            return self._rules, None
        try:
            return self._rules(), None
        except StoredRulesInvalid as error:
            return None, str(error)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HistoryEntry) and self._fields == other._fields

    def __hash__(self) -> int:
        return hash((self.revision, self.time, self.author))

    def __repr__(self) -> str:
        return f"HistoryEntry{self._fields!r}"

    @property
    def _fields(self) -> tuple[object, ...]:
        return (self.revision, self.time, self.author, *self._parsed)


class PastChange(NamedTuple):
    """One change to a bucket's rules that happened in another store.

    :param time: when it happened, in seconds since 1970, UTC.
    :param author: who made it; None if nobody was named.
    :param rules: the rules from then on; None if they were deleted.
    """

    time: float
    author: str | None
    rules: RuleSet | None

    @classmethod
    def of(cls, entry: HistoryEntry) -> "PastChange":
        """Give an entry of a history without its revision, to compare it with other stores'."""
        return cls(entry.time, entry.author, entry.rule_set)
