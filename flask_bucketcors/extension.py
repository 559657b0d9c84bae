"""The Flask extension: reads the settings, builds store, API and middleware, and wires them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from flask import Flask

from flask_bucketcors.api.authorize import Authorize
from flask_bucketcors.api.rules_api import RulesAPI
from flask_bucketcors.api.writes import BucketExists
from flask_bucketcors.blueprint import ONE_API, in_app_context, in_request_context
from flask_bucketcors.core.errors import SetupRefused
from flask_bucketcors.routes import reserved_by_routes
from flask_bucketcors.settings import Settings, check
from flask_bucketcors.stores import Store
from flask_bucketcors.stores.opening import open_store
from flask_bucketcors.wsgi.middleware import BucketCORSMiddleware
from flask_bucketcors.wsgi.reserved import Reserved
from flask_bucketcors.wsgi.resolvers import BucketFunction
from flask_bucketcors.wsgi.rules_calls import RulesCallRouter, find_layer

EXTENSION: Final = "bucketcors"


@dataclass(frozen=True, slots=True)
class BucketCORSState:
    """What the extension made for one application: ``app.extensions["bucketcors"]``.

    :param settings: those in force.
    :param store: where the rules are; see :class:`~flask_bucketcors.Store`. Programs
        and tests may read and change rules through it.
    :param middleware: what wraps the application.
    :param api: what answers ``?cors`` calls.
    """

    settings: Settings
    store: Store
    middleware: BucketCORSMiddleware
    api: RulesAPI


class BucketCORS:
    """CORS rules for the buckets of a Flask application.

    Wraps ``app.wsgi_app``. What is wrapped around that later is further out: apply ProxyFix
    after this extension, so that it sees the host that the client named.

    :param app: the application; or pass it to :meth:`init_app` later, and as many as you like.
    :param store: where the rules are; without one, a SQLite file by ``BUCKETCORS_DATABASE``.
    :param authorize: hook that says who may read and edit rules; see
        :class:`~flask_bucketcors.RulesCall`. It runs in the request context of ``app``.
    :param bucket_exists: function of a name, for NoSuchBucket. It runs in the context of ``app``.
    :param buckets: function of the environ that says which bucket a request is about; see
        :data:`~flask_bucketcors.BucketFunction`.
    :param reserved: first segments of paths that are the application's own, beside those that
        its routes spell out; see :class:`~flask_bucketcors.BucketCORSMiddleware`.
    :raises SetupRefused: as :meth:`init_app`, and at once if an argument does not have its form.
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
        if store is not None:
            check(store=store)
        check(authorize=authorize, bucket_exists=bucket_exists, buckets=buckets, reserved=reserved)
        self._store = store
        self._authorize = authorize
        self._bucket_exists = bucket_exists
        self._buckets = buckets
        self._reserved = Reserved.these(reserved)
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
        settings = Settings.from_config(app.config)
        store = open_store(
            settings.database if self._store is None else self._store,
            folder=app.instance_path,
            history_limit=settings.history,
        )
        api = self._make_api(app, store, settings)
        middleware = BucketCORSMiddleware(
            app.wsgi_app,
            store=store,
            api=api,
            buckets=self._buckets,
            host_suffixes=settings.host_suffixes,
            url_prefix=settings.url_prefix,
            reserved=partial(reserved_by_routes, app, self._reserved, settings.url_prefix),
            dialect=settings.dialect,
            vary=settings.vary,
            allow_credentials=settings.allow_credentials,
            plain_options=settings.plain_options,
            no_rules=settings.no_rules,
            api_cross_origin=settings.api_cross_origin,
            cached_buckets=settings.cached_buckets,
        )
        app.wsgi_app = middleware  # type: ignore[method-assign]
        app.extensions[EXTENSION] = BucketCORSState(settings, store, middleware, api)

    def _make_api(self, app: Flask, store: Store, settings: Settings) -> RulesAPI:
        return RulesAPI(
            store,
            access_keys=settings.access_keys,
            authorize=in_request_context(app, self._authorize),
            bucket_exists=in_app_context(app, self._bucket_exists),
            dialect=settings.dialect,
            limits=settings.limits,
            require_content_md5=settings.require_content_md5,
            strict=settings.strict,
            public_suffix=settings.public_suffix,
            allow_credentials=settings.allow_credentials,
        )
