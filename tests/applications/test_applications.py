"""The middleware around applications that nobody here wrote."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apps import CHUNKS, FAILURE, OWN_HEADERS, Application, Spy
from wsgi_calls import LARGE_BYTES, Call, FileWrapper, close, environ_of, run, skip_unless_asked_for

from flask_bucketcors import BucketCORSMiddleware, MemoryStore, Rule, RuleSet

skip_unless_asked_for()

# Falcon leaves the file open that a HEAD request is about, Bottle one of which it refuses a part.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in. <_io.FileIO")

A = "https://a.example"
RULES = RuleSet([Rule([A], ["GET", "HEAD", "PUT"], ["*"], ["ETag"], max_age_seconds=600)])
DECORATED = {
    "access-control-allow-origin": A,
    "access-control-allow-credentials": "true",
    "access-control-expose-headers": "ETag",
}
CORS = "access-control-"
#: A large file passes through in pieces. The middleware adds next to nothing to them.
MOST_MEMORY = 4 * 1024 * 1024

Headers = dict[str, str]
REQUESTS: dict[str, tuple[str, str, Headers, bytes]] = {
    "GET": ("GET", "cat.txt", {}, b""),
    "HEAD": ("HEAD", "cat.txt", {}, b""),
    "OPTIONS": ("OPTIONS", "cat.txt", {}, b""),
    "preflight": ("OPTIONS", "cat.txt", {"Access-Control-Request-Method": "PUT"}, b""),
    "part": ("GET", "cat.txt", {"Range": "bytes=1-3"}, b""),
    "last part": ("GET", "cat.txt", {"Range": "bytes=-2"}, b""),
    "part beyond the end": ("GET", "cat.txt", {"Range": "bytes=100-"}, b""),
    "modified since": (
        "GET",
        "cat.txt",
        {"If-Modified-Since": "Sat, 01 Jan 2022 00:00:00 GMT"},
        b"",
    ),
    "not modified since": (
        "GET",
        "cat.txt",
        {"If-Modified-Since": "Sat, 01 Jan 2028 00:00:00 GMT"},
        b"",
    ),
    "missing": ("GET", "missing.txt", {}, b""),
    "HEAD of what is missing": ("HEAD", "missing.txt", {}, b""),
    "a query": ("GET", "cat.txt?versionId=1&x=cors", {}, b""),
    "a key beyond ASCII": ("GET", "%E6%96%87%20%FF", {}, b""),
    "DELETE of what is missing": ("DELETE", "missing.txt", {}, b""),
    "own headers": ("GET", "own", {}, b""),
    "stream": ("GET", "stream", {}, b""),
}


def ask(app: Any, bucket: str, request: str, *, origin: str | None = A, **more: str) -> Call:
    method, key, headers, body = REQUESTS[request]
    named = {**headers, **more, **({} if origin is None else {"Origin": origin})}
    return run(app, environ_of(method, f"/{bucket}/{key}", named, body))


def same(left: Call, right: Call) -> bool:
    return (left.status, left.steady, left.body, left.excs) == (
        right.status,
        right.steady,
        right.body,
        right.excs,
    )


@pytest.mark.parametrize("request_name", REQUESTS)
def test_without_rules_nothing_is_touched(
    bare: Spy, wrapped: BucketCORSMiddleware, store: MemoryStore, request_name: str
) -> None:
    """Status, headers in their order and body are those of the application alone."""
    store.put("photos", RULES)
    for origin in (A, None):
        alone = ask(bare, "plain", request_name, origin=origin)
        # The second time, the middleware has asked the store about the bucket already.
        for _ in range(2):
            assert same(ask(wrapped, "plain", request_name, origin=origin), alone)


@pytest.mark.parametrize(
    "request_name", [name for name, request in REQUESTS.items() if request[0] in ("GET", "HEAD")]
)
def test_with_rules_only_these_headers_are_others(
    bare: Spy, wrapped: BucketCORSMiddleware, store: MemoryStore, request_name: str
) -> None:
    """Access-Control-* are those of the rules alone, Vary is added to, and all else stays."""
    store.put("photos", RULES)
    for origin in (A, "https://evil.example", None):
        alone = ask(bare, "photos", request_name, origin=origin)
        own = [each.strip() for each in alone.named().get("vary", "").lower().split(",")]
        for _ in range(2):
            call = ask(wrapped, "photos", request_name, origin=origin)
            assert (call.status, call.body) == (alone.status, alone.body)
            assert call.named(CORS) == (DECORATED if origin == A else {})
            varies = [each.strip() for each in call.named()["vary"].lower().split(",")]
            assert varies == list(dict.fromkeys([*filter(None, own), "origin"]))
            assert kept(call) == kept(alone)


def kept(call: Call) -> list[tuple[str, str]]:
    """The headers that the middleware has nothing to do with."""
    return [
        pair
        for pair in call.steady
        if pair[0].lower() != "vary" and not pair[0].lower().startswith(CORS)
    ]


def test_parts_and_conditions_are_those_of_the_application(
    application: Application, wrapped: BucketCORSMiddleware, store: MemoryStore
) -> None:
    """206 and 304 are decorated like 200."""
    store.put("photos", RULES)
    whole = ask(wrapped, "photos", "GET")
    assert (whole.code, whole.body) == (200, b"hello, world")

    part = ask(wrapped, "photos", "part")
    assert (part.code, part.body) == (
        (206, b"ell") if application.has_ranges else (200, b"hello, world")
    )
    named = whole.named()
    condition = (
        {"If-None-Match": named["etag"]}
        if "etag" in named
        else {"If-Modified-Since": named["last-modified"]}
    )
    unchanged = ask(wrapped, "photos", "GET", **condition)
    assert (unchanged.code, unchanged.body) == (304, b"")
    head = ask(wrapped, "photos", "HEAD")
    # Django leaves it to the server to send no body.
    assert head.code == 200
    for call in (whole, part, unchanged, head):
        assert call.named(CORS) == DECORATED


CALLS_FOR_RULES = [
    (method, path, query)
    for method in ("GET", "HEAD", "PUT", "POST", "DELETE", "PROPFIND")
    for path in ("/photos", "/photos/", "//photos//")
    for query in ("cors", "cors=", "acl&cors", "CORS", "%63ors")
]


@pytest.mark.parametrize("with_rules", [False, True], ids=["no rules", "rules"])
def test_the_application_sees_no_call_for_rules(
    bare: Spy, wrapped: BucketCORSMiddleware, store: MemoryStore, with_rules: bool
) -> None:
    """To it, ``DELETE /photos?cors`` would mean the bucket."""
    for method, path, query in CALLS_FOR_RULES:
        if with_rules:
            store.put("photos", RULES)
            run(wrapped, environ_of("GET", "/photos/cat.txt", {"Origin": A}))
        bare.calls.clear()
        run(wrapped, {**environ_of(method, "/x"), "PATH_INFO": path, "QUERY_STRING": query})
        assert bare.calls == [], (method, path, query)


@pytest.mark.parametrize("bucket", ["plain", "photos"])
def test_a_body_reaches_it(
    application: Application, wrapped: BucketCORSMiddleware, store: MemoryStore, bucket: str
) -> None:
    if application.is_framework:
        pytest.skip("it only reads")
    store.put("photos", RULES)
    body = bytes(range(256)) * 1024
    headers = {"Origin": A, "x-amz-acl": "public-read"}
    put = run(wrapped, environ_of("PUT", f"/{bucket}/new.bin", headers, body))
    assert put.code in (200, 201)
    assert (put.named(CORS) == DECORATED) is (bucket == "photos")
    assert run(wrapped, environ_of("GET", f"/{bucket}/new.bin")).body == body


def test_a_preflight_does_not_reach_it(
    bare: Spy, wrapped: BucketCORSMiddleware, store: MemoryStore
) -> None:
    store.put("photos", RULES)
    bare.calls.clear()
    for origin, code in [(A, 200), ("https://evil.example", 403)]:
        assert ask(wrapped, "photos", "preflight", origin=origin).code == code
    assert bare.calls == []


@pytest.fixture
def framework(application: Application) -> Application:
    if not application.is_framework:
        pytest.skip("it serves files, and nothing of ours")
    return application


def test_its_own_headers(
    framework: Application, wrapped: BucketCORSMiddleware, store: MemoryStore
) -> None:
    """They stay where there are no rules, and give way where there are."""
    store.put("photos", RULES)
    own = {name.lower(): value for name, value in OWN_HEADERS.items()}
    assert ask(wrapped, "plain", "own headers").named().items() >= own.items()
    call = ask(wrapped, "photos", "own headers")
    assert call.named(CORS) == DECORATED
    assert call.named()["vary"] == "Accept-Encoding, Origin"


def test_a_stream_is_passed_on_as_it_is_made(
    framework: Application, wrapped: BucketCORSMiddleware, store: MemoryStore, made: list[bytes]
) -> None:
    """The first chunk is there before the last is made."""
    store.put("photos", RULES)
    call = Call()
    iterable = wrapped(environ_of("GET", "/photos/stream", {"Origin": A}), call.start_response)
    chunks: Iterator[bytes] = filter(None, iterable)
    assert next(chunks) == CHUNKS[0]
    if framework.is_pulled:
        assert made == [CHUNKS[0]]
    assert call.named(CORS) == DECORATED
    assert b"".join(chunks) == CHUNKS[1]
    close(iterable)


@pytest.mark.parametrize("bucket", ["plain", "photos"])
def test_what_it_returns_goes_to_the_server_as_it_is(
    application: Application,
    bare: Spy,
    wrapped: BucketCORSMiddleware,
    store: MemoryStore,
    bucket: str,
) -> None:
    """So a server can send a file itself, and nothing comes between it and close()."""
    store.put("photos", RULES)
    for _ in range(2):
        call = ask(wrapped, bucket, "GET")
        assert call.iterable is bare.returned
        assert isinstance(call.iterable, FileWrapper) is application.uses_file_wrapper


@pytest.mark.parametrize("request_name", ["GET", "HEAD", "part", "not modified since", "missing"])
def test_a_response_is_closed_once(
    bare: Spy, wrapped: BucketCORSMiddleware, store: MemoryStore, request_name: str
) -> None:
    store.put("photos", RULES)
    closed: list[str] = []

    class Counted:
        def __init__(self, iterable: Any) -> None:
            self._iterable = iterable

        def __iter__(self) -> Iterator[bytes]:
            return iter(self._iterable)

        def close(self) -> None:
            closed.append("closed")
            close(self._iterable)

    app = bare.wrapped
    bare.wrapped = lambda environ, start_response: Counted(app(environ, start_response))
    ask(wrapped, "photos", request_name)
    assert closed == ["closed"]


def test_a_large_file_takes_no_memory(
    application: Application, large: Path, wrapped: BucketCORSMiddleware, store: MemoryStore
) -> None:
    if not application.is_flat:
        pytest.skip("it has the file in memory itself")
    store.put("photos", RULES)
    run(wrapped, environ_of("GET", "/photos/cat.txt", {"Origin": A}))
    environ = environ_of("GET", "/photos/large.bin", {"Origin": A})
    tracemalloc.start()
    try:
        call = run(wrapped, environ, keep=False)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (call.code, call.size) == (200, LARGE_BYTES)
    assert call.named(CORS) == DECORATED
    assert peak < MOST_MEMORY


@pytest.mark.parametrize("bucket", ["plain", "photos"])
def test_an_exception(
    framework: Application,
    bare: Spy,
    wrapped: BucketCORSMiddleware,
    store: MemoryStore,
    bucket: str,
) -> None:
    """It leaves the middleware if it leaves the application; else the 500 is like any response."""
    store.put("photos", RULES)
    environ = environ_of("GET", f"/{bucket}/broken", {"Origin": A})
    if framework.raises:
        with pytest.raises(RuntimeError, match=FAILURE):
            run(wrapped, dict(environ))
        return
    alone = run(bare, dict(environ))
    call = run(wrapped, dict(environ))
    assert (call.code, call.body, call.excs) == (500, alone.body, alone.excs)
    assert call.named(CORS) == (DECORATED if bucket == "photos" else {})
