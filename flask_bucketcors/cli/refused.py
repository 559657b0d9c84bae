"""``refused``: lists the preflights that the rules refused lately."""

import shlex
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import click

from flask_bucketcors.cli.application import (
    application_state,
    close_at_the_end,
    current_state,
    database_name,
    require_bucket,
)
from flask_bucketcors.cli.database_options import database_option
from flask_bucketcors.cli.named_database import is_copy
from flask_bucketcors.cli.terminal import (
    JSON,
    Refused,
    called,
    echo_json,
    format_option,
    printable,
    utf8_text,
)
from flask_bucketcors.refused_lately.refusal_counter import DEFAULT_RULES
from flask_bucketcors.refused_lately.refusal_places import only_host, table_beside
from flask_bucketcors.refused_lately.refused_row import RefusedRow

_NOT_COUNTED: Final = (
    "the application does not count refused preflights: set BUCKETCORS_REFUSALS to True"
)
_NO_FILE: Final = (
    "there is no file {}: no preflight was refused yet, or the application does not count them, or "
    "counts them in another file; see BUCKETCORS_REFUSALS"
)
_ON_HOSTS: Final = (
    "each host counts the preflights that it refuses, beside its copy of the rules: run this "
    "command on a host, with --database and the path of the copy; see BUCKETCORS_REPLICA"
)
_NONE: Final = "no preflight was refused in the last day"


class _Refusals(Protocol):
    """Gives what was refused: the counter of an application, or a table."""

    def rows(self, bucket: str | None, limit: int) -> Sequence[RefusedRow]: ...
    def others(self, bucket: str) -> int: ...


@click.command("refused")
@click.argument("bucket", callback=utf8_text, required=False)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="Print at most this many rows.",
)
@format_option
@database_option
def list_refused(bucket: str | None, limit: int, form: str) -> None:
    """List the preflights that the rules refused lately.

    Prints those of the last day, the latest first, and for each the `explain` command that says
    why. With BUCKET, only those of one bucket. Anyone can send such requests, so an origin here
    need not be a page that you know.

    \b
    Example:
      flask bucketcors refused photos
    """
    host, refusals = _find_refusals()
    if host:
        click.echo(f"note: counted on this host ({printable(host)}) only", err=True)
    rows = refusals.rows(bucket, limit)
    if bucket and not rows:
        require_bucket(bucket)
    buckets = list(dict.fromkeys(row.bucket for row in rows))
    others = {each: refusals.others(each) for each in buckets}
    if form == JSON:
        echo_json([_data(each, rows, others[each]) for each in buckets])
        return
    for each in buckets:
        _print(each, [row for row in rows if row.bucket == each], others[each])
    if not rows:
        click.echo(_NONE if bucket is None else f"bucket {printable(bucket)}: {_NONE}")


def _find_refusals() -> tuple[str, _Refusals]:
    """Give what was refused, and the name of this host if other hosts count others."""
    if database_name() is None:
        state = application_state()
        close_at_the_end(state.store)
        if state.middleware.refusals is None:
            raise Refused(_NOT_COUNTED)
        return only_host(state.store), state.middleware.refusals
    store = current_state().store
    table = table_beside(store)
    if table is None:
        raise Refused(_ON_HOSTS)
    if table.path is None or not table.path.exists():
        raise Refused(_NO_FILE.format(printable(str(table.path))))
    return only_host(store, is_copy=store.place is not None and is_copy(store.place)), table


def _data(bucket: str, rows: Sequence[RefusedRow], others: int) -> dict[str, Any]:
    return {
        "bucket": bucket or None,
        "default_rules": bucket == DEFAULT_RULES,
        "refused": [_row_data(row) for row in rows if row.bucket == bucket],
        "others": others,
    }


def _row_data(row: RefusedRow) -> dict[str, Any]:
    return {
        "origin": row.origin,
        "method": row.method,
        "reason": row.reason,
        "headers": row.headers,
        "times": row.times,
        "first": _time(row.first),
        "last": _time(row.last),
        "explain": _explain(row),
    }


def _print(bucket: str, rows: Sequence[RefusedRow], others: int) -> None:
    title = printable(bucket) or "buckets without rules of their own, by the default rules"
    click.echo(click.style(title, bold=True))
    head = ("times", "last", "reason", "method", "origin")
    cells = [(str(row.times), _time(row.last), row.reason, row.method, row.origin) for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    click.echo(_line(head, widths))
    for row, each in zip(rows, cells, strict=True):
        click.echo(_line(map(printable, each), widths))
        for line in _below(row):
            click.echo(f"      {printable(line)}")
    if others:
        click.echo(f"  others: {others}")


def _below(row: RefusedRow) -> Iterator[str]:
    if row.headers:
        yield f"headers: {row.headers}"
    command = _explain(row)
    if command is not None:
        yield command


def _line(cells: Any, widths: Sequence[int]) -> str:
    joined = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"  {joined}".rstrip()


def _explain(row: RefusedRow) -> str | None:
    """Give the command that explains a row; None if no command can."""
    if not row.can_be_explained or not row.bucket.isprintable():
        return None
    database = database_name()
    words = [f"--bucket={row.bucket or 'BUCKET'}", f"--origin={row.origin}"]
    words += [f"--method={row.method}", *(f"--header={name}" for name in row.header_names)]
    words += [f"--database={database}"] if database and database.isprintable() else []
    return f"{called()} explain {shlex.join(words)}"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(" ", "seconds")[:19] + "Z"
