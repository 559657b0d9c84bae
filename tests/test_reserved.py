"""What belongs to the application's own routes is no bucket's, and no rules open it."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from webtest import TestApp
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.middleware.shared_data import SharedDataMiddleware
from werkzeug.test import Client, TestResponse

from flask_bucketcors import (
    BucketCORS,
    BucketCORSMiddleware,
    MemoryStore,
    Rule,
    RulesAPI,
    RuleSet,
    create_blueprint,
)
from tests.support import cos_signing
from tests.support.command_line import invoke

EVIL = "https://evil.example"
RULES = RuleSet([Rule([EVIL], ["GET", "PUT", "DELETE"], ["*"])])
KEYS = {cos_signing.ACCESS_KEY: cos_signing.SECRET_KEY}
METHODS = ["GET", "PUT", "POST", "DELETE", "HEAD"]
ON_HOST = "http://photos.cos.test"


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    store = MemoryStore()
    for bucket in ("photos", "api", "health", "static", "admin"):
        store.put(bucket, RULES)
    yield store
    store.close()


@pytest.fixture
def seen() -> list[str]:
    return []


@pytest.fixture
def app(seen: list[str]) -> Flask:
    """An application with buckets, and with routes that have nothing to do with them."""
    app = Flask("storage", static_folder=None)
    app.config.update(BUCKETCORS_HOST_SUFFIXES=["cos.test"], BUCKETCORS_ACCESS_KEYS=KEYS)

    def view(**values: str) -> str:
        seen.append(app.name)
        return "app"

    for number, route in enumerate(
        [
            "/<bucket>",
            "/<bucket>/<path:key>",
            "/api/items",
            "/api/items/<int:item>",
            "/health",
            "/static/<path:filename>",
        ]
    ):
        app.add_url_rule(route, f"view{number}", view, methods=METHODS)
    return app


def send(app: Any, url: str, method: str = "GET", **headers: str) -> TestResponse:
    host, path = "storage.test", url
    if url.startswith("http://"):
        host, _, path = url.removeprefix("http://").partition("/")
    path, _, query = path.partition("?")
    return Client(app).open(
        method=method,
        query_string=query,
        headers={"Host": host, "Origin": EVIL, **headers},
        # Werkzeug's client would take what follows two slashes for a host.
        environ_overrides={"PATH_INFO": f"/{path.removeprefix('/')}"},
    )


def is_opened(response: TestResponse) -> bool:
    return "Access-Control-Allow-Origin" in response.headers


OWN = ["/api/items", "/api/items/7", "/api/unknown", "/health", "/static/site.css", "//api/items"]


@pytest.mark.parametrize("warmed", [False, True], ids=["cold", "warmed"])
@pytest.mark.parametrize("host", ["", ON_HOST], ids=["by path", "on a bucket's host"])
@pytest.mark.parametrize("path", OWN)
def test_no_rules_open_a_route_of_the_application(app, store, seen, path, host, warmed):
    """Neither those of a bucket of that name, nor those of the bucket whose host it is."""
    BucketCORS(app, store=store)
    if warmed:
        for url in ("/photos/cat.png", f"{ON_HOST}/cat.png"):
            assert is_opened(send(app, url))
    assert not is_opened(send(app, host + path))
    preflight = send(app, host + path, "OPTIONS", **{"Access-Control-Request-Method": "GET"})
    assert not is_opened(preflight)
    # It is the application's: Flask answers with what it allows there.
    assert preflight.status_code in (200, 308, 404)


@pytest.mark.parametrize("install", ["extension", "blueprint", "middleware"])
@pytest.mark.parametrize("path", ["/api?cors", "/api/?cors", "//api?cors", "/health?a=b&CORS="])
@pytest.mark.parametrize("method", [*METHODS, "OPTIONS", "PATCH"])
def test_a_rules_call_on_a_reserved_name_is_refused(app, store, seen, install, path, method):
    """With every method, signed or not; the application never sees it."""
    if install == "extension":
        BucketCORS(app, store=store)
    elif install == "blueprint":
        app.register_blueprint(create_blueprint(store, access_keys=KEYS))
    else:
        api = RulesAPI(store, access_keys=KEYS)
        app.wsgi_app = BucketCORSMiddleware(
            app.wsgi_app, store=store, api=api, reserved=["api", "health"]
        )
    responses = [send(app, path, method)]
    if method in ("GET", "PUT", "DELETE") and not path.startswith("//"):
        signed = cos_signing.signed(TestApp(app), method, path, now=int(time.time()))
        responses.append(signed)
    for response in responses:
        assert response.status_code == 400
        body = response.body if hasattr(response, "body") else response.data
        assert b"InvalidBucketName" in body or method == "HEAD"
    assert seen == []
    assert store.get("api") == RULES


def test_a_rules_call_on_a_host_of_a_reserved_name_is_refused(app, store, seen):
    BucketCORS(app, store=store)
    assert send(app, "http://api.cos.test/?cors", "DELETE").status_code == 400
    assert seen == []


def test_routes_are_read_at_the_first_request(app, store):
    """So those count that are added behind the extension."""
    BucketCORS(app, store=store)
    app.add_url_rule("/admin/users", "users", lambda: "users")
    assert not is_opened(send(app, "/admin/users"))
    assert is_opened(send(app, "/photos/cat.png"))


@pytest.mark.parametrize(
    "route, options, reserved_by_path, reserved_on_hosts",
    [
        pytest.param("/api/items", {}, True, True, id="text"),
        pytest.param("/api", {}, True, True, id="text alone"),
        pytest.param("/api/<int:item>", {}, True, True, id="text before a variable"),
        pytest.param("/<bucket>/api", {}, False, False, id="behind a variable"),
        pytest.param("/api<name>", {}, False, False, id="text in a segment with a variable"),
        pytest.param("/api/feed", {"websocket": True}, False, False, id="websocket"),
        pytest.param("/api/feed", {"build_only": True}, False, False, id="builds URLs only"),
        pytest.param("/api/items", {"subdomain": "www"}, True, False, id="subdomain of its own"),
    ],
)
def test_which_segments_routes_reserve(store, route, options, reserved_by_path, reserved_on_hosts):
    app = Flask("storage", static_folder=None, subdomain_matching=True)
    app.config.update(BUCKETCORS_HOST_SUFFIXES=["storage.test"], SERVER_NAME="storage.test")
    app.add_url_rule(route, "route", lambda **values: "app", **options)
    BucketCORS(app, store=store)
    assert is_opened(send(app, "/api/items")) is not reserved_by_path
    on_host = send(app, "http://photos.storage.test/api/items")
    assert is_opened(on_host) is not reserved_on_hosts


@pytest.mark.parametrize(
    "prefix, open_paths, closed_paths",
    [
        ("/files", ["/files/photos/a"], ["/files/upload/a", "/files/api/../photos", "/photos/a"]),
        ("/files/v1", ["/files/v1/upload/a"], ["/files/photos/a", "/files/v1/"]),
    ],
)
def test_below_a_prefix_the_next_segment_counts(store, prefix, open_paths, closed_paths):
    store.put("upload", RULES)
    app = Flask("storage", static_folder=None)
    app.config["BUCKETCORS_URL_PREFIX"] = prefix
    app.add_url_rule("/files/upload", "upload", lambda: "app")
    app.add_url_rule("/photos", "photos", lambda: "app")
    BucketCORS(app, store=store)
    assert all(is_opened(send(app, path)) for path in open_paths)
    assert not any(is_opened(send(app, path)) for path in closed_paths)


@pytest.mark.parametrize("host", ["", ON_HOST])
def test_segments_that_the_application_names_itself(app, store, host):
    """For what stands outside of its routes, such as another application at a path."""
    BucketCORS(app, store=store, reserved=["admin"])
    assert not is_opened(send(app, f"{host}/admin/users"))
    assert is_opened(send(app, f"{host}/other/users" if host else "/photos/users"))


def test_a_resolver_of_the_application_decides_alone(app, store):
    BucketCORS(app, store=store, buckets=lambda request: ("photos", "key"), reserved=["api"])
    assert is_opened(send(app, "/api/items"))


@pytest.fixture
def run(app, store):
    """A function that runs a command on the application, and gives what it prints."""
    BucketCORS(app, store=store)
    return lambda *arguments, **settings: invoke(*arguments, app=app, **settings).output


REFUSED = "'api' cannot name a bucket: the application's own URLs begin with it; use another name"


def test_the_command_line_puts_no_rules_there(run, store, tmp_path):
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps(RULES.as_dict()))
    before = store.revision
    assert REFUSED in run("put", "api", rules, code=1)
    assert REFUSED in run("rollback", "api", 1, code=1)
    assert store.revision == before
    run("put", "photos", rules)


def test_an_import_refuses_the_line(run, store, tmp_path):
    lines = tmp_path / "buckets.jsonl"
    rules = RULES.as_dict()
    lines.write_text("".join(json.dumps({"bucket": b, **rules}) + "\n" for b in ("api", "new")))
    output = run("import", lines, code=1)
    assert f"line 1 (api) is refused: {REFUSED}" in output
    assert "1 stored, 0 had these rules already, 1 line refused" in output
    assert store.get("new") == RULES


def test_doctor_names_what_is_reserved_and_the_buckets_that_have_such_names(run, store):
    notes = json.loads(run("doctor", "--format", "json", code=1))
    texts = [note["text"] for note in notes]
    assert (
        "names of the application's own URLs, which no bucket can have: "
        "'api', 'health', 'static'" in texts
    )
    named = [note["text"] for note in notes if not note["ok"] and note["area"] == "database"]
    assert [text.partition(":")[0] for text in named] == [
        "bucket 'api'",
        "bucket 'health'",
        "bucket 'static'",
    ]


MOUNTS = {
    "another application": lambda app: DispatcherMiddleware(app, {"/admin": Flask("admin")}),
    "files": lambda app: SharedDataMiddleware(app, {"/admin/css": "."}),
    "below another middleware": lambda app: ProxyFix(
        DispatcherMiddleware(app, {"/admin": Flask("admin")})
    ),
}


@pytest.mark.parametrize("mount", MOUNTS.values(), ids=MOUNTS)
def test_what_is_mounted_beside_the_routes_is_the_applications_own(store, mount):
    app = Flask("storage", static_folder=None)
    app.config["BUCKETCORS_HOST_SUFFIXES"] = ["cos.test"]
    app.add_url_rule("/<bucket>/<path:key>", "read", lambda **values: "app")
    app.wsgi_app = mount(app.wsgi_app)
    BucketCORS(app, store=store)
    assert is_opened(send(app, "/photos/a"))
    for url in ("/admin", "/admin/users", f"{ON_HOST}/admin/users"):
        assert not is_opened(send(app, url))


def test_a_path_below_a_prefix_may_be_mounted(store):
    app = Flask("storage", static_folder=None)
    app.add_url_rule("/files/<bucket>/<path:key>", "read", lambda **values: "app")
    app.wsgi_app = DispatcherMiddleware(
        app.wsgi_app, {"/files/admin": Flask("admin"), "/photos": Flask("photos")}
    )
    BucketCORS(app, store=store)
    assert is_opened(send(app, "/files/photos/a"))
    assert not is_opened(send(app, "/files/admin/a"))


# Flask before 3.1 serves no host but SERVER_NAME, and says so.
@pytest.mark.filterwarnings("ignore:Current server name:UserWarning")
@pytest.mark.parametrize("server_name", ["Photos.cos.test", "photos.cos.test:443"])
def test_the_applications_own_host_is_no_buckets(store, server_name):
    app = Flask("storage", static_folder=None)
    app.config.update(BUCKETCORS_HOST_SUFFIXES=["cos.test"], SERVER_NAME=server_name)
    app.add_url_rule("/", "home", lambda: "app")
    app.add_url_rule("/<user>/profile", "profile", lambda **values: "app")
    BucketCORS(app, store=store)
    for path in ("/", "/alice/profile"):
        assert not is_opened(send(app, f"{ON_HOST}{path}"))
        assert is_opened(send(app, f"http://admin.cos.test{path}"))
