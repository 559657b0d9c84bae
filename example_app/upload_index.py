"""The tables of multipart uploads and their parts, beside those of :mod:`example_app.index`."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from example_app.errors import StorageError
from example_app.index import AFTER_ALL, common_prefix, find_bucket, find_row

# Ids are digits and lower-case letters, so this sorts after all of them.
_AFTER_ALL_IDS = "~"


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload that is neither completed nor aborted.

    :param id: ids sort by the time of the start.
    :param headers: the headers of the object that the upload creates.
    :param forbid_overwrite: whether the upload must not replace an object.
    """

    id: str
    key: str
    started: datetime
    headers: Mapping[str, str]
    forbid_overwrite: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an upload; ``etag`` is the hexadecimal MD5 of the bytes."""

    number: int
    size: int
    etag: str
    modified: datetime
    file: str


@dataclass(frozen=True, slots=True)
class PartQuery:
    """Which parts of an upload to list: those with numbers after ``marker``."""

    marker: int = 0
    max_parts: int = 1000


@dataclass(frozen=True, slots=True)
class UploadQuery:
    """Which multipart uploads to list; see :class:`~example_app.index.ListingQuery`.

    :param id_marker: if given, uploads to ``key_marker`` with later ids are listed as well.
    """

    prefix: str = ""
    delimiter: str = ""
    key_marker: str = ""
    id_marker: str = ""
    max_uploads: int = 1000


@dataclass(frozen=True, slots=True)
class UploadListing:
    """A part of the uploads to a bucket.

    :param next_marker: the key and the id that start the next part; None if this is the last one.
    """

    uploads: list[Upload]
    common_prefixes: list[str]
    next_marker: tuple[str, str] | None


def insert_upload(connection: sqlite3.Connection, bucket: str, upload: Upload) -> None:
    """Record a new upload."""
    find_bucket(connection, bucket)
    row = (
        upload.id,
        bucket,
        upload.key.encode(),
        int(upload.started.timestamp()),
        json.dumps(dict(upload.headers)),
        upload.forbid_overwrite,
    )
    connection.execute("INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?)", row)


def find_upload(connection: sqlite3.Connection, bucket: str, key: str, upload_id: str) -> Upload:
    """Find an upload to this key."""
    find_bucket(connection, bucket)
    query = "SELECT * FROM uploads WHERE bucket = ? AND key = ? AND id = ?"
    row = find_row(connection, query, (bucket, key.encode(), upload_id))
    if row is None:
        raise StorageError("NoSuchUpload")
    return _upload(row)


def delete_upload(connection: sqlite3.Connection, upload: Upload) -> list[str]:
    """Delete the records of an upload and its parts; give the files to remove."""
    files = [part.file for part in find_parts(connection, upload)]
    connection.execute("DELETE FROM uploads WHERE id = ?", (upload.id,))
    return files


def replace_part(connection: sqlite3.Connection, upload: Upload, part: Part) -> list[str]:
    """Record a part, and replace the one with its number; give the files to remove."""
    query = "SELECT file FROM parts WHERE upload = ? AND number = ?"
    old = connection.execute(query, (upload.id, part.number)).fetchall()
    modified = int(part.modified.timestamp())
    row = (upload.id, part.number, part.size, part.etag, modified, part.file)
    connection.execute("INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?)", row)
    return [each["file"] for each in old]


def find_parts(
    connection: sqlite3.Connection, upload: Upload, after: int = 0, limit: int = -1
) -> list[Part]:
    """Give the parts of an upload with numbers above ``after``, sorted by number."""
    query = "SELECT * FROM parts WHERE upload = ? AND number > ? ORDER BY number LIMIT ?"
    return [_part(row) for row in connection.execute(query, (upload.id, after, limit))]


def list_uploads(connection: sqlite3.Connection, bucket: str, query: UploadQuery) -> UploadListing:
    """List a part of the uploads to a bucket, by key and then by id."""
    find_bucket(connection, bucket)
    entries = list(islice(_entries(connection, bucket, query), query.max_uploads + 1))
    page = entries[: query.max_uploads]
    more = bool(page) and len(entries) > len(page)
    return UploadListing(
        [entry for entry in page if isinstance(entry, Upload)],
        [entry for entry in page if isinstance(entry, str)],
        _marker(page[-1]) if more else None,
    )


def _entries(
    connection: sqlite3.Connection, bucket: str, query: UploadQuery
) -> Iterator[Upload | str]:
    sql = """
        SELECT * FROM uploads WHERE bucket = ? AND (key, id) > (?, ?) AND key >= ? AND key < ?
        ORDER BY key, id LIMIT 1
    """
    prefix = query.prefix.encode()
    key, upload_id = query.key_marker, query.id_marker or _AFTER_ALL_IDS
    while True:
        common = common_prefix(key, query.prefix, query.delimiter)
        after = (common.encode() + AFTER_ALL, "") if common else (key.encode(), upload_id)
        row = find_row(connection, sql, (bucket, *after, prefix, prefix + AFTER_ALL))
        if row is None:
            return
        upload = _upload(row)
        yield common_prefix(upload.key, query.prefix, query.delimiter) or upload
        key, upload_id = upload.key, upload.id


def _marker(last: Upload | str) -> tuple[str, str]:
    return (last, "") if isinstance(last, str) else (last.key, last.id)


def _upload(row: sqlite3.Row) -> Upload:
    return Upload(
        row["id"],
        row["key"].decode(),
        datetime.fromtimestamp(row["started"], UTC),
        json.loads(row["headers"]),
        bool(row["forbid_overwrite"]),
    )


def _part(row: sqlite3.Row) -> Part:
    modified = datetime.fromtimestamp(row["modified"], UTC)
    return Part(row["number"], row["size"], row["etag"], modified, row["file"])
