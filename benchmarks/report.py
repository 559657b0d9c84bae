"""Tables of results: print them, compare them with their limits, keep them in a file."""

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

#: The option ``--save`` of every script.
SAVE: dict[str, Any] = {"action": "store_true", "help": f"keep the tables in {RESULTS.name}"}

#: The last column of a table that has limits.
AT_MOST = "at most"
AT_LEAST = "at least"


class Table(NamedTuple):
    """Rows of a name and numbers. A number is None if it was not measured.

    :param columns: the last one may be ``AT_MOST`` or ``AT_LEAST``, the limit for other columns.
    :param judged: for how many columns after the name the limit is.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    judged: int = 1


def parse_arguments(description: str | None, **numbers: int) -> Namespace:
    """Read the command line: ``--save``, and numbers with their defaults."""
    parser = ArgumentParser(description=description, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--save", **SAVE)
    for name, default in numbers.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default, metavar="N")
    return parser.parse_args()


def finish(tables: Mapping[str, Table], *, save: bool) -> None:
    """Print the tables, and which figures are beyond their limits. Keep them if ``save``."""
    for name, table in tables.items():
        print(f"\n{name}\n{markdown(table.columns, table.rows)}")
        for line in beyond(table):
            print(f"beyond the limit: {line}")
    if save:
        keep(tables)


def beyond(table: Table, factor: float = 1) -> list[str]:
    """The figures that are more than ``factor`` times beyond their limits."""
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
    """Write the tables to the results, each with the machine it was measured on."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name, table in tables.items():
        results[name] = {"on": machine(), "columns": table.columns, "rows": table.rows}
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")


def machine() -> str:
    """The versions and CPUs that affect figures. Names no machine."""
    peers = ", ".join(f"{name} {version(name)}" for name in PEERS)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python}, {os.cpu_count()} CPUs, {peers}"


def markdown(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [columns, ["---"] + ["---:"] * (len(columns) - 1)]
    lines += [list(map(shown, row)) for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def shown(value: Any) -> str:
    """A number with its significant digits."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) else str(value)
