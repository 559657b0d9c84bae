"""Checks a server for ``doctor``: its tables, and its clock."""

import time
from collections.abc import Iterator
from typing import Final

from sqlalchemy import func, select

from flask_bucketcors.stores.health import HealthNote
from flask_bucketcors.stores.sql.server import Server
from flask_bucketcors.stores.sql.tables import STATE

#: Times of the history are those of the hosts. A larger difference makes its order hard to read.
CLOCK_SECONDS: Final = 5.0


def examine(server: Server) -> Iterator[HealthNote]:
    """Check the tables and the clock of a server."""
    now = func.unix_timestamp(func.now(6)) if server.is_mysql else func.extract("epoch", func.now())
    with server.connected(writes=False) as connection:
        row = select(STATE.c.schema_version, STATE.c.history_limit, now.label("now"))
        found = connection.execute(row).one()
    seconds = time.time() - float(found.now)
    changes = "change" if found.history_limit == 1 else "changes"
    yield HealthNote(f"the tables of the server have schema version {found.schema_version}")
    yield HealthNote(f"the history keeps {found.history_limit} {changes} of each bucket")
    yield _clock_note(seconds)


def _clock_note(seconds: float) -> HealthNote:
    if abs(seconds) < CLOCK_SECONDS:
        return HealthNote("the clocks of this host and the server agree")
    text = (
        f"the clock of this host is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'}"
    )
    return HealthNote(f"{text} that of the server", "synchronize the clocks of hosts and server")
