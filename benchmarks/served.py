"""The Flask applications that are measured: one without storage, alone and with CORS."""

import os
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from cases import ORIGIN
from flask import Flask
from flask_cors import CORS
from least import least, prepare

from flask_bucketcors import BucketCORS

#: The number of buckets, unless it is what is measured.
BUCKETS = 1_000
#: The environment variables with the path of the database, or its URL and the path of the copy.
DATABASE, COPY = "BENCHMARK_DATABASE", "BENCHMARK_COPY"
#: The header with the process id of the worker.
WORKER = "X-Worker"


def plain() -> Flask:
    """The application without CORS."""
    app = Flask(__name__, static_folder=None)
    app.add_url_rule("/", "root", lambda: "")
    app.add_url_rule("/<bucket>/<path:key>", "read", lambda bucket, key: "an object")
    return app


def with_flask_cors() -> Flask:
    """The application with flask-cors, and a policy equal to the rules of a bucket."""
    app = plain()
    CORS(
        app,
        origins=[ORIGIN],
        methods=["GET", "PUT"],
        allow_headers="*",
        expose_headers=["ETag"],
        supports_credentials=True,
        max_age=600,
    )
    return app


def with_least_code() -> Flask:
    """The application with the least code. Its cost is mostly the server's, for the headers."""
    app = plain()
    app.wsgi_app = least(app.wsgi_app, prepare(range(BUCKETS), lambda _: ORIGIN), by_host=False)  # type: ignore
    return app


def with_bucketcors() -> Flask:
    """The application with this package. Every client may edit rules."""
    app = plain()
    app.config["BUCKETCORS_DATABASE"] = os.environ[DATABASE]
    if COPY in os.environ:
        app.config["BUCKETCORS_REPLICA"] = os.environ[COPY]
    BucketCORS(app, authorize=lambda call: True)
    return app


def naming_workers() -> Flask:
    """The application with this package, and the worker's process id in every response."""
    app = with_bucketcors()
    app.wsgi_app = _naming(app.wsgi_app)  # type: ignore
    return app


def _naming(app: WSGIApplication) -> WSGIApplication:
    def named(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Callable[[bytes], object]:
            return start_response(status, [*headers, (WORKER, str(os.getpid()))], exc_info)

        return app(environ, start)

    return named
