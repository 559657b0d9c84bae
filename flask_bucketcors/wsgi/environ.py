"""Reading a request from a WSGI environ, and the keys that this package adds to it."""

from typing import Final
from wsgiref.types import WSGIEnvironment

from flask_bucketcors.core.request import Request

#: The key under which the application finds the
#: :class:`~flask_bucketcors.core.decisions.Decision` about a request that names an origin.
DECISION: Final = "flask_bucketcors.decision"
#: The key under which the ``?cors`` API finds the name of its call's bucket.
BUCKET: Final = "flask_bucketcors.bucket"
#: The key under which the ``?cors`` API leaves the error code of a call that it refuses.
ERROR_CODE: Final = "flask_bucketcors.error_code"


def read_request(environ: WSGIEnvironment) -> Request:
    """Translate an environ."""
    get = environ.get
    path = get("PATH_INFO", "")
    return Request(
        get("REQUEST_METHOD", ""),
        path if path.isascii() else _text(path),
        get("HTTP_HOST", ""),
        get("QUERY_STRING", ""),
        get("HTTP_ORIGIN"),
        get("HTTP_ACCESS_CONTROL_REQUEST_METHOD"),
        get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", ""),
        environ,
    )


def _text(raw: str) -> str:
    # PEP 3333 passes bytes decoded as latin-1. Bytes that are not UTF-8 stay distinct, so that
    # different names stay different.
    return raw.encode("latin-1", "replace").decode("utf-8", "surrogateescape")
