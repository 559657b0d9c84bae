"""What browsers print when CORS stops a request, read as facts.

Texts: Chromium 156 as measured and its older wording in Alibaba's troubleshooting page; Firefox
as its documentation "CORS errors" lists them; Safari as WebKit's CrossOriginAccessControl and
the loader print them; the browser SDKs of COS, OSS and S3 and Uppy about ETag. What looks like
CORS to the person who asks and is not (certificates, mixed content, blockers) is told as that.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from operator import itemgetter
from typing import Final, NamedTuple

#: Console text beyond this is not read, in characters.
MAX_CONSOLE: Final = 64 * 1024
_MAX_COMPLAINTS: Final = 32


class Said(StrEnum):
    """What a browser complains about."""

    NO_ALLOW_ORIGIN = "no Access-Control-Allow-Origin"
    OTHER_ORIGIN = "Access-Control-Allow-Origin with another value"
    SEVERAL_ORIGINS = "several values of Access-Control-Allow-Origin"
    WILDCARD = "Access-Control-Allow-Origin * with credentials"
    NO_CREDENTIALS = "no Access-Control-Allow-Credentials: true"
    METHOD = "method not in Access-Control-Allow-Methods"
    HEADER = "header not in Access-Control-Allow-Headers"
    STATUS = "status of the preflight"
    REDIRECT = "redirect of the preflight"
    UNREADABLE = "a list that cannot be read"
    UNEXPOSED = "header not in Access-Control-Expose-Headers"
    NOT_HTTP = "a page or an address that is not http"
    LOCAL_NETWORK = "local network access"
    NO_ANSWER = "no answer, or one stopped by something else than CORS"
    TAINTED = "a picture that was loaded without CORS"
    UNNAMED = "stopped by CORS for a reason that is not named"


class Complaint(NamedTuple):
    """One thing that a browser printed.

    :param said: what is wrong.
    :param value: the method, the header or the value that it names; ``""`` if none.
    :param preflight: whether it is about the preflight; None if it does not say.
    """

    said: Said
    value: str
    preflight: bool | None


class Console(NamedTuple):
    """What a console's text says.

    :param url: of the request, if named.
    :param origin: of the page, if named.
    :param status: of the answer, if named.
    """

    complaints: tuple[Complaint, ...] = ()
    url: str | None = None
    origin: str | None = None
    status: int | None = None


# A preflight is what the text is about: yes, no, or whatever it says elsewhere.
_TEXTS: Final = tuple(
    (re.compile(text, re.IGNORECASE), said, preflight)
    for text, said, preflight in (
        (r"No 'Access-Control-Allow-Origin' header is present", Said.NO_ALLOW_ORIGIN, None),
        (r"CORS header 'Access-Control-Allow-Origin' missing", Said.NO_ALLOW_ORIGIN, None),
        (r"Origin \S+ is not allowed by Access-Control-Allow-Origin", Said.NO_ALLOW_ORIGIN, None),
        (
            r"'Access-Control-Allow-Origin' header (?:has a value|contains the invalid value) "
            r"'([^'\n]{0,2048})'",
            Said.OTHER_ORIGIN,
            None,
        ),
        (
            r"CORS header 'Access-Control-Allow-Origin' does not match '([^'\n]{0,2048})'",
            Said.OTHER_ORIGIN,
            None,
        ),
        (
            r"'Access-Control-Allow-Origin' header contains multiple values '([^'\n]{0,2048})'",
            Said.SEVERAL_ORIGINS,
            None,
        ),
        (
            r"Multiple CORS header 'Access-Control-Allow-Origin' not allowed",
            Said.SEVERAL_ORIGINS,
            None,
        ),
        (
            r"Access-Control-Allow-Origin cannot contain more than one origin",
            Said.SEVERAL_ORIGINS,
            None,
        ),
        (r"must not be the wildcard '\*' when", Said.WILDCARD, None),
        (r"wildcard '\*' cannot be used in the 'Access-Control-Allow-Origin'", Said.WILDCARD, None),
        (r"Credential is not supported if the CORS header", Said.WILDCARD, None),
        (
            r"Cannot use wildcard in Access-Control-Allow-Origin when credentials",
            Said.WILDCARD,
            None,
        ),
        (
            r"'Access-Control-Allow-Credentials' header in the response is '([^'\n]{0,2048})'",
            Said.NO_CREDENTIALS,
            None,
        ),
        (
            r"expected 'true' in CORS header 'Access-Control-Allow-Credentials'",
            Said.NO_CREDENTIALS,
            None,
        ),
        (
            r"Access-Control-Allow-Credentials is not \"?true",
            Said.NO_CREDENTIALS,
            None,
        ),
        (
            r"Method (\S+) is not allowed by Access-Control-Allow-Methods",
            Said.METHOD,
            True,
        ),
        (r"Did not find method in CORS header", Said.METHOD, True),
        (
            r"Request header field (\S+) is not allowed by Access-Control-Allow-Headers",
            Said.HEADER,
            True,
        ),
        (
            r"header '([^'\n]{0,2048})' is not allowed according to header "
            r"'Access-Control-Allow-Headers'",
            Said.HEADER,
            True,
        ),
        (
            r"missing token '([^'\n]{0,2048})' in CORS header 'Access-Control-Allow-Headers'",
            Said.HEADER,
            True,
        ),
        (r"It does not have HTTP ok status", Said.STATUS, True),
        (r"CORS preflight (?:response|channel) did not succeed", Said.STATUS, True),
        (r"Preflight response is not successful", Said.STATUS, True),
        (r"Redirect is not allowed for a preflight", Said.REDIRECT, True),
        (r"Response for preflight is invalid \(redirect\)", Said.REDIRECT, True),
        (r"CORS request external redirect not allowed", Said.REDIRECT, True),
        (r"Preflight response is a redirect", Said.REDIRECT, True),
        (
            r"Cannot parse (Access-Control-Allow-\w+) response header",
            Said.UNREADABLE,
            True,
        ),
        (
            r"invalid token '[^'\n]{0,2048}' in CORS header '(Access-Control-Allow-\w+)'",
            Said.UNREADABLE,
            True,
        ),
        (r"Refused to get unsafe header [\"']([^\"']+)", Said.UNEXPOSED, False),
        (
            r"add [\"'`]?([\w-]+)[\"'`]? to (?:the )?CORS Expose-?Headers?",
            Said.UNEXPOSED,
            False,
        ),
        (
            r"set the ([\w-]+) of expose-?headers in OSS",
            Said.UNEXPOSED,
            False,
        ),
        (r"Could not read the ([\w-]+) header\b", Said.UNEXPOSED, False),
        (r"missing (ETag) in UploadPart response", Said.UNEXPOSED, False),
        (r"CORS request did not succeed", Said.NO_ANSWER, None),
        (
            r"\bERR_(?:CONNECTION|CERT|SSL|NAME|INTERNET|ADDRESS|TIMED_OUT|HTTP2|QUIC|EMPTY|"
            r"BLOCKED_BY)\w*",
            Said.NO_ANSWER,
            None,
        ),
        (r"Mixed Content:|blocked loading mixed active content", Said.NO_ANSWER, None),
        (r"violates the following Content Security Policy directive", Said.NO_ANSWER, None),
        (r"Cross-Origin Read Blocking|blocked by ORB", Said.NO_ANSWER, None),
        (r"an [\"']opaque[\"'] response was used", Said.NO_ANSWER, None),
        (r"Tainted canvas|canvas has been tainted", Said.TAINTED, None),
        (r"due to access control checks", Said.UNNAMED, None),
        (r"CORS request not HTTP", Said.NOT_HTTP, None),
        (
            r"Cross origin requests are only supported for (?:protocol schemes|HTTP)",
            Said.NOT_HTTP,
            None,
        ),
        (r"(?:local|loopback|private|unknown)`? address space", Said.LOCAL_NETWORK, None),
    )
)
_PREFLIGHT = re.compile(r"preflight", re.IGNORECASE)
_CHROMIUM = re.compile(
    r"Access to .{1,40}? at '(?P<url>[^'\n]{0,2048})'"
    r"(?: \(redirected from '[^'\n]{0,2048}'\))? "
    r"from origin '(?P<origin>[^'\n]{0,2048})' has been blocked"
)
_ORIGINS: Final = (
    re.compile(r"Origin '([^'\n]{0,2048})' is therefore not allowed access"),
    re.compile(r"Origin (\S+) is not allowed by Access-Control-Allow-Origin"),
)
_URLS: Final = (
    re.compile(r"remote resource at (\S+?)\.? \(Reason"),
    re.compile(r"cannot load (\S+?)\.?(?: due to| \w|\s|$)"),
    re.compile(r"at '([^'\n]{0,2048})'"),
)
_STATUS = re.compile(r"status(?: ?code)?:? (\d{3})\b|status of (\d{3})\b", re.IGNORECASE)
_QUOTES: Final = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")


def read_console(text: str) -> Console:
    """Read a console's text; what says nothing of CORS gives no complaints."""
    plain = text[:MAX_CONSOLE].translate(_QUOTES)
    complaints = sorted(_complaints(plain), key=itemgetter(0))
    chromium = _CHROMIUM.search(plain)
    if chromium:
        url, origin = chromium["url"], chromium["origin"]
    else:
        url, origin = _first(_URLS, plain) or "", _first(_ORIGINS, plain) or ""
    status = _STATUS.search(plain)
    found = tuple(each for _, each in complaints[:_MAX_COMPLAINTS])
    return Console(
        found, url or None, origin or None, int(status[1] or status[2]) if status else None
    )


def _complaints(text: str) -> Iterator[tuple[int, Complaint]]:
    for expression, said, preflight in _TEXTS:
        for count, match in enumerate(expression.finditer(text)):
            if count == _MAX_COMPLAINTS:
                break
            line = text[text.rfind("\n", 0, match.start()) + 1 : match.end()]
            about = preflight
            if about is None:
                about = _about_preflight(line)
            value = match[1] if match.re.groups else ""
            yield match.start(), Complaint(said, value, about)


def _about_preflight(line: str) -> bool | None:
    if _PREFLIGHT.search(line):
        return True
    # Only Chromium says it whenever it is so.
    return False if "has been blocked by CORS policy" in line else None


def _first(expressions: tuple[re.Pattern[str], ...], text: str) -> str | None:
    found = (expression.search(text) for expression in expressions)
    return next((match[1] for match in found if match), None)
