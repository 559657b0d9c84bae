"""What a browser printed about a failed request."""

import re
from collections.abc import Iterator
from itertools import islice
from operator import itemgetter
from typing import Final, NamedTuple

from flask_bucketcors.analysis.evidence.any_language import read_reason
from flask_bucketcors.analysis.evidence.browser_wordings import wordings
from flask_bucketcors.analysis.evidence.said import Said
from flask_bucketcors.analysis.spelling.sent_origins import browser_form
from flask_bucketcors.core.fields import EXTRA_METHODS, METHODS

#: Longer console texts are cut here, in characters.
MAX_CONSOLE: Final = 64 * 1024
_MAX_COMPLAINTS: Final = 32


class Complaint(NamedTuple):
    """One thing that a browser printed.

    :param said: what is wrong.
    :param value: the method, the header or the value that it names; ``""`` if none.
    :param preflight: whether it is about the preflight; None if that is open.
    """

    said: Said
    value: str
    preflight: bool | None


class Console(NamedTuple):
    """What a console text says.

    :param url: of the request, if named.
    :param origin: of the page, if named.
    :param status: of the response, if named.
    :param method: of the request, if a line about the request names it.
    :param redirected_from: the URL that the page asked for, if the request was redirected.
    :param others: how many other URLs, or pages of other origins, the text is about, too.
    """

    complaints: tuple[Complaint, ...] = ()
    url: str | None = None
    origin: str | None = None
    status: int | None = None
    method: str | None = None
    redirected_from: str | None = None
    others: int = 0

    @property
    def loses_origin(self) -> bool:
        """Whether a redirect makes the browser send ``Origin: null``.

        That is so after one from a foreign origin to another (Fetch, "HTTP-redirect fetch").
        Chromium prints the page's origin all the same.
        """
        if not (self.redirected_from and self.url and self.origin):
            return False
        first, last = browser_form(self.redirected_from), browser_form(self.url)
        return first not in (self.origin, last)


_PREFLIGHT = re.compile(r"preflight", re.IGNORECASE)
_BLOCKED = re.compile(r"has\sbeen\sblocked\sby\sCORS\spolicy")
_CHROMIUM = re.compile(
    # Copying may change the quotes, and break the line.
    r"Access to .{1,40}?\sat\s{1,8}['\"`]?(?P<url>[^'\"`\s]{0,2048})['\"`]?"
    r"(?:\s{1,8}\(redirected\sfrom\s{1,8}['\"`]?(?P<first>[^'\"`\s]{0,2048})['\"`]?\))?\s{1,8}"
    r"from\sorigin\s{1,8}['\"`]?(?P<origin>[^'\"`\s]{0,2048})['\"`]?\s{1,8}has\sbeen\sblocked"
)
_ORIGINS: Final = (
    re.compile(r"Origin '([^'\n]{0,2048})' is therefore not allowed access"),
    re.compile(r"Origin (\S+) is not allowed by Access-Control-Allow-Origin"),
    re.compile(r"Origin (\S+) not found in Access-Control-Allow-Origin"),
    re.compile(r"The origin '([^'\n]{0,2048})' did not find"),
)
_URLS: Final = (
    re.compile(r"remote resource at (\S+?)\.? \(Reason"),
    re.compile(r"cannot load (\S+?)\.?(?: due to| \w|\s|$)"),
    re.compile(r"at '([^'\n]{0,2048})'"),
)
_METHODS: Final = "|".join((*METHODS, *EXTRA_METHODS))
_STATUSES: Final = (
    re.compile(r"status(?: ?code)?(?::| of)?\s(\d{3})\b", re.IGNORECASE),
    # Of Firefox in other languages.
    re.compile(
        r"(?:Code d'état\s?|C\u00f3digo de (?:estado|status)|\u30b9\u30c6\u30fc\u30bf\u30b9"
        r"\u30b3\u30fc\u30c9):\s?(\d{3})\b"
    ),
    re.compile(rf"\b(?:OPTIONS|{_METHODS}) \S+ (?:net::\w+ )?(\d{{3}}) \("),
    re.compile(r"\bCORS\b[^\n]{0,200}[:\uff1a] ?(\d{3})[.\u3002]?$", re.MULTILINE),
)
# Lines about a request: of Chromium, and of Firefox.
_REQUESTS: Final = (
    re.compile(rf"\b({_METHODS}) https?://\S+ (?:net::ERR_|\d{{3}} \()"),
    re.compile(rf"\bXHR\s?({_METHODS})\s?https?://"),
)
# What libraries print of a request, and the call that SDKs of S3 name in a signed address.
_TOLD: Final = re.compile(
    rf"\b({_METHODS}) https?://|\bmethod[\"']?: ?[\"']?({_METHODS})\b|"
    "[?&]x-id=(Put|Upload|Get|List|Head|Delete|Create|Complete)",
    re.IGNORECASE,
)
_CALLS: Final = {"UPLOAD": "PUT", "LIST": "GET", "CREATE": "POST", "COMPLETE": "POST"}
# Lines of Chromium's tools about themselves.
_OF_TOOLS: Final = re.compile(r"DevTools failed to load [^\n]*+")
# What a page loads by elements, style sheets and players is loaded with GET.
_LOADED: Final = re.compile(
    r"Access to (?:font|image|script|CSS stylesheet|video|audio|text track|manifest|XSL stylesheet|"
    r"SVG document) at '|downloadable font:|Cross-origin (?:image|script) load denied|"
    r"(?:Font|Image) from origin '|Failed to load network image|"
    r"\b(?:manifest|level|frag|key)Load(?:Error|TimeOut)\b",
    re.IGNORECASE,
)
# The beginnings of lines about one request.
_STARTS: Final = ("Access to ", "cannot load ", "Failed to load ", "Cross-Origin Request Blocked")
_QUOTES: Final = str.maketrans("\u2018\u2019\u201c\u201d\u201e\u300c\u300d", "''\"\"\"''")
_GUILLEMETS: Final = re.compile(r"\u00ab\s?|\s?\u00bb")


