"""A HAR file: the export of a browser's network tab."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from flask_bucketcors.analysis.evidence.page_request import (
    Arguments,
    by_name,
    request_arguments,
)
from flask_bucketcors.analysis.spelling.sent_origins import browser_form
from flask_bucketcors.core.browser import passes_cors_check
from flask_bucketcors.core.json_text import parse_json

#: Longer HAR files are refused, in bytes, or in characters of a text. Bodies of responses make them
#: large.
MAX_HAR: Final = 64 * 1024 * 1024
MAX_HAR_ENTRIES: Final = 10_000


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
    :raises ValueError: if the text is no HAR file, or nothing in it crosses origins.
    """
    if len(text) > MAX_HAR:
        raise ValueError(f"The HAR file is longer than {MAX_HAR} bytes: export fewer requests.")
    try:
        entries = parse_json(text)["log"]["entries"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            'This is not a HAR file: export it with "Save all as HAR" from the network tab '
            f"({type(error).__name__})."
        ) from None
    if not isinstance(entries, list):
        raise ValueError("The HAR file has no list of entries.")
    crossing = [each for each in map(_har_entry, entries[:MAX_HAR_ENTRIES]) if each]
    if not crossing:
        raise ValueError(
            "No request in the HAR file crosses origins: record the failing one, with the page "
            "that makes it."
        )
    failed = [each for each in crossing if _failed(each)]
    return _once(failed) if failed else _last_of_each(crossing)


def _har_entry(entry: object) -> _Entry | None:
    """The arguments of one entry; None if it is no cross-origin request."""
    request = _mapping(entry).get("request")
    headers = {name.lower(): value for name, value in _har_pairs(request)}
    origin = headers.get("origin")
    url = str(_mapping(request).get("url", ""))
    if not origin or browser_form(url) == origin:
        return None
    method = str(_mapping(request).get("method", ""))
    found = request_arguments(method, headers, origin)
    response = found["response"] = _har_response(_mapping(entry).get("response"))
    if method != "OPTIONS" and "headers" in response and found["kind"] == "preflight":
        # The request itself was sent, so its preflight went well.
        found["kind"], found["headers"] = "actual", []
    return _Entry(url, found)


def _har_response(message: object) -> dict[str, Any]:
    status = _mapping(message).get("status")
    # JSON's true is no number.
    if type(status) is not int or status < 0:
        return {}
    if status == 0:
        # Browsers write this of requests that they stopped, or that got no response.
        return {"status": 0}
    return {"status": status, "headers": by_name(_har_pairs(message))}


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
