"""The URL of a server, checked before a driver fails with a vaguer error, shown without secrets.

A message never repeats a URL as it was written: what is wrong with it may be that a part of the
password does not look like one.
"""

import re
from importlib.util import find_spec
from typing import Final, NamedTuple
from urllib.parse import quote

from sqlalchemy import URL, make_url

from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.stores import database_urls
from flask_bucketcors.stores.database_urls import is_server_url, wanted_url


class _Driver(NamedTuple):
    """The only driver that this package knows for a kind of server.

    :param package: what has to be installed.
    :param extra: which extra of this package installs it.
    """

    package: str
    extra: str


_DRIVERS: Final = {
    "postgresql+psycopg": _Driver("psycopg", "postgresql"),
    "mysql+pymysql": _Driver("pymysql", "mysql"),
    "mariadb+pymysql": _Driver("pymysql", "mysql"),
}
# Parameters that drivers take for passwords, and for files that have them.
_SECRETS: Final = re.compile("pass|pwd|secret|token|key", re.IGNORECASE)
_SHOWN_PARAMETERS: Final = ("host", "port", "unix_socket", "service", "target_session_attrs")


def checked_url(value: str | URL) -> URL:
    """Give the URL of a server.

    :raises StoreUnavailable: if it is none, or its driver is missing.
    """
    url = _parsed(value) if isinstance(value, str) else value
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        kind = url.get_backend_name()
        wanted = [name for name in _DRIVERS if name.startswith(f"{kind}+")] or [*_DRIVERS]
        raise StoreUnavailable(
            f"the URL of the server begins with {url.drivername}://, which is not supported: write "
            + " or ".join(f"{each}://" for each in wanted)
        )
    if find_spec(driver.package) is None:
        raise StoreUnavailable(
            f"the URL of the server begins with {url.drivername}://, and the package "
            f'{driver.package} is missing: pip install "flask-bucketcors[{driver.extra}]"'
        )
    if not url.database and "service" not in url.query:
        raise StoreUnavailable(
            f"the URL {shown_url(url)} of the server names no database: write "
            f"{url.drivername}://user:password@host/database"
        )
    return url


def shown_url(url: URL) -> str:
    """Format a URL for messages, without a password."""
    query = {name: url.query[name] for name in _SHOWN_PARAMETERS if name in url.query}
    # URL.set takes None for "as it is".
    shown = URL.create(url.drivername, url.username, None, url.host, url.port, url.database, query)
    return shown.render_as_string()


def without_secrets(text: str, url: URL) -> str:
    """Remove from a driver's message what must not be shown."""
    values = [str(url.password or "")]
    for name, value in url.query.items():
        if _SECRETS.search(name):
            values += [value] if isinstance(value, str) else value
    for value in filter(None, values):
        text = text.replace(value, "***").replace(quote(value, safe=""), "***")
    return text


def _parsed(text: str) -> URL:
    if not is_server_url(text):
        raise StoreUnavailable(
            f"{database_urls.shown_url(text)} is no URL of a server: write {wanted_url(text)}"
        )
    return make_url(text)
