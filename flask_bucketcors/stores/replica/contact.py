"""When a host was last in contact with its server, in memory that its processes share.

The memory is a part of the token file beside the copy, see
:mod:`flask_bucketcors.stores.sqlite.change_token`. Each number is written whole, and one is older
than the next for an instant only.
"""

import os
import time
import zlib
from collections.abc import MutableSequence
from functools import cache
from pathlib import Path
from typing import Final

#: If no process has tried to reach the server for so long, in seconds, nobody follows it.
UNFOLLOWED_SECONDS: Final = 120.0

# Where the numbers are.
_BOOT, _AT, _TIME, _LEADER, _TRIED, _NOTIFIED = range(6)
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
# It goes on while the machine sleeps, and is the same for all processes. Wall clocks are set.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


def now() -> int:
    """The time since the machine started, in nanoseconds."""
    return time.monotonic_ns() if _CLOCK is None else time.clock_gettime_ns(_CLOCK)


class Contact:
    """What the processes of a host know about the contact with the server.

    :param memory: at least six numbers, all 0 at first.
    """

    def __init__(self, memory: MutableSequence[int] | memoryview) -> None:
        self._memory = memory

    def confirm(self, at: int) -> None:
        """Note that the copy has everything that the server had at a time of :func:`now`."""
        memory = self._memory
        if memory[_BOOT] != _boot():
            memory[_AT] = 0
            memory[_BOOT] = _boot()
        memory[_AT] = max(at, memory[_AT])
        memory[_TIME] = time.time_ns() - (now() - at)

    def lead(self, at: int, *, is_notified: bool | None = None) -> None:
        """Note that this process follows the server.

        :param is_notified: whether the server notifies, as far as is known; None for as before.
        """
        memory = self._memory
        memory[_LEADER] = os.getpid()
        memory[_TRIED] = at
        if is_notified is not None:
            memory[_NOTIFIED] = int(is_notified)

    @property
    def leader(self) -> int | None:
        """The ID of the process that followed the server last; None if none did."""
        return self._memory[_LEADER] or None

    @property
    def has_leader(self) -> bool:
        """Whether the process that followed the server last is there, as far as this one can see.

        One in another container cannot be seen.
        """
        leader = self.leader
        # Elsewhere, the number 0 is that of a signal.
        if leader is None or os.name != "posix":
            return False
        try:
            os.kill(leader, 0)
        except ProcessLookupError:
            return False
        except OSError:
            # It belongs to another user.
            return True
        return True

    def is_confirmed_since(self, at: int) -> bool:
        """Whether the copy has everything that the server had at a time of :func:`now`."""
        return self._memory[_AT] >= at and self._memory[_BOOT] == _boot()

    @property
    def is_notified(self) -> bool:
        """Whether the server notifies the leader, as far as that is known."""
        return bool(self._memory[_NOTIFIED])

    def age(self) -> float | None:
        """Seconds since the copy had all that the server had; None if not since the last boot."""
        memory = self._memory
        at = memory[_AT]
        if not at or memory[_BOOT] != _boot():
            return None
        return max(0, now() - at) / 1e9

    def tried(self) -> float | None:
        """Seconds since the leader last tried to reach the server; None if not since the boot."""
        tried, present = self._memory[_TRIED], now()
        return (present - tried) / 1e9 if 0 < tried <= present else None

    def shown_age(self) -> str:
        """How old the copy is, for people, also if the machine was started again in between."""
        age, noted = self.age(), self._memory[_TIME]
        if age is None and noted:
            age = max(0.0, time.time() - noted / 1e9)
        return "of unknown age" if age is None else f"{age:.0f} s old"


@cache
def _boot() -> int:
    """Identify the time since the machine was started last; the same number for all processes."""
    try:
        return zlib.crc32(_BOOT_ID.read_bytes())
    except OSError:
        return 1
