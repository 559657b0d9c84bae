"""A storage application of several hosts, whose rules clients change by number.

Each host is a server of its own with a copy of its own. ``POST /changes`` changes rules as another
program of the application would: its body is a JSON object with the ``kind`` of a change, its
``buckets`` and its ``number``; see :mod:`tests.support.host_operations`. The number is the author,
and the rules tell it to clients that ask for an object. If ``is_careful`` is true, the bucket must
have the rules that its host sees. The response says as which ``revision``.
"""

import os
from collections.abc import Mapping
from typing import Any, Final

from flask import Flask, request

from flask_bucketcors import BucketCORS, RuleSet, Store
from flask_bucketcors.core.errors import RulesChanged, StoreUnavailable
from flask_bucketcors.stores.contract import ANY_VERSION
from flask_bucketcors.stores.sqlite import database
from tests.support.apps import planted_bugs
from tests.support.apps.served_storage import HOST_SUFFIX, READ_SECONDS, naming_the_worker
from tests.support.host_operations import Kind
from tests.support.processes.history_client import DOCUMENT

#: The name for gunicorn.
APP: Final = f"{__name__}:create_app()"
#: Name variables of the environment: the URL of the server, the path of the copy, and how many
#: seconds pass between two looks at the server.
SERVER: Final = "HOSTED_SERVER"
COPY: Final = "HOSTED_COPY"
REFRESH: Final = "HOSTED_REFRESH"
#: Names the variable that holds a bug of :mod:`tests.support.apps.planted_bugs`, if any.
BUG: Final = "HOSTED_BUG"


def create_app() -> Flask:
    """Build the application of a host, as its environment says."""
    # A busy machine stops a worker for longer than a read may take; preflights would get 503.
    database.READ_TIMEOUT_SECONDS = READ_SECONDS  # type: ignore[misc]
    if bug := os.environ.get(BUG):
        (planted_bugs.BUGS | planted_bugs.DELAYS)[bug].plant()
    app = Flask(__name__, static_folder=None)
    app.config.update(
        BUCKETCORS_DATABASE=os.environ[SERVER],
        BUCKETCORS_REPLICA=os.environ[COPY],
        BUCKETCORS_REFRESH_SECONDS=float(os.environ[REFRESH]),
        BUCKETCORS_HOST_SUFFIXES=[HOST_SUFFIX],
        BUCKETCORS_HOSTS_ONLY=True,
        BUCKETCORS_REFUSALS=False,
    )
    app.add_url_rule("/<path:key>", "read", lambda key: key)
    store = BucketCORS(app).store
    app.add_url_rule("/changes", "change", lambda: _respond(store), methods=["POST"])
    app.wsgi_app = naming_the_worker(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _respond(store: Store) -> tuple[dict[str, Any], int]:
    try:
        return {"revision": change(store, request.get_json())}, 200
    except RulesChanged:
        return {"revision": None}, 200
    except StoreUnavailable as error:
        return {"error": str(error)}, 503


def change(store: Store, asked: Mapping[str, Any]) -> int | None:
    """Change rules as a client asks, and give the revision."""
    buckets, author = asked["buckets"], str(asked["number"])
    if asked["kind"] == Kind.PUT_MANY:
        rules = rules_of(asked["number"])
        return store.put_many([(bucket, rules) for bucket in buckets], author)
    [bucket] = buckets
    expected = ANY_VERSION
    if asked["is_careful"]:
        stored = store.read(bucket)
        expected = stored.version if stored else None
    if asked["kind"] == Kind.DELETE:
        return store.delete(bucket, author, expected=expected)
    return store.put(bucket, rules_of(asked["number"]), author, expected=expected)


def rules_of(number: int) -> RuleSet:
    """The rules of a change."""
    return RuleSet.parse(DOCUMENT.format(number))
