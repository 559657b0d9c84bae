"""The command line: draw changes, try them, and show those that no test noticed."""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from tests.mutants.equivalents import load, outdated, reason_of
from tests.mutants.operators import Mutant, is_valid, mutants_of
from tests.mutants.running import Copy
from tests.mutants.targets import Target, modules

ROOT: Final = Path(__file__).parents[2]
#: Of the changes outside security, the part that tests have to notice.
ENOUGH: Final = 0.95


@dataclass(frozen=True)
class Drawn:
    """A change to try: the module's source as it is, and the tests for it."""

    mutant: Mutant
    source: bytes
    target: Target


@dataclass(frozen=True)
class Outcome:
    """What became of a change.

    :param noticed_by: the test that failed; None if none did.
    :param reason: why it makes no difference; None if it should.
    """

    drawn: Drawn
    noticed_by: str | None = None
    reason: str | None = None

    @property
    def word(self) -> str:
        if self.reason is not None:
            return "equivalent"
        return "killed" if self.noticed_by is not None else "SURVIVED"


def draw(root: Path, seed: int, count: int, only: str) -> list[Drawn]:
    """Draw changes, half of them from security as long as there are enough.

    :param only: a pattern for the files.
    """
    pools: dict[bool, list[Drawn]] = {True: [], False: []}
    for file, target in modules(root):
        if fnmatch(file, only):
            source = (root / file).read_bytes()
            found = (Drawn(each, source, target) for each in mutants_of(file, source))
            pools[target.is_security].extend(found)
    generator = random.Random(seed)
    for pool in pools.values():
        generator.shuffle(pool)
    security = _take(pools[True], count - min(count // 2, len(pools[False])))
    drawn = security + _take(pools[False], count - len(security))
    generator.shuffle(drawn)
    return drawn


def _take(pool: list[Drawn], count: int) -> list[Drawn]:
    taken: list[Drawn] = []
    for each in pool:
        if len(taken) == count:
            break
        if is_valid(each.mutant, each.source):
            taken.append(each)
    return taken


class Trial:
    """Tries changes, several at a time, each in a copy of its own, until time is up.

    :param until: when to begin no more, in monotonic seconds.
    """

    def __init__(self, folder: Path, jobs: int, until: float) -> None:
        self._until = until
        self._copies: SimpleQueue[Copy] = SimpleQueue()
        self._stack = ExitStack()
        for number in range(jobs):
            copy = Copy(ROOT, folder / str(number))
            self._copies.put(self._stack.enter_context(closing(copy)))
        self._pool = self._stack.enter_context(ThreadPoolExecutor(jobs))

    def __enter__(self) -> "Trial":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._stack.close()

    def run(self, drawn: list[Drawn], *, is_last: bool = False) -> Iterator[Outcome]:
        """Try changes by the stages of their targets, or by the last one."""
        for outcome in self._pool.map(lambda each: self._try(each, is_last), drawn):
            if outcome is not None:
                yield outcome

    def _try(self, drawn: Drawn, is_last: bool) -> Outcome | None:
        stages = [drawn.target.last_stage()] if is_last else drawn.target.stages()
        copy = self._copies.get()  # no limit: there are as many as threads
        try:
            if time.monotonic() > self._until:
                return None
            return Outcome(drawn, copy.noticed_by(drawn.mutant, drawn.source, stages))
        finally:
            self._copies.put(copy)


def try_all(drawn: list[Drawn], trial: Trial) -> list[Outcome]:
    """Try changes, and those that pass once more with a wider set of tests."""
    entries = load()
    reasons = [reason_of(each.mutant, each.source, entries) for each in drawn]
    outcomes = [
        Outcome(each, reason=reason)
        for each, reason in zip(drawn, reasons, strict=True)
        if reason is not None
    ]
    left = [each for each, reason in zip(drawn, reasons, strict=True) if reason is None]
    first = _told(trial.run(left), len(left))
    passed = [each.drawn for each in first if each.noticed_by is None]
    print(f"\n{len(passed)} passed; a wider set of tests looks at them", flush=True)
    last = {each.drawn: each for each in _told(trial.run(passed, is_last=True), len(passed))}
    return outcomes + [last.get(each.drawn, each) for each in first]


def _told(outcomes: Iterator[Outcome], count: int) -> list[Outcome]:
    """Print each outcome when it is there."""
    told: list[Outcome] = []
    for outcome in outcomes:
        told.append(outcome)
        mutant = outcome.drawn.mutant
        what = f"{mutant.file}:{mutant.line} {mutant.operator}"
        print(f"{len(told)}/{count} {outcome.word} {what}: {outcome.noticed_by}", flush=True)
    return told


def report(outcomes: list[Outcome], drawn: int) -> bool:
    """Print what came out, and say whether it is good enough."""
    survivors = [each for each in outcomes if each.word == "SURVIVED"]
    for each in survivors:
        mark = "security" if each.drawn.target.is_security else "other"
        print(f"\n{each.drawn.mutant.file}:{each.drawn.mutant.line}: {mark}, survived")
        print(each.drawn.mutant.diff(each.drawn.source))
    print(f"\n{drawn} drawn, {len(outcomes)} tried")
    good = [_summary(outcomes, is_security) for is_security in (True, False)]
    return all(good)


def _summary(outcomes: list[Outcome], is_security: bool) -> bool:
    words = [each.word for each in outcomes if each.drawn.target.is_security is is_security]
    killed, survived = words.count("killed"), words.count("SURVIVED")
    share = killed / (killed + survived) if killed + survived else 1.0
    name, enough = ("security", 1.0) if is_security else ("other", ENOUGH)
    equivalent = words.count("equivalent")
    print(f"{name}: {killed} killed, {survived} survived, {equivalent} equivalent: {share:.1%}")
    return share >= enough


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 1 if too many changes survived."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="draws the same changes each time")
    parser.add_argument("--count", type=int, default=300, help="changes to draw")
    parser.add_argument("--minutes", type=float, default=60, help="begin no change after that")
    parser.add_argument("--jobs", type=int, default=2, help="changes to try at a time")
    parser.add_argument("--only", default="*", help="files to change, such as '*/resolvers.py'")
    options = parser.parse_args(arguments)
    until = time.monotonic() + options.minutes * 60
    for entry in outdated(load(), ROOT):
        parser.error(f"equivalent.toml: {entry.file} has no such line any more: {entry.before}")
    drawn = draw(ROOT, options.seed, options.count, options.only)
    with (
        tempfile.TemporaryDirectory(prefix="mutants-") as folder,
        Trial(Path(folder), options.jobs, until) as trial,
    ):
        outcomes = try_all(drawn, trial)
    return 0 if report(outcomes, len(drawn)) else 1


if __name__ == "__main__":
    sys.exit(main())
