"""Metrics for Prometheus: what is counted, under which labels, and what it leaves alone."""

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from flask import Flask
from prometheus_client import CollectorRegistry, Counter
from webtest import TestApp

from flask_bucketcors import (
    BucketCORS,
    BucketCORSMiddleware,
    MemoryStore,
    Reason,
    Rule,
    RulesAPI,
    RuleSet,
    SQLiteStore,
    StoreUnavailable,
)
from flask_bucketcors.core.dialects import DIALECTS
from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.stores.health import CopyHealth
from flask_bucketcors.stores.replica.store import ReplicaStore
from flask_bucketcors.wsgi import prometheus_metrics
from flask_bucketcors.wsgi.prometheus_metrics import OTHER_METHOD, Metrics, find_metrics
from tests.support import ROOT
from tests.support.fake_server import FakeServer
from tests.support.other_tools import run_sql
from tests.support.processes.children import run_python

A, EVIL = "https://a.example", "https://evil.example"
RULES = RuleSet([Rule([A], ["GET"], allowed_headers=["x-a"])])
ASK = "Access-Control-Request-Method"
#: The values of labels that no client chooses.
KNOWN = {
    "request": {"preflight", "actual"},
    "outcome": {"allowed", "refused"},
    "reason": {"", *Reason},
    "dialect": {*DIALECTS},
    "method": {"GET", "PUT", "DELETE", "OPTIONS", OTHER_METHOD},
    "status": {str(status) for status in range(200, 600)},
    "code": {"", *(d.errors[each].code for d in DIALECTS.values() for each in Refusal)},
    "result": {"rules", "no_rules", "unreadable", "failed", "ok"},
}


def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return [b""]


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.put("photos", RULES)
    return store


def samples(registry: CollectorRegistry, name: str) -> dict[tuple[str, ...], float]:
    """The values of a metric other than 0, by the values of its labels in their order."""
    return {
        tuple(sample.labels[key] for key in sorted(sample.labels)): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == f"bucketcors_{name}" and sample.value
    }


def client_of(store: Any, registry: CollectorRegistry, **options: Any) -> TestApp:
    options = {"api": RulesAPI(store, authorize=lambda call: True), **options}
    app = BucketCORSMiddleware(serve, store=store, metrics=registry, **options)
    # Without its lint, which does not know all methods.
    return TestApp(app, lint=False)


@pytest.mark.parametrize(
    "method, path, headers, request_, reason",
    [
        ("OPTIONS", "/photos/k", {"Origin": A, ASK: "GET"}, "preflight", ""),
        ("OPTIONS", "/photos/k", {"Origin": EVIL, ASK: "GET"}, "preflight", "origin"),
        ("OPTIONS", "/photos/k", {"Origin": A, ASK: "PUT"}, "preflight", "method"),
        ("OPTIONS", "/films/k", {"Origin": A, ASK: "GET"}, "preflight", "no_rules"),
        ("OPTIONS", "/photos/a/../k", {"Origin": A, ASK: "GET"}, "preflight", "dot_segment"),
        ("OPTIONS", "/photos", {"Origin": A, ASK: "GET"}, "preflight", ""),
        ("GET", "/photos/k", {"Origin": A}, "actual", ""),
        ("GET", "/photos", {"Origin": A}, "actual", ""),
        ("GET", "/photos/k", {"Origin": EVIL}, "actual", "origin"),
        ("POST", "/photos/k", {"Origin": A}, "actual", "method"),
    ],
)
def test_each_decision_is_counted_once(
    store: MemoryStore,
    registry: CollectorRegistry,
    method: str,
    path: str,
    headers: dict[str, str],
    request_: str,
    reason: str,
) -> None:
    """Whether the hot path makes it or not: the first request never is on it."""
    client = client_of(store, registry)
    for _ in range(3):
        client.request(path, method=method, headers=headers, expect_errors=True)
    outcome = "refused" if reason else "allowed"
    expected = {("cos", outcome, reason, request_): 3}
    assert samples(registry, "decisions_total") == expected


@pytest.mark.parametrize(
    "method, path, headers",
    [
        pytest.param("GET", "/photos/k", {}, id="no origin"),
        pytest.param("GET", "/films/k", {"Origin": A}, id="no rules"),
        pytest.param("OPTIONS", "/photos/k", {}, id="no preflight"),
    ],
)
def test_what_rules_do_not_decide_is_not_counted(
    store: MemoryStore,
    registry: CollectorRegistry,
    method: str,
    path: str,
    headers: dict[str, str],
) -> None:
    client_of(store, registry).request(path, method=method, headers=headers)
    assert samples(registry, "decisions_total") == {}


