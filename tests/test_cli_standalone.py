"""The command line without an application: on files, and on the database of ``--database``."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from flask import Flask
from flask.cli import FlaskGroup, ScriptInfo

from flask_bucketcors import BucketCORS, MemoryStore, Rule, RulesAPI, RuleSet, SQLiteStore
from flask_bucketcors.cli import bucketcors
from tests.support import ROOT
from tests.support.command_line import invoke

RULES = RuleSet([Rule(["https://page.example"], ["GET"])])
OTHER = RuleSet([Rule(["https://other.example"], ["GET"])])
# Anyone can register such a domain.
DANGEROUS = RuleSet([Rule(["https://*shop.com"], ["GET"])])
# Dangerous only where credentials are allowed.
PLAIN_HTTP = RuleSet([Rule(["http://www.shop.com"], ["GET"])])
# A warning: browsers send no slash.
DUBIOUS = RuleSet([Rule(["https://www.shop.com/"], ["GET"])])
# Dangerous only to those who have the list of public suffixes.
SUFFIX = RuleSet([Rule(["https://*.herokuapp.com"], ["GET"])])

# What is said of rules that lint's findings refuse.
STRICT = "refuses these rules"

SCRIPT = [str(Path(sys.executable).with_name("bucketcors"))]
MODULE = [sys.executable, "-m", "flask_bucketcors"]
FLASK = [sys.executable, "-m", "flask", "bucketcors"]


def run_program(
    command: Sequence[object], folder: Path, *, code: int = 0, input: str = "", **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder; it has to end with a code."""
    known = {name: text for name, text in os.environ.items() if name != "BUCKETCORS_DATABASE"}
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env={**known, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **environ},
        input=input,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


def document(rules: RuleSet) -> str:
    return json.dumps(rules.as_dict())


def line_of(bucket: str, rules: RuleSet = RULES) -> str:
    return json.dumps({"bucket": bucket, **rules.as_dict()})


def flask_app(folder: Path, name: str = "storage", **settings: object) -> Flask:
    """An application with this package, and with settings of it."""
    app = Flask(name, instance_path=str(folder), static_folder=None)
    app.config.update({f"BUCKETCORS_{key}": value for key, value in settings.items()})
    BucketCORS(app)
    return app


def start(path: Path, **settings: object) -> None:
    """Start an application on a database, and end it."""
    app = flask_app(path.parent, DATABASE=path.name, **settings)
    app.extensions["bucketcors"].store.close()


def store_of(app: Flask) -> Any:
    return app.extensions["bucketcors"].store


# As processes


