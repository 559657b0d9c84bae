"""Locks and open files across a fork.

A fork copies only one thread. A lock that another thread holds stays locked in the child forever.
SQLite's file locks belong to a process: a child that inherits an open connection has none of them,
acts as if it had, and loses what it writes. So before a fork every member of this module
takes its locks and closes what it has open. Afterwards parent and child release the locks. If a
member cannot do that in time, the fork goes on, and its copy in the child is abandoned.

Facts this rests on:

- ``os.fork``, ``os.forkpty`` and :mod:`multiprocessing` run the functions that
  :func:`os.register_at_fork` names; :mod:`subprocess` does not fork Python, and runs none.
- uWSGI forks in C. It runs all of these functions only if ``py-call-uwsgi-fork-hooks`` is set, and
  those of the child only if ``py-call-osafterfork`` is. So members that keep a file open also
  compare the process ID.
- With gevent, hooks may wait for a lock: they run before the interpreter is locked.
"""

import os
import threading
import time
from typing import Final, Protocol
from weakref import WeakSet

from flask_bucketcors.stores.native_threads import may_wait_for, pause

# How long a thread waits for a lock before it lets greenlets go on, and how long it lets them.
_STEP_SECONDS: Final = 0.0005
#: How long a fork waits for all locks together, in seconds.
FORK_SECONDS: Final = 5.0


def take(lock: threading.Lock, deadline: float = float("inf")) -> bool:
    """Take a lock, unless another thread or greenlet has it until the deadline.

    A lock may be older than gevent's patches, as in a server that loads the application and then
    forks. To wait for it would block all greenlets of the thread, also the one that has it. So this
    waits in small steps, and sleeps in between.

    :param deadline: in monotonic seconds.
    :returns: whether it was taken.
    """
    while not lock.acquire(blocking=False):
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            return False
        if may_wait_for(lock) and lock.acquire(timeout=min(_STEP_SECONDS, remaining)):
            return True
        pause(_STEP_SECONDS)
    return True


class Member(Protocol):
    """An object that takes part in every fork."""

    def before_fork(self, deadline: float) -> bool:
        """Take all locks and close what is open; return whether that succeeded in time.

        :param deadline: in monotonic seconds. If it passes, no lock is held.
        """

    def after_fork(self) -> None:
        """Release the locks, in the parent and in the child."""

    def abandon(self) -> None:
        """In the child: replace what could not be locked before the fork."""


class _Forks:
    """The members, and the forks that are under way."""

    def __init__(self) -> None:
        self.members: WeakSet[Member] = WeakSet()
        # Held during a fork, and while a member joins.
        self.lock = threading.Lock()
        # The members that each forking thread holds.
        self.held: dict[int, list[Member]] = {}

    def before(self) -> None:
        deadline = time.monotonic() + FORK_SECONDS
        if take(self.lock, deadline):
            held = self.held[threading.get_ident()] = []
            for member in list(self.members):
                if member.before_fork(deadline):
                    held.append(member)

    def after_in_parent(self) -> None:
        held = self.held.pop(threading.get_ident(), None)
        # Without an entry, another thread was forking, and this one did not wait for it.
        if held is not None:
            self._release(held)

    def after_in_child(self) -> None:
        held = self.held.pop(threading.get_ident(), None)
        self.held.clear()
        if held is None:
            self.lock = threading.Lock()
            held = []
        else:
            self._release(held)
        for member in list(self.members):
            if member not in held:
                member.abandon()

    def _release(self, held: list[Member]) -> None:
        for member in held:
            member.after_fork()
        self.lock.release()


_forks = _Forks()


def join(member: Member) -> None:
    """Let an object take part in every fork from now on, for as long as it lives."""
    lock = _forks.lock
    take(lock)
    try:
        _forks.members.add(member)
    finally:
        lock.release()


class ForkSafeLock:
    """A lock that is free in a forked child.

    :param is_awaited: whether a fork waits until no thread holds it. It must not if a thread that
        holds it may wait for another member, which the fork holds already: each would wait for the
        other. What the lock guards must then be of use in a child at any moment.
    """

    def __init__(self, *, is_awaited: bool = True) -> None:
        self._is_awaited = is_awaited
        self._lock = self._entered = threading.Lock()
        join(self)

    def __enter__(self) -> None:
        lock = self._lock
        # As take() does first, without the call.
        if not lock.acquire(False):
            take(lock)
        self._entered = lock

    def __exit__(self, *exception: object) -> None:
        # Not self._lock: the thread that holds this one may have forked in the meantime.
        self._entered.release()

    def before_fork(self, deadline: float) -> bool:
        return self._is_awaited and take(self._lock, deadline)

    def after_fork(self) -> None:
        self._lock.release()

    def abandon(self) -> None:
        self._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_forks.before,
        after_in_parent=_forks.after_in_parent,
        after_in_child=_forks.after_in_child,
    )
