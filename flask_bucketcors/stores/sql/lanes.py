"""The connections of one process to a server, each used in turn, and left alone after a fork."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from math import inf
from typing import Any, Final, NamedTuple, TypeVar
from weakref import finalize

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from flask_bucketcors.core.errors import ServerUnreachable
from flask_bucketcors.stores import forks
from flask_bucketcors.stores.native_threads import is_patched, original
from flask_bucketcors.stores.sql.driver_threads import DriverThread
from flask_bucketcors.stores.sql.failures import is_misfit
from flask_bucketcors.stores.sql.server import (
    IDLE_SECONDS,
    STATEMENT_SECONDS,
    Server,
    driver_of,
    hang_up,
)
from flask_bucketcors.stores.sql.table_versions import found_version, refuse_newer

T = TypeVar("T")

#: How long to wait for another thread of this process.
TURN_SECONDS: Final = 5.0
#: A connection that is lost after so long was one to a server that hangs.
_HANG_SECONDS: Final = 1.0

# Connections that a forked child inherited. To close one would end the parent's.
_inherited: Final[list[Any]] = []


class Opened(NamedTuple):
    """An open connection.

    :param driver: the driver's, which SQLAlchemy does not give any more once it is lost.
    :param thread: the OS thread that opened it.
    """

    connection: Connection
    driver: Any
    thread: int


class _Place:
    """Where a lane keeps its connection; outlives the lane, to close it."""

    def __init__(self) -> None:
        self.opened: Opened | None = None
        self.used = 0.0
        self.process = os.getpid()

    def discard(self) -> None:
        """Close the connection without waiting for the server."""
        opened, self.opened = self.opened, None
        if opened is None:
            return
        if self.process != os.getpid():
            _inherited.append(opened)
            return
        hang_up(opened.connection, opened.driver)


class Lane:
    """One connection, which threads and greenlets use in turn; a member of every fork.

    :param prepare: makes the tables, before the first connection is used.
    :param writes: see :meth:`~flask_bucketcors.stores.sql.server.Server.connect`.
    """

    def __init__(
        self,
        server: Server,
        prepare: Callable[[], None],
        *,
        writes: bool,
        limit_seconds: float = STATEMENT_SECONDS,
    ) -> None:
        self._server, self._prepare = server, prepare
        self._writes, self._limit_seconds = writes, limit_seconds
        self._place = _Place()
        self._turn = threading.Lock()
        self._hung = -inf
        self._is_hanging = False
        self._thread = DriverThread()
        finalize(self, self._place.discard)
        forks.join(self)

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, which may have been lost since it was used."""
        return self._place.opened is not None

    def run(self, work: Callable[[Connection], T]) -> T:
        """Do work with the connection when it is free.

        :raises StoreUnavailable: if the server cannot do it.
        """
        return self._server.translated(partial(self.attempt, work))

    def attempt(self, work: Callable[[Connection], T]) -> T:
        """Do work with the connection when it is free; raise the driver's errors."""
        with self.turn():
            return self.step(work)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the connection for several steps.

        Threads that waited while the server hung give up with the one that found out, and from
        then on one at a time tries it. The others would keep all threads of a worker from requests
        that need no server.

        :raises ServerUnreachable: if others have it for too long, or the server hangs.
        """
        self._notice_fork()
        lock = self._turn
        began = time.monotonic()
        if not forks.take(lock, began if self._is_hanging else began + TURN_SECONDS):
            raise ServerUnreachable(
                f"the server {self._server.shown} keeps another thread of this process waiting: "
                "try again"
            )
        try:
            if self._hung > began:
                raise ServerUnreachable(
                    f"the server {self._server.shown} did not respond to another thread of this "
                    "process: try again"
                )
            yield
        finally:
            lock.release()

    def step(self, work: Callable[[Connection], T]) -> T:
        """Do work with the connection, during this thread's turn."""
        return self._thread.call(partial(self._use, work))

    def discard(self, before: Callable[[], None] = lambda: None) -> None:
        """Close the connection during this thread's turn; the next use opens another.

        :param before: closes what uses the connection.
        """

        def close() -> None:
            with suppress(SQLAlchemyError):
                before()
            self._place.discard()

        self._thread.call(close)

    def close(self) -> None:
        """Close the connection, and the thread that has it."""
        with self.turn():
            self.discard()
            self._thread.end()

    def before_fork(self, deadline: float) -> bool:
        """Not wait: the child has connections of its own."""
        return False

    def after_fork(self) -> None:
        """Nothing is held."""

    def abandon(self) -> None:
        """In a forked child, leave the connection to the parent."""
        if self._place.opened is not None:
            _inherited.append(self._place.opened)
        self._place.opened = None
        self._place.process = os.getpid()
        self._turn = threading.Lock()
        self._is_hanging = False
        self._thread = DriverThread()

    def _notice_fork(self) -> None:
        """Compare the process ID, for servers that fork without Python's hooks."""
        if self._place.process != os.getpid():
            self.abandon()

    def _use(self, work: Callable[[Connection], T]) -> T:
        misfit: DBAPIError
        began = time.monotonic()
        try:
            result = work(self._connection())
            self._place.used = time.monotonic()
            self._is_hanging = False
            return result
        except Exception as error:
            self._clear(error)
            if self._place.opened is None and time.monotonic() - began > _HANG_SECONDS:
                self._hung = time.monotonic()
                self._is_hanging = True
            if not isinstance(error, DBAPIError) or not is_misfit(error):
                raise
            misfit = error
        except BaseException:
            self._place.discard()
            raise
        with self._server.connected(writes=False) as connection:
            refuse_newer(found_version(connection))
        raise misfit

    def _connection(self) -> Connection:
        place = self._place
        if place.opened is not None and self._is_unusable(place.opened):
            place.discard()
        if place.opened is None:
            self._prepare()
            connection = self._server.connect(
                writes=self._writes, limit_seconds=self._limit_seconds
            )
            place.opened = Opened(connection, driver_of(connection), _thread_id())
        return place.opened.connection

    def _is_unusable(self, opened: Opened) -> bool:
        if opened.connection.invalidated:
            return True
        # Under gevent, the socket of a driver belongs to the hub of a thread.
        if opened.thread != _thread_id() and is_patched():
            return True
        is_idle = time.monotonic() - self._place.used > IDLE_SECONDS / 2
        return self._writes and self._server.is_mysql and is_idle

    def _clear(self, error: Exception) -> None:
        """After an error, end the transaction, or the connection if that fails."""
        opened = self._place.opened
        if opened is None:
            return
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            self._place.discard()
            return
        try:
            opened.connection.rollback()
        except Exception:
            self._place.discard()


def _thread_id() -> int:
    return int(original("_thread", "get_ident")())
