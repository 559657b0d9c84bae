"""What people copy when a request fails: curl commands, HAR files, the console's text."""

import json
from collections.abc import Iterator
from typing import Any

from flask_bucketcors import explain
from flask_bucketcors.analysis.evidence import from_console, from_copy, from_har
from flask_bucketcors.analysis.evidence.browser_log import read_console
from tests.fuzz.target import Target, check_words
from tests.support.broken_setups import BROKEN

_RULES = [{"allowed_origins": ["https://*.test"], "allowed_methods": ["GET", "PUT"]}]
MAX_COMPLAINTS = 32
MAX_WORDS = 512


def check_curl(data: bytes) -> None:
    """A command gives arguments that can be explained, or is refused in words."""
    try:
        found = from_copy(_text(data))
    except ValueError as error:
        check_words(str(error), MAX_WORDS, "The ")
        return
    _check_arguments(found)


def check_har(data: bytes) -> None:
    """A file gives such arguments for at least one request, or is refused in words."""
    try:
        entries = from_har(data)
    except ValueError as error:
        check_words(str(error), MAX_WORDS, "The ", "This ", "No ")
        return
    assert entries
    for found in entries:
        _check_arguments(found)


def check_console(data: bytes) -> None:
    """A text gives such arguments, or speaks of no failure; it is read within bounds."""
    text = _text(data)
    console = read_console(text)
    assert len(console.complaints) <= MAX_COMPLAINTS
    try:
        found = from_console(text)
    except ValueError as error:
        check_words(str(error), MAX_WORDS, "The ")
        assert not console.complaints
        return
    _check_arguments(found)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _check_arguments(found: Any) -> None:
    assert found["kind"] in ("preflight", "actual")
    assert isinstance(found["method"], str)
    assert all(isinstance(name, str) for name in found["headers"])
    explanation = explain(_RULES, **found)
    assert explanation.text.encode("utf-8", "surrogatepass")


def curl_seeds() -> Iterator[bytes]:
    """Commands as browsers' tools copy them."""
    page = "https://a.test"
    yield (
        b"curl 'https://b.example/k?uploads' \\\n  -X 'PUT' \\\n  -H 'Origin: https://a.test' \\\n"
        b"  -H 'Content-Type: text/plain' \\\n  --data-raw $'it\\'s \\u0021' --compressed"
    )
    yield f'curl ^"https://b.example/^" ^\n  -H ^"Origin: {page}^" ^\n  -H ^"x-a: 1^"'.encode()
    yield f"curl -T f -b a=b -e {page}/x/y -u a:b https://b.example/".encode()
    yield (
        f"$ curl -v -XOPTIONS -H'Origin: {page}' https://b.example/ 2>&1 | cat\n* Connected\n"
        "< HTTP/1.1 200 OK\n< Access-Control-Allow-Origin: *\n< Server: nginx\n<\nbody"
    ).encode()


def copy_and_curl_seeds() -> Iterator[bytes]:
    """Requests in each form in which tools copy them."""
    yield from curl_seeds()
    yield (
        b'await fetch("https://b.example/k", {"headers": {"x-a": "1"}, "method": "PUT", "body": '
        b'"a", "referrer": "https://a.test/", "credentials": "include"});'
    )
    yield (
        b'Invoke-WebRequest -Uri "https://b.example/k" `\n-Method "PUT" `\n-Headers @{\n'
        b'"Origin"="https://a.test"\n"x-a"="say `"1`""\n} `\n-ContentType "text/plain"'
    )


def har_seeds() -> Iterator[bytes]:
    """Files as browsers export them."""
    request = {
        "method": "PUT",
        "url": "https://b.example/k",
        "headers": [{"name": "Origin", "value": "https://a.test"}, {"name": "x-a", "value": "1"}],
    }
    headers = [{"name": "Access-Control-Allow-Origin", "value": "*"}]
    for status in (0, 200, 403):
        response = {"status": status, "headers": headers}
        entries = [{"request": request, "response": response}]
        entries.append({"request": {**request, "method": "OPTIONS"}, "response": response})
        yield json.dumps({"log": {"entries": entries}}).encode()


def console_seeds() -> Iterator[bytes]:
    """What browsers were seen to print."""
    for each in BROKEN:
        console = (each.response or {}).get("console")
        if console:
            yield console.encode("utf-8", "surrogatepass")


_WORDS = (
    b"curl ", b" -H '", b"Origin: https://a.test", b" --data-raw '", b"'", b'"', b"\\",
    b"\n", b" -X ",
    b"$'", b"^\"", b"Referer: https://[", b"-e http://[::", b"; curl", b" | ", b"HTTP/1.1 200 OK\n",
    b"< ", b"\\u0000", b"\\ud800", b"\xff", b"\r\n", b" --", b" -", b"\xe2\x80\x99",
)  # fmt: skip
_JSON = (b'"log"', b'"entries"', b'"request"', b'"headers"', b"{}", b"[]", b"null", b"1e999", b"-1")
_JSON += (
    b'"name"',
    b'"value"',
    b'"url"',
    b'"http://["',
    b"[[[[[[[[",
    b"true",
    b'"\\ud800"',
    b"NaN",
)
_PRINTED = (b"Access to ", b" has been blocked by CORS policy: ", b"(Reason: ")

TARGETS = (
    Target("curl", check_curl, copy_and_curl_seeds, _WORDS),
    Target("har", check_har, har_seeds, _JSON),
    Target("console", check_console, console_seeds, (*_PRINTED, *_WORDS)),
)
