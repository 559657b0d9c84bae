"""One of the applications in the middleware, for a real server.

Each response says how much memory its process has had at most.
"""

import os
import resource
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from apps import APPLICATIONS

from flask_bucketcors import BucketCORSMiddleware, MemoryStore, Rule, RulesAPI, RuleSet

#: Names the variables of the environment that hold the application's name and its folder.
NAME = "BEHIND_NAME"
FOLDER = "BEHIND_FOLDER"
ORIGIN = "https://a.example"
#: The header with the most memory so far, in KiB.
PEAK = "X-Peak"


def create_app() -> WSGIApplication:
    """Build what the environment names."""
    app = APPLICATIONS[os.environ[NAME]].build(Path(os.environ[FOLDER]), lambda chunk: None)
    store = MemoryStore()
    store.put("photos", RuleSet([Rule([ORIGIN], ["GET", "HEAD"], expose_headers=["ETag"])]))
    api = RulesAPI(store, authorize=lambda call: True)
    return _saying_its_peak(BucketCORSMiddleware(app, store=store, api=api))


def _saying_its_peak(app: WSGIApplication) -> WSGIApplication:
    def said(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            return start_response(status, [*headers, (PEAK, str(peak))], exc_info)

        return app(environ, start)

    return said
