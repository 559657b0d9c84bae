"""What a browser makes of an answer: the checks of the Fetch standard.

Sections are named as in https://fetch.spec.whatwg.org. Each function says from the pairs of an
answer whether a page would get through.
"""

import re
from collections.abc import Collection, Iterable, Mapping
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

#: "CORS-safelisted method": they pass without standing in Allow-Methods.
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "POST"})
#: "normalize a method": browsers write these in upper case, and no others.
NORMALIZED_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"})
#: "CORS-safelisted response-header name" and "forbidden response-header name": the first can
#: be read without being exposed, the others never.
READABLE: Final = frozenset(
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
UNREADABLE: Final = frozenset({"set-cookie", "set-cookie2"})

#: "CORS non-wildcard request-header name".
NON_WILDCARD_NAME: Final = "authorization"

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
_BLANKS: Final = " \t\r\n"


def value_of(name: str, pairs: Pairs) -> str | None:
    """The value of a header; repeated ones are joined ("header list", "get")."""
    values = [value.strip(" \t") for key, value in pairs if key.lower() == name.lower()]
    return ", ".join(values) if values else None


def names_in(name: str, pairs: Pairs) -> frozenset[str] | None:
    """The items of a header, case kept; None if one is no token ("extract header list values")."""
    items = [item.strip(" \t") for item in (value_of(name, pairs) or "").split(",")]
    items = [item for item in items if item]
    return frozenset(items) if all(map(is_header_name, items)) else None


def passes_cors_check(origin: str, credentials: bool, pairs: Pairs) -> bool:
    """Whether the answer admits the origin ("CORS check")."""
    pairs = list(pairs)
    allowed = value_of(ALLOW_ORIGIN, pairs)
    if allowed == ANY and not credentials:
        return True
    if allowed != origin:
        return False
    return not credentials or value_of(ALLOW_CREDENTIALS, pairs) == "true"


def allows_method(method: str, credentials: bool, pairs: Pairs) -> bool:
    """Whether the answer to a preflight admits a method ("CORS-preflight fetch", 7.5)."""
    methods = names_in(ALLOW_METHODS, pairs)
    if methods is None:
        return False
    return method in SAFE_METHODS or method in methods or (ANY in methods and not credentials)


def refused_names(names: Iterable[str], credentials: bool, pairs: Pairs) -> list[str]:
    """The request headers that the answer to a preflight does not admit (7.6 and 7.7).

    All, if its list cannot be read; see :func:`lists_headers`.
    """
    listed = names_in(ALLOW_HEADERS, pairs) or frozenset()
    allowed = {name.lower() for name in listed}
    missing = [name for name in names if name.lower() not in allowed]
    if ANY in allowed and not credentials:
        return [name for name in missing if name.lower() == NON_WILDCARD_NAME]
    return missing


def lists_headers(pairs: Pairs) -> bool:
    """Whether Allow-Headers is a list, or absent: one that is not fails any preflight (7.3)."""
    return names_in(ALLOW_HEADERS, pairs) is not None


def passes_preflight(
    origin: str, method: str, names: Iterable[str], credentials: bool, pairs: Pairs
) -> bool:
    """Whether the answer to a preflight admits a request; its status apart."""
    pairs = list(pairs)
    return (
        passes_cors_check(origin, credentials, pairs)
        and allows_method(method, credentials, pairs)
        and lists_headers(pairs)
        and not refused_names(names, credentials, pairs)
    )


def unexposed_names(names: Iterable[str], credentials: bool, pairs: Pairs) -> list[str]:
    """The response headers that the page could not read ("CORS filtered response")."""
    listed = names_in(EXPOSE_HEADERS, pairs) or frozenset()
    exposed = {name.lower() for name in listed}
    if ANY in exposed and not credentials:
        return [name for name in names if name.lower() in UNREADABLE]
    readable = (READABLE | exposed) - UNREADABLE
    return [name for name in names if name.lower() not in readable]


def sent_method(method: str) -> str:
    """The method as a browser sends it ("normalize a method")."""
    return method.upper() if method.upper() in NORMALIZED_METHODS else method


def is_forbidden(name: str) -> bool:
    """Whether no page may set a header, as its browser does ("forbidden request-header")."""
    return bool(_FORBIDDEN_NAMES.fullmatch(name.lower()))


def needs_preflight(method: str, names: Collection[str]) -> bool:
    """Whether a browser asks before it sends a request ("main fetch", 12).

    :param names: of headers that need asking, see :func:`unsafe_names`.
    """
    return sent_method(method) not in SAFE_METHODS or bool(names)


def combined(headers: Pairs) -> dict[str, str]:
    """Headers that a page set one after another: values of one name are joined ("append")."""
    joined: dict[str, str] = {}
    for name, value in headers:
        lowered = name.lower()
        joined[lowered] = f"{joined[lowered]}, {value}" if lowered in joined else value
    return joined


def unsafe_names(headers: Mapping[str, str]) -> list[str]:
    """The names that a preflight asks for: lower case, sorted, each once.

    "CORS-unsafe request-header names"; ``headers`` are those which the page set.
    """
    unsafe = {name for name, value in headers.items() if not _is_safelisted(name, value)}
    safe_size = sum(len(headers[name].strip(_BLANKS)) for name in headers if name not in unsafe)
    if safe_size > 1024:
        unsafe = set(headers)
    return sorted({name.lower() for name in unsafe})


def _is_safelisted(name: str, value: str) -> bool:
    value = value.strip(_BLANKS)
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
