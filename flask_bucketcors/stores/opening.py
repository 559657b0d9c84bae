"""From a setting to a store.

A setting is a store, the path of a SQLite file, ``":memory:"``, or the URL of a server. No error
repeats the password that a URL may hold.
"""

import os
from typing import TYPE_CHECKING, Final

from flask_bucketcors.stores.contract import Store
from flask_bucketcors.stores.database_urls import (
    URL_FORM,
    is_like_url,
    is_server_url,
    shown_url,
    wanted_url,
)
from flask_bucketcors.stores.sqlite.places import check_path

if TYPE_CHECKING:
    from flask_bucketcors.stores.sql.store import SQLStore

#: What to write where a SQLite file is named.
FILE_FORM: Final = "the path of a file, or ':memory:'"
#: What to write as ``BUCKETCORS_DATABASE``.
DATABASE_FORM: Final = f"the path of a file, ':memory:', or {URL_FORM}"
#: The copy that a host has of the rules on a server, in the instance folder.
REPLICA: Final = "bucketcors-replica.sqlite"
#: How often a host asks the server what changed, where it is not told, in seconds.
REFRESH_SECONDS: Final = 1.0


def is_file(value: object) -> bool:
    """Whether a value is a path, or ``":memory:"``."""
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    return isinstance(path, str) and bool(path) and not is_like_url(path)


def is_database(value: object) -> bool:
    """Whether a value is a path, ``":memory:"``, or the URL of a server."""
    # A path has lost a slash of a URL.
    return is_file(value) or (isinstance(value, str) and is_server_url(value))


def shown_database(value: object) -> str:
    """Format a value that is refused; of a URL, only the scheme."""
    if isinstance(value, str | bytes | os.PathLike):
        text = os.fsdecode(value)
        return repr(shown_url(text)) if is_like_url(text) else repr(value)
    return repr(value) if value is None or isinstance(value, int) else type(value).__name__


def wanted_database(value: object) -> str:
    """Give what to write instead of a value that is refused."""
    if isinstance(value, str | bytes | os.PathLike):
        text = os.fsdecode(value)
        if is_server_url(text):
            return "the URL as a text"
        if is_like_url(text) and not isinstance(value, os.PathLike):
            return wanted_url(text)
    return DATABASE_FORM


def open_store(
    setting: Store | str | os.PathLike[str],
    *,
    folder: str | os.PathLike[str] = "",
    history_limit: int | None = None,
    replica: str | os.PathLike[str] = REPLICA,
    refresh_seconds: float = REFRESH_SECONDS,
    stale_seconds: float | None = None,
) -> Store:
    """Give the store of a setting.

    :param folder: the folder of relative paths; by default the current folder.
    :param history_limit: entries of history to keep for each bucket; None for as many as the
        database keeps already. A setting that is a store has its own.
    :param replica, refresh_seconds, stale_seconds: the copy of the rules on a server; see
        :class:`~flask_bucketcors.ReplicaStore`.
    :raises StoreUnavailable: if no file can have the path, or the database cannot be opened.
    """
    if isinstance(setting, Store):
        return setting
    if isinstance(setting, str) and is_server_url(setting):
        # An application without a server does without a copy.
        from flask_bucketcors.stores.replica.store import ReplicaStore

        return ReplicaStore(
            open_server(setting, history_limit=history_limit),
            os.path.join(folder, replica),
            refresh_seconds=refresh_seconds,
            stale_seconds=stale_seconds,
        )
    # Settings are checked by this module; a middleware with a store of its own needs no SQLite.
    from flask_bucketcors.stores.sqlite.registry import MEMORY
    from flask_bucketcors.stores.sqlite.store import SQLiteStore

    check_path(setting)
    path = os.fspath(setting)
    if path != MEMORY:
        path = os.path.join(folder, path)
    return SQLiteStore(path, history_limit=history_limit)


def open_server(url: str, *, history_limit: int | None = None) -> "SQLStore":
    """Give the store on a server, which nothing has reached yet.

    :raises StoreUnavailable: if the URL cannot be used, or a package is missing.
    """
    from flask_bucketcors.stores.sql.store import SQLStore

    return SQLStore(url, history_limit=history_limit, connect=False)
