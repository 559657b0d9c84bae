"""No response is decided by rules older than an acknowledged change, under a real gunicorn.

Six processes put and delete rules and ask for them at the same time. ``rule_histories`` checks what
they have seen.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support import ROOT
from tests.support.apps import faulty_storage, served_storage
from tests.support.apps.faulty_storage import FAULT, FAULTS
from tests.support.apps.served_storage import DATABASE, HOST_SUFFIX, WORKER
from tests.support.processes import history_client
from tests.support.processes.servers import gunicorn
from tests.support.rounds import ROUNDS_TIMEOUT, rounds
from tests.support.rule_histories import DISAGREES, REPLACED, Read, Write, find_violations

CLIENTS = 6
WORKERS = 3
ROUNDS = rounds(few=40, many=300)
# Most faults make more than a dozen reads too old in so many rounds. Which reads fall into the time
# in which a fault can be seen is up to the machine, so the clients may try again.
ROUNDS_WITH_A_FAULT = 20
TRIES_WITH_A_FAULT = 5
# Bounds, for a machine that has much else to do.
ROUND_SECONDS = 2
START_SECONDS = 60

SERVERS = {
    "gthread": {"worker_class": "gthread", "threads": 4},
    "gevent": {"worker_class": "gevent"},
}


class History(NamedTuple):
    """What the clients have seen together."""

    writes: list[Write]
    reads: list[Read]
    workers: set[str]


def run_clients(port: int, rounds: int) -> History:
    """Run the clients against a server, all at once."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    history = History([], [], set())
    with ExitStack() as stack:
        clients = []
        for number in range(1, CLIENTS + 1):
            arguments = (port, HOST_SUFFIX, WORKER, number, rounds)
            command = [sys.executable, "-m", history_client.__name__, *map(str, arguments)]
            client = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE)
            clients.append(stack.enter_context(client))
            stack.callback(client.kill)
        for client in clients:
            output, _ = client.communicate(timeout=START_SECONDS + rounds * ROUND_SECONDS)
            assert client.returncode == 0, "a client has failed; it says above why"
            told = json.loads(output)
            history.writes.extend(Write(*write) for write in told["writes"])
            history.reads.extend(Read(*read) for read in told["reads"])
            history.workers.update(told["workers"])
    return history


def is_one_during_a_change(events: Iterable[Write | Read], writes: list[Write]) -> bool:
    """Whether one of the events happened while somebody else changed their bucket."""
    return any(
        write is not event
        and write.bucket == event.bucket
        and write.start < event.end
        and event.start < write.end
        for event in events
        for write in writes
    )


@pytest.mark.timeout(ROUNDS_TIMEOUT)
@pytest.mark.parametrize("settings", SERVERS.values(), ids=SERVERS.keys())
def test_no_response_is_older_than_an_acknowledged_change(tmp_path, settings):
    environ = {DATABASE: str(tmp_path / "rules.sqlite")}
    with gunicorn(served_storage.APP, workers=WORKERS, environ=environ, **settings) as server:
        history = run_clients(server.port, ROUNDS)
    assert find_violations(history.writes, history.reads) == []
    # Otherwise it would have shown nothing.
    assert len(history.workers) > 1
    assert is_one_during_a_change(history.writes, history.writes)
    assert is_one_during_a_change(history.reads, history.writes)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_by_which_workers_use_old_rules_is_found(tmp_path, fault):
    found = set()
    for attempt in range(TRIES_WITH_A_FAULT):
        found |= find_reasons(fault, tmp_path / f"rules-{attempt}.sqlite")
        if found:
            break
    assert found
    assert found <= {REPLACED, DISAGREES}


def find_reasons(fault: str, database: Path) -> set[str]:
    """Say how the reads disagreed with the writes, of clients of a server with the fault."""
    environ = {DATABASE: str(database), FAULT: fault}
    settings = {**SERVERS["gthread"], "preload": True}
    with gunicorn(faulty_storage.APP, workers=WORKERS, environ=environ, **settings) as server:
        history = run_clients(server.port, ROUNDS_WITH_A_FAULT)
    return {each.reason for each in find_violations(history.writes, history.reads)}
