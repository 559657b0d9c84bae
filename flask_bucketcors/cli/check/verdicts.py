"""What a browser makes of an answer: the checks of the Fetch standard, each with what to do.

Facts (Fetch, "CORS check", "CORS-preflight fetch", "CORS-safelisted request-header"):

- The status of an actual answer does not matter; that of a preflight has to be 200 to 299.
- Lines of one header are one value, joined by a comma, and Access-Control-Allow-Origin is not a
  list: with two lines it equals no origin.
- ``*`` means nothing where credentials are sent, and never covers ``Authorization``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from flask_bucketcors.analysis.evidence.response import (
    Seen,
    is_from_cdn,
    is_from_proxy,
    is_own,
    varies,
)
from flask_bucketcors.cli.check.http_exchange import Answer, Headers
from flask_bucketcors.core.browser import (
    allows_method,
    combined,
    lists_headers,
    needs_preflight,
    refused_names,
    unsafe_names,
)
from flask_bucketcors.core.headers import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    VARY,
)
from flask_bucketcors.core.wildcards import ANY


class FindingKind(StrEnum):
    """What ``check`` finds. Those named like causes of an explanation mean the same."""

    REDIRECTED = "redirected"
    NO_ALLOW_ORIGIN = "no_allow_origin"
    OTHER_ORIGIN = "other_origin"
    DUPLICATE_HEADERS = "duplicate_headers"
    CREDENTIALS_WILDCARD = "credentials_wildcard"
    CREDENTIALS_MISSING = "credentials_missing"
    STATUS = "status"
    METHOD_MISSING = "method_missing"
    HEADER_MISSING = "header_missing"
    VARY_MISSING = "vary_missing"
    IN_FRONT = "in_front"
    MIXED_CONTENT = "mixed_content"
    UNREACHABLE = "unreachable"


class Finding(NamedTuple):
    """One thing that is wrong with an answer.

    :param text: what, and what to do.
    :param header: the header that decides, if it is there.
    :param blocks: whether a browser gives up for it.
    """

    kind: FindingKind
    text: str
    header: str | None = None
    blocks: bool = True


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What a page asks its browser for.

    :param origin: the page's, as a browser writes it.
    :param headers: names and values that the page sets itself.
    :param credentials: whether cookies go along.
    """

    origin: str
    method: str
    headers: Headers
    credentials: bool

    @property
    def asked_headers(self) -> list[str]:
        """The names that a preflight has to ask for, as browsers write them: lower case, sorted."""
        return unsafe_names(combined(self.headers))

    @property
    def needs_preflight(self) -> bool:
        """Whether a browser sends a preflight first."""
        return needs_preflight(self.method, self.asked_headers)

    def preflight_headers(self) -> Headers:
        """What a browser's preflight carries."""
        asked = [("Access-Control-Request-Headers", ",".join(self.asked_headers))]
        return [
            ("Accept", "*/*"),
            ("Origin", self.origin),
            ("Access-Control-Request-Method", self.method),
            *(asked if self.asked_headers else []),
        ]

    def actual_headers(self) -> Headers:
        """What the request itself carries."""
        own = {name.lower() for name, _ in self.headers}
        accept = [] if "accept" in own else [("Accept", "*/*")]
        return [*accept, ("Origin", self.origin), *self.headers]


def judge_preflight(request: PageRequest, answer: Answer) -> Iterator[Finding]:
    """What a browser has against the answer to a preflight, in its order."""
    if 300 <= answer.status < 400:
        yield _redirected("browsers follow no redirect of a preflight. Use the address it leads to")
        return
    yield from _origin_findings(request, answer)
    if not 200 <= answer.status < 300:
        yield Finding(
            FindingKind.STATUS, f"the preflight got {answer.status}; it has to get 200 to 299"
        )
    elif _allowed_origin(answer):
        yield from _method_findings(request, answer)
        yield from _header_findings(request, answer)
    yield from _vary_findings(request, answer)


def judge_actual(request: PageRequest, answer: Answer) -> Iterator[Finding]:
    """What a browser has against the answer to the request itself, in its order."""
    yield from _origin_findings(request, answer)
    if 300 <= answer.status < 400 and answer.status != 304:
        yield _redirected("a browser goes there and asks again. Check the address it leads to")
    yield from _vary_findings(request, answer)


