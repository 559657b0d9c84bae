"""The dialect of Tencent COS.

Sources are named by the document numbers: 436/8279 (PUT Bucket cors), 436/8274 (GET),
436/8283 (DELETE), 436/8288 (OPTIONS Object), 436/7730 (error codes).
"""

from typing import Final

from flask_bucketcors.core.dialects.record import (
    BAD_REQUEST,
    FORBIDDEN,
    NOT_FOUND,
    AllowHeaders,
    Dialect,
    Id,
    IdForm,
    ShowVary,
    answers,
)
from flask_bucketcors.core.errors import PREFLIGHT_REFUSALS, Refusal

# Codes and statuses are those of 436/7730. That page describes the errors and does not give
# their texts: AccessForbidden (436/8288, with its own spelling), AccessDenied,
# SignatureDoesNotMatch and NoSuchBucket have a source; the others are worded here.
_NOT_ALLOWED: Final = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of "
    "Origin, request method / Access-Control-Request-Method or Access-Control-Requet-Headers "
    "are not whitelisted by the resource's CORS spec"
)

COS: Final = Dialect(
    name="cos",
    max_rules=100,
    max_body_bytes=64 * 1024,
    list_separator=",",
    allow_headers=AllowHeaders.RULE,
    actual_in_full=False,
    decides_by_requested=False,
    varies_on_match=False,
    xml_declaration="<?xml version='1.0' encoding='utf-8' ?>",
    xml_indent="\t",
    namespace="",
    shows_id=True,
    shows_vary=ShowVary.IF_PUT,
    error_elements=("Code", "Message", "Resource", "RequestId", "TraceId"),
    ids=(
        Id("x-cos-request-id", "RequestId", IdForm.COS_REQUEST),
        Id("x-cos-trace-id", "TraceId", IdForm.COS_TRACE, errors_only=True),
    ),
    errors=answers(
        *((refusal, FORBIDDEN, _NOT_ALLOWED, "AccessForbidden") for refusal in PREFLIGHT_REFUSALS),
        (Refusal.ACCESS_DENIED, FORBIDDEN, "Access Denied."),
        (Refusal.SIGNATURE_MISMATCH, FORBIDDEN, "The Signature you specified is invalid."),
        (Refusal.INVALID_ACCESS_KEY, FORBIDDEN, "The Access Key Id you specified does not exist."),
        (
            Refusal.CLOCK_SKEWED,
            FORBIDDEN,
            "The difference between the request time and the server's time is too large.",
        ),
        # COS has but one way to sign: these are about the ways of others.
        (
            Refusal.UNKNOWN_AUTHORIZATION,
            FORBIDDEN,
            "Access Denied. The Authorization header is of no kind that this server knows.",
            "AccessDenied",
        ),
        (
            Refusal.INVALID_AUTHORIZATION,
            BAD_REQUEST,
            "The signature of the request cannot be read.",
            "InvalidArgument",
        ),
        (
            Refusal.MALFORMED_AUTHORIZATION,
            BAD_REQUEST,
            "The Authorization header cannot be read.",
            "InvalidArgument",
        ),
        (
            Refusal.MALFORMED_URL_SIGNATURE,
            BAD_REQUEST,
            "The signature in the query cannot be read.",
            "InvalidArgument",
        ),
        (Refusal.NO_SUCH_BUCKET, NOT_FOUND, "The specified bucket does not exist."),
        (
            Refusal.NO_SUCH_RULES,
            NOT_FOUND,
            "The CORS configuration does not exist.",
        ),
        (Refusal.INVALID_BUCKET_NAME, BAD_REQUEST, "The specified bucket name is not valid."),
        (
            Refusal.MALFORMED_XML,
            BAD_REQUEST,
            "The XML you provided was not well-formed or did not validate against our "
            "published schema.",
        ),
        (Refusal.INVALID_VALUE, BAD_REQUEST, "An argument you provided is not valid."),
        (Refusal.INVALID_REQUEST, BAD_REQUEST, "The request is not valid.", "InvalidRequest"),
        (Refusal.BODY_TOO_LARGE, BAD_REQUEST, "The XML you provided is too large."),
        (Refusal.MISSING_BODY, BAD_REQUEST, "The request body is empty."),
        (Refusal.INCOMPLETE_BODY, BAD_REQUEST, "The body is shorter than its Content-Length."),
        # The status is that of 436/7730, the text that of S3.
        (
            Refusal.MISSING_LENGTH,
            "411 Length Required",
            "You must provide the Content-Length HTTP header.",
        ),
        (
            Refusal.MISSING_DIGEST,
            BAD_REQUEST,
            "The request has no Content-MD5, which this server demands.",
        ),
        (
            Refusal.INVALID_DIGEST,
            BAD_REQUEST,
            "The Content-MD5 you specified is not the base64 form of 16 bytes.",
        ),
        (
            Refusal.BAD_DIGEST,
            BAD_REQUEST,
            "The Content-MD5 you specified did not match what we received.",
        ),
        (
            Refusal.PAYLOAD_MISMATCH,
            BAD_REQUEST,
            "The body is not the one that the signature covers.",
            "BadDigest",
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
    ),
)
