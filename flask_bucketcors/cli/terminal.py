"""What reaches the terminal, and in which form."""

import io
import json
import os
import sys
from collections.abc import Iterable
from textwrap import indent
from typing import Any, Final

import click

from flask_bucketcors.core.problems import Problem

TEXT: Final = "text"
JSON: Final = "json"

#: What to do about a database that does not open.
STORE_REMEDY: Final = (
    "see that this is the application's own database, that you may write to it and to its folder, "
    "and that nobody else has it locked; docs/deployment.md"
)

#: What to say of rules that an application refuses because lint calls them dangerous.
STRICT_REFUSES: Final = "BUCKETCORS_STRICT refuses dangerous rules"

#: The option of every command that reports something.
format_option = click.option(
    "--format",
    "form",
    type=click.Choice([TEXT, JSON]),
    default=TEXT,
    show_default=True,
    help="How to print it.",
)


def utf8_text(context: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    """Take an argument that a store is to keep or to look for; arguments may be any bytes."""
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        raise click.BadParameter("write it in UTF-8") from None
    return text


def is_dumb() -> bool:
    """Whether the terminal can do nothing but print: no colours, no going back in a line."""
    return os.environ.get("TERM") == "dumb"


def escape_what_cannot_be_said() -> None:
    """Let no character end a command because the terminal's encoding does not have it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


class Refused(click.ClickException):
    """What was asked for is not done; exit code 1.

    :param message: why.
    :param problems: everything that is wrong, a line each.
    """

    exit_code = 1

    def __init__(self, message: str, problems: Iterable[Problem] = ()) -> None:
        super().__init__("\n".join([message, *problem_lines(problems)]))


def problem_lines(problems: Iterable[Problem]) -> list[str]:
    """The problems of a document as lines to stand below what they are about."""
    return [f"  {printable(str(problem))}" for problem in problems]


def printable(text: str) -> str:
    """Escape what a terminal would obey, or show as nothing.

    Names, rules and answers come from others. A colour code, a line feed or a change of the
    writing direction in them must not pass for something that this program says.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


def echo_json(data: Any) -> None:
    """Print data as JSON. It is ASCII, and so says nothing to a terminal."""
    click.echo(json.dumps(data, indent=2))


def echo_json_list(items: Iterable[Any]) -> None:
    """Print a list as JSON, each item as soon as it is there."""
    before = "["
    for each in items:
        click.echo(f"{before}\n{indent(json.dumps(each, indent=2), '  ')}", nl=False)
        before = ","
    click.echo("[]" if before == "[" else "\n]")


def fail_if(found: object) -> None:
    """End with exit code 1 if there is anything."""
    if found:
        sys.exit(1)
