"""The console as a WSGI application of its own, for applications that are not Flask's."""

from collections.abc import Iterable
from typing import cast
from wsgiref.types import WSGIApplication

from flask import Flask

from flask_bucketcors.api.rules_writer import BucketExists, RulesWriter
from flask_bucketcors.console.console_blueprint import make_console_blueprint
from flask_bucketcors.console.mounting import secret_keys
from flask_bucketcors.console.options import ConsoleAuthorize, ConsoleOptions, VisibleBuckets
from flask_bucketcors.console.visit import Console
from flask_bucketcors.core.dialects import Limits, limited
from flask_bucketcors.core.errors import SettingRefused
from flask_bucketcors.core.grants import VaryMode
from flask_bucketcors.core.hosts import PublicSuffix
from flask_bucketcors.refused_lately.refusal_places import table_beside
from flask_bucketcors.settings import checked
from flask_bucketcors.stores.contract import Store


@checked
def console_app(
    store: Store,
    *,
    authorize: ConsoleAuthorize,
    secret_key: str | bytes,
    visible: VisibleBuckets | None = None,
    bucket_exists: BucketExists | None = None,
    dialect: str = "cos",
    limits: Limits | None = None,
    extra_methods: Iterable[str] = (),
    strict: str = "off",
    public_suffix: PublicSuffix | None = None,
    allow_credentials: bool = True,
    vary: str = "safe",
    console_insecure: bool = False,
) -> WSGIApplication:
    """Create the console as a WSGI application, which you mount at a path or a host of its own.

    Pass what you pass to :class:`~flask_bucketcors.RulesAPI`, so that both refuse the same rules.
    If a bucket could have the name of the first segment of that path, reserve it: pass
    ``reserved=`` to :class:`~flask_bucketcors.BucketCORSMiddleware`. The best place is a host that
    serves no objects.

    :param authorize, visible: see :class:`~flask_bucketcors.ConsoleOptions`. They run in the
        request context of the console's own Flask application.
    :param vary: see :class:`~flask_bucketcors.BucketCORSMiddleware`.
    :param secret_key: signs the forms; the same in all workers and on all hosts, and secret.
    :param console_insecure: see ``BUCKETCORS_CONSOLE_INSECURE``.
    :raises SettingRefused: if an argument does not have its form.

    The other parameters are those of :class:`~flask_bucketcors.RulesAPI`.
    """
    if not secret_key or not isinstance(secret_key, str | bytes):
        raise SettingRefused("secret_key is empty or no text: write a long random text")
    writer = RulesWriter(
        store=store,
        dialect=limited(limits or {}, tuple(extra_methods))[dialect],
        bucket_exists=bucket_exists,
        strict=strict,
        public_suffix=public_suffix,
        allow_credentials=allow_credentials,
    )
    options = ConsoleOptions(authorize, visible)
    app = standalone_console(
        writer,
        options,
        secret_key,
        is_insecure_allowed=console_insecure,
        vary=VaryMode(vary),
    )
    return cast(WSGIApplication, app)


def standalone_console(
    writer: RulesWriter,
    options: ConsoleOptions,
    secret_key: str | bytes,
    *,
    is_insecure_allowed: bool = False,
    vary: VaryMode = VaryMode.SAFE,
) -> Flask:
    """Create an application that has the console at its root, and nothing else.

    :param writer: writes rules, and has the store.
    """
    app = Flask("flask_bucketcors.console", static_folder=None)
    app.secret_key = secret_key
    console = Console(
        options=options,
        find_writer=lambda: writer,
        is_insecure_allowed=is_insecure_allowed,
        secret_keys=lambda: secret_keys(app),
        is_bucket_host=lambda environ: False,
        vary=vary,
        refusals=table_beside(writer.store),
    )
    app.register_blueprint(make_console_blueprint(console))
    return app
