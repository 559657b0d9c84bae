"""The body of a request: reading it up to a limit, and comparing it with its digests."""

import binascii
import errno
import hashlib
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from types import ModuleType
from typing import IO, Final, cast
from urllib.parse import parse_qsl
from wsgiref.types import WSGIEnvironment

from werkzeug.sansio.utils import get_content_length
from werkzeug.wsgi import LimitedStream

from flask_bucketcors.core.errors import CallRefused, Refusal

# Of a body that is too large, a little more is read, so that the sender still gets the response:
# a server that stops reading resets the connection.
MAX_DRAINED_BYTES: Final = 1024 * 1024
_CHUNK: Final = 64 * 1024

_NO_ROOM: Final = frozenset(
    {errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EIO, errno.EROFS}
)

_PAYLOAD_KEYS: Final = ("HTTP_X_AMZ_CONTENT_SHA256", "HTTP_X_OSS_CONTENT_SHA256")
_SHA256 = re.compile("[0-9a-f]{64}")
_CHECKSUM_KEYS: Final = "HTTP_X_AMZ_CHECKSUM_"
_CHECKSUM_PARAMETERS: Final = "x-amz-checksum-"
# These describe a checksum, or request one.
_NO_CHECKSUMS: Final = frozenset({"ALGORITHM", "MODE", "TYPE"})

_NO_CHUNKS: Final = "Send the body with a Content-Length, this server cannot read chunks."


def read_body(environ: WSGIEnvironment, limit: int) -> bytes:
    """Read the body, chunked or with a length. Of a larger body, return ``limit`` + 1 bytes.

    :raises CallRefused: IncompleteBody, if the client stopped before the end;
        MissingContentLength, if the body is chunked and the server does not decode chunks.
    :raises MemoryError, OSError: if this machine runs out of memory, disk or files.
    """
    announced = _content_length(environ)
    stream = _terminated_stream(environ, announced)
    body, read = b"", 0
    try:
        while read <= MAX_DRAINED_BYTES and (chunk := stream.read(_CHUNK)):
            read += len(chunk)
            body += chunk[: limit + 1 - len(body)]
    except Exception as error:
        if is_own_trouble(error):
            raise
        # Every server has its own exceptions for an incomplete body.
        raise CallRefused(Refusal.INCOMPLETE_BODY) from error
    # Some servers raise nothing.
    if announced is not None and read < min(announced, MAX_DRAINED_BYTES):
        raise CallRefused(Refusal.INCOMPLETE_BODY)
    if not body and _is_chunked(environ) and not environ.get("wsgi.input_terminated"):
        raise CallRefused(Refusal.MISSING_LENGTH, _NO_CHUNKS)
    return body


def _content_length(environ: WSGIEnvironment) -> int | None:
    # PEP 3333: absent or empty. Some servers pass an int instead of a str.
    value = str(environ.get("CONTENT_LENGTH", ""))
    return get_content_length(value) if value else None


def _is_chunked(environ: WSGIEnvironment) -> bool:
    return "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()


def _terminated_stream(environ: WSGIEnvironment, announced: int | None) -> IO[bytes]:
    """Give the body as a stream that ends where the body does.

    ``wsgi.input`` itself may be the socket, which does not end.

    :raises CallRefused: MissingContentLength, if there is no such stream.
    """
    stream: IO[bytes] = environ["wsgi.input"]
    # Some servers always set the key, to a false value if the stream does not end.
    if environ.get("wsgi.input_terminated"):
        return stream
    if not _is_chunked(environ):
        # RFC 9112, 6.3: a request with neither has no body.
        return cast(IO[bytes], LimitedStream(stream, announced or 0))
    # A stream that can seek was received completely. With a length, it may still be chunked.
    if announced is None and _is_seekable(stream):
        return stream
    raise CallRefused(Refusal.MISSING_LENGTH, _NO_CHUNKS)


def _is_seekable(stream: IO[bytes]) -> bool:
    # PEP 3333 does not require the method.
    seekable = getattr(stream, "seekable", None)
    return seekable is not None and bool(seekable())


def is_own_trouble(error: Exception) -> bool:
    """Whether reading a body failed because this machine ran out of memory, disk or files.

    Servers keep bodies in memory or in files.
    """
    return isinstance(error, MemoryError) or getattr(error, "errno", None) in _NO_ROOM


