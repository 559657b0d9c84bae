"""A process with a store of its own, which a test drives one line at a time.

Each command is a method of :class:`~flask_bucketcors.SQLiteStore` and a bucket::

    put BUCKET SECONDS [VERSION]          gives the revision
    delete BUCKET [VERSION]               likewise, or None
    rollback BUCKET REVISION [VERSION]    gives the revision
    get BUCKET                            gives the max-age of its rules, or None
    close

VERSION is what the bucket is expected to have; the line is ``changed`` if it has other rules. A
line that begins with ``refused`` says why the store could not. Log lines go to standard error.
"""

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from flask_bucketcors import Rule, RulesChanged, RuleSet, SQLiteStore, StoreUnavailable
from flask_bucketcors.stores.contract import ANY_VERSION, Expected
from tests.support import ROOT
from tests.support.processes.children import running

# A bound, for a machine that has much else to do.
ANSWER_SECONDS = 60


def rules(seconds: int = 0) -> RuleSet:
    return RuleSet([Rule(["https://a.example"], ["GET"], max_age_seconds=seconds)])


class StoreWorker:
    """Such a process, as its test sees it."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def tell(self, *words: object) -> None:
        """Tell it to do something, and do not wait."""
        assert self._process.stdin
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()

    def answer(self) -> str:
        assert self._process.stdout
        # Whoever waits here without end is ended with the process.
        watchdog = threading.Timer(ANSWER_SECONDS, self._process.kill)
        watchdog.start()
        try:
            return self._process.stdout.readline().rstrip("\n")
        finally:
            watchdog.cancel()
            watchdog.join(ANSWER_SECONDS)

    def ask(self, *words: object) -> str:
        self.tell(*words)
        return self.answer()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(ANSWER_SECONDS)


@contextmanager
def store_worker(database: Path, **settings: object) -> Iterator[StoreWorker]:
    """Start a process, and end it.

    :param settings: of :class:`subprocess.Popen`.
    """
    log = database.with_name(f"worker-{id(object())}.log")
    with (
        log.open("w") as file,
        running(
            [sys.executable, "-m", __name__, str(database)],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            **settings,
        ) as process,
    ):
        worker = StoreWorker(process, log)
        assert worker.answer() == "ready", worker.log
        yield worker


def serve(database: str) -> None:
    store = SQLiteStore(database)
    print("ready", flush=True)
    for line in sys.stdin:
        try:
            print(do(store, *line.split()), flush=True)
        except RulesChanged:
            print("changed", flush=True)
        except StoreUnavailable as error:
            print("refused", error, flush=True)


def do(store: SQLiteStore, command: str, *words: str) -> object:
    if command == "put":
        return store.put(words[0], rules(int(words[1])), expected=expected(words[2:]))
    if command == "get":
        found = store.get(words[0])
        return found and found.rules[0].max_age_seconds
    if command == "delete":
        return store.delete(words[0], expected=expected(words[1:]))
    if command == "rollback":
        return store.rollback(words[0], int(words[1]), expected=expected(words[2:]))
    return store.close()


def expected(version: Sequence[str]) -> Expected:
    return version[0] if version else ANY_VERSION


if __name__ == "__main__":
    serve(*sys.argv[1:])
