"""The console of the example application, behind a password."""

import stat
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from flask import Flask

import example_app
from example_app.console import ADMINISTRATOR, console_password

CONSOLE = "/-/cors/"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    monkeypatch.setenv("EXAMPLE_DATA", str(tmp_path))
    monkeypatch.setenv("EXAMPLE_DEMO_PORT", "0")
    monkeypatch.delenv("EXAMPLE_CONSOLE_PASSWORD", raising=False)
    app = example_app.create_app()
    yield app
    app.extensions["bucketcors"].store.close()


def status(app: Flask, user: str = "", password: str = "", path: str = CONSOLE) -> int:
    headers = {}
    if user:
        headers["Authorization"] = f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
    return app.test_client().get(path, headers=headers).status_code


def test_only_the_administrator_gets_in(app: Flask, tmp_path: Path) -> None:
    password = console_password(tmp_path)
    assert status(app, ADMINISTRATOR, password) == 200
    for user, given in (("", ""), (ADMINISTRATOR, "guess"), ("root", password), ("ä", "ö")):
        response = status(app, user, given)
        assert response == 401
    asked = app.test_client().get(CONSOLE).headers["WWW-Authenticate"]
    assert asked == 'Basic realm="console"'


def test_all_workers_have_one_password_and_one_key_which_others_cannot_read(
    app: Flask, tmp_path: Path
) -> None:
    other = example_app.create_app()
    assert other.secret_key == app.secret_key
    assert status(other, ADMINISTRATOR, console_password(tmp_path)) == 200
    other.extensions["bucketcors"].store.close()
    for name in ("secret-key", "console-password"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.glob("*password*")) == ["console-password"]


@pytest.mark.parametrize("written", ["", "\n"])
def test_an_empty_password_lets_nobody_in(app: Flask, tmp_path: Path, written: str) -> None:
    (tmp_path / "console-password").write_text(written)
    app.testing = True
    for password in ("", written):
        with pytest.raises(ValueError, match="is empty: write a secret there, or delete the file"):
            status(app, ADMINISTRATOR, password)


def test_the_environment_may_name_the_password(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_CONSOLE_PASSWORD", "of the environment")
    assert status(app, ADMINISTRATOR, "of the environment") == 200


def test_flask_run_prints_the_address_and_the_password(
    app: Flask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = click.Command("run")
    with click.Context(command) as context:
        context.params = {"host": "127.0.0.1", "port": 5000}
        example_app.create_app().extensions["bucketcors"].store.close()
    printed = capsys.readouterr().err
    password = console_password(tmp_path)
    assert f"http://127.0.0.1:5000{CONSOLE} (user admin, password {password})" in printed


def test_no_bucket_can_be_made_in_place_of_the_console(app: Flask) -> None:
    assert status(app, path="/-?cors") == 400
    assert status(app, path="/-/cors/b/x/") == 401
