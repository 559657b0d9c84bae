"""Processes with a thread that follows: they end, fork, and go through a pool of connections."""

import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from flask_bucketcors.stores.replica.store import ReplicaStore
from flask_bucketcors.stores.sql.store import SQLStore
from tests.support import ROOT
from tests.support.hosts.pgbouncer import pgbouncer
from tests.support.hosts.postgresql import PostgreSQL
from tests.support.hosts.server import Database
from tests.support.hosts.waiting import wait_until
from tests.support.processes.children import CHILD_SECONDS, run_python, running
from tests.support.processes.served_workers import BUCKET, rules

FOLLOWING = """
import os, sys, time
sys.path.insert(0, {root!r})
from flask_bucketcors.stores.replica.store import ReplicaStore
from flask_bucketcors.stores.sql.store import SQLStore
from tests.support.processes.served_workers import rules
host = ReplicaStore(SQLStore({url!r}, connect=False), {path!r})
host.signal()
while host._copy.contact.leader != os.getpid():
    time.sleep(0.01)
"""
HANGING = """
print('follows', flush=True)
sys.stdin.read()
time.sleep(1.5)
print('ends')
"""
FORKING = """
before = host.put("a", rules(1))
child = os.fork()
if child == 0:
    host.signal()
    host.put("b", rules(2))
    os._exit(0 if host.get("b") == rules(2) else 1)
for number in range(20):
    host.put("a", rules(number))
    assert host.get("a") == rules(number)
_, status = os.waitpid(child, 0)
host.signal()
print(status, host.get("b") == rules(2), len(host.history("b")))
"""


def following(database: Database, folder: Path) -> str:
    return FOLLOWING.format(root=str(ROOT), url=database.url, path=str(folder / "copy"))


def test_a_process_ends_that_follows(database: Database, tmp_path: Path) -> None:
    assert run_python(f"{following(database, tmp_path)}\nprint('ends')") == "ends\n"


def test_a_process_ends_that_follows_a_server_that_hangs(
    own_postgresql: PostgreSQL, tmp_path: Path
) -> None:
    with own_postgresql.database() as database:
        # The leader asks within a second, and then waits for a response.
        code = f"{following(database, tmp_path)}{HANGING}"
        command = [sys.executable, "-c", code]
        with running(command, stdin=-1, stdout=-1, stderr=-1, text=True) as process:
            assert process.stdout
            assert process.stdout.readline() == "follows\n"
            with own_postgresql.hanging():
                assert process.communicate("", CHILD_SECONDS) == ("ends\n", "")
        assert process.returncode == 0


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="it warns of forks beside threads")
def test_both_sides_of_a_fork_change_rules(database: Database, tmp_path: Path) -> None:
    assert run_python(f"{following(database, tmp_path)}{FORKING}") == "0 True 1\n"


def test_behind_a_pool_that_loses_notifications_a_host_asks(
    shared_postgresql: PostgreSQL, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        shared_postgresql.database() as database,
        pgbouncer(shared_postgresql) as pool,
        closing(SQLStore(database.url)) as other,
        closing(
            ReplicaStore(
                SQLStore(pool.url(database), connect=False), tmp_path / "copy", refresh_seconds=0.2
            )
        ) as host,
    ):
        host.signal()
        for number in range(1, 4):
            other.put(BUCKET, rules(number))
            wait_until(obeys(host, number), "the change is obeyed")
        wait_until(lambda: "did not notify" in caplog.text, "the pool is named")
    assert caplog.text.count("did not notify") == 1


def obeys(host: ReplicaStore, number: int) -> Callable[[], bool]:
    return lambda: host.get(BUCKET) == rules(number)
