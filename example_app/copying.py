"""The copy operations: uploads that take their bytes from an object in the store."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO
from urllib.parse import unquote_to_bytes

from flask import Response, request
from werkzeug.http import parse_etags

from example_app.addressing import Target
from example_app.conditions import check_changed, check_unchanged, read_date
from example_app.documents import copied_document
from example_app.errors import StorageError
from example_app.files import read_chunks
from example_app.headers import check_supported, headers_to_store, precondition, request_headers
from example_app.index import StoredObject
from example_app.multipart import part_number, upload_id
from example_app.operations import xml_response
from example_app.storage import Storage
from example_app.vendors import vendor

COPY_SOURCE = "x-cos-copy-source"


def copy_object(storage: Storage, target: Target) -> Response:
    """PUT Object - Copy."""
    headers = request_headers()
    check_supported(headers, public=storage.get_bucket(target.bucket).public)
    replaced = _replaces_metadata()
    if not replaced and target == _source_target():
        raise StorageError(
            "InvalidRequest", "To copy an object to itself, set x-cos-metadata-directive: Replaced."
        )
    with _source(storage) as (source, file):
        stored = storage.put_object(
            target.bucket,
            target.key,
            read_chunks(file),
            headers_to_store(headers) if replaced else source.headers,
            condition=precondition(headers),
        )
    return xml_response(copied_document("CopyObjectResult", stored.etag, stored.modified))


def copy_part(storage: Storage, target: Target) -> Response:
    """Upload Part - Copy."""
    check_supported(request_headers(), public=storage.get_bucket(target.bucket).public)
    with _source(storage) as (source, file):
        start, length = _range(source)
        file.seek(start)
        part = storage.uploads.put_part(
            target.bucket, target.key, upload_id(), part_number(), read_chunks(file, length)
        )
    return xml_response(copied_document("CopyPartResult", part.etag, part.modified))


def _replaces_metadata() -> bool:
    directive = request.headers.get("x-cos-metadata-directive", "Copy").lower()
    replaced = "replaced" if vendor() == "cos" else "replace"
    if directive not in ("copy", replaced):
        raise StorageError(
            "InvalidArgument", f"x-cos-metadata-directive must be Copy or {replaced.title()}."
        )
    return directive == replaced


@contextmanager
def _source(storage: Storage) -> Iterator[tuple[StoredObject, BinaryIO]]:
    source = _source_target()
    stored, file = storage.open_object(source.bucket, source.key)
    with file:
        _check_conditions(stored)
        yield stored, file


def _source_target() -> Target:
    # In COS it is a URL without the scheme, in the others a path.
    form = "BUCKET.ENDPOINT/KEY" if vendor() == "cos" else "/BUCKET/KEY"
    source = request.headers[COPY_SOURCE]
    host, _, address = (source if vendor() == "cos" else source.removeprefix("/")).partition("/")
    bucket, _, endpoint = host.partition(".")
    path, _, query = address.partition("?")
    if query:
        raise StorageError(
            "NotImplemented", f"This store has no versions; leave {query[:64]!r} out."
        )
    try:
        key = unquote_to_bytes(path.encode("latin-1")).decode()
    except UnicodeDecodeError:
        key = ""
    if bool(endpoint) != (vendor() == "cos") or not key:
        raise StorageError("InvalidArgument", f"{COPY_SOURCE} must be {form}, percent-encoded.")
    return Target(bucket, key)


def _check_conditions(source: StoredObject) -> None:
    condition = f"{COPY_SOURCE}-if-"
    check_unchanged(
        source,
        parse_etags(request.headers.get(f"{condition}match")),
        read_date(request.headers.get(f"{condition}unmodified-since")),
    )
    check_changed(
        source,
        parse_etags(request.headers.get(f"{condition}none-match")),
        read_date(request.headers.get(f"{condition}modified-since")),
    )


def _range(source: StoredObject) -> tuple[int, int]:
    text = request.headers.get(f"{COPY_SOURCE}-range", "")
    if not text:
        return 0, source.size
    match = re.fullmatch("bytes=([0-9]{1,18})-([0-9]{1,18})", text)
    if match is None:
        raise StorageError("InvalidArgument", f"{COPY_SOURCE}-range must be bytes=FIRST-LAST.")
    first, last = map(int, match.groups())
    if not first <= last < source.size:
        raise StorageError("InvalidRange")
    return first, last - first + 1
