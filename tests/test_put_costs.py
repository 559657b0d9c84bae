"""What a PUT of rules costs: its SQL statements, and its function calls."""

import io
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from flask_bucketcors import BucketCORSMiddleware, RulesAPI, RuleSet, SQLiteStore
from flask_bucketcors.analysis.linter import lint as lint_module
from flask_bucketcors.api import put_review
from tests.support.call_counts import count_calls

BODY = (
    b"<CORSConfiguration><CORSRule><AllowedOrigin>https://www.example.com</AllowedOrigin>"
    b"<AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>"
    b"<AllowedHeader>*</AllowedHeader><ExposeHeader>ETag</ExposeHeader>"
    b"<MaxAgeSeconds>%d</MaxAgeSeconds></CORSRule></CORSConfiguration>"
)
# Half of what it was when lint read the rules once more, in any form.
MAX_CALLS = 900

Put = Callable[[str], None]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    with closing(SQLiteStore(tmp_path / "rules.sqlite3")) as store:
        yield store


@pytest.fixture
def put(store: SQLiteStore) -> Put:
    """Send a PUT of rules that no earlier one had, because what lint found out is kept.

    The first one imports what it needs, and opens the database.
    """
    ages = count(600)
    api = RulesAPI(store, authorize=lambda call: "me")
    app = BucketCORSMiddleware(lambda *_: [], store=store, api=api)

    def put(bucket: str) -> None:
        body = BODY % next(ages)
        environ = {
            "REQUEST_METHOD": "PUT",
            "SCRIPT_NAME": "",
            "PATH_INFO": f"/{bucket}",
            "QUERY_STRING": "cors",
            "HTTP_HOST": "127.0.0.1",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }
        list(app(environ, expect_200))  # type: ignore[arg-type]

    put("first")
    return put


def expect_200(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Callable[..., Any]:
    assert status == "200 OK"
    return lambda data: None


NEW = [
    "BEGIN",
    "SELECT revision",
    "UPDATE bucketcors_state",
    "INSERT OR IGNORE INTO bucketcors_history",
    "INSERT INTO bucketcors_rules",
    "INSERT INTO bucketcors_changes",
    "UPDATE bucketcors_state",
    "COMMIT",
]
REPLACED = [
    *NEW[:4],
    "SELECT history_limit",
    "DELETE FROM bucketcors_history",
    "UPDATE bucketcors_rules",
    *NEW[5:],
]


@pytest.mark.parametrize(
    ("bucket", "statements"),
    [("new", NEW), ("first", REPLACED)],
    ids=["a new bucket", "a bucket that has rules"],
)
def test_the_statements_of_a_put(
    store: SQLiteStore, put: Put, bucket: str, statements: list[str]
) -> None:
    """Those of triggers are reported with the one that they belong to."""
    writer = store._database._connections.writer
    assert writer is not None
    seen: list[str] = []
    writer.connection.set_trace_callback(seen.append)
    put(bucket)
    writer.connection.set_trace_callback(None)
    texts = [" ".join(each.split()) for each in seen]
    once = [text for before, text in zip(["", *texts], texts, strict=False) if text != before]
    assert len(once) == len(statements)
    assert all(text.startswith(known) for text, known in zip(once, statements, strict=True))


def test_the_calls_of_a_put(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    # A look for another file, once a second, is not the cost of a PUT.
    monkeypatch.setattr("flask_bucketcors.stores.sqlite.database.LOOK_SECONDS", 3600)
    put("first")
    assert min(count_calls(lambda: put("first")) for _ in range(3)) <= MAX_CALLS


def test_a_put_lints_the_rules_once_as_they_are(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    linted: list[object] = []

    def lint(rules: object, *arguments: Any, **options: Any) -> Any:
        linted.append(rules)
        return lint_module.lint(rules, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(put_review, "lint", lint)
    put("first")
    assert [type(each) for each in linted] == [RuleSet]
