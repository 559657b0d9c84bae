"""Hosts that follow one SQL server, as `hosts_model.py` simulates them.

A :class:`Cluster` has a :class:`Server` and :class:`Host` objects. It makes changes at random hosts
and notes when each host obeys each of them.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable

from discrete_events import Bell, Process, Resource, Simulation, Wait
from model_assumptions import (
    CATCH_UP_LIMIT,
    CONNECT_LIMIT,
    STATEMENT_LIMIT,
    TURN_LIMIT,
    Costs,
    Deployment,
)

#: The unit in which delays are counted.
TICK = 0.0001


class Server:
    """The SQL server.

    :ivar revision: the number of changes.
    :ivar history: another number after the database was restored.
    :ivar epoch: another number after a restart. Connections of an earlier one are lost.
    """

    def __init__(self, simulation: Simulation, deployment: Deployment, costs: Costs) -> None:
        self.deployment, self.costs = deployment, costs
        self.revision = self.history = self.epoch = 0
        self.is_up = True
        self.statements = self.bytes = self.connects = 0
        self.cpu = Resource(simulation, deployment.cores)
        self.link = Resource(simulation, 1)
        self._counter = Resource(simulation, 1)
        self._simulation = simulation
        # Whether a notification is on its way, by the bell of each leader.
        self._connected: dict[Bell, bool] = {}

    def connect(self, bell: Bell) -> Process:
        """Connect, and listen. Gives the epoch, or None if the server is down."""
        self.connects += 1
        yield self._trip()
        if not self.is_up:
            return None
        epoch = self.epoch
        yield from self.cpu.use(self.costs.connect)
        yield self._trip()
        if epoch == self.epoch:
            self._connected[bell] = False
        return epoch

    def query(self, revision: int) -> Process:
        """A catch-up. Gives the server's revision and history."""
        yield self._one_way()
        yield self.cpu.turn()
        # As of the time at which the server begins, so what is committed meanwhile is missing.
        found = self.revision, self.history
        rows = min(found[0] - revision, self.deployment.buckets)
        seconds = self.costs.query + rows * self.costs.row
        yield self._simulation.sleep(seconds)
        self.cpu.busy_seconds += seconds
        self.cpu.release()
        yield from self._send(self.costs.statement_bytes + rows * self.costs.row_bytes)
        self.statements += 1
        yield self._one_way()
        return found

    def part_of_all(self, rows: int) -> Process:
        """Send some rows of a whole copy."""
        yield from self.cpu.use(rows * self.costs.copied_row)
        yield from self._send(rows * self.costs.row_bytes)

    def write(self) -> Process:
        """Make a change. Gives its revision, or None if the counter was not free in time."""
        costs = self.costs
        yield self._trip(costs.trips_before)
        if not (yield self._counter.turn(STATEMENT_LIMIT)):
            return None
        yield self._trip(costs.trips_locked)
        yield from self.cpu.use(costs.write)
        yield self._simulation.sleep(costs.sync)
        self.revision += 1
        revision = self.revision
        self.statements += costs.statements
        self._counter.release()
        if self.deployment.listens:
            yield from self._notify()
        yield self._one_way()
        return revision

    def restart(self) -> None:
        """All connections are lost, and new ones are refused until ``is_up`` is set."""
        self.is_up = False
        self.epoch += 1
        for bell in self._connected:
            bell.ring()
        self._connected.clear()

    def _notify(self) -> Process:
        yield from self.cpu.use(self.costs.signal * len(self._connected))
        # A listener that has not looked yet finds both notifications at once.
        woken = [bell for bell, is_pending in self._connected.items() if not is_pending]
        self._connected.update(dict.fromkeys(woken, True))
        cores = self.deployment.cores
        for first in range(min(cores, len(woken))):
            self._simulation.start(self._wake(woken[first::cores]))

    def _wake(self, bells: Iterable[Bell]) -> Process:
        for bell in bells:
            yield from self.cpu.use(self.costs.wake)
            if bell in self._connected:
                self._connected[bell] = False
                self._simulation.after(self.deployment.latency, _ring, bell)

    def _send(self, size: float) -> Process:
        self.bytes += int(size)
        yield from self.link.use(size / self.deployment.link)

    def _one_way(self) -> Wait:
        return self._simulation.sleep(self.deployment.latency)

    def _trip(self, trips: float = 1) -> Wait:
        return self._simulation.sleep(2 * trips * self.deployment.latency)


def _ring(bell: Bell) -> None:
    bell.ring()


