"""Settings and fixtures that test files share."""

import gc
import os
import platform
import shutil
import sqlite3
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.rounds import rounds

# Fixtures import what they need, so that tests of core alone load neither Flask nor a store.
if TYPE_CHECKING:
    from click.testing import Result

    from example_app.storage import Storage
    from flask_bucketcors import SQLiteStore

# Packages that have no wheel for PyPy, and what cannot be imported without them. On CPython
# nothing is left out.
_WITHOUT_WHEEL_FOR_PYPY = {
    "cryptography": ["test_cli_check.py"],
    "oss2": [
        "sdks",
        "test_api_vendor_signatures.py",
        "test_dialect_documents.py",
        "test_dialects.py",
        "test_example_signatures.py",
        "test_signatures.py",
        "test_signatures_obs.py",
        "test_signatures_oss.py",
        "test_signatures_s3.py",
    ],
}
_LEFT_OUT = {
    name: package
    for package, names in _WITHOUT_WHEEL_FOR_PYPY.items()
    for name in names
    if platform.python_implementation() == "PyPy" and find_spec(package) is None
}
# Real clients, and readers and writers that race under a real server, take as long as a tenth of
# all other tests. They run where a variable asks for them; .ci/run does so on each interpreter.
_ONLY_IF_ASKED_FOR = {
    "sdks": "BUCKETCORS_CLIENTS",
    "several_hosts": "BUCKETCORS_HOSTS",
    "test_stale_reads_served.py": "BUCKETCORS_HISTORIES",
}
_NOT_ASKED_FOR = {
    name: variable for name, variable in _ONLY_IF_ASKED_FOR.items() if variable not in os.environ
}
collect_ignore = [*_LEFT_OUT, *_NOT_ASKED_FOR]


def pytest_report_header() -> list[str]:
    """Say what is left out, and why."""
    return [
        *(
            f"left out: tests/{name}; {package}, which it needs, has no wheel for PyPy"
            for name, package in _LEFT_OUT.items()
        ),
        *(
            f"left out: tests/{name}; set {variable} to run it"
            for name, variable in _NOT_ASKED_FOR.items()
        ),
    ]


def pytest_configure(config: pytest.Config) -> None:
    # What collection makes stays until the end: to look through it for garbage finds none.
    gc.disable()
    if sys.dont_write_bytecode and config.pluginmanager.hasplugin("cacheprovider"):
        keep_bytecode(config.rootpath / config.getini("cache_dir") / "bytecode")
    # A process that leaves the tests to workers does not need Hypothesis, which loads slowly.
    if not config.getoption("numprocesses", None):
        from hypothesis import settings

        # A time limit for an example would be an assertion on a clock.
        max_examples = rounds(few=10, many=300)
        settings.register_profile("default", deadline=None, max_examples=max_examples)
        settings.load_profile("default")


def keep_bytecode(folder: Path) -> None:
    """Have this process, workers and the programs that tests start share a folder of bytecode.

    Where Python is told to write none beside the sources, each of hundreds of processes would
    compile the package again. What pip and Python have compiled is linked, as that takes longest.
    """
    if not folder.exists():
        for name in ("purelib", "stdlib"):
            # A file cannot be linked from another disk, nor if it is somebody else's.
            with suppress(OSError):
                link_bytecode(Path(sysconfig.get_path(name)), folder)
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(folder)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def link_bytecode(sources: Path, folder: Path) -> None:
    """Link the bytecode that stands beside sources where a folder of bytecode has it."""
    end = f".{sys.implementation.cache_tag}.pyc"
    for path, folders, names in os.walk(sources):
        # Those below the standard library are another environment's.
        folders[:] = [name for name in folders if name not in {"site-packages", "test"}]
        if path.endswith("__pycache__"):
            linked = folder.joinpath(*Path(path).parent.parts[1:])
            linked.mkdir(parents=True, exist_ok=True)
            for name in names:
                if name.endswith(end):
                    os.link(f"{path}/{name}", linked / name)