def read_console(text: str) -> Console:
    """Read a console text; one that is not about CORS gives no complaints."""
    plain = _GUILLEMETS.sub("'", _OF_TOOLS.sub("", text[:MAX_CONSOLE]).translate(_QUOTES))
    complaints = sorted(_complaints(plain), key=itemgetter(0))
    if not complaints and (reason := read_reason(plain)):
        complaints = [(0, Complaint(*reason))]
    chromium = _CHROMIUM.search(plain)
    if chromium:
        url, origin = chromium["url"], chromium["origin"]
    else:
        url, origin = _first(_URLS, plain) or "", _first(_ORIGINS, plain) or ""
    status = _first(_STATUSES, plain)
    loaded = _LOADED.match(plain, chromium.start()) if chromium else _LOADED.search(plain)
    found = [each for _, each in complaints[:_MAX_COMPLAINTS]]
    # A line without a reason follows one that has it.
    named = [each for each in found if each.said is not Said.UNNAMED]
    return Console(
        tuple(named or found),
        url or None,
        origin or None,
        int(status) if status else None,
        "GET" if loaded else _first(_REQUESTS, plain) or _told_method(plain),
        chromium["first"] if chromium else None,
        max(0, len(set(_requests(plain))) - 1),
    )


def _requests(text: str) -> Iterator[tuple[str, str]]:
    """The requests that the text is about, each with its URL, and the page's origin if named."""
    for match in islice(_CHROMIUM.finditer(text), _MAX_COMPLAINTS):
        yield match["url"], match["origin"]
    for match in islice(_URLS[0].finditer(text), _MAX_COMPLAINTS):
        yield match[1], ""


def _told_method(text: str) -> str | None:
    """The method that the text names, if it names only one."""
    found = (match[match.lastindex or 1].upper() for match in _TOLD.finditer(text))
    methods = {_CALLS.get(name, name) for name in islice(found, _MAX_COMPLAINTS)}
    return methods.pop() if len(methods) == 1 and methods <= {*METHODS, *EXTRA_METHODS} else None


def _complaints(text: str) -> Iterator[tuple[int, Complaint]]:
    for said, preflight, expression in wordings():
        for match in islice(expression.finditer(text), _MAX_COMPLAINTS):
            about = preflight
            if about is None and said is not Said.UNNAMED:
                about = _about_preflight(_told(text, match))
            value = match[1] if match.re.groups else ""
            yield match.start(), Complaint(said, value, about)


def _told(text: str, match: re.Match[str]) -> str:
    """The text about the same request, up to the end of a match."""
    line = text.rfind("\n", 0, match.start()) + 1
    starts = [text.rfind(each, 0, match.start()) for each in _STARTS]
    # Copying may have broken a line.
    return text[max(starts) if max(starts) >= 0 else line : match.end()]


def _about_preflight(line: str) -> bool | None:
    if _PREFLIGHT.search(line):
        return True
    # Only Chromium always names a preflight.
    return False if _BLOCKED.search(line) else None


def _first(expressions: tuple[re.Pattern[str], ...], text: str) -> str | None:
    found = (expression.search(text) for expression in expressions)
    return next((match[1] for match in found if match), None)
