"""A number that processes on one machine share through a small file.

Asking SQLite whether something changed costs microseconds, many times what a request costs
otherwise. Reading eight bytes of shared memory costs a few hundredths of one. So each writer
stores the stamp of what it committed in a file that every process has mapped, **after** the
commit and **before** it answers; a reader that finds another number than last time asks the
database.

Facts this rests on:

- Each stamp is drawn at random and stored once, by the writer that committed it. Two writers
  may store in the wrong order, but a number that was seen never comes back with other rules.
- Eight aligned bytes are loaded and stored in one piece, so no reader sees half a number.
- Nothing may ever shorten the file: a process whose map lost its page is killed by the kernel.
  Nothing fills in a value when opening, either: that could hide a change.

Behind the number stands what :mod:`flask_bucketcors.stores.files` remembers. The file is also
the lock under which that is used: SQLite's own files must not be opened beside SQLite.
"""

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from flask_bucketcors.stores.files import RECORD_END, identity

try:
    import fcntl
except ImportError:  # Windows; there an open database cannot be replaced
    fcntl = None  # type: ignore[assignment]

_SIZE = 8


class ChangeToken:
    """The shared number. Usable in forked children as it is; threads need no lock.

    :param path: the file; made if it is not there.
    :raises OSError: if the file cannot be made, opened for writing or mapped.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # Not through a link, which might lead to a file that is not ours to write to.
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(path, flags, 0o666)
        try:
            # One byte behind everything: it makes the file long enough, has the block
            # allocated (a map over a hole would fault on a full disk) and changes nothing.
            os.lseek(descriptor, RECORD_END, os.SEEK_SET)
            os.write(descriptor, b"\0")
            self.identity = identity(descriptor)
            self.cell = memoryview(mmap.mmap(descriptor, _SIZE)).cast("q")
        finally:
            os.close(descriptor)

    @contextmanager
    def locked(self) -> Iterator[int]:
        """Keep other processes and threads out; gives the open file.

        Nothing that lets greenlets take turns may be done meanwhile: they would wait for each
        other and stop their whole process.

        :raises OSError: if the file is not there any more.
        """
        with self._lock() as file:
            try:
                yield file.fileno()
            finally:
                # Closing alone would not do, if another thread has forked meanwhile.
                if fcntl is not None:
                    fcntl.flock(file, fcntl.LOCK_UN)

    def _lock(self) -> BinaryIO:
        while True:
            # Opened anew, because a forked child shares the locks of what it inherited.
            file = self._path.open("r+b")
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            # Who waited for a file that is deleted by now has locked out nobody.
            if identity(file.fileno()) == identity(self._path):
                return file
            file.close()
