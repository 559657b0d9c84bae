"""Servers for the tests: one of each kind for all of them, and others for those that stop one.

They run if ``BUCKETCORS_HOSTS`` asks for them; then a server that is missing is a failure.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Final

import pytest

from tests.support.hosts.mariadb import MariaDB, mariadb
from tests.support.hosts.partitions import Forbidden, Network, network
from tests.support.hosts.postgresql import PostgreSQL, postgresql
from tests.support.hosts.server import Database, Server

KINDS: Final[dict[str, Callable[[], AbstractContextManager[Server]]]] = {
    "PostgreSQL": postgresql,
    "MariaDB": mariadb,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the longest tests first, so that no worker waits at the end for one of them."""
    items.sort(key=lambda item: item.path.name != "test_histories.py")


@pytest.fixture(scope="session")
def shared_postgresql() -> Iterator[PostgreSQL]:
    """A server that runs until the last test; no test stops it."""
    with postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def shared_mariadb() -> Iterator[MariaDB]:
    """A server that runs until the last test; no test stops it."""
    with mariadb() as server:
        yield server


@pytest.fixture(scope="session", params=KINDS)
def server(request: pytest.FixtureRequest) -> Server:
    """Each kind of server in turn; no test stops it."""
    found: Server = request.getfixturevalue(f"shared_{request.param.lower()}")
    return found


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    """A new database of each kind of server."""
    with server.database() as database:
        yield database


@pytest.fixture
def postgresql_database(shared_postgresql: PostgreSQL) -> Iterator[Database]:
    """A new database of PostgreSQL."""
    with shared_postgresql.database() as database:
        yield database


@pytest.fixture
def mariadb_database(shared_mariadb: MariaDB) -> Iterator[Database]:
    """A new database of MariaDB."""
    with shared_mariadb.database() as database:
        yield database


@pytest.fixture(params=KINDS)
def own_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of each kind for one test, which may stop it."""
    with KINDS[request.param]() as server:
        yield server


@pytest.fixture
def own_database(own_server: Server) -> Iterator[Database]:
    """A new database of a server that the test may stop."""
    with own_server.database() as database:
        yield database


@pytest.fixture
def own_postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server for one test, which may stop it."""
    with postgresql() as server:
        yield server


@pytest.fixture
def own_mariadb() -> Iterator[MariaDB]:
    """A MariaDB server for one test, which may stop it."""
    with mariadb() as server:
        yield server


@pytest.fixture
def two_cables() -> Iterator[Network]:
    """A server's network namespace, and those of two hosts."""
    with ExitStack() as stack:
        try:
            made = stack.enter_context(network(hosts=2))
        except Forbidden as reason:
            pytest.skip(f"no network namespaces here: {reason}")
        yield made
