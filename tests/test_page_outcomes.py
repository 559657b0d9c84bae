"""A browser lets a page proceed exactly when a rule allows its request.

The browser is a model of the Fetch standard; the rules are judged by the naive evaluator; the
answers are those of the middleware.
"""

from typing import Any

import pytest
from hypothesis import given
from webtest import TestApp
from werkzeug.test import Client

from flask_bucketcors import BucketCORSMiddleware, MemoryStore, Rule, RuleSet
from flask_bucketcors.testing import assert_browser_allows, assert_browser_refuses
from tests.support.fetch_model import (
    PageRequest,
    may_proceed,
    needs_preflight,
    preflight_request_headers,
)
from tests.support.naive_evaluator import RuleDict, evaluate
from tests.support.strategies import page_requests, rule_sets


def storage(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An application with any object, and CORS headers of its own to be replaced."""
    headers = [("Content-Type", "text/plain"), ("Access-Control-Allow-Origin", "*")]
    start_response("200 OK", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [b"object"]


def ask(app: TestApp, method: str, headers: dict[str, str]) -> tuple[int, list[tuple[str, str]]]:
    """Send one request about an object; give status and headers."""
    response = app.request("/bucket/key", method=method, headers=headers, expect_errors=True)
    return response.status_int, list(response.headers.items())


def rules_allow(rules: list[RuleDict], request: PageRequest) -> bool:
    """Whether the rules, read naively, allow all that a browser will check."""
    method, origin = request.sent_method, request.origin
    verdicts = [evaluate(rules, origin=origin, method=method, kind="actual")]
    if needs_preflight(request):
        asked = preflight_request_headers(request).get("Access-Control-Request-Headers")
        verdicts.append(evaluate(rules, origin=origin, method=method, requested_headers=asked))
    allowed = all(verdict.rule is not None for verdict in verdicts)
    credentials = all("Access-Control-Allow-Credentials" in v.headers for v in verdicts)
    return allowed and (credentials or not request.credentials)


def app_with(rules: list[RuleDict], *, as_default: bool) -> TestApp:
    """Storage whose bucket has the rules itself, or gets them as the default rules."""
    rule_set = RuleSet([Rule(**rule) for rule in rules])
    store = MemoryStore()
    if not as_default:
        store.put("bucket", rule_set)
    default = rule_set if as_default else None
    middleware = BucketCORSMiddleware(storage, store=store, url_prefix="/", default_rules=default)
    # WebTest's lint does not know the methods that pages may invent.
    return TestApp(middleware, lint=False)


@pytest.mark.parametrize("as_default", [False, True], ids=["own rules", "default rules"])
@given(rules=rule_sets(), request=page_requests())
def test_the_browser_lets_a_page_proceed_exactly_when_a_rule_allows_it(
    as_default: bool, rules: list[RuleDict], request: PageRequest
) -> None:
    app = app_with(rules, as_default=as_default)
    # Twice: the second time, the rules are in memory.
    for _ in range(2):
        preflight = None
        if needs_preflight(request):
            preflight = ask(app, "OPTIONS", preflight_request_headers(request))
        actual = ask(app, request.sent_method, {"Origin": request.origin, **request.headers})
        assert may_proceed(request, preflight, actual) is rules_allow(rules, request)


@given(rule_sets(), page_requests())
def test_what_tests_of_applications_assert_is_the_same(
    rules: list[RuleDict], request: PageRequest
) -> None:
    store = MemoryStore()
    store.put("bucket", RuleSet([Rule(**rule) for rule in rules]))
    check = assert_browser_allows if rules_allow(rules, request) else assert_browser_refuses
    check(
        Client(BucketCORSMiddleware(storage, store=store)),
        "/bucket/key",
        origin=request.origin,
        method=request.method,
        headers=request.headers,
        credentials=request.credentials,
    )
