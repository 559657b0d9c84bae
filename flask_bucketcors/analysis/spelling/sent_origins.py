"""What a browser sends as Origin, told from what a person wrote or pasted."""

import re
from typing import Final

from flask_bucketcors.analysis.spelling.idna import as_sent
from flask_bucketcors.analysis.spelling.origin_parts import cut
from flask_bucketcors.core.origins import NULL, is_origin, pattern_problem

_OLD_WEB_VIEW: Final = "file://"
# HTML, "origin": pages of these have none, and blobs have that of the page that made them.
_WITHOUT_ORIGIN = re.compile(r"(?:file|data|about|javascript|view-source):", re.IGNORECASE)
_BLOB: Final = "blob:"
# RFC 1035, 2.3.4.
_MAX_HOST: Final = 253


def browser_form(origin: str) -> str:
    """The origin as a browser would send it, of a text that a person wrote or pasted."""
    if not origin or origin in (NULL, _OLD_WEB_VIEW):
        return origin
    if _WITHOUT_ORIGIN.match(origin):
        return NULL
    parts = cut(origin.removeprefix(_BLOB))
    return parts._replace(host=as_sent(parts.host)).text


def is_sendable(origin: str) -> bool:
    """Whether a browser could send an Origin like this."""
    if origin in (NULL, _OLD_WEB_VIEW):
        return True
    return (
        "://" in origin
        and is_origin(origin)
        and browser_form(origin) == origin
        and len(cut(origin).host) <= _MAX_HOST
        and pattern_problem(origin) is None
    )
