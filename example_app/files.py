"""The files that hold the bytes of objects and of parts, each under a random name.

A file is complete before anything refers to it, and never changes afterwards.
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

# How much of a file or a body is held in memory at once, in bytes.
CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that is complete; ``etag`` is the hexadecimal MD5 of its bytes."""

    name: str
    size: int
    etag: str


class Files:
    """A folder of files, which is made if it is missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def written(
        self, chunks: Iterable[bytes], content_md5: str | None = None
    ) -> Iterator[WrittenFile]:
        """Write a file. It is gone if ``chunks`` raise, or the block that should record it.

        :param content_md5: base64 of the MD5 that the bytes must have.
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
        """Give the bytes of several files, one file after the other."""
        for name in names:
            with self.open(name) as file:
                yield from read_chunks(file)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files that nothing refers to any more."""
        for name in names:
            (self._folder / name).unlink(missing_ok=True)


def read_chunks(file: BinaryIO, length: int | None = None) -> Iterator[bytes]:
    """Give the bytes of a file from where it stands, at most ``length`` of them."""
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
    """Read a Content-MD5, if there is one: base64 of the 16 bytes."""
    if text is None:
        return None
    try:
        digest = base64.b64decode(text, validate=True)
    except ValueError:
        digest = b""
    if len(digest) != hashlib.md5(usedforsecurity=False).digest_size:
        raise StorageError("InvalidDigest")
    return digest
