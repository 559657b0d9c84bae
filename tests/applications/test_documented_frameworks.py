"""What docs/wsgi.md says to do with other frameworks, done."""

import re
from collections.abc import Callable
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client
from wsgi_calls import skip_unless_asked_for

from flask_bucketcors import Rule, RuleSet
from flask_bucketcors.testing import assert_browser_allows, assert_browser_refuses
from tests.support import ROOT

skip_unless_asked_for()

BLOCK = re.compile(r"```python\n# with (\w+).*?\n(.*?)```", re.S)
BLOCKS = dict(BLOCK.findall((ROOT / "docs" / "wsgi.md").read_text()))
ORIGIN = "https://www.example.com"


def nothing(folder: Path) -> None:
    """Prepare nothing."""


def django_project(folder: Path) -> None:
    """Have Django find a project, as `manage.py` does."""
    import_module("django_site").configure(folder, lambda chunk: None)


PREPARED: dict[str, Callable[[Path], None]] = {
    "Django": django_project,
    "Bottle": nothing,
    "Starlette": nothing,
}


def test_every_block_is_run() -> None:
    assert set(BLOCKS) == set(PREPARED)


@pytest.mark.parametrize("framework", PREPARED)
def test_pages_use_buckets_and_nothing_else(
    framework: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    PREPARED[framework](tmp_path)
    names: dict[str, Any] = {}
    exec(BLOCKS[framework], names)
    with closing(names["application"].store) as store:
        store.put("photos", RuleSet([Rule([ORIGIN], ["GET"])]))
        client = Client(names["application"])
        assert_browser_allows(client, "/files/photos/cat.png", origin=ORIGIN)
        assert_browser_refuses(client, "/files/other/cat.png", origin=ORIGIN)
        assert_browser_refuses(client, "/api/items", origin=ORIGIN)
