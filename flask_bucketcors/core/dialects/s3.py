"""The dialects of AWS S3, and of Huawei OBS, which differs only in the ids of responses.

Sources: answers of S3 that were recorded (LocalStack's snapshots of 2023 to 2025), the S3 API
reference and user guide; where those are silent, the words of servers that are tested against
S3. OBS: documents obs_04_0074, obs_04_0076 and obs_04_0078.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from flask_bucketcors.core.dialects.cos import COS
from flask_bucketcors.core.dialects.record import (
    BAD_REQUEST,
    FORBIDDEN,
    NOT_FOUND,
    AllowHeaders,
    Dialect,
    ErrorAnswer,
    Id,
    IdForm,
    ShowVary,
    answers,
)
from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.core.problems import ProblemReason

_OF_A_BUCKET: Final = ("Code", "Message", "BucketName", "RequestId", "HostId")
_OF_A_PREFLIGHT: Final = ("Code", "Message", "Method", "ResourceType", "RequestId", "HostId")

_TWO_WILDCARDS: Final = '"{value}" can not have more than one wildcard.'
_PROBLEM_TEXTS: Final[Mapping[tuple[str, ProblemReason], str]] = {
    **{
        ("allowed_methods", reason): "Found unsupported HTTP method in CORS config. "
        "Unsupported method is {value}"
        for reason in (ProblemReason.METHOD, ProblemReason.METHOD_CASE)
    },
    ("allowed_origins", ProblemReason.WILDCARDS): f"AllowedOrigin {_TWO_WILDCARDS}",
    ("allowed_headers", ProblemReason.WILDCARDS): f"AllowedHeader {_TWO_WILDCARDS}",
    **{
        (field, reason): f'{element} "{{value}}" contains invalid character.'
        for field, element in (
            ("allowed_headers", "AllowedHeader"),
            ("expose_headers", "ExposeHeader"),
        )
        for reason in (ProblemReason.NOT_A_HEADER_NAME, ProblemReason.NOT_ASCII)
    },
    ("expose_headers", ProblemReason.WILDCARD_FORBIDDEN): (
        "ExposeHeader {value} contains a wildcard. "
        "Wildcards are currently not supported for ExposeHeader."
    ),
    ("rules", ProblemReason.TOO_MANY_RULES): (
        "The number of CORS rules should not exceed allowed limit of {limit} rules."
    ),
}


def _with_elements(elements: tuple[str, ...], *answered: Refusal) -> dict[Refusal, ErrorAnswer]:
    return {each: replace(_WORDED[each], elements=elements) for each in answered}


_MALFORMED: Final = (
    "The XML you provided was not well-formed or did not validate against our published schema"
)
_WORDED: Final = answers(
    (
        Refusal.PREFLIGHT_REFUSED,
        FORBIDDEN,
        "CORSResponse: This CORS request is not allowed. This is usually because the evalution "
        "of Origin, request method / Access-Control-Request-Method or "
        "Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.",
    ),
    (
        Refusal.PREFLIGHT_NO_RULES,
        FORBIDDEN,
        "CORSResponse: CORS is not enabled for this bucket.",
        "AccessForbidden",
    ),
    (
        Refusal.PREFLIGHT_NO_ORIGIN,
        BAD_REQUEST,
        "Insufficient information. Origin request header needed.",
        "BadRequest",
    ),
    (
        Refusal.PREFLIGHT_METHOD,
        BAD_REQUEST,
        "Invalid Access-Control-Request-Method: {value}",
        "BadRequest",
    ),
    (
        Refusal.PREFLIGHT_HEADERS,
        BAD_REQUEST,
        "Access-Control-Request-Headers contains invalid character.",
        "BadRequest",
    ),
    (Refusal.ACCESS_DENIED, FORBIDDEN, "Access Denied"),
    (
        Refusal.SIGNATURE_MISMATCH,
        FORBIDDEN,
        "The request signature we calculated does not match the signature you provided. Check "
        "your key and signing method.",
    ),
    (
        Refusal.INVALID_ACCESS_KEY,
        FORBIDDEN,
        "The AWS Access Key Id you provided does not exist in our records.",
    ),
    (
        Refusal.CLOCK_SKEWED,
        FORBIDDEN,
        "The difference between the request time and the current time is too large.",
    ),
    (
        Refusal.UNKNOWN_AUTHORIZATION,
        BAD_REQUEST,
        "Unsupported Authorization Type",
        "InvalidArgument",
    ),
    (
        Refusal.MALFORMED_AUTHORIZATION,
        BAD_REQUEST,
        "The authorization header is malformed.",
    ),
    (
        Refusal.MALFORMED_URL_SIGNATURE,
        BAD_REQUEST,
        "The query parameters of the signature are malformed.",
    ),
    (Refusal.NO_SUCH_BUCKET, NOT_FOUND, "The specified bucket does not exist"),
    (Refusal.NO_SUCH_RULES, NOT_FOUND, "The CORS configuration does not exist"),
    (Refusal.INVALID_BUCKET_NAME, BAD_REQUEST, "The specified bucket is not valid."),
    (Refusal.MALFORMED_XML, BAD_REQUEST, _MALFORMED),
    (Refusal.INVALID_VALUE, BAD_REQUEST, "A value of the rules is not valid.", "InvalidRequest"),
    # As CloudServer has it; S3 documents the limit and not the error.
    (Refusal.BODY_TOO_LARGE, BAD_REQUEST, _MALFORMED, "MalformedXML"),
    (Refusal.MISSING_BODY, BAD_REQUEST, "Request body is empty."),
    (
        Refusal.INCOMPLETE_BODY,
        BAD_REQUEST,
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
    ),
    (
        Refusal.MISSING_DIGEST,
        BAD_REQUEST,
        "Missing required header for this request: Content-MD5",
        "InvalidRequest",
    ),
    (Refusal.INVALID_DIGEST, BAD_REQUEST, "The Content-Md5 you specified is not valid."),
    (
        Refusal.BAD_DIGEST,
        BAD_REQUEST,
        "The Content-MD5 you specified did not match what we received.",
    ),
    (
        Refusal.PAYLOAD_MISMATCH,
        BAD_REQUEST,
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    ),
    (
        Refusal.INTERNAL_ERROR,
        "500 Internal Server Error",
        "We encountered an internal error. Please try again.",
    ),
)

S3: Final = Dialect(
    name="s3",
    max_rules=100,
    max_body_bytes=64 * 1024,
    list_separator=", ",
    allow_headers=AllowHeaders.LOWERED,
    actual_in_full=True,
    decides_by_requested=True,
    varies_on_match=True,
    xml_declaration='<?xml version="1.0" encoding="UTF-8"?>',
    xml_indent=None,
    namespace="http://s3.amazonaws.com/doc/2006-03-01/",
    shows_id=True,
    shows_vary=ShowVary.NEVER,
    error_elements=("Code", "Message", "RequestId", "HostId"),
    ids=(
        Id("x-amz-request-id", "RequestId", IdForm.S3_REQUEST),
        Id("x-amz-id-2", "HostId", IdForm.S3_EXTENDED),
    ),
    errors={
        **COS.errors,
        **_WORDED,
        **_with_elements(_OF_A_PREFLIGHT, Refusal.PREFLIGHT_REFUSED, Refusal.PREFLIGHT_NO_RULES),
        **_with_elements(_OF_A_BUCKET, Refusal.NO_SUCH_BUCKET, Refusal.NO_SUCH_RULES),
    },
    problem_texts=_PROBLEM_TEXTS,
)

OBS: Final = replace(
    S3,
    name="obs",
    ids=(
        Id("x-obs-request-id", "RequestId", IdForm.OBS_REQUEST),
        Id("x-obs-id-2", "HostId", IdForm.OBS_EXTENDED),
    ),
)
