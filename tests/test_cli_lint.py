"""``flask bucketcors lint``: findings as text or JSON, by files, a bucket, or all of them."""

import json
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from flask_bucketcors import Rule, RuleSet, SQLiteStore, lint
from flask_bucketcors.cli import report_lint
from flask_bucketcors.core.dialects import DIALECTS
from flask_bucketcors.documents.to_xml import format_xml
from tests.support import ROOT
from tests.support.command_line import invoke
from tests.support.processes.children import CHILD_SECONDS, interruptible, running, sigint_ignored
from tests.support.processes.terminals import on_a_terminal

A = "https://a.example"
GOOD = [{"allowed_origins": [A], "allowed_methods": ["GET"]}]
# A danger, a warning and a piece of advice, in this order of rules.
MIXED = [
    {"allowed_origins": [A], "allowed_methods": ["GET"], "max_age_seconds": 86400},
    {"allowed_origins": ["https://b.example/"], "allowed_methods": ["DELETE"]},
    {"allowed_origins": ["https://*abc.com"], "allowed_methods": ["HEAD"], "id": "third"},
]
EVIL = "\x1b[31m\a\u202e"

Run = Callable[..., Result]


def run(*arguments: object, code: int = 0, input: str | bytes | None = None) -> Result:
    return invoke("lint", *arguments, code=code, input=input)


def ids(*arguments: object, code: int = 1, input: str | bytes | None = None) -> list[str]:
    output = run(*arguments, "--format", "json", code=code, input=input).stdout
    return [each["id"] for each in json.loads(output)["findings"]]


@pytest.fixture
def mixed(tmp_path: Path) -> str:
    return written(tmp_path / "mixed.json", MIXED)


def written(path: Path, rules: Any) -> str:
    path.write_text(json.dumps(rules))
    return str(path)


def test_nothing_to_see_is_exit_code_0(tmp_path: Path) -> None:
    good = written(tmp_path / "good.json", GOOD)
    assert run(good).output == "no findings\n"
    assert json.loads(run(good, "--format", "json").output) == {"findings": [], "notes": []}
    assert run(good, good).output == "no findings, in 0 of 2 files\n"


def test_a_finding_reads_as_compilers_write_them(mixed: str) -> None:
    assert run(mixed, code=1).output.replace(mixed, "mixed.json").splitlines() == [
        "danger[BC201]: 'https://*abc.com' matches 'https://evilabc.com', and anyone can register "
        "a domain like that.",
        "  mixed.json: rule 3 (third)",
        "    AllowedOrigin  https://*abc.com",
        "                           ^",
        "  example request: HEAD from https://evilabc.com is allowed by rule 3",
        "  help: write a dot after the `*`, and after that a domain of your own",
        "",
        "warning[BC303]: 'https://b.example/' ends in a slash; browsers send none.",
        "  mixed.json: rule 2",
        "    AllowedOrigin  https://b.example/",
        "                                    ^",
        "  example request: DELETE from https://b.example is refused",
        "  help: remove the trailing slash",
        "",
        "advice[BC311]: 86400 seconds is longer than Chromium (7200) and WebKit (600) keep a "
        "preflight response; Firefox keeps it for up to 86400.",
        "  mixed.json: rule 1",
        "    MaxAgeSeconds  86400",
        "                   ^^^^^",
        f"  example request: GET from {A} is allowed by rule 1",
        "  help: write 7200 or less",
        "",
        "3 findings (danger 1, warning 1, advice 1)",
    ]


def test_json_holds_the_findings_and_where_they_are(mixed: str) -> None:
    expected = [{"file": mixed, **each.as_dict()} for each in lint(MIXED)]
    found = json.loads(run(mixed, "--format", "json", code=1).stdout)["findings"]
    assert sorted(found, key=lambda each: each["rule"]) == expected
    assert [each["severity"] for each in found] == ["danger", "warning", "advice"]


def test_json_holds_what_was_read_as_something_else(tmp_path: Path) -> None:
    google = {"origin": [A], "method": ["GET"], "responseHeader": ["x-a"]}
    path = written(tmp_path / "google.json", [google])
    found = json.loads(run(path, "--format", "json").stdout)
    note = "responseHeader is read as AllowedHeader and as ExposeHeader"
    assert found == {"findings": [], "notes": [{"file": path, "note": note}]}


