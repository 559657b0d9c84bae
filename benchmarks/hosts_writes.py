"""Changes on a server, and the first copy that a host takes."""

import multiprocessing
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from cases import bucket_name, own_rule_set
from following_host import open_host, rules_of
from hosts_requests import changing, scratch
from memory import MEGABYTE, in_new_process
from report import AT_MOST, Table
from server_load import quiet_database

from flask_bucketcors import SQLStore, StoreUnavailable
from tests.support.hosts.mariadb import mariadb
from tests.support.hosts.postgresql import postgresql
from tests.support.hosts.server import Database

PUTS = 300
WRITERS, HOSTS = 8, 4
WRITE_SECONDS = 8.0
WAIT_SECONDS = 60
ready: Barrier
#: Changes a second beside which a put is measured.
LOAD = 100
BULK, MANY = 100_000, 1_000_000
#: Limits in seconds.
BULK_AT_MOST, COPY_AT_MOST, MANY_AT_MOST = 10, 5, 60
#: What a first copy may add to the memory of a process, in MB.
GROWN_AT_MOST = 150


def puts() -> dict[str, Table]:
    """Time changes of one bucket, on a server that waits for its disk."""
    rows = []
    for name, running in (
        ("PostgreSQL", postgresql(durable=True)),
        ("MariaDB", mariadb(durable=True)),
    ):
        with running as server, quiet_database(server) as database, scratch() as folder:
            rows.append([f"{name}, alone", *put_many_times(database.url, folder / "own")])
            with changing(database.url, LOAD):
                loaded = put_many_times(database.url, folder / "own")
            rows.append([f"{name}, beside {LOAD} changes a second", *loaded])
            rows.append([f"{name}, {WRITERS} writers", *writers(database.url, folder)])
    return {"hosts-puts": Table(["a put at a host, ms", "p50", "p99", "changes a second"], rows)}


def put_many_times(url: str, copy: Path) -> list[float]:
    times = []
    with closing(open_host(url, copy)) as store:
        store.put("own", rules_of(1))
        for number in range(2, PUTS + 2):
            times.append(seconds_of(partial(store.put, "own", rules_of(number))))
    return in_order(times, sum(times))


def writers(url: str, folder: Path) -> list[float]:
    """Have several processes on several hosts change buckets of their own at the same time."""
    context = multiprocessing.get_context("spawn")
    work = [(url, folder / f"host-{number % HOSTS}", number) for number in range(WRITERS)]
    with context.Pool(WRITERS, share, [context.Barrier(WRITERS)]) as pool:
        found = pool.starmap(write, work, chunksize=1)
    return in_order([each for times in found for each in times], WRITE_SECONDS)


def share(barrier: Barrier) -> None:
    """In a process of the pool, keep what all of them wait for."""
    global ready
    ready = barrier


def write(url: str, copy: Path, number: int) -> list[float]:
    times = []
    with closing(open_host(url, copy)) as store:
        store.put(f"own-{number}", rules_of(1))
        ready.wait(WAIT_SECONDS)
        end = time.monotonic() + WRITE_SECONDS
        age = 1
        while time.monotonic() < end:
            age += 1
            times.append(seconds_of(partial(store.put, f"own-{number}", rules_of(age))))
    return times


def in_order(times: list[float], seconds: float) -> list[float]:
    """The median and the 99th percentile in milliseconds, and how many there were a second."""
    times = sorted(times)
    middle, late = times[len(times) // 2], times[len(times) * 99 // 100]
    return [1e3 * middle, 1e3 * late, len(times) / seconds]


def seconds_of(act: Callable[[], object]) -> float:
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


def bulk() -> dict[str, Table]:
    """Time a change of many buckets, and the first copies of as many and of more."""
    changes, copies = [], []
    for name, running in (("PostgreSQL", postgresql()), ("MariaDB", mariadb())):
        with running as server, quiet_database(server) as database, scratch() as folder:
            pairs = [(bucket_name(number), own_rule_set(number)) for number in range(BULK)]
            with closing(SQLStore(database.url)) as store:
                for what in ("new buckets", "the same again"):
                    seconds = seconds_of(partial(store.put_many, pairs))
                    changes.append([f"{name}, {what}", seconds, BULK_AT_MOST])
            copies.append(first_copy(name, database, folder, BULK, COPY_AT_MOST))
            if name == "PostgreSQL":
                add_buckets(database, MANY - BULK)
                copies.append(first_copy(name, database, folder, MANY, MANY_AT_MOST))
    return {
        "hosts-bulk": Table([f"put_many of {BULK:,}", "seconds", AT_MOST], changes),
        "hosts-copies": Table(
            ["first copy", "seconds", "MB more memory", "MB on the disk", AT_MOST], copies
        ),
    }


def add_buckets(database: Database, number: int) -> None:
    """Add buckets with rules in the same change as the last; as rows, because that is quick."""
    database.execute(
        "INSERT INTO bucketcors_rules SELECT 'more-' || n, document, rule_count, revision, stamp,"
        " time, author FROM generate_series(1, %s) AS n, "
        "(SELECT * FROM bucketcors_rules WHERE bucket = %s) AS one",
        [number, bucket_name(0)],
    )


def first_copy(
    name: str, database: Database, folder: Path, buckets: int, at_most: float
) -> list[Any]:
    copy = folder / f"copy-{buckets}"
    seconds, grown = in_new_process(take_copy, database.url, copy, bucket_name(BULK - 1))
    if grown > GROWN_AT_MOST:
        print(f"beyond the limit: {grown:.0f} MB more memory, at most {GROWN_AT_MOST}")
    size = sum(path.stat().st_size for path in folder.glob(f"{copy.name}*")) / MEGABYTE
    return [f"{name}, {buckets:,} buckets", seconds, grown, size, at_most]


def take_copy(url: str, copy: Path, last: str) -> tuple[float, float]:
    """Open a host that has no copy, and wait until it has one. Return seconds and megabytes."""
    before = peak_megabytes()
    begin = time.perf_counter()
    with closing(open_host(url, copy)) as store:
        store.signal()
        while not has_copied(store, last):
            if time.perf_counter() > begin + MANY_AT_MOST * 2:
                raise RuntimeError(f"there is no copy after {2 * MANY_AT_MOST} s")
            time.sleep(0.01)
    return time.perf_counter() - begin, peak_megabytes() - before


def has_copied(store: Any, bucket: str) -> bool:
    try:
        return store.read(bucket) is not None
    except StoreUnavailable:
        return False


def peak_megabytes() -> float:
    """The most memory that this process ever had; see proc_pid_status(5)."""
    _, _, rest = Path("/proc/self/status").read_text().partition("VmHWM:")
    return int(rest.split()[0]) * 1024 / MEGABYTE
