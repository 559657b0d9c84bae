"""The answers that this package gives itself: errors, and the ids that answers carry."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIEnvironment

from flask_bucketcors.core.dialects import Dialect
from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.core.headers import is_header_name
from flask_bucketcors.core.hosts import is_host
from flask_bucketcors.documents import escape_text, format_error
from flask_bucketcors.wsgi.request_ids import Ids, ids_of

# An error document repeats a part of the request (OWASP Secure Headers Project).
NO_SNIFF: Final = ("X-Content-Type-Options", "nosniff")

# A body without bytes. Some servers send the head of a response with the first chunk of its
# body, and nothing at all if there is none.
EMPTY_BODY: Final = (b"",)

# How much of a path an error document repeats, in characters.
MAX_PATH_SHOWN: Final = 256
MAX_METHOD_SHOWN: Final = 64
# Error documents kept ready, but for what differs in each answer.
MAX_DOCUMENTS: Final = 128

_PLAIN_PATH = re.compile(r"[A-Za-z0-9/_.~-]*")


_Ids = tuple[tuple[str, str], ...]
# Gives the text of an element, of a request and of what is known of it.
_Value = Callable[[WSGIEnvironment, _Ids, str, bool], str]


class _Document(NamedTuple):
    """An error document that lacks what is another in each answer.

    :param status: of the answer.
    :param text: with ``%s`` for each of them.
    :param values: what gives them, in order. None of it needs escaping any more.
    :param ids: those of an error.
    """

    status: str
    text: str
    values: tuple[_Value, ...]
    ids: Ids


def answer_error(
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
    """Answer with one of the dialect's errors.

    :param refusal: what for.
    :param message: the text, if not the dialect's own.
    :param headers: further headers of the answer.
    :param bucket: the bucket's name.
    :param is_root: whether the request is about the bucket itself.
    """
    status, text, values, all_ids = _document(dialect, refusal, message)
    ids = next(all_ids.series)
    body = (text % tuple([value(environ, ids, bucket, is_root) for value in values])).encode()
    start_response(
        status,
        [
            ("Content-Type", "application/xml"),
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
    elements = error.elements or dialect.error_elements
    fixed = {"Code": error.code, "Message": message or error.message, **error.constants}
    texts = {name: fixed[name].replace("%", "%%") if name in fixed else "%s" for name in elements}
    values = tuple(_value(name, dialect) for name in elements if name not in fixed)
    text = format_error(dialect, texts).decode()
    return _Document(error.status, text, values, ids_of(dialect.ids))


def _value(element: str, dialect: Dialect) -> _Value:
    for number, each in enumerate(dialect.ids):
        if each.element == element:
            return lambda environ, ids, bucket, is_root: ids[number][1]
    return _VALUES[element]


def resource(environ: WSGIEnvironment) -> str:
    """Host and path of a request as error documents show them, safe in any of them."""
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "") or "/"
    if not _PLAIN_PATH.fullmatch(path):
        path = quote(path.encode("latin-1", "replace"))
    return _host(environ) + path[:MAX_PATH_SHOWN]


def requested_method(environ: WSGIEnvironment) -> str:
    """Access-Control-Request-Method as messages show it, safe in any of them."""
    method = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD")
    if method is None:
        return "null"
    return method if len(method) <= MAX_METHOD_SHOWN and is_header_name(method) else "?"


def _host(environ: WSGIEnvironment) -> str:
    host: str = environ.get("HTTP_HOST", "")
    return host if is_host(host) else ""


def _bucket_name(environ: WSGIEnvironment, ids: _Ids, bucket: str, is_root: bool) -> str:
    return escape_text(bucket)


def _host_id(environ: WSGIEnvironment, ids: _Ids, bucket: str, is_root: bool) -> str:
    return _host(environ)


def _method(environ: WSGIEnvironment, ids: _Ids, bucket: str, is_root: bool) -> str:
    asked = "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
    return escape_text(requested_method(environ)) if asked else "OPTIONS"


def _resource(environ: WSGIEnvironment, ids: _Ids, bucket: str, is_root: bool) -> str:
    return resource(environ)


def _resource_type(environ: WSGIEnvironment, ids: _Ids, bucket: str, is_root: bool) -> str:
    return "BUCKET" if is_root else "OBJECT"


# What the elements of error documents hold that are no ids.
_VALUES: Final[Mapping[str, _Value]] = {
    "BucketName": _bucket_name,
    "HostId": _host_id,
    "Method": _method,
    "Resource": _resource,
    "ResourceType": _resource_type,
}
