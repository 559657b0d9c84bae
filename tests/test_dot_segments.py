"""A path with a segment ``..`` opens nothing, whoever's rules would count for it.

Servers decode ``%2f``, and many applications then resolve the segment: ``/other/..%2fphotos/cat``
names the bucket ``other`` and serves an object of ``photos``.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, send_from_directory
from werkzeug.test import Client, TestResponse

from flask_bucketcors import (
    BucketCORSMiddleware,
    MemoryStore,
    Reason,
    Rule,
    RulesAPI,
    RuleSet,
    create_blueprint,
)
from flask_bucketcors.wsgi.environ import DECISION

PAGE = "https://page.test"
RULES = RuleSet([Rule([PAGE], ["GET", "PUT", "DELETE"], ["*"])])
ACCESS_KEYS = {"AKIDEXAMPLE": "ExampleSecretKey"}

HOST = "other.cos.test"
# How a bucket is named, what the middleware is told of it, and where its objects are.
STYLES = {
    "path": ({}, "localhost", "/other"),
    "prefix": ({"url_prefix": "/storage"}, "localhost", "/storage/other"),
    "host": ({"host_suffixes": ["cos.test"]}, HOST, ""),
    "prefix on a host": (
        {"host_suffixes": ["cos.test"], "url_prefix": "/storage"},
        HOST,
        "",
    ),
}
DOTTED = [
    "/../photos/cat",
    "/..%2fphotos/cat",
    "/a/%2e%2e/%2e%2e/photos/cat",
    "/..%5cphotos",
    "/..",
]


class Storage:
    """An application that notes its requests and has CORS headers of its own."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.seen.append(environ["REQUEST_METHOD"])
        self.decision = environ.get(DECISION)
        start_response(
            "200 OK",
            [
                ("Content-Type", "text/plain"),
                ("Access-Control-Allow-Origin", "*"),
                ("access-control-expose-headers", "ETag"),
            ],
        )
        return [b"an object"]


@pytest.fixture
def storage() -> Storage:
    return Storage()


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    store = MemoryStore()
    for bucket in ("photos", "other"):
        store.put(bucket, RULES)
    yield store
    store.close()


@pytest.fixture(params=STYLES)
def style(request: pytest.FixtureRequest) -> tuple[dict[str, Any], str, str]:
    return STYLES[request.param]


@pytest.fixture(params=["cold", "warmed"])
def start(request, storage, store, style):
    """Give a function that starts the middleware, and gives one that sends it a request.

    That is the first request, or one after others.
    """
    return lambda: start_middleware(storage, store, style, is_warmed=request.param == "warmed")


@pytest.fixture
def call(start):
    return start()


def start_middleware(storage, store, style, *, is_warmed):
    settings, host, base = style
    wrapped = BucketCORSMiddleware(
        storage,
        store=store,
        api=RulesAPI(store, access_keys=ACCESS_KEYS),
        no_rules="pass",
        **settings,
    )
    client = Client(wrapped)

    def call(
        path: str, method: str = "GET", query: str = "", origin: str | None = PAGE, **headers: str
    ) -> TestResponse:
        sent = {"Host": host, **headers} | ({"Origin": origin} if origin else {})
        return client.open(base + path, method=method, query_string=query, headers=sent)

    if is_warmed:
        for _ in range(2):
            assert call("/cat").headers["Access-Control-Allow-Origin"] == PAGE
        storage.seen.clear()
    return call


def cors_headers(response: TestResponse) -> list[str]:
    return [name for name, _ in response.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("path", DOTTED)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_response_carries_no_cors_headers(call, storage, path, method):
    """Not even the application's own; it is served all the same, as rules control no access."""
    response = call(path, method)
    assert response.data == b"an object"
    assert cors_headers(response) == []
    assert response.headers["Vary"] == "Origin"
    assert storage.decision.reason is Reason.DOT_SEGMENT


@pytest.mark.parametrize("path", DOTTED)
def test_a_response_without_origin_varies_too(call, path):
    response = call(path, origin=None)
    assert cors_headers(response) == []
    assert response.headers["Vary"] == "Origin"


@pytest.mark.parametrize("path", DOTTED)
def test_a_preflight_is_refused(call, storage, path):
    """Also where preflights of buckets without rules are the application's."""
    response = call(path, "OPTIONS", **{"Access-Control-Request-Method": "GET"})
    assert response.status_code == 403
    assert b"AccessForbidden" in response.data
    assert cors_headers(response) == []
    assert storage.seen == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", ["/..%2fphotos", "/../photos/", "/.."])
def test_a_rules_call_names_no_bucket(start, storage, store, path, method):
    """It never reaches the application, to which it could mean a bucket."""
    for query in ("cors", "cors=", "a=1&cors", "%63ors", "CORS"):
        response = start()(path, method, query)
        assert response.status_code == 400, query
        assert b"InvalidBucketName" in response.data or method == "HEAD", query
        assert storage.seen == [], query
    assert store.get("photos") == store.get("other") == RULES


@pytest.mark.parametrize("path", ["/a..b", "/..a", "/a..", "/.../a", "/.well-known/a", "/a/./x"])
def test_other_dots_are_part_of_a_key(call, path):
    response = call(path)
    assert response.headers["Access-Control-Allow-Origin"] == PAGE


def test_without_an_api_a_rules_call_is_refused_as_well(storage, store):
    client = Client(BucketCORSMiddleware(storage, store=store))
    assert client.delete("/other/..%2fphotos?cors").status_code == 400
    assert storage.seen == []


@pytest.mark.parametrize("prefix", ["", "/storage"])
def test_a_blueprint_refuses_rules_calls(store, prefix):
    app = Flask("storage", static_folder=None)
    seen = []
    app.add_url_rule("/<path:path>", "any", seen.append, methods=["GET", "PUT", "DELETE"])
    app.register_blueprint(create_blueprint(store, access_keys=ACCESS_KEYS), url_prefix=prefix)
    for path in ("/other/..%2fphotos", "/..%5cphotos", "/../photos"):
        response = app.test_client().delete(f"{prefix}{path}?cors")
        assert response.status_code == 400
        assert b"InvalidBucketName" in response.data
    assert seen == []


def test_rules_of_one_bucket_do_not_open_a_file_of_another(tmp_path, store):
    """An application as many are written: it joins bucket and key, and serves the file."""
    tmp_path.joinpath("photos").mkdir()
    tmp_path.joinpath("photos", "cat.txt").write_text("a cat")
    tmp_path.joinpath("other").mkdir()
    app = Flask("storage", static_folder=None)

    @app.get("/<bucket>/<path:key>")
    def read(bucket: str, key: str) -> Any:
        return send_from_directory(tmp_path, f"{bucket}/{key}")

    store.delete("photos")
    app.wsgi_app = BucketCORSMiddleware(app.wsgi_app, store=store)  # type: ignore[method-assign]
    with app.test_client() as client:
        response = client.get("/other/..%2fphotos/cat.txt", headers={"Origin": PAGE})
        assert response.data == b"a cat"
        assert cors_headers(response) == []
        response.close()
