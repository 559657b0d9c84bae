"""Commands tell a bucket that does not exist from one without rules, where the application can."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask, current_app

from flask_bucketcors import BucketCORS, MemoryStore, Rule, RuleSet
from tests.support.command_line import invoke

RULES = RuleSet([Rule(["https://page.test"], ["GET"])])
BUCKETS = ["empty", "photos"]
Run = Callable[..., Result]


@pytest.fixture
def store() -> MemoryStore:
    """A bucket with rules, and one that is gone and has left rules behind."""
    store = MemoryStore()
    store.put_many([("photos", RULES), ("gone", RULES)])
    return store


@pytest.fixture
def run(store: MemoryStore) -> Run:
    app = Flask("storage", static_folder=None)
    app.config["BUCKETS"] = BUCKETS
    BucketCORS(app, store=store, bucket_exists=lambda name: name in current_app.config["BUCKETS"])
    return partial(invoke, app=app)


@pytest.fixture
def rules(tmp_path: Path) -> str:
    path = tmp_path / "rules.json"
    path.write_text(RULES.to_json())
    return str(path)


#: Each command, its exit code for a missing bucket, and what it says of one without rules.
COMMANDS = [
    (["put", "{bucket}", "{rules}"], 1, None),
    (["put", "{bucket}", "{rules}", "--diff", "--yes"], 1, None),
    (["show", "{bucket}"], 1, "bucket empty has no rules; bucketcors list prints the buckets with"),
    (["delete", "{bucket}"], 1, "Delete the rules of empty?"),
    (["delete", "{bucket}", "--yes"], 1, "bucket empty has no rules"),
    (["history", "{bucket}"], 1, "bucket empty has no history"),
    (["rollback", "{bucket}", "1"], 1, "bucket empty has no history"),
    # 1 means that the request is refused, or that there are findings or changes.
    (["explain", "--bucket", "{bucket}", "--origin", "https://page.test"], 2, "no_rules"),
    (["lint", "--bucket", "{bucket}"], 2, "bucket empty has no rules"),
    (["diff", "--bucket", "{bucket}", "{rules}"], 2, "newly"),
    (["diff", "--bucket", "{bucket}", "--revision", "1", "{rules}"], 2, "has no revision 1"),
]
NAMED = pytest.mark.parametrize(
    "command, code, without_rules", COMMANDS, ids=[" ".join(each[0]) for each in COMMANDS]
)


@NAMED
def test_a_missing_bucket_is_said_to_be_missing(
    command: list[str],
    code: int,
    without_rules: str | None,
    run: Run,
    store: MemoryStore,
    rules: str,
) -> None:
    arguments = [each.format(bucket="phtos", rules=rules) for each in command]
    output = run(*arguments, code=code).output
    assert "Error: the application has no bucket phtos; did you mean photos?" in output
    assert store.revision == 1


@NAMED
def test_a_bucket_without_rules_is_not(
    command: list[str], code: int, without_rules: str | None, run: Run, rules: str
) -> None:
    arguments = [each.format(bucket="empty", rules=rules) for each in command]
    if without_rules is None:
        assert "empty: revision 2, 1 rule" in run(*arguments).output
    else:
        expected = 2 if "revision 1" in without_rules and command[0] == "diff" else 1
        expected = 2 if command[0] == "lint" else expected
        output = run(*arguments, code=expected).output
        assert without_rules in output
        assert "no bucket" not in output


def test_rules_that_a_bucket_left_behind_can_be_seen_and_deleted(run: Run) -> None:
    assert "https://page.test" in run("show", "gone").output
    assert "1 rule" in run("history", "gone").output
    assert run("delete", "gone", "--yes").output.startswith(
        "gone: revision 2, no rules (1 before)\n"
    )
    assert "no bucket gone" in run("rollback", "gone", 1, code=1).output


def test_an_import_refuses_the_lines_of_missing_buckets(run: Run, store: MemoryStore) -> None:
    lines = [json.dumps({"bucket": name, **RULES.as_dict()}) for name in ("empty", "phtos")]
    output = run("import", "-", input="\n".join(lines), code=1).output
    assert "line 2 (phtos) is refused: there is no bucket 'phtos': create it first" in output
    assert (store.get("empty"), store.get("phtos")) == (RULES, None)


def test_a_name_like_none_is_not_guessed_at(run: Run) -> None:
    output = run("show", "zzz", code=1).output
    assert output == "Error: the application has no bucket zzz\n"
