"""The request signature of Tencent COS (document 436/7778, "Request signature").

Facts::

    KeyTime      = "<start>;<end>"                       Unix seconds
    SignKey      = hex(HMAC-SHA1(secret, KeyTime))
    HttpString   = lower(method) \\n decoded path \\n parameters \\n headers \\n
    StringToSign = "sha1" \\n q-sign-time \\n hex(SHA1(HttpString)) \\n
    Signature    = hex(HMAC-SHA1(SignKey as its 40 hex characters, StringToSign))

The seven ``q-`` fields are in the Authorization header or, for pre-signed URLs, in the query; they
are not signed themselves. A signature covers only the items that ``q-header-list`` and
``q-url-param-list`` name. So the callers of :func:`flask_bucketcors.signatures.verify` say what it
must cover: with an unsigned host or sub-resource, a signature for one call would be valid for
another ("Strict signature mode").
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final, NamedTuple

from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.signatures.canonical import (
    MAX_SKEW_SECONDS,
    header_bytes,
    percent_encode,
    to_bytes,
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
)
from flask_bucketcors.signatures.signed_request import SignedRequest

_FIELDS: Final = (
    "q-sign-algorithm",
    "q-ak",
    "q-sign-time",
    "q-key-time",
    "q-header-list",
    "q-url-param-list",
    "q-signature",
)
SECURITY_TOKEN: Final = "x-cos-security-token"
_OWN: Final = frozenset({*_FIELDS, SECURITY_TOKEN})
_TIME: Final = re.compile(r"([0-9]{1,11});([0-9]{1,11})")
_SIGNATURE: Final = re.compile(r"[0-9a-f]{40}")


class _Authorization(NamedTuple):
    access_key_id: str
    sign_time: str
    key_time: str
    header_list: frozenset[str]
    parameter_list: frozenset[str]
    signature: str


def _is_in_header(request: SignedRequest) -> bool:
    return request.header("authorization").startswith("q-sign-algorithm=")


def _is_in_query(request: SignedRequest) -> bool:
    return request.parameter("q-sign-algorithm") is not None


def _verify(request: SignedRequest, keys: Keys, demands: Demands) -> Signer:
    """Find out who signed the request.

    The host must be covered, with or without the port that the client used: some SDKs sign only the
    name and also send the port.

    :raises SignatureError: with AccessDenied, InvalidAccessKeyId, RequestTimeTooSkewed or
        SignatureDoesNotMatch.
    """
    authorization = _parse(_fields(request))
    _check_time(authorization, demands.now)
    demands = demands._replace(headers=("host", *demands.headers))
    demands.check_headers(authorization.header_list.__contains__)
    demands.check_parameters(
        request,
        lambda name: percent_encode(name).lower() in authorization.parameter_list,
        _OWN,
    )
    key = signing_key(request, keys, authorization.access_key_id, (SECURITY_TOKEN,))
    signing = Signing(
        partial(_http_strings, authorization),
        partial(_string_to_sign, authorization),
        partial(_sign, authorization),
    )
    check_signature(request, authorization.signature, key.secret, signing)
    return Signer(authorization.access_key_id, "cos")


def _fields(request: SignedRequest) -> list[tuple[str, str]]:
    if _is_in_query(request):
        return [pair for pair in request.query if pair[0] in _FIELDS]
    parts = request.header("authorization").split("&")
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


def _names(listed: str) -> frozenset[str]:
    return frozenset(name.lower() for name in listed.split(";") if name)


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


def _http_strings(authorization: _Authorization, request: SignedRequest) -> Iterator[bytes]:
    for host in request.hosts():
        headers = {**request.headers, "host": host}
        yield b"\n".join(
            (
                request.method.lower().encode("latin-1"),
                request.path,
                _canonical(request.query, authorization.parameter_list, to_bytes),
                _canonical(headers.items(), authorization.header_list, header_bytes),
                b"",
            )
        )


def _string_to_sign(authorization: _Authorization, http_string: bytes) -> bytes:
    hashed = hashlib.sha1(http_string, usedforsecurity=False).hexdigest()
    return f"sha1\n{authorization.sign_time}\n{hashed}\n".encode()


def _sign(authorization: _Authorization, secret: str, string_to_sign: bytes) -> str:
    sign_key = _hmac_sha1(secret, authorization.key_time.encode())
    return _hmac_sha1(sign_key, string_to_sign)


def _canonical(
    items: Iterable[tuple[str, str]], listed: frozenset[str], encode: Callable[[str], bytes]
) -> bytes:
    named = ((percent_encode(name).lower(), value) for name, value in items)
    pairs = sorted((name, percent_encode(encode(value))) for name, value in named if name in listed)
    return "&".join(f"{name}={value}" for name, value in pairs).encode()


def _hmac_sha1(key: str, text: bytes) -> str:
    return hmac.new(key.encode(), text, hashlib.sha1).hexdigest()


COS: Final = Scheme("COS", "cos", _OWN, _is_in_header, _is_in_query, _verify)
