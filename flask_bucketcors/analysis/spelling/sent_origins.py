"""The Origin that a browser sends, for an address as a person wrote or pasted it."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from flask_bucketcors.analysis.spelling.idna import as_sent
from flask_bucketcors.analysis.spelling.origin_parts import cut
from flask_bucketcors.core.hosts import DEFAULT_PORTS
from flask_bucketcors.core.origins import FILE, NULL, is_origin, pattern_problem

# HTML, "origin": pages of these have none, and blobs have that of the page that made them.
_WITHOUT_ORIGIN = re.compile(r"(?:file|data|about|javascript|view-source):", re.IGNORECASE)
_BLOB = re.compile(r"blob:", re.IGNORECASE)
# A label that the URL standard takes for a number ("ends in a number").
_NUMBER = re.compile("0x[0-9a-f]*|[0-9]+")
# RFC 1035, 2.3.4.
_MAX_HOST: Final = 253
_MAX_LABEL: Final = 63


def browser_form(address: str) -> str:
    """The Origin that a browser sends for an origin or the address of a page.

    Give whatever a person has: what no browser would send is corrected.
    """
    if address in ("", NULL, FILE):
        return address
    if _WITHOUT_ORIGIN.match(address):
        return NULL
    parts = cut(_BLOB.sub("", address, count=1) if _BLOB.match(address) else address)
    port = parts.port.lstrip("0") or parts.port[:1]
    port = "" if DEFAULT_PORTS.get(parts.scheme) == port else port
    return parts._replace(host=sent_host(parts.host), port=port).text


def sent_host(host: str) -> str:
    """A host as browsers send it (URL standard, "host serializing")."""
    if not (host.startswith("[") and host.endswith("]")):
        host = as_sent(host)
        return _version_4(host) or host
    try:
        address = IPv6Address(host[1:-1])
    except ValueError:
        return host
    text = str(address)
    if "." in text:
        # Browsers write the address of version 4 in this one as hexadecimal, too.
        high, low = divmod(int(address) & 0xFFFF_FFFF, 0x10000)
        text = f"::ffff:{high:x}:{low:x}"
    return f"[{text}]"


def is_sendable(origin: str) -> bool:
    """Whether a browser could send an Origin like this."""
    if origin in (NULL, FILE):
        return True
    if "://" not in origin or not is_origin(origin) or browser_form(origin) != origin:
        return False
    host = cut(origin).host
    labels = [] if host.startswith("[") else host.split(".")
    too_long = len(host) > _MAX_HOST or any(len(label) > _MAX_LABEL for label in labels)
    if too_long or (_ends_in_number(labels) and _version_4(host) is None):
        return False
    return pattern_problem(origin) is None


def _ends_in_number(labels: Sequence[str]) -> bool:
    return bool(labels) and _NUMBER.fullmatch(labels[-1]) is not None


def _version_4(host: str) -> str | None:
    """The address that ``127.1``, ``0x7f.1`` and ``2130706433`` stand for; None for a name.

    URL standard, "IPv4 parser".
    """
    labels = host.removesuffix(".").split(".")
    if len(labels) > 4 or not all(map(_NUMBER.fullmatch, labels)):
        return None
    try:
        *first, last = map(_number, labels)
        if any(each > 255 for each in first) or last >= 256 ** (4 - len(first)):
            return None
    except ValueError:
        return None
    places = enumerate(first, 1)
    return str(IPv4Address(last + sum(each * 256 ** (4 - place) for place, each in places)))


def _number(label: str) -> int:
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    return int(label, 8 if label.startswith("0") else 10)
