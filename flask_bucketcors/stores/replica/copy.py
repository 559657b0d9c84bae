"""A host's copy of the rules of a server: a SQLite file, which all processes of the host read.

The copy has the position of the server up to which it has all changes. To **catch up** is to ask
the server what changed since, to write that and the new position in one transaction, and then to
publish it to all processes, as every write to a SQLite store does. The process has the write lock
of the copy all the time, so changes are never applied in another order than the server made them.

The copy has stamps of its own for its states, because the server may go back to an earlier
position, and a number that was seen must not come back with other rules. The rows have the stamps
of the server, so the versions of a bucket are the same on all hosts.
"""

import logging
import os
import sqlite3
import time
from array import array
from collections.abc import Hashable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from math import inf
from typing import ClassVar, Final, NamedTuple

from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.errors import ServerUnreachable, StoreUnavailable
from flask_bucketcors.interval_log import IntervalLog
from flask_bucketcors.log_fields import fields
from flask_bucketcors.stores.bucket_summary import BucketSummary
from flask_bucketcors.stores.contract import Changes, StoredRules
from flask_bucketcors.stores.history_entry import HistoryEntry
from flask_bucketcors.stores.replica.contact import UNFOLLOWED_SECONDS, Contact, now
from flask_bucketcors.stores.replica.copied_rows import differences, write_rows
from flask_bucketcors.stores.rows import parse_rule_set
from flask_bucketcors.stores.sql.feed import Batch, Feed, Position, Row
from flask_bucketcors.stores.sqlite.change_ring import Entry
from flask_bucketcors.stores.sqlite.change_token import draw_number
from flask_bucketcors.stores.sqlite.kept_history import last_entry
from flask_bucketcors.stores.sqlite.noted_changes import MAX_NOTED_BUCKETS, note
from flask_bucketcors.stores.sqlite.schema import refuse_newer
from flask_bucketcors.stores.sqlite.store import SQLiteStore

logger: Final = logging.getLogger("flask_bucketcors.store")

#: How long to wait for another process of the host that catches up, which may take all rules.
CATCH_UP_SECONDS: Final = 20.0

_STATE: Final = """
    SELECT revision, stamp, schema_version, copy_of, server_stamp FROM bucketcors_state
"""
_RULES: Final = "SELECT EXISTS (SELECT 1 FROM bucketcors_rules)"
_CURRENT: Final = """
    SELECT copy_of, state.stamp, rules.stamp, rules.revision, document
    FROM bucketcors_state AS state LEFT JOIN bucketcors_rules AS rules ON bucket = ?
"""
_BEGIN: Final = "UPDATE bucketcors_state SET own_write = 1"
_CHANGED: Final = "UPDATE bucketcors_state SET stamp = ?"
_MOVE: Final = "UPDATE bucketcors_state SET revision = ?, copy_of = ?, server_stamp = ?"
_SHORTEN: Final = "PRAGMA wal_checkpoint(TRUNCATE)"
_END: Final = "UPDATE bucketcors_state SET own_write = 0"

_NO_COPY: Final = (
    "this host has no copy of the rules of {} yet; it gets one as soon as the server can be reached"
)
_OWN_RULES: Final = (
    "the database {!r} has rules of its own, which a copy of the rules of {} would overwrite; "
    "name another file as BUCKETCORS_REPLICA; to bring these rules to the server, use flask "
    "bucketcors export --history with this file as --database, and flask bucketcors import"
)
_OF_ANOTHER: Final = (
    "process {} keeps the copy {!r} up to date with the rules of {}, and those of {} would replace "
    "them; name another file as BUCKETCORS_REPLICA, or end that process first"
)
_ENCODING: Final = "the database {!r} is encoded as {}, and a copy has to be UTF-8; name a new file"
_SLOW: Final = "it takes longer to copy all rules than a worker may take to start"
_TAKEN_ANEW: Final = (
    "the server %s cannot tell what changed since revision %d of the copy %r, which was taken from "
    "%s; all rules were taken anew, as of revision %d. A server may have taken over that lacks "
    "changes, the copy may be that of another database, or older than what the server remembers"
)


