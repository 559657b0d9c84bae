"""Sites: the part of a host name that somebody registered, and what lies below it."""

import re
from ipaddress import ip_address
from typing import Final

from flask_bucketcors.core.hosts import PublicSuffix
from flask_bucketcors.core.origins import is_origin
from flask_bucketcors.core.wildcards import Wildcard

_ADDRESS: Final = re.compile(r"[0-9]+(\.[0-9]+)*|\[[0-9a-f:.]*\]?")
_LOCAL: Final = re.compile(r"(.+\.)?localhost\.?|127(\.[0-9]+){3}|0\.0\.0\.0|\[::1\]")
# RFC 6761 and 6762, and ICANN's for private use: nobody can register names below these. Nor below
# "example", but that stands for a name to be, of which the same is to be said.
_PRIVATE: Final = frozenset({"test", "invalid", "internal", "local"})
# Below these two-letter domains, names are registered one level further down.
_SECOND_LEVEL: Final = frozenset({"ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org"})


def usual_public_suffix(host: str) -> str:
    """Give the public suffix as far as it can be told without a list: ``com``, ``co.uk``.

    Misses what companies offer names below, such as ``github.io``.
    """
    *_, second, top = ["", "", *host.split(".")]
    return f"{second}.{top}" if len(top) == 2 and second in _SECOND_LEVEL else top


def is_local(host: str) -> bool:
    """Whether it is the machine itself, whatever the network does."""
    return bool(_LOCAL.fullmatch(host.lower()))


def site(host: str, public_suffix: PublicSuffix) -> str:
    """Give the part of a host name that was registered; the whole name if it is nobody's."""
    host = host.lower().removesuffix(".")
    if is_local(host):
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
    return is_local(host) or host in _PRIVATE or public_suffix(host) != host


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
