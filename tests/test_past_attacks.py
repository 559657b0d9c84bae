"""Attacks that once worked, each tried again from end to end."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from webtest import TestApp

from flask_bucketcors import (
    AccessKey,
    BucketCORS,
    BucketCORSMiddleware,
    MemoryStore,
    Rule,
    RulesAPI,
    RuleSet,
    SQLiteStore,
    create_blueprint,
)
from flask_bucketcors.core.dialects import COS
from flask_bucketcors.documents.from_xml import DocumentError, parse_xml
from flask_bucketcors.signatures import SignatureError, SignedRequest, verify
from tests.support.cos_signing import authorization, send
from tests.support.processes.children import CHILD_SECONDS

KEYS = {"AKIDEXAMPLE": "ExampleSecretKey"}
RULES = RuleSet([Rule(["https://a.example"], ["GET"])])
DOCUMENT = (
    b"<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin>"
    b"<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"
)


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.put_many([("alice", RULES), ("bob", RULES)])
    return store


@pytest.fixture
def deleted() -> list[str]:
    """The buckets that the application was made to delete."""
    return []


@pytest.fixture
def app(store: MemoryStore, deleted: list[str]) -> Flask:
    """A storage application with routes that a spelling could slip into."""
    app = Flask(__name__)
    app.config["BUCKETCORS_ACCESS_KEYS"] = KEYS
    app.config["BUCKETCORS_HOST_SUFFIXES"] = ["cos.test"]

    @app.delete("/")
    @app.delete("/<bucket>")
    @app.delete("/<bucket>/")
    def delete(bucket: str = "") -> str:
        deleted.append(bucket)
        return "deleted"

    @app.get("/<bucket>/<path:key>")
    def read(bucket: str, key: str) -> tuple[str, dict[str, str]]:
        return "secret", {"Access-Control-Allow-Origin": "*"}

    BucketCORS(app, store=store)
    return app


@pytest.mark.parametrize(
    "path, host",
    [
        ("//alice", "h.test"),
        ("///alice/", "h.test"),
        ("alice", "h.test"),
        ("/alice//", "h.test"),
        ("//", "alice.cos.test"),
        ("", "alice.cos.test"),
        ("/alice", "alice.cos.test:\xb2"),
        ("/alice", "h.test:80:80"),
    ],
)
def test_no_spelling_of_a_rules_call_deletes_the_bucket(
    app: Flask, deleted: list[str], path: str, host: str
) -> None:
    """Werkzeug's router takes any number of slashes at the beginning for one."""
    environ = {"PATH_INFO": path, "HTTP_HOST": host}
    response = TestApp(app, lint=False).delete("/?cors", extra_environ=environ, expect_errors=True)
    assert response.status_int in (400, 403)
    assert deleted == []


def test_slashes_do_not_lead_around_the_rules(app: Flask) -> None:
    headers = {"Origin": "https://evil.example"}
    response = TestApp(app).get("/x", extra_environ={"PATH_INFO": "//alice/k"}, headers=headers)
    assert response.text == "secret"
    assert "Access-Control-Allow-Origin" not in response.headers
    assert response.headers["Vary"] == "Origin"


@pytest.mark.parametrize("port", [":\xb2", ":1:1", ":x", ":123456", "\t"])
def test_a_signature_for_one_host_does_not_open_another_bucket(
    app: Flask, store: MemoryStore, port: str
) -> None:
    """Signed for the object "bob" of alice; with a Host that is none it was the bucket bob."""
    client, host = TestApp(app, lint=False), {"host": "alice.cos.test"}

    def delete(url: str, port: str) -> Any:
        signature = authorization("DELETE", url, host, now=int(time.time()))
        headers = {"Host": f"alice.cos.test{port}", "Authorization": signature}
        return send(client, "DELETE", url, headers=headers)

    response = delete("/bob?cors", port)
    assert response.status_int in (400, 403)
    assert store.get("bob") == RULES
    assert delete("/?cors", ":8080").status_int == 204
    assert store.get("alice") is None


