"""Runs an application on several hosts with clients at each, and collects what all of them saw.

The **tools** are one more host: a program without a copy, which changes rules at the server.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from math import inf
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import Any, Final

from sqlalchemy import NullPool, create_engine

from flask_bucketcors.core.errors import RulesChanged, StoreUnavailable
from flask_bucketcors.stores.sql.store import SQLStore
from tests.support.apps import hosted_storage
from tests.support.host_operations import Cut, Entry, Era, Kind, Operation
from tests.support.hosts.server import Database
from tests.support.processes.host_client import BUCKETS, NUMBERS
from tests.support.running_hosts import CLIENT_SECONDS, Client, Host, run_client, run_host

#: Entries of history that the server keeps for each bucket: all of them.
HISTORY_LIMIT: Final = 1_000_000
TOOLS: Final = "tools"
TOOLS_SECONDS: Final = 0.1

_TABLES: Final = tuple(f"bucketcors_{name}" for name in ("state", "rules", "history", "changes"))
_LOCK: Final = "SELECT revision FROM bucketcors_state FOR UPDATE"
_HISTORY: Final = """
    SELECT bucket, revision, author, document IS NULL FROM bucketcors_rules
    UNION ALL SELECT bucket, revision, author, document IS NULL FROM bucketcors_history
"""


class Tools:
    """A program without a copy, which changes rules and reads them at the server."""

    def __init__(self, url: str) -> None:
        self.store = SQLStore(url, history_limit=HISTORY_LIMIT)
        self.log: list[Operation] = []
        self._numbers = iter(range(1, NUMBERS))

    def next_number(self) -> int:
        """A number for a change of its own."""
        return next(self._numbers)

    def change(self, kind: Kind, *buckets: str) -> Operation:
        """Change rules, and say what came of it."""
        number = self.next_number()
        asked = {"kind": kind, "buckets": buckets, "number": number, "is_careful": False}
        start, end, revision = time.monotonic_ns(), inf, None
        with suppress(StoreUnavailable):
            try:
                revision = hosted_storage.change(self.store, asked)
            except RulesChanged:
                revision = None
            end = time.monotonic_ns()
        self.log.append(Operation(kind, TOOLS, TOOLS, buckets, number, start, end, revision))
        return self.log[-1]

    def work(self, random: Random, ended: Event) -> None:
        """Change rules now and then."""
        while not ended.wait(random.expovariate(1 / TOOLS_SECONDS)):
            kind = random.choice((Kind.PUT, Kind.PUT, Kind.DELETE, Kind.PUT_MANY))
            self.change(kind, *random.sample(BUCKETS, 2 if kind == Kind.PUT_MANY else 1))


class Fleet:
    """Hosts and clients that run, and what has been done to them."""

    def __init__(
        self,
        database: Database,
        hosts: Sequence[Host],
        clients: Sequence[Client],
        *,
        seed: int,
        url: str,
    ) -> None:
        self.database = database
        self.hosts = hosts
        self.clients = clients
        self.random = Random(seed)
        self.tools = Tools(url)
        self.cuts: list[Cut] = []
        self.counts: Counter[str] = Counter()
        self.eras: list[Era] = []
        self._era = Era([])
        self._engine = create_engine(url, poolclass=NullPool)
        self._ended: Event | None = None
        self._worker: Thread | None = None

    @contextmanager
    def cut(self, host: str | None = None) -> Iterator[None]:
        """Note a time in which a host, or none of them, can reach the server."""
        start = time.monotonic_ns()
        try:
            yield
        finally:
            self.cuts.append(Cut(host, start, time.monotonic_ns()))

    def count(self, what: str, number: int) -> None:
        """Count what was done to the fleet."""
        self.counts[what] += number

    def settle(self, seconds: float) -> None:
        """Let nothing change for so long; clients go on to read."""
        self.be_quiet()
        # Nothing says that a host is late but the time.
        time.sleep(seconds)

    def go_on(self) -> None:
        """Let the clients and the tools change rules."""
        if self._worker:
            return
        for client in self.clients:
            client.tell("go")
        self._ended = Event()
        arguments = (Random(self.random.random()), self._ended)
        self._worker = Thread(target=self.tools.work, args=arguments, daemon=True)
        self._worker.start()

    def be_quiet(self) -> None:
        """Wait until no change is under way; clients go on to read."""
        for client in self.clients:
            client.tell("quiet")
        if self._ended and self._worker:
            self._ended.set()
            self._worker.join(CLIENT_SECONDS)
            assert not self._worker.is_alive()
            self._ended = self._worker = None

    def end(self) -> list[Operation]:
        """End the clients, take the history of the server, and give what everybody saw."""
        operations = [each for client in self.clients for each in client.end()]
        self._end_era(self.database.execute(_HISTORY))
        for host in self.hosts:
            assert "Traceback" not in host.server.log, host.server.log
        return operations + self.tools.log

    def save(self) -> None:
        """Keep what the server has, for :meth:`restore`. Nobody may change rules."""
        for table in _TABLES:
            self.database.execute(f"DROP TABLE IF EXISTS saved_{table}")
            self.database.execute(f"CREATE TABLE saved_{table} AS SELECT * FROM {table}")

    def restore(self) -> None:
        """Let the server go back to what was saved, in one transaction."""
        number, start = self.tools.next_number(), time.monotonic_ns()
        with self._engine.begin() as connection:
            connection.exec_driver_sql(_LOCK)
            self._end_era(connection.exec_driver_sql(_HISTORY).all())
            for table in _TABLES:
                connection.exec_driver_sql(f"DELETE FROM {table}")
                connection.exec_driver_sql(f"INSERT INTO {table} SELECT * FROM saved_{table}")
            back_to = connection.exec_driver_sql(_LOCK).scalar_one()
        self._era = Era([], number, back_to)
        end = time.monotonic_ns()
        self.tools.log.append(Operation(Kind.RESTORE, TOOLS, TOOLS, (), number, start, end))

    def _end_era(self, rows: Iterable[Any]) -> None:
        """Keep the history so far."""
        entries = [
            Entry(_text(bucket), revision, int(author), bool(is_deletion))
            for bucket, revision, author, is_deletion in rows
        ]
        self.eras.append(self._era._replace(entries=entries))


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name


@contextmanager
def run_fleet(
    database: Database,
    folder: Path,
    kinds: Mapping[str, Mapping[str, Any]],
    *,
    seed: int,
    bug: str | None = None,
    url: str | None = None,
) -> Iterator[Fleet]:
    """Run hosts with a client each for the length of a block.

    :param kinds: the parameters of :func:`run_host` by the name of the host.
    :param url: where the tools reach the server; None for where hosts do.
    """
    with ExitStack() as stack:
        hosts = [
            stack.enter_context(run_host(name, database, folder, bug=bug, **parameters))
            for name, parameters in kinds.items()
        ]
        clients = [
            stack.enter_context(run_client(host, number, seed * 10 + number, folder))
            for number, host in enumerate(hosts, 1)
        ]
        fleet = Fleet(database, hosts, clients, seed=seed, url=url or database.url)
        stack.callback(fleet.tools.store.close)
        yield fleet
