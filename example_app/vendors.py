"""Renames headers for SDKs of OSS, S3 and OBS, so that the rest of the store knows only COS.

For the other vendors, ``x-cos-acl`` is ``x-oss-acl``, ``x-amz-acl`` and ``x-obs-acl``. If a request
has the signature of another vendor, its headers are renamed, and so are those of the response.
"""

from flask import Response, g, request
from werkzeug.datastructures import Headers

from flask_bucketcors.signatures import SignedRequest, find_scheme

_PREFIXES = {"cos": "x-cos-", "oss": "x-oss-", "s3": "x-amz-", "obs": "x-obs-"}


def translate_request(signed: SignedRequest) -> None:
    """Rename the headers of the request. The signature covers the old names.

    :param signed: the request as it was sent.
    """
    scheme = find_scheme(signed)
    if scheme is None or scheme.dialect == "cos":
        return
    g.vendor = scheme.dialect
    ours, theirs = (_PREFIXES[each].upper().replace("-", "_") for each in ("cos", g.vendor))
    renamed = {
        name.replace(theirs, ours, 1): value
        for name, value in request.environ.items()
        if name.startswith(f"HTTP_{theirs}")
    }
    # The signature does not cover headers that were sent with the names of COS.
    for name in list(request.environ):
        if name.startswith(f"HTTP_{ours}"):
            del request.environ[name]
    request.environ.update(renamed)


def translate_response(response: Response) -> None:
    """Rename the headers of the response."""
    if vendor() != "cos":
        response.headers = Headers((as_theirs(name), value) for name, value in response.headers)


def vendor() -> str:
    """The vendor of the request's signature; COS if there is none."""
    found: str = g.get("vendor", "cos")
    return found


def as_theirs(text: str) -> str:
    """Replace names of headers in a text by those of the vendor."""
    return text.replace(_PREFIXES["cos"], _PREFIXES[vendor()])
