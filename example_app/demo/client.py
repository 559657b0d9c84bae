"""A client of the store: signs requests as Tencent COS specifies (436/7778), and sends them."""

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import parse_qsl, quote, urlsplit

TIMEOUT_SECONDS = 10
VALID_SECONDS = 600


@dataclass(frozen=True, slots=True)
class StoreResponse:
    """A response of the store, with header names as sent."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class StoreClient:
    """Sends path-style requests to a store.

    :param url: scheme, host and port of the store; only ``http``.
    """

    def __init__(self, url: str, access_key: str, secret_key: str) -> None:
        self.url = url
        self._host = urlsplit(url).netloc
        self._access_key = access_key
        self._secret_key = secret_key

    def call(self, method: str, target: str, body: bytes = b"") -> StoreResponse:
        """Send a signed request.

        :param target: path and query.
        """
        path, _, query = target.partition("?")
        parameters = dict(parse_qsl(query, keep_blank_values=True))
        authorization = self.sign(method, path, parameters, time.time())
        return self.send(method, target, {"Authorization": authorization}, body)

    def send(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes = b""
    ) -> StoreResponse:
        """Send a request without signing it."""
        connection = HTTPConnection(self._host, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, target, body or None, dict(headers))
            # If the server closes the connection, the response owns the socket.
            with connection.getresponse() as response:
                return StoreResponse(response.status, response.getheaders(), response.read())
        finally:
            connection.close()

    def sign(self, method: str, path: str, query: Mapping[str, str], now: float) -> str:
        """Give the Authorization header for a request.

        :param path: decoded, as the store sees it.
        :param query: all parameters of the URL. The signature covers them, and the host.
        :param now: seconds since 1970.
        """
        period = f"{int(now) - 60};{int(now) + VALID_SECONDS}"
        parameters = sorted((_encode(name).lower(), _encode(query[name])) for name in query)
        listed = "&".join(f"{name}={value}" for name, value in parameters)
        text = f"{method.lower()}\n{path}\n{listed}\nhost={_encode(self._host)}\n"
        hashed = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        signature = _hmac(_hmac(self._secret_key, period), f"sha1\n{period}\n{hashed}\n")
        fields = {
            "q-sign-algorithm": "sha1",
            "q-ak": self._access_key,
            "q-sign-time": period,
            "q-key-time": period,
            "q-header-list": "host",
            "q-url-param-list": ";".join(name for name, _ in parameters),
            "q-signature": signature,
        }
        return "&".join(f"{name}={value}" for name, value in fields.items())


def _encode(text: str) -> str:
    return quote(text, safe="")


def _hmac(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha1).hexdigest()
