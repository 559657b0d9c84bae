"""What only PostgreSQL has: notifications, COPY, and settings of one transaction.

Everything works without it; changes then reach other hosts when they next ask.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, func
from sqlalchemy.exc import DBAPIError

from flask_bucketcors.stores.sql.failures import is_lost, outside_of_statements
from flask_bucketcors.stores.sql.server import IDLE_SECONDS, STATEMENT_SECONDS, wait_for_input

_CHANNEL: Final = "bucketcors"
_COPY: Final = "COPY bucketcors_staged ({}) FROM STDIN"

#: Columns for the statement that locks the counter. A server between this one and PostgreSQL may
#: give each transaction another session, so the settings end with it. The notification is sent when
#: the transaction commits, and only then.
LOCKING: Final[tuple[ColumnElement[Any], ...]] = (
    func.set_config("lock_timeout", f"{STATEMENT_SECONDS - 1}s", True),
    # A client that vanishes must not keep the counter locked.
    func.set_config("idle_in_transaction_session_timeout", f"{IDLE_SECONDS}s", True),
    func.pg_notify(_CHANNEL, ""),
)


class Notifications:
    """The notifications that a connection gets from now on.

    :raises DBAPIError: if the server refuses. A standby does, and so do servers that only look like
        PostgreSQL. One behind pgbouncer may promise, and never notify.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        driver: Any = connection.connection.dbapi_connection
        self._driver = driver
        self._is_notified = False
        connection.exec_driver_sql(f"LISTEN {_CHANNEL}")
        # Some come with the response to another statement.
        self._driver.add_notify_handler(self._note)

    def wait(self, seconds: float) -> bool:
        """Wait for a notification, or so long; return whether there was one. Blocks the thread."""
        deadline = time.monotonic() + seconds
        libpq = self._driver.pgconn
        with outside_of_statements(self._connection):
            while not self._has_come() and wait_for_input(libpq.socket, deadline):
                libpq.consume_input()
        is_notified, self._is_notified = self._is_notified, False
        return is_notified

    def _has_come(self) -> bool:
        # Those behind the last response may be in libpq's memory, and not in the socket any more.
        while self._driver.pgconn.notifies() is not None:
            self._is_notified = True
        return self._is_notified

    def _note(self, notification: object) -> None:
        self._is_notified = True


def listen(connection: Connection) -> Notifications | None:
    """Ask for notifications; None if the server does not promise them."""
    try:
        return Notifications(connection)
    except DBAPIError as error:
        if is_lost(error):
            raise
    connection.rollback()
    return None


def stage(connection: Connection, names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Copy rows to the table of staged changes.

    :param names: its columns.
    """
    cursor: Any = connection.connection.cursor()
    statement = _COPY.format(", ".join(names))
    with outside_of_statements(connection), cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
