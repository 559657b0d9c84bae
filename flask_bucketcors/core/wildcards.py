"""A text with one ``*``, as in AllowedOrigin and AllowedHeader; and an index of many such texts."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

ANY: Final = "*"

Value = TypeVar("Value")


class Wildcard(NamedTuple):
    """The texts before and after a ``*``, which stands for zero or more characters."""

    prefix: str
    suffix: str

    @classmethod
    def parse(cls, text: str) -> "Wildcard | None":
        """Split a text at its ``*``; None if it is a literal, without ``*``."""
        prefix, star, suffix = text.partition(ANY)
        return cls(prefix, suffix) if star else None

    def fits(self, text: str) -> bool:
        """Whether ``text`` matches. Case matters."""
        return (
            # The two sides may not share characters: "aba" does not fit "aba*aba".
            len(text) >= len(self.prefix) + len(self.suffix)
            and text.startswith(self.prefix)
            and text.endswith(self.suffix)
        )


class WildcardIndex(Generic[Value]):
    """Finds the wildcards that a text matches, among many.

    A thousand ``https://*.siteN.example`` have one prefix, and suffixes of three lengths: four
    lookups find the one that matches. So the work grows with the number of different lengths, and
    not with the number of wildcards.

    :param pairs: wildcards, each with the value to find; several may have the same value.
    """

    __slots__ = ("_by_prefix_length",)

    def __init__(self, pairs: Iterable[tuple[Wildcard, Value]]) -> None:
        by_prefix: defaultdict[str, dict[int, dict[str, list[Value]]]] = defaultdict(dict)
        for (prefix, suffix), value in pairs:
            same_length = by_prefix[prefix].setdefault(len(suffix), {})
            same_length.setdefault(suffix, []).append(value)
        by_length: defaultdict[int, dict[str, Sequence[tuple[int, dict[str, list[Value]]]]]]
        by_length = defaultdict(dict)
        for prefix, by_suffix_length in by_prefix.items():
            by_length[len(prefix)][prefix] = tuple(by_suffix_length.items())
        self._by_prefix_length = tuple(by_length.items())

    def find(self, text: str) -> list[Value]:
        """Give the values of all wildcards that ``text`` matches, in no particular order."""
        found: list[Value] = []
        for values in self._fitting(text):
            found += values
        return found

    def fits(self, text: str) -> bool:
        """Whether ``text`` matches any of the wildcards."""
        return any(self._fitting(text))

    def _fitting(self, text: str) -> Iterator[Sequence[Value]]:
        size = len(text)
        for prefix_length, by_prefix in self._by_prefix_length:
            for suffix_length, by_suffix in by_prefix.get(text[:prefix_length], ()):
                if prefix_length + suffix_length <= size:
                    yield by_suffix.get(text[size - suffix_length :], ())
