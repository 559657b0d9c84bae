"""Rule sets on a server, with a whole copy on each host, from which requests are served."""

import logging
import os
import time
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import finalize

from flask_bucketcors.core.errors import RulesChanged, ServerUnreachable, StoreUnavailable
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.interval_log import IntervalLog
from flask_bucketcors.log_fields import fields
from flask_bucketcors.stores.bucket_summary import BucketSummary
from flask_bucketcors.stores.contract import (
    Changes,
    LastWrite,
    Reach,
    Signal,
    Store,
    StoredRules,
    Versions,
)
from flask_bucketcors.stores.health import CopyHealth, HealthNote
from flask_bucketcors.stores.history_entry import HistoryEntry, PastChange
from flask_bucketcors.stores.native_threads import pause
from flask_bucketcors.stores.replica.contact import UNFOLLOWED_SECONDS, now
from flask_bucketcors.stores.replica.copy import Copy, CopyInUse
from flask_bucketcors.stores.replica.copy_health import copy_notes, server_notes
from flask_bucketcors.stores.replica.follower import Follower
from flask_bucketcors.stores.sqlite.store import SQLiteStore
from flask_bucketcors.stores.sqlite.waiting import is_passing

if TYPE_CHECKING:
    from flask_bucketcors.stores.sql.store import SQLStore

T = TypeVar("T")

logger: Final = logging.getLogger("flask_bucketcors.store")

_CLOSED: Final = "closed"
#: How long to catch up at start. gunicorn ends a worker that needs 30 seconds; what takes longer
#: happens in the thread that follows.
START_SECONDS: Final = 15.0
#: How long the first request of a process waits for changes, if no process followed the server.
FIRST_SECONDS: Final = 0.5
#: A copy that is older than the time between two looks at the server, and these seconds, has lost
#: its server. One that does not respond is given up after 5 seconds.
LATE_SECONDS: Final = 5.0

_LOOK_SECONDS: Final = 0.005

_START_WITHOUT_COPY: Final = (
    "%r; this host has no copy of the rules yet, so all buckets are closed until it has one"
)
_START_WITH_COPY: Final = "%r; requests are served from the copy %r, which is %s"
_STALE: Final = (
    "the copy of this host is {}, and BUCKETCORS_STALE_SECONDS is {:g}; buckets are closed until "
    "the server can be reached again"
)
_NOT_CAUGHT_UP: Final = (
    "a change is stored on the server, which was lost right after that: %r; this host obeys as "
    "soon as the server is back"
)
_NOT_IN_FORCE: Final = (
    "the server has stored the change, but this host does not obey it yet, because its copy "
    "cannot be written: {}"
)
_UNFOLLOWED: Final = (
    "no process of this host has brought the copy %r up to date for %d s, so changes of other "
    "hosts are not obeyed; restart the workers. uWSGI runs no threads without enable-threads = true"
)


