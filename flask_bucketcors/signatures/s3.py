"""The request signatures of Amazon S3: Signature Version 4, and the older Version 2.

V4 (S3 API Reference, "Authenticating Requests (AWS Signature Version 4)")::

    CanonicalRequest = method \\n path \\n query \\n headers \\n SignedHeaders \\n payload
    path     as sent, each byte but A-Za-z0-9-_.~/ percent-encoded, once, never normalised
    query    all parameters but X-Amz-Signature, each name=value, encoded, sorted
    headers  those of SignedHeaders, each name:value \\n, blanks trimmed and runs made one
    payload  x-amz-content-sha256: the body's digest in hex, or UNSIGNED-PAYLOAD

The rest is in :mod:`flask_bucketcors.signatures.v4`. Host and every ``x-amz-`` header that
is sent must be among SignedHeaders. Bodies that are signed in chunks (``STREAMING-...``) are
refused.

V2 (S3 User Guide, "Signing and authenticating REST requests") is the signature of
:mod:`flask_bucketcors.signatures.v2`. In a pre-signed URL, the security token is signed as the
header that it replaces (botocore), or as a sub-resource (esdk-obs). No other parameter counts as
a header, because this package does not read others as headers.

Error codes are those of "Error responses". The texts are those of S3, as recorded by other servers
and their test suites.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple

from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.signatures import sub_resources
from flask_bucketcors.signatures.canonical import (
    encode_pairs,
    format_timestamp,
    header_bytes,
    percent_encode,
    query_text,
    signed_date,
    to_bytes,
    vendor_headers,
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
)

_TOKEN_NAMES: Final = ("x-amz-security-token", "X-Amz-Security-Token")
_PAYLOAD_HEADER: Final = "x-amz-content-sha256"
_FIELDS: Final = frozenset({"Credential", "SignedHeaders", "Signature"})
_PARAMETERS: Final = frozenset(
    {
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
    }
)
_OWN: Final = _PARAMETERS | {"X-Amz-Content-Sha256", "X-Amz-Security-Token"}

_DATELESS: Final = "AWS authentication requires a valid Date or x-amz-date header"
_PERIOD_MESSAGES: Final = {
    "date": "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
    "number": "X-Amz-Expires should be a number",
    "length": "X-Amz-Expires must be less than a week (in seconds); that is, the given "
    "X-Amz-Expires must be less than 604800 seconds",
    "early": "Request is not yet valid",
    "expired": "Request has expired",
}
_SCOPES: Final = Scopes(
    "AWS4-HMAC-SHA256",
    "AWS4",
    "s3",
    "aws4_request",
    Refusal.MALFORMED_URL_SIGNATURE,
    _PERIOD_MESSAGES,
)
_CREDENTIAL_PROBLEMS: Final = {
    "day": 'incorrect date format "{0.day}". This date in the credential must be in the '
    'format "yyyyMMdd".',
    "region": "a non-empty region must be provided in the credential.",
    "service": 'incorrect service "{0.service}". This endpoint belongs to "s3".',
    "terminator": 'incorrect terminal "{0.terminator}". This endpoint uses "aws4_request".',
}


class _Authorization(NamedTuple):
    credential: Credential
    signed_headers: str
    signature: str
    timestamp: str
    payload: str


def _is_in_header(request: SignedRequest) -> bool:
    return request.authorization_scheme.startswith("aws4-")


def _is_in_query(request: SignedRequest) -> bool:
    return request.has_parameter(("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"))


def _verify(request: SignedRequest, keys: Keys, demands: Demands) -> Signer:
    """Find out who signed the request.

    :raises SignatureError: with InvalidArgument, InvalidRequest, NotImplemented, AccessDenied,
        AuthorizationHeaderMalformed, AuthorizationQueryParametersError, RequestTimeTooSkewed,
        InvalidAccessKeyId or SignatureDoesNotMatch.
    """
    in_query = _is_in_query(request)
    authorization = (_from_query if in_query else _from_header)(request, demands.now)
    listed = header_names(authorization.signed_headers)
    _check_headers(request, listed, in_query)
    demands.check_headers(listed.__contains__)
    demands.check_parameters(request, lambda name: True, ())
    credential = authorization.credential
    key = signing_key(request, keys, credential.access_key_id, _TOKEN_NAMES)
    texts = partial(_canonical_requests, authorization)
    signing = _SCOPES.signing(credential, authorization.timestamp, texts)
    check_signature(request, authorization.signature, key.secret, signing)
    return Signer(credential.access_key_id, "s3", parse_payload_hash(authorization.payload))


def _from_header(request: SignedRequest, now: float) -> _Authorization:
    algorithm, _, text = request.header("authorization").partition(" ")
    if algorithm.upper() != _SCOPES.algorithm:
        raise SignatureError(Refusal.INVALID_AUTHORIZATION, "Unsupported Authorization Type")
    payload = _payload(request, required=True)
    _, time = signed_date(request, "x-amz-date", now, dateless=_DATELESS)
    timestamp = format_timestamp(time)
    fields = parse_fields(text)
    if fields is None or fields.keys() != _FIELDS:
        raise _malformed(
            "the authorization header requires three components: Credential, SignedHeaders, "
            "and Signature."
        )
    credential = _credential(fields["Credential"], _malformed)
    if credential.day != timestamp[:8]:
        raise _malformed("Invalid credential date. Date is not the same as X-Amz-Date.")
    return _Authorization(
        credential, fields["SignedHeaders"], fields["Signature"], timestamp, payload
    )


def _malformed(text: str) -> SignatureError:
    message = f"The authorization header is malformed; {text}"
    return SignatureError(Refusal.MALFORMED_AUTHORIZATION, message)


def _from_query(request: SignedRequest, now: float) -> _Authorization:
    values = single_values(request, _PARAMETERS)
    if values is None or values.keys() != _PARAMETERS:
        raise _malformed_query(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, "
            "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
            "X-Amz-Expires parameters."
        )
    if values["X-Amz-Algorithm"] != _SCOPES.algorithm:
        raise _malformed_query('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
    timestamp = values["X-Amz-Date"]
    _SCOPES.check_period(timestamp, values["X-Amz-Expires"], now)
    credential = _credential(values["X-Amz-Credential"], _malformed_parameter)
    if credential.day != timestamp[:8]:
        raise _malformed_query(
            f'Invalid credential date "{credential.day}". This date is not the same as '
            f'X-Amz-Date: "{timestamp[:8]}".'
        )
    return _Authorization(
        credential,
        values["X-Amz-SignedHeaders"],
        values["X-Amz-Signature"],
        timestamp,
        _payload(request, required=False),
    )


def _malformed_query(text: str) -> SignatureError:
    return SignatureError(Refusal.MALFORMED_URL_SIGNATURE, text)


def _malformed_parameter(text: str) -> SignatureError:
    return _malformed_query(f"Error parsing the X-Amz-Credential parameter; {text}")


def _credential(text: str, refused: Callable[[str], SignatureError]) -> Credential:
    credential = parse_credential(text)
    if credential is None:
        raise refused(
            "the Credential is mal-formed; expecting "
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        )
    problem = _SCOPES.problem(credential)
    if problem is not None:
        shown = Credential(*(ascii(part)[1:-1][:64] for part in credential))
        raise refused(_CREDENTIAL_PROBLEMS[problem].format(shown))
    return credential


def _payload(request: SignedRequest, *, required: bool) -> str:
    sent = request.headers.get(_PAYLOAD_HEADER)
    if sent is None:
        if required:
            raise SignatureError(
                Refusal.INVALID_REQUEST,
                f"Missing required header for this request: {_PAYLOAD_HEADER}",
            )
        sent = request.parameter("X-Amz-Content-Sha256") or UNSIGNED_PAYLOAD
    if sent.startswith("STREAMING-"):
        raise SignatureError(
            Refusal.NOT_IMPLEMENTED,
            "This server does not read bodies that are signed in chunks; send "
            f"{_PAYLOAD_HEADER} as the SHA-256 of the body or UNSIGNED-PAYLOAD.",
        )
    if sent != UNSIGNED_PAYLOAD and parse_payload_hash(sent) is None:
        raise SignatureError(
            Refusal.INVALID_AUTHORIZATION,
            f"{_PAYLOAD_HEADER} must be UNSIGNED-PAYLOAD or a valid sha256 value.",
        )
    return sent


def _check_headers(request: SignedRequest, listed: tuple[str, ...], in_query: bool) -> None:
    needed = {"host", *vendor_headers(request, "x-amz-")}
    if in_query:
        # It is signed in any case, as a line of its own.
        needed.discard(_PAYLOAD_HEADER)
    if not needed.issubset(listed):
        raise SignatureError(
            Refusal.ACCESS_DENIED,
            "There were headers present in the request which were not signed",
        )


def _canonical_queries(request: SignedRequest) -> Iterator[str]:
    pairs = encode_pairs(pair for pair in request.query if pair[0] != "X-Amz-Signature")
    yield "&".join(f"{name}={value}" for name, value in pairs)
    # curl 7.88 (Debian 12) signs a parameter without a value without "=".
    yield query_text(pairs)


def _canonical_requests(authorization: _Authorization, request: SignedRequest) -> Iterator[bytes]:
    listed, payload = authorization.signed_headers, authorization.payload
    path = percent_encode(request.path, safe="/")
    for query in _canonical_queries(request):
        for host in request.hosts():
            headers = {**request.headers, "host": host}
            names = header_names(listed)
            lines = [to_bytes(name) + b":" + _trimmed(headers.get(name, "")) for name in names]
            yield joined((request.method, path, query, *lines, "", listed, payload))


def _trimmed(value: str) -> bytes:
    return b" ".join(header_bytes(value).split())


S3_V4: Final = Scheme("S3 V4", "s3", _OWN, _is_in_header, _is_in_query, _verify)

S3_V2: Final = Vendor(
    title="S3 V2",
    dialect="s3",
    name="AWS",
    prefix="x-amz-",
    key_parameter="AWSAccessKeyId",
    token_names=_TOKEN_NAMES,
    sub_resources=sub_resources.S3,
    signs_prefixed=False,
    moved_header="x-amz-security-token",
    encodes_path=True,
    repeats_date=False,
    malformed="AWS authorization header is invalid.  Expected AwsAccessKeyId:signature",
    dateless=_DATELESS,
    expired="Request has expired",
).scheme
