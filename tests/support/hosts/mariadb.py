"""MariaDB, from the system's package ``mariadb-server``."""

import re
import shutil
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Final

import pymysql

from tests.support.hosts.kept import CannotRun, kept, kept_until_exit
from tests.support.hosts.partitions import LOOPBACK, Place
from tests.support.hosts.ports import reserved_port
from tests.support.hosts.server import PASSWORD, USER, Row, Server, Statements
from tests.support.hosts.waiting import OWN_SECONDS, wait_until

ADMIN: Final = "root"

# As in the general log, where a text may have several lines. The time stands where it is another
# than that of the line before. A server that starts writes its version and more in front.
BEGINNING: Final = r"(?:\d{6} [\d ]\d:\d\d:\d\d|\t)\t *\d+ \w|\S+, Version: "
ENTRY: Final = re.compile(
    r"^(?:\d{6} [\d ]\d:\d\d:\d\d|\t)\t *(?P<by>\d+) (?P<what>\w+)\t"
    rf"(?P<text>.*(?:\n(?!{BEGINNING}).*)*)",
    re.MULTILINE,
)
SETTINGS: Final = (
    "--max-connections=300",
    "--skip-name-resolve",
    "--log-output=FILE",
)
# A commit is in the log before it is acknowledged, so no stop of the server loses it.
NOT_DURABLE: Final = ("--debug-no-sync", "--innodb-flush-method=nosync", "--innodb-doublewrite=0")


@dataclass
class MariaDB(Server):
    """A MariaDB server."""

    #: How many blocks want the statements to be noted.
    _noting: int = 0

    scheme: ClassVar = "mysql+pymysql"
    signals: ClassVar = {"fast": signal.SIGTERM, "immediate": signal.SIGKILL}

    def execute(
        self, statement: str, values: Sequence[object] = (), *, database: str | None = None
    ) -> list[Row]:
        """Run one statement as the administrator."""
        with closing(self._connect(database)) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall())

    def connections(self) -> int:
        """The number of clients that are connected."""
        return len(self._clients())

    def kill_connections(self) -> int:
        """End the connections of all clients, wait until they are gone, and give their number."""
        killed = self._clients()
        for number in killed:
            # It may have ended since.
            with suppress(pymysql.OperationalError):
                self.execute(f"KILL CONNECTION {number}")
        wait_until(lambda: not killed & self._clients(), "the connections are gone", OWN_SECONDS)
        return len(killed)

    @contextmanager
    def statements(self) -> Iterator[Statements]:
        """Note the statements that clients send in a block, those of :meth:`execute` excepted."""
        self.execute("SET GLOBAL general_log = ON")
        self._noting += 1
        try:
            yield Statements(self._general_log, _statements)
        finally:
            self._noting -= 1
            if self.is_running and not self._noting:
                self.execute("SET GLOBAL general_log = OFF")

    def _clients(self) -> set[int]:
        rows = self.execute("SELECT id FROM information_schema.processlist WHERE user = %s", [USER])
        return {number for (number,) in rows}

    def _connect(self, database: str | None) -> Any:
        connection = pymysql.connect(
            user=ADMIN,
            database=database,
            autocommit=True,
            read_timeout=OWN_SECONDS,
            write_timeout=OWN_SECONDS,
            defer_connect=True,
        )
        # PyMySQL leaves its own socket open if that cannot be connected.
        with ExitStack() as stack:
            opened = stack.enter_context(socket.socket(socket.AF_UNIX))
            opened.settimeout(OWN_SECONDS)
            opened.connect(self._socket)
            connection.connect(opened)
            stack.pop_all()
        return connection

    @property
    def _socket(self) -> str:
        return str(self.kept.folder / "socket")

    @property
    def _general_log(self) -> Path:
        return self.kept.folder / "statements"

    def _command(self) -> list[str]:
        folder = self.kept.folder
        return [
            *(_find("mariadbd"), "--no-defaults", f"--datadir={self.data}"),
            *(f"--socket={self._socket}", f"--pid-file={folder / 'pid'}", f"--tmpdir={folder}"),
            *(f"--bind-address={self.place.address}", f"--port={self.port}"),
            *(f"--general-log-file={self._general_log}", f"--general-log={self._noting}"),
            *(*SETTINGS, *(() if self.is_durable else NOT_DURABLE)),
        ]

    def _accepts(self) -> bool:
        try:
            self.execute("SELECT 1")
        except (OSError, pymysql.OperationalError):
            return False
        return True

    def _make_database(self, name: str, encoding: str | None) -> None:
        self.execute(f"CREATE DATABASE {name} CHARACTER SET {encoding or 'utf8mb4'}")
        self.execute(f"GRANT ALL ON {name}.* TO {USER}")

    def _drop_database(self, name: str) -> None:
        # It would wait for a transaction that has read a table.
        self.kill_connections()
        self.execute(f"DROP DATABASE {name}")


@contextmanager
def mariadb(*, durable: bool = False, place: Place = LOOPBACK) -> Iterator[MariaDB]:
    """Run a MariaDB server with the user ``USER``, who logs in with a password.

    :param durable: whether a commit waits for the disk, as it does by default.
    :param place: the network namespace in which it is.
    :raises CannotRun: if the package is missing.
    """
    with kept("mariadb", prefix=place.prefix) as keeper, reserved_port() as port:
        server = MariaDB(keeper, place, port, durable)
        keeper.run(["cp", "-a", "--sparse=always", str(_made_data()), str(server.data)], server.log)
        yield server.start()


def _statements(log: str) -> Iterator[str]:
    own = set()
    for found in ENTRY.finditer(log):
        if found["what"] == "Connect":
            # The numbers begin anew when the server does.
            own.discard(found["by"])
            if found["text"].startswith(f"{ADMIN}@"):
                own.add(found["by"])
        elif found["what"] in {"Query", "Execute"} and found["by"] not in own:
            yield found["text"].rstrip("\n")


@cache
def _made_data() -> Path:
    """The data of a new server, to be copied: to make it takes longer than most tests."""
    keeper = kept_until_exit("mariadb-data")
    with reserved_port() as port:
        server = MariaDB(keeper, LOOPBACK, port)
        command = [
            *(_find("mariadb-install-db"), "--no-defaults", "--basedir=/usr", "--skip-test-db"),
            *(f"--datadir={server.data}", f"--tmpdir={keeper.folder}"),
            *("--auth-root-authentication-method=normal", *NOT_DURABLE),
        ]
        keeper.run(command, server.log)
        server.start()
        server.execute(f"CREATE USER {USER}@'%%' IDENTIFIED BY %s", [PASSWORD])
        server.stop()
    return server.data


def _find(program: str) -> str:
    # A user's search path may lack the folder of servers.
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    if found is None:
        raise CannotRun(f"{program} is missing: install the system's package mariadb-server")
    return found
