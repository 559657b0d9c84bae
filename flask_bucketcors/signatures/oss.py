"""The request signatures of Alibaba Cloud OSS: versions 1, 2 and 4.

V1 (OSS documentation, "Include a V1 signature in the Authorization header" and "Add signatures
to a URL") is the signature of :mod:`flask_bucketcors.signatures.v2`; ``x-oss-date``
takes the place of Date. The list of sub-resources is that of oss2 (2.19, ``oss2/auth.py``),
alibabacloud-oss-v2 and ali-oss.

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
sub-resource: whoever signs URLs for keys that others choose should sign them with V4.

Codes and texts are those that the service was seen to answer (EC 0002-00000063 and the like);
for pre-signed URLs, V1, those of "Add signatures to a URL".
"""

import hmac
import re
from base64 import b64encode
from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.signatures.canonical import (
    check_skew,
    encode_pairs,
    format_timestamp,
    header_bytes,
    parse_date,
    percent_encode,
    query_text,
    resource_path,
    to_bytes,
)
from flask_bucketcors.signatures.keys import Keys
from flask_bucketcors.signatures.scheme import (
    Demands,
    Scheme,
    SignatureError,
    Signer,
    check_signature,
    signing_key,
    single_values,
)
from flask_bucketcors.signatures.signed_request import SignedRequest
from flask_bucketcors.signatures.v2 import Vendor
from flask_bucketcors.signatures.v4 import (
    UNSIGNED_PAYLOAD,
    Credential,
    Scopes,
    header_names,
    joined,
    parse_credential,
    parse_fields,
    parse_payload_hash,
    period_problem,
)

_PREFIX: Final = "x-oss-"
# The second is V1's in a URL; alibabacloud-oss-v2 sends it as a header, too, unsigned.
_TOKEN_NAMES: Final = ("x-oss-security-token", "security-token")
_STANDARD_HEADERS: Final = frozenset({"content-md5", "content-type"})
_ADDITIONAL: Final = "x-oss-additional-headers"
_DATELESS: Final = "OSS authentication requires a valid Date."
_EXPIRED: Final = "Request has expired."
_HEADER_INVALID: Final = "Authorization header is invalid."
_PERIOD_PROBLEMS: Final[Mapping[str | None, str]] = {
    "date": "x-oss-date must be like 20261122T044946Z.",
    "number": "x-oss-expires must be a number of seconds.",
    "length": "x-oss-expires must be 1 to 604800 seconds.",
}
_CREDENTIAL_PROBLEMS: Final = {
    "day": "date",
    "region": "region",
    "service": "product",
    "terminator": "version",
}
_NUMBER: Final = re.compile(r"[0-9]{1,11}")

_SCOPES: Final = Scopes("OSS4-HMAC-SHA256", "aliyun_v4", "oss", "aliyun_v4_request")
_V2_FIELDS: Final = frozenset({"AccessKeyId", "AdditionalHeaders", "Signature"})
_V2_PARAMETERS: Final = frozenset(
    {
        _ADDITIONAL,
        "x-oss-access-key-id",
        "x-oss-expires",
        "x-oss-signature",
        "x-oss-signature-version",
    }
)
_V4_FIELDS: Final = frozenset({"Credential", "AdditionalHeaders", "Signature"})
_V4_PARAMETERS: Final = frozenset(
    {
        _ADDITIONAL,
        "x-oss-credential",
        "x-oss-date",
        "x-oss-expires",
        "x-oss-signature",
        "x-oss-signature-version",
    }
)

_SUB_RESOURCES: Final = """
    accessPoint accessPointPolicy acl append asyncFetch bucketArchiveDirectRead bucketInfo
    callback callback-var cloudboxes cname comp continuation-token cors delete encryption endTime
    group httpsConfig img inventory inventoryId lifecycle link live location logging metaQuery
    objectInfo objectMeta partNumber policy position publicAccessBlock qos qosInfo qosRequester
    redundancyTransition referer regionList replication replicationLocation replicationProgress
    requestPayment requesterQosInfo resourceGroup resourcePool resourcePoolBuckets
    resourcePoolInfo response-cache-control response-content-disposition
    response-content-encoding response-content-language response-content-type response-expires
    restore security-token sequential startTime stat status style styleName symlink tagging
    transferAcceleration uploadId uploads versionId versioning versions vod website worm wormExtend
    wormId x-oss-ac-forward-allow x-oss-ac-source-ip x-oss-ac-subnet-mask x-oss-ac-vpc-id
    x-oss-access-point-name x-oss-async-process x-oss-process x-oss-redundancy-transition-taskid
    x-oss-request-payer x-oss-target-redundancy-type x-oss-traffic-limit
    x-oss-write-get-object-response
"""

OSS_V1: Final = Vendor(
    dialect="oss",
    name="OSS",
    prefix=_PREFIX,
    key_parameter="OSSAccessKeyId",
    token_names=_TOKEN_NAMES,
    sub_resources=frozenset(_SUB_RESOURCES.split()),
    signs_prefixed=False,
    moved_header=None,
    encodes_path=False,
    repeats_date=True,
    malformed=_HEADER_INVALID,
    dateless=_DATELESS,
    expired=_EXPIRED,
).scheme


class _Authorization(NamedTuple):
    """What V2 and V4 say; ``additional`` names the headers that the client chose to sign."""

    access_key_id: str
    additional: tuple[str, ...]
    signature: str


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

    return _accept(request, keys, demands, authorization, sign)


