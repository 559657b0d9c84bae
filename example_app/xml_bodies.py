"""Reads the XML documents that clients send. Their namespaces differ, so only local names count."""

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element  # nosec B405 # a type; flask_bucketcors parses

from example_app.errors import StorageError
from example_app.uploads import MAX_PART_NUMBER, NamedPart
from flask_bucketcors.documents.from_xml import DocumentError, parse_element

MAX_DELETED = 1000

_COMPLETION = (
    "Send a CompleteMultipartUpload document: for each part, a Part with PartNumber and ETag."
)
_DELETION = (
    f"Send a Delete document: Quiet, and 1 to {MAX_DELETED} elements Object, each with a Key."
)


@dataclass(frozen=True, slots=True)
class Deletion:
    """Which objects to delete.

    :param versions: keys with a version to delete; this store has no versions.
    :param quiet: whether the response lists only objects that could not be deleted.
    """

    keys: list[str]
    versions: list[str]
    quiet: bool


def parse_completion(body: bytes) -> list[NamedPart]:
    """Read the body of Complete Multipart Upload."""
    root = _parse(body, "CompleteMultipartUpload", _COMPLETION)
    parts = [_part(element) for element in root.iterfind("{*}Part")]
    if not parts:
        raise StorageError("MalformedXML", _COMPLETION)
    return parts


def parse_deletion(body: bytes) -> Deletion:
    """Read the body of DELETE Multiple Objects."""
    root = _parse(body, "Delete", _DELETION)
    objects = [
        (each.findtext("{*}Key", ""), each.findtext("{*}VersionId", ""))
        for each in root.iterfind("{*}Object")
    ]
    if not 1 <= len(objects) <= MAX_DELETED or not all(key for key, _ in objects):
        raise StorageError("MalformedXML", _DELETION)
    return Deletion(
        [key for key, version in objects if not version],
        [key for key, version in objects if version],
        root.findtext("{*}Quiet", "").strip().lower() == "true",
    )


def _part(element: Element) -> NamedPart:
    number = element.findtext("{*}PartNumber", "").strip()
    etag = element.findtext("{*}ETag", "").strip()
    if not re.fullmatch("[0-9]{1,5}", number) or not etag:
        raise StorageError("MalformedXML", _COMPLETION)
    if not 1 <= int(number) <= MAX_PART_NUMBER:
        raise StorageError("InvalidPart")
    return NamedPart(int(number), etag.removeprefix('"').removesuffix('"').lower())


def _parse(body: bytes, name: str, wanted: str) -> Element:
    try:
        root = parse_element(body)
    except DocumentError:
        raise StorageError("MalformedXML", wanted) from None
    if root.tag.rpartition("}")[2] != name:
        raise StorageError("MalformedXML", wanted)
    return root
