"""A model of many hosts that follow one SQL server: what they cost it, and when they obey.

It simulates a server with CPUs, a counter that one change at a time holds, and a network link; and
hosts, each with a leader that follows, and workers that take changes. ``Costs`` says what each
step takes, and where that was measured. ``--check`` compares it with what `hosts.py` saved.

The model leaves out other users of the server, lost packets, and all requests, because they send
no statements. The network's latency is an assumption: nothing here measures it.

There are tables of

- usual load, from one change in ten seconds to 1,000 a second, with LISTEN and by polling;
- a restart of the server or of all hosts, with and without jitter in the attempts to connect;
- a database that was restored, which every host copies whole;
- what a notification costs, by the number of hosts that listen.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from model_assumptions import MEASURED, Costs, Deployment
from report import RESULTS, Table, finish, parse_arguments, shown
from simulated_hosts import TICK, Cluster, Host

RATES = (0.1, 1, 10, 100, 1_000)
SIZES = (50, 500)
#: Under usual load: as many changes as this, within so many seconds.
CHANGES, LEAST_SECONDS, MOST_SECONDS = 200, 6, 1_000
#: How long a server or the hosts are away before all of them connect at once.
AWAY_SECONDS = 10.0
#: Changes a second while hosts connect or copy.
BESIDE = 10
#: How long changes go on while hosts copy.
COPY_SECONDS = 60.0
#: Hosts that copy at the same time, where not all of them do.
AT_ONCE = 10
#: A figure of the model is right if it is within this factor of the measured one: machines differ.
FACTOR = 3


def main() -> int:
    # Of the script itself, so that the other arguments are those of all scripts.
    if "--check" in sys.argv[1:]:
        return check()
    options = parse_arguments(__doc__)
    tables = {
        "model-load": Table(LOAD_COLUMNS, [*load()]),
        "model-connects": Table(CONNECT_COLUMNS, [*connects()]),
        "model-copies": Table(COPY_COLUMNS, [*copies()]),
        "model-listeners": Table(LISTENER_COLUMNS, [*listeners()]),
    }
    finish(tables, save=options.save)
    return 0


LOAD_COLUMNS = [
    "changes a second",
    "acknowledged",
    "statements a second",
    "CPUs busy",
    "MB a second",
    "p50, ms",
    "p99, ms",
    "max, ms",
    "connections at most",
]


def load() -> Iterator[list[Any]]:
    """Usual load. The times are those from an acknowledgement until another host obeys."""
    for hosts in SIZES:
        for listens in (True, False):
            for rate in RATES:
                deployment = Deployment(hosts=hosts, listens=listens)
                how = "LISTEN" if listens else "polling"
                yield [f"{hosts} hosts, {how}, {shown(rate)}", *usual_load(deployment, rate)]


def usual_load(deployment: Deployment, rate: float) -> list[float]:
    seconds = min(max(CHANGES / rate, LEAST_SECONDS), MOST_SECONDS)
    cluster = Cluster(deployment)
    server, simulation = cluster.server, cluster.simulation
    cluster.start(spread=deployment.refresh)
    begin = 2 * deployment.refresh
    simulation.run(begin)
    before = server.statements, server.cpu.busy_seconds, server.bytes
    simulation.start(cluster.change_at(rate, begin + seconds))
    simulation.run(begin + seconds)
    statements, busy, size = server.statements, server.cpu.busy_seconds, server.bytes
    return [
        len(cluster.acknowledged) / seconds,
        (statements - before[0]) / seconds,
        (busy - before[1]) / seconds,
        (size - before[2]) / seconds / 1e6,
        *(1_000 * at(cluster.delays, part) for part in (0.5, 0.99, 1)),
        deployment.connections,
    ]


CONNECT_COLUMNS = [
    "all connect at once",
    "attempts",
    "given up",
    "seconds until all follow",
    "longest put, seconds",
]


def connects() -> Iterator[list[Any]]:
    """What happens after a restart of the server, or of all hosts."""
    for hosts in SIZES:
        for jitter in (0.0, 0.5):
            deployment = Deployment(hosts=hosts, jitter=jitter)
            how = "with jitter" if jitter else "without jitter"
            yield [f"{hosts} hosts, server restarts, {how}", *server_restarts(deployment)]
        yield [f"{hosts} hosts, all hosts restart", *hosts_restart(Deployment(hosts=hosts))]


def server_restarts(deployment: Deployment) -> list[float]:
    cluster = Cluster(deployment)
    server, simulation = cluster.server, cluster.simulation
    cluster.start(spread=deployment.refresh)
    simulation.run(2 * deployment.refresh)
    server.restart()
    simulation.run(simulation.now + AWAY_SECONDS)
    server.is_up = True
    return until_all_follow(cluster)


def hosts_restart(deployment: Deployment) -> list[float]:
    cluster = Cluster(deployment)
    cluster.start(spread=0)
    return until_all_follow(cluster)


def until_all_follow(cluster: Cluster) -> list[float]:
    simulation, server = cluster.simulation, cluster.server
    begin, before = simulation.now, server.connects
    simulation.start(cluster.change_at(BESIDE, begin + AWAY_SECONDS))
    following = times_of(cluster, lambda host: host.epoch == server.epoch)
    simulation.run(begin + 2 * AWAY_SECONDS)
    given_up = sum(host.lost_attempts for host in cluster.hosts)
    last = max(following.values()) - begin if len(following) == len(cluster.hosts) else None
    return [server.connects - before, given_up, last, max(cluster.writes)]


COPY_COLUMNS = [
    "whole copies after a restore",
    "first host, seconds",
    "half of them",
    "last host",
    "GB sent",
    "CPU seconds",
    "put p99, ms",
    "puts that get 503, %",
]


def copies() -> Iterator[list[Any]]:
    """Every host copies a restored database."""
    for hosts in SIZES:
        for buckets in (100_000, 1_000_000):
            for at_once in (hosts, AT_ONCE):
                deployment = Deployment(hosts=hosts, buckets=buckets, copies_at_once=at_once)
                how = "all at once" if at_once == hosts else f"{at_once} at a time"
                yield [f"{hosts} hosts, {buckets:,} buckets, {how}", *restored(deployment)]


def restored(deployment: Deployment) -> list[float | None]:
    cluster = Cluster(deployment)
    server, simulation = cluster.server, cluster.simulation
    cluster.start(spread=deployment.refresh)
    simulation.run(2 * deployment.refresh)
    server.history += 1
    begin, size, busy = simulation.now, server.bytes, server.cpu.busy_seconds
    done = times_of(cluster, lambda host: host.history == server.history)
    simulation.start(cluster.change_at(BESIDE, begin + COPY_SECONDS))
    while len(done) < len(cluster.hosts):
        simulation.run(simulation.now + COPY_SECONDS)
    times = sorted(time - begin for time in done.values())
    puts = Counter(round(each / TICK) for each in cluster.writes)
    sent, spent = server.bytes - size, server.cpu.busy_seconds - busy
    middle = times[len(times) // 2]
    refused = 100 * (1 - len(cluster.writes) / cluster.begun)
    late = 1_000 * at(puts, 0.99) if puts else None
    return [times[0], middle, times[-1], sent / 1e9, spent, late, refused]


LISTENER_COLUMNS = ["hosts that listen", "put p50, ms", "put p99, ms", "CPUs busy"]


def listeners() -> Iterator[list[Any]]:
    """Ten changes a second, with more and more hosts that listen."""
    for hosts in (1, 50, 200, 500):
        cluster = Cluster(Deployment(hosts=hosts))
        cluster.start(spread=1)
        cluster.simulation.start(cluster.change_at(BESIDE, MOST_SECONDS))
        seconds = CHANGES / BESIDE
        cluster.simulation.run(seconds)
        puts = Counter(round(each / TICK) for each in cluster.writes)
        busy = cluster.server.cpu.busy_seconds / seconds
        yield [f"{hosts}", 1_000 * at(puts, 0.5), 1_000 * at(puts, 0.99), busy]


def times_of(cluster: Cluster, is_done: Any) -> dict[int, float]:
    """When something was first true of each host that had caught up; filled as time goes on."""
    times: dict[int, float] = {}

    def note(host: Host) -> None:
        if host.number not in times and is_done(host):
            times[host.number] = cluster.simulation.now

    cluster.on_obeyed = note
    return times


def at(counts: Counter[int], part: float) -> float:
    """The time in seconds within which this part of all falls; 0 of nothing."""
    rest = part * counts.total()
    for ticks in sorted(counts):
        rest -= counts[ticks]
        if rest <= 0:
            return ticks * TICK
    return 0.0


def check() -> int:
    """Compare the costs with what was measured and saved."""
    saved = json.loads(RESULTS.read_text())["hosts-costs"]["rows"]
    wrong = differences({name: figure for name, figure, *_ in saved}, Costs())
    print("\n".join(wrong) or "The model's costs are those of the measurement.")
    return 1 if wrong else 0


def differences(measured: dict[str, float], costs: Costs) -> Sequence[str]:
    """The costs that are not within :data:`FACTOR` of what was measured, in words."""
    found = []
    for name, (row, unit) in MEASURED.items():
        cost, figure = getattr(costs, name), measured[row] * unit
        if not figure / FACTOR <= cost <= figure * FACTOR:
            found.append(f"{name} is {cost:g}, but {row!r} was measured as {measured[row]:g}")
    return found


if __name__ == "__main__":
    sys.exit(main())
