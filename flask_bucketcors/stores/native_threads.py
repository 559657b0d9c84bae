"""Threads of the operating system, also where gevent has replaced those of Python.

A greenlet that waits for a network or a lock must let others go on, and gevent arranges that for
Python's own functions. A thread of this module may simply wait. It has no hub of gevent, so that
it neither needs nor disturbs that of the requests.

Facts this rests on:

- gevent may patch Python after this package was imported, as under ``gunicorn --preload``. So the
  original functions are looked up when they are called.
- A lock that was made before has stayed a native one. To wait for it blocks all greenlets of the
  thread. To try it does not.
- To wait for one of gevent's locks in a thread without a hub needs the hub of another thread. To
  try it, or to release it, does not.
"""

import signal
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

# The native identifiers of the threads of this module.
_running: Final[set[int]] = set()


def original(module: str, name: str) -> Any:
    """Give a function of Python as it was before gevent patched it."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None:
        return getattr(import_module(module), name)
    return monkey.get_original(module, name)


_NATIVE_LOCK: Final = type(original("_thread", "allocate_lock")())


def is_patched() -> bool:
    """Whether gevent has patched the functions that wait."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_object_patched("time", "sleep"))


def start(run: Callable[[], None]) -> None:
    """Run a function in a new thread, which does not keep the interpreter from ending.

    :param run: must not raise.
    """
    original("_thread", "start_new_thread")(_run, (run,))


def is_native() -> bool:
    """Whether the current thread is one of this module."""
    return bool(_running) and original("_thread", "get_ident")() in _running


def pause(seconds: float) -> None:
    """Sleep. Under gevent, other greenlets of the thread go on, if it has any."""
    if is_native():
        original("time", "sleep")(seconds)
    else:
        time.sleep(seconds)


def may_wait_for(lock: threading.Lock) -> bool:
    """Whether to wait for a lock blocks the current thread alone, or the current greenlet."""
    return isinstance(lock, _NATIVE_LOCK) is (is_native() or not is_patched())


def _run(run: Callable[[], None]) -> None:
    # Signals are for the main thread, which may be waiting for one.
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    # As Python does for its own threads: debuggers, profilers and coverage see this one, too.
    sys.settrace(threading.gettrace())
    sys.setprofile(threading.getprofile())
    thread = original("_thread", "get_ident")()
    _running.add(thread)
    try:
        run()
    finally:
        _running.discard(thread)
