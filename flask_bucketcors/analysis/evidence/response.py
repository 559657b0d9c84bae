"""A response that somebody saw, and what it shows about where it came from."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from flask_bucketcors.analysis.evidence.browser_log import Complaint, Console, read_console
from flask_bucketcors.analysis.evidence.said import Said
from flask_bucketcors.core.browser import (
    HIDDEN_NAMES,
    names_in,
    unexposed_names,
    value_of,
)
from flask_bucketcors.core.dialects import DIALECTS
from flask_bucketcors.core.headers import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    EXPOSE_HEADERS,
    MAX_AGE,
    VARY,
)
from flask_bucketcors.core.wildcards import ANY

#: More headers than these are not read.
MAX_HEADERS: Final = 512

#: Ids that storage puts into its responses; what stands in front of it sends none.
OWN_IDS: Final = frozenset(
    each.header.lower() for dialect in DIALECTS.values() for each in dialect.ids
)
_OWN_SERVERS = re.compile(r"tencent-cos|AliyunOSS|AmazonS3|\bOBS\b|MinIO", re.IGNORECASE)
# Content networks add these; plain servers never do.
_CDN_HEADER_NAMES: Final = """
    cf-ray cf-cache-status x-amz-cf-id x-amz-cf-pop x-cache x-cache-lookup x-cache-hits
    x-served-by x-akamai-request-id x-akamai-transformed akamai-grn x-check-cacheable
    eagleid ali-swift-global-savetime x-swift-savetime x-swift-cachetime x-nws-log-uuid
    x-azure-ref x-fastly-request-id x-cdn x-cdn-request-id x-edge-location x-varnish x-iinfo
    x-sucuri-id cdn-requestid cdn-cache x-vercel-id x-vercel-cache x-nf-request-id
    x-proxy-cache x-via x-ccdn-cachettl x-ser fastly-debug-digest
"""
_CDN_HEADERS: Final = frozenset(_CDN_HEADER_NAMES.split())
_CDN_SERVERS = re.compile(
    r"cloudflare|cloudfront|akamai|fastly|varnish|keycdn|bunnycdn|ecs |ecacc|NWS|tengine|gws|"
    r"sffe|stackpath|netlify|vercel|incapsula|imperva|squid|cdn",
    re.IGNORECASE,
)
# These stand in front of applications everywhere. That they responded themselves shows only in
# responses that no storage application sends.
_PROXY_SERVERS = re.compile(
    r"nginx|openresty|apache|caddy|envoy|haproxy|traefik|awselb|IIS|kong|istio", re.IGNORECASE
)
_PROXY_STATUSES: Final = frozenset({301, 302, 303, 307, 308, 405, 413, 414, 431, 502, 503, 504})
_FETCHED = re.compile(r"\bmiss\b", re.IGNORECASE)
_CACHED = re.compile(r"\bhit\b", re.IGNORECASE)
# Response headers that pages often read and that have to be exposed.
_OFTEN_READ = re.compile(
    r"etag|content-disposition|content-range|x-(?:cos|oss|amz|obs)-(?:meta-.+|version-id|"
    r"hash-crc64ecma|next-append-position|object-type)",
    re.IGNORECASE,
)
_TOKEN_VALUES: Final = (ALLOW_ORIGIN, ALLOW_CREDENTIALS)


class Seen(NamedTuple):
    """What was seen of a response.

    :param status: None if unknown.
    :param pairs: its headers; None if unknown.
    :param has_failed: whether the browser got no response; tools show the status 0 then.
    :param is_unread: whether there is a text of a console that says nothing known.
    :param reads: headers that the page reads; None if unknown.
    """

    status: int | None = None
    pairs: Sequence[tuple[str, str]] | None = None
    console: Console = Console()
    has_failed: bool = False
    reads: tuple[str, ...] | None = None
    is_unread: bool = False

    @property
    def complaints(self) -> Sequence[Complaint]:
        """What the browser printed."""
        return self.console.complaints

    def says(self, *said: Said) -> bool:
        """Whether the browser printed one of these complaints."""
        return any(each.said in said for each in self.complaints)

    def value(self, name: str) -> str | None:
        """A header's value; None if it is absent or no headers are known."""
        return value_of(name, self.pairs or ())

    def named(self, said: Said) -> list[str]:
        """The values that the browser named in complaints of this kind."""
        return [each.value for each in self.complaints if each.said is said and each.value]

    @property
    def is_known(self) -> bool:
        """Whether anything was seen at all."""
        known = bool(self.complaints) or self.status is not None or self.pairs is not None
        return known or self.has_failed

    @property
    def max_age(self) -> int | None:
        """How many seconds the browser keeps the response to the preflight, if it says so."""
        text = self.value(MAX_AGE) or ""
        return int(text[:9]) if text.isascii() and text.isdecimal() else None


def read_response(response: Mapping[str, Any] | None) -> Seen:
    """Read a response as ``explain`` takes it; what makes no sense is left out."""
    if not isinstance(response, Mapping):
        return Seen()
    console = response.get("console")
    read = read_console(console) if isinstance(console, str) else Console()
    # A status alone says that the page got the response.
    told = read.complaints or read.status is not None
    is_unread = isinstance(console, str) and bool(console.strip()) and not told
    status = _status(response.get("status"))
    pairs = list(_pairs(response["headers"])) if response.get("headers") is not None else None
    reads = _names(response.get("reads"))
    if status == 0 and not pairs and not read.complaints:
        return Seen(console=read, has_failed=True, reads=reads, is_unread=is_unread)
    known = read.status if status is None else status or None
    return Seen(known, pairs, read, reads=reads, is_unread=is_unread)


