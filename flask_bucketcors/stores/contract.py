"""What every store does."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import NamedTuple, Protocol

from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.errors import InvalidBucketName
from flask_bucketcors.core.rules import RuleSet

# Entries of history that a store keeps for each bucket unless told otherwise.
HISTORY_LIMIT = 50


class HistoryEntry(NamedTuple):
    """One change to a bucket's rules.

    :param revision: the number of the change, growing within a store.
    :param time: when it happened, in seconds since 1970, UTC.
    :param author: who did it, as the caller of the store named them; None if nobody did.
    :param rule_set: the rules from then on; None if they were deleted.
    """

    revision: int
    time: float
    author: str | None
    rule_set: RuleSet | None


class StoredRules(NamedTuple):
    """A bucket's rules as they are stored.

    :param version: equal for two reads of a bucket only if its rules did not change between.
    :param parse: gives the rule set; raises StoredRulesInvalid if what is stored is none.
    """

    version: Hashable
    parse: Callable[[], RuleSet]


class Store(Protocol):
    """Rule sets by bucket, with their history.

    All methods raise :class:`~flask_bucketcors.core.errors.StoreUnavailable` when the store
    cannot be reached now.
    """

    def put(self, bucket: str, rules: RuleSet, author: str | None = None) -> int:
        """Replace the bucket's rules and give the new revision.

        :raises InvalidBucketName: if no bucket can have this name.
        """

    def put_many(self, pairs: Iterable[tuple[str, RuleSet]], author: str | None = None) -> int:
        """Replace the rules of many buckets, all or none, as one revision; give it.

        :raises InvalidBucketName: if no bucket can have one of the names; nothing is stored.
        """

    def get(self, bucket: str) -> RuleSet | None:
        """Give the bucket's rules; None if it has none.

        :raises StoredRulesInvalid: if what is stored is not a rule set.
        """

    def delete(self, bucket: str, author: str | None = None) -> int | None:
        """Delete the bucket's rules and give the new revision; None if there were none.

        The application's own deletion of a bucket calls this too, so that whoever makes a
        bucket of the same name later does not inherit rules.
        """

    def list(self, prefix: str = "", after: str = "", limit: int | None = None) -> Sequence[str]:
        """Give the names of buckets that have rules, sorted, from behind ``after``."""

    def history(self, bucket: str) -> Sequence[HistoryEntry]:
        """Give the bucket's changes that are still kept, newest first."""

    def rollback(self, bucket: str, revision: int, author: str | None = None) -> int:
        """Make the rules of an earlier revision a new revision, checked again; give it.

        :raises UnknownRevision: if the history holds no such rules.
        :raises StoredRulesInvalid: if they are not a rule set any more.
        """

    def read(self, bucket: str) -> StoredRules | None:
        """Give the bucket's rules unparsed, for whoever may know them already."""

    def signal(self) -> int:
        """Give a number that is another one after every acknowledged change, at little cost."""

    def check(self) -> Hashable:
        """Ask what rules are stored in for its revision; another value means: changed."""

    def close(self) -> None:
        """Let go of what is open. A store that is used again opens itself again."""


def require_bucket_name(bucket: str) -> None:
    """Refuse what can be no bucket's name.

    :raises InvalidBucketName: always then.
    """
    if not isinstance(bucket, str) or not is_bucket_name(bucket):
        raise InvalidBucketName(bucket)


def require_rule_set(rules: RuleSet) -> None:
    """Refuse what is not a rule set.

    :raises TypeError: always then.
    """
    if not isinstance(rules, RuleSet):
        raise TypeError(
            f"rules must be a RuleSet, not {type(rules).__name__}; write RuleSet([...])"
        )
