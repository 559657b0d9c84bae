"""The connections of one process to a database, with their locks, and across forks."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.stores import forks
from flask_bucketcors.stores.sqlite.database_file import Connected
from flask_bucketcors.stores.sqlite.waiting import turn

#: Connections that must stay open until the process ends.
_kept: Final[list[sqlite3.Connection]] = []

# Held briefly, in a child whose parent ran no fork hooks.
_noticing = threading.Lock()

_INHERITED: Final = (
    "this process was forked while its parent had the database open or was using it, and SQLite "
    "cannot be used on both sides of a fork, so this process does not use it. Restart the "
    "workers. Under uWSGI set lazy-apps = true (or py-call-uwsgi-fork-hooks = true); elsewhere "
    "fork with os.fork or multiprocessing, and not while the store is busy"
)

WRITING: Final = "is writing, or waits for another process that does"
READING: Final = "is reading"


class Connections:
    """At most one connection to read and one to write.

    To hold both locks, take ``writing`` first.

    :param shared: whether both are the same connection, as for a database in memory. Readers and
        writers then take turns.
    """

    def __init__(self, *, shared: bool) -> None:
        self.reader: Connected | None = None
        self.writer: Connected | None = None
        self.writing: threading.Lock = threading.Lock()
        self.reading: threading.Lock = self.writing if shared else threading.Lock()

    @property
    def opened(self) -> list[Connected]:
        """The connections that are open now, each once."""
        writer, reader = self.writer, self.reader
        if reader is writer or reader is None:
            return [writer] if writer else []
        return [writer, reader] if writer else [reader]

    @property
    def is_used(self) -> bool:
        """Whether a connection is open, or a thread is about to open one."""
        return bool(self.opened) or self.writing.locked() or self.reading.locked()

    @contextmanager
    def both(self, deadline: float) -> Iterator[None]:
        """Hold both locks.

        :raises TimeoutError: if one is not free by the deadline.
        """
        with turn(self.writing, deadline, WRITING):
            if self.reading is self.writing:
                yield
            else:
                with turn(self.reading, deadline, READING):
                    yield

    def acquire(self, deadline: float) -> bool:
        """Take both locks, or none, and return whether they were taken."""
        if not forks.take(self.writing, deadline):
            return False
        if self.reading is self.writing or forks.take(self.reading, deadline):
            return True
        self.writing.release()
        return False

    def release(self) -> None:
        """Release what :meth:`acquire` took."""
        if self.reading is not self.writing:
            self.reading.release()
        self.writing.release()


class ForkedConnections:
    """The connections of the current process; a member of :mod:`~flask_bucketcors.stores.forks`.

    :param shared: see :class:`Connections`. True for a database in memory, of which a forked
        child has a copy.
    :param close: closes connections, by a deadline.
    """

    def __init__(self, *, shared: bool, close: Callable[[list[Connected], float], object]) -> None:
        self._is_shared = shared
        self._close = close
        self._process = os.getpid()
        self._is_inherited = False
        self.current: Connections = Connections(shared=shared)
        forks.join(self)

    def own(self) -> Connections:
        """Give the connections that this process may use.

        :raises StoreUnavailable: if it was forked while its parent used them.
        """
        if self._process != os.getpid():
            self.notice_fork()
        if self._is_inherited:
            raise StoreUnavailable(_INHERITED)
        return self.current

    def notice_fork(self) -> None:
        """Compare the process id, for servers that fork without Python's hooks."""
        if self._process != os.getpid():
            with _noticing:
                if self._process != os.getpid():
                    if self._is_shared and not self.current.writing.locked():
                        self._process = os.getpid()
                    else:
                        self.abandon()

    def before_fork(self, deadline: float) -> bool:
        """Take the locks and close all but a database in memory; return whether that succeeded."""
        self.notice_fork()
        own = self.current
        if not own.acquire(deadline):
            return False
        try:
            if not self._is_shared:
                self._close(own.opened, deadline)
                own.reader = own.writer = None
        except Exception:
            own.release()
            return False
        return True

    def close_forgotten(self) -> None:
        """Close what is open, if the locks are free: nothing refers to the database any more."""
        self.notice_fork()
        own = self.current
        if own.acquire(time.monotonic()):
            with suppress(OSError, sqlite3.Error):
                self._close(own.opened, time.monotonic())
            # Closing may have failed because another process had the lock of the file.
            for each in own.opened:
                with suppress(sqlite3.Error):
                    each.connection.close()
            own.reader = own.writer = None
            own.release()

    def after_fork(self) -> None:
        """Release the locks."""
        self._process = os.getpid()
        self.current.release()

    def abandon(self) -> None:
        """In a forked child, leave the connections that are in use to the parent."""
        self._process = os.getpid()
        inherited, self.current = self.current, Connections(shared=self._is_shared)
        if inherited.is_used:
            self._is_inherited = True
            _keep(inherited)


def _keep(connections: Connections) -> None:
    """Keep inherited connections open in a forked child, even when the interpreter ends.

    Python closes objects without references, and SQLite would then delete a log that the parent
    still needs.
    """
    for each in connections.opened:
        _kept.append(each.connection)
        # At exit, the interpreter clears modules. PyPy does not, and has no such function.
        with suppress(ImportError, AttributeError):
            import ctypes

            ctypes.pythonapi.Py_IncRef(ctypes.py_object(each.connection))
