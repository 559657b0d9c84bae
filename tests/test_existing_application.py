"""Into an application that exists already: what it gains, and that nothing else of it changes.

The application is ``tests/support/apps/club_site``. One section for each thing that its owner does.
"""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import pytest
from botocore.config import Config
from flask import Flask, session
from flask.testing import FlaskClient
from flask_cors import CORS
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from flask_bucketcors import BucketCORS, BucketCORSState, RulesCall, RuleSet
from flask_bucketcors.testing import assert_browser_allows, assert_browser_refuses, memory_store
from tests.support.apps.club_site import MEMBERS, create_app
from tests.support.command_line import invoke
from tests.support.fetch_model import (
    PageRequest,
    may_proceed,
    needs_preflight,
    preflight_request_headers,
)

PAGE = "https://www.example.com"
OTHER = "https://other.example"
KEYS = ("AKIDEXAMPLE", "ExampleSecretKey")
RULES = """<CORSConfiguration><CORSRule>
  <AllowedOrigin>https://www.example.com</AllowedOrigin>
  <AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>
  <AllowedHeader>content-type</AllowedHeader><ExposeHeader>ETag</ExposeHeader>
  <MaxAgeSeconds>600</MaxAgeSeconds>
</CORSRule></CORSConfiguration>"""


def wrap(app: Flask) -> None:
    """What the owner adds, beside the import."""
    app.config["BUCKETCORS_ACCESS_KEYS"] = dict([KEYS])
    BucketCORS(app)


class Client(FlaskClient):
    """A client that reads responses to their end, as files are closed then."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return super().open(*args, **{"buffered": True, **kwargs})


@pytest.fixture
def make_app(tmp_path: Path) -> Iterator[Callable[..., Flask]]:
    """Give a function that makes the application, with what is added to it."""
    apps = []

    def make(*steps: Callable[[Flask], object], folder: str = "site", **settings: Any) -> Flask:
        app = create_app(tmp_path / folder, **settings)
        app.test_client_class = Client
        for step in steps:
            step(app)
        apps.append(app)
        return app

    yield make
    for app in apps:
        if "bucketcors" in app.extensions:
            app.extensions["bucketcors"].store.close()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """The application, wrapped, with pictures in two buckets of which one has rules."""
    app = make_app(wrap)
    fill(app)
    invoke("put", "public", "-", app=app, input=RULES)
    return app


def logged_in(app: Flask) -> Any:
    client = app.test_client()
    form = {"name": "alice", "password": MEMBERS["alice"]}
    assert client.post("/login", data=form).status_code == 302
    return client


def fill(app: Flask) -> None:
    client = logged_in(app)
    for bucket in ("public", "party"):
        assert client.put(f"/files/{bucket}/cat.png", data=b"a cat").status_code == 201


def proceeds(client: Any, request: PageRequest, url: str = "/files/public/cat.png") -> bool:
    """Whether a page's request works in a browser."""
    asked = None
    if needs_preflight(request):
        response = client.options(url, headers=preflight_request_headers(request))
        asked = response.status_code, [*response.headers]
    headers = {"Origin": request.origin, **request.headers}
    response = client.open(url, method=request.sent_method, headers=headers)
    return may_proceed(request, asked, (response.status_code, [*response.headers]))


# Nothing else changes.

