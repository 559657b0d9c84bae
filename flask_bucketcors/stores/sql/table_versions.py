"""Making the tables, and migrating them from one release to the next.

Many hosts may start at once. A lock lets one of them do it, where the server has one that fits:
PostgreSQL's ends with the transaction, MySQL's with the connection. All statements may be repeated,
too, so that hosts which have no lock, or lose it, do no harm.
"""

import secrets
import time
from typing import Any, Final

from sqlalchemy import Connection, Index, func, insert, inspect, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex, CreateTable

from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.stores.contract import HISTORY_LIMIT
from flask_bucketcors.stores.sql.failures import code_of, is_repeatable
from flask_bucketcors.stores.sql.server import Server
from flask_bucketcors.stores.sql.tables import CHANGES, HISTORY, METADATA, RULES, STATE

# One step for each release after the first, with its statements: a released step never changes, and
# the next one is appended. A new database gets METADATA, and no steps.
_STEPS: Final[tuple[tuple[str, ...], ...]] = ()
FIRST_VERSION: Final = 1

CREATION_SECONDS: Final = 30
_ATTEMPTS: Final = 10
_LOCK: Final = "bucketcors"
_LOCK_NUMBER: Final = 0x6275636B6574
_INDEX_EXISTS: Final = 1061
# Another host has created a table, an index or a row in the meantime.
_CREATED_MEANWHILE: Final = {"23505", "42P07", "42710", "XX000", 1050, 1061, 1062}


def schema_version() -> int:
    """The version of the tables that this release uses."""
    return FIRST_VERSION + len(_STEPS)


def make_tables(server: Server) -> None:
    """Make or migrate the tables; do nothing if they are current.

    :raises StoreUnavailable: if a newer release wrote them, or the database cannot have them.
    """
    with server.connected(writes=False) as connection:
        _check_encoding(connection, server)
        found = found_version(connection)
    refuse_newer(found)
    for attempt in range(_ATTEMPTS):
        if found >= schema_version():
            return
        try:
            _take_steps(server)
            return
        except DBAPIError as error:
            is_race = is_repeatable(error) or code_of(error) in _CREATED_MEANWHILE
            if not is_race or attempt + 1 == _ATTEMPTS:
                raise


def has_tables(server: Server) -> bool:
    """Whether the database has the tables; makes nothing."""
    with server.connected(writes=False) as connection:
        return found_version(connection) > 0


def refuse_newer(version: int) -> None:
    """Refuse tables of a newer release.

    :raises StoreUnavailable: with both versions, and what to do.
    """
    if version > schema_version():
        raise StoreUnavailable(
            f"the database has schema version {version} and this release knows "
            f"{schema_version()}; install the release that wrote it, or a newer one, and restart "
            "the workers"
        )


def _take_steps(server: Server) -> None:
    with server.connected(writes=True, limit_seconds=CREATION_SECONDS) as connection:
        _lock(connection, server)
        # Check again: another host may have taken these steps, even one of a newer release.
        found = found_version(connection)
        refuse_newer(found)
        if found == 0:
            _create(connection, server)
        for step in _STEPS[found - FIRST_VERSION :] if found else ():
            for statement in step:
                connection.execute(text(statement))
        connection.execute(update(STATE).values(schema_version=schema_version()))
        connection.commit()


def _lock(connection: Connection, server: Server) -> None:
    if server.is_mysql:
        name = f"{_LOCK} {server.url.database}"[:64]
        connection.execute(select(func.get_lock(name, CREATION_SECONDS - 5)))
    elif server.has_options:
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK_NUMBER)))


def found_version(connection: Connection) -> int:
    """The version of the tables; 0 if there are none, or an empty one."""
    if not inspect(connection).has_table(STATE.name):
        return 0
    return connection.execute(select(STATE.c.schema_version)).scalar() or 0


def _create(connection: Connection, server: Server) -> None:
    for table in METADATA.sorted_tables:
        connection.execute(CreateTable(table, if_not_exists=True))
        for index in table.indexes:
            _create_index(connection, index, server)
    first: dict[str, Any] = {"revision": _first_revision(connection), "stamp": draw_stamp()}
    others = {"schema_version": 0, "history_limit": HISTORY_LIMIT, "settings": "{}"}
    connection.execute(insert(STATE).values(id=1, **first, **others))
    connection.execute(insert(CHANGES).values(**first, time=time.time()))


def _first_revision(connection: Connection) -> int:
    """Give the revision to count from: 0, unless only the counter's row is missing.

    It may be lost in a restore of the tables one by one. Revisions that were used must not recur.
    """
    columns = (table.c.revision for table in (CHANGES, RULES, HISTORY))
    used = [connection.execute(select(func.max(column))).scalar() for column in columns]
    return max((revision + 1 for revision in used if revision is not None), default=0)


def _create_index(connection: Connection, index: Index, server: Server) -> None:
    try:
        # MySQL has no IF NOT EXISTS for an index.
        connection.execute(CreateIndex(index, if_not_exists=not server.is_mysql))
    except DBAPIError as error:
        if code_of(error) != _INDEX_EXISTS:
            raise


def draw_stamp() -> int:
    """Draw the number of a change: 64 bits, with a sign."""
    return secrets.randbits(64) - 2**63


def _check_encoding(connection: Connection, server: Server) -> None:
    """Refuse a database that cannot hold all of Unicode.

    :raises StoreUnavailable: with the encoding, and what to do.
    """
    if server.has_options:
        found = connection.execute(text("SHOW server_encoding")).scalar()
        if found != "UTF8":
            raise StoreUnavailable(
                f"the database of the server {server.shown} has the encoding {found}, and names of "
                "buckets need UTF8: make another database, CREATE DATABASE name ENCODING 'UTF8' "
                "LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8' TEMPLATE template0, and write its name in "
                "the URL"
            )
