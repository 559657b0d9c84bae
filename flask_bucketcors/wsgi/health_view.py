"""The health view: whether this host can decide requests by its rules, for load balancers.

Anyone may ask, so the response names no bucket, path, server or error. The log has them.
"""

import json
from collections.abc import Iterable
from typing import Final
from wsgiref.types import StartResponse, WSGIEnvironment

from flask_bucketcors.stores.contract import Store
from flask_bucketcors.stores.health import CopyHealth
from flask_bucketcors.wsgi.hot_path import CONTENT_LENGTH, CONTENT_TYPE
from flask_bucketcors.wsgi.rules_cache import RulesCache

_JSON: Final = ("Content-Type", "application/json")
_NOT_STORED: Final = ("Cache-Control", "no-store")
_REFUSED: Final = (("Allow", "GET, HEAD"), CONTENT_TYPE, CONTENT_LENGTH)


def respond(
    store: Store, rules: RulesCache, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Respond to GET and HEAD: 200 if rules can be read, otherwise 503.

    Trouble that does not close all buckets is 200, too: other hosts have the same rules, and lose
    their server at the same moment, so a load balancer would take all of them out.
    """
    method = environ["REQUEST_METHOD"]
    if method not in ("GET", "HEAD"):
        start_response("405 Method Not Allowed", [*_REFUSED])
        return []
    is_readable = rules.is_readable()
    body = json.dumps(_found(is_readable, _ask(store), rules.closed_buckets)).encode()
    status = "200 OK" if is_readable else "503 Service Unavailable"
    start_response(status, [_JSON, _NOT_STORED, ("Content-Length", str(len(body)))])
    return [body] if method == "GET" else []


def _ask(store: Store) -> CopyHealth | None:
    try:
        return store.copy_health()
    except Exception:
        # The store may be of the application.
        return CopyHealth(None, False)


def _found(is_readable: bool, copy: CopyHealth | None, closed_buckets: int) -> dict[str, object]:
    is_troubled = closed_buckets or (copy is not None and not copy.in_contact)
    return {
        "status": "closed" if not is_readable else "degraded" if is_troubled else "ok",
        "closed_buckets": closed_buckets,
        "copy": copy and {"age_seconds": _rounded(copy.age), "in_contact": copy.in_contact},
    }


def _rounded(age: float | None) -> float | None:
    return None if age is None else round(age, 1)
