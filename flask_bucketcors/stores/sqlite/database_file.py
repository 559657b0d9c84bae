"""The database at a path: which file it is now, and connections that know which file they opened.

Another file may replace the database at any time, and a connection keeps the file that it opened.
See :mod:`flask_bucketcors.stores.sqlite.log_files` for what could go wrong then, and
:mod:`flask_bucketcors.stores.sqlite.lost_log` for a log that is deleted beside the database.
"""

import logging
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from flask_bucketcors.log_fields import fields
from flask_bucketcors.stores.sqlite import lost_log, schema
from flask_bucketcors.stores.sqlite.change_token import ChangeToken
from flask_bucketcors.stores.sqlite.locks import FileLock
from flask_bucketcors.stores.sqlite.log_files import Beside, Identity, LogRecord, beside, identity
from flask_bucketcors.stores.sqlite.places import check_place
from flask_bucketcors.stores.sqlite.waiting import retry

T = TypeVar("T")

logger: Final = logging.getLogger("flask_bucketcors.store")

# How often a file is opened again because it was replaced in the meantime.
MAX_ATTEMPTS: Final = 10

_LOG_TAKEN_AWAY: Final = (
    "%r was replaced by another file while its write-ahead log was in use; the log, with what "
    "was not yet in the old file, is now %r"
)
_LOG_RESCUED: Final = (
    "-wal or -shm of %r was deleted while it was in use; what was in the deleted log has been "
    "written to the database. Do not delete these files while workers run: stop the workers first"
)
_LOG_LOST: Final = (
    "-wal or -shm of %r was deleted while it was in use, and another process has begun a new log; "
    "recent changes may be lost. Check the rules that were changed last (flask bucketcors "
    "history BUCKET), and do not delete these files while workers run: stop the workers first"
)


_LOG_MISSING: Final = (
    "its -wal or -shm was deleted, and a process that still has it open has not yet written it "
    "back; restart the workers, and end all other processes that have the database open"
)
_INDEX_SHARED: Final = (
    "its -shm was deleted while this process had it open, and a connection of the application's "
    "own still has; close that connection, or restart this process"
)


class Connected(NamedTuple):
    """A connection, the file that it has open, and that file's log and index."""

    connection: sqlite3.Connection
    file: Identity
    beside: Beside = ()

    @property
    def has_its_log(self) -> bool:
        """Whether log and index are still at the paths where they were opened."""
        return all(identity(path) == opened for path, opened in self.beside)

    @property
    def has_an_index(self) -> bool:
        """Whether the log has an index; SQLite creates both, or neither.

        If not, the connection uses the deleted index of a connection that was open already.
        """
        (_, log), (_, index) = self.beside
        return log is None or index is not None


class MemoryDatabase:
    """A database that lives as long as its connection."""

    path: Path = Path(":memory:")
    token = None
    identity: Identity = (0, 0)

    def map_token(self) -> None:
        """Map nothing, because no other process can read the database."""

    def prepare(self, deadline: float) -> Identity:
        """Prepare nothing: opening the database does."""
        return self.identity

    def is_current(self, connected: Connected) -> bool:
        """Return True, because nothing can replace the database."""
        return True

    def open(self, setting: str, deadline: float) -> Connected:
        """Create the database."""
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        schema.migrate(connection)
        return Connected(connection, self.identity)

    def close(self, connections: Sequence[Connected], deadline: float) -> bool:
        """Close the database, which deletes it."""
        for each in connections:
            each.connection.close()
        return False


