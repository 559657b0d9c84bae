"""The code in the error document of a storage, and what it means.

Facts:

- COS, OSS, S3, OBS and the XML API of Google: ``<Error><Code>``, with a ``Message``.
- Google's JSON: ``{"error": {"errors": [{"reason": …}]}}``; Azure: ``{"error": {"code": …}}``,
  and the header ``x-ms-error-code``; Backblaze: ``{"code": …}``. OBS sends ``x-obs-error-code``.

A document comes from anywhere: nothing but a code that has the form of one is passed on.
"""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from flask_bucketcors.core.browser import Pairs, value_of
from flask_bucketcors.core.json_text import parse_json

_CODE = re.compile("[A-Za-z][A-Za-z0-9._-]{0,63}")
_CODE_HEADERS: Final = ("x-ms-error-code", "x-obs-error-code")
# How messages of AccessForbidden begin that are about CORS (COS, OSS, S3), and that say that the
# bucket has no rules (OSS, S3). In OBS the code also stands for a lack of permission.
_OF_CORS: Final = "CORSResponse"
_NOT_ENABLED: Final = "CORSResponse: CORS is not enabled"


class About(Enum):
    """What an error is about."""

    CORS = "the rules of CORS"
    WHO = "who sends the request"
    WHERE = "the address"
    STATE = "the state of the account or the server"


class ErrorCode(NamedTuple):
    """A code of an error document.

    :param about: None if the code is unknown.
    :param meaning: what is wrong and what to do; ``""`` if the code is unknown.
    """

    code: str
    about: About | None = None
    meaning: str = ""

    @property
    def text(self) -> str:
        """The code with its meaning."""
        return f"{self.code}: {self.meaning}" if self.meaning else self.code


_NO_RULES: Final = "the bucket has no CORS rules: add one for the page's origin"
_NOT_ALLOWED: Final = (
    "no CORS rule of the bucket allows this origin, method and headers together: add or change a "
    "rule; `flask bucketcors explain` says which value is wrong"
)
_FORBIDDEN: Final = (
    "the storage refuses a preflight by its CORS rules, and another request for lack of "
    "permission: change a rule, or the permissions"
)
_DENIED: Final = (
    "the request has no permission: sign it, or let the bucket or the object be read by all"
)
_SIGNATURE: Final = (
    "the signature does not fit the request: sign the method, the path and the headers that are "
    "sent, with the right secret"
)
_KEY: Final = "the storage does not know the access key: check it, and for which vendor it is"
_EXPIRED: Final = "the signature or the token has expired: make a new one"
_CLOCK: Final = "the clocks of the signer and the server differ: set the signer's clock"
_NOT_SIGNED: Final = "the request is not signed: sign it, or let everyone read"
_NO_BUCKET: Final = (
    "there is no bucket of that name here: check its name, its region and the form of the URL"
)
_NO_OBJECT: Final = "there is no such object: check the path of the URL"
_METHOD: Final = (
    "the server does not take this method at this address: write the address of an object, not of "
    "a website or a console"
)
_ENDPOINT: Final = (
    "the bucket is at another address: request the endpoint of its region, since browsers do not "
    "follow a redirect of a preflight"
)
_HOST_STYLE: Final = "write the bucket into the host: https://BUCKET.ENDPOINT/KEY"
_ACCOUNT: Final = (
    "the account is in arrears, frozen or disabled, so the storage refuses every request: settle "
    "that with the vendor"
)
_BUSY: Final = "the storage is busy or limits the rate of requests: send fewer, and try again"
_ROWS: Final[Mapping[About, Mapping[str, str]]] = {
    About.CORS: {
        _FORBIDDEN: "AccessForbidden",
        _NOT_ALLOWED: _OF_CORS,
        _NO_RULES: "NoSuchCORSConfiguration CORSConfigurationNotFoundError CorsPreflightFailure",
    },
    About.WHO: {
        _DENIED: "AccessDenied Forbidden forbidden AuthorizationFailure unauthorized "
        "InsufficientAccountPermissions AuthorizationPermissionMismatch PublicAccessNotPermitted",
        _SIGNATURE: "SignatureDoesNotMatch AuthenticationFailed XAmzContentSHA256Mismatch",
        _KEY: "InvalidAccessKeyId InvalidSecurity InvalidToken InvalidSecurityToken",
        _EXPIRED: "ExpiredToken RequestExpired TokenRefreshRequired expired_auth_token",
        _CLOCK: "RequestTimeTooSkewed",
        _NOT_SIGNED: "NoAuthenticationInformation MissingAuthenticationToken required "
        "AuthenticationRequired MissingSecurityHeader MissingSecurityElement UserNotFound "
        "InvalidAuthenticationInfo CredentialsNotSupported bad_auth_token authError",
    },
    About.WHERE: {
        _NO_BUCKET: "NoSuchBucket ContainerNotFound ResourceNotFound InvalidBucketName "
        "no_such_bucket InvalidResourceName",
        _NO_OBJECT: "NoSuchKey BlobNotFound NoSuchObject notFound no_such_file not_found",
        _METHOD: "MethodNotAllowed UnsupportedHttpVerb method_not_allowed",
        _ENDPOINT: "PermanentRedirect TemporaryRedirect Redirect "
        "IllegalLocationConstraintException AuthorizationHeaderMalformed",
        _HOST_STYLE: "SecondLevelDomainForbidden VirtualHostDomainRequired "
        "PathStyleDomainForbidden",
    },
    About.STATE: {
        _ACCOUNT: "UserDisable InArrearOrInsufficientBalance AccountProblem AllAccessDisabled "
        "AccountIsDisabled NotSignedUp UnavailableForLegalReasons accountDisabled "
        "userProjectAccountProblem",
        _BUSY: "SlowDown ServerBusy ServiceUnavailable InternalError RequestTimeout "
        "DownloadTrafficRateLimitExceeded UploadTrafficRateLimitExceeded QpsLimitExceeded "
        "RequestRateLimitExceeded TooManyRequests rateLimitExceeded backendError",
    },
}
_KNOWN: Final = {
    code: ErrorCode(code, about, meaning)
    for about, rows in _ROWS.items()
    for meaning, codes in rows.items()
    for code in codes.split()
}


