"""The forms in which requests are signed: percent-encoding, queries, headers and dates."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import mktime_tz, parsedate_tz
from typing import Final
from urllib.parse import quote

from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.signatures.scheme import SignatureError
from flask_bucketcors.signatures.signed_request import SignedRequest

#: How much the clocks of client and server may differ, in seconds. For all four vendors, it is 15
#: minutes: COS 436/7730 and OSS "Error responses" (RequestTimeTooSkewed), S3 "Signing and
#: authenticating REST requests" (time stamp requirement), OBS obs_04_0115.
MAX_SKEW_SECONDS: Final = 15 * 60

_SECONDS: Final = re.compile(r"[0-9]{1,11}")
_TIMESTAMP: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z")


def to_bytes(text: str) -> bytes:
    """Encode a path, a parameter, a bucket's name or a key."""
    return text.encode("utf-8", "surrogateescape")


def header_bytes(text: str) -> bytes:
    """Encode the value of a header, which WSGI passes decoded as latin-1."""
    return text.encode("latin-1", "replace")


def percent_encode(text: str | bytes, safe: str = "") -> str:
    """Encode every byte but ``A-Za-z0-9-_.~``, and those in ``safe``, in upper-case hex."""
    return quote(to_bytes(text) if isinstance(text, str) else text, safe=safe)


def encode_pairs(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Percent-encode names and values, and sort them as the V4 schemes do."""
    return sorted((percent_encode(name), percent_encode(value)) for name, value in pairs)


def query_text(pairs: Iterable[tuple[str, str]]) -> str:
    """Join parameters, without ``=`` if the value is empty, as OSS, S3 V2 and OBS sign them."""
    return "&".join(f"{name}={value}" if value else name for name, value in pairs)


def resource_path(request: SignedRequest) -> bytes:
    """``/bucket/key``, in path style and virtual-host style; ``/`` if there is no bucket."""
    return to_bytes(f"/{request.bucket}/{request.key}" if request.bucket else "/")


def vendor_headers(request: SignedRequest, prefix: str) -> list[str]:
    """The names of the headers that begin with a vendor's prefix, sorted."""
    return sorted(name for name in request.headers if name.startswith(prefix))


def parse_timestamp(text: str) -> float | None:
    """Parse ``20261122T044946Z`` as seconds since 1970; None if it does not have this form."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    try:
        return datetime(*map(int, match.groups()), tzinfo=UTC).timestamp()  # type: ignore[misc, arg-type]
    except ValueError:
        return None


def format_timestamp(time: float) -> str:
    """Format seconds since 1970 as ``20261122T044946Z``."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y%m%dT%H%M%SZ")


def parse_date(text: str) -> float | None:
    """Parse the date of a request, RFC 9110 or ``20261122T044946Z``; None if it is neither."""
    timestamp = parse_timestamp(text)
    if timestamp is not None:
        return timestamp
    try:
        parsed = parsedate_tz(text[:64])
        time = None if parsed is None else float(mktime_tz(parsed))
    except (ValueError, OverflowError, TypeError, IndexError):
        # The parser is lenient, and does not handle everything that it accepts.
        return None
    return time


def signed_date(
    request: SignedRequest, header: str, now: float, *, dateless: str
) -> tuple[str, float]:
    """Give the time when a request was signed, as sent and in seconds since 1970.

    :param header: the vendor's own header, which replaces Date.
    :param dateless: the message for a request without a date.
    :raises SignatureError: if there is no date, or it is over 15 minutes in the past or future.
    """
    date = request.headers.get(header, request.header("date"))
    time = parse_date(date)
    if time is None:
        raise SignatureError(Refusal.ACCESS_DENIED, dateless)
    if abs(now - time) > MAX_SKEW_SECONDS:
        raise SignatureError(Refusal.CLOCK_SKEWED)
    return date, time


def check_expires(text: str, now: float, *, malformed: str, expired: str) -> None:
    """Check the time at which a pre-signed URL expires, in seconds since 1970.

    :param malformed: the message for a text that is not such a time.
    :param expired: the message for a time in the past.
    :raises SignatureError: ``Refusal.ACCESS_DENIED``.
    """
    if not _SECONDS.fullmatch(text):
        raise SignatureError(Refusal.ACCESS_DENIED, malformed)
    if int(text) < now:
        raise SignatureError(Refusal.ACCESS_DENIED, expired)
