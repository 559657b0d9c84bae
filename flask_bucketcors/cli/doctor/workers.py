"""Checks what another process sees of the store, and when it sees a change."""

import os
import pickle  # nosec B403 # to write, not to read
import subprocess  # nosec B404 # for one program, this interpreter
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import IO, Final, cast

from flask_bucketcors.cli.doctor.notes import Note, trouble
from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.core.rules import Rule, RuleSet
from flask_bucketcors.stores.contract import Reach, Store

BUCKET: Final = "bucketcors-doctor"
AUTHOR: Final = "flask bucketcors doctor"
#: How long the second process waits for a change, in seconds.
WAIT_SECONDS: Final = 5.0
#: How long to wait for a line of the second process, which has to start first, in seconds.
LINE_SECONDS: Final = 30.0
# Another process may write between the two reads.
_ATTEMPTS: Final = 5
_RULES: Final = RuleSet([Rule(["https://doctor.invalid"], ["GET"])])

_SHARE: Final = "store the rules in a file: BUCKETCORS_DATABASE = 'bucketcors.sqlite'"

_UNKNOWN: Final = "the store does not tell how another process opens it, so that is not checked"
_ELSEWHERE: Final = (
    "requests use the copies of the hosts: run doctor on a host, in the application, to check its "
    "copy and its workers"
)

_note = partial(Note, "workers")


def examine_workers(store: Store, *, write: bool) -> Iterator[Note]:
    """Compare what a second process sees of the store with what this process sees.

    :param write: whether to put and delete rules, to measure when the change is seen.
    """
    open_as_worker = store.opener()
    if store.reach is Reach.PROCESS:
        yield _note(f"the {type(store).__name__} is in memory, so each worker has its own", _SHARE)
    elif open_as_worker is None:
        yield _note(_ELSEWHERE if store.reach is Reach.HOSTS else _UNKNOWN)
    else:
        try:
            with (
                _start_second_process(open_as_worker) as second_process,
                closing(open_as_worker()) as here,
            ):
                yield from _examine(store, here, second_process, write=write)
        except StoreUnavailable as error:
            yield trouble("workers", error)
        except (OSError, EOFError) as error:
            yield _note(f"the second process failed: {error}", "read its output above")


def _examine(
    store: Store, here: Store, second_process: "_SecondProcess", *, write: bool
) -> Iterator[Note]:
    if not any(_sees_the_same(here, second_process) for _ in range(_ATTEMPTS)):
        text = "another process sees other rules than this one"
        yield _note(text, "give all workers the same path, on a local disk")
        return
    yield _note("another process sees the same rules and the same signal")
    if not write:
        yield _note("to measure when it sees a change, use --write")
    elif store.get(BUCKET) is not None:
        yield _note(f"the bucket {BUCKET} has rules, so no write was measured")
    else:
        yield _measure(store, second_process)


def _sees_the_same(store: Store, second_process: "_SecondProcess") -> bool:
    second_process.tell("look")
    return second_process.line() == look(store)


def look(store: Store) -> str:
    """The state of a store as this process sees it, in one line."""
    return f"{store.signal()[0]} {store.state()}"


def _measure(store: Store, second_process: "_SecondProcess") -> Note:
    second_process.tell(f"wait {BUCKET}")
    second_process.line()
    try:
        store.put(BUCKET, _RULES, AUTHOR)
        returned = time.monotonic()
        seen, _, rules = second_process.line().partition(" ")
    finally:
        store.delete(BUCKET, AUTHOR)
    if seen == "late" or rules != str(True):
        text = f"another process did not see a write within {WAIT_SECONDS:g} seconds"
        return _note(text, "make the -revision file beside the database writable, on a local disk")
    milliseconds = (float(seen) - returned) * 1000
    when = f"{milliseconds:.1f} ms after" if milliseconds > 0 else "by the time"
    return _note(f"another process saw a write {when} it returned")


class _SecondProcess:
    """The second process, which prints a line for each command."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def tell(self, command: str) -> None:
        to = cast(IO[str], self._process.stdin)
        to.write(command + "\n")
        to.flush()

    def line(self) -> str:
        """Its next line.

        :raises EOFError: if it ended, or printed none within :data:`LINE_SECONDS`.
        """
        timer = threading.Timer(LINE_SECONDS, self._process.kill)
        timer.start()
        try:
            line = cast(IO[str], self._process.stdout).readline()
        finally:
            timer.cancel()
        if not line:
            raise EOFError(f"it ended, or printed nothing for {LINE_SECONDS:g} seconds")
        return line.rstrip("\n")


@contextmanager
def _start_second_process(open_store: Callable[[], Store]) -> Iterator[_SecondProcess]:
    command = [sys.executable, "-P", "-m", "flask_bucketcors.cli.doctor.second_process"]
    # The second process must import the same modules.
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(  # nosec B603 # this interpreter
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ, text=True
    ) as process:
        try:
            second_process = _SecondProcess(process)
            second_process.tell(pickle.dumps(open_store).hex())
            yield second_process
        finally:
            process.kill()
