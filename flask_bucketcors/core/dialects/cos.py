"""The dialect of Tencent COS.

Sources, by document number: 436/8279 (PUT Bucket cors), 436/8274 (GET), 436/8283 (DELETE),
436/8288 (OPTIONS Object), 436/7730 (error codes and statuses, without their texts).
"""

from dataclasses import replace
from typing import Final

from flask_bucketcors.core.dialects.base import BASE, xml_error
from flask_bucketcors.core.dialects.record import AllowHeaders, Id, IdForm, error_responses
from flask_bucketcors.core.errors import PREFLIGHT_REFUSALS, Refusal

# 436/8288, with its own spelling.
_NOT_ALLOWED: Final = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of "
    "Origin, request method / Access-Control-Request-Method or Access-Control-Requet-Headers "
    "are not whitelisted by the resource's CORS spec"
)
_ERRORS: Final = error_responses(
    BASE.errors,
    {
        **dict.fromkeys(PREFLIGHT_REFUSALS, _NOT_ALLOWED),
        Refusal.ACCESS_DENIED: "Access Denied.",
        Refusal.SIGNATURE_MISMATCH: "The Signature you specified is invalid.",
    },
)
_DECLARATION: Final = "<?xml version='1.0' encoding='utf-8' ?>"
_INDENT: Final = "\t"

COS: Final = replace(
    BASE,
    name="cos",
    list_separator=",",
    allow_headers=AllowHeaders.RULE,
    xml_declaration=_DECLARATION,
    xml_indent=_INDENT,
    error_document=xml_error(
        _DECLARATION, _INDENT, "Code", "Message", "Resource", "RequestId", "TraceId"
    ),
    ids=(
        Id("x-cos-request-id", "RequestId", IdForm.COS_REQUEST),
        Id("x-cos-trace-id", "TraceId", IdForm.COS_TRACE, errors_only=True),
    ),
    errors=error_responses(
        _ERRORS,
        # COS has only one kind of signature, and no error for others.
        {
            Refusal.UNKNOWN_AUTHORIZATION: (
                "Access Denied. The kind of the Authorization header is not supported."
            )
        },
        code="AccessDenied",
        status=_ERRORS[Refusal.ACCESS_DENIED].status,
    ),
)
