"""The blueprint of the store: authorises requests, runs operations, and responds to errors.

It serves every URL of its application; :mod:`example_app.dispatch` finds the operation.
"""

import secrets
import time
from base64 import b64encode
from dataclasses import replace
from urllib.parse import quote

from flask import Blueprint, Response, g, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from example_app import operations
from example_app.addressing import Target, find_target
from example_app.dispatch import Operation, find_operation, refuse_unknown_parameters
from example_app.documents import error_document
from example_app.errors import StorageError
from example_app.forms import read_form
from example_app.policies import verify_form
from example_app.storage import Storage
from example_app.vendors import as_theirs, translate_request, translate_response, vendor
from flask_bucketcors.core.dialects import COS
from flask_bucketcors.signatures import Keys, SignatureError, SignedRequest, verify

# The error code for each status of an HTTPException.
_HTTP_ERRORS = {
    404: "NoSuchKey",
    405: "MethodNotAllowed",
    413: "EntityTooLarge",
    416: "InvalidRange",
    500: "InternalError",
}


class _AnyPath(BaseConverter):
    """Matches every path; Werkzeug's ``path`` stops at a line feed, which a key may contain."""

    part_isolating = False
    regex = "(?s:.*)"


def create_blueprint(storage: Storage, keys: Keys, host_suffix: str = "") -> Blueprint:
    """Create the blueprint. Register it without a ``url_prefix``.

    :param keys: who may sign requests, as for :func:`flask_bucketcors.signatures.verify`;
        without keys, only reading objects in public buckets is allowed.
    :param host_suffix: see :func:`~example_app.addressing.find_target`.
    """
    blueprint = Blueprint("storage", __name__)

    def respond(path: str) -> Response:
        target = find_target(request.environ, host_suffix)
        signed = SignedRequest.from_environ(request.environ, target.bucket, target.key)
        translate_request(signed)
        operation = find_operation(target)
        refuse_unknown_parameters(operation)
        _authorise(operation, target, signed, storage, keys)
        return operation.run(storage, target)

    blueprint.record_once(_register_converter)
    blueprint.add_url_rule(
        "/<any_path:path>",
        view_func=respond,
        methods=["GET", "HEAD", "PUT", "DELETE", "POST"],
        provide_automatic_options=False,
    )
    blueprint.app_errorhandler(StorageError)(_respond_to_storage_error)
    blueprint.app_errorhandler(SignatureError)(_respond_to_signature_error)
    blueprint.app_errorhandler(HTTPException)(_respond_to_http_exception)
    blueprint.after_app_request(_finish)
    return blueprint


def _register_converter(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["any_path"] = _AnyPath


def _authorise(
    operation: Operation, target: Target, signed: SignedRequest, storage: Storage, keys: Keys
) -> None:
    if operation.for_everybody:
        return
    if operation.signed_within:
        form = read_form()
        policy = verify_form(form, target.bucket, keys, now=time.time())
        g.form = replace(form, file=policy.bounded(form.file))
        return
    # The signature must cover what selects the operation, or others could change it.
    strict = [name for name in request.args if name in operation.strict]
    strict += [operation.parameter] if operation.parameter else []
    signer = verify(
        signed,
        keys,
        now=time.time(),
        must_sign=tuple(name.lower() for name in strict),
        must_sign_headers=(as_theirs(operation.header),) if operation.header else (),
    )
    if signer is None:
        _allow_anonymous(operation, target, storage, strict)
    else:
        g.payload_sha256 = signer.payload_sha256


def _allow_anonymous(
    operation: Operation, target: Target, storage: Storage, strict: list[str]
) -> None:
    if not (operation.reads_object and storage.get_bucket(target.bucket).public):
        raise StorageError("AccessDenied")
    if strict:
        raise StorageError("AccessDenied", f"Sign the request, or leave {strict[0]} out.")


def _respond_to_storage_error(error: StorageError) -> Response:
    trace_id = _base64(secrets.token_hex(64))
    error = StorageError(error.code, as_theirs(error.message))
    document = error_document(error, _resource(), _request_id(), trace_id)
    response = operations.xml_response(document, error.status)
    response.headers["x-cos-trace-id"] = trace_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    if request.method == "HEAD" and vendor() == "oss":
        # A response to HEAD has no body, so OSS sends the document in this header.
        response.headers["x-oss-err"] = _base64(document)
    return response


def _respond_to_signature_error(error: SignatureError) -> Response:
    return _respond_to_storage_error(StorageError(COS.errors[error.code].code, error.message))


def _respond_to_http_exception(error: HTTPException) -> Response:
    code = _HTTP_ERRORS.get(error.code or 500, "InvalidRequest")
    response = _respond_to_storage_error(StorageError(code))
    for name, value in error.get_headers():
        if name != "Content-Type":
            response.headers[name] = value
    return response


def _resource() -> str:
    return operations.request_host() + quote(operations.request_path())


def _finish(response: Response) -> Response:
    response.headers["x-cos-request-id"] = _request_id()
    translate_response(response)
    return response


def _request_id() -> str:
    # In the form of COS: the base64 of the time and three numbers, in hexadecimal.
    if "request_id" not in g:
        random = "_".join(f"{secrets.randbits(bits):x}" for bits in (32, 20, 24))
        g.request_id = _base64(f"{int(time.time()):08x}_{random}")
    request_id: str = g.request_id
    return request_id


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()
