"""One SQLite file, used by many processes and threads: connections, forks, transactions.

Facts (SQLite documentation: "How To Corrupt An SQLite Database File", "Write-Ahead Logging",
"PRAGMA synchronous"):

- In WAL mode readers do not wait for the writer. With ``synchronous=FULL`` a commit has
  reached the disk when it returns.
- A connection must not be carried across a fork, not even to close it. It also makes every other
  connection of the child useless: SQLite's locks belong to a process, and the child has none.

So connections are opened late, at most one to read and one to write in each process, and closed
before a fork. Locks guard them. There is no connection per thread, because with gevent every
greenlet would open its own.
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
from flask_bucketcors.stores.forks import take
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
from flask_bucketcors.stores.sqlite.waiting import (
    IF_DAMAGED,
    held,
    is_busy,
    is_damaged,
    retry,
    turn,
)

T = TypeVar("T")
Parameters = tuple[Any, ...] | dict[str, Any]

# A reader waits only if another tool has locked the whole file. It must not delay the request.
READ_TIMEOUT_SECONDS: Final = 0.25
WRITE_TIMEOUT_SECONDS: Final = 5.0
# For locks that are never held for long: to read, and to open or close the file.
LOCK_TIMEOUT_SECONDS: Final = 5.0
CREATION_TIMEOUT_SECONDS: Final = 30.0
# How often a reader checks that its file is still the one at the path.
LOOK_SECONDS: Final = 1.0

_NORMAL: Final = "PRAGMA synchronous = NORMAL"
_REPLACED: Final = "its file is replaced again and again"


class Database:
    """A SQLite database with the tables of the store.

    :param file: where it is. Nothing is opened before the first use.
    :param is_durable: whether a change has to survive a power cut. If not, the last changes may be
        lost then, but what is left belongs together.
    """

    def __init__(self, file: DatabaseFile | MemoryDatabase, *, is_durable: bool = True) -> None:
        self._file = file
        self._synchronous = "PRAGMA synchronous = FULL" if is_durable else _NORMAL
        self.in_memory: bool = isinstance(file, MemoryDatabase)
        self._next_look = 0.0
        self._number = 0
        self._prepared: Identity | None = None
        self._forked = ForkedConnections(shared=self.in_memory, close=file.close)
        # Python warns about connections that nobody closed.
        finalize(self, self._forked.close_forgotten)

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._file.path

    @property
    def token(self) -> ChangeToken | None:
        """The number that processes share, as last mapped; None if there cannot be one."""
        return self._file.token

    def tokens(self) -> list[ChangeToken]:
        """The shared numbers that a writer must change.

        These are the known one and, if another file has replaced it since, before it the one that
        processes map from then on: a process that follows the old one may ask the new one.
        """
        known = self._file.token
        found = self._file.map_token()
        return [each for each in dict.fromkeys((found, known)) if each is not None]

    def prepare(self) -> None:
        """Create or migrate the tables, and close what that opens.

        :raises StoreUnavailable: if that cannot be done.
        """
        self.follow_file()
        deadline = time.monotonic() + CREATION_TIMEOUT_SECONDS
        with self._unavailable(), turn(self._forked.own().writing, deadline, WRITING):
            self._prepared = self._file.prepare(deadline)

    def briefly(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do work, outside a transaction, and leave open only what was open before.

        Then a server may fork afterwards, even without Python's hooks.

        :param work: repeated as long as it finds the database locked.
        :raises StoreUnavailable: if the database cannot be opened, or the work fails.
        """
        if isinstance(self._file, MemoryDatabase):
            return self.change(work)
        deadline = time.monotonic() + WRITE_TIMEOUT_SECONDS
        with self._unavailable(), turn(self._forked.own().writing, deadline, WRITING):
            return self._file.briefly(lambda connected: work(connected.connection), deadline)

    def query(self, statement: str, parameters: Parameters = ()) -> list[Any]:
        """Run a SELECT and give its rows.

        :raises StoreUnavailable: if the database cannot be read now.
        """
        own = self._forked.own()
        now = time.monotonic()
        token = self._file.token
        # Now and then, and after each write of any process: a write goes to the file at the path,
        # and a reader that knows about it must find it.
        if now >= self._next_look or (token is not None and token.cell[0] != self._number):
            self.follow_file()
        read = self._read
        try:
            try:
                return read(own, statement, parameters, now)
            except (sqlite3.OperationalError, BlockingIOError):
                return retry(
                    lambda: read(own, statement, parameters, time.monotonic()),
                    now + READ_TIMEOUT_SECONDS,
                )
        except (sqlite3.Error, OSError) as error:
            raise self._trouble(error) from error

    def change(self, work: Callable[[sqlite3.Connection], T], *, seconds: float | None = None) -> T:
        """Do work in a write transaction, and return its result once the change is on disk.

        The work is repeated if its file is no longer the one at the path.

        :param seconds: how long to wait for other threads and processes that write; None for as
            long as writers usually do.
        :raises StoreUnavailable: if the database cannot be written now; nothing was written.
        """
        deadline = time.monotonic() + (WRITE_TIMEOUT_SECONDS if seconds is None else seconds)
        own = self._forked.own()
        if time.monotonic() >= self._next_look:
            self.follow_file()
        with self._unavailable(), turn(own.writing, deadline, WRITING):
            for _ in range(MAX_ATTEMPTS):
                writer = retry(partial(self._begin, own, deadline), deadline)
                if writer is None:
                    continue
                result = _finish(writer.connection, work)
                # After the commit, because the file may be replaced until then.
                if self._file.is_current(writer) or self._is_written(own, deadline):
                    return result
            raise OSError(_REPLACED)

    def follow_file(self) -> Identity | None:
        """Close files that are no longer at the path, and return which file is."""
        own = self._forked.own()
        next_look = time.monotonic() + LOOK_SECONDS
        token = self._file.map_token()
        # First, so that a change from here on is noticed by the next look.
        number = token.cell[0] if token else 0
        found = self._file.identity
        # Usually, both connections have the same files open.
        for each in {each[1:]: each for each in own.opened}.values():
            if each.file != found or not each.has_its_log:
                with self._unavailable():
                    self._let_go(own)
                break
        # Last, because other threads must look, too, until the old files are closed.
        self._number, self._next_look = number, next_look
        return found

    def close(self) -> None:
        """Close what this process has open. The next use opens it again."""
        # Inherited connections stay open.
        self._forked.notice_fork()
        own = self._connections
        deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
        with self._unavailable(), own.both(deadline):
            self._close_all(own, deadline)

    @property
    def _connections(self) -> Connections:
        return self._forked.current

    def _let_go(self, own: Connections) -> None:
        """Close connections to files that are no longer at the path, without waiting for a write.

        A write in progress checks its file itself.
        """
        deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
        is_writing = not own.writing.acquire(blocking=False)
        try:
            with turn(own.reading, deadline, READING):
                if not is_writing:
                    self._close_all(own, deadline)
                elif own.reader and not own.reader.has_its_log:
                    # It can be opened again only after the writer is closed.
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

    def _read(
        self, own: Connections, statement: str, parameters: Parameters, now: float
    ) -> list[Any]:
        # As turn() does, at half the cost.
        if not own.reading.acquire(False) and not take(own.reading, now + LOCK_TIMEOUT_SECONDS):
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
            own.writer = self._file.open(self._synchronous, deadline)
        return own.writer

    def _begin(self, own: Connections, deadline: float) -> Connected | None:
        """Begin a write transaction, unless another process has one.

        None if it would not go to the file at the path, which must be opened first. Nothing may be
        written then: processes that started later may use the same log with another index.
        """
        # With gevent, a greenlet may have waited for its turn across a fork.
        self._forked.own()
        writer = self._writer(own, deadline)
        # A connection that could not be rolled back keeps its transaction.
        if not writer.connection.in_transaction:
            writer.connection.execute("BEGIN IMMEDIATE")
            if self._file.is_current(writer):
                return writer
        with suppress(sqlite3.Error):
            writer.connection.execute("ROLLBACK")
        self._is_written(own, deadline)
        return None

    def _is_written(self, own: Connections, deadline: float) -> bool:
        """Close old files; return whether everything written to them is in the file at the path."""
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
                "; another process has had the lock for too long: try again, and end the process "
                "that keeps a transaction open"
            )
        elif is_damaged(error):
            text += f"; {IF_DAMAGED}"
        return StoreUnavailable(text)


def _finish(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        # SQLite may have ended the transaction already. Report the first error.
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    return result
