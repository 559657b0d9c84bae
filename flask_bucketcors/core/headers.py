"""Header names: those of CORS, those that rules may hold, and those that a preflight requests."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

ALLOW_CREDENTIALS: Final = "Access-Control-Allow-Credentials"
ALLOW_HEADERS: Final = "Access-Control-Allow-Headers"
ALLOW_METHODS: Final = "Access-Control-Allow-Methods"
ALLOW_ORIGIN: Final = "Access-Control-Allow-Origin"
EXPOSE_HEADERS: Final = "Access-Control-Expose-Headers"
MAX_AGE: Final = "Access-Control-Max-Age"
TIMING_ALLOW_ORIGIN: Final = "Timing-Allow-Origin"
VARY: Final = "Vary"

# Limits on work: a longer Access-Control-Request-Headers is refused without parsing it.
MAX_REQUESTED_HEADERS_BYTES = 8 * 1024
MAX_REQUESTED_HEADERS = 128

# RFC 9110, 5.6.2: token. "*" is a token character, so it needs no mention here.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def is_header_name(text: str) -> bool:
    """Whether ``text`` is a token (RFC 9110, 5.1); one with ``*`` is, too."""
    return bool(_TOKEN.fullmatch(text))


class RequestedHeaders(NamedTuple):
    """The requested headers of a preflight.

    :param text: the header's value.
    :param sent: the names as sent, without whitespace and empty items.
    :param names: the same in lower case; names are case-insensitive (RFC 9110, 5.1).
    """

    text: str
    sent: Sequence[str]
    names: Sequence[str]


_NONE: Final = RequestedHeaders("", (), ())


def parse_requested_headers(text: str) -> RequestedHeaders | None:
    """Parse an Access-Control-Request-Headers value.

    None if it exceeds the limits or contains something that is not a header name; no rule can
    allow that. (RFC 9110, 5.6.1: a recipient ignores empty list elements.)
    """
    if not text:
        return _NONE
    if len(text) > MAX_REQUESTED_HEADERS_BYTES:
        return None
    items = (item.strip(" \t") for item in text.split(","))
    sent = tuple(item for item in items if item)
    if len(sent) > MAX_REQUESTED_HEADERS or not all(map(is_header_name, sent)):
        return None
    return RequestedHeaders(text, sent, tuple(map(str.lower, sent)))