def test_every_command_on_rules_works_without_flask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From no database at all, with nothing but files in the folder.

    Some run as programs, whose exit codes are those of the commands.
    """
    for name, rules in (("rules", RULES), ("other", OTHER)):
        Path(tmp_path, f"{name}.json").write_text(document(rules))
    database = {"BUCKETCORS_DATABASE": "rules.sqlite"}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BUCKETCORS_DATABASE", database["BUCKETCORS_DATABASE"])

    def run(*arguments: str) -> str:
        return invoke(*arguments).output

    put = ["put", "photos", "rules.json", "--create", "--author", "alice"]
    assert run_program([*SCRIPT, *put], tmp_path, **database).stdout.startswith("photos:")
    assert run("put", "photos", "other.json").startswith("photos: revision 2")
    assert run_program([*MODULE, "list"], tmp_path, **database).stdout == "photos\n"
    assert "https://other.example" in run("show", "photos")
    assert "alice" in run("history", "photos")
    assert run("rollback", "photos", "1").startswith("photos: revision 3")
    run("export", "buckets.jsonl")
    assert run("delete", "photos", "--yes").startswith("photos: revision 4")
    assert "\n1 stored" in run("import", "buckets.jsonl")
    diff = ["diff", "--bucket", "photos", "other.json"]
    assert "1 newly allowed" in run_program([*SCRIPT, *diff], tmp_path, code=1, **database).stdout
    assert "Allowed" in run("explain", "--bucket", "photos", "--origin", "https://page.example")
    assert "no findings" in run("lint", "--all")
    assert "0 faults" in run("doctor", "--write")
    with closing(SQLiteStore(tmp_path / "rules.sqlite")) as store:
        assert store.get("photos") == RULES


def test_commands_on_files_need_neither_a_database_nor_a_working_application(
    tmp_path: Path,
) -> None:
    Path(tmp_path, "rules.json").write_text(document(RULES))
    Path(tmp_path, "app.py").write_text("raise RuntimeError('nobody loads this')")
    explain = ["explain", "--rules", "rules.json", "--origin", "https://page.example"]
    for arguments in (
        [*SCRIPT, "lint", "rules.json"],
        [*SCRIPT, "diff", "rules.json", "rules.json"],
        [*SCRIPT, *explain],
        [*FLASK, *explain],
        [*FLASK, "check", "--help"],
    ):
        run_program(arguments, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["app.py", "rules.json"]


def test_the_environment_names_the_database_only_without_an_application(tmp_path: Path) -> None:
    """Under Flask it may be meant for the application, which has its own way to read it."""
    code = "from flask import Flask\nfrom flask_bucketcors import BucketCORS\n"
    Path(tmp_path, "app.py").write_text(code + "BucketCORS(app := Flask(__name__))\n")
    for path, bucket in (("instance/bucketcors.sqlite", "of-app"), ("named.sqlite", "named")):
        Path(tmp_path, path).parent.mkdir(exist_ok=True)
        with closing(SQLiteStore(tmp_path / path)) as store:
            store.put(bucket, RULES)
    named = {"BUCKETCORS_DATABASE": "named.sqlite"}
    assert run_program([*SCRIPT, "list"], tmp_path, **named).stdout == "named\n"
    assert run_program([*FLASK, "list"], tmp_path, **named).stdout == "of-app\n"
    option = ["list", "--database", "named.sqlite"]
    assert run_program([*FLASK, *option], tmp_path).stdout == "named\n"
    # An empty variable names nothing.
    refused = run_program([*SCRIPT, "list"], tmp_path, code=2, BUCKETCORS_DATABASE="")
    assert "write --database FILE" in refused.stderr


@pytest.mark.parametrize(
    "program, name",
    [
        (SCRIPT, "bucketcors"),
        (MODULE, "python -m flask_bucketcors"),
        ([Path(sys.executable).with_name("flask"), "bucketcors"], "flask bucketcors"),
    ],
)
def test_help_calls_the_commands_as_they_were_called(
    program: list[object], name: str, tmp_path: Path
) -> None:
    shown = run_program([*program, "put", "--help"], tmp_path).stdout
    assert f"Example:\n    {name} put photos rules.xml\n" in shown


# How Flask finds the commands


def test_the_runner_of_an_application_finds_the_commands(tmp_path: Path) -> None:
    app = flask_app(tmp_path)
    store_of(app).put("photos", RULES)
    shown = app.test_cli_runner().invoke(args=["bucketcors", "show", "photos", "--as", "json"])
    assert json.loads(shown.output) == RULES.as_dict()


def test_flask_lists_the_commands_once(tmp_path: Path) -> None:
    info = ScriptInfo(create_app=lambda: flask_app(tmp_path))
    listed = CliRunner().invoke(FlaskGroup(), ["--help"], obj=info).output
    assert listed.count("\n  bucketcors ") == 1


# Wrong arguments


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with some files that are no database of this package."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BUCKETCORS_DATABASE", raising=False)
    Path("rules.json").write_text(document(RULES))
    Path("a folder").mkdir()
    with closing(sqlite3.connect("other.sqlite")) as other:
        other.execute("CREATE TABLE shop (name)")
    return tmp_path


NEEDED = "write --database FILE, or set BUCKETCORS_DATABASE; in a Flask application, write flask"
FILE = "write the path of a file"


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (["list"], 2, f"{NEEDED} --app NAME bucketcors list"),
        (["put", "photos", "rules.json"], 2, f"{NEEDED} --app NAME bucketcors put"),
        (["doctor"], 2, f"{NEEDED} --app NAME bucketcors doctor"),
        (["lint", "--all"], 2, f"{NEEDED} --app NAME bucketcors lint"),
        (["diff", "--bucket", "photos", "rules.json"], 2, f"{NEEDED} --app NAME bucketcors diff"),
        (["routes"], 2, "needs a Flask application: write flask --app NAME bucketcors routes"),
        (["list", "--database", ""], 2, f"the database is '': {FILE}"),
        (["list", "--database", ":memory:"], 2, "the memory of one process"),
        (["put", "photos", "rules.json", "--create", "--database", ":memory:"], 2, FILE),
        (["doctor", "--database", ":memory:"], 2, "the memory of one process"),
        (["list", "--database", "none.sqlite"], 2, "there is no database none.sqlite: write the"),
        (["put", "photos", "rules.json", "--database", "none.sqlite"], 2, "put --create or import"),
        (["import", "rules.json", "--database", "none.sqlite"], 2, "put --create or import"),
        (["delete", "photos", "--yes", "--database", "none.sqlite"], 2, "there is no database"),
        (["doctor", "--database", "none.sqlite"], 2, "there is no database none.sqlite"),
        (["list", "--database", "other.sqlite"], 2, "other.sqlite holds no rules of buckets"),
        (["put", "photos", "rules.json", "--database", "other.sqlite"], 2, "holds no rules"),
        (["list", "--database", "rules.json"], 1, "rules.json cannot be read: file is not a data"),
        (
            ["list", "--database", "a folder"],
            1,
            "is a folder; write the path of a file in it",
        ),
        (["list", "--database", "x" * 300], 2, "there is no database xxx"),
        (["list", "--database", "a\x1b[31m"], 2, r"there is no database a\x1b[31m"),
        (["lint", "rules.json", "--database", "x"], 2, "--database is for rules of a bucket"),
        (["diff", "rules.json", "rules.json", "--database", "x"], 2, "write --bucket NAME, too"),
        (["explain", "--rules", "rules.json", "--database", "x"], 2, "write --bucket NAME, too"),
        (["list", "--create"], 2, "No such option"),
        (["put", "photos", "rules.json", "--create"], 2, "write --database FILE, too"),
        (["put", "photos", "rules.json", "--limits", "0", "9"], 2, "0 is not in the range x>=1"),
        (["put", "photos", "rules.json", "--limits", "20"], 2, "requires 2 arguments"),
        (["rollback", "photos", "1", "--limits", "1", "1"], 2, "No such option"),
    ],
)
def test_a_wrong_argument_is_told_and_creates_nothing(
    arguments: list[str], code: int, said: str, folder: Path
) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert said in invoke(*arguments, code=code).output
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@pytest.mark.parametrize("by_option", [True, False], ids=["--database", "environment"])
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://me:secret@db/rules", "'postgresql://...': write the URL with its driver, "),
        ("mysql//me:secret@db/rules", "'mysql...': write the URL with its driver, 'mysql+pymysql"),
        ("sqlite://me:secret@db/rules", f"'sqlite://...': {FILE}"),
        ("me:secret@db/rules", "'...': write the URL of a server with its driver, such as 'postgr"),
        ("postgresql+psycopg://me:sec@secret@db/rules", "'postgresql+psycopg://...': write the U"),
    ],
)
def test_the_password_of_a_url_is_not_shown(
    url: str, said: str, by_option: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not by_option:
        monkeypatch.setenv("BUCKETCORS_DATABASE", url)
    output = invoke("list", *(["--database", url] if by_option else []), code=2).output
    assert f"the database is {said}" in output
    assert "secret" not in output
    assert list(folder.glob("*me:*")) == []


def test_tables_in_a_log_are_tables(folder: Path) -> None:
    """As in an application's own database, which the application has open."""
    with closing(sqlite3.connect("own.sqlite", isolation_level=None)) as own:
        own.execute("PRAGMA journal_mode = WAL")
        own.execute("CREATE TABLE shop (name)")
        own.execute("PRAGMA wal_autocheckpoint = 0")
        invoke("put", "photos", "rules.json", "--database", "own.sqlite", "--create")
        Path("link.sqlite").symlink_to("own.sqlite")
        for name in ("own.sqlite", "link.sqlite"):
            assert invoke("list", "--database", name).output == "photos\n"


