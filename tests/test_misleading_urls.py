"""URLs that try to apply the rules of one bucket to something outside it."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client, TestResponse

from flask_bucketcors import (
    BucketCORS,
    BucketCORSMiddleware,
    MemoryStore,
    Rule,
    RuleSet,
    create_blueprint,
)

EVIL = "https://evil.example"
RULES = RuleSet([Rule([EVIL], ["GET", "PUT", "DELETE"], ["*"])])
ON_HOST = "photos.cos.test"


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    store = MemoryStore()
    for bucket in ("photos", "www", "api", "api\\items", ".\\api", "a\\b"):
        store.put(bucket, RULES)
    yield store
    store.close()


def send(app: Any, host: str, path: str, method: str = "GET", query: str = "") -> TestResponse:
    return Client(app).open(
        method=method,
        query_string=query,
        headers={"Host": host, "Origin": EVIL},
        # Werkzeug's client would take what follows two slashes for a host.
        environ_overrides={"PATH_INFO": path},
    )


def is_opened(response: TestResponse) -> bool:
    return "Access-Control-Allow-Origin" in response.headers


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"app"]


# --- Routes with a host of their own, where that is also the host of a bucket.


def site(store: MemoryStore, *, host: str, matching: str, first_route: str = "/api/items") -> Flask:
    """An application with buckets on their hosts, and with a host for routes of its own."""
    if matching == "host":
        app = Flask("site", static_folder=None, host_matching=True)
        own, buckets = {"host": f"{host}.cos.test"}, {"host": "<bucket>.cos.test"}
    else:
        app = Flask("site", static_folder=None, subdomain_matching=True)
        app.config["SERVER_NAME"] = "cos.test:80"
        own, buckets = {"subdomain": host}, {"subdomain": "<bucket>"}
    app.config["BUCKETCORS_HOST_SUFFIXES"] = ["cos.test"]
    app.add_url_rule(first_route, "own", lambda **values: "own", **own)
    app.add_url_rule("/<path:key>", "object", lambda bucket, key: "object", **buckets)
    BucketCORS(app, store=store)
    return app


@pytest.mark.parametrize("warmed", [False, True], ids=["cold", "warmed"])
@pytest.mark.parametrize("matching", ["host", "subdomain"])
@pytest.mark.parametrize("host", ["www.cos.test", "WWW.cos.test", "www.cos.test:80"])
def test_no_rules_open_the_host_of_a_route(store, matching, host, warmed):
    """Whoever has a bucket ``www`` would open the site."""
    app = site(store, host="www", matching=matching)
    if warmed:
        assert is_opened(send(app, ON_HOST, "/cat.png"))
    for path in ("/api/items", "/", "/page"):
        assert not is_opened(send(app, host, path))
    assert not is_opened(send(app, "cos.test", "/www/cat.png"))
    assert send(app, host, "/", "DELETE", "cors").status_code == 400


@pytest.mark.parametrize("matching", ["host", "subdomain"])
@pytest.mark.parametrize("route", ["/", "/<page>"])
def test_the_host_is_the_routes_own_whatever_its_path(store, matching, route):
    app = site(store, host="www", matching=matching, first_route=route)
    assert send(app, "www.cos.test", "/" if route == "/" else "/page").data == b"own"
    assert not is_opened(send(app, "www.cos.test", "/page"))


@pytest.mark.parametrize("matching", ["host", "subdomain"])
def test_a_route_on_any_host_reserves_its_segment_on_all(store, matching):
    app = site(store, host="<tenant>", matching=matching)
    response = send(app, ON_HOST, "/api/items")
    assert response.data == b"own"
    assert not is_opened(response)
    assert is_opened(send(app, ON_HOST, "/cat.png"))


@pytest.mark.parametrize("matching", ["host", "subdomain"])
def test_a_route_with_another_host_reserves_nothing_on_those_of_buckets(store, matching):
    app = site(store, host="www", matching=matching)
    assert is_opened(send(app, ON_HOST, "/api/items"))


def test_the_default_subdomain_is_no_host_of_its_own(store):
    """Without subdomain matching its routes are served on every host."""
    app = Flask("site", static_folder=None)
    app.url_map.default_subdomain = "www"
    app.config["BUCKETCORS_HOST_SUFFIXES"] = ["cos.test"]
    app.add_url_rule("/api/items", "own", lambda: "own")
    BucketCORS(app, store=store)
    response = send(app, ON_HOST, "/api/items")
    assert response.data == b"own"
    assert not is_opened(response)


# --- Reserved segments in other spellings.


@pytest.mark.parametrize("warmed", [False, True], ids=["cold", "warmed"])
@pytest.mark.parametrize("prefix", ["", "/storage"])
@pytest.mark.parametrize(
    "path",
    ["/./api/items", "/.//./api", "/api\\items", "/\\api\\items", "/.\\api/items", "//.\\/api\\"],
)
@pytest.mark.parametrize("host", [ON_HOST, "h"])
def test_a_reserved_segment_is_known_in_every_spelling(store, path, prefix, warmed, host):
    """Applications that resolve a segment ``.``, or take ``\\`` for ``/``, serve their own."""
    app = BucketCORSMiddleware(
        application,
        store=store,
        host_suffixes=["cos.test"],
        url_prefix=prefix,
        reserved=["api"],
    )
    if warmed:
        for each in (ON_HOST, "h"):
            assert is_opened(send(app, each, f"{prefix}/photos/cat.png"))
    assert not is_opened(send(app, host, path if host == ON_HOST else prefix + path))


@pytest.mark.parametrize("path", ["/.api/x", "/..api/x", "/apis/x", "/a/api", "/x\\api", "/./x"])
def test_other_keys_are_objects(store, path):
    app = BucketCORSMiddleware(
        application, store=store, host_suffixes=["cos.test"], reserved=["api"]
    )
    assert is_opened(send(app, ON_HOST, path))


def test_a_reserved_segment_may_hold_a_backslash(store):
    app = BucketCORSMiddleware(application, store=store, reserved=["a\\b"])
    assert not is_opened(send(app, "h", "/a\\b/cat.png"))
    assert is_opened(send(app, "h", "/photos/a\\b"))


# --- How an application is set up.


def plain_site(name: str) -> Flask:
    app = Flask(name, static_folder=None)
    app.add_url_rule("/<bucket>/<path:key>", "object", lambda bucket, key: "object")
    return app


def test_every_application_gets_the_segments_that_were_given(store):
    cors = BucketCORS(store=store, reserved=["www"])
    for app in map(plain_site, ("one", "two")):
        cors.init_app(app)
        assert not is_opened(send(app, "h", "/www/cat.png"))
        assert is_opened(send(app, "h", "/photos/cat.png"))


def test_every_application_of_a_blueprint_gets_them_too(store):
    blueprint = create_blueprint(store, authorize=lambda call: True, reserved=["www"])
    for app in map(plain_site, ("one", "two")):
        app.register_blueprint(blueprint)
        assert send(app, "h", "/www", query="cors").status_code == 400
        assert send(app, "h", "/photos", query="cors").status_code == 200


@pytest.mark.parametrize("prefix", ["", "/storage"])
@pytest.mark.parametrize("order", ["blueprint first", "middleware first"])
def test_a_middleware_reserves_what_the_blueprint_inside_does(store, order, prefix):
    app = Flask("site", static_folder=None)
    app.add_url_rule(f"{prefix}/api/items", "own", lambda: "own")
    blueprint = create_blueprint(store, authorize=lambda call: True, reserved=["www"])
    if order == "blueprint first":
        app.register_blueprint(blueprint, url_prefix=prefix)
    app.wsgi_app = BucketCORSMiddleware(  # type: ignore[method-assign]
        app.wsgi_app, store=store, url_prefix=prefix, reserved=["docs"]
    )
    if order == "middleware first":
        app.register_blueprint(blueprint, url_prefix=prefix)
    for name in ("api", "www", "docs"):
        assert send(app, "h", f"{prefix}/{name}", query="cors").status_code == 400
    response = send(app, "h", f"{prefix}/api/items")
    assert response.data == b"own"
    assert not is_opened(response)
    assert is_opened(send(app, "h", f"{prefix}/photos/cat.png"))


def test_a_map_of_routes_that_came_later_counts(store):
    app = Flask("site", static_folder=None)
    BucketCORS(app, store=store)
    app.url_map = app.url_map_class()
    app.add_url_rule("/api/items", "own", lambda: "own")
    assert not is_opened(send(app, "h", "/api/items"))
