"""The index: a SQLite file with every bucket and object, and with the file of its bytes.

The functions need a transaction that the caller has opened with
:func:`example_app.database.transaction`. Keys are blobs, which SQLite compares byte by byte; COS
lists them in that order.
"""

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from example_app.errors import StorageError

MAX_BUCKET_NAME = 63
MAX_KEY_BYTES = 850

_BUCKET_NAME = re.compile("[a-z0-9](?:[a-z0-9-]*[a-z0-9])?-[1-9][0-9]*")

# UTF-8 has no such byte: a prefix followed by it sorts after every key with that prefix.
AFTER_ALL = b"\xff"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket. Everybody may read the objects of a ``public`` one."""

    name: str
    public: bool
    created: datetime


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object, without its bytes.

    :param size: in bytes.
    :param etag: the hexadecimal MD5 of the bytes, without quotes. For a multipart upload it is the
        MD5 of the digests of the parts, a hyphen and the number of parts.
    :param modified: UTC, whole seconds.
    :param headers: the headers to send back, unchanged.
    :param file: the name of the file with the bytes.
    """

    key: str
    size: int
    etag: str
    modified: datetime
    headers: Mapping[str, str]
    file: str


#: Takes the object that a write would replace, or None, and raises to prevent the write.
Condition = Callable[[StoredObject | None], object]


def always(old: StoredObject | None) -> None:
    """Allow every write."""


def never_replace(old: StoredObject | None) -> None:
    """Allow a write only if it replaces no object."""
    if old is not None:
        raise StorageError("FileAlreadyExists")


@dataclass(frozen=True, slots=True)
class ListingQuery:
    """Which part of a bucket to list.

    :param delimiter: keys that contain it after the prefix are listed once, as the common prefix
        that ends with it.
    :param marker: only names that sort after it are listed.
    :param max_keys: the number of keys and common prefixes together.
    """

    prefix: str = ""
    delimiter: str = ""
    marker: str = ""
    max_keys: int = 1000


@dataclass(frozen=True, slots=True)
class Listing:
    """A part of a bucket. ``next_marker`` starts the next part; None if this is the last one."""

    objects: list[StoredObject]
    common_prefixes: list[str]
    next_marker: str | None


def insert_bucket(connection: sqlite3.Connection, bucket: Bucket) -> None:
    """Record a new bucket."""
    _check_bucket_name(bucket.name)
    row = (bucket.name, bucket.public, int(bucket.created.timestamp()))
    try:
        connection.execute("INSERT INTO buckets VALUES (?, ?, ?)", row)
    except sqlite3.IntegrityError:
        raise StorageError("BucketAlreadyOwnedByYou") from None


def find_row(
    connection: sqlite3.Connection, query: str, parameters: Sequence[object]
) -> sqlite3.Row | None:
    """Run a query for at most one row, and read it to the end.

    On PyPy a transaction cannot be committed while a query is open.
    """
    row: sqlite3.Row | None = next(iter(connection.execute(query, parameters).fetchall()), None)
    return row


def find_bucket(connection: sqlite3.Connection, name: str) -> Bucket:
    """Find a bucket."""
    _check_bucket_name(name)
    row = find_row(connection, "SELECT * FROM buckets WHERE name = ?", (name,))
    if row is None:
        raise StorageError("NoSuchBucket")
    return _bucket(row)


def has_bucket(connection: sqlite3.Connection, name: str) -> bool:
    """Whether there is a bucket of this name; False for an invalid name."""
    try:
        find_bucket(connection, name)
    except StorageError:
        return False
    return True


def all_buckets(connection: sqlite3.Connection) -> list[Bucket]:
    """Give all buckets, sorted by name."""
    return [_bucket(row) for row in connection.execute("SELECT * FROM buckets ORDER BY name")]


def delete_bucket(connection: sqlite3.Connection, name: str) -> None:
    """Delete an empty bucket."""
    find_bucket(connection, name)
    try:
        connection.execute("DELETE FROM buckets WHERE name = ?", (name,))
    except sqlite3.IntegrityError:
        raise StorageError("BucketNotEmpty") from None


def check_key(key: str) -> None:
    """Refuse a key that is too long."""
    if len(key.encode()) > MAX_KEY_BYTES:
        raise StorageError("KeyTooLong")


def find_object(connection: sqlite3.Connection, bucket: str, key: str) -> StoredObject | None:
    """Find an object; None if the bucket, which must exist, does not have the key."""
    find_bucket(connection, bucket)
    query = "SELECT * FROM objects WHERE bucket = ? AND key = ?"
    row = find_row(connection, query, (bucket, key.encode()))
    return None if row is None else _stored_object(row)


def replace_object(
    connection: sqlite3.Connection, bucket: str, stored: StoredObject, condition: Condition
) -> list[str]:
    """Record an object, and replace the one with its key; give the files to remove."""
    old = find_object(connection, bucket, stored.key)
    condition(old)
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
    return [] if old is None else [old.file]


def delete_object(connection: sqlite3.Connection, bucket: str, key: str) -> list[str]:
    """Delete the record of an object; give the files to remove."""
    sql = "DELETE FROM objects WHERE bucket = ? AND key = ? RETURNING file"
    return [row["file"] for row in connection.execute(sql, (bucket, key.encode()))]


def list_objects(connection: sqlite3.Connection, bucket: str, query: ListingQuery) -> Listing:
    """List a part of a bucket."""
    find_bucket(connection, bucket)
    # One more entry than requested tells whether there is a next part.
    entries = list(islice(_entries(connection, bucket, query), query.max_keys + 1))
    page = entries[: query.max_keys]
    more = bool(page) and len(entries) > len(page)
    return Listing(
        [entry for entry in page if isinstance(entry, StoredObject)],
        [entry for entry in page if isinstance(entry, str)],
        _last_name(page) if more else None,
    )


def common_prefix(key: str, prefix: str, delimiter: str) -> str:
    """Give the common prefix that a listing shows for a key; "" if it shows the key."""
    if not delimiter or not key.startswith(prefix):
        return ""
    head, found, _ = key.removeprefix(prefix).partition(delimiter)
    return prefix + head + found if found else ""


def _entries(
    connection: sqlite3.Connection, bucket: str, query: ListingQuery
) -> Iterator[StoredObject | str]:
    # One query for each entry: the cost of a common prefix does not depend on its keys.
    sql = """
        SELECT * FROM objects WHERE bucket = ? AND key > ? AND key >= ? AND key < ?
        ORDER BY key LIMIT 1
    """
    prefix = query.prefix.encode()
    last = query.marker
    while True:
        after = _end_of(last, query)
        row = find_row(connection, sql, (bucket, after, prefix, prefix + AFTER_ALL))
        if row is None:
            return
        stored = _stored_object(row)
        yield common_prefix(stored.key, query.prefix, query.delimiter) or stored
        last = stored.key


def _end_of(key: str, query: ListingQuery) -> bytes:
    common = common_prefix(key, query.prefix, query.delimiter)
    return common.encode() + AFTER_ALL if common else key.encode()


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
