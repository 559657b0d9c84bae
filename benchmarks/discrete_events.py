"""A small simulation of discrete events: a clock, processes, and what they wait for.

A process is a generator. It yields a :data:`Wait`, which continues it later and may give it a
value::

    def customer(simulation, counter):
        yield simulation.sleep(0.5)
        yield from counter.use(2)
"""

import random
from collections import deque
from collections.abc import Callable, Generator
from heapq import heappop, heappush
from itertools import count
from typing import Any

Continue = Callable[[Any], None]
#: Takes the function that continues the process.
Wait = Callable[[Continue], None]
Process = Generator[Wait, Any, Any]


class Simulation:
    """The clock, and what happens when.

    :param seed: of :attr:`random`; runs with the same seed are equal.
    """

    def __init__(self, seed: int = 0) -> None:
        self.now = 0.0
        self.random = random.Random(seed)
        self._events: list[tuple[float, int, Continue, Any]] = []
        self._numbers = count()

    def after(self, seconds: float, act: Continue, value: Any = None) -> None:
        """Call ``act(value)`` so much later. What is due at the same time keeps its order."""
        heappush(self._events, (self.now + seconds, next(self._numbers), act, value))

    def sleep(self, seconds: float) -> Wait:
        return lambda resume: self.after(seconds, resume)

    def start(self, process: Process, ended: Continue | None = None) -> None:
        """Start a process now. At its end, call ``ended`` with what it returns."""

        def resume(value: Any) -> None:
            try:
                wait = process.send(value)
            except StopIteration as end:
                if ended:
                    ended(end.value)
                return
            wait(resume)

        self.after(0, resume)

    def within(self, seconds: float, process: Process) -> Wait:
        """Wait for a process: True if it ends in time. Otherwise it goes on, and nobody waits."""

        def wait(resume: Continue) -> None:
            once = _Once(resume)
            self.start(process, lambda _: once(True))
            self.after(seconds, once, False)

        return wait

    def run(self, until: float) -> None:
        """Let everything happen up to a time."""
        while self._events and self._events[0][0] <= until:
            self.now, _, act, value = heappop(self._events)
            act(value)
        self.now = until


class _Once:
    """Continues a process the first time that it is called."""

    def __init__(self, resume: Continue) -> None:
        self._resume: Continue | None = resume

    def __call__(self, value: Any) -> bool:
        resume, self._resume = self._resume, None
        if resume:
            resume(value)
        return resume is not None


class Resource:
    """Something that so many processes use at a time, first come, first served.

    :ivar busy_seconds: how long it was used, all users together.
    """

    def __init__(self, simulation: Simulation, capacity: int) -> None:
        self._simulation = simulation
        self._free = capacity
        self._queue: deque[_Once] = deque()
        self.busy_seconds = 0.0

    def turn(self, limit: float | None = None) -> Wait:
        """Wait for a turn: True if it came within the limit in seconds. Then release it."""

        def wait(resume: Continue) -> None:
            if self._free:
                self._free -= 1
                resume(True)
                return
            once = _Once(resume)
            self._queue.append(once)
            if limit is not None:
                self._simulation.after(limit, once, False)

        return wait

    def release(self) -> None:
        """Let the next one have it."""
        while self._queue:
            if self._queue.popleft()(True):
                return
        self._free += 1

    def use(self, seconds: float) -> Process:
        """Wait for a turn, and use it for so long."""
        yield self.turn()
        yield self._simulation.sleep(seconds)
        self.busy_seconds += seconds
        self.release()


class Bell:
    """What one process waits for, and others ring. Rung before somebody waits, it is not lost."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._is_rung = False
        self._waiting: _Once | None = None

    def ring(self) -> None:
        if not (self._waiting and self._waiting(True)):
            self._is_rung = True

    def wait(self, seconds: float) -> Wait:
        """Wait until it is rung, at most so long: True if it was."""

        def wait(resume: Continue) -> None:
            if self._is_rung:
                self._is_rung = False
                resume(True)
                return
            self._waiting = _Once(resume)
            self._simulation.after(seconds, self._waiting, False)

        return wait
