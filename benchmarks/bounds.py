"""Measure what rules cost that are made to keep the analysis busy.

For each shape of ``tests/support/intricate_rules.py``, at the largest size that a PUT accepts, the
script prints the seconds of CPU time and the megabytes that lint, diff, explain and permissions
take at most, within ``Bounds.NARROW``, and which bound stops them. Each use runs in a process of
its own, twice: the seconds and the megabytes are not measured at the same time.

With ``--search SECONDS``, it looks for worse rules: it draws rules at random, changes the worst
that it has found, and prints those that take the most.
"""

import argparse
import gc
import json
import multiprocessing
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from time import monotonic, process_time
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

from flask_bucketcors import Bounds, Rule, TooIntricate
from flask_bucketcors.core.problems import InvalidRules
from tests.support.intricate_rules import SHAPES, fits, largest, uses

FORK = multiprocessing.get_context("fork")
MEGABYTE = 1_000_000
CALL_SECONDS = 300


class Cost(NamedTuple):
    """What some work takes.

    :param stopped: the bound that stops it; ``""`` if none does.
    """

    seconds: float
    megabytes: float
    stopped: str


def cost_of(work: Callable[[], object]) -> Cost:
    """Measure some work in processes of its own."""
    seconds, stopped = _in_child(_time, work)
    size, _ = _in_child(_weigh, work)
    return Cost(seconds, size / MEGABYTE, stopped)


def _in_child(measure: Callable[[Callable[[], object]], object], work: Callable[[], object]):
    receiver, sender = FORK.Pipe(duplex=False)
    child = FORK.Process(target=_send, args=(sender, measure, work))
    child.start()
    sender.close()
    if not receiver.poll(CALL_SECONDS):
        child.kill()
    found = receiver.recv()
    child.join(CALL_SECONDS)
    return found


def _send(sender: Connection, measure: Callable, work: Callable[[], object]) -> None:
    gc.collect()
    sender.send(measure(work))


def _time(work: Callable[[], object]) -> tuple[float, str]:
    start = process_time()
    stopped = _stopped_by(work)
    return process_time() - start, stopped


def _weigh(work: Callable[[], object]) -> tuple[int, str]:
    tracemalloc.start()
    stopped = _stopped_by(work)
    return tracemalloc.get_traced_memory()[1], stopped


def _stopped_by(work: Callable[[], object]) -> str:
    try:
        said = work()
    except TooIntricate as error:
        return error.bound
    is_told = any("cannot be listed: not decided" in str(each) for each in said or ())
    return "effect" if is_told else ""


def costs(rules: list[Rule], bounds: Bounds = Bounds.NARROW) -> Iterator[tuple[str, Cost]]:
    """Measure all uses of rules."""
    for name, work in uses(rules, bounds).items():
        yield name, cost_of(work)


# What is measured, each with the width of its column.
_USES = {"lint": 6, "diff": 6, "explain": 7, "permissions": 11}


def print_shapes(names: Sequence[str]) -> None:
    titles = "  ".join(f"{use:>{width}} {'MB':>5}" for use, width in _USES.items())
    print(f"{'shape':<58} {titles}")
    for name in SHAPES:
        if names and name not in names:
            continue
        found = list(costs(largest(name)))
        cells, stopped = [], {}
        for use, width in _USES.items():
            of_use = [cost for each, cost in found if each.startswith(use)]
            seconds = max(each.seconds for each in of_use)
            megabytes = max(each.megabytes for each in of_use)
            cells.append(f"{seconds:{width}.2f} {megabytes:5.1f}")
            stopped.update(dict.fromkeys(f"{use}: {e.stopped}" for e in of_use if e.stopped))
        print(f"{name:<58} {'  '.join(cells)}  {', '.join(stopped)}", flush=True)


class Genes(NamedTuple):
    """What a drawn rule set is made of; see :func:`built`."""

    rules: int
    origins: int
    headers: int
    methods: int
    origin_form: int
    header_form: int
    origin_share: float
    header_share: float
    repeat: int
    length: int
    seed: int


