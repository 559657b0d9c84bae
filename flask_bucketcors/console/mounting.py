"""Mounting the console in the application that has the buckets."""

from dataclasses import replace
from functools import cache
from wsgiref.types import WSGIEnvironment

from flask import Flask

from flask_bucketcors.api.rules_api import RulesAPI
from flask_bucketcors.api.rules_writer import RulesWriter
from flask_bucketcors.console.console_blueprint import make_console_blueprint
from flask_bucketcors.console.options import ConsoleOptions
from flask_bucketcors.console.visit import Console
from flask_bucketcors.core.errors import SetupRefused
from flask_bucketcors.core.request import Request
from flask_bucketcors.core.resolvers import BucketFunction
from flask_bucketcors.routes import is_within
from flask_bucketcors.settings import Settings
from flask_bucketcors.wsgi.environ import read_request
from flask_bucketcors.wsgi.middleware import BucketCORSMiddleware


def check_setup(app: Flask, settings: Settings) -> None:
    """Refuse an application whose forms cannot be signed, or which needs paths of the console.

    :raises SetupRefused: if it has no secret key, or the paths of its buckets or of its health view
        are the console's.
    """
    for name, path in (
        ("BUCKETCORS_URL_PREFIX", settings.url_prefix),
        ("BUCKETCORS_HEALTH_PATH", settings.health_path),
    ):
        if is_within(path, settings.console_prefix):
            raise SetupRefused(
                f"{name} is {path!r}, which is within the console: write another path there, or in "
                "BUCKETCORS_CONSOLE_PREFIX"
            )
    if not app.secret_key:
        raise SetupRefused(
            "the console needs a secret key, which signs its forms: set SECRET_KEY, for example to "
            "what `python -c 'import secrets; print(secrets.token_hex())'` prints"
        )


def without_console(buckets: BucketFunction | None, prefix: str) -> BucketFunction | None:
    """Let an application's function name no bucket for the URLs of the console.

    The rules of that bucket would let pages of other sites use the console.
    """
    if buckets is None:
        return None

    def find_bucket(request: Request) -> tuple[str, str] | None:
        path = f"/{request.path.lstrip('/')}"
        return None if is_within(path, prefix) else buckets(request)

    return find_bucket


def mount_console(
    app: Flask,
    options: ConsoleOptions,
    settings: Settings,
    api: RulesAPI,
    middleware: BucketCORSMiddleware,
) -> None:
    """Have an application serve the console. Its routes reserve their first segment.

    :param api: writes rules; the console refuses the same ones.
    :param middleware: knows which hosts are buckets', and which names are reserved.
    """

    @cache
    def knowing_reserved(writer: RulesWriter) -> RulesWriter:
        return replace(writer, reserved=middleware.resolve.reserved.names)

    def is_bucket_host(environ: WSGIEnvironment) -> bool:
        return middleware.resolve.is_bucket_host(read_request(environ))

    console = Console(
        options=options,
        # The API may get another one until the first request.
        find_writer=lambda: knowing_reserved(api.writer),
        is_insecure_allowed=settings.console_insecure,
        secret_keys=lambda: secret_keys(app),
        is_bucket_host=is_bucket_host,
        vary=middleware.vary,
        refusals=middleware.refusals,
    )
    app.register_blueprint(make_console_blueprint(console), url_prefix=settings.console_prefix)


def secret_keys(app: Flask) -> list[str | bytes]:
    """Give the secret keys of an application, the newest last, as itsdangerous takes them."""
    older: list[str | bytes] = app.config.get("SECRET_KEY_FALLBACKS") or []
    # Flask lists the newest of the older ones first.
    return [*reversed(older), *([app.secret_key] if app.secret_key else [])]
