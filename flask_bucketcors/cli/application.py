"""The store that a command works on: an application's, or the one of ``--database``."""

import getpass
import logging
import os
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final

import click
from flask import current_app, has_app_context
from flask.cli import FlaskGroup, ScriptInfo

from flask_bucketcors.api.rules_writer import BucketExists, NoSuchBucket, RulesWriter
from flask_bucketcors.cli.database_options import given
from flask_bucketcors.cli.named_database import open_database
from flask_bucketcors.cli.rule_sources import Source
from flask_bucketcors.cli.stored_buckets import PAGE
from flask_bucketcors.cli.terminal import Refused, printable, utf8_text
from flask_bucketcors.core.dialects import Dialect, limited
from flask_bucketcors.core.errors import InvalidBucketName
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.extension import DATABASE, EXTENSION, BucketCORSState
from flask_bucketcors.settings import STRICT_LEVELS, Settings
from flask_bucketcors.stores.checked_arguments import MAX_AUTHOR_LENGTH
from flask_bucketcors.stores.contract import Reach, Store

HOW_TO_ADD: Final = (
    "write BucketCORS(app), or BucketCORS().init_app(app) in the application factory"
)
_TARGET: Final = "flask_bucketcors.target"
_IN_MEMORY: Final = (
    "the rules of the application are in memory, and each process has its own; set "
    "BUCKETCORS_DATABASE to the path of a file"
)

_NO_HANDLER: Final = logging.NullHandler()

