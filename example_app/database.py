"""The SQLite file of the index: creates it, and opens transactions."""

import os
import sqlite3
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Literal

# How long a transaction waits for other transactions.
LOCK_SECONDS = 30.0
RETRY_SECONDS = 0.002

_SCHEMA = """
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS buckets (
        name TEXT PRIMARY KEY,
        public INTEGER NOT NULL,
        created INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS objects (
        bucket TEXT NOT NULL REFERENCES buckets (name),
        key BLOB NOT NULL,
        size INTEGER NOT NULL,
        etag TEXT NOT NULL,
        modified INTEGER NOT NULL,
        headers TEXT NOT NULL,
        file TEXT NOT NULL,
        PRIMARY KEY (bucket, key)
    );
    CREATE TABLE IF NOT EXISTS uploads (
        id TEXT NOT NULL UNIQUE,
        bucket TEXT NOT NULL REFERENCES buckets (name),
        key BLOB NOT NULL,
        started INTEGER NOT NULL,
        headers TEXT NOT NULL,
        forbid_overwrite INTEGER NOT NULL,
        PRIMARY KEY (bucket, key, id)
    );
    CREATE TABLE IF NOT EXISTS parts (
        upload TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        size INTEGER NOT NULL,
        etag TEXT NOT NULL,
        modified INTEGER NOT NULL,
        file TEXT NOT NULL,
        PRIMARY KEY (upload, number)
    );
    COMMIT;
"""


@contextmanager
def transaction(path: Path, kind: Literal["DEFERRED", "IMMEDIATE"]) -> Iterator[sqlite3.Connection]:
    """Open the index for reading (deferred) or writing (immediate).

    Each transaction has its own connection, so forks and threads of any kind are safe.
    """
    connection = sqlite3.connect(path, timeout=LOCK_SECONDS, isolation_level=None)
    with closing(connection):
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = NORMAL")
        if kind == "IMMEDIATE":
            _begin_writing(connection)
        else:
            connection.execute("BEGIN")
        with connection:
            yield connection


def _begin_writing(connection: sqlite3.Connection) -> None:
    """Begin a write transaction when no other one is open.

    This waits here and not within SQLite, which would stop all greenlets of gevent, even the one
    whose transaction is open.
    """
    connection.execute("PRAGMA busy_timeout = 0")
    _begin_when_free(connection)
    connection.execute(f"PRAGMA busy_timeout = {LOCK_SECONDS * 1000:.0f}")


def _begin_when_free(connection: sqlite3.Connection) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            # The lowest byte is the kind of error; the others say why the database is busy.
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
        time.sleep(RETRY_SECONDS)


def create(path: Path) -> None:
    """Create an index, or add missing tables to an existing one.

    In WAL mode readers do not wait for writers. But if several workers switch a file to WAL at
    once, SQLite fails instead of waiting. So the index is created under another name, and then
    linked.
    """
    if path.exists():
        with closing(sqlite3.connect(path, timeout=LOCK_SECONDS)) as connection:
            connection.executescript(_SCHEMA)
        return
    aside = path.with_name(uuid.uuid4().hex)
    with closing(sqlite3.connect(aside)) as connection:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.executescript(_SCHEMA)
    with suppress(FileExistsError):
        os.link(aside, path)
    aside.unlink()
