"""What browsers print when CORS stops a request, wording by wording.

Sources: Chromium 156 as measured, what else its program holds, the issues of its tools, and its
wordings since version 20 as users quote them; Firefox's documentation "CORS errors", older
wordings, and the short ones of its network tab; WebKit's CrossOriginAccessControl and loader; the
first Edge; the browser SDKs of COS, OSS and S3, and Uppy, about ETag. Failures that users take for
CORS (certificates, mixed content, blockers) have kinds of their own.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

from flask_bucketcors.analysis.evidence.firefox_translations import TRANSLATED
from flask_bucketcors.analysis.evidence.library_wordings import HIDING
from flask_bucketcors.analysis.evidence.said import Said


class Wording(NamedTuple):
    """One wording of a complaint.

    :param text: its first group is the method, header or value that is named.
    :param preflight: whether it is about the preflight; None if other words tell.
    """

    said: Said
    preflight: bool | None
    text: re.Pattern[str]


_VALUE: Final = r"'([^'\n]{0,2048})'"

_WORDINGS: Final[Sequence[tuple[Said, bool | None, Sequence[str]]]] = (
    (
        Said.NO_ALLOW_ORIGIN,
        None,
        (
            r"No 'Access-Control-Allow-Origin' header",
            r"CORS header '?Access-Control-Allow-Origin'? missing",
            r"CORS \u5934\u7f3a\u5c11 ?'Access-Control-Allow-Origin'",
            r"Origin \S+ is not allowed by Access-Control-Allow-Origin",
            r"Origin \S+ not found in Access-Control-Allow-Origin",
            r"This can be fixed by moving the resource to the same domain or enabling CORS",
            r"bad URI or cross-site access not allowed",
            r"CORS Missing Allow Origin\b",
            r"MissingAllowOriginHeader",
            r"CORS response header values are valid|because of invalid or missing response headers",
        ),
    ),
    (
        Said.OTHER_ORIGIN,
        None,
        (
            rf"'Access-Control-Allow-Origin' header has a value {_VALUE}",
            rf"'Access-Control-Allow-Origin' header contains the invalid value {_VALUE}",
            rf"CORS header 'Access-Control-Allow-Origin' does not match {_VALUE}",
            rf"The origin '[^'\n]{{0,2048}}' did not find {_VALUE} in the Access-Control-Allow-",
            r"CORS Allow Origin Not Matching Origin",
            r"(?:AllowOriginMismatch|InvalidAllowOriginValue)",
            r"CORS requesting origin matches resource|specified an origin different from",
        ),
    ),
    (
        Said.SEVERAL_ORIGINS,
        None,
        (
            rf"'Access-Control-Allow-Origin' header contains multiple values {_VALUE}",
            r"Multiple CORS header 'Access-Control-Allow-Origin' not allowed",
            r"Access-Control-Allow-Origin cannot contain more than one origin",
            r"CORS Multiple Allow Origin Not Allowed",
            r"MultipleAllowOriginValues",
            r"CORS Multiple Origin Not Allowed",
        ),
    ),
    (
        Said.WILDCARD,
        None,
        (
            r"must not be the wildcard '\*'",
            r"wildcard '\*' cannot be used in the 'Access-Control-Allow-Origin'",
            r"Credential is not supported if the CORS header",
            r"Cannot use wildcard in Access-Control-Allow-Origin when credentials",
            r"CORS Not Supporting Credentials",
            r"WildcardOriginNotAllowed",
            r"CORS resources with origin wildcards|was set to a wildcard `\*`",
            r"CORS No Allow Credentials",
        ),
    ),
    (
        Said.NO_CREDENTIALS,
        None,
        (
            rf"'Access-Control-Allow-Credentials' header (?:in the response )?is {_VALUE}",
            r"expected 'true' in CORS header 'Access-Control-Allow-Credentials'",
            r"Access-Control-Allow-Credentials is not \"?true",
            r"No 'Access-Control-Allow-Credentials' header",
            r"CORS Missing Allow Credentials",
            r"InvalidAllowCredentials",
            r"CORS requests include credentials only when allowed",
            r"`Access-Control-Allow-Credentials` response header .{1,99}set to `true`",
        ),
    ),
    (
        Said.METHOD,
        True,
        (
            r"Method (\S+) is not allowed by Access-Control-Allow-Methods",
            r"Did not find method in CORS header",
            r"Request method (\S+) was not present in the Access-Control-Allow-Methods",
            r"CORS Method Not Found",
            r"MethodDisallowedByPreflightResponse",
            r"CORS request uses allowed method|neither uses one of the CORS-safelisted methods",
        ),
    ),
    (
        Said.HEADER,
        True,
        (
            r"Request header field (\S+) is not allowed by Access-Control-Allow-Headers",
            rf"header {_VALUE} is not allowed according to header 'Access-Control-Allow-Headers'",
            rf"missing token {_VALUE} in CORS header 'Access-Control-Allow-Headers'",
            r"Request header (\S+) was not present in the Access-Control-Allow-Headers",
            r"CORS Missing Allow Headers?\b",
            r"HeaderDisallowedByPreflightResponse",
            r"CORS request includes only allowed headers|headers that were neither CORS-safelisted",
        ),
    ),
    (
        Said.STATUS,
        True,
        (
            r"It does not have HTTP ok status",
            r"Response for preflight has invalid HTTP status",
            r"CORS preflight (?:response|channel) did not succeed",
            r"Preflight response is not successful",
            r"CORS Preflight Did Not Succeed",
            r"PreflightInvalidStatus",
            r"Ensure preflight responses are valid|had an unsuccessful HTTP status code",
        ),
    ),
    (
        Said.REDIRECT,
        True,
        (
            r"Redirect is not allowed for a preflight",
            r"Response for preflight is invalid \(redirect\)",
            r"disallowed for cross-origin requests that require preflight",
            r"CORS request external redirect not allowed",
            r"Preflight response is a redirect",
            r"CORS External Redirect Not Allowed",
            r"PreflightDisallowedRedirect",
        ),
    ),
    (
        Said.BAD_LIST,
        True,
        (
            r"Cannot parse (Access-Control-Allow-\w+) response header",
            r"invalid token '[^'\n]{0,2048}' in CORS header '(Access-Control-Allow-\w+)'",
            r"(?:InvalidAllowMethodsPreflightResponse|InvalidAllowHeadersPreflightResponse)",
            r"CORS Invalid Allow (?:Method|Header)",
        ),
    ),
    (
        Said.UNEXPOSED,
        False,
        (
            r"Refused to get unsafe header [\"']([^\"']+)",
            r"add [\"'`]?([\w-]+)[\"'`]? to (?:the )?CORS Expose-?Headers?",
            r"set the ([\w-]+) of expose-?headers in OSS",
            r"Could not read the ([\w-]+) header\b",
            r"missing (ETag) in UploadPart response",
            r"No access to ([\w-]+) property on response",
        ),
    ),
    (
        Said.NO_RESPONSE,
        None,
        (
            r"CORS (?:request )?did not succeed",
            r"CORS request failed",
            r"CORS disabled",
            r"\bERR_(?:CONNECTION|CERT|SSL|NAME|INTERNET|ADDRESS|TIMED_OUT|HTTP2|QUIC|EMPTY|"
            r"BLOCKED_BY_(?:CLIENT|ADMINISTRATOR|CSP))\w*",
            r"Mixed Content:|blocked loading mixed active content",
            r"violates the following Content Security Policy directive",
            r"(?:Refused to connect|because it violates the document's Content Security Policy)",
            r"does not appear in the [a-z-]{1,32} directive of the Content Security Policy",
            r"TypeError: The network connection was lost",
            r"blocked by (?:the )?Content Security Policy",
            r"Content[- ]Security[- ]Policy: The page's settings blocked the loading of a resource",
            r"The response is invalid\.",
            r"\(blocked:(?:csp|mixed-content|devtools|inspector|other)\)",
            r"ERR_UNSAFE_PORT|ERR_ABORTED",
            r"(?-i:CORS Failed)\b",
        ),
    ),
    (
        Said.USER_INFO,
        None,
        (
            r"contains a username and password, which is disallowed for cross-origin requests",
            r"RedirectContainsCredentials",
            r"redirected to URLs containing credentials|to a URL that includes credentials",
        ),
    ),
    (
        Said.TAINTED,
        None,
        (
            r"Tainted (?:canvas|OffscreenCanvas)|canvas has been tainted",
            r"contains cross-origin data, and may not be loaded",
            r"external image is tainted by cross-origin data",
            r"can't be created from tainted sources",
            r"Cannot capture from element with cross-origin data",
            r"outputs zeroes due to CORS access restrictions",
            r"Media element must be CORS-same-origin",
            r"SecurityError: The operation is insecure",
            r"Cross-origin image load denied by Cross-Origin Resource Sharing policy",
        ),
    ),
    (
        Said.INTEGRITY_WITHOUT_CORS,
        False,
        (
            r"requires the request to be CORS enabled to check the integrity",
            r"the response is not eligible for integrity validation",
            r"is not eligible for integrity checks since it's neither CORS-enabled nor same-origin",
        ),
    ),
    (
        Said.INTEGRITY,
        False,
        (
            r"Failed to find a valid digest in the 'integrity' attribute",
            r"SRI's integrity checks failed|Failed integrity metadata check",
            r"hashes in the ['\"]?integrity['\"]? attribute match the content of the subresource",
            r"but integrity checks are required\.|matched the required integrity checks",
            r"Error parsing 'integrity' attribute",
        ),
    ),
    (
        Said.OPAQUE,
        False,
        (
            r"Cross-Origin Read Blocking|\bCORB\b|blocked by ORB",
            r"BLOCKED_BY_ORB|ResponseWasBlockedByORB",
            r"OpaqueResponseBlocking",
            r"an [\"']opaque[\"'] response was used",
            r"An opaque response cannot be added",
        ),
    ),
    (
        Said.RESOURCE_POLICY,
        False,
        (
            r"BLOCKED_BY_RESPONSE|Failed Cross-Origin-Resource-Policy check",
            r"\(blocked:(?:origin|NotSameOrigin|NotSameSite|Coep|Corp)\w{0,64}\)",
            r"Cross-Origin-Resource-Policy prevented",
            r"due to (?:its|the) Cross-Origin-Resource-Policy",
            r"Cancelled load to \S+ because it violates the resource's Cross-Origin-Resource-",
        ),
    ),
    (
        Said.SAME_ORIGIN_ONLY,
        False,
        (
            r"from accessing a cross-origin frame",
            r"Permission denied to access property ['\"]?\w+['\"]? on cross-origin object",
            r"Script at '[^'\n]{0,2048}' cannot be accessed from origin",
            r"Unsafe attempt to load URL \S+ from frame",
            r"base URL is about:blank because import\(\) is called from a CORS-cross-origin script",
        ),
    ),
    (
        Said.MODE,
        False,
        (
            r"Request mode is ['\"](?:same-origin|no-cors)['\"] but",
            r"Cross origin requests are not allowed (?:by request mode|when using same-origin)",
            r"is unsupported in no-cors mode",
            r"(?:DisallowedByMode|NoCorsRedirectModeNotFollow)",
            r"resources are fetched with same-origin request mode|mode was set to `same-origin`",
        ),
    ),
    (
        Said.BAD_FONT,
        False,
        (
            r"Failed to decode downloaded font|OTS parsing error",
            r"downloadable font: rejected by sanitizer",
        ),
    ),
    (
        Said.UNNAMED,
        None,
        (
            r"due to access control checks",
            r"blocked by CORS policy",
            r"due to a CORS error|\bCORS error\b",
            r"\bnet::ERR_FAILED\b",
            *HIDING,
        ),
    ),
    (
        Said.NOT_HTTP,
        None,
        (
            r"CORS request not HTTP",
            r"Cross origin requests are only supported for (?:protocol schemes|HTTP)",
            r"Not allowed to load local resource",
            r"URL scheme ['\"]?\w+['\"]? is not supported",
            r"CorsDisabledScheme",
            r"CORS Not HTTP|CORS requests are made on supported schemes|doesn.t support CORS",
        ),
    ),
    (
        Said.PRIVATE_PREFLIGHT,
        True,
        (
            r"Access-Control-Allow-(?:Private|Local)-Network'? header",
            r"Access-Control-Allow-External'? header",
            r"Private-Network-Access-(?:ID|Name)'? header",
            r"Preflight(?:Missing|Invalid)\w{0,16}(?:PrivateNetwork|External)\w{0,16}",
        ),
    ),
    (
        Said.LOCAL_NETWORK,
        None,
        (
            r"(?<!targeting\sthe\s`)(?:local|loopback|private|public|unknown)`? address space",
            r"resource is in address space",
            r"Access to local network is blocked",
            r"ERR_BLOCKED_BY_(?:LOCAL|PRIVATE)_NETWORK_ACCESS_CHECKS",
            r"(?:Insecure(?:Local|Private)Network|Invalid(?:Local|Private)NetworkAccess)\b",
            r"(?:Local|Private)NetworkAccessPermission(?:Denied|Unavailable)",
            r"local network requests are compatible with restrictions",
        ),
    ),
)

# Copying may break a line, or change a blank or the quotes around a header.
_BLANK: Final = r"\\s{1,8}"
_HEADER: Final = re.compile(r"'(Access-Control-Allow-[A-Z][a-z]+)'")


def _compiled(text: str) -> re.Pattern[str]:
    quoted = _HEADER.sub(r"['\"`]?+\1['\"`]?+", text)
    return re.compile(re.sub(" (?![?])", _BLANK, quoted), re.IGNORECASE)


@cache
def wordings() -> tuple[Wording, ...]:
    """Compile the wordings, once. It takes longer than loading all else that explains requests."""
    return tuple(
        Wording(said, preflight, _compiled(text))
        for said, preflight, texts in (*_WORDINGS, *TRANSLATED)
        for text in texts
    )
