"""The headers of an application, Vary among them, merged with those of the rules of a bucket."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from flask_bucketcors.core.headers import VARY

Pair = tuple[str, str]

_CORS_PREFIX: Final = "access-control-"
_PREFIX_LENGTH: Final = len(_CORS_PREFIX)

# An application uses few header names, but clients may be able to choose some.
MAX_PLAIN_NAMES: Final = 512
MAX_NAME_LENGTH: Final = 64
#: Known header names, as spelt, that are neither Vary nor Access-Control-*; of all applications of
#: the process, since it is the spelling alone that says so.
plain_names: set[str] = set()


def merge(headers: Iterable[Pair], added: Sequence[Pair]) -> list[Pair]:
    """Add headers to those of an application, and remember the names that it uses.

    Its own Access-Control-* headers are replaced, and its Vary is extended.
    """
    kept = [pair for pair in headers if pair[0][:_PREFIX_LENGTH].lower() != _CORS_PREFIX]
    _learn(kept)
    for name, value in added:
        if name == VARY:
            _add_vary(kept, value)
        else:
            kept.append((name, value))
    return kept


def _learn(headers: Iterable[Pair]) -> None:
    names = {name for name, _ in headers if len(name) <= MAX_NAME_LENGTH and not _is_vary(name)}
    if len(plain_names) + len(names) > MAX_PLAIN_NAMES:
        plain_names.clear()
    plain_names.update(islice(names, MAX_PLAIN_NAMES))


def _is_vary(name: str) -> bool:
    return name.lower() == "vary"


def _add_vary(headers: list[Pair], added: str) -> None:
    """Add names to ``Vary``, in addition to those of the application."""
    for index, (name, value) in enumerate(headers):
        if _is_vary(name) and value.strip():
            names = {each.strip().lower() for each in value.split(",")}
            missing = [each for each in added.split(", ") if each.lower() not in names]
            if missing and "*" not in names:
                headers[index] = (name, ", ".join((value, *missing)))
            return
    headers.append((VARY, added))
