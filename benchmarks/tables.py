"""Write the tables of docs/performance.md from ``results.json``. ``--check`` only compares them.

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
PAGE = ROOT / "docs" / "performance.md"
MACHINES = "machines"
TABLE = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- /table -->)", re.DOTALL)


def main() -> int:
    check = "--check" in sys.argv[1:]
    results = json.loads(RESULTS.read_text())
    text = PAGE.read_text()
    new = TABLE.sub(lambda match: render(match, results), text)
    if new == text:
        return 0
    if not check:
        PAGE.write_text(new)
    print(f"{PAGE.name}: {'differs from' if check else 'written from'} {RESULTS.name}")
    return 1 if check else 0


def render(match: re.Match[str], results: dict[str, Any]) -> str:
    begin, name, end = match.groups()
    return f"{begin}{content(name, results)}\n{end}"


def content(name: str, results: dict[str, Any]) -> str:
    if name == MACHINES:
        return "\n".join(sorted({f"- {table['on']}" for table in results.values()}))
    return markdown(results[name]["columns"], results[name]["rows"])


if __name__ == "__main__":
    sys.exit(main())
