"""Sites: the part of a host name that somebody registered, and what lies below it."""

import re
from collections.abc import Callable
from typing import Final

#: Gives the public suffix of a host name, as ``com`` of ``a.com``: what is bought names below.
PublicSuffix = Callable[[str], str | None]

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
