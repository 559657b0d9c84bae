"""The command line on an application's rules: put, show, list, history, export, import."""

import errno
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.cli import ScriptInfo

from flask_bucketcors import BucketCORS, LastWrite, MemoryStore, Rule, RuleSet, SQLiteStore
from flask_bucketcors.cli import bucketcors, line_import
from flask_bucketcors.cli.bucket_lines import MAX_LINE_BYTES
from flask_bucketcors.cli.line_import import BATCH
from flask_bucketcors.core.dialects import DIALECTS
from flask_bucketcors.documents.to_xml import format_xml
from tests.support import ROOT
from tests.support.command_line import invoke
from tests.support.other_tools import run_sql
from tests.support.processes import children, servers
from tests.support.tables import in_one_test

PAGE = "https://page.test"
RULES = RuleSet(
    [
        Rule([PAGE, "https://*.test"], ["GET", "PUT"], ["*"], ["ETag"], 600, "first"),
        Rule(["*"], ["HEAD"]),
    ]
)
OTHER = RuleSet([Rule(["https://other.test"], ["GET"])], response_vary=True)
S3_JSON = {
    "CORSRules": [
        {
            "ID": "first",
            "AllowedOrigins": [PAGE, "https://*.test"],
            "AllowedMethods": ["GET", "PUT"],
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["ETag"],
            "MaxAgeSeconds": 600,
        },
        {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]},
    ]
}
COS_JSON = {
    "CORSRule": [
        {
            "ID": "first",
            "AllowedOrigin": [PAGE, "https://*.test"],
            "AllowedMethod": ["GET", "PUT"],
            "AllowedHeader": "*",
            "ExposeHeader": ["ETag"],
            "MaxAgeSeconds": "600",
        },
        {"AllowedOrigin": "*", "AllowedMethod": ["HEAD"]},
    ]
}
# A colour code, a bell and a change of the writing direction: what a terminal would obey.
NASTY = "\x1b[31m\a\u202e"

ANY_BUCKET = "tests.support.apps.any_bucket"

Run = Callable[..., Result]


@pytest.fixture
def app(tmp_path: Path, store: SQLiteStore) -> Flask:
    app = Flask("storage", instance_path=str(tmp_path), static_folder=None)
    BucketCORS(app, store=store)
    return app


@pytest.fixture
def run(app: Flask) -> Run:
    """A function that runs a command on the application."""
    return partial(invoke, app=app)


@pytest.fixture
def run_strict(app: Flask, store: SQLiteStore) -> Run:
    """The same on one that refuses dangerous rules."""
    app = Flask("storage", instance_path=app.instance_path, static_folder=None)
    app.config["BUCKETCORS_STRICT"] = "dangers"
    BucketCORS(app, store=store)
    return partial(invoke, app=app)


def _group_context() -> click.Context:
    return click.Context(bucketcors, info_name="flask bucketcors")


def commands() -> list[str]:
    return bucketcors.list_commands(_group_context())


def command_named(name: str) -> click.Command:
    command = bucketcors.get_command(_group_context(), name)
    assert command is not None
    return command


# What stands in a file


@pytest.mark.parametrize(
    "document",
    [
        *(
            pytest.param(format_xml(RULES, dialect).decode(), id=f"XML of {name}")
            for name, dialect in DIALECTS.items()
            if name != "oss"
        ),
        pytest.param(json.dumps(RULES.as_dict()), id="own JSON"),
        pytest.param(json.dumps(RULES.as_dict()["rules"]), id="a list of rules"),
        pytest.param(json.dumps(S3_JSON), id="JSON of aws s3api"),
        pytest.param("\ufeff \n" + json.dumps(S3_JSON), id="with a byte order mark"),
        pytest.param(json.dumps({"CORSConfiguration": S3_JSON}), id="JSON of a call"),
        pytest.param(json.dumps(COS_JSON), id="JSON of the COS SDK"),
        pytest.param(json.dumps({"CORSConfiguration": COS_JSON}), id="XML as JSON"),
    ],
)
def test_every_form_of_a_document_can_be_put(
    document: str, run: Run, store: SQLiteStore, tmp_path: Path
) -> None:
    Path(tmp_path, "rules").write_text(document, encoding="utf-8")
    assert "photos: revision 1, 2 rules" in run("put", "photos", tmp_path / "rules").output
    run("put", "videos", "-", input=document.encode())
    assert store.get("photos") == store.get("videos") == RULES


def test_what_oss_does_not_show_is_missing_in_its_document(run: Run, store: SQLiteStore) -> None:
    store.put("photos", RULES)
    shown = run("show", "photos", "--as", "oss").stdout
    run("put", "photos", "-", input=shown)
    assert [rule.id for rule in (store.get("photos") or RULES).rules] == [None, None]


@pytest.mark.parametrize(
    "document, problems",
    [
        (
            {"rules": [{"allowed_origins": ["https://a b"], "allowed_methods": ["get", "TRACE"]}]},
            [
                "rule 1: allowed_origins 'https://a b' contains a character that no origin can",
                "rule 1: allowed_methods 'get' is in the wrong case",
                "rule 1: allowed_methods 'TRACE' is not a method that rules can allow",
            ],
        ),
        (
            {"CORSRules": [{"AllowedOrigins": "*"}, {"AllowedOrigins": [NASTY]}]},
            [
                "rule 1: allowed_origins '*' is not a list",
                "rule 1: allowed_methods is missing",
                r"rule 2: allowed_origins '\x1b[31m\x07\u202e' contains a non-ASCII character",
            ],
        ),
        ({"rules": [], "respons_vary": True}, ["respons_vary is not allowed here"]),
        ({"rules": []}, ["rules is missing; write at least one"]),
        ({"rules": RULES.as_dict()["rules"] * 51}, ["rules 102 is more rules than allowed"]),
        ({}, ["standard input is without a list of rules"]),
        ({"CORSConfiguration": 1}, ["without a list of rules"]),
        ({"CORSConfiguration": {**S3_JSON, "Buckets": 1}}, ["Buckets is not allowed here"]),
        ({**S3_JSON, **COS_JSON}, ["CORSRule is not allowed here"]),
    ],
)
def test_a_refused_document_is_reported_with_every_problem(
    document: Any, problems: list[str], run: Run, store: SQLiteStore
) -> None:
    result = run("put", "photos", "-", input=json.dumps(document), code=1)
    assert "Error: standard input is " in result.output
    for problem in problems:
        assert problem in result.output
    assert store.get("photos") is None


