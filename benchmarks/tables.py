"""Write the tables of figures of the documentation from ``results.json``.

``--check`` only compares them.

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
PAGES = [ROOT / "docs" / name for name in ("performance.md", "scaling.md")]
MACHINES = "machines"
TABLE = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- /table -->)", re.DOTALL)


def main() -> int:
    check = "--check" in sys.argv[1:]
    results = json.loads(RESULTS.read_text())
    changed = [page for page in PAGES if is_changed(page, results, write=not check)]
    for page in changed:
        print(f"{page.name}: {'differs from' if check else 'written from'} {RESULTS.name}")
    return 1 if check and changed else 0


def is_changed(page: Path, results: dict[str, Any], *, write: bool) -> bool:
    """Whether a page has other tables than the results; write them if ``write``."""
    text = page.read_text()
    new = TABLE.sub(lambda match: render(match, results), text)
    if write and new != text:
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