# What is marked, under the values: of each origin the line with the value, and the marks.
MARKS = {
    "https://*abc.com": ("BC201", "*"),
    "https://abc.com*": ("BC202", "*"),
    "https://*": ("BC204", "*"),
    "https://*.com": ("BC205", "*"),
    "null": ("BC206", "null"),
    "http://*.abc.com": ("BC207", "http"),
    "https://A.example": ("BC301", "A"),
    f"{A}/app": ("BC302", "/app"),
    f"{A}/": ("BC303", "/"),
    f"{A}:443": ("BC304", ":443"),
    f"{A}\u200b": ("BC306", r"\u200b"),
    "https://*.*.example": ("BC314", "https://*.*.example"),
    f"https://{'a' * 500}": ("BC314", None),
}


@pytest.mark.parametrize("origin, expected", MARKS.items(), ids=map(ascii, MARKS))
def test_what_is_wrong_is_marked(origin: str, expected: tuple[str, str | None]) -> None:
    number, part = expected
    rules = json.dumps([{"allowed_origins": [origin, A], "allowed_methods": ["GET"]}])
    output = run("-", code=1, input=rules).output
    block = next(each for each in output.split("\n\n") if f"[{number}]" in each)
    value, marks = block.splitlines()[2:4]
    assert value.endswith("  (and 1 more)")
    assert len(value) < 125
    marked = "".join(each for each, mark in zip(value, marks, strict=False) if mark == "^")
    assert part is None or marked == part


def test_what_is_about_a_whole_rule_shows_the_rule() -> None:
    rules = [*GOOD, {**GOOD[0], "allowed_headers": ["x-a", "x-b", "x-c", "x-d"]}]
    output = run("-", code=1, input=json.dumps(rules)).output
    assert "advice[BC102]: Rule 1 is above this rule" in output
    assert (
        f"    AllowedOrigin  {A}\n    AllowedMethod  GET\n"
        "    AllowedHeader  x-a, x-b, x-c  (and 1 more)\n"
    ) in output
    assert f"  example request: GET from {A} is allowed by rule 1\n" in output


SELECTED = {
    (): ["BC201", "BC303", "BC311"],
    ("--severity", "warning"): ["BC201", "BC303"],
    ("--severity", "danger"): ["BC201"],
    ("--ignore", "BC201"): ["BC303", "BC311"],
    ("--ignore", "bc201,BC303"): ["BC311"],
    ("--ignore", "BC201", "--ignore", "BC311"): ["BC303"],
}


@pytest.mark.parametrize("options, expected", SELECTED.items(), ids=map(str, SELECTED))
def test_options_leave_findings_out(
    options: tuple[str, ...], expected: list[str], mixed: str
) -> None:
    assert ids(mixed, *options) == expected
    hidden = 3 - len(expected)
    assert run(mixed, *options, code=1).output.endswith(
        f"; {hidden} not shown\n" if hidden else "advice 1)\n"
    )


def test_what_is_left_out_does_not_count_for_the_exit_code(mixed: str) -> None:
    everything = "BC201,BC303,BC311"
    assert run(mixed, "--ignore", everything).output == "no findings; 3 not shown\n"


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "write FILE, --bucket NAME or --all"),
        (["MIXED", "--all"], "write FILE, --bucket NAME or --all"),
        (["--bucket", "photos", "--all"], "write FILE, --bucket NAME or --all"),
        (["-", "-"], "standard input can be read only once"),
        (["nowhere.json"], "does not exist"),
        (["MIXED", "--ignore", "BC999"], "there is no check 'BC999': write BC"),
        (["MIXED", "--ignore", EVIL], r"there is no check '\x1b[31M\x07\u202e'"),
        (["MIXED", "--severity", "error"], "is not one of"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], message: str, mixed: str) -> None:
    named = [mixed if each == "MIXED" else each for each in arguments]
    assert message in run(*named, code=2).output


@pytest.mark.parametrize(
    "document, message",
    [
        (b"hello", "neither XML nor JSON"),
        (b"", "standard input is empty"),
        (b"\xff\xfe{}", "is UTF-16"),
        (b'[{"allowed_origins": ["\xff"]}]', "is not UTF-8: byte 24"),
        (b" " * 1_100_000, "longer than 1048576 bytes"),
        (b"[" * 65 + b"]" * 65, "nested more than 64 deep"),
        (b"[" * 50_000, "nested more than 64 deep"),
    ],
)
def test_what_holds_no_rules_is_wrong_usage(document: bytes, message: str) -> None:
    assert message in run("-", code=2, input=document).output


