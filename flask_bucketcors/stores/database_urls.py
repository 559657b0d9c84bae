"""URLs of SQL servers, and texts that somebody wrote instead of one.

Each may hold a password, so messages show no more than :func:`shown_url` gives. Nothing here needs
SQLAlchemy, because an application checks its settings before it knows whether it will serve.
"""

import re
from typing import Final

#: The URL of a server, for messages.
URL_FORM: Final = (
    "the URL of a server with its driver, such as 'postgresql+psycopg://user@host/database' or "
    "'mysql+pymysql://user@host/database'"
)
_ESCAPES: Final = (
    "; in a user's name and a password, write %40 for @, %3A for :, %2F for /, %3F for ?, %23 for "
    "# and %20 for a space; leave out spaces and line breaks around the URL"
)
#: The drivers that are tested, by what people write before ``://``.
_DRIVERS: Final = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
_BACKEND: Final = re.compile(r"\s*(postgres\w*|mysql|mariadb|sqlite|cockroach\w*|tidb)\b", re.I)
# pathlib removes one of two slashes. A single letter is a drive on Windows.
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+._-]+):/|.*://", re.DOTALL)
# What may hold a password, and is the path of no usual file.
_ALMOST: Final = re.compile(
    rf"{_BACKEND.pattern}\s*([+:;]|//)|.*(:(?![\\/]).*@|(password|passwd|pwd)\s*=)",
    re.DOTALL | re.I,
)
_MAX_PORT: Final = 65_535
# One '@' at most. Of two, SQLAlchemy takes what is between them for a part of the host's name.
_WHOLE: Final = re.compile(
    r"[a-z][a-z0-9]*\+[a-z][a-z0-9_]*://"
    r"([^@:/?#\s]*(:[^@:/?#\s]*)?@)?"
    r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]*)(:(?P<port>[0-9]{1,5}))?"
    r"(/[^@\s?]*)?(\?[^@\s]*)?"
)


class ServerURL(str):
    """The URL of a server as a setting. What prints its ``repr`` does not print the password."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(shown_url(self))


def is_like_url(text: str) -> bool:
    """Whether a text is a URL, or was meant as one, so that it may hold a password."""
    return bool(_SCHEME.match(text) or _ALMOST.match(text))


def is_server_url(text: str) -> bool:
    """Whether a text has the form of the URL of a server, with a driver."""
    found = _WHOLE.fullmatch(text)
    return found is not None and int(found["port"] or 0) <= _MAX_PORT


def shown_url(text: str) -> str:
    """Give what a message may show of a URL, or of what was meant as one."""
    scheme = _SCHEME.match(text)
    if scheme and scheme[1]:
        return f"{scheme[1]}://..."
    backend = _BACKEND.match(text)
    return f"{backend[1]}..." if backend else "..."


def wanted_url(text: str) -> str:
    """Give what to write instead of a URL, or what was meant as one, that is none of a server."""
    backend = _BACKEND.match(text)
    name = backend[1].lower() if backend else ""
    if name == "sqlite":
        return "the path of a file"
    if name in _DRIVERS and not re.match(r"\s*\w+\+", text):
        return f"the URL with its driver, '{_DRIVERS[name]}://...'{_ESCAPES}"
    return URL_FORM + _ESCAPES
