"""A fake of an SQL server and its feed: the test extra has no SQL server.

It is as strict as a server, and in the hand of the test, which can let it fail, hang, lose changes
as a standby that is promoted, and notify or not. tests/several_hosts uses real servers.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from typing import Any

from flask_bucketcors.core.errors import RulesChanged, ServerUnreachable, StoreUnavailable
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.stores import native_threads
from flask_bucketcors.stores.contract import HISTORY_LIMIT, Store, StoredRules, Versions
from flask_bucketcors.stores.history_entry import HistoryEntry, PastChange
from flask_bucketcors.stores.rows import format_rule_set, parse_rule_set
from flask_bucketcors.stores.sql.feed import Batch, Feed, Position, Row

# A bound, for a machine that has much else to do.
HANG_SECONDS = 60
# How long a thread or a greenlet sleeps between two looks.
STEP_SECONDS = 0.001


def wait_until(is_true: Callable[[], bool], seconds: float) -> bool:
    """Wait, and return whether it became true in time.

    Greenlets and native threads wait for the same thing. Python's conditions make a lock for each
    wait, which is gevent's after the patches. To wait for such a lock in a native thread can take
    forever. So this looks again and again.
    """
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() >= deadline:
            return False
        native_threads.pause(STEP_SECONDS)
    return True


class Flag:
    """What an event is, for :func:`wait_until`."""

    def __init__(self) -> None:
        self.is_set = True

    def set(self) -> None:
        self.is_set = True

    def clear(self) -> None:
        self.is_set = False


class FakeServer(Store):
    """The truth. ``error`` is what it fails with, or None; ``promises`` whether it can notify.

    ``notifies`` is whether it keeps that promise. ``on_since`` is called with each position that a
    feed asks about, before the server looks. ``asked`` has these positions.
    """

    shown = "fake://server/rules"

    def __init__(self, *, history_limit: int = HISTORY_LIMIT) -> None:
        super().__init__(history_limit=history_limit)
        self.error: StoreUnavailable | None = None
        self.is_responding = Flag()
        self.promises = self.notifies = True
        self.on_since: Callable[[Position | None], object] = lambda known: None
        self.asked: list[Position | None] = []
        self.feeds: list[FakeFeed] = []
        self.changed = native_threads.original("_thread", "RLock")()
        self._position = Position(0, secrets.randbits(63))
        self._rows: dict[str, Row] = {}
        self._history_of: dict[str, list[HistoryEntry]] = {}
        self._stamps = {0: self._position.stamp}
        self._settings: dict[str, Any] = {}
        self._saved: list[Any] = []

    def call(self) -> None:
        """What each call does first: wait while the server hangs, and fail while it is away."""
        if not wait_until(lambda: self.is_responding.is_set, HANG_SECONDS):
            raise AssertionError("the test let the server hang for too long")
        if self.error is not None:
            raise self.error

    def lose(self, error: StoreUnavailable | None = None) -> None:
        """Be away from now on, also for open feeds."""
        with self.changed:
            self.error = error or ServerUnreachable("the fake server is away")

    def come_back(self) -> None:
        with self.changed:
            self.error = None
            for feed in self.feeds:
                feed.is_lost = feed.is_connected

    def save(self) -> None:
        """Keep the present state, as a standby that gets nothing from now on."""
        with self.changed:
            self._saved.append(deepcopy(self._state))

    def promote(self) -> None:
        """Be the standby."""
        with self.changed:
            (self._position, self._rows, self._history_of, self._stamps) = self._saved.pop()

    def forget_changes(self) -> None:
        """Prune all rows that say which revision had which stamp, but the last."""
        self._stamps = {self._position.revision: self._position.stamp}

    def notify(self) -> None:
        with self.changed:
            for feed in self.feeds:
                feed.is_notified = feed.is_notified or feed.is_listening

    def open_feed(self) -> "FakeFeed":
        self.feeds.append(FakeFeed(self))
        return self.feeds[-1]

    def prepare(self) -> None:
        self.call()

    @property
    def position(self) -> Position:
        return self._position

    @property
    def revision(self) -> int:
        self.call()
        return self._position.revision

    def read(self, bucket: str) -> StoredRules | None:
        self.call()
        row = self._rows.get(bucket)
        if row is None or row.document is None:
            return None
        parse = partial(parse_rule_set, bucket, row.document)
        return StoredRules(str(row.stamp), row.revision, parse)

    def signal(self) -> list[int]:
        raise NotImplementedError

    def state(self) -> Position:
        return self._position

    def kept_settings(self) -> Mapping[str, Any]:
        self.call()
        return self._settings

    def keep_settings(self, settings: Mapping[str, Any]) -> None:
        self.call()
        self._settings.update(settings)

    def close(self) -> None:
        """Nothing is open."""

    def changes(self, known: Position | None) -> tuple[Position, bool, list[Row]]:
        """What a feed tells."""
        with self.changed:
            rows = sorted(self._rows.values(), key=lambda row: (row.revision, row.bucket))
            if known is not None and self._stamps.get(known.revision) == known.stamp:
                return self._position, False, [r for r in rows if r.revision > known.revision]
            whole = sorted(row for row in rows if row.document is not None)
            return self._position, True, whole

    @property
    def _state(self) -> tuple[Any, ...]:
        return self._position, self._rows, self._history_of, self._stamps

    def _list(self, prefix: str, after: str, limit: int | None) -> Sequence[str]:
        self.call()
        found = (name for name, row in self._rows.items() if row.document is not None)
        return sorted(n for n in found if n.startswith(prefix) and n > after)[:limit]

    def _history(
        self, bucket: str, before: int | None, limit: int | None
    ) -> Sequence[HistoryEntry]:
        self.call()
        entries = reversed(self._history_of.get(bucket, ()))
        return [each for each in entries if before is None or each.revision < before][:limit]

    def _list_with_history(self, prefix: str, after: str, limit: int | None) -> Sequence[str]:
        self.call()
        return sorted(n for n in self._rows if n.startswith(prefix) and n > after)[:limit]

    def _put_all(
        self, rule_sets: Mapping[str, RuleSet], author: str | None, expected: Versions
    ) -> int:
        now = time.time()
        return self._put_with_history(
            {bucket: [PastChange(now, author, rules)] for bucket, rules in rule_sets.items()},
            expected,
        )

    def _put_with_history(
        self, histories: Mapping[str, Sequence[PastChange]], expected: Versions
    ) -> int:
        self.call()
        with self.changed:
            self._compare(expected)
            return self._write(histories) if histories else self._position.revision

    def _delete(self, bucket: str, author: str | None, expected: Versions) -> int | None:
        self.call()
        with self.changed:
            self._compare(expected)
            change = PastChange(time.time(), author, None)
            return self._write({bucket: [change]}) if self.read(bucket) else None

    def _compare(self, expected: Versions) -> None:
        for bucket, version in expected.items():
            stored = self.read(bucket)
            if version != (stored and stored.version):
                raise RulesChanged(bucket)

    def _write(self, histories: Mapping[str, Sequence[PastChange]]) -> int:
        revision = self._position.revision + max(map(len, histories.values()))
        stamp = secrets.randbits(64) - 2**63
        for bucket, changes in histories.items():
            last = changes[-1]
            document = None if last.rules is None else format_rule_set(last.rules)
            self._rows[bucket] = Row(bucket, document, revision, stamp, last.time, last.author)
            entries = self._history_of.setdefault(bucket, [])
            for number, change in enumerate(changes, revision - len(changes) + 1):
                entries.append(HistoryEntry(number, *change))
            del entries[: -self._history_limit]
        self._position = Position(revision, stamp)
        self._stamps[revision] = stamp
        if self.notifies:
            self.notify()
        return revision


class FakeFeed(Feed):
    """A feed of the fake."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server
        self.is_connected = self.is_lost = False
        self.is_listening = self.is_notified = False
        self.closing = threading.Event()

    @contextmanager
    def since(self, known: Position | None) -> Iterator[Batch]:
        self._server.on_since(known)
        self._call()
        self._server.asked.append(known)
        position, is_whole, rows = self._server.changes(known)
        yield Batch(position, is_whole, self._stream(rows))

    def listen(self) -> bool:
        self._call()
        self.is_listening = self._server.promises
        return self.is_listening

    def wait(self, seconds: float) -> bool:
        server = self._server
        wait_until(lambda: self.is_notified or server.error is not None, seconds)
        with server.changed:
            self._call()
            found, self.is_notified = self.is_notified, False
            return found

    def close(self) -> None:
        self.is_connected = self.is_lost = self.is_listening = False
        self.closing.set()

    @property
    def is_closed(self) -> bool:
        return self.closing.is_set()

    def _call(self) -> None:
        try:
            self._server.call()
            if self.is_lost:
                raise ServerUnreachable("the connection was lost")
        except StoreUnavailable:
            self.is_connected = self.is_lost = self.is_listening = False
            raise
        self.is_connected = True

    def _stream(self, rows: Sequence[Row]) -> Iterator[Row]:
        for row in rows:
            self._server.call()
            yield row
