"""A small object store that speaks the protocol of Tencent COS, for use with flask_bucketcors.

It stores real objects, and the official SDKs work with it. Its storage code knows nothing of
cross-origin requests. :func:`extend` adds the extension; everything else is what any storage
application has. Run it with ``flask --app example_app run`` or
``gunicorn "example_app:create_app()"``.

How a request is served:

- :mod:`~example_app.views`: the blueprint; who may do what, and the responses to errors
- :mod:`~example_app.addressing`, :mod:`~example_app.dispatch`: the target and the operation
- :mod:`~example_app.vendors`: header names of OSS, S3 and OBS, for their SDKs

The operations, all of which browser SDKs need:

- :mod:`~example_app.operations`: buckets, objects, deleting many objects
- :mod:`~example_app.multipart`, :mod:`~example_app.copying`: uploads in parts, copies
- :mod:`~example_app.form_upload`, with :mod:`~example_app.forms` (multipart/form-data) and
  :mod:`~example_app.policies` (the signed policy)

What they read and write:

- :mod:`~example_app.bodies`, :mod:`~example_app.headers`, :mod:`~example_app.conditions`,
  :mod:`~example_app.xml_bodies`: parts of a request
- :mod:`~example_app.documents`, :mod:`~example_app.errors`: XML responses, and errors

Where the bytes are:

- :mod:`~example_app.storage`, :mod:`~example_app.uploads`: objects and multipart uploads on disk
- :mod:`~example_app.index`, :mod:`~example_app.upload_index`, :mod:`~example_app.database`: the
  SQLite file that records the file of each object
- :mod:`~example_app.files`: the files

Finally, :mod:`~example_app.demo` is a web page on another port that uses the store from a browser.
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

# For trials only: these keys are public.
DEFAULT_ACCESS_KEY = "AKIDEXAMPLE"
DEFAULT_SECRET_KEY = "ExampleSecretKey"  # nosec B105 # public, and said to be


def create_app() -> Flask:
    """Build the application from its environment.

    ``EXAMPLE_DATA``
        the folder of the store; a relative path starts in the instance folder.
    ``EXAMPLE_ACCESS_KEY``, ``EXAMPLE_SECRET_KEY``
        the key that may write. If one of them is empty, nobody may write.
    ``EXAMPLE_HOST_SUFFIX``
        requests to the host BUCKET.SUFFIX are about that bucket.
    ``EXAMPLE_EMPTY``
        1 starts without the example bucket.
    ``EXAMPLE_DEMO_PORT``
        the port of the demo page. With ``flask run``, the default is the port after that of the
        store, and 0 means no demo page. With other servers there is a demo page only if you set
        this, and ``EXAMPLE_URL`` to the URL of the store.
    ``FLASK_*``
        settings of Flask and of its extensions.
    """
    app = Flask(__name__, static_folder=None)
    app.config.from_prefixed_env()
    folder = Path(app.instance_path, os.environ.get("EXAMPLE_DATA", "example-data"))
    storage, keys = Storage(folder), _keys()
    host_suffix = os.environ.get("EXAMPLE_HOST_SUFFIX", "cos.test").lower()
    app.register_blueprint(create_blueprint(storage, keys, host_suffix))
    # The environment wins over these defaults.
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
    """Add the extension to the finished application."""
    # The whole application is storage, so it responds to no OPTIONS request itself.
    app.config.setdefault("BUCKETCORS_PLAIN_OPTIONS", "refuse")
    BucketCORS(app, bucket_exists=storage.bucket_exists)
    # A later bucket with the same name must not inherit rules.
    storage.free_name_hooks.append(app.extensions["bucketcors"].store.delete)


def _keys() -> dict[str, str]:
    access_key = os.environ.get("EXAMPLE_ACCESS_KEY", DEFAULT_ACCESS_KEY)
    secret_key = os.environ.get("EXAMPLE_SECRET_KEY", DEFAULT_SECRET_KEY)
    return {access_key: secret_key} if access_key and secret_key else {}


def _seed(app: Flask, storage: Storage) -> None:
    try:
        storage.create_bucket(SEEDED_BUCKET, public=True)
    except StorageError:
        # An earlier run, or another worker, has created it.
        pass
    else:
        storage.put_object(SEEDED_BUCKET, SEEDED_OBJECT, [b"hello"], {"content-type": "text/plain"})
        app.extensions["bucketcors"].store.put(SEEDED_BUCKET, SEEDED_RULES)


def _run_address() -> tuple[str, int] | None:
    """The host and port of ``flask run``; None if another server runs the application."""
    context = click.get_current_context(silent=True)
    if context is None or not context.params.get("port"):
        return None
    host = context.params["host"]
    everywhere = "0.0.0.0"  # nosec B104 # only compared
    return "127.0.0.1" if host == everywhere else host, context.params["port"]


def _announce(address: tuple[str, int] | None) -> None:
    """Print how to send a preflight, if ``flask run`` serves the application."""
    if address is None:
        return
    host, port = address
    url = f"http://{host}:{port}/{SEEDED_BUCKET}/{SEEDED_OBJECT}"
    click.echo(
        "Send a preflight as a browser does; the response is 200 with "
        "Access-Control-Allow-Origin:\n"
        f"  curl -i -X OPTIONS {url} -H 'Origin: {SEEDED_ORIGIN}' "
        "-H 'Access-Control-Request-Method: PUT' "
        "-H 'Access-Control-Request-Headers: content-type'",
        err=True,
    )


def _serve_demo(keys: dict[str, str], address: tuple[str, int] | None) -> None:
    """Start the demo page, if it is wanted and its port is free."""
    host, store_port = address or ("127.0.0.1", 8000)
    text = os.environ.get("EXAMPLE_DEMO_PORT", str(store_port + 1) if address else "0")
    if not text.isdecimal():
        raise RuntimeError(f"EXAMPLE_DEMO_PORT is {text!r}: write a number, or 0 for no demo page")
    # The parent process of the reloader only watches; its child serves.
    watches = get_debug_flag() and address and os.environ.get("WERKZEUG_RUN_MAIN") != "true"
    if not 0 < int(text) < 65536 or not keys or watches:
        return
    url = os.environ.get("EXAMPLE_URL", f"http://{host}:{store_port}")
    client = StoreClient(url, *next(iter(keys.items())))
    if start_demo(create_demo(client, SEEDED_BUCKET, SEEDED_OBJECT), "127.0.0.1", int(text)):
        click.echo(f"The demo page: http://127.0.0.1:{text}/", err=True)
