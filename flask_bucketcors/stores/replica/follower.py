"""The thread that brings a host's copy up to date: one in each process, of which one follows.

The process whose thread has the lock is the **leader** of its host. When it ends, even if it is
killed, the kernel gives the lock to the thread of another process. The leader connects, asks for
notifications, and only then catches up, each time: a change after that is notified. Every
``refresh_seconds`` it catches up in any case, because a server may accept to notify and never do
it, as behind a proxy, and because a server that has vanished sends nothing.

Facts this rests on:

- A lock of ``fcntl.lockf`` belongs to a process: a forked child does not have it. It is dropped
  when the process closes any file descriptor of the file.
- The kernel refuses to wait for such a lock if it sees a circle of processes that wait for each
  other, as with two copies on a host. It does not know that different threads wait. There is none
  with other threads of the same process, which therefore take turns by a lock of their own.
- A thread that waits for the lock cannot be ended. It ends when it gets it.
- With gevent, all of this happens in a thread without a hub; see
  :mod:`flask_bucketcors.stores.native_threads`.
"""

import errno
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from secrets import SystemRandom
from typing import Any, Final

from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.interval_log import IntervalLog
from flask_bucketcors.log_fields import fields
from flask_bucketcors.stores import native_threads
from flask_bucketcors.stores.replica.contact import now
from flask_bucketcors.stores.replica.copy import Copy
from flask_bucketcors.stores.sql.feed import Feed
from flask_bucketcors.stores.sqlite.locks import open_or_make, share

try:
    import fcntl
except ImportError:  # Windows; there each process follows
    fcntl = None  # type: ignore[assignment]

logger: Final = logging.getLogger("flask_bucketcors.store")

#: How long after it began the next time to catch up may begin, in seconds.
FLOOR_SECONDS: Final = 0.05
#: How long to wait, at most, before the server is tried again.
RETRY_SECONDS: Final = 1.0
#: How long a notification may come later than the change that it is about.
LATE_SECONDS: Final = 1.0
# How often to try a lock for which the kernel refuses to wait.
_TRY_SECONDS: Final = 0.05

_AWAY: Final = (
    "cannot bring the copy %r up to date: %r; requests are served from it as it is, %s, and the "
    "changes of other hosts are not obeyed"
)
_BACK: Final = "the copy %r is up to date again"
_NOT_NOTIFIED: Final = (
    "%s accepted LISTEN and did not notify of a change, so hosts may obey up to %s s later. A "
    "proxy that shares connections between clients, such as pgbouncer in transaction mode, does "
    "this: name the server itself as your database, or accept the delay"
)
_FAILED: Final = "the thread that keeps the copy %r up to date failed, and goes on: %r"

# The turns of the threads of a process that follow for the same copy, by process and path.
_turns: Final[dict[tuple[int, str], Any]] = {}


class Follower:
    """Keeps a copy up to date, in a thread, until :meth:`stop`.

    :param copy: the copy.
    :param open_feed: gives a feed of the server.
    :param refresh_seconds: how long to wait for a notification.
    """

    def __init__(
        self, copy: Copy, open_feed: Callable[[], Feed], refresh_seconds: float, server: str
    ) -> None:
        self._copy = copy
        self._open_feed = open_feed
        self._refresh_seconds = refresh_seconds
        self._server = server
        self._run: _Run | None = None

    def start(self) -> bool:
        """Start the thread, unless this process has it, and return whether it did."""
        run = self._run
        if run is not None and run.process == os.getpid() and not run.is_stopped:
            return False
        self._run = run = _Run(self._copy, self._open_feed, self._refresh_seconds, self._server)
        native_threads.start(run)
        return True

    @property
    def is_away(self) -> bool:
        """Whether this process follows, or tried to, and the server did not respond."""
        return self._run is not None and self._run.is_away

    def stop(self) -> None:
        """Let the thread end as soon as it does not wait any more."""
        if self._run is not None:
            self._run.is_stopped = True


