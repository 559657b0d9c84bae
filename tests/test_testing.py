"""``flask_bucketcors.testing``: a browser's verdict about an application, through a test client."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response, redirect, request, session
from webtest import TestApp
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client

from flask_bucketcors import (
    BucketCORS,
    BucketCORSMiddleware,
    BucketCORSState,
    MemoryStore,
    Rule,
    RuleSet,
    SQLiteStore,
    StoreUnavailable,
)
from flask_bucketcors.testing import (
    PageResponse,
    assert_browser_allows,
    assert_browser_refuses,
    memory_store,
)
from tests.support import ROOT

PAGE = "https://page.test"
OTHER = "https://other.test"
RULES = RuleSet(
    [
        Rule([PAGE], ["GET", "PUT", "POST", "HEAD"], ["x-a", "content-type"], ["ETag"]),
        Rule(["*"], ["GET"]),
    ]
)
OBJECT = "/photos/cat.png"
Sent = list[tuple[str, str, str | None]]

CLIENTS: dict[str, Callable[[Flask], Any]] = {
    "Flask": Flask.test_client,
    "Werkzeug": Client,
    "WebTest": TestApp,
}


@pytest.fixture
def sent() -> Sent:
    """Method, path and cookie of each request that the server got."""
    return []


@pytest.fixture
def app(sent: Sent) -> Flask:
    app = Flask("storage", static_folder=None)
    app.secret_key = "secret"

    @app.route("/<bucket>/<path:key>", methods=["GET", "PUT", "POST", "DELETE"])
    def serve(bucket: str, key: str) -> Any:
        name, _, rest = key.partition("/")
        if name == "redirect":
            status, _, target = rest.partition("/")
            return redirect(target if "://" in target else f"/{target}", int(status))
        if name == "login":
            session["user"] = "me"
        headers = {"ETag": '"1"', "X-Secret": "hidden", "Content-Language": "en"}
        status = 404 if name == "gone.png" else 200
        return Response(f"{request.method} {request.get_data(as_text=True)}", status, headers)

    store = MemoryStore()
    store.put("photos", RULES)
    BucketCORS(app, store=store)
    inner = app.wsgi_app

    def record(environ: Any, start_response: Any) -> Any:
        sent.append((environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("HTTP_COOKIE")))
        return inner(environ, start_response)

    record.app = inner  # type: ignore[attr-defined]
    app.wsgi_app = record  # type: ignore[method-assign]
    return app


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest, app: Flask) -> Any:
    return CLIENTS[request.param](app)


@pytest.mark.parametrize(
    "asked, requests",
    [
        pytest.param({}, ["GET"], id="GET needs no preflight"),
        pytest.param({"method": "get"}, ["GET"], id="browsers write get in upper case"),
        pytest.param({"method": "HEAD"}, ["HEAD"], id="nor does HEAD"),
        pytest.param({"method": "POST"}, ["POST"], id="nor POST"),
        pytest.param(
            {"method": "POST", "headers": {"Content-Type": "text/plain"}},
            ["POST"],
            id="simple type",
        ),
        pytest.param({"headers": {"Accept": "image/*"}}, ["GET"], id="safe header"),
        pytest.param({"method": "PUT"}, ["OPTIONS", "PUT"], id="PUT does"),
        pytest.param({"headers": {"X-A": "1"}}, ["OPTIONS", "GET"], id="a header of one's own"),
        pytest.param(
            {"method": "POST", "headers": {"Content-Type": "application/json"}, "body": b"{}"},
            ["OPTIONS", "POST"],
            id="JSON",
        ),
    ],
)
def test_what_a_browser_sends_is_sent(
    client: Any, sent: Sent, asked: dict[str, Any], requests: list[str]
) -> None:
    response = assert_browser_allows(client, OBJECT, origin=PAGE, **asked)
    assert [(method, path) for method, path, _ in sent] == [(each, OBJECT) for each in requests]
    assert response.status == 200
    if requests[-1] != "HEAD":
        assert response.body == requests[-1].encode() + b" " + asked.get("body", b"")


@pytest.mark.parametrize(
    "asked, told",
    [
        pytest.param(
            {"origin": OTHER, "method": "PUT"},
            ["preflight response: 403, no Access-Control headers", "Fix: "],
            id="an origin",
        ),
        pytest.param(
            {"method": "DELETE"},
            ["bucket 'photos': Refused", "add 'DELETE' to AllowedMethod"],
            id="a method",
        ),
        pytest.param({"headers": {"X-B": "1"}}, ["x-b"], id="a header"),
        pytest.param(
            {"origin": OTHER, "credentials": True},
            ["actual response: 200, Access-Control-Allow-Origin: *", "credentials"],
            id="* with credentials",
        ),
        pytest.param({"origin": OTHER, "method": "HEAD"}, ["AllowedMethod"], id="HEAD is no GET"),
        pytest.param(
            {"url": "/phtos/cat.png"}, ["bucket 'phtos'", "no CORS rules"], id="another bucket"
        ),
        pytest.param({"url": "/"}, ["no rules apply: the URL is about no bucket"], id="no bucket"),
        pytest.param(
            {"url": "/a/../photos/x"},
            ["no rules apply: the URL has a path with a segment '..'"],
            id="a dot segment",
        ),
    ],
)
def test_what_a_browser_refuses_is_explained(
    client: Any, asked: dict[str, Any], told: list[str]
) -> None:
    given = {"url": OBJECT, "origin": PAGE, **asked}
    url = given.pop("url")
    reason = assert_browser_refuses(client, url, **given)
    assert reason.startswith(f"a browser refuses {given.get('method', 'GET')} {url} for a page of")
    assert not [each for each in told if each not in reason], reason
    with pytest.raises(AssertionError) as failed:
        assert_browser_allows(client, url, **given)
    assert str(failed.value) == reason


def test_what_is_allowed_and_should_not_be_is_explained(client: Any) -> None:
    with pytest.raises(AssertionError) as failed:
        assert_browser_refuses(client, OBJECT, origin=PAGE, method="PUT")
    first, second, third, *_ = str(failed.value).splitlines()
    assert first == f"a browser allows PUT {OBJECT} for a page of {PAGE}"
    assert second.startswith(f"actual response: 200, Access-Control-Allow-Origin: {PAGE}, ")
    assert third.startswith("bucket 'photos': Allowed: rule 1 ")


def test_the_message_that_the_page_shows_is_the_one_of_its_example() -> None:
    """With the rules of its example, but for PUT."""
    page = (ROOT / "docs" / "testing.md").read_text()
    [shown] = re.findall(r"```text\n(a browser refuses.*?)```", page, re.S)
    app = Flask("storage", static_folder=None)
    with memory_store() as store:
        BucketCORS(app)
    shop = "https://shop.example"
    store.put("photos", RuleSet([Rule([shop], ["GET"], ["content-type"], ["ETag"])]))
    reason = assert_browser_refuses(
        app.test_client(),
        OBJECT,
        origin=shop,
        method="PUT",
        headers={"Content-Type": "image/png"},
        body=b"...",
    )
    assert f"{reason}\n" == shown


def test_a_page_can_read_a_404(client: Any) -> None:
    """So a URL that is spelled wrong is seen by its status."""
    assert assert_browser_allows(client, "/photos/gone.png", origin=PAGE).status == 404


def test_a_page_reads_what_is_exposed(client: Any) -> None:
    response = assert_browser_allows(client, OBJECT, origin=PAGE)
    assert (response.headers["ETag"], response.headers["Content-Language"]) == ('"1"', "en")
    assert not {"X-Secret", "Access-Control-Allow-Origin", "Vary"} & {*response.headers.keys()}
    assert "ETag" not in assert_browser_allows(client, OBJECT, origin=OTHER).headers


def test_cookies_are_sent_with_credentials_alone(client: Any, sent: Sent) -> None:
    """And never with a preflight; without credentials a browser keeps none either."""
    assert_browser_allows(client, "/photos/login", origin=PAGE)
    assert_browser_allows(client, OBJECT, origin=PAGE, credentials=True)
    assert {cookie for _, _, cookie in sent} == {None}
    assert_browser_allows(client, "/photos/login", origin=PAGE, credentials=True)
    sent.clear()
    for credentials in (False, True):
        assert_browser_allows(client, OBJECT, origin=PAGE, method="PUT", credentials=credentials)
    assert [(method, bool(cookie)) for method, _, cookie in sent] == [
        ("OPTIONS", False),
        ("PUT", False),
        ("OPTIONS", False),
        ("PUT", True),
    ]


@pytest.mark.parametrize(
    "status, method, requests",
    [
        (301, "GET", ["GET", "GET"]),
        (302, "POST", ["POST", "GET"]),
        (303, "PUT", ["OPTIONS", "PUT", "GET"]),
        (307, "PUT", ["OPTIONS", "PUT", "OPTIONS", "PUT"]),
        (308, "POST", ["POST", "POST"]),
    ],
)
def test_redirects_on_the_same_host_are_followed(
    client: Any, sent: Sent, status: int, method: str, requests: list[str]
) -> None:
    url = f"/photos/redirect/{status}{OBJECT}"
    response = assert_browser_allows(client, url, origin=PAGE, method=method, body=b"x")
    assert [each for each, _, _ in sent] == requests
    assert (
        response.body
        == (f"{method} x" if requests[-1] == method else "GET ").encode().replace(b"GET x", b"GET ")
        or response.body == b"GET x"
    )


@pytest.mark.parametrize(
    "name, requests",
    [
        ("Content-Type", ["GET"]),
        ("CONTENT-LANGUAGE", ["GET"]),
        ("X-A", ["OPTIONS", "GET"]),
        ("Content-MD5", ["OPTIONS", "GET"]),
    ],
)
def test_headers_of_the_body_are_left_out_where_a_redirect_leaves_out_the_body(
    app: Flask, client: Any, sent: Sent, name: str, requests: list[str]
) -> None:
    BucketCORSState.of(app).store.put("photos", RuleSet([Rule([PAGE], ["GET", "PUT"], ["*"])]))
    url = f"/photos/redirect/303{OBJECT}"
    headers = {name: "text/xml"}
    assert_browser_allows(client, url, origin=PAGE, method="PUT", headers=headers, body=b"x")
    assert [each for each, _, _ in sent] == ["OPTIONS", "PUT", *requests]


def test_a_redirect_is_judged_before_it_is_followed(client: Any, sent: Sent) -> None:
    reason = assert_browser_refuses(
        client, "/photos/redirect/302/photos/x", origin=OTHER, credentials=True
    )
    assert "actual response: 302" in reason
    assert len(sent) == 1
    reason = assert_browser_refuses(client, "/photos/redirect/302/phtos/x", origin=PAGE)
    assert "/phtos/x for a page" in reason
    assert "\nredirected to http://localhost/phtos/x\n" in reason


@pytest.mark.parametrize(
    "asked, text",
    [
        pytest.param(
            {"origin": "http://localhost"},
            "/photos/cat.png has the origin of the page, http://localhost: no CORS is involved",
            id="same origin",
        ),
        pytest.param(
            {"url": "https://page.test:443/photos/x"}, "no CORS is involved", id="same, spelled out"
        ),
        pytest.param(
            {"origin": "https://page.test/"}, "write 'https://page.test'", id="origin with a slash"
        ),
        pytest.param({"origin": "https://Page.test"}, "write 'https://page.test'", id="upper case"),
        pytest.param({"origin": "page"}, "write scheme://host or", id="no origin"),
        pytest.param({"headers": {"Cookie": "a=b"}}, "no page can set the header 'Co", id="cookie"),
        pytest.param({"method": "TRACE"}, "no page can send the method 'TRACE'", id="TRACE"),
        pytest.param({"method": "GE T"}, "no page can send the method 'GE T'", id="no token"),
        pytest.param(
            {"url": "/photos/redirect/302/https://cdn.test/x"},
            r"redirects to https://cdn.test/x, on another host.*origin='null'",
            id="redirect to another host",
        ),
        pytest.param(
            {"url": "/photos/redirect/302" * 22},
            "leads to more than 20 redirects",
            id="too many redirects",
        ),
    ],
)
@pytest.mark.parametrize("check", [assert_browser_allows, assert_browser_refuses])
def test_a_wrong_test_is_told_apart_from_a_refusal(
    client: Any, check: Any, asked: dict[str, Any], text: str
) -> None:
    given = {"url": OBJECT, "origin": PAGE, **asked}
    with pytest.raises(ValueError, match=text):
        check(client, given.pop("url"), **given)


def test_a_client_of_another_kind_is_refused(app: Flask) -> None:
    form = "client is a Flask: write Flask's test client, Werkzeug's Client or WebTest's TestApp"
    with pytest.raises(TypeError, match=form):
        assert_browser_allows(app, OBJECT, origin=PAGE)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_bucket_may_be_named_by_the_host(kind: str) -> None:
    app = Flask("storage", static_folder=None)
    app.config["BUCKETCORS_HOST_SUFFIXES"] = ["cos.test"]
    BucketCORS(app, store=(store := MemoryStore()))
    store.put("photos", RULES)
    client = CLIENTS[kind](app)
    url = "http://photos.cos.test/cat.png?size=1#part"
    assert assert_browser_allows(client, url, origin=PAGE, method="PUT").status == 404
    assert "bucket 'videos'" in assert_browser_refuses(
        client, "http://videos.cos.test/cat.png", origin=PAGE
    )


def test_the_settings_of_the_client_count(app: Flask) -> None:
    """Of Flask its application's, of WebTest extra_environ."""
    app.config.update(SERVER_NAME="storage.test", PREFERRED_URL_SCHEME="https")
    with pytest.raises(ValueError, match=r"has the origin of the page, https://storage.test:"):
        assert_browser_allows(app.test_client(), OBJECT, origin="https://storage.test")
    webtest = TestApp(app, extra_environ={"HTTP_HOST": "storage.test"})
    with pytest.raises(ValueError, match=r"has the origin of the page, http://storage.test:"):
        assert_browser_allows(webtest, OBJECT, origin="http://storage.test")


