"""The error responses of this package, in the form of a dialect."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
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
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/_.~-]*")


# Gives the text of an element. Takes the environ, the bucket, and whether the request is about the
# bucket itself.
_Value = Callable[[WSGIEnvironment, str, bool], str]


class _Document(NamedTuple):
    """An error document without the values that differ in each response.

    :param status: the status of the response.
    :param fixed: the texts between the values.
    :param values: functions that give the values of the request, escaped.
    :param ids: the IDs of an error.
    :param in_order: puts these texts, the values and the IDs in the order of the document.
    """

    status: str
    fixed: tuple[str, ...]
    values: tuple[_Value, ...]
    ids: Ids
    in_order: Callable[[Sequence[str]], Iterable[str]]


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
    status, fixed, values, all_ids, in_order = _document(dialect, refusal, message)
    ids = next(all_ids.series)
    # Comprehensions and the operator % would take longer than all the rest.
    texts = [*fixed]
    for value in values:
        texts.append(value(environ, bucket, is_root))
    for _, each in ids:
        texts.append(each)
    body = "".join(in_order(texts)).encode()
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
    texts = {name: text.replace(_PLACE, "?") for name, text in fixed.items()}
    if message is None and "{value}" in error.message:
        texts["Message"] = texts["Message"].replace("{value}", _PLACE)
        del fixed["Message"]
    names = error_places(document)
    filled = (texts.get(name, _PLACE) for name in names)
    pieces = tuple(fill_error(document, filled, dialect).split(_PLACE))
    places = [name for name in names if name not in fixed]
    ids = [each.element for each in dialect.ids]
    of_request = [name for name in dict.fromkeys(places) if name not in ids]
    values = tuple(_value(name, dialect) for name in of_request)
    order = [len(pieces) + [*of_request, *ids].index(name) for name in places]
    mixed = [0, *chain.from_iterable(zip(order, range(1, len(pieces)), strict=True))]
    return _Document(error.status, pieces, values, ids_of(dialect.ids), itemgetter(*mixed))


def _value(element: str, dialect: Dialect) -> _Value:
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
    return _checked_host(environ.get("HTTP_HOST", ""))


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
    "Host": lambda environ, bucket, is_root: _host(environ),
    "Message": lambda environ, bucket, is_root: _requested_method(environ, "null"),
    "Method": lambda environ, bucket, is_root: _requested_method(environ, "OPTIONS"),
    "Resource": lambda environ, bucket, is_root: resource(environ),
    "ResourceType": lambda environ, bucket, is_root: "BUCKET" if is_root else "OBJECT",
}
