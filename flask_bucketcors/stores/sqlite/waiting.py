"""Waiting for locks of processes and files, never without a deadline.

Deadlines are in monotonic seconds. Waiting means sleeping here, and not in SQLite or the kernel,
which would block every greenlet of gevent.
"""

import errno
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final, TypeVar

from flask_bucketcors.stores.forks import take
from flask_bucketcors.stores.native_threads import pause

T = TypeVar("T")

RETRY_SECONDS: Final = 0.002

#: What to do about a damaged database.
IF_DAMAGED: Final = (
    "stop the application and restore a backup, see docs/deployment.md; if it is a host's copy of "
    "the rules of a server, delete the file and those beside it instead, and the application "
    "copies all rules again when it starts"
)

# Errors that a healthy database may report temporarily.
_PASSING = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_CANTOPEN,
)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
# Errors when the machine temporarily runs out of something.
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


def is_busy(error: object) -> bool:
    """Whether SQLite could not get a lock."""
    # The lowest byte is the kind of error; the others are details.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def is_damaged(error: object) -> bool:
    """Whether a file is a damaged database, or none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


def is_passing(cause: BaseException | None) -> bool:
    """Whether an error may be temporary, so that the database need not be replaced or damaged."""
    if cause is None or isinstance(cause, TimeoutError | BlockingIOError):
        return True
    if getattr(cause, "errno", None) in _NO_ROOM:
        return True
    return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _PASSING


def retry(attempt: Callable[[], T], deadline: float) -> T:
    """Repeat an attempt that finds a database locked, until the deadline."""
    while True:
        try:
            return attempt()
        except (sqlite3.OperationalError, BlockingIOError) as error:
            is_held = is_busy(error) or isinstance(error, BlockingIOError)
            if not is_held or time.monotonic() >= deadline:
                raise
        pause(RETRY_SECONDS)


def held(what: str) -> TimeoutError:
    """Give the error for waiting too long for a lock of this process."""
    return TimeoutError(f"another thread of this process {what}; try again")


@contextmanager
def turn(lock: Lock, deadline: float, what: str) -> Iterator[None]:
    """Hold a lock of this process.

    :param what: what the thread that holds it is doing, for the error.
    :raises TimeoutError: if it is not free by the deadline.
    """
    if not take(lock, deadline):
        raise held(what)
    try:
        yield
    finally:
        lock.release()
