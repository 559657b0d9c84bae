"""What one process has open of a database, and the locks under which it is used."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from flask_bucketcors.stores.connect import Connected
from flask_bucketcors.stores.waiting import remaining, turn

#: What has to stay as it is until the process ends.
_kept: Final[list[sqlite3.Connection]] = []

WRITING: Final = "is writing, or waits for another process that does"
READING: Final = "is reading"


class Connections:
    """At most one connection to read and one to write.

    Who wants both locks takes ``writing`` first.

    :param shared: whether they are the same one, as for a database in memory; everybody then
        takes turns.
    """

    def __init__(self, *, shared: bool) -> None:
        self.reader: Connected | None = None
        self.writer: Connected | None = None
        self.writing = threading.Lock()
        self.reading = self.writing if shared else threading.Lock()

    @property
    def opened(self) -> list[Connected]:
        """What is open now, each once."""
        return list({id(each): each for each in (self.writer, self.reader) if each}.values())

    @property
    def is_used(self) -> bool:
        """Whether anything is open, or a thread is about to open something."""
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
        """Take both locks, or none; say which."""
        if not self.writing.acquire(timeout=remaining(deadline)):
            return False
        if self.reading is self.writing or self.reading.acquire(timeout=remaining(deadline)):
            return True
        self.writing.release()
        return False

    def release(self) -> None:
        """Let go of what :meth:`acquire` took."""
        if self.reading is not self.writing:
            self.reading.release()
        self.writing.release()


def keep(connections: Connections) -> None:
    """Leave alone what a forked child inherited, also when the interpreter ends.

    It would close what nothing refers to, and SQLite would then delete a log that the parent
    still needs.
    """
    for each in connections.opened:
        _kept.append(each.connection)
        # Modules are emptied at the end. PyPy has nothing like it, and closes nothing then.
        with suppress(ImportError, AttributeError):
            import ctypes

            ctypes.pythonapi.Py_IncRef(ctypes.py_object(each.connection))