def read_error_code(pairs: Pairs, body: bytes) -> ErrorCode | None:
    """Read the code of an error, from the headers or the document of a response.

    :param body: the beginning of the body, decoded; its length has to be limited by the caller.
    """
    pairs = list(pairs)
    by_header = next((each for name in _CODE_HEADERS if (each := value_of(name, pairs))), None)
    code, message = (by_header, "") if by_header else _read_document(body)
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        return None
    known = _KNOWN.get(code, ErrorCode(code))
    if known.about is not About.CORS or not str(message).startswith(_OF_CORS):
        return known
    not_enabled = str(message).startswith(_NOT_ENABLED)
    return known._replace(meaning=_NO_RULES if not_enabled else _NOT_ALLOWED)


def _read_document(body: bytes) -> tuple[Any, Any]:
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start == b"<":
        return _read_xml(body)
    return _read_json(body) if start == b"{" else (None, None)


def _read_xml(body: bytes) -> tuple[str | None, str | None]:
    try:
        root = defusedxml.ElementTree.fromstring(body.strip(), forbid_dtd=True)
    except (DefusedXmlException, SyntaxError, ValueError, LookupError):
        return None, None
    texts = {each.tag.rpartition("}")[2]: (each.text or "").strip() for each in root}
    is_error = root.tag.rpartition("}")[2].lower() == "error"
    return (texts.get("Code"), texts.get("Message")) if is_error else (None, None)


def _read_json(body: bytes) -> tuple[Any, Any]:
    try:
        data = parse_json(body)
    except ValueError:
        return None, None
    error = next(
        (each for key in ("error", "odata.error", "Error") if (each := data.get(key))), data
    )
    if not isinstance(error, dict):
        return error, None
    several = error.get("errors")
    if isinstance(several, list) and several and isinstance(several[0], dict):
        error = {**error, "code": several[0].get("reason")}
    return error.get("code", error.get("Code")), error.get("message", error.get("Message"))
