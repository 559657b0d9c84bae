"""No wait of a store is without end: each has a deadline, and an error that says what for."""

import fcntl
import multiprocessing
import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from flask_bucketcors import SQLiteStore, StoreUnavailable
from flask_bucketcors.stores.sqlite import database
from flask_bucketcors.stores.sqlite.places import check_place
from tests.support.apps.served_storage import APP, DATABASE
from tests.support.processes.served_workers import BUCKET, build, build_put, connect, exchange
from tests.support.processes.servers import gunicorn
from tests.support.processes.store_worker import rules

WRITERS = 8
# A bound, for a machine that has much else to do.
JOIN_SECONDS = 60
NOBODY = 65534


@contextmanager
def locked(path: Path, statement: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
    """Another program has the write lock."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(statement)
        yield other


@contextmanager
def threads(works: list[Callable[[], object]]) -> Iterator[list[threading.Thread]]:
    """Run each in a thread, and wait for all in the end."""
    started = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in started:
        thread.start()
    yield started
    for thread in started:
        thread.join(JOIN_SECONDS)
        assert not thread.is_alive()


def test_writers_give_up_when_their_own_time_is_over(
    path: Path, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one after the other: all have, before one does that came when the first one gave up."""
    monkeypatch.setattr(database, "WRITE_TIMEOUT_SECONDS", 1.5)
    order: list[str] = []
    gave_up = threading.Event()

    def give_up(store: SQLiteStore, name: str) -> None:
        with pytest.raises(StoreUnavailable):
            store.put("b", rules())
        order.append(name)
        gave_up.set()

    with closing(SQLiteStore(path.with_name("other.sqlite"))) as other:

        def come_later() -> None:
            gave_up.wait(JOIN_SECONDS)
            give_up(other, "later")

        works: list[Callable[[], object]] = [lambda: give_up(store, "at once")] * WRITERS
        with locked(path), locked(other.place or path), threads([*works, come_later]):
            pass
    assert order == ["at once"] * WRITERS + ["later"]


@pytest.mark.parametrize(
    "holder, said",
    [
        pytest.param(locked, "another process has had the lock", id="another process"),
        pytest.param(None, "another thread of this process is writing", id="another thread"),
    ],
)
def test_who_gives_up_says_what_he_waited_for(
    path: Path, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch, holder: Any, said: str
) -> None:
    monkeypatch.setattr(database, "WRITE_TIMEOUT_SECONDS", 0.2)
    own_lock = store._database._connections.writing
    with holder(path) if holder else own_lock, pytest.raises(StoreUnavailable) as refusal:
        store.put("b", rules())
    assert said in str(refusal.value)
    assert "try again" in str(refusal.value)
    assert store.put("b", rules()) == 1


def test_readers_do_not_wait_for_writers_that_wait(path: Path, store: SQLiteStore) -> None:
    """Also when the reader has yet to be opened, and when it looks for another file."""
    store.put("b", rules(1))
    store.close()
    writers: list[Callable[[], object]] = [lambda: store.put("b", rules(2))] * WRITERS
    with locked(path) as other, threads(writers) as waiting:
        for _ in range(20):
            assert store.get("b") == rules(1)
            assert store.signal()[0]
            assert store.state()
        assert all(thread.is_alive() for thread in waiting)
        other.execute("ROLLBACK")
    assert store.get("b") == rules(2)


def test_readers_behind_a_locked_file_give_up_together(
    path: Path, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some programs lock the whole file; each read has the same short time then."""
    monkeypatch.setattr(database, "READ_TIMEOUT_SECONDS", 1.0)
    store.put("b", rules())
    store.close()
    order: list[str] = []
    gave_up = threading.Event()

    def give_up(name: str) -> None:
        with pytest.raises(StoreUnavailable, match="locked"):
            store.get("b")
        order.append(name)
        gave_up.set()

    def come_later() -> None:
        gave_up.wait(JOIN_SECONDS)
        give_up("later")

    works: list[Callable[[], object]] = [lambda: give_up("at once")] * WRITERS
    with locked(path, "PRAGMA locking_mode = EXCLUSIVE") as other:
        other.execute("BEGIN EXCLUSIVE")
        with threads([*works, come_later]):
            pass
    assert order == ["at once"] * WRITERS + ["later"]


def test_a_store_can_be_made_while_another_program_writes(path: Path, store: SQLiteStore) -> None:
    """It has nothing to write where the tables are there."""
    store.close()
    with locked(path), closing(SQLiteStore(path)) as other:
        assert other.list() == []


def test_making_a_store_has_a_limit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "CREATION_TIMEOUT_SECONDS", 0.2)
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (a)")
    with (
        locked(path, "BEGIN EXCLUSIVE"),
        pytest.raises(StoreUnavailable, match="another process has had the lock for too long"),
    ):
        SQLiteStore(path)


def test_objects_are_served_by_free_threads_while_puts_wait(path: Path) -> None:
    with (
        gunicorn(
            APP, workers=1, threads=WRITERS + 4, worker_class="gthread", environ=served(path)
        ) as server,
        ExitStack() as stack,
        locked(path) as other,
    ):
        puts = [stack.enter_context(connect(server)) for _ in range(WRITERS)]
        for number, connection in enumerate(puts):
            connection.sendall(build_put(number))
        for _ in range(50):
            with connect(server) as connection:
                [answer] = exchange([connection], build("GET", "/object", {}))
            assert answer.status == 200
        assert [is_answered(connection) for connection in puts] == [False] * WRITERS
        other.execute("ROLLBACK")
        assert {answer.status for answer in exchange(puts, b"")} == {200}
    with closing(SQLiteStore(path)) as store:
        assert len(store.history(BUCKET)) == WRITERS


def served(path: Path) -> dict[str, str]:
    return {DATABASE: str(path)}


def is_answered(connection: Any) -> bool:
    connection.setblocking(False)
    try:
        return bool(connection.recv(1, 2))
    except BlockingIOError:
        return False
    finally:
        connection.settimeout(JOIN_SECONDS)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Somebody has opened a file to read, and locked it."""
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_whoever_may_only_read_the_token_holds_nobody_up(path: Path, store: SQLiteStore) -> None:
    store.put("b", rules(1))
    with held(path.with_name("rules.sqlite-revision")):
        store.close()
        assert store.get("b") == rules(1)
        store.put("b", rules(2))
        with closing(SQLiteStore(path)) as other:
            assert other.get("b") == rules(2)


@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.put("b", rules()),
        lambda store: store.get("b"),
        lambda store: store.state(),
        lambda store: SQLiteStore(store.place),
    ],
    ids=["put", "get", "state", "make"],
)
def test_the_lock_of_a_process_that_stands_still_has_a_limit(
    path: Path, store: SQLiteStore, use: Callable[[SQLiteStore], object], monkeypatch: Any
) -> None:
    for name in ("WRITE_TIMEOUT_SECONDS", "LOCK_TIMEOUT_SECONDS", "CREATION_TIMEOUT_SECONDS"):
        monkeypatch.setattr(database, name, 0.2)
    lock = path.with_name("rules.sqlite-lock")
    with held(lock), pytest.raises(StoreUnavailable, match=r"rules\.sqlite-lock.*end that process"):
        use(store)
    store.put("b", rules())
    assert store.get("b") == rules()


