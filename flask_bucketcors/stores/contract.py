"""The contract of every store.

Four words for change. A **revision** numbers the changes of a store, for people. A **signal** is
a cell that holds another number after each acknowledged change; reading it is cheap enough for
every request. The **state** is what the store itself reports, which costs more and misses nothing.
A **version** identifies one write to one bucket: editors pass it back as ``expected=``, and caches
compare it.
"""

from abc import ABC, abstractmethod
from collections.abc import (
    Callable,
    Collection,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
    Set,
)
from enum import Enum
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.errors import HistoryNotTaken, UnknownRevision
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.signals import rules_changed, send
from flask_bucketcors.stores.bucket_summary import BucketSummary, count_rules
from flask_bucketcors.stores.checked_arguments import (
    MAX_COUNT,
    check_author,
    check_pair,
    checked_changes,
    checked_limit,
    checked_revision,
)
from flask_bucketcors.stores.health import CopyHealth, HealthNote
from flask_bucketcors.stores.history_entry import HistoryEntry, PastChange

# How many entries of history a store keeps for each bucket by default.
HISTORY_LIMIT = 50


# Methods that have a default, and those that it calls.
_DERIVED: Final[Mapping[str, Set[str]]] = {
    "changes_since": {"read", "state"},
    "last_change": {"_history"},
    "histories": {"_history"},
    "last_writes": {"read", "_history", "last_change"},
    "_list_with_history": {"_list"},
    "_put_with_history": {"_put_all", "_delete"},
    "_summaries": {"read", "_list", "_history", "last_change"},
}


class AnyVersion(Enum):
    """The type of :data:`ANY_VERSION`."""

    ANY = "any"


#: As ``expected=``: write in any case.
ANY_VERSION: Final = AnyVersion.ANY

#: Which rules a bucket must have for a write to happen: those of a :attr:`StoredRules.version`,
#: none (None), or any (:data:`ANY_VERSION`).
Expected = str | AnyVersion | None
#: A version, or None for no rules, by bucket.
Versions = Mapping[str, str | None]


class StoredRules(NamedTuple):
    """A bucket's rules as they are stored.

    :param version: identifies the write that stored these rules. Two reads of a bucket give equal
        versions only if nothing was written to it in between. Rules that are replaced, and later
        put back, have another version, even if the text is the same. It is ASCII text, so that a
        page can hold it.
    :param revision: the number of that write.
    :param parse: gives the rule set; raises StoredRulesInvalid if the stored text is not one.
    """

    version: str
    revision: int
    parse: Callable[[], RuleSet]


class LastWrite(NamedTuple):
    """The last write to a bucket.

    :param version: that of the rules that the bucket has; None if it has none.
    :param change: what the write changed; None if the bucket never had rules.
    """

    version: str | None
    change: HistoryEntry | None


class Changes(NamedTuple):
    """What changed in a store since an earlier state.

    :param state: the state of the store now.
    :param buckets: the names of all buckets whose rules may have changed; None for any.
    """

    state: Hashable
    buckets: Collection[str] | None


class Reach(Enum):
    """Which processes use a change of the rules in a store."""

    #: One process. Other processes have other rules, or none.
    PROCESS = "process"
    #: All processes of one machine.
    MACHINE = "machine"
    #: All hosts that have the same server.
    HOSTS = "hosts"


class Signal(Protocol):
    """A list, a memoryview or another object with a number at index 0. Reading it never raises."""

    def __getitem__(self, index: int, /) -> float: ...


