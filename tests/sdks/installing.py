"""Clients that are installed when they are asked for: old releases, commands, packages of npm.

``BUCKETCORS_CLIENTS=1`` installs them. If that fails, tests fail with what the installer said.
With ``BUCKETCORS_CLIENTS=installed`` they are skipped, and the tests need no package index.
"""

import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

ASKED_FOR = "BUCKETCORS_CLIENTS"
INSTALL_SECONDS = 300

OLD_BOTO3 = ("boto3==1.34.162",)
TOOLS = ("awscli", "s3cmd", "minio")
NPM_PACKAGES = (
    "cos-nodejs-sdk-v5",
    "ali-oss",
    "@aws-sdk/client-s3",
    "aws-sdk-client-s3-3.600@npm:@aws-sdk/client-s3@3.600.0",
    "esdk-obs-nodejs",
    "minio",
)

only_if_asked_for = pytest.mark.skipif(
    os.environ.get(ASKED_FOR) != "1",
    reason=f"has to be installed first: {ASKED_FOR}=1 does it, from PyPI and npm",
)
# The first test of a client installs it, which INSTALL_SECONDS bounds.
may_install = pytest.mark.timeout(360)


class Installed:
    """Packages in folders of their own, each installed once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.environment = cache(self._environment)
        self.npm = cache(self._npm)

    def _environment(self, packages: Sequence[str]) -> Path:
        """A virtual environment with these packages: the folder of its programs."""
        home = self._folder / f"environment-{len(os.listdir(self._folder))}"
        venv.create(home, with_pip=True)
        programs = home / ("Scripts" if sys.platform == "win32" else "bin")
        _run([str(programs / "python"), "-m", "pip", "install", "--quiet", *packages])
        return programs

    def _npm(self, packages: Sequence[str]) -> Path:
        """The folder for NODE_PATH."""
        home = self._folder / "npm"
        home.mkdir()
        quiet = ["--silent", "--no-audit", "--no-fund"]
        _run(["npm", "install", *quiet, "--prefix", str(home), *packages])
        return home / "node_modules"


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=INSTALL_SECONDS,
    )
    if done.returncode:
        pytest.fail(f"{' '.join(command)} failed:\n{done.stdout}")
