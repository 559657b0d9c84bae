"""What the package takes for the checks of a browser is what the model of the standard does."""

from typing import Any

import browser as model
from hypothesis import given
from hypothesis import strategies as st
from strategies import page_requests

from flask_bucketcors.core import browser

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
