"""The middleware between a server and an application: PEP 3333, decisions, failures.

Applications are held to PEP 3333 from both sides: ``wsgiref.validate`` stands before and
behind the middleware, and WebTest lints every request and answer besides.
"""

import gc
import json
import logging
import re
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from io import BytesIO
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest
import webtest.lint
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from webtest import TestApp, TestResponse
from werkzeug.middleware.lint import LintMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import run_wsgi_app

from flask_bucketcors import (
    BucketCORSMiddleware,
    MemoryStore,
    Rule,
    RulesAPI,
    RuleSet,
    StoreUnavailable,
)
from flask_bucketcors.core.dialects import DIALECTS
from flask_bucketcors.stores.contract import Signal, StoredRules
from flask_bucketcors.wsgi.rules_cache import RulesCache
from tests.support.tables import in_one_test
from tests.support.vendor_corpus import vector_rule_set, vectors

A = "https://a.test"
B = "https://b.test"
EVIL = "https://evil.test"

RULES = RuleSet(
    [
        Rule(
            [A, B],
            ["GET", "PUT"],
            allowed_headers=["x-cos-meta-a"],
            expose_headers=["ETag"],
            max_age_seconds=600,
        ),
        Rule(["*"], ["HEAD"]),
    ]
)
ACTUAL = {
    "access-control-allow-credentials": "true",
    "access-control-allow-origin": A,
    "access-control-expose-headers": "ETag",
}
PREFLIGHT = ACTUAL | {
    "access-control-allow-headers": "x-cos-meta-a",
    "access-control-allow-methods": "GET,PUT",
    "access-control-max-age": "600",
}
PLAIN = [("Content-Type", "text/plain"), ("Content-Length", "3")]
OWN_CORS = [("Access-Control-Allow-Origin", "https://app.test"), ("ACCESS-CONTROL-MAX-AGE", "5")]
OBJECT = "/photos/cat.png"

Headers = list[tuple[str, str]]


class Server:
    """What stands before an application: keeps every call of ``start_response``."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.written: list[bytes] = []
        self.write = self.written.append

    def start_response(self, *args: Any) -> Callable[[bytes], object]:
        self.calls.append(args)
        return self.write

    def run(self, app: WSGIApplication, environ: WSGIEnvironment) -> Iterable[bytes]:
        return app(environ, self.start_response)

    @property
    def status(self) -> int:
        return int(self.calls[-1][0].split()[0])

    @property
    def headers(self) -> Headers:
        return self.calls[-1][1]


class Spy:
    """An application that keeps the environs it was called with."""

    def __init__(self, status: str = "200 OK", headers: Headers = PLAIN) -> None:
        self.environs: list[WSGIEnvironment] = []
        self.status = status
        self.headers = headers

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        self.environs.append(environ)
        start_response(self.status, self.headers)
        return [] if self.status.startswith("304") else [b"app"]


class FaultyStore(MemoryStore):
    """A store that fails as it is told.

    ``faults`` holds an error for each method that fails, ``unreadable`` the buckets that cannot
    be read, and ``garbage`` what is read of a bucket in place of its rules.
    """

    def __init__(self) -> None:
        super().__init__()
        self.faults: dict[str, type[Exception]] = {}
        self.unreadable: set[str] = set()
        self.garbage: dict[str, Any] = {}

    def _trip(self, method: str) -> None:
        if method in self.faults:
            raise self.faults[method]("the disk is gone")

    def read(self, bucket: str) -> Any:
        self._trip("read")
        if bucket in self.unreadable:
            raise StoreUnavailable(bucket)
        return self.garbage.get(bucket) or super().read(bucket)

    def signal(self) -> Signal:
        self._trip("signal")
        return super().signal()

    def state(self) -> int:
        self._trip("state")
        return super().state()


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store() -> Iterator[FaultyStore]:
    store = FaultyStore()
    store.put("photos", RULES)
    yield store
    store.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(
        "flask_bucketcors.wsgi.middleware.RulesCache", partial(RulesCache, clock=clock)
    )
    return clock


def client(app: WSGIApplication, store: MemoryStore, **options: Any) -> TestApp:
    middleware = BucketCORSMiddleware(validator(app), store=store, **options)
    return TestApp(validator(middleware))


def call(
    client: TestApp, method: str, url: str = OBJECT, headers: dict[str, str] | None = None
) -> TestResponse:
    return client.request(url, method=method, headers=headers or {}, expect_errors=True)


def preflight(
    client: TestApp, url: str = OBJECT, *, origin: str = A, method: str = "PUT", **headers: str
) -> TestResponse:
    sent = {"Origin": origin, "Access-Control-Request-Method": method, **headers}
    return call(client, "OPTIONS", url, sent)


def environ_of(method: str, path: str = OBJECT, query: str = "", **extra: Any) -> WSGIEnvironment:
    environ: WSGIEnvironment = {}
    setup_testing_defaults(environ)
    environ.update(REQUEST_METHOD=method, PATH_INFO=path, QUERY_STRING=query, **extra)
    return environ


def cors_of(response: TestResponse) -> dict[str, str]:
    """The Access-Control-* headers; one that is there twice is an error."""
    pairs = [(name.lower(), value) for name, value in response.headerlist]
    found = [pair for pair in pairs if pair[0].startswith("access-control-")]
    assert len(dict(found)) == len(found)
    return dict(found)


def vary_of(response: TestResponse) -> set[str]:
    values = ",".join(response.headers.getall("Vary")).lower().split(",")
    return {value.strip() for value in values} - {""}


def test_the_list_of_headers_belongs_to_the_application(store):
    """One that uses its list again may not find a page's origin in it."""
    headers = [*PLAIN, *OWN_CORS, ("Vary", "Accept")]
    before = list(headers)
    app = client(Spy(headers=headers), store)
    seen = [cors_of(call(app, "GET", headers={"Origin": origin})) for origin in (A, B, EVIL)]
    assert [each.get("access-control-allow-origin") for each in seen] == [A, B, None]
    assert headers == before