class DatabaseFile:
    """The database at a path. ``token`` is the shared number of the database, once it is mapped.

    :param path: absolute; the file need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.token: ChangeToken | None = None

    @property
    def identity(self) -> Identity | None:
        """Which file is at the path now; None if there is none."""
        return identity(self.path)

    def is_current(self, connected: Connected) -> bool:
        """Whether a connection has open the files that are at the path and beside it now."""
        return connected.file == self.identity and connected.has_its_log

    def map_token(self) -> ChangeToken | None:
        """Map the shared number that belongs to the path now; None if there cannot be one."""
        token, path = self.token, self._beside("-revision")
        if token is None or token.identity != identity(path):
            try:
                token = ChangeToken(path)
            except OSError:
                # The folder is read-only. Readers ask the database instead.
                token = None
            self.token = token
        return token

    def prepare(self, deadline: float) -> Identity:
        """Create or migrate the tables, leave no connection open, and return which file it is.

        :param deadline: how long to wait for processes that have the file open.
        :raises StoreUnavailable: if a newer release wrote it, or it could never be written.
        """
        check_place(self.path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        make = partial(self.open, "PRAGMA journal_mode = WAL", deadline, mode="rwc")
        return self._with_own(make, _migrated, deadline)

    def briefly(self, work: Callable[[Connected], T], deadline: float) -> T:
        """Do work with a connection that is open only meanwhile, and return its result.

        :param work: repeated as long as it finds the database locked.
        :param deadline: how long to wait for locks.
        """
        opened = partial(self.open, "PRAGMA synchronous = FULL", deadline)
        return self._with_own(opened, work, deadline)

    def _with_own(
        self, make: Callable[[], Connected], work: Callable[[Connected], T], deadline: float
    ) -> T:
        connected = retry(make, deadline)
        try:
            result = retry(partial(work, connected), deadline)
        except BaseException:
            # Report the first error, and not what fails afterwards.
            with suppress(OSError, sqlite3.Error):
                self.close([connected], deadline)
            raise
        self.close([connected], deadline)
        return result

    def open(self, setting: str, deadline: float, *, mode: str = "rw") -> Connected:
        """Open the file at the path, once the log of no other file is there.

        SQLite does not wait for locks on the file, now or later.

        :param setting: a statement to run before the connection is used.
        :param deadline: how long to wait for processes that open or close it.
        """
        with self._log_record(deadline) as record:
            if record and record.misses_log(self.identity) and lost_log.is_in_use(self.path):
                raise BlockingIOError(_LOG_MISSING)
            for _ in range(MAX_ATTEMPTS):
                connected, taken_away = self._open_once(setting, record, mode)
                if taken_away is not None:
                    self._log_replaced(taken_away)
                is_mixed = record is not None and record.mixes(connected.file, connected.beside)
                if connected.has_an_index and not is_mixed:
                    if record is not None:
                        record.remember(connected.file, connected.beside)
                    return connected
                lost_log.close([connected.connection], self.path, deadline)
                if record is not None and is_mixed:
                    if lost_log.is_in_use(self.path):
                        raise BlockingIOError(_LOG_MISSING)
                    # No process has the index open any more.
                    record.remember(connected.file, _nothing_beside(connected))
        raise OSError(_INDEX_SHARED)

    def _log_replaced(self, taken_away: Path) -> None:
        said = fields("database_replaced", file=self.path, old_log=taken_away)
        names = (os.fspath(self.path), os.fspath(taken_away))
        logger.warning(_LOG_TAKEN_AWAY, *names, extra=said)

    def _open_once(
        self, setting: str, record: LogRecord | None, mode: str
    ) -> tuple[Connected, Path | None]:
        """Open the file at the path, and return where the log of an older file was moved."""
        connection, file = self._connect(mode)
        try:
            taken_away = record.take_old_log_away(file) if record else None
            connection.execute(setting).fetchall()
            # This opens its log, too; the setting alone may not have read anything.
            connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        except BaseException:
            with suppress(sqlite3.Error):
                connection.close()
            raise
        return Connected(connection, file, beside(self.path)), taken_away

    def close(self, connections: Sequence[Connected], deadline: float) -> bool:
        """Close all connections that the process has open.

        :returns: whether everything they wrote to a deleted log is in the database.
        """
        if not connections:
            return False
        with self._log_record(deadline) as record:
            here = [each for each in connections if each.file == self.identity]
            lost = next((each for each in here if not each.has_its_log), None)
            if lost is not None:
                return self._close_without_log(lost, connections, record, deadline)
            for each in connections:
                each.connection.close()
            # The last connection to close deletes the log, and another file may get its inode.
            if record is not None and here:
                record.remember(here[0].file, beside(self.path))
        return False

    def _close_without_log(
        self,
        lost: Connected,
        connections: Sequence[Connected],
        record: LogRecord | None,
        deadline: float,
    ) -> bool:
        is_latest = record is not None and record.is_latest(lost.file, lost.beside)
        is_rescued = is_latest and lost_log.rescue(lost.connection, lost.beside, deadline)
        lost_log.close((each.connection for each in connections), self.path, deadline)
        if record is not None and is_latest:
            # Other processes need not wait for this one any more.
            record.remember(lost.file, _nothing_beside(lost))
        text = _LOG_RESCUED if is_rescued else _LOG_LOST
        said = fields("database_log_deleted", file=self.path, is_rescued=is_rescued)
        logger.error(text, os.fspath(self.path), extra=said)
        return is_rescued

    def _connect(self, mode: str) -> tuple[sqlite3.Connection, Identity]:
        """Open the file at the path, and determine which file that is."""
        for _ in range(MAX_ATTEMPTS):
            before = self.identity
            # No isolation level: transactions begin and end explicitly. The locks of the process
            # make threads take turns.
            connection = sqlite3.connect(
                f"{self.path.as_uri()}?mode={mode}",
                uri=True,
                timeout=0,
                isolation_level=None,
                check_same_thread=False,
            )
            if before is not None and before == self.identity:
                return connection, before
            connection.close()
        raise OSError("its file is replaced again and again")

    @contextmanager
    def _log_record(self, deadline: float) -> Iterator[LogRecord | None]:
        token = self.map_token()
        if token is None:
            yield None
        else:
            lock = FileLock(self._beside("-lock"), self.path)
            with lock.held(deadline), token.opened(self.path) as descriptor:
                yield LogRecord(descriptor, self.path)

    def _beside(self, ending: str) -> str:
        # Links may lead to the same file, or to another one by now. Links to its folder need not be
        # followed here, as the kernel does.
        path = os.path.realpath(self.path) if os.path.islink(self.path) else self.path
        return f"{path}{ending}"


def _migrated(connected: Connected) -> Identity:
    schema.migrate(connected.connection)
    return connected.file


def _nothing_beside(connected: Connected) -> Beside:
    return [(path, None) for path, _ in connected.beside]
