"""The model of many hosts loses no change and no time, and gives what can be worked out by hand."""

import sys
from typing import Any

import pytest

from flask_bucketcors.stores.replica.copy import CATCH_UP_SECONDS
from flask_bucketcors.stores.replica.follower import FLOOR_SECONDS, RETRY_SECONDS
from tests.support import ROOT

sys.path.append(str(ROOT / "benchmarks"))

from discrete_events import Bell, Process, Resource, Simulation
from hosts_model import at, differences, server_restarts, times_of
from model_assumptions import CATCH_UP_LIMIT, MEASURED, Costs, Deployment
from simulated_hosts import TICK, Cluster

LATENCY = 0.001
#: Nothing takes time but the network.
FREE = Costs(**dict.fromkeys(vars(Costs()), 0))
RATE, SECONDS, MUCH_LATER = 50, 4.0, 60.0


def run_with_changes(deployment: Deployment, costs: Costs | None = None) -> Cluster:
    """Make changes for a while, restart the server and restore a backup; then let all end."""
    cluster = Cluster(deployment, costs)
    cluster.start(spread=deployment.refresh)
    cluster.simulation.run(2 * deployment.refresh)
    cluster.simulation.start(cluster.change_at(RATE, cluster.simulation.now + SECONDS))
    cluster.simulation.run(cluster.simulation.now + SECONDS / 2)
    cluster.server.restart()
    cluster.simulation.run(cluster.simulation.now + SECONDS / 4)
    cluster.server.is_up = True
    cluster.server.history += 1
    cluster.simulation.run(MUCH_LATER)
    return cluster


@pytest.fixture(params=[True, False], ids=["LISTEN", "polling"])
def busy(request: pytest.FixtureRequest) -> Cluster:
    return run_with_changes(Deployment(hosts=8, listens=request.param, buckets=2_000))


def one_change(cluster: Cluster, at_second: float = 5.0) -> None:
    """Make one change at the first host, while all are idle."""
    cluster.start(spread=1)
    cluster.simulation.run(at_second)
    cluster.simulation.start(cluster.hosts[0].change())
    cluster.simulation.run(MUCH_LATER)


# Nothing is lost, and nothing comes from nowhere.


def test_every_change_is_acknowledged_or_refused(busy: Cluster) -> None:
    assert busy.refused > 0
    assert busy.begun == len(busy.acknowledged) + busy.refused
    assert busy.server.revision == len(busy.acknowledged)
    assert busy.unconfirmed == 0


def test_a_change_during_a_long_copy_is_made_and_not_acknowledged() -> None:
    costs = Costs(**{**vars(FREE), "copied_row_applied": 0.01})
    cluster = Cluster(Deployment(hosts=1, buckets=6_000), costs)
    cluster.start(spread=0)
    cluster.server.history = 1
    cluster.simulation.run(5)
    cluster.simulation.start(cluster.hosts[0].change())
    cluster.simulation.run(6 + CATCH_UP_LIMIT)
    assert (cluster.server.revision, cluster.unconfirmed, cluster.refused) == (1, 1, 0)
    cluster.simulation.run(2 * MUCH_LATER)
    assert cluster.hosts[0].revision == 1


def test_every_other_host_obeys_every_change_once(busy: Cluster) -> None:
    others = len(busy.hosts) - 1
    assert busy.delays.total() == len(busy.acknowledged) * others
    assert {host.revision for host in busy.hosts} == {busy.server.revision}
    assert {host.history for host in busy.hosts} == {busy.server.history}


def test_the_server_is_never_busier_than_its_cpus_and_its_link(busy: Cluster) -> None:
    server = busy.server
    assert 0 < server.cpu.busy_seconds <= busy.deployment.cores * MUCH_LATER
    assert 0 < server.link.busy_seconds <= MUCH_LATER
    assert server.link.busy_seconds * busy.deployment.link == pytest.approx(server.bytes, rel=0.01)


