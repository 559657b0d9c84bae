"""What browsers print when CORS stops a request, wording by wording.

Sources: Chromium 156 as measured, and its wordings since version 20 as users quote them; Firefox's
documentation "CORS errors", older wordings, and the short ones of its network tab; WebKit's
CrossOriginAccessControl and loader; the first Edge; the browser SDKs of COS, OSS and S3, and Uppy,
about ETag. Failures that users take for CORS (certificates, mixed content, blockers) have a kind of
their own.
"""

import re
from enum import StrEnum
from typing import Final, NamedTuple


class Said(StrEnum):
    """What a browser complains about."""

    NO_ALLOW_ORIGIN = "no Access-Control-Allow-Origin"
    OTHER_ORIGIN = "Access-Control-Allow-Origin with another value"
    SEVERAL_ORIGINS = "several values of Access-Control-Allow-Origin"
    WILDCARD = "Access-Control-Allow-Origin * with credentials"
    NO_CREDENTIALS = "no Access-Control-Allow-Credentials: true"
    METHOD = "method not in Access-Control-Allow-Methods"
    HEADER = "header not in Access-Control-Allow-Headers"
    STATUS = "status of the preflight"
    REDIRECT = "redirect of the preflight"
    BAD_LIST = "a header that is not a list"
    UNEXPOSED = "header not in Access-Control-Expose-Headers"
    NOT_HTTP = "a page or an address that is not http"
    LOCAL_NETWORK = "local network access"
    NO_RESPONSE = "no response, or one that something else than CORS stopped"
    TAINTED = "a picture that was loaded without CORS"
    UNNAMED = "stopped for a reason that is not named"


class Wording(NamedTuple):
    """One wording of a complaint.

    :param text: its first group is the method, header or value that is named.
    :param preflight: whether it is about the preflight; None if other words tell.
    """

    said: Said
    preflight: bool | None
    text: re.Pattern[str]


_VALUE: Final = r"'([^'\n]{0,2048})'"

