"""The recipe for moving rules from S3 runs as docs/from-s3.md shows it.

The command ``aws`` is replaced by one that repeats what the real one printed: data/aws_cli.json has
its calls.
"""

import json
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.recorded_commands import Shell, commands_of

PAGE = (ROOT / "docs" / "from-s3.md").read_text()
RECORDED = ROOT / "tests" / "data" / "aws_cli.json"
CALLS = json.loads(RECORDED.read_text())["calls"]
[LOOP, *_] = [commands for commands, _ in commands_of(PAGE)]


def recorded(bucket: str) -> object:
    """What S3 has for a bucket."""
    arguments = ["s3api", "get-bucket-cors", "--bucket", bucket]
    [call] = [each for each in CALLS if each["arguments"] == arguments]
    return json.loads(call["stdout"])


@pytest.fixture
def shell(tmp_path: Path, forked_commands: Path) -> Shell:
    return Shell(tmp_path, forked_commands, "aws", RECORDED)


def test_the_commands_of_the_page_run(shell: Shell) -> None:
    shell.run_page(PAGE)
    for bucket in ("photos", "videos"):
        assert shell.rules(bucket, "aws") == recorded(bucket)
    assert "invoices" not in shell.run("flask bucketcors list").split()
    assert json.loads((shell.folder / "cors.json").read_text()) == recorded("photos")


def test_an_import_again_stores_nothing(shell: Shell) -> None:
    shell.run(LOOP)
    assert shell.run(LOOP) == "0 stored, 2 had these rules already, 0 lines refused\n"


def test_a_bucket_that_cannot_be_read_leaves_the_others(shell: Shell) -> None:
    """The line of a bucket without rules is empty, whatever the shell's options are."""
    shell.run(f"set -o pipefail; set +e\n{LOOP}")
    lines = (shell.folder / "buckets.jsonl").read_text().splitlines()
    assert [bool(line) for line in lines] == [False, True, True]
