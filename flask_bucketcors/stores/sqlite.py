"""Rule sets in a SQLite file, for all workers of one machine.

The rules of a bucket are one row: its name, the rule set as JSON, the revision that put it
there, and the **stamp** of that write. A stamp is a random number that every write draws anew:
unlike a revision it does not come back when a database is put back from a backup and written
to again. So stamps tell processes and caches what changed, and revisions are for people.

Other tools may edit the rows; see :mod:`flask_bucketcors.stores.schema`.
"""

import json
import os
import sqlite3
import time
from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from typing import Any

from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.errors import InvalidRules, StoredRulesInvalid, StoreUnavailable
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.stores.contract import HISTORY_LIMIT, HistoryEntry, Store, StoredRules
from flask_bucketcors.stores.database import Database

# What a database in good health may answer for a while.
_SAYS_NOTHING = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR)

_CURRENT = "SELECT stamp, document FROM bucketcors_rules WHERE bucket = ?"
_STATE = "SELECT revision, stamp FROM bucketcors_state"
_BEGIN = "UPDATE bucketcors_state SET revision = revision + 1, stamp = random(), own_write = 1"
_END = "UPDATE bucketcors_state SET own_write = 0"
_PUT = "INSERT OR REPLACE INTO bucketcors_rules VALUES (?, ?, ?, ?)"
_DELETE = "DELETE FROM bucketcors_rules WHERE bucket = ?"
_RECORD = "INSERT INTO bucketcors_history VALUES (?, ?, ?, ?, ?)"
_HISTORY = """
    SELECT revision, time, author, document FROM bucketcors_history
    WHERE bucket = ? ORDER BY revision DESC
"""
_FORGET = """
    DELETE FROM bucketcors_history WHERE bucket = ? AND revision <= (
        SELECT revision FROM bucketcors_history
        WHERE bucket = ? ORDER BY revision DESC LIMIT 1 OFFSET ?
    )
"""
_LIST = """
    SELECT bucket FROM bucketcors_rules
    WHERE bucket >= ? AND bucket > ? AND substr(bucket, 1, length(?)) = ?
    ORDER BY bucket LIMIT ?
"""


class SQLiteStore(Store):
    """Rule sets in a SQLite database; see :class:`~flask_bucketcors.Store`.

    :param path: the file; it is made, with its folder, if it is not there. ``":memory:"``
        gives a database that lives as long as the store does and belongs to one process.
    :param history_limit: entries of history to keep for each bucket.
    :raises StoreUnavailable: if the file cannot be opened, is not a database, or was written
        by a newer release.
    """

    def __init__(self, path: str | os.PathLike[str], *, history_limit: int = HISTORY_LIMIT) -> None:
        super().__init__(history_limit=history_limit)
        self._database = Database(path)

    @property
    def revision(self) -> int:
        return int(self._database.query(_STATE)[0][0])

    def delete(self, bucket: str, author: str | None = None) -> int | None:
        if not is_bucket_name(bucket):
            return None
        with self._database.transaction() as connection:
            if connection.execute(_CURRENT, (bucket,)).fetchone() is None:
                return None
            revision, stamp = self._write(connection, {bucket: None}, author)
        self._publish(stamp)
        return revision

    def list(self, prefix: str = "", after: str = "", limit: int | None = None) -> Sequence[str]:
        parameters = (prefix, after, prefix, prefix, -1 if limit is None else limit)
        return [bucket for (bucket,) in self._database.query(_LIST, parameters)]

    def history(self, bucket: str) -> Sequence[HistoryEntry]:
        return [_entry(bucket, *row) for row in self._rows_of(bucket, _HISTORY)]

    def read(self, bucket: str) -> StoredRules | None:
        rows = self._rows_of(bucket, _CURRENT)
        if not rows:
            return None
        stamp, document = rows[0]
        return StoredRules(stamp, partial(_load, bucket, document))

    def signal(self) -> int:
        token = self._database.token
        return self._stamp() if token is None else token.load()

    def state(self) -> Hashable:
        replaced = self._database.follow_file()
        try:
            return self._stamp()
        except StoreUnavailable as error:
            # Another file in place of the one that was there, or one that is no database any
            # more, says that the rules changed.
            code = getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF
            if not replaced and code in _SAYS_NOTHING:
                raise
            return None

    def close(self) -> None:
        self._database.close()

    def _put_all(self, rule_sets: Mapping[str, RuleSet], author: str | None) -> int:
        if not rule_sets:
            return self.revision
        documents = {bucket: _dump(rules) for bucket, rules in rule_sets.items()}
        with self._database.transaction() as connection:
            revision, stamp = self._write(connection, documents, author)
        self._publish(stamp)
        return revision

    def _write(
        self,
        connection: sqlite3.Connection,
        documents: Mapping[str, str | None],
        author: str | None,
    ) -> tuple[int, int]:
        """Change rules, history and revision in the transaction of ``connection``."""
        connection.execute(_BEGIN)
        revision, stamp = connection.execute(_STATE).fetchone()
        now, items = time.time(), documents.items()
        connection.executemany(_PUT, [(b, text, revision, stamp) for b, text in items if text])
        connection.executemany(_DELETE, [(b,) for b, text in items if text is None])
        connection.executemany(_RECORD, [(b, revision, now, author, text) for b, text in items])
        connection.executemany(_FORGET, [(b, b, self._history_limit) for b in documents])
        connection.execute(_END)
        return revision, stamp

    def _publish(self, stamp: int) -> None:
        """Tell every process, after the commit and before the answer."""
        if self._database.token is not None:
            self._database.token.store(stamp)

    def _stamp(self) -> int:
        return int(self._database.query(_STATE)[0][1])

    def _rows_of(self, bucket: str, statement: str) -> Sequence[Any]:
        # What is no name has no rows, and may not even be text that SQLite takes.
        return self._database.query(statement, (bucket,)) if is_bucket_name(bucket) else []


def _dump(rules: RuleSet) -> str:
    return json.dumps(rules.as_dict(), ensure_ascii=False, separators=(",", ":"))


def _load(bucket: str, document: str) -> RuleSet:
    try:
        return RuleSet.from_dict(json.loads(document))
    except (InvalidRules, ValueError, TypeError, RecursionError) as error:
        raise StoredRulesInvalid(f"the stored rules of bucket {bucket!r}: {error}") from error


def _entry(
    bucket: str, revision: int, at: float, author: str | None, document: str | None
) -> HistoryEntry:
    if document is None:
        return HistoryEntry(revision, at, author, None)
    try:
        return HistoryEntry(revision, at, author, _load(bucket, document))
    except StoredRulesInvalid as error:
        return HistoryEntry(revision, at, author, None, unreadable=str(error))
