"""``bucketcors`` and ``flask bucketcors``: the commands, one module each, and what they share.

This package is private: it may change without notice. The commands and their options are not.

``bucketcors`` and ``python -m flask_bucketcors`` load no application: they work on files, and on
the database that ``--database`` names. Flask finds the same group by the entry point
``flask.commands``, in every environment that has this package.

Exit codes: 0 success, 1 refused or something found, 2 wrong usage.
"""

import errno
import os
from copy import copy
from importlib import import_module
from typing import Any, Final

import click

from flask_bucketcors.cli.terminal import (
    STRICT_REFUSES,
    Refused,
    escape_unknown_characters,
    is_dumb,
    printable,
    store_help,
)
from flask_bucketcors.core.errors import BucketCORSError, RefusedByLint, StoreUnavailable

# The module and the function of each command, and the first sentence of its help. The module is
# imported when the command runs, because Flask imports this file for its other commands as well.
_COMMANDS: Final = {
    "check": ("check.command:check", "Check how a live server responds to a page."),
    "console": (
        "console:serve_console",
        "Serve the console, pages to edit rules, on this machine.",
    ),
    "delete": ("stored_rules:delete_rules", "Delete the rules of BUCKET, but keep its history."),
    "diff": ("diff:diff_rules", "Show which requests two rule sets treat differently."),
    "doctor": ("doctor:doctor", "Check the settings, routes, database and workers of an app."),
    "explain": (
        "explain:explain_request",
        "Explain why a page's request is refused, and how to fix it.",
    ),
    "export": (
        "transfer:export_rules",
        "Write the rules of all buckets to FILE, one bucket per line.",
    ),
    "history": (
        "stored_rules:show_history",
        "Print the changes to the rules of BUCKET, newest first.",
    ),
    "import": ("transfer:import_rules", "Replace the rules of the buckets in FILE."),
    "lint": ("lint:lint_rules", "Find what is dangerous, useless or misspelled in rules."),
    "list": (
        "stored_rules:list_buckets",
        "Print the names of the buckets that have rules, sorted.",
    ),
    "permissions": (
        "permissions:show_permissions",
        "Show who may do what, and which rule decides it.",
    ),
    "put": ("put:put_rules", "Replace the rules of BUCKET with those in FILE."),
    "refused": ("refused:list_refused", "List the preflights that the rules refused lately."),
    "rollback": (
        "stored_rules:roll_back",
        "Restore the rules of BUCKET at REVISION, as a new revision.",
    ),
    "routes": ("routes:list_routes", "List which URLs of an app are about buckets."),
    "rules": ("rules:print_ready_made", "Print rules that a usual client needs."),
    "show": ("stored_rules:show_rules", "Print the rules of BUCKET, in any form."),
}

# Errors of a full disk. Other errors of the system are left to the application.
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


# How help and examples call the group.
_USUAL_NAME: Final = "flask bucketcors"


class _Group(click.Group):
    """A group that prints an error of this package as a message, without a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*_COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f"{__name__}.{module}"), name)
        return _as_called(command, ctx)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        click.Command.format_help_text(_as_called(self, ctx), ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        known = {name: click.Command(name, help=text) for name, (_, text) in _COMMANDS.items()}
        click.Group(commands={**known, **self.commands}).format_commands(ctx, formatter)

    def invoke(self, ctx: click.Context) -> Any:
        # click omits colours if the output is not a terminal; NO_COLOR turns them off everywhere
        # (https://no-color.org).
        if os.environ.get("NO_COLOR") or is_dumb():
            ctx.color = False
        escape_unknown_characters()
        try:
            return super().invoke(ctx)
        except StoreUnavailable as error:
            help = store_help(error)
            more = f"\n  {help}" if help else ""
            raise Refused(f"{printable(str(error))}{more}") from error
        except RefusedByLint as error:
            raise Refused(f"{STRICT_REFUSES}: {printable(str(error))}") from error
        except BucketCORSError as error:
            raise Refused(printable(str(error))) from error
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise Refused(f"cannot write: {error.strerror}") from error


def _as_called(command: click.Command, group: click.Context) -> click.Command:
    """Give a command whose help calls the group as it was called."""
    called = copy(command)
    called.help = (command.help or "").replace(_USUAL_NAME, group.command_path)
    return called


@click.group("bucketcors", cls=_Group)
def bucketcors() -> None:
    """Edit, check and explain the CORS rules of buckets.

    \b
    Example:
      flask bucketcors list
    """
