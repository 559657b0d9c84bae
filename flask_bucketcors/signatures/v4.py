"""What the V4 schemes of S3 and OSS share: a credential with a scope, and its signing key.

Facts::

    Credential   = key-id/YYYYMMDD/region/service/terminator
    StringToSign = algorithm \\n timestamp \\n YYYYMMDD/region/service/terminator \\n
                   hex(SHA256(canonical request))
    SigningKey   = HMAC-SHA256 of terminator, service, region, YYYYMMDD and prefix + secret,
                   from the last to the first, each the key for the one before
    Signature    = hex(HMAC-SHA256(SigningKey, StringToSign))
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.signatures.canonical import MAX_SKEW_SECONDS, parse_timestamp, to_bytes
from flask_bucketcors.signatures.scheme import SignatureError, Signing
from flask_bucketcors.signatures.signed_request import SignedRequest

_DAY: Final = re.compile(r"[0-9]{8}")
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")

# The longest time that a URL may be valid, in seconds: a week. S3 "Authenticating requests: using
# query parameters" (X-Amz-Expires), OSS error 0002-00000232 (x-oss-expires).
_MAX_EXPIRES: Final = 7 * 24 * 60 * 60
_NUMBER: Final = re.compile(r"[0-9]{1,10}")

#: Replaces the digest of a body that the signature does not cover.
UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"


class Credential(NamedTuple):
    """The key of a signature, and its scope. The parts are as sent."""

    access_key_id: str
    day: str
    region: str
    service: str
    terminator: str


@dataclass(frozen=True, slots=True)
class Scopes:
    """What differs between the two vendors.

    :param malformed_url: the refusal of a pre-signed URL whose times are malformed.
    :param period_messages: the messages for an invalid ``date``, for a period that is not a
        ``number`` of seconds or whose ``length`` is out of range, and for a URL that is used too
        ``early`` or has ``expired``.
    """

    algorithm: str
    secret_prefix: str
    service: str
    terminator: str
    malformed_url: Refusal
    period_messages: Mapping[str, str]

    def problem(self, credential: Credential) -> str | None:
        """Name the part of a credential that is wrong, if any."""
        if not _DAY.fullmatch(credential.day):
            return "day"
        if not credential.region:
            return "region"
        if credential.service != self.service:
            return "service"
        return None if credential.terminator == self.terminator else "terminator"

    def check_period(self, timestamp: str, expires: str, now: float) -> None:
        """Check the time of a pre-signed URL.

        :param expires: how many seconds the URL is valid, from ``timestamp`` on.
        :raises SignatureError: ``malformed_url``, or ``Refusal.ACCESS_DENIED`` outside the period.
        """
        problem = _period_problem(timestamp, expires, now)
        if problem:
            outside = problem in ("early", "expired")
            refusal = Refusal.ACCESS_DENIED if outside else self.malformed_url
            raise SignatureError(refusal, self.period_messages[problem])

    def signing(
        self,
        credential: Credential,
        timestamp: str,
        canonical_requests: Callable[[SignedRequest], Iterator[bytes]],
    ) -> Signing:
        """Give how a request is signed."""
        scope = credential[1:]

        def string_to_sign(canonical_request: bytes) -> bytes:
            digest = hashlib.sha256(canonical_request).hexdigest()
            return to_bytes("\n".join((self.algorithm, timestamp, "/".join(scope), digest)))

        def sign(secret: str, text: bytes) -> str:
            key = (self.secret_prefix + secret).encode()
            for part in scope:
                key = hmac.digest(key, to_bytes(part), "sha256")
            return hmac.new(key, text, hashlib.sha256).hexdigest()

        return Signing(canonical_requests, string_to_sign, sign)


def parse_credential(text: str) -> Credential | None:
    """Parse a credential; None if it does not have five parts."""
    parts = text.split("/")
    return Credential(*parts) if len(parts) == 5 and parts[0] else None


def parse_fields(text: str, separator: str = "=") -> dict[str, str] | None:
    """Parse ``name=value, name=value``; None if a name is repeated, or a ``=`` is missing."""
    parts = [part.strip().partition(separator) for part in text.split(",")]
    fields = {name: value for name, found, value in parts if found}
    return fields if len(fields) == len(parts) else None


def _period_problem(timestamp: str, expires: str, now: float) -> str | None:
    time = parse_timestamp(timestamp)
    if time is None:
        return "date"
    if not _NUMBER.fullmatch(expires):
        return "number"
    if not 1 <= int(expires) <= _MAX_EXPIRES:
        return "length"
    if time > now + MAX_SKEW_SECONDS:
        return "early"
    return "expired" if time + int(expires) < now else None


def parse_payload_hash(text: str) -> str | None:
    """Give the digest of a body in lower case; None if it is not a digest."""
    return text.lower() if _SHA256.fullmatch(text) else None


def header_names(listed: str) -> tuple[str, ...]:
    """Split a list of header names at ``;``."""
    return tuple(listed.split(";")) if listed else ()


def joined(lines: Iterable[bytes | str]) -> bytes:
    """Join the lines of a canonical request."""
    return b"\n".join(line if isinstance(line, bytes) else to_bytes(line) for line in lines)
