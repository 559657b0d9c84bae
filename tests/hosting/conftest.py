"""Servers, each started when the first test asks for it.

Two run always. The others have to be installed, by the extra ``servers``, and run if
``BUCKETCORS_SERVERS=1`` asks for them; then one that is missing is a failure.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from hosts import ALWAYS, DATABASE, GATES, HOSTS, PATHS

from flask_bucketcors import Rule, RuleSet, SQLiteStore
from tests.support.processes.servers import Server, serve

ASKED_FOR = "BUCKETCORS_SERVERS"
ORIGIN = "https://a.example"
#: The first has a space and a letter beyond ASCII.
BUCKETS = ("b\u00fccher 1", "photos")


@pytest.fixture(scope="session")
def gates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which a file lets a streamed response go on."""
    return tmp_path_factory.mktemp("gates")


@pytest.fixture(scope="session")
def start(
    gates: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Server]]:
    """A function that gives the server of a name."""
    with ExitStack() as stack:

        @cache
        def started(name: str) -> Server:
            database = tmp_path_factory.mktemp("hosted") / "rules.sqlite"
            _put_rules(database)
            host = HOSTS[name]
            environ = {DATABASE: str(database), GATES: str(gates), "PYTHONPATH": PATHS}
            return stack.enter_context(serve(host.command, environ=environ, binds=host.binds))

        yield started


def _put_rules(database: Path) -> None:
    store = SQLiteStore(database)
    methods = ["GET", "HEAD", "PUT", "DELETE"]
    rules = RuleSet([Rule([ORIGIN], methods, ["*"], ["ETag"], max_age_seconds=600)])
    store.put_many((bucket, rules) for bucket in BUCKETS)
    store.close()


@pytest.fixture(params=HOSTS if os.environ.get(ASKED_FOR) == "1" else ALWAYS)
def name(request: pytest.FixtureRequest) -> str:
    """The name of a server that is installed."""
    found: str = request.param
    if find_spec(HOSTS[found].module) is None:
        pytest.fail(f"{ASKED_FOR} is set, but {HOSTS[found].module} is not installed")
    return found


@pytest.fixture
def port(name: str, start: Callable[[str], Server]) -> int:
    """The port of a server that runs."""
    return start(name).port
