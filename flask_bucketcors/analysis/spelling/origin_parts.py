"""Origins and patterns as people write them, cut into scheme, host and port.

What no browser would send (a slash, capitals, an invisible character) is corrected on the way, and
named.
"""

import re
from typing import Final, NamedTuple

from flask_bucketcors.analysis.mistakes import Cause
from flask_bucketcors.analysis.spelling.lookalikes import without_invisible
from flask_bucketcors.core.hosts import DEFAULT_PORTS
from flask_bucketcors.core.wildcards import ANY

#: Nothing longer is compared: no origin is, and the work is to stay small.
MAX_COMPARED: Final = 512
# Also as people write it: "http(s)", "https?", with backslashes.
_SCHEME = re.compile(
    r"(?P<scheme>[A-Za-z*][A-Za-z0-9+.*?()|-]*)(?::[/\\]{1,3}|//|:/*(?![0-9*/]))|//"
)
_AGAIN = re.compile(r"(?:https?://)+")
_BETWEEN = re.compile(r"[\s,;|]+")
_PORT = re.compile(r":(?P<port>[^:\]]*)$")
#: What values are wrapped in when they were copied with more than they are.
WRAPPING: Final = "\"'<>`;,()"


class Parts(NamedTuple):
    """An origin or a pattern, cut up and corrected.

    :param scheme: ``""`` if there is none.
    :param port: ``""`` if there is none.
    :param mistakes: what was wrong with the text as it was written, each kind once.
    """

    scheme: str
    host: str
    port: str
    mistakes: tuple[Cause, ...]

    @property
    def text(self) -> str:
        """The parts as an origin is written."""
        scheme = f"{self.scheme}://" if self.scheme else ""
        return f"{scheme}{self.host}" + (f":{self.port}" if self.port else "")


def cut(text: str) -> Parts:
    """Cut a text into parts, and correct what no browser would send."""
    mistakes: list[Cause] = []
    bounded = text[:MAX_COMPARED]
    visible = without_invisible(bounded)
    if visible != bounded:
        mistakes.append(Cause.ORIGIN_INVISIBLE_CHARACTER)
    # An escaped slash, as JSON and regular expressions have it, is a slash.
    visible = _without_expression(visible.strip(WRAPPING).replace("\\/", "/"))
    found = _SCHEME.match(visible)
    scheme = (found["scheme"] or "") if found else ""
    authority = visible[found.end() :] if found else visible
    if scheme.lower() in DEFAULT_PORTS and (again := _AGAIN.match(authority)):
        mistakes.append(Cause.ORIGIN_SCHEME)
        authority = authority[again.end() :]
    host, port = _cut_authority(authority, mistakes)
    if (scheme + host) != (scheme + host).lower():
        mistakes.append(Cause.ORIGIN_CASE)
    scheme = scheme.lower()
    if port and DEFAULT_PORTS.get(scheme) == port:
        mistakes.append(Cause.ORIGIN_DEFAULT_PORT)
        port = ""
    if scheme and found and found[0] != f"{found['scheme']}://":
        mistakes.append(Cause.ORIGIN_SCHEME)
    return Parts(scheme, host.lower(), port, tuple(dict.fromkeys(mistakes)))


def _cut_authority(authority: str, mistakes: list[Cause]) -> tuple[str, str]:
    host, rest = _cut_at(authority, "/?#\\")
    if rest.strip("/"):
        mistakes.append(Cause.ORIGIN_PATH)
    elif rest:
        mistakes.append(Cause.ORIGIN_TRAILING_SLASH)
    user, at, behind = host.rpartition("@")
    if at and user:
        mistakes.append(Cause.ORIGIN_PATH)
    host = behind if at else host
    # A bare IPv6 address has colons and no port.
    found = _PORT.search(host) if host.count(":") < 2 or "]" in host else None
    return (host[: found.start()], found["port"]) if found else (host, "")


def _without_expression(text: str) -> str:
    """The text of a simple regular expression, as a pattern; other texts as they are."""
    if "\\." not in text and ".*" not in text and text[:1] != "^":
        return text
    return text.removeprefix("^").removesuffix("$").replace("\\", "").replace(".*", ANY)


def _cut_at(text: str, characters: str) -> tuple[str, str]:
    ends = [place for place in map(text.find, characters) if place >= 0]
    return (text[: min(ends)], text[min(ends) :]) if ends else (text, "")


def several(pattern: str) -> list[str]:
    """The origins of a value that holds more than one; nothing for other values."""
    if pattern.count("://") < 2:
        return []
    parts = [each for each in _BETWEEN.split(pattern[:MAX_COMPARED]) if each]
    return parts if sum("://" in each for each in parts) > 1 else []
