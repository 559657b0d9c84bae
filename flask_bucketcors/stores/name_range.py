"""A page of names as one range of an index.

In a database in UTF-8, SQLite compares names by code point: its order of texts is that of their
bytes, which is the order of code points, and Python compares texts in the same order.
"""

from typing import Final

# Names cannot have surrogates, and SQLite cannot even bind them.
_SURROGATES: Final = range(0xD800, 0xE000)
_LAST: Final = 0x10FFFF
# In SQLite, a BLOB comes after all texts.
_END_OF_NAMES: Final = b""


def name_range(prefix: str, after: str) -> tuple[str, str | bytes] | None:
    """Give the bounds of the names that begin with ``prefix`` and come after ``after``.

    :returns: the least name that may be one, and the least that comes after all of them; None if
        no name can be one.
    """
    if surrogate_place(prefix) is not None:
        return None
    return max(prefix, _next(after)), _end(prefix)


def _next(after: str) -> str:
    """The least text after a text; of those without surrogates, if it has one."""
    place = surrogate_place(after)
    if place is None:
        return after + "\0"
    return after[:place] + chr(_SURROGATES.stop)


def _end(prefix: str) -> str | bytes:
    """The least text after all that begin with a prefix."""
    kept = prefix.rstrip(chr(_LAST))
    if not kept:
        return _END_OF_NAMES
    following = ord(kept[-1]) + 1
    if following in _SURROGATES:
        following = _SURROGATES.stop
    return kept[:-1] + chr(following)


def surrogate_place(text: str) -> int | None:
    """The place of the first surrogate; None if there is none."""
    places = (place for place, each in enumerate(text) if ord(each) in _SURROGATES)
    return next(places, None)
