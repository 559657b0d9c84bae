"""A write-ahead log, or its index, that was deleted while this process had it open.

Connections that have the deleted files open go on: they read them, and commit to them, and
nobody who comes later finds it. A connection that is opened beside them in the same process
shares their index, which belongs to another log than it has. So all of them have to be closed
before the next is opened, and not as SQLite closes them: the last one would write the deleted
log over what others have written since, and delete theirs, which it knows by its name.

Facts this rests on (sqlite3WalClose and unixLock in SQLite's source):

- A connection writes its log into the database and deletes it only if it can have an exclusive
  lock on the database, for which it asks the kernel.
- A lock of an open file description keeps out its own process, too (fcntl(2)).
- Whoever closes a file drops all locks that his process has on it, but not those of open file
  descriptions. So what is locked here stays open for good.
"""

import os
import sqlite3
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from flask_bucketcors.stores.sqlite.log_files import Beside, Identity, identity
from flask_bucketcors.stores.sqlite.waiting import RETRY_SECONDS

try:
    import fcntl
except ImportError:  # Windows; there nobody can delete a file that is open
    fcntl = None  # type: ignore[assignment]

# Where every connection that reads has a lock (os_unix.c: SHARED_FIRST and SHARED_SIZE).
_SHARED: Final = (0x40000002, 510)
# struct flock of 64-bit Linux: kind, whence, start, length, process.
_LOCK: Final = struct.Struct("hhqqi")

_guards: dict[Identity, int] = {}


def rescue(connection: sqlite3.Connection, opened: Beside, deadline: float) -> bool:
    """Write what is in a deleted log into the database; say whether all of it is there.

    It is not done where another process has begun another log: what that says counts. Nor may
    it be done where another store has, though that was deleted, too: the database may hold what
    came from there.

    :param opened: what the connection has open; no store has opened anything else since.
    """
    if not _is_alone(opened):
        return False
    try:
        while connection.execute("PRAGMA wal_checkpoint(FULL)").fetchall()[0][0]:
            if time.monotonic() >= deadline:
                return False
            time.sleep(RETRY_SECONDS)
    except sqlite3.Error:
        return False
    # Whoever has them open still must not share a file with those who begin anew: each would
    # write over the other's pages.
    for path, _ in opened:
        with suppress(FileNotFoundError):
            os.unlink(path)
    return True


def _is_alone(opened: Beside) -> bool:
    (log, opened_log), (index, opened_index) = opened
    has_index = identity(index) == opened_index
    if identity(log) in (None, opened_log):
        return has_index or identity(index) is None
    # Somebody has opened one and found the index of the other: that has nothing in it.
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
        # Not Linux. A log that others have begun since is not safe from the last one to close.
        yield
        return
    guard = _guard(database)
    while not _set_lock(guard, fcntl.F_RDLCK):
        if time.monotonic() >= deadline:
            raise TimeoutError("another process keeps the whole file locked; end that process")
        time.sleep(RETRY_SECONDS)
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
