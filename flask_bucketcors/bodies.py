"""The body of a request: read whole within a bound, and compared with its digest."""

import binascii
import hashlib
from base64 import b64decode
from typing import Final
from wsgiref.types import WSGIEnvironment

from werkzeug.sansio.utils import get_content_length
from werkzeug.wsgi import get_input_stream

from flask_bucketcors.core.errors import CallRefused, Refusal

# A body that is too large is read a little further, so that its sender is still there to
# get the answer: a server that stops reading resets the connection.
MAX_DRAINED_BYTES: Final = 1024 * 1024
_CHUNK: Final = 64 * 1024


def read_body(environ: WSGIEnvironment, limit: int) -> bytes:
    """Read the body, chunked or with a length; of a larger one, ``limit`` + 1 bytes.

    :raises CallRefused: IncompleteBody, if the client stopped before the end.
    """
    # Never wsgi.input itself: on some servers that is the socket, which has no end.
    stream = get_input_stream(environ)
    body, read = b"", 0
    try:
        while read <= MAX_DRAINED_BYTES and (chunk := stream.read(_CHUNK)):
            read += len(chunk)
            body += chunk[: limit + 1 - len(body)]
    except Exception as error:
        # Every server has its own exceptions for a body that breaks off.
        raise CallRefused(Refusal.INCOMPLETE_BODY) from error
    # And some say nothing.
    announced = get_content_length(environ.get("CONTENT_LENGTH"))
    if announced is not None and read < min(announced, MAX_DRAINED_BYTES):
        raise CallRefused(Refusal.INCOMPLETE_BODY)
    return body


def check_content_md5(sent: str | None, body: bytes, *, required: bool = False) -> None:
    """Compare a body with its Content-MD5 header (RFC 1864: base64 of the 16 bytes).

    :raises CallRefused: InvalidDigest if ``sent`` is no digest, BadDigest if it is another
        body's, MissingContentMD5 if there is none and one is required.
    """
    if sent is None:
        if required:
            raise CallRefused(Refusal.MISSING_DIGEST)
        return
    try:
        digest = b64decode(sent, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 16:
        raise CallRefused(Refusal.INVALID_DIGEST)
    if digest != hashlib.md5(body, usedforsecurity=False).digest():
        raise CallRefused(Refusal.BAD_DIGEST)
