"""The recipe for moving rules from S3 runs as docs/from-s3.md shows it.

The command ``aws`` is replaced by one that repeats what the real one printed: data/aws_cli.json has
its calls. It refuses any other call.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

PAGE = (ROOT / "docs" / "from-s3.md").read_text()
RECORDED = ROOT / "tests" / "data" / "aws_cli.json"
CALLS = json.loads(RECORDED.read_text())["calls"]
BLOCKS = re.findall(r"```sh\n(.*?)```(?:\n\n```text\n(.*?)```)?", PAGE, re.DOTALL)

APP = """
from flask import Flask
from flask_bucketcors import BucketCORS

app = Flask(__name__)
BucketCORS(app)
"""

AWS = f"""#!{sys.executable}
import json, sys
calls = json.load(open({str(RECORDED)!r}))["calls"]
[call] = [each for each in calls if each["arguments"] == sys.argv[1:]]
sys.stdout.write(call["stdout"])
sys.stderr.write(call["stderr"])
sys.exit(call["code"])
"""


def recorded(bucket: str) -> object:
    """What S3 has for a bucket."""
    arguments = ["s3api", "get-bucket-cors", "--bucket", bucket]
    [call] = [each for each in CALLS if each["arguments"] == arguments]
    return json.loads(call["stdout"])


class Shell:
    """Runs commands in a folder, where ``aws`` is replaced."""

    def __init__(self, folder: Path, commands: Path) -> None:
        self.folder = folder
        aws = folder / "bin" / "aws"
        aws.parent.mkdir()
        aws.write_text(AWS)
        aws.chmod(0o755)
        (folder / "app.py").write_text(APP)
        programs = (str(aws.parent), str(commands), os.environ["PATH"])
        self.environ = {
            **os.environ,
            "FLASK_APP": "app",
            "PATH": os.pathsep.join(programs),
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

    def rules(self, bucket: str) -> object:
        """The rules of a bucket, as ``aws s3api`` shows them."""
        shown = self.run(f"flask bucketcors show {bucket} --as aws")
        return json.loads(shown)


@pytest.fixture
def shell(tmp_path: Path, forked_commands: Path) -> Shell:
    return Shell(tmp_path, forked_commands)


def test_the_commands_of_the_page_run(shell: Shell) -> None:
    assert len(BLOCKS) == PAGE.count("```sh")
    for commands, printed in BLOCKS:
        output = shell.run(commands, code=1 if "# exit code 1" in commands else 0)
        assert not printed or output == printed
    for bucket in ("photos", "videos"):
        assert shell.rules(bucket) == recorded(bucket)
    assert "invoices" not in shell.run("flask bucketcors list").split()
    assert json.loads((shell.folder / "cors.json").read_text()) == recorded("photos")


def test_an_import_again_stores_nothing(shell: Shell) -> None:
    loop = BLOCKS[0][0]
    shell.run(loop)
    assert shell.run(loop) == "0 stored, 2 had these rules already, 0 lines refused\n"


def test_a_bucket_that_cannot_be_read_leaves_the_others(shell: Shell) -> None:
    """The line of a bucket without rules is empty, whatever the shell's options are."""
    shell.run(f"set -o pipefail; set +e\n{BLOCKS[0][0]}")
    lines = (shell.folder / "buckets.jsonl").read_text().splitlines()
    assert [bool(line) for line in lines] == [False, True, True]
