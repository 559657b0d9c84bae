"""How a change becomes visible: what another process sees, and when."""

import os
import subprocess  # nosec B404 # for one program, this interpreter
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Final, cast

from flask_bucketcors.cli.doctor.notes import Note
from flask_bucketcors.cli.terminal import STORE_REMEDY
from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.core.rules import Rule, RuleSet
from flask_bucketcors.stores import MemoryStore, SQLiteStore, Store

BUCKET: Final = "bucketcors-doctor"
AUTHOR: Final = "flask bucketcors doctor"
#: How long the other process waits for a change.
WAIT_SECONDS: Final = 5.0
# Somebody else may write just when the two look.
_ATTEMPTS: Final = 5
_RULES: Final = RuleSet([Rule(["https://doctor.invalid"], ["GET"])])

_SHARE: Final = "keep the rules in a file: BUCKETCORS_DATABASE = 'bucketcors.sqlite'"

_note = partial(Note, "workers")


def examine_workers(store: Store, *, write: bool) -> Iterator[Note]:
    """Look at what a process started for it sees of the store.

    :param write: whether rules may be put and deleted, to see when they are seen.
    """
    if not isinstance(store, SQLiteStore):
        text = f"the rules are in a {type(store).__name__}; whether workers share them is its own"
        yield _note(text, _SHARE if isinstance(store, MemoryStore) else None)
    elif store.path is None:
        yield _note("the database is in memory, so that each worker has its own", _SHARE)
    else:
        try:
            with _witness(store.path) as witness:
                yield from _examine(store, witness, write=write)
        except StoreUnavailable as error:
            yield _note(str(error), STORE_REMEDY)
        except (OSError, EOFError) as error:
            yield _note(f"no other process could look: {error}", "see what it printed above")


def _examine(store: SQLiteStore, witness: "_Witness", *, write: bool) -> Iterator[Note]:
    if not any(_sees_the_same(store, witness) for _ in range(_ATTEMPTS)):
        text = "another process sees other rules than this one"
        yield _note(text, "see that all workers use the same path, on a local disk")
        return
    yield _note("another process sees the same rules and the same signal")
    if not write:
        yield _note("when it sees a change is measured with --write")
    elif store.get(BUCKET) is not None:
        yield _note(f"the bucket {BUCKET} has rules, so that no write was measured")
    else:
        yield _measure(store, witness)


def _sees_the_same(store: SQLiteStore, witness: "_Witness") -> bool:
    return witness.ask("look") == look(store)


def look(store: Store) -> str:
    """What a process sees of a store, in one line."""
    return f"{store.signal()[0]} {store.state()}"


def _measure(store: SQLiteStore, witness: "_Witness") -> Note:
    witness.tell(f"wait {BUCKET}")
    witness.answer()
    try:
        store.put(BUCKET, _RULES, AUTHOR)
        returned = time.monotonic()
        seen, _, rules = witness.answer().partition(" ")
    finally:
        store.delete(BUCKET, AUTHOR)
    if seen == "late" or rules != str(True):
        text = f"a write was not seen by another process within {WAIT_SECONDS:g} seconds"
        return _note(text, "see that -revision beside the database can be written, and is local")
    milliseconds = (float(seen) - returned) * 1000
    when = f"{milliseconds:.1f} ms after" if milliseconds > 0 else "by the time"
    return _note(f"a write was seen by another process {when} it returned")


class _Witness:
    """A process that looks at the database when it is told to."""

    def __init__(self, to: IO[str], back: IO[str]) -> None:
        self._to = to
        self._back = back

    def tell(self, command: str) -> None:
        self._to.write(command + "\n")
        self._to.flush()

    def answer(self) -> str:
        line = self._back.readline()
        if not line:
            raise EOFError("the process that should look ended")
        return line.rstrip("\n")

    def ask(self, command: str) -> str:
        self.tell(command)
        return self.answer()


@contextmanager
def _witness(path: Path) -> Iterator[_Witness]:
    command = [sys.executable, "-P", "-m", "flask_bucketcors.cli.doctor.witness", str(path)]
    # It has to find the package where this process found it.
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(  # nosec B603 # this interpreter, and a path as one argument
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ, text=True
    ) as process:
        try:
            yield _Witness(cast(IO[str], process.stdin), cast(IO[str], process.stdout))
        finally:
            process.kill()
