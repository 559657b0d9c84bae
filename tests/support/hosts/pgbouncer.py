"""pgbouncer, from the system's package, which lends a connection for one transaction."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import psycopg

from tests.support.hosts.kept import CannotRun, Kept, kept
from tests.support.hosts.ports import reserved_port
from tests.support.hosts.postgresql import PostgreSQL
from tests.support.hosts.server import PASSWORD, USER, Database
from tests.support.hosts.waiting import OWN_SECONDS, wait_until

SETTINGS: Final = """
[databases]
* = host={server.place.address} port={server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = 20
"""


@dataclass(frozen=True)
class Pool:
    """A pool in front of a server."""

    kept: Kept
    server: PostgreSQL
    port: int

    def url(self, database: Database) -> str:
        """The URL of a database, for SQLAlchemy, by way of the pool."""
        return self.server.url(database.name, address="127.0.0.1", port=self.port)

    def accepts(self) -> bool:
        """Whether somebody can log in."""
        try:
            psycopg.connect(
                host="127.0.0.1",
                port=self.port,
                user=USER,
                password=PASSWORD,
                dbname="postgres",
                connect_timeout=OWN_SECONDS,
            ).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def pgbouncer(server: PostgreSQL) -> Iterator[Pool]:
    """Run a pool in front of a server.

    :raises CannotRun: if the package is missing.
    """
    # A user's search path may lack the folder of servers.
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        raise CannotRun("pgbouncer is missing: install the system's package")
    with kept("pgbouncer") as keeper, reserved_port() as port:
        users, settings = keeper.folder / "users", keeper.folder / "settings"
        users.write_text(f'"{USER}" "{PASSWORD}"\n')
        settings.write_text(SETTINGS.format(server=server, port=port, users=users))
        keeper.start([program, str(settings)], keeper.folder / "log")
        pool = Pool(keeper, server, port)
        wait_until(pool.accepts, "the pool accepts connections")
        yield pool
