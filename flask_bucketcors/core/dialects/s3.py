"""The dialects of AWS S3, and of Huawei OBS, which differs only in the ids of responses.

Sources: recorded responses of S3 (LocalStack's snapshots of 2023 to 2025), the S3 API reference
and user guide; where those say nothing, the texts of servers that are tested against S3. OBS:
documents obs_04_0074, obs_04_0076 and obs_04_0078.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from flask_bucketcors.core.dialects.base import BASE, xml_error
from flask_bucketcors.core.dialects.record import (
    AllowHeaders,
    ErrorResponse,
    Id,
    IdForm,
    ShowVary,
    error_responses,
)
from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.core.problems import NO_METHOD, ProblemReason

_TWO_WILDCARDS: Final = '"{value}" can not have more than one wildcard.'
_PROBLEM_TEXTS: Final[Mapping[tuple[str, ProblemReason], str]] = {
    **{
        ("allowed_methods", reason): "Found unsupported HTTP method in CORS config. "
        "Unsupported method is {value}"
        for reason in (*NO_METHOD, ProblemReason.METHOD_CASE)
    },
    ("allowed_origins", ProblemReason.WILDCARDS): f"AllowedOrigin {_TWO_WILDCARDS}",
    ("allowed_headers", ProblemReason.WILDCARDS): f"AllowedHeader {_TWO_WILDCARDS}",
    **{
        (field, reason): f'{element} "{{value}}" contains invalid character.'
        for field, element in (
            ("allowed_headers", "AllowedHeader"),
            ("expose_headers", "ExposeHeader"),
        )
        for reason in (
            ProblemReason.NOT_A_HEADER_NAME,
            ProblemReason.SEVERAL_HEADERS,
            ProblemReason.NOT_ASCII,
        )
    },
    ("expose_headers", ProblemReason.WILDCARD_FORBIDDEN): (
        "ExposeHeader {value} contains a wildcard. "
        "Wildcards are currently not supported for ExposeHeader."
    ),
    ("rules", ProblemReason.TOO_MANY_RULES): (
        "The number of CORS rules should not exceed allowed limit of {limit} rules."
    ),
}


_MALFORMED: Final = (
    "The XML you provided was not well-formed or did not validate against our published schema"
)
_MESSAGES: Final = {
    Refusal.ACCESS_DENIED: "Access Denied",
    Refusal.SIGNATURE_MISMATCH: (
        "The request signature we calculated does not match the signature you provided. Check "
        "your key and signing method."
    ),
    Refusal.INVALID_ACCESS_KEY: "The AWS Access Key Id you provided does not exist in our records.",
    Refusal.CLOCK_SKEWED: (
        "The difference between the request time and the current time is too large."
    ),
    Refusal.UNKNOWN_AUTHORIZATION: "Unsupported Authorization Type",
    Refusal.INVALID_BUCKET_NAME: "The specified bucket is not valid.",
    Refusal.MALFORMED_XML: _MALFORMED,
    Refusal.MISSING_BODY: "Request body is empty.",
    Refusal.INCOMPLETE_BODY: (
        "You did not provide the number of bytes specified by the Content-Length HTTP header"
    ),
    Refusal.MISSING_LENGTH: "You must provide the Content-Length HTTP header.",
    Refusal.INVALID_DIGEST: "The Content-Md5 you specified is not valid.",
    Refusal.BAD_DIGEST: "The Content-MD5 you specified did not match what we received.",
    Refusal.INTERNAL_ERROR: "We encountered an internal error. Please try again.",
}
_PREFLIGHTS: Final = {
    Refusal.PREFLIGHT_REFUSED: (
        "CORSResponse: This CORS request is not allowed. This is usually because the evalution "
        "of Origin, request method / Access-Control-Request-Method or "
        "Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
    ),
    Refusal.PREFLIGHT_NO_RULES: "CORSResponse: CORS is not enabled for this bucket.",
}
_NO_PREFLIGHTS: Final = {
    Refusal.PREFLIGHT_NO_ORIGIN: "Insufficient information. Origin request header needed.",
    Refusal.PREFLIGHT_METHOD: "Invalid Access-Control-Request-Method: {value}",
    Refusal.PREFLIGHT_HEADERS: "Access-Control-Request-Headers contains invalid character.",
}
_MISSING: Final = {
    Refusal.NO_SUCH_BUCKET: "The specified bucket does not exist",
    Refusal.NO_SUCH_RULES: "The CORS configuration does not exist",
}
# Message and code.
_CODES: Final = {
    Refusal.MALFORMED_AUTHORIZATION: (
        "The authorization header is malformed.",
        "AuthorizationHeaderMalformed",
    ),
    Refusal.MALFORMED_URL_SIGNATURE: (
        "The query parameters of the signature are malformed.",
        "AuthorizationQueryParametersError",
    ),
    Refusal.INVALID_VALUE: (BASE.errors[Refusal.INVALID_VALUE].message, "InvalidRequest"),
    # As CloudServer has it; S3 documents the limit and not the error.
    Refusal.BODY_TOO_LARGE: (_MALFORMED, "MalformedXML"),
    Refusal.MISSING_DIGEST: (
        "Missing required header for this request: Content-MD5",
        "InvalidRequest",
    ),
    Refusal.PAYLOAD_MISMATCH: (
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
        "XAmzContentSHA256Mismatch",
    ),
}


def _error_document(*elements: str) -> str:
    return xml_error(
        BASE.xml_declaration, None, "Code", "Message", *elements, "RequestId", "HostId"
    )


def _errors() -> Mapping[Refusal, ErrorResponse]:
    errors = error_responses(BASE.errors, _MESSAGES)
    errors = error_responses(
        errors, _PREFLIGHTS, document=_error_document("Method", "ResourceType")
    )
    errors = error_responses(errors, _NO_PREFLIGHTS, code="BadRequest", status="400 Bad Request")
    errors = error_responses(errors, _MISSING, document=_error_document("BucketName"))
    for refusal, (message, code) in _CODES.items():
        errors = error_responses(errors, {refusal: message}, code=code)
    return errors


S3: Final = replace(
    BASE,
    name="s3",
    allow_headers=AllowHeaders.LOWERED,
    actual_in_full=True,
    decides_by_requested=True,
    varies_on_match=True,
    namespace="http://s3.amazonaws.com/doc/2006-03-01/",
    shows_vary=ShowVary.NEVER,
    error_document=_error_document(),
    ids=(
        Id("x-amz-request-id", "RequestId", IdForm.HEX, 16),
        Id("x-amz-id-2", "HostId", IdForm.BASE64, 56),
    ),
    errors=_errors(),
    problem_texts=_PROBLEM_TEXTS,
)

OBS: Final = replace(
    S3,
    name="obs",
    ids=(
        Id("x-obs-request-id", "RequestId", IdForm.HEX, 32),
        Id("x-obs-id-2", "HostId", IdForm.BASE64, 48),
    ),
)
