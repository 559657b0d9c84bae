"""What a browser sends for a page, and how it judges the response, by the Fetch standard.

Sections are named as in https://fetch.spec.whatwg.org. Nothing else in this package judges a
response: ``check`` and the explainer word the failures that are found here.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from string import ascii_letters, digits
from typing import Final

from flask_bucketcors.core.headers import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    EXPOSE_HEADERS,
    is_header_name,
)
from flask_bucketcors.core.wildcards import ANY

Pairs = Iterable[tuple[str, str]]

#: "CORS-safelisted method": allowed even if Allow-Methods does not list it.
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "POST"})
#: "normalize a method": browsers write only these in upper case.
NORMALIZED_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"})
#: "CORS-safelisted response-header name" and "forbidden response-header name": pages can read
#: the first without Expose-Headers, and the others never.
READABLE_NAMES: Final = frozenset(
    {
        "cache-control",
        "content-language",
        "content-length",
        "content-type",
        "expires",
        "last-modified",
        "pragma",
    }
)
HIDDEN_NAMES: Final = frozenset({"set-cookie", "set-cookie2"})

#: "CORS non-wildcard request-header name".
NON_WILDCARD_NAME: Final = "authorization"

_FORBIDDEN_METHODS: Final = frozenset({"CONNECT", "TRACE", "TRACK"})
# "forbidden request-header".
_FORBIDDEN_NAMES = re.compile(
    "accept-charset|accept-encoding|access-control-request-(headers|method)|connection|"
    "content-length|cookie2?|date|dnt|expect|host|keep-alive|origin|referer|set-cookie|te|"
    "trailer|transfer-encoding|upgrade|via|(sec|proxy)-.*"
)
_SAFE_TYPES: Final = frozenset(
    {"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}
)
_UNSAFE_CHARACTERS: Final = frozenset('"():<>?@[\\]{}\x7f')
_LANGUAGE_CHARACTERS: Final = frozenset(ascii_letters + digits + " *,-.;=")
_MAX_SAFE_VALUE: Final = 128
#: What browsers remove around a value ("HTTP whitespace").
BLANKS: Final = " \t\r\n"


def value_of(name: str, pairs: Pairs) -> str | None:
    """The value of a header; repeated ones are joined ("header list", "get")."""
    values = [value.strip(" \t") for key, value in pairs if key.lower() == name.lower()]
    return ", ".join(values) if values else None


def names_in(name: str, pairs: Pairs) -> frozenset[str] | None:
    """The items of a list as sent; None if one is not a token ("extract header list values")."""
    items = [item.strip(" \t") for item in (value_of(name, pairs) or "").split(",")]
    items = [item for item in items if item]
    return frozenset(items) if all(map(is_header_name, items)) else None


class Failure(StrEnum):
    """A check that a response fails. One that is also a cause of an explanation has its value."""

    NO_ALLOW_ORIGIN = "no_allow_origin"
    SEVERAL_ORIGINS = "duplicate_headers"
    OTHER_ORIGIN = "other_origin"
    CREDENTIALS_WILDCARD = "credentials_wildcard"
    CREDENTIALS_MISSING = "credentials_missing"
    STATUS = "status"
    METHOD_MISSING = "method_missing"
    HEADER_MISSING = "header_missing"


def cors_failure(origin: str, credentials: bool, pairs: Pairs) -> Failure | None:
    """Say why a response does not allow the origin ("CORS check"); None if it does.

    The status does not matter. Repeated headers count as one value, joined by commas. As
    Access-Control-Allow-Origin is not a list, a repeated one equals no origin.
    """
    pairs = list(pairs)
    allowed = value_of(ALLOW_ORIGIN, pairs)
    if allowed is None:
        return Failure.NO_ALLOW_ORIGIN
    if allowed == ANY:
        return Failure.CREDENTIALS_WILDCARD if credentials else None
    if allowed != origin:
        return Failure.SEVERAL_ORIGINS if "," in allowed else Failure.OTHER_ORIGIN
    if credentials and value_of(ALLOW_CREDENTIALS, pairs) != "true":
        return Failure.CREDENTIALS_MISSING
    return None


def preflight_failures(
    origin: str, method: str, names: Iterable[str], credentials: bool, pairs: Pairs, status: int
) -> Iterator[tuple[Failure, str]]:
    """Say why the response to a preflight does not allow a request ("CORS-preflight fetch", 7).

    A browser stops at the first failure. Each failure comes with the status, method or header that
    failed, or with ``""`` if Access-Control-Allow-Origin failed or Allow-Headers is not a list.

    :param names: the requested headers; see :func:`unsafe_names`.
    """
    pairs = list(pairs)
    failure = cors_failure(origin, credentials, pairs)
    if failure:
        yield failure, ""
    if not 200 <= status <= 299:
        yield Failure.STATUS, str(status)
    elif failure not in (Failure.NO_ALLOW_ORIGIN, Failure.SEVERAL_ORIGINS):
        if not _allows_method(method, credentials, pairs):
            yield Failure.METHOD_MISSING, method
        listed = names_in(ALLOW_HEADERS, pairs)
        if listed is None:
            yield Failure.HEADER_MISSING, ""
        else:
            refused = _refused_names(names, credentials, listed)
            yield from ((Failure.HEADER_MISSING, name) for name in refused)


def passes_cors_check(origin: str, credentials: bool, pairs: Pairs) -> bool:
    """Whether the response allows the origin."""
    return cors_failure(origin, credentials, pairs) is None


def passes_preflight(
    origin: str, method: str, names: Iterable[str], credentials: bool, pairs: Pairs
) -> bool:
    """Whether the response to a preflight allows a request, if its status is 200."""
    return not any(preflight_failures(origin, method, names, credentials, pairs, 200))


def _allows_method(method: str, credentials: bool, pairs: Pairs) -> bool:
    methods = names_in(ALLOW_METHODS, pairs)
    if methods is None:
        return False
    return method in SAFE_METHODS or method in methods or (ANY in methods and not credentials)


def _refused_names(names: Iterable[str], credentials: bool, listed: Iterable[str]) -> list[str]:
    allowed = {name.lower() for name in listed}
    missing = [name for name in names if name.lower() not in allowed]
    if ANY in allowed and not credentials:
        return [name for name in missing if name.lower() == NON_WILDCARD_NAME]
    return missing


def unexposed_names(names: Iterable[str], credentials: bool, pairs: Pairs) -> list[str]:
    """The response headers that the page cannot read ("CORS filtered response")."""
    listed = names_in(EXPOSE_HEADERS, pairs) or frozenset()
    exposed = {name.lower() for name in listed}
    if ANY in exposed and not credentials:
        return [name for name in names if name.lower() in HIDDEN_NAMES]
    readable = (READABLE_NAMES | exposed) - HIDDEN_NAMES
    return [name for name in names if name.lower() not in readable]


def sent_method(method: str) -> str:
    """The method as a browser sends it ("normalize a method")."""
    return method.upper() if method.upper() in NORMALIZED_METHODS else method


def is_forbidden_method(method: str) -> bool:
    """Whether pages may not send a method ("forbidden method")."""
    return method.upper() in _FORBIDDEN_METHODS


def is_forbidden(name: str) -> bool:
    """Whether pages may not set a header ("forbidden request-header")."""
    return bool(_FORBIDDEN_NAMES.fullmatch(name.lower()))


def needs_preflight(method: str, names: Collection[str]) -> bool:
    """Whether a browser sends a preflight before a request ("main fetch", 12).

    :param names: the headers that need a preflight; see :func:`unsafe_names`.
    """
    return sent_method(method) not in SAFE_METHODS or bool(names)


def combined(headers: Pairs) -> dict[str, str]:
    """Join repeated headers that a page sets ("append")."""
    joined: dict[str, str] = {}
    for name, value in headers:
        lowered = name.lower()
        joined[lowered] = f"{joined[lowered]}, {value}" if lowered in joined else value
    return joined


def unsafe_names(headers: Mapping[str, str]) -> list[str]:
    """Give the names of the headers that a preflight requests: lower case, sorted, each once.

    :param headers: the headers that the page sets. See "CORS-unsafe request-header names".
    """
    unsafe = {name for name, value in headers.items() if not _is_safelisted(name, value)}
    safe_size = sum(len(headers[name].strip(BLANKS)) for name in headers if name not in unsafe)
    if safe_size > 1024:
        unsafe = set(headers)
    return sorted({name.lower() for name in unsafe})


@dataclass(frozen=True, slots=True)
class BrowserRequest:
    """The request that a browser sends for a page.

    :param origin: the origin of the page, as a browser sends it.
    :param headers: names and values of the headers that the page sets.
    :param credentials: whether the browser sends cookies.
    """

    origin: str
    method: str
    headers: Sequence[tuple[str, str]]
    credentials: bool

    @property
    def requested_headers(self) -> list[str]:
        """The names that a preflight requests, as browsers write them: lower case, sorted."""
        return unsafe_names(combined(self.headers))

    @property
    def needs_preflight(self) -> bool:
        """Whether a browser sends a preflight first."""
        return needs_preflight(self.method, self.requested_headers)

    def preflight_headers(self) -> list[tuple[str, str]]:
        """The headers of a browser's preflight."""
        names = ",".join(self.requested_headers)
        return [
            ("Accept", "*/*"),
            ("Origin", self.origin),
            ("Access-Control-Request-Method", self.method),
            *([("Access-Control-Request-Headers", names)] if names else []),
        ]

    def actual_headers(self) -> list[tuple[str, str]]:
        """The headers of the actual request."""
        own = {name.lower() for name, _ in self.headers}
        accept = [] if "accept" in own else [("Accept", "*/*")]
        return [*accept, ("Origin", self.origin), *self.headers]


def _is_safelisted(name: str, value: str) -> bool:
    value = value.strip(BLANKS)
    if len(value) > _MAX_SAFE_VALUE:
        return False
    match name.lower():
        case "accept":
            return not _has_unsafe_character(value)
        case "accept-language" | "content-language":
            return _LANGUAGE_CHARACTERS.issuperset(value)
        case "content-type":
            essence = value.partition(";")[0].strip(" \t").lower()
            return not _has_unsafe_character(value) and essence in _SAFE_TYPES
        case "range":
            start, dash, end = value.removeprefix("bytes=").partition("-")
            known = value.startswith("bytes=") and bool(dash) and _is_number(start)
            return known and (not end or (_is_number(end) and int(start) <= int(end)))
    return False


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _has_unsafe_character(value: str) -> bool:
    return any((each < " " and each != "\t") or each in _UNSAFE_CHARACTERS for each in value)
