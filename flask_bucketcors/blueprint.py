"""The ``?cors`` API as a Flask blueprint, whose hooks run in the application's contexts."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, cast

from flask import Blueprint, Flask
from flask.blueprints import BlueprintSetupState

from flask_bucketcors.api.authorize import Authorize, RulesCall
from flask_bucketcors.api.rules_api import RulesAPI
from flask_bucketcors.api.rules_writer import BucketExists
from flask_bucketcors.core.bucket_paths import ReadRoutes
from flask_bucketcors.core.dialects import Limits
from flask_bucketcors.core.errors import SetupRefused
from flask_bucketcors.core.hosts import PublicSuffix, checked_prefix
from flask_bucketcors.core.reserved import Reserved
from flask_bucketcors.core.resolvers import BucketFunction, Resolver, make_resolver
from flask_bucketcors.routes import read_routes
from flask_bucketcors.settings import ROUTE_VARIABLE, check_hosts_only, checked
from flask_bucketcors.signatures import Keys
from flask_bucketcors.stores.contract import Store
from flask_bucketcors.wsgi.middleware import BucketCORSMiddleware
from flask_bucketcors.wsgi.rules_calls import RulesCallRouter, find_layer

ONE_API: Final = (
    "this application has a ?cors API already: register the blueprint, use BucketCORS(app), or "
    "pass api=, but only one of them"
)


@checked
def create_blueprint(
    store: Store,
    *,
    access_keys: Keys | None = None,
    authorize: Authorize | None = None,
    bucket_exists: BucketExists | None = None,
    buckets: BucketFunction | None = None,
    host_suffixes: Iterable[str] = (),
    hosts_only: bool = False,
    route_variable: str = ROUTE_VARIABLE,
    reserved: Iterable[str] = (),
    dialect: str = "cos",
    limits: Limits | None = None,
    extra_methods: Iterable[str] = (),
    require_content_md5: bool = False,
    strict: str = "off",
    public_suffix: PublicSuffix | None = None,
    allow_credentials: bool = True,
    name: str = "bucketcors",
) -> Blueprint:
    """Create the ``?cors`` API as a blueprint, for an application that needs nothing else.

    Once it is registered, ``?cors`` calls on buckets go to the API and not to the application. The
    blueprint has no routes, because they would run after the application's hooks. Its
    ``url_prefix`` is the path below which the buckets are; without one, the routes of the
    application say where they are, as for :class:`~flask_bucketcors.BucketCORS`. ``authorize``
    runs in the request context of the application, ``bucket_exists`` in the application context.
    If you wrap the application in :class:`~flask_bucketcors.BucketCORSMiddleware`, before or
    after, you need not pass ``api=`` there, and the middleware reads the routes, too.

    :param store: where the rules are.
    :param buckets, host_suffixes, hosts_only: see
        :class:`~flask_bucketcors.BucketCORSMiddleware`.
    :param route_variable: what the routes of the application call the bucket.
    :param reserved: see :class:`~flask_bucketcors.BucketCORS`.
    :param name: the name of the blueprint; change it if the application has another of this name.
    :raises SettingRefused: if an argument does not have its form.

    The other parameters are those of :class:`RulesAPI`.
    """
    check_hosts_only(hosts_only, host_suffixes)
    resolver = partial(
        make_resolver, buckets, host_suffixes=tuple(host_suffixes), hosts_only=hosts_only
    )
    also_reserved = Reserved.these(reserved)
    make_api = partial(
        RulesAPI,
        store,
        access_keys=access_keys,
        dialect=dialect,
        limits=limits,
        extra_methods=extra_methods,
        require_content_md5=require_content_md5,
        strict=strict,
        public_suffix=public_suffix,
        allow_credentials=allow_credentials,
    )

    def install(state: BlueprintSetupState) -> None:
        app = cast(Flask, state.app)
        authorizes = in_request_context(app, authorize)
        exists = in_app_context(app, bucket_exists)
        api = make_api(authorize=authorizes, bucket_exists=exists)
        read = partial(read_routes, app, route_variable, also_reserved)
        _install(app, api, partial(resolver, url_prefix=_prefix_of(state)), read)

    blueprint = Blueprint(name, __name__)
    blueprint.record(install)
    return blueprint


def _prefix_of(state: BlueprintSetupState) -> str:
    # As Flask does for routes, leave out a slash at the end.
    prefix = (state.url_prefix.rstrip("/") or "/") if state.url_prefix else ""
    checked_prefix(prefix)
    return prefix


def _install(
    app: Flask, api: RulesAPI, resolver: Callable[..., Resolver], read: ReadRoutes
) -> None:
    middleware = find_layer(app.wsgi_app, BucketCORSMiddleware)
    if middleware is None:
        router = RulesCallRouter(app.wsgi_app, api, resolver, read)
        app.wsgi_app = router  # type: ignore[method-assign]
        return
    if middleware.api is not None:
        raise SetupRefused(ONE_API)
    middleware.api = api
    middleware.tell_default_rules()
    # The middleware may look for buckets elsewhere than the blueprint was registered for.
    middleware.wrap(RulesCallRouter(middleware.app, api, resolver, read))


def in_request_context(app: Flask, hook: Authorize | None) -> Authorize | None:
    """Make an ``authorize`` hook run in the request context of its call."""
    if hook is None:
        return None

    def authorize(call: RulesCall) -> bool | str | None:
        with app.request_context(call.environ):
            return hook(call)

    return authorize


def in_app_context(app: Flask, hook: BucketExists | None) -> BucketExists | None:
    """Make a ``bucket_exists`` hook run in the application context."""
    if hook is None:
        return None

    def bucket_exists(bucket: str) -> bool:
        with app.app_context():
            return hook(bucket)

    return bucket_exists
