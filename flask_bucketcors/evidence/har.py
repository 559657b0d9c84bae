"""A HAR file: the export of a browser's network tab."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from flask_bucketcors.core.browser import passes_cors_check
from flask_bucketcors.evidence.sent import last_of_each, request_arguments

#: A HAR file beyond this is refused unread, in bytes, or in characters where it is a text;
#: bodies of answers make them large.
MAX_HAR: Final = 64 * 1024 * 1024
MAX_HAR_ENTRIES: Final = 10_000


def from_har(text: str | bytes) -> list[dict[str, Any]]:
    """Read a HAR file: the entries that failed, else all that crossed origins, in order.

    :raises ValueError: if it is none, or nothing in it crosses origins.
    """
    if len(text) > MAX_HAR:
        raise ValueError(f"The HAR file is longer than {MAX_HAR} bytes: export fewer requests.")
    try:
        entries = json.loads(text)["log"]["entries"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            'This is no HAR file: export it with "Save all as HAR" from the network tab '
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


def _har_entry(entry: object) -> dict[str, Any] | None:
    """The arguments of one entry; None if it crosses no origins or is none."""
    request = _mapping(entry).get("request")
    headers = last_of_each(dict(_har_pairs(request)))
    origin = headers.get("origin")
    url = str(_mapping(request).get("url", ""))
    if not origin or _origin_of(url) == origin:
        return None
    method = str(_mapping(request).get("method", ""))
    response = _mapping(entry).get("response")
    answer: dict[str, Any] = {}
    status = _mapping(response).get("status")
    if status == 0:
        # So browsers write what they stopped, or got no answer to.
        answer = {"status": 0}
    elif isinstance(status, int) and status > 0:
        seen: dict[str, list[str]] = {}
        for name, value in _har_pairs(response):
            seen.setdefault(name, []).append(value)
        answer = {"status": status, "headers": seen}
    found = request_arguments(method, headers, origin)
    if method != "OPTIONS" and "headers" in answer and found["kind"] == "preflight":
        # The request itself was sent, so its preflight went well.
        found = {**found, "kind": "actual", "headers": []}
    return {**found, "answer": answer, "_url": url}


def _har_pairs(message: object) -> Iterator[tuple[str, str]]:
    headers = _mapping(message).get("headers")
    for each in headers if isinstance(headers, list) else ():
        pair = _mapping(each)
        yield str(pair.get("name", "")), str(pair.get("value", ""))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _origin_of(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"


def _failed(found: Mapping[str, Any]) -> bool:
    answer = found["answer"]
    if not _was_answered(found):
        return True
    if found["kind"] == "preflight" and not 200 <= answer["status"] <= 299:
        return True
    pairs = [(name, value) for name, values in answer["headers"].items() for value in values]
    return not passes_cors_check(found["origin"], found["credentials"], pairs)


def _was_answered(found: Mapping[str, Any]) -> bool:
    return "headers" in found["answer"]


def _once(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each failure once: a preflight that was refused also fails the request behind it."""
    kept: dict[tuple[str, ...], dict[str, Any]] = {}
    for each in found:
        key = _key(each)
        if key not in kept or (_was_answered(each) and not _was_answered(kept[key])):
            kept[key] = each
    return list(map(_without_url, kept.values()))


def _last_of_each(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each request once: of one whose preflight went well, the request itself."""
    return list(map(_without_url, {_key(each): each for each in found}.values()))


def _key(found: Mapping[str, Any]) -> tuple[str, ...]:
    return found["_url"], found["method"], found["origin"]


def _without_url(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name != "_url"}
