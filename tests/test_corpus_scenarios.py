"""The scenarios of the attack corpus: what a request alone cannot show.

Each test stands for one case and is bound to it by its id. What a case expects of a response is
checked by what the case itself says. Where another choice was made here, the test names it.
"""

import os
import sqlite3
import subprocess
import sys
import threading
import tracemalloc
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import md5
from io import BytesIO
from pathlib import Path
from typing import Any
from wsgiref.util import FileWrapper

import pytest
from flask import Flask
from werkzeug.debug import DebuggedApplication

from flask_bucketcors import (
    BucketCORS,
    BucketCORSMiddleware,
    CompiledRules,
    MemoryStore,
    Rule,
    RulesAPI,
    RuleSet,
    SQLiteStore,
)
from flask_bucketcors.api.bodies import MAX_DRAINED_BYTES
from flask_bucketcors.core.dialects import COS
from flask_bucketcors.documents.to_xml import format_xml
from tests.support import ROOT
from tests.support.attack_corpus import Response, call, environ_of, lets_proceed, make_app, unmet
from tests.support.choices_page import assert_is_chosen
from tests.support.cos_signing import KEYS
from tests.support.processes import allowed_origin_printer
from tests.support.processes.allowed_origin_printer import REQUEST
from tests.support.processes.children import running
from tests.support.tables import in_one_test
from tests.support.vendor_corpus import Case, load

CASES: dict[str, Case] = {
    case["id"]: case for case in load("attacks.json") if case["reach"] == "scenario"
}
ORIGIN = "https://a.test"
RULES = RuleSet([Rule([ORIGIN], ["GET"], ["x-a"], ["x-a"], 11)])
OTHER_RULES = RuleSet([Rule([ORIGIN], ["GET", "PUT"], ["x-b"], ["x-b"], 22)])
PREFLIGHT = {
    "method": "OPTIONS",
    "path": "/bucket-a/x",
    "headers": [
        ["Origin", ORIGIN],
        ["Access-Control-Request-Method", "GET"],
    ],
    "credentials_mode": "omit",
}
BOOM = {**REQUEST, "path": "/bucket-a/boom"}
# For a child or a thread that never ends; it measures nothing.
CHILD_SECONDS = 50
ROUNDS = 10

_seen: set[str] = set()


def scenario(name: str) -> Callable[[Any], Any]:
    """Bind a test to a case, which it gets as ``case``."""
    _seen.add(name)
    return pytest.mark.parametrize("case", [pytest.param(CASES[name], id=name)])


@pytest.fixture
def store(store: SQLiteStore) -> SQLiteStore:
    store.put_many([("bucket-a", RULES), ("bucket-b", RULES)])
    return store


def wrap(store: Any, app: Any = None, **choices: Any) -> BucketCORSMiddleware:
    """An application with an API that trusts its caller."""
    api = RulesAPI(store, authorize=lambda call: True)
    app = make_app().wsgi_app if app is None else app
    return BucketCORSMiddleware(app, store=store, api=api, **choices)


def ask(app: Any, bucket: str = "bucket-a") -> Response:
    """Get an object as a page does."""
    return call(app, environ_of({**REQUEST, "path": f"/{bucket}/x"}))


def send(app: Any, method: str, url: str, body: bytes = b"", **environ: Any) -> Response:
    """Make a call about rules."""
    made = environ_of({"method": method, "path": url, "headers": []})
    made |= {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body)), **environ}
    return call(app, made)


def check(case: Case, response: Response, request: Any = REQUEST) -> None:
    """Check a response by what the case expects of it."""
    allowed = case["expect"].get("allowed")
    assert allowed is None or lets_proceed(request, response) is allowed
    assert not unmet(case["expect"], response)


