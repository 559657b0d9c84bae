"""The hot path: it decides as the careful one does, and the usual requests take it."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_bucketcors import BucketCORSMiddleware, MemoryStore, Rule, RuleSet
from flask_bucketcors.wsgi.compared_signals import comparable
from flask_bucketcors.wsgi.environ import DECISION
from flask_bucketcors.wsgi.merged_headers import MAX_PLAIN_NAMES, merge, plain_names
from tests.support.tables import in_one_test

A = "https://a.example"
EVIL = "https://evil.example"

# Names that a URL, PEP 3333 and the store might spell in different ways are the traps here:
# the UTF-8 bytes of the first read as latin-1 are the second.
ODD_NAMES = ["b\xfccher", "b\xc3\xbccher", "...", "a b", "Photos", "photos.2024", "12"]
RULES = RuleSet(
    [
        Rule([A], ["GET", "PUT"], ["x-a", "x-b*"], ["ETag"], 600),
        Rule(["https://*.b.example", "null"], ["GET"], ["*"]),
        Rule([A, "*"], ["DELETE", "GET"]),
    ]
)


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    store = MemoryStore()
    store.put_many((name, RULES) for name in ["photos", *ODD_NAMES])
    store.put("single", RuleSet([Rule([A], ["GET"])]))
    return store


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answers with headers of every kind, and with what it was told."""
    headers = [
        ("Content-Type", "text/plain"),
        ("Vary", "Accept"),
        ("timing-allow-origin", EVIL),
        ("access-control-max-age", "1"),
    ]
    start_response("200 OK", headers[: environ["test.headers"]])
    return [repr(environ.get(DECISION)).encode()]


def api(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "application/xml")])
    return [b"api"]


Answer = tuple[str, Counter[tuple[str, str]], bytes]