def test_a_group_of_another_program_is_told_the_same(folder: Path) -> None:
    group = click.Group("shop", commands={"cors": bucketcors})
    result = CliRunner().invoke(group, ["cors", "list"], obj={"shop": 1})
    assert (result.exit_code, NEEDED in result.output) == (2, True)


# Databases in memory


@pytest.mark.parametrize("command", ["put", "import", "delete", "rollback"])
@pytest.mark.parametrize("make", [MemoryStore, None], ids=["MemoryStore", ":memory:"])
def test_a_flask_process_writes_nothing_that_it_would_lose(
    make: Callable[[], MemoryStore] | None, command: str, folder: Path
) -> None:
    arguments = {
        "put": ["photos", "rules.json"],
        "import": ["rules.json"],
        "delete": ["photos"],
        "rollback": ["photos", "1"],
    }
    info = ScriptInfo(create_app=lambda: app_in_memory(make))
    result = CliRunner().invoke(
        FlaskGroup(), ["bucketcors", command, *arguments[command]], obj=info
    )
    assert result.exit_code == 1
    assert result.output == (
        "Error: nothing is stored: the rules of the application are in memory, and each process "
        "has its own; set BUCKETCORS_DATABASE to the path of a file\n"
    )


@pytest.mark.parametrize("make", [MemoryStore, None], ids=["MemoryStore", ":memory:"])
def test_a_flask_process_reads_what_the_application_puts_when_it_starts(
    make: Callable[[], MemoryStore] | None,
) -> None:
    info = ScriptInfo(create_app=lambda: app_in_memory(make))
    result = CliRunner().invoke(FlaskGroup(), ["bucketcors", "list"], obj=info)
    assert (result.exit_code, result.stdout) == (0, "from-start\n")
    assert result.stderr.startswith("note: the rules of the application are in memory")
    assert result.stderr.count("note:") == 1


