"""The models that judge other tests (naive evaluator, Fetch) fit recorded facts."""

import pytest
from hypothesis import given, settings

from tests.support.fetch_model import (
    PageRequest,
    exposed_headers,
    may_proceed,
    needs_preflight,
    passes_cors_check,
    passes_preflight,
    preflight_request_headers,
)
from tests.support.naive_evaluator import (
    RuleDict,
    evaluate,
    header_matches,
    is_origin,
    origin_matches,
    requested_names,
)
from tests.support.strategies import Meeting, meetings, origin_patterns, page_requests, rule_sets
from tests.support.tables import in_one_test

ORIGIN = "Access-Control-Allow-Origin"
CREDENTIALS = "Access-Control-Allow-Credentials"
METHODS = "Access-Control-Allow-Methods"
HEADERS = "Access-Control-Allow-Headers"
EXPOSE = "Access-Control-Expose-Headers"
MAX_AGE = "Access-Control-Max-Age"

PAGE = "http://127.0.0.1:33097"


def rule(
    origins: str = "*",
    methods: str = "GET",
    headers: str = "",
    expose: str = "",
    age: int | None = None,
) -> RuleDict:
    """Write a rule in one line; lists are separated by blanks."""
    return {
        "id": None,
        "allowed_origins": origins.split(),
        "allowed_methods": methods.split(),
        "allowed_headers": headers.split(),
        "expose_headers": expose.split(),
        "max_age_seconds": age,
    }


# The configuration of the "PUT Bucket cors" page, which the "OPTIONS Object" samples answer by.
CUSTOMER = "x-cos-server-side-encryption-customer"
EXPOSED = "Content-Length ETag x-cos-meta-author"
DOCUMENTED = [
    rule(
        "*",
        "GET HEAD",
        f"Range {CUSTOMER}-algorithm {CUSTOMER}-key {CUSTOMER}-key-MD5",
        EXPOSED,
        600,
    ),
    rule("https://example.com https://example.net", "PUT GET POST DELETE HEAD", "*", EXPOSED, 600),
]
DOCUMENTED_TAIL = {EXPOSE: "Content-Length,ETag,x-cos-meta-author", MAX_AGE: "600"}


def test_documented_sample_a() -> None:
    """A named origin: its own rule, echoed, with credentials and the list as it was asked for."""
    verdict = evaluate(
        DOCUMENTED,
        origin="https://example.com",
        method="PUT",
        requested_headers="content-md5,content-type,x-cos-meta-author",
    )
    assert verdict.rule == 1
    assert verdict.headers == {
        ORIGIN: "https://example.com",
        CREDENTIALS: "true",
        METHODS: "PUT,GET,POST,DELETE,HEAD",
        HEADERS: "content-md5,content-type,x-cos-meta-author",
        **DOCUMENTED_TAIL,
    }


def test_documented_sample_b() -> None:
    """The first rule that fits wins, though the second names the origin; all its headers go out."""
    verdict = evaluate(
        DOCUMENTED, origin="https://example.com", method="GET", requested_headers="range"
    )
    assert verdict.rule == 0
    assert verdict.headers == {
        ORIGIN: "*",
        METHODS: "GET,HEAD",
        HEADERS: f"range,{CUSTOMER}-algorithm,{CUSTOMER}-key,{CUSTOMER}-key-md5",
        **DOCUMENTED_TAIL,
    }


