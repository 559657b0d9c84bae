"""The base of all dialects: what vendors share, and plain texts where theirs are unknown."""

from typing import Final

from flask_bucketcors.core.dialects.record import (
    AllowHeaders,
    Dialect,
    ErrorResponse,
    Id,
    IdForm,
    ShowVary,
)
from flask_bucketcors.core.errors import PREFLIGHT_REFUSALS, Refusal

#: What documents call each value of the fields that are lists.
LIST_ELEMENTS: Final = {
    "allowed_origins": "AllowedOrigin",
    "allowed_methods": "AllowedMethod",
    "allowed_headers": "AllowedHeader",
    "expose_headers": "ExposeHeader",
}
#: What documents call the fields of a rule, and of a rule set.
ELEMENTS: Final = {
    **LIST_ELEMENTS,
    "max_age_seconds": "MaxAgeSeconds",
    "id": "ID",
    "rules": "CORSRule",
    "response_vary": "ResponseVary",
}
#: How XML escapes characters. The ampersand comes first.
XML_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&apos;"}


def xml_error(declaration: str, indent: str | None, *names: str, **texts: str) -> str:
    """Give an error document in XML; see :class:`Dialect`.

    :param declaration: its first line.
    :param indent: of each element; None puts all of them on one line.
    :param names: the elements to fill for each error, in order.
    :param texts: further elements with their texts, which may be places to fill.
    """
    elements = {**{name: f"${name}" for name in names}, **texts}
    before, end = ("", "") if indent is None else (f"\n{indent}", "\n")
    inner = "".join(f"{before}<{name}>{text}</{name}>" for name, text in elements.items())
    return f"{declaration}\n<Error>{inner}{end}</Error>"


_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>'

_MESSAGES: Final = {
    Refusal.PREFLIGHT_REFUSED: "No CORS rule of the bucket allows the request.",
    Refusal.PREFLIGHT_NO_RULES: "The bucket has no CORS rules.",
    Refusal.PREFLIGHT_NO_ORIGIN: "The request has no Origin header.",
    Refusal.PREFLIGHT_METHOD: "No CORS rule can allow the method {value}.",
    Refusal.PREFLIGHT_HEADERS: "Access-Control-Request-Headers is not a list of header names.",
    Refusal.ACCESS_DENIED: "Access denied.",
    Refusal.SIGNATURE_MISMATCH: "The signature does not match the request.",
    Refusal.INVALID_ACCESS_KEY: "The access key id does not exist.",
    Refusal.CLOCK_SKEWED: "The request time differs too much from the server's time.",
    Refusal.UNKNOWN_AUTHORIZATION: "The kind of the Authorization header is not supported.",
    Refusal.INVALID_AUTHORIZATION: "The signature is malformed.",
    Refusal.MALFORMED_AUTHORIZATION: "The Authorization header is malformed.",
    Refusal.MALFORMED_URL_SIGNATURE: "The signature in the query is malformed.",
    Refusal.INVALID_BUCKET_NAME: "The bucket name is not valid.",
    Refusal.MALFORMED_XML: "The document is not well-formed XML, or its structure is not valid.",
    Refusal.INVALID_VALUE: "A value of the rules is not valid.",
    Refusal.INVALID_REQUEST: "The request is not valid.",
    Refusal.BODY_TOO_LARGE: "The document is too large.",
    Refusal.MISSING_BODY: "The request body is empty.",
    Refusal.INCOMPLETE_BODY: "The request body is shorter than its Content-Length.",
    Refusal.MISSING_LENGTH: "The request has no Content-Length header.",
    Refusal.MISSING_DIGEST: "The request has no Content-MD5 header.",
    Refusal.INVALID_DIGEST: "The Content-MD5 header is not the base64 form of 16 bytes.",
    Refusal.BAD_DIGEST: "The digest does not match the request body.",
    Refusal.PAYLOAD_MISMATCH: "The signature does not match the request body.",
    Refusal.NO_SUCH_BUCKET: "The specified bucket does not exist.",
    Refusal.NO_SUCH_RULES: "The CORS configuration does not exist.",
    Refusal.METHOD_NOT_ALLOWED: "The specified method is not allowed against this resource.",
    Refusal.INTERNAL_ERROR: "The server failed; try again.",
    Refusal.NOT_IMPLEMENTED: "The server does not implement this call.",
    Refusal.UNAVAILABLE: "The CORS rules cannot be read or written now; try again.",
}
# Errors that are not 400 Bad Request.
_STATUSES: Final = {
    **dict.fromkeys(PREFLIGHT_REFUSALS, "403 Forbidden"),
    Refusal.ACCESS_DENIED: "403 Forbidden",
    Refusal.SIGNATURE_MISMATCH: "403 Forbidden",
    Refusal.INVALID_ACCESS_KEY: "403 Forbidden",
    Refusal.CLOCK_SKEWED: "403 Forbidden",
    Refusal.NO_SUCH_BUCKET: "404 Not Found",
    Refusal.NO_SUCH_RULES: "404 Not Found",
    Refusal.METHOD_NOT_ALLOWED: "405 Method Not Allowed",
    Refusal.MISSING_LENGTH: "411 Length Required",
    Refusal.INTERNAL_ERROR: "500 Internal Server Error",
    Refusal.NOT_IMPLEMENTED: "501 Not Implemented",
    Refusal.UNAVAILABLE: "503 Service Unavailable",
}
# Errors whose code differs from the name of the refusal.
_CODES: Final = {
    **dict.fromkeys(PREFLIGHT_REFUSALS, "AccessForbidden"),
    Refusal.UNKNOWN_AUTHORIZATION: "InvalidArgument",
    Refusal.INVALID_AUTHORIZATION: "InvalidArgument",
    Refusal.MALFORMED_AUTHORIZATION: "InvalidArgument",
    Refusal.MALFORMED_URL_SIGNATURE: "InvalidArgument",
    Refusal.PAYLOAD_MISMATCH: "BadDigest",
}

BASE: Final = Dialect(
    name="base",
    max_rules=100,
    max_body_bytes=64 * 1024,
    list_separator=", ",
    allow_headers=AllowHeaders.REQUESTED,
    actual_in_full=False,
    decides_by_requested=False,
    varies_on_match=False,
    content_type="application/xml",
    elements=ELEMENTS,
    xml_declaration=_DECLARATION,
    xml_indent=None,
    namespace="",
    shows_id=True,
    shows_vary=ShowVary.IF_PUT,
    error_content_type="application/xml",
    error_document=xml_error(_DECLARATION, None, "Code", "Message", "Resource", "RequestId"),
    error_escapes=XML_ESCAPES,
    ids=(Id("x-request-id", "RequestId", IdForm.HEX, 32),),
    errors={
        each: ErrorResponse(
            _CODES.get(each, each.value), _STATUSES.get(each, "400 Bad Request"), message
        )
        for each, message in _MESSAGES.items()
    },
)