def judge_where_from(answer: Answer) -> Iterator[Finding]:
    """Whether a refusal may be somebody else's than the storage's."""
    seen = Seen(answer.status, answer.headers)
    if is_own(seen):
        return
    what = "no id of a storage, such as x-cos-request-id"
    if is_from_cdn(seen) or is_from_proxy(seen):
        text = f"a CDN or a proxy answered: there is {what}. Let it pass OPTIONS and Origin on"
        yield Finding(FindingKind.IN_FRONT, text, blocks=False)
    else:
        text = f"there is {what}: perhaps it was not the storage that answered"
        yield Finding(FindingKind.IN_FRONT, text, blocks=False)


def _redirected(what_follows: str) -> Finding:
    return Finding(FindingKind.REDIRECTED, f"the answer is a redirect: {what_follows}", "Location")


def _origin_findings(request: PageRequest, answer: Answer) -> Iterator[Finding]:
    lines = answer.values(ALLOW_ORIGIN)
    if not lines:
        yield Finding(
            FindingKind.NO_ALLOW_ORIGIN,
            f"the answer has no {ALLOW_ORIGIN}: no rule allows this request, or the answer is "
            "somebody else's",
        )
    elif len(lines) > 1 or "," in lines[0]:
        yield Finding(
            FindingKind.DUPLICATE_HEADERS,
            f"{ALLOW_ORIGIN} has {max(len(lines), lines[0].count(',') + 1)} values; a browser "
            "accepts one. Leave it to the rules, and take it out of the application or proxy",
            ALLOW_ORIGIN,
        )
    else:
        yield from _value_findings(request, lines[0], answer)


def _value_findings(request: PageRequest, value: str, answer: Answer) -> Iterator[Finding]:
    if value == ANY and request.credentials:
        yield Finding(
            FindingKind.CREDENTIALS_WILDCARD,
            f"{ANY} never goes with credentials: name the origin in a rule, and no {ANY} beside it",
            ALLOW_ORIGIN,
        )
    elif value not in (ANY, request.origin):
        text = f"this is not {request.origin}: a cache kept another page's answer, or it is fixed"
        yield Finding(FindingKind.OTHER_ORIGIN, text, ALLOW_ORIGIN)
    elif request.credentials and answer.values(ALLOW_CREDENTIALS) != ["true"]:
        yield Finding(
            FindingKind.CREDENTIALS_MISSING,
            f"with credentials the answer needs {ALLOW_CREDENTIALS}: true, once",
            ALLOW_CREDENTIALS,
        )


def _method_findings(request: PageRequest, answer: Answer) -> Iterator[Finding]:
    if not allows_method(request.method, request.credentials, answer.headers):
        text = f"{request.method} is not among the methods: add it to the rule as an AllowedMethod"
        yield Finding(FindingKind.METHOD_MISSING, text, ALLOW_METHODS)


def _header_findings(request: PageRequest, answer: Answer) -> Iterator[Finding]:
    if not lists_headers(answer.headers):
        text = f"{ALLOW_HEADERS} is no list of names, so that a browser takes none of them"
        yield Finding(FindingKind.HEADER_MISSING, text, ALLOW_HEADERS)
        return
    for name in refused_names(request.asked_headers, request.credentials, answer.headers):
        text = f"{name} is not among the headers: add it to the rule as an AllowedHeader"
        yield Finding(FindingKind.HEADER_MISSING, text, ALLOW_HEADERS)


def _vary_findings(request: PageRequest, answer: Answer) -> Iterator[Finding]:
    named = answer.values(ALLOW_ORIGIN) == [request.origin]
    if named and not varies(Seen(answer.status, answer.headers)):
        yield Finding(
            FindingKind.VARY_MISSING,
            "the answer names the origin and has no Vary: Origin, so that a cache may hand it to "
            "another page: have the server send it",
            VARY,
            blocks=False,
        )


def _allowed_origin(answer: Answer) -> bool:
    return len(answer.values(ALLOW_ORIGIN)) == 1
