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
    """A store of buckets and objects in one folder, which is made if it is missing.

    What the methods refuse, they refuse with :class:`~example_app.errors.StorageError`.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._files = Files(Path(root, "files"))
        self._index = Path(root, "index.sqlite")
        #: Each is called with a name that no bucket has, while nobody can create one: after a
        #: bucket is deleted, and before a bucket is created. If a hook raises, a bucket that
        #: is deleted is gone all the same, and a bucket is not created.
        self.free_name_hooks: list[Callable[[str], object]] = []
        #: The multipart uploads.
        self.uploads = Uploads(self._index, self._files)
        database.create(self._index)

    def create_bucket(self, name: str, *, public: bool = False) -> None:
        """Make a bucket."""
        with self._writing() as connection:
            index.insert_bucket(connection, Bucket(name, public, _now()))
            # A process that died may have left something behind. Before the commit, because
            # what comes later belongs to the new bucket.
            self._run_free_name_hooks(name)

    def get_bucket(self, name: str) -> Bucket:
        """Find a bucket."""
        with self._reading() as connection:
            return index.find_bucket(connection, name)

    def bucket_exists(self, name: str) -> bool:
        """Whether there is a bucket of this name; False for what is no bucket name."""
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
        # After the commit: until then others find the bucket, and may add to it what the hooks
        # would miss. In a transaction, so that nobody creates the next bucket meanwhile.
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
        """Store an object, in place of the one that has this key.

        :param chunks: the bytes; if they raise, everything stays as it was.
        :param content_md5: base64 of the MD5 that the bytes must have.
        :param condition: is given the object that would be replaced, and raises if it must
            not be.
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
                # Replaced since it was found: look again. A file missed twice is lost.
                if stored.file == missed:
                    raise
                missed = stored.file

    def delete_object(self, bucket: str, key: str) -> None:
        """Delete an object, if there is one."""
        self.delete_objects(bucket, [key])

    def delete_objects(self, bucket: str, keys: Iterable[str]) -> None:
        """Delete those of the objects that there are, all at once."""
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
