"""``flask bucketcors diff``, and ``put --diff``, which shows the same and asks."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flask_bucketcors import Rule, RuleSet, SQLiteStore, diff
from flask_bucketcors.cli import bucketcors
from flask_bucketcors.cli import put as put_command
from tests.support import ROOT
from tests.support.command_line import invoke
from tests.support.processes.children import CHILD_SECONDS, running
from tests.support.processes.terminals import on_a_terminal

A, B = "https://a.example", "https://b.example"
OLD = RuleSet([Rule([A], ["GET", "PUT"], ["x-a"], max_age_seconds=600)])
NEW = RuleSet([Rule([A], ["GET"], ["x-a"], ["ETag"]), Rule([B], ["DELETE"])])
DANGEROUS = RuleSet([*OLD.rules, Rule(["https://*abc.com"], ["GET"])])
EVIL = "\x1b[31m\a\u202e"

CHANGES = [
    "Newly allowed",
    f"+ DELETE from {B}, with no header",
    "    Access-Control-Allow-Origin: the origin; Access-Control-Allow-Credentials: true",
    f"    example request: DELETE from {B}",
    "No longer allowed",
    f"- PUT from {A}, with no header, or headers out of x-a",
    f"    example request: PUT from {A}",
    "On other terms",
    f"~ GET from {A}, with no header, or headers out of x-a",
    "    Access-Control-Allow-Methods: GET, PUT -> GET",
    "    Access-Control-Expose-Headers: none -> etag",
    "    Access-Control-Max-Age: 600 seconds -> none",
    f"    example request: GET from {A}",
    "3 changes: 1 newly allowed, 1 no longer allowed, 1 on other terms",
]

Run = Callable[..., Result]


def written(path: Path, rules: Any) -> str:
    path.write_text(json.dumps(rules.as_dict() if isinstance(rules, RuleSet) else rules))
    return str(path)


@pytest.fixture
def old(tmp_path: Path) -> str:
    return written(tmp_path / "old.json", OLD)


@pytest.fixture
def new(tmp_path: Path) -> str:
    return written(tmp_path / "new.json", NEW)


def run(*arguments: str, code: int = 1, input: str | bytes | None = None) -> Result:
    return invoke("diff", *arguments, code=code, input=input)


def test_changes_are_told_by_their_kind(old: str, new: str) -> None:
    assert run(old, new).output.splitlines() == [f"--- {old}", f"+++ {new}", *CHANGES]


def test_json_holds_the_changes(old: str, new: str) -> None:
    assert json.loads(run(old, new, "--format", "json").stdout) == {
        "old": old,
        "new": new,
        "changes": [each.as_dict() for each in diff(OLD, NEW)],
        "notes": [],
    }


def test_no_change_is_exit_code_0(old: str, tmp_path: Path) -> None:
    rule = OLD.rules[0].as_dict()
    other = written(tmp_path / "other.json", [{**rule, "id": "other"}])
    output = run(old, other, code=0).output
    assert output.splitlines()[2:] == ["both rule sets treat every request alike"]
    assert json.loads(run(old, other, "--format", "json", code=0).stdout)["changes"] == []


def test_one_side_is_read_from_standard_input(old: str, new: str) -> None:
    output = run("-", new, input=Path(old).read_bytes()).output
    assert output.splitlines()[0] == "--- standard input"
    assert output.splitlines()[2:] == CHANGES
    assert "standard input can be read only once" in run("-", "-", code=2).output


WORDS = {
    "any origin": (
        [([A], ["GET"], [])],
        [([A], ["GET"], []), (["*"], ["GET"], [])],
        f"+ GET from any origin (but not {A}), with no header",
    ),
    "any headers": (
        [([A], ["GET"], [])],
        [([A], ["GET"], ["*"])],
        f"+ GET from {A}, with one or more headers of any name",
    ),
    "headers but for some": (
        [([A], ["GET"], [f"x-{name}" for name in "abcdefg"])],
        [([A], ["GET"], ["*"])],
        f"+ GET from {A}, with any headers, including one other than "
        "x-a, x-b, x-c, x-d, x-e and 2 more",
    ),
    "headers out of a pattern": (
        [([A], ["GET"], ["x-a"])],
        [([A], ["GET"], ["x-a", "y-*"])],
        f"+ GET from {A}, with headers out of x-a, y-*, including one of y-*",
    ),
    "more origins than are read": (
        [([A], ["GET"], [])],
        [([A, *(f"https://{n}.example" for n in range(10, 20))], ["GET"], [])],
        "+ GET from https://10.example, https://11.example, https://12.example, "
        "https://13.example, https://14.example and 5 more, with no header",
    ),
    "more headers than are read": (
        [([B], ["GET"], [])],
        [([A], ["GET"], [f"x-{n}" for n in range(10, 20)]), ([B], ["GET"], [])],
        f"+ GET from {A}, with no header, or headers out of x-10, x-11, x-12, x-13, x-14 and "
        "5 more",
    ),
    "long lists of terms": (
        [([A], ["GET"], [f"x-{n}" for n in range(10, 20)])],
        [([A], ["GET"], [f"x-{n}" for n in range(11, 20)])],
        "    Access-Control-Allow-Headers: now without x-10",
    ),
}


@pytest.mark.parametrize("before, after, line", WORDS.values(), ids=WORDS)
def test_regions_are_told_in_plain_words(
    before: list[Any], after: list[Any], line: str, tmp_path: Path
) -> None:
    files = [
        written(tmp_path / name, RuleSet([Rule(*rule) for rule in rules]))
        for name, rules in (("old.json", before), ("new.json", after))
    ]
    assert line in run(*files).output.splitlines()


def test_of_many_changes_some_are_counted_alone(old: str, tmp_path: Path) -> None:
    origins = [f"https://h{n}.example" for n in range(25)]
    rules = RuleSet([Rule([each], ["GET"], max_age_seconds=n) for n, each in enumerate(origins)])
    many = written(tmp_path / "many.json", rules)
    lines = run(old, many).output.splitlines()
    assert len([line for line in lines if line.startswith("+ GET")]) == 20
    assert "+ and 5 more; --format json has all" in lines
    assert len(json.loads(run(old, many, "--format", "json").stdout)["changes"]) == 26


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "write OLD and NEW, or --bucket NAME"),
        (["OLD"], "write OLD and NEW, or --bucket NAME"),
        (["OLD", "OLD", "OLD"], "write OLD and NEW, or --bucket NAME"),
        (["OLD", "OLD", "--revision", "1"], "write OLD and NEW, or --bucket NAME"),
        (["OLD", "nowhere.json"], "does not exist"),
        (["OLD", "OLD", "--dialect", "gcs"], "is not one of"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], message: str, old: str) -> None:
    named = [old if each == "OLD" else each for each in arguments]
    assert message in run(*named, code=2).output


@pytest.mark.parametrize(
    "document, messages",
    [
        pytest.param(
            [{"allowed_origins": ["https://a b", EVIL], "allowed_methods": ["get"]}],
            [
                "standard input is refused:\n  rule 1: allowed_origins 'https://a b' contains",
                r"  rule 1: allowed_origins '\x1b[31m\x07\u202e' contains",
                "  rule 1: allowed_methods 'get' is in the wrong case",
            ],
            id="problems",
        ),
        pytest.param("hello", ["standard input is neither XML nor JSON"], id="neither form"),
        pytest.param(b"\xff\xff", ["is neither XML nor JSON"], id="bytes"),
        pytest.param(
            b'[{"allowed_origins": ["\xff"]}]',
            ["is not UTF-8: byte 24 is wrong"],
            id="not UTF-8",
        ),
        pytest.param(b" " * 1_100_000, ["is longer than 1048576 bytes"], id="too long"),
        pytest.param(
            OLD.as_dict()["rules"] * 1001,
            ["rules 1001 is more rules than allowed"],
            id="too many rules",
        ),
    ],
)
def test_rules_that_are_refused_are_trouble(document: Any, messages: list[str], old: str) -> None:
    text = json.dumps(document) if isinstance(document, list) else document
    output = run(old, "-", code=2, input=text).output
    for message in messages:
        assert message in output
    assert not set("\x1b\a\u202e") & set(output)


def test_the_dialect_says_whose_terms_are_compared(tmp_path: Path) -> None:
    files = [
        written(tmp_path / f"{each}.json", RuleSet([Rule([A], ["GET"], ["x-a", each])]))
        for each in ("x-b", "x-c")
    ]
    texts = {each: run(*files, "--dialect", each).output for each in ("cos", "s3")}
    terms = "Access-Control-Allow-Headers: x-a, x-b -> x-a, x-c"
    assert [terms in text for text in texts.values()] == [True, False]


# A bucket, and what it was


@pytest.fixture
def history(store: SQLiteStore) -> SQLiteStore:
    """A bucket that had OLD, then NEW, then none, and has OLD again."""
    store.put("photos", OLD)
    store.put("photos", NEW)
    store.delete("photos")
    store.put("photos", OLD)
    return store


SIDES: dict[str, tuple[list[str], str, str, RuleSet | None, RuleSet | None]] = {
    "now, a file": (["NEW"], "bucket photos", "NEW", OLD, NEW),
    "a revision, now": (
        ["--revision", "2"],
        "bucket photos, revision 2",
        "bucket photos",
        NEW,
        OLD,
    ),
    "two revisions": (
        ["--revision", "2", "--revision", "1"],
        "bucket photos, revision 2",
        "bucket photos, revision 1",
        NEW,
        OLD,
    ),
    "a revision, a file": (
        ["NEW", "--revision", "1"],
        "bucket photos, revision 1",
        "NEW",
        OLD,
        NEW,
    ),
    "a deletion, now": (
        ["--revision", "3"],
        "bucket photos, revision 3 (no rules)",
        "bucket photos",
        None,
        OLD,
    ),
}


@pytest.mark.parametrize("arguments, before, after, one, two", SIDES.values(), ids=SIDES)
def test_the_rules_of_a_bucket_are_compared(
    arguments: list[str],
    before: str,
    after: str,
    one: RuleSet | None,
    two: RuleSet | None,
    new: str,
    run_app: Run,
    history: SQLiteStore,
) -> None:
    named = [new if each == "NEW" else each for each in arguments]
    lines = run_app("diff", "--bucket", "photos", *named, code=1).output.splitlines()
    assert lines[:2] == [f"--- {before}", f"+++ {after.replace('NEW', new)}"]
    output = run_app("diff", "--bucket", "photos", *named, "--format", "json", code=1).stdout
    assert json.loads(output)["changes"] == [each.as_dict() for each in diff(one, two)]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "with --bucket write NEW, or --revision"),
        (["NEW", "NEW"], "with --bucket write NEW, or --revision"),
        (["NEW", "--revision", "1", "--revision", "2"], "with --bucket write NEW, or --revision"),
        (["--revision", "9"], "bucket photos has no revision 9; bucketcors history photos"),
        (["--revision", "first"], "is not a valid integer"),
    ],
)
def test_a_side_that_is_missing_is_wrong_usage(
    arguments: list[str], message: str, new: str, run_app: Run, history: SQLiteStore
) -> None:
    named = [new if each == "NEW" else each for each in arguments]
    assert message in run_app("diff", "--bucket", "photos", *named, code=2).output


def test_a_revision_that_cannot_be_read_is_told(run_app: Run, store: SQLiteStore) -> None:
    store.put("photos", OLD)
    store.put("photos", NEW)
    with closing(sqlite3.connect(store.place or "")) as connection, connection:
        connection.execute("UPDATE bucketcors_history SET document = '{}' WHERE revision = 1")
    output = run_app("diff", "--bucket", "photos", "--revision", "1", code=2).output
    assert "Error: revision 1: " in output


def test_settings_of_the_application_count(run_app: Run, store: SQLiteStore, new: str) -> None:
    store.put("photos", RuleSet([Rule([A], ["GET"])]))
    arguments = ["diff", "--bucket", "photos", new]
    assert "Credentials: true" in run_app(*arguments, code=1).output
    output = run_app(*arguments, code=1, BUCKETCORS_ALLOW_CREDENTIALS=False).output
    assert "Credentials" not in output


def test_nothing_that_was_read_commands_the_terminal(
    old: str, tmp_path: Path, run_app: Run, store: SQLiteStore
) -> None:
    named = written(tmp_path / f"a{EVIL}", NEW)
    # No bucket has a name with a control character; one that changes the direction may be.
    store.put("photos\u202e", OLD)
    bucket = run_app("diff", "--bucket", "photos\u202e", named, code=1).output
    assert bucket.startswith("--- bucket photos\\u202e\n")
    for output in (bucket, run(old, named).output):
        assert r"/a\x1b[31m\x07\u202e" in output
        assert not set("\x1b\a\u202e") & set(output)


def test_lines_are_coloured_on_a_terminal(
    old: str, new: str, forked_commands: Path, tmp_path: Path
) -> None:
    code, output = on_a_terminal(forked_commands / "bucketcors", "diff", old, new, folder=tmp_path)
    assert code == 1
    for colour, mark in ((32, "+ DELETE"), (31, "- PUT"), (33, "~ GET")):
        assert f"\x1b[{colour}m{mark}" in output
    code, output = on_a_terminal(
        forked_commands / "bucketcors", "diff", old, new, folder=tmp_path, TERM="dumb"
    )
    assert "\x1b" not in output
    assert "+ DELETE" in output


def test_a_reader_that_goes_away_is_no_error(old: str, tmp_path: Path) -> None:
    rules = [Rule([f"https://h{n}.example"], ["GET"], max_age_seconds=n) for n in range(90)]
    many = written(tmp_path / "many.json", RuleSet(rules))
    with running(
        [sys.executable, "-m", "flask_bucketcors", "diff", old, many, "--format", "json"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(CHILD_SECONDS) == 1


# put --diff


def put(run_app: Run, *arguments: str, code: int = 0, **settings: Any) -> str:
    return run_app("put", "photos", *arguments, "--diff", code=code, **settings).output


def test_put_shows_what_changes(run_app: Run, store: SQLiteStore, new: str) -> None:
    store.put("photos", OLD)
    lines = put(run_app, new, "--yes").splitlines()
    assert lines[:-2] == ["--- bucket photos", f"+++ {new}", *CHANGES]
    assert lines[-1] == "photos: revision 2, 2 rules (1 before)"
    assert store.get("photos") == NEW


def test_put_shows_what_is_new_for_a_bucket(run_app: Run, store: SQLiteStore, new: str) -> None:
    output = put(run_app, new, "--yes")
    assert output.startswith("--- bucket photos (no rules)\n")
    assert "2 changes: 2 newly allowed" in output
    assert store.get("photos") == NEW


def test_put_shows_what_is_dangerous_first_and_warnings_at_the_end(
    run_app: Run, tmp_path: Path, store: SQLiteStore
) -> None:
    path = written(tmp_path / "dangerous.json", DANGEROUS)
    output = put(run_app, path, "--yes")
    assert re.findall(r"\w+\[BC\d+\]", output) == ["danger[BC201]", "warning[BC312]"]
    assert output.index("photos: revision 1") < output.index("photos: warning[BC312]")
    assert f"  {path}: rule 2\n" in output
    assert output.index("danger[BC201]") < output.index("photos: revision 1")


def test_put_leaves_a_bucket_alone_that_has_the_rules(
    run_app: Run, store: SQLiteStore, new: str
) -> None:
    store.put("photos", NEW)
    assert put(run_app, new) == "photos has these rules already: nothing changes\n"
    assert len(store.history("photos")) == 1


def test_put_says_when_only_the_writing_changes(
    run_app: Run, tmp_path: Path, store: SQLiteStore
) -> None:
    store.put("photos", OLD)
    rules = RuleSet([Rule(**{**OLD.rules[0].as_dict(), "id": "other"})])
    output = put(run_app, written(tmp_path / "other.json", rules), "--yes")
    assert "\nboth rule sets treat every request alike\n" in output
    assert store.get("photos") == rules


def test_put_mends_rules_that_cannot_be_compared(
    run_app: Run, store: SQLiteStore, new: str
) -> None:
    store.put("photos", OLD)
    with closing(sqlite3.connect(store.place or "")) as connection, connection:
        connection.execute("UPDATE bucketcors_rules SET document = '{}'")
    assert "; nothing to compare with\n" in put(run_app, new, "--yes")
    assert store.get("photos") == NEW


def test_where_nobody_can_be_asked_nothing_is_put(
    run_app: Run, store: SQLiteStore, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("photos", OLD)
    output = put(run_app, new, code=2)
    assert "\n".join(CHANGES) in output
    assert "standard input is not a terminal, so nobody can confirm: add --yes" in output
    with monkeypatch.context() as patch:
        patch.setattr(put_command, "sys", type("closed", (), {"stdin": None}))
        assert "add --yes" in put(run_app, new, code=2)
    assert store.get("photos") == OLD


def test_put_without_diff_asks_nothing(run_app: Run, store: SQLiteStore, new: str) -> None:
    store.put("photos", OLD)
    assert run_app("put", "photos", new).output == (
        "photos: revision 2, 2 rules (1 before)\n"
        "  newly allowed: DELETE from https://b.example, with no header\n"
        "  no longer allowed: PUT from https://a.example, with no header, or headers out of x-a\n"
        "  on other terms (exposed, max_age, methods): GET from https://a.example, with no header, "
        "or headers out of x-a\n"
    )


@pytest.mark.parametrize("typed, code, stored", [("y\n", 0, NEW), ("n\n", 1, OLD), ("\n", 1, OLD)])
def test_put_asks_on_a_terminal(
    typed: str, code: int, stored: RuleSet, forked_commands: Path, tmp_path: Path, new: str
) -> None:
    with closing(SQLiteStore(tmp_path / "bucketcors.sqlite")) as store:
        store.put("photos", OLD)
        app = ["--app", "tests.support.apps.any_bucket"]
        command = [*app, "bucketcors", "put", "photos", new, "--diff"]
        found, output = on_a_terminal(
            forked_commands / "flask", *command, folder=tmp_path, typed=typed
        )
        assert (found, store.get("photos")) == (code, stored)
        assert "Put these rules for photos? [y/N]" in output
        assert ("Aborted!" in output) is (code == 1)


def test_what_changed_meanwhile_is_not_put_over(
    run_app: Run, store: SQLiteStore, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("photos", OLD)
    monkeypatch.setattr(put_command, "_ask", lambda bucket: store.put(bucket, DANGEROUS))
    assert "the rules of bucket 'photos' have changed since" in put(run_app, new, code=1)
    assert store.get("photos") == DANGEROUS


def test_another_response_vary_is_told_though_it_decides_nothing(old: str, tmp_path: Path) -> None:
    new = written(tmp_path / "new.json", RuleSet(OLD.rules, response_vary=True))
    result = CliRunner().invoke(bucketcors, ["diff", old, new])
    assert result.exit_code == 0
    assert "ResponseVary: false -> true\nboth rule sets treat every request alike" in result.output


@pytest.mark.parametrize("options", [[], ["--diff", "--yes"]], ids=["put", "put --diff"])
def test_put_refuses_what_a_strict_application_does(
    run_app: Run, store: SQLiteStore, tmp_path: Path, options: list[str]
) -> None:
    dangerous = written(tmp_path / "dangerous.json", DANGEROUS)
    arguments = ["put", "photos", dangerous, *options]
    result = run_app(*arguments, code=1, BUCKETCORS_STRICT="dangers")
    assert "BC201 rule 2: 'https://*abc.com' matches 'https://evilabc.com'" in result.output
    assert "BUCKETCORS_STRICT or --strict refuses these rules: BC201 rule 2" in result.output
    assert store.get("photos") is None
    run_app(*arguments)
    assert store.get("photos") == DANGEROUS


def test_rules_too_intricate_to_compare_are_trouble(tmp_path):
    rule = {"allowed_origins": [A], "allowed_methods": ["GET"]}
    old = written(tmp_path / "old.json", [rule])
    new = written(tmp_path / "new.json", [{**rule, "allowed_headers": ["*" + "a" * 600_000]}])
    result = CliRunner().invoke(bucketcors, ["diff", old, new])
    assert result.exit_code == 2
    assert "overlap in too many ways" in result.stderr


def test_what_is_too_intricate_to_compare_can_be_mended(
    run_app: Run, store: SQLiteStore, new: str
) -> None:
    store.put("photos", RuleSet([Rule([A], ["GET"], ["*" + "a" * 600_000])]))
    output = put(run_app, new, "--yes")
    assert "the changes cannot be shown: not decided within 40,000,000 comparisons: " in output
    assert store.get("photos") == NEW
