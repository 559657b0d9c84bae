"""A number that processes on one machine share through a small file.

Asking SQLite whether something changed takes microseconds, many times as long as the rest of a
request. Reading eight bytes of shared memory takes a few hundredths of one. So each writer
stores the stamp of what it committed in a file that every process has mapped, **after** the
commit and **before** it responds. A reader that finds a new number asks the database.

Facts this rests on:

- Each stamp is drawn at random and stored once, by the writer that committed it. Two writers
  may store in the wrong order, but a number that was seen never comes back with other rules.
- Eight aligned bytes are loaded and stored atomically, so no reader sees half a number.
- Python compares two floats in half the time of two large integers. So requests read the eight
  bytes as a float, and each number that is drawn is the pattern of a normal one: no NaN, which
  would differ from itself, and none so small that a processor may round it to zero.
- The file must never get shorter: the kernel kills a process whose mapped page is gone. Opening
  the file must not write a number, either: that could hide a change.

After the number, the file holds the record of :mod:`flask_bucketcors.stores.sqlite.log_files`,
when a copy was last compared with its server (:mod:`flask_bucketcors.stores.replica.contact`),
and then the names of the buckets that changed, see
:mod:`flask_bucketcors.stores.sqlite.change_ring`.
"""

import mmap
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask_bucketcors.stores.sqlite.change_ring import END, HEAD, PUBLISHED, ChangeRing
from flask_bucketcors.stores.sqlite.locks import open_or_make, share
from flask_bucketcors.stores.sqlite.log_files import RECORD_END, Identity, identity

_SIZE = 8
# The highest bits of a positive normal float.
_NORMAL = 1 << 61


def draw_number() -> int:
    """Draw a number that no other writer draws."""
    return _NORMAL + secrets.randbits(61)


class ChangeToken:
    """The shared number. Forked children can use it, and threads need no lock.

    ``cell[0]`` is the number, for writers; ``signal[0]`` the same bytes as a float, for requests.

    :param path: the file; made if it is not there.
    :raises OSError: if the file cannot be made, opened for writing or mapped.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = path
        descriptor = open_or_make(path, 0o666)
        try:
            _allocate(descriptor)
            self.identity: Identity | None = identity(descriptor)
            memory = mmap.mmap(descriptor, END)
        finally:
            os.close(descriptor)
        number = memoryview(memory)[:_SIZE]
        self.cell: memoryview[int] = number.cast("q")
        self.signal: memoryview[float] = number.cast("d")
        #: Seven numbers for a store that keeps a copy of a server's rules.
        self.contact: memoryview[int] = memoryview(memory)[RECORD_END:HEAD].cast("q")
        #: The stamp of a change that every process was told of, usually the last.
        self.published: memoryview[int] = memoryview(memory)[PUBLISHED : PUBLISHED + _SIZE].cast(
            "q"
        )
        self.ring: ChangeRing = ChangeRing(memory)

    def publish(self, number: int, stamp: int) -> None:
        """Tell every process to ask what changed.

        :param number: never used before.
        :param stamp: of the change that they will find, which is committed.
        """
        self.cell[0] = number
        # Afterwards, because it says that the number is there.
        self.published[0] = stamp

    @contextmanager
    def opened(self, database: Path) -> Iterator[int]:
        """Open the file to read and write the record after the number; yield the descriptor.

        It gets the database's group and mode.

        :raises OSError: if the file is not there any more.
        """
        descriptor = os.open(self._path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
        try:
            yield descriptor
            share(descriptor, database, with_readers=True)
        finally:
            os.close(descriptor)


def _allocate(descriptor: int) -> None:
    """Make the file long enough, since a map over a hole would fault on a full disk.

    Another process may do the same, and even use the ring already. It loses entries then, and
    readers notice that. The number and the record are never written here.

    :raises OSError: if the disk is full.
    """
    start = max(RECORD_END, os.fstat(descriptor).st_size)
    os.lseek(descriptor, start, os.SEEK_SET)
    while start < END:
        # A disk that is nearly full takes a part of it, and reports an error only after that.
        start += os.write(descriptor, bytes(END - start))
