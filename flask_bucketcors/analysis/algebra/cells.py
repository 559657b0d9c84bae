"""Cells and points: where all texts are in the same sets.

A *cell* is a pair of a prefix and a suffix, and stands for the texts that begin and end with
these, with room for both, and with no longer prefix or suffix that any pattern has. A *point* is
a single text.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import chain

from flask_bucketcors.analysis.algebra.bounds import Work
from flask_bucketcors.analysis.algebra.grammars import Grammar
from flask_bucketcors.core.wildcards import Wildcard, WildcardIndex

#: The sets that something is in, a bit for each.
Sets = int
Cells = Mapping[Wildcard, Sets]


class Nested:
    """Texts, some of which begin (or end) with another of them.

    :param texts: prefixes, or suffixes.
    :param cut: gives the first (or last) so many characters of a text.
    :param work: that this is a part of.
    """

    __slots__ = ("_children", "_cut", "_lengths", "_parents", "_work")

    def __init__(self, texts: Collection[str], cut: Callable[[str, int], str], work: Work) -> None:
        self._cut = cut
        self._work = work
        self._lengths = sorted({len(text) for text in texts}, reverse=True)
        known = dict.fromkeys(sorted(texts, key=len))
        self._parents: dict[str, str | None] = {}
        self._children: dict[str, list[str]] = {text: [] for text in known}
        for text in known:
            # Those that are longer are not among the parents yet.
            parent = self._parents[text] = self.longest(text)
            if parent is not None:
                self._children[parent].append(text)

    def longest(self, text: str) -> str | None:
        """Give the longest one that any text begins (or ends) with."""
        self._work.compare(1 + len(self._lengths) // 8)
        for length in self._lengths:
            if length <= len(text) and (found := self._cut(text, length)) in self._parents:
                return found
        return None

    def __iter__(self) -> Iterator[str]:
        """Give all of them, the shorter ones first."""
        return iter(self._parents)

    def parent(self, text: str) -> str | None:
        """Give the longest other one that a text begins (or ends) with."""
        return self._parents[text]

    def children(self, text: str) -> list[str]:
        """Give those that have this one for their parent."""
        return self._children[text]

    def within(self, text: str) -> Iterator[str]:
        """Give this one, and all that it begins (or ends) with."""
        found: str | None = text
        while found is not None:
            yield found
            found = self._parents[found]


def nested_prefixes(patterns: Collection[Wildcard], work: Work) -> Nested:
    """The prefixes of patterns, and which of them begin with which."""
    return Nested([each.prefix for each in patterns], lambda text, length: text[:length], work)


def nested_suffixes(patterns: Collection[Wildcard], work: Work) -> Nested:
    """The suffixes of patterns, and which of them end with which."""
    suffixes = [each.suffix for each in patterns]
    return Nested(suffixes, lambda text, length: text[len(text) - length :], work)


def find_cells(
    patterns: Mapping[Wildcard, Sets], prefixes: Nested, suffixes: Nested, work: Work
) -> Cells:
    """Give the cells whose texts are in any set, and the sets."""
    by_prefix: defaultdict[str, list[tuple[str, Sets]]] = defaultdict(list)
    for (prefix, suffix), sets in patterns.items():
        by_prefix[prefix].append((suffix, sets))
    ending: defaultdict[str, list[str]] = defaultdict(list)
    for suffix in suffixes:
        within = list(suffixes.within(suffix))
        work.compare(len(within))
        for each in within:
            ending[each].append(suffix)
    rows: dict[str, dict[str, Sets]] = {}
    for prefix in prefixes:
        parent = prefixes.parent(prefix)
        row = rows[prefix] = {} if parent is None else dict(rows[parent])
        for suffix, sets in by_prefix[prefix]:
            work.compare(len(ending[suffix]))
            for each in ending[suffix]:
                row[each] = row.get(each, 0) | sets
        work.compare(len(row))
        work.keep(len(row))
    return {
        Wildcard(prefix, suffix): sets
        for prefix, row in rows.items()
        for suffix, sets in row.items()
    }


def most_lookups(patterns: Collection[Wildcard], prefixes: Nested) -> int:
    """Give how many lookups a :class:`WildcardIndex` needs at most to find what a text fits."""
    lengths: defaultdict[str, set[int]] = defaultdict(set)
    for prefix, suffix in patterns:
        lengths[prefix].add(len(suffix))
    found: dict[str | None, int] = {None: 0}
    for prefix in prefixes:
        found[prefix] = found[prefixes.parent(prefix)] + len(lengths[prefix])
    return max(found.values())


def find_points(
    listed: Mapping[str, Sets],
    patterns: Mapping[Wildcard, Sets],
    cells: Cells,
    lookups: int,
    grammar: Grammar,
    work: Work,
) -> dict[str, Sets]:
    """Give the texts that belong to no cell, and the sets that they are in.

    They are those that are listed as they are, and those in which a prefix and a suffix share
    characters.

    :param lookups: see :func:`most_lookups`.
    """
    index = WildcardIndex(patterns.items())
    literals = (text for text in listed if Wildcard.parse(text) is None)
    points = {}
    # Many cells have the same ones: these are not to be kept many times.
    for text in dict.fromkeys(chain(literals, _all_overlaps(cells, work))):
        work.compare(1 + len(text) // 8 + lookups // 4)
        if grammar.holds(text):
            sets = listed.get(text, 0)
            found = index.find(text)
            work.compare(1 + len(found) // 2)
            for each in found:
                sets |= each
            points[text] = sets
    return points


def overlaps(cell: Wildcard) -> Iterator[str]:
    """Give the texts in which the two sides of a cell share characters."""
    prefix, suffix = cell
    for length in range(1, min(len(prefix), len(suffix)) + 1):
        if prefix.endswith(suffix[:length]):
            yield prefix + suffix[length:]


def _all_overlaps(cells: Cells, work: Work) -> Iterator[str]:
    """Give those of all cells."""
    prefixes = dict.fromkeys(each.prefix for each in cells)
    suffixes = dict.fromkeys(each.suffix for each in cells)
    last = {each[-1:] for each in prefixes}
    beginnings: defaultdict[str, list[str]] = defaultdict(list)
    for suffix in suffixes:
        work.compare(_cost_of_cutting(suffix))
        for length, character in enumerate(suffix, 1):
            if character in last:
                work.keep(1 + length // 1024)
                beginnings[suffix[:length]].append(suffix)
    for prefix in prefixes if beginnings else ():
        work.compare(_cost_of_cutting(prefix))
        for length in range(1, len(prefix) + 1):
            meeting = beginnings.get(prefix[-length:], ())
            work.compare(len(meeting))
            for suffix in meeting:
                if Wildcard(prefix, suffix) in cells:
                    work.keep(1 + len(prefix) // 512)
                    yield prefix + suffix[length:]


def _cost_of_cutting(text: str) -> int:
    """What it costs to look at a text's beginnings, or at its ends."""
    return len(text) // 4 + len(text) ** 2 // 4096
