"""What tests do with a database server, whichever it is."""

import os
import secrets
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, Self
from urllib.parse import quote

from tests.support.hosts.keeper import children
from tests.support.hosts.kept import Kept
from tests.support.hosts.partitions import Place
from tests.support.hosts.waiting import STOP_SECONDS, wait_until

USER: Final = "bucketcors"
#: Has to be quoted in a URL. No message, log or traceback may hold it, quoted or not.
PASSWORD: Final = "pass/word@of:tests%41"

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Database:
    """A database of a server, empty at first.

    :param url: what SQLAlchemy takes, with the name of a user, who may make tables, and a password.
    """

    server: "Server"
    name: str
    url: str

    def execute(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Run one statement as the owner of the database, and give its rows.

        It does not count as a statement of a client. It goes through a socket in the file system,
        so a network that is cut does not matter. Values stand as ``%s``.
        """
        return self.server.execute(statement, values, database=self.name)


@dataclass
class Server(ABC):
    """A database server that belongs to a test.

    :param kept: its process, and the folder with its data and its sockets.
    :param place: the network namespace in which it is, and its address there.
    :param port: it stays the same when the server is stopped and started.
    """

    kept: Kept
    place: Place
    port: int
    is_durable: bool = False
    _hung: list[int] = field(default_factory=list)

    scheme: ClassVar[str]
    #: The signals that stop the server: with and without a clean end.
    signals: ClassVar[Mapping[str, signal.Signals]]

    @property
    def data(self) -> Path:
        """The folder of the data."""
        return self.kept.folder / "data"

    @property
    def log(self) -> Path:
        """The file with what the server has written."""
        return self.kept.folder / "log"

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.kept.pid is not None and not self.kept.has_ended()

    def start(self, port: int | None = None) -> Self:
        """Start it, and wait until it accepts connections.

        :param port: another port from now on: a standby takes over that of its primary.
        """
        self.port = port or self.port
        pid = self.kept.start(self._command(), self.log)
        wait_until(self._is_ready, f"the server {pid} accepts connections")
        return self

    def stop(self, how: Literal["fast", "immediate"] = "fast") -> None:
        """Stop it, and wait until all its processes are gone.

        :param how: ``"fast"`` ends transactions, tells clients and closes the files;
            ``"immediate"`` is as a crash, and the next start recovers.
        """
        assert self.kept.pid is not None
        os.kill(self.kept.pid, self.signals[how])
        self.go_on()
        self.kept.wait(STOP_SECONDS)

    def restart(self, how: Literal["fast", "immediate"] = "fast") -> None:
        """Stop it and start it again on the same port."""
        self.stop(how)
        self.start()

    def hang(self) -> None:
        """Stop all its processes where they are: its kernel acknowledges, and nobody responds."""
        assert self.kept.pid is not None
        self._hang(self.kept.pid)
        # It makes the others, so none is new from now on.
        for pid in children(self.kept.pid):
            # A connection may end.
            with suppress(ProcessLookupError, FileNotFoundError):
                self._hang(pid)

    def go_on(self) -> None:
        """Let it go on after :meth:`hang`."""
        while self._hung:
            # Some may have been killed.
            with suppress(ProcessLookupError):
                os.kill(self._hung.pop(), signal.SIGCONT)

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Have it hang for the length of a block."""
        self.hang()
        try:
            yield
        finally:
            self.go_on()

    @contextmanager
    def database(self, encoding: str | None = None) -> Iterator[Database]:
        """A new database, dropped at the end.

        :param encoding: the server's name of an encoding other than UTF-8.
        """
        name = f"rules_{secrets.token_hex(6)}"
        self._make_database(name, encoding)
        yield Database(self, name, self.url(name))
        if self.is_running:
            self._drop_database(name)

    def url(
        self,
        database: str,
        *,
        user: str = USER,
        password: str = PASSWORD,
        address: str | None = None,
        port: int | None = None,
    ) -> str:
        """The URL of a database, for SQLAlchemy."""
        login = f"{user}:{quote(password, safe='')}"
        where = f"{address or self.place.address}:{port or self.port}"
        return f"{self.scheme}://{login}@{where}/{database}"

    @abstractmethod
    def statements(self) -> AbstractContextManager["Statements"]:
        """Note the statements that clients send in a block, those of :meth:`execute` excepted."""

    @abstractmethod
    def execute(
        self, statement: str, values: Sequence[object] = (), *, database: str | None = None
    ) -> list[Row]:
        """Run one statement as the administrator, or as the user who owns a database."""

    @abstractmethod
    def connections(self) -> int:
        """The number of clients that are connected, those of :meth:`execute` excepted."""

    @abstractmethod
    def kill_connections(self) -> int:
        """End the connections of all clients, wait until they are gone, and give their number."""

    @abstractmethod
    def _command(self) -> list[str]: ...

    @abstractmethod
    def _accepts(self) -> bool: ...

    @abstractmethod
    def _make_database(self, name: str, encoding: str | None) -> None: ...

    @abstractmethod
    def _drop_database(self, name: str) -> None: ...

    def _hang(self, pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        # Stopped, or ended and not yet waited for.
        wait_until(lambda: _state(pid) in "TZ", f"{pid} is stopped")
        self._hung.append(pid)

    def _is_ready(self) -> bool:
        if self.kept.has_ended():
            self.kept.wait(STOP_SECONDS)
            raise RuntimeError(f"the server does not start:\n{self.log.read_text()}")
        return self._accepts()


@dataclass
class Statements:
    """The statements that a server has received since a moment.

    A statement is noted before it is executed: those whose result a client has are all there.

    :param parse: finds the statements of clients in a part of the server's log.
    """

    file: Path
    parse: Callable[[str], Iterator[str]]
    begin: int = field(init=False)

    def __post_init__(self) -> None:
        self.begin = self.file.stat().st_size

    def texts(self) -> list[str]:
        """The statements so far, ``BEGIN`` and ``COMMIT`` included, in the order they came in."""
        with self.file.open("rb") as log:
            log.seek(self.begin)
            return [*self.parse(log.read().decode(errors="replace"))]


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
