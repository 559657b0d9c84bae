"""Runs gunicorn and other servers as child processes, on free ports of 127.0.0.1."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from tests.support import ROOT

# Bounds, for machines that have much else to do; nothing waits as long when all is well.
START_SECONDS = 60
STOP_SECONDS = 10
# What is under test, each worker loads itself. No worker looks through what it shares with the
# others for garbage, which would copy all of it.
_ONCE_FOR_ALL_WORKERS = """
import gc
import flask

def pre_fork(server, worker):
    gc.freeze()
"""
# An idle connection stays open for longer than any test is idle.
KEEPALIVE_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A server that answers."""

    port: int
    log_file: Path

    @property
    def log(self) -> str:
        """What the server and its workers have written so far."""
        return self.log_file.read_text(errors="replace")

    @property
    def complaints(self) -> list[str]:
        """The lines of the log that are not gunicorn's notices, or about a client's signature."""
        notices = re.compile(r"\s*$|.*\[INFO\]|signature refused \(")
        return [line for line in self.log.splitlines() if not notices.match(line)]


@contextmanager
def gunicorn(
    app: str,
    *,
    worker_class: str = "sync",
    workers: int = 3,
    threads: int = 1,
    preload: bool = False,
    environ: Mapping[str, str] | None = None,
    folder: Path = ROOT,
) -> Iterator[Server]:
    """Run an application in gunicorn, and end every process of it afterwards.

    An error that leaves the block carries the log. A log with anything but notices is one.

    :param app: ``module:callable``; modules are found in the project and in ``folder``.
    :param threads: more than one makes gthread of sync.
    :param environ: what the application finds in its environment beside the usual.
    :param folder: the working directory.
    :raises RuntimeError: if it does not answer, or if its log holds a complaint at the end.
    """
    with tempfile.TemporaryDirectory(prefix="gunicorn-") as scratch:

        def command(descriptor: int, port: int) -> list[str]:
            config = write_config(
                Path(scratch),
                bind=f"fd://{descriptor}",
                worker_class=worker_class,
                workers=workers,
                threads=threads,
                preload_app=preload,
            )
            return [sys.executable, "-m", "gunicorn", "--config", str(config), app]

        with serve(command, environ=environ, folder=folder) as server:
            yield server
            if server.complaints:
                raise RuntimeError("gunicorn had something to complain about")


@contextmanager
def serve(
    command: Callable[[int, int], list[str]],
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path = ROOT,
    binds: bool = False,
) -> Iterator[Server]:
    """Run a server, and end every process of it afterwards.

    An error that leaves the block carries the log.

    :param command: gives the command for a socket that listens: its descriptor and its port.
    :param environ: what the process finds in its environment beside the usual.
    :param folder: the working directory.
    :param binds: whether the server takes no socket that listens and binds the port itself.
    :raises RuntimeError: if it does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="server-") as scratch:
        log_file = Path(scratch, "log")
        # Connections wait in the listening socket until a worker takes them; it is gone,
        # and they are reset, when the server is.
        with socket.create_server(("127.0.0.1", 0)) as listening:
            server = Server(listening.getsockname()[1], log_file)
            if binds:
                listening.close()
            arguments = command(listening.fileno(), server.port)
            process = _start(arguments, listening, log_file, folder, environ or {})
        try:
            _wait_for_answer(process, server.port)
            yield server
        except BaseException as error:
            error.add_note(f"The log of the server:\n{server.log}")
            raise
        finally:
            _end(process)


def write_config(scratch: Path, **settings: object) -> Path:
    """Write a configuration file; what a release of gunicorn does not know there, it ignores."""
    settings |= {
        "keepalive": KEEPALIVE_SECONDS,
        "graceful_timeout": 2,
        "worker_tmp_dir": str(scratch),
        # It would be a file in the home folder.
        "control_socket_disable": True,
    }
    config = scratch / "gunicorn.conf.py"
    lines = [f"{name} = {value!r}\n" for name, value in settings.items()]
    config.write_text("".join([_ONCE_FOR_ALL_WORKERS, *lines]))
    return config


def _start(
    command: list[str],
    listening: socket.socket,
    log_file: Path,
    folder: Path,
    environ: Mapping[str, str],
) -> subprocess.Popen[bytes]:
    with log_file.open("wb") as log:
        return subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=[] if listening.fileno() < 0 else [listening.fileno()],
            start_new_session=True,
        )


def _wait_for_answer(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
            return
        except ConnectionRefusedError as error:
            # One that binds the port itself is not there yet; nothing says when it will be.
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server does not listen") from error
            time.sleep(0.05)
        except (OSError, HTTPException) as error:
            raise RuntimeError("the server does not answer") from error
        finally:
            connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the group of processes: politely, and then whatever is left of it."""
    _signal_group(process, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    _signal_group(process, signal.SIGKILL)
    process.wait(STOP_SECONDS)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
