"""Checks a SQLite database for ``doctor``: its files and its tables."""

import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.stores.health import HealthNote
from flask_bucketcors.stores.sqlite.database_file import DatabaseFile
from flask_bucketcors.stores.sqlite.schema import migrate, schema_version
from flask_bucketcors.stores.sqlite.waiting import IF_DAMAGED, is_damaged, retry

TIMEOUT_SECONDS: Final = 5.0
#: How many faults of the tables are shown.
MAX_SHOWN: Final = 20
#: A write-ahead log that is larger has had no checkpoint for a long time.
LARGE_LOG_BYTES: Final = 256 * 1024 * 1024

_BESIDE: Final = ("-wal", "-shm", "-lock", "-revision")
_NETWORK = re.compile(r"nfs.*|cifs|smb.*|9p|ceph|glusterfs|lustre|afs|fuse\.(sshfs|s3fs|glusterfs)")
_MOUNTS: Final = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")
_OBJECTS: Final = "SELECT name, sql FROM sqlite_master WHERE name LIKE 'bucketcors\\_%' ESCAPE '\\'"
_KEPT: Final = "SELECT history_limit, copy_of FROM bucketcors_state"

_LOCAL: Final = (
    "move the database to a local disk; if it is the copy of a server's rules, set "
    "BUCKETCORS_REPLICA to a path there"
)


def examine_file(path: Path) -> Iterator[HealthNote]:
    """Check the database at a path.

    :raises StoreUnavailable: if it cannot be read.
    """
    try:
        yield HealthNote(f"{path} opens")
        yield from _files(path)
        yield from _tables(path)
    except (sqlite3.Error, OSError) as error:
        help = f"; {IF_DAMAGED}" if is_damaged(error) else ""
        raise StoreUnavailable(f"the database {str(path)!r}: {error}{help}") from error


def _files(path: Path) -> Iterator[HealthNote]:
    files = [path, *(path.with_name(path.name + end) for end in _BESIDE)]
    present = [file for file in files if file.exists()]
    for file in present:
        if not os.access(file, os.R_OK | os.W_OK):
            yield HealthNote(f"{file} cannot be read and written", "let the workers' user do both")
    if len({file.stat().st_uid for file in present}) > 1:
        text = "the database and the files beside it belong to different users"
        yield HealthNote(text, "give all of them to the user that the workers run as")
    yield _token_note(path, path.with_name(path.name + "-revision"))
    log = files[1].stat().st_size if files[1] in present else 0
    if log > LARGE_LOG_BYTES:
        text = f"{files[1].name} has {log // 1024**2} MiB"
        yield HealthNote(text, "stop the program that keeps a read of the database open")
    yield _file_system_note(path)


def _token_note(path: Path, token: Path) -> HealthNote:
    if DatabaseFile(path).map_token() is not None:
        return HealthNote(f"{token.name} tells workers about changes at once")
    if os.path.lexists(token):
        text = f"{token.name} cannot be used, so every request asks the database"
        return HealthNote(
            text, "replace it with a file, not a link, that the workers' user can write"
        )
    text = f"{token.name} is missing, so every request asks the database"
    return HealthNote(text, "give the workers' user write permission for the folder")


def _file_system_note(path: Path) -> HealthNote:
    kind = file_system(path)
    if _NETWORK.fullmatch(kind):
        text = f"the disk is {kind}, on which SQLite's write-ahead log does not work"
        return HealthNote(text, _LOCAL)
    return HealthNote(f"the file system is {kind or 'unknown'}")


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


def _tables(path: Path) -> Iterator[HealthNote]:
    file = DatabaseFile(path)
    deadline = time.monotonic() + TIMEOUT_SECONDS
    connected = retry(partial(file.open, "PRAGMA query_only = ON", deadline), deadline)
    try:
        yield from _integrity(connected.connection)
        yield from _form(connected.connection)
    finally:
        file.close([connected], time.monotonic() + TIMEOUT_SECONDS)


def _integrity(connection: sqlite3.Connection) -> Iterator[HealthNote]:
    found = [row[0] for row in connection.execute(f"PRAGMA integrity_check({MAX_SHOWN})")]
    if found == ["ok"]:
        yield HealthNote("integrity_check finds no damage")
        return
    for text in found:
        yield HealthNote(f"integrity_check: {text}", IF_DAMAGED)


def _form(connection: sqlite3.Connection) -> Iterator[HealthNote]:
    [(mode,)] = connection.execute("PRAGMA journal_mode").fetchall()
    if mode == "wal":
        yield HealthNote("readers do not wait for writers (WAL)")
    else:
        text = f"journal_mode is {mode}, not wal"
        yield HealthNote(
            text, "stop all other programs that use it; the next worker to start sets WAL"
        )
    yield HealthNote(f"schema version {schema_version(connection)}")
    [(kept, copy_of)] = connection.execute(_KEPT).fetchall()
    if copy_of is None:
        changes = "change" if kept == 1 else "changes"
        yield HealthNote(f"the history keeps {kept} {changes} of each bucket")
    missing = sorted(_expected_objects() - set(connection.execute(_OBJECTS)))
    for name, _ in missing:
        yield HealthNote(f"{name} is missing or changed", IF_DAMAGED)


def _expected_objects() -> set[tuple[str, str]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        migrate(fresh)
        return set(fresh.execute(_OBJECTS))
