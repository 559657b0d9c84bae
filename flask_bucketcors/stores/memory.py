"""A store in memory: for tests of applications, and for rules that a program sets itself.

It belongs to one process. Workers that fork from that process each have a copy of their own.
"""

import secrets
import time
from collections import defaultdict, deque
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Final

from flask_bucketcors.core.errors import RulesChanged
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.stores.contract import (
    HISTORY_LIMIT,
    Changes,
    Reach,
    Signal,
    Store,
    StoredRules,
    Versions,
)
from flask_bucketcors.stores.forks import ForkSafeLock
from flask_bucketcors.stores.history_entry import HistoryEntry, PastChange

_KEPT_CHANGES: Final = 1000


class MemoryStore(Store):
    """Rule sets in a dictionary; see :class:`~flask_bucketcors.Store`.

    :param history_limit: entries of history to keep for each bucket.
    """

    def __init__(self, *, history_limit: int = HISTORY_LIMIT) -> None:
        super().__init__(history_limit=history_limit)
        self._lock = ForkSafeLock()
        # Revisions restart in another process, but versions must not.
        self._name = secrets.token_hex(8)
        # A list, because it is also the signal.
        self._revision = [0]
        # The names of the last changes; the last of them is that of the present revision.
        self._changed: deque[Collection[str]] = deque(maxlen=_KEPT_CHANGES)
        self._current: dict[str, HistoryEntry] = {}
        self._kept: defaultdict[str, deque[HistoryEntry]] = defaultdict(
            lambda: deque(maxlen=self._history_limit)
        )

    @property
    def reach(self) -> Reach:
        return Reach.PROCESS

    @property
    def revision(self) -> int:
        return self._revision[0]

    def last_change(self, bucket: str) -> HistoryEntry | None:
        with self._lock:
            return self._kept[bucket][-1] if bucket in self._kept else None

    def read(self, bucket: str) -> StoredRules | None:
        entry = self._current.get(bucket)
        if entry is None or entry.rule_set is None:
            return None
        rule_set = entry.rule_set
        return StoredRules(f"{self._name}-{entry.revision}", entry.revision, lambda: rule_set)

    def signal(self) -> Signal:
        return self._revision

    def state(self) -> int:
        return self._revision[0]

    def changes_since(self, state: Hashable, *, is_signalled: bool = False) -> Changes:
        with self._lock:
            found = self._revision[0]
            if not isinstance(state, int) or not 0 <= found - state <= len(self._changed):
                return Changes(found, None)
            missed = [*self._changed][len(self._changed) - (found - state) :]
        return Changes(found, {bucket for buckets in missed for bucket in buckets})

    def close(self) -> None:
        """Nothing is open."""

    def _list(self, prefix: str, after: str, limit: int | None) -> Sequence[str]:
        return self._page(self._current, prefix, after, limit)

    def _list_with_history(self, prefix: str, after: str, limit: int | None) -> Sequence[str]:
        return self._page(self._kept, prefix, after, limit)

    def _page(
        self, names: Iterable[str], prefix: str, after: str, limit: int | None
    ) -> Sequence[str]:
        with self._lock:
            found = sorted(name for name in names if name.startswith(prefix) and name > after)
        return found[:limit]

    def _history(
        self, bucket: str, before: int | None, limit: int | None
    ) -> Sequence[HistoryEntry]:
        with self._lock:
            kept = [*reversed(self._kept.get(bucket, ()))]
        return [each for each in kept if before is None or each.revision < before][:limit]

    def _put_all(
        self, rule_sets: Mapping[str, RuleSet], author: str | None, expected: Versions
    ) -> int:
        with self._lock:
            self._compare(expected)
            return self._append(rule_sets, author) if rule_sets else self._revision[0]

    def _put_with_history(
        self, histories: Mapping[str, Sequence[PastChange]], expected: Versions
    ) -> int:
        with self._lock:
            self._compare(expected)
            last = self._revision[0] + max(map(len, histories.values()))
            for bucket, changes in histories.items():
                for revision, change in enumerate(changes, last - len(changes) + 1):
                    self._keep(bucket, HistoryEntry(revision, *change))
            # One entry for each number.
            self._changed.extend([()] * (last - self._revision[0] - 1))
            self._changed.append(tuple(histories))
            self._revision[0] = last
            return last

    def _delete(self, bucket: str, author: str | None, expected: Versions) -> int | None:
        with self._lock:
            self._compare(expected)
            return self._append({bucket: None}, author) if bucket in self._current else None

    def _compare(self, expected: Versions) -> None:
        for bucket, version in expected.items():
            stored = self.read(bucket)
            if version != (stored.version if stored else None):
                raise RulesChanged(bucket)

    def _append(self, rule_sets: Mapping[str, RuleSet | None], author: str | None) -> int:
        revision = self._revision[0] + 1
        now = time.time()
        for bucket, rule_set in rule_sets.items():
            self._keep(bucket, HistoryEntry(revision, now, author, rule_set))
        self._changed.append(tuple(rule_sets))
        # Last, so that a reader who sees the new number finds the new rules.
        self._revision[0] = revision
        return revision

    def _keep(self, bucket: str, entry: HistoryEntry) -> None:
        self._kept[bucket].append(entry)
        if entry.rule_set is None:
            self._current.pop(bucket, None)
        else:
            self._current[bucket] = entry
