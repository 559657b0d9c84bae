"""A shop with a console, on a server of its own: objects, a login by cookie, and anybody's HTML."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any
from wsgiref.types import WSGIApplication

from flask import Flask, Response, request, session
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request as WerkzeugRequest

from flask_bucketcors import BucketCORS, ConsoleOptions, Store

PREFIX = "/-/cors"


class _Quiet(WSGIRequestHandler):
    def log_request(self, *arguments: Any) -> None:
        """Log nothing."""


@dataclass
class ConsoleSite:
    """The application, where it is served.

    :param root: the path below which the application is.
    :param prefix: of the console, in the application.
    :param objects: HTML by ``(bucket, key)``.
    :param responses: method, path and status of each request to the console.
    """

    store: Store
    port: int = 0
    root: str = ""
    scheme: str = "http"
    prefix: str = PREFIX
    objects: dict[tuple[str, str], str] = field(default_factory=dict)
    responses: list[tuple[str, str, int]] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """A URL of the application."""
        return f"{self.scheme}://{host}:{self.port}{self.root}{path}"

    def console(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """A URL of the console."""
        return self.url(f"{self.prefix}{path}", host)

    def upload(self, bucket: str, key: str, html: str) -> str:
        """Keep a page as an object, and give its path."""
        self.objects[bucket, key] = html
        return f"/files/{bucket}/{key}"


def make_app(site: ConsoleSite, **config: Any) -> Flask:
    """Build the application of a site."""
    app = Flask("shop", static_folder=None)
    app.secret_key = "of the tests"
    app.config.update({f"BUCKETCORS_{name.upper()}": value for name, value in config.items()})

    @app.get("/login")
    def login() -> str:
        session["user"] = request.args.get("as", "alice")
        return "logged in"

    @app.route("/files/<bucket>/<path:key>", methods=["GET", "PUT", "POST", "DELETE"])
    def serve_object(bucket: str, key: str) -> Response:
        html = site.objects.get((bucket, key), "an object")
        kind = "text/javascript" if key.endswith(".js") else "text/html"
        return Response(html, content_type=kind)

    options = ConsoleOptions(authorize=lambda call: session.get("user"))
    BucketCORS(app, store=site.store, console=options)
    return app


Wrap = Callable[[Flask], WSGIApplication]


@contextmanager
def served(
    store: Store, wrap: Wrap | None = None, *, root: str = "", tls: Any = None, **config: Any
) -> Iterator[ConsoleSite]:
    """Serve a site until the block ends.

    :param wrap: adds to the application what other applications have.
    :param root: the path below which it is then.
    :param tls: what Werkzeug takes as ``ssl_context``.
    :param config: settings, without ``BUCKETCORS_``.
    """
    scheme = "https" if tls else "http"
    prefix = config.get("console_prefix", PREFIX)
    site = ConsoleSite(store, root=root, scheme=scheme, prefix=prefix)
    app = make_app(site, **config)
    whole = wrap(app) if wrap else app

    def record(environ: Any, start_response: Any) -> Any:
        seen = WerkzeugRequest(environ)

        def note(status: str, headers: Any, exc_info: Any = None) -> Any:
            if seen.path.startswith(f"{root}{prefix}/") and "/static/" not in seen.path:
                site.responses.append((seen.method, seen.path, int(status[:3])))
            return start_response(status, headers, exc_info)

        return whole(environ, note)

    with listening(record, tls) as site.port:
        yield site


@contextmanager
def listening(app: WSGIApplication, tls: Any = None) -> Iterator[int]:
    """Serve an application on a port until the block ends.

    :param tls: what Werkzeug takes as ``ssl_context``.
    """
    server = make_server(
        "127.0.0.1", 0, app, threaded=True, request_handler=_Quiet, ssl_context=tls
    )
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join(30)
        server.server_close()
