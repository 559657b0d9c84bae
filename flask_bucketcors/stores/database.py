"""One SQLite file as many processes and threads use it: connections, forks, the shared token.

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
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.stores import schema
from flask_bucketcors.stores.token import ChangeToken

try:
    import fcntl
except ImportError:  # Windows; there SQLite's own locks have to do
    fcntl = None  # type: ignore[assignment]

MEMORY = ":memory:"

# A reader waits only where another tool has locked the whole file; the request matters more.
READ_TIMEOUT_SECONDS = 0.25
WRITE_TIMEOUT_SECONDS = 5.0
RETRY_SECONDS = 0.002
CREATION_TIMEOUT_SECONDS = 30.0


class _Connections:
    """What one process has open."""

    def __init__(self, *, shared: bool) -> None:
        self.process = os.getpid()
        self.reader: sqlite3.Connection | None = None
        self.writer: sqlite3.Connection | None = None
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
        self.path = Path(path) if self.in_memory else Path(path).absolute()
        self.token: ChangeToken | None = None
        self._identity: Hashable = None
        self._connections = _Connections(shared=self.in_memory)
        self._inherited: list[_Connections] = []
        if not self.in_memory:
            self._create()

    def query(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Run a SELECT and give its rows.

        :raises StoreUnavailable: if the database cannot be read now.
        """
        own = self._own()
        with self._unavailable(), own.reading:
            return self._reader(own).execute(statement, parameters).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give a connection inside a write transaction that is committed at the end.

        :raises StoreUnavailable: if the database cannot be written now; nothing was, then.
        """
        self.follow_file()
        own = self._own()
        with self._unavailable(), own.writing:
            connection = self._begin(own)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def follow_file(self) -> bool:
        """Open what stands at the path now; give whether that is another file than before."""
        if self.in_memory or self._identity == _identity(self.path):
            return False
        self.close()
        self._identity = _identity(self.path)
        self._map_token()
        return True

    def close(self) -> None:
        """Close what this process has open. Whoever uses the database again opens it again."""
        own = self._own()
        with own.writing:
            if own.writer is not None:
                own.writer.close()
                own.writer = None
        with own.reading:
            if own.reader is not None:
                own.reader.close()
                own.reader = None

    def _create(self) -> None:
        """Make the file what this release expects, and leave no connection open."""
        with self._unavailable():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._map_token()
            with _locked(self._token_path) if self.token else nullcontext():
                wal = "PRAGMA journal_mode = WAL"
                connection = _connect(self.path, CREATION_TIMEOUT_SECONDS, wal, mode="rwc")
                try:
                    schema.migrate(connection)
                finally:
                    connection.close()
            self._identity = _identity(self.path)

    @property
    def _token_path(self) -> Path:
        return self.path.with_name(self.path.name + "-revision")

    def _map_token(self) -> None:
        if self.token and self.token.identity == _identity(self._token_path):
            return
        try:
            self.token = ChangeToken(self._token_path)
        except OSError:
            # A folder that may not be written: the database is asked instead.
            self.token = None

    def _own(self) -> _Connections:
        if self._connections.process != os.getpid():
            # Kept, so that the garbage collector does not close them either.
            self._inherited.append(self._connections)
            self._connections = _Connections(shared=self.in_memory)
        return self._connections

    def _reader(self, own: _Connections) -> sqlite3.Connection:
        if self.in_memory:
            return self._writer(own)
        if own.reader is None:
            own.reader = _connect(self.path, READ_TIMEOUT_SECONDS, "PRAGMA query_only = ON")
        return own.reader

    def _writer(self, own: _Connections) -> sqlite3.Connection:
        if own.writer is None and self.in_memory:
            own.writer = sqlite3.connect(MEMORY, isolation_level=None, check_same_thread=False)
            schema.migrate(own.writer)
        elif own.writer is None:
            if self._identity is None:
                self._create()
            own.writer = _connect(self.path, 0, "PRAGMA synchronous = FULL")
        return own.writer

    def _begin(self, own: _Connections) -> sqlite3.Connection:
        """Begin a write transaction, once nobody else has one.

        Waiting is done here and not within SQLite, which would hold up every greenlet of gevent.
        """
        deadline = time.monotonic() + WRITE_TIMEOUT_SECONDS
        while True:
            try:
                connection = self._writer(own)
                connection.execute("BEGIN IMMEDIATE")
                return connection
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
            raise StoreUnavailable(f"the database {str(self.path)!r}: {error}") from error


def _connect(path: Path, timeout: float, setting: str, *, mode: str = "rw") -> sqlite3.Connection:
    # No isolation level: transactions begin and end where the code says so. Threads take
    # turns by the locks of their process.
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=timeout,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute(setting)
    except BaseException:
        # Without its setting nobody may have it: a writer would not be durable.
        connection.close()
        raise
    return connection


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes out: changing to WAL and making the tables do not wait by themselves."""
    with path.open("rb") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