def test_a_document_cannot_fill_the_memory() -> None:
    """A parser repeats a long namespace in each of thousands of names."""
    names = "".join(f"<a{number:x}/>" for number in range(4000))
    body = f"<CORSConfiguration xmlns='{'n' * 30_000}'>{names}</CORSConfiguration>".encode()
    tracemalloc = pytest.importorskip("tracemalloc", reason="PyPy does not have it")
    tracemalloc.start()
    with pytest.raises(DocumentError, match="attribute"):
        parse_xml(body, COS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def put_status(
    store: MemoryStore, body: object, bucket_exists: Any = None, **environ: object
) -> str:
    """Put rules for alice with this body, as somebody who may; give the status."""
    api = RulesAPI(store, authorize=lambda call: True, bucket_exists=bucket_exists)
    app = BucketCORSMiddleware(lambda e, s: [b""], store=store, api=api)
    url = {"REQUEST_METHOD": "PUT", "PATH_INFO": "/alice", "QUERY_STRING": "cors"}
    statuses: list[str] = []
    app(
        {**url, "wsgi.input": body, **environ},
        lambda status, headers, exc_info=None: statuses.append(status),  # type: ignore[arg-type,return-value]
    )
    return statuses[0]


class SlowBody:
    """A body whose sender waits until the bucket has changed hands."""

    def __init__(self, meanwhile: Any) -> None:
        self._parts = iter([DOCUMENT[:50], DOCUMENT[50:], b""])
        self._meanwhile = meanwhile
        self._sent = 0

    def read(self, size: int = -1) -> bytes:
        if self._sent == 1:
            self._meanwhile()
        self._sent += 1
        return next(self._parts)


def test_a_slow_put_does_not_outlive_its_bucket(store: MemoryStore) -> None:
    buckets = {"alice"}
    status = put_status(
        store,
        SlowBody(buckets.clear),
        bucket_exists=buckets.__contains__,
        CONTENT_LENGTH=str(len(DOCUMENT)),
    )
    assert status == "404 Not Found"
    assert store.get("alice") == RULES


@pytest.mark.parametrize("keys", [{"AK": ""}, {"": ""}, lambda key: "", lambda key: None])
def test_an_empty_secret_is_no_key(keys: Any) -> None:
    request = SignedRequest(
        "GET",
        b"/",
        (),
        {
            "host": "h",
            "authorization": "q-sign-algorithm=sha1&q-ak=AK&q-sign-time=1;2&q-key-time=1;2"
            "&q-header-list=host&q-url-param-list=&q-signature=" + "0" * 40,
        },
        "bucket",
        "",
    )
    with pytest.raises(SignatureError, match="InvalidAccessKeyId"):
        verify(request, keys, now=1)


@pytest.mark.parametrize("secret, token", [("", None), ("s", ""), (None, None), (7, None)])
def test_an_access_key_has_a_secret(secret: Any, token: str | None) -> None:
    with pytest.raises(ValueError, match="not empty"):
        AccessKey(secret, token)


class BrokenChunks:
    """A body that fails as gunicorn's do, with exceptions of the server's own."""

    def read(self, size: int = -1) -> bytes:
        raise RuntimeError("invalid chunk size")


def test_a_body_that_breaks_off_is_the_clients_fault(store: MemoryStore) -> None:
    assert put_status(store, BrokenChunks(), **{"wsgi.input_terminated": True}).startswith("400")


@pytest.fixture
def file_store(path: Path) -> Iterator[SQLiteStore]:
    with closing(SQLiteStore(path)) as store:
        store.put("alice", RULES)
        yield store


def test_a_write_waits_where_greenlets_can_run(path: Path, file_store: SQLiteStore) -> None:
    """Not within SQLite: another thread stands for the hub of gevent, which needs the sleep."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        writer = threading.Thread(target=file_store.put, args=("alice", RULES), daemon=True)
        writer.start()
        assert file_store._database._connections.writer is None or writer.is_alive()
        other.execute("COMMIT")
        writer.join(CHILD_SECONDS)
    assert len(file_store.history("alice")) == 2
    setting = "PRAGMA busy_timeout"
    assert file_store._database.change(lambda each: each.execute(setting).fetchone()) == (0,)


def test_a_database_without_its_tables_is_not_believed(path: Path, file_store: SQLiteStore) -> None:
    state = file_store.state()
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE bucketcors_state")
        other.commit()
    assert file_store.state() != state


def rules_calls_are_for_pages(app: Flask) -> bool:
    """Whether a page may read the rules."""
    headers = {"Origin": "https://a.example"}
    response = TestApp(app).get("/alice?cors", headers=headers, expect_errors=True)
    return "Access-Control-Allow-Origin" in response.headers


@pytest.mark.parametrize("hook, expected", [(None, True), (lambda call: True, False)])
@pytest.mark.parametrize("by", ["extension", "blueprint", "hand"])
def test_where_a_hook_decides_no_page_may_call(
    store: MemoryStore, by: str, hook: Any, expected: bool
) -> None:
    """A hook may look at cookies, which a page can borrow."""
    app = Flask(__name__)
    if by == "extension":
        BucketCORS(app, store=store, authorize=hook)
    elif by == "blueprint":
        app.wsgi_app = BucketCORSMiddleware(app.wsgi_app, store=store)  # type: ignore[method-assign]
        app.register_blueprint(create_blueprint(store, authorize=hook))
    else:
        api = RulesAPI(store, authorize=hook)
        app.wsgi_app = BucketCORSMiddleware(app.wsgi_app, store=store, api=api)  # type: ignore[method-assign]
    assert rules_calls_are_for_pages(app) is expected


def test_a_blueprint_keeps_its_prefix_below_a_middleware_without_one(
    store: MemoryStore, deleted: list[str]
) -> None:
    app = Flask(__name__)
    app.delete("/storage/<bucket>")(lambda bucket: deleted.append(bucket) or "deleted")
    app.wsgi_app = BucketCORSMiddleware(app.wsgi_app, store=store)  # type: ignore[method-assign]
    app.register_blueprint(create_blueprint(store, access_keys=KEYS), url_prefix="/storage")
    response = TestApp(app).delete("/storage/alice?cors", expect_errors=True)
    assert response.status_int == 403
    assert deleted == []


def test_a_setting_that_is_misspelt_is_refused(store: MemoryStore) -> None:
    app = Flask(__name__)
    app.config["BUCKETCORS_ALLOW_CREDENTIAL"] = False
    with pytest.raises(RuntimeError, match="write BUCKETCORS_ALLOW_CREDENTIALS"):
        BucketCORS(app, store=store)


def test_a_middleware_around_a_wrapped_application_is_refused(app: Flask) -> None:
    with pytest.raises(ValueError, match="wrapped in BucketCORSMiddleware already"):
        BucketCORSMiddleware(app, store=MemoryStore())


@pytest.mark.parametrize("name", ["allow_credentials", "api_cross_origin"])
def test_the_text_false_is_no_flag(store: MemoryStore, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 'False': write True"):
        BucketCORSMiddleware(lambda e, s: [b""], store=store, **{name: "False"})
