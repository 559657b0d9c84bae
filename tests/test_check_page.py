"""The page about ``check``: its commands run, and its tables name everything.

``test_docs.py`` leaves the commands of check.md to this file, because they need servers. The hosts
of the page are in ``support/check_hosts.py``.
"""

import json
import os
import re
import shlex
from collections.abc import Iterator

import click
import pytest

from flask_bucketcors.analysis.evidence.error_codes import read_error_code
from flask_bucketcors.analysis.mistakes import Cause
from flask_bucketcors.analysis.response_mistakes import Level, ResponseMistake
from flask_bucketcors.cli import bucketcors
from flask_bucketcors.cli.check import origin_server
from tests.support import ROOT
from tests.support.check_hosts import hosts_of_pages
from tests.support.command_line import invoke

PAGE = ROOT / "docs" / "check.md"
BLOCK = re.compile(r"```sh\n(# exit code 1\n)?(.*?)\n```\n\n```text\n(.*?)```", re.S)


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with hosts_of_pages(monkeypatch):
        yield


@pytest.mark.usefixtures("hosts")
def test_the_commands_of_the_page_run() -> None:
    """With WRITE_DOCS=1 in the environment the outputs are written into the page."""
    text = page = PAGE.read_text()
    for failing, command, output in BLOCK.findall(page):
        arguments = shlex.split(command)
        assert arguments[:2] == ["flask", "bucketcors"]
        printed = invoke(*arguments[2:], code=1 if failing else 0).output
        between = f"{command}\n```\n\n```text\n"
        text = text.replace(f"{between}{output}```", f"{between}{printed}```")
    if os.environ.get("WRITE_DOCS") == "1":
        PAGE.write_text(text)
    assert text == page, "the outputs are others: run this with WRITE_DOCS=1, and read the page"


def test_every_kind_of_fault_is_described_in_its_own_words() -> None:
    row = r"^\| `(\w+)` \| (\w+) \| (.*?) \| (.+?) \| (.+?) \|$"
    rows = re.findall(row, PAGE.read_text(), re.M)
    expected = [
        (str(each), str(each.level), each.header, each.meaning, each.help)
        for each in ResponseMistake
    ]
    if os.environ.get("WRITE_DOCS") == "1":
        table = "".join("| `{}` | {} | {} | {} | {} |\n".format(*row) for row in expected)
        head, line, _ = PAGE.read_text().rpartition("| --- | --- | --- | --- | --- |\n")
        PAGE.write_text(head + line + table)
    assert rows == expected, "run this with WRITE_DOCS=1, and read the page"


def test_the_levels_are_described() -> None:
    assert all(f"| `{each}` | " in PAGE.read_text() for each in Level)


def test_the_causes_that_are_named_exist() -> None:
    [items] = re.findall(r"have the name of a \[cause\].*\n\n((?:- .*\n)+)", PAGE.read_text())
    named = set(re.findall(r"`([a-z_]+)`", items))
    assert named
    assert named <= set(Cause)


def test_the_codes_that_are_named_are_explained() -> None:
    section = PAGE.read_text().partition("## Error codes")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \|", section, re.M)
    codes = [code for row in rows for code in re.findall(r"`(\w+)`", row)]
    assert len(codes) > 10
    for code in codes:
        found = read_error_code([], json.dumps({"code": code}).encode())
        assert found is not None
        assert found.meaning


def test_every_option_is_described() -> None:
    page = PAGE.read_text()
    command = bucketcors.get_command(click.Context(bucketcors, info_name="bucketcors"), "check")
    assert command is not None
    options = {option for each in command.params for option in each.opts if option[:2] == "--"}
    assert {each for each in options if f"`{each}" not in page} == {"--database"}
    assert origin_server.OTHER_PAGE in page
