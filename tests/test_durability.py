"""What was acknowledged stays, and stays whole, however the processes that write end."""

import os
import select
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

import pytest
import writer
from servers import ROOT
from writer import HISTORY_LIMIT, authors_of, make_rules, recognise, shared_bucket_of

from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.stores import SQLiteStore

ROUNDS = 100
ROUNDS_WITH_READER = 30
# A bound, for a machine that has much else to do.
ANSWER_SECONDS = 30


class Stored(NamedTuple):
    """An acknowledgement: this put has returned."""

    bucket: str
    author: str
    number: int
    revision: int


class Forks:
    """The fork server of :mod:`writer`, and what its processes have said in this round.

    :param database: the path of the database.
    :param errors: where they write their tracebacks.
    """

    def __init__(self, database: Path, errors: Path) -> None:
        self._errors = errors
        self._unread = b""
        self.heard: defaultdict[str, list[str]] = defaultdict(list)
        with errors.open("wb") as file:
            self._process = subprocess.Popen(
                [sys.executable, writer.__file__, str(database)],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                bufsize=0,
                start_new_session=True,
            )

    @property
    def _tracebacks(self) -> str:
        return self._errors.read_text()

    @property
    def stored(self) -> list[Stored]:
        lines = map(str.split, self.heard["stored"])
        return [Stored(line[0], line[1], int(line[2]), int(line[3])) for line in lines]

    def begin_round(self, number: int) -> str:
        """Forget what was said in the round before; give the name of the new one."""
        self.heard.clear()
        return str(number)

    def tell(self, *words: object) -> None:
        self._process.stdin.write((" ".join(map(str, words)) + "\n").encode())

    def listen(self, until: Callable[[], bool]) -> None:
        """Take in what is said until the condition holds."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while not until():
            wait = max(0, deadline - time.monotonic())
            readable, _, _ = select.select([self._process.stdout], [], [], wait)
            received = os.read(self._process.stdout.fileno(), 65536) if readable else b""
            assert received, f"what should happen does not; tracebacks: {self._tracebacks}"
            *lines, self._unread = (self._unread + received).split(b"\n")
            for line in lines:
                kind, _, rest = line.decode().partition(" ")
                self.heard[kind].append(rest)

    def kill(self, processes: Iterable[str]) -> None:
        """Kill processes of this round without warning; none may have ended by itself."""
        processes = list(processes)
        for process in processes:
            os.kill(int(process), signal.SIGKILL)
        self.tell("reap", *processes)
        self.listen(until=lambda: self.heard["reaped"])
        statuses = self.heard.pop("reaped")
        killed = " ".join([str(-signal.SIGKILL)] * len(processes))
        assert statuses == [killed], f"tracebacks: {self._tracebacks}"

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(ANSWER_SECONDS)
        self._process.stdin.close()
        self._process.stdout.close()


@pytest.fixture
def database(tmp_path):
    return tmp_path / "rules.sqlite"


@pytest.fixture
def forks(tmp_path, database):
    with closing(Forks(database, tmp_path / "tracebacks")) as forks:
        yield forks


def start_writers(forks: Forks, name: str) -> None:
    """Begin a round, and let each of its processes write something."""
    forks.tell("write", name)
    forks.listen(until=lambda: {each.author for each in forks.stored} == set(authors_of(name)))


def kill_writers(forks: Forks, name: str, delay: float) -> None:
    """Kill two processes, and the other two when they have shown that they can still write.

    :param delay: from the beginning of a write to the death of the writers, in seconds.
    """
    writers, others = forks.heard["writer"], set(authors_of(name)[2:])
    kill_while_putting(forks, writers[:2], delay)
    before = len(forks.stored)
    forks.listen(until=lambda: others <= {each.author for each in forks.stored[before:]})
    kill_while_putting(forks, writers[2:], delay)


def kill_while_putting(forks: Forks, writers: Iterable[str], delay: float) -> None:
    begun = len(forks.heard["putting"])
    forks.listen(until=lambda: len(forks.heard["putting"]) > begun)
    # Nothing marks the steps of a write, so each round waits a little longer than the last.
    time.sleep(delay)
    forks.kill(writers)


def check(store: SQLiteStore, bucket: str, stored: Iterable[Stored]) -> RuleSet | None:
    """The history holds all that was acknowledged, and beside it only what was under way.

    Gives the rules, which are the newest of the history.
    """
    acknowledged = {
        each.revision: (each.author, each.number) for each in stored if each.bucket == bucket
    }
    history = store.history(bucket)
    found = {entry.revision: recognise(entry.rule_set) for entry in history}
    assert acknowledged.items() <= found.items()
    assert [entry.author for entry in history] == [author for author, _ in found.values()]

    last = Counter(author for author, _ in acknowledged.values())
    unacknowledged = [found[revision] for revision in found.keys() - acknowledged.keys()]
    assert len(unacknowledged) == len({author for author, _ in unacknowledged})
    assert all(number == last[author] + 1 for author, number in unacknowledged)

    current = store.get(bucket)
    assert current == (make_rules(*found[max(found)]) if found else None)
    return current


def test_every_acknowledged_write_outlives_the_process_that_made_it(database, forks):
    kept = {}
    for number in range(ROUNDS):
        name = forks.begin_round(number)
        start_writers(forks, name)
        kill_writers(forks, name, delay=number % 20 / 10_000)
        with closing(SQLiteStore(database, history_limit=HISTORY_LIMIT)) as store:
            for bucket in (*authors_of(name), shared_bucket_of(name)):
                kept[bucket] = check(store, bucket, forks.stored)
        with closing(sqlite3.connect(database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with closing(SQLiteStore(database)) as store:
        assert [name for name, rules in kept.items() if store.get(name) != rules] == []


def test_a_reader_never_sees_half_of_a_change(forks):
    """Neither while processes write nor when they are killed."""
    for number in range(ROUNDS_WITH_READER):
        name = forks.begin_round(number)
        forks.tell("read", name)
        start_writers(forks, name)
        forks.listen(until=lambda: len(forks.heard["seen"]) > 1)
        kill_writers(forks, name, delay=number % 20 / 10_000)
        forks.kill(forks.heard["reader"])
        assert forks.heard["torn"] == []
