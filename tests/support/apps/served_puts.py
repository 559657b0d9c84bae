"""A WSGI application for uWSGI that puts rules for every path that is requested.

Its environment names the database, and says whether the master uses the store before it forks.
"""

import os
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from flask_bucketcors import Rule, RuleSet, SQLiteStore, StoreUnavailable

RULES = RuleSet([Rule(["https://a.example"], ["GET"])])

store = SQLiteStore(os.environ["UWSGI_APP_DATABASE"])
if os.environ["UWSGI_APP_USES_STORE"] == "True":
    store.put("master", RULES)
    store.get("master")


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Put rules for a bucket; the body says which process did, or why it could not."""
    try:
        store.put(environ["PATH_INFO"].strip("/"), RULES)
    except StoreUnavailable as error:
        status, body = "503 Service Unavailable", str(error)
    else:
        status, body = "200 OK", str(os.getpid())
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body.encode()]
