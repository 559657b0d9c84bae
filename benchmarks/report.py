"""Tables of results: printed, kept in ``results.json``, and held to docs/performance.md."""

import json
import os
import platform
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

RESULTS = Path(__file__).parent / "results.json"
PEERS = ("Flask", "flask-cors", "gunicorn", "wsgicors")

#: The last column of a table that has limits.
AT_MOST = "at most"
AT_LEAST = "at least"


class Table(NamedTuple):
    """Rows of a name and numbers. A number that was not measured is None.

    :param columns: the last one may be ``AT_MOST`` or ``AT_LEAST``: the limit for all others
        that are about this package.
    :param judged: how many columns after the name the limit is for.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    judged: int = 1


def parse_arguments(description: str | None, **numbers: int) -> Namespace:
    """Read the command line: ``--save``, and numbers with their defaults."""
    parser = ArgumentParser(description=description, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--save", action="store_true", help=f"keep the tables in {RESULTS.name}")
    for name, default in numbers.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default, metavar="N")
    return parser.parse_args()


def finish(tables: Mapping[str, Table], *, save: bool) -> None:
    """Print the tables and what is beyond its limit; keep them if asked to."""
    for name, table in tables.items():
        print(f"\n{name}\n{markdown(table.columns, table.rows)}")
        for line in beyond(table):
            print(f"beyond its limit: {line}")
    if save:
        keep(tables)


def beyond(table: Table, factor: float = 1) -> list[str]:
    """What is more than ``factor`` times beyond its limit."""
    kind = table.columns[-1]
    if kind not in (AT_MOST, AT_LEAST):
        return []
    found = []
    for name, *numbers, limit in table.rows:
        for column, number in zip(table.columns[1:], numbers[: table.judged], strict=False):
            if _is_beyond(number, limit, kind, factor):
                found.append(f"{name} ({column}): {shown(number)}, {kind} {shown(limit)}")
    return found


def _is_beyond(number: float | None, limit: float | None, kind: str, factor: float) -> bool:
    if number is None or limit is None:
        return False
    return number > limit * factor if kind == AT_MOST else number < limit / factor


def keep(tables: Mapping[str, Table]) -> None:
    """Put the tables among the results, each with what it was measured on."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name, table in tables.items():
        results[name] = {"on": machine(), "columns": table.columns, "rows": table.rows}
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")


def machine() -> str:
    """What decides about figures, without saying whose machine it is."""
    peers = ", ".join(f"{name} {version(name)}" for name in PEERS)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python}, {os.cpu_count()} CPUs, {peers}"


def markdown(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [columns, ["---"] + ["---:"] * (len(columns) - 1)]
    lines += [list(map(shown, row)) for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def shown(value: Any) -> str:
    """A number with as many digits as can be trusted."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) else str(value)
