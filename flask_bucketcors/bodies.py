"""The body of a request: read whole within a bound, and compared with its digest."""

import binascii
import hashlib
from base64 import b64decode
from typing import Final
from wsgiref.types import WSGIEnvironment

from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import get_input_stream

from flask_bucketcors.core.errors import CallRefused

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
    except (ClientDisconnected, OSError):
        raise CallRefused("IncompleteBody") from None
    return body


def check_content_md5(sent: str | None, body: bytes, *, required: bool = False) -> None:
    """Compare a body with its Content-MD5 header (RFC 1864: base64 of the 16 bytes).

    :raises CallRefused: InvalidDigest if ``sent`` is no digest, BadDigest if it is another
        body's, MissingContentMD5 if there is none and one is required.
    """
    if sent is None:
        if required:
            raise CallRefused("MissingContentMD5")
        return
    try:
        digest = b64decode(sent, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 16:
        raise CallRefused("InvalidDigest")
    if digest != hashlib.md5(body, usedforsecurity=False).digest():
        raise CallRefused("BadDigest")