author_option: Final = click.option(
    "--author",
    callback=lambda *arguments: _author(*arguments),
    default=lambda: _login_name(),
    show_default="your login name",
    help="The name in the history.",
)
strict_option: Final = click.option(
    "--strict",
    type=click.Choice(STRICT_LEVELS),
    default=STRICT_LEVELS[0],
    show_default=True,
    help="Refuse rules in which lint finds these. It does not loosen BUCKETCORS_STRICT.",
)


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a command works on.

    :param settings: those of the application; without it, those that its database keeps.
    :param reserved: names that no bucket can have; unknown without the application.
    :param bucket_exists: the application's hook.
    :param find_default_rules: gives the default rules that apply to a bucket; None without the
        application.
    :param is_private: whether the rules are in the memory of this process, which ends.
    :param wants_public_suffix: whether the application has a function ``public_suffix``, which is
        not in ``settings``.
    """

    store: Store
    settings: Settings
    reserved: Set[str] = frozenset()
    bucket_exists: BucketExists | None = None
    find_default_rules: Callable[[str], RuleSet | None] | None = None
    is_private: bool = False
    wants_public_suffix: bool = False


def current_state() -> Target:
    """Give what the command works on, to read it.

    :raises click.UsageError: if there is no application and no ``--database``, or the application
        does not have the extension.
    """
    is_first = _TARGET not in click.get_current_context().meta
    target = _current_target()
    if is_first and target.is_private:
        click.echo(f"note: {_IN_MEMORY}; a server may have other rules", err=True)
    return target


def current_writer(strict: str = STRICT_LEVELS[0], *, compares: bool = True) -> RulesWriter:
    """Give a writer of the rules.

    Call it before :func:`current_state`. The option ``--limits`` counts, if it is lower than the
    limits of the application.

    :param strict: replaces the application's level if it is stricter.
    :param compares: whether to say what each write changes.
    :raises Refused: if the rules would be lost when the command ends.
    :raises click.UsageError: as :func:`current_state`.
    """
    if compares:
        # The command prints the findings. Without a handler, Python would print their log, too.
        logging.getLogger("flask_bucketcors.lint").addHandler(_NO_HANDLER)
    target = _current_target()
    if target.is_private:
        raise Refused(f"nothing is stored: {_IN_MEMORY}")
    return _writer_of(target, strict, compares=compares)


def _current_target() -> Target:
    meta = click.get_current_context().meta
    target: Target = meta.get(_TARGET) or _find_target()
    meta[_TARGET] = target
    return target


def _writer_of(target: Target, strict: str, *, compares: bool) -> RulesWriter:
    settings = target.settings
    strict = max(settings.strict, strict, key=STRICT_LEVELS.index)
    public_suffix = settings.public_suffix
    if target.wants_public_suffix:
        # Most commands write nothing, and do without lint.
        from flask_bucketcors.cli.report_lint import find_public_suffix

        public_suffix = find_public_suffix(strict != STRICT_LEVELS[0] or None)
    return RulesWriter(
        store=target.store,
        dialect=_limited_dialect(settings),
        bucket_exists=target.bucket_exists,
        reserved=target.reserved,
        strict=strict,
        public_suffix=public_suffix,
        allow_credentials=settings.allow_credentials,
        compares=compares,
        find_default_rules=target.find_default_rules,
    )


def _limited_dialect(settings: Settings) -> Dialect:
    """The dialect of settings, with the lower ones of their limits and those of ``--limits``."""
    dialect = limited(settings.limits, settings.extra_methods)[settings.dialect]
    rules, size = given("limits") or (dialect.max_rules, dialect.max_body_bytes)
    return replace(
        dialect,
        max_rules=min(rules, dialect.max_rules),
        max_body_bytes=min(size, dialect.max_body_bytes),
    )


def require_bucket(bucket: str, error: type[click.ClickException] = Refused) -> None:
    """Refuse a name that is no bucket's, as far as the application can say.

    :param error: what to raise; :class:`click.UsageError` if exit code 1 has another meaning.
    """
    writer = _writer_of(_current_target(), STRICT_LEVELS[0], compares=False)
    try:
        writer.check_bucket(bucket)
    except InvalidBucketName as invalid:
        raise error(printable(str(invalid))) from None
    except NoSuchBucket:
        known = {*writer.store.list(bucket[:1], "", PAGE), *writer.store.list("", "", PAGE)}
        near = get_close_matches(bucket, known - {bucket})
        hint = f"; did you mean {' or '.join(map(printable, near))}?" if near else ""
        raise error(f"the application has no bucket {printable(bucket)}{hint}") from None


def default_rules_of(bucket: str) -> RuleSet | None:
    """Give the default rules of the application; None if they do not apply to a bucket.

    :raises click.UsageError: as :func:`current_state`.
    """
    find = current_state().find_default_rules
    return find(bucket) if find else None


def source_in_force(
    bucket: str,
    own: RuleSet | None,
    dialect: str | None = None,
    extra_methods: Sequence[str] = (),
) -> Source:
    """Give the rules that decide requests to a bucket: its own, or the default rules.

    :raises click.UsageError: as :func:`current_state`, or if there is no such bucket.
    """
    if own is not None:
        return bucket_source(bucket, own, dialect, extra_methods)
    require_bucket(bucket, click.UsageError)
    default = default_rules_of(bucket)
    source = bucket_source(bucket, default, dialect, extra_methods)
    return replace(source, is_default=default is not None)


def bucket_source(
    bucket: str,
    rule_set: RuleSet | None,
    dialect: str | None = None,
    extra_methods: Sequence[str] = (),
) -> Source:
    """Give rules of a bucket as a source, with the settings of its application.

    :param dialect, extra_methods: in place of the application's.
    :raises click.UsageError: as :func:`current_state`.
    """
    settings = current_state().settings
    dialects = limited(settings.limits, extra_methods or settings.extra_methods)
    return Source(
        "bucket",
        bucket,
        rule_set,
        dialects[dialect or settings.dialect],
        settings.allow_credentials,
        settings.vary,
        settings.public_suffix,
    )


def close_at_the_end(store: Store) -> None:
    """Close a store when the command ends.

    A store in memory stays open, because it would lose its rules, which the program that runs the
    command may still need.
    """
    if store.reach in (Reach.MACHINE, Reach.HOSTS):
        click.get_current_context().find_root().call_on_close(store.close)


def database_name() -> str | None:
    """The database that the command names; None if it works on an application.

    The environment names one only where there is no application.
    """
    named: str | None = given("database")
    if named is None and not isinstance(click.get_current_context().find_root().obj, ScriptInfo):
        named = os.environ.get(DATABASE) or None
    return named


def script_info(context: click.Context) -> ScriptInfo:
    """Give what loads the application.

    :raises click.UsageError: if the command does not run below ``flask``.
    """
    info = context.find_root().obj
    if not isinstance(info, ScriptInfo):
        flask = f"flask --app NAME bucketcors {context.info_name}"
        if not any(each.name == "database" for each in context.command.params):
            raise click.UsageError(f"this command needs a Flask application: write {flask}")
        raise click.UsageError(
            f"write --database FILE, or set {DATABASE}; in a Flask application, write {flask}"
        )
    return info


def _find_target() -> Target:
    name = database_name()
    if name is None and given("create"):
        raise click.UsageError("--create is for --database: write --database FILE, too")
    if name is None:
        target = _of_application()
    else:
        store, kept = open_database(name, create=bool(given("create")))
        target = Target(
            store=store, settings=kept.settings, wants_public_suffix=kept.has_public_suffix
        )
    close_at_the_end(target.store)
    return target


def application_state() -> BucketCORSState:
    """Give what the extension created for the application, and enter its context.

    :raises click.UsageError: if there is no application, or it does not have the extension.
    """
    context = click.get_current_context()
    if not has_app_context():
        context.with_resource(script_info(context).load_app().app_context())
    found = current_app.extensions.get(EXTENSION)
    if not isinstance(found, BucketCORSState):
        raise click.UsageError(f"the application {current_app.name!r} has no rules: {HOW_TO_ADD}")
    return found


def _of_application() -> Target:
    context = click.get_current_context()
    found = application_state()
    return Target(
        store=found.store,
        settings=found.settings,
        reserved=found.middleware.resolve.reserved.names,
        bucket_exists=found.api.writer.bucket_exists,
        find_default_rules=found.middleware.find_default_rules,
        # Other programs, such as tests, run commands in the process that has the rules.
        is_private=isinstance(context.find_root().command, FlaskGroup)
        and found.store.reach is Reach.PROCESS,
    )


def _author(context: click.Context, parameter: click.Parameter, name: str | None) -> str | None:
    if name is not None and len(name) > MAX_AUTHOR_LENGTH:
        raise click.BadParameter(f"write at most {MAX_AUTHOR_LENGTH} characters")
    return utf8_text(context, parameter, name)


def _login_name() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # A container may run under a user id that has no name.
        return None
