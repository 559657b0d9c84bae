"""What happens to several hosts while clients change and read rules.

Each of :data:`FAULTS` leaves everything as it found it: the servers run, and the cables are whole.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import MappingProxyType
from typing import Final

from tests.support.host_operations import Kind, Limits
from tests.support.host_runs import Fleet
from tests.support.hosts.link import COMMIT
from tests.support.hosts.waiting import wait_until
from tests.support.processes.host_client import BUCKETS
from tests.support.running_hosts import kill

#: The promise, but for a machine that has much else to do: no test asserts how fast a machine is.
LATE_SECONDS: Final = 2.0
RECOVERY_SECONDS: Final = 5.0
LIMITS: Final = Limits(late=LATE_SECONDS * 1e9, recovery=RECOVERY_SECONDS * 1e9)

# After this, all that was promised is due.
MARGIN_SECONDS: Final = 0.5
BETWEEN_SECONDS: Final = 0.3
# Longer than a statement may take.
HANGING_SECONDS: Final = 4.5
CUT_SECONDS: Final = 3.0
STOPPED_SECONDS: Final = 1.0
# How many of the COMMITs that are cut the server gets.
SENT: Final = 0.7


def kill_connections(fleet: Fleet) -> None:
    """The server ends all connections, again and again."""
    for _ in range(6):
        fleet.count("killed connections", fleet.database.server.kill_connections())
        time.sleep(BETWEEN_SECONDS)


def cut_connections_at_commit(fleet: Fleet) -> None:
    """The network breaks when a host commits; the server gets the COMMIT, or it does not."""
    for _ in range(4):
        for host in fleet.hosts:
            before = host.link.count
            host.link.cut_at(COMMIT, is_sent=fleet.random.random() < SENT)
            wait_until(lambda link=host.link, n=before: link.count > n, "a COMMIT is cut")
            fleet.count("connections cut at COMMIT", 1)


def hang_the_server(fleet: Fleet) -> None:
    """The server is there, and does not respond."""
    with fleet.cut(), fleet.database.server.hanging():
        time.sleep(HANGING_SECONDS)


def stop_the_server(fleet: Fleet) -> None:
    """The server ends its work, and starts again."""
    with fleet.cut():
        fleet.database.server.stop("fast")
        time.sleep(STOPPED_SECONDS)
        fleet.database.server.start()


def crash_the_server(fleet: Fleet) -> None:
    """The server ends at once, and starts again."""
    with fleet.cut():
        fleet.database.server.restart("immediate")


def cut_a_host_off(fleet: Fleet) -> None:
    """Nothing passes between one host and the server, and then all that was sent in between."""
    host = fleet.random.choice(fleet.hosts)
    with fleet.cut(host.name), host.link.held():
        time.sleep(CUT_SECONDS)


def kill_workers(fleet: Fleet) -> None:
    """Processes of hosts end at once: some worker, and then the leader."""
    for host in fleet.hosts:
        kill(host.some_worker())
        time.sleep(BETWEEN_SECONDS)
        kill(host.leader)
        time.sleep(BETWEEN_SECONDS)
        fleet.count("killed workers", 2)


def kill_leaders_and_change(fleet: Fleet) -> None:
    """The leader of each host ends just when another host changes rules, and nothing follows.

    Another worker has to follow from then on, because no new one starts.
    """
    fleet.be_quiet()
    with ExitStack() as stack:
        for host in fleet.hosts:
            stack.enter_context(host.without_new_workers())
            kill(host.leader)
            fleet.count("killed workers", 1)
        _change_some(fleet)
        fleet.settle(LATE_SECONDS + MARGIN_SECONDS)
    fleet.go_on()


def change_while_all_are_cut_off(fleet: Fleet) -> None:
    """Rules change while no host is connected; nothing follows when they are again."""
    _while_all_are_cut_off(fleet, _change_some)


def forget_changes(fleet: Fleet) -> None:
    """The server knows no more what changed while no host was connected."""

    def change_and_forget(fleet: Fleet) -> None:
        _change_some(fleet)
        last = "SELECT revision FROM bucketcors_state"
        fleet.database.execute(f"DELETE FROM bucketcors_changes WHERE revision < ({last})")

    _while_all_are_cut_off(fleet, change_and_forget)


def restore_a_backup(fleet: Fleet) -> None:
    """The server goes back to an earlier state, and hosts see only what came after."""

    def restore_and_change(fleet: Fleet) -> None:
        [(before,)] = fleet.database.execute("SELECT revision FROM bucketcors_state")
        fleet.restore()
        # Until the same numbers stand for other changes.
        while (change := fleet.tools.change(Kind.PUT, BUCKETS[0])).revision != before:
            assert change.revision is not None

    fleet.be_quiet()
    fleet.save()
    for _ in range(3):
        _change_some(fleet)
    _while_all_are_cut_off(fleet, restore_and_change)


def _while_all_are_cut_off(fleet: Fleet, work: Callable[[Fleet], None]) -> None:
    fleet.be_quiet()
    with ExitStack() as stack:
        stack.enter_context(fleet.cut())
        for host in fleet.hosts:
            stack.enter_context(host.link.held())
            host.link.cut()
        work(fleet)
    fleet.settle(RECOVERY_SECONDS + MARGIN_SECONDS)
    fleet.go_on()


def _change_some(fleet: Fleet) -> None:
    """Change a few buckets, of which one gets no rules any more."""
    first, *others = fleet.random.sample(BUCKETS, 5)
    fleet.tools.change(Kind.PUT, first)
    fleet.tools.change(Kind.PUT_MANY, *others)
    fleet.tools.change(Kind.DELETE, first)


FAULTS: Final[Mapping[str, Callable[[Fleet], None]]] = MappingProxyType(
    {
        fault.__name__.replace("_", " "): fault
        for fault in (
            kill_connections,
            cut_connections_at_commit,
            hang_the_server,
            stop_the_server,
            crash_the_server,
            cut_a_host_off,
            kill_workers,
            kill_leaders_and_change,
            change_while_all_are_cut_off,
            forget_changes,
            restore_a_backup,
        )
    }
)
