"""The error responses of this package, in the form of a dialect."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIEnvironment

from flask_bucketcors.core.dialects import Dialect
from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.core.headers import is_header_name
from flask_bucketcors.core.hosts import split_host
from flask_bucketcors.documents.error_documents import error_places, fill_error
from flask_bucketcors.documents.to_xml import escape_text
from flask_bucketcors.wsgi.request_ids import Ids, ids_of

# An error document repeats a part of the request (OWASP Secure Headers Project).
NO_SNIFF: Final = ("X-Content-Type-Options", "nosniff")

# An empty body. Some servers send the head of a response with the first chunk of its body, and
# nothing at all if there is no chunk.
EMPTY_BODY: Final = (b"",)

# How much of a path an error document repeats, in characters.
MAX_PATH_SHOWN: Final = 256
MAX_METHOD_SHOWN: Final = 64
# How many error documents are kept ready, without what differs in each response.
MAX_DOCUMENTS: Final = 128

# The other values contain only characters that need no escape in any document.
_ESCAPED: Final = ("BucketName", "Message", "Method")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/_.~-]*")


_Ids = tuple[tuple[str, str], ...]
# Gives the text of an element. Takes the environ, the IDs, the bucket, and whether the request is
# about the bucket itself.
_Value = Callable[[WSGIEnvironment, _Ids, str, bool], str]


class _Document(NamedTuple):
    """An error document without the values that differ in each response.

    :param status: the status of the response.
    :param text: the document, with ``%s`` for each value.
    :param values: functions that give the values, in order and escaped.
    :param ids: the IDs of an error.
    """

    status: str
    text: str
    values: tuple[_Value, ...]
    ids: Ids


def error_response(
    environ: WSGIEnvironment,
    start_response: StartResponse,
    dialect: Dialect,
    refusal: Refusal,
    *,
    message: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    bucket: str = "",
    is_root: bool = True,
) -> Sequence[bytes]:
    """Respond with one of the dialect's errors.

    :param refusal: why the request is refused.
    :param message: the text, if not that of the dialect.
    :param headers: further headers of the response.
    :param bucket: the bucket's name.
    :param is_root: whether the request is about the bucket itself.
    """
    status, text, values, all_ids = _document(dialect, refusal, message)
    ids = next(all_ids.series)
    body = (text % tuple([value(environ, ids, bucket, is_root) for value in values])).encode()
    start_response(
        status,
        [
            ("Content-Type", dialect.error_content_type),
            ("Content-Length", str(len(body))),
            NO_SNIFF,
            *headers,
            *ids,
        ],
    )
    return EMPTY_BODY if environ["REQUEST_METHOD"] == "HEAD" else [body]


@lru_cache(MAX_DOCUMENTS)
def _document(dialect: Dialect, refusal: Refusal, message: str | None) -> _Document:
    error = dialect.errors[refusal]
    document = dialect.errors[refusal].document or dialect.error_document
    fixed = {"Code": error.code, "Status": error.status[:3], "Message": message or error.message}
    texts = {name: text.replace("%", "%%") for name, text in fixed.items()}
    if message is None and "{value}" in error.message:
        texts["Message"] = texts["Message"].replace("{value}", "%s")
        del fixed["Message"]
    names = error_places(document)
    values = tuple(_value(name, dialect) for name in names if name not in fixed)
    filled = (texts.get(name, "%s") for name in names)
    text = fill_error(document.replace("%", "%%"), filled, dialect)
    return _Document(error.status, text, values, ids_of(dialect.ids))


def _value(element: str, dialect: Dialect) -> _Value:
    for number, each in enumerate(dialect.ids):
        if each.element == element:
            return lambda environ, ids, bucket, is_root: ids[number][1]
    value = _VALUES[element]
    if element in _ESCAPED:
        return lambda *request: escape_text(value(*request), dialect.error_escapes)
    return value


def resource(environ: WSGIEnvironment) -> str:
    """Host and path of a request as error documents show them, safe in any document."""
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "") or "/"
    if not _PLAIN_PATH.fullmatch(path):
        path = quote(path.encode("latin-1", "replace"))
    return _host(environ) + path[:MAX_PATH_SHOWN]


def _host(environ: WSGIEnvironment) -> str:
    host: str = environ.get("HTTP_HOST", "")
    return host if split_host(host) else ""


def _requested_method(environ: WSGIEnvironment, absent: str) -> str:
    method = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD")
    if method is None:
        return absent
    fits = len(method) <= MAX_METHOD_SHOWN and is_header_name(method)
    return method if fits else "?"


# Values of elements that are not IDs.
_VALUES: Final[Mapping[str, _Value]] = {
    "BucketName": lambda environ, ids, bucket, is_root: bucket,
    "Host": lambda environ, ids, bucket, is_root: _host(environ),
    "Message": lambda environ, ids, bucket, is_root: _requested_method(environ, "null"),
    "Method": lambda environ, ids, bucket, is_root: _requested_method(environ, "OPTIONS"),
    "Resource": lambda environ, ids, bucket, is_root: resource(environ),
    "ResourceType": lambda environ, ids, bucket, is_root: "BUCKET" if is_root else "OBJECT",
}
