"""docs/troubleshooting.md: its commands print what it shows, and no known question is missing.

The commands run one after the other on the application of the page. Its hosts are in
``support/check_hosts.py``.
"""

import os
import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flask_bucketcors.core.dialects import DIALECTS
from flask_bucketcors.core.errors import Refusal
from tests.support import ROOT
from tests.support.check_hosts import hosts_of_pages
from tests.support.command_line import invoke
from tests.support.page_tables import read_tables

PAGE = ROOT / "docs" / "troubleshooting.md"
BLOCK = re.compile(r"```sh\n(# exit code 1\n)?(.*?)\n```(?:\n\n```text\n(.*?)```)?", re.S)

#: Every question, error and step of the pages on which the vendors help with CORS, in their words.
VENDORS_QUESTIONS = [
    "What is CORS and how do I enable it?",
    "headers in the allowlist",
    'return "Access-Control-Allow-Origin: *"',
    "get ETag error, add `ETag` to CORS ExposeHeader setting.",
    "Both COS and CDN are used",
    "fuzzy match of origins",
    "COS CORS reports an error",
    "Can I add IP addresses to CORS rules?",
    "although CDN has been configured",
    "when I access file URLs",
    "gets the cached response of",
    "Do not omit the protocol name",
    "least restricted rule",
    "does not verify subsequent cross-origin requests",
    "Response to preflight request doesn't pass access control check",
    "AccessForbidden: CORSResponse: This CORS request is not allowed",
    "Origin (AllowedOrigin) is set incorrectly",
    "Method (AllowedMethod) is set incorrectly",
    "Allow Header is set incorrectly",
    "Expose Header is set incorrectly",
    "Set Origin, Method and Allow Header to `*`",
    "The domain name cannot be determined",
    "View the request in the browser",
    "Packet capture with Wireshark",
    "overlap or conflict among rules",
]


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The application of the page, in a folder of its own, which is the current one."""
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    (tmp_path / "app.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    with hosts_of_pages(monkeypatch):
        yield runpy.run_path("app.py", run_name="app")["app"]


def run(command: str, app: Any, code: int) -> str:
    """Run a command of the page, which may begin with ``echo TEXT |``."""
    words = shlex.split(command)
    text = None
    if words[0] == "echo":
        text, words = words[1] + "\n", words[words.index("|") + 1 :]
    assert words[:2] == ["flask", "bucketcors"]
    return invoke(*words[2:], app=app, code=code, input=text).output


def test_the_commands_of_the_page_run(app: Any) -> None:
    """With WRITE_DOCS=1 in the environment the outputs are written into the page."""
    text = page = PAGE.read_text()
    for failing, command, output in BLOCK.findall(page):
        printed = run(command, app, code=1 if failing else 0)
        between = f"{command}\n```\n\n```text\n"
        text = text.replace(f"{between}{output}```", f"{between}{printed}```")
    if os.environ.get("WRITE_DOCS") == "1":
        PAGE.write_text(text)
    assert text == page, "the outputs are others: run this with WRITE_DOCS=1, and read the page"


def test_every_question_of_the_vendors_pages_has_its_sections() -> None:
    """The links are checked with those of all pages."""
    rows = {
        row[0]: row[1]
        for table in read_tables(PAGE, "Questions of the vendors' pages")
        for row in table
    }
    for question in VENDORS_QUESTIONS:
        [section] = [text for row, text in rows.items() if question in row]
        assert "](#" in section
    assert len(rows) == len(VENDORS_QUESTIONS)


def test_every_code_of_a_refused_preflight_has_its_section() -> None:
    headings = " ".join(re.findall("^### (.*)", PAGE.read_text(), re.M))
    codes = {
        dialect.errors[refusal].code
        for dialect in DIALECTS.values()
        for refusal in (Refusal.PREFLIGHT_REFUSED, Refusal.PREFLIGHT_NO_RULES)
    }
    assert codes
    assert not [code for code in codes if code not in headings]
