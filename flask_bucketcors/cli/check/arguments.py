"""The arguments of ``check``, as a browser would send them."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import SplitResult, urlsplit

import click

from flask_bucketcors.analysis.spelling.sent_origins import browser_form, is_sendable, sent_host
from flask_bucketcors.cli.check.http_exchange import Headers
from flask_bucketcors.cli.terminal import utf8_text
from flask_bucketcors.core.browser import is_forbidden, is_forbidden_method, sent_method
from flask_bucketcors.core.headers import is_header_name

# urlsplit drops these.
_BREAKS: Final = frozenset("\t\r\n")
_MADE_UP_VALUES: Final = {"content-type": "application/json", "range": "bytes=0-", "accept": "*/*"}


def read_url(context: click.Context, parameter: click.Parameter, text: str) -> SplitResult:
    """Read the URL to check, with the host as a browser sends it.

    :raises click.BadParameter: if it is not an http or https URL.
    """
    utf8_text(context, parameter, text)
    try:
        url = urlsplit(text)
        host, port = url.hostname, "" if url.port is None else f":{url.port}"
    except ValueError:
        host = None
    if not host or url.scheme not in ("http", "https") or url.username is not None or port == ":0":
        raise click.BadParameter("write http://host/path or https://host/path")
    host = sent_host(f"[{host}]" if ":" in host else host)
    if _BREAKS & set(text) or not is_sendable(f"{url.scheme}://{host}"):
        raise click.BadParameter("no host has that name: write http://host/path")
    return url._replace(netloc=host + port)


def read_origin(context: click.Context, parameter: click.Parameter, text: str) -> str:
    """Read the origin of the page, as a browser sends it.

    :raises click.BadParameter: if browsers send it in another form, or not at all.
    """
    sent = browser_form(text)
    if not is_sendable(sent):
        raise click.BadParameter("write scheme://host or scheme://host:port, or null")
    if sent != text:
        raise click.BadParameter(f"a browser sends {sent}: write that")
    return text


def read_method(context: click.Context, parameter: click.Parameter, text: str) -> str:
    """Read the method of the request, as a browser sends it.

    :raises click.BadParameter: if a page cannot send it.
    """
    method = sent_method(text)
    if not is_header_name(method) or is_forbidden_method(method):
        raise click.BadParameter("a page cannot send this method")
    return method


def read_headers(
    context: click.Context, parameter: click.Parameter, texts: Sequence[str]
) -> Headers:
    """Read the headers that the page sets.

    :raises click.BadParameter: if a page cannot set one of them.
    """
    return [_read_header(text) for text in texts]


def _read_header(text: str) -> tuple[str, str]:
    name, _, value = (part.strip(" \t") for part in text.partition(":"))
    lowered = name.lower()
    if not is_header_name(name) or not (value.isascii() and value.isprintable()):
        raise click.BadParameter("write NAME or 'NAME: VALUE' in ASCII")
    if is_forbidden(name):
        raise click.BadParameter(f"a page cannot set {lowered}; its browser does")
    return name, value or _MADE_UP_VALUES.get(lowered, "1")
