"""Runs a command on a pseudo-terminal, as a person does."""

import os
import pty
import select
import subprocess
import time
from pathlib import Path

from tests.support import ROOT
from tests.support.processes.children import STOP_SECONDS


def on_a_terminal(
    program: Path, *args: str, folder: Path, typed: str = "", **environ: str
) -> tuple[int, str]:
    """Run a program on a terminal; give its exit code and all that it printed.

    :param typed: what is typed once the command asks, with a question mark or in brackets.
    """
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [program, *args],
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if name != "NO_COLOR"},
            "PYTHONPATH": str(ROOT),
            "TERM": "xterm",
            **environ,
        },
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    try:
        output = _read(controller, typed, time.monotonic() + 60)
        return process.wait(timeout=10), output
    finally:
        process.kill()
        process.wait(STOP_SECONDS)
        os.close(controller)


def _read(controller: int, typed: str, deadline: float) -> str:
    printed = b""
    while time.monotonic() < deadline:
        if not select.select([controller], [], [], 1)[0]:
            continue
        try:
            data = os.read(controller, 65536)
        except OSError:
            # Linux says so when the other side is closed.
            break
        if not data:
            break
        printed += data
        if typed and b"[y/N]" in printed:
            os.write(controller, typed.encode())
            typed = ""
    return printed.decode().replace("\r\n", "\n")