def test_a_store_that_cannot_be_closed_in_time_says_so(
    path: Path, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_TIMEOUT_SECONDS", 0.2)
    store.put("b", rules())
    with held(path.with_name("rules.sqlite-lock")), pytest.raises(StoreUnavailable, match="-lock"):
        store.close()
    store.close()


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o027, 0o077])
def test_the_token_has_the_mode_of_the_database(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with closing(SQLiteStore(path)) as store:
            store.put("b", rules())
            assert mode(path, "-revision") == mode(path) == mode(path, "-wal")
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    "of_database, of_lock",
    [
        (0o600, 0o600),
        (0o640, 0o600),
        (0o644, 0o600),
        (0o660, 0o660),
        (0o664, 0o660),
        (0o666, 0o666),
    ],
    ids=oct,
)
def test_the_lock_is_for_those_who_may_write(path: Path, of_database: int, of_lock: int) -> None:
    """And both follow the database when it is given to others."""
    SQLiteStore(path).close()
    path.chmod(of_database)
    SQLiteStore(path).close()
    assert mode(path, "-lock") == of_lock
    assert mode(path, "-revision") == of_database


def mode(path: Path, end: str = "") -> int:
    return stat.S_IMODE(path.with_name(path.name + end).stat().st_mode)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A database that another user, who is in its group, may write."""
    if os.geteuid() != 0:
        pytest.skip("only root can be another user for a while")
    # Not in pytest's folder, which is closed to others.
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, -1, NOBODY)
        os.chmod(folder, 0o2770)
        path = Path(folder, "rules.sqlite")
        SQLiteStore(path).close()
        os.chown(path, -1, NOBODY)
        path.chmod(0o660)
        yield path


def as_nobody(action: Callable[[], object]) -> int:
    """Run an action as another user, in a forked process, and give its exit status."""

    def run() -> None:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        os._exit(0 if action() else 2)

    child = multiprocessing.get_context("fork").Process(target=run)
    child.start()
    child.join(JOIN_SECONDS)
    return -1 if child.exitcode is None else child.exitcode


def test_a_second_user_who_may_write_the_database_is_heard_at_once(shared: Path) -> None:
    with closing(SQLiteStore(shared)) as store:
        store.put("b", rules(1))
        cell = store.signal()
        before = cell[0]
        assert as_nobody(lambda: store.put("b", rules(2))) == 0
        assert cell[0] != before
        assert store.get("b") == rules(2)


def test_a_second_user_who_may_only_read_cannot_take_the_lock(shared: Path) -> None:
    shared.chmod(0o640)
    SQLiteStore(shared).close()

    def refused() -> bool:
        with pytest.raises(PermissionError):
            Path(f"{shared}-lock").read_bytes()
        return True

    assert as_nobody(refused) == 0


@pytest.mark.parametrize(
    "mode_of_folder, mode_of_file, words",
    [
        (0o550, 0o660, "is read-only for user .*make the folder writable"),
        (0o770, 0o440, "cannot be read and written by user .*change its owner or mode"),
    ],
    ids=["folder", "file"],
)
def test_a_place_that_may_not_be_written_is_refused_with_what_to_do(
    shared: Path, mode_of_folder: int, mode_of_file: int, words: str
) -> None:
    shared.parent.chmod(mode_of_folder)
    shared.chmod(mode_of_file)

    def refused() -> bool:
        with pytest.raises(StoreUnavailable, match=words):
            SQLiteStore(shared)
        return True

    assert as_nobody(refused) == 0
    assert as_nobody(lambda: refused_in(shared.parent / "a" / "new.sqlite", mode_of_folder)) == 0


def refused_in(path: Path, mode_of_folder: int) -> bool:
    """A folder that is not there yet would have to be made in one that may not be written."""
    if mode_of_folder & 0o200:
        return True
    with pytest.raises(StoreUnavailable, match="is read-only for user"):
        SQLiteStore(path)
    return True


@pytest.mark.parametrize(
    "path, words",
    [
        ("postgresql://me:secret@db/rules", "is the URL postgresql://...; write the path of a"),
        (Path("postgresql://me:secret@db/rules"), "is the URL postgresql://...; write the path"),
        ("a\0b.sqlite", "contains a NUL character; write it without one"),
        ("", "is empty; write the path of a file"),
        (".", "is a folder; write the path of a file in it"),
    ],
)
def test_a_path_that_no_database_can_have_is_refused(path: str, words: str) -> None:
    with pytest.raises(StoreUnavailable, match=words):
        SQLiteStore(path)


def test_nothing_is_made_beside_a_path_that_is_refused(tmp_path: Path) -> None:
    (folder := tmp_path / "folder").mkdir()
    with pytest.raises(StoreUnavailable, match="is a folder"):
        SQLiteStore(folder)
    assert [*tmp_path.rglob("*")] == [folder]


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    """SQLite would wait for somebody to write into the pipe."""
    os.mkfifo(pipe := tmp_path / "pipe")
    for path in (pipe, "/dev/zero"):
        with pytest.raises(StoreUnavailable, match="is a pipe, a socket or a device; write the"):
            check_place(Path(path))


def test_a_disk_without_room_is_the_reason_that_is_given(path: Path) -> None:
    """SQLite has ended the transaction by then."""
    program = (
        "import resource, signal, sys\n"
        "from flask_bucketcors import SQLiteStore\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))\n"
        "SQLiteStore(sys.argv[1])\n"
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        # A log with room for a little more, as the file may have no more than its index has.
        other.execute("PRAGMA journal_mode = WAL").fetchall()
        other.execute("CREATE TABLE theirs (a)")
        other.execute("INSERT INTO theirs VALUES (zeroblob(20000))")
        done = subprocess.run(
            [sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=60
        )
    *_, last = done.stderr.splitlines()
    assert "StoreUnavailable" in last
    assert "rules.sqlite" in last
    assert "disk" in last
    assert "transaction" not in last
