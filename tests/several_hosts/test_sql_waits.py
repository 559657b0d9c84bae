"""A server that hangs, processes that fork and greenlets: nothing waits without a limit."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from flask_bucketcors import Rule, RuleSet, SQLStore
from flask_bucketcors.core.errors import ServerUnreachable
from tests.support import ROOT
from tests.support.hosts.postgresql import PostgreSQL
from tests.support.hosts.server import Database
from tests.support.hosts.waiting import wait_until
from tests.support.processes import server_programs
from tests.support.processes.children import CHILD_SECONDS, running

RULES = RuleSet([Rule(["https://a.example"], ["GET"])])


def program(name: str, database: Database) -> Any:
    warnings = "ignore:This process:DeprecationWarning"
    return running(
        [sys.executable, "-W", warnings, "-m", server_programs.__name__, name, database.url],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: Any) -> list[str]:
    """What the program still printed, once it has ended."""
    output, errors = process.communicate("\n", timeout=CHILD_SECONDS)
    assert (process.returncode, errors) == (0, "")
    return [line for line in output.splitlines() if line != "ready"]


def read_until_ready(process: Any) -> list[str]:
    lines = []
    while (line := process.stdout.readline().strip()) != "ready":
        assert line, process.stderr.read()
        lines.append(line)
    return lines


def test_a_fork_leaves_the_connections_to_the_parent(database: Database) -> None:
    with program("fork", database) as process:
        assert end(process) == ["revision 3"]


def test_greenlets_go_on_while_a_server_hangs(own_database: Database) -> None:
    """With patches of gevent that came after everything was opened."""
    with program("greenlets", own_database) as process:
        assert read_until_ready(process) == ["done 12 7"]
        with own_database.server.hanging():
            print(file=process.stdin, flush=True)
            assert read_until_ready(process) == ["refused True", "ticked True"]
        assert end(process) == ["back 8"]


CALLS: dict[str, Callable[[SQLStore], object]] = {
    "put": lambda store: store.put("b", RULES),
    "put_many": lambda store: store.put_many((f"b{number}", RULES) for number in range(100)),
    "delete": lambda store: store.delete("b"),
    "list": lambda store: store.list(),
    "kept_settings": lambda store: store.kept_settings(),
    "prepare": lambda store: SQLStore(store._server.given_url),
}


def test_each_call_has_a_limit_if_the_server_hangs(own_database: Database) -> None:
    store = SQLStore(own_database.url)
    feed = store.open_feed()
    for call in CALLS.values():
        call(store)
    with feed.since(None) as batch:
        position = batch.position
    refused = []

    def try_call(call: Callable[[SQLStore], object]) -> None:
        with pytest.raises(ServerUnreachable):
            call(store)
        refused.append(call)

    def read_feed(store: SQLStore) -> None:
        with feed.since(position):
            pass

    with own_database.server.hanging():
        calls = [*CALLS.values(), read_feed]
        threads = [threading.Thread(target=try_call, args=(call,), daemon=True) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(CHILD_SECONDS)
    assert len(refused) == len(calls)
    for call in (*CALLS.values(), read_feed):
        call(store)
    feed.close()
    store.close()


def test_a_server_that_is_gone_refuses_at_once_and_serves_when_it_is_back(
    own_database: Database,
) -> None:
    store = SQLStore(own_database.url)
    store.put("b", RULES)
    for how in ("fast", "immediate"):
        own_database.server.stop(how)
        for call in (CALLS["put"], CALLS["list"]):
            with pytest.raises(ServerUnreachable, match="cannot be reached or was lost"):
                call(store)
        own_database.server.start()
        store.put("b", RULES)
        assert store.get("b") == RULES
    assert store.revision == 3
    store.close()


def test_threads_that_wait_for_a_server_that_hangs_give_up_together(
    own_postgresql: PostgreSQL,
) -> None:
    """And from then on, one at a time tries it, and the others are refused at once.

    Otherwise they would keep all threads of a worker from its other requests. The turns are the
    same for each kind of server.
    """
    with own_postgresql.database() as database, closing(SQLStore(database.url)) as store:
        store.put("b", RULES)
        ready = threading.Barrier(6)

        def put(refused: list[str]) -> None:
            with pytest.raises(ServerUnreachable) as error:
                store.put("b", RULES)
            refused.append(str(error.value))

        def put_together(refused: list[str]) -> None:
            ready.wait(CHILD_SECONDS)
            put(refused)

        def start(run: Callable[[list[str]], None], refused: list[str]) -> threading.Thread:
            thread = threading.Thread(target=run, args=(refused,), daemon=True)
            thread.start()
            return thread

        together: list[str] = []
        trying: list[str] = []
        meanwhile: list[str] = []
        with own_postgresql.hanging():
            threads = [start(put_together, together) for _ in range(6)]
            for thread in threads:
                thread.join(CHILD_SECONDS)
            thread = start(put, trying)
            wait_until(store._writer._lane._turn.locked, "a thread tries the server")
            put(meanwhile)
            assert not trying
            thread.join(CHILD_SECONDS)
        assert len(together) == 6
        assert sum("did not respond to another thread" in text for text in together) == 5
        assert "keeps another thread of this process waiting" in meanwhile[0]
        assert "another thread" not in trying[0]
        assert store.put("b", RULES) == 2
