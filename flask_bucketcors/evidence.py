"""Evidence: what people have at hand when a request failed, read as arguments of ``explain``.

Every function gives ``origin``, ``method``, ``headers``, ``credentials``, ``kind`` and
``answer`` (as far as they are known), to be passed on as keywords. All text is bounded before
it is read.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from flask_bucketcors.core.explanation.console import MAX_CONSOLE, Complaint, Said, read_console
from flask_bucketcors.core.explanation.fetch import (
    SAFE_METHODS,
    passes_cors_check,
    sent_method,
    unsafe_names,
)

#: A command beyond this is refused unread, in characters.
MAX_CURL: Final = 256 * 1024
#: A HAR file beyond this is refused unread, in bytes; bodies of answers make them large.
MAX_HAR: Final = 64 * 1024 * 1024
MAX_HAR_ENTRIES: Final = 10_000

# Fetch, "forbidden request-header", and what browsers add by themselves: a page set none.
_BROWSER_HEADERS: Final = """
    accept accept-charset accept-encoding accept-language access-control-request-headers
    access-control-request-method connection content-length cookie cookie2 date dnt expect
    host keep-alive origin referer set-cookie te trailer transfer-encoding upgrade upgrade-
    insecure-requests user-agent via priority x-client-data save-data
"""
_NOT_BY_PAGE: Final = frozenset(_BROWSER_HEADERS.split())
_BY_BROWSER_PREFIXES: Final = ("sec-", "proxy-", ":")
# Browsers' tools add both when their cache is switched off.
_CACHE_OFF: Final = frozenset({"cache-control", "pragma"})

# Letters of curl that take a value, and the words that matter here; other options that take
# one would only make their value look like an address.
_CURL_LETTERS: Final = frozenset("AbCcdDeEFHKmoPQrtTuUwxXyYz")
_CURL_WORDS: Final = {
    "--header": "H",
    "--request": "X",
    "--data": "d",
    "--data-raw": "d",
    "--data-binary": "d",
    "--data-ascii": "d",
    "--data-urlencode": "d",
    "--json": "json",
    "--form": "F",
    "--form-string": "F",
    "--upload-file": "T",
    "--cookie": "b",
    "--user": "u",
    "--url": "url",
    "--referer": "e",
    "--user-agent": "A",
    "--output": "o",
    "--max-time": "m",
    "--connect-timeout": "m",
    "--proxy": "x",
    "--resolve": "m",
    "--connect-to": "m",
    "--cacert": "m",
    "--cert": "m",
    "--key": "m",
    "--write-out": "w",
    "--range": "r",
    "--retry": "m",
    "--aws-sigv4": "m",
    "--dump-header": "m",
    "--head": "I",
    "--get": "G",
}
_ANSWER_LINE = re.compile(r"^\s*<\s?(.*)$")
_OUTPUT_LINE = re.compile(r"^\s*(?:[<>*{}]|\[\d+ bytes)")
_STATUS_LINE = re.compile(r"HTTP/[0-9.]+ ([0-9]{3})")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)")


def from_curl(text: str) -> dict[str, Any]:
    """Read a ``curl`` command, as browsers' tools copy it, with what ``curl -v`` printed.

    :raises ValueError: if it is none, or names no page; says what to write.
    """
    if len(text) > MAX_CURL:
        raise ValueError(f"The command is longer than {MAX_CURL} characters.")
    lines = text.replace("\r\n", "\n").split("\n")
    command = "\n".join(line for line in lines if not _OUTPUT_LINE.match(line))
    options = list(_curl_options(_curl_words(command)))
    headers = _curl_headers(options)
    method = _curl_method(options)
    found = _request(method, headers, _page_origin(headers))
    printed = [match[1] for line in lines if (match := _ANSWER_LINE.match(line))]
    answer = _answer_of_lines(printed)
    return {**found, "answer": answer} if answer else found


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
    return _once([each for each in crossing if _failed(each)] or crossing)


def from_console(text: str) -> dict[str, Any]:
    """Read what Chromium, Firefox or Safari printed about a request.

    :raises ValueError: if it speaks of no CORS failure.
    """
    console = read_console(text)
    if not console.complaints:
        raise ValueError(
            "The text speaks of no CORS failure: copy the whole red line from the browser's "
            f"console (at most {MAX_CONSOLE} characters are read)."
        )
    first = console.complaints[0]
    preflight = any(each.preflight for each in console.complaints)
    said = {each.said for each in console.complaints}
    found: dict[str, Any] = {
        "kind": "preflight" if preflight else "actual",
        "method": _told_method(console.complaints, text) or "GET",
        "headers": [each.value for each in console.complaints if each.said is Said.HEADER],
        "credentials": bool(said & {Said.WILDCARD, Said.NO_CREDENTIALS}),
        "answer": {"console": text[:MAX_CONSOLE]},
    }
    origin = console.origin or ("null" if first.said is Said.NOT_HTTP else None)
    return {**found, "origin": origin} if origin else found


def _told_method(complaints: Sequence[Complaint], text: str) -> str:
    for each in complaints:
        if each.said is Said.METHOD and each.value:
            return each.value
    # What the browser SDKs print about ETag is about the parts of an upload.
    uploads = any(each.said is Said.UNEXPOSED for each in complaints) and "xpose" in text
    return "PUT" if uploads else ""


def _curl_words(command: str) -> list[str]:
    joined = re.sub(r"[\\^]\n", " ", command)
    if '^"' in joined:
        # As copied for Windows, where "^" is what "\" is elsewhere.
        joined = re.sub(r"\^(.)", r"\1", joined)
    try:
        words = shlex.split(joined.replace(" $'", " '"))
    except ValueError as error:
        raise ValueError(f"The command cannot be read: {error}. Copy it whole.") from None
    starts = [i for i, word in enumerate(words) if re.search(r"(?:^|/)curl(?:\.exe)?$", word)]
    if not starts:
        raise ValueError(
            "The text holds no curl command: write curl -H 'Origin: https://...' followed by "
            "the address."
        )
    return words[starts[0] + 1 :]


def _curl_options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Give options by their letter, each with its value; addresses as ``url``."""
    rest = iter(words)
    for word in rest:
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            letter = _CURL_WORDS.get(name, "")
            takes = letter and letter not in "IG"
            yield letter, value if equals else (next(rest, "") if takes else "")
        elif word.startswith("-") and len(word) > 1:
            yield from _curl_cluster(word[1:], rest)
        else:
            yield "url", word


