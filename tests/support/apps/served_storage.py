"""A storage application for real servers; every response names the process that sent it."""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask

from flask_bucketcors import (
    BucketCORS,
    BucketCORSMiddleware,
    BucketCORSState,
    RulesAPI,
    SQLiteStore,
)
from flask_bucketcors.stores.sqlite import database
from tests.support.cos_signing import ACCESS_KEY, SECRET_KEY

HOST_SUFFIX = "cos.test"
#: What ali-oss sends to an address.
ALIYUN_SUFFIX = "oss-cn-hangzhou.aliyuncs.com"
LOADING_SECONDS = 20
READ_SECONDS = 30.0

#: Names the variable of the environment that holds the path of the database.
DATABASE = "SERVED_DATABASE"
#: Names the variable that holds how many workers are to load the application at one moment.
TOGETHER = "SERVED_TOGETHER"
#: Names the variable that holds a document with the default rules; unset, there are none.
DEFAULT_RULES = "SERVED_DEFAULT_RULES"
#: Names the variable that holds after how many seconds a worker writes counts of refused
#: preflights; unset, they are not counted.
REFUSALS = "SERVED_REFUSALS"
#: Names for gunicorn: the application in Flask, and the one without a framework.
APP = f"{__name__}:create_app()"
PLAIN_APP = f"{__name__}:create_plain_app()"

#: The header with the process id of the worker.
WORKER = "X-Worker"


def create_app() -> Flask:
    """Build the application around the database that the environment names."""
    # A busy machine stops a worker for longer than a read may take; preflights would get 503.
    # test_store_waits.py holds that limit.
    database.READ_TIMEOUT_SECONDS = READ_SECONDS  # type: ignore[misc]
    app = Flask(__name__, static_folder=None)
    app.config.update(
        BUCKETCORS_DATABASE=os.environ[DATABASE],
        BUCKETCORS_ACCESS_KEYS={ACCESS_KEY: SECRET_KEY},
        BUCKETCORS_HOST_SUFFIXES=[HOST_SUFFIX],
        BUCKETCORS_DEFAULT_RULES=os.environ.get(DEFAULT_RULES),
        BUCKETCORS_REFUSALS=REFUSALS in os.environ,
    )
    app.add_url_rule("/<path:key>", "read", lambda key: key)
    _wait_for_others(int(os.environ.get(TOGETHER, "1")))
    BucketCORS(app)
    counter = BucketCORSState.of(app).middleware.refusals
    if counter is not None:
        counter._seconds = float(os.environ[REFUSALS])
    app.wsgi_app = naming_the_worker(app.wsgi_app)  # type: ignore[method-assign]
    return app


def create_plain_app() -> WSGIApplication:
    """Build one without a framework, which has nothing but objects."""

    def storage(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        status = "404 Not Found" if environ["PATH_INFO"] == "/" else "200 OK"
        start_response(status, [("Content-Type", "text/plain"), ("Content-Length", "0")])
        return []

    store = SQLiteStore(os.environ[DATABASE])
    return BucketCORSMiddleware(
        storage,
        store=store,
        api=RulesAPI(store, access_keys={ACCESS_KEY: SECRET_KEY}),
        host_suffixes=[HOST_SUFFIX, ALIYUN_SUFFIX],
    )


def _wait_for_others(count: int) -> None:
    """Load the application when ``count`` processes are about to."""
    folder = Path(os.environ[DATABASE] + "-loading")
    folder.mkdir(parents=True, exist_ok=True)
    Path(folder, str(os.getpid())).touch()
    deadline = time.monotonic() + LOADING_SECONDS
    while len(os.listdir(folder)) < count and time.monotonic() < deadline:
        time.sleep(0.001)


def naming_the_worker(app: WSGIApplication) -> WSGIApplication:
    """Wrap an application, so that each response has the header of its worker."""

    # Outermost, so that the answers of the extension carry the header too.
    def named(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Callable[[bytes], object]:
            return start_response(status, [*headers, (WORKER, str(os.getpid()))], exc_info)

        return app(environ, start)

    return named
