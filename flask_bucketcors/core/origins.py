"""Origins and origin patterns: what a request may send, and what a rule may contain.

Facts:

- RFC 1034, 3.1: only the root's label is empty, so a host may have an empty label only at its end.
- RFC 6454, 6.1: a browser serialises an origin as ``scheme://host`` or ``scheme://host:port``,
  in lower case and without the default port, or sends ``null``.
- Tencent COS, PUT Bucket cors (436/8279): an AllowedOrigin contains at most one ``*``, which
  stands for zero or more characters anywhere in scheme, host or port.

So a pattern is compared as text. What keeps ``*`` from covering more than an origin has
(``http://evil.example/.abc.com`` fits ``http://*.abc.com`` as text) is the grammar below: a
request's Origin that does not have this form is never compared with such a pattern. A bare ``*``
needs no grammar, because the response names no origin.
"""

import re
from collections.abc import Collection
from string import ascii_letters, digits

from flask_bucketcors.core.problems import ProblemReason
from flask_bucketcors.core.wildcards import ANY, Wildcard

# scheme 64, "://" 3, host 253, ":65535" 6: nothing longer is an origin. A WSGI header has one
# character for each byte.
MAX_ORIGIN_BYTES = 326

NULL = "null"
#: What pages of files send in old web views. It does not have the form of an origin.
FILE = "file://"

_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*://"
_LABEL = r"[A-Za-z0-9_-]++"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*+\.?|\[[0-9A-Fa-f:.]+\])"
_ORIGIN = re.compile(rf"(?:{_SCHEME})?{_HOST}(?::[0-9]{{1,5}})?")

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BETWEEN_PATTERNS = re.compile(r"[\s,;|]+")
_FORBIDDEN_IN_PATTERN = re.compile(r"[^!-~]|[,\"'<>@?#\\]")

# Almost all patterns look like this, one on each line. It need not match all valid patterns, but
# must match no invalid one. Possessive quantifiers halve the time.
_USUAL_PATTERNS = re.compile(
    r"(?:https?+://(?:\*\.)?+[A-Za-z0-9._-]{1,253}+(?:\n|:[1-9][0-9]{0,3}+\n)|\*\n)++"
)
# Literals without a port need no expression: if these are removed, only "://" is left of each.
_PLAIN_CHARACTERS = (ascii_letters + digits + "._-").encode()
_REST_OF_PLAIN = b"://\n"


def is_origin(text: str) -> bool:
    """Whether a pattern with ``*`` among other characters may cover ``text``: not ``null``."""
    return len(text) <= MAX_ORIGIN_BYTES and text != NULL and bool(_ORIGIN.fullmatch(text))


def fits_any(text: str) -> bool:
    """Whether a bare ``*`` covers ``text``, which need not have the form of an origin."""
    return len(text) <= MAX_ORIGIN_BYTES and not _CONTROL.search(text)


def covers(pattern: str, origin: str) -> bool:
    """Whether an AllowedOrigin covers a request's Origin, compared as sent, case and all."""
    wildcard = Wildcard.parse(pattern)
    if wildcard is None:
        return origin == pattern
    if pattern == ANY:
        return fits_any(origin)
    return is_origin(origin) and wildcard.fits(origin)


def are_usual_patterns(texts: Collection[str]) -> bool:
    """Whether all are so usual that :func:`pattern_problem` would accept each of them.

    :raises TypeError: if not all are texts.
    """
    lines = "\n".join(texts) + "\n"
    if not lines.isascii():
        return False
    rest = lines.encode().translate(None, _PLAIN_CHARACTERS)
    # "https:/a/b" leaves the same behind, which is why "://" is counted as well.
    if texts and rest == _REST_OF_PLAIN * len(texts) and lines.count("://") == len(texts):
        return len(lines) <= MAX_ORIGIN_BYTES or max(map(len, texts)) <= MAX_ORIGIN_BYTES
    # A text that contains a line feed would count as two.
    return lines.count("\n") == len(texts) and bool(_USUAL_PATTERNS.fullmatch(lines))


def pattern_problem(text: str) -> ProblemReason | None:
    """Say why a rule may not hold ``text`` as an AllowedOrigin; None if it may.

    A text is refused if it could never match, or could be mistaken for something else. A text that
    is merely useless (upper case, a trailing slash, a default port) is accepted, as vendors do.
    """
    if not text:
        return ProblemReason.EMPTY
    if len(text) > MAX_ORIGIN_BYTES:
        return ProblemReason.TOO_LONG
    if not text.isascii():
        return ProblemReason.NOT_ASCII
    if _FORBIDDEN_IN_PATTERN.search(text):
        parts = [part for part in _BETWEEN_PATTERNS.split(text) if part]
        is_list = len(parts) > 1 and all("." in part or "://" in part for part in parts)
        return ProblemReason.SEVERAL_ORIGINS if is_list else ProblemReason.FORBIDDEN_CHARACTER
    if text.count(ANY) > 1:
        return ProblemReason.WILDCARDS
    authority = text.partition("://")[2] if "://" in text else text
    if "/" in authority.removesuffix("/"):
        return ProblemReason.PATH
    return None if _port_is_possible(authority.removesuffix("/")) else ProblemReason.PORT


def _port_is_possible(authority: str) -> bool:
    if authority.endswith("]"):
        return True
    _, colon, port = authority.rpartition(":")
    if not colon:
        return True
    if ANY in port:
        digits = port.replace(ANY, "")
        return len(digits) <= 5 and (not digits or _is_decimal(digits))
    return len(port) <= 5 and _is_decimal(port) and 1 <= int(port) <= 65535


def _is_decimal(text: str) -> bool:
    return text.isascii() and text.isdecimal()
