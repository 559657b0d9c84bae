"""The headers of an application, merged with those of the rules of a bucket."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from flask_bucketcors.core.headers import TIMING_ALLOW_ORIGIN, VARY

Pair = tuple[str, str]

_CORS_PREFIX: Final = "access-control-"
_PREFIX_LENGTH: Final = len(_CORS_PREFIX)
# Headers with a list of values, to which others are added.
_LISTS: Final = (VARY, TIMING_ALLOW_ORIGIN)
_LOWERED_LISTS: Final = tuple(map(str.lower, _LISTS))

# An application uses few header names, but clients may be able to choose some.
MAX_PLAIN_NAMES: Final = 512
MAX_NAME_LENGTH: Final = 64
#: Known header names, as spelt, that need no merge: neither those above nor Access-Control-*. They
#: are of all applications of the process, since it is the spelling alone that says so.
plain_names: set[str] = set()


def merge(headers: Iterable[Pair], added: Sequence[Pair]) -> list[Pair]:
    """Add headers to those of an application, and remember the names that it uses.

    Its own Access-Control-* headers are replaced. Its Vary and Timing-Allow-Origin are extended.
    """
    kept = [pair for pair in headers if pair[0][:_PREFIX_LENGTH].lower() != _CORS_PREFIX]
    _learn(kept)
    for name, value in added:
        if name in _LISTS:
            _extend(kept, name, value)
        else:
            kept.append((name, value))
    return kept


def _learn(headers: Iterable[Pair]) -> None:
    names = {name for name, _ in headers if len(name) <= MAX_NAME_LENGTH}
    names = {name for name in names if name.lower() not in _LOWERED_LISTS}
    if len(plain_names) + len(names) > MAX_PLAIN_NAMES:
        plain_names.clear()
    plain_names.update(islice(names, MAX_PLAIN_NAMES))


def _extend(headers: list[Pair], name: str, added: str) -> None:
    """Add values to those that the application lists, in one line or in several.

    Its ``*`` includes all of them.
    """
    lowered = name.lower()
    # Vary lists names of headers, in which case does not matter. In an origin it does.
    normalize = str.lower if name == VARY else str
    first, values = None, set()
    for index, (own_name, value) in enumerate(headers):
        if own_name.lower() == lowered and value.strip():
            first = index if first is None else first
            values |= {normalize(each.strip()) for each in value.split(",")}
    if first is None:
        headers.append((name, added))
        return
    missing = [each for each in added.split(", ") if normalize(each) not in values]
    if missing and "*" not in values:
        own_name, value = headers[first]
        headers[first] = (own_name, ", ".join((value, *missing)))
