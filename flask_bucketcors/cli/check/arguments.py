"""The arguments of ``check``, as a browser would send them."""

import os
from collections.abc import Sequence
from typing import Final
from urllib.parse import SplitResult

import click

from flask_bucketcors.analysis.spelling.sent_origins import browser_form, is_sendable
from flask_bucketcors.cli.check.http_exchange import Headers
from flask_bucketcors.cli.check.redirects import NoAddress, read_address
from flask_bucketcors.cli.rule_files import STDIN
from flask_bucketcors.cli.terminal import utf8_text
from flask_bucketcors.core.browser import is_forbidden, is_forbidden_method, sent_method
from flask_bucketcors.core.headers import is_header_name

_MADE_UP_VALUES: Final = {"content-type": "application/json", "range": "bytes=0-", "accept": "*/*"}


def read_url(context: click.Context, parameter: click.Parameter, text: str) -> SplitResult:
    """Read a URL to check, with the host as a browser sends it.

    :raises click.BadParameter: if it is not an http or https URL.
    """
    utf8_text(context, parameter, text)
    try:
        return read_address(text)
    except NoAddress as error:
        raise click.BadParameter(str(error)) from None


def read_urls(
    context: click.Context, parameter: click.Parameter, texts: Sequence[str]
) -> list[SplitResult]:
    """Read the URLs to check, each once.

    :raises click.BadParameter: if one is not an http or https URL.
    """
    return list(dict.fromkeys(read_url(context, parameter, text) for text in texts))


def read_server(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> SplitResult | None:
    """Read the address of an origin server.

    :raises click.BadParameter: if it is not an http or https URL, or has a path.
    """
    url = None if text is None else read_url(context, parameter, text)
    if url and (url.path.strip("/") or url.query):
        raise click.BadParameter("write scheme://host or scheme://host:port; the path is the URL's")
    return url


def read_origins(
    context: click.Context, parameter: click.Parameter, texts: Sequence[str]
) -> list[str]:
    """Read the origins of the pages, as a browser sends them, each once.

    :raises click.BadParameter: if browsers send one in another form, or not at all.
    """
    return list(dict.fromkeys(read_origin(context, parameter, text) for text in texts))


def read_origin(context: click.Context, parameter: click.Parameter, text: str) -> str:
    """Read the origin of a page, as a browser sends it.

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


def read_new_file(
    context: click.Context, parameter: click.Parameter, path: str | None
) -> str | None:
    """Read the name of a file to write.

    :raises click.BadParameter: if it exists, or cannot be written.
    """
    if path in ("", STDIN):
        # Standard output has the result.
        raise click.BadParameter("write the name of a file")
    if path is not None and os.path.lexists(path):
        raise click.BadParameter("the file exists: delete it, or name another")
    if path is not None and not os.access(os.path.dirname(path) or ".", os.W_OK):
        raise click.BadParameter("the folder does not exist, or you cannot write to it")
    return path
