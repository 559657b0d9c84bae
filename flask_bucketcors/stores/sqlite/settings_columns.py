"""What the row of the state keeps of settings: the application's, and how long the history is."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.core.json_text import parse_json

#: Gives how many entries of history to keep for each bucket.
HISTORY_LIMIT_KEPT: Final = "SELECT history_limit FROM bucketcors_state"
_KEEP_HISTORY: Final = "UPDATE bucketcors_state SET history_limit = ?"
_SETTINGS: Final = "SELECT settings FROM bucketcors_state"
_KEEP_SETTINGS: Final = "UPDATE bucketcors_state SET settings = ? WHERE settings IS ?"


_NO_SETTINGS: Final = (
    "the settings in bucketcors_state are not a JSON object; start the application again, which "
    "writes them"
)


def change_history_limit(limit: int, connection: sqlite3.Connection) -> None:
    """Keep another number of entries from the next write on."""
    # To write, even the same number, would wait for other writers.
    if connection.execute(HISTORY_LIMIT_KEPT).fetchone() != (limit,):
        connection.execute(_KEEP_HISTORY, (limit,))


def parsed_settings(connection: sqlite3.Connection) -> Mapping[str, Any]:
    """Read the settings of the application.

    :raises StoreUnavailable: if another tool has written something else.
    """
    found = _parse_settings(connection.execute(_SETTINGS).fetchone()[0])
    if found is None:
        raise StoreUnavailable(_NO_SETTINGS)
    return found


def merge_settings(settings: Mapping[str, Any], connection: sqlite3.Connection) -> None:
    """Keep settings, and those of other names that are there."""
    is_done = False
    while not is_done:
        [text] = connection.execute(_SETTINGS).fetchone()
        merged = json.dumps({**(_parse_settings(text) or {}), **settings}, sort_keys=True)
        # If another process was faster, what it has kept is merged as well.
        is_done = merged == text or connection.execute(_KEEP_SETTINGS, (merged, text)).rowcount > 0


def _parse_settings(text: str) -> Mapping[str, Any] | None:
    """Parse the settings; give None if another tool has written something else."""
    try:
        found = parse_json(text)
    except (ValueError, TypeError):
        return None
    return found if isinstance(found, dict) else None
