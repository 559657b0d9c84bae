"""Tables whose rows cost next to nothing, each run in one test."""

import random
import reprlib
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import signature
from itertools import product
from typing import Any

import pytest

#: The name of a row, and the arguments that it stands for.
_Row = tuple[str, dict[str, Any]]


def in_one_test(function: Callable[..., None]) -> Callable[..., None]:
    """Run all rows of a parametrized test in one test, which fails with each row that fails.

    A test for each row costs pytest and its workers more than most rows do. The rows share their
    fixtures, so none may be made for a single test. They run in random order, as tests do.

    :raises ValueError: if a row has a mark, which only a test of its own can have.
    """
    marks: list[pytest.Mark] = getattr(function, "pytestmark", [])
    tables = [list(_rows_of(mark)) for mark in marks if mark.name == "parametrize"]
    rows = [_join(combination) for combination in product(*tables)]
    if not rows:
        raise ValueError(f"{function.__name__} has no rows")

    @wraps(function)
    def run_rows(**fixtures: Any) -> None:
        failures: list[BaseException] = []
        for name, arguments in random.sample(rows, len(rows)):
            try:
                function(**arguments, **fixtures)
            except (Exception, pytest.fail.Exception) as error:
                error.add_note(f"This is the row {name}.")
                failures.append(error)
                if "from pytest-timeout" in str(error):
                    # Nothing would limit the time of the rows that are left.
                    break
        if failures:
            raise BaseExceptionGroup(f"{len(failures)} of {len(rows)} rows fail", failures)

    with_rows = signature(function)
    fixtures = [each for name, each in with_rows.parameters.items() if name not in rows[0][1]]
    vars(run_rows).update(
        __signature__=with_rows.replace(parameters=fixtures),
        pytestmark=[mark for mark in marks if mark.name != "parametrize"],
    )
    return run_rows


def _rows_of(mark: pytest.Mark) -> Iterator[_Row]:
    names, table = mark.args
    if isinstance(names, str):
        names = [name.strip() for name in names.split(",")]
    for row, id in _with_ids(list(table), mark.kwargs.get("ids")):
        if not hasattr(row, "marks"):
            row = pytest.param(*(row if len(names) > 1 else [row]), id=id)
        if row.marks:
            raise ValueError(f"the row {row} has a mark, which only a test of its own can have")
        arguments = dict(zip(names, row.values, strict=True))
        yield str(row.id or id or reprlib.repr(arguments)), arguments


def _with_ids(table: list[Any], ids: Any) -> Iterator[tuple[Any, Any]]:
    if callable(ids):
        # It names values, of which a row has several.
        return zip(table, [None] * len(table), strict=True)
    return zip(table, ids or [None] * len(table), strict=True)


def _join(combination: tuple[_Row, ...]) -> _Row:
    """The row that a row of each table makes together."""
    arguments = {name: value for _, values in combination for name, value in values.items()}
    return ", ".join(name for name, _ in combination), arguments
