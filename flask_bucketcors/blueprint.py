"""The ``?cors`` API as a Flask blueprint, and its hooks in the application's contexts."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, cast
from wsgiref.types import WSGIApplication

from flask import Blueprint, Flask
from flask.blueprints import BlueprintSetupState

from flask_bucketcors.api.authorize import Authorize, RulesCall
from flask_bucketcors.api.rules_api import RulesAPI
from flask_bucketcors.api.writes import BucketExists
from flask_bucketcors.core.dialects import Limits
from flask_bucketcors.core.errors import SetupRefused
from flask_bucketcors.core.hosts import PublicSuffix
from flask_bucketcors.routes import reserved_by_routes
from flask_bucketcors.settings import check
from flask_bucketcors.signatures import Keys
from flask_bucketcors.stores import Store
from flask_bucketcors.wsgi.middleware import BucketCORSMiddleware
from flask_bucketcors.wsgi.reserved import Reserved
from flask_bucketcors.wsgi.resolvers import BucketFunction, make_resolver
from flask_bucketcors.wsgi.rules_calls import RulesCallRouter, find_layer

ONE_API: Final = (
    "this application has a ?cors API already: register the blueprint, or use BucketCORS(app), "
    "or pass api=, one of them"
)


def create_blueprint(
    store: Store,
    *,
    access_keys: Keys | None = None,
    authorize: Authorize | None = None,
    bucket_exists: BucketExists | None = None,
    buckets: BucketFunction | None = None,
    host_suffixes: Iterable[str] = (),
    reserved: Iterable[str] = (),
    dialect: str = "cos",
    limits: Limits | None = None,
    require_content_md5: bool = False,
    strict: bool = False,
    public_suffix: PublicSuffix | None = None,
    allow_credentials: bool = True,
    name: str = "bucketcors",
) -> Blueprint:
    """Give the ``?cors`` API as a blueprint, for an application that wants nothing else.

    Registered, it takes ``?cors`` calls on buckets out before the application sees them; it
    has no routes of its own, since those would stand behind the application's hooks. A
    ``url_prefix`` is where the buckets are. The hooks run in the application's context. An
    application that is, or later gets, wrapped in
    :class:`~flask_bucketcors.BucketCORSMiddleware` needs no ``api=`` there.

    :param store: where the rules are.
    :param buckets, host_suffixes: see :class:`~flask_bucketcors.BucketCORSMiddleware`.
    :param reserved: see :class:`~flask_bucketcors.BucketCORS`.
    :param name: the blueprint's, in case the application has another of this one.

    The other parameters are those of :class:`RulesAPI`.
    """
    check(store=store, buckets=buckets, host_suffixes=host_suffixes, reserved=reserved)
    blueprint = Blueprint(name, __name__)
    given = Reserved.these(reserved)

    def install(state: BlueprintSetupState) -> None:
        app = cast(Flask, state.app)
        api = RulesAPI(
            store,
            access_keys=access_keys,
            authorize=in_request_context(app, authorize),
            bucket_exists=in_app_context(app, bucket_exists),
            dialect=dialect,
            limits=limits,
            require_content_md5=require_content_md5,
            strict=strict,
            public_suffix=public_suffix,
            allow_credentials=allow_credentials,
        )
        # As Flask does for routes, leave out a slash at the end.
        prefix = (state.url_prefix or "").rstrip("/")
        find_reserved = partial(reserved_by_routes, app, given)
        find_below = partial(find_reserved, prefix)
        resolve = make_resolver(buckets, host_suffixes, prefix, find_below)
        _install(
            app,
            api,
            partial(RulesCallRouter, api=api, resolve=resolve, find_reserved=find_reserved),
        )

    blueprint.record(install)
    return blueprint


def _install(
    app: Flask, api: RulesAPI, route: Callable[[WSGIApplication], RulesCallRouter]
) -> None:
    middleware = find_layer(app.wsgi_app, BucketCORSMiddleware)
    if middleware is None:
        app.wsgi_app = route(app.wsgi_app)  # type: ignore[method-assign]
        return
    if middleware.api is not None:
        raise SetupRefused(ONE_API)
    middleware.api = api
    # The middleware may look for buckets elsewhere than the blueprint was registered for.
    middleware.wrap(route(middleware.app))


def in_request_context(app: Flask, hook: Authorize | None) -> Authorize | None:
    """Have an ``authorize`` hook run in the application's context of the call it judges."""
    if hook is None:
        return None

    def authorize(call: RulesCall) -> bool:
        with app.request_context(call.environ):
            return hook(call)

    return authorize


def in_app_context(app: Flask, hook: BucketExists | None) -> BucketExists | None:
    """Have a ``bucket_exists`` hook run in the application's context."""
    if hook is None:
        return None

    def bucket_exists(bucket: str) -> bool:
        with app.app_context():
            return hook(bucket)

    return bucket_exists
