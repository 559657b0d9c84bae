"""Output files: each is replaced completely, or stays as it was."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from secrets import token_hex
from typing import TextIO, cast

import click

from flask_bucketcors.cli.rule_files import STDIN, told


@contextmanager
def open_output(path: str) -> Iterator[TextIO]:
    """Open a file, or standard output, to write ASCII. A file is replaced at the end.

    :raises click.UsageError: if it cannot be opened.
    """
    if path == STDIN and sys.stdout is None:
        raise click.UsageError("standard output is closed")
    if path != STDIN and (os.path.isfile(path) or not os.path.exists(path)):
        with _replacement(path) as file:
            yield file
        return
    # A pipe or a device is written to; a file must not replace it.
    with told(path):
        opened = cast(TextIO, click.open_file(path, "w", encoding="ascii"))
    with opened as file:
        yield file


@contextmanager
def _replacement(path: str) -> Iterator[TextIO]:
    """A file that replaces the one at the path, unless an error occurs first.

    The atomic files of click replace it even then, half written.
    """
    target = os.path.realpath(path)
    beside = os.path.join(os.path.dirname(target), f".bucketcors-{token_hex(8)}")
    with told(path):
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with open(descriptor, "w", encoding="ascii", newline="\n") as file:
            yield file
        with told(path):
            if os.path.exists(target):
                shutil.copymode(target, beside)
            os.replace(beside, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