def _curl_cluster(letters: str, rest: Iterator[str]) -> Iterator[tuple[str, str]]:
    for place, letter in enumerate(letters):
        if letter in _CURL_LETTERS:
            yield letter, letters[place + 1 :] or next(rest, "")
            return
        yield letter, ""


def _curl_headers(options: Sequence[tuple[str, str]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for letter, value in options:
        if letter == "H" and (match := _FIELD.fullmatch(value.strip())):
            headers[match[1]] = match[2]
        elif letter in ("d", "json") and "content-type" not in map(str.lower, headers):
            kind = "application/json" if letter == "json" else "application/x-www-form-urlencoded"
            headers["Content-Type"] = kind
        elif letter == "u":
            headers["Authorization"] = "Basic"
        elif letter == "b":
            headers["Cookie"] = value
        elif letter == "e":
            headers["Referer"] = value
    return _last_of_each(headers)


def _last_of_each(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _curl_method(options: Sequence[tuple[str, str]]) -> str:
    letters = {letter for letter, _ in options}
    named = [value for letter, value in options if letter == "X" and value]
    if named:
        return named[-1]
    if "I" in letters:
        return "HEAD"
    if "T" in letters:
        return "PUT"
    sends = letters & {"d", "json", "F"}
    return "POST" if sends and "G" not in letters else "GET"


def _page_origin(headers: Mapping[str, str]) -> str:
    if headers.get("origin"):
        return headers["origin"]
    page = urlsplit(headers.get("referer", ""))
    if page.scheme and page.netloc:
        return f"{page.scheme}://{page.netloc.rpartition('@')[2]}"
    raise ValueError("The command names no page: add -H 'Origin: https://...'.")


def _request(method: str, headers: Mapping[str, str], origin: str) -> dict[str, Any]:
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
    preflighted = bool(names) or sent not in SAFE_METHODS
    kind = "preflight" if preflighted else "actual"
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


def _answer_of_lines(lines: Sequence[str]) -> dict[str, Any]:
    starts = [i for i, line in enumerate(lines) if _STATUS_LINE.match(line)]
    if not starts:
        return {}
    status = _STATUS_LINE.match(lines[starts[-1]])
    headers: dict[str, list[str]] = {}
    for line in lines[starts[-1] + 1 :]:
        if match := _FIELD.fullmatch(line.strip()):
            headers.setdefault(match[1], []).append(match[2])
    return {"status": int(status[1]) if status else None, "headers": headers}


def _har_entry(entry: object) -> dict[str, Any] | None:
    """The arguments of one entry; None if it crosses no origins or is none."""
    request = _mapping(entry).get("request")
    headers = _last_of_each(dict(_har_pairs(request)))
    origin = headers.get("origin")
    url = str(_mapping(request).get("url", ""))
    if not origin or _origin_of(url) == origin:
        return None
    method = str(_mapping(request).get("method", ""))
    response = _mapping(entry).get("response")
    answer: dict[str, Any] = {}
    status = _mapping(response).get("status")
    if isinstance(status, int) and status > 0:
        seen: dict[str, list[str]] = {}
        for name, value in _har_pairs(response):
            seen.setdefault(name, []).append(value)
        answer = {"status": status, "headers": seen}
    found = _request(method, headers, origin)
    if method != "OPTIONS" and answer and found["kind"] == "preflight":
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
    if not answer:
        return True
    if found["kind"] == "preflight" and not 200 <= answer["status"] <= 299:
        return True
    pairs = [(name, value) for name, values in answer["headers"].items() for value in values]
    return not passes_cors_check(found["origin"], found["credentials"], pairs)


def _once(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each failure once: a preflight that was refused also fails the request behind it."""
    kept: dict[tuple[str, ...], dict[str, Any]] = {}
    for each in found:
        key = (each["_url"], each["method"], each["origin"])
        if key not in kept or (each["answer"] and not kept[key]["answer"]):
            kept[key] = each
    return [{k: v for k, v in each.items() if k != "_url"} for each in kept.values()]