_WORDINGS: Final = (
    (
        Said.NO_ALLOW_ORIGIN,
        None,
        r"No 'Access-Control-Allow-Origin' header is present",
        r"CORS header '?Access-Control-Allow-Origin'? missing",
        r"CORS \u5934\u7f3a\u5c11 ?'Access-Control-Allow-Origin'",
        r"Origin \S+ is not allowed by Access-Control-Allow-Origin",
        r"Origin \S+ not found in Access-Control-Allow-Origin",
        r"This can be fixed by moving the resource to the same domain or enabling CORS",
        r"bad URI or cross-site access not allowed",
        r"CORS Missing Allow Origin\b",
        r"MissingAllowOriginHeader",
    ),
    (
        Said.OTHER_ORIGIN,
        None,
        rf"'Access-Control-Allow-Origin' header has a value {_VALUE}",
        rf"'Access-Control-Allow-Origin' header contains the invalid value {_VALUE}",
        rf"CORS header 'Access-Control-Allow-Origin' does not match {_VALUE}",
        rf"The origin '[^'\n]{{0,2048}}' did not find {_VALUE} in the Access-Control-Allow-Origin",
        r"CORS Allow Origin Not Matching Origin",
        r"(?:AllowOriginMismatch|InvalidAllowOriginValue)",
    ),
    (
        Said.SEVERAL_ORIGINS,
        None,
        rf"'Access-Control-Allow-Origin' header contains multiple values {_VALUE}",
        r"Multiple CORS header 'Access-Control-Allow-Origin' not allowed",
        r"Access-Control-Allow-Origin cannot contain more than one origin",
        r"CORS Multiple Allow Origin Not Allowed",
        r"MultipleAllowOriginValues",
    ),
    (
        Said.WILDCARD,
        None,
        r"must not be the wildcard '\*' when",
        r"wildcard '\*' cannot be used in the 'Access-Control-Allow-Origin'",
        r"Credential is not supported if the CORS header",
        r"Cannot use wildcard in Access-Control-Allow-Origin when credentials",
        r"CORS Not Supporting Credentials",
        r"WildcardOriginNotAllowed",
    ),
    (
        Said.NO_CREDENTIALS,
        None,
        rf"'Access-Control-Allow-Credentials' header (?:in the response )?is {_VALUE}",
        r"expected 'true' in CORS header 'Access-Control-Allow-Credentials'",
        r"Access-Control-Allow-Credentials is not \"?true",
        r"No 'Access-Control-Allow-Credentials' header",
        r"CORS Missing Allow Credentials",
        r"InvalidAllowCredentials",
    ),
    (
        Said.METHOD,
        True,
        r"Method (\S+) is not allowed by Access-Control-Allow-Methods",
        r"Did not find method in CORS header",
        r"Request method (\S+) was not present in the Access-Control-Allow-Methods",
        r"CORS Method Not Found",
        r"MethodDisallowedByPreflightResponse",
    ),
    (
        Said.HEADER,
        True,
        r"Request header field (\S+) is not allowed by Access-Control-Allow-Headers",
        rf"header {_VALUE} is not allowed according to header 'Access-Control-Allow-Headers'",
        rf"missing token {_VALUE} in CORS header 'Access-Control-Allow-Headers'",
        r"Request header (\S+) was not present in the Access-Control-Allow-Headers",
        r"CORS Missing Allow Headers?\b",
        r"HeaderDisallowedByPreflightResponse",
    ),
    (
        Said.STATUS,
        True,
        r"It does not have HTTP ok status",
        r"Response for preflight has invalid HTTP status",
        r"CORS preflight (?:response|channel) did not succeed",
        r"Preflight response is not successful",
        r"CORS Preflight Did Not Succeed",
        r"PreflightInvalidStatus",
    ),
    (
        Said.REDIRECT,
        True,
        r"Redirect is not allowed for a preflight",
        r"Response for preflight is invalid \(redirect\)",
        r"disallowed for cross-origin requests that require preflight",
        r"CORS request external redirect not allowed",
        r"Preflight response is a redirect",
        r"CORS External Redirect Not Allowed",
        r"PreflightDisallowedRedirect",
    ),
    (
        Said.BAD_LIST,
        True,
        r"Cannot parse (Access-Control-Allow-\w+) response header",
        r"invalid token '[^'\n]{0,2048}' in CORS header '(Access-Control-Allow-\w+)'",
        r"(?:InvalidAllowMethodsPreflightResponse|InvalidAllowHeadersPreflightResponse)",
    ),
    (
        Said.UNEXPOSED,
        False,
        r"Refused to get unsafe header [\"']([^\"']+)",
        r"add [\"'`]?([\w-]+)[\"'`]? to (?:the )?CORS Expose-?Headers?",
        r"set the ([\w-]+) of expose-?headers in OSS",
        r"Could not read the ([\w-]+) header\b",
        r"missing (ETag) in UploadPart response",
    ),
    (
        Said.NO_RESPONSE,
        None,
        r"CORS (?:request )?did not succeed",
        r"CORS request failed",
        r"CORS disabled",
        r"\bERR_(?:CONNECTION|CERT|SSL|NAME|INTERNET|ADDRESS|TIMED_OUT|HTTP2|QUIC|EMPTY|"
        r"BLOCKED_BY)\w*",
        r"Mixed Content:|blocked loading mixed active content",
        r"violates the following Content Security Policy directive",
        r"Cross-Origin Read Blocking|blocked by ORB",
        r"an [\"']opaque[\"'] response was used",
    ),
    (
        Said.TAINTED,
        None,
        r"Tainted canvas|canvas has been tainted",
        r"contains cross-origin data, and may not be loaded",
        r"SecurityError: The operation is insecure",
    ),
    (
        Said.UNNAMED,
        None,
        r"due to access control checks",
        r"CORS blocked or network error",
        r"\b(?:Failed to fetch|Network Error|Network Failure|ERR_FAILED)\b",
        r"NetworkError when attempting to fetch resource",
        r"TypeError: Load failed",
        r"\bXHR error \(req \"error\"\)",
    ),
    (
        Said.NOT_HTTP,
        None,
        r"CORS request not HTTP",
        r"Cross origin requests are only supported for (?:protocol schemes|HTTP)",
    ),
    (
        Said.LOCAL_NETWORK,
        None,
        r"(?:local|loopback|private|unknown)`? address space",
    ),
)

# Copying may break a line, or change a blank.
_BLANK: Final = r"\\s{1,8}"

WORDINGS: Final = tuple(
    Wording(said, preflight, re.compile(re.sub(" (?![?])", _BLANK, text), re.IGNORECASE))
    for said, preflight, *texts in _WORDINGS
    for text in texts
)