@pytest.mark.parametrize(
    "document, problem",
    [
        ("", "standard input is empty"),
        ("rules", "standard input is neither XML nor JSON"),
        ("{", "is not accepted as JSON: the text ends too early"),
        ("<CORSRule/>", "the root element 'CORSRule': write CORSConfiguration"),
        ("<!DOCTYPE x><CORSConfiguration/>", "not accepted as XML: A document type is not"),
        ('{"rules": [], "rules": []}', "rules may occur only once"),
        ("[" * 65 + "]" * 65, "is not accepted as JSON: brackets are nested more than 64 deep"),
        ("[" * 50_000, "is not accepted as JSON: brackets are nested more than 64 deep"),
        ('{"rules": ["\udcff"]}', "is not UTF-8: byte 13 is wrong"),
        ("\ufeff{}".encode("utf-16-le"), "is UTF-16, as some shells write it: convert it to UTF-8"),
        (" " * 70_000, "is longer than 65536 bytes"),
    ],
)
def test_what_is_no_document_is_refused(document: str | bytes, problem: str, run: Run) -> None:
    body = document if isinstance(document, bytes) else document.encode("utf-8", "surrogateescape")
    assert problem in run("put", "photos", "-", input=body, code=1).output


def test_a_number_of_any_length_is_out_of_range(run: Run) -> None:
    rule = {**OTHER.as_dict()["rules"][0], "max_age_seconds": 0}
    document = json.dumps([rule]).replace(": 0", f": {'9' * 5000}")
    output = run("put", "photos", "-", input=document, code=1).output
    assert "rule 1: max_age_seconds 999" in output
    assert "is not between 0 and 2147483647 seconds" in output


def test_the_problems_of_a_document_are_named_once_by_its_elements(run: Run) -> None:
    rule = "<CORSRule><AllowedOrigin>https://a b</AllowedOrigin></CORSRule>"
    document = f"<CORSConfiguration>{rule}</CORSConfiguration>"
    assert run("put", "photos", "-", input=document, code=1).output.splitlines() == [
        "Error: standard input is refused:",
        "  rule 1: AllowedOrigin 'https://a b' contains a character that no origin can have; write "
        "scheme://host or scheme://host:port",
        "  rule 1: AllowedMethod is missing; write at least one",
    ]


def test_the_limits_are_those_of_the_application(tmp_path: Path, store: SQLiteStore) -> None:
    app = Flask("storage", instance_path=str(tmp_path))
    app.config.update(BUCKETCORS_DIALECT="oss", BUCKETCORS_LIMITS={"oss": (1, 16384)})
    BucketCORS(app, store=store)
    document = json.dumps(RULES.as_dict())
    result = app.test_cli_runner().invoke(bucketcors, ["put", "photos", "-"], input=document)
    assert result.exit_code == 1
    assert "rules 2 is more rules than allowed" in result.output


# The rules of a bucket


def test_show_gives_what_can_be_put_again(run: Run, store: SQLiteStore) -> None:
    store.put("photos", OTHER)
    for arguments in (["--as", "json"], ["--as", "cos"], []):
        run("put", "copy", "-", input=run("show", "photos", *arguments).stdout)
        assert store.get("copy") == OTHER


def test_show_writes_what_aws_takes(run: Run, store: SQLiteStore) -> None:
    store.put("photos", RULES)
    shown = run("show", "photos", "--as", "aws").stdout
    assert json.loads(shown) == S3_JSON


def test_show_writes_no_character_that_a_terminal_obeys(run: Run, store: SQLiteStore) -> None:
    odd = RuleSet([Rule([PAGE], ["GET"], id="a\u202eb")])
    store.put("photos", odd)
    shown = run("show", "photos").stdout
    assert "<ID>a&#x202E;b</ID>" in shown
    run("put", "copy", "-", input=shown)
    assert store.get("copy") == odd


def test_delete_asks_first(run: Run, store: SQLiteStore) -> None:
    store.put("photos", RULES)
    assert "Delete the rules of photos?" in run("delete", "photos", input="n\n", code=1).output
    assert store.get("photos") == RULES
    run("delete", "photos", "--yes", "--author", "alice")
    assert store.get("photos") is None
    assert store.history("photos")[0].author == "alice"


@pytest.mark.parametrize(
    "arguments",
    [
        ["show"],
        ["show", "--as", "json"],
        ["delete", "--yes"],
        ["history"],
        ["history", "--format", "json"],
    ],
)
def test_a_bucket_without_rules_is_an_error(arguments: list[str], run: Run) -> None:
    command, *options = arguments
    assert "photos has no" in run(command, "photos", *options, code=1).output


def test_history_tells_who_did_what(run: Run, store: SQLiteStore) -> None:
    store.put("photos", RULES, "alice")
    store.put("photos", OTHER, f"bob{NASTY}")
    store.delete("photos")
    output = re.sub(r"[-0-9]{10} [:0-9]{8}Z", "TIME", run("history", "photos").output)
    assert output.splitlines() == [
        "3  TIME  -                      deleted",
        r"2  TIME  bob\x1b[31m\x07\u202e  1 rule",
        "1  TIME  alice                  2 rules",
    ]
    data = json.loads(run("history", "photos", "--format", "json").stdout)
    assert [(each["revision"], each["author"]) for each in data] == [
        (3, None),
        (2, f"bob{NASTY}"),
        (1, "alice"),
    ]
    assert data[0]["rules"] is None
    assert RuleSet.from_dict({"rules": data[2]["rules"]}) == RULES


