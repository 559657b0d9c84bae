"""``flask bucketcors``: rules on the command line, and what is wrong when a page is refused.

Flask finds the group by the entry point ``flask.commands``, in every application that is
installed beside this package. What needs no application runs without one.

Exit codes: 0 all is well, 1 refused or findings, 2 wrong usage.
"""

import errno
import os
from typing import Any, Final

import click
from flask.cli import AppGroup

from flask_bucketcors.cli.checking import check
from flask_bucketcors.cli.doctor import doctor
from flask_bucketcors.cli.explaining import explain_request
from flask_bucketcors.cli.rules import (
    delete_rules,
    list_buckets,
    put_rules,
    roll_back,
    show_history,
    show_rules,
)
from flask_bucketcors.cli.terminal import Refused, printable
from flask_bucketcors.cli.transfer import export_rules, import_rules
from flask_bucketcors.core.errors import BucketCORSError

# What a disk says that takes no more; an application's own errors are its own to show.
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class _Group(AppGroup):
    """A group that prints what this package raises on purpose as a sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        # Colours are for terminals, as click sees to, and not for those who say so
        # (https://no-color.org).
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except BucketCORSError as error:
            raise Refused(printable(str(error))) from error
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise Refused(f"nothing more can be written: {error.strerror}") from error


@click.group("bucketcors", cls=_Group)
def bucketcors() -> None:
    """CORS rules of buckets: edit them, move them, ask why a page was refused.

    \b
    Example:
      flask bucketcors list
    """


for _command in (
    list_buckets,
    show_rules,
    put_rules,
    delete_rules,
    show_history,
    roll_back,
    export_rules,
    import_rules,
    explain_request,
    check,
    doctor,
):
    bucketcors.add_command(_command)
