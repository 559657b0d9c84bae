"""Measure what counting for Prometheus adds to a request.

Both middlewares have the same store and take turns.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from wsgiref.types import WSGIApplication

from cases import ORIGIN, actual, bare, preflight
from prometheus_client import CollectorRegistry
from report import markdown
from timing import Environ, Run, least_seconds, requests

from flask_bucketcors import BucketCORSMiddleware, Rule, RuleSet, SQLiteStore

ROUNDS = 1000
CALLS = 200
MICROSECONDS = 1e6
#: The most microseconds that a request may take longer.
AT_MOST = 0.3
RULES = RuleSet([Rule([ORIGIN], ["GET"])])


def main() -> int:
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
        closing(SQLiteStore(Path(folder, "rules.sqlite"))) as store,
    ):
        store.put("bucket", RULES)
        added = measure(store)
    print(markdown(["microseconds that counting adds to a request", "now"], list(added.items())))
    return 1 if max(added.values()) > AT_MOST else 0


def measure(store: SQLiteStore) -> dict[str, float]:
    """Give the microseconds that counting adds, by case."""
    sides: dict[str, WSGIApplication] = {
        "off": BucketCORSMiddleware(bare, store=store),
        "on": BucketCORSMiddleware(bare, store=store, metrics=CollectorRegistry()),
    }
    runs = {(case, side): run for side, app in sides.items() for case, run in cases(app).items()}
    seconds = least_seconds(runs, ROUNDS)
    return {
        case: (seconds[case, "on"] - seconds[case, "off"]) * MICROSECONDS
        for case, side in runs
        if side == "on"
    }


def cases(app: WSGIApplication) -> dict[str, Run]:
    allowed = {**preflight(), "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET"}
    del allowed["HTTP_ACCESS_CONTROL_REQUEST_HEADERS"]
    without_origin = {**actual()}
    del without_origin["HTTP_ORIGIN"]
    environs = {
        "preflight, allowed": allowed,
        "preflight, refused": preflight(),
        "actual request": actual(),
        "request without Origin": without_origin,
    }
    return {name: requests(app, each, same(each), CALLS) for name, each in environs.items()}


def same(environ: Environ) -> Iterator[Environ]:
    """The same origin each time, as a new text."""
    while True:
        yield {"HTTP_ORIGIN": "".join(list(ORIGIN))} if "HTTP_ORIGIN" in environ else {}


if __name__ == "__main__":
    sys.exit(main())