class ReplicaStore(Store):
    """Rule sets on a server, and a copy of all of them on this host.

    Requests read the copy and send nothing to the server, so they go on while it is slow or away.
    The copy is a SQLite file, which all workers of the host share. One of them keeps it up to date.
    Changes go to the server. A change that a host has acknowledged is in force in all its workers,
    and within a tenth of a second on other hosts.

    See :class:`~flask_bucketcors.Store`. The history and the kept settings are those of the server.

    :param server: the rules and their history.
    :param path: the file of the copy, on a local disk. It is created if it is missing. If you
        delete it, the rules are copied again.
    :param refresh_seconds: the time between two queries for changes, in case the server does not
        notify.
    :param stale_seconds: the time without contact to the server after which all buckets are closed;
        None for never.
    :raises StoreUnavailable: if the copy cannot be used or is in use for another server, or if
        there is none and the server refuses to give one. If the server cannot be reached now, the
        store waits for it.
    """

    def __init__(
        self,
        server: "SQLStore",
        path: str | os.PathLike[str],
        *,
        refresh_seconds: float = 1,
        stale_seconds: float | None = None,
    ) -> None:
        super().__init__()
        _check_seconds(refresh_seconds, stale_seconds)
        self._server = server
        self._copy = Copy(path, server.shown)
        # For the changes of this process. The copy's lock guards it.
        self._feed = server.open_feed()
        self._follower = Follower(self._copy, server.open_feed, refresh_seconds, server.shown)
        self._refresh_seconds = refresh_seconds
        self._stale_seconds = stale_seconds
        self._started = time.monotonic()
        self._log = IntervalLog(logger)
        # Its thread would go on when nobody uses the store any more.
        finalize(self, self._follower.stop)
        self._take_first_copy()

    @property
    def place(self) -> Path | None:
        return self._copy.place

    @property
    def reach(self) -> Reach:
        return Reach.HOSTS

    @property
    def revision(self) -> int:
        return self._copy.revision

    def health(self) -> Iterator[HealthNote]:
        yield from self._copy.health()
        yield from copy_notes(self._copy)
        yield from server_notes(self._copy, self._server)

    def copy_health(self) -> CopyHealth:
        age = self._copy.contact.age()
        return CopyHealth(age, age is not None and age <= self._refresh_seconds + LATE_SECONDS)

    def opener(self) -> Callable[[], Store]:
        return partial(SQLiteStore, self._copy.place or "")

    def catch_up(self) -> None:
        try:
            # Requests must obey what the caller sees then.
            self._copy.catch_up_with(self._feed, is_acknowledged=True)
        except ServerUnreachable:
            # The connection may have been lost since it was used last. This makes another one.
            self._copy.catch_up_with(self._feed, is_acknowledged=True)

    def read(self, bucket: str) -> StoredRules | None:
        if self._is_stale():
            age = self._copy.contact.shown_age()
            raise StoreUnavailable(_STALE.format(age, self._stale_seconds or 0))
        return self._copy.read(bucket)

    def last_change(self, bucket: str) -> HistoryEntry | None:
        return self._copy.last_change(bucket) or self._server.last_change(bucket)

    def last_writes(self, buckets: Collection[str]) -> Mapping[str, LastWrite]:
        return self._server.last_writes(buckets)

    def histories(self, buckets: Collection[str]) -> Mapping[str, Sequence[HistoryEntry]]:
        return self._server.histories(buckets)

    @property
    def history_limit(self) -> int:
        return self._server.history_limit

    def signal(self) -> Signal:
        if self._follower.start():
            self._await_contact()
        return self._copy.signal()

    def state(self) -> Hashable:
        return self.changes_since(None).state

    def changes_since(self, state: Hashable, *, is_signalled: bool = False) -> Changes:
        if not is_signalled:
            self._look_for_leader()
        if self._is_stale():
            return Changes(_CLOSED, () if state == _CLOSED else None)
        return self._copy.changes_since(state, is_signalled=is_signalled)

    def kept_settings(self) -> Mapping[str, Any]:
        return self._server.kept_settings()

    def keep_settings(self, settings: Mapping[str, Any]) -> None:
        # For commands on the copy, such as those that explain what this host refused.
        self._copy.keep_settings(settings)
        self._server.keep_settings(settings)

    def close(self) -> None:
        self._follower.stop()
        with suppress(StoreUnavailable):
            self._feed.close()
        self._copy.close()
        self._server.close()

    def _list(self, prefix: str, after: str, limit: int | None) -> Sequence[str]:
        return self._copy.list(prefix, after, limit)

    def _list_with_history(self, prefix: str, after: str, limit: int | None) -> Sequence[str]:
        return self._server.list(prefix, after, limit, with_deleted=True)

    def _summaries(
        self, prefix: str, after: str, limit: int | None, contains: str
    ) -> Sequence[BucketSummary]:
        return self._copy.summaries(prefix, after, limit, contains=contains)

    def _history(
        self, bucket: str, before: int | None, limit: int | None
    ) -> Sequence[HistoryEntry]:
        return self._server.history(bucket, before=before, limit=limit)

    # The server's own methods, so that the change is announced once, and by this store.
    def _put_all(
        self, rule_sets: Mapping[str, RuleSet], author: str | None, expected: Versions
    ) -> int:
        return self._obeyed(lambda: self._server._put_all(rule_sets, author, expected))

    def _put_with_history(
        self, histories: Mapping[str, Sequence[PastChange]], expected: Versions
    ) -> int:
        return self._obeyed(lambda: self._server._put_with_history(histories, expected))

    def _delete(self, bucket: str, author: str | None, expected: Versions) -> int | None:
        return self._obeyed(lambda: self._server._delete(bucket, author, expected))

    def _obeyed(self, write: Callable[[], T]) -> T:
        """Write to the server, and return when all processes of this host obey."""
        try:
            done = write()
        except RulesChanged:
            # The caller has learnt of a change, so later requests must obey it.
            self._obey()
            raise
        try:
            self._obey()
        except StoreUnavailable as error:
            raise StoreUnavailable(_NOT_IN_FORCE.format(error)) from error
        return done

    def _obey(self) -> None:
        try:
            self.catch_up()
        except ServerUnreachable as error:
            said = fields("change_not_in_force", error=error)
            self._log.write(logging.ERROR, _NOT_CAUGHT_UP, error, extra=said)
            self._copy.publish_again()

    def _take_first_copy(self) -> None:
        """Catch up before requests come, and leave no connection open that a fork would harm."""
        try:
            self._server.prepare()
            self._copy.catch_up_with(self._feed, seconds=START_SECONDS)
        except CopyInUse:
            raise
        except StoreUnavailable as error:
            if self._copy.position() is not None:
                self._log_start(error)
            elif isinstance(error, ServerUnreachable) or is_passing(error.__cause__ or error):
                said = fields("started_without_copy", error=error)
                logger.error(_START_WITHOUT_COPY, error, extra=said)
            else:
                raise
        finally:
            with suppress(StoreUnavailable):
                self._feed.close()

    def _log_start(self, error: StoreUnavailable) -> None:
        place, contact = self._copy.place, self._copy.contact
        said = fields("started_with_copy", file=place, error=error, age_seconds=contact.age())
        logger.error(_START_WITH_COPY, error, str(place), contact.shown_age(), extra=said)

    def _is_stale(self) -> bool:
        if self._stale_seconds is None:
            return False
        age = self._copy.contact.age()
        return age is None or age > self._stale_seconds

    def _await_contact(self) -> None:
        """Wait briefly for what changed while no process of this host followed the server."""
        began, contact = now(), self._copy.contact
        age = contact.age()
        if age is not None and age <= self._refresh_seconds + FIRST_SECONDS and contact.has_leader:
            return
        deadline = time.monotonic() + FIRST_SECONDS
        while not self._follower.is_away and time.monotonic() < deadline:
            if self._copy.contact.is_confirmed_since(began):
                return
            pause(_LOOK_SECONDS)

    def _look_for_leader(self) -> None:
        tried = self._copy.contact.tried()
        alone = time.monotonic() - self._started
        silent = alone if tried is None else min(tried, alone)
        if silent > UNFOLLOWED_SECONDS:
            place = self._copy.place
            said = fields("nobody_follows", file=place, silent_seconds=silent)
            self._log.write(logging.ERROR, _UNFOLLOWED, str(place), silent, extra=said)


def _check_seconds(refresh_seconds: float, stale_seconds: float | None) -> None:
    if not refresh_seconds > 0:
        raise ValueError(f"refresh_seconds is {refresh_seconds!r}: write a number above 0")
    if stale_seconds is not None and not stale_seconds > refresh_seconds:
        raise ValueError(
            f"stale_seconds is {stale_seconds!r}: write a number above refresh_seconds, which is "
            f"{refresh_seconds!r}, or None"
        )
