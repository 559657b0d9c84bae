"""Starts child processes that end with their block, and limits every wait for one."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

# Bounds, for machines that have much else to do; nothing waits as long when all is well.
CHILD_SECONDS = 50
STOP_SECONDS = 10

# Python takes over the disposition that it inherits. Where SIGINT is ignored, as under nohup and
# in the background jobs of a script, a program that is to be interrupted has to ask for it.
_INTERRUPTIBLE = """
import runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def interruptible(module: str, *arguments: str) -> list[str]:
    """The command of ``python -m module`` that SIGINT interrupts wherever it is started."""
    return [sys.executable, "-c", _INTERRUPTIBLE, module, *arguments]


@contextmanager
def sigint_ignored() -> Iterator[None]:
    """Have the programs that the block starts inherit that SIGINT is ignored."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def running(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """Run a program for the length of a block, and kill what is left of it then.

    ``with subprocess.Popen(...)`` waits for the program instead, for ever if it has to.

    :param options: those of :class:`subprocess.Popen`.
    """
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait(STOP_SECONDS)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


def run_python(code: str, environ: Mapping[str, str] | None = None) -> str:
    """Run a program text in a new interpreter, and give what it printed.

    A test that forks does it there: the process of the tests has threads.

    :raises subprocess.CalledProcessError: if it fails.
    """
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=CHILD_SECONDS,
    )
    return done.stdout
