"""A server, and connections to it with limits of time.

A server that hangs acknowledges at the level of TCP, so only a limit on this side ends the wait.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.stores.native_threads import original
from flask_bucketcors.stores.sql.failures import explain, outside_of_statements
from flask_bucketcors.stores.sql.server_urls import checked_url, shown_url, without_secrets

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")

CONNECT_SECONDS: Final = 2
STATEMENT_SECONDS: Final = 3
#: How long a connection of MySQL that writes may be idle, also within a transaction.
IDLE_SECONDS: Final = 10

_DIALECTS: Final = ("postgresql", "mysql", "mariadb", "cockroachdb")
# pymysql sends it before anything else. A write that waits for another one fails on the server
# before this side has to drop the connection.
_PREPARE_WRITER: Final = (
    f"SET SESSION wait_timeout = {IDLE_SECONDS}, innodb_lock_wait_timeout = {STATEMENT_SECONDS - 1}"
)


class Server:
    """Where the server is, and how to connect to it.

    :param url: its URL; None if there is an engine.
    :param engine: an application's, which sets its own limits.
    :raises StoreUnavailable: if the URL cannot be used, or its driver is missing.
    """

    def __init__(self, url: str | URL | None, engine: Engine | None) -> None:
        if (url is None) == (engine is None):
            raise TypeError("pass the URL of the server, or an engine")
        self._given = engine
        self.url: URL = checked_url(url) if url is not None else _checked_engine(engine)
        self.shown: str = shown_url(self.url)
        self._engines: dict[float, Engine] = {}
        self._process = os.getpid()

    @property
    def given_url(self) -> URL | None:
        """Its URL with the password; None if there is an engine."""
        return None if self._given else self.url

    @property
    def is_mysql(self) -> bool:
        """Whether it speaks the protocol of MySQL."""
        return self.url.get_backend_name() in ("mysql", "mariadb")

    @property
    def has_options(self) -> bool:
        """Whether it may have what only PostgreSQL has, and the driver that can use it."""
        return self.url.get_backend_name() == "postgresql" and (
            self.url.get_driver_name() == "psycopg"
        )

    def connect(self, *, writes: bool, limit_seconds: float = STATEMENT_SECONDS) -> Connection:
        """Connect.

        :param writes: whether to begin a transaction with the first statement. Otherwise each
            statement is one.
        :param limit_seconds: how long a statement may take.
        """
        level = "READ COMMITTED" if writes else "AUTOCOMMIT"
        try:
            engine = self._given or self._engine(writes, limit_seconds)
            connection = engine.connect()
        except (TypeError, ValueError) as error:
            # Of a parameter of the URL that the driver does not know, or cannot read.
            raise ArgumentError(str(error)) from None
        try:
            with outside_of_statements(connection):
                connection.execution_options(isolation_level=level)
        except BaseException:
            connection.invalidate()
            connection.close()
            raise
        # Otherwise an application's pool would wait for it, and close it a second time.
        connection.detach()
        return connection

    @contextmanager
    def connected(
        self, *, writes: bool, limit_seconds: float = STATEMENT_SECONDS
    ) -> Iterator[Connection]:
        """Connect for a short time; see :meth:`connect`."""
        connection = self.connect(writes=writes, limit_seconds=limit_seconds)
        driver = driver_of(connection)
        try:
            yield connection
        finally:
            hang_up(connection, driver)

    def translated(self, call: Callable[[], T]) -> T:
        """Call a function, and give drivers' errors as those of a store."""
        failure: StoreUnavailable
        try:
            return call()
        except (SQLAlchemyError, OSError) as error:
            failure = self.explained(error)
        # Outside, so that the driver's error, which may hold the URL, is not its context.
        raise failure

    def explained(self, error: BaseException) -> StoreUnavailable:
        """Give what callers get for the error of a driver."""
        return explain(error, self.shown, partial(without_secrets, url=self.url))

    def _engine(self, writes: bool, limit_seconds: float) -> Engine:
        if self._process != os.getpid():
            # A lock of these may have been held when the process was forked.
            self._process, self._engines = os.getpid(), {}
        key = limit_seconds if writes else -limit_seconds
        if key not in self._engines:
            self._engines[key] = self._make_engine(writes, limit_seconds)
        return self._engines[key]

    def _make_engine(self, writes: bool, limit_seconds: float) -> Engine:
        options: dict[str, Any] = {
            "poolclass": NullPool,
            "pool_reset_on_return": None,
            # Documents and names have no place in a log of errors.
            "hide_parameters": True,
            "skip_autocommit_rollback": True,
        }
        if self.is_mysql:
            options["connect_args"] = {
                "charset": "utf8mb4",
                "connect_timeout": CONNECT_SECONDS,
                "read_timeout": limit_seconds,
                "write_timeout": limit_seconds,
                **({"init_command": _PREPARE_WRITER} if writes else {}),
            }
            return create_engine(self.url, **options)
        engine = create_engine(self.url, use_native_hstore=False, **options)
        arguments, parameters = engine.dialect.create_connect_args(self.url)
        connect = partial(_connect_psycopg, limit_seconds, *arguments, **parameters)
        return create_engine(self.url, use_native_hstore=False, creator=connect, **options)


