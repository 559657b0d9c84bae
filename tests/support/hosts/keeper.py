"""A program that starts other programs, and ends them all when its parent is gone.

It reads one JSON object a line, ``command``, ``log`` and ``user``, and writes ``started PID`` and
``ended CODE``. One program runs at a time. After it, whatever it has left is killed. At an empty
line or the end of the input the keeper kills what there is and removes the folder that is its
argument.

A keeper outlives a test process that is killed, and does not need the cooperation of what it
started: processes that detach themselves become its children, and stopped ones are killed, too.
"""

import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

# prctl(2)
SET_DEATH_SIGNAL = 1
SET_CHILD_SUBREAPER = 36

libc = ctypes.CDLL(None, use_errno=True)


def children(parent: int) -> list[int]:
    """The processes whose parent is a process."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        # A process may end while this looks.
        with suppress(OSError):
            # The name is in parentheses, and may hold some.
            _state, ppid, *_ = path.read_text().rpartition(")")[2].split()
            if int(ppid) == parent:
                found.append(int(path.parent.name))
    return found


def end_all() -> None:
    """Kill every descendant, and wait for it."""
    while remaining := children(os.getpid()):
        for pid in remaining:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in remaining:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)  # no limit: it was killed


def start(command: list[str], log: str, user: int | None) -> subprocess.Popen[bytes]:
    """Start a program; it dies with the keeper even if that is killed."""
    own_user = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    with open(log, "ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            # The last step before the program: a change of the user would undo it.
            preexec_fn=lambda: libc.prctl(SET_DEATH_SIGNAL, signal.SIGKILL),
            **own_user,
        )


def keep(line: str) -> None:
    """Run one program to its end, or to the end of the input."""
    process = start(**json.loads(line))
    print("started", process.pid, flush=True)
    ended = os.pidfd_open(process.pid)
    try:
        ready, _, _ = select.select([ended, sys.stdin], [], [])
    finally:
        os.close(ended)
    if ended in ready:
        code = process.wait()  # no limit: it has ended
        end_all()
        print("ended", code, flush=True)


if __name__ == "__main__":
    libc.prctl(SET_CHILD_SUBREAPER, 1)
    try:
        while (line := sys.stdin.readline()).strip():
            keep(line)
    finally:
        end_all()
        for folder in sys.argv[1:]:
            shutil.rmtree(folder, ignore_errors=True)
