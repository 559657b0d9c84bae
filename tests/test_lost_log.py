"""What becomes of a deleted log while others lock the database, or have begun a log of their own.

Locks of an open file description are those of another process for everybody else, so one process
suffices here.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from flask_bucketcors.stores.sqlite import lost_log
from flask_bucketcors.stores.sqlite.lost_log import close, is_in_use, rescue

pytestmark = pytest.mark.skipif(
    not hasattr(fcntl, "F_OFD_SETLK"), reason="locks of an open file are Linux's"
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A database with a row that is in its log alone."""
    with closing(sqlite3.connect(tmp_path / "a.sqlite", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("CREATE TABLE rows (number INTEGER)")
        connection.execute("INSERT INTO rows VALUES (7)")
        yield connection


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.sqlite"


@contextmanager
def locked_whole(path: Path) -> Iterator[None]:
    """Lock what every reader locks, as a program does that wants the file for itself."""
    descriptor = os.open(path, os.O_RDWR)
    lock = lost_log._LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, *lost_log._SHARED, 0)
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, lock)
    try:
        yield
    finally:
        os.close(descriptor)


def beside(path: Path) -> tuple[tuple[Path, tuple[int, int]], ...]:
    """The log and its index, as they are now."""
    found = [Path(f"{path}{end}") for end in ("-wal", "-shm")]
    return tuple((each, (each.stat().st_dev, each.stat().st_ino)) for each in found)


def rows_in_the_file_alone(path: Path) -> list[tuple[int]]:
    """What another program finds that has neither log nor index."""
    alone = path.with_name("alone.sqlite")
    alone.write_bytes(path.read_bytes())
    with closing(sqlite3.connect(alone)) as connection:
        return connection.execute("SELECT number FROM rows").fetchall()


def test_a_deleted_log_is_written_into_the_file(database: sqlite3.Connection, path: Path) -> None:
    opened = beside(path)
    for file, _ in opened:
        file.unlink()
    assert rescue(database, opened, time.monotonic())
    assert rows_in_the_file_alone(path) == [(7,)]


def test_nothing_is_written_over_a_log_that_another_process_began(
    database: sqlite3.Connection, path: Path
) -> None:
    opened = beside(path)
    log = opened[0][0]
    log.unlink()
    log.write_bytes(b"of another process")
    assert not rescue(database, opened, time.monotonic())
    assert log.read_bytes() == b"of another process"


def test_an_empty_log_of_another_process_hinders_nobody(
    database: sqlite3.Connection, path: Path
) -> None:
    opened = beside(path)
    log = opened[0][0]
    log.unlink()
    log.touch()
    assert rescue(database, opened, time.monotonic())
    assert rows_in_the_file_alone(path) == [(7,)]


def test_a_read_that_goes_on_is_waited_for_until_the_deadline(
    database: sqlite3.Connection, path: Path
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM rows").fetchall()
        database.execute("INSERT INTO rows VALUES (8)")
        assert not rescue(database, beside(path), time.monotonic())
    assert rescue(database, beside(path), time.monotonic())


def test_a_file_that_cannot_be_written_is_not_rescued(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE rows (number INTEGER)")
        opened = beside(path)
    assert not rescue(connection, opened, time.monotonic())


def test_who_locks_the_whole_file_is_to_end(path: Path) -> None:
    path.touch()
    with (
        locked_whole(path),
        pytest.raises(TimeoutError, match="keeps the whole file locked; end that process"),
    ):
        close([], path, time.monotonic())


def test_connections_are_closed_and_the_log_stays(database: sqlite3.Connection, path: Path) -> None:
    opened = beside(path)
    close([database], path, time.monotonic())
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        database.execute("SELECT 1")
    assert beside(path) == opened


def test_a_database_is_in_use_while_anybody_has_read_it(
    database: sqlite3.Connection, path: Path
) -> None:
    assert is_in_use(path)
    database.close()
    assert not is_in_use(path)
    with locked_whole(path):
        assert is_in_use(path)


def test_without_locks_of_open_files_connections_are_closed_all_the_same(
    database: sqlite3.Connection, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS."""
    monkeypatch.setattr(lost_log, "fcntl", SimpleNamespace())
    assert not is_in_use(path)
    close([database], path, time.monotonic())
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        database.execute("SELECT 1")
