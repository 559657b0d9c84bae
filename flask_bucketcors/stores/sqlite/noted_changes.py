"""What changed since a position: the rows of ``bucketcors_changes``.

They tell every process about every change, also about those of other tools, and those that were
committed by a process that ended before it could publish them. But reading them costs a query, so
:mod:`flask_bucketcors.stores.sqlite.change_ring` has the last ones in shared memory, too.
"""

import sqlite3
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, NamedTuple

from flask_bucketcors.stores.contract import Changes
from flask_bucketcors.stores.sqlite.database import Parameters
from flask_bucketcors.stores.sqlite.log_files import Identity

#: A change of more buckets is noted as one of any bucket.
MAX_NOTED_BUCKETS: Final = 1000

# One statement, so that position and names belong together. The stamp of the state is compared with
# that of the last row, because other tools may delete rows.
_SINCE: Final = """
    SELECT state.stamp, noted.id, noted.stamp, noted.bucket
    FROM bucketcors_state AS state LEFT JOIN bucketcors_changes AS noted ON noted.id >= ?
    ORDER BY noted.id LIMIT ?
"""
_LAST: Final = """
    SELECT state.stamp, (SELECT max(id) FROM bucketcors_changes) FROM bucketcors_state AS state
"""
_NOTE: Final = "INSERT INTO bucketcors_changes (stamp, bucket) VALUES (?, ?)"

Query = Callable[[str, Parameters], Sequence[Any]]


class Position(NamedTuple):
    """A state of the store, from which changes are counted.

    :param file: the database.
    :param id: of the last row of ``bucketcors_changes``; 0 if there is none.
    :param stamp: of the last change. IDs and revisions recur if a backup is restored; stamps do
        not.
    """

    file: Identity | None
    id: int
    stamp: int


def find_position(query: Query, file: Identity | None) -> Position:
    """Give the position now."""
    [(stamp, last)] = query(_LAST, ())
    return Position(file, last or 0, stamp)


def changes_since(query: Query, known: Position) -> Changes:
    """Tell what changed since a position in the same file."""
    # The first row is that of the position. One row too many shows that others are cut off.
    rows = query(_SINCE, (known.id, MAX_NOTED_BUCKETS + 2))
    stamp = rows[0][0]
    if stamp == known.stamp:
        return Changes(known, set())
    ids, stamps, buckets = zip(*(row[1:] for row in rows), strict=True)
    is_whole = (ids[0], stamps[0], stamps[-1]) == (known.id, known.stamp, stamp)
    # Another tool may have stored a name that is no text.
    is_named = all(isinstance(bucket, str) for bucket in buckets[1:])
    if not is_whole or len(rows) > MAX_NOTED_BUCKETS + 1 or not is_named:
        return Changes(find_position(query, known.file), None)
    return Changes(Position(known.file, ids[-1], stamp), set(buckets[1:]))


def note(connection: sqlite3.Connection, stamp: int, buckets: Collection[str] | None) -> int:
    """Note a change, within its transaction, and give the ID of its last row.

    :param buckets: whose rules it changes, at least one; None for any.
    """
    is_named = buckets is not None and len(buckets) <= MAX_NOTED_BUCKETS
    *others, last = (buckets or ()) if is_named else (None,)
    connection.executemany(_NOTE, ((stamp, bucket) for bucket in others))
    return connection.execute(_NOTE, (stamp, last)).lastrowid or 0
