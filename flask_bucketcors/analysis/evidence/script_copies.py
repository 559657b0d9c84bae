"""A request as browsers' tools copy it for scripts: ``fetch`` (also of Node), and PowerShell."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from flask_bucketcors.analysis.evidence.curl import COMMAND, MAX_CURL, from_curl
from flask_bucketcors.analysis.evidence.page_request import Arguments, request_arguments
from flask_bucketcors.analysis.spelling.sent_origins import browser_form, is_sendable
from flask_bucketcors.core.origins import NULL

_FETCH: Final = re.compile(r"(?:^|[^\w.])fetch\(\s*+")
_COMMA: Final = re.compile(r"\s*+,\s*+")
_POWERSHELL: Final = re.compile(
    r"\b(?:Invoke-WebRequest|Invoke-RestMethod|iwr|irm)\b", re.IGNORECASE
)
# Strings of PowerShell, which escapes with a grave accent or by doubling, and what is between.
_TOKEN: Final = re.compile(
    r"""(?P<text>"(?:[^"`]|`.|"")*+"|'(?:[^']|'')*+')|(?P<name>-[A-Za-z]++(?=[\s:]))"""
    r"""|(?P<mark>@\{|[{}()=;])|(?P<word>[^\s"'`{}()=;]++)""",
    re.DOTALL,
)
_ESCAPED: Final = re.compile(r"`(.)|\"(\")", re.DOTALL)
_COOKIES: Final = re.compile(r"\.Cookies\.Add\(", re.IGNORECASE)


def from_copy(text: str) -> Arguments:
    """Read a request as a browser's network tab copies it: as curl, as fetch or as PowerShell.

    :param text: the copy; ``fetch`` may be that for Node.
    :returns: arguments; without ``origin`` if a copy as fetch or PowerShell names no page.
    :raises ValueError: if the text is none of these.
    """
    if len(text) > MAX_CURL:
        raise ValueError(f"The text is longer than {MAX_CURL} characters.")
    fetch = _FETCH.search(text)
    if fetch and not text[: fetch.start()].strip().strip("(").removesuffix("await").strip():
        return _from_fetch(text[fetch.end() :])
    found = _POWERSHELL.search(text)
    if found and not COMMAND.search(text, 0, found.start()):
        has_cookies = bool(_COOKIES.search(text, 0, found.start()))
        return _from_powershell(text[found.end() :], has_cookies)
    return from_curl(text)


def _from_fetch(text: str) -> Arguments:
    decoder = json.JSONDecoder()
    try:
        url, end = decoder.raw_decode(text)
        comma = _COMMA.match(text, end)
        init, end = decoder.raw_decode(text, comma.end()) if comma else ({}, end)
    except (ValueError, RecursionError):
        raise ValueError(
            'The call of fetch cannot be read: copy it with "Copy as fetch", and change nothing.'
        ) from None
    if _FETCH.search(text, end):
        raise ValueError("The text holds several calls of fetch: copy one of them.")
    if not isinstance(url, str) or not isinstance(init, Mapping):
        raise ValueError("The call of fetch has no address and options: copy it whole.")
    headers = _lower(init.get("headers"))
    page = headers.get("origin") or str(init.get("referrer") or headers.get("referer", ""))
    # Node has no credentials mode, so the copy for it has the cookies.
    credentials = init.get("credentials") == "include" or "cookie" in headers
    return _arguments(str(init.get("method") or "GET"), headers, page, credentials)


def _from_powershell(text: str, has_cookies: bool) -> Arguments:
    values = dict(_parameters(text))
    headers = _lower(values.get("headers", {}))
    if content_type := values.get("contenttype"):
        headers["content-type"] = str(content_type)
    page = headers.get("origin") or headers.get("referer", "")
    method = str(values.get("method") or "GET")
    return _arguments(method, headers, page, has_cookies or "cookie" in headers)


def _lower(headers: object) -> dict[str, str]:
    pairs = headers.items() if isinstance(headers, Mapping) else ()
    return {str(name).lower(): str(value) for name, value in pairs}


def _arguments(method: str, headers: dict[str, str], page: str, credentials: bool) -> Arguments:
    origin = page if page == NULL else browser_form(page)
    found = request_arguments(method, headers, origin)
    found["credentials"] = credentials
    if page != NULL and (origin == NULL or not is_sendable(origin)):
        del found["origin"]
    return found


def _parameters(text: str) -> Iterator[tuple[str, Any]]:
    """The parameters of a command of PowerShell by their names, in lower case."""
    name = ""
    tokens = _TOKEN.finditer(text)
    for token in tokens:
        if token["name"]:
            name = token["name"][1:].lower()
        elif token["mark"] == "@{":
            yield name, dict(_entries(tokens))
            name = ""
        elif name and not token["mark"]:
            yield name, _plain(token)
            name = ""


def _entries(tokens: Iterator[re.Match[str]]) -> Iterator[tuple[str, str]]:
    """The entries of a table, up to its end."""
    key: str | None = None
    for token in tokens:
        if token["mark"] == "}":
            return
        if token["mark"]:
            continue
        if key is None:
            key = _plain(token)
        else:
            yield key, _plain(token)
            key = None


def _plain(token: re.Match[str]) -> str:
    text = token["text"]
    if text is None:
        return token[0]
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    return _ESCAPED.sub(lambda found: found[1] or found[2], text[1:-1])
