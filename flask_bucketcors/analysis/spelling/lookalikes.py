"""Characters that cannot be seen, and such that look like others.

What looks alike is found with the Unicode database alone and a short table of letters, so the
limits are: Latin, Cyrillic, Greek and Armenian letters that are drawn alike in lower case,
full-width and styled forms, letters with marks, dashes, stops and slashes, and the digits 0
and 1 beside o and l, a capital I beside l; of pairs that look like one letter ``rn`` and ``m``,
``vv`` and ``w``, ``cl`` and ``d``.
"""

import unicodedata
from typing import Final

# Seen as nothing or as a blank, but not in the categories below: fillers, joiners, selectors.
_INVISIBLE: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc"
    + "".join(map(chr, range(0x180B, 0x180E)))
    + "".join(map(chr, range(0xFE00, 0xFE10)))
)
_INVISIBLE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})

# Cyrillic, Greek and Armenian, then others and signs; each with what it looks like.
_ALIKE: Final = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458"
    + "\u04bb\u04cf\u0501\u051b\u051d\u0432\u043a\u043c\u043d\u0442\u0433\u050d"
    + "\u03b1\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u03b3\u03b9\u03ba\u03b5\u03c9"
    + "\u0561\u0578\u057d\u0581\u0585\u0570\u0566"
    + "\u0131\u0251\u0261\u217c\u2215\u2044\u2010\u2011\u2012\u2013\u2014\u2212"
    + "\ufe63\u3002\u202401",
    "aeopcyxsijhldqwbkmhtrg" + "avoptuxyikew" + "wnugohq" + "iagl//-------..ol",
)
_PAIRS: Final = (("rn", "m"), ("vv", "w"), ("cl", "d"))
#: Texts are compared by looks up to this length, in characters.
MAX_LENGTH: Final = 1024


def is_invisible(character: str) -> bool:
    """Whether a character cannot be seen, or is a blank."""
    return unicodedata.category(character) in _INVISIBLE_CATEGORIES or character in _INVISIBLE


def without_invisible(text: str) -> str:
    """The text without what cannot be seen; bytes of UTF-8 that were read as Latin-1 count."""
    if text.isascii() and text.isprintable() and " " not in text:
        return text
    # A byte order mark or a no-break space may be there as the bytes of its UTF-8.
    return "".join(each for each in decoded(text) if not is_invisible(each))


def decoded(text: str) -> str:
    """The text as it was before its UTF-8 was read as Latin-1 (as WSGI reads headers)."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def skeleton(text: str) -> str:
    """What a text looks like: equal for texts that can be taken for each other."""
    if text.isascii():
        return text[:MAX_LENGTH].lower().translate(_ALIKE)
    marked = unicodedata.normalize("NFKD", text[:MAX_LENGTH].lower())
    bare = "".join(each for each in marked if not unicodedata.combining(each))
    return bare.translate(_ALIKE).lower()


def looks(text: str) -> str:
    """What a text looks like to who takes pairs of letters for one, or a capital I for an l."""
    seen = skeleton(text.replace("I", "l"))
    for pair, letter in _PAIRS:
        seen = seen.replace(pair, letter)
    return seen


def shown(text: str, limit: int = 80) -> str:
    """The text in quotes for a message, with what cannot be seen spelt out."""
    cut = text if len(text) <= limit else text[:limit] + "..."
    visible = "".join(
        f"<U+{ord(each):04X}>" if is_invisible(each) and each != " " else each for each in cut
    )
    return f"'{visible}'" if visible.isascii() else f"'{visible}' ({ascii(visible)[1:-1]})"
