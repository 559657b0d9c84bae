"""``doctor``: checks the configuration, routes, database and workers of an application.

This package is private: it may change without notice.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby

import click
from flask import Flask
from flask.cli import ScriptInfo

from flask_bucketcors.cli.application import (
    HOW_TO_ADD,
    close_at_the_end,
    current_state,
    database_name,
    script_info,
)
from flask_bucketcors.cli.database_options import database_option
from flask_bucketcors.cli.doctor.configuration import examine_settings
from flask_bucketcors.cli.doctor.database_health import examine_database
from flask_bucketcors.cli.doctor.kept_in_database import examine_kept_settings, examine_sharing
from flask_bucketcors.cli.doctor.notes import Note, trouble
from flask_bucketcors.cli.doctor.refusals import examine_refusals
from flask_bucketcors.cli.doctor.routing import examine_routes
from flask_bucketcors.cli.doctor.workers import examine_workers
from flask_bucketcors.cli.terminal import (
    JSON,
    counted,
    echo_json,
    fail_if,
    format_option,
    printable,
)
from flask_bucketcors.core.errors import SetupRefused, StoreUnavailable
from flask_bucketcors.extension import EXTENSION, BucketCORSState
from flask_bucketcors.refused_lately.refusal_places import table_beside

_MARGIN = " " * 6


@click.command("doctor")
@click.option("--write", is_flag=True, help="Also write to the bucket bucketcors-doctor.")
@database_option
@format_option
@click.pass_context
def doctor(context: click.Context, write: bool, form: str) -> None:
    """Check the settings, routes, database and workers of an app.

    Checks the settings, which URLs are about buckets, the database with every stored rule set, and
    whether another process sees the same rules. Never prints secrets, and writes nothing. With
    --write, puts and deletes rules for the bucket bucketcors-doctor, to measure when another
    process sees them. With --database, checks a database without its app.

    \b
    Example:
      flask --app example_app bucketcors doctor
    """
    examine = _examine_database if database_name() else partial(_examine, script_info(context))
    notes = list(examine(write))
    if form == JSON:
        echo_json([{**note._asdict(), "ok": note.ok} for note in notes])
    else:
        _print(notes)
    fail_if(any(not note.ok for note in notes))


def _examine(info: ScriptInfo, write: bool) -> Iterator[Note]:
    app = _load(info)
    if isinstance(app, Note):
        yield app
        return
    state = app.extensions.get(EXTENSION)
    if not isinstance(state, BucketCORSState):
        yield Note("settings", f"the application {app.name!r} has no rules", HOW_TO_ADD)
        return
    with app.app_context():
        yield from examine_settings(app, state)
        yield from examine_routes(app, state)
        close_at_the_end(state.store)
        yield from examine_database(state.store, state.middleware.resolve.reserved.names)
        yield from examine_sharing(state.store, app.name)
        refusals = state.middleware.refusals
        yield from examine_refusals(None if refusals is None else refusals.table)
        yield from examine_workers(state.store, write=write)


def _examine_database(write: bool) -> Iterator[Note]:
    store = current_state().store
    yield from examine_kept_settings(store)
    yield from examine_database(store, ())
    table = table_beside(store)
    # Only the application knows whether they are counted at all.
    yield from examine_refusals(table if table and table.path and table.path.exists() else None)
    yield from examine_workers(store, write=write)


def _load(info: ScriptInfo) -> Flask | Note:
    """Load the application; give a note if the extension refuses its configuration."""
    try:
        return info.load_app()
    except StoreUnavailable as error:
        return trouble("database", error)
    except SetupRefused as error:
        return Note(
            "settings", str(error), "correct it and run doctor again; see docs/configuration.md"
        )


def _print(notes: Sequence[Note]) -> None:
    for area, group in groupby(notes, key=lambda note: note.area):
        click.echo(click.style(area, bold=True))
        for note in group:
            _print_note(note)
    click.echo(counted(sum(not note.ok for note in notes), "fault"))


def _print_note(note: Note) -> None:
    mark = click.style("ok", fg="green") if note.ok else click.style("!!", fg="red", bold=True)
    click.echo(f"  {mark}  {printable(note.text)}")
    if note.help:
        click.echo(f"{_MARGIN}{printable(note.help)}")