def _timed(batch: Batch, deadline: float) -> Batch:
    """Give a batch whose rows have to be there by a deadline, in monotonic seconds."""

    def rows() -> Iterator[Row]:
        for row in batch.rows:
            if time.monotonic() > deadline:
                raise ServerUnreachable(_SLOW)
            yield row

    return batch._replace(rows=rows())


class CopyInUse(StoreUnavailable):
    """A process keeps the copy up to date with the rules of another server."""


class _Done(NamedTuple):
    """What somebody who caught up has to do after the commit.

    :param number: what to publish; None for nothing.
    :param stamp: that of the copy.
    :param is_changed: whether rules changed.
    :param is_whole: whether all rules were taken.
    """

    number: int | None
    stamp: int
    is_changed: bool
    is_whole: bool


class Copy(SQLiteStore):
    """The copy, which its own process may read, and only a :class:`Feed` changes.

    :param path: the file, which is made if it is missing.
    :param server: the server, without a password, for messages.
    :raises StoreUnavailable: if it cannot be opened, or has rules that are no copy.
    """

    _IS_DURABLE: ClassVar = False

    def __init__(self, path: str | os.PathLike[str], server: str) -> None:
        super().__init__(path)
        self._server = server
        self._without_memory = Contact(array("q", bytes(8 * 7)))
        self._log = IntervalLog(logger)
        self._check()

    @property
    def contact(self) -> Contact:
        """When the processes of this host were in contact with the server."""
        token = self._database.token
        return self._without_memory if token is None else Contact(token.contact)

    def position(self) -> Position | None:
        """The position of the server up to which the copy has all changes; None for no copy."""
        [(revision, _, _, copy_of, stamp)] = self._query(_STATE)
        return None if copy_of is None else Position(revision, stamp)

    def catch_up_with(
        self, feed: Feed, *, is_acknowledged: bool = False, seconds: float = inf
    ) -> bool:
        """Bring the copy up to date, and return whether rules changed.

        :param feed: used while other threads and processes that write wait.
        :param is_acknowledged: whether somebody is to be told that a change is in force. Another
            process may have applied it already, and not yet published it, so this publishes a new
            number in any case.
        :param seconds: how long it may take until all rows are there.
        :raises ServerUnreachable: if the server is lost or too slow; nothing has changed then.
        :raises CopyInUse: if a process keeps it up to date with the rules of another server.
        :raises StoreUnavailable: if the copy cannot be written, or the server cannot be used.
        """
        at: list[int] = []
        try:
            done = self._database.change(
                partial(self._apply, feed, is_acknowledged, at, time.monotonic() + seconds),
                seconds=min(seconds, CATCH_UP_SECONDS),
            )
        except StoreUnavailable as error:
            self._name_newer_release(error)
            raise
        if done.number is not None:
            self._publish(0, done.number, done.stamp)
        self.contact.confirm(at[-1])
        if done.is_whole:
            self._shorten_log()
        return done.is_changed

    def publish_again(self) -> None:
        """Let all processes ask what the copy has now."""
        self._change(lambda connection: None)

    def publish_missed(self) -> None:
        """Publish what a process has committed that was killed before it published it."""
        self._tell_others(self._stamp())

    def read(self, bucket: str) -> StoredRules | None:
        name = bucket if is_bucket_name(bucket) else ""
        for copy_of, state, stamp, revision, document in self._query(_CURRENT, (name,)):
            if copy_of is None:
                raise StoreUnavailable(_NO_COPY.format(self._server))
            self._tell_others(state)
            if document is not None:
                return StoredRules(str(stamp), revision, partial(parse_rule_set, bucket, document))
        return None

    def last_change(self, bucket: str) -> HistoryEntry | None:
        """Give the change that the bucket's present rules came from; None if it has none."""
        self._require()
        return last_entry(self._query, bucket) if is_bucket_name(bucket) else None

    def changes_since(self, state: Hashable, *, is_signalled: bool = False) -> Changes:
        return SQLiteStore.changes_since(self, state, is_signalled=is_signalled)

    def _list(self, prefix: str, after: str, limit: int | None) -> Sequence[str]:
        self._require()
        return SQLiteStore._list(self, prefix, after, limit)

    def _summaries(
        self, prefix: str, after: str, limit: int | None, contains: str
    ) -> Sequence[BucketSummary]:
        self._require()
        return SQLiteStore._summaries(self, prefix, after, limit, contains)

    def _shorten_log(self) -> None:
        """After many rows, give the space of SQLite's log back, if nobody reads it just now."""
        with suppress(StoreUnavailable):
            self._database.briefly(lambda connection: connection.execute(_SHORTEN).fetchall())

    def _require(self) -> None:
        if self.position() is None:
            raise StoreUnavailable(_NO_COPY.format(self._server))

    def _check(self) -> None:
        [(encoding,)] = self._query("PRAGMA encoding")
        if encoding != "UTF-8":
            raise StoreUnavailable(_ENCODING.format(str(self.place), encoding))
        if self.position() is None:
            [(revision, *_)], [(has_rules,)] = self._query(_STATE), self._query(_RULES)
            self._refuse_own(revision or has_rules)

    def _refuse_own(self, is_own: bool) -> None:
        if is_own:
            raise StoreUnavailable(_OWN_RULES.format(str(self.place), self._server))

    def _refuse_another(self, copy_of: str) -> None:
        """Refuse to take all rules of another server, if a process follows the copy's own."""
        contact = self.contact
        tried = contact.tried()
        is_followed = contact.has_leader and tried is not None and tried < UNFOLLOWED_SECONDS
        if is_followed and contact.leader != os.getpid():
            names = (contact.leader, str(self.place), copy_of, self._server)
            raise CopyInUse(_OF_ANOTHER.format(*names))

    def _apply(
        self,
        feed: Feed,
        is_acknowledged: bool,
        at: list[int],
        deadline: float,
        connection: sqlite3.Connection,
    ) -> "_Done":
        """Catch up within a transaction."""
        [(revision, last, version, copy_of, server_stamp)] = connection.execute(_STATE).fetchall()
        # A newer release may have started since this one did.
        refuse_newer(version)
        known = None if copy_of is None else Position(revision, server_stamp)
        if known is None:
            [(has_rules,)] = connection.execute(_RULES).fetchall()
            self._refuse_own(revision or has_rules)
        at.append(now())
        stamp = None
        with feed.since(known) as batch:
            if known is not None and batch.is_whole and copy_of != self._server:
                self._refuse_another(copy_of)
            if batch.position != known:
                stamp = self._take(_timed(batch, deadline), known, last, connection)
            if known is not None and batch.is_whole:
                self._log_taken_anew(known.revision, copy_of, batch.position.revision)
        if stamp is not None or not is_acknowledged:
            return _Done(stamp, last if stamp is None else stamp, stamp is not None, batch.is_whole)
        number = draw_number()
        # The number alone is not enough: a process that committed earlier may replace it.
        self._add_to_ring(Entry(0, number, 0, None))
        return _Done(number, last, False, batch.is_whole)

    def _log_taken_anew(self, known: int, copy_of: str, revision: int) -> None:
        said = fields(
            "copy_taken_anew",
            file=self.place,
            server=self._server,
            earlier_server=copy_of,
            revision=revision,
            earlier_revision=known,
        )
        values = (self._server, known, str(self.place), copy_of, revision)
        self._log.write(logging.WARNING, _TAKEN_ANEW, *values, extra=said)

    def _take(
        self, batch: Batch, known: Position | None, last: int, connection: sqlite3.Connection
    ) -> int | None:
        """Write a batch and its position; give the new stamp of the copy if rules changed."""
        connection.execute(_BEGIN)
        rows = differences(connection, batch.rows) if batch.is_whole else batch.rows
        names = write_rows(connection, rows)
        position = batch.position
        connection.execute(_MOVE, (position.revision, self._server, position.stamp))
        stamp = None
        if names or known is None:
            stamp = draw_number()
            connection.execute(_CHANGED, (stamp,))
            # Buckets of a host without a copy were closed, also those without rules.
            noted = None if known is None or len(names) > MAX_NOTED_BUCKETS else names
            self._add_to_ring(Entry(last, stamp, note(connection, stamp, noted), noted))
        connection.execute(_END)
        return stamp
