"""Which files are at the paths, and which of them belong together.

SQLite finds the write-ahead log of a database by its name. When another file replaces a
database, the log of the old one stays. SQLite reads pages of one into the other, and a
checkpoint makes that permanent ("How To Corrupt An SQLite Database File", 1.4 and 2.3). So the
stores record in the token file, under its lock, which log was beside which database when they
last opened it. The log of a replaced file is moved away before the new file is opened.

Facts this rests on (sqlite3PagerClose and fileHasMoved in SQLite's source):

- A connection opens the database when it is made, but the log and its index only when it first
  reads. Closed before that, it touches neither.
- A connection whose database is no longer at its path neither checkpoints nor deletes a log when
  it is closed.
- No other code may open and close these files, because that would drop SQLite's locks on them.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from struct import Struct
from typing import Final

# Device and inode.
Identity = tuple[int, int]
# The files beside a database, by path: the log and its index.
Beside = Sequence[tuple[str, Identity | None]]

_NOTHING: Final[Identity] = (0, 0)
_LARGEST: Final = 2**64 - 1
_RECORD: Final = Struct("8Q")
# After the shared number of the token file.
_OFFSET: Final = 8

RECORD_END: Final = _OFFSET + _RECORD.size


def identity(path: Path | str | int) -> Identity | None:
    """Identify the file at a path, or of a descriptor; None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    # Some file systems use numbers that are too large for the record.
    return (found.st_dev & _LARGEST, found.st_ino & _LARGEST)


def beside(database: Path) -> Beside:
    """The files beside a database now: its write-ahead log, and the index of the log."""
    # SQLite follows links, and names these files after the target.
    name = os.path.realpath(database)
    return tuple((path, identity(path)) for path in (f"{name}-wal", f"{name}-shm"))


class LogRecord:
    """Which log belongs to which database, as recorded by all stores that share a token file.

    :param descriptor: the token file, open and locked for as long as this is used.
    :param database: the path of the database.
    """

    def __init__(self, descriptor: int, database: Path) -> None:
        self._descriptor = descriptor
        self._database = database

    def take_old_log_away(self, database: Identity) -> Path | None:
        """Move the log of a replaced database away, and return where it is now.

        It gets another name, in case the old database was kept, too. Only a log that was recorded
        with the old file is moved: another one may belong to the new file.
        """
        token, old_database, old_log, old_index = self._load()
        # A copy of the folder has other files, and this record is not about them.
        if token != identity(self._descriptor) or old_database == database:
            return None
        (log, found_log), (index, found_index) = beside(self._database)
        if found_index == old_index:
            os.unlink(index)
        return Path(log).replace(f"{log}-old") if found_log == old_log else None

    def remember(self, database: Identity, found: Beside) -> None:
        """Record the files that the last process to open or close the database found beside it."""
        numbers = [number for each in self._files(database, found) for number in each]
        os.lseek(self._descriptor, _OFFSET, os.SEEK_SET)
        os.write(self._descriptor, _RECORD.pack(*numbers))

    def is_latest(self, database: Identity, opened: Beside) -> bool:
        """Whether no process has opened another log, or another index, since these."""
        return self._load() == self._files(database, opened)

    def misses_log(self, database: Identity | None) -> bool:
        """Whether the log that was opened last is not at the path, and no new one has begun."""
        token, known, old_log, old_index = self._load()
        if token != identity(self._descriptor) or known != database or old_index == _NOTHING:
            return False
        (log, found_log), (_, found_index) = beside(self._database)
        if found_index is None:
            return True
        is_begun = found_log is not None and os.path.getsize(log) > 0
        return found_index == old_index and found_log != old_log and not is_begun

    def mixes(self, database: Identity, opened: Beside) -> bool:
        """Whether a connection has a log and the index of another log."""
        token, known, old_log, old_index = self._load()
        (_, log), (_, index) = opened
        is_known = token == identity(self._descriptor) and known == database
        return is_known and index == old_index and log != old_log

    def _files(self, database: Identity, beside: Beside) -> list[Identity]:
        files = [identity(self._descriptor), database, *(each for _, each in beside)]
        return [each or _NOTHING for each in files]

    def _load(self) -> list[Identity]:
        os.lseek(self._descriptor, _OFFSET, os.SEEK_SET)
        data = os.read(self._descriptor, _RECORD.size)
        numbers = iter(_RECORD.unpack(data.ljust(_RECORD.size, b"\0")))
        return list(zip(numbers, numbers, strict=True))
