"""Time things in many short rounds. All take turns in each round, and the least time counts.

Another program on the CPU makes a round longer and never shorter, so the least of many rounds
is the true time. Because all take turns, a slow minute of the machine affects all equally.
"""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from time import perf_counter
from typing import Any, TypeVar
from wsgiref.types import WSGIApplication

#: Runs one round and returns the seconds of one call.
Run = Callable[[], float]
#: An environ, or the part of it that differs from request to request.
Environ = dict[str, Any]
_Name = TypeVar("_Name")


def least_seconds(runs: Mapping[_Name, Run], rounds: int) -> dict[_Name, float]:
    """Time all runs in turns. Return the least seconds per call of each."""
    least = dict.fromkeys(runs, float("inf"))
    with no_collector():
        for _ in range(rounds):
            for name, run in runs.items():
                least[name] = min(least[name], run())
    return least


def requests(
    app: WSGIApplication, environ: Environ, differences: Iterator[Environ], calls: int
) -> Run:
    """Rounds of requests that differ in some keys of the environ. Each difference is used once.

    :param differences: new texts for each request, as a server makes them: close to each other in
        memory, just used, and never hashed.
    """

    def run() -> float:
        # Made before the clock starts.
        chunk = list(islice(differences, calls))
        return call_all(app, environ, chunk) / calls

    return run


def call_all(app: WSGIApplication, environ: Environ, differences: Iterable[Environ]) -> float:
    """Make one request for each difference, with a new environ. Return the seconds of all."""
    begin = perf_counter()
    for difference in differences:
        app(environ | difference, start_response)
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
    """The return value of ``start_response``. Nothing calls it."""


def start_response(
    status: str, headers: list[tuple[str, str]], exc_info: Any = None
) -> Callable[[bytes], object]:
    return write


@contextmanager
def no_collector() -> Iterator[None]:
    """Turn off garbage collection, as timeit does. One run would pay for the garbage of all."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
