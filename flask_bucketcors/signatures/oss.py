"""The request signatures of Alibaba Cloud OSS: versions 1, 2 and 4.

V1 (OSS documentation, "Include a V1 signature in the Authorization header" and "Add signatures
to a URL") is the signature of :mod:`flask_bucketcors.signatures.v2`; ``x-oss-date``
takes the place of Date.

V2 has no page any more; what it signs is taken from oss2::

    StringToSign = method \\n Content-MD5 \\n Content-Type \\n date \\n
                   headers x-oss-* and additional ones, each name:value \\n
                   names of the additional ones with ";" \\n
                   percent-encoded /bucket/key, slashes too, and the whole query
    Signature    = base64(HMAC-SHA256(secret, StringToSign))

V4 ("Include a V4 signature in the Authorization header")::

    CanonicalRequest = method \\n percent-encoded /bucket/key \\n query \\n
                       headers x-oss-*, content-type, content-md5 and additional ones \\n
                       names of the additional ones with ";" \\n payload
    query    all parameters but x-oss-signature, name=value or name alone, encoded, sorted
    payload  x-oss-content-sha256 where it is sent, UNSIGNED-PAYLOAD otherwise

The rest is in :mod:`flask_bucketcors.signatures.v4`. The bucket is signed in whatever style
it is addressed, and the Host only if the client lists it as an additional header.

V1 signs keys and values as they are, so that it cannot tell the object ``?cors`` from the
sub-resource: sign URLs for keys that others choose with V4.

Codes and texts are those of responses of the service (EC 0002-00000063 and the like);
for pre-signed URLs, V1, those of "Add signatures to a URL".
"""

import hmac
from base64 import b64encode
from typing import Final

from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.signatures import sub_resources
from flask_bucketcors.signatures.additional_headers import (
    ADDITIONAL,
    PREFIX,
    STANDARD_HEADERS,
    TOKEN_NAMES,
    OSSAuthorization,
    accept,
    header_lines,
    signed_query,
)
from flask_bucketcors.signatures.canonical import (
    check_expires,
    format_timestamp,
    header_bytes,
    percent_encode,
    resource_path,
    signed_date,
)
from flask_bucketcors.signatures.keys import Keys
from flask_bucketcors.signatures.scheme import (
    Demands,
    Scheme,
    SignatureError,
    Signer,
    single_values,
)
from flask_bucketcors.signatures.signed_request import SignedRequest
from flask_bucketcors.signatures.v2 import Vendor
from flask_bucketcors.signatures.v4 import (
    UNSIGNED_PAYLOAD,
    Credential,
    Scopes,
    check_period,
    header_names,
    joined,
    parse_credential,
    parse_fields,
    parse_payload_hash,
)

_DATELESS: Final = "OSS authentication requires a valid Date."
_EXPIRED: Final = "Request has expired."
_HEADER_INVALID: Final = "Authorization header is invalid."
_PERIOD_MESSAGES: Final = {
    "date": "x-oss-date must be like 20261122T044946Z.",
    "number": "x-oss-expires must be a number of seconds.",
    "length": "x-oss-expires must be 1 to 604800 seconds.",
    "early": "Request is not yet valid.",
    "expired": _EXPIRED,
}
_CREDENTIAL_PROBLEMS: Final = {
    "day": "date",
    "region": "region",
    "service": "product",
    "terminator": "version",
}

_SCOPES: Final = Scopes("OSS4-HMAC-SHA256", "aliyun_v4", "oss", "aliyun_v4_request")
_V2_FIELDS: Final = frozenset({"AccessKeyId", "AdditionalHeaders", "Signature"})
_V2_PARAMETERS: Final = frozenset(
    {
        ADDITIONAL,
        "x-oss-access-key-id",
        "x-oss-expires",
        "x-oss-signature",
        "x-oss-signature-version",
    }
)
_V4_FIELDS: Final = frozenset({"Credential", "AdditionalHeaders", "Signature"})
_V4_PARAMETERS: Final = frozenset(
    {
        ADDITIONAL,
        "x-oss-credential",
        "x-oss-date",
        "x-oss-expires",
        "x-oss-signature",
        "x-oss-signature-version",
    }
)

OSS_V1: Final = Vendor(
    dialect="oss",
    name="OSS",
    prefix=PREFIX,
    key_parameter="OSSAccessKeyId",
    token_names=TOKEN_NAMES,
    sub_resources=sub_resources.OSS,
    signs_prefixed=False,
    moved_header=None,
    encodes_path=False,
    repeats_date=True,
    malformed=_HEADER_INVALID,
    dateless=_DATELESS,
    expired=_EXPIRED,
).scheme


def _is_v2_in_header(request: SignedRequest) -> bool:
    return request.authorization_scheme == "oss2"


def _is_v2_in_query(request: SignedRequest) -> bool:
    return request.parameter("x-oss-signature-version") == "OSS2"


def _verify_v2(request: SignedRequest, keys: Keys, demands: Demands) -> Signer:
    read = _v2_from_query if _is_v2_in_query(request) else _v2_from_header
    authorization, date = read(request, demands.now)

    def sign(secret: str, host: str) -> str:
        text = _v2_string_to_sign(request, authorization.additional, date, host)
        return b64encode(hmac.digest(secret.encode(), text, "sha256")).decode()

    return accept(request, keys, demands, authorization, sign)


def _v2_from_header(request: SignedRequest, now: float) -> tuple[OSSAuthorization, str]:
    _, _, text = request.header("authorization").partition(" ")
    fields = parse_fields(text, ":") or {}
    if fields.keys() | {"AdditionalHeaders"} != _V2_FIELDS:
        raise _invalid()
    date, _ = signed_date(request, "x-oss-date", now, dateless=_DATELESS)
    additional = header_names(fields.get("AdditionalHeaders", ""))
    return OSSAuthorization(fields["AccessKeyId"], additional, fields["Signature"]), date


