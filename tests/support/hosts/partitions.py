"""Hosts in network namespaces of their own, and cables to a server that can be cut.

Only what this makes is touched: the namespaces have no names and no way to any other network, and
they go with the processes in them. They need root, and the commands of ``iproute2``.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from tests.support.hosts.kept import CannotRun, kept
from tests.support.hosts.waiting import START_SECONDS, wait_until

# Addresses for documentation (RFC 5737): of the server, and of both ends of each cable.
SERVER_ADDRESS: Final = "192.0.2.1"
CABLE: Final = "198.51.100.{}"
ADDRESSES_OF_A_CABLE: Final = 4
MOST_HOSTS: Final = 60


class Forbidden(Exception):
    """The system does not let this process make namespaces."""


@dataclass(frozen=True)
class Place:
    """A network namespace.

    :param address: of a server there.
    :param prefix: begins a command that runs there. What was opened before stays where it was, as
        a socket that listens for a test's own requests.
    """

    address: str
    prefix: tuple[str, ...] = ()


#: The namespace of the tests.
LOOPBACK: Final = Place("127.0.0.1")


@dataclass(frozen=True)
class Cable:
    """What connects a host with the server.

    :param host: the namespace of the host.
    """

    host: Place
    _server: Place
    _name: str

    def cut(self) -> None:
        """Lose every packet from now on. Nobody is told, and connections stay open."""
        self._set("down", seen="DOWN")

    def heal(self) -> None:
        """Let packets through again."""
        self._set("up", seen="UP")

    def _set(self, state: str, seen: str) -> None:
        # At its own end the host would lose its route, and notice.
        _run(*self._server.prefix, "ip", "link", "set", self._name, state)
        # The kernel takes up to a second to tell the other end.
        wait_until(lambda: self._state() == seen, f"{self._name} is {state}")

    def _state(self) -> str:
        shown = _run(*self.host.prefix, "ip", "link", "show", "server")
        return "UP" if " state UP " in shown else "DOWN"


@dataclass(frozen=True)
class Network:
    """A server's namespace, and a cable to each host's."""

    server: Place
    cables: Sequence[Cable]


@contextmanager
def network(hosts: int) -> Iterator[Network]:
    """Make a namespace for a server and one for each host, for the length of a block.

    :raises CannotRun: if a command is missing.
    :raises Forbidden: if the system allows no namespaces.
    """
    assert hosts <= MOST_HOSTS
    with ExitStack() as stack:
        server = stack.enter_context(_namespace(SERVER_ADDRESS))
        _run(*server.prefix, "ip", "address", "add", SERVER_ADDRESS, "dev", "lo")
        cables = []
        for number in range(hosts):
            first = ADDRESSES_OF_A_CABLE * number + 1
            ends = CABLE.format(first), CABLE.format(first + 1)
            host = stack.enter_context(_namespace(ends[1]))
            cables.append(_connect(server, host, f"host{number}", ends))
        yield Network(server, cables)


@contextmanager
def _namespace(address: str) -> Iterator[Place]:
    for command in ("ip", "nsenter", "unshare"):
        if shutil.which(command) is None:
            raise CannotRun(f"{command} is missing: install iproute2 and util-linux")
    with kept("namespace") as keeper:
        log = keeper.folder / "log"
        pid = keeper.start(["unshare", "--net", "sleep", "infinity"], log, as_root=True)
        own = os.readlink("/proc/self/ns/net")
        wait_until(
            lambda: keeper.has_ended() or os.readlink(f"/proc/{pid}/ns/net") != own,
            "a network namespace",
        )
        if keeper.has_ended():
            raise Forbidden(log.read_text().strip())
        place = Place(address, ("nsenter", f"--net=/proc/{pid}/ns/net", "--"))
        _run(*place.prefix, "ip", "link", "set", "lo", "up")
        yield place


def _connect(server: Place, host: Place, name: str, ends: tuple[str, str]) -> Cable:
    namespace = host.prefix[1].split("/")[2]
    _run(
        *(*server.prefix, "ip", "link", "add", name, "type", "veth"),
        *("peer", "name", "server", "netns", namespace),
    )
    for place, device, address in ((server, name, ends[0]), (host, "server", ends[1])):
        _run(*place.prefix, "ip", "address", "add", f"{address}/30", "dev", device)
        _run(*place.prefix, "ip", "link", "set", device, "up")
    _run(*host.prefix, "ip", "route", "add", SERVER_ADDRESS, "via", ends[0])
    cable = Cable(host, server, name)
    cable.heal()
    return cable


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS)
    if done.returncode:
        raise Forbidden(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
