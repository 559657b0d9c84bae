"""Input files: rule sets and others."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO, Final, cast

import click

from flask_bucketcors.cli.terminal import Refused, printable
from flask_bucketcors.core.dialects import COS, Dialect
from flask_bucketcors.core.fields import EXTRA_METHODS
from flask_bucketcors.core.problems import InvalidRules
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.documents.any_form import MAX_RULES_TEXT_BYTES, Reading, read_rules

STDIN: Final = "-"

_MARK: Final = "@"
# How rules and HAR files begin.
_TEXT_STARTS: Final = ("<", "{", "[")


class _InputFile(click.Path):
    """The name of a file, or ``-``; ``@`` in front of it is ignored, see :data:`INPUT_TEXT`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not os.path.exists(value):
            value = value.removeprefix(_MARK)
            if value.lstrip().startswith(_TEXT_STARTS):
                self.fail("this is not the name of a file: pass text on standard input, with -")
        return super().convert(value, param, ctx)


class _InputText(click.types.StringParamType):
    """A text, ``@FILE`` or ``-``; :func:`read_text` gives the text."""

    name = "text|@file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value.startswith(_MARK):
            path = INPUT_FILE.convert(value.removeprefix(_MARK), param, ctx)
            return path if path == STDIN else _MARK + path
        if os.path.isfile(value):
            self.fail(f"this is the name of a file: write {_MARK}{printable(value)} to read it")
        return value


#: For rules that are only looked at. A dialect's limits apply when rules are put; these bound the
#: work.
ANY_LIMITS: Final = replace(
    COS, max_rules=1000, max_body_bytes=MAX_RULES_TEXT_BYTES, extra_methods=EXTRA_METHODS
)

#: The type of an argument for an input file, which is opened only when it is read.
INPUT_FILE: Final = _InputFile(exists=True, dir_okay=False, allow_dash=True)

#: The type of an option for a text that may also be in a file.
INPUT_TEXT: Final = _InputText()


def read_file(path: str, limits: Dialect, resource: str | None = None) -> tuple[RuleSet, Reading]:
    """Read valid rules in a file, in any form; print the notes.

    :param resource: which bucket of a template.
    :raises Refused: if it contains no rules, or rules that a bucket cannot have.
    """
    max_bytes = limits.max_body_bytes
    try:
        reading = read_rules(read_bytes(path, max_bytes), resource, max_bytes=max_bytes)
        rule_set = cast(RuleSet, reading.rule_set(limits))
    except InvalidRules as error:
        raise Refused(f"{name_of(path)} is {reason_of(error)}", error.problems) from None
    _print_notes(path, reading)
    return rule_set, reading


def read_unchecked(path: str, resource: str | None = None) -> Reading:
    """Read the rules in a file, in any form, without checking their values; print the notes.

    :param resource: which bucket of a template.
    :raises click.UsageError: if they cannot be read.
    """
    try:
        reading = read_rules(read_bytes(path, MAX_RULES_TEXT_BYTES), resource)
    except InvalidRules as error:
        raise click.UsageError(f"{name_of(path)} is {reason_of(error)}") from None
    _print_notes(path, reading)
    return reading


def _print_notes(path: str, reading: Reading) -> None:
    for note in reading.notes:
        click.echo(f"{name_of(path)}: {printable(note)}", err=True)


def reason_of(error: InvalidRules) -> str:
    """Why rules are refused; it follows "the file is", and lines of problems follow it."""
    return printable(error.detail) or "refused:"


def read_bytes(path: str, limit: int) -> bytes:
    """Read a file, at most one byte more than the limit, which shows that it is longer."""
    with open_input(path) as file, told(path):
        return file.read(limit + 1)


def read_text(value: str, limit: int) -> str:
    """The text of an :data:`INPUT_TEXT`; of a file at most one byte more than the limit."""
    if value != STDIN and not value.startswith(_MARK):
        return value
    return read_bytes(value.removeprefix(_MARK), limit).decode(errors="replace")


@contextmanager
def open_input(path: str) -> Iterator[BinaryIO]:
    """Open a file, or standard input, to read it.

    :raises click.UsageError: if it cannot be opened.
    """
    if path == STDIN and sys.stdin is None:
        raise click.UsageError("standard input is closed")
    with told(path):
        opened = cast(BinaryIO, click.open_file(path, "rb"))
    with opened as file:
        yield file


@contextmanager
def told(path: str) -> Iterator[None]:
    """Report an error of the system with the name of the file.

    :raises click.UsageError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise click.UsageError(f"{name_of(path)}: {error.strerror or error}") from None


def once_stdin(paths: Iterable[str | None]) -> None:
    """Refuse to read several inputs from standard input: the first would get everything.

    :raises click.UsageError: if more than one path is ``-``.
    """
    if sum(path == STDIN for path in paths) > 1:
        raise click.UsageError("standard input can be read only once")


def name_of(path: str) -> str:
    """The name of a file, to be printed."""
    return "standard input" if path == STDIN else printable(path)
