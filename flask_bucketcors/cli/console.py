"""The command ``console``: serves the console on this machine, for the person who runs it."""

from contextlib import suppress
from functools import partial
from secrets import compare_digest, token_urlsafe
from typing import Any, Final
from wsgiref.types import WSGIApplication

import click
from flask import request
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

from flask_bucketcors.cli.application import author_option, current_writer, strict_option
from flask_bucketcors.cli.database_options import database_option, limits_option
from flask_bucketcors.cli.terminal import Refused
from flask_bucketcors.console.options import ConsoleCall, ConsoleOptions
from flask_bucketcors.console.standalone import standalone_console
from flask_bucketcors.console.visit import page
from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.settings import CONSOLE
from flask_bucketcors.stores.contract import Store

_HOST: Final = "127.0.0.1"
_TOKEN: Final = "token"
# A browser sends the cookies of a host to all its ports, so each port has a name of its own.
_COOKIE: Final = "bucketcors-console-{}"


@click.command("console")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="The port to serve on.  [default: any free one]",
)
@author_option
@strict_option
@limits_option
@database_option
def serve_console(port: int, author: str | None, strict: str) -> None:
    """Serve the console, pages to edit rules, on this machine.

    Prints an address with a token. Only a browser that opens it may change rules, until the
    command ends with Ctrl-C. The history has --author.

    \b
    Example:
      flask --app example_app bucketcors console
    """
    writer = current_writer(strict, compares=False)
    door = _Door(author or "console")
    app = standalone_console(writer, ConsoleOptions(door.authorize), token_urlsafe())
    app.add_url_rule("/enter", view_func=door.enter)
    app.before_request(partial(_catch_up, writer.store))
    server = _listen(DispatcherMiddleware(NotFound(), {door.path: app}), port)
    door.cookie = _COOKIE.format(server.server_port)
    root = f"http://{_HOST}:{server.server_port}{door.path}"
    click.echo(f"The console: {root}/enter?{_TOKEN}={door.token}")
    click.echo("Press Ctrl-C to end it.", err=True)
    with suppress(KeyboardInterrupt):
        server.serve_forever()
    server.server_close()


class _Door:
    """Lets in who has the printed address, and then the browser's cookie.

    :param author: who that is, for the history.
    """

    def __init__(self, author: str) -> None:
        self._author = author
        self._pass = token_urlsafe()
        self.token = token_urlsafe()
        # What another user of the machine serves on another port does not get the cookie, because
        # browsers send it with this path only.
        self.path = f"/{token_urlsafe(9)}"
        self.cookie = ""

    def enter(self) -> Response:
        """Exchange the token for a cookie, and go on."""
        if not _is_same(request.args.get(_TOKEN, ""), self.token):
            return page("enter.html", status=403, is_let_in=False)
        response = page("enter.html", is_let_in=True)
        response.set_cookie(
            self.cookie, self._pass, path=self.path, httponly=True, samesite="Strict"
        )
        return response

    def authorize(self, call: ConsoleCall) -> str | Response:
        """Let in who has the cookie; it is the hook of the console."""
        if _is_same(call.request.cookies.get(self.cookie, ""), self._pass):
            return self._author
        return page("enter.html", status=403, is_let_in=False)


class _Quiet(WSGIRequestHandler):
    """Does not log requests, one of which has the token."""

    def log_request(self, *arguments: Any) -> None:
        """Log nothing."""


def _catch_up(store: Store) -> None:
    """Read what other hosts have written, because a command does not follow the server."""
    if request.endpoint != f"{CONSOLE}.asset":
        # Without it, the page shows what was there before.
        with suppress(StoreUnavailable):
            store.catch_up()


def _listen(app: WSGIApplication, port: int) -> BaseWSGIServer:
    try:
        return make_server(_HOST, port, app, threaded=True, request_handler=_Quiet)
    except (OSError, SystemExit) as error:
        raise Refused(
            f"port {port} is not free: choose another one, or leave out --port"
        ) from error


def _is_same(shown: str, expected: str) -> bool:
    return compare_digest(shown.encode(), expected.encode())
