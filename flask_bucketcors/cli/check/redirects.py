"""Where a redirect leads, as browsers follow it (Fetch standard, "HTTP-redirect fetch")."""

import re
from contextlib import suppress
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

from flask_bucketcors.analysis.response_mistakes import ResponseMistake as Mistake
from flask_bucketcors.analysis.spelling.sent_origins import browser_form, is_sendable, sent_host
from flask_bucketcors.cli.check.faults import REDIRECTS
from flask_bucketcors.cli.check.http_exchange import Headers, Response
from flask_bucketcors.core.browser import NON_WILDCARD_NAME, value_of
from flask_bucketcors.core.hosts import is_loopback

#: How many redirects a browser follows.
MAX_REDIRECTS: Final = 20

_HTTP: Final = ("http", "https")
_ABSOLUTE = re.compile("[A-Za-z][A-Za-z0-9+.-]*://")
# urlsplit drops these.
_BREAKS: Final = frozenset("\t\r\n")
# "request-body-header name".
_BODY_HEADERS: Final = frozenset(
    {"content-encoding", "content-language", "content-location", "content-type"}
)


class NoAddress(ValueError):
    """A text is no http or https address of a host that can exist."""


def read_address(text: str) -> SplitResult:
    """Read an http or https address, with the host as a browser sends it.

    :raises NoAddress: if it is none; the message says what to write.
    """
    try:
        url = urlsplit(text)
        host, port = url.hostname, "" if url.port is None else f":{url.port}"
    except ValueError:
        host = None
    if not host or url.scheme not in _HTTP or url.username is not None or port == ":0":
        raise NoAddress("write http://host/path or https://host/path")
    host = sent_host(f"[{host}]" if ":" in host else host)
    if _BREAKS & set(text) or not is_sendable(f"{url.scheme}://{host}"):
        raise NoAddress("no host has that name: write http://host/path")
    return url._replace(netloc=host + port, fragment="")


def origin_of(url: SplitResult) -> str:
    """The origin of an address, as browsers write it."""
    return browser_form(f"{url.scheme}://{url.netloc}")


def location_of(url: SplitResult, response: Response | None) -> str:
    """The address that a response redirects to; ``""`` if it does not."""
    if response is None or response.status not in REDIRECTS:
        return ""
    location = value_of("Location", response.headers)
    if location is None:
        return ""
    with suppress(UnicodeError):
        # Browsers read it as UTF-8 (Fetch standard, "location URL").
        location = location.encode("latin-1").decode()
    with suppress(ValueError):
        # urljoin takes an address without a host for a relative one.
        return location if _ABSOLUTE.match(location) else urljoin(url.geturl(), location)
    return location


def next_address(url: SplitResult, location: str, origin: str) -> SplitResult | Mistake:
    """The address to request next, or why a browser does not request it.

    :param origin: that of the page.
    """
    try:
        parts = urlsplit(location)
        named = parts.username is not None
    except ValueError:
        return Mistake.REDIRECT_TARGET
    if parts.scheme in _HTTP and named:
        return Mistake.REDIRECT_USER_NAME
    try:
        target = read_address(location)
    except NoAddress:
        return Mistake.REDIRECT_TARGET
    if is_local(target.hostname or "") and not is_local(url.hostname or ""):
        return Mistake.LOCAL_NETWORK
    return Mistake.MIXED_CONTENT if is_mixed(origin, target) else target


def is_local(host: str) -> bool:
    """Whether a host means the machine itself or one in a private network."""
    try:
        address = ip_address(host)
    except ValueError:
        return is_loopback(host)
    return not address.is_global


def is_mixed(origin: str, url: SplitResult) -> bool:
    """Whether a browser blocks a request as mixed content."""
    return (
        origin.startswith("https://")
        and url.scheme == "http"
        and not is_loopback(url.hostname or "")
    )


def method_behind(status: int, method: str) -> str:
    """The method of the request that follows a redirect."""
    to_get = (status in (301, 302) and method == "POST") or (
        status == 303 and method not in ("GET", "HEAD")
    )
    return "GET" if to_get else method


def headers_behind(headers: Headers, *, same_method: bool, same_origin: bool) -> Headers:
    """The headers that the page has set, as far as a browser sends them on."""
    dropped = set() if same_method else set(_BODY_HEADERS)
    dropped |= set() if same_origin else {NON_WILDCARD_NAME}
    return [pair for pair in headers if pair[0].lower() not in dropped]
