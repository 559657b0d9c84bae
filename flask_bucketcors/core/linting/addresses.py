"""Addresses in place of a host name: those that anybody on the internet may have."""

from ipaddress import ip_address
from typing import Final

from flask_bucketcors.core.origins import is_origin
from flask_bucketcors.core.wildcards import Wildcard

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
