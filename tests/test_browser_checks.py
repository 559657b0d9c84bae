"""``core.browser`` agrees with the independent model of the Fetch Standard."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_bucketcors.analysis.mistakes import Cause
from flask_bucketcors.core import browser
from tests.support import fetch_model as model
from tests.support.strategies import page_requests
from tests.support.tables import in_one_test

ORIGINS = ["https://a.test", "https://*.a.test", "*", "null", "https://A.test", ""]
NAMES = ["x-a", "X-A", "*", "authorization", "content-type", "PUT", "a b", "", "x-a,,*", "\u00e9"]
HEADERS = {
    "Access-Control-Allow-Origin": ORIGINS,
    "Access-Control-Allow-Credentials": ["true", "True", ""],
    "Access-Control-Allow-Methods": ["PUT", "put", "*", "GET, DELETE", "a b"],
    "Access-Control-Allow-Headers": NAMES,
    "access-control-expose-headers": NAMES,
    "ETag": ["1"],
    "Set-Cookie": ["a=b"],
    "X-A": ["1"],
}
VALUES = {
    "accept": ["*/*", "(", "x" * 128, "x" * 129, "\u0661"],
    "Accept-Language": ["en", "e_n", " " * 200 + "en", "x" * 128],
    "Content-Language": ["en", "x" * 128],
    "Content-Type": ["text/plain", "TEXT/plain ;a", "text", "a/b", "text/plain, a/b", "/"],
    "Range": ["bytes=0-", "bytes=1-0", "bytes=\u0661-", "bytes=-1", "bytes=0", "bytes=0-\u0661"],
    "x-a": [""],
}

pairs = st.lists(
    st.one_of([st.tuples(st.just(name), st.sampled_from(v)) for name, v in HEADERS.items()]),
    max_size=6,
)
page_headers = st.dictionaries(st.sampled_from(sorted(VALUES)), st.none(), max_size=6).flatmap(
    lambda chosen: st.fixed_dictionaries({name: st.sampled_from(VALUES[name]) for name in chosen})
)


@given(page_requests(), page_headers, pairs)
def test_answers_to_preflights_are_judged_alike(
    request: model.PageRequest, headers: dict[str, str], answer: list[tuple[str, str]]
) -> None:
    page = model.PageRequest(request.origin, request.method, headers, request.credentials)
    for asked in (request, page):
        names = browser.unsafe_names(asked.headers)
        passes = browser.passes_preflight(
            asked.origin, asked.sent_method, names, asked.credentials, answer
        )
        assert passes is model.passes_preflight(asked, 200, answer)
        assert browser.passes_cors_check(
            asked.origin, asked.credentials, answer
        ) is model.passes_cors_check(asked, answer)


@given(page_headers, st.sampled_from(["GET", "get", "put", "POST", "PATCH"]))
def test_what_has_to_be_asked_for_is_the_same(headers: dict[str, str], method: str) -> None:
    request = model.PageRequest("https://a.test", method, headers)
    names = browser.unsafe_names(headers)
    assert names == model.unsafe_names(headers)
    assert browser.sent_method(method) == request.sent_method
    assert browser.needs_preflight(method, names) is model.needs_preflight(request)


@given(pairs, st.booleans())
def test_what_a_page_may_read_is_the_same(answer: Any, credentials: bool) -> None:
    request = model.PageRequest("https://a.test", credentials=credentials)
    names = {name.lower() for name, _ in answer}
    hidden = browser.unexposed_names(names, credentials, answer)
    assert names - set(hidden) == set(model.exposed_headers(request, answer))


def test_many_small_values_are_as_unsafe_as_a_big_one() -> None:
    names = ["accept", "Accept", "ACCEPT", "accept-language", "Accept-Language", "content-language"]
    names += ["Content-Language", "CONTENT-LANGUAGE", "ACCEPT-LANGUAGE"]
    for length in (113, 114):
        headers = dict.fromkeys(names, "a" * length + " " * 9)
        assert browser.unsafe_names(headers) == model.unsafe_names(headers)


@pytest.mark.parametrize(
    "allowed, credentials, refused",
    [
        ("", False, ["x-a", "authorization"]),
        ("x-a", False, ["authorization"]),
        ("*", False, ["authorization"]),
        ("*", True, ["x-a", "authorization"]),
        ("*, Authorization", False, []),
    ],
)
def test_which_headers_a_preflight_refuses(
    allowed: str, credentials: bool, refused: list[str]
) -> None:
    response = [
        ("Access-Control-Allow-Origin", "https://a.test"),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Allow-Headers", allowed),
    ]
    failures = browser.preflight_failures(
        "https://a.test", "GET", ["x-a", "authorization"], credentials, response, 200
    )
    assert list(failures) == [(browser.Failure.HEADER_MISSING, name) for name in refused]


READABLE = (
    "cache-control, content-language, content-length, content-type, expires, last-modified, pragma"
)
NEVER = ["set-cookie", "set-cookie2"]


@pytest.mark.parametrize(
    "exposed, credentials, hidden",
    [
        ("", False, [*NEVER, "x-a"]),
        ("", True, [*NEVER, "x-a"]),
        ("*", False, NEVER),
        ("*", True, [*NEVER, "x-a"]),
        ("x-a, set-cookie, set-cookie2", False, NEVER),
        ("X-A, Set-Cookie", True, NEVER),
    ],
)
def test_what_a_page_may_read(exposed: str, credentials: bool, hidden: list[str]) -> None:
    """ "CORS-safelisted response-header name" and "forbidden response-header name"."""
    names = [*READABLE.split(", "), *NEVER, "x-a"]
    answer = [("Access-Control-Expose-Headers", exposed)]
    assert browser.unexposed_names(names, credentials, answer) == hidden


FORBIDDEN = """
    accept-charset accept-encoding access-control-request-headers access-control-request-method
    connection content-length cookie cookie2 date dnt expect host keep-alive origin referer
    set-cookie te trailer transfer-encoding upgrade via proxy- proxy-authorization sec- sec-fetch
