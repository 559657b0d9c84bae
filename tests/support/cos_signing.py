"""Requests signed as Tencent COS specifies (document 436/7778), and unsigned ones.

The signer is written from the document and apart from the package, so that the two can disagree.
"""

import hashlib
import hmac
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

if TYPE_CHECKING:
    # Slow to import, and of no use to the processes of servers and clients.
    from webtest import TestApp, TestResponse

HOST = "store.test"
ACCESS_KEY = "AKIDEXAMPLE"
SECRET_KEY = "ExampleSecretKey"
KEYS = {ACCESS_KEY: SECRET_KEY}

# 2026-11-22; tests whose clock is their own set it to this.
NOW = 1_795_323_000


def send(
    app: "TestApp",
    method: str,
    url: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> "TestResponse":
    """Make a call that nobody signed; whatever its status, give the answer."""
    headers = {"Host": HOST, **(headers or {})}
    return app.request(url, method=method, headers=headers, body=body, expect_errors=True)


def signed(
    app: "TestApp",
    method: str,
    url: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    **choices: Any,
) -> "TestResponse":
    """Make a call that is signed, by :func:`sign` with ``choices``, over host and query."""
    headers = {"Host": HOST, **(headers or {})}
    signature = authorization(method, url, {"host": headers["Host"]}, **choices)
    return send(app, method, url, body, {**headers, "Authorization": signature})


def authorization(method: str, url: str, headers: Mapping[str, str], **choices: Any) -> str:
    """Sign a request: the value of its Authorization header."""
    return "&".join(f"{name}={value}" for name, value in sign(method, url, headers, **choices))


def presigned(method: str, url: str, headers: Mapping[str, str], **choices: Any) -> str:
    """Sign a request: its URL with the signature in the query."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(sign(method, url, headers, **choices))}"


def sign(
    method: str,
    url: str,
    headers: Mapping[str, str],
    *,
    access_key: str = ACCESS_KEY,
    secret: str = SECRET_KEY,
    now: int = NOW,
    sign_time: str | None = None,
    key_time: str | None = None,
    unsigned: Collection[str] = (),
) -> list[tuple[str, str]]:
    """Give the seven fields of the signature.

    :param url: path and query as they are sent.
    :param headers: the headers to sign, and no others.
    :param now: when it is signed; it holds from a minute before to ten minutes after.
    :param unsigned: parameters of the query to leave out.
    """
    path, _, query = url.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    parameter_list, parameters = _canonical(pair for pair in pairs if pair[0] not in unsigned)
    header_list, header_values = _canonical(headers.items())
    http_string = f"{method.lower()}\n{unquote(path)}\n{parameters}\n{header_values}\n"

    sign_time = sign_time or f"{now - 60};{now + 600}"
    key_time = key_time or sign_time
    digest = hashlib.sha1(http_string.encode()).hexdigest()
    signature = _hmac(_hmac(secret, key_time), f"sha1\n{sign_time}\n{digest}\n")
    return [
        ("q-sign-algorithm", "sha1"),
        ("q-ak", access_key),
        ("q-sign-time", sign_time),
        ("q-key-time", key_time),
        ("q-header-list", header_list),
        ("q-url-param-list", parameter_list),
        ("q-signature", signature),
    ]


def _canonical(items: Iterable[tuple[str, str]]) -> tuple[str, str]:
    encoded = sorted((_encode(name).lower(), _encode(value)) for name, value in items)
    names = ";".join(name for name, _ in encoded)
    return names, "&".join(f"{name}={value}" for name, value in encoded)


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")


def _hmac(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha1).hexdigest()