@in_one_test
@pytest.mark.parametrize(
    "pattern, origin, matches",
    [
        pytest.param("*", "https://x.example", True, id="star-any"),
        pytest.param("*", "null", True, id="star-null"),
        pytest.param("null", "null", True, id="literal-null"),
        pytest.param("n*", "null", False, id="star-after-n-is-not-null"),
        pytest.param("*l", "null", False, id="star-before-l-is-not-null"),
        pytest.param("http://www.abc.com", "http://www.abc.com", True, id="literal"),
        pytest.param("http://www.abc.com", "https://www.abc.com", False, id="other-scheme"),
        pytest.param("http://www.abc.com", "http://WWW.abc.com", False, id="other-case"),
        pytest.param("http://*.abc.com", "http://a.abc.com", True, id="one-label"),
        pytest.param("http://*.abc.com", "http://a.b.abc.com", True, id="two-labels"),
        pytest.param("http://*.abc.com", "http://abc.com", False, id="dot-is-literal"),
        pytest.param("http://*abc.com", "http://abc.com", True, id="no-character"),
        pytest.param("http://*.abc.com", "http://a.abc.com/", False, id="slash-at-end"),
        pytest.param("http://*.abc.com", "https://a.abc.com", False, id="star-other-scheme"),
        # By the text rule alone it would fit; choice 5 lets no "*" cover a "/".
        pytest.param("http://*.abc.com", "http://evil.com/.abc.com", False, id="star-is-no-slash"),
        pytest.param("http*://a.example", "https://a.example", True, id="star-in-scheme"),
        pytest.param("http*://a.example", "http://a.example", True, id="star-in-scheme-empty"),
        pytest.param("https://a.example:*", "https://a.example:8443", True, id="star-is-port"),
        pytest.param("https://a.example:*", "https://a.example", False, id="colon-is-literal"),
        pytest.param("https://example.com:8443", "https://example.com", False, id="port-counts"),
        pytest.param("http://a.example:80", "http://a.example", False, id="no-default-port"),
        pytest.param("http://10.10.10.10", "http://10.10.10.10", True, id="address"),
        pytest.param("http://[::1]:*", "http://[::1]:8080", True, id="six-address"),
        pytest.param("*suffix", "foo.suffix", True, id="suffix"),
        pytest.param("*suffix", "foo.suffix.get", False, id="suffix-not-at-end"),
        pytest.param("start*end", "startend", True, id="two-sides-touch"),
        pytest.param("start*end", "start1end", True, id="two-sides"),
        pytest.param("start*end", "0start12end", False, id="start-not-at-start"),
        pytest.param("prefix*", "prefix", True, id="prefix"),
        pytest.param("prefix*", "bla.prefix", False, id="prefix-not-at-start"),
        pytest.param("aba*aba", "aba", False, id="sides-share-nothing"),
        pytest.param("aba*aba", "abaaba", True, id="sides-side-by-side"),
        pytest.param("h*", "http://a.example,http://b.example", False, id="star-is-no-list"),
        pytest.param("*", "http://a.example,http://b.example", True, id="bare-star-is-any-text"),
        pytest.param("*", "file://", True, id="bare-star-is-a-file"),
        pytest.param("f*", "file://", False, id="star-is-no-file"),
        pytest.param("*", "a\tb", False, id="bare-star-is-no-control-character"),
        pytest.param("*", "http://" + "a" * 319, True, id="326-bytes"),
        pytest.param("*", "http://" + "a" * 320, False, id="327-bytes"),
        pytest.param("h" * 327, "h" * 327, False, id="literal-of-327-bytes"),
    ],
)
def test_origins(pattern: str, origin: str, matches: bool) -> None:
    assert origin_matches(pattern, origin) is matches


@in_one_test
@pytest.mark.parametrize(
    "text, accepted",
    [
        pytest.param("localhost:4566", True, id="no-scheme"),
        pytest.param("a+b.c-1://A_b.test:00080", True, id="every-kind-of-character"),
        pytest.param("http://[::ffff:10.0.0.1]:1", True, id="six-address"),
        pytest.param("1http://a.test", False, id="scheme-starts-with-a-digit"),
        pytest.param("://a.test", False, id="empty-scheme"),
        pytest.param("http://", False, id="empty-host"),
        pytest.param("", False, id="empty"),
        pytest.param("http://a.test:", False, id="empty-port"),
        pytest.param("http://a.test:123456", False, id="six-digits"),
        pytest.param("http://a.test:\xb2", False, id="digit-of-another-alphabet"),
        pytest.param("http://[]", False, id="empty-address"),
        pytest.param("http://[::1", False, id="open-bracket"),
        pytest.param("http://[::1]a", False, id="text-after-bracket"),
        pytest.param("http://u@a.test", False, id="user"),
        pytest.param("http://*.a.test", False, id="star"),
    ],
)
def test_origin_grammar(text: str, accepted: bool) -> None:
    assert is_origin(text) is accepted
    # Each of them begins or ends like this, so that only the grammar decides.
    pattern = f"{text[:1]}*" if text else "*://"
    assert origin_matches(pattern, text) is accepted
    assert origin_matches("*", text)


