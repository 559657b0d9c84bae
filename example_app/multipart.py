"""The operations of a multipart upload: initiate, upload and list parts, complete, abort."""

import re

from flask import Response, request

from example_app.addressing import Target
from example_app.bodies import body_chunks, read_document
from example_app.documents import (
    completed_document,
    part_list_document,
    upload_document,
    upload_list_document,
)
from example_app.headers import (
    check_supported,
    forbids_overwrite,
    headers_to_store,
    precondition,
    request_headers,
)
from example_app.operations import (
    empty_response,
    etag_response,
    number_argument,
    object_url,
    request_path,
    wants_url_encoding,
    xml_response,
)
from example_app.storage import Storage
from example_app.upload_index import PartQuery, UploadQuery
from example_app.xml_bodies import parse_completion

MAX_PARTS = 1000
MAX_UPLOADS = 1000
MAX_MARKER = 999_999_999


def start_upload(storage: Storage, target: Target) -> Response:
    """Initiate Multipart Upload."""
    headers = request_headers()
    public = storage.get_bucket(target.bucket).public
    # These belong to the request that completes the upload.
    check_supported(headers, public=public, also=("if-match", "if-none-match"))
    upload = storage.uploads.start(
        target.bucket,
        target.key,
        headers_to_store(headers),
        forbid_overwrite=forbids_overwrite(headers),
    )
    return xml_response(upload_document(target.bucket, upload))


def put_part(storage: Storage, target: Target) -> Response:
    """Upload Part."""
    headers = request_headers()
    check_supported(headers, public=storage.get_bucket(target.bucket).public)
    part = storage.uploads.put_part(
        target.bucket,
        target.key,
        upload_id(),
        part_number(),
        body_chunks(),
        headers.get("content-md5"),
    )
    return etag_response(part.etag)


def complete_upload(storage: Storage, target: Target) -> Response:
    """Complete Multipart Upload."""
    headers = request_headers()
    check_supported(headers, public=storage.get_bucket(target.bucket).public)
    named = parse_completion(read_document())
    stored = storage.uploads.complete(
        target.bucket, target.key, upload_id(), named, precondition(headers)
    )
    location = object_url(request_path())
    return xml_response(completed_document(target.bucket, location, stored))


def abort_upload(storage: Storage, target: Target) -> Response:
    """Abort Multipart Upload."""
    storage.uploads.abort(target.bucket, target.key, upload_id())
    return empty_response(204)


def list_parts(storage: Storage, target: Target) -> Response:
    """List Parts."""
    query = PartQuery(
        marker=number_argument("part-number-marker", MAX_MARKER, "0"),
        max_parts=number_argument("max-parts", MAX_PARTS),
    )
    url_encoded = wants_url_encoding()
    upload, parts = storage.uploads.list_parts(target.bucket, target.key, upload_id(), query)
    return xml_response(
        part_list_document(target.bucket, upload, parts, query, url_encoded=url_encoded)
    )


def list_uploads(storage: Storage, target: Target) -> Response:
    """List Multipart Uploads."""
    query = UploadQuery(
        prefix=request.args.get("prefix", ""),
        delimiter=request.args.get("delimiter", ""),
        key_marker=request.args.get("key-marker", ""),
        id_marker=request.args.get("upload-id-marker", ""),
        max_uploads=number_argument("max-uploads", MAX_UPLOADS),
    )
    url_encoded = wants_url_encoding()
    listing = storage.uploads.list_uploads(target.bucket, query)
    return xml_response(
        upload_list_document(target.bucket, query, listing, url_encoded=url_encoded)
    )


def upload_id() -> str:
    """Give the upload id of the request."""
    return request.args["uploadId"]


def part_number() -> int:
    """Give the part number of the request; 0 if it is not a number."""
    text = request.args.get("partNumber", "")
    return int(text) if re.fullmatch("[0-9]{1,5}", text) else 0
