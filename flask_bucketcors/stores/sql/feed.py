"""What changed on the server since a position, for stores that keep a copy of the rules."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.errors import ServerUnreachable
from flask_bucketcors.stores.native_threads import pause

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

    from flask_bucketcors.stores.sql.lanes import Lane
    from flask_bucketcors.stores.sql.postgresql_only import Notifications
    from flask_bucketcors.stores.sql.server import Server

T = TypeVar("T")

#: How many rows are fetched at once.
CHUNK_ROWS: Final = 2000


class Position(NamedTuple):
    """A state of the server, from which changes are counted.

    :param revision: the number of the last change; 0 before the first.
    :param stamp: the random number of that change. Revisions recur if a backup is restored or a
        standby is promoted that lacks changes; stamps do not.
    """

    revision: int
    stamp: int


class Row(NamedTuple):
    """The last change of a bucket.

    :param document: the rules as JSON text; None if they were deleted.
    :param revision: the number of the change.
    :param stamp: the random number of the change.
    :param time: when it happened, in seconds since 1970, UTC.
    :param author: who made it; None if nobody was named.
    """

    bucket: str
    document: str | None
    revision: int
    stamp: int
    time: float
    author: str | None


class Batch(NamedTuple):
    """What changed.

    :param position: the server's. It belongs to the rows: each change up to it is in them.
    :param is_whole: whether the rows are all rules that there are. What is not among them is gone.
        Otherwise they are the changes since the known position.
    :param rows: each bucket once; read from the server while you iterate. They are sorted by
        bucket if they are whole, otherwise by revision and bucket.
    """

    position: Position
    is_whole: bool
    rows: Iterator[Row]


class Feed:
    """A connection of its own to the server, which tells what changed.

    One thread uses it at a time. All methods raise
    :class:`~flask_bucketcors.core.errors.ServerUnreachable` if the server is lost, and the next
    call connects again; then call :meth:`listen` again, too.

    :param lane: has the connection.
    """

    def __init__(self, server: "Server", lane: "Lane") -> None:
        self._server, self._lane = server, lane
        self._notifications: Notifications | None = None

    @contextmanager
    def since(self, known: Position | None) -> Iterator[Batch]:
        """Tell what changed since a position, with one statement in the usual case.

        The rows are whole if the position is None, or if the server does not know it.
        """
        with self._lane.turn():
            reading = _Reading(self._step)
            try:
                yield reading.begin(known)
                reading.end()
            finally:
                if reading.is_open:
                    self._lane.discard(reading.abandon)

    def listen(self) -> bool:
        """Ask the server to notify this connection; return whether it promised to."""
        from flask_bucketcors.stores.sql import postgresql_only

        self._notifications = None
        if self._server.has_options:
            self._notifications = self._lane.run(postgresql_only.listen)
        return self._notifications is not None

    def wait(self, seconds: float) -> bool:
        """Wait for a notification, or so long; return whether there was one."""
        notifications = self._notifications
        if notifications is None:
            pause(seconds)
            return False
        return self._lane.run(lambda connection: notifications.wait(seconds))

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        self._lane.close()

    def _step(self, work: "Callable[[Connection], T]") -> T:
        return self._server.translated(lambda: self._lane.step(work))


class _Reading:
    """One catch-up.

    :param step: does work with the connection.
    """

    def __init__(self, step: "Callable[[Callable[[Connection], Any]], Any]") -> None:
        self._step = step
        #: Whether the server still has a result to send.
        self.is_open = False
        self._in_transaction = False
        self._result: Any = None

    def begin(self, known: Position | None) -> Batch:
        """Ask the server."""
        from flask_bucketcors.stores.sql import statements

        if known is None:
            return self._whole()
        parameters = {"known_revision": known.revision, "known_stamp": known.stamp}
        rows = self._step(lambda connection: _fetch(connection, parameters))
        position = Position(rows[0][0], rows[0][1])
        if position == known:
            return Batch(position, False, iter(()))
        if rows[0][2] != known.stamp:
            return self._whole()
        if len(rows) <= statements.FIRST_ROWS:
            return Batch(position, False, _rows(rows))
        first, chunks = self._stream(statements.SINCE, parameters)
        if not first or first[0][2] != known.stamp:
            # Another server has taken its place in between.
            raise ServerUnreachable("the server has other changes than a moment ago: try again")
        return self._batch(first, chunks, is_whole=False)

    def _whole(self) -> Batch:
        from flask_bucketcors.stores.sql import statements

        first, chunks = self._stream(statements.WHOLE, {})
        if not first:
            self.end()
            first, chunks = self._stream(statements.WHOLE_OR_NOTHING, {})
        return self._batch(first, chunks, is_whole=True)

    def _batch(self, first: Any, chunks: Any, *, is_whole: bool) -> Batch:
        position = Position(first[0][0], first[0][1])
        return Batch(position, is_whole, self._chained(first, chunks))

    def end(self) -> None:
        """End the transaction, if there is one and all rows were read."""
        if self._in_transaction and not self.is_open:
            self._in_transaction = False
            self._step(lambda connection: connection.exec_driver_sql("COMMIT"))

    def abandon(self) -> None:
        """Close a result that was not read to its end, without reading it."""
        # The driver of MySQL would read it.
        if self._in_transaction and self._result is not None:
            self._result.close()

    def _stream(
        self, statement: "Select[Any]", parameters: dict[str, int]
    ) -> tuple[Any, Iterator[Any]]:
        """Give the first rows of a statement, and what gives the others."""

        def execute(connection: "Connection") -> Any:
            options = {"stream_results": True, "yield_per": CHUNK_ROWS}
            if connection.dialect.name not in ("mysql", "mariadb"):
                # Its cursors live in a transaction.
                connection.exec_driver_sql("BEGIN")
                self._in_transaction = True
            self._result = connection.execute(statement, parameters, execution_options=options)
            return self._result.partitions()

        self.is_open = True
        chunks = self._step(execute)
        return self._next(chunks), chunks

    def _chained(self, chunk: Any, chunks: Any) -> Iterator[Row]:
        while chunk:
            yield from _rows(chunk)
            chunk = self._next(chunks)

    def _next(self, chunks: Any) -> Any:
        chunk = self._step(lambda connection: next(chunks, None))
        self.is_open = chunk is not None
        return chunk


def _fetch(connection: "Connection", parameters: dict[str, int]) -> Any:
    from flask_bucketcors.stores.sql import statements

    rows = connection.execute(statements.FIRST_SINCE, parameters).fetchall()
    connection.rollback()
    return rows


def _rows(found: Any) -> Iterator[Row]:
    # Where nothing changed, the row of the position has no bucket. What other tools have written
    # under a name that no bucket can have must not keep a host from the other rows.
    return (Row(*row[3:]) for row in found if row[3] is not None and is_bucket_name(row[3]))
