"""Hosts and their clients: a gunicorn with workers and a copy of its own, and who asks it.

A host has a cable of its own to the server, or a network.
"""

import json
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from fcntl import F_GETLK, F_WRLCK, fcntl
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from sqlalchemy.engine import make_url

from tests.support import ROOT
from tests.support.apps import hosted_storage
from tests.support.apps.served_storage import HOST_SUFFIX, WORKER
from tests.support.host_operations import Kind, Operation
from tests.support.hosts.link import Link, link
from tests.support.hosts.partitions import Place
from tests.support.hosts.server import Database
from tests.support.processes import host_client
from tests.support.processes.servers import Server, serve, write_config

WORKERS: Final = 2
# A bound, for a machine that has much else to do.
CLIENT_SECONDS: Final = 60


class Host:
    """A host that runs.

    :param copy: the path of its copy.
    :param cable: its way to the server, unless it has a network of its own.
    """

    def __init__(self, name: str, server: Server, copy: Path, cable: Link | None) -> None:
        self.name = name
        self.server = server
        self.copy = copy
        self._cable = cable

    @property
    def link(self) -> Link:
        """Its way to the server."""
        assert self._cable is not None
        return self._cable

    @property
    def leader(self) -> int | None:
        """The process that follows the server for all of its host."""
        with open(f"{self.copy}-follower", "rb") as file:
            asked = struct.pack("hhqqi4x", F_WRLCK, os.SEEK_SET, 0, 0, 0)
            return struct.unpack("hhqqi4x", fcntl(file, F_GETLK, asked))[4] or None

    @contextmanager
    def without_new_workers(self) -> Iterator[None]:
        """Start no worker for another one that has ended, for the length of a block."""
        status = Path(f"/proc/{self.some_worker()}/status").read_text()
        master = int(status.partition("PPid:")[2].split()[0])
        os.kill(master, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(master, signal.SIGCONT)

    def some_worker(self) -> int:
        """A worker that responds."""
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=CLIENT_SECONDS)
        try:
            connection.request("GET", "/")
            return int(connection.getresponse().headers[WORKER])
        finally:
            connection.close()


@contextmanager
def run_host(
    name: str,
    database: Database,
    folder: Path,
    *,
    refresh_seconds: float,
    bug: str | None = None,
    place: Place | None = None,
    **settings: Any,
) -> Iterator[Host]:
    """Run a host for the length of a block.

    :param bug: one of :data:`tests.support.apps.planted_bugs.BUGS`.
    :param place: a network namespace from which the server can be reached; None for that of the
        tests, with a cable to the server.
    :param settings: those of gunicorn.
    """
    own = folder / name
    own.mkdir()
    copy = own / "copy.sqlite"

    def command(descriptor: int, port: int) -> list[str]:
        bound = {"bind": f"fd://{descriptor}", "workers": WORKERS}
        config = write_config(own, **bound, **settings)
        program = (sys.executable, "-m", "gunicorn", "--config", str(config), hosted_storage.APP)
        return [*(place.prefix if place else ()), *program]

    with ExitStack() as stack:
        url, cable = make_url(database.url), None
        if place is None:
            cable = stack.enter_context(link((str(url.host), url.port or 0)))
            url = url.set(host="127.0.0.1", port=cable.port)
        environ = {
            hosted_storage.SERVER: url.render_as_string(hide_password=False),
            hosted_storage.COPY: str(copy),
            hosted_storage.REFRESH: str(refresh_seconds),
            hosted_storage.BUG: bug or "",
        }
        server = stack.enter_context(serve(command, environ=environ))
        yield Host(name, server, copy, cable)


class Client:
    """A client process."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log

    def tell(self, word: str) -> None:
        """Say what to do, and wait until it is so."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(word, file=self._process.stdin, flush=True)
        assert self._process.stdout.readline().strip() == word, "a client has failed"

    def end(self) -> list[Operation]:
        """End it, and give what it saw."""
        self._process.communicate("end\n", timeout=CLIENT_SECONDS)
        assert self._process.returncode == 0, "a client has failed; it says above why"
        with self._log.open() as log:
            return [_operation(*json.loads(line)) for line in log]


def _operation(kind: str, process: str, host: str, buckets: list[str], *rest: Any) -> Operation:
    return Operation(Kind(kind), process, host, tuple(buckets), *rest)


@contextmanager
def run_client(host: Host, number: int, seed: int, folder: Path) -> Iterator[Client]:
    """Run a client of a host for the length of a block; it is quiet at first."""
    log = folder / f"client-{number}.log"
    arguments = (host.server.port, HOST_SUFFIX, WORKER, host.name, number, seed, log)
    process = subprocess.Popen(
        [sys.executable, "-m", host_client.__name__, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:  # no limit: it is killed before
        try:
            yield Client(process, log)
        finally:
            process.kill()


def kill(process: int | None) -> None:
    """Kill a process of a host, if it is still there."""
    if process is not None:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
