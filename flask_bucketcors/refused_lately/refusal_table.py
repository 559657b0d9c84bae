"""The table of refused preflights, which all workers share: a SQLite file of its own.

What it holds can be lost without harm, so SQLite does not wait for the disk. It is opened for each
use and closed afterwards, so that a fork finds it closed. The number of rows is bounded for each
bucket and in all, and so is the size of the file. Rows make room by how often and how lately they
were refused, with some room for each: a page that fails only now is seen among many that failed
often, and the other way round.
"""

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final
from weakref import finalize

from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.core.origins import MAX_ORIGIN_BYTES
from flask_bucketcors.refused_lately.refused_row import RefusedRow, printable_ascii
from flask_bucketcors.refused_lately.tally import Count, Tally
from flask_bucketcors.stores.forks import ForkSafeLock
from flask_bucketcors.stores.sqlite.locks import open_or_make, share
from flask_bucketcors.stores.sqlite.waiting import is_damaged, retry

#: How long a row is kept after the last refusal, in seconds.
KEPT_SECONDS: Final = 86_400.0
#: The rows of a bucket: those that were refused most often, and those that were refused last.
MOST_OFTEN, LATEST = 40, 10
#: The rows of all buckets together, and how many of them stay where more would be too many.
MAX_ROWS: Final = 10_000
ALL_MOST_OFTEN, ALL_LATEST = 7_200, 1_800
#: The size of the file: 16 MiB at most.
MAX_PAGES: Final = 4096
PAGE_BYTES: Final = 4096
#: The most characters of the names of requested headers.
MAX_HEADERS: Final = 256

# A row without a reason counts the others of its bucket.
_CREATE: Final = """
    CREATE TABLE IF NOT EXISTS bucketcors_refused (
        bucket TEXT NOT NULL, origin TEXT NOT NULL, method TEXT NOT NULL, reason TEXT NOT NULL,
        headers TEXT NOT NULL, times INTEGER NOT NULL, first REAL NOT NULL, last REAL NOT NULL,
        PRIMARY KEY (bucket, origin, method, reason)
    ) WITHOUT ROWID
"""
_ADD: Final = """
    INSERT INTO bucketcors_refused VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (bucket, origin, method, reason) DO UPDATE SET
        headers = excluded.headers, times = times + excluded.times,
        first = min(first, excluded.first), last = max(last, excluded.last)
"""
# The clock may have been set back.
_EXPIRE: Final = "DELETE FROM bucketcors_refused WHERE last NOT BETWEEN ? AND ?"
_CROWDED: Final = """
    SELECT bucket FROM bucketcors_refused WHERE reason <> ''
    GROUP BY bucket HAVING count(*) > ?
"""
_PUSHED_OUT: Final = """
    SELECT bucket, origin, method, reason, times, first, last FROM (
        SELECT *,
            row_number() OVER (ORDER BY times DESC, last DESC) AS by_times,
            row_number() OVER (ORDER BY last DESC, times DESC) AS by_last
        FROM bucketcors_refused WHERE {}
    ) WHERE by_times > :most_often AND by_last > :latest
"""
# Each on its own, so that SQLite looks only at the rows of the bucket.
_PUSHED_OUT_OF_BUCKET: Final = _PUSHED_OUT.format("bucket = :bucket AND reason <> ''")
_PUSHED_OUT_OF_ALL: Final = _PUSHED_OUT.format("TRUE")
_DELETE: Final = """
    DELETE FROM bucketcors_refused WHERE bucket = ? AND origin = ? AND method = ? AND reason = ?
"""
_COUNT: Final = "SELECT count(*) FROM bucketcors_refused"
_ROWS: Final = """
    SELECT bucket, origin, method, reason, headers, times, first, last FROM bucketcors_refused
    WHERE {} AND reason <> '' AND last >= :since
    ORDER BY last DESC, times DESC, bucket, origin LIMIT :limit
"""
_ROWS_OF_BUCKET: Final = _ROWS.format("bucket = :bucket")
_ROWS_OF_ALL: Final = _ROWS.format("TRUE")
_OTHERS: Final = (
    "SELECT times FROM bucketcors_refused WHERE bucket = ? AND reason = '' AND last >= ?"
)
_TABLES: Final = "SELECT name FROM sqlite_master WHERE type = 'table'"

_OTHER_TABLES: Final = "it is a database with other tables; write the path of another file"


