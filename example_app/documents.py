"""The XML documents that this server sends, in the form of Tencent COS."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from urllib.parse import quote
from xml.sax.saxutils import escape  # nosec B406 # it writes XML, and reads none

from example_app.errors import StorageError
from example_app.index import Bucket, Listing, ListingQuery, StoredObject
from example_app.upload_index import Part, PartQuery, Upload, UploadListing, UploadQuery
from example_app.xml_bodies import Deletion

# An error document repeats so many characters of the address of the request.
MAX_RESOURCE = 256

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# An XML parser turns a bare carriage return into a line feed.
_ENTITIES = {"'": "&apos;", "\r": "&#13;"}

# A name with its text, or with its children.
_Element = tuple[str, "str | Sequence[_Element]"]


def error_document(error: StorageError, resource: str, request_id: str, trace_id: str) -> str:
    """Write an error. The Python SDK finds no code if one of the elements is empty.

    :param resource: the host and the percent-encoded path of the request.
    """
    return _document(
        "Error",
        [
            ("Code", error.code),
            ("Message", error.message),
            ("Resource", resource[:MAX_RESOURCE]),
            ("RequestId", request_id),
            ("TraceId", trace_id),
        ],
    )


def bucket_list_document(buckets: list[Bucket], *, truncated: bool) -> str:
    """Write the response to GET Service (document 436/8291)."""
    return _document(
        "ListAllMyBucketsResult",
        [
            ("IsTruncated", "true" if truncated else "false"),
            # An empty text if there are none: the Python SDK takes white space for a list.
            ("Buckets", [("Bucket", _bucket(bucket)) for bucket in buckets] or ""),
        ],
    )


def location_document() -> str:
    """Write the response to GET Bucket location."""
    return _document("LocationConstraint", "")


def object_list_document(
    bucket: str,
    query: ListingQuery,
    listing: Listing,
    *,
    url_encoded: bool,
    with_type: bool = False,
    second_version: tuple[str, str | None] | None = None,
) -> str:
    """Write the response to GET Bucket (document 436/7734).

    :param url_encoded: whether to percent-encode keys, for ``encoding-type=url``. No other form can
        show every key, because XML cannot contain some characters.
    :param with_type: whether to add the type of each object, which oss2 needs.
    :param second_version: the token that was sent, and the next token, if there is one, for the
        response to ``list-type=2`` (S3 API Reference, ListObjectsV2); None for the first version.
    """
    shown = _shown(url_encoded)
    next_marker = listing.next_marker
    contents = [
        (
            "Contents",
            [*_object(shown(each.key), each), *([("Type", "Normal")] if with_type else [])],
        )
        for each in listing.objects
    ]
    prefixes = [("CommonPrefixes", [("Prefix", shown(each))]) for each in listing.common_prefixes]
    if second_version is not None:
        token, next_token = second_version
        return _document(
            "ListBucketResult",
            [
                ("Name", bucket),
                *([("EncodingType", "url")] if url_encoded else []),
                ("Prefix", shown(query.prefix)),
                *([("ContinuationToken", token)] if token else []),
                ("KeyCount", str(len(contents) + len(prefixes))),
                ("MaxKeys", str(query.max_keys)),
                ("Delimiter", shown(query.delimiter)),
                ("IsTruncated", "false" if next_token is None else "true"),
                *([] if next_token is None else [("NextContinuationToken", next_token)]),
                *prefixes,
                *contents,
            ],
        )
    return _document(
        "ListBucketResult",
        [
            ("Name", bucket),
            *([("EncodingType", "url")] if url_encoded else []),
            ("Prefix", shown(query.prefix)),
            ("Marker", shown(query.marker)),
            ("MaxKeys", str(query.max_keys)),
            ("Delimiter", shown(query.delimiter)),
            ("IsTruncated", "false" if next_marker is None else "true"),
            *([] if next_marker is None else [("NextMarker", shown(next_marker))]),
            *prefixes,
            *contents,
        ],
    )


def upload_document(bucket: str, upload: Upload) -> str:
    """Write the response to Initiate Multipart Upload (document 436/7746)."""
    return _document(
        "InitiateMultipartUploadResult",
        [("Bucket", bucket), ("Key", upload.key), ("UploadId", upload.id)],
    )


def completed_document(bucket: str, location: str, stored: StoredObject) -> str:
    """Write the response to Complete Multipart Upload (document 436/7742)."""
    return _document(
        "CompleteMultipartUploadResult",
        [
            ("Location", location),
            ("Bucket", bucket),
            ("Key", stored.key),
            ("ETag", f'"{stored.etag}"'),
        ],
    )


def part_list_document(
    bucket: str, upload: Upload, parts: list[Part], query: PartQuery, *, url_encoded: bool
) -> str:
    """Write the response to List Parts (document 436/7747).

    :param parts: one more than requested, if there are more.
    """
    page = parts[: query.max_parts]
    truncated = bool(page) and len(parts) > len(page)
    return _document(
        "ListPartsResult",
        [
            ("Bucket", bucket),
            *([("EncodingType", "url")] if url_encoded else []),
            ("Key", _shown(url_encoded)(upload.key)),
            ("UploadId", upload.id),
            ("PartNumberMarker", str(query.marker)),
            ("MaxParts", str(query.max_parts)),
            ("IsTruncated", "true" if truncated else "false"),
            *([("NextPartNumberMarker", str(page[-1].number))] if truncated else []),
            ("StorageClass", "STANDARD"),
            *[("Part", _part(part)) for part in page],
        ],
    )


def upload_list_document(
    bucket: str, query: UploadQuery, listing: UploadListing, *, url_encoded: bool
) -> str:
    """Write the response to List Multipart Uploads (document 436/7736)."""
    shown = _shown(url_encoded)
    next_key, next_id = listing.next_marker or ("", "")
    return _document(
        "ListMultipartUploadsResult",
        [
            ("Bucket", bucket),
            *([("Encoding-Type", "url")] if url_encoded else []),
            ("KeyMarker", shown(query.key_marker)),
            ("UploadIdMarker", query.id_marker),
            ("MaxUploads", str(query.max_uploads)),
            ("Prefix", shown(query.prefix)),
            ("Delimiter", shown(query.delimiter)),
            ("IsTruncated", "false" if listing.next_marker is None else "true"),
            *([("NextKeyMarker", shown(next_key))] if next_key else []),
            *([("NextUploadIdMarker", next_id)] if next_id else []),
            *[("Upload", _upload(shown(each.key), each)) for each in listing.uploads],
            *[("CommonPrefixes", [("Prefix", shown(each))]) for each in listing.common_prefixes],
        ],
    )


def copied_document(name: str, etag: str, modified: datetime) -> str:
    """Write the response to PUT Object - Copy (436/10881) or Upload Part - Copy (436/8287)."""
    return _document(name, [("ETag", f'"{etag}"'), ("LastModified", _time(modified))])


def deleted_document(deletion: Deletion, *, url_encoded: bool) -> str:
    """Write the response to DELETE Multiple Objects (document 436/8289)."""
    shown = _shown(url_encoded)
    refused = (
        ("Code", "NotImplemented"),
        ("Message", "This store has no versions; leave VersionId out."),
    )
    return _document(
        "DeleteResult",
        [
            *([("EncodingType", "url")] if url_encoded else []),
            *[("Deleted", [("Key", shown(key))]) for key in deletion.keys if not deletion.quiet],
            *[("Error", [("Key", shown(key)), *refused]) for key in deletion.versions],
        ]
        # An empty text if there are none, as in the list of buckets.
        or "",
    )


def _shown(url_encoded: bool) -> Callable[[str], str]:
    return quote if url_encoded else str


def _bucket(bucket: Bucket) -> Sequence[_Element]:
    return [
        ("Name", bucket.name),
        ("CreationDate", bucket.created.strftime("%Y-%m-%dT%H:%M:%SZ")),
    ]


def _object(key: str, stored: StoredObject) -> Sequence[_Element]:
    return [
        ("Key", key),
        ("LastModified", _time(stored.modified)),
        ("ETag", f'"{stored.etag}"'),
        ("Size", str(stored.size)),
        ("StorageClass", "STANDARD"),
    ]


def _part(part: Part) -> Sequence[_Element]:
    return [
        ("PartNumber", str(part.number)),
        ("LastModified", _time(part.modified)),
        ("ETag", f'"{part.etag}"'),
        ("Size", str(part.size)),
    ]


def _upload(key: str, upload: Upload) -> Sequence[_Element]:
    return [
        ("Key", key),
        ("UploadId", upload.id),
        ("StorageClass", "STANDARD"),
        ("Initiated", _time(upload.started)),
    ]


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _document(name: str, content: str | Sequence[_Element]) -> str:
    return "\n".join(["<?xml version='1.0' encoding='utf-8' ?>", *_lines(name, content, "")])


def _lines(name: str, content: str | Sequence[_Element], indent: str) -> Iterator[str]:
    if isinstance(content, str):
        text = escape(_FORBIDDEN.sub("?", content), _ENTITIES)
        yield f"{indent}<{name}>{text}</{name}>"
        return
    yield f"{indent}<{name}>"
    for child_name, child in content:
        yield from _lines(child_name, child, indent + "\t")
    yield f"{indent}</{name}>"
