"""The application that a command works on."""

import getpass
from typing import Final

import click
from flask import current_app
from flask.cli import ScriptInfo

from flask_bucketcors.api.rules_writer import RulesWriter
from flask_bucketcors.cli.rule_sources import Source
from flask_bucketcors.cli.terminal import utf8_text
from flask_bucketcors.core.dialects import limited
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.extension import EXTENSION, BucketCORSState
from flask_bucketcors.settings import STRICT_LEVELS
from flask_bucketcors.stores.contract import Store

HOW_TO_ADD: Final = (
    "write BucketCORS(app), or BucketCORS().init_app(app) in the application factory"
)

author_option = click.option(
    "--author",
    callback=utf8_text,
    default=lambda: _login_name(),
    show_default="your login name",
    help="Who made the change, for the history.",
)
strict_option = click.option(
    "--strict",
    type=click.Choice(STRICT_LEVELS),
    default=STRICT_LEVELS[0],
    show_default=True,
    help="Refuse rules with such findings of lint. It does not loosen BUCKETCORS_STRICT.",
)


def current_state() -> BucketCORSState:
    """Give the state of the extension in the current application.

    :raises click.UsageError: if the application does not have the extension.
    """
    found = current_app.extensions.get(EXTENSION)
    if not isinstance(found, BucketCORSState):
        raise click.UsageError(f"the application {current_app.name!r} has no rules: {HOW_TO_ADD}")
    close_at_the_end(found.store)
    return found


def close_at_the_end(store: Store) -> None:
    """Close a store when the command ends.

    A store in memory stays open, because it would lose its rules, which the program that runs the
    command may still need.
    """
    if getattr(store, "path", None) is not None:
        click.get_current_context().find_root().call_on_close(store.close)


def current_writer(strict: str = STRICT_LEVELS[0]) -> RulesWriter:
    """Give a writer of the current application's rules; it does not ask whether buckets exist.

    :param strict: replaces the application's level if it is stricter.
    :raises click.UsageError: as :func:`current_state`.
    """
    state = current_state()
    settings = state.settings
    return RulesWriter(
        store=state.store,
        dialect=limited(settings.limits)[settings.dialect],
        reserved=state.middleware.resolve.reserved.names,
        strict=max(settings.strict, strict, key=STRICT_LEVELS.index),
        public_suffix=settings.public_suffix,
        allow_credentials=settings.allow_credentials,
    )


def bucket_source(bucket: str, rule_set: RuleSet | None, dialect: str | None = None) -> Source:
    """Give rules of a bucket as a source, with the settings of the current application.

    :raises click.UsageError: as :func:`current_state`.
    """
    settings = current_state().settings
    return Source(
        "bucket",
        bucket,
        rule_set,
        dialect or settings.dialect,
        settings.allow_credentials,
        settings.vary,
        settings.public_suffix,
    )


def push_app(context: click.Context) -> None:
    """Load the application for a command that needs it only with some arguments.

    :raises click.UsageError: if Flask finds none.
    """
    app = context.ensure_object(ScriptInfo).load_app()
    context.with_resource(app.app_context())


def _login_name() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # A container may run under a user id that has no name.
        return None