class Host:
    """A host: its copy, and its leader.

    :ivar revision: what the copy has, and all workers of the host obey.
    :ivar epoch: the server's, when the leader connected; None while it has no connection.
    """

    #: Rows of a whole copy that are on their way at the same time, about as many as a CPU sends
    #: before it turns to another connection.
    PART = 1_000

    def __init__(self, cluster: "Cluster", number: int) -> None:
        self.number = number
        self.revision = self.history = 0
        self.epoch: int | None = None
        self.lost_attempts = 0
        self.bell = Bell(cluster.simulation)
        self._cluster = cluster
        self._server = cluster.server
        self._simulation = cluster.simulation
        self._deployment = cluster.deployment
        # Catch-ups of a host exclude each other.
        self._copy = Resource(cluster.simulation, 1)
        self._lanes = Resource(cluster.simulation, cluster.deployment.workers)

    def follow(self) -> Process:
        """What the leader does, for ever."""
        while True:
            if (yield from self._connect()):
                yield from self._follow_connected()
            self.epoch = None
            yield self._simulation.sleep(self._pause())

    def change(self) -> Process:
        """A worker takes a change: the server, the copy of this host, then the response."""
        begun, revision = self._simulation.now, None
        if (yield self._lanes.turn(TURN_LIMIT)):
            if self._server.is_up:
                revision = yield from self._server.write()
            self._lanes.release()
        is_obeyed = revision is not None and (
            yield self._simulation.within(CATCH_UP_LIMIT, self.catch_up())
        )
        self._cluster.written(self, revision, begun, is_obeyed)

    def catch_up(self) -> Process:
        """Bring the copy up to the server's position."""
        yield self._copy.turn()
        revision, history = yield from self._server.query(self.revision)
        costs = self._server.costs
        if history != self.history:
            yield from self._take_all()
        else:
            rows = revision - self.revision
            if rows:
                yield self._simulation.sleep(costs.apply + rows * costs.applied_row)
        self._cluster.obeyed(self, revision)
        self.revision, self.history = revision, history
        self._cluster.on_obeyed(self)
        self._copy.release()

    def _connect(self) -> Process:
        found: list[int | None] = []

        def connect() -> Process:
            found.append((yield from self._server.connect(self.bell)))

        in_time = yield self._simulation.within(CONNECT_LIMIT, connect())
        if not in_time or found[0] is None:
            self.lost_attempts += not in_time
            return False
        self.epoch = found[0]
        return True

    def _follow_connected(self) -> Process:
        next_time = 0.0
        while self.epoch == self._server.epoch:
            yield self._simulation.sleep(max(0.0, next_time - self._simulation.now))
            next_time = self._simulation.now + self._deployment.floor
            yield from self.catch_up()
            yield self.bell.wait(self._deployment.refresh)

    def _pause(self) -> float:
        jitter = self._deployment.jitter
        return self._deployment.refresh * (1 - jitter * self._simulation.random.random())

    def _take_all(self) -> Process:
        """Take all rows anew."""
        yield self._cluster.copies.turn()
        rest = self._deployment.buckets
        while rest:
            part = min(self.PART, rest)
            yield from self._server.part_of_all(part)
            yield self._simulation.sleep(part * self._server.costs.copied_row_applied)
            rest -= part
        self._cluster.copies.release()


class Cluster:
    """A server with its hosts, and what is counted.

    :ivar delays: how often each time passed from an acknowledgement until another host obeyed, in
        multiples of :data:`TICK`.
    :ivar writes: for each acknowledged change, the seconds from the request to the response.
    :ivar refused: changes that the server did not make.
    :ivar unconfirmed: changes that the server made, and that the host did not obey in time.
    """

    def __init__(self, deployment: Deployment, costs: Costs | None = None, seed: int = 0) -> None:
        self.deployment = deployment
        self.simulation = Simulation(seed)
        self.server = Server(self.simulation, deployment, costs or Costs())
        self.copies = Resource(self.simulation, deployment.copies_at_once)
        self.hosts = [Host(self, number) for number in range(deployment.hosts)]
        self.delays: Counter[int] = Counter()
        self.writes = array("d")
        self.acknowledged: dict[int, float] = {}
        self.begun = self.refused = self.unconfirmed = 0
        self._taken_by: dict[int, Host] = {}
        #: Called with each host when its copy has changed.
        self.on_obeyed: Callable[[Host], None] = lambda host: None

    def start(self, spread: float) -> None:
        """Start all leaders, at random times within so many seconds."""
        for host in self.hosts:
            self.simulation.after(
                self.simulation.random.random() * spread, self.simulation.start, host.follow()
            )

    def change_at(self, rate: float, until: float) -> Process:
        """Make changes at random times and hosts, so many a second."""
        chance = self.simulation.random
        while True:
            yield self.simulation.sleep(chance.expovariate(rate))
            if self.simulation.now > until:
                return
            self.begun += 1
            self.simulation.start(chance.choice(self.hosts).change())

    def written(self, host: Host, revision: int | None, begun: float, is_obeyed: bool) -> None:
        """Note that the response to a change was sent now."""
        if revision is None:
            self.refused += 1
            return
        if not is_obeyed:
            self.unconfirmed += 1
            return
        self.acknowledged[revision] = self.simulation.now
        self._taken_by[revision] = host
        self.writes.append(self.simulation.now - begun)
        # Hosts that have obeyed it already did so in no time.
        self.delays[0] += sum(each.revision >= revision for each in self.hosts) - 1

    def obeyed(self, host: Host, revision: int) -> None:
        """Note that a host obeys all changes up to a revision from now on."""
        now, known = self.simulation.now, self.acknowledged
        for each in range(host.revision + 1, revision + 1):
            if each in known and self._taken_by[each] is not host:
                self.delays[round((now - known[each]) / TICK)] += 1
