"""The error responses of this package, in the form of a dialect."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
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
# How many hosts are known to be valid, or not.
MAX_HOSTS: Final = 64

# Stands for a value: a character for private use, which is replaced where a message contains it.
_PLACE: Final = "\ue000"
# The other values contain only characters that need no escape in any document.
_ESCAPED: Final = ("BucketName", "Message", "Method")
_is_plain = re.compile(r"[A-Za-z0-9/_.~-]*").fullmatch


# Gives the text of an element. Takes the environ, the bucket, and whether the request is about the
# bucket itself.
_Value = Callable[[WSGIEnvironment, str, bool], str]


class _Document(NamedTuple):
    """An error document without what differs in each response.

    :param status: the status of the response.
    :param content_type: its Content-Type header.
    :param texts: the texts of the document in order; those that differ are empty.
    :param values: the places of values of the request, with functions that give them, escaped.
    :param ids: the IDs of an error.
    :param id_places: the places of IDs, with the number of the ID from 0.
    """

    status: str
    content_type: tuple[str, str]
    texts: list[str]
    values: tuple[tuple[int, _Value], ...]
    ids: Ids
    id_places: tuple[tuple[int, int], ...]


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
    status, content_type, fixed, values, all_ids, places = _document(dialect, refusal, message)
    ids = next(all_ids.series)
    # Each step here takes time in each refusal: a copy and loops take the least.
    texts = fixed.copy()
    for place, value in values:
        texts[place] = value(environ, bucket, is_root)
    for place, number in places:
        texts[place] = ids[number][1]
    body = "".join(texts).encode()
    length = ("Content-Length", str(len(body)))
    start_response(status, [content_type, length, NO_SNIFF, *headers, *ids])
    return EMPTY_BODY if environ["REQUEST_METHOD"] == "HEAD" else [body]


@lru_cache(MAX_DOCUMENTS)
def _document(dialect: Dialect, refusal: Refusal, message: str | None) -> _Document:
    error = dialect.errors[refusal]
    document = dialect.errors[refusal].document or dialect.error_document
    fixed = {"Code": error.code, "Status": error.status[:3], "Message": message or error.message}
    texts = {name: text.replace(_PLACE, "?") for name, text in fixed.items()}
    if message is None and "{value}" in error.message:
        texts["Message"] = texts["Message"].replace("{value}", _PLACE)
        del fixed["Message"]
    names = error_places(document)
    filled = (texts.get(name, _PLACE) for name in names)
    pieces = fill_error(document, filled, dialect).split(_PLACE)
    differing = [name for name in names if name not in fixed]
    # A piece, a text that differs, and so on.
    joined = [*chain.from_iterable((piece, "") for piece in pieces)]
    ids = [each.element for each in dialect.ids]
    places = [(2 * index + 1, name) for index, name in enumerate(differing)]
    return _Document(
        error.status,
        ("Content-Type", dialect.error_content_type),
        joined,
        tuple((place, _value(name, dialect)) for place, name in places if name not in ids),
        ids_of(dialect.ids),
        tuple((place, ids.index(name)) for place, name in places if name in ids),
    )


def _value(element: str, dialect: Dialect) -> _Value:
    value = _VALUES[element]
    if element in _ESCAPED:
        return lambda *request: escape_text(value(*request), dialect.error_escapes)
    return value


def resource(environ: WSGIEnvironment, bucket: str = "", is_root: bool = True) -> str:
    """Host and path of a request as error documents show them, safe in any document."""
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "") or "/"
    if not _is_plain(path):
        path = quote(path.encode("latin-1", "replace"))
    return _checked_host(environ.get("HTTP_HOST", "")) + path[:MAX_PATH_SHOWN]


@lru_cache(MAX_HOSTS)
def _checked_host(host: str) -> str:
    return host if split_host(host) else ""


def _requested_method(environ: WSGIEnvironment, absent: str) -> str:
    method = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD")
    if method is None:
        return absent
    fits = len(method) <= MAX_METHOD_SHOWN and is_header_name(method)
    return method if fits else "?"


# Values of elements that are not IDs.
_VALUES: Final[Mapping[str, _Value]] = {
    "BucketName": lambda environ, bucket, is_root: bucket,
    "Host": lambda environ, bucket, is_root: _checked_host(environ.get("HTTP_HOST", "")),
    "Message": lambda environ, bucket, is_root: _requested_method(environ, "null"),
    "Method": lambda environ, bucket, is_root: _requested_method(environ, "OPTIONS"),
    "Resource": resource,
    "ResourceType": lambda environ, bucket, is_root: "BUCKET" if is_root else "OBJECT",
}