@in_one_test
@pytest.mark.parametrize(
    "allowed, requested, matches",
    [
        pytest.param("*", "x-anything, Content-Type", True, id="star-any"),
        pytest.param("", "", True, id="nothing-asked"),
        pytest.param("", " ,\t,", True, id="only-empty-items"),
        pytest.param("", "x-a", False, id="none-allowed"),
        pytest.param("Content-Type", "content-type", True, id="any-case"),
        pytest.param("x-cos-meta-*", "X-Cos-Meta-Author", True, id="prefix-any-case"),
        pytest.param("x-cos-meta-*", "x-cos-acl", False, id="other-prefix"),
        pytest.param("x-a*-a", "x-a", False, id="sides-share-nothing"),
        pytest.param("range", "range,content-type", False, id="every-name-counts"),
        pytest.param("*", "x a", False, id="no-token"),
        pytest.param("*", "\x0brange", False, id="only-blanks-and-tabs-are-trimmed"),
        pytest.param("*", ",".join(["a"] * 128), True, id="128-names"),
        pytest.param("*", ",".join(["a"] * 129), False, id="129-names"),
        pytest.param("*", "a" + " " * 8191, True, id="8192-bytes"),
        pytest.param("*", "a" + " " * 8192, False, id="8193-bytes"),
    ],
)
def test_requested_headers(allowed: str, requested: str, matches: bool) -> None:
    names = requested_names(requested)
    admitted = names is not None and all(header_matches(allowed.split(), name) for name in names)
    assert admitted is matches
    verdict = evaluate(
        [rule(headers=allowed)], origin="a", method="GET", requested_headers=requested
    )
    assert (verdict.rule == 0) is matches


@pytest.mark.parametrize(
    "allowed, requested, answer",
    [
        pytest.param("* Range", "X-A, x-b", "X-A,x-b", id="star-echoes-as-sent"),
        pytest.param("*", None, None, id="star-without-request"),
        pytest.param("Range ETag", None, "range,etag", id="list-without-request"),
        pytest.param("x-* Range", "X-B,range,x-b,x-a", "range,x-b,x-a", id="wildcard-spelt-out"),
        pytest.param("x-*", None, None, id="wildcard-without-request"),
    ],
)
def test_allow_headers(allowed: str, requested: str | None, answer: str | None) -> None:
    verdict = evaluate(
        [rule(headers=allowed)], origin="a", method="GET", requested_headers=requested
    )
    assert verdict.rule == 0
    assert verdict.headers.get(HEADERS) == answer


@in_one_test
@pytest.mark.parametrize(
    "method, matches",
    [
        pytest.param("GET", True, id="listed"),
        pytest.param("get", False, id="case-counts"),
        pytest.param("HEAD", False, id="get-does-not-imply-head"),
        pytest.param("X" * 65, False, id="too-long"),
    ],
)
@pytest.mark.parametrize("kind", ["preflight", "actual"])
def test_methods(method: str, matches: bool, kind: str) -> None:
    verdict = evaluate(
        [rule(methods="PUT GET")],
        origin="a",
        method=method,
        kind="actual" if kind == "actual" else "preflight",
    )
    assert (verdict.rule == 0) is matches


def test_actual_answers_carry_less_and_ask_for_less() -> None:
    """Requested headers do not count (choice 13); only three headers go out (choice 9)."""
    verdict = evaluate(
        [rule("http://a.test", "GET", "Range", "ETag", 0)],
        origin="http://a.test",
        method="GET",
        requested_headers="x-refused",
        kind="actual",
    )
    assert verdict.headers == {ORIGIN: "http://a.test", CREDENTIALS: "true", EXPOSE: "ETag"}


def test_star_beside_a_named_origin_hides_it() -> None:
    """Choice 5: ``*`` for all, and no credentials."""
    verdict = evaluate([rule("http://a.test *", age=0)], origin="http://a.test", method="GET")
    assert verdict.headers == {ORIGIN: "*", METHODS: "GET", MAX_AGE: "0"}


