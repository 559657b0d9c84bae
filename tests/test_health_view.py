"""The health view: 200 while a host can decide requests by its rules, and nothing secret."""

import ast
import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import pytest
from flask import Flask
from webtest import TestApp, TestResponse

from flask_bucketcors import (
    BucketCORS,
    BucketCORSMiddleware,
    BucketCORSState,
    MemoryStore,
    Rule,
    RuleSet,
    SetupRefused,
    SQLiteStore,
    Store,
    StoredRulesInvalid,
    StoreUnavailable,
)
from flask_bucketcors.stores.replica import contact
from flask_bucketcors.stores.replica.follower import Follower
from flask_bucketcors.stores.replica.store import LATE_SECONDS, ReplicaStore
from flask_bucketcors.wsgi.rules_cache import CHECK_SECONDS, MAX_CLOSED
from tests.support import ROOT
from tests.support.fake_server import FakeServer, wait_until
from tests.support.loggers import check_fields
from tests.support.other_tools import run_sql

PAGE = (ROOT / "docs" / "health.md").read_text()
PATH = "/health/cors"
FOLLOW_SECONDS = 60
SECRET = "secret-path-or-password"
RULES = RuleSet([Rule(["https://a.example"], ["GET"])])


def application(store: Store) -> Flask:
    app = Flask("storage", static_folder=None)
    app.config["BUCKETCORS_HEALTH_PATH"] = PATH
    app.add_url_rule("/<bucket>/<path:key>", "object", lambda bucket, key: "an object")
    BucketCORS(app, store=store)
    return app


def view(store: Store) -> TestApp:
    middleware = BucketCORSMiddleware(lambda environ, start: [b""], store=store)
    return TestApp(validator(middleware.health))


def found(response: TestResponse) -> tuple[int, dict[str, Any]]:
    return response.status_int, json.loads(response.body)


def ask(store: Store) -> tuple[int, dict[str, Any]]:
    return found(view(store).get("/", status="*"))


def preflight(app: TestApp, bucket: str = "photos") -> int:
    headers = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    status: int = app.options(f"/{bucket}/a", headers=headers, status="*").status_int
    return status


OK = {"status": "ok", "closed_buckets": 0, "copy": None}


# Who asks, and how


def test_a_host_that_reads_its_rules_is_ok() -> None:
    response = view(MemoryStore()).get("/")
    assert found(response) == (200, OK)
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"


