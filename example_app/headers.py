"""The headers of an upload: which are stored, which are refused, and the preconditions.

The fields of a form upload have the same names. So these functions take a mapping with names in
lower case; :func:`request_headers` gives the one of the request.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from flask import request
from werkzeug.datastructures import ETags
from werkzeug.http import parse_etags

from example_app.errors import StorageError
from example_app.index import StoredObject, never_replace

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

# An upload must not succeed while one of these headers is ignored.
_UNSUPPORTED = (
    "content-range",
    "pic-operations",
    "x-cos-callback",
    "x-cos-copy-source-server-side-encryption",
    "x-cos-grant-",
    "x-cos-expires",
    "x-cos-mime-limit",
    "x-cos-object-lock-",
    "x-cos-return-body",
    "x-cos-server-side-encryption",
    "x-cos-tagging",
    "x-cos-website-redirect-location",
)

_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")


def request_headers() -> dict[str, str]:
    """Give the headers of the request."""
    return {name.lower(): value for name, value in request.headers}


def check_supported(
    headers: Mapping[str, str], *, public: bool, also: tuple[str, ...] = ()
) -> None:
    """Refuse an upload that needs something that this store does not have.

    Objects have no access control of their own. So an ACL is accepted only if it is the same as
    that of the bucket, and a storage class only if it is the standard one.

    :param public: whether everybody may read the bucket.
    :param also: more headers to refuse.
    """
    for name in headers:
        if name.startswith((*_UNSUPPORTED, *also)):
            raise StorageError(
                "NotImplemented", f"The header {name} is not implemented; leave it out."
            )
    # The name of the ACL differs: in a header, in a header of OSS, and in a form field.
    for name in ("x-cos-acl", "x-cos-object-acl", "acl"):
        _allow(headers, name, ["default", "public-read" if public else "private"])
    _allow(headers, "x-cos-storage-class", ["standard"])


def headers_to_store(headers: Mapping[str, str]) -> dict[str, str]:
    """Give the headers to send back with the object.

    Some SDKs send an empty Cache-Control, so that no proxy adds one; it is not stored.
    """
    stored = {
        name: value
        for name, value in headers.items()
        if (name in STORED_HEADERS and value) or name.startswith(METADATA_PREFIX)
    }
    return {"content-type": DEFAULT_CONTENT_TYPE, **stored}


def header_value(name: str, text: str) -> str:
    """Convert a text to the value of a header: UTF-8 decoded as Latin-1, as in WSGI."""
    if _CONTROL.search(text):
        raise StorageError(
            "InvalidArgument", f"{name[:64]} must not contain line ends or control characters."
        )
    return text.encode().decode("latin-1")


@dataclass(frozen=True, slots=True)
class Precondition:
    """The conditions on the object that a write would replace; a call checks them."""

    if_match: ETags
    if_none_match: ETags
    forbid_overwrite: bool

    def __call__(self, old: StoredObject | None) -> None:
        if self.forbid_overwrite:
            never_replace(old)
        if self.if_match and (old is None or old.etag not in self.if_match):
            raise StorageError("PreconditionFailed")
        if self.if_none_match and old is not None and old.etag in self.if_none_match:
            raise StorageError("PreconditionFailed")


def precondition(headers: Mapping[str, str]) -> Precondition:
    """Read the preconditions of an upload."""
    return Precondition(
        parse_etags(headers.get("if-match")),
        parse_etags(headers.get("if-none-match")),
        forbids_overwrite(headers),
    )


def forbids_overwrite(headers: Mapping[str, str]) -> bool:
    """Whether the upload must not replace an object."""
    value = headers.get("x-cos-forbid-overwrite", "").lower()
    if value not in ("", "true", "false"):
        raise StorageError("InvalidArgument", "x-cos-forbid-overwrite must be true or false.")
    return value == "true"


def _allow(headers: Mapping[str, str], name: str, allowed: list[str]) -> None:
    if headers.get(name, "").lower() not in ("", *allowed):
        raise StorageError(
            "NotImplemented",
            f"This {name} is not implemented; send {' or '.join(allowed)}, or leave it out.",
        )
