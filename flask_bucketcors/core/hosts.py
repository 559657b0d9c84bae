"""The Host header: one grammar for whoever reads it.

Two readers that differ about a strange Host would let a signature for one bucket open another.
"""

import re

# RFC 9110, 7.2, as narrow as real hosts are: a name or an IPv6 address, and a port.
_HOST = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?P<port>:[0-9]{0,5})?")


def is_host(host: str) -> bool:
    """Whether a Host header is a host, with or without a port."""
    return _HOST.fullmatch(host) is not None


def split_host(host: str) -> tuple[str, str] | None:
    """Give name and port (with its colon, or ``""``) of a Host header; None if it is no host."""
    match = _HOST.fullmatch(host)
    return (match["name"], match["port"] or "") if match else None
