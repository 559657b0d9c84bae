"""A command that is forked does what the command does that is started."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.processes.children import CHILD_SECONDS, running
from tests.support.processes.terminals import on_a_terminal

APP = """
import atexit, os, signal, sys, time
import click
from flask import Flask
from flask_bucketcors import BucketCORS

app = Flask(__name__)
BucketCORS(app)
atexit.register(print, "at exit")

@app.cli.command("tell")
def tell():
    print(os.getcwd(), os.environ["COLOUR"], "GONE" in os.environ, sys.stdin.read(), __name__)
    print(sys.argv[1:], sys.stdout.encoding, sys.stderr.line_buffering, file=sys.stderr)

@app.cli.command("leave")
@click.argument("how")
def leave(how):
    print("leaving")
    {"code": lambda: sys.exit(3), "text": lambda: sys.exit("no"), "error": lambda: 1 / 0,
     "signal": lambda: os.kill(os.getpid(), signal.SIGTERM), "closed": lambda: os.close(1)}[how]()

@app.cli.command("wait")
def wait():
    print(os.getpid(), flush=True)
    time.sleep(60)
"""
STARTED = Path(sys.executable).parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLOUR": "red"}


def run(program: Path, *arguments: str, folder: Path) -> tuple[int, str, str]:
    done = subprocess.run(
        [program, *arguments],
        cwd=folder,
        env=environ(),
        input="what is \u4e2d read",
        capture_output=True,
        text=True,
        check=False,
        timeout=CHILD_SECONDS,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("arguments", ["tell", "leave code", "leave text", "leave signal", "no"])
def test_exit_codes_streams_environment_and_folder(
    arguments: str, forked_commands: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The server is older.
    monkeypatch.setenv("COLOUR", "green")
    found = run(forked_commands / "flask", *arguments.split(), folder=folder)
    assert found == run(STARTED / "flask", *arguments.split(), folder=folder)


def test_an_error_is_shown(forked_commands: Path, folder: Path) -> None:
    code, output, errors = run(forked_commands / "flask", "leave", "error", folder=folder)
    assert (code, output) == (1, "leaving\nat exit\n")
    assert errors.startswith("Traceback ")
    assert errors.endswith("ZeroDivisionError: division by zero\n")


def test_output_that_nobody_takes(forked_commands: Path, folder: Path) -> None:
    """It is an error, unless each line is written at once, and by then nobody listens."""
    code, *_ = run(forked_commands / "flask", "leave", "closed", folder=folder)
    assert code == run(STARTED / "flask", "leave", "closed", folder=folder)[0]


def test_the_command_without_flask(forked_commands: Path, folder: Path) -> None:
    for arguments in (["--help"], ["lint", "-"], ["list"]):
        found = run(forked_commands / "bucketcors", *arguments, folder=folder)
        assert found == run(STARTED / "bucketcors", *arguments, folder=folder)


def test_a_terminal_is_one(forked_commands: Path, folder: Path) -> None:
    code, output = on_a_terminal(forked_commands / "bucketcors", "nope", folder=folder)
    assert code == 2
    assert "No such command" in output


def test_it_ends_with_the_program_that_stands_for_it(forked_commands: Path, folder: Path) -> None:
    command = [forked_commands / "flask", "wait"]
    with running(command, cwd=folder, env=environ(), stdout=subprocess.PIPE) as program:
        process = os.pidfd_open(int(program.stdout.readline()))
        program.kill()
        # A process that has ended makes it readable.
        waiting = select.select([process], [], [], CHILD_SECONDS)[0]
        os.close(process)
    assert waiting == [process]
