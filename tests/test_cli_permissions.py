"""``flask bucketcors permissions``: who may do what, as a table or JSON."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from flask_bucketcors import Rule, RuleSet, SQLiteStore, permissions
from tests.support.command_line import invoke

A, B = "https://a.example", "https://b.example"
RULES = RuleSet(
    [
        Rule([A, "null"], ["GET", "HEAD"]),
        Rule(["https://*.a.example"], ["GET", "PUT"], ["content-type", "x-cos-meta-*"]),
        Rule(["*"], ["GET"], ["authorization"]),
    ]
)
TABLE = """\
rules.json
The first rule that matches a request decides; - means refused.

  GET                     HEAD              PUT                     POST, DELETE

https://a.example
  rule 1                  rule 1            -                       -
  no extra header;        no extra header;
  cookies                 cookies
  rule 3
  only with
  authorization

https://*.a.example (every https site below a.example)
  rule 2                  -                 rule 2                  -
  content-type,                             content-type,
  x-cos-meta-*; cookies                     x-cos-meta-*; cookies
  rule 3
  only with
  authorization

null (sandboxed frames, files, some redirects)
  rule 1                  rule 1            -                       -
  no extra header;        no extra header;
  cookies                 cookies
  rule 3
  only with
  authorization

any other site
  rule 3                  -                 -                       -
  authorization
"""
METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE"]

Run = Callable[..., Result]


def written(path: Path, rules: Any) -> str:
    path.write_text(json.dumps(rules.as_dict() if isinstance(rules, RuleSet) else rules))
    return str(path)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "rules.json", RULES)
    return "rules.json"


def run(*arguments: object, code: int = 0, input: str | None = None) -> Result:
    return invoke("permissions", *arguments, code=code, input=input)


def shown(rules: Any) -> list[str]:
    """The lines of the table, without the two above it."""
    text = json.dumps(rules)
    return run("-", input=text).output.splitlines()[3:]


def test_the_table(file: str) -> None:
    assert run(file).output == TABLE


@pytest.mark.parametrize("extra_methods", [[], ["PATCH"], ["PATCH", "LOCK", "MOVE"]])
def test_a_table_fits_a_terminal(extra_methods: list[str]) -> None:
    """Here a rule of its own decides each method, and each cell has long words."""
    origin = f"https://{'very-long-' * 8}name.example"
    rules = [
        {
            "allowed_origins": [f"{origin}:{number}", "https://*.a.example"],
            "allowed_methods": [method],
            "allowed_headers": ["x-cos-meta-*", "authorization-of-the-application"],
        }
        for number, method in enumerate([*METHODS, *extra_methods], 1)
    ]
    lines = shown(rules)
    titles = lines[0].split()
    assert len(titles) == len(rules)
    assert max(len(line) for line in lines if origin not in line) <= 80
    # A pattern can be copied.
    assert f"{origin}:1" in lines
    # Cells stand below their titles, also if a word is wider than its column.
    below = lines[lines.index(f"{origin}:2") + 1]
    assert below.index("rule 2") == lines[0].index("HEAD")
    assert below.count(" -") == len(rules) - 1


def test_methods_that_are_decided_alike_share_a_column() -> None:
    rule = {"allowed_origins": [A], "allowed_methods": ["GET", "PUT", "PATCH"]}
    assert re.split("  +", shown([rule])[0]) == ["", "GET, PUT, PATCH", "HEAD, POST, DELETE"]


def test_many_origins_are_shortened() -> None:
    rule = {
        "allowed_origins": [f"https://h{i}.example" for i in range(1000)],
        "allowed_methods": ["GET"],
    }
    assert shown([rule])[2:6] == [*(f"https://h{i}.example" for i in range(3)), "and 997 more"]


def test_other_sites_are_named_last() -> None:
    rule = {"allowed_origins": [A], "allowed_methods": ["GET"]}
    assert shown([rule])[-2:] == ["any other site", "  -                         -"]
    any_site = {"allowed_origins": ["*"], "allowed_methods": ["GET"]}
    assert shown([any_site])[2:] == ["any site", "  rule 1           -", "  no extra header"]


def test_json_has_everything(file: str) -> None:
    assert json.loads(run(file, "--format", "json").output) == {
        "file": file,
        **permissions(RULES).as_dict(),
        "notes": [],
    }


def test_the_dialect_decides_the_terms(file: str) -> None:
    found = json.loads(run(file, "--dialect", "s3", "--format", "json").output)
    assert found["rows"] == permissions(RULES, "s3").as_dict()["rows"]


def test_the_rules_of_a_bucket(store: SQLiteStore, run_app: Run) -> None:
    store.put("photos", RULES)
    arguments = ("permissions", "--bucket", "photos", "--format", "json")
    found = json.loads(run_app(*arguments, BUCKETCORS_ALLOW_CREDENTIALS=False).output)
    expected = permissions(RULES, allow_credentials=False).as_dict()
    assert found == {"bucket": "photos", **expected, "notes": []}
    assert run_app("permissions", "--bucket", "photos").output.startswith("bucket photos\n")


def test_default_rules_are_said_to_be_these(run_app: Run) -> None:
    settings = {"BUCKETCORS_DEFAULT_RULES": RULES, "BUCKETCORS_URL_PREFIX": "/"}
    output = run_app("permissions", "--bucket", "new", **settings).output
    assert output.startswith("bucket new (default rules)\n")


def test_a_bucket_without_rules_is_no_bucket_that_refuses_everything(run_app: Run) -> None:
    assert "has no rules" in run_app("permissions", "--bucket", "new", code=2).output


WRONG = {
    "neither": ((), "write FILE or --bucket NAME"),
    "both": (("-", "--bucket", "photos"), "write FILE or --bucket NAME"),
    "a database for a file": (("-", "--database", "x"), "--database is for rules of a bucket"),
    "a resource of a bucket": (
        ("--bucket", "photos", "--resource", "x"),
        "--resource is for a template",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_wrong_usage(arguments: tuple[str, ...], message: str) -> None:
    assert message in run(*arguments, code=2, input="[]").output


def test_rules_that_no_bucket_can_have_are_refused() -> None:
    rule = {"allowed_origins": ["https://a b"], "allowed_methods": ["get"]}
    output = run("-", code=1, input=json.dumps([rule])).output
    assert "rule 1: allowed_origins 'https://a b' contains a character" in output
    assert "rule 1: allowed_methods 'get' is in the wrong case" in output


def test_what_was_read_as_something_else_is_said() -> None:
    text = json.dumps([{"origin": [A], "method": ["GET"], "maxAgeSeconds": 5}])
    result = run("-", "--format", "json", input=text)
    notes = json.loads(result.stdout)["notes"]
    assert [f"standard input: {each}" for each in notes] == result.stderr.splitlines()
