"""Evidence of a request that failed: curl commands, HAR files, messages of a browser's console.

This package is private: it may change without notice.

Every function gives :class:`Arguments`, to be passed as keywords. The length of a text is limited
before it is read.
"""

from collections.abc import Sequence
from typing import Final

from flask_bucketcors.analysis.evidence.browser_log import MAX_CONSOLE, Complaint, read_console
from flask_bucketcors.analysis.evidence.curl import MAX_CURL, from_curl
from flask_bucketcors.analysis.evidence.har import MAX_HAR, from_har
from flask_bucketcors.analysis.evidence.page_request import Arguments
from flask_bucketcors.analysis.evidence.said import Said
from flask_bucketcors.analysis.evidence.script_copies import from_copy
from flask_bucketcors.core.browser import needs_preflight
from flask_bucketcors.core.origins import NULL

__all__ = [
    "MAX_CONSOLE",
    "MAX_CURL",
    "MAX_HAR",
    "Arguments",
    "from_console",
    "from_copy",
    "from_curl",
    "from_har",
]


# About what elements, style sheets and canvases load, so with GET.
_LOADED_BY_ELEMENTS: Final = frozenset(
    {Said.TAINTED, Said.INTEGRITY, Said.INTEGRITY_WITHOUT_CORS, Said.BAD_FONT}
)


def from_console(text: str) -> Arguments:
    """Read what Chromium, Firefox or Safari printed about a request.

    Firefox is understood in English, Chinese, French, German, Italian, Japanese, Portuguese and
    Spanish, and in other languages where the reason names a header. So are the messages of
    libraries that do not know the reason.

    :param text: lines of the browser's console; at most 65536 characters are read.
    :returns: arguments; ``guessed`` has ``"method"`` if the text does not tell it.
    :raises ValueError: if the text reports no CORS failure.
    """
    console = read_console(text)
    if not console.complaints:
        raise ValueError(
            "The text reports no CORS failure: copy the whole red line from the browser's console "
            f"(at most {MAX_CONSOLE} characters are read)."
        )
    first = console.complaints[0]
    said = {each.said for each in console.complaints}
    told = _told_method(console.complaints, text) or console.method
    method = told or "GET"
    preflight = any(each.preflight for each in console.complaints)
    names = [each.value for each in console.complaints if each.said is Said.HEADER and each.value]
    found = Arguments(
        kind="preflight" if preflight or needs_preflight(method, names) else "actual",
        method=method,
        headers=names,
        credentials=bool(said & {Said.WILDCARD, Said.NO_CREDENTIALS}),
        response={"console": text[:MAX_CONSOLE]},
    )
    origin = console.origin or (NULL if first.said is Said.NOT_HTTP else None)
    if origin:
        found["origin"] = NULL if console.loses_origin else origin
    if told is None:
        found["guessed"] = ["method"]
    return found


def _told_method(complaints: Sequence[Complaint], text: str) -> str:
    for each in complaints:
        if each.said is Said.METHOD and each.value:
            return each.value
    if _LOADED_BY_ELEMENTS.issuperset(each.said for each in complaints):
        return "GET"
    # Browser SDKs print about ETag when they upload parts.
    uploads = any(each.said is Said.UNEXPOSED for each in complaints) and "Refused" not in text
    return "PUT" if uploads else ""
