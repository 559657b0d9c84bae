"""Builds what serves an application: store, API and middleware, with its hooks and routes.

The extension imports this module, and with it all that requests need, when it gets an application.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from flask import Flask, Response, request

from flask_bucketcors.api.authorize import Authorize
from flask_bucketcors.api.kept_settings import claim
from flask_bucketcors.api.rules_api import RulesAPI
from flask_bucketcors.api.rules_writer import BucketExists
from flask_bucketcors.blueprint import ONE_API, in_app_context, in_request_context
from flask_bucketcors.core.errors import SetupRefused
from flask_bucketcors.core.reserved import Reserved
from flask_bucketcors.core.resolvers import BucketFunction
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.default_rules import read_default_rules
from flask_bucketcors.routes import read_routes
from flask_bucketcors.settings import HEALTH, PREFIX, Settings, arguments_for
from flask_bucketcors.stores.contract import Store
from flask_bucketcors.stores.opening import open_store
from flask_bucketcors.wsgi.middleware import BucketCORSMiddleware
from flask_bucketcors.wsgi.rules_calls import RulesCallRouter, find_layer

if TYPE_CHECKING:
    from flask_bucketcors.console.options import ConsoleOptions


@dataclass(frozen=True, slots=True)
class Parts:
    """What was built for one application.

    :param settings: the settings in force.
    """

    settings: Settings
    store: Store
    middleware: BucketCORSMiddleware
    api: RulesAPI


def assemble(
    app: Flask,
    settings: Settings,
    *,
    store: Store | None,
    is_named: bool,
    authorize: Authorize | None,
    bucket_exists: BucketExists | None,
    buckets: BucketFunction | None,
    reserved: Reserved,
    console: "ConsoleOptions | None",
) -> Parts:
    """Build what serves an application, and wrap the application in it.

    :param store: where the rules are; None for the database of the settings.
    :param is_named: whether the application names its store, or its database.
    :raises SetupRefused: if the default rules are wrong, or the application has a ``?cors`` API.
    :raises StoreUnavailable: if the database cannot be opened.

    The other parameters are those of :class:`~flask_bucketcors.BucketCORS`.
    """
    if find_layer(app.wsgi_app, RulesCallRouter) is not None:
        raise SetupRefused(ONE_API)
    if console is not None:
        from flask_bucketcors.console.mounting import check_setup, without_console

        check_setup(app, settings)
        buckets = without_console(buckets, settings.console_prefix)
    rules = _read_default_rules(app, settings)
    opened = _open_store(app, settings, store)
    claim(opened, app.name, is_named=is_named)
    api = RulesAPI(
        opened,
        authorize=in_request_context(app, authorize),
        bucket_exists=in_app_context(app, bucket_exists),
        **arguments_for(RulesAPI, settings),
    )
    middleware = BucketCORSMiddleware(
        app.wsgi_app,
        store=opened,
        api=api,
        buckets=buckets,
        **arguments_for(
            BucketCORSMiddleware, replace(settings, default_rules=None, refusals=False)
        ),
    )
    middleware.count_refusals(settings.refusals, app.instance_path, f"{PREFIX}REFUSALS")
    # The routes, which are read later, may say which URLs are about buckets.
    if rules is not None:
        middleware.use_default_rules(rules)
        settings = replace(settings, default_rules=rules)
    middleware.read_routes = partial(read_routes, app, settings.route_variable, reserved)
    app.wsgi_app = middleware  # type: ignore[method-assign]
    if settings.health_path:
        _add_health_view(app, settings.health_path, middleware)
    if console is not None:
        from flask_bucketcors.console.mounting import mount_console

        mount_console(app, console, settings, api, middleware)
    return Parts(settings, opened, middleware, api)


def _add_health_view(app: Flask, path: str, middleware: BucketCORSMiddleware) -> None:
    """Have an application serve the health view. Its route reserves its first segment."""
    app.add_url_rule(path, HEALTH, lambda: Response.from_app(middleware.health, request.environ))


def _open_store(app: Flask, settings: Settings, store: Store | None) -> Store:
    return open_store(
        settings.database if store is None else store,
        folder=app.instance_path,
        history_limit=settings.history,
        **arguments_for(open_store, settings),
    )


def _read_default_rules(app: Flask, settings: Settings) -> RuleSet | None:
    """Read the default rules. A relative path starts where ``app.config.from_file`` starts."""
    key = f"{PREFIX}DEFAULT_RULES"
    return read_default_rules(settings.default_rules, app.config.root_path, key)
