"""Builds the pages of this folder as a site, with the extra `docs`.

    sphinx-build -W -n docs build/site
    python docs/check_site.py build/site

Neither the build nor the pages load anything from the network.
"""

import re
from configparser import ConfigParser
from pathlib import Path
from typing import Final

from sphinx.application import Sphinx

_SOURCE: Final = Path(__file__).parent.parent
_SETUP = ConfigParser()
_SETUP.read(_SOURCE / "setup.cfg", "utf-8")
_CHANGES: Final = "CHANGES.md"
_OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./([^)]+)\)")

project = "flask_bucketcors"
release = _SETUP["metadata"]["version"]
extensions = ["myst_parser"]
html_theme = "furo"
html_title = f"{project} {release}"
# Text that is copied to a terminal keeps its quotes and hyphens.
smartquotes = False
# Pages link to headings of one another, down to this level.
myst_heading_anchors = 3


def show_changes(app: Sphinx, page: str, source: list[str]) -> None:
    """Show the changes on their page, which only links to them on GitHub."""
    if page == "changes":
        changes = (_SOURCE / _CHANGES).read_text("utf-8")
        source[0] = changes.replace("](docs/", "](")


def name_files_outside(app: Sphinx, page: str, source: list[str]) -> None:
    """Name files of the repository that are not on the site, where a page links to them."""
    text = source[0].replace(f"](../{_CHANGES})", "](changes.md)")
    source[0] = _OUTSIDE.sub(r"\1 (`\2` in the repository)", text)


def setup(app: Sphinx) -> None:
    """Have Sphinx call the functions above for each page."""
    app.connect("source-read", show_changes)
    app.connect("source-read", name_files_outside)
