"""The operations on buckets and objects: each reads Flask's request, calls the store and responds.

They do not check who sent the request; :mod:`example_app.views` does.
"""

import re
from base64 import b64decode, urlsafe_b64encode
from contextlib import ExitStack
from typing import BinaryIO
from urllib.parse import quote
from wsgiref.types import WSGIEnvironment

from flask import Response, request
from werkzeug.wsgi import FileWrapper

from example_app.addressing import Target
from example_app.bodies import body_chunks, read_document
from example_app.conditions import check_unchanged, read_date
from example_app.documents import (
    bucket_list_document,
    deleted_document,
    location_document,
    object_list_document,
)
from example_app.errors import StorageError
from example_app.files import CHUNK
from example_app.headers import (
    STORED_HEADERS,
    check_supported,
    header_value,
    headers_to_store,
    precondition,
    request_headers,
)
from example_app.index import ListingQuery, StoredObject
from example_app.storage import Storage
from example_app.vendors import vendor
from example_app.xml_bodies import parse_deletion

MAX_KEYS = 1000
MAX_BUCKETS = 2000

# With these, a GET sets headers of its response.
RESPONSE_OVERRIDES = frozenset(
    {
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
    }
)

# Whether everybody may read. Nobody may write without a signature.
_ACLS = {"private": False, "public-read": True, "public-read-write": True}


def list_buckets(storage: Storage, target: Target) -> Response:
    """GET Service."""
    marker = request.args.get("marker", "")
    found = [bucket for bucket in storage.list_buckets() if bucket.name > marker]
    page = found[: number_argument("max-keys", MAX_BUCKETS)]
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


def get_location(storage: Storage, target: Target) -> Response:
    """GET Bucket location. There is one location, without a name, as the default one of S3."""
    storage.get_bucket(target.bucket)
    return xml_response(location_document())


def tell_version(storage: Storage, target: Target) -> Response:
    """HEAD ?apiversion, the first request of the SDKs of OBS: it allows their own signatures."""
    response = empty_response(200)
    response.headers["x-obs-api"] = "3.0"
    return response


def list_objects(storage: Storage, target: Target) -> Response:
    """GET Bucket (List Objects), also in the second version of OSS and S3."""
    second = request.args.get("list-type", "1") == "2"
    query = ListingQuery(
        prefix=request.args.get("prefix", ""),
        delimiter=request.args.get("delimiter", ""),
        marker=_after() if second else request.args.get("marker", ""),
        max_keys=number_argument("max-keys", MAX_KEYS),
    )
    url_encoded = wants_url_encoding()
    listing = storage.list_objects(target.bucket, query)
    token = None if listing.next_marker is None else _token(listing.next_marker)
    return xml_response(
        object_list_document(
            target.bucket,
            query,
            listing,
            url_encoded=url_encoded,
            with_type=vendor() == "oss",
            second_version=(request.args.get("continuation-token", ""), token) if second else None,
        )
    )


def _after() -> str:
    token = request.args.get("continuation-token")
    if not token:
        return request.args.get("start-after", "")
    try:
        return b64decode(token, b"-_", validate=True).decode()
    except ValueError:
        raise StorageError(
            "InvalidArgument", "The continuation-token is not from this server."
        ) from None


def _token(marker: str) -> str:
    return urlsafe_b64encode(marker.encode()).decode()


def delete_objects(storage: Storage, target: Target) -> Response:
    """DELETE Multiple Objects."""
    url_encoded = wants_url_encoding()
    deletion = parse_deletion(read_document())
    storage.delete_objects(target.bucket, deletion.keys)
    return xml_response(deleted_document(deletion, url_encoded=url_encoded))


def put_object(storage: Storage, target: Target) -> Response:
    """PUT Object."""
    headers = request_headers()
    check_supported(headers, public=storage.get_bucket(target.bucket).public)
    stored = storage.put_object(
        target.bucket,
        target.key,
        body_chunks(),
        headers_to_store(headers),
        headers.get("content-md5"),
        precondition(headers),
    )
    return etag_response(stored.etag)


