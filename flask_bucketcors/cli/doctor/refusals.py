"""Checks where refused preflights are counted."""

from collections.abc import Iterator

from flask_bucketcors.cli.doctor.notes import Note
from flask_bucketcors.refused_lately.refusal_table import RefusalTable

_HELP = (
    "let the workers' user write the file and its folder, or set BUCKETCORS_REFUSALS to the path "
    "of another file"
)


def examine_refusals(table: RefusalTable | None) -> Iterator[Note]:
    """Check the table of refused preflights; None if they are not counted."""
    if table is None:
        return
    problem = table.problem()
    if problem is not None:
        yield Note("database", f"refused preflights cannot be kept: {problem}", _HELP)
    elif table.path is None:
        yield Note("database", "each worker counts refused preflights in its own memory")
    else:
        yield Note("database", f"refused preflights are counted in {table.path}")