def _names(values: object) -> tuple[str, ...] | None:
    return tuple(map(str, values)) if isinstance(values, (list, tuple)) else None


def _status(value: object) -> int | None:
    text = str(value).strip()[:3]
    return int(text) if text.isascii() and text.isdecimal() else None


def _pairs(headers: object) -> Iterator[tuple[str, str]]:
    items = headers.items() if isinstance(headers, Mapping) else headers
    if not isinstance(items, (list, tuple)) and not isinstance(headers, Mapping):
        return
    for item in list(items)[:MAX_HEADERS]:  # type: ignore[call-overload]
        if not isinstance(item, (list, tuple)) or len(item) != 2:
            continue
        name, values = item
        for value in values if isinstance(values, (list, tuple)) else (values,):
            yield str(name).strip(), str(value)


def wanted_headers(seen: Seen) -> tuple[str, ...]:
    """The response headers that the page reads and could not get, as far as it shows."""
    named = [*seen.named(Said.UNEXPOSED), *(seen.reads or ())]
    # Without it the page did not get the response.
    came = not seen.complaints and seen.value(ALLOW_ORIGIN) is not None
    if seen.reads is None and not named and came and seen.pairs is not None:
        named = [name for name, _ in seen.pairs if _OFTEN_READ.fullmatch(name)]
        named = [name for name in named if name in unexposed_names(named, True, seen.pairs)]
    written = {"etag": "ETag"}
    wanted = dict.fromkeys(written.get(name.lower(), name) for name in named if name)
    return tuple(name for name in wanted if name.lower() not in HIDDEN_NAMES)


def is_duplicated(seen: Seen) -> bool:
    """Whether a header is repeated that may stand there only once."""
    values = [value for name in _TOKEN_VALUES if (value := seen.value(name)) is not None]
    return seen.says(Said.SEVERAL_ORIGINS) or any("," in value for value in values)


def is_own(seen: Seen) -> bool:
    """Whether the response carries an id of the storage, so it came from there."""
    names = {name.lower() for name, _ in seen.pairs or ()}
    return bool(names & OWN_IDS) or bool(_OWN_SERVERS.search(seen.value("Server") or ""))


def is_decided(seen: Seen) -> bool:
    """Whether the response names Origin in Vary, so that something decided by it.

    A refused actual response of an application that this package wraps shows nothing else: it
    keeps the ids of the application. A CDN or a proxy does not add this Vary on its own.
    """
    return "origin" in {name.lower() for name in names_in(VARY, seen.pairs or ()) or ()}


def is_from_cdn(seen: Seen) -> bool:
    """Whether the response has the marks of a content network and none of the storage."""
    if seen.pairs is None or is_own(seen):
        return False
    names = {name.lower() for name, _ in seen.pairs}
    marked = bool(names & _CDN_HEADERS) or "via" in names
    return marked or bool(_CDN_SERVERS.search(seen.value("Server") or ""))


def is_from_proxy(seen: Seen) -> bool:
    """Whether a server in front of the storage sent a response that storage never sends."""
    if seen.pairs is None or is_own(seen):
        return False
    in_front = bool(_PROXY_SERVERS.search(seen.value("Server") or ""))
    return in_front and (seen.status in _PROXY_STATUSES or seen.status in (None, 200, 204))


def is_cached(seen: Seen) -> bool:
    """Whether the response came from a cache."""
    if seen.status == 304 or (seen.value("Age") or "0").strip() != "0":
        return True
    marks = (seen.value(name) or "" for name in ("X-Cache", "X-Cache-Lookup", "CF-Cache-Status"))
    return any(_CACHED.search(mark) for mark in marks)


def is_fetched_by_cdn(seen: Seen) -> bool:
    """Whether a content network says that it fetched this response from the storage."""
    marks = (seen.value(name) or "" for name in ("X-Cache", "CF-Cache-Status"))
    return any(_FETCHED.search(mark) for mark in marks) and not is_cached(seen)


def varies(seen: Seen) -> bool:
    """Whether the response says that it depends on the origin."""
    return is_decided(seen) or ANY in (names_in(VARY, seen.pairs or ()) or ())


def seen_origin(seen: Seen) -> str | None:
    """The Access-Control-Allow-Origin that was seen, or that the browser printed."""
    value = seen.value(ALLOW_ORIGIN)
    told = seen.named(Said.OTHER_ORIGIN)
    return told[0] if value is None and told else value


def lists_preflight_response(seen: Seen) -> bool:
    """Whether the headers that were seen are those of a response to a preflight."""
    return any(seen.value(name) is not None for name in (ALLOW_METHODS, ALLOW_HEADERS, MAX_AGE))


def exposes_any(seen: Seen) -> bool:
    """Whether the response exposes a ``*``."""
    return ANY in (names_in(EXPOSE_HEADERS, seen.pairs or ()) or ())
