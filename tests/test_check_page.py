"""The page about ``check``: its commands run, and its tables name everything.

``test_docs.py`` leaves the commands of check.md to this file, because they need servers. The hosts
of the page are servers of this process, without TLS.
"""

import json
import os
import re
import shlex
import socket
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any

import click
import pytest

from flask_bucketcors.analysis.evidence.error_codes import read_error_code
from flask_bucketcors.analysis.mistakes import Cause
from flask_bucketcors.analysis.response_mistakes import Level, ResponseMistake
from flask_bucketcors.cli import bucketcors
from flask_bucketcors.cli.check import http_exchange, origin_server
from tests.support import ROOT
from tests.support.command_line import invoke
from tests.support.scripted_server import Lines, header_in, scripted_servers, target_of

PAGE = ROOT / "docs" / "check.md"
BLOCK = re.compile(r"```sh\n(# exit code 1\n)?(.*?)\n```\n\n```text\n(.*?)```", re.S)
WWW = "https://www.example.com"
ID = "x-cos-request-id: NjVmMzk"
CODE = "<Error><Code>{}</Code><Message>{}</Message></Error>"
FORBIDDEN = CODE.format("AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.")
UNSIGNED = CODE.format("SignatureDoesNotMatch", "")


def photos(request: str) -> Lines:
    origin = header_in(request, "Origin")
    if origin != WWW:
        return ["200 OK", "Vary: Origin", ID]
    allowed = ["200 OK", f"Access-Control-Allow-Origin: {origin}", "Vary: Origin", ID]
    more = ["Access-Control-Allow-Methods: GET", "Access-Control-Allow-Headers: x-a"]
    return allowed + (more if request.startswith("OPTIONS") else [])


def caching() -> Callable[[str], Lines]:
    """A CDN whose cache does not distinguish origins."""
    cache: dict[str, Lines] = {}

    def respond(request: str) -> Lines:
        url = target_of(request)
        mark = "HIT" if url in cache else "MISS"
        return [*cache.setdefault(url, photos(request)), f"X-Cache: {mark}"]

    return respond


SERVERS: dict[str, Callable[[str], Lines]] = {
    "photos.example.com": photos,
    "other.example.com": lambda request: ["403 Forbidden", ID, "", FORBIDDEN],
    "pattern.example.com": lambda request: [
        "200 OK", "Access-Control-Allow-Origin: https://*.example.com", "Vary: Origin", ID,
    ],
    "www.example.com": lambda request: ["200 OK"],
    "moved.example.com": lambda request: [
        "302 Found", "Location: https://photos.example.com/cat.png",
        "Access-Control-Allow-Origin: *",
    ],
    "signed.example.com": lambda request: ["403 Forbidden", ID, "", UNSIGNED],
    "cdn.example.com": caching(),
}  # fmt: skip


class Plain(HTTPConnection):
    """Stands for a connection with TLS."""

    default_port = 443


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The hosts of the page are servers here, and so are their ports."""
    resolve = socket.getaddrinfo
    with scripted_servers() as serve:
        ports = {host: serve(respond).port for host, respond in SERVERS.items()}

        def here(host: str, port: int, *rest: Any, **options: Any) -> Any:
            return resolve("127.0.0.1", ports[host], *rest, **options)

        monkeypatch.setattr(socket, "getaddrinfo", here)
        monkeypatch.setattr(http_exchange, "_LateHandshake", Plain)
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
    assert all(f"`{each}`: " in PAGE.read_text() for each in Level)


def test_the_causes_that_are_named_exist() -> None:
    [line] = re.findall(r"has the kind of a \[cause\].*", PAGE.read_text())
    assert set(re.findall(r"`(\w+)`", line)) - {"Access-Control-Allow-Origin"} <= set(Cause)


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
