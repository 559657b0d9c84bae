"""What versions 2 and 4 of OSS share: they sign the headers that a client adds to the usual ones.

Content-MD5, Content-Type and every header ``x-oss-`` are always signed; the client lists those
that it adds, such as Host.
"""

from collections.abc import Callable, Collection
from typing import Final, NamedTuple

from flask_bucketcors.signatures.canonical import (
    encode_pairs,
    header_bytes,
    query_text,
    to_bytes,
)
from flask_bucketcors.signatures.keys import Keys
from flask_bucketcors.signatures.scheme import Demands, Signer, check_signature, signing_key
from flask_bucketcors.signatures.signed_request import SignedRequest

PREFIX: Final = "x-oss-"
#: The second is V1's in a URL; alibabacloud-oss-v2 sends it as a header, too, unsigned.
TOKEN_NAMES: Final = ("x-oss-security-token", "security-token")
STANDARD_HEADERS: Final = frozenset({"content-md5", "content-type"})
#: The query parameter that lists the headers in a pre-signed URL.
ADDITIONAL: Final = "x-oss-additional-headers"


class OSSAuthorization(NamedTuple):
    """What a signature says of itself.

    :param additional: the names of the headers that the client added.
    """

    access_key_id: str
    additional: tuple[str, ...]
    signature: str


def accept(
    request: SignedRequest,
    keys: Keys,
    demands: Demands,
    authorization: OSSAuthorization,
    sign: Callable[[str, str], str],
) -> Signer:
    """Give the signer, if ``sign(secret, host)`` computes the signature that was sent.

    :raises SignatureError: if it does not, or the signature does not cover what it has to.
    """
    covered = {*STANDARD_HEADERS, *authorization.additional}
    demands.check_headers(lambda name: name.startswith(PREFIX) or name in covered)
    demands.check_parameters(request, lambda name: True, ())
    key = signing_key(request, keys, authorization.access_key_id, TOKEN_NAMES)
    expected = (sign(key.secret, host) for host in request.hosts())
    check_signature(authorization.signature, expected)
    return Signer(authorization.access_key_id, "oss")


def header_lines(request: SignedRequest, host: str, names: Collection[str]) -> list[bytes]:
    """The lines of the headers ``x-oss-`` and of those with these names."""
    headers = {**request.headers, "host": host}
    return [
        to_bytes(name) + b":" + header_bytes(headers[name])
        for name in sorted(headers)
        if name.startswith(PREFIX) or name in names
    ]


def signed_query(request: SignedRequest) -> str:
    """The whole query but for the signature, as it is signed."""
    pairs = (pair for pair in request.query if pair[0] != "x-oss-signature")
    return query_text(encode_pairs(pairs))
