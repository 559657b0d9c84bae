"""International host names: written out, and as browsers send them.

The standard library knows the older IDNA of 2003. It differs from what browsers do in a few
letters (``ß``, final sigma, joiners), so labels are compared in the written form, and made with
Punycode (RFC 3492) from the normalised one.
"""

import re
import unicodedata
from typing import Final

from flask_bucketcors.analysis.spelling.lookalikes import is_invisible

_PREFIX: Final = "xn--"
# RFC 1035: no host name is longer, and Punycode takes its time with what is.
_MAX_LABEL: Final = 63
# UTS 46, "ignored": browsers leave these out.
_IGNORED = re.compile(
    "[\u00ad\u034f\u180b-\u180d\u180f\u200b\u2060\u2064\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]"
)
# Invisible, and yet parts of some words.
_JOINERS: Final = "\u200c\u200d"


def written_out(host: str) -> str:
    """The host with every ``xn--`` label decoded, in one normal form."""
    if host.isascii() and _PREFIX not in host.lower():
        return host.lower()
    return ".".join(map(_decode, host.split(".")))


def as_sent(host: str) -> str:
    """The host as browsers send it: lower case, international labels in ``xn--`` form.

    A label that no browser sends stays beyond ASCII.
    """
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
    if any(is_invisible(each) and each not in _JOINERS for each in label):
        return label
    try:
        # Surrogates are bytes that were no UTF-8; Punycode would write them all the same.
        label.encode()
        return _PREFIX + label.encode("punycode").decode("ascii")
    except UnicodeError:
        return label


def _normal(text: str) -> str:
    text = unicodedata.normalize("NFKC", _IGNORED.sub("", text))
    return text.lower().replace("\u3002", ".")
