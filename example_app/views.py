"""The HTTP side of the store: a blueprint that answers every URL of its application.

An operation is found by what is addressed and by the method. A query parameter that it does
not know gets 501 NotImplemented: a sub-resource must never turn into the plain operation,
least of all in a DELETE. Multipart upload, form upload and the deletion of many objects are
not there; they belong into the table of operations.
"""

import secrets
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from flask import Blueprint, Response, g, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import BaseConverter

from example_app import operations
from example_app.addressing import Level, Target, find_target
from example_app.documents import error_document
from example_app.errors import StorageError
from example_app.storage import Storage
from flask_bucketcors.signatures import Keys, SignatureError, SignedRequest, verify


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked of the store.

    :param parameters: the query parameters that it knows.
    :param reads_object: it needs no signature in a public bucket, and ignores query
        parameters that nobody knows, which pages append to defeat caches.
    """

    run: Callable[[Storage, Target], Response]
    parameters: frozenset[str] = frozenset()
    reads_object: bool = False


_READ_OBJECT = Operation(operations.get_object, reads_object=True)
_POST = Operation(operations.not_implemented)

_OPERATIONS = {
    Level.SERVICE: {
        "GET": Operation(operations.list_buckets, frozenset({"marker", "max-keys"})),
    },
    Level.BUCKET: {
        "GET": Operation(
            operations.list_objects,
            frozenset({"delimiter", "encoding-type", "marker", "max-keys", "prefix"}),
        ),
        "HEAD": Operation(operations.head_bucket),
        "PUT": Operation(operations.create_bucket),
        "DELETE": Operation(operations.delete_bucket),
        "POST": _POST,
    },
    Level.OBJECT: {
        "GET": _READ_OBJECT,
        "HEAD": _READ_OBJECT,
        "PUT": Operation(operations.put_object),
        "DELETE": Operation(operations.delete_object),
        "POST": _POST,
    },
}

_SIGNATURE_PARAMETERS = frozenset(
    {
        "q-ak",
        "q-header-list",
        "q-key-time",
        "q-sign-algorithm",
        "q-sign-time",
        "q-signature",
        "q-url-param-list",
        "x-cos-security-token",
    }
)

# With these a GET asks for something other than the object as it is.
_OBJECT_SUBRESOURCES = frozenset(
    {
        "acl",
        "legal-hold",
        "partNumber",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "restore",
        "retention",
        "select",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
    }
)

# Status of an HTTPException to error code.
_HTTP_ERRORS = {
    404: "NoSuchKey",
    405: "MethodNotAllowed",
    413: "EntityTooLarge",
    416: "InvalidRange",
    500: "InternalError",
}


class _AnyPath(BaseConverter):
    """Takes every path; Werkzeug's ``path`` stops at line feeds, which keys may hold."""

    part_isolating = False
    regex = "(?s:.*)"


def create_blueprint(storage: Storage, keys: Keys, host_suffix: str = "") -> Blueprint:
    """Make the blueprint. Register it without a ``url_prefix``.

    :param keys: who may sign requests, as for :func:`flask_bucketcors.signatures.verify`;
        if there are none, objects in public buckets can be read and nothing else is allowed.
    :param host_suffix: see :func:`~example_app.addressing.find_target`.
    """
    blueprint = Blueprint("storage", __name__)

    def answer(path: str) -> Response:
        target = find_target(request.environ, host_suffix)
        operation = _find_operation(target)
        _authorise(operation, target, storage, keys)
        _refuse_unknown_parameters(operation)
        return operation.run(storage, target)

    blueprint.record_once(_register_converter)
    blueprint.add_url_rule(
        "/<any_path:path>",
        view_func=answer,
        methods=["GET", "HEAD", "PUT", "DELETE", "POST"],
        provide_automatic_options=False,
    )
    blueprint.app_errorhandler(StorageError)(_answer_storage_error)
    blueprint.app_errorhandler(SignatureError)(_answer_signature_error)
    blueprint.app_errorhandler(HTTPException)(_answer_http_exception)
    blueprint.after_app_request(_add_request_id)
    return blueprint


def _register_converter(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["any_path"] = _AnyPath


def _find_operation(target: Target) -> Operation:
    possible = _OPERATIONS[target.level]
    if request.method not in possible:
        raise MethodNotAllowed(list(possible))
    return possible[request.method]


def _authorise(operation: Operation, target: Target, storage: Storage, keys: Keys) -> None:
    signed = SignedRequest.from_environ(request.environ)
    if verify(signed, keys, now=time.time()) is not None:
        return
    if not (operation.reads_object and storage.get_bucket(target.bucket).public):
        raise StorageError("AccessDenied")


def _refuse_unknown_parameters(operation: Operation) -> None:
    for name in request.args:
        if name in _SIGNATURE_PARAMETERS or name in operation.parameters:
            continue
        if not operation.reads_object or name in _OBJECT_SUBRESOURCES:
            raise StorageError(
                "NotImplemented", f"The parameter {name[:64]!r} is not implemented; leave it out."
            )


def _answer_storage_error(error: StorageError) -> Response:
    trace_id = _base64(secrets.token_hex(64))
    document = error_document(error, _resource(), _request_id(), trace_id)
    response = operations.xml_response(document, error.status)
    response.headers["x-cos-trace-id"] = trace_id
    return response


def _answer_signature_error(error: SignatureError) -> Response:
    return _answer_storage_error(StorageError(error.code, error.message))


def _answer_http_exception(error: HTTPException) -> Response:
    code = _HTTP_ERRORS.get(error.code or 500, "InvalidRequest")
    response = _answer_storage_error(StorageError(code))
    for name, value in error.get_headers():
        if name != "Content-Type":
            response.headers[name] = value
    return response


def _resource() -> str:
    environ = request.environ
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    host: str = environ.get("HTTP_HOST") or environ["SERVER_NAME"]
    return host + quote(path.encode("latin-1"))


def _add_request_id(response: Response) -> Response:
    response.headers["x-cos-request-id"] = _request_id()
    return response


def _request_id() -> str:
    # In the form of COS: the time and three numbers, in hexadecimal, as base64.
    if "request_id" not in g:
        random = "_".join(f"{secrets.randbits(bits):x}" for bits in (32, 20, 24))
        g.request_id = _base64(f"{int(time.time()):08x}_{random}")
    request_id: str = g.request_id
    return request_id


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()
