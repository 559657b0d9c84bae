"""Programs that fork while a store is in use. The tests run each as a process of its own::

    python -m tests.support.processes.forking_programs CASE DATABASE

It prints a line for everything that a process of it has been told by a store::

    stored FILE BUCKET    the put has returned
    refused WHO TEXT      StoreUnavailable was raised
    did WHO TEXT          something else that the test wants to know

A line is written in one piece. Standard output ends when all of the processes have ended.
"""

import os
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.support.rounds import rounds

CHILDREN = 3
PUTS = rounds(few=20, many=60)
# A bound, for a machine that has much else to do.
WAIT_SECONDS = 30

if __name__ == "__main__" and "gevent" in sys.argv[1]:
    from gevent import monkey

    monkey.patch_all()

from flask_bucketcors import MemoryStore, Rule, RuleSet, SQLiteStore, StoreUnavailable  # noqa: E402
from flask_bucketcors.api.result_memo import ResultMemo  # noqa: E402
from flask_bucketcors.core.compiled import CompiledRules  # noqa: E402
from flask_bucketcors.stores import forks  # noqa: E402
from flask_bucketcors.wsgi.rules_cache import RulesCache  # noqa: E402
from tests.support.processes.children import running  # noqa: E402

RULES = RuleSet([Rule(["https://a.example"], ["GET"])])


