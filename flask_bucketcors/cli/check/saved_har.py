"""Writes what ``check`` exchanged as a HAR 1.2 file, which ``explain --har`` reads.

No secret is written: neither the value of a header that authenticates, nor a signature in a query,
nor either of them where a server repeats it.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, unquote_plus

from flask_bucketcors.analysis.evidence.har import PROBE
from flask_bucketcors.cli.check.http_exchange import Headers, Response
from flask_bucketcors.cli.check.recorded_exchanges import Exchange
from flask_bucketcors.cli.check.redirects import location_of
from flask_bucketcors.cli.output_files import open_output
from flask_bucketcors.core.browser import value_of

#: Stands in place of a secret.
REDACTED: Final = "REDACTED"

_SECRET_NAME: Final = re.compile(
    r"auth|cookie|signature|credential|token|secret|passw|pwd|api-?key|access-?(?:key|id)|session|"
    r"csrf|xsrf|hmac|^(?:x-)?(?:sig|sign|q-ak|key|code|ticket|jwt|bearer|hash|md5|policy|verify|"
    r"hdn[a-z]{1,3}|otp|pw|sid|st)$",
    re.IGNORECASE,
)
_NO_SECRETS: Final = re.compile("access-control-|:authority$|author$", re.IGNORECASE)
# OAuth hands out its tokens in the fragment.
_QUERY_ITEM: Final = re.compile(r"([?&;#])([^=&;#\s]*)=([^&;#\s]*)")
_USER: Final = re.compile(r"//[^/?#@\s\"'<>]*@")
# What separates the parts of the value of a header that authenticates: a server repeats the key's
# id and the signature, each alone.
_PART: Final = re.compile(r"(?:([\w-]+)=)?([^\s,;&\"]+)")
# Shorter values stand in a text for other reasons.
_LEAST_SECRET: Final = 6
_UNKNOWN: Final = -1


def is_secret(name: str) -> bool:
    """Whether the value of a header or of a parameter is a secret, by its name."""
    return bool(_SECRET_NAME.search(unquote(name))) and not _NO_SECRETS.match(name)


def save(path: str, exchanges: Sequence[Exchange]) -> None:
    """Write exchanges to a file.

    :raises click.UsageError: if it cannot be written.
    """
    secrets = sorted(set(_secrets(exchanges)), key=len, reverse=True)
    log = {
        "version": "1.2",
        "creator": {"name": "bucketcors check", "version": version("flask-bucketcors")},
        "entries": [_entry(each, secrets) for each in exchanges],
    }
    with open_output(path) as file:
        json.dump({"log": log}, file, indent=2)
        file.write("\n")


def _secrets(exchanges: Iterable[Exchange]) -> Iterator[str]:
    """The secrets that were sent, wherever they may stand in what came back."""
    for each in exchanges:
        values = [value for name, value in each.headers if is_secret(name)]
        values += [part for value in values for part in _parts(value)]
        items = _QUERY_ITEM.finditer("?" + each.url.query)
        query = [value for _, name, value in (found.groups() for found in items) if is_secret(name)]
        # A server may repeat it as it was sent, or as it has read it.
        values += [form(value) for value in query for form in (str, unquote, unquote_plus)]
        # Of a credential, the key's id stands before the date and the region.
        values += [value.partition("/")[0] for value in values]
        yield from (value for value in values if len(value) >= _LEAST_SECRET)


def _parts(value: str) -> Iterator[str]:
    """The secrets within a header such as ``Bearer TOKEN`` or ``... Signature=SIGNATURE``."""
    for name, part in _PART.findall(value):
        if not name or is_secret(name):
            yield from (part, *part.split(":"))


def _entry(exchange: Exchange, secrets: Sequence[str]) -> dict[str, Any]:
    milliseconds = round(exchange.seconds * 1000, 3)
    entry = {
        "startedDateTime": exchange.started.isoformat(timespec="milliseconds"),
        "time": milliseconds,
        "request": _request(exchange, secrets),
        "response": _response(exchange, exchange.response, secrets),
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
    }
    entry |= {PROBE: True} if exchange.is_probe else {}
    return {**entry, "comment": exchange.error} if exchange.error else entry


def _request(exchange: Exchange, secrets: Sequence[str]) -> dict[str, Any]:
    url = exchange.url
    query = parse_qsl(url.query, keep_blank_values=True)
    return {
        "method": exchange.method,
        "url": _without(url.geturl(), secrets),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _headers([("Host", url.netloc), *exchange.headers], secrets),
        "queryString": [
            {"name": name, "value": REDACTED if is_secret(name) else _without(value, secrets)}
            for name, value in query
        ],
        "headersSize": _UNKNOWN,
        "bodySize": 0,
    }


def _response(
    exchange: Exchange, response: Response | None, secrets: Sequence[str]
) -> dict[str, Any]:
    status, headers, body = response or Response(0, [])
    known = {each.value: each.phrase for each in HTTPStatus}
    content: dict[str, Any] = {
        "size": len(body),
        "mimeType": value_of("Content-Type", headers) or "",
    }
    if body:
        content["text"] = _without(body.decode(errors="replace"), secrets)
    return {
        "status": status,
        "statusText": known.get(status, ""),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _headers(headers, secrets),
        "content": content,
        "redirectURL": _without(location_of(exchange.url, response), secrets),
        "headersSize": _UNKNOWN,
        "bodySize": _UNKNOWN,
    }


def _headers(headers: Headers, secrets: Sequence[str]) -> list[dict[str, str]]:
    return [
        {"name": name, "value": REDACTED if is_secret(name) else _without(value, secrets)}
        for name, value in headers
    ]


def _without(text: str, secrets: Sequence[str]) -> str:
    """A text without the secrets that were sent, and those of addresses in it."""
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return _QUERY_ITEM.sub(_redacted_item, _USER.sub(f"//{REDACTED}@", text))


def _redacted_item(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}={REDACTED}" if is_secret(found[2]) else found[0]