def pytest_collection(session: pytest.Session) -> None:
    """Let each worker begin with other test files. What one of them compiles, the others load."""
    worker = getattr(session.config, "workerinput", None)
    if worker is None or session.config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    names = [file.stem for file in sorted(Path(__file__).parent.glob("test_*.py"))]
    begin = len(names) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
    for name in [*names[begin:], *names[:begin]]:
        if f"{name}.py" not in collect_ignore:
            # Collection comes to the same error, and reports it.
            with suppress(Exception, pytest.skip.Exception):
                import_module(f"tests.{name}")


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that have a time limit of their own.

    They take longest. If one came last, the other workers would wait for it.
    """
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """One worker more than there are cores: many tests wait for processes that they started."""
    # None leaves the choice to xdist, which reads the variable.
    is_chosen = "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ
    return None if is_chosen else (os.cpu_count() or 1) + 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of a database that is not there yet."""
    return tmp_path / "rules.sqlite"


@pytest.fixture
def store(path: Path) -> "Iterator[SQLiteStore]":
    """A store on that path; files that need another kind have a fixture of this name."""
    from flask_bucketcors import SQLiteStore

    with closing(SQLiteStore(path)) as store:
        yield store


@pytest.fixture
def run_app(tmp_path: Path, store: "SQLiteStore") -> "Callable[..., Result]":
    """A function that runs a command on an application with the store and with some settings.

    Its arguments are those of :func:`~tests.support.command_line.invoke`, then the settings.
    """
    from flask import Flask

    from flask_bucketcors import BucketCORS
    from tests.support.command_line import invoke

    def run_app(*arguments: str, code: int = 0, input: str = "", **settings: Any) -> "Result":
        app = Flask("storage", instance_path=str(tmp_path))
        app.config.update(settings)
        BucketCORS(app, store=store)
        return invoke(*arguments, app=app, code=code, input=input)

    return run_app


@contextmanager
def storage_in(folder: Path) -> "Iterator[Storage]":
    from example_app.storage import Storage

    storage = Storage(folder)
    # Beside this connection, as beside those of other workers, SQLite keeps its log. Without it
    # each request would be the last to close the index, and wait for the disk.
    with closing(sqlite3.connect(folder / "index.sqlite")) as other:
        other.execute("SELECT name FROM buckets").fetchall()
        yield storage


@pytest.fixture
def empty_storage(tmp_path: Path) -> "Iterator[Storage]":
    """The example application's storage, without buckets."""
    with storage_in(tmp_path) as storage:
        yield storage


@pytest.fixture(scope="session")
def index_of_two_buckets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a storage, to be copied: to make one takes longer than most tests."""
    from tests.support.example_store import BUCKET, PUBLIC

    folder = tmp_path_factory.mktemp("two-buckets")
    with storage_in(folder) as storage:
        storage.create_bucket(BUCKET)
        storage.create_bucket(PUBLIC, public=True)
    # The last connection is closed, so nothing is left in a log.
    return folder / "index.sqlite"


@pytest.fixture
def storage(tmp_path: Path, index_of_two_buckets: Path) -> "Iterator[Storage]":
    """The same with a private bucket and a public one."""
    shutil.copy(index_of_two_buckets, tmp_path)
    with storage_in(tmp_path) as storage:
        yield storage


@pytest.fixture
def files(tmp_path: Path) -> Callable[[], list[Path]]:
    """A function that gives the files of the storage's objects and uploads."""
    return lambda: list((tmp_path / "files").iterdir())


@pytest.fixture(scope="session")
def forked_commands() -> Iterator[Path]:
    """A folder with the commands ``flask`` and ``bucketcors``, which start fast there."""
    from tests.support.processes import command_server

    with command_server.commands() as folder:
        yield folder


@pytest.fixture(scope="module")
def example_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the example application under gunicorn."""
    from tests.support.processes.servers import gunicorn

    environ = {"EXAMPLE_DATA": str(tmp_path_factory.mktemp("data"))}
    with gunicorn("example_app:create_app()", environ=environ, preload=True) as server:
        yield server.port


@pytest.fixture(scope="module")
def store_url(example_port: int) -> str:
    """Where the example application is."""
    return f"http://127.0.0.1:{example_port}"
