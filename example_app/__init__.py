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

For people, :mod:`~example_app.root_page` is at the address that Flask prints, and
:mod:`~example_app.demo` is a web page on another port that uses the store from a browser. Both are
about the bucket of :mod:`~example_app.example_bucket`. :mod:`~example_app.console` lets an
administrator use the console of flask_bucketcors.
"""

import os
from pathlib import Path

import click
from flask import Flask
from flask.helpers import get_debug_flag

from example_app.console import ADMINISTRATOR, console_options, console_password
from example_app.demo import create_demo, start_demo
from example_app.demo.client import StoreClient
from example_app.example_bucket import (
    SEEDED_BUCKET,
    SEEDED_OBJECT,
    SEEDED_RULES,
    find_trial,
    seed,
)
from example_app.root_page import create_root_page
from example_app.storage import Storage
from example_app.views import create_blueprint
from flask_bucketcors import BucketCORS, BucketCORSState, Store

# For trials only: these keys are public.
DEFAULT_ACCESS_KEY = "AKIDEXAMPLE"
DEFAULT_SECRET_KEY = "ExampleSecretKey"  # nosec B105 # public, and said to be


def create_app() -> Flask:
    """Build the application from its environment.

    ``EXAMPLE_DATA``
        the folder of the store; a relative path starts in the instance folder.
    ``EXAMPLE_ACCESS_KEY``, ``EXAMPLE_SECRET_KEY``
        the key that may write. If one of them is empty, nobody may write.
    ``EXAMPLE_CONSOLE_PASSWORD``
        the password of the user ``admin`` for the console; by default, one is made up and kept in
        the folder of the store.
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
    extend(app, storage, folder)
    store = BucketCORSState.of(app).store
    address = _run_address()
    if os.environ.get("EXAMPLE_EMPTY") != "1":
        seed(storage, store)
        _announce(address, store)
    _announce_console(app, address, folder)
    demo_url = _serve_demo(keys, address)
    app.register_blueprint(create_root_page(storage, store, host_suffix, demo_url))
    return app


def extend(app: Flask, storage: Storage, folder: Path) -> None:
    """Add the extension to the finished application.

    :param folder: where the console keeps its secrets.
    """
    # The whole application is storage, so it responds to no OPTIONS request itself.
    app.config.setdefault("BUCKETCORS_PLAIN_OPTIONS", "refuse")
    console = console_options(app, folder)
    cors = BucketCORS(app, bucket_exists=storage.bucket_exists, console=console)
    # A later bucket with the same name must not inherit rules.
    storage.free_name_hooks.append(cors.store.delete)


def _keys() -> dict[str, str]:
    access_key = os.environ.get("EXAMPLE_ACCESS_KEY", DEFAULT_ACCESS_KEY)
    secret_key = os.environ.get("EXAMPLE_SECRET_KEY", DEFAULT_SECRET_KEY)
    return {access_key: secret_key} if access_key and secret_key else {}


def _run_address() -> tuple[str, int] | None:
    """The host and port of ``flask run``; None if another server runs the application."""
    context = click.get_current_context(silent=True)
    if context is None or not context.params.get("port"):
        return None
    everywhere = "0.0.0.0"  # nosec B104 # only compared
    host = context.params["host"]
    host = {everywhere: "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]" if ":" in host else host, context.params["port"]


def _announce(address: tuple[str, int] | None, store: Store) -> None:
    """Print how to send a preflight, if ``flask run`` serves the application."""
    if address is None:
        return
    trial = find_trial(store.get(SEEDED_BUCKET))
    command = trial.command("http://{}:{}".format(*address))
    message = f"Send a preflight as a browser does; the response is {trial.outcome}:\n  {command}"
    click.echo(message, err=True)


def _announce_console(app: Flask, address: tuple[str, int] | None, folder: Path) -> None:
    """Print where the console is and how to log in, if ``flask run`` serves the application."""
    if address is None:
        return
    url = "http://{}:{}{}/".format(*address, app.config["BUCKETCORS_CONSOLE_PREFIX"])
    password = console_password(folder)
    click.echo(f"The console: {url} (user {ADMINISTRATOR}, password {password})", err=True)


def _serve_demo(keys: dict[str, str], address: tuple[str, int] | None) -> str | None:
    """Start the demo page, if it is wanted and its port is free; give its address."""
    host, store_port = address or ("127.0.0.1", 8000)
    port = os.environ.get("EXAMPLE_DEMO_PORT", str(store_port + 1) if address else "0")
    if not port.isdecimal():
        raise RuntimeError(f"EXAMPLE_DEMO_PORT is {port!r}: write a number, or 0 for no demo page")
    if not 0 < int(port) < 65536 or not keys:
        return None
    demo_url = f"http://127.0.0.1:{port}/"
    # The parent process of the reloader only watches; its child serves.
    if get_debug_flag() and address and os.environ.get("WERKZEUG_RUN_MAIN") != "true":
        return demo_url
    store_url = os.environ.get("EXAMPLE_URL", f"http://{host}:{store_port}")
    client = StoreClient(store_url, *next(iter(keys.items())))
    demo = create_demo(client, SEEDED_BUCKET, SEEDED_OBJECT, SEEDED_RULES)
    if start_demo(demo, "127.0.0.1", int(port)):
        click.echo(f"The demo page: {demo_url}", err=True)
    elif address:
        click.echo(f"No demo page: port {port} is in use; set EXAMPLE_DEMO_PORT", err=True)
        return None
    # Another worker of the same server may serve it.
    return demo_url
