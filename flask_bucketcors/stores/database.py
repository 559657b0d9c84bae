"""One SQLite file as many processes and threads use it: connections, forks, transactions.

Facts (SQLite documentation: "How To Corrupt An SQLite Database File", "Write-Ahead Logging",
"PRAGMA synchronous"):

- In WAL mode readers do not wait for the writer. With ``synchronous=FULL`` a commit has
  reached the disk when it returns.
- A connection must not be carried across a fork, not even to close it.

So connections are opened late, at most one to read and one to write in each process, and those
that a child inherited are forgotten. They are guarded by locks and not kept per thread: with
gevent every greenlet would be a thread and open its own.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar
from weakref import WeakSet

from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.stores.connect import Connected, DatabaseFile, MemoryDatabase
from flask_bucketcors.stores.files import Identity
from flask_bucketcors.stores.token import ChangeToken

T = TypeVar("T")

MEMORY: Final = ":memory:"

# A reader waits only where another tool has locked the whole file; the request matters more.
READ_TIMEOUT_SECONDS: Final = 0.25
WRITE_TIMEOUT_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 0.002
CREATION_TIMEOUT_SECONDS: Final = 30.0
# How often a reader looks whether its file still stands at the path.
LOOK_SECONDS: Final = 1.0
# How often a write is done again because its file was replaced meanwhile.
MAX_REPLACEMENTS: Final = 10


class _Connections:
    """What one process has open."""

    def __init__(self, *, shared: bool) -> None:
        self.reader: Connected | None = None
        self.writer: Connected | None = None
        self.writing = threading.Lock()
        # A database in memory is its one connection, so everybody takes turns.
        self.reading = self.writing if shared else threading.Lock()


class Database:
    """A SQLite database with the tables of the store.

    :param path: the file, made with its folder if it is not there; or ``":memory:"``.
    :raises StoreUnavailable: if it cannot be opened, is not a database, or was written by a
        newer release.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.in_memory = os.fspath(path) == MEMORY
        self._file = MemoryDatabase() if self.in_memory else DatabaseFile(Path(path).absolute())
        self._next_look = 0.0
        self._number = 0
        self._connections = _Connections(shared=self.in_memory)
        self._inherited: list[_Connections] = []
        _databases.add(self)
        with self._unavailable():
            self._prepared = self._file.prepare(CREATION_TIMEOUT_SECONDS)

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._file.path

    @property
    def token(self) -> ChangeToken | None:
        """The number that processes share, as of the last look; None where there can be none."""
        return self._file.token

    def query(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Run a SELECT and give its rows.

        :raises StoreUnavailable: if the database cannot be read now.
        """
        self._look_now_and_then()
        own = self._connections
        try:
            with own.reading:
                reader = own.reader or self._open_reader(own)
                return reader.connection.execute(statement, parameters).fetchall()
        except (sqlite3.Error, OSError) as error:
            raise self._trouble(error) from error

    def change(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do work in a write transaction, and give what it gives once that is on the disk.

        It is done again if another file has taken the place of the one it went to.

        :raises StoreUnavailable: if the database cannot be written now; nothing was, then.
        """
        self._look_now_and_then()
        own = self._connections
        with self._unavailable(), own.writing:
            for _ in range(MAX_REPLACEMENTS):
                writer = self._begin(own)
                result = _finish(writer.connection, work)
                # After the commit, as it may have been replaced until then.
                if writer.file == self._file.identity:
                    return result
                own.writer = self._close(writer)
            raise OSError("its file is replaced again and again")

    def follow_file(self) -> Identity | None:
        """Let go of a file that no longer stands at the path; give which one does."""
        self._next_look = time.monotonic() + LOOK_SECONDS
        token = self._file.map_token()
        # First, so that whoever changes it from here on is looked after.
        self._number = token.cell[0] if token else 0
        found = self._file.identity
        self._let_go(unless=found, wait=False)
        return found

    def close(self) -> None:
        """Close what this process has open. Whoever uses the database again opens it again."""
        self._let_go(unless=None, wait=True)

    def forget_connections(self) -> None:
        """Leave to its parent what a forked child has of it."""
        # Kept, so that the garbage collector does not close them either.
        self._inherited.append(self._connections)
        self._connections = _Connections(shared=self.in_memory)

    def _look_now_and_then(self) -> None:
        """Look for another file once a second, and after each write by anybody.

        A write goes to the file at the path, and whoever knows of it may look for it there.
        """
        token = self._file.token
        is_written = token is not None and token.cell[0] != self._number
        if is_written or time.monotonic() >= self._next_look:
            self.follow_file()

    def _let_go(self, *, unless: Identity | None, wait: bool) -> None:
        """Close the connections to another file than this.

        :param wait: for a write that is under way; it looks for itself which file it has.
        """
        own = self._connections
        with self._unavailable():
            if own.writing.acquire(blocking=wait):
                try:
                    own.writer = self._close(own.writer, unless)
                finally:
                    own.writing.release()
            with own.reading:
                own.reader = self._close(own.reader, unless)

    def _close(
        self, connected: Connected | None, unless: Identity | None = None
    ) -> Connected | None:
        if connected is None or connected.file == unless:
            return connected
        self._file.close(connected)
        return None

    def _open_reader(self, own: _Connections) -> Connected:
        if self.in_memory:
            own.reader = self._writer(own)
        else:
            own.reader = self._file.open("PRAGMA query_only = ON", READ_TIMEOUT_SECONDS)
        return own.reader

    def _writer(self, own: _Connections) -> Connected:
        if own.writer is None:
            if self._file.identity != self._prepared:
                self._prepared = self._file.prepare(CREATION_TIMEOUT_SECONDS)
            own.writer = self._file.open("PRAGMA synchronous = FULL", 0)
        return own.writer

    def _begin(self, own: _Connections) -> Connected:
        """Begin a write transaction, once nobody else has one.

        Waiting is done here and not within SQLite, which would hold up every greenlet of gevent.
        """
        deadline = time.monotonic() + WRITE_TIMEOUT_SECONDS
        while True:
            try:
                writer = self._writer(own)
                writer.connection.execute("BEGIN IMMEDIATE")
                return writer
            except sqlite3.OperationalError as error:
                # The lowest byte is the kind; above it stands why it is busy.
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > deadline:
                    raise
            time.sleep(RETRY_SECONDS)

    @contextmanager
    def _unavailable(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._trouble(error) from error

    def _trouble(self, error: Exception) -> StoreUnavailable:
        return StoreUnavailable(f"the database {str(self._file.path)!r}: {error}")


def _finish(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


# Asking each time which process this is would cost more than all else here.
_databases: WeakSet[Database] = WeakSet()


def _after_fork() -> None:
    for database in _databases:
        database.forget_connections()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
