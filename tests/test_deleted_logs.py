"""``-wal`` or ``-shm`` deleted while workers run: what is acknowledged then is in the file."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from flask_bucketcors import SQLiteStore, StoreUnavailable
from tests.support.processes.children import running
from tests.support.processes.store_worker import StoreWorker, rules, store_worker

DELETED = [("-wal",), ("-shm",), ("-wal", "-shm")]
WORKERS = 3


@pytest.fixture
def workers(path: Path) -> Iterator[list[StoreWorker]]:
    """Processes that have the database open, and have written."""
    with ExitStack() as stack:
        found = [stack.enter_context(store_worker(path)) for _ in range(WORKERS)]
        for number, worker in enumerate(found):
            assert worker.ask("put", f"before-{number}", number).isdecimal()
            assert worker.ask("get", f"before-{number}") == str(number)
        yield found


def delete(path: Path, ends: tuple[str, ...]) -> None:
    for end in ends:
        path.with_name(path.name + end).unlink()


def stored_in(path: Path) -> set[str]:
    """The buckets whose rules a program finds that comes now."""
    program = (
        "import sqlite3, sys; database = sqlite3.connect(sys.argv[1], timeout=30)\n"
        "assert database.execute('PRAGMA integrity_check').fetchall() == [('ok',)]\n"
        "for (name,) in database.execute('SELECT bucket FROM bucketcors_rules'): print(name)"
    )
    command = [sys.executable, "-c", program, str(path)]
    return set(subprocess.check_output(command, text=True, timeout=60).split())


@pytest.mark.parametrize("ends", DELETED, ids="".join)
def test_all_that_was_acknowledged_is_in_the_file(
    path: Path, workers: list[StoreWorker], ends: tuple[str, ...]
) -> None:
    """Also what was acknowledged before, and was in nothing but the deleted log."""
    expected = {f"before-{number}" for number in range(WORKERS)}
    assert stored_in(path) == expected
    delete(path, ends)
    for turn in range(3):
        for number, worker in enumerate(workers):
            bucket = f"after-{turn}-{number}"
            assert worker.ask("put", bucket, turn).isdecimal()
            expected.add(bucket)
            assert {each.ask("get", bucket) for each in workers} == {str(turn)}
            assert stored_in(path) == expected
    for worker in workers:
        worker.ask("close")
        assert stored_in(path) == expected


@pytest.mark.parametrize("ends", DELETED, ids="".join)
def test_the_log_says_what_to_do(
    path: Path, workers: list[StoreWorker], ends: tuple[str, ...]
) -> None:
    delete(path, ends)
    assert workers[0].ask("put", "after", 1).isdecimal()
    assert "-wal or -shm of" in workers[0].log
    assert "has been written to the database" in workers[0].log
    assert "stop the workers first" in workers[0].log


@pytest.mark.parametrize("ends", DELETED, ids="".join)
def test_all_is_in_the_file_when_every_worker_is_killed_afterwards(
    path: Path, workers: list[StoreWorker], ends: tuple[str, ...]
) -> None:
    delete(path, ends)
    for number, worker in enumerate(workers):
        assert worker.ask("put", f"after-{number}", 1).isdecimal()
    for worker in workers:
        worker.kill()
    assert stored_in(path) == {
        f"{when}-{number}" for when in ("before", "after") for number in range(WORKERS)
    }


@pytest.mark.parametrize("ends", DELETED, ids="".join)
def test_readers_find_what_another_worker_writes_afterwards(
    path: Path, workers: list[StoreWorker], ends: tuple[str, ...]
) -> None:
    delete(path, ends)
    for seconds in range(10, 15):
        assert workers[0].ask("put", "before-1", seconds).isdecimal()
        assert {each.ask("get", "before-1") for each in workers} == {str(seconds)}


@pytest.mark.parametrize("ends", [("-wal", "-shm"), ("-shm",)], ids="".join)
@pytest.mark.parametrize("stays", [True, False], ids=["it stays", "it goes"])
def test_what_another_program_wrote_since_is_kept(
    path: Path, workers: list[StoreWorker], ends: tuple[str, ...], stays: bool
) -> None:
    """It has begun another log; nobody writes the deleted one over that."""
    delete(path, ends)
    program = (
        "import sqlite3, sys; database = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "database.execute('CREATE TABLE other (a)')\n"
        "database.execute('INSERT INTO other VALUES (1)')\n"
        "if sys.argv[2] == 'False': database.close()\n"
        "print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(path), str(stays)]
    with running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        other.stdout.readline()
        stored = set()
        for number, worker in enumerate(workers):
            if worker.ask("put", f"after-{number}", 1).isdecimal():
                stored.add(f"after-{number}")
        assert "recent changes may be lost" in workers[0].log
        assert stored == {f"after-{number}" for number in range(WORKERS)}
        other.kill()
    for worker in workers:
        worker.ask("close")
    assert stored <= stored_in(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT a FROM other").fetchall() == [(1,)]


def test_all_stores_of_a_process_let_go_together(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite gives a new connection the index of one that is still open."""
    with closing(SQLiteStore(path)) as store, closing(SQLiteStore(path)) as other:
        for each in (store, other):
            each.put("before", rules(1))
            assert each.get("before") == rules(1)
        delete(path, ("-wal", "-shm"))
        for seconds, each in enumerate((store, other, store)):
            each.put("after", rules(seconds))
            assert store.get("after") == other.get("after") == rules(seconds)
            assert stored_in(path) == {"before", "after"}
    assert caplog.text.count("has been written to the database") == 1


def test_a_connection_of_the_applications_own_has_to_be_closed(path: Path) -> None:
    """SQLite would share the deleted index with the store's next one."""
    with closing(SQLiteStore(path)) as store, closing(sqlite3.connect(path)) as own:
        store.put("before", rules(1))
        own.execute("SELECT count(*) FROM bucketcors_rules").fetchall()
        delete(path, ("-wal", "-shm"))
        for use in (lambda: store.get("before"), lambda: store.put("after", rules(2))):
            store._database.follow_file()
            with pytest.raises(StoreUnavailable, match="of the application's own still has"):
                use()
        own.close()
        store.put("after", rules(2))
        assert stored_in(path) == {"before", "after"}


def test_a_reader_that_notices_first_saves_the_log_too(path: Path) -> None:
    with closing(SQLiteStore(path)) as store:
        with store_worker(path) as writer:
            writer.ask("put", "b", 1)
            assert store.get("b") == rules(1)
            writer.kill()
        delete(path, ("-wal", "-shm"))
        store._database.follow_file()
        assert store.get("b") == rules(1)
        assert store._database._connections.writer is None
        assert stored_in(path) == {"b"}


@pytest.mark.parametrize("ends", DELETED, ids="".join)
def test_files_deleted_between_a_write_and_its_acknowledgement_are_noticed(
    path: Path, ends: tuple[str, ...]
) -> None:
    with closing(SQLiteStore(path)) as store:
        store.put("before", rules(1))

        def work(connection: sqlite3.Connection) -> int:
            delete(path, ends)
            return connection.execute("UPDATE bucketcors_rules SET bucket = 'after'").rowcount

        assert store._database.change(work) == 1
        assert stored_in(path) == {"after"}


def test_a_put_that_is_not_hindered_opens_nothing_anew(path: Path) -> None:
    with closing(SQLiteStore(path)) as store:
        store.put("b", rules(1))
        writer = store._database._connections.writer
        log = os.stat(f"{path}-wal").st_ino
        store.put("b", rules(2))
        assert store._database._connections.writer is writer
        assert os.stat(f"{path}-wal").st_ino == log
