"""Writes to a store that say what they changed."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from flask_bucketcors.api.result_memo import ResultMemo
from flask_bucketcors.core.dialects import Dialect
from flask_bucketcors.core.errors import RulesChanged, StoredRulesInvalid
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.stores.contract import ANY_VERSION, Expected, LastWrite, Store, StoredRules
from flask_bucketcors.stores.history_entry import PastChange

if TYPE_CHECKING:
    from flask_bucketcors.api.change_summary import RulesChange

logger: Final = logging.getLogger("flask_bucketcors.changes")

_UNREADABLE: Final = "the rules before cannot be read"

# A write gives None if there is nothing to do.
_Revision = TypeVar("_Revision", int, int | None)
# The rules that a write replaced, by bucket; None if they are not known.
_Replaced = Mapping[str, StoredRules | None] | None
#: Gives the default rules that apply to a bucket; None if there are none.
FindDefaultRules = Callable[[str], RuleSet | None]
#: What a write changed, by bucket; empty if nobody reads it.
Changes = Mapping[str, "RulesChange"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteObserver:
    """Finds out what writes to a store change.

    :param compares: whether to find that out even if the log does not have it.
    :param allow_credentials: see :func:`~flask_bucketcors.diff`.
    :param find_default_rules: gives what decides requests to a bucket without rules.
    """

    store: Store
    compares: bool
    allow_credentials: bool
    find_default_rules: FindDefaultRules | None = None
    _memo: ResultMemo[tuple[str, ...]] = field(
        default_factory=ResultMemo, init=False, compare=False, repr=False
    )

    def write(
        self,
        write: Callable[[Mapping[str, Expected]], _Revision],
        after: Mapping[str, RuleSet | None],
        author: str | None,
        expected: Expected,
        dialect: Dialect,
    ) -> tuple[_Revision, Changes]:
        """Write, and give the revision and what has changed.

        :param write: takes the expected version of each bucket, and gives the revision.
        :param after: the rules that it stores, by bucket; None deletes them.
        :param expected: which rules each of the buckets must have now.
        :raises RulesChanged: if a bucket has other rules than expected.
        """
        given = dict.fromkeys(after, expected)
        if not self._is_read:
            return write(given), {}
        revision, replaced = self._replace(write, given)
        if revision is None:
            return revision, {}
        changes = {
            bucket: self._change(
                bucket, revision, author, _parse(bucket, replaced), rule_set, dialect
            )
            for bucket, rule_set in after.items()
        }
        return revision, changes

    def compare(
        self,
        revision: int,
        before: Mapping[str, LastWrite],
        after: Mapping[str, PastChange],
        dialect: Dialect,
    ) -> Changes:
        """Give what a write of a revision has changed.

        :param before: the last writes before it, by bucket.
        :param after: the last changes that it stored, by bucket.
        """
        if not self._is_read:
            return {}
        return {
            bucket: self._change(
                bucket, revision, change.author, _known(before[bucket]), change.rules, dialect
            )
            for bucket, change in after.items()
        }

    @property
    def _is_read(self) -> bool:
        return self.compares or logger.isEnabledFor(logging.INFO)

    def _change(
        self,
        bucket: str,
        revision: int,
        author: str | None,
        replaced: tuple[RuleSet | None, str],
        after: RuleSet | None,
        dialect: Dialect,
    ) -> "RulesChange":
        # Serving requests needs no comparison of rules, so the first write imports it.
        from flask_bucketcors.api.change_summary import RulesChange

        before, unknown = replaced
        return RulesChange(
            bucket=bucket,
            revision=revision,
            author=author,
            before=before,
            after=after,
            unknown=unknown,
            dialect=dialect,
            allow_credentials=self.allow_credentials,
            memo=self._memo,
            default=self.find_default_rules(bucket) if self.find_default_rules else None,
        )

    def _replace(
        self,
        write: Callable[[Mapping[str, Expected]], _Revision],
        given: Mapping[str, Expected],
    ) -> tuple[_Revision, _Replaced]:
        """Write, and give the rules that were replaced.

        They are read first. The store then compares their versions with those of the rules that it
        replaces.
        """
        read = {bucket: self.store.read(bucket) for bucket in given}
        versions = {bucket: stored.version if stored else None for bucket, stored in read.items()}
        is_any = ANY_VERSION in given.values()
        wanted: Mapping[str, Expected] = versions if is_any else given
        try:
            revision = write(wanted)
        except RulesChanged:
            if not is_any:
                raise
            # Somebody else has written in the meantime, which must not stop this write.
            return write(given), None
        # None as the expected version also fits if the rules that were read are deleted by now.
        return revision, {each: read[each] if wanted[each] else None for each in given}


def log_changes(changes: Changes) -> None:
    """Write a line for each change, if the log has them.

    This compares rules, which takes time.
    """
    if logger.isEnabledFor(logging.INFO):
        for change in changes.values():
            change.log()


def _parse(bucket: str, replaced: _Replaced) -> tuple[RuleSet | None, str]:
    """Give the rules that were replaced, or why they are not known."""
    if replaced is None:
        return None, "somebody else changed them at the same moment"
    stored = replaced[bucket]
    try:
        return (stored.parse() if stored else None), ""
    except StoredRulesInvalid:
        return None, _UNREADABLE


def _known(write: LastWrite) -> tuple[RuleSet | None, str]:
    if write.version is None or write.change is None:
        return None, ""
    return write.change.rule_set, _UNREADABLE if write.change.unreadable else ""
