"""Options about the store that a command works on: ``--database``, and how strict to be."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])

_KEY: Final = "flask_bucketcors."


def given(name: str) -> Any:
    """The value of one of these options, which the running command does not take as an argument."""
    return click.get_current_context().meta.get(_KEY + name)


def _remembered(*names: str, **attributes: Any) -> Callable[[_Command], _Command]:
    """An option that is not passed to the command; what the command calls asks :func:`given`."""

    def remember(context: click.Context, parameter: click.Parameter, value: object) -> None:
        context.meta[_KEY + str(parameter.name)] = value

    return click.option(*names, callback=remember, expose_value=False, **attributes)


database_option: Final = _remembered(
    "--database",
    metavar="DATABASE",
    help=(
        "Work on this database, without its app: a file, or the URL of a server.  "
        "[default: BUCKETCORS_DATABASE]"
    ),
)
create_option: Final = _remembered(
    "--create",
    is_flag=True,
    help="Create the file of --database, or the tables on its server, if they are missing.",
)
limits_option: Final = _remembered(
    "--limits",
    type=click.IntRange(min=1),
    nargs=2,
    metavar="RULES BYTES",
    help="Refuse larger documents, even if the app does not.",
)


def refuse_unused_database() -> None:
    """Refuse ``--database`` for rules that are in files.

    :raises click.UsageError: if it is given.
    """
    if given("database") is not None:
        raise click.UsageError("--database is for rules of a bucket: write --bucket NAME, too")
