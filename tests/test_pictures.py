"""The pictures of the documentation are shown, and a script takes each of them."""

import re
from pathlib import Path

from tests.support import ROOT

PICTURES = sorted(path.name for path in (ROOT / "docs" / "images").iterdir())
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DEMO = (ROOT / "docs" / "screenshots.py").read_text()
CONSOLE = (ROOT / "docs" / "console_screenshots.py").read_text()


def has_script(name: str) -> bool:
    """Whether a script writes the file: by its name, or by that of a page of the console."""
    page = re.match(r"console-([a-z]+)", name)
    return f'    "{page[1]}": ' in CONSOLE if page else f'"{name}"' in DEMO


def test_every_picture_is_shown() -> None:
    shown = {
        Path(link).name
        for page in PAGES
        for link in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text())
    }
    assert sorted(shown) == PICTURES


def test_every_picture_comes_from_a_script() -> None:
    assert [name for name in PICTURES if not has_script(name)] == []
