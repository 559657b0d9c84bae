"""Runs tests on changed copies of the tree. The tree itself is never changed."""

import compileall
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import ClassVar, Final

from tests.mutants.operators import Mutant
from tests.mutants.targets import PACKAGE

#: Seconds that a stage may take. Unchanged, the slowest takes a tenth of it.
STAGE_SECONDS: Final = 300

_LEFT_OUT: Final = (".*", "__pycache__", "*.egg-info", "build", "dist", "node_modules")


class TestsFail(RuntimeError):
    """The tests fail without any change, so that they say nothing about one."""


class Copy:
    """A copy of the tree to change and to run tests in."""

    #: Stages that pass unchanged; known to all copies.
    _sound: ClassVar[set[tuple[str, ...]]] = set()

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
        self._check_unchanged(files)
        path = self._folder / mutant.file
        path.write_bytes(mutant.apply(source))
        try:
            return self._run(files)
        finally:
            path.write_bytes(source)

    def _check_unchanged(self, files: list[str]) -> None:
        if tuple(files) not in self._sound:
            failure = self._run(files)
            if failure is not None:
                raise TestsFail(f"without any change: {failure}")
            self._sound.add(tuple(files))

    def _run(self, files: list[str]) -> str | None:
        there = [name for name in files if (self._folder / name).is_file()]
        # What one change taught it must not help to find the next.
        shutil.rmtree(self._folder / ".hypothesis", ignore_errors=True)
        assert self._worker.stdin
        assert self._worker.stdout
        print(json.dumps([there, STAGE_SECONDS]), file=self._worker.stdin, flush=True)
        failure: str | None = json.loads(self._worker.stdout.readline())
        return failure

    def close(self) -> None:
        """End the process that runs the tests."""
        self._worker.communicate()
