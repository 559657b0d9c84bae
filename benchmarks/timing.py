"""How things are timed: many short rounds, everybody's turn in each, the least time counts.

Another program's turn on the CPU makes a round longer and never shorter, so the least of many
rounds is what a thing takes. Taking turns lets a slow minute of the machine hit all alike.
"""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from time import perf_counter
from typing import Any, TypeVar
from wsgiref.types import WSGIApplication

#: Does one round and gives the seconds that one call took.
Run = Callable[[], float]
_Name = TypeVar("_Name")


def least_seconds(runs: Mapping[_Name, Run], rounds: int) -> dict[_Name, float]:
    """Time everybody in turns; give the least seconds per call of each."""
    least = dict.fromkeys(runs, float("inf"))
    with no_collector():
        for _ in range(rounds):
            for name, run in runs.items():
                least[name] = min(least[name], run())
    return least


def requests(
    app: WSGIApplication, environ: dict[str, Any], key: str, values: Iterator[str], calls: int
) -> Run:
    """Rounds of requests that differ in one key of the environ, which takes one value each."""

    def run() -> float:
        # Made before the clock runs.
        chunk = list(islice(values, calls))
        return call_all(app, environ, key, chunk) / calls

    return run


def call_all(app: WSGIApplication, environ: dict[str, Any], key: str, values: list[str]) -> float:
    """Make one request for each value and give the seconds of all. An environ is used once."""
    copy = environ.copy
    begin = perf_counter()
    for value in values:
        fresh = copy()
        fresh[key] = value
        app(fresh, start_response)
    return perf_counter() - begin


def calls(function: Callable[[], object], count: int) -> Run:
    """Rounds of calls without arguments."""

    def run() -> float:
        begin = perf_counter()
        for _ in range(count):
            function()
        return (perf_counter() - begin) / count

    return run


def write(data: bytes) -> None:
    """What ``start_response`` gives. Nobody calls it."""


def start_response(
    status: str, headers: list[tuple[str, str]], exc_info: Any = None
) -> Callable[[bytes], object]:
    return write


@contextmanager
def no_collector() -> Iterator[None]:
    """As timeit does: a collection would be paid by whoever's turn it is."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
