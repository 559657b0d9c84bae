"""What a page may ask its browser for: the options of ``check``, as browsers would take them."""

import re
from collections.abc import Sequence
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import SplitResult, urlsplit

import click

from flask_bucketcors.cli.check.http_exchange import Headers
from flask_bucketcors.cli.terminal import utf8_text
from flask_bucketcors.core.browser import is_forbidden, sent_method
from flask_bucketcors.core.headers import is_header_name
from flask_bucketcors.core.origins import NULL, is_origin

_FORBIDDEN_METHODS: Final = ("CONNECT", "TRACE", "TRACK")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
# URL standard, "forbidden domain code point"; a % there is what it stands for.
_FORBIDDEN_IN_HOST: Final = re.compile(r"[\0-\x20\x7f#/:<>?@\[\\\]^|%]")
_MAX_HOST_BYTES: Final = 253
_BREAKS: Final = frozenset("\t\r\n")
_MADE_UP_VALUES: Final = {"content-type": "application/json", "range": "bytes=0-", "accept": "*/*"}


def read_url(context: click.Context, parameter: click.Parameter, text: str) -> SplitResult:
    """Read the URL to ask.

    :raises click.BadParameter: if it is not an http or https URL.
    """
    utf8_text(context, parameter, text)
    url = _split(text)
    try:
        fits = url.scheme in _DEFAULT_PORTS and url.hostname and url.port != 0
    except ValueError:
        fits = False
    if not fits or url.username is not None:
        raise click.BadParameter("write http://host/path or https://host/path")
    # Taking it apart drops what breaks a line.
    if not _is_host(url.hostname or "") or _BREAKS & set(text):
        raise click.BadParameter("no host has that name: write http://host/path")
    return url


def _is_host(text: str) -> bool:
    """Whether a browser would ask for the address of this host."""
    try:
        if ":" in text:
            return IPv6Address(text).scope_id is None
        encoded = text.encode("idna")
    except ValueError:
        return False
    return not _FORBIDDEN_IN_HOST.search(text) and len(encoded) <= _MAX_HOST_BYTES


def read_origin(context: click.Context, parameter: click.Parameter, text: str) -> str:
    """Read the origin of the page, as a browser sends it.

    :raises click.BadParameter: if no browser sends it.
    """
    if text == NULL:
        return text
    url = _split(text)
    written = f"{url.scheme}://{_in_ascii(url.netloc.lower())}"
    if url.scheme in _DEFAULT_PORTS:
        written = written.removesuffix(f":{_DEFAULT_PORTS[url.scheme]}")
    if not url.scheme or not is_origin(written):
        raise click.BadParameter("write scheme://host or scheme://host:port, or null")
    if written != text:
        raise click.BadParameter(f"a browser sends {written}: write that")
    return text


def _in_ascii(host: str) -> str:
    """A host as browsers send it; one that cannot be sent stays."""
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def _split(text: str) -> SplitResult:
    """Take an address apart; one that cannot be has no parts."""
    try:
        return urlsplit(text)
    except ValueError:
        return SplitResult("", "", "", "", "")


def read_method(context: click.Context, parameter: click.Parameter, text: str) -> str:
    """Read the method that the page uses, as a browser sends it.

    :raises click.BadParameter: if no page may use it.
    """
    method = sent_method(text)
    if not is_header_name(method) or method.upper() in _FORBIDDEN_METHODS:
        raise click.BadParameter("no page may send that")
    return method


def read_headers(
    context: click.Context, parameter: click.Parameter, texts: Sequence[str]
) -> Headers:
    """Read the headers that the page sets.

    :raises click.BadParameter: if no page may set one of them.
    """
    return [_read_header(text) for text in texts]


def _read_header(text: str) -> tuple[str, str]:
    name, _, value = (part.strip(" \t") for part in text.partition(":"))
    lowered = name.lower()
    if not is_header_name(name) or not (value.isascii() and value.isprintable()):
        raise click.BadParameter("write a name, or 'Name: value' in ASCII")
    if is_forbidden(name):
        raise click.BadParameter(f"no page may set {lowered}; its browser does")
    return name, value or _MADE_UP_VALUES.get(lowered, "1")
