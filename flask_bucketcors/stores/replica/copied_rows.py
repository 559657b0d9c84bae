"""The rows of a server, written into the tables of a copy within a transaction."""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Final

from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.stores.sql.feed import Row
from flask_bucketcors.stores.sqlite.noted_changes import MAX_NOTED_BUCKETS

_PAGE_ROWS: Final = 1000

# SQLite stores NaN as NULL. One row that another tool has written must not stop all others.
_PUT: Final = """
    INSERT INTO bucketcors_rules (bucket, document, revision, stamp, time, author)
    VALUES (?, ?, ?, ?, coalesce(?, 0), ?)
    ON CONFLICT (bucket) DO UPDATE SET
        document = excluded.document, revision = excluded.revision, stamp = excluded.stamp,
        time = excluded.time, author = excluded.author
"""
_DELETE: Final = "DELETE FROM bucketcors_rules WHERE bucket = ?"
_PRESENT: Final = """
    SELECT bucket, stamp FROM bucketcors_rules WHERE bucket > ? ORDER BY bucket LIMIT ?
"""


def write_rows(connection: sqlite3.Connection, rows: Iterable[Row]) -> set[str]:
    """Write rows, and give the names of their buckets: of many, one more than can be noted."""
    names: set[str] = set()
    for row in rows:
        if row.document is None:
            connection.execute(_DELETE, (row.bucket,))
        else:
            connection.execute(_PUT, row)
        if len(names) <= MAX_NOTED_BUCKETS:
            names.add(row.bucket)
    return names


def differences(connection: sqlite3.Connection, whole: Iterable[Row]) -> Iterator[Row]:
    """Give the rows that differ from those of the copy, and deletions of what is not there.

    The copy may be written while this runs, up to the bucket that was given last.

    :param whole: all rules of the server, sorted by bucket.
    """
    present = _present(connection)
    bucket, stamp = next(present, _END)
    last = ""
    for row in whole:
        if row.bucket <= last:
            raise StoreUnavailable(
                f"the server does not sort buckets by code point: {row.bucket!r} comes after "
                f"{last!r}; give the column the collation of the tables that this release makes"
            )
        last = row.bucket
        while bucket is not None and bucket < last:
            yield _deletion(bucket)
            bucket, stamp = next(present, _END)
        if bucket != last:
            yield row
            continue
        if stamp != row.stamp:
            yield row
        bucket, stamp = next(present, _END)
    while bucket is not None:
        yield _deletion(bucket)
        bucket, stamp = next(present, _END)


_END: Final[tuple[str | None, int]] = (None, 0)


def _present(connection: sqlite3.Connection) -> Iterator[tuple[str | None, int]]:
    """Give names and stamps of the copy in pages, because it is written in between."""
    last = ""
    while True:
        page = connection.execute(_PRESENT, (last, _PAGE_ROWS)).fetchall()
        yield from page
        if len(page) < _PAGE_ROWS:
            return
        last = page[-1][0]


def _deletion(bucket: str) -> Row:
    return Row(bucket, None, 0, 0, 0, None)
