"""Checks a built site: links and anchors lead somewhere, and nothing comes from the network.

    sphinx-build -W -n docs build/site
    python docs/check_site.py build/site

Sphinx checks the links in the sources. This checks the pages as a browser gets them, with the
links of the theme, of the index and of the search.
"""

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

#: Attributes whose file a browser loads with the page.
_LOADED: Final = {("img", "src"), ("script", "src"), ("iframe", "src"), ("source", "src")}
#: What a browser loads of a `<link>`; others, such as `canonical`, only name an address.
_LOADED_LINKS: Final = {"stylesheet", "preload", "icon", "shortcut icon"}


class Page(HTMLParser):
    """What a page links to, what a browser loads with it, and its anchors."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the anchors and addresses of an element."""
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[each] for each in ("id", "name") if each in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "link" and given.get("rel") in _LOADED_LINKS:
            self.loaded.append(given["href"])
        else:
            self.loaded += [value for name, value in given.items() if (tag, name) in _LOADED]


def read_site(folder: Path) -> dict[Path, Page]:
    """Read all pages of a site."""
    pages = sorted(folder.rglob("*.html"))
    return {page.resolve(): Page(page.read_text("utf-8")) for page in pages}


def faults(folder: Path) -> Iterator[str]:
    """What is wrong with a site, as lines of text."""
    site = read_site(folder)
    if not site:
        yield f"{folder} has no pages: build the site first"
    for path, page in site.items():
        shown = path.relative_to(folder.resolve())
        for address in page.loaded:
            if urlsplit(address).netloc:
                yield f"{shown} loads {address} from the network"
        for address in [*page.links, *page.loaded]:
            if _is_broken(address, path, site):
                yield f"{shown} links to {address}, which is not there"


def _is_broken(address: str, path: Path, site: dict[Path, Page]) -> bool:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return False
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        return True
    anchor = unquote(parts.fragment)
    return bool(anchor) and target in site and anchor not in site[target].anchors


def main() -> None:
    found = list(faults(Path(sys.argv[1])))
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