def hidden_by(headers: dict[str, str]) -> Callable[[Any], Any]:
    """A layer that sets headers after the rules have."""

    def wrap(wsgi: Any) -> Any:
        def layer(environ: Any, start_response: Any) -> Any:
            def start(status: str, pairs: list[tuple[str, str]], exc: Any = None) -> Any:
                kept = [pair for pair in pairs if pair[0] not in headers]
                return start_response(status, [*kept, *headers.items()], exc)

            return wsgi(environ, start)

        layer.app = wsgi  # type: ignore[attr-defined]
        return layer

    return wrap


def test_headers_that_something_else_changed_are_not_said_to_be_the_rules_fault(app: Flask) -> None:
    app.wsgi_app = hidden_by({"Access-Control-Allow-Origin": OTHER})(app.wsgi_app)  # type: ignore[method-assign]
    reason = assert_browser_refuses(app.test_client(), OBJECT, origin=PAGE)
    assert f"Access-Control-Allow-Origin: {OTHER}\n" in reason
    assert "The response is not what these rules give" in reason
    with pytest.raises(AssertionError, match="the application itself sent the headers"):
        assert_browser_refuses(app.test_client(), "/phtos/cat.png", origin=OTHER)


def test_an_application_without_bucketcors_is_said_to_be_without() -> None:
    client = Flask("storage").test_client()
    reason = assert_browser_refuses(client, OBJECT, origin=PAGE)
    assert reason.endswith("no rules apply: the application is not wrapped by BucketCORS")


