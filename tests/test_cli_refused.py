"""``refused``: lists refused preflights, and says why there are none."""

import json
import shlex
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from flask_bucketcors import BucketCORS, MemoryStore, Rule, RuleSet, SQLiteStore, Store
from flask_bucketcors.cli import refused
from flask_bucketcors.stores.replica.store import ReplicaStore
from tests.support.command_line import invoke
from tests.support.fake_server import FakeServer

PAGE = "https://page.example"
RULES = RuleSet([Rule([PAGE], ["GET"], ["x-a"])])
NONE = "no preflight was refused in the last day\n"

Preflight = Callable[..., None]


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    with closing(SQLiteStore(path)) as store:
        store.put("photos", RULES)
        yield store


def make_app(store: Store, **settings: Any) -> Flask:
    app = Flask("storage")
    app.config["BUCKETCORS_REFUSALS"] = True
    app.config.update(settings)
    BucketCORS(app, store=store, bucket_exists=lambda bucket: bucket != "missing")
    app.add_url_rule("/<bucket>/<path:key>", view_func=lambda bucket, key: key)
    return app


def preflight(
    app: Flask, origin: str, method: str = "GET", headers: str = "", bucket: str = "photos"
) -> None:
    sent = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }
    assert app.test_client().options(f"/{bucket}/cat.png", headers=sent).status_code == 403


def explained(result: Result) -> list[list[str]]:
    """The `explain` commands of an output, as a shell reads them."""
    lines = [line for line in result.stdout.splitlines() if " explain " in line]
    return [shlex.split(line)[1:] for line in lines]


def test_on_several_hosts_it_says_whose_refusals_they_are(tmp_path: Path) -> None:
    with closing(ReplicaStore(FakeServer(), tmp_path / "copy.sqlite")) as store:  # type: ignore[arg-type]
        app = make_app(store)
        store.put("photos", RULES)
        preflight(app, "https://other.example")
        result = invoke("refused", app=app)
        on_the_copy = invoke("refused", "--database", store.place)
    assert result.stderr == f"note: counted on this host ({socket.gethostname()}) only\n"
    assert on_the_copy.stderr == result.stderr
    assert "https://other.example" in result.stdout
    assert "https://other.example" in on_the_copy.stdout


def test_a_store_without_a_file_on_this_machine_has_no_refusals_here(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SQLiteStore(path).close()
    monkeypatch.setattr(SQLiteStore, "place", None)
    result = invoke("refused", "--database", path, code=1)
    assert "each host counts the preflights that it refuses" in result.stderr
    assert "run this command on a host, with --database and the path of the copy" in result.stderr


@pytest.fixture
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refused, "_time", lambda seconds: "2026-05-04 12:00:00Z")


@pytest.mark.usefixtures("at_noon")
def test_rows_are_a_table_with_the_command_that_explains_each(store: SQLiteStore) -> None:
    app = make_app(store)
    for _ in range(12):
        preflight(app, "https://other.example")
    preflight(app, PAGE, headers="x-a,x-b")
    assert invoke("refused", "photos", app=app).stdout.splitlines() == [
        "photos",
        "  times  last                  reason   method  origin",
        "  12     2026-05-04 12:00:00Z  origin   GET     https://other.example",
        "      bucketcors explain --bucket=photos --origin=https://other.example --method=GET",
        "  1      2026-05-04 12:00:00Z  headers  GET     https://page.example",
        "      headers: x-a,x-b",
        "      bucketcors explain --bucket=photos --origin=https://page.example --method=GET "
        "--header=x-a --header=x-b",
    ]


def test_the_command_that_is_printed_explains_the_row(store: SQLiteStore) -> None:
    app = make_app(store)
    preflight(app, f"{PAGE}:8443")
    preflight(app, PAGE, "PUT")
    preflight(app, PAGE, headers="x-b")
    preflight(app, "https://a$(id)`id`'\"!.example")
    causes = set()
    commands = explained(invoke("refused", app=app))
    for command in commands:
        found = invoke(*command, "--format", "json", app=app, code=1).stdout
        causes.add(json.loads(found)["cause"])
    assert len(commands) == 4
    assert {"origin_port", "method_missing", "header_missing"} <= causes


def test_json_has_what_the_table_has(store: SQLiteStore) -> None:
    app = make_app(store)
    preflight(app, PAGE, headers="x-b")
    [bucket] = json.loads(invoke("refused", "--format", "json", app=app).stdout)
    [row] = bucket["refused"]
    assert (bucket["bucket"], bucket["default_rules"], bucket["others"]) == ("photos", False, 0)
    assert row["first"] == row["last"]
    assert row["last"].endswith("Z")
    assert {key: row[key] for key in ("origin", "method", "reason", "headers", "times")} == {
        **{"origin": PAGE, "method": "GET", "reason": "headers", "headers": "x-b", "times": 1}
    }
    assert row["explain"].endswith("--header=x-b")


def test_what_is_in_no_row_is_counted(store: SQLiteStore) -> None:
    app = make_app(store)
    for number in range(60):
        preflight(app, f"https://{number}.example")
    output = invoke("refused", "photos", app=app).stdout
    rows = output.count("https://") - output.count("explain")
    assert output.endswith(f"\n  others: {60 - rows}\n")


HOSTILE = ["https://\x1b[31mred.example", "https://\xe2\x80\xae.example", "x" * 400, "a\x07"]


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("origin", HOSTILE)
def test_nothing_that_a_client_sent_reaches_a_terminal(
    origin: str, form: str, store: SQLiteStore
) -> None:
    app = make_app(store)
    preflight(app, origin)
    preflight(app, PAGE, method=f"{origin}X", headers=origin)
    preflight(app, PAGE, headers=f"{origin},x-b")
    result = invoke("refused", "--format", form, app=app)
    assert all(line.isprintable() and line.isascii() for line in result.stdout.splitlines())
    assert max(map(len, result.stdout.splitlines())) < 1500
    # A request of which a part is escaped or cut cannot be explained.
    assert all(origin not in word for command in explained(result) for word in command)