def _v2_from_header(request: SignedRequest, now: float) -> tuple[_Authorization, str]:
    _, _, text = request.header("authorization").partition(" ")
    fields = parse_fields(text, ":") or {}
    if fields.keys() | {"AdditionalHeaders"} != _V2_FIELDS:
        raise _invalid()
    date, _ = _header_date(request, now)
    additional = header_names(fields.get("AdditionalHeaders", ""))
    return _Authorization(fields["AccessKeyId"], additional, fields["Signature"]), date


def _v2_from_query(request: SignedRequest, now: float) -> tuple[_Authorization, str]:
    values = _single_values(request, _V2_PARAMETERS)
    expires = values["x-oss-expires"]
    if not _NUMBER.fullmatch(expires):
        raise SignatureError(Refusal.ACCESS_DENIED, "x-oss-expires must be seconds since 1970.")
    if int(expires) < now:
        raise SignatureError(Refusal.ACCESS_DENIED, _EXPIRED)
    additional = header_names(values.get(_ADDITIONAL, ""))
    return (
        _Authorization(values["x-oss-access-key-id"], additional, values["x-oss-signature"]),
        expires,
    )


def _v2_string_to_sign(
    request: SignedRequest, additional: tuple[str, ...], date: str, host: str
) -> bytes:
    query = _signed_query(request)
    return joined(
        (
            request.method,
            header_bytes(request.header("content-md5")),
            header_bytes(request.header("content-type")),
            header_bytes(date),
            *_header_lines(request, host, additional),
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

    signer = _accept(request, keys, demands, authorization, sign)
    return signer._replace(payload_sha256=digest)


_V4 = tuple[_Authorization, Credential, str]


def _v4_from_header(request: SignedRequest, now: float) -> _V4:
    algorithm, _, text = request.header("authorization").partition(" ")
    fields = parse_fields(text, "=") or {}
    known = fields.keys() | {"AdditionalHeaders"} == _V4_FIELDS
    if algorithm.upper() != _SCOPES.algorithm or not known:
        raise _invalid()
    _, time = _header_date(request, now)
    timestamp = format_timestamp(time)
    credential = _credential(fields["Credential"], timestamp, "Authorization header")
    additional = header_names(fields.get("AdditionalHeaders", ""))
    return (
        _Authorization(credential.access_key_id, additional, fields["Signature"]),
        credential,
        timestamp,
    )


def _v4_from_query(request: SignedRequest, now: float) -> _V4:
    values = _single_values(request, _V4_PARAMETERS)
    if values["x-oss-signature-version"] != _SCOPES.algorithm:
        raise _invalid(f"x-oss-signature-version must be {_SCOPES.algorithm}.")
    timestamp = values["x-oss-date"]
    _check_period(timestamp, values["x-oss-expires"], now)
    credential = _credential(values["x-oss-credential"], timestamp, "x-oss-credential")
    additional = header_names(values.get(_ADDITIONAL, ""))
    return (
        _Authorization(credential.access_key_id, additional, values["x-oss-signature"]),
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


def _check_period(timestamp: str, expires: str, now: float) -> None:
    problem = period_problem(timestamp, expires, now)
    if problem in _PERIOD_PROBLEMS:
        raise _invalid(_PERIOD_PROBLEMS[problem])
    if problem is not None:
        raise SignatureError(Refusal.ACCESS_DENIED, f"Request {problem}.")


def _v4_canonical(
    request: SignedRequest, additional: tuple[str, ...], payload: str, host: str
) -> bytes:
    return joined(
        (
            request.method,
            percent_encode(resource_path(request), safe="/"),
            _signed_query(request),
            *_header_lines(request, host, {*_STANDARD_HEADERS, *additional}),
            "",
            ";".join(sorted(additional)),
            payload,
        )
    )


def _accept(
    request: SignedRequest,
    keys: Keys,
    demands: Demands,
    authorization: _Authorization,
    sign: Callable[[str, str], str],
) -> Signer:
    """Give the signer, if ``sign(secret, host)`` computes what was sent."""
    covered = {*_STANDARD_HEADERS, *authorization.additional}
    demands.check_headers(lambda name: name.startswith(_PREFIX) or name in covered)
    demands.check_parameters(request, lambda name: True, ())
    key = signing_key(request, keys, authorization.access_key_id, _TOKEN_NAMES)
    expected = (sign(key.secret, host) for host in request.hosts())
    check_signature(authorization.signature, expected)
    return Signer(authorization.access_key_id, "oss")


def _invalid(text: str = _HEADER_INVALID) -> SignatureError:
    return SignatureError(Refusal.INVALID_AUTHORIZATION, text)


def _header_date(request: SignedRequest, now: float) -> tuple[str, float]:
    date = request.headers.get("x-oss-date", request.header("date"))
    time = parse_date(date)
    if time is None:
        raise SignatureError(Refusal.ACCESS_DENIED, _DATELESS)
    check_skew(time, now)
    return date, time


def _single_values(request: SignedRequest, names: frozenset[str]) -> dict[str, str]:
    values = single_values(request, names)
    if values is None or values.keys() | {_ADDITIONAL} != names:
        raise SignatureError(
            Refusal.ACCESS_DENIED,
            "Query-string authentication requires each of the parameters "
            f"{', '.join(sorted(names - {_ADDITIONAL}))} once",
        )
    return values


def _header_lines(request: SignedRequest, host: str, names: Collection[str]) -> list[bytes]:
    headers = {**request.headers, "host": host}
    return [
        to_bytes(name) + b":" + header_bytes(headers[name])
        for name in sorted(headers)
        if name.startswith(_PREFIX) or name in names
    ]


def _signed_query(request: SignedRequest) -> str:
    pairs = (pair for pair in request.query if pair[0] != "x-oss-signature")
    return query_text(encode_pairs(pairs))


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
