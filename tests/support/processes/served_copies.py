"""Runs ``copying_storage`` under gunicorn as one host of several."""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from flask_bucketcors.stores.replica.contact import Contact
from flask_bucketcors.stores.sqlite.change_token import ChangeToken
from tests.support.apps.copying_storage import APP, COPY, REFRESH, SERVER, STALE
from tests.support.processes.served_workers import (
    Workers,
    build_preflight,
    build_put,
    connect,
    exchange,
    origin_of,
)
from tests.support.processes.servers import Server, serve, write_config

WORKERS = 2
# A bound, for a machine that has much else to do.
OBEY_SECONDS = 30
PAUSE_SECONDS = 0.001


class WayToServe(NamedTuple):
    """How gunicorn runs the application."""

    worker_class: str
    preload: bool

    def __str__(self) -> str:
        return f"{self.worker_class}{' with --preload' if self.preload else ''}"


WAYS = [WayToServe(kind, preload) for kind in ("gthread", "gevent") for preload in (False, True)]


class Host:
    """A host that serves.

    :param copy: the path of its copy.
    """

    def __init__(self, server: Server, copy: Path) -> None:
        self.server = server
        self.copy = copy
        self.workers = Workers(server, WORKERS, 1)

    @property
    def leader(self) -> int | None:
        """The process that follows the server."""
        return Contact(ChangeToken(f"{self.copy}-revision").contact).leader

    def put(self, number: int) -> int:
        """Put rules, and give the status of the response."""
        with connect(self.server) as connection:
            [response] = exchange([connection], build_put(number))
        return response.status

    def seen(self, number: int) -> list[bool]:
        """Whether each worker obeys the rules of this number now."""
        responses = self.workers.preflight(origin_of(number))
        return [response.verdict == (200, str(number)) for response in responses]

    def statuses(self, number: int) -> set[int]:
        """The statuses of preflights that the rules of this number allow."""
        return {response.status for response in self.workers.preflight(origin_of(number))}

    def reach_all_workers(self) -> None:
        """Have each worker serve a request, also one that took the place of another."""
        with closing(Workers(self.server, WORKERS, 1)) as workers:
            workers.preflight(origin_of(0))

    def wait_until_one_obeys(self, number: int) -> float:
        """Likewise for one worker, while others may die."""
        began = time.monotonic()
        while True:
            with suppress(ConnectionError), connect(self.server) as connection:
                [response] = exchange([connection], build_preflight(origin_of(number)))
                if response.verdict == (200, str(number)):
                    return time.monotonic() - began
            assert time.monotonic() < began + OBEY_SECONDS, f"the rules {number} are not obeyed"

    def wait_until_obeyed(self, number: int) -> float:
        """Wait until all workers obey rules, and give how long that took, in seconds."""
        began = time.monotonic()
        while not all(self.seen(number)):
            assert time.monotonic() < began + OBEY_SECONDS, f"the rules {number} are not obeyed"
            time.sleep(PAUSE_SECONDS)
        return time.monotonic() - began


@contextmanager
def host(
    url: str,
    copy: Path,
    way: WayToServe = WAYS[0],
    *,
    refresh: float = 1,
    stale: float | None = None,
    prefix: Sequence[str] = (),
) -> Iterator[Host]:
    """Run a host with two workers.

    :param prefix: begins its command, to run it in a network namespace.
    """
    environ = {SERVER: url, COPY: str(copy), REFRESH: str(refresh)}
    if stale is not None:
        environ[STALE] = str(stale)
    with tempfile.TemporaryDirectory(prefix="gunicorn-") as scratch:

        def command(descriptor: int, port: int) -> list[str]:
            config = write_config(
                Path(scratch),
                bind=f"fd://{descriptor}",
                worker_class=way.worker_class,
                workers=WORKERS,
                threads=4,
                preload_app=way.preload,
            )
            return [*prefix, sys.executable, "-m", "gunicorn", "--config", str(config), APP]

        with serve(command, environ=environ) as server:
            found = Host(server, copy)
            with closing(found.workers):
                yield found
