"""What the page asks its server for, in a form that can be used as it is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from flask import abort, request

from flask_bucketcors.core.json_text import parse_json

_METHOD = re.compile("[A-Za-z]{1,16}")
_HEADER_NAME = re.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of the page.

    :param path: decoded; begins with a slash.
    :param query: names and values of the parameters.
    :param headers: names of the request headers that a browser asks for.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: tuple[str, ...]


def read_asked() -> Asked:
    """Read the JSON body of Flask's request; anything else is answered 400 or 415."""
    # JSON only: another site's page cannot send that without a preflight, which fails here.
    if not request.is_json:
        abort(415)
    try:
        data = parse_json(request.get_data())
    except ValueError:
        abort(400)
    if not isinstance(data, dict):
        abort(400)
    method, path = data.get("method", ""), data.get("path", "")
    query, headers = data.get("query", {}), data.get("headers", [])
    if not _is_text(method, _METHOD) or not _is_path(path):
        abort(400)
    if not isinstance(query, dict) or not isinstance(headers, list):
        abort(400)
    if not all(_is_text(name, _HEADER_NAME) for name in headers):
        abort(400)
    # The vendor's SDK has numbers among its parameters.
    parameters = {name: str(value) for name, value in query.items()}
    if not all(_is_unicode(text) for pair in parameters.items() for text in pair):
        abort(400)
    return Asked(method, path, parameters, tuple(headers))


def _is_path(value: object) -> bool:
    return isinstance(value, str) and value.startswith("/") and _is_unicode(value)


def _is_text(value: object, form: re.Pattern[str]) -> bool:
    return isinstance(value, str) and bool(form.fullmatch(value))


def _is_unicode(text: str) -> bool:
    # JSON can hold half of a character.
    return not any("\ud800" <= each <= "\udfff" for each in text)
