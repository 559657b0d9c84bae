"""The operations: what each one reads from Flask's request, asks of the store and answers.

None of them asks who is calling; that is settled before, in :mod:`example_app.views`.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import BinaryIO

from flask import Response, request
from werkzeug.exceptions import ClientDisconnected, HTTPException
from werkzeug.wsgi import FileWrapper

from example_app.addressing import Target
from example_app.documents import bucket_list_document, object_list_document
from example_app.errors import StorageError
from example_app.index import ListingQuery, StoredObject
from example_app.storage import Storage

# How much of a body is held in memory at once, in bytes.
CHUNK = 64 * 1024

MAX_KEYS = 1000
MAX_BUCKETS = 2000

DEFAULT_CONTENT_TYPE = "application/octet-stream"
METADATA_PREFIX = "x-cos-meta-"
STORED_HEADERS = frozenset(
    {
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
        "expires",
    }
)

# An upload that asks for one of these must not succeed without it.
UNSUPPORTED_UPLOAD_HEADERS = (
    "content-range",
    "if-match",
    "if-none-match",
    "x-cos-acl",
    "x-cos-copy-source",
    "x-cos-forbid-overwrite",
    "x-cos-grant-",
    "x-cos-server-side-encryption",
)

# Whether everybody may read. What everybody may write is not offered: a write is signed.
_ACLS = {"private": False, "public-read": True, "public-read-write": True}


def list_buckets(storage: Storage, target: Target) -> Response:
    """GET Service."""
    marker = request.args.get("marker", "")
    found = [bucket for bucket in storage.list_buckets() if bucket.name > marker]
    page = found[: _max_keys(MAX_BUCKETS)]
    return xml_response(bucket_list_document(page, truncated=len(page) < len(found)))


def create_bucket(storage: Storage, target: Target) -> Response:
    """PUT Bucket."""
    acl = request.headers.get("x-cos-acl", "private")
    if acl not in _ACLS:
        raise StorageError("InvalidArgument", f"x-cos-acl must be one of {', '.join(_ACLS)}.")
    storage.create_bucket(target.bucket, public=_ACLS[acl])
    return empty_response(200)


def head_bucket(storage: Storage, target: Target) -> Response:
    """HEAD Bucket."""
    storage.get_bucket(target.bucket)
    return empty_response(200)


def delete_bucket(storage: Storage, target: Target) -> Response:
    """DELETE Bucket."""
    storage.delete_bucket(target.bucket)
    return empty_response(204)


def list_objects(storage: Storage, target: Target) -> Response:
    """GET Bucket (List Objects)."""
    encoding = request.args.get("encoding-type", "")
    if encoding not in ("", "url"):
        raise StorageError("InvalidArgument", "encoding-type must be url, or left out.")
    query = ListingQuery(
        prefix=request.args.get("prefix", ""),
        delimiter=request.args.get("delimiter", ""),
        marker=request.args.get("marker", ""),
        max_keys=_max_keys(MAX_KEYS),
    )
    listing = storage.list_objects(target.bucket, query)
    return xml_response(
        object_list_document(target.bucket, query, listing, url_encoded=encoding == "url")
    )


def put_object(storage: Storage, target: Target) -> Response:
    """PUT Object."""
    for name, _ in request.headers:
        if name.lower().startswith(UNSUPPORTED_UPLOAD_HEADERS):
            raise StorageError(
                "NotImplemented", f"The header {name.lower()} is not implemented; leave it out."
            )
    stored = storage.put_object(
        target.bucket, target.key, _body(), _headers_to_store(), request.headers.get("Content-MD5")
    )
    response = empty_response(200)
    response.set_etag(stored.etag)
    return response


def get_object(storage: Storage, target: Target) -> Response:
    """GET Object and HEAD Object, for which Flask leaves the body out."""
    with ExitStack() as on_error:
        stored, file = storage.open_object(target.bucket, target.key)
        on_error.callback(file.close)
        _check_preconditions(stored)
        response = _object_response(stored, file)
        on_error.pop_all()
    return response


def delete_object(storage: Storage, target: Target) -> Response:
    """DELETE Object."""
    storage.delete_object(target.bucket, target.key)
    return empty_response(204)


def not_implemented(storage: Storage, target: Target) -> Response:
    """POST: form upload, multipart upload and deletion of many objects."""
    raise StorageError("NotImplemented", "POST is not implemented; upload with PUT.")


def xml_response(document: str, status: int = 200) -> Response:
    """Answer with a document."""
    return Response(document, status, content_type="application/xml")


def empty_response(status: int) -> Response:
    """Answer without a body."""
    response = xml_response("", status)
    if status == 204:
        del response.headers["Content-Type"]
    return response


def _max_keys(limit: int) -> int:
    text = request.args.get("max-keys", str(limit))
    if not re.fullmatch("[0-9]{1,9}", text):
        raise StorageError("InvalidArgument", f"max-keys must be a number from 0 to {limit}.")
    return min(int(text), limit)


def _headers_to_store() -> dict[str, str]:
    sent = {name.lower(): value for name, value in request.headers}
    stored = {
        name: value
        for name, value in sent.items()
        if name in STORED_HEADERS or name.startswith(METADATA_PREFIX)
    }
    return {"content-type": DEFAULT_CONTENT_TYPE, **stored}


def _body() -> Iterator[bytes]:
    received = 0
    while chunk := _read_chunk():
        received += len(chunk)
        yield chunk
    # Some servers end the stream early without a word when the client has gone.
    if request.content_length not in (None, received):
        raise StorageError("IncompleteBody")


def _read_chunk() -> bytes:
    try:
        return request.stream.read(CHUNK)
    except ClientDisconnected:
        raise StorageError("IncompleteBody") from None
    except HTTPException:
        raise
    except Exception as error:
        # Every server has its own exceptions for a chunked body that breaks off.
        raise StorageError("IncompleteBody") from error


def _check_preconditions(stored: StoredObject) -> None:
    # Werkzeug looks at a range before If-Match, and does not know If-Unmodified-Since: a
    # download that resumes would be sent the rest of another version.
    if request.if_match:
        holds = stored.etag in request.if_match
    else:
        since = request.if_unmodified_since
        holds = since is None or stored.modified <= since
    if not holds:
        raise StorageError("PreconditionFailed")


def _object_response(stored: StoredObject, file: BinaryIO) -> Response:
    # Not the server's own wrapper: gunicorn's cannot seek, and would read up to a range.
    response = Response(FileWrapper(file, CHUNK), headers=dict(stored.headers))
    response.content_length = stored.size
    response.last_modified = stored.modified
    response.set_etag(stored.etag)
    # If-Match is settled, and Werkzeug does not understand "*" there.
    conditions = {**request.environ}
    conditions.pop("HTTP_IF_MATCH", None)
    # In two steps, since "not modified" comes before a range.
    response.make_conditional(conditions)
    if response.status_code == 200:
        response.make_conditional(conditions, accept_ranges=True, complete_length=stored.size)
    # Werkzeug adds a date, and the server would add its own.
    response.headers.pop("Date", None)
    return response