def app_in_memory(make: Callable[[], MemoryStore] | None) -> Flask:
    app = Flask("storage", static_folder=None)
    app.config["BUCKETCORS_DATABASE"] = ":memory:"
    BucketCORS(app, store=make() if make else None)
    store_of(app).put("from-start", RULES)
    return app


def test_the_applications_own_process_writes_to_its_memory() -> None:
    app = app_in_memory(None)
    arguments = ["bucketcors", "put", "photos", "-"]
    assert app.test_cli_runner().invoke(args=arguments, input=document(RULES)).exit_code == 0
    assert store_of(app).get("photos") == RULES
    store_of(app).close()


# What the application refuses


LIMITS = {"cos": (2, 500)}
TOO_MANY = "is more rules than allowed"
TWO, THREE = (RuleSet(RULES.rules * count) for count in (2, 3))


@pytest.mark.parametrize(
    "settings, options, rules, refusal",
    [
        pytest.param({}, [], DANGEROUS, None, id="usual settings"),
        pytest.param({"STRICT": "dangers"}, [], DANGEROUS, STRICT, id="strict"),
        pytest.param({"STRICT": "dangers"}, ["--strict", "off"], DANGEROUS, STRICT, id="not laxer"),
        pytest.param({"STRICT": "dangers"}, [], DUBIOUS, None, id="a warning alone"),
        pytest.param({"STRICT": "warnings"}, [], DUBIOUS, STRICT, id="stricter"),
        pytest.param({}, ["--strict", "warnings"], DUBIOUS, STRICT, id="stricter option"),
        pytest.param({}, ["--strict", "dangers"], DANGEROUS, STRICT, id="strict option"),
        pytest.param({"LIMITS": LIMITS}, [], TWO, None, id="within the limits"),
        pytest.param({"LIMITS": LIMITS}, [], THREE, TOO_MANY, id="too many rules"),
        pytest.param(
            {"LIMITS": LIMITS},
            ["--limits", "9", "9999"],
            THREE,
            TOO_MANY,
            id="limits stay",
        ),
        pytest.param(
            {"LIMITS": LIMITS},
            ["--limits", "1", "9999"],
            TWO,
            TOO_MANY,
            id="fewer",
        ),
        pytest.param({"LIMITS": {"cos": (9, 50)}}, [], RULES, "50 bytes", id="too long"),
        pytest.param({}, ["--limits", "9", "50"], RULES, "50 bytes", id="shorter"),
        pytest.param({"DIALECT": "oss"}, [], RuleSet(RULES.rules * 10), None, id="rules of OSS"),
        pytest.param(
            {"DIALECT": "oss"},
            [],
            RuleSet(RULES.rules * 11),
            TOO_MANY,
            id="too many for OSS",
        ),
        pytest.param(
            {"ALLOW_CREDENTIALS": False, "STRICT": "dangers"}, [], RULES, None, id="without"
        ),
    ],
)
def test_what_is_written_without_the_application_is_not_laxer(
    settings: dict[str, Any], options: list[str], rules: RuleSet, refusal: str | None, path: Path
) -> None:
    """The application and the command without it refuse the same, and store the same."""
    app = flask_app(path.parent, DATABASE=path.name, **settings)
    store_of(app).put("photos", OTHER)
    code = 1 if refusal else 0
    for database, on in (([], app), (["--database", path], None)):
        put = ["put", "photos", "-", *options, *database]
        result = invoke(*put, app=on, code=code, input=document(rules))
        assert (refusal or "photos: revision") in result.output
        assert store_of(app).get("photos") == (OTHER if refusal else rules)
    store_of(app).close()


