"""Where refused preflights are kept: from a setting to a table."""

import os
import socket
from pathlib import Path
from typing import Final

from flask_bucketcors.core.errors import SettingRefused
from flask_bucketcors.refused_lately.refusal_counter import RefusalCounter
from flask_bucketcors.refused_lately.refusal_table import RefusalTable
from flask_bucketcors.stores.contract import Reach, Store
from flask_bucketcors.stores.sqlite.registry import MEMORY

#: How the name of the file beside a database ends.
ENDING: Final = "-refused"


def open_counter(
    setting: bool | str | os.PathLike[str],
    store: Store,
    folder: str | os.PathLike[str],
    key: str,
) -> RefusalCounter:
    """Give the counter of a setting.

    :param setting: the path of a file, or ``":memory:"``; True for a file beside that of the
        store, or for memory, if the store has no file.
    :param folder: the folder of relative paths.
    :param key: the name of the setting, for the error.
    :raises SettingRefused: if the file is the database itself.
    """
    if isinstance(setting, bool):
        return RefusalCounter(table_beside(store) or RefusalTable(None), store)
    path = os.fspath(setting)
    if path == MEMORY:
        return RefusalCounter(RefusalTable(None), store)
    path = os.path.join(folder, path)
    if store.place is not None and _are_same(path, store.place):
        raise SettingRefused(
            f"{key} is {path!r}, the database with the rules: write True for a file beside it, "
            "or the path of another file"
        )
    return RefusalCounter(RefusalTable(Path(path)), store)


def table_beside(store: Store) -> RefusalTable | None:
    """Give the table beside the file of a store; None if the store has none."""
    if store.place is None:
        return None
    return RefusalTable(Path(f"{os.path.realpath(store.place)}{ENDING}"), store.place)


def only_host(store: Store, *, is_copy: bool = False) -> str:
    """Give the name of this host if each host counts its own refusals, otherwise ``""``.

    :param is_copy: whether the store is the file of a copy, which does not know of other hosts.
    """
    return socket.gethostname() if is_copy or store.reach is Reach.HOSTS else ""


def _are_same(path: str, other: Path) -> bool:
    return os.path.realpath(path) == os.path.realpath(other)
