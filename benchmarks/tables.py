"""Write the tables of the documents from ``results.json``. ``--check`` only compares them.

A table is between ``<!-- table: NAME -->`` and ``<!-- /table -->``. ``machines`` lists what the
tables were measured on: one line if it was the same for all.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from report import RESULTS, markdown

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", ROOT / "docs" / "performance.md")
MACHINES = "machines"
TABLE = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- /table -->)", re.DOTALL)


def main() -> int:
    check = "--check" in sys.argv[1:]
    results = json.loads(RESULTS.read_text())
    stale = [page for page in PAGES if update(page, results, check=check)]
    for page in stale:
        print(f"{page.name}: {'differs from' if check else 'written from'} {RESULTS.name}")
    return 1 if check and stale else 0


def update(page: Path, results: dict[str, Any], *, check: bool) -> bool:
    """Write the tables of one page, unless ``check``. Return whether the page changes."""
    text = page.read_text()
    new = TABLE.sub(lambda match: render(match, results), text)
    if new != text and not check:
        page.write_text(new)
    return new != text


def render(match: re.Match[str], results: dict[str, Any]) -> str:
    begin, name, end = match.groups()
    return f"{begin}{content(name, results)}\n{end}"


def content(name: str, results: dict[str, Any]) -> str:
    if name == MACHINES:
        return "\n".join(sorted({f"- {table['on']}" for table in results.values()}))
    return markdown(results[name]["columns"], results[name]["rows"])


if __name__ == "__main__":
    sys.exit(main())
