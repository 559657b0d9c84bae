"""The Flask applications that are measured: one that stores nothing, alone and with CORS."""

import os
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from cases import ORIGIN
from flask import Flask
from flask_cors import CORS
from least import build_answers, least

from flask_bucketcors import BucketCORS

#: How many there are, where it is not what is measured.
BUCKETS = 1_000
#: Names the variable of the environment that holds the path of the database.
DATABASE = "BENCHMARK_DATABASE"
#: The header with the process id of the worker.
WORKER = "X-Worker"


def plain() -> Flask:
    """The application without CORS."""
    app = Flask(__name__, static_folder=None)
    app.add_url_rule("/", "root", lambda: "")
    app.add_url_rule("/<bucket>/<path:key>", "read", lambda bucket, key: "an object")
    return app


def with_flask_cors() -> Flask:
    """With flask-cors and the policy that the rules of a bucket hold."""
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
    """With the least code: what is left is what a server takes for the headers."""
    app = plain()
    app.wsgi_app = least(app.wsgi_app, build_answers(BUCKETS), by_host=False)  # type: ignore
    return app


def with_bucketcors() -> Flask:
    """With this package; the environment names the database. Anybody may edit rules."""
    app = plain()
    app.config["BUCKETCORS_DATABASE"] = os.environ[DATABASE]
    BucketCORS(app, authorize=lambda call: True)
    return app


def naming_workers() -> Flask:
    """With this package, and in every answer the process that gave it."""
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