@pytest.mark.parametrize("dialect", ["cos", "s3"])
def test_the_documents_of_vendors_are_read(dialect: str) -> None:
    rules = RuleSet([Rule(["null"], ["GET"])])
    assert ids("-", input=format_xml(rules, DIALECTS[dialect])) == ["BC206"]


def test_nothing_that_was_read_commands_the_terminal(tmp_path: Path) -> None:
    document = [
        {
            "allowed_origins": [f"https://{EVIL}", f"{EVIL}/x"],
            "allowed_methods": [EVIL],
            "allowed_headers": [EVIL],
            "expose_headers": [EVIL],
            "max_age_seconds": EVIL,
            "id": EVIL,
        }
    ]
    path = written(tmp_path / f"a{EVIL}", document)
    output = run(path, code=1).output
    assert "MaxAgeSeconds" in output
    assert not set("\x1b\a\u202e") & set(output)
    assert run(path, "--format", "json", code=1).stdout.isascii()


def test_long_values_are_cut(tmp_path: Path) -> None:
    document = [
        {
            "allowed_origins": ["A" * 200_000, f"{'a' * 200_000}/x"],
            "allowed_methods": ["x" * 50_000],
            "allowed_headers": [f"{'x' * 100_000}_", f"{'x' * 100_000}\u200b"],
            "id": "i" * 50_000,
        }
    ]
    output = run(written(tmp_path / "long.json", document), code=1).output
    assert max(map(len, output.splitlines())) < 1200
    assert re.search(r"AllowedHeader  \.\.\.x+\\u200b  \(and 1 more\)\n +\^{6}\n", output)


# Buckets


def test_a_bucket_is_looked_at_by_the_settings_of_its_application(
    run_app: Run, store: SQLiteStore
) -> None:
    store.put("photos", RuleSet([Rule(["http://abc.com"], ["GET"])]))
    output = run_app("lint", "--bucket", "photos", code=1).output
    assert output.startswith("danger[BC207]")
    assert "\n  bucket photos: rule 1\n" in output
    run_app("lint", "--bucket", "photos", BUCKETCORS_ALLOW_CREDENTIALS=False, code=0)


def test_the_public_suffixes_of_the_application_count(run_app: Run, store: SQLiteStore) -> None:
    store.put("photos", RuleSet([Rule(["https://*.corp.example"], ["GET"])]))
    run_app("lint", "--bucket", "photos", code=0)
    result = run_app(
        "lint", "--bucket", "photos", BUCKETCORS_PUBLIC_SUFFIX=lambda host: host, code=1
    )
    assert "danger[BC205]" in result.output


def test_a_bucket_that_is_misspelt_does_not_pass(run_app: Run) -> None:
    output = run_app("lint", "--bucket", f"photo{EVIL}", code=2).output
    assert r"'photo\x1b[31m\x07\u202e' is not a bucket name" in output
    assert "bucket phtos has no rules" in run_app("lint", "--bucket", "phtos", code=2).output


def test_all_buckets_are_counted(run_app: Run, store: SQLiteStore) -> None:
    good, bad = RuleSet([Rule([A], ["GET"])]), RuleSet([Rule(["null"], ["GET"])])
    store.put_many([("a", bad), ("b", good), ("c", bad)])
    assert run_app("lint", "--all", code=1).output.endswith(
        "\n2 findings (danger 2), in 2 of 3 buckets\n"
    )
    found = json.loads(run_app("lint", "--all", "--format", "json", code=1).stdout)["findings"]
    assert [(each["bucket"], each["id"]) for each in found] == [("a", "BC206"), ("c", "BC206")]


def test_a_bucket_whose_rules_are_none_is_named(run_app: Run, store: SQLiteStore) -> None:
    store.put("photos", RuleSet([Rule([A], ["GET"])]))
    with closing(sqlite3.connect(store.place or "")) as connection, connection:
        connection.execute("UPDATE bucketcors_rules SET document = '{}'")
    result = run_app("lint", "--all", code=1)
    assert "left out: the stored rules of bucket 'photos'" in result.stderr
    assert result.stdout == "no findings, in 0 of 0 buckets\n"


