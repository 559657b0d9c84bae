"""What versions 2 and 4 of OSS share: clients can sign additional headers.

Content-MD5, Content-Type and every header ``x-oss-`` are always signed. The client lists the
headers that it adds, such as Host.
"""

from collections.abc import Collection
from typing import Final

from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.signatures.canonical import (
    encode_pairs,
    header_bytes,
    query_text,
    to_bytes,
)
from flask_bucketcors.signatures.keys import Keys
from flask_bucketcors.signatures.scheme import (
    Demands,
    SignatureError,
    Signer,
    Signing,
    check_signature,
    signing_key,
    single_values,
)
from flask_bucketcors.signatures.signed_request import SignedRequest
from flask_bucketcors.signatures.v4 import parse_fields

PREFIX: Final = "x-oss-"
#: The second is that of V1 in a URL; alibabacloud-oss-v2 also sends it as an unsigned header.
TOKEN_NAMES: Final = ("x-oss-security-token", "security-token")
STANDARD_HEADERS: Final = frozenset({"content-md5", "content-type"})
# The query parameter that lists the headers in a pre-signed URL. It may be missing.
_ADDITIONAL: Final = "x-oss-additional-headers"
#: The query parameters that pre-signed URLs of both versions have.
PARAMETERS: Final = frozenset(
    {_ADDITIONAL, "x-oss-expires", "x-oss-signature", "x-oss-signature-version"}
)
# Query parameters, with the names of the same fields in the Authorization header.
_FIELDS: Final = {
    _ADDITIONAL: "AdditionalHeaders",
    "x-oss-access-key-id": "AccessKeyId",
    "x-oss-credential": "Credential",
    "x-oss-signature": "Signature",
}
HEADER_INVALID: Final = "Authorization header is invalid."

#: The fields of a signature, by their names in the Authorization header. Query parameters that have
#: no such name keep their own.
Fields = dict[str, str]


def invalid(text: str = HEADER_INVALID) -> SignatureError:
    """Give the error for a malformed signature."""
    return SignatureError(Refusal.INVALID_AUTHORIZATION, text)


def header_fields(request: SignedRequest, key: str, separator: str) -> Fields:
    """Read the fields of an Authorization header.

    :param key: the name of the field that holds the access key id.
    :param separator: what stands between the name and the value of a field.
    :raises SignatureError: if a field is missing, unknown or repeated.
    """
    _, _, text = request.header("authorization").partition(" ")
    fields = {"AdditionalHeaders": "", **(parse_fields(text, separator) or {})}
    if fields.keys() != {key, "AdditionalHeaders", "Signature"}:
        raise invalid()
    return fields


def query_fields(request: SignedRequest, names: frozenset[str]) -> Fields:
    """Read the query parameters of a pre-signed URL.

    :raises SignatureError: if a parameter is missing or repeated.
    """
    values = {_ADDITIONAL: "", **(single_values(request, names) or {})}
    if values.keys() != names:
        raise SignatureError(
            Refusal.ACCESS_DENIED,
            "Query-string authentication requires each of the parameters "
            f"{', '.join(sorted(names - {_ADDITIONAL}))} once",
        )
    return {_FIELDS.get(name, name): value for name, value in values.items()}


def accept(
    request: SignedRequest,
    keys: Keys,
    demands: Demands,
    access_key_id: str,
    signature: str,
    additional: Collection[str],
    signing: Signing,
) -> Signer:
    """Give the signer if the signature is that of the request.

    :param additional: the names of the headers that the client added.
    :raises SignatureError: if it is not, or does not cover what it must.
    """
    covered = {*STANDARD_HEADERS, *additional}
    demands.check_headers(lambda name: name.startswith(PREFIX) or name in covered)
    demands.check_parameters(request, lambda name: True, ())
    key = signing_key(request, keys, access_key_id, TOKEN_NAMES)
    check_signature(request, signature, key.secret, signing)
    return Signer(access_key_id, "oss")


def header_lines(request: SignedRequest, host: str, names: Collection[str]) -> list[bytes]:
    """The lines of headers that begin with ``x-oss-``, and of headers with these names."""
    headers = {**request.headers, "host": host}
    return [
        to_bytes(name) + b":" + header_bytes(headers[name])
        for name in sorted(headers)
        if name.startswith(PREFIX) or name in names
    ]


def signed_query(request: SignedRequest) -> str:
    """The whole query, without the signature, in the form that is signed."""
    pairs = (pair for pair in request.query if pair[0] != "x-oss-signature")
    return query_text(encode_pairs(pairs))
