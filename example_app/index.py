"""The index: one SQLite file that knows every bucket and object, and in which file its bytes are.

Everything here happens within a transaction that the caller has opened with
:func:`example_app.database.transaction`. Keys are stored as blobs, which SQLite compares byte
by byte: the order in which COS lists them.
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
    """What is known of an object.

    :param size: in bytes.
    :param etag: hexadecimal MD5 of the bytes, without quotes; of an object that came in parts,
        that of their digests, a hyphen and their number.
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


#: Is given the object that a write would replace, if there is one, and raises if it must not.
Condition = Callable[[StoredObject | None], object]


def always(old: StoredObject | None) -> None:
    """Let every write happen."""


def never_replace(old: StoredObject | None) -> None:
    """Let a write happen only if there is no such object."""
    if old is not None:
        raise StorageError("FileAlreadyExists")


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


def insert_bucket(connection: sqlite3.Connection, bucket: Bucket) -> None:
    """Make a bucket."""
    _check_bucket_name(bucket.name)
    row = (bucket.name, bucket.public, int(bucket.created.timestamp()))
    try:
        connection.execute("INSERT INTO buckets VALUES (?, ?, ?)", row)
    except sqlite3.IntegrityError:
        raise StorageError("BucketAlreadyOwnedByYou") from None


def find_row(
    connection: sqlite3.Connection, query: str, parameters: Sequence[object]
) -> sqlite3.Row | None:
    """Run a query that gives one row at most, and read it to its end.

    On PyPy a transaction cannot be committed while a query has not ended.
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
    """Whether there is a bucket of this name; False for what is no bucket name."""
    try:
        find_bucket(connection, name)
    except StorageError:
        return False
    return True


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


def check_key(key: str) -> None:
    """Refuse a key that is too long."""
    if len(key.encode()) > MAX_KEY_BYTES:
        raise StorageError("KeyTooLong")


def find_object(connection: sqlite3.Connection, bucket: str, key: str) -> StoredObject | None:
    """Find an object; None if the bucket, which must exist, has no such key."""
    find_bucket(connection, bucket)
    query = "SELECT * FROM objects WHERE bucket = ? AND key = ?"
    row = find_row(connection, query, (bucket, key.encode()))
    return None if row is None else _stored_object(row)


def replace_object(
    connection: sqlite3.Connection, bucket: str, stored: StoredObject, condition: Condition
) -> list[str]:
    """Record an object, in place of the one that has its key; give the files left behind."""
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
    """Forget an object; give the file left behind, if there was one."""
    sql = "DELETE FROM objects WHERE bucket = ? AND key = ? RETURNING file"
    return [row["file"] for row in connection.execute(sql, (bucket, key.encode()))]


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


def common_prefix(key: str, prefix: str, delimiter: str) -> str:
    """Give the common prefix under which a listing rolls a key up; "" if it does not."""
    if not delimiter or not key.startswith(prefix):
        return ""
    head, found, _ = key.removeprefix(prefix).partition(delimiter)
    return prefix + head + found if found else ""


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