class RefusalTable:
    """Rows of refused preflights.

    :param path: the file, which is created when it is first written; None for the memory of this
        process.
    :param database: a file whose owner, group and mode it gets; None for those of new files.
    """

    def __init__(self, path: Path | None, database: Path | None = None) -> None:
        self.path: Path | None = None if path is None else path.absolute()
        self._database = database
        self._lock = ForkSafeLock()
        self._memory = None
        if path is None:
            self._memory = _make_memory()
            # Nobody closes a counter, and an application without one may be made for each test.
            finalize(self, self._memory.close).atexit = False

    def add(self, tally: Tally, *, seconds: float) -> None:
        """Add counts to the table, and keep its bounds.

        If the table has a database, and that is gone, the counts go as well.

        :param seconds: how long to wait for other processes.
        :raises sqlite3.Error, OSError: if that cannot be done; nothing is added.
        """
        rows = list(_values(tally))
        if rows and (self._database is None or self._database.exists()):
            retry(partial(self._write, rows), time.monotonic() + seconds)

    def rows(
        self, bucket: str | None = None, limit: int = MOST_OFTEN + LATEST
    ) -> Sequence[RefusedRow]:
        """Give the rows of the last day, the latest first.

        :param bucket: the name of a bucket; ``""`` for the default rules; None for all.
        :raises StoreUnavailable: if they cannot be read.
        """
        values = {"bucket": bucket, "since": time.time() - KEPT_SECONDS, "limit": limit}
        statement = _ROWS_OF_ALL if bucket is None else _ROWS_OF_BUCKET
        return [RefusedRow(*row) for row in self._read(statement, values) if _is_row(row)]

    def others(self, bucket: str) -> int:
        """Give how many preflights of a bucket were refused, and are in no row.

        :raises StoreUnavailable: if that cannot be read.
        """
        found = self._read(_OTHERS, (bucket, time.time() - KEPT_SECONDS))
        return sum(times for (times,) in found if isinstance(times, int))

    def problem(self) -> str | None:
        """Say why the table cannot be written or read, without writing; None if it can."""
        if self.path is None:
            return None
        # SQLite writes to the folder, too.
        folder = next(each for each in self.path.parents if each.exists())
        for each in (self.path, folder):
            if each.exists() and not os.access(each, os.W_OK):
                return f"{str(each)!r} cannot be written"
        try:
            self.rows(limit=0)
        except StoreUnavailable as error:
            return str(error)
        return None

    def _read(self, statement: str, values: Any) -> list[Any]:
        try:
            if self.path is not None and not self.path.exists():
                return []
            return retry(partial(self._query, statement, values), time.monotonic() + 1.0)
        except (sqlite3.Error, OSError) as error:
            help = "; delete this file, which loses nothing else" if is_damaged(error) else ""
            text = f"the refused preflights in {str(self.path)!r}: {error}{help}"
            raise StoreUnavailable(text) from error

    def _query(self, statement: str, values: Any) -> list[Any]:
        with self._opened("ro") as connection:
            if not _is_ours(connection):
                return []
            return connection.execute(statement, values).fetchall()

    def _write(self, rows: Sequence[tuple[Any, ...]]) -> None:
        with self._opened("rwc") as connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            connection.execute(f"PRAGMA max_page_count = {MAX_PAGES}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                _is_ours(connection)
                connection.execute(_CREATE)
                _add(connection, rows)
                connection.execute("COMMIT")
            except BaseException:
                # SQLite may have ended the transaction already.
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _opened(self, mode: str) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._memory is not None:
                yield self._memory
            elif self.path is not None:
                if mode != "ro" and not self.path.exists():
                    self._make_file(self.path)
                uri = f"{self.path.as_uri()}?mode={mode}"
                with closing(
                    sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)
                ) as connection:
                    yield connection

    def _make_file(self, path: Path) -> None:
        if self._database is None:
            path.parent.mkdir(parents=True, exist_ok=True)
        else:
            # Before SQLite has locks on it, which would go when a descriptor is closed.
            descriptor = open_or_make(path, 0o600)
            try:
                share(descriptor, self._database, with_readers=True)
            finally:
                os.close(descriptor)


def _make_memory() -> sqlite3.Connection:
    # The lock of the table lets threads take turns.
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.execute(_CREATE)
    return connection


def _values(tally: Tally) -> Iterator[tuple[Any, ...]]:
    """The values of the rows of a tally."""
    for (bucket, origin, method, reason), count in tally.by_key.items():
        shown = printable_ascii(origin, MAX_ORIGIN_BYTES)
        headers = printable_ascii(count.headers, MAX_HEADERS)
        yield bucket, shown, method, str(reason), headers, count.times, count.first, count.last
    for bucket, count in tally.others.items():
        yield _other(bucket, count)


def _other(bucket: str, count: Count) -> tuple[Any, ...]:
    return bucket, "", "", "", "", count.times, count.first, count.last


def _is_ours(connection: sqlite3.Connection) -> bool:
    """Whether the file has the table, or nothing yet.

    :raises sqlite3.DatabaseError: if it is another program's.
    """
    tables = {name for (name,) in connection.execute(_TABLES)}
    if tables and "bucketcors_refused" not in tables:
        raise sqlite3.DatabaseError(_OTHER_TABLES)
    return bool(tables)


def _is_row(row: Sequence[object]) -> bool:
    """Whether its values have the types of a row. Another program may write any to a column."""
    *texts, times, first, last = row
    return (
        all(isinstance(each, str) for each in texts)
        and isinstance(times, int)
        and isinstance(first, float)
        and isinstance(last, float)
    )


def _add(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    now = time.time()
    connection.execute(_EXPIRE, (now - KEPT_SECONDS, now + KEPT_SECONDS))
    connection.executemany(_ADD, rows)
    for (bucket,) in connection.execute(_CROWDED, (MOST_OFTEN + LATEST,)).fetchall():
        pushed_out = _push_out(connection, bucket, MOST_OFTEN, LATEST)
        others = Count(0, now, 0.0)
        for *_, times, first, last in pushed_out:
            others.add(Count(times, first, last))
        connection.execute(_ADD, _other(bucket, others))
    # Those are not counted among others: there may be as many buckets as rows.
    if connection.execute(_COUNT).fetchone()[0] > MAX_ROWS:
        _push_out(connection, None, ALL_MOST_OFTEN, ALL_LATEST)


def _push_out(
    connection: sqlite3.Connection, bucket: str | None, most_often: int, latest: int
) -> list[tuple[Any, ...]]:
    values = {"bucket": bucket, "most_often": most_often, "latest": latest}
    statement = _PUSHED_OUT_OF_ALL if bucket is None else _PUSHED_OUT_OF_BUCKET
    found = connection.execute(statement, values).fetchall()
    connection.executemany(_DELETE, [row[:4] for row in found])
    return found