@pytest.mark.parametrize("origin", [A, EVIL, None], ids=["allowed", "refused", "no origin"])
def test_cors_headers_of_the_application_give_way(store, origin):
    """In any case of their names, and where no rule allows the request too."""
    app = client(Spy(headers=[*PLAIN, *OWN_CORS, ("X-Own", "kept")]), store)
    answer = call(app, "GET", headers={"Origin": origin} if origin else {})
    assert cors_of(answer) == (ACTUAL if origin == A else {})
    assert answer.headers["X-Own"] == "kept"


def test_exc_info_is_passed_on_as_it_came(store):
    """By position, in a call of two arguments where there is none; one origin in each answer."""
    infos = []

    def app(environ, start_response):
        start_response("200 OK", list(PLAIN))
        try:
            raise ValueError
        except ValueError:
            infos.append(sys.exc_info())
            start_response("500 Internal Server Error", list(PLAIN), infos[0])
        return [b"app"]

    server = Server()
    server.run(BucketCORSMiddleware(app, store=store), environ_of("GET", HTTP_ORIGIN=A))
    assert [len(args) for args in server.calls] == [2, 3]
    assert server.calls[1][2] is infos[0]
    assert [name for name, _ in server.headers].count("Access-Control-Allow-Origin") == 1


def test_an_answer_that_is_begun_again_carries_one_origin(store):
    def app(environ, start_response):
        start_response("200 OK", list(PLAIN))
        try:
            raise ValueError
        except ValueError:
            start_response("500 Internal Server Error", list(PLAIN), sys.exc_info())
        return [b"app"]

    answer = call(client(app, store), "GET", headers={"Origin": A})
    assert answer.status_code == 500
    assert cors_of(answer) == ACTUAL


def test_no_reference_to_exc_info_is_kept(store):
    class Failure(Exception):
        pass

    references = []

    def app(environ, start_response):
        failure = Failure()
        references.append(weakref.ref(failure))
        start_response("500 Internal Server Error", list(PLAIN), (Failure, failure, None))
        return [b"app"]

    middleware = BucketCORSMiddleware(app, store=store)
    middleware(environ_of("GET", HTTP_ORIGIN=A), lambda status, headers, exc_info: None)
    gc.collect()
    assert references[0]() is None


def test_what_the_server_raises_reaches_the_application(store):
    """PEP 3333: with headers sent, ``start_response`` raises ``exc_info`` again."""

    def refuse(status, headers, exc_info=None):
        raise ConnectionError("headers are sent")

    middleware = BucketCORSMiddleware(Spy(), store=store)
    with pytest.raises(ConnectionError, match="headers are sent"):
        middleware(environ_of("GET", HTTP_ORIGIN=A), refuse)


def test_write_is_the_servers_own(store):
    writes = []

    def app(environ, start_response):
        writes.append(start_response("200 OK", list(PLAIN)))
        writes[0](b"app")
        return []

    server = Server()
    server.run(BucketCORSMiddleware(app, store=store), environ_of("GET", HTTP_ORIGIN=A))
    assert writes[0] is server.write
    assert server.written == [b"app"]


class Body:
    """An iterable that knows whether it was closed."""

    def __init__(self) -> None:
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        yield b"app"

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize(
    "body",
    [
        pytest.param([b"app"], id="list, of which servers take the length"),
        pytest.param(Body(), id="iterable with close"),
        pytest.param((part for part in [b"app"]), id="generator"),
        pytest.param(
            FileWrapper(BytesIO(b"app")), id="file wrapper, which servers send themselves"
        ),
    ],
)
def test_the_iterable_is_returned_itself(store, body):
    def app(environ, start_response):
        start_response("200 OK", list(PLAIN))
        return body

    environ = environ_of("GET", HTTP_ORIGIN=A)
    environ["wsgi.file_wrapper"] = FileWrapper
    assert BucketCORSMiddleware(app, store=store)(environ, Server().start_response) is body


def test_the_body_is_closed_once(store):
    body = Body()

    def app(environ, start_response):
        start_response("200 OK", list(PLAIN))
        return body

    call(client(app, store), "GET", headers={"Origin": A})
    assert body.closed == 1


def test_an_application_may_start_when_it_is_iterated(store):
    """As generators do; its answer is decorated all the same."""

    def app(environ, start_response):
        start_response("200 OK", list(PLAIN))
        yield b"app"

    middleware = BucketCORSMiddleware(app, store=store)
    server = Server()
    body = server.run(middleware, environ_of("GET", HTTP_ORIGIN=A))
    assert server.calls == []
    assert list(body) == [b"app"]
    assert ("Access-Control-Allow-Origin", A) in server.headers
    assert cors_of(call(client(app, store), "GET", headers={"Origin": A})) == ACTUAL


def test_the_decision_is_made_before_the_application_runs(store):
    """A request is judged by the rules in force when it arrives."""

    def app(environ, start_response):
        store.delete("photos")
        start_response("200 OK", list(PLAIN))
        return [b"app"]

    assert cors_of(call(client(app, store), "GET", headers={"Origin": A})) == ACTUAL


def test_a_preflight_leaves_the_body_unread(store):
    class Unread(BytesIO):
        def read(self, *args: Any) -> bytes:
            raise AssertionError("read")

    environ = environ_of("OPTIONS", HTTP_ORIGIN=A, HTTP_ACCESS_CONTROL_REQUEST_METHOD="PUT")
    environ.update({"wsgi.input": Unread(b"body"), "CONTENT_LENGTH": "4"})
    server = Server()
    server.run(BucketCORSMiddleware(Spy(), store=store), environ)
    assert server.status == 200