def test_credentials_can_be_turned_off() -> None:
    """Choice 6."""
    verdict = evaluate([rule("n*")], origin="no", method="GET", allow_credentials=False)
    assert verdict.headers == {ORIGIN: "no", METHODS: "GET"}


@in_one_test
@pytest.mark.parametrize(
    "method, headers, sent",
    [
        pytest.param("GET", {}, None, id="simple-get"),
        pytest.param("HEAD", {}, None, id="simple-head"),
        pytest.param("POST", {"Content-Type": "Text/Plain; charset=utf-8"}, None, id="form-type"),
        pytest.param(
            "POST", {"Content-Type": "application/json"}, ("POST", "content-type"), id="json"
        ),
        pytest.param("GET", {"Range": "bytes=0-4"}, None, id="safe-range"),
        pytest.param("GET", {"Range": "bytes=-4"}, ("GET", "range"), id="suffix-range"),
        pytest.param("GET", {"Range": "bytes=4-0"}, ("GET", "range"), id="backward-range"),
        pytest.param("GET", {"Accept": "a" * 130}, ("GET", "accept"), id="long-value"),
        pytest.param("GET", {"Accept": "a" * 128}, None, id="not-too-long-value"),
        pytest.param("GET", {"If-None-Match": "x"}, ("GET", "if-none-match"), id="conditional"),
        pytest.param("DELETE", {}, ("DELETE", None), id="delete"),
        pytest.param("put", {}, ("PUT", None), id="put-is-normalized"),
        pytest.param("patch", {}, ("patch", None), id="patch-is-not"),
        pytest.param(
            "PUT",
            {"X-Zed": "1", "x_under": "1", "Content-MD5": "x", "Authorization": "y"},
            ("PUT", "authorization,content-md5,x-zed,x_under"),
            id="lower-case-sorted-no-blanks",
        ),
    ],
)
def test_what_a_browser_asks(
    method: str, headers: dict[str, str], sent: tuple[str, str | None] | None
) -> None:
    """Rows recorded from Chromium; None means that no preflight was sent."""
    request = PageRequest(PAGE, method, headers)
    assert needs_preflight(request) is (sent is not None)
    if sent is not None:
        preflight = preflight_request_headers(request)
        assert preflight.pop("Origin") == PAGE
        assert preflight.pop("Access-Control-Request-Method") == sent[0]
        assert preflight.pop("Access-Control-Request-Headers", None) == sent[1]


PUT = PageRequest(PAGE, "PUT")
PUT_INCLUDE = PageRequest(PAGE, "PUT", credentials=True)
GET_META = PageRequest(PAGE, "GET", {"x-cos-meta-test": "1"})
GET_META_INCLUDE = PageRequest(PAGE, "GET", {"x-cos-meta-test": "1"}, credentials=True)
GET_SIGNED = PageRequest(PAGE, "GET", {"Authorization": "x"})
POST_JSON = PageRequest(PAGE, "POST", {"Content-Type": "application/json"})


