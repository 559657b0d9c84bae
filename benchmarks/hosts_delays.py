"""When other hosts obey a change: with notifications, and by polling."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from random import Random
from typing import Any, NamedTuple

from following_host import BUCKET, delays, following, open_host, rules_of
from hosts_requests import scratch
from report import AT_MOST, Table
from server_load import quiet_database

from tests.support.hosts.mariadb import mariadb
from tests.support.hosts.postgresql import postgresql
from tests.support.hosts.server import Server

HOSTS = 3
CHANGES = 200
REFRESH_SECONDS = 0.2
#: What is promised with LISTEN. By polling, the time between two queries comes in addition.
PROMISED_MS = 100
POLLED_MS = PROMISED_MS + 1_000 * REFRESH_SECONDS


class How(NamedTuple):
    """How hosts follow.

    :param gap: seconds between two changes, on average.
    :param refresh: seconds between two queries.
    :param at_most: the promise, in milliseconds.
    :param polls: whether hosts must not listen, although the server notifies.
    """

    name: str
    gap: float
    refresh: float = 1.0
    at_most: float = PROMISED_MS
    polls: bool = False


ON_POSTGRESQL = [
    How("PostgreSQL, LISTEN, 10 changes a second", 0.1),
    How("PostgreSQL, LISTEN, 50 changes a second", 0.02),
    How("PostgreSQL, polling at 0.2 s", 0.04, REFRESH_SECONDS, POLLED_MS, polls=True),
]
ON_MARIADB = [How("MariaDB, polling at 0.2 s", 0.04, REFRESH_SECONDS, POLLED_MS)]


def other_hosts() -> dict[str, Table]:
    """Measure the time from an acknowledgement until other hosts obey."""
    rows = [
        row
        for server, ways in ((postgresql(), ON_POSTGRESQL), (mariadb(), ON_MARIADB))
        for row in measure_all(server, ways)
    ]
    columns = ["ms until another host obeys", "max", "p99", "p50", AT_MOST]
    return {"hosts-delays": Table(columns, rows)}


def measure_all(running: AbstractContextManager[Server], ways: Sequence[How]) -> list[list[Any]]:
    rows = []
    with running as server:
        for how in ways:
            with quiet_database(server) as database:
                found = sorted(measure(database.url, how))
            times = found[-1], found[len(found) * 99 // 100], found[len(found) // 2]
            rows.append([how.name, *(1e3 * each for each in times), how.at_most])
    return rows


def measure(url: str, how: How) -> list[float]:
    """The delays of all changes at all other hosts."""
    chance = Random(0)
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        own = stack.enter_context(closing(open_host(url, folder / "own")))
        own.put(BUCKET, rules_of(1))
        others = [
            stack.enter_context(
                following(url, folder / f"{n}", polls=how.polls, refresh_seconds=how.refresh)
            )
            for n in range(HOSTS)
        ]
        acknowledged = {}
        for number in range(2, CHANGES + 2):
            time.sleep(chance.expovariate(1 / how.gap))
            own.put(BUCKET, rules_of(number))
            acknowledged[number] = time.monotonic()
        for host in others:
            host.until(lambda number: number == CHANGES + 1)
        return [each for host in others for each in delays(acknowledged, host.obeyed())]