def _v2_from_query(request: SignedRequest, now: float) -> tuple[OSSAuthorization, str]:
    values = _single_values(request, _V2_PARAMETERS)
    expires = values["x-oss-expires"]
    malformed = "x-oss-expires must be seconds since 1970."
    check_expires(expires, now, malformed=malformed, expired=_EXPIRED)
    additional = header_names(values.get(ADDITIONAL, ""))
    return (
        OSSAuthorization(values["x-oss-access-key-id"], additional, values["x-oss-signature"]),
        expires,
    )


def _v2_string_to_sign(
    request: SignedRequest, additional: tuple[str, ...], date: str, host: str
) -> bytes:
    query = signed_query(request)
    return joined(
        (
            request.method,
            header_bytes(request.header("content-md5")),
            header_bytes(request.header("content-type")),
            header_bytes(date),
            *header_lines(request, host, additional),
            ";".join(sorted(additional)),
            percent_encode(resource_path(request)) + (f"?{query}" if query else ""),
        )
    )


def _is_v4_in_header(request: SignedRequest) -> bool:
    return request.authorization_scheme.startswith("oss4-")


def _is_v4_in_query(request: SignedRequest) -> bool:
    names = ("x-oss-signature-version", "x-oss-signature", "x-oss-credential")
    return request.has_parameter(names) and not _is_v2_in_query(request)


def _verify_v4(request: SignedRequest, keys: Keys, demands: Demands) -> Signer:
    read = _v4_from_query if _is_v4_in_query(request) else _v4_from_header
    authorization, credential, timestamp = read(request, demands.now)
    payload = request.headers.get("x-oss-content-sha256", UNSIGNED_PAYLOAD)
    digest = parse_payload_hash(payload)
    if payload != UNSIGNED_PAYLOAD and digest is None:
        raise _invalid("x-oss-content-sha256 must be UNSIGNED-PAYLOAD, or the SHA-256 of the body.")

    def sign(secret: str, host: str) -> str:
        text = _v4_canonical(request, authorization.additional, payload, host)
        return _SCOPES.sign(secret, credential, timestamp, text)

    signer = accept(request, keys, demands, authorization, sign)
    return signer._replace(payload_sha256=digest)


_V4 = tuple[OSSAuthorization, Credential, str]


def _v4_from_header(request: SignedRequest, now: float) -> _V4:
    algorithm, _, text = request.header("authorization").partition(" ")
    fields = parse_fields(text, "=") or {}
    known = fields.keys() | {"AdditionalHeaders"} == _V4_FIELDS
    if algorithm.upper() != _SCOPES.algorithm or not known:
        raise _invalid()
    _, time = signed_date(request, "x-oss-date", now, dateless=_DATELESS)
    timestamp = format_timestamp(time)
    credential = _credential(fields["Credential"], timestamp, "Authorization header")
    additional = header_names(fields.get("AdditionalHeaders", ""))
    return (
        OSSAuthorization(credential.access_key_id, additional, fields["Signature"]),
        credential,
        timestamp,
    )


def _v4_from_query(request: SignedRequest, now: float) -> _V4:
    values = _single_values(request, _V4_PARAMETERS)
    if values["x-oss-signature-version"] != _SCOPES.algorithm:
        raise _invalid(f"x-oss-signature-version must be {_SCOPES.algorithm}.")
    timestamp = values["x-oss-date"]
    check_period(
        timestamp,
        values["x-oss-expires"],
        now,
        malformed=Refusal.INVALID_AUTHORIZATION,
        messages=_PERIOD_MESSAGES,
    )
    credential = _credential(values["x-oss-credential"], timestamp, "x-oss-credential")
    additional = header_names(values.get(ADDITIONAL, ""))
    return (
        OSSAuthorization(credential.access_key_id, additional, values["x-oss-signature"]),
        credential,
        timestamp,
    )


def _credential(text: str, timestamp: str, where: str) -> Credential:
    credential = parse_credential(text)
    if credential is None:
        raise _invalid(f"Invalid signing credential in {where}.")
    problem = _SCOPES.problem(credential)
    if problem is None and credential.day != timestamp[:8]:
        problem = "day"
    if problem is not None:
        raise _invalid(f"Invalid signing {_CREDENTIAL_PROBLEMS[problem]} in {where}.")
    return credential


def _v4_canonical(
    request: SignedRequest, additional: tuple[str, ...], payload: str, host: str
) -> bytes:
    return joined(
        (
            request.method,
            percent_encode(resource_path(request), safe="/"),
            signed_query(request),
            *header_lines(request, host, {*STANDARD_HEADERS, *additional}),
            "",
            ";".join(sorted(additional)),
            payload,
        )
    )


def _invalid(text: str = _HEADER_INVALID) -> SignatureError:
    return SignatureError(Refusal.INVALID_AUTHORIZATION, text)


def _single_values(request: SignedRequest, names: frozenset[str]) -> dict[str, str]:
    values = single_values(request, names)
    if values is None or values.keys() | {ADDITIONAL} != names:
        raise SignatureError(
            Refusal.ACCESS_DENIED,
            "Query-string authentication requires each of the parameters "
            f"{', '.join(sorted(names - {ADDITIONAL}))} once",
        )
    return values


OSS_V2: Final = Scheme(
    "oss", _V2_PARAMETERS | {"security-token"}, _is_v2_in_header, _is_v2_in_query, _verify_v2
)
OSS_V4: Final = Scheme(
    "oss",
    _V4_PARAMETERS | {"x-oss-security-token"},
    _is_v4_in_header,
    _is_v4_in_query,
    _verify_v4,
)
