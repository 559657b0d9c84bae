"""Multipart uploads on disk: each part is a file, until all parts are joined into an object.

To complete an upload, the parts are copied into a new file without a lock on the index. Then one
transaction adds the object and removes the upload with its parts. So if two requests complete an
upload at once, only one succeeds. Uploads that are neither completed nor aborted stay.
"""

import hashlib
import secrets
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from example_app import database, index, upload_index
from example_app.errors import StorageError
from example_app.files import Files, WrittenFile
from example_app.index import Condition, StoredObject, always
from example_app.upload_index import Part, PartQuery, Upload, UploadListing, UploadQuery

MAX_PART_NUMBER = 10_000


@dataclass(frozen=True, slots=True)
class NamedPart:
    """A part in the request that completes an upload."""

    number: int
    etag: str


class Uploads:
    """The multipart uploads of a store.

    Parts can have any size; in COS, all but the last have at least 1 MiB.
    """

    def __init__(self, index_path: Path, files: Files) -> None:
        self._index = index_path
        self._files = files

    def start(
        self, bucket: str, key: str, headers: Mapping[str, str], *, forbid_overwrite: bool = False
    ) -> Upload:
        """Start an upload."""
        index.check_key(key)
        # Ids sort by time, because SDKs resume the last upload in a listing.
        upload_id = f"{time.time_ns()}{secrets.token_hex(24)}"
        upload = Upload(upload_id, key, _now(), headers, forbid_overwrite)
        with self._writing() as connection:
            upload_index.insert_upload(connection, bucket, upload)
        return upload

    def put_part(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        number: int,
        chunks: Iterable[bytes],
        content_md5: str | None = None,
    ) -> Part:
        """Store a part, and replace the one with this number.

        :param chunks: see :meth:`example_app.storage.Storage.put_object`.
        """
        if not 1 <= number <= MAX_PART_NUMBER:
            raise StorageError(
                "InvalidArgument", f"partNumber must be a number from 1 to {MAX_PART_NUMBER}."
            )
        self.find(bucket, key, upload_id)
        with self._files.written(chunks, content_md5) as file:
            part = Part(number, file.size, file.etag, _now(), file.name)
            with self._writing() as connection:
                upload = upload_index.find_upload(connection, bucket, key, upload_id)
                old = upload_index.replace_part(connection, upload, part)
        self._files.remove(old)
        return part

    def find(self, bucket: str, key: str, upload_id: str) -> Upload:
        """Find an upload."""
        with self._reading() as connection:
            return upload_index.find_upload(connection, bucket, key, upload_id)

    def list_parts(
        self, bucket: str, key: str, upload_id: str, query: PartQuery
    ) -> tuple[Upload, list[Part]]:
        """Give parts of an upload, sorted by number; one more than requested, if there are more."""
        with self._reading() as connection:
            upload = upload_index.find_upload(connection, bucket, key, upload_id)
            limit = query.max_parts + 1
            return upload, upload_index.find_parts(connection, upload, query.marker, limit)

    def list_uploads(self, bucket: str, query: UploadQuery) -> UploadListing:
        """List a part of the uploads to a bucket."""
        with self._reading() as connection:
            return upload_index.list_uploads(connection, bucket, query)

    def complete(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        named: Sequence[NamedPart],
        condition: Condition = always,
    ) -> StoredObject:
        """Join the named parts to an object, and replace the one with this key.

        :param condition: see :meth:`example_app.storage.Storage.put_object`.
        """
        missed: list[Part] = []
        while True:
            with self._reading() as connection:
                upload = upload_index.find_upload(connection, bucket, key, upload_id)
                parts = _choose(upload_index.find_parts(connection, upload), named)
            try:
                return self._join(bucket, upload, parts, named, condition)
            except FileNotFoundError:
                # A part was replaced meanwhile: look again. A file missing twice is lost.
                if parts == missed:
                    raise
                missed = parts

    def abort(self, bucket: str, key: str, upload_id: str) -> None:
        """Remove an upload and its parts."""
        with self._writing() as connection:
            upload = upload_index.find_upload(connection, bucket, key, upload_id)
            old = upload_index.delete_upload(connection, upload)
        self._files.remove(old)

    def _join(
        self,
        bucket: str,
        upload: Upload,
        parts: list[Part],
        named: Sequence[NamedPart],
        condition: Condition,
    ) -> StoredObject:
        with self._files.written(self._files.joined(part.file for part in parts)) as file:
            stored = _object(upload, parts, file)
            with self._writing() as connection:
                # Another request may have completed, aborted or changed the upload meanwhile.
                upload_index.find_upload(connection, bucket, upload.key, upload.id)
                _choose(upload_index.find_parts(connection, upload), named)
                if upload.forbid_overwrite:
                    index.never_replace(index.find_object(connection, bucket, upload.key))
                old = index.replace_object(connection, bucket, stored, condition)
                old += upload_index.delete_upload(connection, upload)
        self._files.remove(old)
        return stored

    def _reading(self) -> AbstractContextManager[sqlite3.Connection]:
        return database.transaction(self._index, "DEFERRED")

    def _writing(self) -> AbstractContextManager[sqlite3.Connection]:
        return database.transaction(self._index, "IMMEDIATE")


def _choose(parts: list[Part], named: Sequence[NamedPart]) -> list[Part]:
    steps = [later.number - earlier.number for earlier, later in pairwise(named)]
    if any(step < 1 for step in steps):
        raise StorageError("InvalidPartOrder")
    stored = {(part.number, part.etag): part for part in parts}
    chosen = [stored.get((each.number, each.etag)) for each in named]
    found = [part for part in chosen if part is not None]
    if len(found) < len(chosen) or any(step > 1 for step in steps):
        raise StorageError("InvalidPart")
    return found


def _object(upload: Upload, parts: list[Part], file: WrittenFile) -> StoredObject:
    digests = b"".join(bytes.fromhex(part.etag) for part in parts)
    digest = hashlib.md5(digests, usedforsecurity=False).hexdigest()
    etag = f"{digest}-{len(parts)}"
    return StoredObject(upload.key, file.size, etag, _now(), upload.headers, file.name)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