OWN_URLS = (
    "/",
    "/login",
    "/logout",
    "/health",
    "/broken",
    "/nowhere",
    "/static/site.css",
    "/static/missing.css",
    "/api/items",
    "/api/items/1",
    "/api/items/7",
    "/api/nowhere",
    "/files",
    "/files/",
    "/files/recent",
    "/health?cors",
    "/api?cors",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
SENT = (
    pytest.param({}, id="no origin"),
    pytest.param({"Origin": PAGE}, id="origin"),
    pytest.param({"Origin": PAGE, "Access-Control-Request-Method": "PUT"}, id="preflight"),
)


def seen(response: TestResponse) -> tuple[Any, ...]:
    """What a client sees, but for the two headers that tell the time of the response."""
    headers = [
        (name, "" if name in ("Date", "Set-Cookie") else value) for name, value in response.headers
    ]
    return response.status, headers, response.data


@pytest.mark.parametrize("member", [False, True], ids=["guest", "member"])
@pytest.mark.parametrize("sent", SENT)
def test_its_own_urls_respond_as_before(
    make_app: Callable[..., Flask], sent: dict[str, str], member: bool
) -> None:
    """Both applications get the same requests, and change in the same way."""
    apps = make_app(folder="before"), make_app(wrap, folder="after")
    for method in METHODS:
        clients = [logged_in(app) if member else app.test_client() for app in apps]
        for url in OWN_URLS:
            responses = [each.open(url, method=method, headers=sent) for each in clients]
            expected, found = map(seen, responses)
            assert found == expected, (method, url)


def test_a_visit_is_as_before(app: Flask) -> None:
    """From the login to a picture that a form uploads, and to the logout."""
    client = app.test_client()
    assert client.get("/").location == "/login"
    assert client.get("/files/party").status_code == 401
    client = logged_in(app)
    assert "Hello, alice" in client.get("/").text
    assert client.post("/api/items", json={"name": "a bench"}).json == {"id": 2}
    picture = (__file__, "dog.png")
    with open(picture[0], "rb") as file:
        response = client.post("/files/party", data={"picture": (file, picture[1])})
    assert response.location == "/files/party"
    assert "dog.png" in client.get("/files/party").text
    assert client.delete("/files/party/dog.png").status_code == 204
    client.post("/logout")
    assert client.get("/files/party/cat.png").status_code == 401


# Buckets have their rules.


def test_a_page_may_do_what_the_rules_allow(app: Flask) -> None:
    client = logged_in(app)
    assert proceeds(client, PageRequest(PAGE))
    assert proceeds(client, PageRequest(PAGE, credentials=True))
    assert proceeds(client, PageRequest(PAGE, "PUT", {"Content-Type": "image/png"}))
    assert not proceeds(client, PageRequest(PAGE, "DELETE"))
    assert not proceeds(client, PageRequest(PAGE, "PUT", {"X-Other": "1"}))
    assert not proceeds(client, PageRequest(OTHER))


def test_a_bucket_without_rules_is_as_closed_as_before(app: Flask) -> None:
    client = logged_in(app)
    assert client.get("/files/party/cat.png").data == b"a cat"
    assert not proceeds(client, PageRequest(PAGE), "/files/party/cat.png")
    assert not proceeds(client, PageRequest(PAGE, "PUT"), "/files/party/cat.png")


def test_a_preflight_needs_no_login(app: Flask) -> None:
    asked = preflight_request_headers(PageRequest(PAGE, "PUT", {"Content-Type": "image/png"}))
    response = app.test_client().options("/files/public/cat.png", headers=asked)
    assert response.status_code == 200
    assert response.headers["Access-Control-Max-Age"] == "600"
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize(
    "method, url, status",
    [
        pytest.param("GET", "/files/public/cat.png", 200, id="found"),
        pytest.param("GET", "/files/public/missing.png", 404, id="missing"),
        pytest.param("PUT", "/files/public/cat.png", 401, id="no login"),
        pytest.param("PATCH", "/files/public/cat.png", 401, id="no such method"),
        pytest.param("POST", "/files/public", 401, id="form"),
    ],
)
def test_a_page_can_read_errors_of_the_application(
    app: Flask, method: str, url: str, status: int
) -> None:
    response = app.test_client().open(url, method=method, headers={"Origin": PAGE})
    assert response.status_code == status
    is_allowed = method in ("GET", "PUT")
    assert ("Access-Control-Allow-Origin" in response.headers) is is_allowed


def test_default_rules_hold_for_buckets_without_rules(make_app: Callable[..., Flask]) -> None:
    app = make_app(wrap, BUCKETCORS_DEFAULT_RULES=RULES)
    fill(app)
    client = logged_in(app)
    assert proceeds(client, PageRequest(PAGE), "/files/party/cat.png")
    assert not proceeds(client, PageRequest(PAGE), "/api/items")
    invoke("put", "party", "-", app=app, input=RULES.replace(PAGE, OTHER))
    assert not proceeds(client, PageRequest(PAGE), "/files/party/cat.png")
    invoke("delete", "party", "--yes", app=app)
    assert proceeds(client, PageRequest(PAGE), "/files/party/cat.png")


# Rules are edited: by an SDK, by members, on the command line.


@pytest.fixture
def served(app: Flask, caplog: pytest.LogCaptureFixture) -> Iterator[str]:
    """The address of the application behind a real server."""
    caplog.set_level(logging.ERROR, "werkzeug")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)
    server.server_close()


def test_an_sdk_edits_the_rules(app: Flask, served: str) -> None:
    keys = dict(zip(("aws_access_key_id", "aws_secret_access_key"), KEYS, strict=True))
    path_style = Config(s3={"addressing_style": "path"})
    client = boto3.client(
        "s3", endpoint_url=f"{served}/files", region_name="us-east-1", config=path_style, **keys
    )
    rule = {"AllowedOrigins": [PAGE], "AllowedMethods": ["GET"]}
    client.put_bucket_cors(Bucket="party", CORSConfiguration={"CORSRules": [rule]})
    assert client.get_bucket_cors(Bucket="party")["CORSRules"] == [rule]
    member = logged_in(app)
    assert proceeds(member, PageRequest(PAGE), "/files/party/cat.png")
    client.delete_bucket_cors(Bucket="party")
    assert not proceeds(member, PageRequest(PAGE), "/files/party/cat.png")
    assert member.get("/files/party/cat.png").data == b"a cat"
    client.close()


