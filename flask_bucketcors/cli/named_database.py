"""The database that ``--database`` names, opened without its application.

Only commands that are told to do so create anything: a mistyped name, or another program's file,
must not become a database.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import click

from flask_bucketcors.api.kept_settings import KeptSettings
from flask_bucketcors.cli.terminal import Refused, printable
from flask_bucketcors.stores.contract import Store
from flask_bucketcors.stores.opening import is_database, open_store, shown_database
from flask_bucketcors.stores.sqlite.places import check_place
from flask_bucketcors.stores.sqlite.registry import MEMORY
from flask_bucketcors.stores.sqlite.schema import schema_version


def open_database(name: str, *, create: bool) -> tuple[Store, KeptSettings]:
    """Open a database, and read the settings that an application keeps in it.

    :param create: whether to create the file, or its tables, if they are missing.
    :raises click.UsageError: if no file has rules under this name.
    :raises StoreUnavailable: if it cannot be opened.
    """
    if name == MEMORY:
        raise click.UsageError(
            f"the database {MEMORY} is the memory of one process, which no command can reach; "
            "write the path of a file"
        )
    if not is_database(name):
        raise click.UsageError(
            f"the database is {printable(shown_database(name))}: write the path of a file"
        )
    if not create:
        _refuse_missing(Path(name))
    store = open_store(name)
    return store, KeptSettings.read(store)


def _refuse_missing(path: Path) -> None:
    shown = printable(str(path))
    if not os.path.exists(path):
        raise click.UsageError(
            f"there is no database {shown}: write the path of the application's own, or create "
            "it with put --create or import --create"
        )
    check_place(path)
    try:
        version = _version(path)
    except sqlite3.Error as error:
        raise Refused(f"the database {shown} cannot be read: {error}") from None
    if version == 0:
        raise click.UsageError(
            f"{shown} holds no rules of buckets: write the path of the application's own database, "
            "or create tables in this one with put --create or import --create"
        )


def _version(path: Path) -> int:
    """The version of the tables in a file, which is read as it is: SQLite adds no files to it."""
    # A log may be the only place of new tables. If there is one, SQLite has its files already.
    has_log = os.path.exists(f"{os.path.realpath(path)}-wal")
    query = "mode=ro" if has_log else "mode=ro&immutable=1"
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{query}", uri=True)) as connection:
        return schema_version(connection)
