"""A write-ahead log, or its index, that was deleted while this process had it open.

Connections that have the deleted files open continue to read them and to commit to them, and
processes that start later do not find these commits. A connection that the same process opens
beside them shares their index, which does not belong to its own log. So all of them must be closed
before the next is opened. They must not be closed as SQLite does: the last one would overwrite what
others have written since with the deleted log, and delete their log, which has the same name.

Facts this rests on (sqlite3WalClose and unixLock in SQLite's source):

- A connection writes its log into the database and deletes it only if it can have an exclusive
  lock on the database, for which it asks the kernel.
- A lock of an open file description also excludes its own process (fcntl(2)).
- Closing a file drops all locks that the process has on it, except those of open file
  descriptions. So a file that is locked here is never closed.
"""

import os
import sqlite3
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from flask_bucketcors.stores.native_threads import pause
from flask_bucketcors.stores.sqlite.log_files import Beside, Identity, identity
from flask_bucketcors.stores.sqlite.waiting import RETRY_SECONDS

try:
    import fcntl
except ImportError:  # Windows; there nobody can delete a file that is open
    fcntl = None  # type: ignore[assignment]

# The bytes that every reading connection locks (os_unix.c: SHARED_FIRST and SHARED_SIZE).
_SHARED: Final = (0x40000002, 510)
# struct flock of 64-bit Linux: kind, whence, start, length, process.
_LOCK: Final = struct.Struct("hhqqi")

_guards: dict[Identity, int] = {}


def rescue(connection: sqlite3.Connection, opened: Beside, deadline: float) -> bool:
    """Write a deleted log into the database, and return whether all of it is there.

    Nothing is written if another process has begun a new log, which then counts. The same is true
    if another store had begun one that was deleted, too: the database may contain its changes.

    :param opened: the files that the connection has open; no store has opened others since.
    """
    if not _is_alone(opened):
        return False
    try:
        while connection.execute("PRAGMA wal_checkpoint(FULL)").fetchall()[0][0]:
            if time.monotonic() >= deadline:
                return False
            pause(RETRY_SECONDS)
    except sqlite3.Error:
        return False
    # A process that still has them open must not share a file with one that starts again: each
    # would overwrite the pages of the other.
    for path, _ in opened:
        with suppress(FileNotFoundError):
            os.unlink(path)
    return True


def _is_alone(opened: Beside) -> bool:
    (log, opened_log), (index, opened_index) = opened
    has_index = identity(index) == opened_index
    if identity(log) in (None, opened_log):
        return has_index or identity(index) is None
    # A process has opened a new log and found the index of the other: that log is empty.
    return has_index and os.path.getsize(log) == 0


def close(connections: Iterable[sqlite3.Connection], database: Path, deadline: float) -> None:
    """Close connections without letting SQLite write or delete a log.

    :raises TimeoutError: if another process keeps the whole file locked.
    """
    with _kept_from_checkpoints(database, deadline):
        for each in connections:
            each.close()


@contextmanager
def _kept_from_checkpoints(database: Path, deadline: float) -> Iterator[None]:
    if not hasattr(fcntl, "F_OFD_SETLK"):
        # Not Linux. The last connection to close may delete a log that others have begun.
        yield
        return
    guard = _guard(database)
    while not _set_lock(guard, fcntl.F_RDLCK):
        if time.monotonic() >= deadline:
            raise TimeoutError("another process keeps the whole file locked; end that process")
        pause(RETRY_SECONDS)
    try:
        yield
    finally:
        _set_lock(guard, fcntl.F_UNLCK)


def is_in_use(database: Path) -> bool:
    """Whether any process, this one included, has the database open and has read it."""
    if not hasattr(fcntl, "F_OFD_GETLK"):
        return False
    lock = _LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, *_SHARED, 0)
    kind, *_ = _LOCK.unpack(fcntl.fcntl(_guard(database), fcntl.F_OFD_GETLK, lock))
    return bool(kind != fcntl.F_UNLCK)


def _guard(database: Path) -> int:
    file = identity(database)
    if file not in _guards:
        descriptor = os.open(database, os.O_RDONLY)
        _guards[identity(descriptor) or (0, 0)] = descriptor
        return descriptor
    return _guards[file]


def _set_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _LOCK.pack(kind, os.SEEK_SET, *_SHARED, 0))
    except (BlockingIOError, PermissionError):
        return False
    return True
