"""The XML documents of this server, in the form in which Tencent COS writes its own."""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote
from xml.sax.saxutils import escape

from example_app.errors import StorageError
from example_app.index import Bucket, Listing, ListingQuery, StoredObject

# How much of a request's address an error document repeats, in characters.
MAX_RESOURCE = 256

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# An XML parser turns a bare carriage return into a line feed.
_ENTITIES = {"'": "&apos;", "\r": "&#13;"}

# A name with its text, or with its children.
_Element = tuple[str, "str | Sequence[_Element]"]


def error_document(error: StorageError, resource: str, request_id: str, trace_id: str) -> str:
    """Write an error. The Python SDK loses the code if one of the elements is empty.

    :param resource: host and percent-encoded path of the request.
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
    """Write the answer to GET Service (document 436/8291)."""
    return _document(
        "ListAllMyBucketsResult",
        [
            ("IsTruncated", "true" if truncated else "false"),
            # Without text or children: the Python SDK takes blanks for a list.
            ("Buckets", [("Bucket", _bucket(bucket)) for bucket in buckets] or ""),
        ],
    )


def object_list_document(
    bucket: str, query: ListingQuery, listing: Listing, *, url_encoded: bool
) -> str:
    """Write the answer to GET Bucket (document 436/7734).

    :param url_encoded: percent-encode keys, which ``encoding-type=url`` asks for; the only
        form that can show every key, for XML cannot hold some characters.
    """

    def shown(text: str) -> str:
        return quote(text) if url_encoded else text

    next_marker = listing.next_marker
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
            *[("CommonPrefixes", [("Prefix", shown(each))]) for each in listing.common_prefixes],
            *[("Contents", _object(shown(each.key), each)) for each in listing.objects],
        ],
    )


def _bucket(bucket: Bucket) -> Sequence[_Element]:
    return [
        ("Name", bucket.name),
        ("CreationDate", bucket.created.strftime("%Y-%m-%dT%H:%M:%SZ")),
    ]


def _object(key: str, stored: StoredObject) -> Sequence[_Element]:
    return [
        ("Key", key),
        ("LastModified", stored.modified.strftime("%Y-%m-%dT%H:%M:%S.000Z")),
        ("ETag", f'"{stored.etag}"'),
        ("Size", str(stored.size)),
        ("StorageClass", "STANDARD"),
    ]


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