LINTERS = [
    pytest.param(validator, id="wsgiref"),
    pytest.param(LintMiddleware, id="werkzeug"),
    pytest.param(webtest.lint.middleware, id="webtest"),
]
CROSS = {"HTTP_ORIGIN": A, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"}


@pytest.mark.parametrize("lint", LINTERS)
@pytest.mark.parametrize(
    "status, environ",
    [
        pytest.param(200, environ_of("OPTIONS", **CROSS), id="preflight allowed"),
        pytest.param(403, environ_of("OPTIONS", **CROSS | {"HTTP_ORIGIN": EVIL}), id="refused"),
        pytest.param(403, environ_of("OPTIONS", "/empty/a", **CROSS), id="no rules"),
        pytest.param(503, environ_of("OPTIONS", "/closed/a", **CROSS), id="unreadable rules"),
        pytest.param(403, environ_of("OPTIONS"), id="plain OPTIONS refused"),
        pytest.param(200, environ_of("GET", HTTP_ORIGIN=A), id="actual"),
        pytest.param(200, environ_of("GET", "/photos", "cors", HTTP_ORIGIN=A), id="rules read"),
        pytest.param(404, environ_of("GET", "/empty", "cors"), id="no rules to read"),
        pytest.param(204, environ_of("DELETE", "/empty", "cors"), id="rules deleted"),
        pytest.param(400, environ_of("PUT", "/empty", "cors"), id="rules without a length"),
        pytest.param(
            400, environ_of("PUT", "/empty", "cors", CONTENT_LENGTH="0"), id="rules without a body"
        ),
        pytest.param(405, environ_of("POST", "/empty", "cors"), id="method that does not exist"),
        pytest.param(200, environ_of("OPTIONS", "/photos", "cors", **CROSS), id="rules preflight"),
    ],
)
def test_every_linter_accepts_every_answer(store, lint, status, environ):
    """Their warnings are errors here. Each response is given twice, the second time from memory.

    Each has a chunk at least: some servers send nothing at all if there is none.
    """
    store.unreadable.add("closed")
    api = RulesAPI(store, authorize=lambda call: True)
    api.cross_origin = True
    app = BucketCORSMiddleware(Spy(), store=store, api=api, plain_options="refuse")
    for _ in range(2):
        chunks, line, headers = run_wsgi_app(lint(app), dict(environ), buffered=True)
        assert line.startswith(str(status))
        body = list(chunks)
        assert body
        assert len(b"".join(body)) == int(headers["Content-Length"])


# Not Werkzeug's, which misses the bytes that Content-Length announces, as it does with Werkzeug's
# own responses to HEAD. RFC 9110, 8.6: there the length is that of the response to GET.
@pytest.mark.parametrize("lint", [LINTERS[0], LINTERS[2]])
def test_linters_accept_an_error_without_its_body(store, lint):
    app = lint(BucketCORSMiddleware(Spy(), store=store, api=RulesAPI(store)))
    environ = environ_of("HEAD", "/photos", "cors")
    chunks, line, headers = run_wsgi_app(app, environ, buffered=True)
    assert line.startswith("405")
    assert int(headers["Content-Length"]) > 0
    assert list(chunks) == [b""]


def test_a_head_request_is_one_like_others(store):
    answer = call(client(Spy(headers=PLAIN[:1]), store), "HEAD", headers={"Origin": A})
    assert cors_of(answer) == {"access-control-allow-origin": "*"}


# By bucket: the origins and headers of its rule, what may be echoed of a request's Origin, and
# an origin that fits.
HOSTILE = {
    "literal": (["https://a.test", "null"], ["Range", "x-*"], r"https://a\.test|null", "null"),
    "pattern": (["https://*.a.test"], ["*"], r"https://[\w.-]*\.a\.test", "https://b.a.test"),
    "star": (["https://a.test", "*"], ["*-a"], r"\*", "https://b.test"),
}


@pytest.fixture(scope="module")
def hostile() -> WSGIApplication:
    store = MemoryStore()
    for bucket, (origins, headers, *_) in HOSTILE.items():
        rule = Rule(origins, ["GET", "PUT"], headers, ["ETag"], max_age_seconds=5)
        store.put(bucket, RuleSet([rule]))
    return BucketCORSMiddleware(Spy(), store=store)


def noise() -> st.SearchStrategy[str]:
    """Header bytes in the guise of latin-1: pieces of what fits, and of what must not go out."""
    good = [b"https://a.test", b"https://b.", b".a.test", b"null", b"GET", b"range", b"x-a", b"x-"]
    bad = [b",", b" ", b"*", b"\0", b"\t", b"\r\nX-A: 1", b"\x7f", b"\x85", b"\xe9", b"/", b'"']
    pieces = st.one_of(st.sampled_from(good), st.sampled_from(bad), st.binary(max_size=3))
    return st.lists(pieces, max_size=4).map(lambda parts: b"".join(parts).decode("latin-1"))


@given(
    bucket=st.sampled_from(list(HOSTILE)),
    kind=st.sampled_from(["OPTIONS", "GET"]),
    field=st.sampled_from(
        ["ORIGIN", "ACCESS_CONTROL_REQUEST_METHOD", "ACCESS_CONTROL_REQUEST_HEADERS"]
    ),
    text=noise(),
)
def test_no_byte_is_echoed_but_what_a_rule_allows(hostile, bucket, kind, field, text):
    """With one header of a request that fits replaced: an answer holds printable ASCII out of the
    rules, an origin that fits one, and names of headers that fit one."""
    fitting = {
        "HTTP_ORIGIN": HOSTILE[bucket][3],
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET",
        "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": "x-a",
    }
    environ = environ_of(kind, f"/{bucket}/a", **fitting | {f"HTTP_{field}": text})
    server = Server()
    server.run(hostile, environ)
    assert all(re.fullmatch("[ -~]+", part) for pair in server.headers for part in pair)
    pairs = {name: value for name, value in server.headers if name.startswith("Access-Control-")}
    allowed = pairs.pop("Access-Control-Allow-Origin", None)
    assert allowed in (None, "*", environ["HTTP_ORIGIN"])
    assert allowed is None or re.fullmatch(HOSTILE[bucket][2], allowed, re.ASCII)
    asked = environ["HTTP_ACCESS_CONTROL_REQUEST_HEADERS"].lower().split(",")
    for name in pairs.pop("Access-Control-Allow-Headers", "range").lower().split(","):
        assert name in {"range", *(each.strip(" \t") for each in asked)}
        assert re.fullmatch(r"[!#$%&'*+.^_`|~0-9a-z-]+", name)
    assert (
        pairs.items()
        <= {
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Allow-Methods": "GET,PUT",
            "Access-Control-Expose-Headers": "ETag",
            "Access-Control-Max-Age": "5",
        }.items()
    )


@in_one_test
@pytest.mark.parametrize("bucket", list(HOSTILE))
@pytest.mark.parametrize(
    "origin",
    [
        pytest.param("https://a.test,https://a.test", id="twice the same"),
        pytest.param("https://b.a.test, https://c.a.test", id="two that fit"),
        pytest.param("https://evil.test,https://b.a.test", id="the second fits"),
        pytest.param("https://a.test,", id="trailing comma"),
    ],
)
def test_repeated_origin_headers_are_never_named(hostile, bucket, origin):
    """Servers join them with a comma. Only a bare ``*`` covers that, and its response is ``*``."""
    app = TestApp(hostile)
    allowed = "*" if bucket == "star" else None
    headers = cors_of(call(app, "GET", f"/{bucket}/a", {"Origin": origin}))
    assert headers.get("access-control-allow-origin") == allowed
    assert "access-control-allow-credentials" not in headers
    response = preflight(app, f"/{bucket}/a", origin=origin)
    assert response.status_code == (200 if allowed else 403)


SAMPLE_BUCKET = "examplebucket-1250000000"


def without_ids(text: str) -> str:
    return re.sub(r"<(RequestId|TraceId)>[^<]+", r"<\1>", text)


@pytest.mark.parametrize("sample", vectors("cos_preflight"))
def test_the_vendors_samples(sample):
    """COS 436/8288, byte for byte but for the ids, of which the page hides a part."""
    suffixes = ["cos.{region}.myqcloud.com"]
    store = MemoryStore()
    if sample["config"]:
        store.put(SAMPLE_BUCKET, vector_rule_set(sample["config"]))
    app = client(Spy(), store, host_suffixes=suffixes, vary="vendor")
    request, expected = sample["request"], sample["response"]
    headers = {**request["headers"], "Host": f"{SAMPLE_BUCKET}.cos.ap-beijing.myqcloud.com"}
    answer = call(app, "OPTIONS", request["path"], headers)
    assert answer.status_code == expected["status"]
    assert without_ids(answer.text) == without_ids(expected["body"])
    assert not set(expected["absent"]) & set(answer.headers)
    shown = {
        name: value
        for name, value in expected["headers"].items()
        if name not in ("Content-Length", "x-cos-trace-id")
    }
    assert shown.items() <= dict(answer.headers).items()
    assert answer.headers["x-cos-request-id"]
    assert ("x-cos-trace-id" in answer.headers) == ("x-cos-trace-id" in expected["headers"])


@pytest.mark.parametrize("origin", [A, None], ids=["cross-origin", "same-origin"])
@pytest.mark.parametrize("path", ["/", "/empty", "/empty/cat.png", "/.../cat.png"])
def test_without_bucket_or_rules_nothing_is_touched(store, path, origin):
    """The application's own CORS stays as well."""
    spy = Spy(headers=[*PLAIN, *OWN_CORS, ("Vary", "Accept")])
    environ = environ_of("GET", path)
    if origin:
        environ["HTTP_ORIGIN"] = origin
    server = Server()
    server.run(BucketCORSMiddleware(spy, store=store), environ)
    assert server.calls[0][1] is spy.headers


@pytest.mark.parametrize(
    "status",
    [
        "200 OK",
        "206 Partial Content",
        "302 Found",
        "304 Not Modified",
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "500 Internal Server Error",
    ],
)
def test_every_status_is_decorated(store, status):
    headers = [("ETag", '"a"')] if status.startswith("304") else PLAIN
    answer = call(client(Spy(status, headers), store), "GET", headers={"Origin": A})
    assert answer.status == status
    assert cors_of(answer) == ACTUAL
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "origin, method, expected",
    [
        pytest.param(A, "GET", ACTUAL, id="allowed"),
        pytest.param(A, "DELETE", {}, id="method that no rule allows"),
        pytest.param(EVIL, "GET", {}, id="origin that no rule allows"),
        pytest.param("HTTPS://A.TEST", "GET", {}, id="origin in another case"),
        pytest.param("", "GET", {}, id="empty origin"),
        pytest.param("null", "GET", {}, id="null"),
    ],
)
def test_no_actual_request_is_refused(store, origin, method, expected):
    """Rules tell browsers what pages may read; they are not access control."""
    spy = Spy()
    answer = call(client(spy, store), method, headers={"Origin": origin})
    assert (answer.status_code, answer.text) == (200, "app")
    assert cors_of(answer) == expected
    assert len(spy.environs) == 1