def test_any_wsgi_application_is_explained() -> None:
    def storage(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"an object"]

    store = MemoryStore()
    store.put("photos", RULES)
    wrapped = ProxyFix(BucketCORSMiddleware(storage, store=store, dialect="s3"))
    for client in (Client(wrapped), TestApp(wrapped)):
        assert assert_browser_allows(client, OBJECT, origin=PAGE, method="PUT").body == b"an object"
        assert "Fix: " in assert_browser_refuses(client, OBJECT, origin=OTHER, method="PUT")


def test_a_store_that_fails_is_named(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(bucket: str) -> None:
        raise StoreUnavailable("the database is locked")

    monkeypatch.setattr(BucketCORSState.of(app).store, "read", fail)
    reason = assert_browser_refuses(app.test_client(), "/other/x", origin=PAGE)
    assert reason.endswith("the database is locked")


def test_a_response_is_what_its_fields_say(client: Any) -> None:
    response = assert_browser_allows(client, OBJECT, origin=PAGE, method="HEAD")
    assert isinstance(response, PageResponse)
    assert (response.status, response.body) == (200, b"")


cors = BucketCORS()


def create_app(**config: Any) -> Flask:
    """A factory, as applications have one."""
    app = Flask("storage", static_folder=None)
    app.config.update(BUCKETCORS_DATABASE="/dev/null/rules.sqlite", **config)
    cors.init_app(app)
    return app


def test_a_factory_gets_a_store_in_memory() -> None:
    with memory_store() as store:
        store.put("photos", RULES)
        app = create_app()
    assert BucketCORSState.of(app).store is store
    assert_browser_allows(app.test_client(), OBJECT, origin=PAGE, method="PUT")
    with memory_store() as another:
        assert BucketCORSState.of(create_app()).store is another
    assert another.list() == []
    with pytest.raises(StoreUnavailable):
        create_app()


def test_an_application_with_a_store_of_its_own_keeps_it(store: SQLiteStore) -> None:
    app = Flask("storage", static_folder=None)
    with memory_store():
        BucketCORS(app, store=store)
    assert BucketCORSState.of(app).store is store


def test_a_block_that_fails_ends_as_well() -> None:
    with pytest.raises(ZeroDivisionError), memory_store():
        raise ZeroDivisionError
    with pytest.raises(StoreUnavailable):
        create_app()