class _Run:
    """What one thread does."""

    def __init__(
        self, copy: Copy, open_feed: Callable[[], Feed], refresh_seconds: float, server: str
    ) -> None:
        self.process = os.getpid()
        self.is_stopped = False
        self._copy = copy
        self._path = f"{os.path.realpath(copy.place or '')}-follower"
        self._open_feed = open_feed
        self._refresh_seconds = refresh_seconds
        self._server = server
        self._log = IntervalLog(logger)
        self.is_away = False
        self._is_noted = False

    def __call__(self) -> None:
        key = (self.process, self._path)
        turn = _turns.setdefault(key, native_threads.original("_thread", "allocate_lock")())
        with turn:
            while not self.is_stopped:
                try:
                    self._lead()
                except Exception as error:
                    place = self._copy.place
                    said = fields("follower_failed", file=place, error=error)
                    self._log.write(logging.ERROR, _FAILED, str(place), error, extra=said)
                    self._pause(RETRY_SECONDS)

    def _lead(self) -> None:
        descriptor = open_or_make(self._path, 0o600)
        try:
            if self._copy.place is not None:
                share(descriptor, self._copy.place, with_readers=False)
            if self._wait_for_lock(descriptor):
                while not self.is_stopped:
                    self._connect()
        finally:
            os.close(descriptor)

    def _wait_for_lock(self, descriptor: int) -> bool:
        if fcntl is None:
            return True
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno != errno.EDEADLK:
                raise
            return self._try_lock(descriptor)
        return True

    def _try_lock(self, descriptor: int) -> bool:
        while not self.is_stopped:
            with suppress(BlockingIOError, PermissionError):
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            self._pause(_TRY_SECONDS)
        return False

    def _connect(self) -> None:
        """Follow over one connection, until the server is lost."""
        feed = self._open_feed()
        try:
            self._follow(feed)
        except StoreUnavailable as error:
            if self.is_stopped:
                return
            self.is_away = True
            self._log_away(error)
            # Not all hosts at once.
            self._pause(RETRY_SECONDS * SystemRandom().uniform(0.5, 1))
        finally:
            with suppress(StoreUnavailable):
                feed.close()

    def _log_away(self, error: StoreUnavailable) -> None:
        place, contact = self._copy.place, self._copy.contact
        said = fields("server_unreachable", file=place, error=error, age_seconds=contact.age())
        values = (str(place), error, contact.shown_age())
        self._log.write(logging.ERROR, _AWAY, *values, extra=said)

    def _follow(self, feed: Feed) -> None:
        self._copy.contact.lead(now())
        is_promised = feed.listen()
        self._copy.contact.lead(now(), is_notified=is_promised and not self._is_noted)
        began = time.monotonic()
        self._catch_up(feed)
        self._copy.publish_missed()
        is_notified = False
        while True:
            is_notified = is_notified or feed.wait(self._refresh_seconds)
            if is_notified:
                self._copy.contact.lead(now(), is_notified=True)
            if self.is_stopped:
                return
            self._pause(began + FLOOR_SECONDS - time.monotonic())
            began = time.monotonic()
            is_silent = self._catch_up(feed) and is_promised and not is_notified
            is_notified = is_silent and not self._is_noted and self._comes_late(feed)

    def _comes_late(self, feed: Feed) -> bool:
        """Wait for the notification of a change that was found without it."""
        is_late = feed.wait(LATE_SECONDS)
        if not is_late:
            self._is_noted = True
            self._copy.contact.lead(now(), is_notified=False)
            values = (self._server, self._refresh_seconds)
            said = fields("server_does_not_notify", server=values[0], refresh_seconds=values[1])
            logger.warning(_NOT_NOTIFIED, *values, extra=said)
        return is_late

    def _catch_up(self, feed: Feed) -> bool:
        self._copy.contact.lead(now())
        is_changed = self._copy.catch_up_with(feed)
        if self.is_away:
            self.is_away = False
            self._log = IntervalLog(logger)
            # Where the line before it is shown, this one is shown, too.
            place = self._copy.place
            logger.warning(_BACK, str(place), extra=fields("copy_up_to_date", file=place))
        return is_changed

    def _pause(self, seconds: float) -> None:
        if seconds > 0:
            native_threads.pause(seconds)
