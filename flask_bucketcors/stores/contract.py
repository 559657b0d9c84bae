"""What every store does.

Words for change, from the outside in: a **revision** numbers the changes of a store for
people. A **signal** is a cell whose number is another one after each acknowledged change, cheap
enough to be read by every request. The **state** is what the store itself says, which costs
more and misses nothing. A **version** is the same for one bucket: it changes when that bucket's
rules do.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.errors import InvalidBucketName, UnknownRevision
from flask_bucketcors.core.rules import RuleSet

# Entries of history that a store keeps for each bucket unless told otherwise.
HISTORY_LIMIT = 50
# SQLite counts no further. No store holds as many rows, so a larger limit is none.
MAX_COUNT: Final = 2**63 - 1


class HistoryEntry(NamedTuple):
    """One change to a bucket's rules.

    :param revision: the number of the change, growing within a store.
    :param time: when it happened, in seconds since 1970, UTC.
    :param author: who did it, as the caller of the store named them; None if nobody did.
    :param rule_set: the rules from then on; None if they were deleted, or are unreadable.
    :param unreadable: why what was stored is no rule set; None if it is one, or was deleted.
    """

    revision: int
    time: float
    author: str | None
    rule_set: RuleSet | None
    unreadable: str | None = None


class StoredRules(NamedTuple):
    """A bucket's rules as they are stored.

    :param version: equal for two reads of a bucket only if its rules did not change between.
    :param parse: gives the rule set; raises StoredRulesInvalid if what is stored is none.
    """

    version: Hashable
    parse: Callable[[], RuleSet]


class Signal(Protocol):
    """A list, a memoryview, or what else has a number at index 0. Reading it raises nothing."""

    def __getitem__(self, index: int, /) -> int: ...


class Store(ABC):
    """Rule sets by bucket, with their history.

    A write is one transaction: rules, history and revision change together or not at all. All
    methods raise :class:`~flask_bucketcors.StoreUnavailable` when the store cannot be reached.

    :param history_limit: entries of history to keep for each bucket, at least 1.
    """

    def __init__(self, *, history_limit: int = HISTORY_LIMIT) -> None:
        if history_limit < 1:
            raise ValueError(f"history_limit is {history_limit!r}: write a whole number from 1")
        self._history_limit = min(history_limit, MAX_COUNT)

    def put(self, bucket: str, rules: RuleSet, author: str | None = None) -> int:
        """Replace the bucket's rules and give the new revision.

        :raises InvalidBucketName: if no bucket can have this name.
        """
        return self.put_many([(bucket, rules)], author)

    def put_many(self, pairs: Iterable[tuple[str, RuleSet]], author: str | None = None) -> int:
        """Replace the rules of many buckets, all or none, as one revision; give it.

        Of a bucket that comes twice the last rules count.

        :raises InvalidBucketName: if no bucket can have one of the names; nothing is stored.
        """
        # Read whole before anything changes: the pairs may come from a generator that fails.
        rule_sets = {}
        for bucket, rules in pairs:
            _check_pair(bucket, rules)
            rule_sets[bucket] = rules
        return self._put_all(rule_sets, author)

    def get(self, bucket: str) -> RuleSet | None:
        """Give the bucket's rules; None if it has none.

        :raises StoredRulesInvalid: if what is stored is not a rule set.
        """
        stored = self.read(bucket)
        return stored.parse() if stored else None

    def rollback(self, bucket: str, revision: int, author: str | None = None) -> int:
        """Make the rules of an earlier revision a new revision, checked again; give it.

        :raises UnknownRevision: if the history holds no rules of that revision.
        """
        for entry in self.history(bucket):
            if entry.revision == revision and entry.rule_set is not None:
                return self.put(bucket, entry.rule_set, author)
        raise UnknownRevision(
            f"bucket {bucket!r} has no rules of revision {revision!r}; see store.history(bucket)"
        )

    @property
    @abstractmethod
    def revision(self) -> int:
        """The number of the last change; 0 before the first."""

    @abstractmethod
    def delete(
        self, bucket: str, author: str | None = None, *, revision: int | None = None
    ) -> int | None:
        """Delete the bucket's rules and give the new revision; None if there were none.

        Whoever asks afterwards sees none, in both cases: the signal may have to change in the
        second one as well.

        :param revision: delete only rules that this revision put there, and leave later ones
            alone; it gives None then.

        The application's own deletion of a bucket calls this too, so that whoever makes a
        bucket of the same name later does not inherit rules.
        """

    @abstractmethod
    def list(self, prefix: str = "", after: str = "", limit: int | None = None) -> Sequence[str]:
        """Give the names of buckets that have rules, sorted, from behind ``after``."""

    @abstractmethod
    def history(self, bucket: str) -> Sequence[HistoryEntry]:
        """Give the bucket's changes that are still kept, newest first."""

    @abstractmethod
    def read(self, bucket: str) -> StoredRules | None:
        """Give the bucket's rules unparsed, for whoever may know them already."""

    @abstractmethod
    def signal(self) -> Signal:
        """Give a cell whose ``[0]`` is another number after every acknowledged change.

        Whoever keeps the cell reads it as often as he likes, and asks for it again about once a
        second, for it may be replaced; each time he reads it first and then asks for the state.
        """

    @abstractmethod
    def state(self) -> Hashable:
        """Ask where the rules are kept; another value than before means that some changed."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what is open. A store that is used again opens itself again."""

    @abstractmethod
    def _put_all(self, rule_sets: Mapping[str, RuleSet], author: str | None) -> int:
        """Store checked rule sets under checked names as one revision; give it.

        Without any, give the revision that there is. The signal may have to change in that
        case as well: the caller may have left out rules that another process has just put.
        """


def _check_pair(bucket: object, rules: object) -> None:
    if not isinstance(bucket, str) or not is_bucket_name(bucket):
        raise InvalidBucketName(bucket)
    if not isinstance(rules, RuleSet):
        found = type(rules).__name__
        raise TypeError(f"rules must be a RuleSet, not {found}; write RuleSet([...])")
