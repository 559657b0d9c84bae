"""A request as it was sent, read as the request that a page's script made."""

from collections.abc import Mapping
from typing import Any, Final

from flask_bucketcors.core.browser import needs_preflight, sent_method, unsafe_names

# Fetch, "forbidden request-header", and what browsers add by themselves: a page set none.
_BROWSER_HEADERS: Final = """
    accept accept-charset accept-encoding accept-language access-control-request-headers
    access-control-request-method connection content-length cookie cookie2 date dnt expect
    host keep-alive origin referer set-cookie te trailer transfer-encoding upgrade
    upgrade-insecure-requests user-agent via priority x-client-data save-data
"""
_NOT_BY_PAGE: Final = frozenset(_BROWSER_HEADERS.split())
_BY_BROWSER_PREFIXES: Final = ("sec-", "proxy-", ":")
# Browsers' tools add both when their cache is switched off.
_CACHE_OFF: Final = frozenset({"cache-control", "pragma"})


def request_arguments(method: str, headers: Mapping[str, str], origin: str) -> dict[str, Any]:
    """The arguments for a request with these headers, named in lower case."""
    found: dict[str, Any] = {"origin": origin, "credentials": "cookie" in headers}
    if method.upper() == "OPTIONS":
        asked = headers.get("access-control-request-headers", "")
        names = [name.strip() for name in asked.split(",")]
        return {
            **found,
            "kind": "preflight",
            "method": headers.get("access-control-request-method", ""),
            "headers": [name for name in names if name],
        }
    names = unsafe_names(_page_headers(headers))
    sent = sent_method(method)
    kind = "preflight" if needs_preflight(sent, names) else "actual"
    return {**found, "kind": kind, "method": sent, "headers": names}


def _page_headers(headers: Mapping[str, str]) -> dict[str, str]:
    by_page = {
        name: value
        for name, value in headers.items()
        if name not in _NOT_BY_PAGE and not name.startswith(_BY_BROWSER_PREFIXES)
    }
    if by_page.keys() >= _CACHE_OFF:
        by_page = {name: value for name, value in by_page.items() if name not in _CACHE_OFF}
    return by_page


def last_of_each(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers by their names in lower case."""
    return {name.lower(): value for name, value in headers.items()}
