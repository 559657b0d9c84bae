"""A HAR file: the export of a browser's network tab, or what Playwright records.

Of a request that CORS stopped, Chromium and Playwright write the status 0 or -1, and headers
without an Origin, as the network stack adds it behind what the tools see.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from flask_bucketcors.analysis.evidence.browser_log import read_console
from flask_bucketcors.analysis.evidence.page_request import (
    Arguments,
    by_name,
    request_arguments,
)
from flask_bucketcors.analysis.evidence.said import Said
from flask_bucketcors.analysis.spelling.sent_origins import browser_form, is_sendable
from flask_bucketcors.core.browser import passes_cors_check
from flask_bucketcors.core.json_text import NotJSON, parse_json
from flask_bucketcors.core.origins import NULL

#: Longer HAR files are refused, in bytes, or in characters of a text. Bodies of responses make them
#: large.
MAX_HAR: Final = 64 * 1024 * 1024
MAX_HAR_ENTRIES: Final = 10_000


#: Marks an entry that no page has sent, in the files of ``check``.
PROBE: Final = "_bucketcors_probe"

# Of Chromium's types of requests, those that no script or element makes.
_NAVIGATIONS: Final = frozenset({"document", "websocket"})


class _Entry(NamedTuple):
    url: str
    found: Arguments

    @property
    def key(self) -> tuple[str, ...]:
        return self.url, self.found["method"], self.found["origin"]

    @property
    def has_response(self) -> bool:
        return "headers" in self.found["response"]


def from_har(text: str | bytes) -> list[Arguments]:
    """Read a HAR file, the export of a browser's network tab.

    :param text: the file, at most 64 MiB.
    :returns: arguments for each entry that failed; if none did, for each that crossed origins.
        ``guessed`` has ``"origin"`` if the origin is that of the page's address.
    :raises ValueError: if the text is no HAR file, or nothing in it crosses origins.
    """
    if len(text) > MAX_HAR:
        raise ValueError(f"The HAR file is longer than {MAX_HAR} bytes: export fewer requests.")
    try:
        log = parse_json(text.removeprefix("\ufeff") if isinstance(text, str) else text)["log"]
        entries = log["entries"]
    except (ValueError, KeyError, TypeError) as error:
        wrong = str(error) if isinstance(error, NotJSON) else "it has no log with entries"
        wrong = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else wrong
        raise ValueError(
            f'This is not a HAR file: {wrong}. Export it with "Save all as HAR" from the network '
            "tab."
        ) from None
    if not isinstance(entries, list):
        raise ValueError("The HAR file has no list of entries.")
    pages = dict(_pages(log.get("pages")))
    read = (_har_entry(entry, pages) for entry in entries[:MAX_HAR_ENTRIES])
    crossing = [each for each in read if each]
    if not crossing:
        raise ValueError(
            "No request in the HAR file crosses origins: record the failing one, with the page "
            "that makes it."
        )
    failed = [each for each in crossing if _failed(each)]
    return _once(failed) if failed else _last_of_each(crossing)


def _pages(pages: object) -> Iterator[tuple[str, str]]:
    """The addresses of the pages by their ids, as far as the file has them."""
    for each in pages if isinstance(pages, list) else ():
        page = _mapping(each)
        # The title of a page is its address in Chromium's files; others have one beside it.
        yield str(page.get("id", "")), str(page.get("_url") or page.get("title") or "")


def _har_entry(entry: object, pages: Mapping[str, str]) -> _Entry | None:
    """The arguments of one entry; None if it is no cross-origin request."""
    if PROBE in _mapping(entry):
        return None
    request = _mapping(entry).get("request")
    headers = {name.lower(): value for name, value in _har_pairs(request)}
    url = str(_mapping(request).get("url", ""))
    response = _har_response(_mapping(entry).get("response"))
    sent = headers.get("origin")
    # A response that came without an Origin is none of CORS.
    stopped = not response["status"] and not _is_navigation(_mapping(entry))
    page = pages.get(str(_mapping(entry).get("pageref")), "")
    origin = sent or (_origin_of(headers.get("referer", ""), page) if stopped else "")
    if not origin or browser_form(url) == origin:
        return None
    method = str(_mapping(request).get("method", ""))
    found = request_arguments(method, headers, origin)
    found["response"] = response
    if not sent:
        found["guessed"] = ["origin"]
    if method != "OPTIONS" and "headers" in response and found["kind"] == "preflight":
        # The request itself was sent, so its preflight went well.
        found["kind"], found["headers"] = "actual", []
    return _Entry(url, found)


def _origin_of(*addresses: str) -> str:
    """The origin of the first of these addresses that has one."""
    origins = (browser_form(each) for each in addresses)
    return next((each for each in origins if each != NULL and is_sendable(each)), "")


def _is_navigation(entry: Mapping[str, Any]) -> bool:
    mode = {name.lower(): value for name, value in _har_pairs(entry.get("request"))}
    return entry.get("_resourceType") in _NAVIGATIONS or mode.get("sec-fetch-mode") == "navigate"


def _har_response(message: object) -> dict[str, Any]:
    status = _mapping(message).get("status")
    # JSON's true is no number.
    if type(status) is int and status > 0:
        return {"status": status, "headers": by_name(_har_pairs(message))}
    # Tools write this of requests that the browser stopped, or that got no response.
    reason = str(_mapping(message).get("_failureText") or _mapping(message).get("_error") or "")
    # Most have none, and a search for all wordings takes its time.
    if reason and any(each.said is not Said.UNNAMED for each in read_console(reason).complaints):
        return {"status": 0, "console": reason}
    return {"status": 0}


def _har_pairs(message: object) -> Iterator[tuple[str, str]]:
    headers = _mapping(message).get("headers")
    for each in headers if isinstance(headers, list) else ():
        pair = _mapping(each)
        yield str(pair.get("name", "")), str(pair.get("value", ""))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _failed(entry: _Entry) -> bool:
    if not entry.has_response:
        return True
    found = entry.found
    response = found["response"]
    if found["kind"] == "preflight" and not 200 <= response["status"] <= 299:
        return True
    pairs = [(name, value) for name, values in response["headers"].items() for value in values]
    return not passes_cors_check(found["origin"], found["credentials"], pairs)


def _once(entries: Sequence[_Entry]) -> list[Arguments]:
    """Each failure once: a refused preflight fails the request behind it, too."""
    kept: dict[tuple[str, ...], _Entry] = {}
    for each in entries:
        before = kept.get(each.key)
        if before is None or (each.has_response and not before.has_response):
            kept[each.key] = each
    return [each.found for each in kept.values()]


def _last_of_each(entries: Sequence[_Entry]) -> list[Arguments]:
    """Each request once: if its preflight succeeded, the request itself."""
    return [each.found for each in {each.key: each for each in entries}.values()]
