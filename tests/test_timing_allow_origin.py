"""Timing-Allow-Origin: which responses carry it, and what becomes of the application's own."""

from collections.abc import Sequence
from typing import Any

import pytest
from werkzeug.test import create_environ, run_wsgi_app

from flask_bucketcors import BucketCORSMiddleware, MemoryStore, Rule, RuleSet
from flask_bucketcors.core.dialects import DIALECTS
from tests.support.tables import in_one_test

A = "https://a.example"
B = "https://b.example"
BY_PATTERN = "https://any.c.example"
EVIL = "https://evil.example"
NAME = "Timing-Allow-Origin"

RULES = {
    "named": RuleSet([Rule([A, B], ["GET", "PUT"]), Rule(["https://*.c.example"], ["GET"])]),
    "open": RuleSet([Rule(["*", A], ["GET"])]),
}


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    store = MemoryStore()
    store.put_many(RULES.items())
    return store


def timing(
    store: MemoryStore,
    bucket: str,
    origin: str | None = None,
    *,
    method: str = "GET",
    own: Sequence[tuple[str, str]] = (),
    requested: str | None = None,
    **settings: Any,
) -> list[str]:
    """The lines of Timing-Allow-Origin on the response to a request, cold and warm alike."""

    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain"), *own])
        return [b""]

    middleware = BucketCORSMiddleware(
        application, store=store, **{"timing_allow_origin": True, **settings}
    )
    headers = {"Origin": origin, "Access-Control-Request-Method": requested}
    sent = {name: value for name, value in headers.items() if value is not None}
    environ = create_environ(f"/{bucket}/key", method=method, headers=sent)
    cold, warm = (run_wsgi_app(middleware, dict(environ))[2].getlist(NAME) for _ in range(2))
    assert cold == warm
    return cold


@in_one_test
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "bucket, origin, method, expected",
    [
        pytest.param("named", A, "GET", [A], id="an origin that a rule names"),
        pytest.param("named", BY_PATTERN, "GET", [BY_PATTERN], id="an origin that a pattern fits"),
        pytest.param("named", A, "PUT", [A], id="another method"),
        pytest.param("open", A, "GET", ["*"], id="a bare star"),
        pytest.param("open", "null", "GET", ["*"], id="a bare star, opaque origin"),
        pytest.param("named", EVIL, "GET", [], id="an origin of no rule"),
        pytest.param("named", A, "DELETE", [], id="a method of no rule"),
        pytest.param("named", None, "GET", [], id="no origin"),
        pytest.param("without-rules", A, "GET", [], id="a bucket without rules"),
    ],
)
def test_an_allowed_actual_request_gets_the_value_of_allow_origin(
    store: MemoryStore,
    dialect: str,
    bucket: str,
    origin: str | None,
    method: str,
    expected: list[str],
) -> None:
    assert timing(store, bucket, origin, method=method, dialect=dialect) == expected


@pytest.mark.parametrize("origin", [A, BY_PATTERN, EVIL])
def test_a_preflight_gets_none(store: MemoryStore, origin: str) -> None:
    """A page reads the timing of the actual request. Fetch reads no such header of a preflight."""
    assert timing(store, "named", origin, method="OPTIONS", requested="GET") == []


@pytest.mark.parametrize("origin", [A, BY_PATTERN, EVIL, None])
def test_without_the_setting_the_header_is_left_to_the_application(
    store: MemoryStore, origin: str | None
) -> None:
    own = [(NAME, "https://monitor.example")]
    off = {"timing_allow_origin": False}
    assert timing(store, "named", origin, **off) == []
    assert timing(store, "named", origin, own=own, **off) == ["https://monitor.example"]


@in_one_test
@pytest.mark.parametrize("name", [NAME, NAME.lower(), NAME.upper()])
@pytest.mark.parametrize(
    "own, expected",
    [
        pytest.param([B], [f"{B}, {A}"], id="another origin"),
        pytest.param([f"{B},null"], [f"{B},null, {A}"], id="other origins"),
        pytest.param([A], [A], id="the origin"),
        pytest.param([f"{B}, {A}"], [f"{B}, {A}"], id="the origin among others"),
        pytest.param([A.upper()], [f"{A.upper()}, {A}"], id="the origin in another case"),
        pytest.param([A + ".test"], [f"{A}.test, {A}"], id="an origin that begins alike"),
        pytest.param(["*"], ["*"], id="star"),
        pytest.param([f"{B}, *"], [f"{B}, *"], id="star among origins"),
        pytest.param([B, EVIL], [f"{B}, {A}", EVIL], id="several lines"),
        pytest.param([B, A], [B, A], id="the origin in the second line"),
    ],
)
def test_the_applications_own_is_extended(
    store: MemoryStore, name: str, own: list[str], expected: list[str]
) -> None:
    lines = [(name, value) for value in own]
    assert timing(store, "named", A, own=lines) == expected
    # Another application of this process may have taught the hot path its spelling.
    assert timing(store, "named", EVIL, own=lines) == own
    assert timing(store, "named", A, own=lines) == expected