PAGES_OF_HISTORY = [
    ([], [5, 3, 2, 1]),
    (["--limit", 2], [5, 3]),
    (["--before", 3], [2, 1]),
    (["--before", 4, "--limit", 1], [3]),
]


@pytest.mark.parametrize(("page", "revisions"), PAGES_OF_HISTORY)
def test_history_is_printed_in_pages(
    run: Run, store: SQLiteStore, page: list[Any], revisions: list[int]
) -> None:
    for bucket in ("photos", "photos", "photos", "videos", "photos"):
        store.put(bucket, RULES)
    lines = run("history", "photos", *page).output.splitlines()
    assert [int(line.split()[0]) for line in lines] == revisions
    data = json.loads(run("history", "photos", *page, "--format", "json").stdout)
    assert [each["revision"] for each in data] == revisions


def test_a_history_that_begins_later_is_told_from_none(run: Run, store: SQLiteStore) -> None:
    store.put("photos", RULES)
    later = run("history", "photos", "--before", 1, code=1).output
    assert later == "Error: bucket photos has no revision before 1\n"
    assert "has no history" in run("history", "videos", "--before", 1, code=1).output


def test_history_shows_what_another_tool_wrote(run: Run, store: SQLiteStore) -> None:
    store.put("photos", RULES)
    for written, shown in (("'never'", "'never'"), ("1e300", "1e+300")):
        edit(store, f"UPDATE bucketcors_rules SET time = {written}, author = x'ff'")
        assert run("history", "photos").output == f"1  {shown}  b'\\xff'  2 rules\n"
        [entry] = json.loads(run("history", "photos", "--format", "json").stdout)
        assert (entry["time"], entry["author"]) == (shown, "b'\\xff'")


def test_rollback_brings_old_rules_back(run: Run, store: SQLiteStore) -> None:
    store.put("photos", RULES)
    store.put("photos", OTHER)
    assert "revision 3, with the rules of revision 1" in run("rollback", "photos", 1).output
    assert store.get("photos") == RULES
    assert "no rules of revision 9" in run("rollback", "photos", 9, code=1).output


DANGEROUS = RuleSet([Rule(["null"], ["GET"])])
ODD = RuleSet([Rule(["https://A.test"], ["GET"])])


def test_a_rollback_to_dangerous_rules_is_refused(run_strict: Run, store: SQLiteStore) -> None:
    store.put("photos", DANGEROUS)
    store.put("photos", RULES)
    output = run_strict("rollback", "photos", 1, code=1).output
    assert "BUCKETCORS_STRICT or --strict refuses these rules: BC206 rule 1" in output
    assert store.get("photos") == RULES


def test_an_import_of_dangerous_rules_is_refused(run_strict: Run, store: SQLiteStore) -> None:
    """Where a bucket has them already, nothing is written."""
    store.put("had", DANGEROUS)
    store.put("photos", RULES)
    rule_sets = {"photos": DANGEROUS, "had": DANGEROUS, "new": OTHER}
    lines = [json.dumps({"bucket": name, **each.as_dict()}) for name, each in rule_sets.items()]
    output = run_strict("import", "-", input="\n".join(lines), code=1).output
    assert (
        "line 1 (photos) is refused: BUCKETCORS_STRICT or --strict refuses these rules: BC206 rule"
        in output
    )
    assert "1 stored, 1 had these rules already, 1 line refused" in output
    assert (store.get("photos"), store.get("new")) == (RULES, OTHER)


STRICTER = [
    # of the application, of the command, the rules that are refused
    ("off", [], []),
    ("off", ["--strict", "dangers"], [DANGEROUS]),
    ("off", ["--strict", "warnings"], [DANGEROUS, ODD]),
    ("dangers", ["--strict", "off"], [DANGEROUS]),
    ("dangers", ["--strict", "warnings"], [DANGEROUS, ODD]),
    ("warnings", ["--strict", "dangers"], [DANGEROUS, ODD]),
]


@pytest.mark.parametrize("setting, option, refused", STRICTER)
def test_the_option_strict_only_tightens(
    tmp_path: Path, store: SQLiteStore, setting: str, option: list[str], refused: list[RuleSet]
) -> None:
    app = Flask("storage", instance_path=str(tmp_path), static_folder=None)
    app.config["BUCKETCORS_STRICT"] = setting
    BucketCORS(app, store=store)
    for rules in (OTHER, ODD, DANGEROUS):
        code = int(rules in refused)
        document = json.dumps(rules.as_dict())
        line = json.dumps({"bucket": "b", **rules.as_dict()})
        revision = store.put("c", rules)
        store.put("c", RULES)
        invoke("put", "a", "-", *option, app=app, code=code, input=document)
        invoke("import", "-", *option, app=app, code=code, input=line)
        invoke("rollback", "c", revision, *option, app=app, code=code)
        assert (store.get("c") == rules) is not bool(code)


