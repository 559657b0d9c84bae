"""What becomes of a request: decided without a server, an environ or a store."""

from typing import Any

import pytest

from flask_bucketcors import CompiledRules, Reason, Request, Rule, RuleSet
from flask_bucketcors.core.dialects import COS, DIALECTS, S3
from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.core.outcomes import Outcome, Outcomes, Responder, preflight_refusal
from flask_bucketcors.core.resolvers import make_resolver
from tests.support.tables import in_one_test

PAGE = "https://a.example"
OTHER = "https://other.example"
RULES = {"photos": RuleSet([Rule([PAGE], ["GET", "PUT"], ["range"])])}

APPLICATION, VERSION, BY_RULES, API = Responder


def outcome(
    method: str,
    url: str,
    origin: str | None = None,
    requested: str | None = None,
    headers: str = "",
    *,
    dialect: Any = COS,
    has_api: bool = True,
    api_cross_origin: bool = True,
    buckets: Any = None,
    **options: Any,
) -> Outcome:
    """What becomes of a request, where ``api`` is reserved and ``photos`` has rules."""
    path, _, query = url.partition("?")
    outcomes = Outcomes(
        make_resolver(buckets, reserved=["api"]),
        {name: CompiledRules(rules, dialect) for name, rules in RULES.items()}.get,
        dialect,
        **options,
    )
    request = Request(method, path, "h", query, origin, requested, headers)
    return outcomes.find(request, has_api, lambda: api_cross_origin)


RESPONDERS = [
    # An object.
    ("GET", "/photos/cat.png", {}, APPLICATION),
    ("OPTIONS", "/photos/cat.png", {}, APPLICATION),
    ("OPTIONS", "/photos/cat.png", {"origin": PAGE}, APPLICATION),
    ("OPTIONS", "/photos/cat.png", {"origin": PAGE, "requested": "PUT"}, BY_RULES),
    ("OPTIONS", "/photos/cat.png", {"origin": OTHER, "requested": "PUT"}, BY_RULES),
    ("OPTIONS", "/photos/cat.png", {"plain_options": "refuse"}, BY_RULES),
    ("PUT", "/photos/cat.png?cors", {}, APPLICATION),
    # A bucket.
    ("DELETE", "/photos", {}, APPLICATION),
    ("DELETE", "/photos?cors", {}, API),
    ("PATCH", "/photos?cors", {}, API),
    ("DELETE", "/photos?cors", {"has_api": False}, API),
    ("OPTIONS", "/photos?cors", {}, API),
    ("OPTIONS", "/photos?cors", {"origin": PAGE, "requested": "PUT"}, BY_RULES),
    ("HEAD", "/photos?apiversion", {}, VERSION),
    ("HEAD", "/photos?apiversion", {"has_api": False}, APPLICATION),
    ("HEAD", "/photos/cat.png?apiversion", {}, APPLICATION),
    # A bucket without rules.
    ("GET", "/empty/cat.png", {"origin": PAGE}, APPLICATION),
    ("OPTIONS", "/empty/cat.png", {"origin": PAGE, "requested": "PUT"}, BY_RULES),
    (
        "OPTIONS",
        "/empty/cat.png",
        {"origin": PAGE, "requested": "PUT", "no_rules": "pass"},
        APPLICATION,
    ),
    ("OPTIONS", "/empty/cat.png", {"no_rules": "pass", "plain_options": "refuse"}, APPLICATION),
    ("PUT", "/empty?cors", {}, API),
    # No bucket.
    ("GET", "/", {"origin": PAGE}, APPLICATION),
    ("OPTIONS", "/", {"origin": PAGE, "requested": "PUT"}, APPLICATION),
    ("PUT", "/?cors", {}, APPLICATION),
    ("GET", "/photos", {"buckets": lambda request: None}, APPLICATION),
    # A reserved segment.
    ("OPTIONS", "/api", {"origin": PAGE, "requested": "PUT"}, APPLICATION),
    ("PUT", "/api/items?cors", {}, APPLICATION),
    ("PUT", "/api?cors", {}, API),
    ("HEAD", "/api?apiversion", {}, APPLICATION),
    # A dot segment.
    ("GET", "/other/../photos/cat.png", {"origin": PAGE}, APPLICATION),
    ("OPTIONS", "/other/../photos/cat.png", {"origin": PAGE, "requested": "PUT"}, BY_RULES),
    ("PUT", "/other/../photos?cors", {}, API),
]


@in_one_test
@pytest.mark.parametrize("method, url, sent, expected", RESPONDERS)
def test_who_responds(method: str, url: str, sent: dict[str, Any], expected: Responder):
    assert outcome(method, url, **sent).responder is expected


PREFLIGHT = {"origin": PAGE, "requested": "PUT"}


