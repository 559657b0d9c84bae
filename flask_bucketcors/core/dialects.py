"""What differs between vendors, as data: a dialect is a record, never a branch in the code.

Sources are named by the vendors' document numbers: COS 436/8279 (PUT Bucket cors), 436/8274
(GET), 436/8283 (DELETE), 436/8288 (OPTIONS Object), 436/7730 (error codes).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error as a vendor words it. ``status`` is the whole WSGI status line."""

    code: str
    status: str
    message: str


def _answers(*rows: tuple[str, str, str]) -> Mapping[str, ErrorAnswer]:
    return {code: ErrorAnswer(code, status, message) for code, status, message in rows}


@dataclass(frozen=True, slots=True)
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
    :param refused_preflight: error code for a preflight that no rule allows.
    :param invalid_value: error code for a document whose form is right and whose values are not.
    :param errors: every error this package answers, by code.
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
    refused_preflight: str
    invalid_value: str
    errors: Mapping[str, ErrorAnswer]


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
    refused_preflight="AccessForbidden",
    invalid_value="InvalidArgument",
    errors=_answers(
        (
            "AccessForbidden",
            _FORBIDDEN,
            "CORSResponse: This CORS request is not allowed. This is usually because the "
            "evalution of Origin, request method / Access-Control-Request-Method or "
            "Access-Control-Requet-Headers are not whitelisted by the resource's CORS spec",
        ),
        ("AccessDenied", _FORBIDDEN, "Access Denied."),
        ("SignatureDoesNotMatch", _FORBIDDEN, "The Signature you specified is invalid."),
        ("InvalidAccessKeyId", _FORBIDDEN, "The Access Key Id you specified does not exist."),
        (
            "RequestTimeTooSkewed",
            _FORBIDDEN,
            "The difference between the request time and the server's time is too large.",
        ),
        ("NoSuchBucket", "404 Not Found", "The specified bucket does not exist."),
        (
            "NoSuchCORSConfiguration",
            "404 Not Found",
            "The CORS configuration does not exist.",
        ),
        ("InvalidBucketName", _BAD_REQUEST, "The specified bucket name is not valid."),
        (
            "MalformedXML",
            _BAD_REQUEST,
            "The XML you provided was not well-formed or did not validate against our "
            "published schema.",
        ),
        ("InvalidArgument", _BAD_REQUEST, "An argument you provided is not valid."),
        ("XMLSizeLimit", _BAD_REQUEST, "The XML you provided is larger than 64 KB."),
        ("MissingRequestBodyError", _BAD_REQUEST, "The request body is empty."),
        ("IncompleteBody", _BAD_REQUEST, "The body is shorter than its Content-Length."),
        (
            "MissingContentMD5",
            _BAD_REQUEST,
            "The request has no Content-MD5, which this server demands.",
        ),
        (
            "InvalidDigest",
            _BAD_REQUEST,
            "The Content-MD5 you specified is not the base64 form of 16 bytes.",
        ),
        (
            "BadDigest",
            _BAD_REQUEST,
            "The Content-MD5 you specified did not match what we received.",
        ),
        (
            "MethodNotAllowed",
            "405 Method Not Allowed",
            "The specified method is not allowed against this resource.",
        ),
        (
            "InternalError",
            "500 Internal Server Error",
            "The server met an error of its own; the request may be sent again.",
        ),
        ("NotImplemented", "501 Not Implemented", "This server does not implement the call."),
        (
            "ServiceUnavailable",
            "503 Service Unavailable",
            "The rules cannot be read or written now; the request may be sent again.",
        ),
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
