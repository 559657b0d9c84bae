"""Settings: one row each, checked once, and frozen.

A row describes the form of a value. It applies to the key ``BUCKETCORS_<NAME>`` of an
application's configuration and to every argument of that name.
"""

import inspect
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import wraps
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, ParamSpec, TypeVar, cast

from flask_bucketcors.core.dialects import DIALECTS, Limits
from flask_bucketcors.core.errors import SettingRefused, shown_value
from flask_bucketcors.core.fields import EXTRA_METHODS
from flask_bucketcors.core.grants import VaryMode
from flask_bucketcors.core.hosts import (
    PublicSuffix,
    checked_prefix,
    checked_segment,
    checked_suffix,
)
from flask_bucketcors.default_rules import DEFAULT_RULES_FORM, DefaultRules, is_default_rules
from flask_bucketcors.stores.contract import Store
from flask_bucketcors.stores.database_urls import ServerURL, is_server_url
from flask_bucketcors.stores.opening import (
    FILE_FORM,
    REFRESH_SECONDS,
    REPLICA,
    is_database,
    is_file,
    shown_database,
    wanted_database,
)

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from flask_bucketcors.signatures import Keys

PREFIX: Final = "BUCKETCORS_"
#: The name of the console's blueprint in an application that has a console.
CONSOLE: Final = "bucketcors_console"
#: The name of the health view's endpoint in an application that has one.
HEALTH: Final = "bucketcors_health"
#: What the routes of an application call the bucket.
ROUTE_VARIABLE: Final = "bucket"
#: How many buckets' compiled rules a process keeps.
CACHED_BUCKETS: Final = 100_000
#: How many bytes they may take: 256 MiB, twice of what so many usual buckets take.
CACHED_BYTES: Final = 268_435_456
#: Which findings of lint refuse rules, from the least to the most strict.
STRICT_LEVELS: Final = ("off", "dangers", "warnings")

_P = ParamSpec("_P")
_T = TypeVar("_T")

# In a URL: user and password.
_USERINFO: Final = re.compile(r"//\S*@")


class _Row(NamedTuple):
    """The form of a value.

    :param form: what to write, or a function of the value that gives it.
    :param fits: returns whether a value has the form; it may raise ValueError, TypeError or
        AttributeError, which mean no.
    :param shown: formats a value for an error.
    """

    form: str | Callable[[Any], str]
    fits: Callable[[Any], bool]
    shown: Callable[[Any], str] = repr


def _one_of(choices: Iterable[str]) -> _Row:
    known = tuple(map(str, choices))
    return _Row(f"one of {', '.join(map(repr, known))}", known.__contains__)


def _type_name(value: object) -> str:
    return type(value).__name__


