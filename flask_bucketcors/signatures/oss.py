"""The request signatures of Alibaba Cloud OSS: versions 1, 2 and 4.

V1 (OSS documentation, "Include a V1 signature in the Authorization header" and "Add signatures
to a URL") is the signature of :mod:`flask_bucketcors.signatures.v2`; ``x-oss-date``
takes the place of Date.

V2 is not documented any more. This is how oss2 signs::

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

The rest is in :mod:`flask_bucketcors.signatures.v4`. The bucket is signed in every style of URL,
and the Host only if the client lists it as an additional header.

V1 signs keys and values without encoding, and so cannot distinguish the object ``?cors`` from the
sub-resource. Use V4 to sign URLs for keys that others choose.

Codes and texts are those of responses of the service (such as EC 0002-00000063), and for
pre-signed URLs of V1 those of "Add signatures to a URL".
"""

import hmac
from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from typing import Final

from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.signatures import sub_resources
from flask_bucketcors.signatures.additional_headers import (
    HEADER_INVALID,
    PARAMETERS,
    PREFIX,
    STANDARD_HEADERS,
    TOKEN_NAMES,
    Fields,
    accept,
    header_fields,
    header_lines,
    invalid,
    query_fields,
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
from flask_bucketcors.signatures.scheme import Demands, Scheme, Signer, Signing
from flask_bucketcors.signatures.signed_request import SignedRequest
from flask_bucketcors.signatures.v2 import Vendor
from flask_bucketcors.signatures.v4 import (
    UNSIGNED_PAYLOAD,
    Credential,
    Scopes,
    header_names,
    joined,
    parse_credential,
    parse_payload_hash,
)

_DATELESS: Final = "OSS authentication requires a valid Date."
_EXPIRED: Final = "Request has expired."
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

_SCOPES: Final = Scopes(
    "OSS4-HMAC-SHA256",
    "aliyun_v4",
    "oss",
    "aliyun_v4_request",
    Refusal.INVALID_AUTHORIZATION,
    _PERIOD_MESSAGES,
)
_V2_PARAMETERS: Final = PARAMETERS | {"x-oss-access-key-id"}
_V4_PARAMETERS: Final = PARAMETERS | {"x-oss-credential", "x-oss-date"}

OSS_V1: Final = Vendor(
    title="OSS V1",
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
    malformed=HEADER_INVALID,
    dateless=_DATELESS,
    expired=_EXPIRED,
).scheme


def _is_v2_in_header(request: SignedRequest) -> bool:
    return request.authorization_scheme == "oss2"


def _is_v2_in_query(request: SignedRequest) -> bool:
    return request.parameter("x-oss-signature-version") == "OSS2"


def _verify_v2(request: SignedRequest, keys: Keys, demands: Demands) -> Signer:
    read = _v2_from_query if _is_v2_in_query(request) else _v2_from_header
    fields, date = read(request, demands.now)
    additional = header_names(fields["AdditionalHeaders"])
    signing = Signing(partial(_v2_strings_to_sign, additional, date), None, _v2_sign)
    key_id, signature = fields["AccessKeyId"], fields["Signature"]
    return accept(request, keys, demands, key_id, signature, additional, signing)


def _v2_from_header(request: SignedRequest, now: float) -> tuple[Fields, str]:
    fields = header_fields(request, "AccessKeyId", ":")
    date, _ = signed_date(request, "x-oss-date", now, dateless=_DATELESS)
    return fields, date


def _v2_from_query(request: SignedRequest, now: float) -> tuple[Fields, str]:
    fields = query_fields(request, _V2_PARAMETERS)
    expires = fields["x-oss-expires"]
    malformed = "x-oss-expires must be seconds since 1970."
    check_expires(expires, now, malformed=malformed, expired=_EXPIRED)
    return fields, expires


def _v2_strings_to_sign(
    additional: tuple[str, ...], date: str, request: SignedRequest
) -> Iterator[bytes]:
    query = signed_query(request)
    for host in request.hosts():
        yield joined(
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


def _v2_sign(secret: str, text: bytes) -> str:
    return b64encode(hmac.digest(secret.encode(), text, "sha256")).decode()


def _is_v4_in_header(request: SignedRequest) -> bool:
    return request.authorization_scheme.startswith("oss4-")


def _is_v4_in_query(request: SignedRequest) -> bool:
    names = ("x-oss-signature-version", "x-oss-signature", "x-oss-credential")
    return request.has_parameter(names) and not _is_v2_in_query(request)


def _verify_v4(request: SignedRequest, keys: Keys, demands: Demands) -> Signer:
    read = _v4_from_query if _is_v4_in_query(request) else _v4_from_header
    fields, timestamp, where = read(request, demands.now)
    credential = _credential(fields["Credential"], timestamp, where)
    payload = request.headers.get("x-oss-content-sha256", UNSIGNED_PAYLOAD)
    digest = parse_payload_hash(payload)
    if payload != UNSIGNED_PAYLOAD and digest is None:
        raise invalid("x-oss-content-sha256 must be UNSIGNED-PAYLOAD, or the SHA-256 of the body.")
    additional = header_names(fields["AdditionalHeaders"])
    texts = partial(_v4_canonical_requests, additional, payload)
    signing = _SCOPES.signing(credential, timestamp, texts)
    key_id, signature = credential.access_key_id, fields["Signature"]
    signer = accept(request, keys, demands, key_id, signature, additional, signing)
    return signer._replace(payload_sha256=digest)


# The fields, the timestamp, and where the credential is.
_V4 = tuple[Fields, str, str]


def _v4_from_header(request: SignedRequest, now: float) -> _V4:
    fields = header_fields(request, "Credential", "=")
    if request.authorization_scheme.upper() != _SCOPES.algorithm:
        raise invalid()
    _, time = signed_date(request, "x-oss-date", now, dateless=_DATELESS)
    return fields, format_timestamp(time), "Authorization header"


def _v4_from_query(request: SignedRequest, now: float) -> _V4:
    fields = query_fields(request, _V4_PARAMETERS)
    if fields["x-oss-signature-version"] != _SCOPES.algorithm:
        raise invalid(f"x-oss-signature-version must be {_SCOPES.algorithm}.")
    timestamp = fields["x-oss-date"]
    _SCOPES.check_period(timestamp, fields["x-oss-expires"], now)
    return fields, timestamp, "x-oss-credential"


def _credential(text: str, timestamp: str, where: str) -> Credential:
    credential = parse_credential(text)
    if credential is None:
        raise invalid(f"Invalid signing credential in {where}.")
    problem = _SCOPES.problem(credential)
    if problem is None and credential.day != timestamp[:8]:
        problem = "day"
    if problem is not None:
        raise invalid(f"Invalid signing {_CREDENTIAL_PROBLEMS[problem]} in {where}.")
    return credential


def _v4_canonical_requests(
    additional: tuple[str, ...], payload: str, request: SignedRequest
) -> Iterator[bytes]:
    for host in request.hosts():
        yield joined(
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


OSS_V2: Final = Scheme(
    "OSS V2",
    "oss",
    _V2_PARAMETERS | {"security-token"},
    _is_v2_in_header,
    _is_v2_in_query,
    _verify_v2,
)
OSS_V4: Final = Scheme(
    "OSS V4",
    "oss",
    _V4_PARAMETERS | {"x-oss-security-token"},
    _is_v4_in_header,
    _is_v4_in_query,
    _verify_v4,
)
