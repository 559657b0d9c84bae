"""The site: its links lead somewhere, it loads nothing, and scripts write what they can."""

import re
import runpy
from pathlib import Path
from typing import Any

import click
import pytest

from flask_bucketcors.cli import bucketcors
from tests.support import ROOT
from tests.support.tables import in_one_test

DOCS = ROOT / "docs"
COMMANDS: Any = runpy.run_path(str(DOCS / "make_commands.py"))
CHECKER: Any = runpy.run_path(str(DOCS / "check_site.py"))
#: What the scripts of screenshots add to the name of a page.
AROUND_A_PAGE = re.compile(r"^console-|-\d+-(?:light|dark)$")


def test_the_page_of_commands_is_what_they_say() -> None:
    page = (DOCS / "commands.md").read_text("utf-8")
    assert page == COMMANDS["page"](), "run python docs/make_commands.py"


def test_the_page_of_commands_has_every_command_and_option() -> None:
    context = click.Context(bucketcors)
    page = (DOCS / "commands.md").read_text("utf-8")
    sections = dict(re.findall(r"^## `(\w+)`\n(.*?)(?=^## |\Z)", page, re.M | re.S))
    assert list(sections) == bucketcors.list_commands(context)
    for name, section in sections.items():
        command = bucketcors.get_command(context, name)
        assert command is not None
        options = [each for each in command.params if isinstance(each, click.Option)]
        assert re.findall(r"^- `(--[\w-]+)", section, re.M) == [each.opts[0] for each in options]


@pytest.mark.parametrize("name", ["performance.md", "scaling.md"])
def test_tables_of_figures_come_from_benchmarks(name: str) -> None:
    """``benchmarks/tables.py --check`` compares what is between the marks with the results."""
    page = (DOCS / name).read_text("utf-8")
    written = re.sub(r"<!-- table: .*?<!-- /table -->", "", page, flags=re.S)
    assert written != page
    # Columns of figures are aligned to the right.
    assert "---:" not in written


def test_pictures_of_the_pages_come_from_scripts() -> None:
    scripts = "".join(path.read_text() for path in DOCS.glob("*screenshots.py"))
    pages = [ROOT / "README.md", *DOCS.glob("*.md")]
    shown = {
        name for page in pages for name in re.findall(r"images/([\w-]+)\.png", page.read_text())
    }
    assert shown
    for name in shown:
        assert f'"{AROUND_A_PAGE.sub("", name)}' in scripts, name


@in_one_test
@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('<a href="other.html">', None),
        ('<a href="other.html#there">', None),
        ('<a href="folder/deep.html">', None),
        ('<a href="#here">', None),
        ('<a href="https://www.example.com/">', None),
        ('<link rel="canonical" href="https://www.example.com/">', None),
        ('<a href="missing.html">', "links to missing.html"),
        ('<a href="other.html#gone">', "links to other.html#gone"),
        ('<a href="#gone">', "links to #gone"),
        ('<img src="gone.png">', "links to gone.png"),
        ('<img src="https://www.example.com/a.png">', "from the network"),
        ('<script src="//www.example.com/a.js"></script>', "from the network"),
        ('<link rel="stylesheet" href="https://www.example.com/a.css">', "from the network"),
    ],
)
def test_a_broken_link_of_a_site_is_found(line: str, fault: str | None, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(exist_ok=True)
    (tmp_path / "index.html").write_text(f'<h1 id="here">A page</h1>{line}')
    (tmp_path / "other.html").write_text('<h1 id="there">Another</h1>')
    (tmp_path / "folder" / "deep.html").write_text('<a href="../index.html#here">')
    found = list(CHECKER["faults"](tmp_path))
    assert len(found) == (fault is not None)
    assert fault is None or fault in found[0]


def test_a_site_without_pages_is_a_fault(tmp_path: Path) -> None:
    assert list(CHECKER["faults"](tmp_path)) == [f"{tmp_path} has no pages: build the site first"]
