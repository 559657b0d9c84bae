"""Buckets and objects on disk.

The root folder contains ``index.sqlite`` (:mod:`example_app.index`) and ``files/``, where each
upload is a file with a random name. Keys are never part of a path. So no key can lead out of the
root, be too long for the file system, or collide with a key that differs only in case or Unicode
form.

An object is one row of the index that names one file. The file is complete before the row is
committed, does not change afterwards, and is removed when no row names it. So a reader gets
either the old object or the new one. Any number of processes can share a root; a process that is
killed leaves at most a file that no row names. Nothing is synced to disk: acknowledged uploads
survive a killed process, but may not survive a power failure.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from example_app import database, index
from example_app.errors import StorageError
from example_app.files import Files
from example_app.index import Bucket, Condition, Listing, ListingQuery, StoredObject, always
from example_app.uploads import Uploads


class Storage:
    """A store of buckets and objects in one folder, which is created if it does not exist.

    Methods raise :class:`~example_app.errors.StorageError` for requests that they refuse.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._files = Files(Path(root, "files"))
        self._index = Path(root, "index.sqlite")
        #: Each hook is called with the name of a bucket that does not exist, and that nobody can
        #: create meanwhile: after a bucket is deleted, and before one is created. If a hook
        #: raises, a deleted bucket stays deleted, and a new one is not created.
        self.free_name_hooks: list[Callable[[str], object]] = []
        #: The multipart uploads.
        self.uploads = Uploads(self._index, self._files)
        database.create(self._index)

    def create_bucket(self, name: str, *, public: bool = False) -> None:
        """Create a bucket."""
        with self._writing() as connection:
            index.insert_bucket(connection, Bucket(name, public, _now()))
            # A killed process may have left something. This runs before the commit: anything
            # later belongs to the new bucket.
            self._run_free_name_hooks(name)

    def get_bucket(self, name: str) -> Bucket:
        """Find a bucket."""
        with self._reading() as connection:
            return index.find_bucket(connection, name)

    def bucket_exists(self, name: str) -> bool:
        """Whether there is a bucket of this name; False for an invalid name."""
        with self._reading() as connection:
            return index.has_bucket(connection, name)

    def list_buckets(self) -> list[Bucket]:
        """Give all buckets, sorted by name."""
        with self._reading() as connection:
            return index.all_buckets(connection)

    def delete_bucket(self, name: str) -> None:
        """Delete a bucket; it must have neither objects nor multipart uploads."""
        with self._writing() as connection:
            index.delete_bucket(connection, name)
        # This runs after the commit, because until then others find the bucket, and may add things
        # that the hooks would miss. It runs in a transaction, so that nobody creates the bucket
        # again meanwhile.
        with self._writing() as connection:
            if not index.has_bucket(connection, name):
                self._run_free_name_hooks(name)

    def put_object(
        self,
        bucket: str,
        key: str,
        chunks: Iterable[bytes],
        headers: Mapping[str, str],
        content_md5: str | None = None,
        condition: Condition = always,
    ) -> StoredObject:
        """Store an object, and replace the one with this key.

        :param chunks: the bytes; if they raise, nothing changes.
        :param content_md5: the base64 of the MD5 that the bytes must have.
        :param condition: takes the object that would be replaced, or None, and raises to prevent
            the write.
        """
        index.check_key(key)
        self.get_bucket(bucket)
        with self._files.written(chunks, content_md5) as file:
            stored = StoredObject(key, file.size, file.etag, _now(), headers, file.name)
            with self._writing() as connection:
                old = index.replace_object(connection, bucket, stored, condition)
        self._files.remove(old)
        return stored

    def open_object(self, bucket: str, key: str) -> tuple[StoredObject, BinaryIO]:
        """Give an object and its open file, which the caller closes."""
        missed = None
        while True:
            stored = self._find_object(bucket, key)
            try:
                return stored, self._files.open(stored.file)
            except FileNotFoundError:
                # The object was replaced meanwhile: look again. A file missing twice is lost.
                if stored.file == missed:
                    raise
                missed = stored.file

    def delete_object(self, bucket: str, key: str) -> None:
        """Delete an object, if there is one."""
        self.delete_objects(bucket, [key])

    def delete_objects(self, bucket: str, keys: Iterable[str]) -> None:
        """Delete the objects that exist, in one transaction."""
        files = []
        with self._writing() as connection:
            index.find_bucket(connection, bucket)
            for key in keys:
                files += index.delete_object(connection, bucket, key)
        self._files.remove(files)

    def list_objects(self, bucket: str, query: ListingQuery) -> Listing:
        """List a part of a bucket, in the order of the keys' UTF-8 bytes."""
        with self._reading() as connection:
            return index.list_objects(connection, bucket, query)

    def _run_free_name_hooks(self, name: str) -> None:
        for hook in self.free_name_hooks:
            hook(name)

    def _find_object(self, bucket: str, key: str) -> StoredObject:
        with self._reading() as connection:
            stored = index.find_object(connection, bucket, key)
        if stored is None:
            raise StorageError("NoSuchKey")
        return stored

    def _reading(self) -> AbstractContextManager[sqlite3.Connection]:
        return database.transaction(self._index, "DEFERRED")

    def _writing(self) -> AbstractContextManager[sqlite3.Connection]:
        return database.transaction(self._index, "IMMEDIATE")


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
