"""Under a real uWSGI, which forks in C and runs no fork hooks of Python unless it is told to."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.processes.children import running
from tests.support.processes.forking_programs import stored_in, visit

UWSGI = shutil.which("uwsgi", path=os.pathsep.join([str(Path(sys.executable).parent), os.defpath]))
WORKERS = 3
PUTS = 60
START_SECONDS = 60
ANSWER_SECONDS = 30

pytestmark = pytest.mark.skipif(
    UWSGI is None, reason="uWSGI is compiled when it is installed, which not every machine can"
)


@contextmanager
def uwsgi(path: Path, options: Sequence[str], *, uses_store: bool) -> Iterator[int]:
    """Run the application; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        str(UWSGI),
        *("--master", "--need-app", "--die-on-term", "--disable-logging"),
        *("--processes", str(WORKERS), "--http-socket", f"127.0.0.1:{port}"),
        *("--home", sys.prefix, "--module", "tests.support.apps.served_puts", *options),
    ]
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "UWSGI_APP_DATABASE": str(path),
        "UWSGI_APP_USES_STORE": str(uses_store),
    }
    log = path.with_name("uwsgi.log")
    with (
        log.open("wb") as file,
        running(
            command, env=environ, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        ) as process,
    ):
        try:
            wait_for(port, process)
            yield port
        except BaseException as error:
            error.add_note(f"The log of uWSGI:\n{log.read_text(errors='replace')}")
            raise
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(ANSWER_SECONDS)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        assert process.poll() is None, "uWSGI has ended"
        assert time.monotonic() < deadline, "uWSGI does not answer"
        time.sleep(0.05)


def put(port: int, bucket: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request("PUT", f"/{bucket}")
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    "options, uses_store",
    [
        (["--lazy-apps"], True),
        (["--lazy-apps", "--enable-threads", "--threads", "2"], True),
        (["--py-call-uwsgi-fork-hooks", "--enable-threads"], True),
        ([], False),
    ],
    ids=["lazy apps", "lazy apps with threads", "fork hooks", "opened only by the workers"],
)
def test_what_was_acknowledged_is_on_the_disk(
    path: Path, options: Sequence[str], uses_store: bool
) -> None:
    """While another program opens and closes the file."""
    with uwsgi(path, options, uses_store=uses_store) as port:
        told = {}
        for number in range(PUTS):
            told[f"b{number}"] = put(port, f"b{number}")
            if number % 10 == 0:
                visit(path)
    assert {status for status, _ in told.values()} == {200}
    assert told.keys() - stored_in(path) == set()


@pytest.mark.parametrize("options", [[], ["--py-call-osafterfork"]], ids=["no hooks", "one hook"])
def test_workers_that_inherited_an_open_database_say_what_to_do(
    path: Path, options: Sequence[str]
) -> None:
    with uwsgi(path, options, uses_store=True) as port:
        told = [put(port, f"b{number}") for number in range(PUTS)]
    assert {status for status, _ in told} == {503}
    assert all("set lazy-apps = true" in text for _, text in told)
    assert stored_in(path) == {"master"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rules.sqlite"
