"""The attack corpus: builds the application and the request of a case, and judges the response.

Two header lines of one name reach an application as one value, joined by a comma (gunicorn,
Werkzeug and wsgiref do so; waitress adds a space).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes
from wsgiref.util import setup_testing_defaults

from flask import Flask

from flask_bucketcors import BucketCORSMiddleware, MemoryStore, Rule, RuleSet
from tests.support.fetch_model import PageRequest, Pairs, may_proceed, passes_preflight
from tests.support.vendor_corpus import Case

HOST_SUFFIX = "cos.local"
_FIELDS = {
    "origins": "allowed_origins",
    "methods": "allowed_methods",
    "headers": "allowed_headers",
    "expose": "expose_headers",
    "max_age": "max_age_seconds",
}


class Response(NamedTuple):
    """A response as it stands on the wire; repeated headers stay apart."""

    status: int
    pairs: Pairs
    body: bytes

    def values(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for key, value in self.pairs if key.lower() == name.lower()]

    def listed(self, name: str) -> set[str]:
        """The items of a header that is a list, in lower case."""
        return {item.strip().lower() for value in self.values(name) for item in value.split(",")}


class Storage:
    """The application of a case, behind the middleware; it counts what reaches it."""

    def __init__(self, case: Case) -> None:
        self.calls = 0
        store = MemoryStore()
        store.put_many(buckets_of(case))
        self.wsgi = BucketCORSMiddleware(
            self._count,
            store=store,
            host_suffixes=[HOST_SUFFIX],
            allow_credentials=_allows_credentials(case["config"]),
        )
        self._app = make_app()

    def _count(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.calls += 1
        return self._app.wsgi_app(environ, start_response)


def make_app() -> Flask:
    """A storage application with an object, a view that sets CORS headers, and one that fails."""
    app = Flask("storage", static_folder=None)
    app.logger.disabled = True

    @app.get("/own")
    def own() -> tuple[str, dict[str, str]]:
        return "own", {"Access-Control-Allow-Origin": "https://own.test"}

    @app.get("/boom")
    @app.get("/bucket-a/boom")
    def boom() -> str:
        raise RuntimeError("boom")

    @app.get("/x")
    @app.get("/<bucket>/<path:key>")
    def read(bucket: str = "", key: str = "") -> str:
        return "object"

    return app


def buckets_of(case: Case) -> list[tuple[str, RuleSet]]:
    """The rules of each bucket; of the bucket in the path where the case names none."""
    config = case["config"]
    if "buckets" in config:
        return [(name, rule_set(each)) for name, each in config["buckets"].items()]
    return [(case["request"]["path"].split("/")[1], rule_set(config))]


def rule_set(config: Mapping[str, Any]) -> RuleSet:
    """The rules of a configuration.

    :raises InvalidRules: if they are refused.
    """
    return RuleSet([Rule(**rule) for rule in rule_fields(config)])


def rule_fields(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The same as plain data."""
    return [{_FIELDS[name]: rule[name] for name in rule} for rule in config["rules"]]


def _allows_credentials(config: Mapping[str, Any]) -> bool:
    each = config["buckets"].values() if "buckets" in config else [config]
    return any(one["credentials"] for one in each)


def environ_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request as a server hands it over."""
    path, _, query = request["path"].partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request["method"],
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
    }
    for name, value in joined(request["headers"]).items():
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
    setup_testing_defaults(environ)
    return environ


def joined(pairs: Sequence[Sequence[str]]) -> dict[str, str]:
    """Headers by name, repeated ones joined."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: ",".join(values) for name, values in found.items()}


def call(app: Any, environ: dict[str, Any]) -> Response:
    """Call a WSGI application as a server does."""
    started: list[Any] = []
    written: list[bytes] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        started[:] = [status, list(headers)]
        return written.append

    body = app(environ, start_response)
    try:
        chunks = list(body)
    finally:
        getattr(body, "close", lambda: None)()
    return Response(int(started[0][:3]), started[1], b"".join([*written, *chunks]))


def lets_proceed(request: Mapping[str, Any], response: Response) -> bool:
    """Whether a conforming browser lets a page go on, from any of the origins that were sent.

    After a preflight: make the request. After an actual request: read the response.
    """
    origins = [value for name, value in request["headers"] if name == "Origin"]
    return any(_lets_page_proceed(request, origin, response) for origin in origins)


def _lets_page_proceed(request: Mapping[str, Any], origin: str, response: Response) -> bool:
    credentials = request["credentials_mode"] == "include"
    if request["method"] != "OPTIONS":
        page = PageRequest(origin, request["method"], credentials=credentials)
        return may_proceed(page, None, (response.status, response.pairs))
    sent = joined(request["headers"])
    names = sent.get("Access-Control-Request-Headers", "").split(",")
    page = PageRequest(
        origin,
        sent.get("Access-Control-Request-Method", ""),
        {name.strip(): "?" for name in names if name.strip()},
        credentials,
    )
    return passes_preflight(page, response.status, response.pairs)


def unmet(expected: Mapping[str, Any], response: Response) -> list[str]:
    """What a response has that a case forbids, or lacks that it demands."""
    problems = [
        f"{each['name']} lacks {each['matches']!r}"
        for each in expected.get("must_header", ())
        if not _matches(each, response)
    ]
    problems += [
        f"{each['name']} is there"
        for each in expected.get("must_not_header", ())
        if _matches(each, response)
    ]
    problems += [
        f"Vary lacks {name}"
        for name in expected.get("vary", ())
        if name not in response.listed("Vary")
    ]
    problems += [
        f"{name} is not there once"
        for name in expected.get("single", ())
        if len(response.values(name)) != 1
    ]
    if not _has_status(expected.get("status"), response.status):
        problems.append(f"the status is {response.status}")
    return problems


def _matches(header: Mapping[str, str], response: Response) -> bool:
    pattern = header.get("matches", "")
    return any(re.search(pattern, value) for value in response.values(header["name"]))


def _has_status(expected: Any, status: int) -> bool:
    if expected == "2xx":
        return 200 <= status <= 299
    return expected is None or status in expected
