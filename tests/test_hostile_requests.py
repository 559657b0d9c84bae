"""Requests of hostile clients, and unlucky moments, that once broke the middleware or the API."""

from typing import Any

import pytest
from webtest import TestApp

from flask_bucketcors import BucketCORSMiddleware, MemoryStore, Rule, RulesAPI, RuleSet
from flask_bucketcors.core.closed_rules import ClosedRules
from flask_bucketcors.core.compiled import CompiledRules
from flask_bucketcors.core.wildcards import Wildcard, WildcardIndex
from flask_bucketcors.wsgi.rules_cache import CHECK_SECONDS, RulesCache

RULES = RuleSet([Rule(["*"], ["GET"])])


class Application:
    """Counts the requests that reach it."""

    def __init__(self) -> None:
        self.requests: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.requests.append(environ["REQUEST_METHOD"] + " " + environ["PATH_INFO"])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"app"]


def send(app: Any, method: str, path: str, host: str = "h", query: str = "") -> str:
    """Send a request as a server hands it over; gives the status."""
    seen: list[str] = []
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "HTTP_HOST": host,
        "SCRIPT_NAME": "",
    }
    list(app(environ, lambda status, headers, exc_info=None: seen.append(status)))
    return seen[0]


@pytest.mark.parametrize(
    "warming, call",
    [
        pytest.param(
            [("GET", "/k", "photos.cos.test"), ("GET", "/my bucket/k", "h")],
            ("DELETE", "/photos", "/my bucket.cos.test"),
            id="a label with a slash, as odd names once were kept",
        ),
        pytest.param(
            [("GET", "/k", "a." + "r" * 234 + ".example.com")],
            ("DELETE", "/photos", "photos." + "r" * 241 + ".example.com"),
            id="a host that is too long",
        ),
        pytest.param([], ("DELETE", "/*", "h"), id="a bucket that is called *"),
    ],
)
def test_no_rules_call_reaches_the_application(
    warming: list[tuple[str, str, str]], call: tuple[str, str, str]
) -> None:
    store = MemoryStore()
    store.put_many((name, RULES) for name in ("photos", "my bucket", "a", "*"))
    app = Application()
    middleware = BucketCORSMiddleware(
        app, store=store, host_suffixes=["cos.test", "{region}.example.com"]
    )
    for request in warming:
        send(middleware, *request)
    app.requests.clear()
    send(middleware, *call, query="cors")
    assert app.requests == []


@pytest.mark.parametrize("query", ["CORS", "Cors=", "a=1&cOrs", "%43ORS"])
def test_the_rules_are_named_in_any_case(query: str) -> None:
    """A COS signature for ?cors covers the others, and an application would take them for less."""
    app = Application()
    middleware = BucketCORSMiddleware(app, store=MemoryStore())
    assert send(middleware, "DELETE", "/photos", query=query).startswith("501")
    assert app.requests == []


def test_a_store_error_closes_a_bucket_for_a_moment_whoever_refreshes_first() -> None:
    """Two threads look at the store at the same tick; one of them makes the new generation."""
    store = MemoryStore()
    store.put("photos", RULES)
    clock = [0.0]
    cache = RulesCache(store, CompiledRules, cached_buckets=9, clock=lambda: clock[0])
    read, store.read = store.read, _failing  # type: ignore[method-assign]
    assert isinstance(cache.get("photos"), ClosedRules)
    store.read = read  # type: ignore[method-assign]
    clock[0] += CHECK_SECONDS
    cache._refresh()
    # The other one had looked at the same generation, and waited for its turn.
    cache._refresh()
    assert isinstance(cache.get("photos"), CompiledRules)


def _failing(bucket: str) -> Any:
    raise OSError("for a moment")


def test_large_grants_are_not_kept_for_others() -> None:
    for number in range(3):
        names = [f"x-{number}-{each}" for each in range(300)]
        rules = CompiledRules(RuleSet([Rule(["*"], ["GET"], names)]))
        again = CompiledRules(RuleSet([Rule(["*"], ["GET"], names)]))
        assert again.rules[0].grant is not rules.rules[0].grant


def test_an_index_stops_at_the_first_fit() -> None:
    index = WildcardIndex((Wildcard("x" * n, ""), n) for n in range(1, 50))
    assert index.fits("xx")
    assert not index.fits("y")


def test_rules_do_not_outlive_their_bucket() -> None:
    """It is deleted while its rules are put."""
    store = MemoryStore()
    there = iter([True, False])
    api = RulesAPI(store, authorize=lambda call: True, bucket_exists=lambda name: next(there))
    app = TestApp(BucketCORSMiddleware(Application(), store=store, api=api))
    body = (
        b"<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin>"
        b"<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"
    )
    answer = app.put("/photos?cors", body, expect_errors=True)
    assert answer.status_int == 404
    assert store.get("photos") is None


@pytest.mark.parametrize("header", ["x-amz-content-sha256", "x-oss-content-sha256"])
def test_a_digest_of_another_body_is_refused_whoever_signed(header: str) -> None:
    api = RulesAPI(MemoryStore(), authorize=lambda call: True)
    app = TestApp(BucketCORSMiddleware(Application(), store=MemoryStore(), api=api))
    answer = app.put("/photos?cors", b"<a/>", headers={header: "0" * 64}, expect_errors=True)
    assert (answer.status_int, answer.xml.findtext("Code")) == (400, "BadDigest")


def test_headers_from_an_iterator_are_kept() -> None:
    store = MemoryStore()
    store.put("photos", RULES)

    def sloppy(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", iter([("Content-Type", "text/plain"), ("X-Kept", "1")]))
        return [b""]

    middleware = BucketCORSMiddleware(sloppy, store=store)
    for _ in range(3):
        kept: list[Any] = []
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/photos/k", "HTTP_ORIGIN": "https://a"}
        list(middleware(environ, lambda status, headers, *rest, kept=kept: kept.extend(headers)))
        assert ("X-Kept", "1") in kept
