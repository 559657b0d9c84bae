"""Rule sets in a SQLite file, for all workers of one machine.

The rules of a bucket are one row: its name, the rule set as JSON, the revision that put it
there, and the **stamp** of that write. A stamp is a random number that is drawn for every write.
Unlike a revision, it does not recur when a database is restored from a backup and changed again.
So processes and caches compare stamps, and revisions are for people. A bucket's version is its
stamp.

Other tools may edit the rows; see :mod:`flask_bucketcors.stores.sqlite.schema`.
"""

import json
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.errors import RulesChanged, StoreUnavailable
from flask_bucketcors.core.json_text import parse_json
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.stores.bucket_summary import BucketSummary
from flask_bucketcors.stores.contract import (
    HISTORY_LIMIT,
    Changes,
    Reach,
    Signal,
    Store,
    StoredRules,
    Versions,
)
from flask_bucketcors.stores.health import HealthNote
from flask_bucketcors.stores.history_entry import HistoryEntry, PastChange
from flask_bucketcors.stores.rows import format_rule_set, parse_rule_set
from flask_bucketcors.stores.sqlite.bucket_pages import names, names_with_history, summaries
from flask_bucketcors.stores.sqlite.change_ring import Entry
from flask_bucketcors.stores.sqlite.change_token import AskedCell, draw_number
from flask_bucketcors.stores.sqlite.database import Parameters
from flask_bucketcors.stores.sqlite.file_health import examine_file
from flask_bucketcors.stores.sqlite.kept_history import (
    Document,
    append,
    entries,
    keep,
    keep_deleted,
    last_entry,
)
from flask_bucketcors.stores.sqlite.noted_changes import (
    Position,
    changes_since,
    find_position,
    note,
)
from flask_bucketcors.stores.sqlite.registry import open_database
from flask_bucketcors.stores.sqlite.schema import refuse_newer
from flask_bucketcors.stores.sqlite.waiting import is_passing

T = TypeVar("T")

logger = logging.getLogger("flask_bucketcors.store")

_CURRENT = "SELECT stamp, revision, document FROM bucketcors_rules WHERE bucket = ?"
_STAMP = "SELECT stamp FROM bucketcors_rules WHERE bucket = ?"
_STATE = "SELECT revision, stamp, schema_version FROM bucketcors_state"
_VERSION = "SELECT schema_version FROM bucketcors_state"
_BEGIN = "UPDATE bucketcors_state SET revision = ?, stamp = ?, own_write = 1"
_END = "UPDATE bucketcors_state SET own_write = 0"
# Not REPLACE, which deletes the row first, so that triggers would not see it.
_PUT = """
    INSERT INTO bucketcors_rules (bucket, document, revision, stamp, time, author)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (bucket) DO UPDATE SET
        document = excluded.document, revision = excluded.revision, stamp = excluded.stamp,
        time = excluded.time, author = excluded.author
"""
_DELETE = "DELETE FROM bucketcors_rules WHERE bucket = ?"
_KEEP_HISTORY = "UPDATE bucketcors_state SET history_limit = ?"
_HISTORY_LIMIT = "SELECT history_limit FROM bucketcors_state"
_SETTINGS = "SELECT settings FROM bucketcors_state"
_KEEP_SETTINGS = "UPDATE bucketcors_state SET settings = ? WHERE settings IS ?"

_NO_SETTINGS: Final = (
    "the settings in bucketcors_state are not a JSON object; start the application again, which "
    "writes them"
)
_OLD_LIMIT_STAYS: Final = "history_limit=%d has no effect, the database keeps the earlier one: %s"


