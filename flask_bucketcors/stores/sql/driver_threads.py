"""Calls of a driver, in an OS thread if they would stop greenlets.

Under gevent, a server that hangs must not stop the hub. Drivers are not made for greenlets alone:
psycopg waits in C, and chooses how when it is imported, which may be before a server patches. So
each connection gets an OS thread, and the greenlet waits until the thread is done.
"""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

from flask_bucketcors.stores.native_threads import is_native

T = TypeVar("T")


class DriverThread:
    """An OS thread in which calls run one after the other, where greenlets run; else the caller's.

    The thread of :mod:`flask_bucketcors.stores.native_threads` has none, and may block.
    """

    def __init__(self) -> None:
        self._hub: Any = None
        self._pool: Any = None

    def call(self, work: Callable[[], T]) -> T:
        """Call a function, and give its result or raise its error."""
        hub = None if is_native() else _hub()
        if hub is None:
            return work()
        if self._hub is not hub:
            from gevent.threadpool import ThreadPool  # type: ignore[import-untyped]

            self._hub, self._pool = hub, ThreadPool(1, hub=hub)
        # The pool would print an error that leaves the function.
        result, error = self._pool.apply(_tried, (work,))
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    def end(self) -> None:
        """End the thread, if there is one; the next call begins another."""
        pool, self._hub, self._pool = self._pool, None, None
        if pool is not None:
            pool.maxsize = 0


def _hub() -> Any:
    """The hub of gevent that runs in this thread; None if there is none."""
    module = sys.modules.get("gevent._hub_local")
    return module.get_hub_if_exists() if module else None


def _tried(work: Callable[[], T]) -> tuple[T | None, BaseException | None]:
    try:
        return work(), None
    except BaseException as error:
        return None, error
