"""Applications that others wrote, and the same ones in the middleware.

They have to be installed, by the extra ``applications``, and are skipped unless
``BUCKETCORS_APPLICATIONS=1`` asks for them; then one that is missing is a failure.
"""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from apps import APPLICATIONS, Application, Spy
from wsgi_calls import ASKED_FOR, LARGE_BYTES

from flask_bucketcors import BucketCORSMiddleware, MemoryStore, RulesAPI


@pytest.fixture(params=APPLICATIONS)
def name(request: pytest.FixtureRequest) -> str:
    """The name of an application that is installed."""
    found: str = request.param
    if find_spec(APPLICATIONS[found].module) is None:
        pytest.fail(f"{ASKED_FOR} is set, but {APPLICATIONS[found].module} is not installed")
    return found


@pytest.fixture
def application(name: str) -> Application:
    return APPLICATIONS[name]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three buckets with the same file in each."""
    for bucket in ("photos", "plain", "other"):
        path = tmp_path / bucket / "cat.txt"
        path.parent.mkdir()
        path.write_bytes(b"hello, world")
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return tmp_path


@pytest.fixture
def large(folder: Path) -> Path:
    """A file without blocks on the disk."""
    path = folder / "photos" / "large.bin"
    with path.open("wb") as file:
        file.truncate(LARGE_BYTES)
    return path


@pytest.fixture
def made() -> list[bytes]:
    """The chunks of ``stream`` that were made."""
    return []


@pytest.fixture
def bare(application: Application, folder: Path, made: list[bytes]) -> Spy:
    """The application alone; it keeps what it was asked."""
    return Spy(application.build(folder, made.append))


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    store = MemoryStore()
    yield store
    store.close()


@pytest.fixture
def wrapped(bare: Spy, store: MemoryStore) -> BucketCORSMiddleware:
    """The same application in the middleware."""
    api = RulesAPI(store, authorize=lambda call: True)
    return BucketCORSMiddleware(bare, store=store, api=api, no_rules="pass")
