"""All that is promised of several hosts holds while everything fails that can.

Clients change and read rules on two hosts, one with gthread and one with gevent and ``--preload``;
another program changes them at the server. :mod:`tests.support.host_histories` compares what all of
them saw with what the server has. ``BUCKETCORS_HISTORY_SECONDS`` says for how long, and
``BUCKETCORS_HISTORY_SEED`` of which random choices.
"""

import os
import time
from collections import Counter
from contextlib import ExitStack
from math import inf
from random import Random

import pytest
from sqlalchemy.engine import make_url

from tests.support.apps.planted_bugs import BUGS, DELAYS
from tests.support.host_faults import (
    CUT_SECONDS,
    FAULTS,
    LATE_SECONDS,
    LIMITS,
    MARGIN_SECONDS,
    RECOVERY_SECONDS,
)
from tests.support.host_histories import find_faults
from tests.support.host_operations import Fault, Kind, describe
from tests.support.host_runs import run_fleet
from tests.support.hosts.postgresql import postgresql

SECONDS = float(os.environ.get("BUCKETCORS_HISTORY_SECONDS", "20"))
SEED = int(os.environ.get("BUCKETCORS_HISTORY_SEED", "1"))
LOAD_SECONDS = 1.0
# How late a host may be that is not notified, and one that relies on notifications.
POLLING = {"refresh_seconds": 0.5}
NOTIFIED = {"refresh_seconds": 30.0}

GTHREAD = {"worker_class": "gthread", "threads": 4}
GEVENT = {"worker_class": "gevent", "preload_app": True}
HOSTS = {
    "PostgreSQL": {"a": GTHREAD | POLLING, "b": GEVENT | NOTIFIED},
    "MariaDB": {"a": GTHREAD | POLLING, "b": GEVENT | POLLING},
}
HOST_IN_A_NETWORK = GTHREAD | {"refresh_seconds": 1.0}
# The second server differs in what tells the hosts of a change.
SHARE = {"PostgreSQL": 1.0, "MariaDB": 1 / 5}

# Which responses fall into the time in which a bug can be seen is up to the machine.
TRIES = 3
LOAD_WITH_A_BUG_SECONDS = 3.0


@pytest.mark.timeout(SECONDS + 240)
def test_no_promise_is_broken_while_everything_fails(own_server, own_database, tmp_path):
    kind = type(own_server).__name__
    random, seconds = Random(SEED), SECONDS * SHARE[kind]
    with run_fleet(own_database, tmp_path, HOSTS[kind], seed=SEED) as fleet:
        start = time.monotonic()
        for name in faults_in_turn(random):
            fleet.go_on()
            time.sleep(LOAD_SECONDS)
            FAULTS[name](fleet)
            fleet.count(name, 1)
            if time.monotonic() > start + seconds:
                break
        fleet.settle(LATE_SECONDS + MARGIN_SECONDS)
        operations = fleet.end()
    kinds = Counter(each.kind.value for each in operations)
    lost = sum(each.end == inf for each in operations)
    print(f"seed {SEED}, {seconds:.0f} s, {dict(kinds)}, {lost} not acknowledged")
    print(dict(fleet.counts))
    found = find_faults(operations, fleet.eras, LIMITS, fleet.cuts)
    assert found == [], f"seed {SEED}: {describe(found)}"
    # Otherwise it would have shown nothing.
    assert {*kinds} >= {Kind.PUT, Kind.DELETE, Kind.PUT_MANY, Kind.READ}


def faults_in_turn(random):
    """All faults in random order, and again in another one, for ever."""
    while True:
        yield from random.sample(list(FAULTS), len(FAULTS))


@pytest.mark.timeout(200)
def test_no_promise_is_broken_when_cables_are_cut(two_cables, tmp_path):
    """Packets are lost, and nobody is told."""
    cables = dict(zip("ab", two_cables.cables, strict=True))
    with postgresql(place=two_cables.server) as server, server.database() as database:
        hosts = {name: HOST_IN_A_NETWORK | {"place": cables[name].host} for name in cables}
        socket = make_url(database.url).set(host=None, port=None)
        url = socket.update_query_dict({"host": str(server.kept.folder), "port": str(server.port)})
        text = url.render_as_string(hide_password=False)
        with run_fleet(database, tmp_path, hosts, seed=SEED, url=text) as fleet:
            for names in ("a", "b", "ab"):
                fleet.go_on()
                time.sleep(LOAD_SECONDS)
                with ExitStack() as stack:
                    for name in names:
                        stack.enter_context(fleet.cut(name))
                        stack.callback(cables[name].heal)
                        cables[name].cut()
                    time.sleep(CUT_SECONDS)
                fleet.settle(RECOVERY_SECONDS + MARGIN_SECONDS)
            operations = fleet.end()
    found = find_faults(operations, fleet.eras, LIMITS, fleet.cuts)
    assert found == [], f"seed {SEED}: {describe(found)}"


@pytest.mark.parametrize("name", BUGS)
@pytest.mark.timeout(200)
def test_a_planted_bug_is_found(shared_postgresql, tmp_path, name):
    found = set()
    for attempt in range(TRIES):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with shared_postgresql.database() as database:
            found |= find_faults_of(database, folder, name, BUGS[name], SEED + attempt)
        if found & BUGS[name].faults:
            break
    assert found & BUGS[name].faults, f"it is not found; other faults are: {found}"


@pytest.mark.parametrize("name", DELAYS)
def test_what_only_takes_long_is_no_bug(shared_postgresql, tmp_path, name):
    with shared_postgresql.database() as database:
        assert find_faults_of(database, tmp_path, name, DELAYS[name], seed=SEED) == set()


def find_faults_of(database, folder, name, bug, seed):
    """Say what is wrong when a host has a bug, and another program changes rules."""
    scenario, host = bug.scenario, GTHREAD | NOTIFIED | {"preload_app": True}
    with run_fleet(database, folder, {"a": host}, seed=seed, bug=name) as fleet:
        fleet.go_on()
        time.sleep(LOAD_WITH_A_BUG_SECONDS if scenario is None else LOAD_SECONDS)
        if scenario is not None:
            FAULTS[scenario](fleet)
        fleet.settle(LATE_SECONDS + MARGIN_SECONDS if Fault.LATE in bug.faults else 0)
        operations = fleet.end()
    return {each.fault for each in find_faults(operations, fleet.eras, LIMITS, fleet.cuts)}
