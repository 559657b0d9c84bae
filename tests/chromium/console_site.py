"""A shop with a console, on a server of its own: objects, a login by cookie, and anybody's HTML."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

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

    :param objects: HTML by ``(bucket, key)``.
    :param responses: method, path and status of each request to the console.
    """

    store: Store
    port: int = 0
    objects: dict[tuple[str, str], str] = field(default_factory=dict)
    responses: list[tuple[str, str, int]] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """A URL of the application."""
        return f"http://{host}:{self.port}{path}"

    def console(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """A URL of the console."""
        return self.url(f"{PREFIX}{path}", host)

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


@contextmanager
def served(store: Store, **config: Any) -> Iterator[ConsoleSite]:
    """Serve a site until the block ends."""
    site = ConsoleSite(store)
    app = make_app(site, **config)

    def record(environ: Any, start_response: Any) -> Any:
        seen = WerkzeugRequest(environ)

        def note(status: str, headers: Any, exc_info: Any = None) -> Any:
            if seen.path.startswith(f"{PREFIX}/") and "/static/" not in seen.path:
                site.responses.append((seen.method, seen.path, int(status[:3])))
            return start_response(status, headers, exc_info)

        return app(environ, note)

    server = make_server("127.0.0.1", 0, record, threaded=True, request_handler=_Quiet)
    site.port = server.server_port
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join(30)
        server.server_close()