def test_an_actual_request_is_judged_by_its_own_method(store):
    """Not by Access-Control-Request-* (design, choice 13)."""
    sent = {
        "Origin": A,
        "Access-Control-Request-Method": "DELETE",
        "Access-Control-Request-Headers": "x-forbidden",
    }
    assert cors_of(call(client(Spy(), store), "GET", headers=sent)) == ACTUAL


@pytest.mark.parametrize("allow", [True, False])
def test_credentials_can_be_turned_off(store, allow):
    app = client(Spy(), store, allow_credentials=allow)
    for answer in (call(app, "GET", headers={"Origin": A}), preflight(app)):
        assert ("access-control-allow-credentials" in cors_of(answer)) is allow


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Origin": A}, id="allowed"),
        pytest.param({"Origin": EVIL}, id="refused"),
        pytest.param({}, id="no origin"),
    ],
)
@pytest.mark.parametrize(
    "own, expected",
    [
        pytest.param([], ["Origin"], id="none"),
        pytest.param(["Accept"], ["Accept, Origin"], id="another name"),
        pytest.param(["Accept, Cookie"], ["Accept, Cookie, Origin"], id="other names"),
        pytest.param(["Origin"], ["Origin"], id="the name"),
        pytest.param(["Accept,ORIGIN"], ["Accept,ORIGIN"], id="the name in another case"),
        pytest.param(["X-Origin"], ["X-Origin, Origin"], id="a name that ends alike"),
        pytest.param(["*"], ["*"], id="star"),
        pytest.param(["Accept, *"], ["Accept, *"], id="star among names"),
    ],
)
def test_safe_vary_is_merged_with_the_applications(store, own, expected, headers):
    """On every answer of the bucket: allowed, refused, and without an origin."""
    spy = Spy(headers=[*PLAIN, *(("vary", value) for value in own)])
    answer = call(client(spy, store), "GET", headers=headers)
    assert answer.headers.getall("Vary") == expected


