"""The request signature of Tencent COS (document 436/7778, "Request signature").

Facts::

    KeyTime      = "<start>;<end>"                       Unix seconds
    SignKey      = hex(HMAC-SHA1(secret, KeyTime))
    HttpString   = lower(method) \\n decoded path \\n parameters \\n headers \\n
    StringToSign = "sha1" \\n q-sign-time \\n hex(SHA1(HttpString)) \\n
    Signature    = hex(HMAC-SHA1(SignKey as its 40 hex characters, StringToSign))

The seven ``q-`` fields stand in the Authorization header or, for pre-signed URLs, in the
query; they do not sign themselves. Only the items that ``q-header-list`` and
``q-url-param-list`` name are covered, which is why the callers of :func:`verify` say what
must be: with an unsigned host or sub-resource a signature for one call would serve another
("Strict signature mode").
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote

from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.core.hosts import split_host
from flask_bucketcors.signatures.request import (
    AccessKey,
    Keys,
    SignatureError,
    SignedRequest,
    find_key,
)

# A signature whose time begins later than this is from a clock that is wrong
# (436/7730: RequestTimeTooSkewed, "more than 15 minutes").
MAX_SKEW_SECONDS = 15 * 60

_FIELDS = (
    "q-sign-algorithm",
    "q-ak",
    "q-sign-time",
    "q-key-time",
    "q-header-list",
    "q-url-param-list",
    "q-signature",
)
SECURITY_TOKEN = "x-cos-security-token"
_UNSIGNED = frozenset(_FIELDS) | {SECURITY_TOKEN}
_TIME = re.compile(r"([0-9]{1,11});([0-9]{1,11})")
_SIGNATURE = re.compile(r"[0-9a-f]{40}")


class _Authorization(NamedTuple):
    access_key_id: str
    sign_time: str
    key_time: str
    header_list: tuple[str, ...]
    parameter_list: tuple[str, ...]
    signature: str


def recognises(request: SignedRequest) -> bool:
    """Whether the request carries a COS signature, well-formed or not."""
    return _in_header(request) or _in_query(request)


def verify(
    request: SignedRequest,
    keys: Keys,
    *,
    now: float,
    must_sign: tuple[str, ...] = (),
    must_sign_headers: tuple[str, ...] = (),
) -> str:
    """Give the access key id that signed the request.

    The host is always to be covered, with or without the port that the client used: some
    SDKs sign the name alone and send the port as well.

    :raises SignatureError: with AccessDenied, InvalidArgument, InvalidAccessKeyId,
        RequestTimeTooSkewed or SignatureDoesNotMatch.
    """
    authorization = _parse(_fields(request))
    _check_time(authorization, now)
    _check_headers(authorization, ("host", *must_sign_headers))
    if must_sign:
        _check_parameters(request, authorization, must_sign)
    key = find_key(keys, authorization.access_key_id)
    if key is None or not _token_fits(request, key):
        raise SignatureError(Refusal.INVALID_ACCESS_KEY)
    expected = [_signature(request, authorization, key.secret, host) for host in _hosts(request)]
    if not any(hmac.compare_digest(each, authorization.signature) for each in expected):
        raise SignatureError(Refusal.SIGNATURE_MISMATCH)
    return authorization.access_key_id


def _in_header(request: SignedRequest) -> bool:
    return request.headers.get("authorization", "").startswith("q-sign-algorithm=")


def _in_query(request: SignedRequest) -> bool:
    return request.parameter("q-sign-algorithm") is not None


def _fields(request: SignedRequest) -> list[tuple[str, str]]:
    if _in_header(request) and _in_query(request):
        raise SignatureError(
            Refusal.INVALID_VALUE,
            "Only one of the Authorization header and the query may carry a signature.",
        )
    if _in_query(request):
        return [pair for pair in request.query if pair[0] in _FIELDS]
    parts = request.headers["authorization"].split("&")
    return [(name, value) for name, _, value in (part.partition("=") for part in parts)]


def _parse(fields: list[tuple[str, str]]) -> _Authorization:
    values = dict(fields)
    if len(fields) != len(_FIELDS) or values.keys() != set(_FIELDS):
        raise SignatureError(
            Refusal.ACCESS_DENIED, "The signature must have each of its seven fields once."
        )
    if values["q-sign-algorithm"] != "sha1":
        raise SignatureError(Refusal.ACCESS_DENIED, "The signature algorithm must be sha1.")
    if not _SIGNATURE.fullmatch(values["q-signature"]):
        raise SignatureError(Refusal.SIGNATURE_MISMATCH)
    return _Authorization(
        values["q-ak"],
        values["q-sign-time"],
        values["q-key-time"],
        _names(values["q-header-list"]),
        _names(values["q-url-param-list"]),
        values["q-signature"],
    )


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.lower() for name in listed.split(";") if name)


def _check_time(authorization: _Authorization, now: float) -> None:
    for text in (authorization.sign_time, authorization.key_time):
        match = _TIME.fullmatch(text)
        if match is None:
            raise SignatureError(
                Refusal.ACCESS_DENIED, "A signature time must be START;END in Unix seconds."
            )
        start, end = map(int, match.groups())
        if start > now + MAX_SKEW_SECONDS:
            raise SignatureError(Refusal.CLOCK_SKEWED)
        if end < now:
            raise SignatureError(Refusal.ACCESS_DENIED, "Request has expired")


def _check_headers(authorization: _Authorization, must_sign: tuple[str, ...]) -> None:
    missing = set(must_sign).difference(authorization.header_list)
    if missing:
        raise SignatureError(
            Refusal.ACCESS_DENIED,
            f"Strict signature missing header that must be signed: {min(missing)}",
        )


def _check_parameters(
    request: SignedRequest, authorization: _Authorization, must_sign: tuple[str, ...]
) -> None:
    # Whoever demands one parameter relies on the query: one that the signature does not
    # name could turn the call into another.
    sent = {quote(name, safe="").lower() for name, _ in request.query if name not in _UNSIGNED}
    missing = sent.union(must_sign).difference(authorization.parameter_list)
    if missing:
        raise SignatureError(
            Refusal.ACCESS_DENIED,
            f"Strict signature missing param that must be signed: {min(missing)[:64]}",
        )


def _token_fits(request: SignedRequest, key: AccessKey) -> bool:
    if key.security_token is None:
        return True
    sent = request.headers.get(SECURITY_TOKEN) or request.parameter(SECURITY_TOKEN) or ""
    return hmac.compare_digest(sent.encode(), key.security_token.encode())


def _hosts(request: SignedRequest) -> Iterator[str]:
    host = request.headers.get("host", "")
    yield host
    split = split_host(host)
    if split and split[1]:
        yield split[0]


def _signature(
    request: SignedRequest, authorization: _Authorization, secret: str, host: str
) -> str:
    http_string = b"\n".join(
        (
            request.method.lower().encode("latin-1"),
            request.path,
            _canonical(request.query, authorization.parameter_list, "utf-8"),
            _canonical(
                {**request.headers, "host": host}.items(), authorization.header_list, "latin-1"
            ),
            b"",
        )
    )
    hashed = hashlib.sha1(http_string, usedforsecurity=False).hexdigest()
    sign_key = _hmac_sha1(secret, authorization.key_time)
    return _hmac_sha1(sign_key, f"sha1\n{authorization.sign_time}\n{hashed}\n")


def _canonical(items: Iterable[tuple[str, str]], listed: tuple[str, ...], encoding: str) -> bytes:
    # WSGI hands header values over as latin-1; parameters are already decoded text.
    encoded = (
        (quote(name, safe="").lower(), quote(value.encode(encoding, "replace"), safe=""))
        for name, value in items
    )
    pairs = sorted(pair for pair in encoded if pair[0] in listed)
    return "&".join(f"{name}={value}" for name, value in pairs).encode()


def _hmac_sha1(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha1).hexdigest()
