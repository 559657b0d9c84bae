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
from flask_bucketcors.documents import error_places, escape_text, fill_error
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
    document = _form(dialect, refusal)
    fixed = {"Code": error.code, "Status": error.status[:3], "Message": message or error.message}
    names = error_places(document)
    texts = (fixed[name].replace("%", "%%") if name in fixed else "%s" for name in names)
    values = tuple(_value(name, dialect) for name in names if name not in fixed)
    text = fill_error(document.replace("%", "%%"), texts, dialect)
    return _Document(error.status, text, values, ids_of(dialect.ids))


def _form(dialect: Dialect, refusal: Refusal) -> str:
    return dialect.errors[refusal].document or dialect.error_document


@lru_cache(MAX_DOCUMENTS)
def names_bucket(dialect: Dialect, refusal: Refusal) -> bool:
    """Whether an error document says which bucket, or which kind of resource, it is about."""
    return not {"BucketName", "ResourceType"}.isdisjoint(error_places(_form(dialect, refusal)))


def _value(element: str, dialect: Dialect) -> _Value:
    for number, each in enumerate(dialect.ids):
        if each.element == element:
            return lambda environ, ids, bucket, is_root: ids[number][1]
    value = _VALUES[element]
    if value in (_bucket_name, _method):
        return lambda *request: escape_text(value(*request), dialect.error_escapes)
    return value


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
    return bucket


def _host_of(environ: WSGIEnvironment, ids: _Ids, bucket: str, is_root: bool) -> str:
    return _host(environ)


def _method(environ: WSGIEnvironment, ids: _Ids, bucket: str, is_root: bool) -> str:
    asked = "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
    return requested_method(environ) if asked else "OPTIONS"


def _resource(environ: WSGIEnvironment, ids: _Ids, bucket: str, is_root: bool) -> str:
    return resource(environ)


def _resource_type(environ: WSGIEnvironment, ids: _Ids, bucket: str, is_root: bool) -> str:
    return "BUCKET" if is_root else "OBJECT"


# What fills the places of error documents that are no ids. All but the name of a bucket and the
# method are made of characters that every form of document can hold.
_VALUES: Final[Mapping[str, _Value]] = {
    "BucketName": _bucket_name,
    "Host": _host_of,
    "Method": _method,
    "Resource": _resource,
    "ResourceType": _resource_type,
}
