"""Builds the pages of this folder as a site, with the extra `docs`.

    sphinx-build -W -n docs build/site

Neither the build nor the pages load anything from the network.
"""

import re
from configparser import ConfigParser
from pathlib import Path

from sphinx.application import Sphinx

_SETUP = ConfigParser()
_SETUP.read(Path(__file__).parent.parent / "setup.cfg", "utf-8")
_OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./([^)]+)\)")

project = "flask_bucketcors"
release = _SETUP["metadata"]["version"]
extensions = ["myst_parser"]
html_theme = "furo"
html_title = f"{project} {release}"
# Pages link to headings of one another, down to this level.
myst_heading_anchors = 3


def name_files_outside(app: Sphinx, page: str, source: list[str]) -> None:
    """Name files of the repository that are not on the site, where a page links to them."""
    source[0] = _OUTSIDE.sub(r"\1 (`\2` in the repository)", source[0])


def setup(app: Sphinx) -> None:
    """Have Sphinx call the function above for each page."""
    app.connect("source-read", name_files_outside)
