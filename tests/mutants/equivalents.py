"""Changes that no test can notice, with the reason of each."""

import tomllib
from pathlib import Path
from typing import Final, NamedTuple

from tests.mutants.operators import Mutant

LIST: Final = Path(__file__).with_name("equivalent.toml")


class Equivalent(NamedTuple):
    """A change that makes no difference.

    :param file: the module, relative to the tree.
    :param before: the lines that change, without the blanks around each.
    :param reason: why they do the same.
    :param after: the same lines with the change; None for any change of them.
    """

    file: str
    before: str
    reason: str
    after: str | None = None


def load() -> list[Equivalent]:
    """Read the list."""
    return [Equivalent(**entry) for entry in tomllib.loads(LIST.read_text())["equivalent"]]


def outdated(entries: list[Equivalent], root: Path) -> list[Equivalent]:
    """Give the entries whose lines are no longer in their file."""
    return [entry for entry in entries if not _is_there(entry, root)]


def _is_there(entry: Equivalent, root: Path) -> bool:
    path = root / entry.file
    if not path.is_file():
        return False
    text = "\n".join(line.strip() for line in path.read_text().splitlines())
    return f"\n{entry.before}\n" in f"\n{text}\n"


def reason_of(mutant: Mutant, source: bytes, entries: list[Equivalent]) -> str | None:
    """Say why a change makes no difference; None if it should."""
    before, after = mutant.lines(source)
    for entry in entries:
        if (entry.file, entry.before) == (mutant.file, before) and entry.after in (None, after):
            return entry.reason
    return None
