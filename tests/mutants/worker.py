"""A process that runs pytest again and again, each time in a fork of itself.

Most of the time of a short run goes into importing what no change touches. Here that is
imported once. The process has one thread, so that it can fork without danger.

It reads a line of JSON for each run, ``[files, seconds]``, and writes one: the test that failed
first, or null.
"""

import importlib
import json
import os
import select
import signal
import sys
import tempfile
from contextlib import suppress
from typing import IO, Final

import pytest

#: What the tests import that is slow to import. None of it imports the package.
PRELOADED: Final = (
    *("hypothesis.strategies", "flask", "webtest", "werkzeug.test", "sqlite3", "defusedxml"),
    *("botocore.auth", "oss2", "obs", "alibabacloud_oss_v2", "qcloud_cos", "publicsuffixlist"),
)
_OPTIONS: Final = (
    *("-x", "-q", "--no-header", "--tb=line", "--hypothesis-seed=0"),
    *("-p", "no:randomly", "-p", "no:cacheprovider"),
    # pytest wants to be the first to import its plugins.
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)


def run(files: list[str], seconds: float) -> str | None:
    """Run tests, and give the first failure.

    :param seconds: how long they may take; a run without an end counts as a failure.
    """
    with tempfile.TemporaryFile("w+") as output:
        child = os.fork()
        if child == 0:
            _run_here(files, output)
        ended = os.pidfd_open(child)
        try:
            in_time = bool(select.select([ended], [], [], seconds)[0])
        finally:
            os.close(ended)
            _end(child)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])  # no limit: it was killed
        if not in_time:
            return f"no end within {seconds:.0f} seconds"
        output.seek(0)
        return None if status == 0 else _failure(output.read())


def _run_here(files: list[str], output: IO[str]) -> None:
    code: int = pytest.ExitCode.INTERNAL_ERROR
    try:
        os.setsid()
        for descriptor in (1, 2):
            os.dup2(output.fileno(), descriptor)
        code = pytest.main([*_OPTIONS, *files])
        sys.stdout.flush()
    finally:
        os._exit(code)


def _end(child: int) -> None:
    """End a run, and what it began: its processes are a group of their own."""
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)


def _failure(output: str) -> str:
    lines = output.strip().splitlines()
    named = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    return (named or lines or ["no output"])[-1][:160]


def main() -> None:
    """Serve runs until there is no more to read."""
    for name in PRELOADED:
        with suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        print(json.dumps(run(*json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
