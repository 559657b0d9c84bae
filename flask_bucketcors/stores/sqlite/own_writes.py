"""What a write of the SQLite store does within its transaction.

Each compares what the caller expected, takes the next revision and a new stamp, changes the rules
and the history, and notes the names of the buckets, for workers that read them later. It also
gives the entry for the ring, through which workers learn of the names without a query.
"""

import sqlite3
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from flask_bucketcors.core.errors import RulesChanged
from flask_bucketcors.stores.contract import Versions
from flask_bucketcors.stores.sqlite.change_ring import Entry
from flask_bucketcors.stores.sqlite.change_token import draw_number
from flask_bucketcors.stores.sqlite.kept_history import Document, append, keep, keep_deleted
from flask_bucketcors.stores.sqlite.noted_changes import note
from flask_bucketcors.stores.sqlite.schema import refuse_copy, refuse_newer

#: Takes the entry for the ring, before the commit.
Announce = Callable[[Entry], None]

_STAMP: Final = "SELECT stamp FROM bucketcors_rules WHERE bucket = ?"
_WRITABLE: Final = "SELECT revision, stamp, schema_version, copy_of FROM bucketcors_state"
_BEGIN: Final = "UPDATE bucketcors_state SET revision = ?, stamp = ?, own_write = 1"
_END: Final = "UPDATE bucketcors_state SET own_write = 0"
# Not REPLACE, which deletes the row first, so that triggers would not see it.
_PUT: Final = """
    INSERT INTO bucketcors_rules (document, revision, stamp, time, author, bucket)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (bucket) DO UPDATE SET
        document = excluded.document, revision = excluded.revision, stamp = excluded.stamp,
        time = excluded.time, author = excluded.author
"""
# The same for a bucket that has rules, without the triggers of an INSERT.
_REPLACE: Final = """
    UPDATE bucketcors_rules SET document = ?, revision = ?, stamp = ?, time = ?, author = ?
    WHERE bucket = ?
"""
_DELETE: Final = "DELETE FROM bucketcors_rules WHERE bucket = ?"


def put_documents(
    documents: Mapping[str, str],
    author: str | None,
    expected: Versions,
    announce: Announce,
    connection: sqlite3.Connection,
) -> tuple[int, int]:
    """Replace the rules of some buckets; give the revision and the stamp of the write.

    :raises RulesChanged: if a bucket has other rules than expected.
    """
    _compare(connection, expected)
    last, revision, stamp = _begin(connection)
    now = time.time()
    have_all_rules = keep(connection, documents, stamp) == len(documents)
    # Rows are created one by one: many at once would trigger the garbage collector.
    rows = ((text, revision, stamp, now, author, bucket) for bucket, text in documents.items())
    connection.executemany(_REPLACE if have_all_rules else _PUT, rows)
    _end(connection, last, stamp, documents, announce)
    return revision, stamp


def append_documents(
    documents: Mapping[str, Sequence[Document]],
    expected: Versions,
    announce: Announce,
    connection: sqlite3.Connection,
) -> tuple[int, int]:
    """Append to the histories of some buckets, of which the last change is in force.

    Gives the last revision, and the stamp of the write.

    :raises RulesChanged: if a bucket has other rules than expected.
    """
    _compare(connection, expected)
    last, revision, stamp = _begin(connection, max(map(len, documents.values())))
    append(connection, documents, revision)
    current = {bucket: changes[-1] for bucket, changes in documents.items()}
    rows = (
        (text, revision, stamp, when, author, bucket)
        for bucket, (when, author, text) in current.items()
        if text is not None
    )
    connection.executemany(_PUT, rows)
    deleted = ((bucket,) for bucket, (_, _, text) in current.items() if text is None)
    connection.executemany(_DELETE, deleted)
    _end(connection, last, stamp, documents, announce)
    return revision, stamp


def remove(
    bucket: str,
    author: str | None,
    expected: Versions,
    announce: Announce,
    connection: sqlite3.Connection,
) -> tuple[int, int] | None:
    """Delete the rules of a bucket; give the revision and the stamp, or None if there are none.

    :raises RulesChanged: if the bucket has other rules than expected.
    """
    _compare(connection, expected)
    if _version(connection, bucket) is None:
        return None
    last, revision, stamp = _begin(connection)
    keep_deleted(connection, bucket, revision, time.time(), author)
    connection.execute(_DELETE, (bucket,))
    _end(connection, last, stamp, (bucket,), announce)
    return revision, stamp


def _begin(connection: sqlite3.Connection, count: int = 1) -> tuple[int, int, int]:
    """Begin an own write; give the last stamp, and revision and stamp of what is written.

    :param count: of revisions that are used; the last one is given.
    """
    [(revision, last, version, copy_of)] = connection.execute(_WRITABLE).fetchall()
    # A newer release may have started since this one did.
    refuse_newer(version)
    refuse_copy(copy_of)
    stamp = draw_number()
    connection.execute(_BEGIN, (revision + count, stamp))
    return last, revision + count, stamp


def _end(
    connection: sqlite3.Connection,
    before: int,
    stamp: int,
    buckets: Collection[str],
    announce: Announce,
) -> None:
    """End an own write, but for its commit: say what it was about."""
    row = note(connection, stamp, buckets)
    connection.execute(_END)
    announce(Entry(before, stamp, row, buckets))


def _compare(connection: sqlite3.Connection, expected: Versions) -> None:
    for bucket, version in expected.items():
        if version != _version(connection, bucket):
            raise RulesChanged(bucket)


def _version(connection: sqlite3.Connection, bucket: str) -> str | None:
    for (stamp,) in connection.execute(_STAMP, (bucket,)).fetchall():
        return str(stamp)
    return None
