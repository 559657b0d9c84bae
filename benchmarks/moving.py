"""Measure a move of rules with their history: ``export --history`` and ``import``, as commands.

The source is a SQLite file. The target is another one, or the database of ``--to URL``, which must
hold no rules. Another process changes the rules of one bucket of the target all the time, and
notes the longest wait. The memory is the most that the command had at once.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from cases import bucket_name, own_rule_set
from report import markdown

from flask_bucketcors import PastChange, RuleSet, SQLiteStore, Store

COMMAND = [sys.executable, "-m", "flask_bucketcors"]
BATCH = 500
# One bucket of so many is changed between the first export and the second.
CHANGED_ONE_OF = 100
# The longest history that a store keeps by default, of documents of about 64 KiB.
LARGE_BUCKETS, LARGE_CHANGES, LARGE_RULES = 20, 50, 100
LARGE_ORIGINS = 20
PAUSE_SECONDS = 0.02
# For the writer to end.
WAIT_SECONDS = 30


class Measured(NamedTuple):
    """What a command took."""

    seconds: float
    megabytes: float
    printed: str


def main() -> int:
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        target = options.to or str(folder / "new.sqlite")
        rows = [*usual(folder, target, options.buckets, options.changes), *large(folder, target)]
    print(markdown(["", "seconds", "buckets a second", "MB of memory"], rows))
    return 0


def arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--to", metavar="URL", help="the target  [default: another SQLite file]")
    parser.add_argument("--buckets", type=int, default=20_000, metavar="N")
    parser.add_argument("--changes", type=int, default=5, metavar="N", help="of each bucket")
    return parser.parse_args()


def usual(folder: Path, target: str, buckets: int, changes: int) -> Iterator[Sequence[object]]:
    """Move many buckets, then what has changed since, then nothing."""
    old, lines = folder / "old.sqlite", folder / "buckets.jsonl"
    what = f"{buckets:,} buckets with {changes} changes"
    with closing(SQLiteStore(old)) as store:
        fill(store, buckets, changes)
        yield row(f"export of {what}", export(old, lines), buckets)
        create(target)
        with writing(target) as waits:
            yield row(f"import of {what}", take(target, lines), buckets)
        print(f"longest wait of another process for a write: {max(waits):.2f} seconds")
        yield row("the same import again", take(target, lines), buckets)
        names = [bucket_name(number) for number in range(0, buckets, CHANGED_ONE_OF)]
        store.put_many((bucket, own_rule_set(buckets)) for bucket in names)
        yield row(f"second export, {len(names):,} buckets changed", export(old, lines), buckets)
        again = take(target, lines)
        yield row("second import", again, buckets)
    expected = f"{len(names)} stored, {buckets - len(names)} had"
    if not again.printed.startswith(expected):
        raise SystemExit(f"expected: {expected}; printed: {again.printed}")


def large(folder: Path, target: str) -> Iterator[Sequence[object]]:
    old, lines = folder / "large.sqlite", folder / "large.jsonl"
    with closing(SQLiteStore(old)) as store:
        for number in range(LARGE_BUCKETS):
            history = [
                PastChange(float(change), "alice", large_rule_set(change))
                for change in range(LARGE_CHANGES)
            ]
            store.put_with_history([(f"large-{number}", history)])
    yield row(
        f"export of {LARGE_BUCKETS} buckets with {LARGE_CHANGES} changes of 64 KiB",
        export(old, lines),
        LARGE_BUCKETS,
    )
    yield row("their import", take(target, lines), LARGE_BUCKETS)


def fill(store: Store, buckets: int, changes: int) -> None:
    rule_sets = [own_rule_set(change) for change in range(changes)]
    for first in range(0, buckets, BATCH):
        store.put_with_history(
            (
                bucket_name(number),
                [
                    PastChange(n + number / 1000, "alice", rules)
                    for n, rules in enumerate(rule_sets)
                ],
            )
            for number in range(first, min(first + BATCH, buckets))
        )


def large_rule_set(change: int) -> RuleSet:
    base = own_rule_set(change).rules[0].as_dict()
    origins = [f"https://{n:04}.{change}.example.com" for n in range(LARGE_ORIGINS)]
    return RuleSet.from_dict({"rules": [{**base, "allowed_origins": origins}] * LARGE_RULES})


def create(target: str) -> None:
    measure(["import", "--create", "-", "--database", target])


def export(path: Path, lines: Path) -> Measured:
    return measure(["export", "--history", str(lines), "--database", str(path)])


def take(target: str, lines: Path) -> Measured:
    return measure(["import", "--quiet", str(lines), "--database", target])


def measure(arguments: Sequence[str]) -> Measured:
    """Run a command, and measure it by what the system says at its end."""
    begun = time.monotonic()
    with tempfile.TemporaryFile("w+") as printed:
        process = subprocess.Popen(
            [*COMMAND, *arguments], stdin=subprocess.DEVNULL, stdout=printed, stderr=printed
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        text = printed.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)}: {text}")
    return Measured(time.monotonic() - begun, used.ru_maxrss / 1024, text)


@contextmanager
def writing(target: str) -> Iterator[list[float]]:
    """Change a bucket of the target all the time; give how long each change took."""
    waits: list[float] = []
    ended = threading.Event()

    def write() -> None:
        with closing(opened(target)) as store:
            while not ended.wait(PAUSE_SECONDS):
                begun = time.monotonic()
                store.put("another", own_rule_set(len(waits)))
                waits.append(time.monotonic() - begun)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield waits
    finally:
        ended.set()
        thread.join(WAIT_SECONDS)


def opened(target: str) -> Store:
    if "://" not in target:
        return SQLiteStore(target)
    from flask_bucketcors import SQLStore

    return SQLStore(target)


def row(name: str, measured: Measured, buckets: int) -> Sequence[object]:
    return [name, measured.seconds, buckets / measured.seconds, measured.megabytes]


if __name__ == "__main__":
    sys.exit(main())
