"""Runs tests on changed copies of the tree. The tree itself is never changed."""

import compileall
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import ClassVar, Final

from tests.mutants.operators import Mutant
from tests.mutants.targets import PACKAGE

#: Seconds that a stage may take when nothing is changed.
STAGE_SECONDS: Final = 600
# With a change: this many times as long as without, and as many seconds more.
# A worker ends when nobody tells it more.
END_SECONDS: Final = 60
_PATIENCE: Final = 5
_MORE_SECONDS: Final = 20

_LEFT_OUT: Final = (".*", "__pycache__", "*.egg-info", "build", "dist", "node_modules")


class TestsFail(RuntimeError):
    """The tests fail without any change, so that they say nothing about one."""


class Copy:
    """A copy of the tree to change and to run tests in."""

    #: How long stages take unchanged, in seconds; known to all copies.
    _took: ClassVar[dict[tuple[str, ...], float]] = {}

    def __init__(self, root: Path, folder: Path) -> None:
        self._folder = folder
        shutil.copytree(root, folder, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        # Compared by their contents, also when they are compiled again: a change within the same
        # second has to count.
        compileall.compile_dir(
            folder / PACKAGE, quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH
        )
        self._worker = subprocess.Popen(
            [sys.executable, "-m", "tests.mutants.worker"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def noticed_by(self, mutant: Mutant, source: bytes, stages: list[list[str]]) -> str | None:
        """Run tests, stage by stage, with a change, until one fails.

        :returns: the test that failed first, or None.
        :raises TestsFail: if tests fail without the change as well.
        """
        failures = (self._try(mutant, source, files) for files in stages)
        return next((failure for failure in failures if failure is not None), None)

    def _try(self, mutant: Mutant, source: bytes, files: list[str]) -> str | None:
        limit = self._time_unchanged(files) * _PATIENCE + _MORE_SECONDS
        path = self._folder / mutant.file
        path.write_bytes(mutant.apply(source))
        try:
            return self._run(files, limit)
        finally:
            path.write_bytes(source)

    def _time_unchanged(self, files: list[str]) -> float:
        key = tuple(files)
        if key not in self._took:
            began = time.monotonic()
            failure = self._run(files, STAGE_SECONDS)
            if failure is not None:
                raise TestsFail(f"without any change: {failure}")
            self._took[key] = time.monotonic() - began
        return self._took[key]

    def _run(self, files: list[str], limit: float) -> str | None:
        there = [name for name in files if (self._folder / name).is_file()]
        # What one change taught it must not help to find the next.
        shutil.rmtree(self._folder / ".hypothesis", ignore_errors=True)
        assert self._worker.stdin
        assert self._worker.stdout
        print(json.dumps([there, limit]), file=self._worker.stdin, flush=True)
        failure: str | None = json.loads(self._worker.stdout.readline())
        return failure

    def close(self) -> None:
        """End the process that runs the tests."""
        self._worker.communicate(timeout=END_SECONDS)