@in_one_test
@pytest.mark.parametrize(
    "url, sent, reason",
    [
        ("/photos/cat.png", PREFLIGHT, None),
        ("/photos/cat.png", {**PREFLIGHT, "headers": "range"}, None),
        ("/photos/cat.png", {**PREFLIGHT, "origin": OTHER}, Reason.ORIGIN),
        ("/photos/cat.png", {**PREFLIGHT, "requested": "DELETE"}, Reason.METHOD),
        ("/photos/cat.png", {**PREFLIGHT, "headers": "x-a"}, Reason.HEADERS),
        ("/photos?cors", PREFLIGHT, None),
        ("/photos?cors", {**PREFLIGHT, "api_cross_origin": False}, Reason.RULES_CALL),
        ("/empty/cat.png", PREFLIGHT, Reason.NO_RULES),
        ("/photos/../photos/cat.png", PREFLIGHT, Reason.DOT_SEGMENT),
        ("/photos/..?cors", {**PREFLIGHT, "api_cross_origin": False}, Reason.DOT_SEGMENT),
        ("/photos/cat.png", {"plain_options": "refuse"}, Reason.ORIGIN),
    ],
)
def test_what_the_rules_decide_about_a_preflight(
    url: str, sent: dict[str, Any], reason: Reason | None
):
    found = outcome("OPTIONS", url, **sent)
    assert found.responder is BY_RULES
    assert found.decision is not None
    assert found.decision.reason is reason


VARY = ("Vary", "Origin")
ALLOWED = [
    ("Access-Control-Allow-Origin", PAGE),
    ("Access-Control-Allow-Credentials", "true"),
    VARY,
]


@in_one_test
@pytest.mark.parametrize(
    "method, url, sent, headers",
    [
        ("GET", "/photos/cat.png", {"origin": PAGE}, ALLOWED),
        ("GET", "/photos/cat.png", {"origin": OTHER}, [VARY]),
        ("GET", "/photos/cat.png", {}, [VARY]),
        ("DELETE", "/photos/cat.png", {"origin": PAGE}, [VARY]),
        ("OPTIONS", "/photos/cat.png", {"origin": PAGE}, [VARY]),
        ("GET", "/photos?cors", {"origin": PAGE}, ALLOWED),
        ("GET", "/photos?cors", {"origin": PAGE, "api_cross_origin": False}, [VARY]),
        ("GET", "/photos/../photos/cat.png", {"origin": PAGE}, [VARY]),
        # Nothing is added, and the application's own CORS headers stay.
        ("GET", "/empty/cat.png", {"origin": PAGE}, None),
        ("GET", "/api/items", {"origin": PAGE}, None),
        ("GET", "/api?cors", {"origin": PAGE}, None),
        ("GET", "/", {"origin": PAGE}, None),
    ],
)
def test_which_headers_are_added(
    method: str, url: str, sent: dict[str, Any], headers: list[tuple[str, str]] | None
):
    assert outcome(method, url, **sent).headers == headers


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_only_some_dialects_decide_an_actual_request_by_the_requested_method(dialect: Any):
    found = outcome("GET", "/photos/cat.png", PAGE, "DELETE", dialect=dialect)
    assert found.decision is not None
    assert found.decision.allowed is not dialect.decides_by_requested


def test_they_decide_by_the_requested_headers_too():
    found = outcome("GET", "/photos/cat.png", PAGE, headers="x-a", dialect=S3)
    assert found.decision is not None
    assert found.decision.reason is Reason.HEADERS


@in_one_test
@pytest.mark.parametrize(
    "reason, origin, method, headers, expected",
    [
        (Reason.ORIGIN, PAGE, "GET", "", Refusal.PREFLIGHT_REFUSED),
        (Reason.METHOD, PAGE, "GET", "", Refusal.PREFLIGHT_REFUSED),
        (Reason.HEADERS, PAGE, "GET", "x-a", Refusal.PREFLIGHT_REFUSED),
        (Reason.HEADERS, PAGE, "GET", "x y", Refusal.PREFLIGHT_HEADERS),
        (Reason.ORIGIN, PAGE, "GET", "x y", Refusal.PREFLIGHT_REFUSED),
        (Reason.METHOD, PAGE, "PATCH", "", Refusal.PREFLIGHT_METHOD),
        (Reason.METHOD, PAGE, "get", "", Refusal.PREFLIGHT_METHOD),
        (Reason.ORIGIN, PAGE, None, "", Refusal.PREFLIGHT_METHOD),
        (Reason.ORIGIN, None, "GET", "", Refusal.PREFLIGHT_NO_ORIGIN),
        (Reason.NO_RULES, PAGE, "GET", "", Refusal.PREFLIGHT_NO_RULES),
        (Reason.NO_RULES, PAGE, "PATCH", "", Refusal.PREFLIGHT_NO_RULES),
        (Reason.NO_RULES, None, "GET", "", Refusal.PREFLIGHT_NO_ORIGIN),
        (Reason.UNREADABLE, PAGE, "GET", "", Refusal.UNAVAILABLE),
        (Reason.UNREADABLE, None, None, "", Refusal.UNAVAILABLE),
        (Reason.RULES_CALL, PAGE, "PUT", "", Refusal.PREFLIGHT_REFUSED),
        (Reason.DOT_SEGMENT, PAGE, "PUT", "", Refusal.PREFLIGHT_REFUSED),
    ],
)
def test_why_a_preflight_is_refused(
    reason: Reason, origin: str | None, method: str | None, headers: str, expected: Refusal
):
    assert preflight_refusal(reason, origin, method, headers) is expected
