"""Runs the commands of a page in a shell in which a vendor's commands are replaced.

A replacement repeats what the real command prints; a file of ``tests/data`` has its calls. It
refuses any other call.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support import ROOT

APP = """
from flask import Flask
from flask_bucketcors import BucketCORS

app = Flask(__name__)
BucketCORS(app)
"""

REPLACEMENT = """#!{python}
import json, sys
calls = json.load(open({recorded!r}))["calls"]
[call] = [each for each in calls if each["arguments"] == sys.argv[1:]]
sys.stdout.write(call["stdout"])
sys.stderr.write(call["stderr"])
sys.exit(call["code"])
"""

_BLOCK = re.compile(r"```sh\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)


def commands_of(page: str) -> list[tuple[str, str]]:
    """The blocks of commands of a page, each with what it prints; "" if the page does not say."""
    return _BLOCK.findall(page)


class Shell:
    """Runs commands in a folder with the application ``app.py``."""

    def __init__(self, folder: Path, commands: Path, programs: str, recorded: Path) -> None:
        """
        :param commands: the folder of the commands of this package.
        :param programs: the names of the commands that are replaced, with spaces between them.
        :param recorded: the file with their calls.
        """
        self.folder = folder
        replacements = folder / "bin"
        replacements.mkdir()
        code = REPLACEMENT.format(python=sys.executable, recorded=str(recorded))
        for name in programs.split():
            (replacements / name).write_text(code)
            (replacements / name).chmod(0o755)
        (folder / "app.py").write_text(APP)
        path = (str(replacements), str(commands), os.environ["PATH"])
        self.environ = {
            **os.environ,
            "FLASK_APP": "app",
            "PATH": os.pathsep.join(path),
            "PYTHONPATH": str(ROOT),
        }

    def run(self, commands: str, code: int = 0) -> str:
        """Run commands, and give what they print.

        :param code: the exit code that they have to end with.
        """
        result = subprocess.run(
            ["bash", "-eu"],
            input=commands,
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert result.returncode == code, (commands, result.stdout, result.stderr)
        return result.stdout

    def run_page(self, page: str) -> None:
        """Run all commands of a page, one after the other; they print what the page says."""
        blocks = commands_of(page)
        assert len(blocks) == page.count("```sh")
        for commands, printed in blocks:
            output = self.run(commands, code=1 if "# exit code 1" in commands else 0)
            assert not printed or output == printed, (commands, output)

    def rules(self, bucket: str, form: str) -> object:
        """The rules of a bucket as ``show`` writes them in a form."""
        return json.loads(self.run(f"flask bucketcors show {bucket} --as {form}"))
