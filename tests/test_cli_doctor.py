"""``flask bucketcors doctor``: what is in order, what is not, and what to do."""

import errno
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.cli import ScriptInfo
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_bucketcors import (
    AccessKey,
    BucketCORS,
    ConsoleOptions,
    HealthNote,
    MemoryStore,
    Reach,
    Rule,
    RuleSet,
    SQLiteStore,
    Store,
    StoreUnavailable,
)
from flask_bucketcors.cli import bucketcors, doctor
from flask_bucketcors.cli.doctor import workers
from flask_bucketcors.cli.doctor.database_health import MAX_SHOWN
from flask_bucketcors.cli.doctor.workers import BUCKET
from flask_bucketcors.stores.sqlite import database_file as connect
from flask_bucketcors.stores.sqlite import file_health as database
from flask_bucketcors.stores.sqlite.schema import SCHEMA_VERSION
from tests.support.command_line import invoke

RULES = RuleSet([Rule(["https://page.test"], ["GET"])])
SECRET = "NobodyMaySeeThis"

Notes = list[dict[str, Any]]
Examine = Callable[..., Notes]


@pytest.fixture
def store(store: SQLiteStore) -> SQLiteStore:
    store.put("photos", RULES)
    return store


@pytest.fixture
def no_second_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what the application says of itself: what workers see takes longest."""
    monkeypatch.setattr(doctor, "examine_workers", lambda store, *, write: iter(()))


def make_app(store: Any, **settings: Any) -> Flask:
    app = Flask("storage")
    app.config.update({f"BUCKETCORS_{key}": value for key, value in settings.items()})
    BucketCORS(app, store=store)
    return app


def examine(app: Flask, *options: str, code: int = 0) -> Notes:
    notes: Notes = json.loads(
        invoke("doctor", "--format", "json", *options, app=app, code=code).stdout
    )
    return notes


def texts(notes: Notes) -> list[str]:
    return [note["text"] for note in notes]


def finding(app: Flask, *options: str) -> tuple[str, str]:
    """The only finding, and what to do."""
    [note] = [note for note in examine(app, *options, code=1) if not note["ok"]]
    return note["text"], note["help"]


def edit(store: SQLiteStore, statement: str) -> None:
    with closing(sqlite3.connect(store.place or "")) as connection, connection:
        connection.executescript(statement)


def test_all_is_well(store: SQLiteStore) -> None:
    app = make_app(store, ACCESS_KEYS={"AKID": SECRET})
    revision = store.revision
    notes = examine(app)
    assert list(dict.fromkeys(note["area"] for note in notes)) == [
        "settings",
        "routes",
        "database",
        "workers",
    ]
    texts = [note["text"] for note in notes]
    for text in (
        "BUCKETCORS_DIALECT is 'cos'",
        "BUCKETCORS_LIMITS is {}",
        "BUCKETCORS_ACCESS_KEYS holds 1 key",
        "integrity_check finds no damage",
        "readers do not wait for writers (WAL)",
        f"schema version {SCHEMA_VERSION}",
        "the history keeps 50 changes of each bucket",
        "1 bucket has rules",
        "another process sees the same rules and the same signal",
    ):
        assert text in texts
    assert SECRET not in str(notes)
    # Nothing was written.
    assert store.revision == revision


def test_a_write_is_measured_and_taken_back(store: SQLiteStore) -> None:
    texts = [note["text"] for note in examine(make_app(store), "--write")]
    assert texts[-1].startswith("another process saw a write")
    assert store.list() == ["photos"]
    assert store.history(BUCKET)[0].rule_set is None


def test_a_bucket_of_its_name_is_left_alone(store: SQLiteStore) -> None:
    store.put(BUCKET, RULES)
    texts = [note["text"] for note in examine(make_app(store), "--write")]
    assert texts[-1] == f"the bucket {BUCKET} has rules, so no write was measured"
    assert store.get(BUCKET) == RULES


@pytest.mark.skipif(os.name != "posix", reason="a script stands in for the interpreter")
@pytest.mark.parametrize("script", ["exec sleep 100", "exit 1"], ids=["silent", "ended"])
def test_a_second_process_that_prints_nothing_is_given_up(
    script: str, store: SQLiteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = Path(tmp_path, "python")
    stand_in.write_text(f"#!/bin/sh\n{script}\n")
    stand_in.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    monkeypatch.setattr(workers, "LINE_SECONDS", 0.5)
    assert finding(make_app(store))[0].startswith("the second process failed: ")


@pytest.mark.usefixtures("no_second_process")
@pytest.mark.parametrize(
    "keys, text",
    [
        (None, "BUCKETCORS_ACCESS_KEYS is not set: every ?cors call is refused"),
        ({"a": SECRET, "b": SECRET}, "BUCKETCORS_ACCESS_KEYS holds 2 keys"),
        ({"a": SECRET}.get, "BUCKETCORS_ACCESS_KEYS is a function"),
    ],
)
def test_keys_are_counted_and_never_shown(keys: Any, text: str, store: SQLiteStore) -> None:
    notes = examine(make_app(store, ACCESS_KEYS=keys))
    assert text in [note["text"] for note in notes]
    assert SECRET not in str(notes)


@pytest.mark.usefixtures("no_second_process")
@pytest.mark.parametrize(
    "keys, text",
    [
        ({}, "BUCKETCORS_ACCESS_KEYS is set but empty"),
        (
            {
                "a": f"{SECRET}\n",
                " b": AccessKey(SECRET),
                "c": AccessKey(f" {SECRET}"),
                "d": SECRET,
            },
            "BUCKETCORS_ACCESS_KEYS: 3 ids or secrets begin or end with a space",
        ),
    ],
)
def test_keys_that_open_nothing_are_a_finding(keys: Any, text: str, store: SQLiteStore) -> None:
    assert finding(make_app(store, ACCESS_KEYS=keys))[0] == text


@pytest.mark.usefixtures("no_second_process")
def test_proxy_fix_stands_outside(store: SQLiteStore) -> None:
    app = make_app(store)
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    assert "ProxyFix wraps BucketCORS" in [note["text"] for note in examine(app)]


@pytest.mark.usefixtures("no_second_process")
def test_proxy_fix_inside_is_a_finding(store: SQLiteStore) -> None:
    app = Flask("storage")
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    BucketCORS(app, store=store)
    assert finding(app) == (
        "ProxyFix is inside BucketCORS, so BucketCORS sees the proxy's host",
        "write app.wsgi_app = ProxyFix(app.wsgi_app) after BucketCORS(app)",
    )


@pytest.mark.usefixtures("no_second_process")
def test_an_application_that_lost_its_middleware_is_a_finding(store: SQLiteStore) -> None:
    app = make_app(store)
    app.wsgi_app = lambda environ, start_response: []  # type: ignore[method-assign, assignment]
    assert finding(app)[0] == "BucketCORS does not wrap the application"


def test_an_application_without_the_extension_is_told_what_to_write() -> None:
    text, help = finding(Flask("bare"))
    assert text == "the application 'bare' has no rules"
    assert "write BucketCORS(app)" in help


def test_a_setting_that_is_refused_is_a_finding(tmp_path: Path) -> None:
    def create_app() -> Flask:
        app = Flask("storage", instance_path=str(tmp_path))
        app.config.update(BUCKETCORS_VARY="sometimes", BUCKETCORS_ACCESS_KEYS={"a": SECRET})
        BucketCORS(app)
        return app

    runner = Flask("other").test_cli_runner()
    result = runner.invoke(bucketcors, ["doctor"], obj=ScriptInfo(create_app=create_app))
    assert result.exit_code == 1
    assert "BUCKETCORS_VARY is 'sometimes': write one of" in result.output
    assert SECRET not in result.output


def test_a_database_that_does_not_open_is_a_finding(tmp_path: Path) -> None:
    Path(tmp_path, "rules.sqlite").write_text("this is no database " * 100)

    def create_app() -> Flask:
        app = Flask("storage", instance_path=str(tmp_path))
        app.config["BUCKETCORS_DATABASE"] = "rules.sqlite"
        BucketCORS(app)
        return app

    runner = Flask("other").test_cli_runner()
    result = runner.invoke(bucketcors, ["doctor"], obj=ScriptInfo(create_app=create_app))
    assert result.exit_code == 1
    assert "file is not a database" in result.output


def test_damage_of_the_file_is_a_finding(store: SQLiteStore, no_second_process: None) -> None:
    edit(store, "CREATE INDEX more ON bucketcors_rules (bucket)")
    edit(
        store,
        "PRAGMA writable_schema = ON;"
        "UPDATE sqlite_schema SET sql = 'CREATE INDEX more ON bucketcors_rules (author)'"
        " WHERE name = 'more'",
    )
    found = [note for note in examine(make_app(store), code=1) if not note["ok"]]
    assert any(note["text"].startswith("integrity_check: ") for note in found)


def test_a_log_that_grows_is_a_finding(
    store: SQLiteStore, no_second_process: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LARGE_LOG_BYTES", 0)
    text, help = finding(make_app(store))
    assert text == "rules.sqlite-wal has 0 MiB"
    assert help == "stop the program that keeps a read of the database open"


def test_rules_that_no_longer_parse_are_findings(store: SQLiteStore) -> None:
    edit(store, "UPDATE bucketcors_rules SET document = '{\"rules\": 1}'")
    text, help = finding(make_app(store))
    assert text.startswith("the stored rules of bucket 'photos': rules {'rules': 1} is not a rule")
    assert help.startswith("put the rules again")


def test_of_many_broken_buckets_the_first_are_named(
    store: SQLiteStore, no_second_process: None
) -> None:
    store.put_many((f"b{number:02}", RULES) for number in range(MAX_SHOWN + 2))
    edit(store, "UPDATE bucketcors_rules SET document = '{}' WHERE bucket LIKE 'b%'")
    found = [note for note in examine(make_app(store), code=1) if not note["ok"]]
    assert len(found) == MAX_SHOWN + 1
    assert "bucket 'b00'" in found[0]["text"]
    assert found[-1]["text"] == "2 more buckets have such problems"


def test_kept_settings_that_another_tool_broke_are_refused(store: SQLiteStore) -> None:
    edit(store, """UPDATE bucketcors_state SET settings = '{"strict": "never"}'""")
    said = invoke("doctor", "--database", str(store.place), code=1).output
    assert "in the settings that the database keeps, strict is 'never'" in said


def test_a_bucket_that_nobody_can_have_is_a_finding(store: SQLiteStore) -> None:
    edit(store, "UPDATE bucketcors_rules SET bucket = 'a/b'")
    text, help = finding(make_app(store))
    assert text.startswith("'a/b' is not a bucket name")
    assert help == "another tool wrote it: delete it from bucketcors_rules"


def test_a_table_that_is_gone_is_a_finding_and_nothing_else_is_lost(store: SQLiteStore) -> None:
    edit(store, "DROP TABLE bucketcors_history")
    notes = examine(make_app(store), "--write", code=1)
    texts = [note["text"] for note in notes if not note["ok"]]
    assert "bucketcors_history is missing or changed" in texts
    assert "no such table" in texts[-1]
    assert "1 bucket has rules" in [note["text"] for note in notes]


@pytest.mark.parametrize("make", [Path.mkdir, lambda token: token.symlink_to("elsewhere")])
def test_a_token_that_cannot_be_used_is_a_finding(
    make: Callable[[Path], None], store: SQLiteStore
) -> None:
    app = make_app(store)
    token = Path(f"{store.place}-revision")
    token.unlink()
    make(token)
    text, help = finding(app)
    assert text.startswith("rules.sqlite-revision cannot be used, so every request asks")
    assert "with a file, not a link, that the workers' user can write" in help


def test_workers_that_share_no_token_are_a_finding(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(store)
    Path(f"{store.place}-revision").unlink()

    def refused(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(connect, "ChangeToken", refused)
    # The process that the doctor starts makes one; it is another user's, so to speak.
    notes = examine(app, code=1)
    [note] = [note for note in notes if note["area"] == "database" and not note["ok"]]
    assert note["text"].startswith(
        "rules.sqlite-revision is missing, so every request asks the database"
    )
    assert note["help"] == "give the workers' user write permission for the folder"


def test_a_database_without_its_own_row_is_a_finding(tmp_path: Path, store: SQLiteStore) -> None:
    store.close()
    edit(store, "DELETE FROM bucketcors_state")

    def create_app() -> Flask:
        app = Flask("storage", instance_path=str(tmp_path))
        app.config["BUCKETCORS_DATABASE"] = "rules.sqlite"
        BucketCORS(app)
        return app

    info = ScriptInfo(create_app=create_app)
    result = Flask("other").test_cli_runner().invoke(bucketcors, ["doctor"], obj=info)
    assert result.exit_code == 1
    assert "bucketcors_state is empty" in result.output


def test_an_application_that_has_the_extension_twice_is_a_finding() -> None:
    def create_app() -> Flask:
        app = make_app(MemoryStore())
        BucketCORS(app, store=MemoryStore())
        return app

    info = ScriptInfo(create_app=create_app)
    result = Flask("other").test_cli_runner().invoke(bucketcors, ["doctor"], obj=info)
    assert result.exit_code == 1
    assert "!!  this application has BucketCORS already: call init_app once" in result.output


def test_a_missing_trigger_is_a_finding(store: SQLiteStore) -> None:
    edit(store, "DROP TRIGGER bucketcors_deleted")
    assert finding(make_app(store))[0] == "bucketcors_deleted is missing or changed"


def test_a_damaged_index_is_a_finding(store: SQLiteStore) -> None:
    edit(store, "PRAGMA writable_schema = ON")
    with closing(sqlite3.connect(store.place or "")) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET rootpage = 1 WHERE name = 'bucketcors_history'"
        )
        connection.commit()
    notes = examine(make_app(store), code=1)
    assert any(note["area"] == "database" and not note["ok"] for note in notes)


def test_a_database_without_wal_is_a_finding(store: SQLiteStore) -> None:
    app = make_app(store)
    store.close()
    edit(store, "PRAGMA journal_mode = DELETE")
    assert finding(app)[0] == "journal_mode is delete, not wal"


@pytest.mark.usefixtures("no_second_process")
@pytest.mark.skipif(os.name != "posix", reason="users are those of POSIX")
def test_files_of_several_users_are_a_finding(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(store)
    if os.geteuid() != 0:
        pytest.skip("only root may give files away")
    os.chown(f"{store.place}-revision", 12345, -1)
    assert finding(app)[0] == ("the database and the files beside it belong to different users")


@pytest.mark.usefixtures("no_second_process")
def test_a_network_disk_is_a_finding(
    store: SQLiteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = Path(tmp_path, "mounts")
    mounts.write_text(
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
        f"2 1 0:9 / {str(tmp_path).replace('-', chr(92) + '055')} rw - nfs4 server:/data rw\n"
    )
    monkeypatch.setattr(database, "_MOUNTS", mounts)
    text, help = finding(make_app(store))
    assert text == "the disk is nfs4, on which SQLite's write-ahead log does not work"
    assert help.startswith("move the database to a local disk; if it is the copy of a server's")


@pytest.mark.parametrize("make", [MemoryStore, lambda: SQLiteStore(":memory:")])
def test_rules_that_workers_do_not_share_are_a_finding(make: Callable[[], Any]) -> None:
    store = make()
    assert "BUCKETCORS_DATABASE" in finding(make_app(store))[1]
    store.close()


class SharedStore(MemoryStore):
    """Rules on a server, and a copy of them on this host."""

    reach = Reach.HOSTS

    def __init__(self, *notes: HealthNote, opener: Callable[[], Store] | None = None) -> None:
        super().__init__()
        self._notes, self._opener = notes, opener

    def health(self) -> Iterator[HealthNote]:
        yield from self._notes
        raise StoreUnavailable("the server is away")

    def opener(self) -> Callable[[], Store] | None:
        return self._opener

    def _list(self, prefix: str, after: str, limit: int | None) -> Sequence[str]:
        raise StoreUnavailable("the server is away")


def test_a_store_is_asked_about_itself() -> None:
    store = SharedStore(HealthNote("the copy is 3 s old"), HealthNote("no leader", "start one"))
    notes = examine(make_app(store), code=1)
    assert [(n["text"], n["ok"]) for n in notes if n["area"] == "database"] == [
        ("the copy is 3 s old", True),
        ("no leader", False),
        # Said once, though the rules cannot be listed either.
        ("the server is away", False),
    ]
    assert "run doctor on a host, in the application, to check its copy" in texts(notes)[-1]


def test_the_rules_are_examined_though_a_store_cannot_tell_all_of_itself() -> None:
    class WithCopy(SharedStore):
        _list = MemoryStore._list

    store = WithCopy()
    store.put("photos", RULES)
    assert "1 bucket has rules" in texts(examine(make_app(store), code=1))


def test_how_a_store_is_opened_is_on_no_command_line(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = []

    class Recorded(subprocess.Popen):
        def __init__(self, command: list[str], **options: Any) -> None:
            commands.append(command)
            super().__init__(command, **options)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    assert "another process sees the same rules and the same signal" in texts(
        examine(make_app(store))
    )
    assert [command[1:] for command in commands] == [
        ["-P", "-m", "flask_bucketcors.cli.doctor.second_process"]
    ]


def test_the_report_is_for_people(store: SQLiteStore) -> None:
    edit(store, "DROP TRIGGER bucketcors_deleted")
    result = make_app(store).test_cli_runner().invoke(bucketcors, ["doctor"])
    assert "\n  !!  bucketcors_deleted is missing or changed\n      stop the app" in result.output
    assert result.output.endswith("\n1 fault\n")


def make_app_with_console(store: Any, **settings: Any) -> Flask:
    app = Flask("storage")
    app.secret_key = "of the tests"
    app.config.update({f"BUCKETCORS_{key}": value for key, value in settings.items()})
    BucketCORS(app, store=store, console=ConsoleOptions(authorize=lambda call: "alice"))
    return app


@pytest.mark.usefixtures("no_second_process")
def test_it_says_where_the_console_is(store):
    without = texts(examine(make_app(store)))
    assert any(text.startswith("there is no console") for text in without)
    app = make_app_with_console(store, CONSOLE_PREFIX="/admin/rules")
    assert "the console is at /admin/rules/" in texts(examine(app))


@pytest.mark.usefixtures("no_second_process")
def test_a_console_by_plain_http_is_a_fault(store):
    text, help_ = finding(make_app_with_console(store, CONSOLE_INSECURE=True))
    assert text.startswith("BUCKETCORS_CONSOLE_INSECURE is True")
    assert help_.startswith("serve https, apply ProxyFix")


@pytest.mark.usefixtures("no_second_process")
def test_rules_under_the_consoles_name_are_a_fault(store):
    store.put("-", RULES)
    text, _ = finding(make_app_with_console(store))
    assert "'-'" in text
