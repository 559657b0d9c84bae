"""A storage application that shows its metrics to Prometheus, for several workers of a server."""

import os
from wsgiref.types import WSGIApplication

from flask import Flask
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.multiprocess import MultiProcessCollector
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from flask_bucketcors import BucketCORS
from flask_bucketcors.wsgi import prometheus_metrics

#: Names the variable of the environment that holds the path of the database.
DATABASE = "MEASURED_DATABASE"
#: Names the variable that holds after how many seconds a worker publishes what it has counted.
SECONDS = "MEASURED_SECONDS"
#: The folder that the workers share.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
#: Names the application for gunicorn.
APP = f"{__name__}:create_app()"


def create_app() -> WSGIApplication:
    """Build the application around the database that the environment names."""
    prometheus_metrics.PUBLISH_SECONDS = float(os.environ[SECONDS])  # type: ignore[misc]
    app = Flask(__name__, static_folder=None)
    app.config.update(BUCKETCORS_DATABASE=os.environ[DATABASE], BUCKETCORS_METRICS=True)
    app.add_url_rule("/<bucket>/<path:key>", "read", lambda bucket, key: key)
    BucketCORS(app)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return DispatcherMiddleware(app, {"/metrics": make_wsgi_app(registry)})