def test_an_import_puts_no_dangerous_rules_over_those_of_somebody_else(
    run_strict: Run, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("photos", DANGEROUS)
    last_writes = SQLiteStore.last_writes

    def find_and_correct(self: SQLiteStore, buckets: Collection[str]) -> Mapping[str, LastWrite]:
        found = last_writes(self, buckets)
        store.put_many((bucket, RULES) for bucket in buckets)
        return found

    monkeypatch.setattr(SQLiteStore, "last_writes", find_and_correct)
    lines = [json.dumps({"bucket": "photos", **each.as_dict()}) for each in (OTHER, DANGEROUS)]
    output = run_strict("import", "-", input="\n".join(lines)).output
    assert "0 stored, 1 had these rules already, 0 lines refused" in output
    assert store.get("photos") == RULES


def test_rules_that_were_changed_while_delete_asked_stay(
    run: Run, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("photos", RULES)
    monkeypatch.setattr(click, "confirm", lambda *_, **__: store.put("photos", OTHER))
    output = run("delete", "photos", code=1).output
    assert "the rules of bucket 'photos' have changed since" in output
    assert store.get("photos") == OTHER


def test_a_name_that_no_bucket_can_have_is_refused(run: Run, tmp_path: Path) -> None:
    document = json.dumps(RULES.as_dict())
    assert "is not a bucket name" in run("put", "a/b", "-", input=document, code=1).output


# Many buckets


def test_list_gives_names_by_prefix_and_page(run: Run, store: SQLiteStore) -> None:
    store.put_many([(name, RULES) for name in ("a1", "a2", "a3", "b")])
    assert run("list").output.split() == ["a1", "a2", "a3", "b"]
    assert run("list", "a").output.split() == ["a1", "a2", "a3"]
    assert run("list", "a", "--after", "a1", "--limit", 1).output.split() == ["a2"]
    for more in ([], ["--after", "a1"], ["--limit", 2]):
        names = run("list", "a", *more).output.split()
        listed = json.loads(run("list", "a", *more, "--format", "json").stdout)
        assert [each["bucket"] for each in listed] == names
        long = run("list", "a", *more, "--long").output.splitlines()
        assert [line.split()[0] for line in long] == names


def test_a_history_says_which_of_its_rules_are_unreadable(run: Run, store: SQLiteStore) -> None:
    store.put("photos", RULES)
    store.put("photos", OTHER)
    edit(store, "UPDATE bucketcors_history SET document = '{\"rules\": 1}'")
    now, before = run("history", "photos").output.splitlines()
    assert "1 rule" in now
    assert "unreadable: " in before
    now, before = json.loads(run("history", "photos", "--format", "json").stdout)
    assert now["rules"] == OTHER.as_dict()["rules"]
    assert "rules" not in before
    assert before["unreadable"] in run("history", "photos").output


def test_a_long_list_says_how_many_rules_and_who_changed_them_when(
    run: Run, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.0)
    two = RuleSet([*OTHER.rules, *OTHER.rules])
    store.put("photos", two, "alice")
    store.put("b", OTHER)
    store.put("videos", OTHER, "a\x1bb")
    run_sql(store.place, "UPDATE bucketcors_rules SET document = '{}' WHERE bucket = 'b'")
    run_sql(store.place, "UPDATE bucketcors_rules SET time = 'x', author = 'y' WHERE bucket = 'b'")
    when = "2023-11-14 22:13:20Z"
    assert run("list", "--long").output.splitlines() == [
        "b       unreadable  'x'                   y",
        f"photos  2 rules     {when}  alice",
        f"videos  1 rule      {when}  a\\x1bb",
    ]
    _, photos, _ = json.loads(run("list", "--format", "json").stdout)
    stored = store.read("photos")
    assert stored is not None
    assert photos == {
        "bucket": "photos",
        "rule_count": 2,
        "version": stored.version,
        "revision": 1,
        "time": when,
        "author": "alice",
    }


def test_a_list_without_buckets_is_empty(run: Run) -> None:
    assert run("list", "--long").output == ""
    assert json.loads(run("list", "--format", "json").stdout) == []


def test_list_is_longer_than_a_page(run: Run, store: SQLiteStore) -> None:
    names = [f"bucket-{number:05}" for number in range(2500)]
    store.put_many((name, OTHER) for name in names)
    assert run("list").output.split() == names
    assert len(run("list", "--long").output.splitlines()) == len(names)


def test_names_reach_the_terminal_escaped_and_json_exactly(run: Run, store: SQLiteStore) -> None:
    store.put("a\u202eb", RULES)
    assert run("list").output == "a\\u202eb\n"
    assert run("list", "--long").output.startswith("a\\u202eb  ")
    [listed] = json.loads(run("list", "--format", "json").stdout)
    assert listed["bucket"] == "a\u202eb"


def test_export_and_import_copy_everything(run: Run, store: SQLiteStore, tmp_path: Path) -> None:
    store.put_many([("photos", RULES), ("b\xfccher\u202e", OTHER)])
    lines = run("export").stdout.splitlines()
    assert [json.loads(line)["bucket"] for line in lines] == ["b\xfccher\u202e", "photos"]
    run("export", tmp_path / "all.jsonl", "--prefix", "photos")
    assert Path(tmp_path, "all.jsonl").read_text().splitlines() == lines[1:]
    for bucket in store.list():
        store.delete(bucket)
    result = run("import", "-", input="\n".join(lines))
    assert "2 stored, 0 had these rules already, 0 lines refused" in result.output
    assert [store.get(name) for name in store.list()] == [OTHER, RULES]


def test_export_leaves_a_file_that_may_not_be_written(
    run: Run, store: SQLiteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("photos", RULES)
    path = Path(tmp_path, "all.jsonl")
    path.write_text("precious")
    # Its folder may be written, and root may write everywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    assert "is not writable" in run("export", path, code=2).output
    assert path.read_text() == "precious"


def test_export_names_what_it_leaves_out(run: Run, store: SQLiteStore, tmp_path: Path) -> None:
    store.put_many([("photos", RULES), ("videos", RULES)])
    break_rules(store, "photos")
    result = run("export", tmp_path / "all.jsonl", code=1)
    assert "left out: the stored rules of bucket 'photos'" in result.output
    [line] = Path(tmp_path, "all.jsonl").read_text().splitlines()
    assert json.loads(line)["bucket"] == "videos"


def test_export_names_a_bucket_that_nobody_can_have(run: Run, store: SQLiteStore) -> None:
    store.put_many([("photos", RULES), ("videos", RULES)])
    edit(store, "UPDATE bucketcors_rules SET bucket = 'a/b' WHERE bucket = 'photos'")
    result = run("export", code=1)
    assert "left out: 'a/b' is not a bucket name" in result.stderr
    assert json.loads(result.stdout)["bucket"] == "videos"


def break_rules(store: SQLiteStore, bucket: str) -> None:
    edit(store, f"UPDATE bucketcors_rules SET document = '{{}}' WHERE bucket = '{bucket}'")


def edit(store: SQLiteStore, statement: str) -> None:
    """Do what another tool may do to the tables."""
    with closing(sqlite3.connect(store.place or "")) as connection, connection:
        connection.execute(statement)


def line_of(bucket: str, rules: RuleSet = OTHER) -> str:
    return json.dumps({"bucket": bucket, **rules.as_dict()})


def test_import_reports_every_bad_line_and_stores_the_others(run: Run, store: SQLiteStore) -> None:
    bad_rule = {"allowed_origins": ["https://a b"], "allowed_methods": ["get"]}
    lines = [
        line_of("one"),
        "",
        "{not json",
        json.dumps({"bucket": "two", "rules": [bad_rule]}),
        json.dumps({"rules": []}),
        line_of("a/b"),
        line_of("x" * MAX_LINE_BYTES),
        json.dumps({"bucket": "three", "rules": OTHER.as_dict()["rules"], "extra" + NASTY: 1}),
        line_of("four"),
    ]
    output = run("import", "-", input="\n".join(lines), code=1).output
    for part in (
        "line 3 is not accepted as JSON: ",
        "line 4 (two) is refused:\n"
        "  rule 1: allowed_origins 'https://a b' contains a character that no origin can have; "
        "write scheme://host or scheme://host:port\n"
        "  rule 1: allowed_methods 'get' is in the wrong case",
        "line 5 is without a bucket",
        "line 6 (a/b) is refused: 'a/b' is not a bucket name",
        f"line 7 is longer than {MAX_LINE_BYTES} bytes",
        r"  extra\x1b[31m\x07\u202e is not allowed here",
        "2 stored, 0 had these rules already, 6 lines refused",
    ):
        assert part in output
    assert store.list() == ["four", "one"]


@pytest.mark.parametrize("configuration", [S3_JSON, COS_JSON, {"CORSConfiguration": S3_JSON}])
def test_a_line_may_hold_rules_as_other_tools_write_them(
    configuration: Any, run: Run, store: SQLiteStore
) -> None:
    run("import", "-", input=json.dumps({"bucket": "photos", **configuration}))
    assert store.get("photos") == RULES


@pytest.mark.parametrize(
    "line, reason",
    [
        ('{"bucket": "a"}', 'is without a list of rules: write {"rules": [{...}]}'),
        ('{"bucket": "a", "rules": {}}', "is without a list of rules"),
        ('{"bucket": "a", "rules": [1]}', 'is without a list of rules: write {"rules": [{...}]}'),
        ('{"bucket": "a", "rules": []}', "is refused:\n  rules is missing"),
        ('{"bucket": "a", "bucket": "b"}', "is refused:\n  bucket may occur only"),
        ('{"bucket": "a", "rules": [], "CORSRules": []}', "is refused:\n  CORSRules"),
        ("[" * 65 + "]" * 65, "is not accepted as JSON: brackets are nested more than 64 deep"),
        ("[" * 50_000, "is not accepted as JSON: brackets are nested more than 64 deep"),
        (f"[{'9' * 5000}]", "is without a bucket"),
        ("null", "is without a bucket"),
    ],
)
def test_a_bad_line_is_reported_with_what_to_write(line: str, reason: str, run: Run) -> None:
    output = run("import", "-", input=line, code=1).output
    assert output.replace("line 1 (a) ", "line 1 ").startswith(f"line 1 {reason}")
    assert "Exceeds the limit" not in output


def test_what_does_not_belong_is_named_in_order(run: Run) -> None:
    names = [f"key{number:02}" for number in range(20)]
    rule = {**dict.fromkeys(names, 1), **OTHER.as_dict()["rules"][0]}
    output = run("import", "-", input=json.dumps({"bucket": "a", "rules": [rule]}), code=1).output
    assert re.findall(r"rule 1: (\w+) is not allowed here", output) == names


def test_import_goes_on_where_it_was_interrupted(
    run: Run, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = 20
    monkeypatch.setattr(line_import, "BATCH", batch)
    lines = "\n".join(line_of(f"bucket-{number:05}") for number in range(3 * batch))
    put_many = store.put_many
    batches = []

    def interrupted(pairs: Any, author: str | None = None, **expected: Any) -> int:
        if len(batches) == 1:
            raise KeyboardInterrupt
        batches.append(pairs)
        return put_many(pairs, author, **expected)

    with monkeypatch.context() as patch:
        patch.setattr(store, "put_many", interrupted)
        result = run("import", "-", input=lines, code=1)
    assert f"not finished: {batch} stored" in result.output
    assert len(store.list()) == batch
    output = run("import", "-", input=lines).output
    assert f"{2 * batch} stored, {batch} had these rules already, 0 lines refused" in output
    # What was there has no new revision.
    assert len(store.history("bucket-00000")) == 1


def test_of_a_bucket_that_comes_twice_the_last_line_counts(run: Run, store: SQLiteStore) -> None:
    store.put("photos", OTHER)
    lines = "\n".join([line_of("photos", RULES), line_of("photos", OTHER)])
    run("import", "-", input=lines)
    assert store.get("photos") == OTHER
    run("import", "-", input="\n".join([line_of("photos", OTHER), line_of("photos", RULES)]))
    assert store.get("photos") == RULES


def test_import_mends_rules_that_another_tool_broke(run: Run, store: SQLiteStore) -> None:
    store.put("photos", OTHER)
    break_rules(store, "photos")
    run("import", "-", input=line_of("photos"))
    assert store.get("photos") == OTHER


# The group


def test_an_application_without_the_extension_is_told_what_to_write() -> None:
    result = Flask("bare").test_cli_runner().invoke(bucketcors, ["list"])
    assert result.exit_code == 2
    assert "the application 'bare' has no rules: write BucketCORS(app)" in result.output


def test_a_store_in_trouble_is_a_sentence(run: Run, store: SQLiteStore) -> None:
    assert store.place is not None
    store.close()
    for file in store.place.parent.glob(f"{store.place.name}*"):
        file.unlink()
    store.place.write_text("this is no database, and has been one" * 100)
    result = run("list", code=1)
    assert "Error: the database" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "a\udcff"],
        ["list", "--after", "a\udcff"],
        ["export", "--prefix", "a\udcff"],
        ["delete", "photos", "--yes", "--author", "a\udcff"],
    ],
)
def test_an_argument_that_is_not_utf_8_is_wrong_usage(arguments: list[str], run: Run) -> None:
    assert "write it in UTF-8" in run(*arguments, code=2).output


def test_an_author_that_no_store_takes_is_wrong_usage(run: Run) -> None:
    result = run("delete", "photos", "--yes", "--author", "a" * 257, code=2)
    assert "write at most 256 characters" in result.output


def test_a_revision_that_there_is_not_is_refused(run: Run, store: SQLiteStore) -> None:
    store.put("photos", RULES)
    output = run("rollback", "photos", "9", code=1).output
    assert "has no rules of revision 9; bucketcors history photos lists them" in output


def test_export_writes_into_a_pipe_and_leaves_it_one(
    run: Run, store: SQLiteStore, tmp_path: Path
) -> None:
    store.put("photos", RULES)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        run("export", pipe)
        assert pipe.is_fifo()
        assert json.loads(os.read(reader, 65536))["bucket"] == "photos"
    finally:
        os.close(reader)


def test_a_file_that_cannot_be_made_is_wrong_usage(run: Run, tmp_path: Path) -> None:
    output = run("export", tmp_path / "missing" / "file", code=2).output
    assert "No such file or directory" in output


def test_a_full_disk_is_a_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **options: Any) -> list[str]:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(SQLiteStore, "list", full)
    output = run("export", "-", code=1).output
    assert "cannot write: No space left on device" in output


