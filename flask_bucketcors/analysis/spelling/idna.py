"""International host names: written out, and as browsers send them.

The standard library knows the older IDNA of 2003. It differs from what browsers do in a few
letters (``ß``, final sigma, joiners), so labels are compared in the written form, and made with
Punycode (RFC 3492) from the normalised one.
"""

import unicodedata
from typing import Final

_PREFIX: Final = "xn--"
# RFC 1035: no host name is longer, and Punycode takes its time with what is.
_MAX_LABEL: Final = 63


def written_out(host: str) -> str:
    """The host with every ``xn--`` label decoded, in one normal form."""
    if host.isascii() and _PREFIX not in host.lower():
        return host.lower()
    return ".".join(map(_decode, host.split(".")))


def as_sent(host: str) -> str:
    """The host as browsers send it: lower case, international labels in ``xn--`` form."""
    return host.lower() if host.isascii() else ".".join(map(_encode, _normal(host).split(".")))


def _decode(label: str) -> str:
    normal = _normal(label)
    if not normal.startswith(_PREFIX) or len(normal) > _MAX_LABEL:
        return normal
    try:
        return _normal(normal[len(_PREFIX) :].encode("ascii").decode("punycode"))
    except (UnicodeError, IndexError, ValueError, OverflowError):
        return normal


def _encode(label: str) -> str:
    if label.isascii() or len(label) > _MAX_LABEL:
        return label
    try:
        # Surrogates are bytes that were no UTF-8; Punycode would write them all the same.
        label.encode()
        return _PREFIX + label.encode("punycode").decode("ascii")
    except UnicodeError:
        return label


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower().replace("\u3002", ".")