@contextmanager
def asked_elsewhere(path: Path) -> Iterator[Callable[[], str]]:
    """Another process with the same database; gives what asks it which origin is allowed."""
    command = [sys.executable, "-m", allowed_origin_printer.__name__, str(path)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with running(
        command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:

        def ask_there() -> str:
            print(file=child.stdin, flush=True)
            return child.stdout.readline().strip()  # type: ignore[union-attr]

        limit = threading.Timer(CHILD_SECONDS, child.kill)
        limit.start()
        try:
            yield ask_there
        finally:
            limit.cancel()


@scenario("DYN-01")
def test_deleted_rules_end_at_once(case: Case, path: Path, store: SQLiteStore) -> None:
    app, document = wrap(store), format_xml(RULES, COS)
    assert send(app, "PUT", "/bucket-a?cors", document).status == 200
    with asked_elsewhere(path) as ask_there:
        assert ask_there() == ORIGIN
        assert lets_proceed(REQUEST, ask(app))
        assert send(app, "DELETE", "/bucket-a?cors").status == 204
        assert ask_there() == "none"
    responses: list[Response] = []
    thread = threading.Thread(target=lambda: responses.append(ask(app)), daemon=True)
    thread.start()
    thread.join(CHILD_SECONDS)
    check(case, responses[0])


@scenario("DYN-03")
def test_invented_origins_fill_no_memory(case: Case) -> None:
    """A fifth of them, and a hundredth of the memory that the case grants."""
    store, environ = MemoryStore(), environ_of(REQUEST)
    store.put("bucket-a", RuleSet([Rule([ORIGIN, "https://*.test"], ["GET"])]))
    app = BucketCORSMiddleware(empty_response, store=store)
    tracemalloc.start()
    for number in range(20_000):
        environ["HTTP_ORIGIN"] = f"https://{number}.{'test' if number % 2 else 'evil'}"
        app(environ, lambda status, headers, exc_info=None: print)
    growth = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert growth < case["expect"]["max_rss_growth_mb"] * 1_000_000 / 100


def empty_response(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return []


@scenario("DYN-04")
def test_a_writer_holds_nobody_up(case: Case, path: Path, store: SQLiteStore) -> None:
    """The responses come while the lock is held. Rules in memory and in the file are read."""
    assert_is_chosen("A writer that holds the database's lock")
    app = wrap(store)
    ask(app, "bucket-a")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        warm, cold = ask(app, "bucket-a"), ask(app, "bucket-b")
        writer.execute("COMMIT")
    assert [warm.status, cold.status] == [200, 200]
    assert lets_proceed(REQUEST, warm)
    assert lets_proceed(REQUEST, cold)


@scenario("DYN-04")
def test_where_nobody_may_read_the_rules_count_for_nothing(
    case: Case, path: Path, store: SQLiteStore
) -> None:
    """A lock that keeps readers out, which SQLite gives to who opens the file first."""
    app = wrap(store)
    store.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as owner:
        owner.execute("PRAGMA locking_mode = EXCLUSIVE")
        owner.execute("BEGIN EXCLUSIVE")
        response = ask(app)
        owner.execute("COMMIT")
    check(case, response)


def remove(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    os.truncate(path, 0)


def cut_short(path: Path) -> None:
    os.truncate(path, 100)


def overwrite(path: Path) -> None:
    path.write_bytes(b"This is no database. " * 1000)


@pytest.mark.parametrize("harm", [remove, empty, cut_short, overwrite])
@scenario("DYN-05")
def test_a_broken_file_opens_nothing(
    case: Case,
    harm: Callable[[Path], None],
    path: Path,
    store: SQLiteStore,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store.close()
    harm(path)
    app = wrap(store)
    for bucket in ["bucket-a", "bucket-b", "bucket-a"]:
        check(case, ask(app, bucket))
    assert call(app, environ_of(PREFLIGHT)).status == 503
    # The API has also said that it could not keep its settings there.
    assert [each.levelname for each in caplog.records] == ["WARNING", "ERROR"]


@scenario("DYN-06")
def test_stored_rules_of_another_release_open_nothing(
    case: Case, path: Path, store: SQLiteStore, caplog: pytest.LogCaptureFixture
) -> None:
    assert_is_chosen("Stored rules that can no longer be read")
    with closing(sqlite3.connect(path)) as other:
        other.execute(
            "UPDATE bucketcors_rules SET document = ? WHERE bucket = 'bucket-a'",
            ['{"rules": [{"allowed_origins": ["https://a.test"], "allowed_methods": ["TRACE"]}]}'],
        )
        other.commit()
    app = wrap(store)
    check(case, ask(app))
    assert call(app, environ_of(PREFLIGHT)).status == 503
    assert "TRACE" in caplog.text
    assert lets_proceed(REQUEST, ask(app, "bucket-b"))


def told(rules: RuleSet) -> tuple[frozenset[tuple[str, str]], frozenset[tuple[str, str]]]:
    """The headers that each of the two responses has by these rules, whole."""
    compiled = CompiledRules(rules)
    preflight, actual = compiled.preflight(ORIGIN, "GET"), compiled.actual(ORIGIN, "GET")
    return frozenset(preflight.headers), frozenset(actual.headers)


def cors_headers(response: Response) -> frozenset[tuple[str, str]]:
    return frozenset(
        pair for pair in response.pairs if pair[0] == "Vary" or pair[0].startswith("Access-Control")
    )


@scenario("DYN-07")
def test_readers_see_whole_documents(case: Case, store: SQLiteStore) -> None:
    app, failures = wrap(store), []
    whole = list(zip(told(RULES), told(OTHER_RULES), strict=True))
    is_over = threading.Event()

    def write(rules: RuleSet) -> None:
        document = format_xml(rules, COS)
        for _ in range(ROUNDS):
            response = send(app, "PUT", "/bucket-a?cors", document)
            if response.status != 200:
                failures.append(response)

    def read() -> None:
        while not is_over.is_set():
            for sent, known in zip([PREFLIGHT, REQUEST], whole, strict=True):
                response = call(app, environ_of(sent))
                if cors_headers(response) not in known:
                    failures.append(response)

    writers = [
        threading.Thread(target=write, args=[each], daemon=True) for each in (RULES, OTHER_RULES)
    ]
    readers = [threading.Thread(target=read, daemon=True) for _ in range(2)]
    for thread in [*readers, *writers]:
        thread.start()
    for thread in writers:
        thread.join(CHILD_SECONDS)
    is_over.set()
    for thread in readers:
        thread.join(CHILD_SECONDS)
    assert not failures
    assert store.get("bucket-a") in (RULES, OTHER_RULES)
    assert len(store.history("bucket-a")) == 1 + 2 * ROUNDS


@scenario("DYN-08")
def test_one_response_goes_by_one_version(case: Case, store: SQLiteStore) -> None:
    """The rules change while the application makes its response."""

    def storage(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        store.put("bucket-a", OTHER_RULES)
        start_response("200 OK", [])
        return [b"object"]

    app = BucketCORSMiddleware(storage, store=store)
    assert cors_headers(ask(app)) == told(RULES)[1]
    assert cors_headers(ask(app)) == told(OTHER_RULES)[1]


class Chunks(BytesIO):
    """A chunked body as servers hand it over that decode it; it counts what is read."""

    def __init__(self) -> None:
        super().__init__(bytes(8 * MAX_DRAINED_BYTES))
        self.taken = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data


@scenario("XML-04")
def test_a_chunked_body_has_a_limit(case: Case, store: SQLiteStore) -> None:
    body = Chunks()
    environ = {"wsgi.input": body, "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    environ["HTTP_TRANSFER_ENCODING"] = "chunked"
    response = send(wrap(store), "PUT", "/bucket-a?cors", **environ)
    check(case, response)
    # Its sender has to be there still, to get the response.
    assert body.taken <= MAX_DRAINED_BYTES + COS.max_body_bytes
    assert store.get("bucket-a") == RULES


@scenario("XML-05")
def test_rules_have_a_limit(case: Case, store: SQLiteStore) -> None:
    app = wrap(store)
    for count in (COS.max_rules, COS.max_rules + 1):
        document = format_xml(RuleSet([*RULES.rules] * count), COS)
        response = send(app, "PUT", "/bucket-a?cors", document)
        assert response.status == 200 or count > COS.max_rules
    check(case, response)
    kept = store.get("bucket-a")
    assert kept is not None
    assert len(kept.rules) == COS.max_rules


@scenario("XML-06")
def test_a_wrong_digest_is_refused(case: Case, store: SQLiteStore) -> None:
    document, digest = format_xml(OTHER_RULES, COS), md5(b"another").digest()
    environ = {"HTTP_CONTENT_MD5": b64encode(digest).decode()}
    check(case, send(wrap(store), "PUT", "/bucket-a?cors", document, **environ))
    assert store.get("bucket-a") == RULES


PUBLIC = RuleSet([Rule(["*"], ["GET"])])
PUBLIC_REQUEST = {**REQUEST, "path": "/bucket-a/?cors"}


@scenario("XML-10")
def test_where_a_hook_decides_no_page_reads_the_rules(case: Case, store: SQLiteStore) -> None:
    store.put("bucket-a", PUBLIC)
    response = call(wrap(store), environ_of(PUBLIC_REQUEST))
    assert response.status == 200
    check(case, response, PUBLIC_REQUEST)


@scenario("XML-10")
def test_where_signatures_decide_a_page_needs_one(case: Case, store: SQLiteStore) -> None:
    """Nobody's browser adds a signature, so that the rules are shown to key holders alone."""
    assert_is_chosen("`?cors` calls take part in CORS")
    store.put("bucket-a", PUBLIC)
    api = RulesAPI(store, access_keys=KEYS)
    app = BucketCORSMiddleware(make_app().wsgi_app, store=store, api=api)
    response = call(app, environ_of(PUBLIC_REQUEST))
    assert response.status == 403
    assert lets_proceed(PUBLIC_REQUEST, response)
    assert b"AllowedOrigin" not in response.body
    shut = BucketCORSMiddleware(app.app, store=store, api=api, api_cross_origin=False)
    check(case, call(shut, environ_of(PUBLIC_REQUEST)), PUBLIC_REQUEST)


@scenario("XML-13")
def test_rules_that_are_not_there_can_be_deleted(case: Case, store: SQLiteStore) -> None:
    app = wrap(store)
    for _ in range(2):
        check(case, send(app, "DELETE", "/bucket-c?cors"))


@in_one_test
@pytest.mark.parametrize("dialect", ["cos", "oss", "s3", "obs"])
@pytest.mark.parametrize("key", ["<script>alert(1)</script>&", "\x00\x08<script", "\x7f]]><script"])
@scenario("XML-14")
def test_error_documents_escape(case: Case, key: str, dialect: str) -> None:
    app = BucketCORSMiddleware(
        make_app().wsgi_app, store=MemoryStore(), dialect=dialect, host_suffixes=["cos.local"]
    )
    environ = {
        "PATH_INFO": f"/{key}",
        "HTTP_ORIGIN": ORIGIN,
        "HTTP_HOST": "<script>.cos.local",
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "<script>",
    }
    for path in (f"/{key}/{key}", f"/{key}", f"/bucket-a/{key}"):
        body = send(app, "OPTIONS", "/", **{**environ, "PATH_INFO": path}).body
        assert b"<Error>" in body
        assert case["expect"]["must_not_body"].encode() not in body
        assert not set(body) & set(b"\x00\x08\x7f")


def serve(application: Any) -> BucketCORSMiddleware:
    store = MemoryStore()
    store.put("bucket-a", RULES)
    return BucketCORSMiddleware(application, store=store)


@scenario("WSGI-02")
def test_a_response_that_is_begun_anew_is_decorated_once(case: Case) -> None:
    def storage(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("X-First", "1")])
        try:
            raise RuntimeError("too late")
        except RuntimeError:
            start_response("500 Error", [("X-Second", "1")], sys.exc_info())
        return [b"error"]

    response = ask(serve(storage))
    assert response.status == 500
    assert response.values("Access-Control-Allow-Origin") == [ORIGIN]
    assert response.values("Vary") == ["Origin"]
    assert not response.values("X-First")


@scenario("WSGI-03")
def test_headers_of_the_application_stay_its_own(case: Case) -> None:
    headers = [("Content-Type", "text/plain"), ("Vary", "Cookie")]
    before = list(headers)

    def storage(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", headers)
        return [b"object"]

    app = serve(storage)
    for _ in range(3):
        response = ask(app)
        assert response.values("Access-Control-Allow-Origin") == [ORIGIN]
        assert response.listed("Vary") == {"cookie", "origin"}
    assert headers == before


@scenario("WSGI-03")
def test_a_server_that_changes_headers_changes_those_of_one_response(case: Case) -> None:
    app = serve(empty_response)
    kept: list[list[tuple[str, str]]] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> None:
        kept.append(list(headers))
        headers.append(("X-Server", "1"))
        headers[:] = [pair for pair in headers if pair[0] != "Vary"]

    for _ in range(3):
        app(environ_of(REQUEST), start_response)  # type: ignore[arg-type]
    assert kept[0] == kept[1] == kept[2]


@scenario("WSGI-04")
def test_a_file_is_handed_on_as_it_is(case: Case) -> None:
    wrapped = FileWrapper(BytesIO(b"object"))

    def storage(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return wrapped

    given = serve(storage)(environ_of(REQUEST), lambda status, headers, exc_info=None: bytes)
    assert given is wrapped


@scenario("WSGI-05")
def test_an_application_may_write(case: Case) -> None:
    def storage(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [])
        write(b"an ")
        write(b"object")
        return []

    response = ask(serve(storage))
    assert response.body == b"an object"
    assert lets_proceed(REQUEST, response)


@scenario("WSGI-06")
def test_a_second_middleware_is_refused(case: Case) -> None:
    with pytest.raises(ValueError, match="already"):
        serve(serve(make_app().wsgi_app))


@scenario("WSGI-06")
def test_of_two_middlewares_that_cannot_see_each_other_one_decides(case: Case) -> None:
    inner = serve(make_app().wsgi_app)
    outer = serve(lambda environ, start_response: inner(environ, start_response))
    check(case, ask(outer))
    assert ask(outer).values("Vary") == ["Origin"]


@scenario("WSGI-08")
def test_a_preflight_is_not_redirected(case: Case) -> None:
    store, app = MemoryStore(), Flask("storage")
    store.put("bucket-a", RULES)
    route = app.get("/<bucket>/folder/", provide_automatic_options=False)
    route(lambda bucket: "folder")
    BucketCORS(app, store=store)
    request = {**PREFLIGHT, "path": "/bucket-a/folder"}
    assert call(app, environ_of({**request, "method": "GET"})).status == 308
    check(case, call(app, environ_of(request)), request)


@scenario("WSGI-09")
def test_the_debugger_below_the_middleware_is_decorated(case: Case) -> None:
    app = make_app()
    app.debug = True
    check(case, call(serve(DebuggedApplication(app)), environ_of(BOOM)), BOOM)


@scenario("WSGI-09")
def test_an_exception_is_left_to_the_server(case: Case) -> None:
    """A response that the server makes of it is beyond the middleware."""
    assert_is_chosen("Exceptions that leave the application")
    app = make_app()
    app.debug = True
    with pytest.raises(RuntimeError, match="boom"):
        call(serve(app.wsgi_app), environ_of(BOOM))
    app.debug = False
    check(case, call(serve(app.wsgi_app), environ_of(BOOM)), BOOM)


def test_every_scenario_has_a_test() -> None:
    assert _seen == CASES.keys()
