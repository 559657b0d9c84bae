"""The Flask extension: reads the settings, and has an application served by them.

Importing it is cheap, because an application imports it before it knows whether it will serve. What
requests need is imported when it gets an application.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakKeyDictionary

import click
from flask import Flask, current_app

from flask_bucketcors.core.errors import SettingRefused, SetupRefused
from flask_bucketcors.core.reserved import Reserved
from flask_bucketcors.settings import PREFIX, Settings, check_serves_requests, checked

if TYPE_CHECKING:
    from flask_bucketcors.api.authorize import Authorize
    from flask_bucketcors.api.rules_api import RulesAPI
    from flask_bucketcors.api.rules_writer import BucketExists
    from flask_bucketcors.console.options import ConsoleOptions
    from flask_bucketcors.core.resolvers import BucketFunction
    from flask_bucketcors.stores.contract import Store
    from flask_bucketcors.wsgi.middleware import BucketCORSMiddleware

EXTENSION: Final = "bucketcors"
#: The setting that names the database, and the environment variable of the command line.
DATABASE: Final = f"{PREFIX}DATABASE"
#: The setting that has refused preflights counted.
REFUSALS: Final = f"{PREFIX}REFUSALS"

_NO_APP: Final = "this BucketCORS serves no application yet: call init_app(app) first"
_SEVERAL_APPS: Final = (
    "this BucketCORS serves several applications, and none of them is the current one: write "
    "BucketCORSState.of(app).store, or push the context of one of them"
)


@dataclass(frozen=True, slots=True)
class BucketCORSState:
    """What the extension created for one application; see :meth:`of`.

    :param settings: the settings in force.
    :param store: where the rules are; see :class:`~flask_bucketcors.Store`. Programs
        and tests may read and change rules through it.
    :param middleware: the middleware that wraps the application.
    :param api: the API that responds to ``?cors`` calls.
    """

    settings: Settings
    store: Store
    middleware: BucketCORSMiddleware
    api: RulesAPI

    @classmethod
    def of(cls, app: Flask) -> BucketCORSState:
        """Give the state of an application, which is also its ``extensions["bucketcors"]``.

        :raises SetupRefused: if the application does not have the extension.
        """
        state = app.extensions.get(EXTENSION)
        if not isinstance(state, cls):
            raise SetupRefused(
                f"the application {app.name!r} does not have BucketCORS: write BucketCORS(app), or "
                "call init_app(app)"
            )
        return state


class BucketCORS:
    """CORS rules for the buckets of a Flask application.

    The routes of the application say which of its URLs are about buckets: with
    ``/files/<bucket>/<path:key>``, those below ``/files``. They are read at the first request.

    Wraps ``app.wsgi_app``. Apply ProxyFix after this extension, so that the extension sees the
    host that the client requested.

    :param app: the application. You can also pass it to :meth:`init_app` later, and several
        applications in turn.
    :param store: where the rules are; by default, what ``BUCKETCORS_DATABASE`` names.
    :param authorize: function that takes a :class:`~flask_bucketcors.RulesCall` and returns
        whether it may read or edit rules, or the name of the author for the history. It runs in
        the request context of ``app``.
    :param bucket_exists: function that takes the name of a bucket and returns whether the bucket
        exists; if not, a call gets NoSuchBucket. It runs in the application context of ``app``.
    :param buckets: function that takes a :class:`~flask_bucketcors.Request` and returns
        ``(bucket, key)`` or None; see :class:`~flask_bucketcors.BucketCORSMiddleware`. It runs
        for every request, outside the contexts of ``app``.
    :param reserved: segments of paths that belong to the application where a bucket's name could
        stand, in addition to those that its routes spell out; see
        :class:`~flask_bucketcors.BucketCORSMiddleware`.
    :param console: makes the application serve the console at ``BUCKETCORS_CONSOLE_PREFIX``; see
        :class:`~flask_bucketcors.ConsoleOptions`. None serves no console.
    :raises SetupRefused: as :meth:`init_app` does. Arguments are checked at once.
    """

    @checked
    def __init__(
        self,
        app: Flask | None = None,
        *,
        store: Store | None = None,
        authorize: Authorize | None = None,
        bucket_exists: BucketExists | None = None,
        buckets: BucketFunction | None = None,
        reserved: Iterable[str] = (),
        console: ConsoleOptions | None = None,
    ) -> None:
        check_serves_requests(store)
        if console is not None:
            _check_console(console)
        self._console = console
        self._store = store
        self._authorize = authorize
        self._bucket_exists = bucket_exists
        self._buckets = buckets
        self._reserved = Reserved.these(reserved)
        # Weak, because a program may make application after application, as tests do.
        self._stores: WeakKeyDictionary[Flask, Store] = WeakKeyDictionary()
        self._only_store = store
        self._served = 0
        if app is not None:
            self.init_app(app)

    @property
    def store(self) -> Store:
        """Where the rules are.

        If this object serves several applications, each has its store, unless you passed
        ``store=``. Then this is the store of ``current_app``.

        :raises SetupRefused: if this object serves no application yet, or if it serves several
            and none of them is ``current_app``.
        """
        found = self._only_store
        if found is None and current_app:
            found = self._stores.get(cast(Any, current_app)._get_current_object())
        if found is None:
            raise SetupRefused(_SEVERAL_APPS if self._served else _NO_APP)
        return found

    def init_app(self, app: Flask) -> None:
        """Read the settings of ``app`` and wrap it.

        :raises SetupRefused: if a setting is wrong; the text names its key and says what to write.
            Also if the application already has the extension or a ``?cors`` API.
        :raises StoreUnavailable: if the database cannot be opened.
        """
        if EXTENSION in app.extensions:
            raise SetupRefused("this application has BucketCORS already: call init_app once")
        from flask_bucketcors.assembly import assemble

        if self._console is not None:
            # Its page of refusals needs them.
            app.config.setdefault(REFUSALS, True)
        is_named = self._store is not None or DATABASE in app.config
        parts = assemble(
            app,
            Settings.from_config(app.config),
            store=self._store,
            is_named=is_named,
            authorize=self._authorize,
            bucket_exists=self._bucket_exists,
            buckets=self._buckets,
            reserved=self._reserved,
            console=self._console,
        )
        app.extensions[EXTENSION] = BucketCORSState(
            parts.settings, parts.store, parts.middleware, parts.api
        )
        self._served += 1
        self._stores[app] = parts.store
        if self._store is None:
            self._only_store = parts.store if self._served == 1 else None
        # Flask finds the commands by their entry point only in its own process.
        app.cli.add_command(
            _Commands("bucketcors", help="Edit, check and explain the CORS rules of buckets.")
        )


def _check_console(console: object) -> None:
    from flask_bucketcors.console.options import ConsoleOptions

    if not isinstance(console, ConsoleOptions):
        raise SettingRefused(
            f"console is {type(console).__name__}: write ConsoleOptions(authorize=...), or None"
        )


class _Commands(click.Command):
    """The commands, which are imported when one of them is called."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        group: click.Group = import_module("flask_bucketcors.cli").bucketcors
        return group.make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        # A runner that is given this object, rather than its name, calls it with that context.
        return ctx.command.invoke(ctx)
