"""Settings of an application that its store keeps, for programs that write without it.

What such a program writes must be refused wherever the application would refuse it. So the API
keeps its limits and its strictness in the store when it is created. If several applications have
one store, the settings of the application that started last are kept.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from flask_bucketcors.core.dialects import Limits
from flask_bucketcors.core.errors import ServerUnreachable, SettingRefused, StoreUnavailable
from flask_bucketcors.core.hosts import PublicSuffix
from flask_bucketcors.log_fields import fields
from flask_bucketcors.settings import Settings
from flask_bucketcors.stores.contract import Store

logger: Final = logging.getLogger("flask_bucketcors.store")

#: The names of the settings that are kept, but those that are functions.
KEPT_NAMES: Final = ("allow_credentials", "dialect", "extra_methods", "limits", "strict")

_NOT_KEPT: Final = (
    "the settings of the application are not kept in its database, so commands with --database "
    "use earlier ones: %s"
)
_AWAY: Final = "the server cannot be reached"
_SHARED: Final = (
    "the application %r has the same database as %s, so it has the same rules; set "
    "BUCKETCORS_DATABASE to another file, or, to share the rules, to this one"
)


class KeptSettings(NamedTuple):
    """What a store keeps.

    :param settings: the settings of the application, without its functions; the defaults of those
        that are not kept.
    :param has_public_suffix: whether the application has a function ``public_suffix``.
    :param applications: the names of the applications that have this store, the first one first.
    """

    settings: Settings
    has_public_suffix: bool
    applications: Sequence[str]

    @classmethod
    def read(cls, store: Store) -> "KeptSettings":
        """Read what a store keeps.

        :raises SettingRefused: if another tool has written something else.
        """
        kept = store.kept_settings()
        try:
            settings = Settings(**{name: kept[name] for name in KEPT_NAMES if name in kept})
        except SettingRefused as error:
            raise SettingRefused(
                f"in the settings that the database keeps, {error}; or start the application "
                "again, which writes them"
            ) from None
        return cls(settings, bool(kept.get("public_suffix")), _names(kept))


def keep_settings(
    store: Store,
    *,
    dialect: str,
    limits: Limits,
    extra_methods: Sequence[str],
    strict: str,
    public_suffix: PublicSuffix | None,
    allow_credentials: bool,
) -> None:
    """Keep the settings of an API; a store that cannot be written now still serves requests."""
    kept = {
        "dialect": dialect,
        "limits": dict(limits),
        "extra_methods": list(extra_methods),
        "strict": strict,
        "public_suffix": public_suffix is not None,
        "allow_credentials": allow_credentials,
    }
    try:
        store.keep_settings(kept)
    except ServerUnreachable as error:
        # The store says more when it is opened.
        logger.warning(_NOT_KEPT, _AWAY, extra=fields("settings_not_kept", error=error))
    except StoreUnavailable as error:
        logger.warning(_NOT_KEPT, error, extra=fields("settings_not_kept", error=error))


def claim(store: Store, application: str, *, is_named: bool) -> None:
    """Note that an application has this store, or log a warning if it may not know of others.

    :param application: its name.
    :param is_named: whether its configuration names the database. The file that an application
        has by default is also that of other applications in the same folder.
    """
    try:
        known = _names(store.kept_settings())
        if known and application not in known and not is_named:
            said = fields("database_shared", application=application, others=known)
            logger.warning(_SHARED, application, in_words(known), extra=said)
        elif application not in known:
            store.keep_settings({"applications": [*known, application]})
    except ServerUnreachable:
        # Said once, by what keeps the other settings.
        pass
    except StoreUnavailable as error:
        logger.warning(_NOT_KEPT, error, extra=fields("settings_not_kept", error=error))


def in_words(applications: Sequence[str]) -> str:
    """List names of applications, to be printed."""
    return " and ".join(map(repr, applications))


def _names(kept: Mapping[str, Any]) -> Sequence[str]:
    found = kept.get("applications")
    return [str(name) for name in found] if isinstance(found, list) else []
