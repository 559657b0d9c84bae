"""Checks the database: its files, its tables, and every stored rule set."""

import os
import re
import sqlite3
import time
from collections.abc import Collection, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from flask_bucketcors.cli.doctor.notes import Note
from flask_bucketcors.cli.stored_buckets import bucket_names, listed_rules
from flask_bucketcors.cli.terminal import STORE_HELP, counted
from flask_bucketcors.core.errors import InvalidBucketName, StoredRulesInvalid, StoreUnavailable
from flask_bucketcors.stores.contract import Store
from flask_bucketcors.stores.sqlite.database_file import DatabaseFile
from flask_bucketcors.stores.sqlite.schema import migrate, schema_version
from flask_bucketcors.stores.sqlite.store import SQLiteStore
from flask_bucketcors.stores.sqlite.waiting import retry

TIMEOUT_SECONDS: Final = 5.0
MAX_SHOWN: Final = 20
#: A write-ahead log that is larger has had no checkpoint for a long time.
LARGE_LOG_BYTES: Final = 256 * 1024 * 1024

_BESIDE: Final = ("-wal", "-shm", "-lock", "-revision")
_NETWORK = re.compile(r"nfs.*|cifs|smb.*|9p|ceph|glusterfs|lustre|afs|fuse\.(sshfs|s3fs|glusterfs)")
_MOUNTS: Final = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")
_OBJECTS: Final = "SELECT name, sql FROM sqlite_master WHERE name LIKE 'bucketcors\\_%' ESCAPE '\\'"

_PUT_AGAIN: Final = "put the rules again, or roll back; until then the bucket is closed"

_RESERVED: Final = "the application's own URLs begin with this name, so no request uses its rules"
_RENAME: Final = "rename the bucket, put its rules under the new name, and delete these"

_note = partial(Note, "database")


def examine_database(store: Store, reserved: Collection[str]) -> Iterator[Note]:
    """Check the store, and every rule set in it.

    :param reserved: names that no bucket can have: the application's own URLs begin with them.
    """
    path = store.path if isinstance(store, SQLiteStore) else None
    try:
        if path is not None:
            yield _note(f"{path} opens")
            yield from _examine_file(path)
            yield from _examine_tables(path)
        yield from _examine_rules(store, reserved)
    except (StoreUnavailable, sqlite3.Error, OSError) as error:
        yield _note(str(error), STORE_HELP)


def _examine_file(path: Path) -> Iterator[Note]:
    files = [path, *(path.with_name(path.name + end) for end in _BESIDE)]
    present = [file for file in files if file.exists()]
    for file in present:
        if not os.access(file, os.R_OK | os.W_OK):
            yield _note(f"{file} cannot be read and written", "let the workers' user do both")
    if len({file.stat().st_uid for file in present}) > 1:
        text = "the database and the files beside it belong to different users"
        yield _note(text, "give all of them to the user that the workers run as")
    yield _token_note(path, path.with_name(path.name + "-revision"))
    log = files[1].stat().st_size if files[1] in present else 0
    if log > LARGE_LOG_BYTES:
        text = f"{files[1].name} has {log // 1024**2} MiB"
        yield _note(text, "stop the program that keeps a read of the database open")
    yield _file_system_note(path)


def _token_note(path: Path, token: Path) -> Note:
    if DatabaseFile(path).map_token() is not None:
        return _note(f"{token.name} tells workers about changes at once")
    if os.path.lexists(token):
        text = f"{token.name} cannot be used, so every request asks the database"
        return _note(text, "replace it with a file, not a link, that the workers' user can write")
    text = f"{token.name} is missing, so every request asks the database"
    return _note(text, "give the workers' user write permission for the folder")


def _file_system_note(path: Path) -> Note:
    kind = file_system(path)
    if _NETWORK.fullmatch(kind):
        text = f"the disk is {kind}, on which SQLite's write-ahead log does not work"
        return _note(text, "move the database to a local disk")
    return _note(f"the file system is {kind or 'unknown'}")


def file_system(path: Path) -> str:
    """The type of the file system of a path; empty if the system does not tell."""
    try:
        lines = _MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ""
    best, kind = -1, ""
    for line in lines:
        mount, _, rest = line.partition(" - ")
        point = Path(_OCTAL.sub(lambda found: chr(int(found[1], 8)), mount.split(" ")[4]))
        # Of two file systems mounted at one point, the later one covers the other.
        if path.resolve().is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), rest.split(" ")[0]
    return kind


def _examine_tables(path: Path) -> Iterator[Note]:
    file = DatabaseFile(path)
    deadline = time.monotonic() + TIMEOUT_SECONDS
    connected = retry(partial(file.open, "PRAGMA query_only = ON", deadline), deadline)
    try:
        yield from _integrity(connected.connection)
        yield from _form(connected.connection)
    finally:
        file.close([connected], time.monotonic() + TIMEOUT_SECONDS)


def _integrity(connection: sqlite3.Connection) -> Iterator[Note]:
    found = [row[0] for row in connection.execute(f"PRAGMA integrity_check({MAX_SHOWN})")]
    if found == ["ok"]:
        yield _note("integrity_check finds no damage")
        return
    for text in found:
        yield _note(f"integrity_check: {text}", "restore a backup; see docs/deployment.md")


def _form(connection: sqlite3.Connection) -> Iterator[Note]:
    [(mode,)] = connection.execute("PRAGMA journal_mode").fetchall()
    if mode == "wal":
        yield _note("readers do not wait for writers (WAL)")
    else:
        text = f"journal_mode is {mode}, not wal"
        yield _note(text, "stop all other programs that use it; the next worker to start sets WAL")
    yield _note(f"schema version {schema_version(connection)}")
    [(kept,)] = connection.execute("SELECT history_limit FROM bucketcors_state").fetchall()
    yield _note(f"the history keeps {counted(kept, 'change')} of each bucket")
    missing = sorted(_expected_objects() - set(connection.execute(_OBJECTS)))
    for name, _ in missing:
        yield _note(f"{name} is missing or changed", "restore a backup; see docs/deployment.md")


def _expected_objects() -> set[tuple[str, str]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        migrate(fresh)
        return set(fresh.execute(_OBJECTS))


def _examine_rules(store: Store, reserved: Collection[str]) -> Iterator[Note]:
    count, invalid = 0, []
    for bucket in bucket_names(store):
        count += 1
        try:
            if bucket in reserved:
                invalid.append((f"bucket {bucket!r}: {_RESERVED}", _RENAME))
            listed_rules(store, bucket)
        except InvalidBucketName as error:
            invalid.append((str(error), "another tool wrote it: delete it from bucketcors_rules"))
        except StoredRulesInvalid as error:
            invalid.append((str(error), _PUT_AGAIN))
    yield _note(f"{count} {'bucket has' if count == 1 else 'buckets have'} rules")
    for text, help in invalid[:MAX_SHOWN]:
        yield _note(text, help)
    if len(invalid) > MAX_SHOWN:
        text = f"{len(invalid) - MAX_SHOWN} more buckets have such problems"
        yield _note(text, "correct those above, and run doctor again")
