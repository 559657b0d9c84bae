"""Makes the links of `README.md` absolute, so that they work where no other file is beside it.

Package indexes show the README alone. The repository's address is `url` in `setup.cfg`, below
`[metadata]`; its files are found as on GitHub.

    python docs/absolute_links.py
"""

import re
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).parent.parent
README: Final = SOURCE / "README.md"
BRANCH: Final = "main"

_LINK: Final = re.compile(r"(?P<image>!?)(?P<text>\[[^\]]*\])\((?P<target>[^):]+)\)")


def repository() -> str | None:
    """The address of the repository, without a slash at the end; None if there is none."""
    config = ConfigParser()
    config.read(SOURCE / "setup.cfg")
    url = config["metadata"].get("url")
    return url.rstrip("/") if url else None


def with_absolute_links(text: str, url: str) -> str:
    """Make the relative links and images of a text absolute."""

    def absolute(link: re.Match[str]) -> str:
        kind = "raw" if link["image"] else "blob"
        return f"{link['image']}{link['text']}({url}/{kind}/{BRANCH}/{link['target']})"

    return _LINK.sub(absolute, text)


def main() -> None:
    url = repository()
    if url is None:
        sys.exit("setup.cfg has no url: write the address of the repository below [metadata]")
    README.write_text(with_absolute_links(README.read_text(), url))


if __name__ == "__main__":
    main()
