"""The rows of ``bucketcors_history``: what a bucket's rules were before.

A trigger moves what other tools replace. The store moves rows itself, because a trigger for each
row costs more than the row.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from flask_bucketcors.stores.checked_arguments import MAX_COUNT
from flask_bucketcors.stores.history_entry import HistoryEntry
from flask_bucketcors.stores.rows import parse_rule_set
from flask_bucketcors.stores.sqlite.database import Parameters

#: A change of more buckets deletes old entries only if its turn comes.
MAX_FORGETTING: Final = 100
#: Of these, one in so many.
FORGETTING_ONE_OF: Final = 8

# Rules may be there already, after an INSERT OR IGNORE of another tool.
_MOVE: Final = """
    INSERT OR IGNORE INTO bucketcors_history
    SELECT bucket, revision, time, author, document FROM bucketcors_rules WHERE bucket = ?
"""
_RECORD: Final = "INSERT INTO bucketcors_history VALUES (?, ?, ?, ?, ?)"
# Current rules may be in both tables, as above.
_PAGE: Final = """
    SELECT * FROM (
        SELECT revision, time, author, document FROM bucketcors_rules WHERE bucket = :bucket
        UNION
        SELECT revision, time, author, document FROM bucketcors_history WHERE bucket = :bucket
        ORDER BY revision DESC LIMIT (SELECT history_limit FROM bucketcors_state)
    )
    WHERE revision < :before ORDER BY revision DESC LIMIT :limit
"""
_PRESENT: Final = "SELECT revision, time, author, document FROM bucketcors_rules WHERE bucket = ?"
_LAST: Final = """
    SELECT revision, time, author, document FROM bucketcors_history WHERE bucket = ?
    ORDER BY revision DESC LIMIT 1
"""
_FORGET: Final = """
    DELETE FROM bucketcors_history WHERE bucket = :bucket AND revision <= (
        SELECT revision FROM bucketcors_history WHERE bucket = :bucket ORDER BY revision DESC
        LIMIT 1 OFFSET :kept
    )
"""

_LIMIT: Final = "SELECT history_limit FROM bucketcors_state"

Query = Callable[[str, Parameters], Sequence[Any]]
#: A change: its time, its author, and the rules as text, or None if they were deleted.
Document = tuple[float, str | None, str | None]


def entries(query: Query, bucket: str, before: int | None, limit: int | None) -> list[HistoryEntry]:
    """Give a page of the changes of a bucket that are kept, newest first."""
    parameters = {
        "bucket": bucket,
        "before": MAX_COUNT if before is None else before,
        "limit": -1 if limit is None else limit,
    }
    return [_entry(bucket, row) for row in query(_PAGE, parameters)]


def last_entry(query: Query, bucket: str) -> HistoryEntry | None:
    """Give the last change of a bucket; None if there is none."""
    rows = query(_PRESENT, (bucket,)) or query(_LAST, (bucket,))
    return _entry(bucket, rows[0]) if rows else None


def keep(connection: sqlite3.Connection, buckets: Collection[str], stamp: int) -> int:
    """Move the present rules of some buckets to the history, before others replace them.

    Gives how many were moved. Rules that were there already are not.

    :param stamp: that of the change, a random number.
    """
    moved = connection.executemany(_MOVE, ((bucket,) for bucket in buckets)).rowcount
    # To look at the history of each bucket takes a fifth of the time of a large change. So most
    # large changes leave that to others. Readers do not see the entries beyond the limit.
    if moved > 0 and (len(buckets) <= MAX_FORGETTING or stamp % FORGETTING_ONE_OF == 0):
        _forget(connection, buckets, current=1)
    return moved


def keep_deleted(
    connection: sqlite3.Connection, bucket: str, revision: int, now: float, author: str | None
) -> None:
    """Move the present rules of a bucket to the history, before they are deleted."""
    connection.execute(_MOVE, (bucket,))
    connection.execute(_RECORD, (bucket, revision, now, author, None))
    _forget(connection, (bucket,), current=0)


def append(
    connection: sqlite3.Connection, documents: Mapping[str, Sequence[Document]], revision: int
) -> None:
    """Move the present rules of some buckets to the history, and append changes to it.

    :param documents: the changes of each bucket, the oldest first. If the last one has rules, they
        are the caller's to put.
    :param revision: that of the last change of each bucket.
    """
    connection.executemany(_MOVE, ((bucket,) for bucket in documents))
    for bucket, changes in documents.items():
        connection.executemany(_RECORD, _past_rows(bucket, changes, revision))
    is_present = {bucket: changes[-1][-1] is not None for bucket, changes in documents.items()}
    _forget(connection, (bucket for bucket in documents if is_present[bucket]), current=1)
    _forget(connection, (bucket for bucket in documents if not is_present[bucket]), current=0)


def _past_rows(
    bucket: str, changes: Sequence[Document], revision: int
) -> Iterator[tuple[str, int, float, str | None, str | None]]:
    first = revision - len(changes) + 1
    for number, (when, author, text) in enumerate(changes, first):
        if number < revision or text is None:
            yield bucket, number, when, author, text


def _forget(connection: sqlite3.Connection, buckets: Iterable[str], current: int) -> None:
    """Delete what is beyond the limit.

    :param current: the number of entries that are in ``bucketcors_rules``.
    """
    [(limit,)] = connection.execute(_LIMIT).fetchall()
    kept = limit - current
    connection.executemany(_FORGET, ({"bucket": bucket, "kept": kept} for bucket in buckets))


def _entry(bucket: str, row: Sequence[Any]) -> HistoryEntry:
    revision, time, author, document = row
    parse = None if document is None else partial(parse_rule_set, bucket, document)
    return HistoryEntry(revision, time, author, parse)
