"""A storage application with a copy of a server's rules; every response names its process."""

import os
from typing import Final

from flask import Flask

from flask_bucketcors import BucketCORS
from flask_bucketcors.stores.sqlite import database
from tests.support.apps.served_storage import HOST_SUFFIX, READ_SECONDS, naming_the_worker
from tests.support.cos_signing import ACCESS_KEY, SECRET_KEY

#: The name for gunicorn.
APP: Final = f"{__name__}:create_app()"
#: Name variables of the environment: the URL of the server, the path of the copy, and two settings.
SERVER: Final = "COPYING_SERVER"
COPY: Final = "COPYING_COPY"
REFRESH: Final = "COPYING_REFRESH"
STALE: Final = "COPYING_STALE"


def create_app() -> Flask:
    """Build the application of a host, as its environment says."""
    # A busy machine stops a worker for longer than a read may take; preflights would get 503.
    database.READ_TIMEOUT_SECONDS = READ_SECONDS  # type: ignore[misc]
    app = Flask(__name__, static_folder=None)
    stale = os.environ.get(STALE)
    app.config.update(
        BUCKETCORS_DATABASE=os.environ[SERVER],
        BUCKETCORS_REPLICA=os.environ[COPY],
        BUCKETCORS_REFRESH_SECONDS=float(os.environ.get(REFRESH, "1")),
        BUCKETCORS_STALE_SECONDS=float(stale) if stale else None,
        BUCKETCORS_ACCESS_KEYS={ACCESS_KEY: SECRET_KEY},
        BUCKETCORS_HOST_SUFFIXES=[HOST_SUFFIX],
        BUCKETCORS_HOSTS_ONLY=True,
        BUCKETCORS_REFUSALS=False,
    )
    app.add_url_rule("/<path:key>", "read", lambda key: key)
    BucketCORS(app)
    app.wsgi_app = naming_the_worker(app.wsgi_app)  # type: ignore[method-assign]
    return app