_RANGES: Genes = Genes(100, 60, 60, 5, 10, 10, 1, 1, 40, 60, 9999)


def _form(number: int, i: int, repeat: int, length: int) -> str:
    """The text number ``i`` of a form, with at most one ``*``."""
    side = "ab"[i % 2] * (i % repeat) if repeat else ""
    long = "a" * length
    return (
        f"h{i}{long}",
        f"{side}*",
        f"*{side}",
        f"{side}{long}*{side}",
        f"{i}{long}*" if i % 2 else f"*{long}{i}",
        f"{side}*{i}",
        f"{i}*{side}",
        f"{bin(i)[2:].replace('0', 'a').replace('1', 'b')}*",
        f"*{bin(i)[2:].replace('0', 'a').replace('1', 'b')}" if i % 3 else f"ab{side}*",
        f"{'ab' * (i % (repeat + 1))}*{'ba' * (i % (length + 1))}",
    )[number]


def built(genes: Genes) -> list[Rule]:
    """Build rules, cut to what a PUT accepts."""
    draw = Random(genes.seed)
    texts = [_form(genes.origin_form, i, genes.repeat, genes.length) for i in range(genes.origins)]
    starts = ["https://" if not each.startswith("*") else "" for each in texts]
    origins = [start + each for start, each in zip(starts, texts, strict=True)]
    names = [
        "x" + _form(genes.header_form, i, genes.repeat, genes.length) for i in range(genes.headers)
    ]
    methods = ["GET", "PUT", "POST", "DELETE", "HEAD"]
    rules: list[Rule] = []
    for number in range(genes.rules):
        own = [each for each in origins if draw.random() < genes.origin_share]
        asked = [each for each in names if draw.random() < genes.header_share]
        if genes.origin_share < 0.05:
            own = [origins[number % len(origins)]]
        verbs = methods if genes.methods == 5 else draw.sample(methods, genes.methods)
        rules.append(Rule(own or origins[:1], verbs, asked, ["ETag"], number))
        if len(rules) % 10 == 0 and not fits(rules):
            break
    while len(rules) > 1 and not fits(rules):
        rules.pop()
    return rules


def search(seconds: float, seed: int) -> None:
    """Look for rules that take long, and print the worst."""
    draw = Random(seed)
    end = monotonic() + seconds
    worst: list[tuple[float, str, Cost, Genes]] = []
    while monotonic() < end:
        genes = _drawn(draw) if len(worst) < 5 or draw.random() < 0.3 else _changed(worst, draw)
        try:
            rules = built(genes)
        except InvalidRules:
            continue
        if not fits(rules):
            continue
        for use, cost in costs(rules):
            badness = max(cost.seconds / 0.5, cost.megabytes / 50)
            worst.append((badness, use, cost, genes))
        worst = sorted(worst, key=lambda each: -each[0])[:12]
    for badness, use, cost, genes in worst:
        print(f"{badness:.2f} {use:<24} {json.dumps(cost)} {json.dumps(genes)}")


def _drawn(draw: Random) -> Genes:
    return Genes(*(_gene(each, draw) for each in _RANGES))


def _changed(worst: Sequence[tuple[float, str, Cost, Genes]], draw: Random) -> Genes:
    genes = list(draw.choice(worst)[3])
    for _ in range(draw.randint(1, 3)):
        place = draw.randrange(len(genes))
        genes[place] = _gene(_RANGES[place], draw)
    return Genes(*genes)


def _gene(most: float, draw: Random) -> float:
    if most == 1:
        return draw.choice([0.01, 0.1, 0.3, 0.5, 0.9, 1.0])
    return draw.randint(0, 9) if most == 10 else draw.randint(1, int(most))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shapes", nargs="*", help="only these")
    parser.add_argument("--search", type=float, metavar="SECONDS", help="look for worse rules")
    parser.add_argument("--seed", type=int, default=1, help="of the search")
    arguments = parser.parse_args()
    if arguments.search:
        search(arguments.search, arguments.seed)
    else:
        print_shapes(arguments.shapes)


if __name__ == "__main__":
    main()