def get_object(storage: Storage, target: Target) -> Response:
    """GET Object and HEAD Object; Flask omits the body for HEAD."""
    with ExitStack() as on_error:
        stored, file = storage.open_object(target.bucket, target.key)
        on_error.callback(file.close)
        since = read_date(request.headers.get("If-Unmodified-Since"))
        check_unchanged(stored, request.if_match, since)
        response = _object_response(stored, file)
        on_error.pop_all()
    return response


def delete_object(storage: Storage, target: Target) -> Response:
    """DELETE Object."""
    storage.delete_object(target.bucket, target.key)
    return empty_response(204)


def not_implemented(storage: Storage, target: Target) -> Response:
    """POST to an object without a parameter that names an operation."""
    raise StorageError(
        "NotImplemented", "Add ?uploads or ?uploadId=ID, or send forms to the bucket."
    )


def xml_response(document: str, status: int = 200) -> Response:
    """Give a response with a document."""
    return Response(document, status, content_type="application/xml")


def empty_response(status: int) -> Response:
    """Give a response without a body."""
    response = xml_response("", status)
    if status == 204:
        del response.headers["Content-Type"]
    return response


def etag_response(etag: str) -> Response:
    """Give the response to an upload."""
    response = empty_response(200)
    response.set_etag(etag)
    return response


def number_argument(name: str, limit: int, default: str = "") -> int:
    """Read a number from a query parameter; the limit replaces larger numbers.

    :param default: what to use without the parameter; ``""`` for the limit.
    """
    text = request.args.get(name, default or str(limit))
    if not re.fullmatch("[0-9]{1,9}", text):
        raise StorageError("InvalidArgument", f"{name} must be a number from 0 to {limit}.")
    return min(int(text), limit)


def wants_url_encoding() -> bool:
    """Whether to percent-encode the names in a listing."""
    encoding = request.args.get("encoding-type", "")
    if encoding not in ("", "url"):
        raise StorageError("InvalidArgument", "encoding-type must be url; leave it out otherwise.")
    return encoding == "url"


def object_url(path: bytes) -> str:
    """Give the URL of a path on this server, with the host that the client used."""
    return f"{request.scheme}://{request_host()}{quote(path)}"


def request_host() -> str:
    """Give the host and port that the client used."""
    host: str = request.environ.get("HTTP_HOST") or request.environ["SERVER_NAME"]
    return host


def request_path() -> bytes:
    """Give the path of the request, decoded."""
    environ = request.environ
    path: str = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return path.encode("latin-1")


def _object_response(stored: StoredObject, file: BinaryIO) -> Response:
    # Capitalised as in COS, because the Python SDK returns a mapping with exact names.
    headers = {
        name.title() if name in STORED_HEADERS else name: value
        for name, value in {**stored.headers, **_overrides()}.items()
    }
    # Not the wrapper of the server: that of gunicorn cannot seek to a range.
    response = Response(FileWrapper(file, CHUNK), headers=headers)
    response.content_length = stored.size
    response.last_modified = stored.modified
    response.set_etag(stored.etag)
    # If-Match was checked before, and Werkzeug does not understand "*" in it.
    conditions = {**request.environ}
    conditions.pop("HTTP_IF_MATCH", None)
    _drop_impossible_dates(conditions)
    # In two steps, because "not modified" has precedence over a range.
    response.make_conditional(conditions)
    if response.status_code == 200:
        response.accept_ranges = "bytes"
        response.make_conditional(conditions, accept_ranges=True, complete_length=stored.size)
    # Werkzeug adds a date, and so does the server.
    response.headers.pop("Date", None)
    return response


def _overrides() -> dict[str, str]:
    return {
        name.removeprefix("response-"): header_value(name, value)
        for name, value in request.args.items()
        if name in RESPONSE_OVERRIDES
    }


def _drop_impossible_dates(conditions: WSGIEnvironment) -> None:
    for name in ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_RANGE"):
        text = conditions.get(name, "")
        # An If-Range may be an ETag, in quotes.
        if text and '"' not in text and read_date(text) is None:
            del conditions[name]
