"""One SQLite file as many processes and threads use it: connections, forks, transactions.

Facts (SQLite documentation: "How To Corrupt An SQLite Database File", "Write-Ahead Logging",
"PRAGMA synchronous"):

- In WAL mode readers do not wait for the writer. With ``synchronous=FULL`` a commit has
  reached the disk when it returns.
- A connection must not be carried across a fork, not even to close it, and it makes every other
  connection of the child useless: SQLite keeps its locks per process, and the child has none.

So connections are opened late, at most one to read and one to write in each process, and closed
before a fork. They are guarded by locks and not kept per thread: with gevent every greenlet
would be a thread and open its own.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar
from weakref import finalize

from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.stores.sqlite.change_token import ChangeToken
from flask_bucketcors.stores.sqlite.connections import (
    READING,
    WRITING,
    Connections,
    ForkedConnections,
)
from flask_bucketcors.stores.sqlite.database_file import (
    MAX_ATTEMPTS,
    Connected,
    DatabaseFile,
    MemoryDatabase,
)
from flask_bucketcors.stores.sqlite.log_files import Identity
from flask_bucketcors.stores.sqlite.waiting import held, is_busy, retry, turn

T = TypeVar("T")
Parameters = tuple[Any, ...] | dict[str, Any]

# A reader waits only where another tool has locked the whole file; the request matters more.
READ_TIMEOUT_SECONDS: Final = 0.25
WRITE_TIMEOUT_SECONDS: Final = 5.0
# For locks that nobody holds for long: those of readers, and of who opens or closes the file.
LOCK_TIMEOUT_SECONDS: Final = 5.0
CREATION_TIMEOUT_SECONDS: Final = 30.0
# How often a reader looks whether its file still stands at the path.
LOOK_SECONDS: Final = 1.0

_REPLACED: Final = "its file is replaced again and again"


class Database:
    """A SQLite database with the tables of the store.

    :param file: where it is. Nothing is opened before it is used.
    """

    def __init__(self, file: DatabaseFile | MemoryDatabase) -> None:
        self._file = file
        self.in_memory = isinstance(file, MemoryDatabase)
        self._next_look = 0.0
        self._number = 0
        self._prepared: Identity | None = None
        self._forked = ForkedConnections(shared=self.in_memory, close=file.close)
        # Python warns of connections that nobody closed.
        finalize(self, self._forked.close_forgotten)

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._file.path

    @property
    def token(self) -> ChangeToken | None:
        """The number that processes share, as of the last look; None where there can be none."""
        return self._file.token

    def tokens(self) -> list[ChangeToken]:
        """The numbers that a change has to be stored in.

        These are the one of the last look and, if another file has taken its place since, the
        one that processes map from then on.
        """
        known = self._file.token
        found = self._file.map_token()
        return [each for each in dict.fromkeys((known, found)) if each is not None]

    def prepare(self) -> None:
        """Make the file what this release expects, and leave nothing more open than was.

        :raises StoreUnavailable: if that cannot be done.
        """
        self.follow_file()
        deadline = time.monotonic() + CREATION_TIMEOUT_SECONDS
        with self._unavailable(), turn(self._own().writing, deadline, WRITING):
            self._prepared = self._file.prepare(deadline)

    def query(self, statement: str, parameters: Parameters = ()) -> list[Any]:
        """Run a SELECT and give its rows.

        :raises StoreUnavailable: if the database cannot be read now.
        """
        own = self._own()
        self._look_now_and_then()
        deadline = time.monotonic() + READ_TIMEOUT_SECONDS
        try:
            return retry(partial(self._read, own, statement, parameters), deadline)
        except (sqlite3.Error, OSError) as error:
            raise self._trouble(error) from error

    def change(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do work in a write transaction, and give what it gives once that is on the disk.

        It is done again if the file that it went to is no longer the one at the path.

        :raises StoreUnavailable: if the database cannot be written now; nothing was, then.
        """
        deadline = time.monotonic() + WRITE_TIMEOUT_SECONDS
        own = self._own()
        if time.monotonic() >= self._next_look:
            self.follow_file()
        with self._unavailable(), turn(own.writing, deadline, WRITING):
            for _ in range(MAX_ATTEMPTS):
                writer = retry(partial(self._begin, own, deadline), deadline)
                if writer is None:
                    continue
                result = _finish(writer.connection, work)
                # After the commit, as files may have been taken away until then.
                if self._file.is_current(writer) or self._is_written(own, deadline):
                    return result
            raise OSError(_REPLACED)

    def follow_file(self) -> Identity | None:
        """Let go of files that no longer stand at the path; give which one does."""
        own = self._own()
        self._next_look = time.monotonic() + LOOK_SECONDS
        token = self._file.map_token()
        # First, so that whoever changes it from here on is looked after.
        self._number = token.cell[0] if token else 0
        found = self._file.identity
        # Both connections have the same files open, as a rule.
        for each in {each[1:]: each for each in own.opened}.values():
            if each.file != found or not each.has_its_log:
                with self._unavailable():
                    self._let_go(own)
                break
        return found

    def close(self) -> None:
        """Close what this process has open. Whoever uses the database again opens it again."""
        # What was inherited stays open.
        self._forked.notice_fork()
        own = self._connections
        deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
        with self._unavailable(), own.both(deadline):
            self._close_all(own, deadline)

    @property
    def _connections(self) -> Connections:
        return self._forked.current

    def _own(self) -> Connections:
        return self._forked.own()

    def _look_now_and_then(self) -> None:
        """Look for another file once a second, and after each write by anybody.

        A write goes to the file at the path, and whoever knows of it may look for it there.
        """
        token = self._file.token
        is_written = token is not None and token.cell[0] != self._number
        if is_written or time.monotonic() >= self._next_look:
            self.follow_file()

    def _let_go(self, own: Connections) -> None:
        """Close connections to what is not at the path, without waiting for a write.

        One that is under way looks for itself which file it has.
        """
        deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
        is_writing = not own.writing.acquire(blocking=False)
        try:
            with turn(own.reading, deadline, READING):
                if not is_writing:
                    self._close_all(own, deadline)
                elif own.reader and not own.reader.has_its_log:
                    # It could be opened anew only once the writer is closed.
                    raise TimeoutError("its -wal or -shm was deleted, and a write is under way")
                elif own.reader:
                    self._file.close([own.reader], deadline)
                    own.reader = None
        finally:
            if not is_writing:
                own.writing.release()

    def _close_all(self, own: Connections, deadline: float) -> bool:
        is_written = self._file.close(own.opened, deadline)
        own.reader = own.writer = None
        return is_written

    def _read(self, own: Connections, statement: str, parameters: Parameters) -> list[Any]:
        # As turn() does, at half of its price.
        if not own.reading.acquire(timeout=LOCK_TIMEOUT_SECONDS):
            raise held(READING)
        try:
            reader = own.reader or self._open_reader(own)
            return reader.connection.execute(statement, parameters).fetchall()
        finally:
            own.reading.release()

    def _open_reader(self, own: Connections) -> Connected:
        deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
        if self.in_memory:
            own.reader = self._writer(own, deadline)
        else:
            own.reader = self._file.open("PRAGMA query_only = ON", deadline)
        return own.reader

    def _writer(self, own: Connections, deadline: float) -> Connected:
        if own.writer is None:
            if self._file.identity != self._prepared:
                self._prepared = self._file.prepare(deadline)
            own.writer = self._file.open("PRAGMA synchronous = FULL", deadline)
        return own.writer

    def _begin(self, own: Connections, deadline: float) -> Connected | None:
        """Begin a write transaction, unless somebody else has one.

        None if it would not go to the file at the path: that has to be opened first. Nothing
        may be written then, as whoever came later may use the same log by another index.
        """
        # With gevent a greenlet may have waited for its turn on both sides of a fork.
        self._own()
        writer = self._writer(own, deadline)
        # One that could not be rolled back keeps its transaction.
        if not writer.connection.in_transaction:
            writer.connection.execute("BEGIN IMMEDIATE")
            if self._file.is_current(writer):
                return writer
        with suppress(sqlite3.Error):
            writer.connection.execute("ROLLBACK")
        self._is_written(own, deadline)
        return None

    def _is_written(self, own: Connections, deadline: float) -> bool:
        """Close what is not at the path; say whether all that went there is there all the same."""
        with turn(own.reading, deadline, READING):
            return self._close_all(own, deadline)

    @contextmanager
    def _unavailable(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._trouble(error) from error

    def _trouble(self, error: Exception) -> StoreUnavailable:
        text = f"the database {str(self.path)!r}: {error}"
        if is_busy(error):
            text += (
                "; another process has had the lock for too long: try again, and end whatever "
                "keeps a transaction open"
            )
        return StoreUnavailable(text)


def _finish(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        # SQLite may have ended the transaction already; what is said is why.
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    return result
