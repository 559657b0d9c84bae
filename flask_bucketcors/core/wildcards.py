"""A text with one ``*``, as in AllowedOrigin and AllowedHeader; and an index of many such texts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from sys import getsizeof
from typing import Any, Final, Generic, NamedTuple, TypeVar

ANY: Final = "*"

# What a part takes beyond its own size, in bytes.
PART_BYTES: Final = 16

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

    A prefix with several suffixes has one dictionary for them. A prefix with one suffix has none,
    because many small dictionaries would take much more memory than the wildcards. Equal texts
    and values are stored once.

    :param pairs: wildcards, each with the value to find; several may have the same value.
    """

    __slots__ = ("_by_prefix", "_prefix_lengths", "size")

    def __init__(self, pairs: Iterable[tuple[Wildcard, Value]]) -> None:
        grouped: dict[str, dict[str, list[Value]]] = {}
        for (prefix, suffix), value in pairs:
            grouped.setdefault(prefix, {}).setdefault(suffix, []).append(value)
        shared: dict[Any, Any] = {}
        self._by_prefix = {
            prefix: _make_group(by_suffix, shared) for prefix, by_suffix in grouped.items()
        }
        self._prefix_lengths = _lengths(grouped)
        parts = (self._by_prefix, *grouped, *shared, *self._dictionaries())
        #: What all this takes in memory, in bytes, as estimated.
        self.size: int = sum(map(getsizeof, parts)) + PART_BYTES * len(parts)

    def _dictionaries(self) -> Iterator[Any]:
        for suffixes, found in self._by_prefix.values():
            if not isinstance(suffixes, str):
                yield suffixes
                yield found

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
        for prefix_length in self._prefix_lengths:
            if prefix_length > size:
                return
            group = self._by_prefix.get(text[:prefix_length])
            if group is None:
                continue
            suffixes, found = group
            if isinstance(suffixes, str):
                if prefix_length + len(suffixes) <= size and text.endswith(suffixes):
                    yield found
                continue
            for suffix_length in suffixes:
                if prefix_length + suffix_length > size:
                    break
                yield found.get(text[size - suffix_length :], ())


def _make_group(by_suffix: Mapping[str, list[Any]], shared: dict[Any, Any]) -> tuple[Any, Any]:
    """Give the suffixes of a prefix: one with its values, or lengths and a dictionary."""
    found = {}
    for suffix, listed in by_suffix.items():
        values = tuple(listed)
        found[shared.setdefault(suffix, suffix)] = shared.setdefault(values, values)
    if len(found) > 1:
        return _lengths(found), found
    [group] = found.items()
    one: tuple[Any, Any] = shared.setdefault(group, group)
    return one


def _lengths(texts: Iterable[str]) -> tuple[int, ...]:
    """The lengths of texts, from the shortest."""
    return tuple(sorted(set(map(len, texts))))