def test_a_bucket_may_have_a_name_that_a_terminal_would_obey(store: SQLiteStore) -> None:
    bucket = "a\u202eb"
    store.put(bucket, RULES)
    app = make_app(store)
    preflight(app, "https://other.example", bucket=bucket)
    result = invoke("refused", app=app)
    assert result.stdout.startswith("a\\u202eb\n")
    assert explained(result) == []


def test_refusals_by_the_default_rules_have_a_list_of_their_own(store: SQLiteStore) -> None:
    app = make_app(store, BUCKETCORS_DEFAULT_RULES=RULES)
    preflight(app, "https://other.example", bucket="b")
    output = invoke("refused", app=app).stdout
    assert output.startswith("buckets without rules of their own, by the default rules\n")
    [command] = explained(invoke("refused", app=app))
    assert "--bucket=BUCKET" in command
    [found] = json.loads(invoke("refused", "--format", "json", app=app).stdout)
    assert (found["bucket"], found["default_rules"]) == (None, True)


def test_no_refusal_is_no_error(store: SQLiteStore) -> None:
    app = make_app(store)
    assert invoke("refused", app=app).stdout == NONE
    assert invoke("refused", "photos", app=app).stdout == f"bucket photos: {NONE}"
    assert json.loads(invoke("refused", "--format", "json", app=app).stdout) == []


def test_a_bucket_that_does_not_exist_is_said_to_be_missing(store: SQLiteStore) -> None:
    output = invoke("refused", "missing", app=make_app(store), code=1).output
    assert "the application has no bucket missing" in output


def test_an_application_that_counts_none_says_how(store: SQLiteStore) -> None:
    app = make_app(store, BUCKETCORS_REFUSALS=False)
    output = invoke("refused", app=app, code=1).output
    assert "set BUCKETCORS_REFUSALS to True" in output


def test_an_application_in_memory_has_them_in_memory() -> None:
    store = MemoryStore()
    store.put("photos", RULES)
    app = make_app(store)
    preflight(app, "https://other.example")
    assert "https://other.example" in invoke("refused", app=app).stdout


def test_without_the_application_the_file_beside_the_database_is_read(
    path: Path, store: SQLiteStore
) -> None:
    output = invoke("refused", "--database", path, code=1).output
    assert f"there is no file {path}-refused" in output
    app = make_app(store)
    preflight(app, f"{PAGE}:8443")
    invoke("refused", app=app)
    result = invoke("refused", "photos", "--database", path)
    [command] = explained(result)
    assert f"--database={path}" in command
    assert "origin_port" in invoke(*command, code=1).stdout


def test_a_file_that_is_broken_is_an_error_with_its_name(path: Path, store: SQLiteStore) -> None:
    path.with_name("rules.sqlite-refused").write_bytes(b"no database" * 100)
    output = invoke("refused", "--database", path, code=1).output
    assert f"the refused preflights in '{path}-refused': file is not a database" in output


def notes(*options: object, app: Flask | None = None, code: int = 0) -> dict[str, str | None]:
    found = json.loads(invoke("doctor", "--format", "json", *options, app=app, code=code).stdout)
    return {each["text"]: each["help"] for each in found if "refused preflights" in each["text"]}


@pytest.mark.usefixtures("no_second_process")
class TestDoctor:
    @pytest.fixture
    def no_second_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from flask_bucketcors.cli import doctor

        monkeypatch.setattr(doctor, "examine_workers", lambda store, *, write: iter(()))

    def test_it_says_where_they_are_counted(self, path: Path, store: SQLiteStore) -> None:
        beside = f"{path}-refused"
        assert notes(app=make_app(store)) == {f"refused preflights are counted in {beside}": None}
        assert not Path(beside).exists()
        assert notes("--database", path) == {}

    def test_it_says_that_they_are_in_memory(self, store: SQLiteStore) -> None:
        app = make_app(store, BUCKETCORS_REFUSALS=":memory:")
        assert notes(app=app) == {"each worker counts refused preflights in its own memory": None}

    def test_it_says_nothing_if_they_are_not_counted(self, store: SQLiteStore) -> None:
        assert notes(app=make_app(store, BUCKETCORS_REFUSALS=False)) == {}

    def test_it_says_what_is_wrong_with_the_file(self, path: Path, store: SQLiteStore) -> None:
        Path(f"{path}-refused").write_bytes(b"no database" * 100)
        for found in (notes(app=make_app(store), code=1), notes("--database", path, code=1)):
            [(text, help)] = found.items()
            assert text.startswith("refused preflights cannot be kept: ")
            assert text.endswith(
                "file is not a database; delete this file, which loses nothing else"
            )
            assert help is not None
            assert "BUCKETCORS_REFUSALS" in help

    def test_it_says_that_the_file_cannot_be_written(
        self, path: Path, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As os.access says, because root may write everywhere."""
        from flask_bucketcors.refused_lately import refusal_table

        monkeypatch.setattr(refusal_table.os, "access", lambda *arguments: False)
        [(text, help)] = notes_of_table(store)
        assert text == f"refused preflights cannot be kept: {str(path.parent)!r} cannot be written"
        assert help is not None


def notes_of_table(store: SQLiteStore) -> list[tuple[str, str | None]]:
    from flask_bucketcors.cli.doctor.refusals import examine_refusals
    from flask_bucketcors.refused_lately.refusal_places import table_beside

    return [(note.text, note.help) for note in examine_refusals(table_beside(store))]
