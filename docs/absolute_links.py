"""Writes the address of the repository into a copy of the project that is about to be built.

Package indexes show the README alone, so its links must be absolute there. In the repository they
are relative and lead to the same commit. No committed file has the address: `.ci/build` asks git
for that of `origin`. In what it builds, each link leads to the tag of the release, as on GitHub.

    python docs/absolute_links.py FOLDER URL
"""

import re
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Final

_LINK: Final = re.compile(r"(?P<image>!?)(?P<text>\[[^\]]*\])\((?P<target>[^):]+)\)")
_PROJECT_URLS: Final = """\
project_urls =
    Documentation = {url}/blob/{tag}/docs/index.md
    Changelog = {url}/blob/{tag}/CHANGES.md
    Source = {url}
    Issues = {url}/issues
"""


def tag_of(folder: Path) -> str:
    """The tag of the version that a folder has."""
    config = ConfigParser()
    config.read(folder / "setup.cfg")
    return f"v{config['metadata']['version']}"


def with_absolute_links(text: str, url: str, tag: str) -> str:
    """Make the relative links and images of a text absolute."""

    def absolute(link: re.Match[str]) -> str:
        kind = "raw" if link["image"] else "blob"
        return f"{link['image']}{link['text']}({url}/{kind}/{tag}/{link['target']})"

    return _LINK.sub(absolute, text)


def write_addresses(folder: Path, url: str) -> None:
    """Make the links of ``README.md`` absolute, and add the addresses to ``setup.cfg``.

    :param folder: a copy of the project.
    :param url: the address of the repository, such as ``https://code.example/team/project``.
    """
    url = url.rstrip("/")
    tag = tag_of(folder)
    readme, config = folder / "README.md", folder / "setup.cfg"
    readme.write_text(with_absolute_links(readme.read_text(), url, tag))
    urls = _PROJECT_URLS.format(url=url, tag=tag)
    config.write_text(config.read_text().replace("[metadata]\n", f"[metadata]\n{urls}", 1))


def main() -> None:
    if len(sys.argv) != 3 or not sys.argv[2].startswith("https://"):
        sys.exit("usage: python docs/absolute_links.py FOLDER https://...")
    write_addresses(Path(sys.argv[1]), sys.argv[2])


if __name__ == "__main__":
    main()
