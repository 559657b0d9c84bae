"""A host of a benchmark: a process that follows a server, and notes which rules it obeys when.

The maximum age of the rules of one bucket is a number that grows with each change. The process
sends itself a preflight every millisecond, and prints the number and the time when the number has
changed: ``7 1234.567``. It prints ``-1`` while the bucket is closed. It ends when its input does.
"""

import json
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from cases import ORIGIN, bare, path_of, preflight

from flask_bucketcors import BucketCORSMiddleware, ReplicaStore, Rule, RuleSet, SQLStore
from flask_bucketcors.stores.sql.feed import Feed

BUCKET = "bucket"
CLOSED = -1
# Limits that hold on a busy machine too.
WAIT_SECONDS = 60
LOOK_SECONDS = 0.001


class Obeyed(NamedTuple):
    """From when on a host obeyed the rules of a number. The clock is that of all processes."""

    number: int
    time: float


def rules_of(number: int) -> RuleSet:
    """The rules of a number from 1."""
    return RuleSet([Rule([ORIGIN], ["GET", "PUT"], ["*"], ["ETag"], number)])


def open_host(url: str, copy: Path, **settings: Any) -> ReplicaStore:
    """Open the store of a worker of a host."""
    return ReplicaStore(SQLStore(url, connect=False), copy, **settings)


class Following:
    """A process that follows."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    def obeyed(self) -> Sequence[Obeyed]:
        """What it has noted so far."""
        lines = [line.split() for line in self._log.read_text().splitlines(True) if "\n" in line]
        return [Obeyed(int(number), float(second)) for number, second in lines]

    def until(self, wanted: Callable[[int], bool], since: float = 0) -> float:
        """Wait until it obeys rules of such a number, and give the time of that.

        :param since: what it noted earlier does not count, but for the last.
        """
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            notes = self.obeyed()
            for index, note in enumerate(notes):
                is_last = index == len(notes) - 1
                if wanted(note.number) and (note.time >= since or is_last):
                    return note.time
            time.sleep(LOOK_SECONDS)
        raise RuntimeError(f"after {WAIT_SECONDS} s, a host has noted {self.obeyed()[-5:]}")


@contextmanager
def following(
    url: str, copy: Path, name: str = "a", *, polls: bool = False, **settings: Any
) -> Iterator[Following]:
    """Run a process that follows, and wait until it obeys some rules.

    :param name: of the process, among those that share a copy.
    :param polls: whether it must not listen to notifications.
    :param settings: of the store.
    """
    log = copy.with_name(f"{copy.name}-{name}.log")
    options = json.dumps({"url": url, "copy": str(copy), "polls": polls, "settings": settings})
    with log.open("wb") as output:
        command = [sys.executable, __file__, options]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output)
    try:
        host = Following(process, log)
        host.until(lambda number: number > 0)
        yield host
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(WAIT_SECONDS)
        finally:
            process.kill()
            process.wait(WAIT_SECONDS)


def delays(acknowledged: Mapping[int, float], obeyed: Sequence[Obeyed]) -> list[float]:
    """The seconds from each acknowledgement until a host obeyed that change or a later one."""
    found = []
    rest = iter(obeyed)
    note = next(rest)
    for number, second in sorted(acknowledged.items()):
        while note.number < number:
            note = next(rest)
        found.append(max(0.0, note.time - second))
    return found


def main() -> None:
    options = json.loads(sys.argv[1])
    if options["polls"]:
        Feed.listen = lambda self: False  # type: ignore[method-assign]
    store = open_host(options["url"], Path(options["copy"]), **options["settings"])
    middleware = BucketCORSMiddleware(bare, store=store)
    last = None
    while not select.select([sys.stdin], [], [], LOOK_SECONDS)[0]:
        number = number_obeyed(middleware)
        if number != last:
            print(number, time.monotonic(), flush=True)
            last = number
    store.close()


def number_obeyed(middleware: BucketCORSMiddleware) -> int:
    """The number of the rules by which a preflight gets its response."""
    found: list[int] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        age = dict(headers).get("Access-Control-Max-Age")
        found.append(int(age) if age and status.startswith("200") else CLOSED)

    middleware({**preflight(), "PATH_INFO": path_of(BUCKET)}, start_response)
    return found[0]


if __name__ == "__main__":
    main()
