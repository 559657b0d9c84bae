"""One server, and all clients at it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from calls import names_of_this_machine
from installing import Installed

from tests.support.apps.served_storage import DATABASE, HOST_SUFFIX, PLAIN_APP
from tests.support.cos_signing import ACCESS_KEY, SECRET_KEY
from tests.support.processes.servers import gunicorn


@pytest.fixture(scope="session")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A storage that knows nothing of CORS, in the middleware, with three workers."""
    environ = {DATABASE: str(tmp_path_factory.mktemp("served") / "rules.sqlite")}
    with gunicorn(PLAIN_APP, environ=environ, preload=True) as server:
        yield server.port


@pytest.fixture(scope="session")
def example_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The example application, without its example bucket."""
    environ = {
        "EXAMPLE_DATA": str(tmp_path_factory.mktemp("example")),
        "EXAMPLE_ACCESS_KEY": ACCESS_KEY,
        "EXAMPLE_SECRET_KEY": SECRET_KEY,
        "EXAMPLE_HOST_SUFFIX": HOST_SUFFIX,
        "EXAMPLE_EMPTY": "1",
    }
    with gunicorn("example_app:create_app()", environ=environ, preload=True) as server:
        yield server.port


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """What installs the clients that have to be."""
    folder: Path = tmp_path_factory.mktemp("installed")
    return Installed(folder)


@pytest.fixture(autouse=True)
def _virtual_hosts() -> Iterator[None]:
    with names_of_this_machine(HOST_SUFFIX):
        yield