def test_every_row_of_a_whole_copy_is_sent_to_every_host() -> None:
    costs = Costs(statement_bytes=0)
    cluster = Cluster(Deployment(hosts=3, buckets=2_500), costs)
    cluster.start(spread=1)
    cluster.server.history += 1
    cluster.simulation.run(MUCH_LATER)
    assert cluster.server.bytes == 3 * 2_500 * costs.row_bytes


@pytest.mark.parametrize("rate", [1, 30, 1_000])
def test_queries_are_bounded_by_the_floor_whatever_the_rate(rate: float) -> None:
    deployment = Deployment(hosts=4, refresh=1)
    cluster = Cluster(deployment, Costs(statements=0))
    cluster.start(spread=1)
    cluster.simulation.start(cluster.change_at(rate, SECONDS))
    cluster.simulation.run(SECONDS)
    leaders = deployment.hosts * (SECONDS / deployment.floor + 1)
    assert cluster.server.statements <= leaders + cluster.begun


def test_the_same_seed_gives_the_same_run() -> None:
    first, second = (run_with_changes(Deployment(hosts=4, buckets=100)) for _ in range(2))
    assert first.delays == second.delays
    assert first.acknowledged == second.acknowledged


# What can be worked out by hand.


def test_without_changes_each_host_asks_once_in_each_refresh() -> None:
    cluster = Cluster(Deployment(hosts=10, refresh=0.5, latency=0), FREE)
    cluster.start(spread=0.5)
    cluster.simulation.run(20.25)
    assert cluster.server.statements == pytest.approx(10 * 20 / 0.5, abs=10)


def test_a_notified_host_obeys_one_way_and_one_round_trip_after_the_commit() -> None:
    cluster = Cluster(Deployment(hosts=2, latency=LATENCY), FREE)
    obeyed = times_of(cluster, lambda host: host.revision == 1)
    one_change(cluster)
    assert obeyed[1] == pytest.approx(5 + 3 * LATENCY)
    # The same for the host that took the change: the server's response, and a catch-up.
    assert cluster.acknowledged == {1: pytest.approx(5 + 3 * LATENCY)}
    assert at(cluster.delays, 1) == 0


def test_a_host_that_polls_obeys_within_a_refresh_and_a_round_trip() -> None:
    deployment = Deployment(hosts=200, latency=LATENCY, listens=False, refresh=1)
    cluster = Cluster(deployment, FREE)
    one_change(cluster)
    assert 0.9 < at(cluster.delays, 1) <= 1 + 3 * LATENCY
    assert at(cluster.delays, 0.5) == pytest.approx(0.5, abs=0.1)


def test_a_second_change_waits_for_the_floor() -> None:
    cluster = Cluster(Deployment(hosts=2, latency=LATENCY, floor=0.2), FREE)
    cluster.simulation.start(_later(cluster.simulation, 5 + 5 * LATENCY, cluster.hosts[0].change()))
    one_change(cluster)
    # The first catch-up began after one way, so the second ends after 0.2 seconds and three ways.
    # The second change was acknowledged after eight.
    assert at(cluster.delays, 1) == pytest.approx(0.2 + 3 * LATENCY - 8 * LATENCY, abs=TICK)


def _later(simulation: Simulation, second: float, process: Process) -> Process:
    yield simulation.sleep(second)
    yield from process


def test_a_busy_counter_sets_the_rate_of_changes() -> None:
    costs = Costs(sync=0.01, write=0, trips_before=0, trips_locked=0)
    cluster = Cluster(Deployment(hosts=20), costs)
    cluster.simulation.start(cluster.change_at(1_000, SECONDS))
    cluster.simulation.run(SECONDS)
    assert cluster.server.revision == pytest.approx(SECONDS / 0.01, rel=0.02)


@pytest.mark.parametrize("jitter", [0, 0.5])
def test_all_hosts_follow_again_after_a_restart(jitter: float) -> None:
    attempts, given_up, seconds, _ = server_restarts(Deployment(hosts=40, jitter=jitter))
    assert (attempts, given_up) == (40, 0)
    assert 0 < seconds <= 1 + 40 * Costs().connect


