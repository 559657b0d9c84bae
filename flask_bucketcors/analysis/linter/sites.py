"""Sites: the part of a host name that somebody registered, and what lies below it."""

import re
from ipaddress import ip_address
from typing import Final

from flask_bucketcors.core.hosts import PublicSuffix, is_loopback
from flask_bucketcors.core.origins import is_origin
from flask_bucketcors.core.wildcards import Wildcard

_ADDRESS: Final = re.compile(r"[0-9]+(\.[0-9]+)*|\[[0-9a-f:.]*\]?")
# RFC 6761 and 6762, and ICANN's for private use: no one can register names below these. Nor below
# "example", but that stands for a name to be chosen.
_PRIVATE: Final = frozenset({"test", "invalid", "internal", "local"})
# Below these two-letter domains, names are registered one level further down.
_SECOND_LEVEL: Final = frozenset({"ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org"})


def usual_public_suffix(host: str) -> str:
    """Give the public suffix as far as it can be told without a list: ``com``, ``co.uk``.

    Misses what companies offer names below, such as ``github.io``.
    """
    *_, second, top = ["", "", *host.split(".")]
    return f"{second}.{top}" if len(top) == 2 and second in _SECOND_LEVEL else top


def site(host: str, public_suffix: PublicSuffix) -> str:
    """Give the part of a host name that was registered; the whole name if no one registered it."""
    host = host.lower().removesuffix(".")
    if is_loopback(host):
        return "localhost"
    if _ADDRESS.fullmatch(host):
        return host
    suffix = public_suffix(host) or ""
    if host == suffix or not host.endswith(f".{suffix}"):
        return host
    return f"{host[: -len(suffix) - 1].rpartition('.')[2]}.{suffix}"


def is_owned(host: str, public_suffix: PublicSuffix) -> bool:
    """Whether names below belong to one owner.

    :param host: whole labels, perhaps none.
    """
    host = host.lower().removesuffix(".")
    if not host:
        return False
    return is_loopback(host) or host in _PRIVATE or public_suffix(host) != host


# What may stand for a "*", so that with whatever is around it there is an address.
_NUMBERS: Final = tuple(
    f"{before}{'.'.join('8' * count)}{behind}"
    for count in (1, 2, 3)
    for before in ("", ".")
    for behind in ("", ".")
)


_WHOLE: Final = "2606:4700::8"


_GROUPS: Final = tuple(
    _WHOLE[start:end] for start in range(len(_WHOLE)) for end in range(len(_WHOLE), start - 1, -1)
)


# Networks of 48 bits and more are given to one owner (RFC 6177).
_OWN_GROUPS: Final = 3


def public_address(pattern: Wildcard, scheme: str) -> str | None:
    """Give an origin at a public address that a pattern covers; None if none is a stranger's.

    :param scheme: ``http://`` or ``https://``; the pattern covers origins that begin with it.
    """
    prefix, suffix = pattern
    if prefix.partition("[")[2].count(":") >= _OWN_GROUPS:
        return None
    is_bracketed = "[" in prefix or "]" in suffix
    start = f"{scheme}[" if is_bracketed else scheme
    before = prefix + start[len(prefix) :] if start.startswith(prefix) else prefix
    behind = f"]{suffix}" if is_bracketed and "]" not in suffix else suffix
    for filler in _GROUPS if is_bracketed else _NUMBERS:
        origin = f"{before}{filler}{behind}"
        if is_origin(origin) and _is_public(origin.removeprefix(scheme)):
            return origin
    return None


def _is_public(authority: str) -> bool:
    """Whether the host of a host with, perhaps, a port is an address on the internet."""
    start, separator = (1, "]") if authority.startswith("[") else (0, ":")
    try:
        return ip_address(authority[start:].partition(separator)[0]).is_global
    except ValueError:
        return False