def test_without_a_key_nobody_edits_the_rules(app: Flask) -> None:
    for method in ("GET", "PUT", "DELETE"):
        response = logged_in(app).open("/files/public?cors", method=method, data=RULES)
        assert response.status_code == 403
    assert proceeds(app.test_client(), PageRequest(PAGE))


def test_members_edit_the_rules_of_their_buckets(make_app: Callable[..., Flask]) -> None:
    def authorize(call: RulesCall) -> bool:
        return session.get("member") == "alice" and call.bucket == "party"

    def wrap_for_members(app: Flask) -> None:
        BucketCORS(app, authorize=authorize)

    app = make_app(wrap_for_members)
    client = logged_in(app)
    assert client.put("/files/party?cors", data=RULES).status_code == 200
    assert client.put("/files/public?cors", data=RULES).status_code == 403
    assert app.test_client().put("/files/party?cors", data=RULES).status_code == 403
    # A page that may use the bucket must not widen its own access.
    asked = preflight_request_headers(PageRequest(PAGE, "PUT"))
    assert client.options("/files/party/a", headers=asked).status_code == 200
    assert client.options("/files/party?cors", headers=asked).status_code == 403


def test_the_command_line_puts_shows_and_explains(app: Flask, tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    rule = {"allowed_origins": [PAGE, "https://shop.example/"], "allowed_methods": ["GET"]}
    file.write_text(json.dumps([rule]))
    invoke("put", "party", file, "--author", "alice", app=app)
    assert json.loads(invoke("show", "party", "--as", "json", app=app).output)["rules"] == [rule]
    assert invoke("list", app=app).output == "party\npublic\n"
    assert "alice" in invoke("history", "party", app=app).output
    assert "BC303" in invoke("lint", "--bucket", "party", app=app, code=1).output
    why = ["explain", "--bucket", "party", "--origin", "https://shop.example"]
    assert "origin_trailing_slash" in invoke(*why, app=app, code=1).output
    client = logged_in(app)
    assert proceeds(client, PageRequest(PAGE), "/files/party/cat.png")
    invoke("delete", "party", "--yes", app=app)
    assert not proceeds(client, PageRequest(PAGE), "/files/party/cat.png")


def test_the_command_line_lists_the_urls_of_buckets(app: Flask) -> None:
    listed = invoke("routes", app=app).output
    assert "URLs of buckets: /files/<bucket>/<key>\n" in listed
    assert "names that no bucket can have:\n  recent\n" in listed


# It is tested, and watched.


def test_its_own_tests_ask_what_browsers_allow(tmp_path: Path) -> None:
    with memory_store() as store:
        app = create_app(tmp_path)
        wrap(app)
        store.put("public", RuleSet.parse(RULES))
        assert BucketCORSState.of(app).store is store
        url = "/files/public/cat.png"
        assert_browser_allows(app.test_client(), url, origin=PAGE, method="PUT")
        reason = assert_browser_refuses(app.test_client(), url, origin=OTHER)
        assert "bucket 'public': Refused" in reason
        assert_browser_refuses(app.test_client(), "/api/items", origin=PAGE)


def test_logs_say_what_was_refused_and_what_changed(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "flask_bucketcors")
    proceeds(app.test_client(), PageRequest(OTHER, "PUT"))
    proceeds(app.test_client(), PageRequest(PAGE, "PUT"))
    proceeds(app.test_client(), PageRequest(OTHER, "PUT"), "/api/items")
    [refused] = [each for each in caplog.records if each.name == "flask_bucketcors.preflights"]
    assert OTHER in refused.getMessage()
    invoke("put", "party", "-", "--author", "alice", app=app, input=RULES)
    [changed] = [each for each in caplog.records if each.name == "flask_bucketcors.changes"]
    assert "alice" in changed.getMessage()


# Beside flask-cors.


@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_flask_cors_keeps_the_api(make_app: Callable[..., Flask], first: bool) -> None:
    def cors(app: Flask) -> None:
        CORS(app, resources={r"/api/*": {"origins": OTHER, "supports_credentials": True}})

    steps = (cors, wrap) if first else (wrap, cors)
    app = make_app(*steps)
    fill(app)
    invoke("put", "public", "-", app=app, input=RULES)
    client = logged_in(app)
    assert proceeds(client, PageRequest(OTHER, credentials=True), "/api/items")
    assert not proceeds(client, PageRequest(PAGE), "/api/items")
    assert proceeds(client, PageRequest(PAGE))
    assert not proceeds(client, PageRequest(OTHER))
