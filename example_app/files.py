"""The files with the bytes of objects and parts, each under a random name.

A file is complete before anything refers to it, and does not change afterwards.
"""

import base64
import hashlib
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from example_app.errors import StorageError

# The size of a piece of a file or a body in memory, in bytes.
CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that is complete; ``etag`` is the hexadecimal MD5 of its bytes."""

    name: str
    size: int
    etag: str


class Files:
    """A folder of files, which is created if it does not exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def written(
        self, chunks: Iterable[bytes], content_md5: str | None = None
    ) -> Iterator[WrittenFile]:
        """Write a file. It is removed if ``chunks`` or the block that records it raises.

        :param content_md5: the base64 of the MD5 that the bytes must have.
        """
        announced = parse_md5(content_md5)
        path = self._folder / uuid.uuid4().hex
        try:
            size, digest = _write(path, chunks)
            if announced not in (None, digest):
                raise StorageError("BadDigest")
            yield WrittenFile(path.name, size, digest.hex())
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading."""
        return (self._folder / name).open("rb")

    def joined(self, names: Iterable[str]) -> Iterator[bytes]:
        """Give the bytes of several files in turn."""
        for name in names:
            with self.open(name) as file:
                yield from read_chunks(file)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files that nothing refers to any more."""
        for name in names:
            (self._folder / name).unlink(missing_ok=True)


def read_chunks(file: BinaryIO, length: int | None = None) -> Iterator[bytes]:
    """Give the bytes of a file from its current position.

    :param length: the number of bytes; None for all.
    """
    left = length
    while chunk := file.read(CHUNK if left is None else min(CHUNK, left)):
        yield chunk
        if left is not None:
            left -= len(chunk)


def _write(path: Path, chunks: Iterable[bytes]) -> tuple[int, bytes]:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("xb") as output:
        for chunk in chunks:
            digest.update(chunk)
            output.write(chunk)
        return output.tell(), digest.digest()


def parse_md5(text: str | None) -> bytes | None:
    """Read a Content-MD5, the base64 of 16 bytes; None if there is none."""
    if text is None:
        return None
    try:
        digest = base64.b64decode(text, validate=True)
    except ValueError:
        digest = b""
    if len(digest) != hashlib.md5(usedforsecurity=False).digest_size:
        raise StorageError("InvalidDigest")
    return digest