def test_an_application_that_fails_has_its_decision_counted(
    store: MemoryStore, registry: CollectorRegistry
) -> None:
    def fail(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        raise ZeroDivisionError

    client = TestApp(BucketCORSMiddleware(fail, store=store, metrics=registry))
    with pytest.raises(ZeroDivisionError):
        client.get("/photos/k", headers={"Origin": A})
    assert samples(registry, "decisions_total") == {("cos", "allowed", "", "actual"): 1}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_decisions_have_the_dialect_of_their_middleware(
    store: MemoryStore, registry: CollectorRegistry, dialect: str
) -> None:
    client = client_of(store, registry, dialect=dialect)
    client.get("/photos/k", headers={"Origin": A})
    assert samples(registry, "decisions_total") == {(dialect, "allowed", "", "actual"): 1}


@pytest.mark.parametrize(
    "method, path, body, code, status",
    [
        ("GET", "/photos?cors", b"", "", "200"),
        ("GET", "/films?cors", b"", "NoSuchCORSConfiguration", "404"),
        ("PUT", "/films?cors", RULES.to_xml().encode(), "", "200"),
        ("PUT", "/films?cors", b"nonsense", "MalformedXML", "400"),
        ("DELETE", "/photos?cors", b"", "", "204"),
        ("POST", "/photos?cors", b"", "MethodNotAllowed", "405"),
        ("PROPFIND", "/photos?cors", b"", "MethodNotAllowed", "405"),
    ],
)
def test_calls_are_counted_by_what_became_of_them(
    store: MemoryStore,
    registry: CollectorRegistry,
    method: str,
    path: str,
    body: bytes,
    code: str,
    status: str,
) -> None:
    client = client_of(store, registry)
    client.request(path, method=method, body=body, expect_errors=True)
    shown = method if method in KNOWN["method"] else "other"
    assert samples(registry, "rules_calls_total") == {(code, shown, status): 1}


def test_calls_without_an_api_are_counted(store: MemoryStore, registry: CollectorRegistry) -> None:
    client_of(store, registry, api=None).get("/photos?cors", status=501)
    assert samples(registry, "rules_calls_total") == {("NotImplemented", "GET", "501"): 1}


class Trouble(MemoryStore):
    """A store that fails when it is told to."""

    fails: frozenset[str] = frozenset()

    def read(self, bucket: str) -> Any:
        if "read" in self.fails:
            raise StoreUnavailable("the disk is gone")
        return super().read(bucket)

    def state(self) -> Any:
        if "state" in self.fails:
            raise StoreUnavailable("the disk is gone")
        return super().state()


@pytest.mark.parametrize(
    "fails, bucket, reads, checks",
    [
        ((), "photos", "rules", "ok"),
        ((), "films", "no_rules", "ok"),
        (("read",), "photos", "failed", "ok"),
        (("state",), "photos", "rules", "failed"),
    ],
)
def test_questions_to_the_store_are_counted_by_what_became_of_them(
    registry: CollectorRegistry, fails: tuple[str, ...], bucket: str, reads: str, checks: str
) -> None:
    store = Trouble()
    store.put("photos", RULES)
    store.fails = frozenset(fails)
    client_of(store, registry).get(f"/{bucket}/k", headers={"Origin": A})
    assert samples(registry, "store_reads_total") == {(reads,): 1}
    assert {key[0] for key in samples(registry, "store_checks_total")} == {checks}


def test_rules_that_are_no_rules_are_counted(registry: CollectorRegistry, tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "rules.sqlite")
    store.put("photos", RULES)
    run_sql(tmp_path / "rules.sqlite", "UPDATE bucketcors_rules SET document = 'nonsense'")
    client_of(store, registry).get("/photos/k", headers={"Origin": A})
    store.close()
    assert samples(registry, "store_reads_total") == {("unreadable",): 1}


def test_figures_of_the_cache_and_of_the_store(
    store: MemoryStore, registry: CollectorRegistry
) -> None:
    client = client_of(store, registry)
    store.put("films", RULES)
    for bucket in ("photos", "films", "nothing"):
        client.get(f"/{bucket}/k", headers={"Origin": A})
    assert samples(registry, "cached_buckets") == {(): 2}
    assert 500 < samples(registry, "cached_bytes")[()] < 5000
    assert samples(registry, "revision") == {(): 2}


def test_a_copy_says_when_it_was_confirmed(
    registry: CollectorRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ReplicaStore(FakeServer(), tmp_path / "copy.sqlite")  # type: ignore[arg-type]
    client_of(store, registry)
    monkeypatch.setattr(prometheus_metrics.time, "time", lambda: 1000.0)
    monkeypatch.setattr(store, "copy_health", lambda: CopyHealth(30.0, True), raising=False)
    assert samples(registry, "copy_confirmed_timestamp_seconds") == {(): 970.0}
    store.close()


def test_a_store_without_a_copy_has_no_such_figure(
    store: MemoryStore, registry: CollectorRegistry
) -> None:
    client_of(store, registry)
    names = {sample.name for family in registry.collect() for sample in family.samples}
    assert "bucketcors_revision" in names
    assert "bucketcors_copy_confirmed_timestamp_seconds" not in names


def test_a_store_that_cannot_be_asked_hides_no_other_figure(registry: CollectorRegistry) -> None:
    class Lost(MemoryStore):
        @property
        def revision(self) -> int:
            raise StoreUnavailable("the disk is gone")

    client_of(Lost(), registry).get("/photos/k")
    assert samples(registry, "store_reads_total") == {("no_rules",): 1}


@pytest.mark.parametrize("error", [StoreUnavailable("the disk is gone"), KeyError("revision")])
def test_a_revision_stays_while_the_store_cannot_be_asked(
    registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Otherwise it would look as if somebody had changed rules, twice."""

    def fail(store: MemoryStore) -> int:
        raise error

    store = MemoryStore()
    store.put("photos", RULES)
    client = client_of(store, registry)
    assert samples(registry, "revision") == {(): 1}
    monkeypatch.setattr(MemoryStore, "revision", property(fail))
    assert samples(registry, "revision") == {(): 1}
    # Requests hold it.
    assert client.app.store is store


def test_a_store_needs_no_hash(registry: CollectorRegistry) -> None:
    class Equal(MemoryStore):
        def __eq__(self, other: object) -> bool:
            return isinstance(other, Equal)

    first, second = Equal(), Equal()
    second.put("photos", RULES)
    apps = [client_of(each, registry) for each in (first, second)]
    assert samples(registry, "revision") == {(): 1}, apps


def test_clients_choose_no_label(store: MemoryStore, registry: CollectorRegistry) -> None:
    """Whatever they send, there are no more series than there are known values."""
    client = client_of(store, registry)
    for number in range(20):
        invented = {"Origin": f"https://{number}.example", ASK: f"M{number}"}
        for method in ("OPTIONS", "GET", f"X{number}"):
            for path in (f"/bucket{number}/k", "/photos/k", f"/{number}?cors", "/photos?cors"):
                client.request(path, method=method, headers=invented, expect_errors=True)
    for family in registry.collect():
        for sample in family.samples:
            for name, value in sample.labels.items():
                assert value in KNOWN[name], (sample.name, name, value)


def test_nothing_is_lost_among_threads(store: MemoryStore, registry: CollectorRegistry) -> None:
    middleware = BucketCORSMiddleware(serve, store=store, metrics=registry)
    environ = {"PATH_INFO": "/photos/k", "HTTP_HOST": "h", "HTTP_ORIGIN": A, "QUERY_STRING": ""}
    preflight = {"REQUEST_METHOD": "OPTIONS", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET"}
    seen = threading.Event()

    def send() -> None:
        for _ in range(500):
            for method in ({"REQUEST_METHOD": "GET"}, preflight):
                middleware({**environ, **method}, lambda *arguments: None)  # type: ignore[arg-type]

    def look() -> None:
        while not seen.is_set():
            samples(registry, "decisions_total")

    looking = threading.Thread(target=look, daemon=True)
    sending = [threading.Thread(target=send, daemon=True) for _ in range(4)]
    for each in (looking, *sending):
        each.start()
    for each in sending:
        each.join(30)
    seen.set()
    looking.join(30)
    assert samples(registry, "decisions_total") == {
        ("cos", "allowed", "", "actual"): 2000,
        ("cos", "allowed", "", "preflight"): 2000,
    }


def test_middlewares_with_one_registry_are_counted_together(
    store: MemoryStore, registry: CollectorRegistry
) -> None:
    other = CollectorRegistry()
    for each in (registry, registry, other):
        client_of(store, each).get("/photos/k", headers={"Origin": A})
    assert samples(registry, "decisions_total") == {("cos", "allowed", "", "actual"): 2}
    assert samples(other, "decisions_total") == {("cos", "allowed", "", "actual"): 1}


def test_a_setting_counts_in_a_flask_application(
    registry: CollectorRegistry, store: MemoryStore
) -> None:
    app = Flask("storage")
    app.config["BUCKETCORS_METRICS"] = registry
    app.add_url_rule("/<bucket>/<path:key>", view_func=lambda bucket, key: key)
    BucketCORS(app, store=store)
    app.test_client().get("/photos/k", headers={"Origin": A})
    assert samples(registry, "decisions_total") == {("cos", "allowed", "", "actual"): 1}


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"HTTP_ORIGIN": A}, id="allowed"),
        pytest.param({"HTTP_ORIGIN": EVIL}, id="refused"),
        pytest.param({}, id="no origin"),
        pytest.param(
            {
                "REQUEST_METHOD": "OPTIONS",
                "HTTP_ORIGIN": A,
                "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET",
            },
            id="preflight",
        ),
    ],
)
def test_counting_changes_no_response(
    store: MemoryStore, registry: CollectorRegistry, environ: dict[str, str]
) -> None:
    def responses(**options: Any) -> list[tuple[Any, ...]]:
        middleware = BucketCORSMiddleware(serve, store=store, **options)
        found = []
        for _ in range(3):
            request = {"REQUEST_METHOD": "GET", "PATH_INFO": "/photos/k", "HTTP_HOST": "h"}
            body = middleware({**request, **environ}, lambda *sent: found.append(sent))  # type: ignore
            found.append((b"".join(body).partition(b"<RequestId>")[0],))
        return [
            (each[0], sorted(pair for pair in each[1] if "-id" not in pair[0]))
            if len(each) > 1
            else each
            for each in found
        ]

    assert responses(metrics=registry) == responses()


def test_without_the_setting_nothing_is_imported_and_no_part_is_replaced() -> None:
    """So it costs nothing: the hot path has the application itself, and the usual IDs."""
    code = """
import sys
from flask_bucketcors import BucketCORSMiddleware, MemoryStore
from flask_bucketcors.wsgi.request_ids import response_ids
def app(environ, start_response): ...
middleware = BucketCORSMiddleware(app, store=MemoryStore())
middleware({"REQUEST_METHOD": "GET", "PATH_INFO": "/a/b"}, None)
cells = dict(zip(middleware.__call__.__code__.co_freevars, middleware.__call__.__closure__))
assert cells["app"].cell_contents is app
assert cells["ids"].cell_contents is response_ids(middleware.dialect)
assert cells["respond_to_preflight"].cell_contents == middleware._respond_to_preflight
print(not {"prometheus_client", "opentelemetry"} & {*sys.modules})
"""
    assert run_python(code, {**os.environ, "PYTHONPATH": str(ROOT)}).strip() == "True"


def test_without_prometheus_client_the_error_says_what_to_install() -> None:
    code = """
import sys
sys.modules["prometheus_client"] = None
from flask_bucketcors import BucketCORSMiddleware, MemoryStore, SettingRefused
try:
    BucketCORSMiddleware(lambda *request: [], store=MemoryStore(), metrics=True)
except SettingRefused as error:
    print(error)
"""
    said = run_python(code, {**os.environ, "PYTHONPATH": str(ROOT)})
    assert "pip install 'flask-bucketcors[metrics]'" in said


SHARED = """
import os
import prometheus_client
{}
from flask_bucketcors import BucketCORSMiddleware, MemoryStore, SettingRefused
from flask_bucketcors.wsgi import prometheus_metrics
try:
    BucketCORSMiddleware(lambda *request: [], store=MemoryStore(), metrics=True)
except SettingRefused as error:
    print(error)
else:
    print(prometheus_metrics.is_shared())
"""


@pytest.mark.parametrize(
    "name, code, expected",
    [
        (None, "", "False"),
        ("PROMETHEUS_MULTIPROC_DIR", "", "True"),
        # Deprecated, but prometheus_client has it still.
        ("prometheus_multiproc_dir", "", "True"),
        # Too late: prometheus_client has decided.
        (None, 'os.environ["PROMETHEUS_MULTIPROC_DIR"] = "/nowhere"', "False"),
    ],
)
def test_processes_share_a_folder_if_prometheus_client_thinks_so(
    name: str | None, code: str, expected: str, tmp_path: Path
) -> None:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **({name: str(tmp_path)} if name else {})}
    assert run_python(SHARED.format(code), environ).split() == [expected]


def test_without_the_folder_the_error_says_what_to_do(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PROMETHEUS_MULTIPROC_DIR": missing}
    said = run_python(SHARED.format(""), environ)
    assert said.startswith("BUCKETCORS_METRICS (metrics=) needs the folder that PROMETHEUS_MUL")
    assert missing in said


class Timer:
    """A timer whose time comes when the test says so."""

    made: "list[Timer]"
    name: str
    daemon: bool

    def __init__(self, seconds: float, function: Callable[[], None]) -> None:
        self.seconds, self.function = seconds, function
        self.made.append(self)

    def start(self) -> None:
        """The test starts nothing."""


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> list[Timer]:
    monkeypatch.setattr(Timer, "made", [], raising=False)
    monkeypatch.setattr(prometheus_metrics.threading, "Timer", Timer)
    return Timer.made


def published(metrics: Metrics) -> float:
    """What prometheus_client has, without asking."""
    return sum(
        sample.value
        for family in metrics.decisions.counter.collect()
        for sample in family.samples
        if sample.name.endswith("_total")
    )


@pytest.fixture
def shared(registry: CollectorRegistry) -> Metrics:
    """Metrics as they are if several processes share a folder for them."""
    metrics = prometheus_metrics._by_registry[registry] = Metrics(registry, is_shared=True)
    return metrics


def test_among_several_processes_counts_are_written_after_the_first_request(
    store: MemoryStore, registry: CollectorRegistry, shared: Metrics, timers: list[Timer]
) -> None:
    client = client_of(store, registry)
    for _ in range(3):
        client.get("/photos/k", headers={"Origin": A})
    assert (published(shared), len(timers)) == (0, 1)
    timers[0].function()
    assert (published(shared), len(timers)) == (3, 1)
    client.get("/photos/k", headers={"Origin": A})
    assert len(timers) == 2
    timers[1].function()
    assert published(shared) == 4


def test_a_process_that_cannot_start_a_timer_tries_again(
    store: MemoryStore,
    registry: CollectorRegistry,
    shared: Metrics,
    timers: list[Timer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(timer: Timer) -> None:
        raise RuntimeError("can't start new thread")

    client = client_of(store, registry)
    with monkeypatch.context() as context:
        context.setattr(Timer, "start", fail)
        client.get("/photos/k", headers={"Origin": A})
    failed = len(timers)
    client.get("/photos/k", headers={"Origin": A})
    assert len(timers) == failed + 1


def test_a_process_alone_needs_no_timer(
    store: MemoryStore, registry: CollectorRegistry, timers: list[Timer]
) -> None:
    client_of(store, registry).get("/photos/k", headers={"Origin": A})
    assert timers == []


def test_a_child_leaves_the_counts_of_its_parent_to_it(
    store: MemoryStore, registry: CollectorRegistry, shared: Metrics, timers: list[Timer]
) -> None:
    client = client_of(store, registry)
    client.get("/photos/k", headers={"Origin": A})
    shared.abandon()
    client.get("/photos/k", headers={"Origin": A})
    shared.publish()
    assert (published(shared), len(timers)) == (1, 2)


def test_nothing_that_fails_in_prometheus_client_reaches_a_request_or_is_counted_twice(
    store: MemoryStore, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the folder of the processes were full, or gone, or another user's."""

    def fail(*values: object) -> None:
        raise PermissionError(13, "Permission denied", "/run/metrics/counter_1.db")

    client = client_of(store, registry)
    with monkeypatch.context() as context:
        for name in ("inc", "labels"):
            context.setattr(Counter, name, fail)
        assert client.get("/photos/k", headers={"Origin": A}).headers["Vary"] == "Origin"
        assert client.get("/photos?cors").status_int == 200
        for _ in range(3):
            find_metrics(registry).publish()
    assert samples(registry, "decisions_total") == {("cos", "allowed", "", "actual"): 1}
    assert samples(registry, "rules_calls_total") == {("", "GET", "200"): 1}
    assert samples(registry, "store_reads_total") == {("rules",): 1}
    assert samples(registry, "store_checks_total") == {("ok",): 1}


def test_metrics_that_cannot_be_published_are_logged(
    registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise OSError("no space left on device")

    metrics = find_metrics(registry)
    monkeypatch.setattr(metrics, "_measure", fail)
    samples(registry, "decisions_total")
    [line] = caplog.messages
    assert line.startswith("metrics are counted, but not published: OSError('no space left")