@pytest.mark.parametrize(
    "own, expected",
    [
        pytest.param(["Accept", "Cookie"], ["Accept, Origin", "Cookie"], id="other names"),
        pytest.param(["Accept", "Origin"], ["Accept", "Origin"], id="the name in the second"),
        pytest.param(["Accept", "*"], ["Accept", "*"], id="star in the second"),
        pytest.param(["", "Accept"], ["", "Accept, Origin"], id="an empty one first"),
    ],
)
def test_vary_in_several_lines(store, own, expected):
    spy = Spy(headers=[*PLAIN, *(("Vary", value) for value in own)])
    assert call(client(spy, store), "GET").headers.getall("Vary") == expected


PREFLIGHT_VARY = {"origin", "access-control-request-method", "access-control-request-headers"}


@pytest.mark.parametrize("origin", [A, EVIL], ids=["allowed", "refused"])
@pytest.mark.parametrize(
    "mode, response_vary, actual, preflighted",
    [
        pytest.param("safe", None, {"origin"}, PREFLIGHT_VARY, id="safe"),
        pytest.param("safe", False, {"origin"}, PREFLIGHT_VARY, id="safe, ResponseVary false"),
        pytest.param("safe", True, {"origin"}, PREFLIGHT_VARY, id="safe, ResponseVary true"),
        pytest.param("vendor", None, set(), set(), id="vendor"),
        pytest.param("vendor", False, set(), set(), id="vendor, ResponseVary false"),
        pytest.param("vendor", True, {"origin"}, {"origin"}, id="vendor, ResponseVary true"),
    ],
)
def test_vary_by_mode(store, mode, response_vary, actual, preflighted, origin):
    store.put("photos", RuleSet(RULES.rules, response_vary))
    app = client(Spy(), store, vary=mode)
    assert vary_of(call(app, "GET", headers={"Origin": origin})) == actual
    assert vary_of(call(app, "GET")) == actual
    assert vary_of(preflight(app, origin=origin)) == preflighted


@pytest.mark.parametrize(
    "url",
    [
        "/photos",
        "/photos/",
        OBJECT,
        "/photos/a/b/",
        "/photos/?lifecycle",
        "/photos?cors",
        "/photos//",
    ],
)
def test_a_preflight_never_reaches_the_application(store, url):
    spy = Spy()
    answer = preflight(client(spy, store), url)
    assert (answer.status, answer.body) == ("200 OK", b"")
    assert cors_of(answer) == PREFLIGHT
    assert answer.headers["Content-Length"] == "0"
    assert spy.environs == []


@pytest.mark.parametrize(
    "url, sent",
    [
        pytest.param(OBJECT, {"origin": EVIL}, id="origin"),
        pytest.param(OBJECT, {"method": "DELETE"}, id="method"),
        pytest.param(OBJECT, {"method": ""}, id="empty method"),
        pytest.param(OBJECT, {"origin": ""}, id="empty origin"),
        pytest.param(OBJECT, {"Access-Control-Request-Headers": "x-b"}, id="header"),
        pytest.param("/empty/cat.png", {}, id="bucket without rules"),
        pytest.param("/empty", {}, id="bucket that does not exist"),
    ],
)
def test_a_refused_preflight_is_an_error_document(store, url, sent):
    """Which looks the same for a missing bucket and carries no Access-Control-* header."""
    spy = Spy()
    answer = preflight(client(spy, store), url, **sent)
    assert (answer.status, answer.content_type) == ("403 Forbidden", "application/xml")
    assert "<Code>AccessForbidden</Code>" in answer.text
    assert cors_of(answer) == {}
    assert spy.environs == []


def test_a_preflight_is_never_redirected(store):
    """Fetch: a redirected preflight has failed."""
    app = Flask("strict")
    app.add_url_rule("/<bucket>/", "bucket", lambda bucket: "bucket")
    strict = client(app, store)
    assert call(strict, "GET", "/photos", {"Origin": A}).status_code == 308
    assert preflight(strict, "/photos").status_code == 200
    assert preflight(strict, "/photos", origin=EVIL).status_code == 403


ORIGIN_ONLY = {"Origin": A}
METHOD_ONLY = {"Access-Control-Request-Method": "PUT"}


@pytest.mark.parametrize(
    "policy, status, reaches",
    [pytest.param("app", 200, True, id="app"), pytest.param("refuse", 403, False, id="refuse")],
)
@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({}, id="neither header"),
        pytest.param(ORIGIN_ONLY, id="origin alone"),
        pytest.param(METHOD_ONLY, id="requested method alone"),
    ],
)
@pytest.mark.parametrize("path", [OBJECT, "/empty/cat.png"], ids=["rules", "no rules"])
def test_options_that_is_no_preflight(store, policy, status, reaches, sent, path):
    spy = Spy()
    answer = call(client(spy, store, plain_options=policy), "OPTIONS", path, sent)
    assert answer.status_code == status
    assert bool(spy.environs) is reaches
    assert cors_of(answer) == {}


