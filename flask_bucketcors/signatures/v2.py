"""The signature over a resource and its sub-resources that OSS V1, S3 V2 and OBS share.

Facts::

    StringToSign = method \\n Content-MD5 \\n Content-Type \\n date \\n
                   headers of the vendor, each name:value \\n
                   /bucket/key [? sub-resources]
    Signature    = base64(HMAC-SHA1(secret, StringToSign))

In a header, it is ``Authorization: NAME key-id:signature``. A query has the key's id, ``Expires``
and ``Signature``; ``Expires``, in seconds since 1970, then replaces the date.

The signature covers only the listed sub-resources of the query, and the headers named above. It
covers the bucket in every style of URL, but not the Host. If no header of the vendor is sent, the
three signatures for the same secret are the same: one that is sent under the name of another
vendor is valid for the same call, and for no other.
"""

import hmac
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.signatures.canonical import (
    check_expires,
    header_bytes,
    percent_encode,
    query_text,
    resource_path,
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
    Signing,
    check_signature,
    signing_key,
    single_values,
)
from flask_bucketcors.signatures.signed_request import SignedRequest

_STANDARD_HEADERS: Final = ("content-md5", "content-type")

# These parameters narrow or continue a listing. No vendor signs them, and SDKs send them together
# with uploads and uploadId.
_LISTING: Final = frozenset(
    {
        "delimiter",
        "encoding-type",
        "key-marker",
        "marker",
        "max-keys",
        "max-parts",
        "max-uploads",
        "part-number-marker",
        "prefix",
        "upload-id-marker",
    }
)


class _Authorization(NamedTuple):
    access_key_id: str
    signature: str
    date: str


@dataclass(frozen=True, slots=True)
class Vendor:
    """What differs between the three vendors.

    :param title: the name of the scheme.
    :param name: the first word of the Authorization header.
    :param prefix: the prefix of the vendor's headers.
    :param key_parameter: the query parameter with the key's id.
    :param token_names: the headers and parameters that may contain a security token.
    :param sub_resources: the parameters that are signed.
    :param signs_prefixed: whether parameters with the vendor's prefix are signed, too.
    :param moved_header: a header that is in the query of a pre-signed URL, and is signed as a
        header or as a sub-resource.
    :param encodes_path: whether the path is signed as it is sent, percent-encoded.
    :param repeats_date: whether the line of Date contains the vendor's date header if that is
        sent; otherwise, it is empty.
    :param malformed: the message for an Authorization that is not ``key-id:signature``.
    :param dateless: the message for a request without a date.
    :param expired: the message for a pre-signed URL that has expired.
    """

    title: str
    dialect: str
    name: str
    prefix: str
    key_parameter: str
    token_names: tuple[str, ...]
    sub_resources: frozenset[str]
    signs_prefixed: bool
    moved_header: str | None
    encodes_path: bool
    repeats_date: bool
    malformed: str
    dateless: str
    expired: str

    @property
    def scheme(self) -> Scheme:
        """The scheme of this vendor."""
        return Scheme(
            self.title,
            self.dialect,
            self._own,
            self._is_in_header,
            self._is_in_query,
            self._verify,
        )

    @property
    def _own(self) -> frozenset[str]:
        return frozenset({self.key_parameter, "Expires", "Signature", *self.token_names})

    def _is_in_header(self, request: SignedRequest) -> bool:
        return request.authorization_scheme == self.name.lower()

    def _is_in_query(self, request: SignedRequest) -> bool:
        return request.parameter(self.key_parameter) is not None

    def _verify(self, request: SignedRequest, keys: Keys, demands: Demands) -> Signer:
        read = self._from_query if self._is_in_query(request) else self._from_header
        authorization = read(request, demands.now)
        demands.check_headers(self._covers_header)
        demands.check_parameters(request, self._covers_parameter, self._own | _LISTING)
        key = signing_key(request, keys, authorization.access_key_id, self.token_names)
        texts = partial(self._strings_to_sign, authorization.date)
        check_signature(request, authorization.signature, key.secret, Signing(texts, None, _mac))
        return Signer(authorization.access_key_id, self.dialect)

    def _from_header(self, request: SignedRequest, now: float) -> _Authorization:
        _, _, credentials = request.header("authorization").partition(" ")
        access_key_id, _, signature = credentials.partition(":")
        if not access_key_id or not signature:
            raise SignatureError(Refusal.INVALID_AUTHORIZATION, self.malformed)
        header = f"{self.prefix}date"
        date, _ = signed_date(request, header, now, dateless=self.dateless)
        line = "" if header in request.headers and not self.repeats_date else date
        return _Authorization(access_key_id, signature, line)

    def _from_query(self, request: SignedRequest, now: float) -> _Authorization:
        names = (self.key_parameter, "Signature", "Expires")
        values = single_values(request, names)
        if values is None or len(values) < len(names):
            raise SignatureError(
                Refusal.ACCESS_DENIED,
                "Query-string authentication requires the Signature, Expires and "
                f"{self.key_parameter} parameters",
            )
        expires = values["Expires"]
        malformed = "Invalid date (should be seconds since epoch)"
        check_expires(expires, now, malformed=malformed, expired=self.expired)
        return _Authorization(values[self.key_parameter], values["Signature"], expires)

    def _covers_header(self, name: str) -> bool:
        return name.startswith(self.prefix) or name in _STANDARD_HEADERS

    def _covers_parameter(self, name: str) -> bool:
        return name == self.moved_header or self._is_sub_resource(name)

    def _is_sub_resource(self, name: str) -> bool:
        return name in self.sub_resources or (
            self.signs_prefixed and name.lower().startswith(self.prefix)
        )

    def _strings_to_sign(self, date: str, request: SignedRequest) -> Iterator[bytes]:
        """The texts that may have been signed: different forms of the same request."""
        values = (request.method, request.header("content-md5"), request.header("content-type"))
        lines = [header_bytes(value) for value in (*values, date)]
        listed = [pair for pair in request.query if self._is_sub_resource(pair[0])]
        moved = [pair for pair in request.query if pair[0] == self.moved_header]
        for in_headers, in_resource in ((moved, []), ([], moved)):
            headers = self._vendor_headers(request, in_headers)
            for resource in self._resources(request, sorted(listed + in_resource)):
                yield b"\n".join((*lines, *headers, resource))

    def _vendor_headers(self, request: SignedRequest, moved: list[tuple[str, str]]) -> list[bytes]:
        headers = [
            (name, header_bytes(request.headers[name]))
            for name in vendor_headers(request, self.prefix)
        ]
        headers += [(name, to_bytes(value)) for name, value in moved]
        return [to_bytes(name) + b":" + value for name, value in sorted(headers)]

    def _resources(
        self, request: SignedRequest, sub_resources: list[tuple[str, str]]
    ) -> Iterator[bytes]:
        path = resource_path(request)
        if self.encodes_path:
            path = percent_encode(path, safe="/").encode()
        query = b"?" + to_bytes(query_text(sub_resources)) if sub_resources else b""
        yield path + query
        if request.bucket and not request.key:
            # Some SDKs omit the slash after the bucket if they do not send it.
            yield path[:-1] + query


def _mac(secret: str, text: bytes) -> str:
    return b64encode(hmac.digest(secret.encode(), text, "sha1")).decode()
