"""The servers of the pages about ``check``: hosts of example.com, which are servers here.

They speak without TLS, whatever the addresses say.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import pytest

from flask_bucketcors.cli.check import http_exchange
from tests.support.scripted_server import Lines, header_in, scripted_servers, target_of

WWW = "https://www.example.com"
ID = "x-cos-request-id: NjVmMzk"
CODE = "<Error><Code>{}</Code><Message>{}</Message></Error>"
FORBIDDEN = CODE.format("AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.")
UNSIGNED = CODE.format("SignatureDoesNotMatch", "")


def photos(request: str) -> Lines:
    origin = header_in(request, "Origin")
    if origin != WWW:
        return ["200 OK", "Vary: Origin", ID]
    allowed = ["200 OK", f"Access-Control-Allow-Origin: {origin}", "Vary: Origin", ID]
    more = ["Access-Control-Allow-Methods: GET", "Access-Control-Allow-Headers: x-a"]
    return allowed + (more if request.startswith("OPTIONS") else [])


def caching() -> Callable[[str], Lines]:
    """A CDN whose cache does not distinguish origins."""
    cache: dict[str, Lines] = {}

    def respond(request: str) -> Lines:
        url = target_of(request)
        mark = "HIT" if url in cache else "MISS"
        return [*cache.setdefault(url, photos(request)), f"X-Cache: {mark}"]

    return respond


def servers() -> dict[str, Callable[[str], Lines]]:
    """What each host of the pages responds; its caches are empty."""
    return {
        "photos.example.com": photos,
        "other.example.com": lambda request: ["403 Forbidden", ID, "", FORBIDDEN],
        "pattern.example.com": lambda request: [
            "200 OK", "Access-Control-Allow-Origin: https://*.example.com", "Vary: Origin", ID,
        ],
        "www.example.com": lambda request: ["200 OK"],
        "moved.example.com": lambda request: [
            "302 Found", "Location: https://photos.example.com/cat.png",
            "Access-Control-Allow-Origin: *",
        ],
        "signed.example.com": lambda request: ["403 Forbidden", ID, "", UNSIGNED],
        "cdn.example.com": caching(),
        "twice.example.com": lambda request: [
            "200 OK", f"Access-Control-Allow-Origin: {WWW}", "Access-Control-Allow-Origin: *",
            "Vary: Origin", ID, "Server: nginx",
        ],
        "slash.example.com": lambda request: ["301 Moved Permanently", "Location: /files/photos/"],
        "login.example.com": lambda request: ["401 Unauthorized", "WWW-Authenticate: Basic"],
    }  # fmt: skip


class Plain(HTTPConnection):
    """Stands for a connection with TLS."""

    default_port = 443


@contextmanager
def hosts_of_pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the hosts of the pages, and their ports, be servers of this process."""
    resolve = socket.getaddrinfo
    with scripted_servers() as serve:
        ports = {host: serve(respond).port for host, respond in servers().items()}

        def here(host: str, port: int, *rest: Any, **options: Any) -> Any:
            return resolve("127.0.0.1", ports[host], *rest, **options)

        monkeypatch.setattr(socket, "getaddrinfo", here)
        monkeypatch.setattr(http_exchange, "_LateHandshake", Plain)
        yield