class SQLiteStore(Store):
    """Rule sets in a SQLite database; see :class:`~flask_bucketcors.Store`.

    :param path: the file, which is created with its folder if missing. ``":memory:"`` is a database
        that exists as long as the store, in one process.
    :param history_limit: entries of history to keep for each bucket. The database remembers the
        number, for all programs that write to it. None changes nothing; a new database has 50.
    :raises StoreUnavailable: if the file cannot be opened, is not a database, or was written
        by a newer release.
    """

    def __init__(self, path: str | os.PathLike[str], *, history_limit: int | None = None) -> None:
        super().__init__(history_limit=HISTORY_LIMIT if history_limit is None else history_limit)
        self._database = open_database(path)
        if history_limit is not None:
            self._keep_history_limit()
        self._stated = self._database.follow_file()
        # Signals changes where no token can be shared.
        self._cell: list[int] | AskedCell
        self._cell = [0] if self._database.in_memory else AskedCell(self._stamp)

    @property
    def place(self) -> Path | None:
        return None if self._database.in_memory else self._database.path

    @property
    def reach(self) -> Reach:
        return Reach.PROCESS if self._database.in_memory else Reach.MACHINE

    def health(self) -> Iterator[HealthNote]:
        return iter(()) if self.place is None else examine_file(self.place)

    def opener(self) -> Callable[[], Store] | None:
        return None if self.place is None else partial(SQLiteStore, self.place)

    @property
    def revision(self) -> int:
        return int(self._query(_STATE)[0][0])

    @property
    def history_limit(self) -> int:
        return int(self._query(_HISTORY_LIMIT)[0][0])

    def last_change(self, bucket: str) -> HistoryEntry | None:
        return last_entry(self._query, bucket) if is_bucket_name(bucket) else None

    def read(self, bucket: str) -> StoredRules | None:
        # An invalid name has no rows, and SQLite may not even accept it as text.
        rows = self._query(_CURRENT, (bucket,)) if is_bucket_name(bucket) else ()
        for stamp, revision, document in rows:
            return StoredRules(str(stamp), revision, partial(parse_rule_set, bucket, document))
        return None

    def signal(self) -> Signal:
        self._database.follow_file()
        token = self._database.token
        # A float is a number, too.
        return cast(Signal, token.signal) if token else self._cell

    def state(self) -> Hashable:
        # Not that of a subclass, which may ask for the state.
        return SQLiteStore.changes_since(self, None).state

    def changes_since(self, state: Hashable, *, is_signalled: bool = False) -> Changes:
        known = state if isinstance(state, Position) else None
        if known is not None and is_signalled:
            found = self._published_since(known)
            if found is not None:
                return found
        file = self._database.follow_file()
        try:
            if known is not None and known.file == file:
                changes = changes_since(self._query, known)
            else:
                changes = Changes(find_position(self._query, file), None)
        except StoreUnavailable as error:
            # If the file was replaced, or is not a database any more, the rules have changed. They
            # may change again before the database can be read.
            if file == self._stated and is_passing(error.__cause__):
                raise
            return Changes((file, object()), None)
        self._stated = file
        return changes

    def kept_settings(self) -> Mapping[str, Any]:
        return self._database.briefly(_kept_settings)

    def keep_settings(self, settings: Mapping[str, Any]) -> None:
        self._database.briefly(partial(_merge_settings, settings))

    def close(self) -> None:
        self._database.close()
        if self._database.in_memory:
            # Its rules are gone.
            self._cell[0] += 1

    def _list(self, prefix: str, after: str, limit: int | None) -> Sequence[str]:
        return names(self._query, prefix, after, limit)

    def _list_with_history(self, prefix: str, after: str, limit: int | None) -> Sequence[str]:
        return names_with_history(self._query, prefix, after, limit)

    def _summaries(
        self, prefix: str, after: str, limit: int | None, contains: str
    ) -> Sequence[BucketSummary]:
        return summaries(self._query, prefix, after, limit, contains)

    def _history(
        self, bucket: str, before: int | None, limit: int | None
    ) -> Sequence[HistoryEntry]:
        return entries(self._query, bucket, before, limit)

    def _put_all(
        self, rule_sets: Mapping[str, RuleSet], author: str | None, expected: Versions
    ) -> int:
        if not rule_sets:
            revision = self.revision
            self._change(_write_nothing)
            return revision
        # Sorted, because the index grows fastest in this order.
        documents = {bucket: format_rule_set(rule_sets[bucket]) for bucket in sorted(rule_sets)}
        return self._publish(*self._change(partial(self._insert, documents, author, expected)))

    def _put_with_history(
        self, histories: Mapping[str, Sequence[PastChange]], expected: Versions
    ) -> int:
        documents = {bucket: _formatted(histories[bucket]) for bucket in sorted(histories)}
        return self._publish(*self._change(partial(self._append, documents, expected)))

    def _delete(self, bucket: str, author: str | None, expected: Versions) -> int | None:
        done = self._change(partial(self._remove, bucket, author, expected))
        return None if done is None else self._publish(*done)

    def _insert(
        self,
        documents: Mapping[str, str],
        author: str | None,
        expected: Versions,
        connection: sqlite3.Connection,
    ) -> tuple[int, int]:
        _compare(connection, expected)
        last, revision, stamp = _begin(connection)
        now = time.time()
        keep(connection, documents, stamp)
        # Rows are created one by one: many at once would trigger the garbage collector.
        rows = ((bucket, text, revision, stamp, now, author) for bucket, text in documents.items())
        connection.executemany(_PUT, rows)
        self._end(connection, last, stamp, documents)
        return revision, stamp

    def _append(
        self,
        documents: Mapping[str, Sequence[Document]],
        expected: Versions,
        connection: sqlite3.Connection,
    ) -> tuple[int, int]:
        _compare(connection, expected)
        last, revision, stamp = _begin(connection, max(map(len, documents.values())))
        append(connection, documents, revision)
        current = {bucket: changes[-1] for bucket, changes in documents.items()}
        rows = (
            (bucket, text, revision, stamp, when, author)
            for bucket, (when, author, text) in current.items()
            if text is not None
        )
        connection.executemany(_PUT, rows)
        deleted = ((bucket,) for bucket, (_, _, text) in current.items() if text is None)
        connection.executemany(_DELETE, deleted)
        self._end(connection, last, stamp, documents)
        return revision, stamp

    def _remove(
        self,
        bucket: str,
        author: str | None,
        expected: Versions,
        connection: sqlite3.Connection,
    ) -> tuple[int, int] | None:
        _compare(connection, expected)
        if _version(connection, bucket) is None:
            return None
        last, revision, stamp = _begin(connection)
        keep_deleted(connection, bucket, revision, time.time(), author)
        connection.execute(_DELETE, (bucket,))
        self._end(connection, last, stamp, (bucket,))
        return revision, stamp

    def _end(
        self, connection: sqlite3.Connection, before: int, stamp: int, buckets: Collection[str]
    ) -> None:
        """End an own write, but for its commit: say what it was about."""
        row = note(connection, stamp, buckets)
        connection.execute(_END)
        self._add_to_ring(Entry(before, stamp, row, buckets))

    def _add_to_ring(self, entry: Entry) -> None:
        token = self._database.token
        if token is not None:
            token.ring.append(entry)

    def _published_since(self, known: Position) -> Changes | None:
        """Tell what changed without a query, if the token file says so."""
        token = self._database.token
        if token is None:
            return None
        found = token.ring.since(known.stamp, token.cell[0])
        if found is None:
            return None
        buckets, last = found
        return Changes(Position(known.file, last.id, last.after) if last else known, buckets)

    def _keep_history_limit(self) -> None:
        try:
            self._database.briefly(partial(_change_history_limit, self._history_limit))
        except StoreUnavailable as error:
            # Another program has the lock, or the file is read-only by now. Requests can be served.
            logger.warning(_OLD_LIMIT_STAYS, self._history_limit, error)

    def _query(self, statement: str, parameters: Parameters = ()) -> Sequence[Any]:
        try:
            return self._database.query(statement, parameters)
        except StoreUnavailable as error:
            self._name_newer_release(error)
            raise

    def _change(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do work in a transaction.

        If it writes nothing, announce what other processes have committed, but may not have
        announced yet. The caller has seen it, so later requests must see it, too.
        """
        try:
            done = self._database.change(partial(self._do_or_find, work))
        except RulesChanged:
            self._publish(0, draw_number())
            raise
        except StoreUnavailable as error:
            self._name_newer_release(error)
            raise
        if done is None:
            self._publish(0, draw_number())
        return done

    def _do_or_find(
        self, work: Callable[[sqlite3.Connection], T], connection: sqlite3.Connection
    ) -> T:
        done = None
        try:
            done = work(connection)
        finally:
            if done is None:
                # The number alone is not enough: a writer that committed earlier may replace it.
                self._add_to_ring(Entry(0, draw_number(), 0, None))
        return done

    def _name_newer_release(self, error: StoreUnavailable) -> None:
        """If a statement does not fit the tables, say that a newer release changed them."""
        if getattr(error.__cause__, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
            for (version,) in self._database.query(_VERSION):
                refuse_newer(version)

    def _publish(self, revision: int, stamp: int) -> int:
        """Tell every process, after the commit and before the response; return the revision."""
        tokens = self._database.tokens()
        for token in tokens:
            token.cell[0] = stamp
        if not tokens:
            self._cell[0] = stamp
        return revision

    def _stamp(self) -> int:
        return int(self._query(_STATE)[0][1])


def _write_nothing(connection: sqlite3.Connection) -> None:
    """Only wait for the writers before."""


def _formatted(changes: Sequence[PastChange]) -> Sequence[Document]:
    return [
        (when, author, None if rules is None else format_rule_set(rules))
        for when, author, rules in changes
    ]


def _begin(connection: sqlite3.Connection, count: int = 1) -> tuple[int, int, int]:
    """Begin an own write; give the last stamp, and revision and stamp of what is written.

    :param count: of revisions that are used; the last one is given.
    """
    [(revision, last, version)] = connection.execute(_STATE).fetchall()
    # A newer release may have started since this one did.
    refuse_newer(version)
    stamp = draw_number()
    connection.execute(_BEGIN, (revision + count, stamp))
    return last, revision + count, stamp


def _compare(connection: sqlite3.Connection, expected: Versions) -> None:
    for bucket, version in expected.items():
        if version != _version(connection, bucket):
            raise RulesChanged(bucket)


def _change_history_limit(limit: int, connection: sqlite3.Connection) -> None:
    # To write, even the same number, would wait for other writers.
    if connection.execute(_HISTORY_LIMIT).fetchone() != (limit,):
        connection.execute(_KEEP_HISTORY, (limit,))


def _kept_settings(connection: sqlite3.Connection) -> Mapping[str, Any]:
    found = _parse_settings(connection.execute(_SETTINGS).fetchone()[0])
    if found is None:
        raise StoreUnavailable(_NO_SETTINGS)
    return found


def _merge_settings(settings: Mapping[str, Any], connection: sqlite3.Connection) -> None:
    is_done = False
    while not is_done:
        [text] = connection.execute(_SETTINGS).fetchone()
        merged = json.dumps({**(_parse_settings(text) or {}), **settings}, sort_keys=True)
        # If another process was faster, what it has kept is merged as well.
        is_done = merged == text or connection.execute(_KEEP_SETTINGS, (merged, text)).rowcount > 0


def _parse_settings(text: str) -> Mapping[str, Any] | None:
    """Parse the settings; give None if another tool has written something else."""
    try:
        found = parse_json(text)
    except (ValueError, TypeError):
        return None
    return found if isinstance(found, dict) else None


def _version(connection: sqlite3.Connection, bucket: str) -> str | None:
    for (stamp,) in connection.execute(_STAMP, (bucket,)).fetchall():
        return str(stamp)
    return None
