"""Hosts and paths: the Host header, loopback hosts, and the forms of settings for buckets.

Hosts are parsed here alone: if two parsers differed about an unusual Host, a signature for one
bucket could open another.
"""

import re
from collections.abc import Callable
from typing import Final

#: Returns the public suffix of a host name, such as ``com`` for ``a.com``: anyone can register
#: names below it. None if the host has none.
PublicSuffix = Callable[[str], str | None]

#: The port that browsers omit, by scheme.
DEFAULT_PORTS: Final = {"http": "80", "https": "443", "ws": "80", "wss": "443"}

#: Stands for one label in a host suffix, or for a part of one.
REGION: Final = "{region}"
# Not twice in a label, because it could not be said where the first one ends.
_LABEL = r"(?:[a-z0-9-]+(?:\{region\}[a-z0-9-]*)?|\{region\}[a-z0-9-]*)"
_SUFFIX = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")

# RFC 9110, 7.2, restricted to what real hosts look like: a name or an IPv6 address, and a port.
_HOST = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?P<port>:[0-9]{0,5})?")

# RFC 6761, 6.3 ("localhost" and all below it), and the addresses of the machine itself.
_LOOPBACK = re.compile(
    r"(?:.+\.)?localhost\.?|127(?:\.[0-9]{1,3}){3}|0\.0\.0\.0|\[?(?:::1|(?:0:){7}1)\]?",
    re.IGNORECASE,
)


def is_loopback(host: str) -> bool:
    """Whether a host, without a port, always means the machine itself."""
    return _LOOPBACK.fullmatch(host) is not None


def split_host(host: str) -> tuple[str, str] | None:
    """Split a Host header into name and port (with its colon, or ``""``); None if it is invalid."""
    match = _HOST.fullmatch(host)
    return (match["name"], match["port"] or "") if match else None


def checked_suffix(suffix: str) -> str:
    """Check a host name below which each bucket has its own, and give it in lower case.

    :raises ValueError: if it is not a host suffix.
    """
    if not _SUFFIX.fullmatch(suffix.lower()):
        raise ValueError(
            f"{suffix!r} is not a host suffix: write it like 'cos.example.com', "
            "'cos.{region}.example.com' or 'oss-{region}.example.com', without port and leading dot"
        )
    return suffix.lower()


def checked_prefix(prefix: str) -> str:
    """Check a path of URLs, such as that below which the buckets are; ``""`` for the root.

    Browsers and servers change paths with a segment that is empty or made of dots.

    :raises ValueError: if it is not a URL prefix.
    """
    if prefix in ("", "/"):
        return ""
    before, *segments = prefix.split("/")
    # A variable of a route, and what ends the path of a URL.
    if before or not {"", ".", ".."}.isdisjoint(segments) or not {*"<?#"}.isdisjoint(prefix):
        raise ValueError(
            f"{prefix!r} is not a URL prefix: write it like '/storage', without variables and query"
        )
    return prefix


def checked_segment(segment: str) -> str:
    """Check the first segment of a path, and give it.

    :raises ValueError: if it is not the first segment of a path.
    """
    if not isinstance(segment, str) or not segment or "/" in segment:
        raise ValueError(
            f"{segment!r} is not the first segment of a path: write it like 'api', without slashes"
        )
    return segment