def test_head_gets_the_same_without_a_body() -> None:
    app = view(MemoryStore())
    head, got = app.head("/"), app.get("/")
    assert (head.status, head.headers, head.body) == (got.status, got.headers, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(method: str) -> None:
    response = view(MemoryStore()).request("/", method=method, status=405)
    assert response.headers["Allow"] == "GET, HEAD"


def test_flask_serves_it_at_the_path_of_the_setting() -> None:
    app = TestApp(validator(application(MemoryStore())))
    assert found(app.get(PATH)) == (200, OK)
    assert app.head(PATH).body == b""
    assert app.post(PATH, status=405).status_int == 405


def test_without_the_setting_there_is_none() -> None:
    app = Flask("storage", static_folder=None)
    BucketCORS(app, store=MemoryStore())
    assert "bucketcors_health" not in app.view_functions
    assert app.test_client().get(PATH).status_code == 404


def test_no_bucket_has_the_name_of_its_first_segment() -> None:
    app = application(MemoryStore())
    app.test_client().get(PATH)
    middleware = BucketCORSState.of(app).middleware
    assert "health" in middleware.resolve.reserved.names


@pytest.mark.parametrize("path", ["health", "/", "/<bucket>", "/a/../b", "//a", None, 7])
def test_a_path_that_is_none_is_refused(path: object) -> None:
    app = Flask("storage")
    app.config["BUCKETCORS_HEALTH_PATH"] = path
    with pytest.raises(SetupRefused, match=r"BUCKETCORS_HEALTH_PATH is .*: write a path such as"):
        BucketCORS(app, store=MemoryStore())


# A database on this machine


def test_a_database_that_cannot_be_read_closes_a_host(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / SECRET
    with closing(SQLiteStore(path)) as store:
        app = view(store)
        assert found(app.get("/")) == (200, OK)
        for each in tmp_path.iterdir():
            each.write_bytes(b"no database" * 1000)
        response = app.get("/", status=503)
    assert found(response) == (503, {**OK, "status": "closed"})
    assert SECRET not in str(response)
    (record,) = caplog.records
    check_fields(record)
    assert vars(record)["bucketcors"]["event"] == "store_failed"
    assert SECRET in record.getMessage()


class Failing(MemoryStore):
    """A store of an application, of which each method may raise what it likes."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.names = names

    def __getattribute__(self, name: str) -> Any:
        if name != "names" and name in self.names:
            raise RuntimeError(SECRET)
        return super().__getattribute__(name)


@pytest.mark.parametrize("name", ["signal", "read"])
def test_any_error_of_a_store_closes_a_host(name: str) -> None:
    assert ask(Failing(name)) == (503, {**OK, "status": "closed"})


def test_a_store_that_cannot_tell_of_its_copy_is_out_of_contact() -> None:
    copy = {"age_seconds": None, "in_contact": False}
    assert ask(Failing("copy_health")) == (200, {**OK, "status": "degraded", "copy": copy})


# Closed buckets


def test_buckets_whose_rules_are_unreadable_are_counted_and_no_reason_to_leave(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rules.sqlite"
    with closing(SQLiteStore(path)) as store:
        app = TestApp(application(store))
        for bucket in ("photos", "albums"):
            store.put(bucket, RULES)
            run_sql(path, "UPDATE bucketcors_rules SET document = '[7]'")
        assert found(app.get(PATH)) == (200, OK)
        assert [preflight(app, each) for each in ("photos", "albums", "photos")] == [503] * 3
        response = app.get(PATH)
        assert found(response) == (200, {**OK, "status": "degraded", "closed_buckets": 2})
        assert "photos" not in str(response)
        store.put("photos", RULES)
        assert preflight(app) == 200
        assert json.loads(app.get(PATH).body)["closed_buckets"] == 1
        store.delete("albums")
        assert preflight(app, "albums") == 403
        assert found(app.get(PATH)) == (200, OK)


def test_buckets_are_open_again_when_the_store_is_even_if_no_request_comes() -> None:
    store, seconds = Failing("read"), [0.0]
    middleware = BucketCORSMiddleware(lambda environ, start: [b""], store=store)
    middleware._rules.clock = lambda: seconds[0]
    assert preflight(TestApp(middleware)) == 503
    health = TestApp(middleware.health)
    assert found(health.get("/", status=503)) == (
        503,
        {**OK, "status": "closed", "closed_buckets": 1},
    )
    store.names = ()
    seconds[0] = CHECK_SECONDS
    assert found(health.get("/")) == (200, OK)


def test_a_store_that_reads_the_text_of_unusable_rules_at_once_closes_no_host() -> None:
    """A bucket may have the name that the view asks for."""

    class Reading(MemoryStore):
        def read(self, bucket: str) -> None:
            raise StoredRulesInvalid(f"the stored rules of bucket {bucket!r}: {SECRET}")

    assert ask(Reading()) == (200, OK)


def test_names_that_clients_invent_while_the_store_fails_take_bounded_memory() -> None:
    store = Failing("read")
    middleware = BucketCORSMiddleware(lambda environ, start: [b""], store=store)
    app = TestApp(middleware)
    for number in range(MAX_CLOSED + 10):
        assert preflight(app, f"b{number}") == 503
    assert middleware._rules.closed_buckets == MAX_CLOSED


# A copy


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds since the machine was started, in the hand of the test. Nobody follows."""
    seconds = [1000.0]
    monkeypatch.setattr(contact, "now", lambda: int(seconds[0] * 1e9))
    monkeypatch.setattr("flask_bucketcors.stores.replica.copy.now", contact.now)
    monkeypatch.setattr(Follower, "start", lambda follower: False)
    return seconds


Make = Callable[..., ReplicaStore]


@pytest.fixture
def make(server: FakeServer, tmp_path: Path) -> Iterator[Make]:
    made: list[ReplicaStore] = []

    def make_host(**options: Any) -> ReplicaStore:
        path = tmp_path / SECRET
        made.append(ReplicaStore(server, path, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make_host
    for each in made:
        each.close()


@pytest.mark.parametrize("seconds, in_contact", [(0, True), (5.9, True), (6.1, False)])
def test_a_copy_is_in_contact_for_some_seconds(
    make: Make, clock: list[float], seconds: float, in_contact: bool
) -> None:
    assert LATE_SECONDS == 5
    host = make(refresh_seconds=1)
    host.put("photos", RULES)
    clock[0] += seconds
    code, said = ask(host)
    assert code == 200
    assert said["status"] == ("ok" if in_contact else "degraded")
    assert said["copy"] == {"age_seconds": seconds, "in_contact": in_contact}


def test_a_host_that_lost_its_server_is_not_taken_out(
    make: Make, server: FakeServer, clock: list[float]
) -> None:
    host = make()
    server.lose(StoreUnavailable(SECRET))
    clock[0] += 1000
    response = view(host).get("/")
    assert found(response)[1]["status"] == "degraded"
    assert SECRET not in str(response)


def test_a_host_without_a_copy_is_closed_until_it_has_one(
    make: Make, server: FakeServer, clock: list[float]
) -> None:
    server.lose()
    host = make()
    copy = {"age_seconds": None, "in_contact": False}
    assert ask(host) == (503, {"status": "closed", "closed_buckets": 0, "copy": copy})
    server.come_back()
    host.catch_up()
    assert ask(host)[0] == 200


def test_a_copy_older_than_the_limit_closes_a_host(make: Make, clock: list[float]) -> None:
    host = make(stale_seconds=60)
    clock[0] += 70
    code, said = ask(host)
    assert (code, said["status"]) == (503, "closed")
    host.catch_up()
    assert ask(host)[0] == 200


def test_a_host_that_gets_no_other_requests_follows_its_server(
    make: Make, server: FakeServer
) -> None:
    """Otherwise a load balancer would never find out that a host is open again."""
    host = make(refresh_seconds=0.05)
    view(host).get("/")
    server.put("photos", RULES, "alice")
    assert wait_until(lambda: host.read("photos") is not None, FOLLOW_SECONDS)


def test_a_server_that_hangs_holds_nobody(make: Make, server: FakeServer) -> None:
    host = make(refresh_seconds=0.05)
    app = view(host)
    app.get("/")
    server.is_responding.clear()
    try:
        assert app.get("/").status_int == 200
    finally:
        server.is_responding.set()


# The page


def test_the_page_shows_a_response_and_has_every_field() -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", PAGE, re.S)
    assert json.loads(shown) == OK
    part = PAGE.partition("## Fields")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(.*?)` \|", part, re.M)) == {
        *OK,
        "copy.age_seconds",
        "copy.in_contact",
    }
    assert f"at most {MAX_CLOSED} are counted" in part
    assert f"plus {LATE_SECONDS:g} seconds" in part


def test_the_page_says_what_each_status_means() -> None:
    source = (ROOT / "flask_bucketcors" / "wsgi" / "health_view.py").read_text()
    words = {each.value for each in ast.walk(ast.parse(source)) if isinstance(each, ast.Constant)}
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", PAGE, re.M)
    assert rows == [("200", "ok"), ("200", "degraded"), ("503", "closed")]
    assert {status for _, status in rows} < words


def test_the_recipe_for_wsgi_responds_at_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = next(
        each for each in re.findall(r"```python\n(.*?)```", PAGE, re.S) if "Dispatcher" in each
    )
    names: dict[str, Any] = {}
    exec(recipe, names)
    app = TestApp(names["application"])
    assert found(app.get(PATH)) == (200, OK)
    assert app.get("/photos/a").body == b"an object"
    names["cors"].store.close()
