"""The Flask extension: reads the settings, builds store, API and middleware, and wires them."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from flask import Flask

from flask_bucketcors.api import Authorize, BucketExists, RulesAPI, is_limit
from flask_bucketcors.blueprint import ONE_API, in_app_context, in_request_context
from flask_bucketcors.buckets import BucketFunction, as_given, make_resolver
from flask_bucketcors.core.dialects import DIALECTS
from flask_bucketcors.core.errors import SetupRefused
from flask_bucketcors.core.grants import VaryMode
from flask_bucketcors.middleware import (
    CACHED_BUCKETS,
    NO_RULES,
    PLAIN_OPTIONS,
    BucketCORSMiddleware,
    RulesCallRouter,
    find_layer,
)
from flask_bucketcors.routes import reserved_by_routes
from flask_bucketcors.signatures import AccessKey
from flask_bucketcors.stores import SQLiteStore, Store
from flask_bucketcors.stores.contract import HISTORY_LIMIT
from flask_bucketcors.stores.database import MEMORY

EXTENSION: Final = "bucketcors"


@dataclass(frozen=True, slots=True)
class BucketCORSState:
    """What the extension made for one application: ``app.extensions["bucketcors"]``.

    :param store: where the rules are; see :class:`flask_bucketcors.stores.Store`. Programs
        and tests may read and change rules through it.
    :param middleware: what wraps the application.
    """

    store: Store
    middleware: BucketCORSMiddleware


class BucketCORS:
    """CORS rules for the buckets of a Flask application.

    Wraps ``app.wsgi_app``. What is wrapped around that later is further out: apply ProxyFix
    after this extension, so that it sees the host that the client named.

    :param app: the application; or pass it to :meth:`init_app` later, and as many as you like.
    :param store: where the rules are; without one, a SQLite file by ``BUCKETCORS_DATABASE``.
    :param authorize: hook that says who may read and edit rules; see
        :class:`~flask_bucketcors.api.RulesCall`. It runs in the request context of ``app``.
    :param bucket_exists: function of a name, for NoSuchBucket. It runs in the context of ``app``.
    :param buckets: function of the environ that says which bucket a request is about; see
        :data:`~flask_bucketcors.buckets.BucketFunction`.
    :param reserved: first segments of paths that are the application's own, beside those that
        its routes spell out; see :class:`~flask_bucketcors.BucketCORSMiddleware`.
    :raises SetupRefused: as :meth:`init_app`.
    :raises ValueError: if ``reserved`` holds something else than segments of a path.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        store: Store | None = None,
        authorize: Authorize | None = None,
        bucket_exists: BucketExists | None = None,
        buckets: BucketFunction | None = None,
        reserved: Iterable[str] = (),
    ) -> None:
        self._store = store
        self._authorize = authorize
        self._bucket_exists = bucket_exists
        self._buckets = buckets
        self._reserved = as_given(reserved)()
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Read the settings of ``app`` and wrap it.

        :raises SetupRefused: if a setting is not what it has to be, with its key and the form
            wanted; if the application has the extension, or a ``?cors`` API, already.
        :raises StoreUnavailable: if the database cannot be opened.
        """
        if EXTENSION in app.extensions:
            raise SetupRefused("this application has BucketCORS already: call init_app once")
        if find_layer(app.wsgi_app, RulesCallRouter) is not None:
            raise SetupRefused(ONE_API)
        settings = _read_settings(app)
        store = _open_store(app, settings) if self._store is None else self._store
        middleware = BucketCORSMiddleware(
            app.wsgi_app,
            store=store,
            api=self._make_api(app, store, settings),
            buckets=self._buckets,
            host_suffixes=settings["HOST_SUFFIXES"],
            url_prefix=settings["URL_PREFIX"],
            reserved=partial(reserved_by_routes, app, self._reserved, settings["URL_PREFIX"]),
            dialect=settings["DIALECT"],
            vary=settings["VARY"],
            allow_credentials=settings["ALLOW_CREDENTIALS"],
            plain_options=settings["PLAIN_OPTIONS"],
            no_rules=settings["NO_RULES"],
            api_cross_origin=settings["API_CROSS_ORIGIN"],
            cached_buckets=settings["CACHED_BUCKETS"],
        )
        app.wsgi_app = middleware  # type: ignore[method-assign]
        app.extensions[EXTENSION] = BucketCORSState(store, middleware)

    def _make_api(self, app: Flask, store: Store, settings: Mapping[str, Any]) -> RulesAPI:
        return RulesAPI(
            store,
            access_keys=settings["ACCESS_KEYS"],
            authorize=in_request_context(app, self._authorize),
            bucket_exists=in_app_context(app, self._bucket_exists),
            dialect=settings["DIALECT"],
            limits=settings["LIMITS"],
            require_content_md5=settings["REQUIRE_CONTENT_MD5"],
            strict=settings["STRICT"],
            public_suffix=settings["PUBLIC_SUFFIX"],
            allow_credentials=settings["ALLOW_CREDENTIALS"],
        )


@dataclass(frozen=True, slots=True)
class _Setting:
    default: Any
    form: str
    fits: Callable[[Any], bool]


def _one_of(default: str, choices: Iterable[str]) -> _Setting:
    known = tuple(map(str, choices))
    return _Setting(default, f"one of {', '.join(map(repr, known))}", known.__contains__)


def _flag(default: bool) -> _Setting:
    return _Setting(default, "True or False", lambda value: isinstance(value, bool))


def _count(default: int) -> _Setting:
    return _Setting(default, "a whole number from 1", _is_count)


def _is_keys(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return value is None or callable(value)
    return all(_is_text(key) and _is_secret(secret) for key, secret in value.items())


def _is_limits(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        name in DIALECTS and is_limit(limit) for name, limit in value.items()
    )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_secret(value: Any) -> bool:
    return _is_text(value.secret if isinstance(value, AccessKey) else value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_suffixes(value: Any) -> bool:
    if not isinstance(value, list | tuple) or not all(map(_is_text, value)):
        return False
    return _can_resolve(host_suffixes=value)


def _is_prefix(value: Any) -> bool:
    return isinstance(value, str) and _can_resolve(url_prefix=value)


def _can_resolve(**options: Any) -> bool:
    try:
        make_resolver(**options)
    except ValueError:
        return False
    return True


# One row a setting; each is described under the same name in docs/configuration.md.
_SETTINGS: Final[Mapping[str, _Setting]] = {
    "DATABASE": _Setting(
        "bucketcors.sqlite",
        "the path of a file, or ':memory:'",
        lambda value: isinstance(value, str | os.PathLike) and bool(os.fspath(value)),
    ),
    "DIALECT": _one_of("cos", DIALECTS),
    "LIMITS": _Setting(
        MappingProxyType({}),
        "a mapping of dialects to the rules and bytes that a document may have, "
        "such as {'oss': (20, 65536)}",
        _is_limits,
    ),
    "ACCESS_KEYS": _Setting(
        None,
        "a mapping of access key ids to secrets, each a text or an AccessKey, or a function of "
        "the id",
        _is_keys,
    ),
    "HOST_SUFFIXES": _Setting(
        (), "a list of host names such as 'cos.example.com', without port", _is_suffixes
    ),
    "URL_PREFIX": _Setting("", "a path such as '/storage'", _is_prefix),
    "VARY": _one_of("safe", VaryMode),
    "PLAIN_OPTIONS": _one_of("app", PLAIN_OPTIONS),
    "NO_RULES": _one_of("refuse", NO_RULES),
    "ALLOW_CREDENTIALS": _flag(True),
    "API_CROSS_ORIGIN": _Setting(
        None, "True, False or None", lambda value: value is None or isinstance(value, bool)
    ),
    "REQUIRE_CONTENT_MD5": _flag(False),
    "STRICT": _flag(False),
    "PUBLIC_SUFFIX": _Setting(
        None,
        "a function that gives the public suffix of a host name, or None",
        lambda value: value is None or callable(value),
    ),
    "CACHED_BUCKETS": _count(CACHED_BUCKETS),
    "HISTORY": _count(HISTORY_LIMIT),
}
_SECRET: Final = frozenset({"ACCESS_KEYS"})


def _read_settings(app: Flask) -> dict[str, Any]:
    """The settings without their prefix; ``app.config`` then shows the ones in force.

    :raises SetupRefused: if one does not have its form.
    """
    _refuse_unknown_keys(app)
    settings = {}
    for name, setting in _SETTINGS.items():
        key = f"BUCKETCORS_{name}"
        value = settings[name] = app.config.setdefault(key, setting.default)
        if not setting.fits(value):
            shown = type(value).__name__ if name in _SECRET else repr(value)
            raise SetupRefused(f"{key} is {shown}: it has to be {setting.form}")
    return settings


def _refuse_unknown_keys(app: Flask) -> None:
    """A setting that is misspelt would be one that is not made."""
    for name in app.config.get_namespace("BUCKETCORS_", lowercase=False):
        if name not in _SETTINGS:
            near = get_close_matches(name, _SETTINGS, n=1) or _SETTINGS
            keys = " or ".join(f"BUCKETCORS_{each}" for each in near)
            raise SetupRefused(f"BUCKETCORS_{name} is not a setting: write {keys}")


def _open_store(app: Flask, settings: Mapping[str, Any]) -> Store:
    path = os.fspath(settings["DATABASE"])
    if path != MEMORY:
        path = os.path.join(app.instance_path, path)
    return SQLiteStore(path, history_limit=settings["HISTORY"])
