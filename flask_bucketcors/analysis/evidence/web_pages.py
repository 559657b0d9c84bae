"""Tells web pages for people, such as consoles and login pages, from responses of a storage."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlsplit

from flask_bucketcors.core.browser import Pairs, value_of

_CONSOLE_NAMES: Final = """
    console.cloud.tencent.com console.tencentcloud.com console.intl.cloud.tencent.com
    cosbrowser.cloud.tencent.com console.aliyun.com console.alibabacloud.com
    console.aws.amazon.com console.amazonaws.cn console.huaweicloud.com
    console.cloud.google.com storage.cloud.google.com dash.cloudflare.com portal.azure.com
    secure.backblaze.com
"""
_LOGIN_NAMES: Final = """
    cloud.tencent.com/login account.tencentcloud.com account.aliyun.com signin.aliyun.com
    account.alibabacloud.com signin.aws.amazon.com auth.huaweicloud.com accounts.google.com
    login.microsoftonline.com
"""
#: Hosts of the vendors' consoles and of their login pages; so is every name below them.
CONSOLE_HOSTS: Final = tuple(_CONSOLE_NAMES.split())
LOGIN_HOSTS: Final = tuple(_LOGIN_NAMES.split())
_LOGIN_PATH = re.compile(
    r"/(?:[\w-]*(?:log|sign)[-_]?in|sso|saml2?|oauth2?|authorize|cas)(?:[/.?;]|$)", re.IGNORECASE
)
_CONSOLE_TITLE = re.compile(
    r"\b(?:MinIO|RustFS|Ceph|Garage)\b.*|.*\bconsole\b.*|.*控制台.*", re.IGNORECASE
)
_CONSOLE_SERVER = re.compile("MinIO Console", re.IGNORECASE)
_LOGIN_TITLE = re.compile(r".*(?:\b(?:log|sign)[ -]?(?:in|on)\b|登录|登入)", re.IGNORECASE)
_HTML = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)


def is_console_address(url: str) -> bool:
    """Whether a URL is that of a vendor's console."""
    return _is_below(url, CONSOLE_HOSTS)


def is_login_host(url: str) -> bool:
    """Whether a URL is that of a vendor's login page."""
    return _is_below(url, LOGIN_HOSTS)


def is_login_address(url: str) -> bool:
    """Whether a URL looks like that of a login page; an object may have one like that, too."""
    return is_login_host(url) or bool(_LOGIN_PATH.search(_host_and_path(url)[1]))


def _is_below(url: str, hosts: tuple[str, ...]) -> bool:
    host, path = _host_and_path(url)
    return any(
        f".{host}".endswith("." + name) and path.startswith(slash + start)
        for name, slash, start in (each.partition("/") for each in hosts)
    )


def _host_and_path(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.path
    except ValueError:
        return "", ""


class WebPage(HTMLParser):
    """What a web page shows of itself.

    :param title: the text of its title.
    :param has_password: whether it has a field for a password.
    :param meta_names: what its meta elements set in place of headers, in lower case.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.title: str = ""
        self.has_password: bool = False
        self.meta_names: set[str] = set()
        self._in_title = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        attributes = dict(attrs)
        self._in_title = tag == "title"
        if tag == "input" and (attributes.get("type") or "").lower() == "password":
            self.has_password = True
        if tag == "meta":
            self.meta_names.add((attributes.get("http-equiv") or "").lower())

    def handle_endtag(self, tag: str) -> None:
        """Note the end of an element."""
        self._in_title = False

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if self._in_title and not self.title:
            self.title = data.strip()[:200]

    @property
    def is_login(self) -> bool:
        """Whether it asks who the user is."""
        return self.has_password or bool(_LOGIN_TITLE.match(self.title))

    @property
    def is_console(self) -> bool:
        """Whether it is the console of a storage."""
        return bool(_CONSOLE_TITLE.match(self.title))

    def cors_names(self) -> Iterator[str]:
        """The headers of CORS that it has in meta elements."""
        return (name for name in self.meta_names if name.startswith("access-control-"))


def read_web_page(pairs: Pairs, body: bytes) -> WebPage | None:
    """Read a response as a web page; None if it is none.

    :param body: the beginning of the body, decoded; its length has to be limited by the caller.
    """
    kind = (value_of("Content-Type", pairs) or "").partition(";")[0].strip().lower()
    if kind not in ("text/html", "application/xhtml+xml", "") or not _HTML.match(body):
        return None
    return WebPage(body.decode(errors="replace"))


def is_console_server(pairs: Pairs) -> bool:
    """Whether a response names a console as its server."""
    return bool(_CONSOLE_SERVER.search(value_of("Server", pairs) or ""))
