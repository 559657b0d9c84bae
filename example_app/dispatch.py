"""The table of operations, and how target, method and parameters select one.

The response to an unknown query parameter is 501 NotImplemented: a request for a sub-resource
must never run the plain operation, especially not a DELETE.
"""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, request
from werkzeug.exceptions import MethodNotAllowed

from example_app import copying, form_upload, multipart, operations
from example_app.addressing import Level, Target
from example_app.errors import StorageError
from example_app.storage import Storage
from flask_bucketcors.signatures import SIGNATURE_PARAMETERS


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that the store can do.

    :param parameter: the query parameter that selects it, with any value.
    :param header: the header that selects it.
    :param parameters: the other query parameters that it knows.
    :param strict: those of the parameters that the signature must cover.
    :param reads_object: whether it needs no signature in a public bucket. It ignores unknown query
        parameters, which pages append to bypass caches.
    :param signed_within: whether the body is signed instead of the request.
    :param for_everybody: whether it needs no signature, and ignores an invalid one.
    """

    run: Callable[[Storage, Target], Response]
    parameter: str = ""
    header: str = ""
    parameters: frozenset[str] = frozenset()
    strict: frozenset[str] = frozenset()
    reads_object: bool = False
    signed_within: bool = False
    for_everybody: bool = False

    def is_selected(self) -> bool:
        """Whether the request has the parameter and the header that select it."""
        return (not self.parameter or self.parameter in request.args) and (
            not self.header or self.header in request.headers
        )


_LISTING = frozenset({"delimiter", "encoding-type", "prefix"})
_READ_OBJECT = Operation(
    operations.get_object,
    parameters=operations.RESPONSE_OVERRIDES,
    strict=operations.RESPONSE_OVERRIDES,
    reads_object=True,
)

# For each method, operations with a selecting parameter or header come first.
_OPERATIONS = {
    Level.SERVICE: {
        "GET": [Operation(operations.list_buckets, parameters=frozenset({"marker", "max-keys"}))],
    },
    Level.BUCKET: {
        "GET": [
            Operation(
                multipart.list_uploads,
                "uploads",
                parameters=_LISTING | {"key-marker", "max-uploads", "upload-id-marker"},
            ),
            Operation(operations.get_location, "location"),
            Operation(
                operations.list_objects,
                parameters=_LISTING
                | {"continuation-token", "fetch-owner", "list-type", "marker", "max-keys"}
                | {"start-after"},
            ),
        ],
        "HEAD": [
            Operation(operations.tell_version, "apiversion", for_everybody=True),
            Operation(operations.head_bucket),
        ],
        "PUT": [Operation(operations.create_bucket)],
        "DELETE": [Operation(operations.delete_bucket)],
        "POST": [
            Operation(operations.delete_objects, "delete", parameters=frozenset({"encoding-type"})),
            Operation(form_upload.post_object, signed_within=True),
        ],
    },
    Level.OBJECT: {
        "GET": [
            Operation(
                multipart.list_parts,
                "uploadId",
                parameters=frozenset({"encoding-type", "max-parts", "part-number-marker"}),
            ),
            _READ_OBJECT,
        ],
        "HEAD": [_READ_OBJECT],
        "PUT": [
            Operation(
                copying.copy_part,
                "uploadId",
                copying.COPY_SOURCE,
                parameters=frozenset({"partNumber"}),
            ),
            Operation(multipart.put_part, "uploadId", parameters=frozenset({"partNumber"})),
            Operation(copying.copy_object, header=copying.COPY_SOURCE),
            Operation(operations.put_object),
        ],
        "DELETE": [
            Operation(multipart.abort_upload, "uploadId"),
            Operation(operations.delete_object),
        ],
        "POST": [
            Operation(multipart.start_upload, "uploads"),
            Operation(multipart.complete_upload, "uploadId"),
            Operation(operations.not_implemented),
        ],
    },
}

# The AWS SDK for JavaScript repeats the name of the operation in it.
_MEANINGLESS = frozenset({"x-id"})

# With these, a GET requests something other than the object.
_OBJECT_SUBRESOURCES = frozenset(
    {
        "acl",
        "legal-hold",
        "partNumber",
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


_KNOWN_IN_LOWER_CASE = frozenset(
    name.lower() for name in _OBJECT_SUBRESOURCES | operations.RESPONSE_OVERRIDES
)


def find_operation(target: Target) -> Operation:
    """Find the operation that the request selects."""
    possible = _OPERATIONS[target.level]
    if request.method not in possible:
        raise MethodNotAllowed(list(possible))
    return next(each for each in possible[request.method] if each.is_selected())


def refuse_unknown_parameters(operation: Operation) -> None:
    """Refuse a request with parameters that the operation does not know."""
    known = {operation.parameter, *operation.parameters, *SIGNATURE_PARAMETERS, *_MEANINGLESS}
    for name in request.args:
        if name in known:
            continue
        # Case is ignored because signatures are over names in lower case.
        if not operation.reads_object or name.lower() in _KNOWN_IN_LOWER_CASE:
            raise StorageError(
                "NotImplemented", f"The parameter {name[:64]!r} is not implemented; leave it out."
            )
