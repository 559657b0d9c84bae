"""What a database is told by: URLs that cannot be used, and where else a password may be."""

import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.cli import ScriptInfo
from sqlalchemy.engine import make_url

from flask_bucketcors import BucketCORS, StoreUnavailable
from flask_bucketcors.cli import bucketcors
from flask_bucketcors.stores.sql.store import SQLStore
from tests.support.hosts.server import PASSWORD, Database

RULES = '{"rules": [{"allowed_origins": ["https://a.example"], "allowed_methods": ["GET"]}]}'
WRONG_PASSWORD = "n0t/the@one"


def without_driver(database: Database) -> str:
    return database.url.replace("+psycopg", "").replace("+pymysql", "")


def unknown_driver(database: Database) -> str:
    return database.url.replace("+psycopg", "+pg8000").replace("+pymysql", "+mysqldb")


def wrong_password(database: Database) -> str:
    return database.server.url(database.name, password=WRONG_PASSWORD)


def wrong_user(database: Database) -> str:
    return database.server.url(database.name, user="nobody")


def wrong_host(database: Database) -> str:
    return database.server.url(database.name, address="db.invalid")


def wrong_port(database: Database) -> str:
    return database.server.url(database.name, port=1)


def missing_database(database: Database) -> str:
    return database.server.url("missing")


def newer_schema(database: Database) -> str:
    SQLStore(database.url).close()
    database.execute("UPDATE bucketcors_state SET schema_version = 99")
    return database.url


#: What is wrong, what says so on one server or another, and whether the application can start and
#: wait.
WRONG: dict[str, tuple[Callable[[Database], str], str, bool]] = {
    "no driver": (without_driver, "write the URL with its driver, '", False),
    "unknown driver": (unknown_driver, "://, which is not supported: write ", False),
    "password": (wrong_password, "refuses the user or the password: correct them in the", False),
    "user": (wrong_user, "refuses the user or the password: correct them in the URL", False),
    "host": (wrong_host, "has a name that cannot be resolved: correct the host in the URL", True),
    "port": (wrong_port, "cannot be reached or was lost: check that it runs and that this", True),
    # MariaDB tells only whose rights are not for one database that there is none.
    "database": (missing_database, "create it, or correct|GRANT SELECT, INSERT, UPDATE", False),
    "newer schema": (newer_schema, "schema version 99 and this release knows 1; install", False),
}


def application(url: str, folder: Path) -> Flask:
    app = Flask("storage", instance_path=str(folder))
    app.config["BUCKETCORS_DATABASE"] = url
    BucketCORS(app)
    return app


def run(*command: str, **options: object) -> str:
    result = CliRunner().invoke(bucketcors, command, **options)  # type: ignore[arg-type]
    assert result.exit_code in (1, 2)
    return result.output + "".join(traceback.format_exception(result.exception or Exception()))


@pytest.mark.parametrize(("make", "said", "can_wait"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_database_is_said_with_what_to_write(
    make: Callable[[Database], str],
    said: str,
    can_wait: bool,
    database: Database,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    url = make(database)
    told = [run("list", "--database", url)]
    info = ScriptInfo(create_app=lambda: application(url, tmp_path))
    told.append(run("doctor", obj=info))
    if can_wait:
        # Requests are refused until the server is there; the log says so.
        application(url, tmp_path).extensions["bucketcors"].store.close()
        told.append(caplog.text)
    else:
        with pytest.raises((StoreUnavailable, ValueError)) as refused:
            application(url, tmp_path)
        told.append("".join(traceback.format_exception(refused.value)))
    for text in told:
        assert any(each in " ".join(text.split()) for each in said.split("|"))
    for secret in (PASSWORD, WRONG_PASSWORD):
        assert not any(each in "".join(told) for each in (secret, quote(secret, safe="")))


ENCODINGS = {"postgresql+psycopg": "LATIN1", "mysql+pymysql": "latin1"}


def test_a_database_of_another_encoding_is_refused_or_does_not_matter(database: Database) -> None:
    scheme = make_url(database.url).drivername
    with database.server.database(ENCODINGS[scheme]) as other:
        if scheme == "mysql+pymysql":
            # Each table has its own.
            put = ["put", "k\xe4se\u2603", "-", "--create", "--database", other.url]
            assert CliRunner().invoke(bucketcors, put, input=RULES).exit_code == 0
            listed = CliRunner().invoke(bucketcors, ["list", "--database", other.url])
            assert listed.output == "k\xe4se\u2603\n"
            return
        said = run("put", "photos", "-", "--create", "--database", other.url)
        assert "has the encoding LATIN1, and names of buckets need UTF8: make another" in said


def test_tables_are_made_only_if_a_command_is_told_to(database: Database) -> None:
    runner = CliRunner(env={"BUCKETCORS_DATABASE": database.url})

    def tables() -> int:
        counting = (
            "SELECT count(*) FROM information_schema.tables WHERE table_name LIKE 'bucketc%%'"
        )
        return int(database.execute(counting)[0][0])

    for command in (["list"], ["put", "photos", "-"], ["import", "-"], ["doctor"], ["export"]):
        result = runner.invoke(bucketcors, command, input=RULES)
        assert result.exit_code == 2
        assert "holds no rules of buckets: write the URL of the application's own" in result.output
    assert tables() == 0
    assert runner.invoke(bucketcors, ["put", "photos", "-", "--create"], input=RULES).exit_code == 0
    assert tables() > 0
    assert runner.invoke(bucketcors, ["list"]).output == "photos\n"


def without_password(database: Database, query: str = "") -> str:
    url = make_url(database.url)
    return f"{url.drivername}://{url.username}@{url.host}:{url.port}/{url.database}{query}"


def in_the_environment(folder: Path, patch: pytest.MonkeyPatch) -> str:
    patch.setenv("PGPASSWORD", PASSWORD)
    return ""


def in_a_file_of_postgresql(folder: Path, patch: pytest.MonkeyPatch) -> str:
    file = folder / "pgpass"
    file.write_text(f"*:*:*:*:{PASSWORD.replace(':', chr(92) + ':')}\n")
    file.chmod(0o600)
    patch.setenv("PGPASSFILE", str(file))
    return ""


def in_a_file_of_mysql(folder: Path, patch: pytest.MonkeyPatch) -> str:
    file = folder / "my.cnf"
    file.write_text(f"[client]\npassword={PASSWORD}\n")
    return f"?read_default_file={file}"


@pytest.mark.parametrize(
    ("kind", "keep"),
    [
        ("postgresql", in_the_environment),
        ("postgresql", in_a_file_of_postgresql),
        ("mariadb", in_a_file_of_mysql),
    ],
)
def test_a_password_may_be_where_the_driver_looks(
    kind: str,
    keep: Callable[[Path, pytest.MonkeyPatch], str],
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database = request.getfixturevalue(f"{kind}_database")
    assert "refuses the user or the password" in run(
        "list", "--database", without_password(database)
    )
    url = without_password(database, keep(tmp_path, monkeypatch))
    put = CliRunner().invoke(
        bucketcors, ["put", "photos", "-", "--create", "--database", url], input=RULES
    )
    assert put.exit_code == 0
    assert SQLStore(database.url).list() == ["photos"]