# The number in an id is that of the point in the notes on what Chromium was seen to do.
@in_one_test
@pytest.mark.parametrize(
    "page_request, status, headers, passes",
    [
        pytest.param(PageRequest(PAGE, "patch"), 200, [(METHODS, "PATCH")], False, id="4-patch"),
        pytest.param(PageRequest(PAGE, "patch"), 200, [(METHODS, "patch")], True, id="4-same-case"),
        pytest.param(PUT, 200, [(METHODS, "put")], False, id="4-allow-methods-case"),
        pytest.param(GET_META, 200, [(HEADERS, "x-cos-meta-test")], True, id="5-get-unlisted"),
        pytest.param(POST_JSON, 200, [(HEADERS, "content-type")], True, id="5-post-unlisted"),
        pytest.param(PUT, 200, [], False, id="5-put-unlisted"),
        pytest.param(PUT, 204, [(METHODS, "PUT")], True, id="6-status-204"),
        pytest.param(PUT, 299, [(METHODS, "PUT")], True, id="6-status-299"),
        pytest.param(PUT, 403, [(METHODS, "PUT")], False, id="6-status-403"),
        pytest.param(PUT, 302, [(METHODS, "PUT")], False, id="16-redirect"),
        pytest.param(GET_META, 200, [(HEADERS, "X-Cos-Meta-TEST")], True, id="9-any-case"),
        pytest.param(GET_META, 200, [(HEADERS, "*")], True, id="9-star"),
        pytest.param(GET_META, 200, [(HEADERS, "x-cos-meta-*")], False, id="9-prefix"),
        pytest.param(GET_META, 200, [], False, id="9-nothing"),
        # The standard; Chromium 156 lets it pass.
        pytest.param(GET_SIGNED, 200, [(HEADERS, "*")], False, id="9-star-authorization"),
        pytest.param(GET_SIGNED, 200, [(HEADERS, "*, Authorization")], True, id="9-named"),
        pytest.param(PUT, 200, [(METHODS, "PUT;GET")], False, id="10-methods-no-list"),
        pytest.param(
            PUT, 200, [(METHODS, "PUT"), (HEADERS, "x cos meta")], False, id="10-headers-no-list"
        ),
        pytest.param(PUT, 200, [(METHODS, "GET"), (METHODS, ",PUT ")], True, id="10-two-headers"),
        pytest.param(PUT, 200, [(METHODS, "*")], True, id="11-star-method"),
        pytest.param(
            PUT_INCLUDE,
            200,
            [(METHODS, "*"), (CREDENTIALS, "true")],
            False,
            id="11-star-method-include",
        ),
        pytest.param(
            GET_META_INCLUDE,
            200,
            [(HEADERS, "*"), (CREDENTIALS, "true")],
            False,
            id="11-star-include",
        ),
        pytest.param(PUT_INCLUDE, 200, [(METHODS, "PUT")], False, id="11-no-credentials"),
        pytest.param(
            PUT_INCLUDE, 200, [(METHODS, "PUT"), (CREDENTIALS, "true")], True, id="11-credentials"
        ),
    ],
)
def test_preflights(
    page_request: PageRequest, status: int, headers: list[tuple[str, str]], passes: bool
) -> None:
    assert passes_preflight(page_request, status, [(ORIGIN, PAGE), *headers]) is passes


@in_one_test
@pytest.mark.parametrize(
    "values, passes",
    [
        pytest.param([PAGE], True, id="7-equal"),
        pytest.param(["*"], True, id="7-star"),
        pytest.param([f" {PAGE}\t"], True, id="7-blanks-around"),
        pytest.param([], False, id="7-absent"),
        pytest.param([""], False, id="7-empty"),
        pytest.param([PAGE + "/"], False, id="7-slash"),
        pytest.param([PAGE.replace("http", "HTTP")], False, id="7-case"),
        pytest.param(["http://*:33097"], False, id="7-pattern"),
        pytest.param([PAGE, PAGE], False, id="7-twice-equal"),
        pytest.param(["*", PAGE], False, id="7-star-and-origin"),
        pytest.param([f"{PAGE}, http://b.test"], False, id="7-list"),
        pytest.param(["null"], False, id="7-null"),
    ],
)
def test_allow_origin(values: list[str], passes: bool) -> None:
    assert passes_cors_check(PageRequest(PAGE), [(ORIGIN, value) for value in values]) is passes


@pytest.mark.parametrize(
    "origin, credentials, passes",
    [
        pytest.param(PAGE, ["true"], True, id="11-true"),
        pytest.param(PAGE, ["True"], False, id="11-case"),
        pytest.param(PAGE, [], False, id="11-absent"),
        pytest.param(PAGE, ["true", "true"], False, id="11-twice"),
        pytest.param("*", ["true"], False, id="11-star"),
    ],
)
def test_allow_origin_with_credentials(origin: str, credentials: list[str], passes: bool) -> None:
    headers = [(ORIGIN, origin), *((CREDENTIALS, value) for value in credentials)]
    assert passes_cors_check(PageRequest(PAGE, credentials=True), headers) is passes


