"""Changes of the tables: each a transaction that locks the counter first.

The lock makes the order of revisions that of the commits, so nobody who has seen a revision misses
an earlier one. A large change is staged before, so that others need not wait while its rows travel.
"""

import random
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from flask_bucketcors.core.errors import ServerUnreachable
from flask_bucketcors.stores.contract import Versions
from flask_bucketcors.stores.sql.failures import is_lost, is_repeatable
from flask_bucketcors.stores.sql.lanes import Lane
from flask_bucketcors.stores.sql.past_changes import Histories, append_staged, stage_histories
from flask_bucketcors.stores.sql.row_changes import (
    Change,
    Document,
    compare,
    lock_counter,
    stage,
    stored_stamps,
    write,
    write_staged,
)
from flask_bucketcors.stores.sql.server import STATEMENT_SECONDS, Server
from flask_bucketcors.stores.sql.table_versions import draw_stamp
from flask_bucketcors.stores.sql.tables import CHANGES

#: Changes of more buckets are staged.
MAX_DIRECT: Final = 50
#: How long a change may be repeated if the connection is lost, or another one was first.
REPEAT_SECONDS: Final = 2.5
#: Rows, and characters, that even a slow server takes in a second.
_SLOW_ROWS: Final = 2000
_SLOW_CHARACTERS: Final = 2 * 1024 * 1024
_PAUSE_SECONDS: Final = 0.02

#: Does a change, and gives its revision; None if there was nothing to do.
Work = Callable[[Connection, int], int | None]


class Writer:
    """Makes changes, one after the other in each process.

    :param prepare: makes the tables.
    """

    def __init__(self, server: Server, prepare: Callable[[], None]) -> None:
        self._server, self._prepare = server, prepare
        self._lane = Lane(server, prepare, writes=True)

    def put(self, documents: Mapping[str, Document], author: str | None, expected: Versions) -> int:
        """Put the rules of at least one bucket, as one revision, and give it.

        :raises RulesChanged: if a bucket has another version than expected.
        """
        change = Change(documents, author)
        if len(documents) <= MAX_DIRECT:
            revision = self._do(self._lane, partial(self._put, change, expected))
        else:
            seconds = STATEMENT_SECONDS + len(documents) // _SLOW_ROWS
            revision = self._do_apart(seconds, partial(self._put_many, change, expected))
        return revision or 0

    def put_with_history(self, histories: Histories, expected: Versions) -> int:
        """Append changes from another store, and give the last revision.

        :raises RulesChanged: if a bucket has another version than expected.
        """
        documents = [each.document for changes in histories.values() for each in changes]
        size = sum(len(each.document or "") for each in documents)
        seconds = STATEMENT_SECONDS + len(documents) // _SLOW_ROWS + size // _SLOW_CHARACTERS
        return self._do_apart(seconds, partial(self._append, histories, expected))

    def delete(self, bucket: str, author: str | None, expected: Versions) -> int | None:
        """Delete the rules of a bucket, and give the revision; None if there are none.

        :raises RulesChanged: if it has another version than expected.
        """
        change = Change({bucket: Document(None, None)}, author)
        return self._do(self._lane, partial(self._delete, bucket, change, expected))

    def close(self) -> None:
        """Close the connection; the next change opens another."""
        self._lane.close()

    def _do_apart(self, limit_seconds: float, work: Work) -> int:
        """Do work with a connection that it closes, so that others do not wait for its turn."""
        lane = Lane(self._server, self._prepare, writes=True, limit_seconds=limit_seconds)
        try:
            return self._do(lane, work) or 0
        finally:
            lane.close()

    def _do(self, lane: Lane, work: Work) -> int | None:
        return self._server.translated(partial(self._repeat, lane, work))

    def _repeat(self, lane: Lane, work: Work) -> int | None:
        """Do work, and again if the server has not done it through no fault of its own."""
        deadline = time.monotonic() + REPEAT_SECONDS
        while True:
            try:
                return lane.attempt(partial(self._transaction, work, draw_stamp()))
            except DBAPIError as error:
                may_repeat = is_repeatable(error) or is_lost(error)
                if not may_repeat or time.monotonic() >= deadline:
                    raise
            # Nobody gains from guessing it.
            time.sleep(random.uniform(0, _PAUSE_SECONDS))  # nosec B311

    def _transaction(self, work: Work, stamp: int, connection: Connection) -> int | None:
        revision = work(connection, stamp)
        if revision is None:
            connection.rollback()
            return None
        lost: DBAPIError
        try:
            connection.commit()
            return revision
        except DBAPIError as error:
            if not is_lost(error):
                raise
            lost = error
        if self._has_happened(stamp):
            return revision
        raise lost

    def _has_happened(self, stamp: int) -> bool:
        """Find out whether a change was committed whose connection was lost at its end.

        :raises ServerUnreachable: if the server does not tell.
        """
        deadline = time.monotonic() + REPEAT_SECONDS
        while True:
            try:
                with self._server.connected(writes=True) as connection:
                    # Once this has the lock, the lost transaction has ended.
                    lock_counter(connection, self._server)
                    found = select(CHANGES.c.revision).where(CHANGES.c.stamp == stamp)
                    return connection.execute(found).first() is not None
            except DBAPIError as error:
                failure = self._server.explained(error)
            if time.monotonic() >= deadline:
                break
            time.sleep(_PAUSE_SECONDS)
        raise ServerUnreachable(
            f"the server was lost at the end of a change, which may have been made: read the rules "
            f"before you repeat it; {failure}"
        )

    def _put(self, change: Change, expected: Versions, connection: Connection, stamp: int) -> int:
        counter = lock_counter(connection, self._server)
        compare(connection, expected)
        return write(connection, counter, stamp, change)

    def _put_many(
        self, change: Change, expected: Versions, connection: Connection, stamp: int
    ) -> int:
        stage(connection, self._server, stamp, change)
        counter = lock_counter(connection, self._server)
        compare(connection, expected)
        return write_staged(connection, counter, stamp, change.author)

    def _append(
        self, histories: Histories, expected: Versions, connection: Connection, stamp: int
    ) -> int:
        stage_histories(connection, self._server, stamp, histories)
        counter = lock_counter(connection, self._server)
        compare(connection, expected)
        return append_staged(connection, counter, stamp, max(map(len, histories.values())))

    def _delete(
        self, bucket: str, change: Change, expected: Versions, connection: Connection, stamp: int
    ) -> int | None:
        counter = lock_counter(connection, self._server)
        compare(connection, expected)
        if not stored_stamps(connection, [bucket]):
            return None
        return write(connection, counter, stamp, change)
