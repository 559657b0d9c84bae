"""What ``bucketcors_state`` keeps for all programs: settings, and the limit of the history."""

import json
import logging
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, select, update

from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.core.json_text import parse_json
from flask_bucketcors.log_fields import fields
from flask_bucketcors.stores.sql.server import Server
from flask_bucketcors.stores.sql.tables import STATE

logger: Final = logging.getLogger("flask_bucketcors.store")

_NO_SETTINGS: Final = (
    "the settings in bucketcors_state are not a JSON object; start the application again, which "
    "writes them"
)
_OLD_LIMIT_STAYS: Final = "history_limit=%d has no effect, the database keeps the earlier one: %s"


def keep_history_limit(server: Server, limit: int) -> None:
    """Keep the limit of the history, and log if that fails: requests can be served without."""
    try:
        server.translated(lambda: _change_history_limit(server, limit))
    except StoreUnavailable as error:
        kept = fields("history_limit_not_kept", history_limit=limit, error=error)
        logger.warning(_OLD_LIMIT_STAYS, limit, error, extra=kept)


def kept_settings(server: Server) -> Mapping[str, Any]:
    """Give the settings that are kept.

    :raises StoreUnavailable: if they are unreadable.
    """
    with server.connected(writes=False) as connection:
        found = _parse_settings(_settings_text(connection))
    if found is None:
        raise StoreUnavailable(_NO_SETTINGS)
    return found


def keep_settings(server: Server, settings: Mapping[str, Any]) -> None:
    """Merge settings with those that are kept, and write them if they differ."""
    with server.connected(writes=False) as connection:
        is_done = False
        while not is_done:
            text = _settings_text(connection)
            merged = json.dumps({**(_parse_settings(text) or {}), **settings}, sort_keys=True)
            # If another process was faster, what it has kept is merged as well.
            is_done = merged == text or _replace(connection, text, merged)


def _replace(connection: Connection, text: str, merged: str) -> bool:
    statement = update(STATE).values(settings=merged).where(STATE.c.settings == text)
    return connection.execute(statement).rowcount > 0


def _settings_text(connection: Connection) -> str:
    return str(connection.execute(select(STATE.c.settings)).scalar())


def _change_history_limit(server: Server, limit: int) -> None:
    with server.connected(writes=False) as connection:
        # To write, even the same number, would wait for other writers.
        if connection.execute(select(STATE.c.history_limit)).scalar() != limit:
            connection.execute(update(STATE).values(history_limit=limit))


def _parse_settings(text: str) -> Mapping[str, Any] | None:
    """Parse the settings; give None if another tool has written something else."""
    try:
        found = parse_json(text)
    except (ValueError, TypeError):
        return None
    return found if isinstance(found, dict) else None