@pytest.mark.parametrize(
    "preflight, actual, reads",
    [
        pytest.param(
            (200, [(ORIGIN, "*"), (METHODS, "PUT")]), (404, [(ORIGIN, PAGE)]), True, id="8-404"
        ),
        pytest.param(
            (200, [(ORIGIN, "*"), (METHODS, "PUT")]), (500, []), False, id="8-500-without"
        ),
        pytest.param((403, []), (200, [(ORIGIN, "*")]), False, id="6-preflight-refused"),
        pytest.param(None, (200, [(ORIGIN, "*")]), False, id="1-preflight-not-sent"),
        pytest.param(
            (200, [(ORIGIN, "*"), (METHODS, "PUT")]),
            (302, [(ORIGIN, "*"), ("Location", "/")]),
            False,
            id="16-redirect-is-followed",
        ),
    ],
)
def test_may_proceed(
    preflight: tuple[int, list[tuple[str, str]]] | None,
    actual: tuple[int, list[tuple[str, str]]],
    reads: bool,
) -> None:
    assert may_proceed(PUT, preflight, actual) is reads


@in_one_test
@pytest.mark.parametrize(
    "credentials, expose, readable",
    [
        pytest.param(False, [], {"content-type"}, id="12-not-exposed"),
        pytest.param(False, ["eTag"], {"content-type", "etag"}, id="12-any-case"),
        pytest.param(False, ["x-a", "etag"], {"content-type", "etag"}, id="12-two-headers"),
        pytest.param(
            False, ["*"], {"content-type", "etag", EXPOSE.lower(), ORIGIN.lower()}, id="12-star"
        ),
        pytest.param(True, ["*"], {"content-type"}, id="12-star-with-credentials"),
        pytest.param(False, ["etag;x"], {"content-type"}, id="12-no-list"),
        pytest.param(False, ["set-cookie"], {"content-type"}, id="12-never-cookies"),
    ],
)
def test_exposed_headers(credentials: bool, expose: list[str], readable: set[str]) -> None:
    headers = [
        (ORIGIN, PAGE),
        ("Content-Type", "text/xml"),
        ("ETag", '"abc"'),
        ("Set-Cookie", "a=1"),
    ]
    headers += [(EXPOSE, value) for value in expose]
    exposed = exposed_headers(PageRequest(PAGE, credentials=credentials), headers)
    assert set(exposed) == readable
    assert exposed.get("etag", '"abc"') == '"abc"'


@settings(deadline=None)
@given(rule_sets(), page_requests())
def test_a_browser_passes_what_the_rules_admit(
    rules: list[RuleDict], page_request: PageRequest
) -> None:
    """The two models agree: a page gets through its preflight exactly if a rule fits.

    A page that sends credentials needs, besides, a rule without a bare ``*`` as origin.
    """
    asked = preflight_request_headers(page_request)
    verdict = evaluate(
        rules,
        origin=asked["Origin"],
        method=asked["Access-Control-Request-Method"],
        requested_headers=asked.get("Access-Control-Request-Headers"),
    )
    admitted = verdict.rule is not None
    if verdict.rule is not None and page_request.credentials:
        admitted = "*" not in rules[verdict.rule]["allowed_origins"]
    status = 403 if verdict.rule is None else 200
    assert passes_preflight(page_request, status, list(verdict.headers.items())) is admitted


@settings(deadline=None)
@given(meetings())
def test_an_echo_is_stored_or_well_formed(meeting: Meeting) -> None:
    """Choice 5: what is echoed equals a stored literal, or passed the grammar."""
    verdict = evaluate(
        meeting.rules,
        origin=meeting.origin,
        method=meeting.method,
        requested_headers=meeting.requested_headers,
    )
    if verdict.headers.get(ORIGIN, "*") != "*":
        stored = {text for each in meeting.rules for text in each["allowed_origins"]}
        assert meeting.origin in stored or is_origin(meeting.origin)


@given(origin_patterns())
def test_patterns_are_what_a_rule_may_hold(pattern: str) -> None:
    """Choice 4, as far as it concerns these: printable ASCII, one ``*``, no path."""
    assert pattern.count("*") <= 1
    assert not set(pattern) - {chr(code) for code in range(0x21, 0x7F)}
    assert not set(pattern) & set(",\"'<>@?#")
    assert "/" not in pattern.removeprefix(pattern.partition("://")[0] + "://")
