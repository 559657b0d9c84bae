"""What the store reads from the tables, for commands and people."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, Executable

from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.errors import ServerUnreachable
from flask_bucketcors.stores.bucket_summary import BucketSummary
from flask_bucketcors.stores.contract import Changes, LastWrite, StoredRules
from flask_bucketcors.stores.history_entry import HistoryEntry
from flask_bucketcors.stores.name_range import name_range, surrogate_place
from flask_bucketcors.stores.rows import parse_rule_set
from flask_bucketcors.stores.sql import statements
from flask_bucketcors.stores.sql.feed import Position
from flask_bucketcors.stores.sql.lanes import Lane
from flask_bucketcors.stores.sql.row_changes import chunks
from flask_bucketcors.stores.sql.server import Server
from flask_bucketcors.stores.sql.tables import RULES

# The longest name.
_MAX_BYTES = 255

_NAMES = (RULES.c.bucket,)
_SUMMARIES = tuple(
    RULES.c[name] for name in ("bucket", "rule_count", "stamp", "revision", "time", "author")
)


class Reader:
    """Reads, with one connection for each process.

    :param prepare: makes the tables.
    """

    def __init__(self, server: Server, prepare: Callable[[], None]) -> None:
        self._lane = Lane(server, prepare, writes=False)

    def read(self, bucket: str) -> StoredRules | None:
        """Give the rules of a bucket; None if it has none."""
        for stamp, revision, document in self._query(statements.CURRENT, name=bucket):
            return StoredRules(str(stamp), revision, partial(parse_rule_set, bucket, document))
        return None

    def position(self) -> Position:
        """Give the position now."""
        [(revision, stamp)] = self._query(statements.STATE_NOW)
        return Position(revision, stamp)

    def changes_since(self, known: Position) -> Changes:
        """Tell which buckets changed since a position."""
        rows = self._query(
            statements.NAMES_SINCE, known_revision=known.revision, known_stamp=known.stamp
        )
        position = Position(*rows[0][:2])
        if position == known:
            return Changes(known, ())
        is_known = rows[0][2] == known.stamp and len(rows) <= statements.FIRST_ROWS
        names: Collection[str] | None = {row[3] for row in rows} if is_known else None
        return Changes(position, names)

    def names(
        self, prefix: str, after: str, limit: int | None, *, with_deleted: bool
    ) -> Sequence[str]:
        """Give a page of names; see :meth:`flask_bucketcors.Store.list`."""
        rows = self._page(_NAMES, prefix, after, limit, "", with_deleted=with_deleted)
        return [bucket for (bucket,) in rows]

    def histories(self, buckets: Collection[str]) -> Mapping[str, Sequence[HistoryEntry]]:
        """Give the histories of some buckets, many in one statement."""
        found: dict[str, list[HistoryEntry]] = {bucket: [] for bucket in buckets}
        for names in chunks(bucket for bucket in found if is_bucket_name(bucket)):
            for bucket, *row in self._query(statements.histories(names)):
                found[bucket].append(_entry(bucket, *row))
        return found

    def last_writes(self, buckets: Collection[str]) -> Mapping[str, LastWrite]:
        """Give the last writes to some buckets, many in one statement."""
        found = dict.fromkeys(buckets, LastWrite(None, None))
        for names in chunks(bucket for bucket in buckets if is_bucket_name(bucket)):
            for bucket, stamp, *row in self._query(statements.last_writes(names)):
                change = _entry(bucket, *row)
                found[bucket] = LastWrite(None if row[-1] is None else str(stamp), change)
        return found

    def history_limit(self) -> int:
        """Give the limit of the history that the database keeps."""
        return int(self._query(statements.HISTORY_LIMIT)[0][0])

    def summaries(
        self, prefix: str, after: str, limit: int | None, contains: str
    ) -> Sequence[BucketSummary]:
        """Give a page of summaries; see :meth:`flask_bucketcors.Store.summaries`."""
        return [
            BucketSummary(bucket, count, str(stamp), revision, time, author)
            for bucket, count, stamp, revision, time, author in self._page(
                _SUMMARIES, prefix, after, limit, contains
            )
        ]

    def history(self, bucket: str, before: int | None, limit: int | None) -> list[HistoryEntry]:
        """Give a page of the changes of a bucket that are kept, newest first."""
        found = self._query(statements.history(bucket, before, limit))
        return [_entry(bucket, *row) for row in found]

    def last_change(self, bucket: str) -> HistoryEntry | None:
        """Give the last change of a bucket; None if there is none."""
        for row in self._query(statements.LAST_CHANGE, name=bucket):
            return _entry(bucket, *row)
        return None

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        self._lane.close()

    def _page(
        self,
        columns: tuple[Any, ...],
        prefix: str,
        after: str,
        limit: int | None,
        contains: str,
        *,
        with_deleted: bool = False,
    ) -> Sequence[Any]:
        bounds = name_range(prefix, after)
        # Names have no NUL, and PostgreSQL takes none.
        is_possible = "\0" not in prefix + contains and surrogate_place(contains) is None
        if bounds is None or not is_possible or len(contains) > _MAX_BYTES:
            return []
        low, high = bounds
        bound = high if isinstance(high, str) else None
        statement = statements.page(columns, low, bound, contains, limit)
        rows = self._query(statement if with_deleted else statement.where(statements.HAS_RULES))
        # Other tools may have written other names. What asks for pages could not get past them.
        return [row for row in rows if is_bucket_name(row[0])]

    def _query(self, statement: Executable, **parameters: Any) -> Sequence[Any]:
        def fetch(connection: Connection) -> Sequence[Any]:
            rows = connection.execute(statement, parameters).fetchall()
            # Each statement was a transaction; this tells SQLAlchemy, and no server.
            connection.rollback()
            return rows

        was_open = self._lane.is_open
        try:
            return self._lane.run(fetch)
        except ServerUnreachable:
            if not was_open:
                raise
        # The server may have closed a connection that was idle.
        return self._lane.run(fetch)


def _entry(
    bucket: str, revision: int, time: float, author: str | None, document: str | None
) -> HistoryEntry:
    parse = None if document is None else partial(parse_rule_set, bucket, document)
    return HistoryEntry(revision, time, author, parse)