def _is_function_or_none(value: object) -> bool:
    return value is None or callable(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_count(value: object) -> bool:
    return type(value) is int and value > 0


def _is_seconds(value: object) -> bool:
    return type(value) in (int, float) and 0 < cast(float, value) < math.inf


def _is_keys(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return _is_function_or_none(value)
    return all(
        _is_text(key) and (_is_text(secret) or _is_access_key(secret))
        for key, secret in value.items()
    )


def _is_access_key(value: object) -> bool:
    # Applications import this module before they know whether they will check signatures.
    from flask_bucketcors.signatures.keys import AccessKey

    return isinstance(value, AccessKey)


def _is_limits(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        name in DIALECTS and _is_limit(limit) for name, limit in value.items()
    )


def _is_limit(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and all(map(_is_count, value))


def _are_extra_methods(value: Any) -> bool:
    return isinstance(value, tuple | list) and all(each in EXTRA_METHODS for each in value)


def _all_checked(check: Callable[[str], str]) -> Callable[[Any], bool]:
    """Whether a value is a list or a tuple of texts that pass a check."""

    def fits(value: Any) -> bool:
        if not isinstance(value, list | tuple):
            return False
        return all(isinstance(each, str) and bool(check(each)) for each in value)

    return fits


def _is_refusals(value: object) -> bool:
    if isinstance(value, bool):
        return True
    # From an environment, a misspelt flag is a text, which would be a path.
    return is_file(value) and str(value).lower() not in ("true", "false")


def _is_metrics(value: object) -> bool:
    # Without importing prometheus_client, which need not be installed.
    is_registry = callable(getattr(value, "register", None)) and not isinstance(value, type)
    return isinstance(value, bool) or is_registry


_FLAG: Final = _Row("True or False", lambda value: isinstance(value, bool))
_COUNT: Final = _Row("a whole number from 1", _is_count)
_SECONDS: Final = _Row("a number of seconds above 0, such as 1 or 0.5", _is_seconds)

_ROWS: Final[Mapping[str, _Row]] = {
    "database": _Row(wanted_database, is_database, shown_database),
    "replica": _Row(
        "the path of a file", lambda value: is_file(value) and value != ":memory:", shown_database
    ),
    "refresh_seconds": _SECONDS,
    "stale_seconds": _Row(
        f"{_SECONDS.form}, or None", lambda value: value is None or _is_seconds(value)
    ),
    "dialect": _one_of(DIALECTS),
    "limits": _Row(
        "a mapping of dialects to the rules and bytes that a document may have, "
        "such as {'oss': (20, 65536)}",
        _is_limits,
    ),
    "extra_methods": _Row(
        f"a list of methods such as ['PATCH'], out of {', '.join(EXTRA_METHODS)}",
        _are_extra_methods,
    ),
    "access_keys": _Row(
        "a mapping of access key ids to secrets, each a text or an AccessKey, or a function of "
        "the id",
        _is_keys,
        _type_name,
    ),
    "host_suffixes": _Row(
        "a list of host names such as 'cos.example.com', 'cos.{region}.example.com' or "
        "'oss-{region}.example.com', without port and leading dot",
        _all_checked(checked_suffix),
    ),
    "hosts_only": _FLAG,
    "url_prefix": _Row(
        "a path such as '/storage', without variables, or '/' for all paths",
        lambda value: isinstance(value, str) and checked_prefix(value) is not None,
    ),
    "route_variable": _Row(
        "the name of a variable in the application's routes, such as 'bucket'",
        lambda value: isinstance(value, str) and value.isascii() and value.isidentifier(),
    ),
    "vary": _one_of(VaryMode),
    "plain_options": _one_of(("app", "refuse")),
    "default_rules": _Row(DEFAULT_RULES_FORM, is_default_rules, shown_value),
    "no_rules": _one_of(("refuse", "pass")),
    "allow_credentials": _FLAG,
    "timing_allow_origin": _FLAG,
    "api_cross_origin": _Row(
        "True, False or None", lambda value: value is None or isinstance(value, bool)
    ),
    "require_content_md5": _FLAG,
    "strict": _one_of(STRICT_LEVELS),
    "public_suffix": _Row(
        "a function that gives the public suffix of a host name, or None", _is_function_or_none
    ),
    "cached_buckets": _COUNT,
    "cached_bytes": _COUNT,
    "console_prefix": _Row(
        "a path such as '/-/cors', without variables, below which nothing else is",
        lambda value: isinstance(value, str) and len(checked_prefix(value)) > 1,
    ),
    "console_insecure": _FLAG,
    "health_path": _Row(
        "a path such as '/health/cors', without variables, or '' for none",
        lambda value: isinstance(value, str) and checked_prefix(value) == value,
    ),
    "refusals": _Row(f"True, False, {FILE_FORM}", _is_refusals, shown_database),
    "metrics": _Row("True, False, or a CollectorRegistry of prometheus_client", _is_metrics),
    "history": _Row(f"{_COUNT.form}, or None", lambda value: value is None or _is_count(value)),
    # Arguments that are not settings.
    "app": _Row("a WSGI application", callable, _type_name),
    "api": _Row("a WSGI application such as RulesAPI(store), or None", _is_function_or_none),
    "authorize": _Row(
        "a function of a RulesCall that returns True, False or a name", _is_function_or_none
    ),
    "bucket_exists": _Row("a function of a bucket's name", _is_function_or_none),
    "buckets": _Row(
        "a function of a Request that returns (bucket, key) or None", _is_function_or_none
    ),
    "reserved": _Row(
        "a list of first segments of paths, such as ['api', 'static']",
        _all_checked(checked_segment),
    ),
    "store": _Row(
        "a store, such as SQLiteStore('rules.sqlite') or MemoryStore()",
        lambda value: isinstance(value, Store),
        _type_name,
    ),
}


def check(**values: object) -> None:
    """Check arguments by the rows of their names.

    :raises SettingRefused: if a value does not have its form.
    """
    for name, value in values.items():
        _check(name, value, name)


def checked(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Check the arguments of each call to a function as :func:`check` does, except defaults."""
    signature = inspect.signature(function)

    @wraps(function)
    def check_and_call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            if name in _ROWS and value is not signature.parameters[name].default:
                check(**{name: value})
        return function(*args, **kwargs)

    return check_and_call


def check_hosts_only(hosts_only: bool, host_suffixes: Iterable[str], prefix: str = "") -> None:
    """Check that some URLs can be about buckets, if only hosts name them.

    :param prefix: what the names of the two arguments begin with.
    :raises SettingRefused: if there is no host suffix.
    """
    if hosts_only and not tuple(host_suffixes):
        only, suffixes = (f"{prefix}{name}" for name in ("hosts_only", "host_suffixes"))
        only, suffixes = (only.upper(), suffixes.upper()) if prefix else (only, suffixes)
        raise SettingRefused(
            f"{only} is True, but {suffixes} is empty, so no URL would be about a bucket: write "
            f"host names such as 'cos.example.com' in {suffixes}"
        )


def check_serves_requests(store: Store | None) -> None:
    """Check that requests may use a store; None for a store that is made later.

    :raises SettingRefused: if its reads wait for a network.
    """
    if store is not None and not store.serves_requests:
        raise SettingRefused(
            f"store is {_type_name(store)}, whose reads wait for a network, so requests cannot use "
            "it: set BUCKETCORS_DATABASE to the URL of its server, or pass ReplicaStore(store, "
            "'bucketcors-replica.sqlite'), which keeps a copy on this host"
        )


def _check_stale(stale_seconds: float | None, refresh_seconds: float) -> None:
    """Refuse a limit that closes all buckets between one look at the server and the next."""
    if stale_seconds is not None and stale_seconds <= refresh_seconds:
        raise SettingRefused(
            f"{PREFIX}STALE_SECONDS is {stale_seconds!r}, and {PREFIX}REFRESH_SECONDS is "
            f"{refresh_seconds!r}: write more for {PREFIX}STALE_SECONDS, such as 60"
        )


def _check(name: str, value: object, key: str) -> None:
    row = _ROWS[name]
    try:
        fits = row.fits(value)
    except (ValueError, TypeError, AttributeError):
        fits = False
    if not fits:
        shown = _USERINFO.sub("//...@", row.shown(value))
        form = row.form(value) if callable(row.form) else row.form
        raise SettingRefused(f"{key} is {shown}: write {form}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of an application. docs/configuration.md describes each of them.

    :raises SettingRefused: if a value does not have its form.
    """

    database: str | os.PathLike[str] = "bucketcors.sqlite"
    replica: str | os.PathLike[str] = REPLICA
    refresh_seconds: float = REFRESH_SECONDS
    stale_seconds: float | None = None
    dialect: str = "cos"
    limits: Limits = field(default_factory=lambda: MappingProxyType({}))
    extra_methods: Iterable[str] = ()
    access_keys: "Keys | None" = field(default=None, repr=False)
    host_suffixes: Iterable[str] = ()
    hosts_only: bool = False
    url_prefix: str = ""
    route_variable: str = ROUTE_VARIABLE
    vary: str = "safe"
    plain_options: str = "app"
    default_rules: DefaultRules = None
    no_rules: str = "refuse"
    allow_credentials: bool = True
    timing_allow_origin: bool = False
    api_cross_origin: bool | None = None
    require_content_md5: bool = False
    strict: str = "off"
    public_suffix: PublicSuffix | None = None
    cached_buckets: int = CACHED_BUCKETS
    cached_bytes: int = CACHED_BYTES
    history: int | None = None
    console_prefix: str = "/-/cors"
    console_insecure: bool = False
    refusals: bool | str | os.PathLike[str] = False
    health_path: str = ""
    metrics: "bool | CollectorRegistry" = False

    @classmethod
    def from_config(cls, config: MutableMapping[str, Any]) -> "Settings":
        """Read the settings of a configuration, and add the defaults of missing ones to it.

        :param config: keys such as ``BUCKETCORS_DIALECT`` to values; other keys do not matter.
        :raises SettingRefused: if a value does not have its form, or a key is misspelt.
        """
        _refuse_unknown_keys(config)
        usual = cls()
        values = {}
        for name in SETTING_NAMES:
            key = f"{PREFIX}{name.upper()}"
            values[name] = config.setdefault(key, getattr(usual, name))
            _check(name, values[name], key)
        settings = cls(**values)
        # What prints the configuration must not print a password.
        config[f"{PREFIX}DATABASE"] = settings.database
        return settings

    def __post_init__(self) -> None:
        check(**{name: getattr(self, name) for name in SETTING_NAMES})
        check_hosts_only(self.hosts_only, self.host_suffixes, PREFIX)
        _check_stale(self.stale_seconds, self.refresh_seconds)
        if isinstance(self.database, str) and is_server_url(self.database):
            object.__setattr__(self, "database", ServerURL(self.database))


SETTING_NAMES: Final = tuple(each.name for each in fields(Settings))


def arguments_for(function: Callable[..., object], settings: Settings) -> dict[str, Any]:
    """Give the settings that a function, or a class, takes as arguments of the same names."""
    parameters = inspect.signature(function).parameters
    return {name: getattr(settings, name) for name in SETTING_NAMES if name in parameters}


def _refuse_unknown_keys(config: Mapping[str, Any]) -> None:
    """Refuse a misspelt key, which would have no effect."""
    known = [name.upper() for name in SETTING_NAMES]
    for key in config:
        name = key.removeprefix(PREFIX)
        if key.startswith(PREFIX) and name not in known:
            near = get_close_matches(name, known, n=1) or known
            keys = " or ".join(f"{PREFIX}{each}" for each in near)
            raise SettingRefused(f"{key} is not a setting: write {keys}")
