"""``flask bucketcors``: the commands, one module each, and what they share.

This package is private: it may change without notice. The commands and their options are not.

Flask finds the group by the entry point ``flask.commands``, in every application that is
installed beside this package. What needs no application runs without one.

Exit codes: 0 all is well, 1 refused or findings, 2 wrong usage.
"""

import errno
import os
from importlib import import_module
from typing import Any, Final

import click
from flask.cli import AppGroup

from flask_bucketcors.cli.terminal import (
    STORE_REMEDY,
    STRICT_REFUSES,
    Refused,
    escape_what_cannot_be_said,
    is_dumb,
    printable,
)
from flask_bucketcors.core.errors import BucketCORSError, DangerousRules, StoreUnavailable

# Where each command is. Its module is imported when it runs, or for the help of the group: every
# other command of Flask's imports this module too, and should not wait for it.
_COMMANDS: Final = {
    "check": "check.command:check",
    "delete": "rules:delete_rules",
    "diff": "diff:diff_rules",
    "doctor": "doctor:doctor",
    "explain": "explain:explain_request",
    "export": "transfer:export_rules",
    "history": "rules:show_history",
    "import": "transfer:import_rules",
    "lint": "lint:lint_rules",
    "list": "rules:list_buckets",
    "put": "put:put_rules",
    "rollback": "rules:roll_back",
    "show": "rules:show_rules",
}

# What a disk says that takes no more; an application's own errors are its own to show.
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class _Group(AppGroup):
    """A group that prints what this package raises on purpose as a sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*_COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"{__name__}.{module}"), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        # Colours are for terminals, as click sees to, that know them, and not for those who say
        # so (https://no-color.org).
        if os.environ.get("NO_COLOR") or is_dumb():
            ctx.color = False
        escape_what_cannot_be_said()
        try:
            return super().invoke(ctx)
        except StoreUnavailable as error:
            raise Refused(f"{printable(str(error))}\n  {STORE_REMEDY}") from error
        except DangerousRules as error:
            raise Refused(f"{STRICT_REFUSES}: {printable(str(error))}") from error
        except BucketCORSError as error:
            raise Refused(printable(str(error))) from error
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise Refused(f"nothing more can be written: {error.strerror}") from error


@click.group("bucketcors", cls=_Group)
def bucketcors() -> None:
    """CORS rules of buckets: edit, move, lint and compare them, ask why a page was refused.

    \b
    Example:
      flask bucketcors list
    """
