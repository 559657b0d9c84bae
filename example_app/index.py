"""The index: one SQLite file that knows every bucket and object, and in which file its bytes are.

Everything here happens within a transaction that the caller has opened with
:func:`transaction`. Keys are stored as blobs, which SQLite compares byte by byte: the order
in which COS lists them.
"""

import json
import os
import re
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Literal

from example_app.errors import StorageError

MAX_BUCKET_NAME = 63

# How long a transaction waits for those of other workers, in seconds.
LOCK_SECONDS = 30.0

_BUCKET_NAME = re.compile("[a-z0-9](?:[a-z0-9-]*[a-z0-9])?-[1-9][0-9]*")

_SCHEMA = """
    CREATE TABLE buckets (
        name TEXT PRIMARY KEY,
        public INTEGER NOT NULL,
        created INTEGER NOT NULL
    );
    CREATE TABLE objects (
        bucket TEXT NOT NULL REFERENCES buckets (name),
        key BLOB NOT NULL,
        size INTEGER NOT NULL,
        etag TEXT NOT NULL,
        modified INTEGER NOT NULL,
        headers TEXT NOT NULL,
        file TEXT NOT NULL,
        PRIMARY KEY (bucket, key)
    );
"""

# UTF-8 has no such byte: a prefix followed by it sorts after every key with that prefix.
_AFTER_ALL = b"\xff"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket. Everybody may read the objects of a ``public`` one."""

    name: str
    public: bool
    created: datetime


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What is known of an object.

    :param size: in bytes.
    :param etag: hexadecimal MD5 of the bytes, without quotes.
    :param modified: UTC, whole seconds.
    :param headers: to be sent back as they came.
    :param file: name of the file that holds the bytes.
    """

    key: str
    size: int
    etag: str
    modified: datetime
    headers: Mapping[str, str]
    file: str


@dataclass(frozen=True, slots=True)
class ListingQuery:
    """Which part of a bucket to list.

    :param delimiter: keys that hold it after the prefix are rolled up: they appear once, as
        the common prefix that ends with it.
    :param marker: only what sorts after it is listed.
    :param max_keys: of keys and common prefixes together.
    """

    prefix: str = ""
    delimiter: str = ""
    marker: str = ""
    max_keys: int = 1000


@dataclass(frozen=True, slots=True)
class Listing:
    """A part of a bucket. ``next_marker`` leads to the next part; None if this is the last."""

    objects: list[StoredObject]
    common_prefixes: list[str]
    next_marker: str | None


@contextmanager
def transaction(path: Path, kind: Literal["DEFERRED", "IMMEDIATE"]) -> Iterator[sqlite3.Connection]:
    """Open the index for reading (deferred) or writing (immediate).

    Each transaction has a connection of its own: safe after a fork, and in every kind of
    thread.
    """
    connection = sqlite3.connect(path, timeout=LOCK_SECONDS, isolation_level=None)
    with closing(connection):
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"BEGIN {kind}")
        with connection:
            yield connection


def create(path: Path) -> None:
    """Make an index, unless there is one.

    In WAL mode readers do not wait for writers. Workers that start together cannot all
    switch a file to it, though: SQLite does not wait then but fails. So the index is made
    aside and put in place whole.
    """
    if path.exists():
        return
    aside = path.with_name(uuid.uuid4().hex)
    with closing(sqlite3.connect(aside)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_SCHEMA)
    with suppress(FileExistsError):
        os.link(aside, path)
    aside.unlink()


def insert_bucket(connection: sqlite3.Connection, bucket: Bucket) -> None:
    """Make a bucket."""
    _check_bucket_name(bucket.name)
    row = (bucket.name, bucket.public, int(bucket.created.timestamp()))
    try:
        connection.execute("INSERT INTO buckets VALUES (?, ?, ?)", row)
    except sqlite3.IntegrityError:
        raise StorageError("BucketAlreadyOwnedByYou") from None


