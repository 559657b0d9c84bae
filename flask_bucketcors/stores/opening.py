"""From a setting to a store.

A setting is a store, the path of a SQLite file, or ``":memory:"``. A URL of another database is
refused, and no error repeats the password that it may hold.
"""

import os
from typing import Final

from flask_bucketcors.stores.contract import Store
from flask_bucketcors.stores.sqlite.places import check_path, is_url

#: What to write as ``BUCKETCORS_DATABASE``.
DATABASE_FORM: Final = "the path of a file, or ':memory:'"


def is_database(value: object) -> bool:
    """Whether a value is a path or ``":memory:"``."""
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    return isinstance(path, str) and bool(path) and not is_url(path)


def shown_database(value: object) -> str:
    """Format a value that is refused; of a URL, only the scheme."""
    if isinstance(value, str | bytes | os.PathLike):
        text = os.fsdecode(value)
        return repr(f"{text.partition(':')[0]}://...") if is_url(text) else repr(value)
    return repr(value) if value is None or isinstance(value, int) else type(value).__name__


def open_store(
    setting: Store | str | os.PathLike[str],
    *,
    folder: str | os.PathLike[str] = "",
    history_limit: int | None = None,
) -> Store:
    """Give the store of a setting.

    :param folder: the folder of relative paths; by default the current folder.
    :param history_limit: entries of history to keep for each bucket; None for as many as the
        database keeps already. A setting that is a store has its own.
    :raises StoreUnavailable: if no file can have the path, or the database cannot be opened.
    """
    if isinstance(setting, Store):
        return setting
    # Settings are checked by this module; a middleware with a store of its own needs no SQLite.
    from flask_bucketcors.stores.sqlite.registry import MEMORY
    from flask_bucketcors.stores.sqlite.store import SQLiteStore

    check_path(setting)
    path = os.fspath(setting)
    if path != MEMORY:
        path = os.path.join(folder, path)
    return SQLiteStore(path, history_limit=history_limit)