class Store(ABC):
    """Rule sets by bucket, with their history.

    A write is one transaction: rules, history and revision change together or not at all. All
    methods raise :class:`~flask_bucketcors.StoreUnavailable` when the store cannot be reached.

    Two people may edit the rules of one bucket. Pass the version that you read as ``expected=``,
    so that you do not overwrite a change you have not seen::

        stored = store.read("photos")
        store.put("photos", new_rules, expected=stored.version if stored else None)

    The store compares it inside the transaction and raises
    :class:`~flask_bucketcors.RulesChanged` if the bucket has other rules by then. None stands for
    "the bucket has no rules": it also fits if rules were put and deleted in the meantime, as there
    is nothing to overwrite.

    Requests of browsers call :meth:`signal`, :meth:`changes_since`, :meth:`state` and
    :meth:`read`. These four must never wait for a network: a server that hangs would stop the
    whole application. A store that has to wait sets :attr:`serves_requests` to False. All other
    methods may wait: writes, lists, the history, and what commands and the console call.

    :param history_limit: entries of history to keep for each bucket, at least 1.
    """

    def __init__(self, *, history_limit: int = HISTORY_LIMIT) -> None:
        if history_limit < 1:
            raise ValueError(f"history_limit is {history_limit!r}: write a whole number from 1")
        self._history_limit = min(history_limit, MAX_COUNT)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # What a base finds faster is not that of rules that come from somewhere else.
        for name, sources in _DERIVED.items():
            if name not in vars(cls) and not sources.isdisjoint(vars(cls)):
                setattr(cls, name, getattr(Store, name))

    def put(
        self,
        bucket: str,
        rules: RuleSet,
        author: str | None = None,
        *,
        expected: Expected = ANY_VERSION,
    ) -> int:
        """Replace the bucket's rules and give the new revision.

        :param author: who makes the change, for the history; at most 256 characters.
        :param expected: see :class:`Store`.
        :raises InvalidBucketName: if no bucket can have this name.
        :raises RulesChanged: if the bucket has other rules than expected.
        :raises ValueError: if the author's name is too long, or UTF-8 cannot encode it.
        """
        return self.put_many([(bucket, rules)], author, expected={bucket: expected})

    def put_many(
        self,
        pairs: Iterable[tuple[str, RuleSet]],
        author: str | None = None,
        *,
        expected: Mapping[str, Expected] = MappingProxyType({}),
    ) -> int:
        """Replace the rules of many buckets, all or none, as one revision, and give it.

        If a bucket occurs twice, its last rules count.

        :param expected: which rules some of these buckets must have now, by name.
        :raises InvalidBucketName: if no bucket can have one of the names; nothing is stored.
        :raises RulesChanged: if one of the buckets has other rules than expected; nothing is
            stored.
        :raises ValueError: if ``expected`` names a bucket that is not put, or the author's name is
            too long, or UTF-8 cannot encode it.
        """
        check_author(author)
        # Read all pairs before anything changes: they may come from a generator that fails.
        rule_sets = {}
        for bucket, rules in pairs:
            check_pair(bucket, rules)
            rule_sets[bucket] = rules
        _check_named(expected, rule_sets)
        revision = self._put_all(rule_sets, author, _versions(expected))
        self._announce(revision, ((bucket, rules, author) for bucket, rules in rule_sets.items()))
        return revision

    def put_with_history(
        self,
        pairs: Iterable[tuple[str, Sequence[PastChange]]],
        *,
        expected: Mapping[str, Expected] = MappingProxyType({}),
    ) -> int:
        """Append changes from another store to the histories of many buckets, all or none.

        The changes of a bucket are in order, the oldest first. They keep their times and authors.
        The last one says which rules the bucket has from now on; if it is a deletion, the bucket
        has none. The last changes of all buckets get the same new revision, which this method
        gives, and the changes before them the numbers before it. Each bucket keeps as many changes
        as ``history_limit`` says.

        If a bucket occurs twice, its last changes count. Without pairs, nothing is stored.

        :param expected: which rules some of these buckets must have now, by name; see
            :class:`Store`.
        :raises HistoryNotTaken: if the store has no such method.
        :raises InvalidBucketName: if no bucket can have one of the names; nothing is stored.
        :raises RulesChanged: if one of the buckets has other rules than expected; nothing is
            stored.
        :raises ValueError: if ``expected`` names a bucket that is not put, a bucket has no
            changes, or a time or the name of an author cannot be stored.
        """
        kept = self.history_limit
        histories = {bucket: checked_changes(bucket, changes)[-kept:] for bucket, changes in pairs}
        _check_named(expected, histories)
        if not histories:
            return self.revision
        revision = self._put_with_history(histories, _versions(expected))
        last = {bucket: changes[-1] for bucket, changes in histories.items()}
        self._announce(revision, ((name, each.rules, each.author) for name, each in last.items()))
        return revision

    def delete(
        self, bucket: str, author: str | None = None, *, expected: Expected = ANY_VERSION
    ) -> int | None:
        """Delete the bucket's rules and give the new revision; None if there were none.

        Call this when your application deletes a bucket, too: the next bucket of that name must
        not inherit its rules.

        :param expected: see :class:`Store`.
        :raises RulesChanged: if the bucket has other rules than expected.
        :raises ValueError: if the author's name is too long, or UTF-8 cannot encode it.
        """
        check_author(author)
        if not is_bucket_name(bucket):
            return None
        revision = self._delete(bucket, author, _versions({bucket: expected}))
        if revision is not None:
            self._announce(revision, [(bucket, None, author)])
        return revision

    def _announce(
        self, revision: int, changes: Iterable[tuple[str, RuleSet | None, str | None]]
    ) -> None:
        """Tell receivers of a signal which rules buckets have now, and whose change it is."""
        if rules_changed.receivers:
            for bucket, rules, author in changes:
                values = {"bucket": bucket, "rules": rules, "revision": revision, "author": author}
                send(rules_changed, self, **values)

    def get(self, bucket: str) -> RuleSet | None:
        """Give the bucket's rules; None if it has none.

        :raises StoredRulesInvalid: if the stored text is not a rule set.
        """
        stored = self.read(bucket)
        return stored.parse() if stored else None

    def rollback(
        self,
        bucket: str,
        revision: int,
        author: str | None = None,
        *,
        expected: Expected = ANY_VERSION,
    ) -> int:
        """Put the rules of an earlier revision, checked again, and give the new revision.

        :param expected: which rules the bucket must have now; see :class:`Store`.
        :raises UnknownRevision: if the history holds no rules of that revision.
        :raises RulesChanged: if the bucket has other rules than expected.
        """
        # Read outside the transaction: the rules of a revision never change.
        return self.put(bucket, self.get_revision(bucket, revision), author, expected=expected)

    def get_revision(self, bucket: str, revision: int) -> RuleSet:
        """Give the rules that the bucket had from a revision on.

        :raises UnknownRevision: if the history holds no rules of that revision.
        """
        for entry in self.history(bucket, before=revision + 1, limit=1):
            if entry.revision == revision and entry.rule_set is not None:
                return entry.rule_set
        raise UnknownRevision(
            f"bucket {bucket!r} has no rules of revision {revision!r}; see store.history(bucket)"
        )

    def last_change(self, bucket: str) -> HistoryEntry | None:
        """Give the bucket's last change; None if it never had rules.

        The default reads :meth:`history`. Override it if your store finds the change faster.
        """
        return next(iter(self.history(bucket, limit=1)), None)

    def last_writes(self, buckets: Collection[str]) -> Mapping[str, LastWrite]:
        """Give the last writes to some buckets, by name.

        If somebody writes in between, a version may be that of the write before. The default calls
        :meth:`read` and :meth:`last_change` for each bucket. Override it if your store finds many
        at once.
        """
        return {bucket: self._last_write(bucket) for bucket in buckets}

    def _last_write(self, bucket: str) -> LastWrite:
        stored = self.read(bucket)
        return LastWrite(stored.version if stored else None, self.last_change(bucket))

    @property
    def history_limit(self) -> int:
        """How many changes of each bucket the store keeps."""
        return self._history_limit

    def list(
        self,
        prefix: str = "",
        after: str = "",
        limit: int | None = None,
        *,
        with_deleted: bool = False,
    ) -> Sequence[str]:
        """Give the names of buckets that have rules, sorted by code point.

        :param prefix: only names that begin with it.
        :param after: only names after this one, in the same order.
        :param limit: at most this many, from 0; None for all.
        :param with_deleted: also names of buckets whose rules are deleted and whose history is
            kept. Some stores cannot list these.
        :raises ValueError: if the limit is negative.
        """
        find = self._list_with_history if with_deleted else self._list
        return find(prefix, after, checked_limit(limit))

    def summaries(
        self, prefix: str = "", after: str = "", limit: int | None = None, *, contains: str = ""
    ) -> Sequence[BucketSummary]:
        """Give the number of rules and the last change of each bucket, for a list of buckets.

        The other parameters and the errors are those of :meth:`list`.

        :param contains: only names that contain this text.
        """
        return self._summaries(prefix, after, checked_limit(limit), contains)

    def history(
        self, bucket: str, *, before: int | None = None, limit: int | None = None
    ) -> Sequence[HistoryEntry]:
        """Give the bucket's changes that are still kept, newest first.

        :param before: only changes before this revision, for the next page.
        :param limit: at most this many, from 0; None for all.
        :raises ValueError: if the limit is negative.
        """
        before, limit = checked_revision(before), checked_limit(limit)
        return self._history(bucket, before, limit) if is_bucket_name(bucket) else []

    def histories(self, buckets: Collection[str]) -> Mapping[str, Sequence[HistoryEntry]]:
        """Give the changes of some buckets that are still kept, newest first, by name.

        The default calls :meth:`history` for each bucket. Override it if your store finds many at
        once.
        """
        return {bucket: self.history(bucket) for bucket in buckets}

    def kept_settings(self) -> Mapping[str, Any]:
        """Give what :meth:`keep_settings` has kept; by default nothing.

        It leaves no connection open, because the process may fork later.
        """
        return {}

    # Optional, and not abstract.
    def keep_settings(self, settings: Mapping[str, Any]) -> None:  # noqa: B027
        """Keep settings of the application, so that programs without the application apply them.

        An application calls this when it starts. Settings of other names stay as they are. Write
        only what differs, and no revision: the rules have not changed. By default, nothing is
        kept, which is enough for a store that only the application opens.

        :param settings: values of JSON, by name.
        """

    def changes_since(self, state: Hashable, *, is_signalled: bool = False) -> Changes:
        """Give the buckets whose rules may have changed since a state of the store.

        The new state and the names must belong together: a change that is in the state is also in
        the names. Names of buckets that did not change do no harm. By default, any change may be
        one of any bucket; then all buckets are read again after each change. A subclass of another
        store that overrides :meth:`read` or :meth:`state`, and not this method, has the default.

        :param state: what :meth:`state` or this method gave earlier, or any other value.
        :param is_signalled: the signal has just changed, so the names may come from where the
            signal does, and need not include what was changed without one. The caller asks again
            without it after at most a second.
        """
        found = self.state()
        return Changes(found, () if found == state else None)

    @property
    def serves_requests(self) -> bool:
        """Whether requests may use this store, which is the default.

        If not, :class:`~flask_bucketcors.BucketCORS` and
        :class:`~flask_bucketcors.BucketCORSMiddleware` refuse it.
        """
        return True

    @property
    def place(self) -> Path | None:
        """The absolute path of a file of this store on this machine; None, the default, if it has
        none.

        The application keeps other files beside it, such as that of refused preflights.
        """
        return None

    @property
    def reach(self) -> Reach | None:
        """Which processes use a change; None, the default, if that is unknown."""
        return None

    def health(self) -> Iterator[HealthNote]:
        """Check the store, and give what ``doctor`` prints; by default nothing.

        ``doctor`` itself checks the rules of each bucket.

        :raises StoreUnavailable: if the store cannot be checked further.
        """
        return iter(())

    def copy_health(self) -> CopyHealth | None:
        """Tell how up to date the copy is from which requests are served; None, the default, if
        the store has no copy.

        The health view asks this, so it must not wait for a network.
        """
        return None

    def opener(self) -> "Callable[[], Store] | None":
        """Give a function that opens the store in another process of this machine; by default None.

        ``doctor`` calls it in another process, to compare what both see. It must be something that
        ``pickle`` can send there, such as ``functools.partial(SQLiteStore, path)``. It goes
        through a pipe, so it may hold a password. None means that no other process can read the
        rules, or that this is unknown.
        """
        return None

    # Optional, and not abstract.
    def catch_up(self) -> None:  # noqa: B027
        """Read what other hosts have written; by default there is nothing to do.

        The console calls it if another host has made the page that leads here. The command
        ``console`` calls it before each page.

        :raises StoreUnavailable: if that cannot be read now. Nothing has changed then.
        """

    @property
    @abstractmethod
    def revision(self) -> int:
        """The number of the last change; 0 before the first."""

    @abstractmethod
    def read(self, bucket: str) -> StoredRules | None:
        """Give the bucket's rules with their version, unparsed; None if it has none."""

    @abstractmethod
    def signal(self) -> Signal:
        """Give a cell whose ``[0]`` changes with every acknowledged change of rules.

        You may keep the cell and read it as often as you like. Ask for it again about once a
        second, because it may be replaced: read the new cell first, then ask for the state.
        """

    @abstractmethod
    def state(self) -> Hashable:
        """Give the state of the store. If it differs from an earlier one, some rules changed."""

    @abstractmethod
    def close(self) -> None:
        """Close what is open. The next use of the store opens it again."""

    @abstractmethod
    def _list(self, prefix: str, after: str, limit: int | None) -> Sequence[str]:
        """Give names as :meth:`list` does; the limit is checked."""

    def _list_with_history(self, prefix: str, after: str, limit: int | None) -> Sequence[str]:
        """Give names as :meth:`list` does with ``with_deleted``; the limit is checked.

        By default, the names of buckets that have rules: this class cannot know the others.
        """
        return self._list(prefix, after, limit)

    @abstractmethod
    def _history(
        self, bucket: str, before: int | None, limit: int | None
    ) -> Sequence[HistoryEntry]:
        """Give changes as :meth:`history` does; all arguments are checked."""

    def _summaries(
        self, prefix: str, after: str, limit: int | None, contains: str
    ) -> Sequence[BucketSummary]:
        """Give summaries as :meth:`summaries` does; the limit is checked.

        By default, read each bucket with its rules and its last change. If somebody writes in
        between, a time and an author may be those of the next write.
        """
        names = self._list(prefix, after, None if contains else limit)
        found = (self._summary(name) for name in names if contains in name)
        return [*islice((each for each in found if each is not None), limit)]

    def _summary(self, bucket: str) -> BucketSummary | None:
        stored, last = self.read(bucket), self.last_change(bucket)
        if stored is None or last is None:
            return None
        count = count_rules(stored.parse)
        return BucketSummary(bucket, count, stored.version, stored.revision, last.time, last.author)

    @abstractmethod
    def _put_all(
        self, rule_sets: Mapping[str, RuleSet], author: str | None, expected: Versions
    ) -> int:
        """Store checked rule sets under checked names as one revision, and give it.

        Without any, give the current revision. The signal may have to change in that case, too:
        the caller may have left out rules that another process has just put.

        :param expected: versions of some of these buckets, to compare in the same transaction.
        :raises RulesChanged: if a version differs. The signal may have to change then, as above.
        """

    def _put_with_history(
        self, histories: Mapping[str, Sequence[PastChange]], expected: Versions
    ) -> int:
        """Append checked changes as :meth:`put_with_history` does, and give the revision.

        No bucket has more changes than the store keeps. There is no default that keeps the times.

        :param expected: as for :meth:`_put_all`.
        :raises RulesChanged: as :meth:`_put_all`.
        """
        raise HistoryNotTaken(
            f"{type(self).__name__} cannot take a history: write its method _put_with_history, or "
            "import rules without their history"
        )

    @abstractmethod
    def _delete(self, bucket: str, author: str | None, expected: Versions) -> int | None:
        """Delete the rules under a checked name, and give the revision; None if there are none.

        The signal may have to change in both cases, so that nobody sees rules afterwards.

        :param expected: the bucket's version, or nothing, to compare in the same transaction.
        :raises RulesChanged: if it differs. The signal may have to change then, too.
        """


def _check_named(expected: Mapping[str, Expected], written: Mapping[str, Any]) -> None:
    for bucket in expected.keys() - written.keys():
        raise ValueError(f"expected names bucket {bucket!r}, which gets no rules: put it, too")


def _versions(expected: Mapping[str, Expected]) -> Versions:
    for version in expected.values():
        if not isinstance(version, str | AnyVersion | None):
            raise TypeError(f"expected is {version!r}: write the version of store.read(bucket)")
    return {
        bucket: version
        for bucket, version in expected.items()
        if not isinstance(version, AnyVersion)
    }
