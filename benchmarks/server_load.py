"""A database that logs no statements, and the CPU time of a server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serving import HERE  # noqa: F401  The tests' modules can be imported after it.

from tests.support.hosts.keeper import children
from tests.support.hosts.postgresql import PostgreSQL
from tests.support.hosts.server import Database, Server


@contextmanager
def quiet_database(server: Server) -> Iterator[Database]:
    """A new database whose statements are not logged, as the tests' servers do for counting."""
    with server.database() as database:
        if isinstance(server, PostgreSQL):
            server.execute(f"ALTER DATABASE {database.name} SET log_statement = 'none'")
        yield database


def cpu_seconds(server: PostgreSQL) -> float:
    """The CPU time of a server and of its connections that are open."""
    assert server.kept.pid is not None
    return sum(map(cpu_of, (server.kept.pid, *children(server.kept.pid))))


def cpu_of(pid: int) -> float:
    """The CPU time of a process; see "sched" in the kernel's documentation."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
