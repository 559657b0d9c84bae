"""Processes of the example application that stop before each step until a test lets them go on.

Run with ``-m``, a folder and a name, this is one of them. It takes and gives one line at a time::

    send METHOD URL    send itself this request, signed; stop before each step
    rush METHOD URL    the same without stops
    go                 take the step

    at STEP            it has stopped before this step
    done STATUS        the response

The steps are those that other processes may see: ``ask`` whether the bucket exists, ``put
rules``, ``delete rules``, and to ``begin`` and ``commit`` a change of the buckets. Between
these two no other process may begin one.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from webtest import TestApp

from example_app import database, extend
from example_app.storage import Storage
from example_app.views import create_blueprint
from flask_bucketcors import SQLiteStore
from tests.support import ROOT
from tests.support.cos_signing import KEYS, signed

RULES_FILE = "rules.sqlite"
DOCUMENT = (
    b"<CORSConfiguration><CORSRule><AllowedOrigin>https://%s.example</AllowedOrigin>"
    b"<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"
)
# A bound, for a machine that has much else to do.
STEP_SECONDS = 30


class Stepper:
    """Such a process, seen from the test.

    :param name: whose rules it puts.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._unread = b""
        #: The step before which it has stopped; "" while it has no request.
        self.step = ""
        #: The status of the last response.
        self.status = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(folder), name],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )

    def send(self, method: str, url: str) -> None:
        """Send a request, up to its first step."""
        self.finish()
        self._tell(f"send {method} {url}")
        self._listen()

    def go(self) -> None:
        """Take one step, if there is one left."""
        if self.step:
            self._tell("go")
            self._listen()

    def finish(self) -> int:
        """Take all steps that are left, and give the status of the response."""
        while self.step:
            self.go()
        return self.status

    def run(self, method: str, url: str) -> int:
        """Send a request, take all its steps, and give the status of the response."""
        self.send(method, url)
        return self.finish()

    def begin_rush(self, method: str, url: str) -> None:
        """Send a request that stops nowhere; :meth:`end_rush` waits for it."""
        self._tell(f"rush {method} {url}")

    def end_rush(self) -> int:
        """Give the status of the response."""
        self._listen()
        return self.status

    def go_to(self, step: str) -> None:
        """Take steps until it stops before this one."""
        while self.step != step:
            assert self.step, f"there is no step {step!r}"
            self.go()

    def kill(self) -> None:
        """End the process where it stands, without warning."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(STEP_SECONDS)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())

    def _listen(self) -> None:
        kind, _, rest = self._line().partition(" ")
        self.step = rest if kind == "at" else ""
        if kind == "done":
            self.status = int(rest)

    def _line(self) -> str:
        assert self._process.stdout is not None
        deadline = time.monotonic() + STEP_SECONDS
        while b"\n" not in self._unread:
            wait = max(0, deadline - time.monotonic())
            readable, _, _ = select.select([self._process.stdout], [], [], wait)
            received = os.read(self._process.stdout.fileno(), 65536) if readable else b""
            assert received, f"it has not taken its step; it stood before {self.step!r}"
            self._unread += received
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode()


def make_app(folder: Path) -> Flask:
    """Make the example application, without its example bucket."""
    app = Flask(__name__, static_folder=None)
    storage = Storage(folder)
    storage.bucket_exists = stopping("ask", storage.bucket_exists)  # type: ignore[method-assign]
    app.register_blueprint(create_blueprint(storage, KEYS))
    app.config.update(BUCKETCORS_DATABASE=str(folder / RULES_FILE), BUCKETCORS_ACCESS_KEYS=KEYS)
    extend(app, storage, folder)
    return app


def stopping(step: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that stops before it is run."""

    def stop_and_run(*arguments: Any, **named: Any) -> Any:
        stop(step)
        return function(*arguments, **named)

    return stop_and_run


@contextmanager
def _stopping_transaction(path: Path, kind: Any) -> Iterator[Any]:
    writes = kind == "IMMEDIATE"
    if writes:
        stop("begin")
    with _transaction(path, kind) as connection:
        yield connection
        if writes:
            stop("commit")


_transaction = database.transaction
_stops = [True]


def stop(step: str) -> None:
    """Say where this process stands, and wait until it may go on."""
    if _stops[0]:
        print("at", step, flush=True)
        assert sys.stdin.readline() == "go\n"


def serve(folder: str, name: str) -> None:
    """Do what stdin says."""
    database.transaction = _stopping_transaction
    steps = {"put": "put rules", "delete": "delete rules"}
    for method, step in steps.items():
        setattr(SQLiteStore, method, stopping(step, getattr(SQLiteStore, method)))
    app = TestApp(make_app(Path(folder)))
    body = DOCUMENT % name.encode()
    for line in iter(sys.stdin.readline, ""):
        command, method, url = line.split()
        _stops[0] = command == "send"
        body_sent = body if url.endswith("?cors") and method == "PUT" else b""
        response = signed(app, method, url, body_sent, now=int(time.time()))
        print("done", response.status_int, flush=True)


if __name__ == "__main__":
    serve(*sys.argv[1:])
