"""Origin patterns in words: which sites a value of AllowedOrigin lets in."""

from typing import Final

from flask_bucketcors.analysis.algebra.cells import overlaps
from flask_bucketcors.analysis.algebra.grammars import ORIGINS
from flask_bucketcors.core.origins import NULL
from flask_bucketcors.core.wildcards import ANY, Wildcard

_ANY_SITE: Final = "any site"
_NO_SITE: Final = "no site"
_SPECIAL: Final = {ANY: _ANY_SITE, NULL: "sandboxed frames, files, some redirects"}
_AFTER_SCHEME: Final = "://"


def pattern_in_words(pattern: str) -> str:
    """Say which sites an origin pattern matches, such as "every https site below a.example".

    A pattern without ``*`` is its own words. "The default port" is the one that browsers leave out
    of an origin. An Origin without a scheme, which no browser sends, may match a pattern that
    begins with ``*``, and the words do not say so.

    :param pattern: a text as AllowedOrigin has it. If no origin can match it, the words are
        "no site".
    """
    wildcard = Wildcard.parse(pattern)
    if wildcard is None or pattern in _SPECIAL:
        return _SPECIAL.get(pattern, pattern)
    prefix, suffix = wildcard
    if not ORIGINS.may_surround(prefix, suffix):
        return _NO_SITE
    # The two sides share no characters: "aba" does not match "ab*ba".
    then = " and, after that, ends in " if any(overlaps(wildcard)) else " and ends in "
    if _AFTER_SCHEME in suffix:
        scheme_end, _, authority = suffix.partition(_AFTER_SCHEME)
        return f"{authority} by any scheme{_that(_sides(prefix, scheme_end, then))}"
    scheme, has_scheme, start = prefix.rpartition(_AFTER_SCHEME)
    if has_scheme:
        return _with_scheme(scheme, start, suffix, then)
    if prefix:
        return f"every origin{_that(_sides(prefix, suffix, then))}"
    return _sites("", "", suffix, then, ", by any scheme")


def _with_scheme(scheme: str, start: str, suffix: str, then: str) -> str:
    """Say it of a pattern with its ``*`` in the host or the port."""
    host, colon, digits = _cut(start)
    if colon:
        which = _that(_sides(digits, suffix, then)) or " but the default one"
        return f"{host} by {scheme}, on any port{which}"
    if not start and not suffix:
        return f"any {scheme} site, on any port"
    return _sites(f"{scheme} ", start, suffix, then)


def _sites(scheme: str, start: str, suffix: str, then: str, by: str = "") -> str:
    """Say it of a pattern with its ``*`` in the host, or in everything up to it."""
    # Digits at the end may be those of a port, and an address in brackets has its own colons.
    if not suffix or suffix.isdigit() or "]" in suffix:
        return f"every {scheme}address{_that(_sides(start, suffix, then))}{by}"
    host, colon, port = _cut(suffix)
    on = f", on port {port}" if colon else ""
    if not start and host.startswith(".") and host != ".":
        return f"every {scheme}site below {host[1:]}{by}{on}"
    sides = _sides(start, host, then)
    return f"every {scheme}site{sides and ' whose name '}{sides}{by}{on}"


def _cut(authority: str) -> tuple[str, str, str]:
    """Cut off a port, or the beginning of one: the host, ``:`` or nothing, and the digits."""
    host, colon, port = authority.rpartition(":")
    is_within_address = "[" in host and "]" not in host
    return (host, colon, port) if colon and not is_within_address else (authority, "", "")


def _that(sides: str) -> str:
    return f" that {sides}" if sides else ""


def _sides(prefix: str, suffix: str, then: str) -> str:
    """Say how a text begins and ends; nothing if that does not matter."""
    if prefix and suffix:
        return f"begins with {prefix}{then}{suffix}"
    return f"begins with {prefix}" if prefix else f"ends in {suffix}" if suffix else ""
