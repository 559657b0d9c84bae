"""Another tool that opens the database."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def run_sql(path: Path, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Run one statement in a transaction of its own, and give its rows."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(statement, parameters).fetchall()
        connection.commit()
        return rows
