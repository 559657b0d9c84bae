"""Checks what the database keeps of applications: their settings and their names."""

from collections.abc import Iterator
from typing import Final

from flask_bucketcors.api.kept_settings import KEPT_NAMES, KeptSettings, in_words
from flask_bucketcors.cli.doctor.configuration import setting_text
from flask_bucketcors.cli.doctor.notes import Note
from flask_bucketcors.core.errors import SettingRefused, StoreUnavailable
from flask_bucketcors.stores.contract import Store

_SHARE: Final = "set BUCKETCORS_DATABASE to another file, or, to share the rules, to this one"
_LAST: Final = "commands with --database use the settings of the one that started last"


def examine_kept_settings(store: Store) -> Iterator[Note]:
    """Show the settings that commands use without the application."""
    settings = KeptSettings.read(store).settings
    for name in KEPT_NAMES:
        yield Note("settings", f"{setting_text(settings, name)}, in the database")


def examine_sharing(store: Store, application: str) -> Iterator[Note]:
    """Check which applications have the same database.

    :param application: the name of the one that is examined.
    """
    try:
        known = KeptSettings.read(store).applications
    except (SettingRefused, StoreUnavailable):
        # The checks of the database say it.
        return
    if known and application not in known:
        text = f"the application has the same database as {in_words(known)}"
        yield Note("database", text, _SHARE)
    elif len(known) > 1:
        yield Note("database", f"{in_words(known)} share the database; {_LAST}")
