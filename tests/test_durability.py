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

from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.stores.sqlite.store import SQLiteStore
from tests.support import ROOT
from tests.support.processes import endless_writers
from tests.support.processes.endless_writers import (
    HISTORY_LIMIT,
    authors_of,
    make_rules,
    recognise,
    shared_bucket_of,
)
from tests.support.rounds import ROUNDS_TIMEOUT, rounds

ROUNDS = rounds(few=10, many=200)
ROUNDS_WITH_READER = rounds(few=5, many=60)
REPLACEMENTS = rounds(few=5, many=60)
# That many of each writer's puts must have begun since a file was replaced.
PUTS_AFTER_REPLACEMENT = 4
# A bound, for a machine that has much else to do.
RESPONSE_SECONDS = 30


class Stored(NamedTuple):
    """An acknowledgement: this put has returned."""

    bucket: str
    author: str
    number: int
    revision: int

    @classmethod
    def parse(cls, words: list[str]) -> "Stored":
        return cls(words[0], words[1], int(words[2]), int(words[3]))


class Forks:
    """The fork server of ``endless_writers``, and what its processes have said in this round.

    :param database: the path of the database.
    :param errors: where they write their tracebacks.
    """

    def __init__(self, database: Path, errors: Path) -> None:
        self._errors = errors
        self._unread = b""
        self.heard: defaultdict[str, list[str]] = defaultdict(list)
        # The same in the order in which it was said: kind and words.
        self.said: list[list[str]] = []
        with errors.open("wb") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", endless_writers.__name__, str(database)],
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
        return [Stored.parse(line.split()) for line in self.heard["stored"]]

    @property
    def stored_since_mark(self) -> list[Stored]:
        """What was acknowledged of the puts that began after the mark."""
        begun, stored = set(), []
        for kind, *words in self.said[self.said.index(["marked"]) :]:
            if kind == "putting":
                begun.add(words[0])
            elif kind == "stored" and words[1] in begun:
                stored.append(Stored.parse(words))
        return stored

    def begin_round(self, number: int) -> str:
        """Forget what was said in the round before; give the name of the new one."""
        self.heard.clear()
        self.said.clear()
        return str(number)

    def mark(self) -> None:
        """Return when all that was said before has been heard."""
        self.tell("mark")
        self.listen(until=lambda: self.heard["marked"])

    def tell(self, *words: object) -> None:
        self._process.stdin.write((" ".join(map(str, words)) + "\n").encode())

    def listen(self, until: Callable[[], bool]) -> None:
        """Take in what is said until the condition holds."""
        deadline = time.monotonic() + RESPONSE_SECONDS
        while not until():
            wait = max(0, deadline - time.monotonic())
            readable, _, _ = select.select([self._process.stdout], [], [], wait)
            received = os.read(self._process.stdout.fileno(), 65536) if readable else b""
            assert received, f"what should happen does not; tracebacks: {self._tracebacks}"
            *lines, self._unread = (self._unread + received).split(b"\n")
            for line in lines:
                kind, _, rest = line.decode().partition(" ")
                self.heard[kind].append(rest)
                self.said.append(line.decode().split())

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
        self._process.wait(RESPONSE_SECONDS)
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
    # Nothing marks the steps of a write, so each round waits for another time than the last.
    time.sleep(delay)
    forks.kill(writers)


def delay_of(number: int) -> float:
    """How long a round waits: twenty of them take each time once, and few are spread evenly."""
    return number * 7 % 20 / 10_000


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


@pytest.mark.timeout(ROUNDS_TIMEOUT)
def test_every_acknowledged_write_outlives_the_process_that_made_it(database, forks):
    kept = {}
    for number in range(ROUNDS):
        name = forks.begin_round(number)
        start_writers(forks, name)
        kill_writers(forks, name, delay=delay_of(number))
        with closing(SQLiteStore(database, history_limit=HISTORY_LIMIT)) as store:
            for bucket in (*authors_of(name), shared_bucket_of(name)):
                kept[bucket] = check(store, bucket, forks.stored)
        with closing(sqlite3.connect(database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with closing(SQLiteStore(database)) as store:
        assert [name for name, rules in kept.items() if store.get(name) != rules] == []


@pytest.mark.timeout(ROUNDS_TIMEOUT)
def test_a_reader_never_sees_half_of_a_change(forks):
    """Neither while processes write nor when they are killed."""
    for number in range(ROUNDS_WITH_READER):
        name = forks.begin_round(number)
        forks.tell("read", name)
        start_writers(forks, name)
        forks.listen(until=lambda: len(forks.heard["seen"]) > 1)
        kill_writers(forks, name, delay=delay_of(number))
        forks.kill(forks.heard["reader"])
        assert forks.heard["torn"] == []


def replace(database: Path, bucket: str, rules: RuleSet) -> None:
    """Put another database in the place of one that is in use, as a restored backup."""
    other = database.with_name("other.sqlite")
    with closing(SQLiteStore(other)) as store:
        store.put(bucket, rules)
    os.replace(other, database)


@pytest.mark.timeout(ROUNDS_TIMEOUT)
def test_no_write_is_acknowledged_that_went_to_a_file_which_is_gone(database, forks):
    """Writers have the old file open and its log is in use; nothing of either gets into the new."""
    for number in range(REPLACEMENTS):
        name = forks.begin_round(number)
        forks.tell("read", name)
        start_writers(forks, name)
        replace(database, "restored", make_rules("backup", number))
        forks.mark()
        forks.listen(until=lambda name=name: have_all_put(forks, name))
        forks.kill([*forks.heard["writer"], *forks.heard["reader"]])
        assert forks.heard["torn"] == []
        with closing(sqlite3.connect(database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        with closing(SQLiteStore(database, history_limit=HISTORY_LIMIT)) as store:
            assert store.get("restored") == make_rules("backup", number)
            assert {bucket.partition("-")[0] for bucket in store.list()} == {name, "restored"}
            for stored in forks.stored_since_mark:
                history = {each.revision: each.rule_set for each in store.history(stored.bucket)}
                assert recognise(history[stored.revision]) == (stored.author, stored.number)


def have_all_put(forks: Forks, name: str) -> bool:
    puts = Counter(each.author for each in forks.stored_since_mark)
    return all(puts[author] >= PUTS_AFTER_REPLACEMENT for author in authors_of(name))


def test_readers_see_the_rules_of_a_file_that_took_the_place_of_theirs(database, forks):
    """Though nobody signals it."""
    bucket = shared_bucket_of(forks.begin_round(0))
    with closing(SQLiteStore(database)) as store:
        store.put(bucket, make_rules("before", 1))
        forks.tell("read", "0")
        forks.listen(until=lambda: "before 1" in forks.heard["seen"])
        replace(database, bucket, make_rules("after", 2))
        forks.listen(until=lambda: "after 2" in forks.heard["seen"])
    forks.kill(forks.heard["reader"])
    assert forks.heard["torn"] == []