def test_an_export_that_ends_early_leaves_the_old_file(
    run: Run, store: SQLiteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_many([("photos", RULES), ("videos", RULES)])
    path = Path(tmp_path, "export", "all.jsonl")
    path.parent.mkdir()
    path.write_text("precious")
    path.chmod(0o640)
    get = store.get

    def interrupted(bucket: str) -> RuleSet | None:
        if bucket == "videos":
            raise KeyboardInterrupt
        return get(bucket)

    with monkeypatch.context() as patch:
        patch.setattr(store, "get", interrupted)
        run("export", path, code=1)
    assert path.read_text() == "precious"
    run("export", path)
    assert len(path.read_text().splitlines()) == 2
    assert path.stat().st_mode & 0o777 == 0o640
    # Nothing else was left there, either.
    assert list(path.parent.iterdir()) == [path]


def test_export_goes_where_a_link_leads(run: Run, store: SQLiteStore, tmp_path: Path) -> None:
    store.put("photos", RULES)
    Path(tmp_path, "link.jsonl").symlink_to("all.jsonl")
    run("export", tmp_path / "link.jsonl")
    assert Path(tmp_path, "link.jsonl").is_symlink()
    assert "photos" in Path(tmp_path, "all.jsonl").read_text()


@pytest.mark.parametrize(
    "arguments",
    [["put", "photos", "FILE"], ["import", "FILE"], ["explain", "--rules", "FILE"]],
)
def test_a_file_that_cannot_be_read_is_wrong_usage(
    arguments: list[str], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

        readline = read

    Path(tmp_path, "file").touch()
    monkeypatch.setattr(click, "open_file", lambda *_: Broken())
    named = [str(tmp_path / "file") if each == "FILE" else each for each in arguments]
    assert "file: Input/output error" in run(*named, code=2).output


def test_a_name_that_is_too_long_for_a_file_is_wrong_usage(run: Run, store: SQLiteStore) -> None:
    assert "File name too long" in run("export", "a" * 300, code=2).output


@pytest.mark.parametrize(
    "arguments, stream",
    [
        (["put", "photos", "-"], "stdin"),
        (["import", "-"], "stdin"),
        (["delete", "photos"], "stdin"),
        (["export", "-"], "stdout"),
    ],
)
def test_a_closed_stream_is_wrong_usage(
    arguments: list[str], stream: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("rule_files", "stored_rules", "output_files"):
        fake = SimpleNamespace(stdin=None, stdout=None, stderr=sys.stderr, exit=sys.exit)
        monkeypatch.setattr(f"flask_bucketcors.cli.{module}.sys", fake)
    name = {"stdin": "input", "stdout": "output"}[stream]
    assert f"standard {name} is closed" in run(*arguments, code=2).output


@pytest.mark.parametrize("variable, value", [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_are_left_out_where_they_are_not_wanted(
    variable: str, value: str, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    arguments = ["doctor"]
    coloured = app.test_cli_runner().invoke(bucketcors, arguments, color=True)
    assert "\x1b[" in coloured.output
    monkeypatch.setenv(variable, value)
    plain = app.test_cli_runner().invoke(bucketcors, arguments, color=True)
    assert "\x1b[" not in plain.output


@in_one_test
@pytest.mark.parametrize("name", commands())
def test_every_command_has_help_with_an_example(name: str) -> None:
    command = command_named(name)
    assert re.search(rf"Example:\n\s+flask .*bucketcors {name}\b", command.help or "")
    assert all(
        option.help or option.name == "method"
        for option in command.params
        if isinstance(option, click.Option)
    )


def test_the_help_fits_a_terminal() -> None:
    """A line that is too long is cut off in the list of the commands, and broken elsewhere."""
    for name in [None, *commands()]:
        arguments = [name, "--help"] if name else ["--help"]
        output = CliRunner().invoke(bucketcors, arguments, terminal_width=80).output
        _, *lines = output.splitlines()
        assert [line for line in lines if len(line) > 80 or line.endswith("...")] == []


@in_one_test
@pytest.mark.parametrize("name", commands())
def test_every_command_is_documented(name: str) -> None:
    page = CLI_PAGE.read_text()
    assert f"## `{name}`" in page
    for option in command_named(name).params:
        if isinstance(option, click.Option):
            assert f"`{option.opts[0]}" in page.partition(f"## `{name}`")[2], option.opts


def test_the_examples_run(run: Run, store: SQLiteStore, tmp_path: Path) -> None:
    """In an order in which there is something to work on."""
    Path(tmp_path, "rules.xml").write_bytes(format_xml(RULES, DIALECTS["cos"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        for name in ("put", "list", "show", "history", "export", "import", "rollback", "delete"):
            command = command_named(name).help or ""
            words = command.partition("Example:")[2].split()
            run(*words[words.index("bucketcors") + 1 :])
    assert store.get("photos") is None


# What has to be there


def test_what_the_extension_refuses_is_a_sentence(tmp_path: Path) -> None:
    def misspelt() -> Flask:
        app = Flask("storage", instance_path=str(tmp_path))
        app.config["BUCKETCORS_VARI"] = "safe"
        BucketCORS(app)
        return app

    def twice() -> Flask:
        app = Flask("storage", instance_path=str(tmp_path))
        BucketCORS(app, store=MemoryStore())
        BucketCORS(app, store=MemoryStore())
        return app

    for create_app, message in (
        (misspelt, "Error: BUCKETCORS_VARI is not a setting: write BUCKETCORS_VARY\n"),
        (twice, "Error: this application has BucketCORS already: call init_app once\n"),
    ):
        info = ScriptInfo(create_app=create_app)
        result = Flask("other").test_cli_runner().invoke(bucketcors, ["list"], obj=info)
        assert (result.exit_code, result.output) == (1, message)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE bucketcors_rules (name)",
        "CREATE TABLE bucketcors_state (name)",
        "CREATE TABLE bucketcors_state (schema_version)",
    ],
)
def test_another_programs_database_is_told(statement: str, tmp_path: Path) -> None:
    path = Path(tmp_path, "bucketcors.sqlite")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)

    def create_app() -> Flask:
        app = Flask("storage", instance_path=str(tmp_path))
        BucketCORS(app)
        return app

    info = ScriptInfo(create_app=create_app)
    result = Flask("other").test_cli_runner().invoke(bucketcors, ["list"], obj=info)
    assert result.exit_code == 1
    assert "it is another program's, or damaged; name another file" in result.output


@pytest.mark.parametrize("command", [["list"], ["show", "photos"], ["doctor"], ["import", "-"]])
def test_a_command_leaves_no_database_open(command: list[str], tmp_path: Path) -> None:
    app = Flask("storage")
    app.config["BUCKETCORS_DATABASE"] = str(tmp_path / "rules.sqlite")
    app.config["BUCKETCORS_ACCESS_KEYS"] = {"AKIDEXAMPLE": "ExampleSecretKey"}
    BucketCORS(app)
    app.test_cli_runner().invoke(bucketcors, command, input=line_of("photos"))
    links = [Path("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
    open_files = [os.readlink(link) for link in links if link.is_symlink()]
    assert str(tmp_path / "rules.sqlite") not in open_files


def test_a_command_forgets_nothing_of_what_is_in_memory() -> None:
    app = Flask("storage")
    BucketCORS(app, store=SQLiteStore(":memory:"))
    runner = app.test_cli_runner()
    assert runner.invoke(bucketcors, ["import", "-"], input=line_of("photos")).exit_code == 0
    assert runner.invoke(bucketcors, ["list"]).output == "photos\n"
    app.extensions["bucketcors"].store.close()


# As processes


def flask(*args: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return run_flask([sys.executable, "-m", "flask"], *args, folder=folder, **environ)


def run_flask(
    program: Sequence[str | Path], *args: str, folder: Path, **environ: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*program, *args],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_flask_finds_the_commands_and_the_example_application(tmp_path: Path) -> None:
    data = {"EXAMPLE_DATA": str(tmp_path)}
    listed = flask("--app", "example_app", "bucketcors", "list", folder=tmp_path, **data)
    assert listed.stdout == "examplebucket-1250000000\n", listed.stderr
    examined = flask("--app", "example_app", "bucketcors", "doctor", folder=tmp_path, **data)
    assert examined.returncode == 0, examined.stdout
    assert "ExampleSecretKey" not in examined.stdout


def test_without_an_application_those_run_that_need_none(
    forked_commands: Path, tmp_path: Path
) -> None:
    forked = [forked_commands / "flask"]
    without = flask("bucketcors", "list", folder=tmp_path)
    assert without.returncode == 2
    assert "Could not locate a Flask application" in without.stderr
    for name in ("check", "explain", "doctor"):
        helped = run_flask(forked, "bucketcors", name, "--help", folder=tmp_path)
        assert helped.returncode == 0


def test_other_commands_of_flask_do_not_wait_for_these() -> None:
    """Flask imports the group for each of its commands, whatever the application uses."""
    code = (
        "import sys, flask_bucketcors.cli; "
        "print(*sorted(name for name in sys.modules if name.startswith('flask_bucketcors')))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert result.stdout.split() == [
        "flask_bucketcors",
        "flask_bucketcors.cli",
        "flask_bucketcors.cli.terminal",
        "flask_bucketcors.core",
        "flask_bucketcors.core.errors",
        "flask_bucketcors.core.problems",
    ]


def test_explaining_rules_in_a_file_loads_nothing_that_serves(tmp_path: Path) -> None:
    Path(tmp_path, "rules.json").write_text(json.dumps(RULES.as_dict()))
    code = (
        "import sys; from flask_bucketcors.cli import bucketcors; "
        "bucketcors(['explain', '--rules', 'rules.json', '--origin', 'https://page.test'], "
        "standalone_mode=False); "
        "print(*(name for name in sys.modules if name.startswith('flask_bucketcors')))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    rooms = {name.split(".")[1] for name in result.stdout.splitlines()[-1].split() if "." in name}
    assert rooms == {"analysis", "cli", "core", "documents"}


def test_a_terminal_without_the_characters_gets_them_escaped(tmp_path: Path) -> None:
    environ = {"PYTHONIOENCODING": "latin-1"}
    rule = {**RULES.as_dict()["rules"][0], "id": "\u4e2d\xe9"}
    Path(tmp_path, "rules.json").write_text(json.dumps([rule]))
    example = ["--app", ANY_BUCKET, "bucketcors"]
    put = ["put", "photos", "rules.json", "--author", "\u4e2d"]
    assert flask(*example, *put, folder=tmp_path, **environ, PYTHONUTF8="1").returncode == 0
    listed = flask(*example, "history", "photos", folder=tmp_path, **environ)
    assert r"\u4e2d  1 rule" in listed.stdout, listed.stderr
    shown = flask(*example, "show", "photos", folder=tmp_path, **environ)
    assert "<ID>&#x4E2D;&#xE9;</ID>" in shown.stdout


def test_a_killed_import_has_whole_buckets_and_is_gone_on_with(tmp_path: Path) -> None:
    lines = [line_of(f"bucket-{number:05}", RULES) for number in range(3 * BATCH)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "flask", "--app", ANY_BUCKET, "bucketcors", "import", "-"]
    with children.running(
        command, stdin=subprocess.PIPE, env=environ, cwd=tmp_path, text=True
    ) as process:
        assert process.stdin is not None
        process.stdin.write("\n".join(lines[: 2 * BATCH + 7]))
        process.stdin.flush()
        database = Path(tmp_path, "bucketcors.sqlite")
        deadline = time.monotonic() + 30
        while count_rules(database) < BATCH and time.monotonic() < deadline:
            # Another process's work has no event to wait for.
            time.sleep(0.01)
        process.kill()
    assert count_rules(database) % BATCH == 0
    Path(tmp_path, "in.jsonl").write_text("\n".join(lines))
    command = ["--app", ANY_BUCKET, "bucketcors", "import", "in.jsonl"]
    result = flask(*command, folder=tmp_path)
    stored, equal = map(int, re.findall(r"(\d+) (?:stored|had)", result.stdout))
    assert (stored + equal, equal % BATCH) == (3 * BATCH, 0)
    assert equal >= BATCH
    with closing(SQLiteStore(database)) as store:
        assert [store.get(name) for name in store.list("bucket-")] == [RULES] * 3 * BATCH
        assert len(store.history("bucket-00000")) == 1


def count_rules(database: Path) -> int:
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM bucketcors_rules").fetchone()[0])
    except sqlite3.OperationalError:
        # It is not there yet.
        return 0


@pytest.mark.skipif(shutil.which("script") is None, reason="script(1) gives a terminal")
@pytest.mark.parametrize("terminal", ["xterm", "dumb"])
def test_import_shows_its_progress_on_a_terminal(
    terminal: str, forked_commands: Path, tmp_path: Path
) -> None:
    # The progress is shown after each batch.
    lines = [line_of(f"b{number}") for number in range(BATCH + 1)]
    Path(tmp_path, "in.jsonl").write_text("\n".join(lines))
    command = f"{forked_commands / 'flask'} --app {ANY_BUCKET} bucketcors import in.jsonl"
    result = subprocess.run(
        ["script", "--quiet", "--return", "--command", command, "/dev/null"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TERM": terminal,
            "COLUMNS": "50",
        },
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    assert ("100%" in result.stdout) is (terminal == "xterm")
    assert ("\x1b" in result.stdout) is (terminal == "xterm")
    assert f"{len(lines)} stored" in result.stdout
    # What is wider than the terminal would not be written over.
    shown = re.sub(r"\x1b\[[?0-9]*[A-Za-z]", "", result.stdout)
    assert all(len(line) < 50 for line in re.split(r"[\r\n]+", shown) if "Importing" in line)


def test_rules_in_memory_are_edited_too() -> None:
    app = Flask("storage")
    BucketCORS(app, store=(store := MemoryStore()))
    document = json.dumps(RULES.as_dict())
    app.test_cli_runner().invoke(bucketcors, ["put", "photos", "-"], input=document)
    assert store.get("photos") == RULES


# The page

CLI_PAGE = ROOT / "docs" / "cli.md"
# What stands between commands and what they print.
TEXT = "```\n\n```text\n"


def shell_blocks() -> list[tuple[str, str]]:
    """The commands of the page, each with the output that stands below it, if any does."""
    page = CLI_PAGE.read_text()
    return re.findall(rf"```sh\n(.*?)(?:{TEXT}(.*?))?```", page, re.DOTALL)


def test_the_commands_of_the_page_run(forked_commands: Path, tmp_path: Path) -> None:
    """One after the other, while the example application is running.

    With WRITE_DOCS=1 in the environment the outputs are written into the page.
    """
    text = page = CLI_PAGE.read_text()
    path = forked_commands, Path(sys.executable).parent, os.environ["PATH"]
    environ = {"EXAMPLE_DATA": str(tmp_path / "data")}
    with servers.gunicorn("example_app:create_app()", environ=environ, workers=1) as server:
        for commands, output in shell_blocks():
            result = subprocess.run(
                ["bash", "-euo", "pipefail"],
                input="export FLASK_APP=example_app\n"
                + commands.replace(":5000/", f":{server.port}/"),
                cwd=tmp_path,
                env={
                    **os.environ,
                    **environ,
                    "PATH": os.pathsep.join(map(str, path)),
                    "PYTHONPATH": str(ROOT),
                },
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            code = 1 if "# exit code 1" in commands else 0
            assert result.returncode == code, (commands, result.stdout, result.stderr)
            printed = result.stdout + result.stderr
            if output:
                text = text.replace(f"{commands}{TEXT}{output}", f"{commands}{TEXT}{printed}")
    if os.environ.get("WRITE_DOCS") == "1":
        CLI_PAGE.write_text(text)
    assert text == page, "the outputs are others: run this with WRITE_DOCS=1, and read the page"