@pytest.mark.parametrize("policy", ["app", "refuse"])
def test_options_without_a_bucket_is_the_applications(store, policy):
    spy = Spy()
    app = client(spy, store, plain_options=policy, no_rules="refuse")
    assert preflight(app, "/").text == "app"
    assert call(app, "OPTIONS", "/").text == "app"
    assert len(spy.environs) == 2


def test_preflights_of_buckets_without_rules_can_be_passed_on(store):
    """For applications that are only partly storage; whatever becomes of plain OPTIONS."""
    spy = Spy(headers=[*PLAIN, *OWN_CORS])
    app = client(spy, store, no_rules="pass", plain_options="refuse")
    answer = preflight(app, "/empty/cat.png")
    assert (answer.text, answer.headers["Access-Control-Allow-Origin"]) == (
        "app",
        "https://app.test",
    )
    assert call(app, "OPTIONS", "/empty/cat.png").text == "app"
    assert preflight(app).status_code == 200
    assert preflight(app, origin=EVIL).status_code == 403
    assert len(spy.environs) == 2


METHODS = ["GET", "PUT", "DELETE", "POST", "HEAD", "PATCH", "OPTIONS", "PROPFIND", "delete"]
RULES_QUERIES = [
    "cors",
    "cors=",
    "cors=x",
    "cors&cors",
    "a=b&cors",
    "cors=&X-Amz-Algorithm=AWS4-HMAC-SHA256",
    "&cors&",
    "c%6Frs",
    "%63%6F%72%73=",
    "prefix=a&c%6frs=1",
    "acl&cors",
    "delete&cors",
]


@pytest.mark.parametrize("no_rules", ["refuse", "pass"])
@pytest.mark.parametrize("path", ["/photos", "/photos/", "/empty", "/\r\n"])
@pytest.mark.parametrize("query", RULES_QUERIES)
def test_a_rules_call_goes_to_the_api_and_never_to_the_application(store, path, query, no_rules):
    """With any method and any spelling: to it, ``DELETE /bucket?cors`` means the bucket."""
    spy, api = Spy(), Spy()
    app = BucketCORSMiddleware(spy, store=store, api=api, no_rules=no_rules)
    for method in METHODS:
        Server().run(app, environ_of(method, path, query))
        Server().run(app, environ_of(method, path, query, HTTP_ORIGIN=A))
        Server().run(app, environ_of(method, path, query, **CROSS))
    assert spy.environs == []
    assert {environ["REQUEST_METHOD"] for environ in api.environs} == set(METHODS)
    assert {environ["flask_bucketcors.bucket"] for environ in api.environs} == {path.strip("/")}


@pytest.mark.parametrize("method", METHODS)
def test_a_rules_call_without_an_api_is_not_implemented(store, method):
    spy = Spy()
    server = Server()
    server.run(BucketCORSMiddleware(spy, store=store), environ_of(method, "/photos", "cors"))
    assert server.status == 501
    assert ("Content-Type", "application/xml") in server.headers
    assert spy.environs == []


@pytest.mark.parametrize(
    "status, answered", [("404 Not Found", 200), ("405 No", 405), ("200 OK", 200), ("503 No", 503)]
)
@pytest.mark.parametrize("query", ["apiversion", "apiversion="])
def test_the_first_question_of_an_obs_sdk_is_not_answered_not_found(store, query, status, answered):
    """It would take that for the end, before it has made a single call."""
    spy = Spy(status)
    app = client(spy, store, api=Spy(), host_suffixes=["cos.test"])
    on_host = call(app, "HEAD", f"/?{query}", {"Host": "photos.cos.test", "Origin": A})
    assert (on_host.status_int, on_host.headers["Access-Control-Allow-Origin"]) == (answered, "*")
    assert call(app, "HEAD", f"/photos?{query}").status_int == answered
    assert len(spy.environs) == 2


@pytest.mark.parametrize(
    "method, url",
    [("GET", "/photos?apiversion"), ("HEAD", "/photos/a?apiversion"), ("HEAD", "/photos")],
)
def test_other_questions_may_be_answered_not_found(store, method, url):
    spy = Spy("404 Not Found")
    assert call(client(spy, store, api=Spy()), method, url).status_int == 404


def test_without_an_api_no_call_follows_the_first_question(store):
    spy = Spy("404 Not Found")
    assert call(client(spy, store), "HEAD", "/photos?apiversion").status_int == 404


def test_a_rules_call_below_a_virtual_host(store):
    spy, api = Spy(), Spy()
    app = client(spy, store, api=validator(api), host_suffixes=["cos.test"])
    call(app, "DELETE", "/?cors", {"Host": "photos.cos.test"})
    call(app, "GET", "/photos?cors", {"Host": "photos.cos.test"})
    assert [environ["REQUEST_METHOD"] for environ in api.environs] == ["DELETE"]
    assert [environ["REQUEST_METHOD"] for environ in spy.environs] == ["GET"]


@pytest.mark.parametrize(
    "path, query",
    [
        pytest.param("/photos/key", "cors", id="object"),
        pytest.param("/photos", "", id="no query"),
        pytest.param("/photos", "prefix=cors", id="value"),
        pytest.param("/photos", "corsx", id="longer name"),
        pytest.param("/photos", "xcors", id="name that ends alike"),
        pytest.param("/photos", "cors%00", id="name with a control character"),
        pytest.param("/photos", "+cors", id="name with a blank"),
        pytest.param("/photos", "a=b%26cors", id="encoded ampersand"),
        pytest.param("/photos", "a;cors", id="semicolon separates nothing"),
        pytest.param("/photos", "%2563ors", id="encoded twice"),
        pytest.param("/", "cors", id="no bucket"),
    ],
)
def test_what_is_no_rules_call_reaches_the_application(store, path, query):
    spy, api = Spy(), Spy()
    Server().run(BucketCORSMiddleware(spy, store=store, api=api), environ_of("DELETE", path, query))
    assert (len(spy.environs), api.environs) == (1, [])


