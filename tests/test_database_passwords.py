"""The password of a database is in no message, however its URL is misspelled."""

import logging
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask

from flask_bucketcors import BucketCORS, BucketCORSMiddleware, Settings, SQLiteStore
from flask_bucketcors.cli import bucketcors
from flask_bucketcors.core.errors import BucketCORSError
from flask_bucketcors.stores.database_urls import is_server_url
from flask_bucketcors.stores.opening import open_server, open_store
from tests.support.tables import in_one_test

SECRET = "s3cr3t"
# Each is a password, with a character that somebody forgot to encode.
PASSWORDS = [
    SECRET,
    *(f"p{character}{SECRET}" for character in "@/?#: %\\\n"),
    *(f"{SECRET}{character}p" for character in "@/?#: %\\\n"),
]
FORMS = [
    "postgresql+psycopg://me:{}@127.0.0.1:1/rules",
    "postgresql+psycopg://me:{}@127.0.0.1:port/rules",
    "postgresql+psycopg://me:{}@127.0.0.1:1",
    "postgresql+psycopg://127.0.0.1:1/rules?password={}",
    "postgresql+psycopg://127.0.0.1:1/rules?user=me&passwd={}",
    "postgresql+psycopg:/me:{}@127.0.0.1/rules",
    "postgresql+psycopg//me:{}@127.0.0.1/rules",
    "postgresql+psycopg:me:{}@127.0.0.1/rules",
    "postgresql+psycopg2://me:{}@127.0.0.1/rules",
    "postgresql+asyncpg://me:{}@127.0.0.1/rules",
    "postgresql://me:{}@127.0.0.1/rules",
    "postgresql//me:{}@127.0.0.1/rules",
    "postgres://me:{}@127.0.0.1/rules",
    " postgresql+psycopg://me:{}@127.0.0.1/rules",
    "mysql+pymysql://me:{}@127.0.0.1:1/rules",
    "mysql://me:{}@127.0.0.1/rules",
    "mariadb+mariadbconnector://me:{}@127.0.0.1/rules",
    "oracle+oracledb://me:{}@127.0.0.1/rules",
    "sqlite://me:{}@127.0.0.1/rules",
    "host=127.0.0.1 user=me password={} dbname=rules",
    "me:{}@127.0.0.1/rules",
    "//me:{}@127.0.0.1/rules",
]


def in_an_application(url: str, folder: Path) -> str:
    app = Flask("storage", instance_path=str(folder))
    app.config["BUCKETCORS_DATABASE"] = url
    try:
        extension = BucketCORS(app)
    except BucketCORSError as error:
        return told(error)
    with closing(extension.store) as store:
        said = outcome(lambda: store.read("photos"))
        return said + repr(app.config) + repr([*store.health()])


def in_settings(url: str, folder: Path) -> str:
    return outcome(lambda: Settings(database=url))


def as_other_settings(url: str, folder: Path) -> str:
    said = [outcome(lambda name=name: Settings(**{name: url})) for name in ("replica", "refusals")]
    return "".join(said)


def in_a_middleware(url: str, folder: Path) -> str:
    return outcome(lambda: BucketCORSMiddleware(lambda *_: [], store=url))  # type: ignore[arg-type]


def on_the_command_line(url: str, folder: Path) -> str:
    result = CliRunner().invoke(bucketcors, ["list", "--database", url])
    assert result.exit_code in (1, 2)
    return result.output + told(result.exception)


def in_the_environment(url: str, folder: Path) -> str:
    result = CliRunner(env={"BUCKETCORS_DATABASE": url}).invoke(bucketcors, ["doctor"])
    assert result.exit_code in (1, 2)
    return result.output + told(result.exception)


def in_python(url: str, folder: Path) -> str:
    return outcome(lambda: open_store(url, folder=folder))


def on_a_server(url: str, folder: Path) -> str:
    return outcome(lambda: open_server(url).prepare())


def as_a_file(url: str, folder: Path) -> str:
    return outcome(lambda: SQLiteStore(url))


def outcome(make: Callable[[], object]) -> str:
    """What a call gives, or everything that its error tells."""
    try:
        return repr(make())
    except (BucketCORSError, ValueError) as error:
        return told(error)


def told(error: BaseException | None) -> str:
    """Everything that an error tells, with its causes."""
    return "" if error is None else "".join(traceback.format_exception(error)) + repr(error)


# Without a host.
TEXTS = [form.format(password) for form in FORMS for password in PASSWORDS]
TEXTS += [f"postgresql+psycopg://me:{SECRET}/rules", f"mysql+pymysql://{SECRET}"]

# Servers that are not there.
REACHED = [
    f"postgresql+psycopg://me:{SECRET}@127.0.0.1:1/rules",
    f"postgresql+psycopg://me@127.0.0.1:1/rules?password={SECRET}",
    f"postgresql+psycopg://me:p%40{SECRET}@127.0.0.1:1/rules",
    f"mysql+pymysql://me:{SECRET}@127.0.0.1:1/rules",
    f"postgresql+psycopg://me:{SECRET}@127.0.0.1:1",
    f"postgresql+asyncpg://me:{SECRET}@127.0.0.1:1/rules",
]

Use = Callable[[str, Path], str]


def check(use: Use, text: str, folder: Path, log: pytest.LogCaptureFixture) -> None:
    log.set_level(logging.DEBUG)
    assert SECRET not in use(text, folder)
    assert SECRET not in log.text
    assert SECRET not in str([vars(each).get("bucketcors") for each in log.records])
    # Not even in the name of a file.
    assert [each for each in folder.rglob("*") if SECRET in str(each)] == []


@in_one_test
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("use", [in_settings, as_other_settings, in_a_middleware, as_a_file])
def test_no_password_of_a_text_is_told(
    use: Use, text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    check(use, text, tmp_path, caplog)


@in_one_test
@pytest.mark.parametrize("text", [each for each in TEXTS if not is_server_url(each)] + REACHED)
@pytest.mark.parametrize(
    "use", [in_an_application, on_the_command_line, in_the_environment, in_python, on_a_server]
)
def test_no_password_of_what_is_opened_is_told(
    use: Use,
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    check(use, text, tmp_path, caplog)
