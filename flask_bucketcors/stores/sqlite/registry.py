"""The databases of this process: one object for each file, shared by all stores on it.

SQLite's locks belong to a process, so all its connections to a file must be closed together; see
:mod:`flask_bucketcors.stores.sqlite.lost_log`.
"""

import os
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from flask_bucketcors.stores.forks import ForkSafeLock
from flask_bucketcors.stores.sqlite.database import Database
from flask_bucketcors.stores.sqlite.database_file import DatabaseFile, MemoryDatabase
from flask_bucketcors.stores.sqlite.places import check_path, check_place

MEMORY: Final = ":memory:"

_databases: WeakValueDictionary[str, Database] = WeakValueDictionary()
_naming = ForkSafeLock()


def open_database(path: str | os.PathLike[str], *, is_durable: bool = True) -> Database:
    """Give the database at a path, ready to use.

    :param path: the file, which is created with its folder if missing; or ``":memory:"``, which is
        a new database each time.
    :param is_durable: see :class:`~flask_bucketcors.stores.sqlite.database.Database`. The first
        store of a process on a file decides.
    :raises StoreUnavailable: if it cannot be opened, is not a database, or was written by a
        newer release.
    """
    check_path(path)
    if os.fspath(path) == MEMORY:
        database = Database(MemoryDatabase())
    else:
        absolute = Path(path).absolute()
        # Before anything is made beside it.
        check_place(absolute)
        # Not created under the lock: that would wait for a fork, which waits for this lock.
        made = Database(DatabaseFile(absolute), is_durable=is_durable)
        with _naming:
            database = _databases.setdefault(str(absolute), made)
    database.prepare()
    return database
