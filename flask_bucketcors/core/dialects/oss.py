"""The dialect of Alibaba OSS.

Sources: the documents PutBucketCors, GetBucketCors, OptionObject, the error pages with their
EC numbers, "Configure CORS" and its troubleshooting. What they do not word is worded as COS
and S3 do.
"""

from dataclasses import replace
from typing import Final

from flask_bucketcors.core.dialects.cos import COS
from flask_bucketcors.core.dialects.record import (
    BAD_REQUEST,
    FORBIDDEN,
    NOT_FOUND,
    AllowHeaders,
    ErrorAnswer,
    Id,
    IdForm,
    ShowVary,
    answers,
)
from flask_bucketcors.core.errors import PREFLIGHT_REFUSALS, Refusal

# "CORS errors": the words of COS, with a full stop.
_NOT_ALLOWED: Final = COS.errors[Refusal.PREFLIGHT_REFUSED].message + "."
_NO_RULES_EC: Final = "0034-00000001"

OSS: Final = replace(
    COS,
    name="oss",
    max_rules=10,
    max_body_bytes=16 * 1024,
    list_separator=", ",
    allow_headers=AllowHeaders.REQUESTED,
    xml_declaration='<?xml version="1.0" encoding="UTF-8"?>',
    xml_indent="  ",
    shows_id=False,
    shows_vary=ShowVary.ALWAYS,
    error_elements=("Code", "Message", "RequestId", "HostId"),
    ids=(Id("x-oss-request-id", "RequestId", IdForm.OSS_REQUEST),),
    errors={
        **COS.errors,
        **answers(
            *((each, FORBIDDEN, _NOT_ALLOWED, "AccessForbidden") for each in PREFLIGHT_REFUSALS),
            (
                Refusal.PREFLIGHT_NO_RULES,
                FORBIDDEN,
                "CORSResponse: CORS is not enabled for this bucket.",
                "AccessForbidden",
            ),
            (Refusal.ACCESS_DENIED, FORBIDDEN, "Access denied."),
            (
                Refusal.SIGNATURE_MISMATCH,
                FORBIDDEN,
                "The request signature we calculated does not match the signature you provided. "
                "Check your key and signing method.",
            ),
            (
                Refusal.INVALID_ACCESS_KEY,
                FORBIDDEN,
                "The OSS Access Key Id you provided does not exist in our records.",
            ),
            (
                Refusal.CLOCK_SKEWED,
                FORBIDDEN,
                "The difference between the request time and the current time is too large.",
            ),
            (
                Refusal.UNKNOWN_AUTHORIZATION,
                BAD_REQUEST,
                "Authorization header is invalid.",
                "InvalidArgument",
            ),
            (
                Refusal.MALFORMED_AUTHORIZATION,
                BAD_REQUEST,
                "Authorization header is invalid.",
                "InvalidArgument",
            ),
            (Refusal.BODY_TOO_LARGE, BAD_REQUEST, "The XML you provided is too large."),
            # One code for what is no digest and for what is another body's.
            *(
                (each, BAD_REQUEST, "The Content-MD5 you specified was invalid.", "InvalidDigest")
                for each in (Refusal.INVALID_DIGEST, Refusal.BAD_DIGEST)
            ),
        ),
        Refusal.NO_SUCH_RULES: ErrorAnswer(
            "NoSuchCORSConfiguration",
            NOT_FOUND,
            "The CORS Configuration does not exist.",
            elements=("Code", "Message", "RequestId", "HostId", "EC", "RecommendDoc"),
            constants={
                "EC": _NO_RULES_EC,
                "RecommendDoc": f"https://api.aliyun.com/troubleshoot?q={_NO_RULES_EC}",
            },
        ),
    },
)
