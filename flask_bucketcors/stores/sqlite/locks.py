"""The lock that the processes of one machine hold to open and close a database.

It is a file in the folder of the database, ``...-lock``. Only users who may write to the database
may open it: anyone who can open a file can lock it, and users who may only read must not block
others.
"""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from flask_bucketcors.stores.native_threads import pause
from flask_bucketcors.stores.sqlite.log_files import identity
from flask_bucketcors.stores.sqlite.waiting import RETRY_SECONDS

try:
    import fcntl
except ImportError:  # Windows; there an open database cannot be replaced
    fcntl = None  # type: ignore[assignment]

_READ, _WRITE = 0o444, 0o222
_GROUP = 0o070


class FileLock:
    """A lock that one thread on the machine can hold at a time.

    :param path: the file, which is made if it is not there.
    :param database: the file gets its owner, group and mode.
    """

    def __init__(self, path: Path | str, database: Path) -> None:
        self._path = path
        self._database = database

    @contextmanager
    def held(self, deadline: float) -> Iterator[None]:
        """Keep other processes and threads out.

        Do nothing in the meantime that switches greenlets: others would wait for a lock that their
        own process holds.

        :raises OSError: if the file cannot be opened.
        :raises TimeoutError: if the lock is not free by the deadline.
        """
        descriptor = self._take(deadline)
        try:
            yield
        finally:
            _unlock(descriptor)

    def _take(self, deadline: float) -> int:
        while True:
            # Opened each time, because a forked child shares the locks of inherited files.
            descriptor = open_or_make(self._path, 0o600)
            try:
                # A lock on a file that is deleted in the meantime locks nobody out.
                if _lock(descriptor) and identity(descriptor) == identity(self._path):
                    share(descriptor, self._database, with_readers=False)
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
            if time.monotonic() >= deadline:
                raise TimeoutError(
                    f"another process holds the lock {os.fspath(self._path)!r} and does not "
                    "release it; end that process (fuser shows which) or let it continue"
                )
            pause(RETRY_SECONDS)


def _lock(descriptor: int) -> bool:
    if fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _unlock(descriptor: int) -> None:
    try:
        # Closing is not enough if another thread has forked in the meantime.
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def open_or_make(path: Path | str, mode: int) -> int:
    """Open a file for reading and writing; create it, with this mode, if it is not there.

    :raises OSError: if that cannot be done, or if the path is a link.
    """
    # Not through a link, which may lead to a file that must not be changed.
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)
    with suppress(FileNotFoundError):
        # Without O_CREAT, which Linux refuses for other users' files in folders such as /tmp.
        return os.open(path, flags)
    return os.open(path, flags | os.O_CREAT, mode)


def share(descriptor: int, database: Path, *, with_readers: bool) -> None:
    """Give an open file the group and mode of the database, as far as this process may.

    Users who may write to the database can then write to the file, whatever the umask is.

    :param with_readers: whether users who may only read the database may read the file.
    """
    try:
        wanted, found = os.stat(database), os.fstat(descriptor)
    except OSError:
        return
    if os.name != "posix":
        return
    mode = wanted.st_mode & (_READ | _WRITE)
    if not with_readers:
        writers = mode & _WRITE
        mode &= writers | writers << 1
    if (found.st_uid, found.st_gid) != (wanted.st_uid, wanted.st_gid):
        found = _give(descriptor, wanted)
    if found.st_gid != wanted.st_gid:
        # The permissions would be those of another group.
        mode &= ~_GROUP
    if stat.S_IMODE(found.st_mode) != mode:
        with suppress(PermissionError):
            os.fchmod(descriptor, mode)


def _give(descriptor: int, wanted: os.stat_result) -> os.stat_result:
    # Only root may give a file to another user; others may give it to a group of theirs.
    owner = wanted.st_uid if os.geteuid() == 0 else -1
    with suppress(PermissionError):
        os.fchown(descriptor, owner, wanted.st_gid)
    return os.fstat(descriptor)
