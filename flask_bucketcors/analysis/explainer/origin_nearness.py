"""How near an origin pattern comes to an origin, and what differs.

Both are cut into scheme, host and port however they are written. What is corrected on the way (a
slash, capitals, an invisible character) is what differs. Nothing here says that an origin is
allowed: that is up to the compiled rules.
"""

import re
from typing import Final

from flask_bucketcors.analysis.mistakes import Cause
from flask_bucketcors.analysis.spelling.idna import as_sent, written_out
from flask_bucketcors.analysis.spelling.lookalikes import decoded, looks, without_invisible
from flask_bucketcors.analysis.spelling.origin_parts import MAX_COMPARED, Parts, cut, several
from flask_bucketcors.core.hosts import is_loopback
from flask_bucketcors.core.origins import NULL, covers, pattern_problem
from flask_bucketcors.core.wildcards import ANY

# The stars stand for labels in front of a name.
_SUBDOMAINS = re.compile(r"[*.]+\.[^*.][^*]*$")
NOT_NEAR: Final = (Cause.ORIGIN_NOT_LISTED,)


def origin_differences(pattern: str, origin: str) -> tuple[Cause, ...]:
    """What keeps a pattern from covering an origin; ``NOT_NEAR`` if they are far apart.

    Neither has to be valid. The first cause is the one to name.
    """
    if origin == NULL or origin.startswith(("file:", "data:", "about:")):
        return (Cause.ORIGIN_NULL,)
    if max(len(pattern), len(origin)) > MAX_COMPARED:
        return NOT_NEAR
    if several(pattern):
        return NOT_NEAR
    asked, held = cut(origin), cut(pattern)
    misspelled = tuple(dict.fromkeys((*held.mistakes, *asked.mistakes)))
    if not held.host:
        return _looks_alike(pattern, origin)
    if fits_as_meant(held.text, asked.text):
        unwritten = () if asked.host.isascii() else (Cause.ORIGIN_IDN,)
        return misspelled or _stars(pattern) or unwritten or NOT_NEAR
    host = _host_differences(held.host, asked.host)
    if host is None:
        return _looks_alike(pattern, origin)
    scheme = () if _schemes_fit(held, asked) else (Cause.ORIGIN_SCHEME,)
    port = () if _ports_fit(held, asked) else (Cause.ORIGIN_PORT,)
    found = {*misspelled, *host, *scheme, *port, *_stars(pattern)}
    return tuple(cause for cause in Cause if cause in found) or NOT_NEAR


def _looks_alike(pattern: str, origin: str) -> tuple[Cause, ...]:
    """For texts that cannot be cut, as a letter of the scheme or a colon is another one."""
    held, asked = without_invisible(pattern), without_invisible(origin)
    if ANY in asked:
        return NOT_NEAR
    return (Cause.ORIGIN_LOOKALIKE,) if fits_as_meant(looks(held), looks(asked)) else NOT_NEAR


def corrected_pattern(pattern: str, origin: str) -> str | None:
    """The pattern written right, if that makes it cover the origin and a rule may hold it."""
    held = cut(pattern)
    sent = held._replace(host=as_sent(held.host))
    for text in (held.text, sent.text, _with_one_star(held.text)):
        if pattern_problem(text) is None and covers(text, origin):
            return text
    return None


def is_for_all(pattern: str) -> bool:
    """Whether a pattern names no host at all."""
    return not cut(pattern).host.strip("*.")


def _with_one_star(text: str) -> str:
    scheme, separator, rest = text.rpartition("://")
    # Only neighbouring labels: to drop what stands between two stars would widen the pattern.
    while "*.*" in rest or "**" in rest:
        rest = rest.replace("*.*", ANY).replace("**", ANY)
    return f"{scheme}{separator}{rest}"


def fits_as_meant(pattern: str, text: str) -> bool:
    """Whether a pattern with any number of ``*`` fits a text, as its author meant it."""
    first, *others = pattern.split(ANY)
    if not others:
        return pattern == text
    *middle, last = others
    if not text.startswith(first) or not text[len(first) :].endswith(last):
        return False
    place, end = len(first), len(text) - len(last)
    for part in middle:
        place = text.find(part, place, end) + len(part)
        if place < len(part):
            return False
    return place <= end


def _stars(pattern: str) -> tuple[Cause, ...]:
    """Where a pattern has one ``*`` too many."""
    if pattern.count(ANY) < 2:
        return ()
    parts = cut(pattern)
    if ANY in parts.port:
        return (Cause.ORIGIN_PORT,)
    if ANY in parts.scheme:
        return (Cause.ORIGIN_SCHEME,)
    return (Cause.ORIGIN_SUBDOMAIN_DEPTH,) if _SUBDOMAINS.match(parts.host) else ()


def _schemes_fit(held: Parts, asked: Parts) -> bool:
    if not held.scheme and held.host.startswith(ANY):
        return True
    return fits_as_meant(held.scheme, asked.scheme)


def _ports_fit(held: Parts, asked: Parts) -> bool:
    if not held.port and held.host.endswith(ANY):
        return True
    return fits_as_meant(held.port, asked.port) and bool(held.port) == bool(asked.port)


def _host_differences(held: str, asked: str) -> tuple[Cause, ...] | None:
    """What differs between hosts: nothing, something, or None if they are far apart."""
    if fits_as_meant(held, asked):
        return ()
    held_out, asked_out = written_out(decoded(held)), written_out(decoded(asked))
    if fits_as_meant(held_out, asked_out) and not (held_out.isascii() and asked_out.isascii()):
        return (Cause.ORIGIN_IDN,)
    if asked and fits_as_meant(looks(held_out), looks(asked_out)):
        return (Cause.ORIGIN_LOOKALIKE,)
    if depth := _depth_difference(held, asked):
        return (depth,)
    return (Cause.ORIGIN_IP_LOCALHOST,) if is_loopback(held) and is_loopback(asked) else None


def _depth_difference(held: str, asked: str) -> Cause | None:
    base = held.removeprefix("*").removeprefix(".")
    if ANY in base or _is_address(base) or ("." not in base and not is_loopback(base)):
        return None
    if asked == base.removeprefix("www."):
        return Cause.ORIGIN_APEX
    if asked.endswith("." + base) or ("." in asked and base.endswith("." + asked)):
        return Cause.ORIGIN_SUBDOMAIN_DEPTH
    _, _, parent = base.partition(".")
    if held.startswith("*.") and _is_own_domain(parent) and asked.endswith("." + parent):
        # The "*" stands one label too deep.
        return Cause.ORIGIN_SUBDOMAIN_DEPTH
    return None


def _is_own_domain(host: str) -> bool:
    """Whether a host looks like somebody's, and not like ``co.uk``, under which all are."""
    first, dot, rest = host.partition(".")
    return bool(dot) and ("." in rest or len(first) > 3 or len(rest) > 3)


def _is_address(host: str) -> bool:
    return host.startswith("[") or host.replace(".", "").isdigit()