"""


@in_one_test
@pytest.mark.parametrize("name", FORBIDDEN.split())
def test_what_no_page_may_set(name: str) -> None:
    """ "forbidden request-header"."""
    assert browser.is_forbidden(name)
    assert browser.is_forbidden(name.upper())
    assert not browser.is_forbidden(f"x-{name}")


@in_one_test
@pytest.mark.parametrize(
    "sent, asks",
    [
        ("get", False),
        ("Head", False),
        ("post", False),
        ("put", True),
        ("delete", True),
        ("options", True),
        ("patch", True),
        ("PATCH", True),
    ],
)
def test_which_methods_have_to_be_asked_for(sent: str, asks: bool) -> None:
    """ "normalize a method" and "CORS-safelisted method"."""
    assert browser.needs_preflight(sent, ()) is asks
    assert browser.sent_method(sent) == (sent if sent.lower() == "patch" else sent.upper())


@in_one_test
@pytest.mark.parametrize(
    "name, value, is_safe",
    [
        ("content-type", "application/x-www-form-urlencoded", True),
        ("content-type", "multipart/form-data; boundary=a", True),
        ("content-type", "TEXT/PLAIN;charset=utf-8", True),
        ("content-type", "application/json", False),
        ("content-type", "text/plain; a=(b)", False),
        ("accept", "a\tb", True),
        ("accept", "a\x1fb", False),
        ("accept", "a\x7fb", False),
        *(("accept", f"a{each}b", False) for each in '"():<>?@[\\]{}'),
        *(("accept-language", f"a{each}b", True) for each in "Zz09 *,-.;="),
        *(("accept-language", f"a{each}b", False) for each in "_:/\t"),
        ("range", "bytes=1-1", True),
        ("range", "bytes=1-0", False),
    ],
)
def test_which_headers_have_to_be_asked_for(name: str, value: str, is_safe: bool) -> None:
    """ "CORS-safelisted request-header"."""
    assert browser.unsafe_names({name: value}) == ([] if is_safe else [name])


def test_a_failure_that_is_a_cause_has_its_name() -> None:
    assert {str(each) for each in browser.Failure} & {str(each) for each in Cause} == {
        "credentials_wildcard",
        "duplicate_headers",
        "header_missing",
        "method_missing",
    }


@in_one_test
@pytest.mark.parametrize(
    "origins, credentials, failure",
    [
        ([], False, browser.Failure.NO_ALLOW_ORIGIN),
        (["*"], False, None),
        (["*"], True, browser.Failure.CREDENTIALS_WILDCARD),
        (["https://a.test"], False, None),
        (["https://a.test"], True, browser.Failure.CREDENTIALS_MISSING),
        (["https://b.test"], True, browser.Failure.OTHER_ORIGIN),
        (["https://a.test", "https://a.test"], False, browser.Failure.SEVERAL_ORIGINS),
        (["https://a.test, *"], False, browser.Failure.SEVERAL_ORIGINS),
        (["*", "*"], False, browser.Failure.SEVERAL_ORIGINS),
        ([""], False, browser.Failure.OTHER_ORIGIN),
    ],
)
def test_why_a_response_does_not_allow_an_origin(
    origins: list[str], credentials: bool, failure: browser.Failure | None
) -> None:
    pairs = [("Access-Control-Allow-Origin", each) for each in origins]
    assert browser.cors_failure("https://a.test", credentials, pairs) is failure


def test_a_preflight_names_each_failure_with_what_failed() -> None:
    allowed = [("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Headers", "x-a")]
    failures = browser.preflight_failures(
        "https://a.test", "PUT", ["x-a", "x-b"], False, allowed, 200
    )
    assert list(failures) == [
        (browser.Failure.METHOD_MISSING, "PUT"),
        (browser.Failure.HEADER_MISSING, "x-b"),
    ]
    failures = browser.preflight_failures("https://a.test", "PUT", [], False, allowed, 403)
    assert list(failures) == [(browser.Failure.STATUS, "403")]
