"""Writes the tables of the documents from ``results.json``; with ``--check`` only compares.

A table stands between ``<!-- table: NAME -->`` and ``<!-- /table -->``.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from report import RESULTS, markdown

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", ROOT / "docs" / "performance.md")
TABLE = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- /table -->)", re.DOTALL)


def main() -> int:
    check = "--check" in sys.argv[1:]
    results = json.loads(RESULTS.read_text())
    stale = [page for page in PAGES if update(page, results, check=check)]
    for page in stale:
        print(f"{page.name}: {'other figures than in' if check else 'written from'} {RESULTS.name}")
    return 1 if check and stale else 0


def update(page: Path, results: dict[str, Any], *, check: bool) -> bool:
    """Write the tables of one page, or only say whether that would change it."""
    text = page.read_text()
    new = TABLE.sub(lambda match: render(match, results), text)
    if new != text and not check:
        page.write_text(new)
    return new != text


def render(match: re.Match[str], results: dict[str, Any]) -> str:
    begin, name, end = match.groups()
    table = results[name]
    return f"{begin}{markdown(table['columns'], table['rows'])}\n\n{table['on']}.\n{end}"


if __name__ == "__main__":
    sys.exit(main())
