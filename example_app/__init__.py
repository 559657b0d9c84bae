"""A small object store that speaks the protocol of Tencent COS, for use with flask_bucketcors.

It stores real objects, and the official SDKs work with it. Its storage code knows nothing of
cross-origin requests: the extension adds them, in :func:`extend`. To see how, read that function;
the rest is what any storage application has. Run it with ``flask --app example_app run`` or
``gunicorn "example_app:create_app()"``.

How a request is served:

- :mod:`~example_app.views`: the blueprint; who may do what, and the responses to errors
- :mod:`~example_app.addressing`, :mod:`~example_app.dispatch`: its target and its operation
- :mod:`~example_app.vendors`: header names of OSS, S3 and OBS, for their SDKs

The operations; the SDKs of browsers need all of them:

- :mod:`~example_app.operations`: buckets, objects, deletion of many objects
- :mod:`~example_app.multipart`, :mod:`~example_app.copying`: uploads in parts, copies
- :mod:`~example_app.form_upload`, with :mod:`~example_app.forms` (multipart/form-data) and
  :mod:`~example_app.policies` (the signed policy)

What they read and write:

- :mod:`~example_app.bodies`, :mod:`~example_app.headers`, :mod:`~example_app.conditions`,
  :mod:`~example_app.xml_bodies`: parts of a request
- :mod:`~example_app.documents`, :mod:`~example_app.errors`: XML responses, and errors

What keeps the bytes:

- :mod:`~example_app.storage`, :mod:`~example_app.uploads`: objects and multipart uploads on disk
- :mod:`~example_app.index`, :mod:`~example_app.upload_index`, :mod:`~example_app.database`: the
  SQLite file that says which file is which object
- :mod:`~example_app.files`: the files

And :mod:`~example_app.demo`, a web page on another port that uses the store from a browser.
"""

import os
from pathlib import Path

import click
from flask import Flask
from flask.helpers import get_debug_flag

from example_app.demo import create_demo, start_demo
from example_app.demo.client import StoreClient
from example_app.errors import StorageError
from example_app.storage import Storage
from example_app.views import create_blueprint
from flask_bucketcors import BucketCORS, Rule, RuleSet

SEEDED_BUCKET = "examplebucket-1250000000"
SEEDED_OBJECT = "exampleobject"
SEEDED_ORIGIN = "https://www.example.com"
SEEDED_RULES = RuleSet(
    [
        Rule(
            allowed_origins=[SEEDED_ORIGIN],
            allowed_methods=["GET", "HEAD", "PUT"],
            allowed_headers=["*"],
            expose_headers=["ETag", "x-cos-request-id"],
            max_age_seconds=600,
        )
    ]
)

# For trying out only: anyone who reads this can sign with them.
DEFAULT_ACCESS_KEY = "AKIDEXAMPLE"
DEFAULT_SECRET_KEY = "ExampleSecretKey"  # nosec B105 # public, and said to be


def create_app() -> Flask:
    """Build the application from its environment.

    ``EXAMPLE_DATA``
        folder of the store; a relative one is in the instance folder.
    ``EXAMPLE_ACCESS_KEY``, ``EXAMPLE_SECRET_KEY``
        the key that may write. If one is empty, nothing may.
    ``EXAMPLE_HOST_SUFFIX``
        requests to BUCKET.SUFFIX are for that bucket.
    ``EXAMPLE_EMPTY``
        1: begin without the example bucket.
    ``EXAMPLE_DEMO_PORT``
        where the demo page is. With ``flask run`` it is on the port above the store's, unless
        this is 0; elsewhere it is only there if this is set, and ``EXAMPLE_URL``, the store's
        own URL, with it.
    ``FLASK_*``
        settings of Flask and of its extensions.
    """
    app = Flask(__name__, static_folder=None)
    app.config.from_prefixed_env()
    folder = Path(app.instance_path, os.environ.get("EXAMPLE_DATA", "example-data"))
    storage, keys = Storage(folder), _keys()
    host_suffix = os.environ.get("EXAMPLE_HOST_SUFFIX", "cos.test").lower()
    app.register_blueprint(create_blueprint(storage, keys, host_suffix))
    # What the environment has set stays.
    app.config.setdefault("BUCKETCORS_DATABASE", str(folder / "bucketcors.sqlite"))
    app.config.setdefault("BUCKETCORS_ACCESS_KEYS", keys)
    app.config.setdefault("BUCKETCORS_HOST_SUFFIXES", [host_suffix] if host_suffix else [])
    extend(app, storage)
    if os.environ.get("EXAMPLE_EMPTY") != "1":
        _seed(app, storage)
        _announce(_run_address())
    _serve_demo(keys, _run_address())
    return app