def test_an_import_and_a_rollback_are_as_strict(path: Path) -> None:
    with closing(SQLiteStore(path)) as store:
        store.put("photos", DANGEROUS)
        store.put("photos", RULES)
    on = ["--database", path]
    for options in ([], ["--strict", "dangers"]):
        if not options:
            start(path, STRICT="dangers")
        line = line_of("photos", DANGEROUS)
        assert "1 line refused" in invoke("import", "-", *on, *options, code=1, input=line).output
        assert STRICT in invoke("rollback", "photos", "1", *on, *options, code=1).output
        start(path)


@pytest.mark.parametrize("is_installed", [True, False])
def test_the_list_of_public_suffixes_is_needed_where_the_application_has_one(
    is_installed: bool, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(path, STRICT="dangers", PUBLIC_SUFFIX=lambda host: "herokuapp.com")
    if not is_installed:
        monkeypatch.setitem(sys.modules, "publicsuffixlist", None)
    put = ["put", "photos", "-", "--database", path]
    result = invoke(*put, code=1 if is_installed else 2, input=document(SUFFIX))
    assert (STRICT if is_installed else "there is no list of") in result.output
    # To read needs no list, and an application without one is not stricter here.
    invoke("list", "--database", path)
    start(path, STRICT="dangers")
    invoke(*put, input=document(SUFFIX))


def test_an_api_without_flask_keeps_its_settings(path: Path) -> None:
    with closing(SQLiteStore(path)) as store:
        RulesAPI(store, strict="dangers", limits={"cos": (3, 9999)})
    refused = invoke("put", "b", "-", "--database", path, code=1, input=document(DANGEROUS))
    assert STRICT in refused.output


def test_the_application_that_started_last_counts(path: Path) -> None:
    start(path, STRICT="dangers")
    start(path)
    invoke("put", "photos", "-", "--database", path, input=document(DANGEROUS))
    with closing(SQLiteStore(path)) as store:
        assert store.get("photos") == DANGEROUS


@pytest.mark.parametrize(
    "kept, said",
    [
        ("[]", "are not a JSON object; start the application again"),
        ("{", "are not a JSON object"),
        ('{"dialect": "azure"}', "dialect is 'azure': write one of"),
        ('{"limits": {"cos": 5}}', "limits is {'cos': 5}: write a mapping"),
    ],
)
def test_kept_settings_that_another_tool_broke_refuse_everything(
    kept: str, said: str, path: Path
) -> None:
    start(path, STRICT="dangers")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE bucketcors_state SET settings = ?", (kept,))
    refused = invoke("put", "b", "-", "--database", path, code=1, input=document(RULES))
    assert said in refused.output
    start(path, STRICT="dangers")
    invoke("put", "b", "-", "--database", path, input=document(RULES))


# Two applications


@pytest.mark.parametrize(
    "first, second, is_told",
    [
        pytest.param(("a", {}), ("a", {}), False, id="the same application"),
        pytest.param(("a", {}), ("b", {}), True, id="two that name no database"),
        pytest.param(
            ("a", {"DATABASE": "bucketcors.sqlite"}), ("b", {}), True, id="only the first names it"
        ),
        pytest.param(
            ("a", {}), ("b", {"DATABASE": "bucketcors.sqlite"}), False, id="the second names it"
        ),
        pytest.param(("a", {}), ("b", {"DATABASE": "b.sqlite"}), False, id="a file of its own"),
        pytest.param(("a", {}), ("b", {"DATABASE": ":memory:"}), False, id="in memory"),
    ],
)
def test_two_applications_in_one_folder_are_told(
    first: tuple[str, Mapping[str, Any]],
    second: tuple[str, Mapping[str, Any]],
    is_told: bool,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name, settings in (first, second):
        caplog.clear()
        app = flask_app(tmp_path, name, **settings)
        # Not only at the first start.
        app = flask_app(tmp_path, name, **settings)
    said = (
        "the application 'b' has the same database as 'a', so it has the same rules; set "
        "BUCKETCORS_DATABASE to another file, or, to share the rules, to this one"
    )
    assert caplog.messages == ([said] * 2 if is_told else [])
    doctor = invoke("doctor", app=app, code=1 if is_told or second[1] == IN_MEMORY else 0).output
    assert ("!!  the application has the same database as 'a'" in doctor) is is_told
    shares = second[1] == {"DATABASE": "bucketcors.sqlite"}
    assert ("ok  'a' and 'b' share the database" in doctor) is shares
    store_of(app).close()


IN_MEMORY = {"DATABASE": ":memory:"}


def test_an_application_that_was_told_may_name_the_database_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a new name; its name is known from then on."""
    flask_app(tmp_path, "a")
    flask_app(tmp_path, "b", DATABASE="bucketcors.sqlite")
    flask_app(tmp_path, "b")
    flask_app(tmp_path, "a")
    assert caplog.messages == []


def test_doctor_shows_what_a_database_keeps(path: Path) -> None:
    start(path, LIMITS=LIMITS, HISTORY=7)
    shown = invoke("doctor", "--database", path).output
    for text in (
        "BUCKETCORS_LIMITS is {'cos': [2, 500]}, in the database",
        "BUCKETCORS_DIALECT is 'cos', in the database",
        "the history keeps 7 changes of each bucket",
        "another process sees the same rules",
    ):
        assert f"  ok  {text}" in shown