def report(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def put(store: SQLiteStore, bucket: str) -> None:
    try:
        store.put(bucket, RULES)
    except StoreUnavailable as error:
        report("refused", bucket, error)
    else:
        report("stored", store.place, bucket)


def put_many(stores: Iterable[SQLiteStore], name: str) -> None:
    for number in range(PUTS):
        for store in stores:
            put(store, f"{name}-{number}")


def fork(work: Callable[..., object], *arguments: object) -> int:
    """Work in a child, which then ends at once."""
    child = os.fork()
    if child:
        return child
    try:
        work(*arguments)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def fork_writers(*stores: SQLiteStore) -> list[int]:
    return [fork(put_many, stores, f"child{number}") for number in range(CHILDREN)]


def join(children: Iterable[int]) -> None:
    for child in children:
        os.waitpid(child, 0)  # no limit: whoever runs this program has one


def are_running(children: list[int]) -> bool:
    """Whether one of them still runs; those that have ended are taken off the list."""
    children[:] = [each for each in children if os.waitpid(each, os.WNOHANG) == (0, 0)]
    return bool(children)


def visit(path: Path | None) -> None:
    """Let another program open the file, read it, and close it."""
    program = (
        "import sqlite3, sys; database = sqlite3.connect(sys.argv[1], timeout=30); "
        "database.execute('SELECT count(*) FROM bucketcors_rules').fetchall(); database.close()"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, timeout=WAIT_SECONDS)


def used(path: Path) -> SQLiteStore:
    """A store that has read and written."""
    store = SQLiteStore(path)
    put(store, "parent")
    store.get("parent")
    return store


@contextmanager
def foreign_lock(path: Path) -> Any:
    """Another program's write lock; gives what lets go of it."""
    program = (
        "import sqlite3, sys; database = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "database.execute('BEGIN IMMEDIATE'); print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(path)]
    with running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin
        assert other.stdout
        other.stdout.readline()
        try:
            yield other.stdin.close
        finally:
            other.stdin.close()


def before_the_next_fork(action: Callable[[], object]) -> None:
    # What was registered last runs first, so this comes before the stores' own.
    pending = [action]
    os.register_at_fork(before=lambda: pending.pop()() if pending else None)


def the_parent_closes(path: Path) -> None:
    store = used(path)
    children = fork_writers(store)
    while are_running(children):
        store.close()
        store.get("parent")
    store.close()


def the_parent_ends(path: Path) -> None:
    store = used(path)
    fork_writers(store)


def the_parent_closes_before_the_children_begin(path: Path) -> None:
    store = used(path)
    reading, writing = os.pipe()
    children = [
        fork(lambda name: (os.read(reading, 1), put_many([store], name)), f"child{number}")
        for number in range(CHILDREN)
    ]
    store.close()
    visit(path)
    os.write(writing, b"." * CHILDREN)
    join(children)


def another_program_comes_and_goes(path: Path) -> None:
    store = used(path)
    children = fork_writers(store)
    store.close()
    while are_running(children):
        visit(path)


def another_program_comes_and_goes_and_the_parent_writes(path: Path) -> None:
    store = used(path)
    children = fork_writers(store)
    number = 0
    while are_running(children):
        visit(path)
        put(store, f"parent-{(number := number + 1)}")


def children_have_children(path: Path) -> None:
    store = used(path)

    def child() -> None:
        put(store, "child")
        join(fork_writers(store))
        put(store, "child-later")

    join([fork(child)])
    store.close()


def threads_write(path: Path) -> None:
    store = used(path)
    threads = [
        threading.Thread(target=put_many, args=([store], f"thread{number}"), daemon=True)
        for number in range(3)
    ]
    for thread in threads:
        thread.start()
    children = fork_writers(store)
    for thread in threads:
        thread.join(WAIT_SECONDS)
    store.close()
    join(children)


def a_thread_waits_for_another_program(path: Path) -> None:
    """It holds its store's lock, and gets on while the fork waits for that."""
    store = used(path)
    with foreign_lock(path) as let_go:
        thread = threading.Thread(target=put, args=(store, "thread"), daemon=True)
        thread.start()
        wait_until(store._database._connections.writing.locked)
        before_the_next_fork(let_go)
        children = fork_writers(store)
    thread.join(WAIT_SECONDS)
    store.close()
    join(children)


def two_stores(path: Path) -> None:
    """On two files, and two more on one of them."""
    stores = [used(path), used(path.with_name("other.sqlite")), SQLiteStore(path)]
    children = fork_writers(*stores)
    while are_running(children):
        for store in stores:
            store.close()
            store.get("parent")


def stores_are_made_meanwhile(path: Path) -> None:
    """Making one takes locks that a fork takes, too."""
    store = used(path)
    over = threading.Event()

    def make() -> None:
        while not over.is_set():
            SQLiteStore(path).get("parent")
            MemoryStore()

    threads = [threading.Thread(target=make, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    children = fork_writers(store)
    join(children)
    over.set()
    for thread in threads:
        thread.join(WAIT_SECONDS)
    store.close()


def two_threads_fork(path: Path) -> None:
    stores = [used(path), used(path.with_name("other.sqlite"))]

    def fork_one(number: int) -> None:
        join([fork(put_many, stores, f"child{number}")])

    threads = [
        threading.Thread(target=fork_one, args=(number,), daemon=True) for number in range(CHILDREN)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_SECONDS)


def multiprocessing_forks(path: Path) -> None:
    import multiprocessing

    store = used(path)
    context = multiprocessing.get_context("fork")
    children = [
        context.Process(target=put_many, args=([store], f"child{number}"))
        for number in range(CHILDREN)
    ]
    for child in children:
        child.start()
    while any(child.is_alive() for child in children):
        store.close()
        store.get("parent")
    for child in children:
        child.join(WAIT_SECONDS)


def gevent_forks(path: Path) -> None:
    """Greenlets write, and live on in the children, where they write again."""
    import gevent

    store = used(path)
    writers = [gevent.spawn(put_many, [store], f"greenlet{number}") for number in range(3)]
    gevent.sleep(0)
    children = fork_writers(store)
    gevent.joinall(writers, timeout=WAIT_SECONDS)
    store.close()
    join(children)


def gevent_waits_for_another_program(path: Path) -> None:
    """The greenlet that forks shares a thread with one that holds the store's lock."""
    import gevent

    store = used(path)
    with foreign_lock(path) as let_go:
        writer = gevent.spawn(put, store, "greenlet")
        gevent.sleep(0.01)
        assert store._database._connections.writing.locked()
        gevent.spawn_later(0.05, let_go)
        children = fork_writers(store)
    gevent.joinall([writer], timeout=WAIT_SECONDS)
    store.close()
    join(children)


def the_locks_cannot_be_had(path: Path) -> None:
    """The child ends as Python ends, and must not close what it inherited then."""
    forks.FORK_SECONDS = 0.05
    store = used(path)
    log = os.stat(f"{path}-wal").st_ino
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with store._database._connections.writing:
            held.set()
            let_go.wait(WAIT_SECONDS)

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    held.wait(WAIT_SECONDS)
    child = os.fork()
    if not child:
        put(store, "child")
        read(store, "child")
        store.close()
        return
    join([child])
    let_go.set()
    thread.join(WAIT_SECONDS)
    put(store, "parent-later")
    report("did", "parent", "keeps" if os.stat(f"{path}-wal").st_ino == log else "loses", "its log")


def the_thread_that_forks_holds_the_lock(path: Path) -> None:
    forks.FORK_SECONDS = 0.05
    store = used(path)

    def work(connection: sqlite3.Connection) -> int:
        return fork(put, store, "child")

    join([store._database.change(work)])
    put(store, "parent-later")


def a_server_forks_in_c(path: Path) -> None:
    """As uWSGI does, which runs no fork hooks of Python."""
    store = used(path)
    log = os.stat(f"{path}-wal").st_ino
    child = fork_in_c()
    if not child:
        put(store, "child")
        read(store, "child")
        store.close()
        return
    join([child])
    put(store, "parent-later")
    report("did", "parent", "keeps" if os.stat(f"{path}-wal").st_ino == log else "loses", "its log")


def a_server_forks_in_c_before_anything_is_open(path: Path) -> None:
    store = SQLiteStore(path)
    children = []
    for number in range(CHILDREN):
        child = fork_in_c()
        if not child:
            put_many([store], f"child{number}")
            os._exit(0)
        children.append(child)
    while are_running(children):
        store.close()
        store.get("parent")


def a_server_forks_in_c_with_a_database_in_memory(path: Path) -> None:
    store = SQLiteStore(":memory:")
    store.put("parent", RULES)
    child = fork_in_c()
    if not child:
        store.put("child", RULES)
        report("did", "child", store.list())
        os._exit(0)
    join([child])
    report("did", "parent", store.list())


def fork_in_c() -> int:
    # What uWSGI does, too: fork() of the C library, and nothing else.
    import ctypes

    return ctypes.PyDLL(None).fork()


def memory_is_copied(path: Path) -> None:
    """Stores in memory are locked during a fork, and the child has a copy that it can use."""
    for store in (SQLiteStore(":memory:"), MemoryStore()):
        store.put("parent", RULES)
        lock = store._lock if isinstance(store, MemoryStore) else store._database._connections
        hold_until_the_next_fork(lock if isinstance(store, MemoryStore) else lock.writing)

        def child(store: Any = store) -> None:
            store.put("child", RULES)
            report("did", "child", type(store).__name__, store.list())

        join([fork(child)])
        report("did", "parent", type(store).__name__, store.list())


def a_cache_is_filled(path: Path) -> None:
    store = MemoryStore()
    store.put("parent", RULES)
    cache = RulesCache(store, CompiledRules, cached_buckets=10)
    hold_until_the_next_fork(cache._filling)
    join([fork(lambda: report("did", "child", cache.get("parent") is not None))])
    report("did", "parent", cache.get("parent") is not None)


def a_memo_is_asked(path: Path) -> None:
    memo: ResultMemo[int] = ResultMemo()
    hold_until_the_next_fork(memo._lock)
    join([fork(lambda: report("did", "child", memo.find("question", None, lambda: 1)))])
    report("did", "parent", memo.find("question", None, lambda: 1))


def a_cache_asks_its_store_during_the_fork(path: Path) -> None:
    """Its store responds only after the fork, as one does whose lock the fork holds."""
    store, forked, asked = MemoryStore(), threading.Event(), threading.Event()
    store.put("parent", RULES)
    cache = RulesCache(store, CompiledRules, cached_buckets=10)
    tell = store.changes_since

    def wait(*arguments: Any, **options: Any) -> Any:
        asked.set()
        report("did", "parent", "waited", forked.wait(WAIT_SECONDS))
        return tell(*arguments, **options)

    store.changes_since = wait  # type: ignore[method-assign]
    forks.FORK_SECONDS = 2 * WAIT_SECONDS
    asking = threading.Thread(target=cache.get, args=("parent",), daemon=True)
    asking.start()
    asked.wait(WAIT_SECONDS)
    child = os.fork()
    store.changes_since = tell  # type: ignore[method-assign]
    if child:
        forked.set()
        asking.join(WAIT_SECONDS)
    report("did", "parent" if child else "child", cache.get("parent") is not None)
    if child:
        join([child])


def locks_of_memory_cannot_be_had(path: Path) -> None:
    """The thread that forks holds them itself, so that the child lets go of them in the end."""
    forks.FORK_SECONDS = 0.05
    store = MemoryStore()
    with store._lock:
        child = os.fork()
    store.put("b", RULES)
    report("did", "parent" if child else "child", store.list())
    if child:
        join([child])


def hold_until_the_next_fork(lock: Any) -> None:
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            let_go.wait(WAIT_SECONDS)

    threading.Thread(target=hold, daemon=True).start()
    held.wait(WAIT_SECONDS)
    before_the_next_fork(let_go.set)


def read(store: SQLiteStore, who: str) -> None:
    try:
        report("did", who, "reads", store.list())
    except StoreUnavailable as error:
        report("refused", f"{who}-reading", error)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "what should happen does not"
        time.sleep(0.001)


def stored_in(path: Path) -> set[str]:
    """The buckets whose rules are on the disk, as another program finds them."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {name for (name,) in connection.execute("SELECT bucket FROM bucketcors_rules")}


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]))
