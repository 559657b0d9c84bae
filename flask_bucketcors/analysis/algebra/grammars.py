"""What texts there are, one character at a time: origins, and names of headers.

The same grammars stand elsewhere as regular expressions, which tell whether a text is one. To
find a text that is in one pattern and in no other, it must be known how a text can go on.
"""

from collections.abc import Collection, Mapping, Sequence
from string import ascii_letters, ascii_lowercase, digits, hexdigits
from typing import Final

from flask_bucketcors.core.headers import MAX_REQUESTED_HEADERS_BYTES
from flask_bucketcors.core.origins import MAX_ORIGIN_BYTES


class Grammar:
    """A finite automaton.

    :param moves: for each state the characters that it takes, and the state behind them. The
        first state is the one before the first character.
    :param ends: states in which a text may end.
    :param max_length: of a text, in characters.
    :param fillers: what may stand for a ``*`` in an example, the nicest first.
    :param endings: the same where nothing stands behind the ``*``.
    """

    __slots__ = (
        "_ends",
        "_moves",
        "_reached",
        "classes",
        "endings",
        "fillers",
        "max_length",
        "start",
    )

    def __init__(
        self,
        moves: Mapping[str, Mapping[str, str]],
        ends: Sequence[str],
        max_length: int,
        fillers: Sequence[str],
        endings: Sequence[str],
    ) -> None:
        self.start: str = next(iter(moves))
        #: Sets of characters; those in one set make no difference to the grammar.
        self.classes: tuple[str, ...] = _classes([text for each in moves.values() for text in each])
        self._moves = {
            state: {each: after for text, after in row.items() for each in text}
            for state, row in moves.items()
        }
        self._ends = frozenset(ends)
        self._reached = {state: self._all_behind(state) for state in moves}
        self.max_length: int = max_length
        self.fillers: Sequence[str] = fillers
        self.endings: Sequence[str] = endings

    def step(self, state: str, character: str) -> str | None:
        """Give the state behind one more character; None if no text goes on like this."""
        return self._moves[state].get(character)

    def _all_behind(self, state: str) -> frozenset[str]:
        """Give the states that a text can lead to from a state, the empty one included."""
        found = [state]
        for each in found:
            found += {*self._moves[each].values()}.difference(found)
        return frozenset(found)

    def after(self, text: str) -> str | None:
        """Give the state behind a text; None if no text begins like this."""
        state: str | None = self.start
        # A call of step() for each character would take twice as long.
        for character in text:
            if state is None:
                return None
            state = self._moves[state].get(character)
        return state

    def may_end(self, state: str | None) -> bool:
        """Whether a text may end in this state."""
        return state in self._ends

    def may_surround(self, prefix: str, suffix: str) -> bool:
        """Whether any text begins with the one and ends with the other, whatever its length.

        Quickly told, where a search for the text would take its time to find none.
        """
        state = self.after(prefix)
        states: Collection[str] = () if state is None else self._reached[state]
        for character in suffix:
            states = {after for each in states if (after := self.step(each, character))}
        return any(map(self.may_end, states))

    def holds(self, text: str) -> bool:
        """Whether this is a text of the grammar."""
        return len(text) <= self.max_length and self.may_end(self.after(text))


def _classes(texts: Sequence[str]) -> tuple[str, ...]:
    """Put characters together that stand in the same of the texts."""
    by_texts: dict[tuple[bool, ...], str] = {}
    for character in dict.fromkeys("".join(texts)):
        where = tuple(character in text for text in texts)
        by_texts[where] = by_texts.get(where, "") + character
    return tuple(by_texts.values())


_LETTERS: Final = ascii_letters
_LABEL: Final = _LETTERS + digits + "_-"
_ADDRESS: Final = hexdigits + ":."

#: [scheme "://"] host [":" port], where the host may be an address in brackets: what
#: :func:`flask_bucketcors.core.origins.is_origin` accepts, ``null`` apart.
ORIGINS: Final = Grammar(
    {
        "start": {_LETTERS: "word", digits + "_-": "host", "[": "address"},
        # A scheme or a host; which of them, what follows will tell.
        "word": {
            _LETTERS + digits + "-": "word",
            ".": "word dot",
            "_": "host",
            "+": "scheme",
            ":": "colon",
        },
        # No label of a host is empty, but a scheme may have two dots side by side.
        "word dot": {
            _LETTERS + digits + "-": "word",
            "_": "host",
            ".+": "scheme",
            ":": "colon",
        },
        "scheme": {_LETTERS + digits + ".-+": "scheme", ":": "scheme colon"},
        "colon": {"/": "slash", digits: "1 digit"},
        "scheme colon": {"/": "slash"},
        "slash": {"/": "authority"},
        "authority": {_LABEL: "host", "[": "address"},
        "host": {_LABEL: "host", ".": "host dot", ":": "port"},
        "host dot": {_LABEL: "host", ":": "port"},
        "address": {_ADDRESS: "in address"},
        "in address": {_ADDRESS: "in address", "]": "bracket"},
        "bracket": {":": "port"},
        "port": {digits: "1 digit"},
        "1 digit": {digits: "2 digits"},
        "2 digits": {digits: "3 digits"},
        "3 digits": {digits: "4 digits"},
        "4 digits": {digits: "5 digits"},
        "5 digits": {},
    },
    (
        *("word", "word dot", "host", "host dot", "bracket"),
        *("1 digit", "2 digits", "3 digits", "4 digits", "5 digits"),
    ),
    MAX_ORIGIN_BYTES,
    fillers=("https://www", "http://www", "www", "x", "s", "8443", "1", ""),
    endings=(
        "https://www.example.com",
        "http://www.example.com",
        "www.example.com",
        "8443",
        "x",
        "1",
        "",
    ),
)

_NAME: Final = ascii_lowercase + digits + "-_!#$%&'*+.^`|~"

#: Names of headers in lower case (RFC 9110, 5.6.2: tchar); they have no case.
HEADER_NAMES: Final = Grammar(
    {"start": {_NAME: "name"}, "name": {_NAME: "name"}},
    ("name",),
    MAX_REQUESTED_HEADERS_BYTES,
    fillers=("x", "1", ""),
    endings=("example", "1", ""),
)