# The list of public suffixes

SUFFIX = [{"allowed_origins": ["https://*.herokuapp.com"], "allowed_methods": ["GET"]}]


def test_the_list_is_used_where_it_is_installed(tmp_path: Path) -> None:
    path = written(tmp_path / "rules.json", SUFFIX)
    assert ids(path) == ids(path, "--public-suffix") == ["BC205"]
    assert ids(path, "--no-public-suffix", code=0) == []


def test_without_the_list_what_is_usual_is_assumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(report_lint, "import_module", missing)
    path = written(tmp_path / "rules.json", SUFFIX)
    assert ids(path, code=0) == []
    output = run(path, "--public-suffix", code=2).output
    assert "pip install 'flask-bucketcors[publicsuffix]'" in output


# As processes


def linting(*args: str, **environ: str) -> AbstractContextManager[subprocess.Popen[str]]:
    return running(
        interruptible("flask_bucketcors", "lint", *args),
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_severities_are_coloured_on_a_terminal(
    mixed: str, forked_commands: Path, tmp_path: Path
) -> None:
    code, output = on_a_terminal(forked_commands / "bucketcors", "lint", mixed, folder=tmp_path)
    assert code == 1
    for colour, title in ((31, "danger[BC201]"), (33, "warning[BC303]"), (36, "advice[BC311]")):
        assert f"\x1b[{colour}m\x1b[1m{title}\x1b[0m" in output
    code, output = on_a_terminal(
        forked_commands / "bucketcors", "lint", mixed, folder=tmp_path, NO_COLOR="1"
    )
    assert "\x1b" not in output
    assert "danger[BC201]" in output


def test_a_narrow_terminal_has_room_for_the_mark(forked_commands: Path, tmp_path: Path) -> None:
    rules = [{"allowed_origins": [f"https://{'a' * 60}.example/"], "allowed_methods": ["GET"]}]
    path = written(tmp_path / "rules.json", rules)
    narrow = {"COLUMNS": "40", "NO_COLOR": "1"}
    _, output = on_a_terminal(
        forked_commands / "bucketcors", "lint", path, folder=tmp_path, **narrow
    )
    value, marks = output.splitlines()[2:4]
    assert len(marks) <= 45
    assert value.endswith("example/")
    assert value[marks.index("^")] == "/"


def test_a_terminal_that_knows_ascii_alone_gets_that(tmp_path: Path) -> None:
    rules = [{"allowed_origins": ["https://b\xfccher.example"], "allowed_methods": ["GET"]}]
    path = written(tmp_path / "rules.json", rules)
    with linting(path, PYTHONIOENCODING="ascii", LANG="C") as process:
        output, error = process.communicate(timeout=CHILD_SECONDS)
    assert (process.returncode, error) == (1, "")
    assert r"b\xfccher.example" in output


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    rules = [{**GOOD[0], "allowed_origins": [f"https://a{n}.example/"]} for n in range(900)]
    with linting(written(tmp_path / "rules.json", rules)) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("warning[BC315]")
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(CHILD_SECONDS) == 1


@pytest.mark.parametrize("inherited", [nullcontext, sigint_ignored], ids=["heeded", "ignored"])
def test_an_interrupt_ends_it_in_a_word(
    mixed: str, inherited: Callable[[], AbstractContextManager[None]]
) -> None:
    """Wherever the tests are started: under nohup programs inherit that it is ignored."""
    with inherited(), linting(mixed, "-") as process:
        assert process.stdout is not None
        # It has begun, and will wait for what nobody writes.
        assert process.stdout.readline().startswith("danger[BC201]")
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert process.stderr.read() == "\nAborted!\n"
        assert process.wait(CHILD_SECONDS) == 1


def test_rules_too_intricate_to_look_at_are_left_out(tmp_path):
    intricate, odd = tmp_path / "intricate.json", tmp_path / "odd.json"
    rule = {**GOOD[0], "allowed_headers": ["*" + "a" * 600_000]}
    intricate.write_text(json.dumps([rule]))
    odd.write_text(json.dumps(MIXED[1:2]))
    result = run(intricate, odd, "--severity", "danger", code=1)
    assert result.stderr.startswith(f"left out: {intricate}: not decided within ")
    assert result.stdout.count("\n") == 1
