"""Rule sets in a SQLite file, for all workers of one machine.

The rules of a bucket are one row: its name, the rule set as JSON, and the revision that put
it there. Other tools may edit the rows; see :mod:`flask_bucketcors.stores.schema`.
"""

import json
import os
import sqlite3
import time
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.errors import (
    InvalidRules,
    StoredRulesInvalid,
    StoreUnavailable,
    UnknownRevision,
)
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.stores.contract import (
    HISTORY_LIMIT,
    HistoryEntry,
    StoredRules,
    require_bucket_name,
    require_rule_set,
)
from flask_bucketcors.stores.database import Database

_CURRENT = "SELECT revision, document FROM bucketcors_rules WHERE bucket = ?"
_REVISION = "SELECT revision FROM bucketcors_state"
_BEGIN = "UPDATE bucketcors_state SET revision = revision + 1, own_write = 1"
_END = "UPDATE bucketcors_state SET own_write = 0"
_PUT = """
    INSERT INTO bucketcors_rules (bucket, document, revision) VALUES (?, ?, ?)
    ON CONFLICT (bucket) DO UPDATE SET document = excluded.document, revision = excluded.revision
"""
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


class SQLiteStore:
    """Rule sets in a SQLite database, with the contract of every store.

    :param path: the file; it is made, with its folder, if it is not there. ``":memory:"``
        gives a database that lives as long as the store does and belongs to one process.
    :param history_limit: entries of history to keep for each bucket.
    :raises StoreUnavailable: if the file cannot be opened, is not a database, or was written
        by a newer release.
    """

    def __init__(self, path: str | os.PathLike[str], *, history_limit: int = HISTORY_LIMIT) -> None:
        self._database = Database(path)
        self._history_limit = history_limit
        self._checked_epoch = self._database.epoch

    def put(self, bucket: str, rules: RuleSet, author: str | None = None) -> int:
        return self.put_many([(bucket, rules)], author)

    def put_many(self, pairs: Iterable[tuple[str, RuleSet]], author: str | None = None) -> int:
        # A bucket that comes twice gets the last of its rules.
        documents = {bucket: _dump(bucket, rules) for bucket, rules in pairs}
        if not documents:
            return self._revision()
        with self._database.transaction() as connection:
            revision = self._write(connection, documents, author)
        self._publish(revision)
        return revision

    def get(self, bucket: str) -> RuleSet | None:
        stored = self.read(bucket)
        return stored.parse() if stored else None

    def delete(self, bucket: str, author: str | None = None) -> int | None:
        if not is_bucket_name(bucket):
            return None
        with self._database.transaction() as connection:
            if connection.execute(_CURRENT, (bucket,)).fetchone() is None:
                return None
            revision = self._write(connection, {bucket: None}, author)
        self._publish(revision)
        return revision

    def list(self, prefix: str = "", after: str = "", limit: int | None = None) -> Sequence[str]:
        parameters = (prefix, after, prefix, prefix, -1 if limit is None else limit)
        return [bucket for (bucket,) in self._database.query(_LIST, parameters)]

    def history(self, bucket: str) -> Sequence[HistoryEntry]:
        rows = self._rows_of(bucket, _HISTORY)
        return [
            HistoryEntry(revision, at, author, None if text is None else _load(bucket, text))
            for revision, at, author, text in rows
        ]

    def rollback(self, bucket: str, revision: int, author: str | None = None) -> int:
        for number, _, _, document in self._rows_of(bucket, _HISTORY):
            if number == revision and document is not None:
                return self.put(bucket, _load(bucket, document), author)
        raise UnknownRevision(f"bucket {bucket!r} has no rules of revision {revision!r}")

    def read(self, bucket: str) -> StoredRules | None:
        # The epoch first: after it another file may hold the same revision of other rules.
        epoch = self._database.epoch
        rows = self._rows_of(bucket, _CURRENT)
        if not rows:
            return None
        revision, document = rows[0]
        return StoredRules((epoch, revision), partial(_load, bucket, document))

    def signal(self) -> int:
        token = self._database.token
        return self._revision() if token is None else token.load()

    def check(self) -> Hashable:
        self._database.follow_file()
        epoch = self._database.epoch
        try:
            state = (epoch, self._revision())
        except StoreUnavailable as error:
            # Locked or busy says nothing about the rules. Another file in its place, or one
            # that is no database any more, says that they are not what they were.
            if epoch == self._checked_epoch and isinstance(
                error.__cause__, sqlite3.OperationalError
            ):
                raise
            state = (epoch, -1)
        self._checked_epoch = epoch
        return state

    def close(self) -> None:
        self._database.close()

    def _rows_of(self, bucket: str, statement: str) -> Sequence[Any]:
        # What is no name has no rows, and may not even be text that SQLite takes.
        return self._database.query(statement, (bucket,)) if is_bucket_name(bucket) else []

    def _revision(self) -> int:
        return int(self._database.query(_REVISION)[0][0])

    def _publish(self, revision: int) -> None:
        """Tell every process, after the commit and before the answer."""
        if self._database.token is not None:
            self._database.token.store(revision)

    def _write(
        self,
        connection: sqlite3.Connection,
        documents: Mapping[str, str | None],
        author: str | None,
    ) -> int:
        """Change rules, history and revision in the transaction of ``connection``."""
        connection.execute(_BEGIN)
        revision = int(connection.execute(_REVISION).fetchone()[0])
        now, items = time.time(), documents.items()
        connection.executemany(_PUT, [(b, text, revision) for b, text in items if text])
        connection.executemany(_DELETE, [(b,) for b, text in items if text is None])
        connection.executemany(_RECORD, [(b, revision, now, author, text) for b, text in items])
        connection.executemany(_FORGET, [(b, b, self._history_limit) for b in documents])
        connection.execute(_END)
        return revision


def _dump(bucket: str, rules: RuleSet) -> str:
    require_bucket_name(bucket)
    require_rule_set(rules)
    return json.dumps(rules.as_dict(), ensure_ascii=False, separators=(",", ":"))


def _load(bucket: str, document: str) -> RuleSet:
    try:
        return RuleSet.from_dict(json.loads(document))
    except (InvalidRules, ValueError, TypeError, RecursionError) as error:
        raise StoredRulesInvalid(f"the stored rules of bucket {bucket!r}: {error}") from error