def test_rules_calls_take_part_in_cors(store):
    """By the rules in force when they arrive, like every other URL of the bucket."""
    api = validator(Spy(headers=[*PLAIN, *OWN_CORS]))
    app = client(Spy(), store, api=api, api_cross_origin=True)
    assert cors_of(call(app, "PUT", "/photos?cors", {"Origin": A})) == ACTUAL
    assert cors_of(call(app, "PUT", "/photos?cors", {"Origin": EVIL})) == {}
    assert preflight(app, "/photos?cors").status_code == 200
    assert preflight(app, "/photos?cors", origin=EVIL).status_code == 403
    assert cors_of(call(client(Spy(), store), "GET", "/photos?cors", {"Origin": A})) == ACTUAL


@pytest.mark.parametrize("said, expected", [(None, {}), (False, {}), (True, ACTUAL)])
def test_an_api_says_whether_it_is_for_pages(store, said, expected):
    """One that does not say is not: a page must not widen its own access."""
    api = Spy()
    if said is not None:
        api.cross_origin = said
    answer = call(client(Spy(), store, api=api), "GET", "/photos?cors", {"Origin": A})
    assert cors_of(answer) == expected


def test_rules_calls_can_be_kept_out_of_cors(store):
    """The other URLs of the bucket are not concerned."""
    api = Spy(headers=[*PLAIN, *OWN_CORS])
    app = client(Spy(), store, api=validator(api), api_cross_origin=False)
    answer = call(app, "GET", "/photos?cors", {"Origin": A})
    assert (answer.status_code, cors_of(answer)) == (200, {})
    refused = preflight(app, "/photos?cors")
    assert (refused.status_code, cors_of(refused)) == (403, {})
    assert cors_of(call(app, "GET", "/photos", {"Origin": A})) == ACTUAL
    assert preflight(app, "/photos").status_code == 200


@pytest.mark.parametrize(
    "path, headers, rule, reason",
    [
        pytest.param(OBJECT, {"Origin": A}, 0, None, id="allowed"),
        pytest.param(OBJECT, {"Origin": EVIL}, None, "method", id="method refused"),
        pytest.param("/tight/a", {"Origin": EVIL}, None, "origin", id="origin refused"),
    ],
)
def test_the_application_learns_what_was_decided(store, path, headers, rule, reason):
    store.put("tight", RuleSet(RULES.rules[:1]))
    spy = Spy()
    app = client(spy, store)
    # Twice: the second time the rules are in memory.
    for _ in range(2):
        call(app, "GET", path, headers)
        decision = spy.environs.pop()["flask_bucketcors.decision"]
        found = (decision.allowed, decision.rule, decision.reason)
        assert found == (rule is not None, rule, reason)


@pytest.mark.parametrize(
    "path, headers",
    [
        pytest.param("/", {"Origin": A}, id="no bucket"),
        pytest.param(OBJECT, {}, id="no origin"),
        pytest.param("/empty", {"Origin": A}, id="no rules"),
    ],
)
def test_the_application_learns_nothing_where_nothing_was_decided(store, path, headers):
    spy = Spy()
    call(client(spy, store), "GET", path, headers)
    assert not [key for key in spy.environs[0] if key.startswith("flask_bucketcors.")]


class Framework:
    """Keeps what serves its requests as Flask does."""

    def __init__(self, app: Any) -> None:
        self.wsgi_app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.wsgi_app(environ, start_response)


@pytest.mark.parametrize(
    "between",
    [lambda app: app, ProxyFix, Framework],
    ids=["directly", "a middleware in between", "a framework in between"],
)
def test_wrapping_twice_is_refused(store, between):
    """Also where something stands between that shows what it wraps."""
    wrapped = BucketCORSMiddleware(Spy(), store=store)
    with pytest.raises(ValueError, match="wrapped in BucketCORSMiddleware already"):
        BucketCORSMiddleware(between(wrapped), store=store)


def test_an_application_that_holds_itself_can_be_wrapped(store):
    """Whoever looks for a middleware further in comes to an end; mocks hold themselves, too."""

    class Mirror(Spy):
        looks = 0

        @property
        def app(self) -> WSGIApplication:
            self.looks += 1
            assert self.looks < 1000, "looked for an end that is not there"
            return self

    BucketCORSMiddleware(Mirror(), store=store)


def test_of_two_middlewares_the_outer_one_decides_where_it_has_rules(store):
    """Hidden behind another one, the inner one cannot be refused."""
    inner_store = MemoryStore()
    inner_store.put("photos", RuleSet([Rule(["*"], ["GET"])]))
    inner_store.put("empty", RuleSet([Rule(["*"], ["GET"])]))
    spy = Spy()
    inner = BucketCORSMiddleware(spy, store=inner_store, api=Spy())
    app = client(lambda environ, start: inner(environ, start), store)
    assert cors_of(call(app, "GET", headers={"Origin": A})) == ACTUAL
    assert cors_of(call(app, "GET", "/empty/a", {"Origin": A})) == {
        "access-control-allow-origin": "*"
    }
    assert call(app, "DELETE", "/photos?cors").status_code == 501
    assert len(spy.environs) == 2


def test_a_second_middleware_decides_where_the_first_sees_no_bucket(store):
    inner = BucketCORSMiddleware(Spy(), store=store, url_prefix="/inner")
    app = client(lambda environ, start: inner(environ, start), MemoryStore(), url_prefix="/outer")
    assert cors_of(call(app, "GET", "/inner/photos/a", {"Origin": A})) == ACTUAL


