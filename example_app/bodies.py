"""Reads the body of a request: in chunks to store it, or as a whole to parse it."""

import hashlib
from collections.abc import Iterator

from flask import g, request
from werkzeug.exceptions import ClientDisconnected, HTTPException

from example_app.errors import StorageError
from example_app.files import CHUNK, parse_md5

# In bytes; twice the size of a document that names 10,000 parts.
MAX_DOCUMENT = 2 * 1024 * 1024


def body_chunks() -> Iterator[bytes]:
    """Give the body; refuse it if it is incomplete, or differs from the one that was signed."""
    _refuse_unread_chunks()
    received = 0
    digest = hashlib.sha256()
    while chunk := _read_chunk():
        received += len(chunk)
        digest.update(chunk)
        yield chunk
    # Some servers end the stream without an error when the client disconnects.
    if request.content_length not in (None, received):
        raise StorageError("IncompleteBody")
    if g.get("payload_sha256") not in (None, digest.hexdigest()):
        raise StorageError("BadDigest", "The body differs from the one that was signed.")


def read_document() -> bytes:
    """Read the whole body, and compare it with its Content-MD5 if that was sent."""
    announced = parse_md5(request.headers.get("Content-MD5"))
    body = b""
    for chunk in body_chunks():
        body += chunk
        if len(body) > MAX_DOCUMENT:
            raise StorageError("EntityTooLarge")
    if announced not in (None, hashlib.md5(body, usedforsecurity=False).digest()):
        raise StorageError("BadDigest")
    return body


def _refuse_unread_chunks() -> None:
    # If the server does not say that it decodes chunks, Werkzeug reads nothing, and the body would
    # look empty.
    is_chunked = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
    if is_chunked and not request.environ.get("wsgi.input_terminated"):
        raise StorageError("MissingContentLength")


def _read_chunk() -> bytes:
    try:
        return request.stream.read(CHUNK)
    except ClientDisconnected:
        raise StorageError("IncompleteBody") from None
    except (HTTPException, MemoryError):
        raise
    except Exception as error:
        # Each server has its own exceptions for an incomplete chunked body.
        raise StorageError("IncompleteBody") from error
