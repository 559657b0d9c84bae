"""The README is short, and does what it says: its blocks run as they stand, in their order."""

import os
import re
import runpy
import subprocess
import sys
from configparser import ConfigParser
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp

from tests.support import ROOT

README = (ROOT / "README.md").read_text()
LINKS: Any = runpy.run_path(str(ROOT / "docs" / "absolute_links.py"))
FLASK, WSGI = re.findall(r"```python\n(.*?)```", README, re.S)
#: Commands, and what stands below them; those after a comment are for a checkout.
[(COMMANDS, PRINTED)] = re.findall(r"(?<!-->\n)```sh\n(.*?)```\n\n```text\n(.*?)```", README, re.S)

PAGE = "https://www.example.com"
OTHER = "https://example.com"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new folder, in which a reader works."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def in_shell(commands: str) -> str:
    """What commands print, in the folder of the test."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        ["bash", "-u"],
        input=commands,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert not result.stderr
    return result.stdout


def asked(client: TestApp, method: str, url: str, origin: str, wanted: str = "GET") -> Any:
    """Send a request of a page, or its preflight."""
    headers = {"Origin": origin}
    if method == "OPTIONS":
        headers["Access-Control-Request-Method"] = wanted
    return client.request(url, method=method, headers=headers, expect_errors=True)


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 120
    for block in (FLASK, WSGI):
        assert len([line for line in block.splitlines() if line.strip()]) <= 12


def test_the_flask_application_does_what_is_said(folder: Path) -> None:
    (folder / "app.py").write_text(FLASK)
    assert in_shell(COMMANDS) == PRINTED
    names = runpy.run_path("app.py", run_name="app")
    with closing(names["app"].extensions["bucketcors"].store):
        client = TestApp(names["app"])
        allowed = asked(client, "OPTIONS", "/files/photos/cat.png", PAGE)
        assert (allowed.status_int, allowed.headers["Access-Control-Allow-Origin"]) == (200, PAGE)
        assert asked(client, "OPTIONS", "/files/photos/cat.png", OTHER).status_int == 403
        read = asked(client, "GET", "/files/photos/cat.png", PAGE)
        assert (read.text, read.headers["Access-Control-Allow-Origin"]) == (
            "cat.png of photos",
            PAGE,
        )
        for method in ("OPTIONS", "GET"):
            own = asked(client, method, "/api/items", PAGE)
            assert own.status_int == 200
            assert not [name for name in own.headers if name.startswith("Access-Control-")]


def test_the_wsgi_application_does_what_is_said(folder: Path) -> None:
    names: dict[str, Any] = {}
    exec(WSGI, names)
    with closing(names["store"]):
        client = TestApp(names["application"])
        assert asked(client, "OPTIONS", "/files/photos/cat.png", PAGE).status_int == 403
        assert asked(client, "OPTIONS", "/api/items", PAGE).text == "an object"
        assert asked(client, "GET", "/files/photos?cors", PAGE).status_int == 403
        assert (folder / "rules.sqlite").exists()


# Package indexes show the README alone.


def links(text: str) -> list[str]:
    return re.findall(r"\]\(([^)]+)\)", text)


def test_its_links_lead_to_files() -> None:
    """They are absolute in an sdist, which has the address of the repository."""
    relative = [link for link in links(README) if not link.startswith("https://")]
    for link in relative:
        assert (ROOT / link.partition("#")[0]).exists()
    assert relative or f"/{LINKS['tag_of'](ROOT)}/" in links(README)[0]


def test_the_links_of_a_release_are_absolute_and_lead_to_its_tag(tmp_path: Path) -> None:
    url = "https://code.example/project"
    text = "![A page](docs/images/a.png) [API](docs/api.md#b) [Flask](https://flask.example)"
    (tmp_path / "README.md").write_text(text)
    (tmp_path / "setup.cfg").write_text("[metadata]\nversion = 1.2.0\n")
    LINKS["write_addresses"](tmp_path, f"{url}/")
    assert links((tmp_path / "README.md").read_text()) == [
        f"{url}/raw/v1.2.0/docs/images/a.png",
        f"{url}/blob/v1.2.0/docs/api.md#b",
        "https://flask.example",
    ]
    config = ConfigParser()
    config.read(tmp_path / "setup.cfg")
    assert config["metadata"]["version"] == "1.2.0"
    addresses = [
        line.split(" = ")[1] for line in config["metadata"]["project_urls"].split("\n")[1:]
    ]
    assert all(each.startswith(url) for each in addresses)


def test_all_links_of_the_readme_are_made_absolute() -> None:
    once = LINKS["with_absolute_links"](README, "https://code.example/project", "v1.2.0")
    assert all(link.startswith("https://") for link in links(once))
    assert LINKS["with_absolute_links"](once, "https://b.example", "v2.0.0") == once