class Call:
    """Keeps what an application answers."""

    def start_response(self, status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
        self.status, self.headers = status, headers

    def answer(self, body: Any) -> Answer:
        # Ids differ, and stand in the error document too.
        kept = Counter(pair for pair in self.headers if "-id" not in pair[0])
        return self.status, kept, b"".join(body).partition(b"<RequestId>")[0]


def shortly(middleware: BucketCORSMiddleware, environ: dict[str, Any]) -> Answer:
    call = Call()
    return call.answer(middleware(dict(environ), call.start_response))


def carefully(middleware: BucketCORSMiddleware, environ: dict[str, Any]) -> Answer:
    """What the middleware answers if nothing is answered at once."""
    call = Call()
    environ = dict(environ)
    answerer, added = middleware._consider(environ)

    def start_response(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
        call.start_response(status, headers if added is None else merge(headers, added))

    return call.answer(answerer(environ, start_response))


def raw(text: str) -> str:
    """A text in the guise that PEP 3333 gives it."""
    return text.encode().decode("latin-1")


paths = st.builds(
    str.join,
    st.just(""),
    st.lists(
        st.sampled_from(
            [
                "/",
                "//",
                "/up",
                "a",
                "k",
                "*",
                ".",
                "..",
                "\\",
                "%",
                *map(raw, ODD_NAMES),
                "/photos/k",
            ]
        ),
        max_size=4,
    ),
) | st.sampled_from(["/photos", "/photos/", "/photos/k", "/single/k", "/up/photos/k", "/empty/k"])
HOSTS = """
    h photos.cos.test Photos.cos.test photos.COS.test:80 cos.test photos.2024.cos.test 12.cos.test
    b.ap-1.cos.test photos.test single.test:1
"""
hosts = st.sampled_from([*HOSTS.split(), "", "a b.cos.test"])
environs = st.fixed_dictionaries(
    {
        "REQUEST_METHOD": st.sampled_from(["GET", "PUT", "DELETE", "OPTIONS", "OPTIONS", "get"]),
        "PATH_INFO": paths,
        "QUERY_STRING": st.sampled_from(["", "", "cors", "a=1&cors=", "%63ors", "x=%2F"]),
        "HTTP_HOST": hosts,
        "SCRIPT_NAME": st.just(""),
        "test.headers": st.integers(0, 4),
    },
    optional={
        "HTTP_ORIGIN": st.sampled_from([A, A, EVIL, "https://x.b.example", "null", "", "a,b"]),
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD": st.sampled_from(["GET", "PUT", "DELETE", "HEAD", ""]),
        "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": st.sampled_from(
            ["", "x-a", "X-A, x-b1", "x-c", ",", "x y"]
        ),
    },
)
resolvers = st.sampled_from(
    [
        {},
        {"url_prefix": "/up"},
        {"host_suffixes": ["cos.test", "{region}.cos.test", "test"]},
        {"host_suffixes": ["test"], "url_prefix": "/photos"},
        {"host_suffixes": ["cos.test", "test"], "hosts_only": True},
        {"reserved": ["photos", "b\xfccher"]},
        {"host_suffixes": ["cos.test", "test"], "reserved": ["k", "up", "single"]},
        {"url_prefix": "/", "default_rules": RULES, "reserved": ["photos"]},
        {"url_prefix": "/up", "default_rules": RULES, "cached_buckets": 1},
        {"host_suffixes": ["cos.test", "test"], "default_rules": RULES},
        {"buckets": lambda request: ("photos", request.path)},
        {"buckets": lambda request: None},
    ]
)
options = st.fixed_dictionaries(
    {},
    optional={
        "dialect": st.sampled_from(["cos", "oss", "s3", "obs"]),
        "vary": st.sampled_from(["safe", "vendor"]),
        "plain_options": st.sampled_from(["app", "refuse"]),
        "no_rules": st.sampled_from(["refuse", "pass"]),
        "allow_credentials": st.booleans(),
        "timing_allow_origin": st.booleans(),
        "api_cross_origin": st.booleans(),
    },
)


@given(resolvers, options, st.lists(environs, min_size=1, max_size=8))
def test_the_hot_path_answers_as_the_careful_one_does(store, resolver, settings, requests):
    middleware = BucketCORSMiddleware(application, store=store, api=api, **resolver, **settings)
    # Twice: what was learnt from all of them must not change the answer to any.
    for environ in requests * 2:
        assert shortly(middleware, environ) == carefully(middleware, environ)


def environ_of(path: str, method: str = "GET", host: str = "h", **more: str) -> dict[str, Any]:
    names = {"PATH_INFO": path, "REQUEST_METHOD": method, "HTTP_HOST": host, "test.headers": 1}
    return {**names, **{f"HTTP_{name}": value for name, value in more.items()}}


PREFLIGHT = {
    "ORIGIN": A,
    "ACCESS_CONTROL_REQUEST_METHOD": "PUT",
    "ACCESS_CONTROL_REQUEST_HEADERS": "x-a",
}


@in_one_test
@pytest.mark.parametrize(
    "environ",
    [
        pytest.param(environ_of("/photos/k", ORIGIN=A), id="allowed"),
        pytest.param(environ_of("/single/k", ORIGIN=EVIL), id="refused"),
        pytest.param(environ_of("/photos/k"), id="no origin"),
        pytest.param(environ_of("/photos/k", "OPTIONS", **PREFLIGHT), id="preflight"),
        pytest.param(
            environ_of("/single/k", "OPTIONS", **{**PREFLIGHT, "ORIGIN": EVIL}),
            id="refused preflight",
        ),
        pytest.param(environ_of("/k", host="photos.cos.test:80", ORIGIN=A), id="virtual host"),
        pytest.param(environ_of("/k", host="photos.cos.ap-1.example", ORIGIN=A), id="region"),
    ],
)
def test_usual_requests_are_answered_at_once(store, environ):
    path_style = environ["HTTP_HOST"] == "h"
    suffixes = [] if path_style else ["cos.test", "cos.{region}.example"]
    middleware = BucketCORSMiddleware(application, store=store, host_suffixes=suffixes)
    expected = shortly(middleware, environ)
    considered = []
    careful = middleware._consider
    middleware._consider = lambda environ: considered.append(environ) or careful(environ)
    middleware.wrap(application)
    assert shortly(middleware, environ) == expected
    assert not considered


@in_one_test
@pytest.mark.parametrize(
    "path, is_considered",
    [
        pytest.param("/photos/k", False, id="rules"),
        pytest.param("/Photos/k", False, id="another name"),
        pytest.param("/empty/k", True, id="no rules"),
        pytest.param("/static/k", True, id="a reserved name"),
        pytest.param(f"/{raw(ODD_NAMES[0])}/k", True, id="a name that URLs spell in several ways"),
        pytest.param("/.../k", True, id="only dots"),
    ],
)
def test_the_first_request_of_a_bucket_with_rules_is_answered_at_once(store, path, is_considered):
    environ = environ_of(path, ORIGIN=A)
    considered = []
    middleware = BucketCORSMiddleware(application, store=store, reserved=["static"])
    careful = middleware._consider
    middleware._consider = lambda environ: considered.append(environ) or careful(environ)
    middleware.wrap(application)
    found = shortly(middleware, environ)
    assert bool(considered) is is_considered
    assert found == carefully(
        BucketCORSMiddleware(application, store=store, reserved=["static"]), environ
    )


class Dead:
    """A signal that cannot be read."""

    def __getitem__(self, index):
        raise OSError("the signal is gone")


class Restless:
    """A signal that never stays the same."""

    def __getitem__(self, index):
        return float("nan")


@pytest.mark.parametrize("signal", [Dead(), Restless()], ids=["dead", "restless"])
@pytest.mark.parametrize("cached_buckets", [1, 100])
def test_a_signal_that_says_nothing_does_not_keep_the_hot_path_looking(signal, cached_buckets):
    store = MemoryStore()
    store.put_many((name, RULES) for name in ["photos", "single"])
    store.signal = lambda: signal
    middleware = BucketCORSMiddleware(application, store=store, cached_buckets=cached_buckets)
    for path in ["/photos/k", "/single/k", "/photos/k"]:
        found = dict(shortly(middleware, environ_of(path, ORIGIN=A))[1])
        assert ("Access-Control-Allow-Origin", A) in found or isinstance(signal, Dead)
    if isinstance(signal, Dead):
        # As after a signal that died later.
        middleware._rules.generation = replace(
            middleware._rules.generation, signal=comparable(signal), until=float("inf")
        )
        shortly(middleware, environ_of("/photos/k", ORIGIN=A))


@pytest.mark.parametrize("error", [ZeroDivisionError, ValueError, TypeError, AttributeError])
def test_a_bug_is_not_taken_for_an_unusual_request(store, error):
    """It comes out, and does not just make every request slower."""
    middleware = BucketCORSMiddleware(application, store=store, url_prefix="/up")
    environ = environ_of("/up/photos/k", ORIGIN=A)
    expected = shortly(middleware, environ)

    def fail_by(error):
        def name_bucket(path, host):
            raise error

        middleware.resolve.name_bucket = name_bucket
        middleware.wrap(application)

    fail_by(LookupError)
    assert shortly(middleware, environ) == expected
    fail_by(error)
    with pytest.raises(error):
        shortly(middleware, environ)


S3 = {"dialect": "s3"}
REFUSES = {"plain_options": "refuse"}


@in_one_test
@pytest.mark.parametrize(
    "settings, environ",
    [
        pytest.param({}, environ_of("/single/k", "PUT", ORIGIN=A), id="method of no rule"),
        pytest.param({}, environ_of("/photos/k", "DELETE", ORIGIN=A), id="method of a later rule"),
        pytest.param({}, environ_of("/photos/k", "HEAD", ORIGIN=A), id="method of none of them"),
        pytest.param(
            {},
            environ_of("/single/k", "OPTIONS", **PREFLIGHT),
            id="preflight for a method of no rule",
        ),
        pytest.param(
            {},
            environ_of("/photos/k", "OPTIONS", ORIGIN=A, ACCESS_CONTROL_REQUEST_METHOD="DELETE"),
            id="preflight for a method of a later rule",
        ),
        pytest.param({}, environ_of("/photos/k", "OPTIONS", ORIGIN=A), id="OPTIONS, no method"),
        pytest.param({}, environ_of("/photos/k", "OPTIONS"), id="OPTIONS, no origin"),
        pytest.param(
            REFUSES, environ_of("/photos/k", "OPTIONS", ORIGIN=A), id="refused, no method"
        ),
        pytest.param(REFUSES, environ_of("/photos/k", "OPTIONS"), id="refused, no origin"),
        pytest.param(
            S3,
            environ_of("/photos/k", ORIGIN=A, ACCESS_CONTROL_REQUEST_METHOD="HEAD"),
            id="another method requested",
        ),
        pytest.param(
            S3,
            environ_of("/photos/k", ORIGIN=A, ACCESS_CONTROL_REQUEST_HEADERS="x-c"),
            id="a header requested",
        ),
    ],
)
def test_the_hot_path_is_right_about_what_is_less_usual(store, settings, environ):
    middleware = BucketCORSMiddleware(application, store=store, **settings)
    for path in ("/photos/k", "/single/k"):
        # From here on their rules are in memory.
        shortly(middleware, environ_of(path, ORIGIN=A))
    assert shortly(middleware, environ) == carefully(middleware, environ)


def test_names_of_headers_that_were_learnt_are_bounded():
    for number in range(MAX_PLAIN_NAMES * 3):
        merge([(f"x-meta-{number}", "1"), ("x" * 1000, "1"), ("vArY", "x")], [])
    assert 0 < len(plain_names) <= MAX_PLAIN_NAMES
    assert not {"x" * 1000, "vArY"} & plain_names
