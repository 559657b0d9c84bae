"""What differs between vendors, as data: a dialect is a record, never a branch in the code.

Sources are named by the vendors' document numbers: COS 436/8279 (PUT Bucket cors), 436/8274
(GET), 436/8283 (DELETE), 436/8288 (OPTIONS Object), 436/7730 (error codes).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask_bucketcors.core.errors import Refusal


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error as a vendor words it. ``status`` is the whole WSGI status line."""

    code: str
    status: str
    message: str


def _answers(
    *rows: tuple[Refusal, str, str], names: Mapping[Refusal, str]
) -> Mapping[Refusal, ErrorAnswer]:
    """Give how refusals are answered.

    :param rows: refusal, status and message.
    :param names: what a refusal is called in this dialect, where that is not its own name.
    """
    return {
        refusal: ErrorAnswer(names.get(refusal, refusal), status, message)
        for refusal, status, message in rows
    }


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """How one vendor limits, words and lays out what goes over the wire.

    :param max_rules: rules in one document.
    :param max_body_bytes: size of a document that is put.
    :param list_separator: between the values of one Access-Control-* header.
    :param xml_declaration: first line of every document.
    :param xml_indent: what each level of a document is indented by.
    :param error_elements: the elements of an error document, in order.
    :param request_id_header: the header that carries the id of every answer.
    :param trace_id_header: the header that carries the second id of an error.
    :param errors: how each refusal is answered.
    """

    name: str
    max_rules: int
    max_body_bytes: int
    list_separator: str
    xml_declaration: str
    xml_indent: str
    error_elements: tuple[str, ...]
    request_id_header: str
    trace_id_header: str
    errors: Mapping[Refusal, ErrorAnswer]


_FORBIDDEN: Final = "403 Forbidden"
_BAD_REQUEST: Final = "400 Bad Request"

# Codes and statuses are those of 436/7730. That page describes the errors and does not give
# their texts: AccessForbidden (436/8288, with its own spelling), AccessDenied,
# SignatureDoesNotMatch and NoSuchBucket have a source; the others are worded here.
COS: Final = Dialect(
    name="cos",
    max_rules=100,
    max_body_bytes=64 * 1024,
    list_separator=",",
    xml_declaration="<?xml version='1.0' encoding='utf-8' ?>",
    xml_indent="\t",
    error_elements=("Code", "Message", "Resource", "RequestId", "TraceId"),
    request_id_header="x-cos-request-id",
    trace_id_header="x-cos-trace-id",
    errors=_answers(
        (
            Refusal.PREFLIGHT_REFUSED,
            _FORBIDDEN,
            "CORSResponse: This CORS request is not allowed. This is usually because the "
            "evalution of Origin, request method / Access-Control-Request-Method or "
            "Access-Control-Requet-Headers are not whitelisted by the resource's CORS spec",
        ),
        (Refusal.ACCESS_DENIED, _FORBIDDEN, "Access Denied."),
        (Refusal.SIGNATURE_MISMATCH, _FORBIDDEN, "The Signature you specified is invalid."),
        (Refusal.INVALID_ACCESS_KEY, _FORBIDDEN, "The Access Key Id you specified does not exist."),
        (
            Refusal.CLOCK_SKEWED,
            _FORBIDDEN,
            "The difference between the request time and the server's time is too large.",
        ),
        # COS has but one way to sign: these are about the ways of others.
        (
            Refusal.UNKNOWN_AUTHORIZATION,
            _FORBIDDEN,
            "Access Denied. The Authorization header is of no kind that this server knows.",
        ),
        (
            Refusal.INVALID_AUTHORIZATION,
            _BAD_REQUEST,
            "The signature of the request cannot be read.",
        ),
        (
            Refusal.MALFORMED_AUTHORIZATION,
            _BAD_REQUEST,
            "The Authorization header cannot be read.",
        ),
        (
            Refusal.MALFORMED_URL_SIGNATURE,
            _BAD_REQUEST,
            "The signature in the query cannot be read.",
        ),
        (Refusal.NO_SUCH_BUCKET, "404 Not Found", "The specified bucket does not exist."),
        (
            Refusal.NO_SUCH_RULES,
            "404 Not Found",
            "The CORS configuration does not exist.",
        ),
        (Refusal.INVALID_BUCKET_NAME, _BAD_REQUEST, "The specified bucket name is not valid."),
        (
            Refusal.MALFORMED_XML,
            _BAD_REQUEST,
            "The XML you provided was not well-formed or did not validate against our "
            "published schema.",
        ),
        (Refusal.INVALID_VALUE, _BAD_REQUEST, "An argument you provided is not valid."),
        (Refusal.INVALID_REQUEST, _BAD_REQUEST, "The request is not valid."),
        (Refusal.BODY_TOO_LARGE, _BAD_REQUEST, "The XML you provided is larger than 64 KB."),
        (Refusal.MISSING_BODY, _BAD_REQUEST, "The request body is empty."),
        (Refusal.INCOMPLETE_BODY, _BAD_REQUEST, "The body is shorter than its Content-Length."),
        (
            Refusal.MISSING_DIGEST,
            _BAD_REQUEST,
            "The request has no Content-MD5, which this server demands.",
        ),
        (
            Refusal.INVALID_DIGEST,
            _BAD_REQUEST,
            "The Content-MD5 you specified is not the base64 form of 16 bytes.",
        ),
        (
            Refusal.BAD_DIGEST,
            _BAD_REQUEST,
            "The Content-MD5 you specified did not match what we received.",
        ),
        (
            Refusal.PAYLOAD_MISMATCH,
            _BAD_REQUEST,
            "The body is not the one that the signature covers.",
        ),
        (
            Refusal.METHOD_NOT_ALLOWED,
            "405 Method Not Allowed",
            "The specified method is not allowed against this resource.",
        ),
        (
            Refusal.INTERNAL_ERROR,
            "500 Internal Server Error",
            "The server met an error of its own; the request may be sent again.",
        ),
        (
            Refusal.NOT_IMPLEMENTED,
            "501 Not Implemented",
            "This server does not have the call.",
        ),
        (
            Refusal.UNAVAILABLE,
            "503 Service Unavailable",
            "The rules cannot be read or written now; the request may be sent again.",
        ),
        names={
            Refusal.INVALID_AUTHORIZATION: "InvalidArgument",
            Refusal.MALFORMED_AUTHORIZATION: "InvalidArgument",
            Refusal.MALFORMED_URL_SIGNATURE: "InvalidArgument",
            Refusal.PAYLOAD_MISMATCH: "BadDigest",
            Refusal.UNKNOWN_AUTHORIZATION: "AccessDenied",
        },
    ),
)

DIALECTS: Final[Mapping[str, Dialect]] = {dialect.name: dialect for dialect in (COS,)}


def find_dialect(name: str) -> Dialect:
    """Give the dialect of that name.

    :raises ValueError: if there is none.
    """
    if name not in DIALECTS:
        known = ", ".join(map(repr, DIALECTS))
        raise ValueError(f"dialect is {name!r}: write one of {known}")
    return DIALECTS[name]
