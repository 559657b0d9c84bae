"""What `hosts_model.py` assumes: limits, what each step takes, and what runs where."""

from dataclasses import dataclass

#: The limits of the stores, in seconds: to connect; of a statement; to wait for another thread of
#: the process; and for another catch-up of the host.
CONNECT_LIMIT, STATEMENT_LIMIT, TURN_LIMIT, CATCH_UP_LIMIT = 2.0, 3.0, 5.0, 20.0
#: A worker that has made a change keeps one connection for changes, and one to catch up.
CONNECTIONS_OF_A_WRITER = 2


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What each step takes, in seconds of one of the server's CPUs if nothing else is said.

    The figures are those of PostgreSQL 18 in the table "hosts-costs", which `hosts.py` measures;
    :data:`MEASURED` names the row of each.
    """

    connect: float = 0.003
    #: A catch-up without a change, and each row of one. To plan the statement takes most of it.
    query: float = 0.0004
    row: float = 0.000002
    #: All statements of a change of one bucket.
    write: float = 0.0002
    #: A notification, for each host that listens: the writer's part, and the listener's.
    signal: float = 0.000007
    wake: float = 0.00004
    #: A row of a whole copy.
    copied_row: float = 0.0000017
    # Not the server's CPU:
    #: Until the change is on the server's disk: usual for one with a cache that a power cut spares.
    sync: float = 0.001
    #: A host writes a change into its copy, and each row of it; and a row of a whole copy.
    apply: float = 0.0008
    applied_row: float = 0.00001
    copied_row_applied: float = 0.00001
    # Counted:
    row_bytes: float = 253
    #: The texts of a statement and of its response, without rows.
    statement_bytes: float = 1_000
    statements: int = 7
    #: Round trips of a change until it has the counter, and while it has it: to begin, to lock, and
    #: for four statements and the commit.
    trips_before: float = 1.5
    trips_locked: float = 5


#: Where `hosts.py` measured a cost: the row of "hosts-costs", and its unit in terms of the cost's.
MEASURED: dict[str, tuple[str, float]] = {
    "connect": ("server CPU, connect and LISTEN, ms", 1e-3),
    "query": ("server CPU, catch-up without a change, ms", 1e-3),
    "row": ("server CPU, each row of a catch-up, µs", 1e-6),
    "write": ("server CPU, put, ms", 1e-3),
    "signal": ("server CPU, NOTIFY, each listener, µs", 1e-6),
    "wake": ("server CPU, a listener that is notified, µs", 1e-6),
    "copied_row": ("server CPU, each row of a whole copy, µs", 1e-6),
    "apply": ("host, a change into the copy, ms", 1e-3),
    "copied_row_applied": ("host, each row of a whole copy, µs", 1e-6),
    "row_bytes": ("bytes, each row of a whole copy", 1),
}


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What runs where.

    :param cores: CPUs of the server.
    :param latency: seconds from a host to the server; not measured, usual within a data centre.
    :param link: bytes a second that the server sends at most, to all hosts together.
    :param listens: whether the server notifies the leaders. They ask every ``refresh`` seconds
        in any case.
    :param floor: seconds between two catch-ups of a leader, at least.
    :param jitter: the part of the wait before a new attempt to connect that is random.
    :param copies_at_once: how many hosts may take a whole copy at the same time.
    :param buckets: buckets that have rules.
    """

    hosts: int = 50
    workers: int = 4
    cores: int = 4
    latency: float = 0.00025
    link: float = 1.25e9
    listens: bool = True
    refresh: float = 1.0
    floor: float = 0.05
    jitter: float = 0.0
    copies_at_once: int = 1_000_000
    buckets: int = 100_000

    @property
    def connections(self) -> int:
        """Connections at most: of the leaders, and of workers, if all of them write."""
        return self.hosts * (1 + self.workers * CONNECTIONS_OF_A_WRITER)
