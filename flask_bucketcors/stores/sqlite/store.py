"""Rule sets in a SQLite file, for all workers of one machine.

The rules of a bucket are one row: its name, the rule set as JSON, the revision that put it
there, and the **stamp** of that write. A stamp is a random number that is drawn for every write.
Unlike a revision, it does not recur when a database is restored from a backup and changed again.
So processes and caches compare stamps, and revisions are for people. A bucket's version is its
stamp.

Other tools may edit the rows; see :mod:`flask_bucketcors.stores.sqlite.schema`.
"""

import logging
import os
import sqlite3
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.errors import RulesChanged, StoreUnavailable
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.log_fields import fields
from flask_bucketcors.stores.asked_cell import AskedCell
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
from flask_bucketcors.stores.sqlite.change_token import draw_number
from flask_bucketcors.stores.sqlite.database import Parameters
from flask_bucketcors.stores.sqlite.file_health import examine_file
from flask_bucketcors.stores.sqlite.kept_history import Document, entries, last_entry
from flask_bucketcors.stores.sqlite.noted_changes import Position, changes_since, find_position
from flask_bucketcors.stores.sqlite.own_writes import append_documents, put_documents, remove
from flask_bucketcors.stores.sqlite.registry import open_database
from flask_bucketcors.stores.sqlite.schema import refuse_newer
from flask_bucketcors.stores.sqlite.settings_columns import (
    HISTORY_LIMIT_KEPT,
    change_history_limit,
    merge_settings,
    parsed_settings,
)
from flask_bucketcors.stores.sqlite.waiting import is_passing

T = TypeVar("T")

logger: Final = logging.getLogger("flask_bucketcors.store")

_CURRENT = """
    SELECT state.stamp, rules.stamp, rules.revision, rules.document
    FROM bucketcors_state AS state LEFT JOIN bucketcors_rules AS rules ON rules.bucket = ?
"""
_STATE = "SELECT revision, stamp, schema_version FROM bucketcors_state"
_VERSION = "SELECT schema_version FROM bucketcors_state"
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

    # Whether a change has to survive a power cut.
    _IS_DURABLE: ClassVar = True

    def __init__(self, path: str | os.PathLike[str], *, history_limit: int | None = None) -> None:
        super().__init__(history_limit=HISTORY_LIMIT if history_limit is None else history_limit)
        self._database = open_database(path, is_durable=self._IS_DURABLE)
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
        return int(self._query(HISTORY_LIMIT_KEPT)[0][0])

    def last_change(self, bucket: str) -> HistoryEntry | None:
        return last_entry(self._query, bucket) if is_bucket_name(bucket) else None

    def read(self, bucket: str) -> StoredRules | None:
        # An invalid name has no rows, and SQLite may not even accept it as text.
        rows = self._query(_CURRENT, (bucket,)) if is_bucket_name(bucket) else ()
        for state, stamp, revision, document in rows:
            self._tell_others(state)
            if document is not None:
                parse = partial(parse_rule_set, bucket, document)
                # As StoredRules() does, without a call in Python.
                return tuple.__new__(StoredRules, (str(stamp), revision, parse))
        return None

    def signal(self) -> Signal:
        self._database.follow_file()
        token = self._database.token
        return token.signal if token else self._cell

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
        return self._database.briefly(parsed_settings)

    def keep_settings(self, settings: Mapping[str, Any]) -> None:
        self._database.briefly(partial(merge_settings, settings))

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
        write = partial(put_documents, documents, author, expected, self._add_to_ring)
        return self._publish(*self._change(write))

    def _put_with_history(
        self, histories: Mapping[str, Sequence[PastChange]], expected: Versions
    ) -> int:
        documents = {bucket: _formatted(histories[bucket]) for bucket in sorted(histories)}
        write = partial(append_documents, documents, expected, self._add_to_ring)
        return self._publish(*self._change(write))

    def _delete(self, bucket: str, author: str | None, expected: Versions) -> int | None:
        done = self._change(partial(remove, bucket, author, expected, self._add_to_ring))
        return None if done is None else self._publish(*done)

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
            self._database.briefly(partial(change_history_limit, self._history_limit))
        except StoreUnavailable as error:
            # Another program has the lock, or the file is read-only by now. Requests can be served.
            limit = self._history_limit
            kept = fields("history_limit_not_kept", history_limit=limit, error=error)
            logger.warning(_OLD_LIMIT_STAYS, limit, error, extra=kept)

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

    def _publish(self, revision: int, number: int, stamp: int | None = None) -> int:
        """Tell every process, after the commit and before the response; return the revision.

        :param stamp: that of the last change, if the number is another one.
        """
        tokens = self._database.tokens()
        for token in tokens:
            token.publish(number, number if stamp is None else stamp)
        if not tokens:
            self._cell[0] = number
        return revision

    def _tell_others(self, stamp: int) -> None:
        """Publish a change that another process has committed and not yet published.

        Otherwise a client could see the new rules here, and then the old ones in another process.

        :param stamp: that of the last change, as it was read.
        """
        token = self._database.token
        if token is not None and token.published[0] != stamp:
            token.publish(draw_number(), stamp)

    def _stamp(self) -> int:
        return int(self._query(_STATE)[0][1])


def _write_nothing(connection: sqlite3.Connection) -> None:
    """Only wait for the writers before."""


def _formatted(changes: Sequence[PastChange]) -> Sequence[Document]:
    return [
        (when, author, None if rules is None else format_rule_set(rules))
        for when, author, rules in changes
    ]