def extend(app: Flask, storage: Storage) -> None:
    """Put the extension around the finished application."""
    # All of this application is storage, so it has no OPTIONS of its own.
    app.config.setdefault("BUCKETCORS_PLAIN_OPTIONS", "refuse")
    BucketCORS(app, bucket_exists=storage.bucket_exists)
    # A bucket that somebody makes later under the same name must not inherit rules.
    storage.free_name_hooks.append(app.extensions["bucketcors"].store.delete)


def _keys() -> dict[str, str]:
    access_key = os.environ.get("EXAMPLE_ACCESS_KEY", DEFAULT_ACCESS_KEY)
    secret_key = os.environ.get("EXAMPLE_SECRET_KEY", DEFAULT_SECRET_KEY)
    return {access_key: secret_key} if access_key and secret_key else {}


def _seed(app: Flask, storage: Storage) -> None:
    try:
        storage.create_bucket(SEEDED_BUCKET, public=True)
    except StorageError:
        # It is there: from an earlier run, or by a worker that was faster.
        pass
    else:
        storage.put_object(SEEDED_BUCKET, SEEDED_OBJECT, [b"hello"], {"content-type": "text/plain"})
        app.extensions["bucketcors"].store.put(SEEDED_BUCKET, SEEDED_RULES)


def _run_address() -> tuple[str, int] | None:
    """Where ``flask run`` serves; None if it is not what serves the application."""
    context = click.get_current_context(silent=True)
    if context is None or not context.params.get("port"):
        return None
    host = context.params["host"]
    everywhere = "0.0.0.0"  # nosec B104 # compared with, and not listened on
    return "127.0.0.1" if host == everywhere else host, context.params["port"]


def _announce(address: tuple[str, int] | None) -> None:
    """Print how to send a preflight, where ``flask run`` serves the application."""
    if address is None:
        return
    host, port = address
    url = f"http://{host}:{port}/{SEEDED_BUCKET}/{SEEDED_OBJECT}"
    click.echo(
        "A preflight, as a browser sends it; the response is 200 with "
        "Access-Control-Allow-Origin:\n"
        f"  curl -i -X OPTIONS {url} -H 'Origin: {SEEDED_ORIGIN}' "
        "-H 'Access-Control-Request-Method: PUT' "
        "-H 'Access-Control-Request-Headers: content-type'",
        err=True,
    )


def _serve_demo(keys: dict[str, str], address: tuple[str, int] | None) -> None:
    """Start the demo page, where one is asked for and its port is free."""
    host, store_port = address or ("127.0.0.1", 8000)
    text = os.environ.get("EXAMPLE_DEMO_PORT", str(store_port + 1) if address else "0")
    if not text.isdecimal():
        raise RuntimeError(f"EXAMPLE_DEMO_PORT is {text!r}: write a number, or 0 for no demo page")
    # The reloader's parent only watches; its child serves.
    watches = get_debug_flag() and address and os.environ.get("WERKZEUG_RUN_MAIN") != "true"
    if not 0 < int(text) < 65536 or not keys or watches:
        return
    url = os.environ.get("EXAMPLE_URL", f"http://{host}:{store_port}")
    client = StoreClient(url, *next(iter(keys.items())))
    if start_demo(create_demo(client, SEEDED_BUCKET, SEEDED_OBJECT), "127.0.0.1", int(text)):
        click.echo(f"The demo page: http://127.0.0.1:{text}/", err=True)
