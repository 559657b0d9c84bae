"""The request that a script made, told from the request that its browser sent."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NotRequired, TypedDict

from flask_bucketcors.core.browser import is_forbidden, needs_preflight, sent_method, unsafe_names

# Headers that browsers add, and pages may set, too.
_ADDED: Final = frozenset(
    {
        "accept",
        "accept-language",
        "priority",
        "save-data",
        "upgrade-insecure-requests",
        "user-agent",
        "x-client-data",
    }
)
# Browsers' tools add both when you disable the cache.
_CACHE_OFF: Final = frozenset({"cache-control", "pragma"})


class Arguments(TypedDict):
    """Arguments of :func:`flask_bucketcors.explain`, as far as the evidence tells."""

    origin: NotRequired[str]
    method: str
    headers: list[str]
    credentials: bool
    kind: str
    response: NotRequired[Mapping[str, Any]]
    #: Names of arguments that the evidence does not tell for certain.
    guessed: NotRequired[list[str]]


def request_arguments(method: str, headers: Mapping[str, str], origin: str) -> Arguments:
    """The arguments for a request with these headers, named in lower case."""
    credentials = "cookie" in headers
    if method.upper() == "OPTIONS":
        asked = headers.get("access-control-request-headers", "")
        names = [name for each in asked.split(",") if (name := each.strip())]
        method, kind = headers.get("access-control-request-method", ""), "preflight"
    else:
        names = unsafe_names(_page_headers(headers))
        method = sent_method(method)
        kind = "preflight" if needs_preflight(method, names) else "actual"
    return Arguments(
        origin=origin, method=method, headers=names, credentials=credentials, kind=kind
    )


def _page_headers(headers: Mapping[str, str]) -> dict[str, str]:
    by_page = {
        name: value
        for name, value in headers.items()
        if not (is_forbidden(name) or name in _ADDED or name.startswith(":"))
    }
    if by_page.keys() >= _CACHE_OFF:
        by_page = {name: value for name, value in by_page.items() if name not in _CACHE_OFF}
    return by_page


def by_name(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The values of each header, by their names as they are written."""
    headers: dict[str, list[str]] = {}
    for name, value in pairs:
        headers.setdefault(name, []).append(value)
    return headers
