"""The README is short, and does what it says: its blocks run as they stand, in their order."""

import os
import re
import runpy
import subprocess
import sys
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


def test_its_links_are_absolute_once_the_repository_has_an_address() -> None:
    url = LINKS["repository"]()
    for link in links(README):
        if url is None:
            assert (ROOT / link.partition("#")[0]).exists()
        else:
            assert link.startswith(url), "run docs/absolute_links.py"


def test_links_and_images_are_made_absolute() -> None:
    url = "https://code.example/project"
    text = "![A page](docs/images/a.png) [API](docs/api.md#b) [Flask](https://flask.example)"
    assert links(LINKS["with_absolute_links"](text, url)) == [
        f"{url}/raw/main/docs/images/a.png",
        f"{url}/blob/main/docs/api.md#b",
        "https://flask.example",
    ]
    once = LINKS["with_absolute_links"](README, url)
    assert all(link.startswith("https://") for link in links(once))
    assert LINKS["with_absolute_links"](once, url) == once
