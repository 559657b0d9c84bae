"""The database at a path: which file that is now, and connections that know which they opened.

Another file may take the place of the database at any time, and a connection keeps the one that
it opened. See :mod:`flask_bucketcors.stores.files` for what could go wrong.
"""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from flask_bucketcors.stores import schema
from flask_bucketcors.stores.files import Identity, LogRecord, identity
from flask_bucketcors.stores.token import ChangeToken

logger = logging.getLogger(__name__)

_LOG_TAKEN_AWAY: Final = (
    "%r was replaced by another file while its write-ahead log was in use; the log, with what "
    "was not yet in the old file, is now %r"
)


class Connected(NamedTuple):
    """A connection, and the file that it has open."""

    connection: sqlite3.Connection
    file: Identity


class MemoryDatabase:
    """A database that lives as long as its connection."""

    path = Path(":memory:")
    token = None
    identity: Identity = (0, 0)

    def map_token(self) -> None:
        """No other process could read one."""

    def prepare(self, timeout: float) -> Identity:
        """Nothing is there yet."""
        return self.identity

    def open(self, setting: str, timeout: float) -> Connected:
        """Make a database."""
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        schema.migrate(connection)
        return Connected(connection, self.identity)

    def close(self, connected: Connected) -> None:
        """Let the database go."""
        connected.connection.close()


class DatabaseFile:
    """The database at a path. ``token`` is the shared number beside it, once that was mapped.

    :param path: absolute; nothing need be there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.token: ChangeToken | None = None
        # Whoever comes by way of a link has to find the same one.
        self._token_path = Path(f"{os.path.realpath(path)}-revision")

    @property
    def identity(self) -> Identity | None:
        """Which file stands at the path now; None if none does."""
        return identity(self.path)

    def map_token(self) -> ChangeToken | None:
        """Map the shared number that stands beside the path now; None where none can be."""
        token = self.token
        if token is None or token.identity != identity(self._token_path):
            try:
                token = ChangeToken(self._token_path)
            except OSError:
                # A folder that may not be written: the database is asked instead.
                token = None
            self.token = token
        return token

    def prepare(self, timeout: float) -> Identity:
        """Make the file what this release expects, and leave no connection open; give which it is.

        :param timeout: seconds to wait for those who have the file open.
        :raises StoreUnavailable: if a newer release wrote it.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        prepared = self.open("PRAGMA journal_mode = WAL", timeout, mode="rwc")
        try:
            schema.migrate(prepared.connection)
        finally:
            self.close(prepared)
        return prepared.file

    def open(self, setting: str, timeout: float, *, mode: str = "rw") -> Connected:
        """Open what stands at the path, once no other file's log stands beside it.

        :param setting: a statement without which nobody may have the connection.
        :param timeout: seconds that a statement waits for a lock.
        """
        with self._log_record() as record:
            connected = self._connect(timeout, mode)
            try:
                taken_away = _settle(connected, setting, record)
            except BaseException:
                connected.connection.close()
                raise
        if taken_away is not None:
            logger.warning(_LOG_TAKEN_AWAY, os.fspath(self.path), os.fspath(taken_away))
        return connected

    def close(self, connected: Connected) -> None:
        """Close a connection."""
        with self._log_record() as record:
            connected.connection.close()
            # The last one to close deletes the log, and another file may get its inode.
            if record is not None and connected.file == self.identity:
                record.remember(connected.file)

    def _connect(self, timeout: float, mode: str) -> Connected:
        """Open the file at the path, and be sure which one that is."""
        while True:
            before = self.identity
            # No isolation level: transactions begin and end where the code says so. Threads
            # take turns by the locks of their process.
            connection = sqlite3.connect(
                f"{self.path.as_uri()}?mode={mode}",
                uri=True,
                timeout=timeout,
                isolation_level=None,
                check_same_thread=False,
            )
            if before is not None and before == self.identity:
                return Connected(connection, before)
            connection.close()

    @contextmanager
    def _log_record(self) -> Iterator[LogRecord | None]:
        token = self.map_token()
        if token is None:
            yield None
        else:
            with token.locked() as descriptor:
                yield LogRecord(descriptor, self.path)


def _settle(connected: Connected, setting: str, record: LogRecord | None) -> Path | None:
    """Let a connection read for the first time; give where an old log was put for that."""
    connection, file = connected
    taken_away = record.take_old_log_away(file) if record else None
    connection.execute(setting)
    # Now its log is open too; the setting alone may not have read anything.
    connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    if record:
        record.remember(file)
    return taken_away