def check_digests(
    environ: WSGIEnvironment,
    body: bytes,
    payload_sha256: str | None = None,
    *,
    require_content_md5: bool = False,
) -> None:
    """Compare a body with every digest that came with it.

    These are the signed SHA-256, Content-MD5 (RFC 1864: base64 of the 16 bytes) and each
    ``x-amz-checksum-...`` (S3 User Guide, "Checking object integrity": base64 of the bytes,
    highest first for a CRC), which may be a query parameter in a pre-signed URL.

    :param payload_sha256: see :class:`flask_bucketcors.signatures.Signer`.
    :raises CallRefused: XAmzContentSHA256Mismatch, if another body was signed. For Content-MD5:
        MissingContentMD5, InvalidDigest if it is not a digest, BadDigest if it does not match.
        For a checksum: InvalidRequest and BadDigest likewise, NotImplemented if this server
        cannot compute it.
    """
    # Some signatures do not cover the body, but clients may send its digest anyway.
    digests = [environ.get(key, "").strip().lower() for key in _PAYLOAD_KEYS]
    said = {payload_sha256, *filter(_SHA256.fullmatch, digests)} - {None}
    if said and said != {hashlib.sha256(body).hexdigest()}:
        raise CallRefused(Refusal.PAYLOAD_MISMATCH)
    _check_content_md5(environ.get("HTTP_CONTENT_MD5"), body, required=require_content_md5)
    for name, sent in _sent_checksums(environ):
        if name not in _NO_CHECKSUMS:
            _check_checksum(name, sent, body)


def _check_content_md5(sent: str | None, body: bytes, *, required: bool) -> None:
    if sent is None:
        if required:
            raise CallRefused(Refusal.MISSING_DIGEST)
        return
    digest = _decode(sent)
    if len(digest) != 16:
        raise CallRefused(Refusal.INVALID_DIGEST)
    if digest != hashlib.md5(body, usedforsecurity=False).digest():
        raise CallRefused(Refusal.BAD_DIGEST)


def _sent_checksums(environ: WSGIEnvironment) -> Iterator[tuple[str, str]]:
    for key in sorted(key for key in environ if key.startswith(_CHECKSUM_KEYS)):
        yield key.removeprefix(_CHECKSUM_KEYS), environ[key].strip()
    for name, value in parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True):
        if name.lower().startswith(_CHECKSUM_PARAMETERS):
            yield name[len(_CHECKSUM_PARAMETERS) :].upper(), value


def _check_checksum(name: str, sent: str, body: bytes) -> None:
    if name not in _CHECKSUMS:
        raise CallRefused(
            Refusal.NOT_IMPLEMENTED,
            message="This server does not have the checksum "
            f"x-amz-checksum-{ascii(name.lower()[:32])[1:-1]}; send crc32, sha1 or sha256.",
        )
    computed = _CHECKSUMS[name](body)
    digest = _decode(sent)
    if len(digest) != len(computed):
        raise CallRefused(
            Refusal.INVALID_REQUEST,
            message=f"Value for x-amz-checksum-{name.lower()} header is invalid.",
        )
    if digest != computed:
        raise CallRefused(
            Refusal.BAD_DIGEST,
            message=f"The {name} you specified did not match the calculated checksum.",
        )


def _decode(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _crc32(body: bytes) -> bytes:
    return binascii.crc32(body).to_bytes(4, "big")


def _crc32c(body: bytes) -> bytes:
    crc: int = _checksums().crc32c(body)
    return crc.to_bytes(4, "big")


def _crc64nvme(body: bytes) -> bytes:
    crc: int = _checksums().crc64nvme(body)
    return crc.to_bytes(8, "big")


def _checksums() -> ModuleType:
    try:
        return import_module("awscrt.checksums")
    except ImportError as error:
        raise CallRefused(
            Refusal.NOT_IMPLEMENTED,
            message="This server cannot compute CRC32C and CRC64NVME: send crc32, sha1 or sha256, "
            "or install flask-bucketcors[checksums] there.",
        ) from error


_CHECKSUMS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "CRC32": _crc32,
    "CRC32C": _crc32c,
    "CRC64NVME": _crc64nvme,
    "SHA1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "SHA256": lambda body: hashlib.sha256(body).digest(),
}