@pytest.mark.parametrize(
    "option, value, choices",
    [
        ("dialect", "azure", ", ".join(map(repr, DIALECTS))),
        ("vary", "Safe", "'safe', 'vendor'"),
        ("vary", None, "'safe', 'vendor'"),
        ("plain_options", "pass", "'app', 'refuse'"),
        ("no_rules", "app", "'refuse', 'pass'"),
    ],
)
def test_options_that_are_refused(store, option, value, choices):
    """The error names the option, what was given, and what to write."""
    with pytest.raises(ValueError, match=rf"^{option} is {value!r}: write one of {choices}$"):
        BucketCORSMiddleware(Spy(), store=store, **{option: value})


@pytest.mark.parametrize("count", [0, -1])
def test_room_for_no_bucket_is_refused(store, count):
    with pytest.raises(ValueError, match="cached_buckets"):
        BucketCORSMiddleware(Spy(), store=store, cached_buckets=count)


ERRORS = [
    pytest.param(StoreUnavailable, id="unavailable"),
    pytest.param(OSError, id="any other error"),
]


def is_closed(app: TestApp) -> bool:
    """Whether the bucket answers as it does when its rules are unknown; asserts it all."""
    answer = call(app, "GET", headers={"Origin": A})
    refused = preflight(app)
    assert answer.text == "app"
    if refused.status_code != 503:
        return False
    assert "<Code>ServiceUnavailable</Code>" in refused.text
    assert cors_of(refused) == cors_of(answer) == {}
    assert vary_of(answer) == {"origin"}
    return True


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("methods", [["read"], ["read", "signal", "state"]], ids="+".join)
def test_a_store_that_cannot_be_read_closes_a_bucket(store, clock, methods, error):
    """Answers go out without CORS headers, the application's too, and preflights get 503."""
    store.faults = dict.fromkeys(methods, error)
    app = client(Spy(headers=[*PLAIN, *OWN_CORS]), store)
    assert is_closed(app)
    store.faults = {}
    clock.now += 1
    assert not is_closed(app)
    assert cors_of(call(app, "GET", headers={"Origin": A})) == ACTUAL


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize(
    "methods",
    [["signal"], ["state"], ["signal", "state"], ["read", "signal", "state"]],
    ids="+".join,
)
def test_rules_in_memory_stand_while_nothing_says_that_they_changed(store, clock, methods, error):
    app = client(Spy(), store)
    assert not is_closed(app)
    store.faults = dict.fromkeys(methods, error)
    assert cors_of(call(app, "GET", headers={"Origin": A})) == ACTUAL
    clock.now += 1
    assert cors_of(call(app, "GET", headers={"Origin": A})) == ACTUAL
    assert preflight(app).status_code == 200


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("methods", [["read"], ["read", "state"]], ids="+".join)
def test_a_change_that_cannot_be_read_closes_a_bucket(store, clock, methods, error):
    app = client(Spy(), store)
    assert not is_closed(app)
    store.put("photos", RuleSet([Rule([B], ["GET"])]))
    store.faults = dict.fromkeys(methods, error)
    assert is_closed(app)
    assert is_closed(app)
    store.faults = {}
    clock.now += 1
    assert not is_closed(app)
    assert cors_of(call(app, "GET", headers={"Origin": A})) == {}
    assert "access-control-allow-origin" in cors_of(call(app, "GET", headers={"Origin": B}))


def test_a_bucket_opens_with_the_next_change(store):
    """At once, and not when the store is next asked."""
    store.faults = {"read": StoreUnavailable}
    app = client(Spy(), store)
    assert is_closed(app)
    store.faults = {}
    store.put("photos", RULES)
    assert not is_closed(app)


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(StoredRules("1", 1, lambda: RuleSet.from_dict({"rules": []})), id="no rules"),
        pytest.param(StoredRules("1", 1, lambda: json.loads("{")), id="no JSON"),
        pytest.param(StoredRules("1", 1, lambda: {"rules": []}), id="no rule set"),
        pytest.param(StoredRules("1", 1, lambda: None), id="nothing"),
        pytest.param("rules", id="no stored rules"),
    ],
)
def test_garbage_in_a_store_closes_a_bucket(store, stored):
    """Until it is replaced; other buckets are not concerned."""
    store.put("albums", RULES)
    store.garbage["photos"] = stored
    app = client(Spy(), store)
    assert is_closed(app)
    assert preflight(app, "/albums/a").status_code == 200
    store.garbage.clear()
    store.put("photos", RULES)
    assert not is_closed(app)


def test_trouble_with_a_store_is_logged_once_in_an_interval(store, clock, caplog):
    app = client(Spy(), store)
    store.faults = dict.fromkeys(["read", "signal", "state"], StoreUnavailable)
    for _ in range(3):
        assert is_closed(app)
        clock.now += 1
    assert [record.name for record in caplog.records] == ["flask_bucketcors.store"]
    assert caplog.records[0].levelno == logging.ERROR
    assert "the disk is gone" in caplog.text
    clock.now += 60
    assert is_closed(app)
    assert len(caplog.records) == 2


def test_a_bucket_without_rules_is_no_trouble(store, caplog):
    call(client(Spy(), store), "GET", "/empty", {"Origin": A})
    call(client(Spy(), store), "GET", "/\x00", {"Origin": A})
    assert caplog.records == []


def test_a_class_below_may_call_the_middleware_as_its_own(store):
    class Counting(BucketCORSMiddleware):
        calls = 0

        def __call__(self, environ, start_response):
            self.calls += 1
            return super().__call__(environ, start_response)

    counting = Counting(Spy(), store=store)
    assert cors_of(call(TestApp(counting), "GET", headers={"Origin": A})) == ACTUAL
    assert counting.calls == 1


def test_nothing_that_an_application_gets_hold_of_changes_later_answers(store):
    def meddling(environ, start_response):
        decision = environ["flask_bucketcors.decision"]
        assert isinstance(decision.headers, tuple)
        headers = [("Content-Type", "text/plain")]
        start_response("200 OK", headers)
        headers.append(("X-Evil", "1"))
        return [b"app"]

    app = client(meddling, store)
    for _ in range(3):
        assert "X-Evil" not in call(app, "GET", headers={"Origin": A}).headers
