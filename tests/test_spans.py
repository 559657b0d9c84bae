"""OpenTelemetry: what the span of a request says that the rules decided."""

from collections.abc import Iterable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from flask import Flask
from opentelemetry import trace
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from webtest import TestApp

from flask_bucketcors import (
    BucketCORS,
    BucketCORSMiddleware,
    MemoryStore,
    Rule,
    RulesAPI,
    RuleSet,
)
from flask_bucketcors.wsgi import observers

A, EVIL = "https://a.example", "https://evil.example"
ASK = "Access-Control-Request-Method"
RULES = RuleSet([Rule([A], ["GET"])])


def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return [b""]


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.put("photos", RULES)
    return store


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[TracerProvider]:
    """The provider of tracers of the process, for this test."""
    provider = TracerProvider()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    yield provider
    provider.shutdown()


@pytest.fixture
def exporter(provider: TracerProvider) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


def attributes(exporter: InMemorySpanExporter) -> list[dict[str, Any]]:
    """Those of this package, of each span."""
    return [
        {
            key.removeprefix("bucketcors."): value
            for key, value in (span.attributes or {}).items()
            if key.startswith("bucketcors.")
        }
        for span in exporter.get_finished_spans()
    ]


REQUESTS = [
    ("OPTIONS", {"Origin": A, ASK: "GET"}, {"request": "preflight", "outcome": "allowed"}),
    (
        "OPTIONS",
        {"Origin": EVIL, ASK: "GET"},
        {"request": "preflight", "outcome": "refused", "reason": "origin"},
    ),
    ("GET", {"Origin": A}, {"request": "actual", "outcome": "allowed"}),
    (
        "GET",
        {"Origin": EVIL},
        {"request": "actual", "outcome": "refused", "reason": "origin"},
    ),
    ("GET", {}, {}),
]


@pytest.mark.parametrize("method, headers, expected", REQUESTS)
def test_a_span_around_the_middleware_says_what_was_decided(
    store: MemoryStore,
    provider: TracerProvider,
    exporter: InMemorySpanExporter,
    method: str,
    headers: dict[str, str],
    expected: dict[str, str],
) -> None:
    """For the first request, and for those of the hot path."""
    middleware = BucketCORSMiddleware(serve, store=store)
    client = TestApp(OpenTelemetryMiddleware(middleware, tracer_provider=provider))
    for _ in range(2):
        client.request("/photos/k", method=method, headers=headers, expect_errors=True)
    if expected:
        expected = {**expected, "dialect": "cos"}
    assert attributes(exporter) == [expected, expected]


def test_a_span_that_begins_inside_flask_says_it_too(
    store: MemoryStore, provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    app = Flask("storage")
    app.add_url_rule("/<bucket>/<path:key>", view_func=lambda bucket, key: key)
    FlaskInstrumentor().instrument_app(app, tracer_provider=provider)
    BucketCORS(app, store=store)
    for _ in range(2):
        app.test_client().get("/photos/k", headers={"Origin": EVIL})
    expected = {"request": "actual", "outcome": "refused", "reason": "origin", "dialect": "cos"}
    assert attributes(exporter) == [expected, expected]


def test_the_span_of_a_refused_call_has_its_error_code(
    store: MemoryStore, provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    api = RulesAPI(store, authorize=lambda call: True)
    middleware = BucketCORSMiddleware(serve, store=store, api=api)
    client = TestApp(OpenTelemetryMiddleware(middleware, tracer_provider=provider))
    client.get("/photos?cors")
    client.get("/films?cors", status=404)
    assert attributes(exporter) == [{}, {"error_code": "NoSuchCORSConfiguration"}]


@pytest.mark.parametrize("provider", [trace.ProxyTracerProvider(), trace.NoOpTracerProvider()])
def test_without_tracing_nothing_is_described(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, provider: trace.TracerProvider
) -> None:
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    middleware = BucketCORSMiddleware(serve, store=store)
    TestApp(middleware).get("/photos/k", headers={"Origin": A})
    assert middleware._parts.observers == []


def raise_it() -> None:
    raise RuntimeError("the provider that the environment names is missing")


@pytest.mark.parametrize(
    "library, said",
    [
        (SimpleNamespace(get_tracer_provider=raise_it), "is missing"),
        (ModuleType("opentelemetry.trace"), "has no attribute 'get_tracer_provider'"),
    ],
)
def test_a_library_that_fails_is_logged_and_changes_no_response(
    store: MemoryStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    library: object,
    said: str,
) -> None:
    monkeypatch.setitem(observers.sys.modules, "opentelemetry.trace", library)  # type: ignore[arg-type]
    client = TestApp(BucketCORSMiddleware(serve, store=store))
    for _ in range(2):
        client.get("/photos/k", headers={"Origin": A})
    [record] = [each for each in caplog.records if each.name == "flask_bucketcors.metrics"]
    assert vars(record)["bucketcors"]["event"] == "spans_not_described"
    assert said in record.getMessage()


def test_the_library_is_not_imported_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(observers.sys.modules, "opentelemetry.trace")
    assert not observers.are_spans_recorded()
    assert "opentelemetry.trace" not in observers.sys.modules