def find_bucket(connection: sqlite3.Connection, name: str) -> Bucket:
    """Find a bucket."""
    _check_bucket_name(name)
    row = connection.execute("SELECT * FROM buckets WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise StorageError("NoSuchBucket")
    return _bucket(row)


def all_buckets(connection: sqlite3.Connection) -> list[Bucket]:
    """Give all buckets, sorted by name."""
    return [_bucket(row) for row in connection.execute("SELECT * FROM buckets ORDER BY name")]


def delete_bucket(connection: sqlite3.Connection, name: str) -> None:
    """Delete a bucket that holds nothing."""
    find_bucket(connection, name)
    try:
        connection.execute("DELETE FROM buckets WHERE name = ?", (name,))
    except sqlite3.IntegrityError:
        raise StorageError("BucketNotEmpty") from None


def find_object(connection: sqlite3.Connection, bucket: str, key: str) -> StoredObject | None:
    """Find an object; None if the bucket, which must exist, has no such key."""
    find_bucket(connection, bucket)
    query = "SELECT * FROM objects WHERE bucket = ? AND key = ?"
    row = connection.execute(query, (bucket, key.encode())).fetchone()
    return None if row is None else _stored_object(row)


def put_object(connection: sqlite3.Connection, bucket: str, stored: StoredObject) -> None:
    """Record an object, in place of the one that has its key."""
    row = (
        bucket,
        stored.key.encode(),
        stored.size,
        stored.etag,
        int(stored.modified.timestamp()),
        json.dumps(dict(stored.headers)),
        stored.file,
    )
    connection.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def delete_object(connection: sqlite3.Connection, bucket: str, key: str) -> None:
    """Forget an object."""
    connection.execute("DELETE FROM objects WHERE bucket = ? AND key = ?", (bucket, key.encode()))


def list_objects(connection: sqlite3.Connection, bucket: str, query: ListingQuery) -> Listing:
    """List a part of a bucket."""
    find_bucket(connection, bucket)
    # One entry more than wanted tells whether there is a next part.
    entries = list(islice(_entries(connection, bucket, query), query.max_keys + 1))
    page = entries[: query.max_keys]
    more = bool(page) and len(entries) > len(page)
    return Listing(
        [entry for entry in page if isinstance(entry, StoredObject)],
        [entry for entry in page if isinstance(entry, str)],
        _last_name(page) if more else None,
    )


def _entries(
    connection: sqlite3.Connection, bucket: str, query: ListingQuery
) -> Iterator[StoredObject | str]:
    # One query for each entry: a common prefix costs the same, however many keys it covers.
    sql = """
        SELECT * FROM objects WHERE bucket = ? AND key > ? AND key >= ? AND key < ?
        ORDER BY key LIMIT 1
    """
    prefix = query.prefix.encode()
    last = query.marker
    while True:
        after = _end_of(last, query)
        row = connection.execute(sql, (bucket, after, prefix, prefix + _AFTER_ALL)).fetchone()
        if row is None:
            return
        stored = _stored_object(row)
        yield _common_prefix(stored.key, query) or stored
        last = stored.key


def _end_of(key: str, query: ListingQuery) -> bytes:
    common = _common_prefix(key, query)
    return common.encode() + _AFTER_ALL if common else key.encode()


def _common_prefix(key: str, query: ListingQuery) -> str:
    if not query.delimiter or not key.startswith(query.prefix):
        return ""
    head, found, _ = key.removeprefix(query.prefix).partition(query.delimiter)
    return query.prefix + head + found if found else ""


def _last_name(page: list[StoredObject | str]) -> str:
    last = page[-1]
    return last if isinstance(last, str) else last.key


def _check_bucket_name(name: str) -> None:
    if len(name) > MAX_BUCKET_NAME or not _BUCKET_NAME.fullmatch(name):
        raise StorageError("InvalidBucketName")


def _bucket(row: sqlite3.Row) -> Bucket:
    return Bucket(row["name"], bool(row["public"]), datetime.fromtimestamp(row["created"], UTC))


def _stored_object(row: sqlite3.Row) -> StoredObject:
    return StoredObject(
        row["key"].decode(),
        row["size"],
        row["etag"],
        datetime.fromtimestamp(row["modified"], UTC),
        json.loads(row["headers"]),
        row["file"],
    )