def test_a_host_that_gives_up_connecting_tries_again() -> None:
    cluster = Cluster(Deployment(hosts=8, cores=1), Costs(connect=0.5))
    cluster.start(spread=0)
    cluster.simulation.run(MUCH_LATER)
    assert sum(host.lost_attempts for host in cluster.hosts) > 0
    assert {host.epoch for host in cluster.hosts} == {0}


@pytest.mark.parametrize("at_once, turns", [(6, 1), (3, 2), (1, 6)])
def test_hosts_take_whole_copies_in_turns(at_once: int, turns: int) -> None:
    costs = Costs(**{**vars(FREE), "copied_row_applied": 0.001})
    deployment = Deployment(hosts=6, latency=0, buckets=1_000, copies_at_once=at_once)
    cluster = Cluster(deployment, costs)
    done = times_of(cluster, lambda host: host.history == 1)
    cluster.server.history = 1
    cluster.start(spread=0)
    cluster.simulation.run(MUCH_LATER)
    assert max(done.values()) == pytest.approx(turns * 1_000 * 0.001)


# What it is made of.


def test_a_resource_is_used_in_the_order_of_coming() -> None:
    simulation, ended = Simulation(), []
    counter = Resource(simulation, 2)
    for seconds in (3, 1, 1, 1):
        simulation.start(counter.use(seconds), lambda _: ended.append(simulation.now))
    simulation.run(10)
    assert ended == [1, 2, 3, 3]
    assert counter.busy_seconds == 6


def test_a_turn_that_comes_too_late_goes_to_the_next() -> None:
    simulation, got = Simulation(), []
    counter = Resource(simulation, 1)

    def customer(limit: float) -> Process:
        got.append((limit, (yield counter.turn(limit)), simulation.now))

    simulation.start(counter.use(5))
    for limit in (2, 8):
        simulation.start(customer(limit))
    simulation.run(10)
    assert got == [(2, False, 2), (8, True, 5)]


@pytest.mark.parametrize(
    "rings, found",
    [([], [False, False]), ([0.5], [True, False]), ([0.2, 0.4], [True, True]), ([9], [False] * 2)],
)
def test_a_bell_is_heard_once_also_by_those_who_come_later(
    rings: list[float], found: list[bool]
) -> None:
    simulation, heard = Simulation(), []
    bell = Bell(simulation)

    def listener() -> Process:
        for _ in range(2):
            heard.append((yield bell.wait(1)))
            yield simulation.sleep(1)

    simulation.start(listener())
    for second in rings:
        simulation.after(second, lambda _: bell.ring())
    simulation.run(20)
    assert heard == found


@pytest.mark.parametrize("limit, in_time", [(2, False), (4, True)])
def test_what_takes_too_long_goes_on(limit: float, in_time: bool) -> None:
    simulation, seen = Simulation(), []
    counter = Resource(simulation, 1)

    def customer() -> Process:
        seen.append((yield simulation.within(limit, counter.use(3))))

    simulation.start(customer())
    simulation.run(10)
    assert seen == [in_time]
    assert counter.busy_seconds == 3


# What it assumes is so.


def test_limits_are_those_of_the_stores() -> None:
    deployment = Deployment()
    assert CATCH_UP_LIMIT == CATCH_UP_SECONDS
    assert (deployment.floor, deployment.refresh) == (FLOOR_SECONDS, RETRY_SECONDS)


def measured(**changed: float) -> dict[str, Any]:
    """What `hosts.py` would save if it measured the costs of the model, but for some."""
    costs = {**vars(Costs()), **changed}
    return {row: costs[name] / unit for name, (row, unit) in MEASURED.items()}


@pytest.mark.parametrize(
    "changed, names",
    [({}, []), ({"query": 0.1}, ["query"]), ({"query": 1e-9, "write": 1.0}, ["query", "write"])],
)
def test_a_cost_that_was_measured_differently_is_named(
    changed: dict[str, float], names: list[str]
) -> None:
    found = differences(measured(**changed), Costs())
    assert [line.split()[0] for line in found] == names
