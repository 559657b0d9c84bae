"""Output to the terminal: text, JSON, exit codes."""

import io
import json
import os
import sqlite3
import sys
from collections.abc import Callable, Iterable, Mapping
from textwrap import indent
from typing import Any, Final

import click

from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.core.problems import Problem

TEXT: Final = "text"
JSON: Final = "json"

_FILE_HELP: Final = (
    "check that this is the application's own database, that you can write to it and to its "
    "folder, and that no other program has locked it; docs/deployment.md"
)

#: The message for rules that are refused because of what lint found.
STRICT_REFUSES: Final = "BUCKETCORS_STRICT or --strict refuses these rules"

#: The option of every command that reports something.
format_option: Final = click.option(
    "--format",
    "form",
    type=click.Choice([TEXT, JSON]),
    default=TEXT,
    show_default=True,
    help="Output format.",
)


def utf8_text(context: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    """Refuse an argument that is not UTF-8, because a store cannot keep it."""
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        raise click.BadParameter("write it in UTF-8") from None
    return text


def store_help(error: StoreUnavailable) -> str | None:
    """Say what to do about a store that fails; None if the text of the error says it.

    What SQLite or the system says of a file is no such text.
    """
    return _FILE_HELP if isinstance(error.__cause__, sqlite3.Error | OSError) else None


def called() -> str:
    """What to write before the name of a command, as this one was called."""
    group = click.get_current_context().parent
    return group.command_path if group else "bucketcors"


def without_rules(bucket: str) -> str:
    """Say that a bucket has no rules, which is often a misspelled name."""
    return f"bucket {printable(bucket)} has no rules; {called()} list prints the buckets with rules"


def is_dumb() -> bool:
    """Whether the terminal knows no colours and cannot move the cursor."""
    return os.environ.get("TERM") == "dumb"


def escape_unknown_characters() -> None:
    """Escape characters that the terminal's encoding lacks, instead of failing on them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


class Refused(click.ClickException):
    """A command refuses to do something; exit code 1.

    :param message: the reason.
    :param problems: everything that is wrong; each is printed on a line of its own.
    """

    exit_code = 1

    def __init__(self, message: str, problems: Iterable[Problem] = ()) -> None:
        super().__init__("\n".join([message, *problem_lines(problems)]))


def problem_lines(problems: Iterable[Problem]) -> list[str]:
    """The lines that list problems below a message."""
    return [f"  {printable(str(problem))}" for problem in problems]


def printable(text: str) -> str:
    """Escape characters that control a terminal or are invisible.

    Names, rules and responses come from outside. A colour code, a line feed or a change of the
    writing direction in them must not pass for output of this program.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


def clipped(text: str, most: int) -> str:
    """Cut a text after a number of characters, and say how many more it has."""
    more = len(text) - most
    return f"{text[:most]}... (and {more} more characters)" if more > 0 else text


def counted(count: int, noun: str) -> str:
    """A number with its noun, such as ``1 rule`` or ``2 rules``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def echo_json(data: Any) -> None:
    """Print data as JSON, in printable ASCII."""
    click.echo(json.dumps(data, indent=2))


def echo_json_list(
    name: str, items: Iterable[Any], others: Callable[[], Mapping[str, Any]]
) -> None:
    """Print an object with a list as JSON, each item of it as soon as it is available.

    :param name: of the list.
    :param others: gives the other members, once the items are known.
    """
    before = f'{{\n  "{name}": ['
    click.echo(before, nl=False)
    before = ""
    for each in items:
        click.echo(f"{before}\n{indent(json.dumps(each, indent=2), '    ')}", nl=False)
        before = ","
    click.echo("\n  ]" if before else "]", nl=False)
    for key, value in others().items():
        members = indent(json.dumps(value, indent=2), "  ").lstrip()
        click.echo(f',\n  "{key}": {members}', nl=False)
    click.echo("\n}")


def fail_if(found: object) -> None:
    """Exit with code 1 if something was found."""
    if found:
        sys.exit(1)
