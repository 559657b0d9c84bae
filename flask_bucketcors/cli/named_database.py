"""The database that ``--database`` names, opened without its application.

Only commands that are told to do so create anything: a mistyped name, or another program's file,
must not become a database.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar

import click

from flask_bucketcors.api.kept_settings import KeptSettings
from flask_bucketcors.cli.terminal import Refused, printable
from flask_bucketcors.stores.contract import Store
from flask_bucketcors.stores.database_urls import is_server_url
from flask_bucketcors.stores.opening import (
    is_database,
    open_server,
    open_store,
    shown_database,
    wanted_database,
)
from flask_bucketcors.stores.sqlite.places import check_place
from flask_bucketcors.stores.sqlite.registry import MEMORY
from flask_bucketcors.stores.sqlite.schema import schema_version
from flask_bucketcors.stores.sqlite.waiting import IF_DAMAGED, is_damaged

_T = TypeVar("_T")

_COPY_OF: Final = "SELECT copy_of FROM bucketcors_state"
_CREATE: Final = "create tables in this one with put --create or import --create"


def open_database(name: str, *, create: bool) -> tuple[Store, KeptSettings]:
    """Open a database, and read the settings that an application keeps in it.

    :param name: the path of a file, or the URL of a server.
    :param create: whether to create the file, or the tables, if they are missing.
    :raises click.UsageError: if there are no rules under this name.
    :raises StoreUnavailable: if it cannot be opened.
    """
    if name == MEMORY:
        raise click.UsageError(
            f"the database {MEMORY} is the memory of one process, which no command can reach; "
            "write the path of a file"
        )
    if not is_database(name):
        shown, wanted = shown_database(name), wanted_database(name)
        raise click.UsageError(f"the database is {printable(shown)}: write {wanted}")
    if is_server_url(name):
        store = _open_server(name, create=create)
    else:
        if not create:
            _refuse_missing(Path(name))
        store = open_store(name)
    return store, KeptSettings.read(store)


def _open_server(url: str, *, create: bool) -> Store:
    """Open the server itself: a command needs no copy of the rules on this host."""
    server = open_server(url)
    if not create and not server.has_tables():
        raise click.UsageError(
            f"the database {printable(server.shown)} holds no rules of buckets: write the URL of "
            f"the application's own database, or {_CREATE}"
        )
    server.prepare()
    return server


def _refuse_missing(path: Path) -> None:
    shown = printable(str(path))
    if not os.path.exists(path):
        raise click.UsageError(
            f"there is no database {shown}: write the path of the application's own, or create "
            "it with put --create or import --create"
        )
    check_place(path)
    try:
        version = _read(path, schema_version)
    except sqlite3.Error as error:
        help = f"; {IF_DAMAGED}" if is_damaged(error) else ""
        raise Refused(f"the database {shown} cannot be read: {error}{help}") from None
    if version == 0:
        raise click.UsageError(
            f"{shown} holds no rules of buckets: write the path of the application's own database, "
            f"or {_CREATE}"
        )


def is_copy(path: Path) -> bool:
    """Whether a database that a command has opened is a host's copy of the rules of a server."""
    return _read(path, lambda connection: connection.execute(_COPY_OF).fetchall()) != [(None,)]


def _read(path: Path, read: Callable[[sqlite3.Connection], _T]) -> _T:
    """Read a file as it is: SQLite adds no files to it."""
    # A log may be the only place of new tables. If there is one, SQLite has its files already.
    has_log = os.path.exists(f"{os.path.realpath(path)}-wal")
    query = "mode=ro" if has_log else "mode=ro&immutable=1"
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{query}", uri=True)) as connection:
        return read(connection)