def driver_of(connection: Connection) -> Any:
    """Give the driver's connection of one that was not lost."""
    return connection.connection.dbapi_connection


def hang_up(connection: Connection, driver: Any) -> None:
    """Close a connection without waiting for the server, which rolls back what is not committed.

    :param driver: that of :func:`driver_of`.
    """
    with suppress(Exception):
        # pymysql would read the rest of it when it is collected, and print that it fails.
        if getattr(driver, "_result", None) is not None:
            driver._result.unbuffered_active = False
        driver.close()
    # These tell SQLAlchemy, which could not say anything to the server any more.
    with suppress(Exception):
        connection.invalidate()
    with suppress(Exception):
        connection.close()


def _checked_engine(engine: Any) -> URL:
    if not isinstance(engine, Engine):
        raise TypeError(f"engine is a {type(engine).__name__}: pass an Engine of SQLAlchemy")
    if engine.dialect.name not in _DIALECTS:
        raise StoreUnavailable(
            f"the engine is one of {engine.dialect.name}, which is not supported: pass one of "
            "PostgreSQL, MySQL or MariaDB"
        )
    return engine.url


def _connect_psycopg(limit_seconds: float, /, *arguments: Any, **parameters: Any) -> Any:
    settings: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, **parameters}
    # A server between this one and PostgreSQL, such as pgbouncer, may give each transaction
    # another session, which has not prepared the statement.
    settings["prepare_threshold"] = None
    settings["client_encoding"] = "utf8"
    connection = _limited_class().connect(*arguments, **settings)
    connection.limit_seconds = limit_seconds
    return connection


_limited: list[Any] = []


def _limited_class() -> Any:
    if not _limited:
        _limited.append(_make_limited_class())
    return _limited[0]


def _make_limited_class() -> "type[psycopg.Connection[Any]]":
    import psycopg

    class LimitedConnection(psycopg.Connection[Any]):
        """A connection that fails if the server takes too long over a step of a statement."""

        limit_seconds: float = STATEMENT_SECONDS

        def wait(self, gen: Any, interval: float = 0, timeout: float | None = None) -> Any:
            seconds = self.limit_seconds if timeout is None else timeout
            try:
                return _wait(gen, self.pgconn.socket, time.monotonic() + seconds)
            except TimeoutError:
                pass
            except BaseException as error:
                if not isinstance(error, psycopg.Error):
                    # The generator has not read all that the server sends.
                    self.pgconn.finish()
                raise
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no response within {seconds:g} seconds")

    return LimitedConnection


def _wait(generator: Any, descriptor: int, deadline: float) -> Any:
    """Run a generator of psycopg, which says what it waits for.

    :raises TimeoutError: if it is not done by the deadline.
    """
    ready: Callable[[int, int, float], int] = _ready
    try:
        wanted = next(generator)
        while True:
            found = ready(descriptor, wanted, deadline - time.monotonic())
            if not found:
                raise TimeoutError
            wanted = generator.send(found)
    except StopIteration as done:
        return done.value


def _ready(descriptor: int, wanted: int, seconds: float) -> int:
    """Wait until a socket can be read (1) or written (2), as psycopg counts."""
    import select

    poll = original("select", "poll")()
    events = (select.POLLIN if wanted & 1 else 0) | (select.POLLOUT if wanted & 2 else 0)
    poll.register(descriptor, events)
    found = sum(event for _, event in poll.poll(max(0.0, seconds) * 1000))
    # What failed is found out by reading or writing.
    has_failed = bool(found & ~events)
    can_read = 1 if found & select.POLLIN or has_failed else 0
    can_write = 2 if found & select.POLLOUT or has_failed else 0
    return (can_read | can_write) & wanted


def wait_for_input(descriptor: int, deadline: float) -> bool:
    """Wait until a socket can be read; return whether it can by the deadline."""
    return bool(_ready(descriptor, 1, deadline - time.monotonic()))
