"""Buckets and objects on disk.

The root folder holds ``index.sqlite`` (:mod:`example_app.index`) and ``files/``, where each
upload is a file of its own under a random name. No key is ever part of a path: so none can
leave the root or be too long for the file system, and none can meet another that differs
only in case or in its Unicode form.

An object is one row of the index that names one file. The file is complete before the row
is committed, never changes afterwards, and is removed once no row names it. So a reader has
the old object or the new one, whole. Any number of processes may share a root; one that is
killed leaves at most a file that no row names. Nothing is forced to the disk: uploads that
were acknowledged survive a killed process, but not always a power cut.
"""

import base64
import hashlib
import os
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from example_app import index
from example_app.errors import StorageError
from example_app.index import Bucket, Listing, ListingQuery, StoredObject

MAX_KEY_BYTES = 850


class Storage:
    """A store of buckets and objects in one folder, which is made if it is missing.

    What the methods refuse, they refuse with :class:`~example_app.errors.StorageError`.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._files = Path(root, "files")
        self._files.mkdir(parents=True, exist_ok=True)
        self._index = Path(root, "index.sqlite")
        #: Called with the name of a bucket that is being deleted, while nobody can make
        #: another of that name yet. If a hook raises, the bucket stays.
        self.bucket_deletion_hooks: list[Callable[[str], object]] = []
        index.create(self._index)

    def create_bucket(self, name: str, *, public: bool = False) -> None:
        """Make a bucket."""
        with self._writing() as connection:
            index.insert_bucket(connection, Bucket(name, public, _now()))

    def get_bucket(self, name: str) -> Bucket:
        """Find a bucket."""
        with self._reading() as connection:
            return index.find_bucket(connection, name)

    def bucket_exists(self, name: str) -> bool:
        """Whether there is a bucket of this name; False for what is no bucket name."""
        try:
            self.get_bucket(name)
        except StorageError:
            return False
        return True

    def list_buckets(self) -> list[Bucket]:
        """Give all buckets, sorted by name."""
        with self._reading() as connection:
            return index.all_buckets(connection)

    def delete_bucket(self, name: str) -> None:
        """Delete a bucket; it must be empty."""
        with self._writing() as connection:
            index.delete_bucket(connection, name)
            for hook in self.bucket_deletion_hooks:
                hook(name)

    def put_object(
        self,
        bucket: str,
        key: str,
        chunks: Iterable[bytes],
        headers: Mapping[str, str],
        content_md5: str | None = None,
    ) -> StoredObject:
        """Store an object, in place of the one that has this key.

        :param chunks: the bytes; if they raise, everything stays as it was.
        :param content_md5: base64 of the MD5 that the bytes must have.
        """
        announced = _parse_md5(content_md5)
        if len(key.encode()) > MAX_KEY_BYTES:
            raise StorageError("KeyTooLong")
        self.get_bucket(bucket)
        file = self._files / uuid.uuid4().hex
        try:
            size, digest = _write(file, chunks)
            if announced not in (None, digest):
                raise StorageError("BadDigest")
            stored = StoredObject(key, size, digest.hex(), _now(), headers, file.name)
            old = self._record(bucket, stored)
        except Exception:
            file.unlink(missing_ok=True)
            raise
        self._discard(old)
        return stored

    def open_object(self, bucket: str, key: str) -> tuple[StoredObject, BinaryIO]:
        """Give an object and its open file, which the caller closes."""
        missed = None
        while True:
            stored = self._find_object(bucket, key)
            try:
                return stored, (self._files / stored.file).open("rb")
            except FileNotFoundError:
                # Replaced since it was found: look again. A file missed twice is lost.
                if stored.file == missed:
                    raise
                missed = stored.file

    def delete_object(self, bucket: str, key: str) -> None:
        """Delete an object, if there is one."""
        with self._writing() as connection:
            old = index.find_object(connection, bucket, key)
            index.delete_object(connection, bucket, key)
        self._discard(old)

    def list_objects(self, bucket: str, query: ListingQuery) -> Listing:
        """List a part of a bucket, in the order of the keys' UTF-8 bytes."""
        with self._reading() as connection:
            return index.list_objects(connection, bucket, query)

    def _find_object(self, bucket: str, key: str) -> StoredObject:
        with self._reading() as connection:
            stored = index.find_object(connection, bucket, key)
        if stored is None:
            raise StorageError("NoSuchKey")
        return stored

    def _record(self, bucket: str, new: StoredObject) -> StoredObject | None:
        with self._writing() as connection:
            old = index.find_object(connection, bucket, new.key)
            index.put_object(connection, bucket, new)
        return old

    def _discard(self, old: StoredObject | None) -> None:
        if old is not None:
            (self._files / old.file).unlink(missing_ok=True)

    def _reading(self) -> AbstractContextManager[sqlite3.Connection]:
        return index.transaction(self._index, "DEFERRED")

    def _writing(self) -> AbstractContextManager[sqlite3.Connection]:
        return index.transaction(self._index, "IMMEDIATE")


def _write(file: Path, chunks: Iterable[bytes]) -> tuple[int, bytes]:
    digest = hashlib.md5(usedforsecurity=False)
    with file.open("xb") as output:
        for chunk in chunks:
            digest.update(chunk)
            output.write(chunk)
        return output.tell(), digest.digest()


def _parse_md5(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        digest = base64.b64decode(text, validate=True)
    except ValueError:
        digest = b""
    if len(digest) != hashlib.md5(usedforsecurity=False).digest_size:
        raise StorageError("InvalidDigest")
    return digest


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
