"""The dialect of Alibaba OSS.

Sources: the documents PutBucketCors, GetBucketCors, OptionObject, the error pages with their
EC numbers, "Configure CORS" and its troubleshooting.
"""

from dataclasses import replace
from typing import Final

from flask_bucketcors.core.dialects.base import BASE, xml_error
from flask_bucketcors.core.dialects.record import Id, IdForm, ShowVary, error_responses
from flask_bucketcors.core.errors import PREFLIGHT_REFUSALS, Refusal

# "CORS errors", with its own spelling.
_NOT_ALLOWED: Final = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of "
    "Origin, request method / Access-Control-Request-Method or Access-Control-Requet-Headers "
    "are not whitelisted by the resource's CORS spec."
)
_INDENT: Final = "  "


def _error_document(**texts: str) -> str:
    names = ("Code", "Message", "RequestId")
    return xml_error(BASE.xml_declaration, _INDENT, *names, HostId="$Host", **texts)


_NO_RULES_EC: Final = "0034-00000001"
_MESSAGES: Final = {
    **dict.fromkeys(PREFLIGHT_REFUSALS, _NOT_ALLOWED),
    Refusal.PREFLIGHT_NO_RULES: "CORSResponse: CORS is not enabled for this bucket.",
    Refusal.ACCESS_DENIED: "Access denied.",
    Refusal.SIGNATURE_MISMATCH: (
        "The request signature we calculated does not match the signature you provided. Check "
        "your key and signing method."
    ),
    Refusal.INVALID_ACCESS_KEY: "The OSS Access Key Id you provided does not exist in our records.",
    Refusal.CLOCK_SKEWED: (
        "The difference between the request time and the current time is too large."
    ),
    Refusal.UNKNOWN_AUTHORIZATION: "Authorization header is invalid.",
    Refusal.MALFORMED_AUTHORIZATION: "Authorization header is invalid.",
    Refusal.MALFORMED_XML: (
        "The XML you provided was not well-formed or did not validate against our published schema."
    ),
    Refusal.BODY_TOO_LARGE: "The XML you provided is too large.",
}
# One code for an invalid digest and for the digest of another body.
_DIGESTS: Final = dict.fromkeys(
    (Refusal.INVALID_DIGEST, Refusal.BAD_DIGEST), "The Content-MD5 you specified was invalid."
)
_ERRORS: Final = error_responses(
    error_responses(BASE.errors, _MESSAGES), _DIGESTS, code="InvalidDigest"
)

OSS: Final = replace(
    BASE,
    name="oss",
    max_rules=10,
    max_body_bytes=16 * 1024,
    xml_indent=_INDENT,
    shows_id=False,
    shows_vary=ShowVary.ALWAYS,
    error_document=_error_document(),
    ids=(Id("x-oss-request-id", "RequestId", IdForm.HEX, 24),),
    errors=error_responses(
        _ERRORS,
        {Refusal.NO_SUCH_RULES: "The CORS Configuration does not exist."},
        document=_error_document(
            EC=_NO_RULES_EC,
            RecommendDoc=f"https://api.aliyun.com/troubleshoot?q={_NO_RULES_EC}",
        ),
    ),
)
