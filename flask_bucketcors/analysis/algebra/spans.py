"""Sets of texts in words: patterns, and what lies within them and is not meant."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple

from flask_bucketcors.analysis.algebra.bounds import Work
from flask_bucketcors.analysis.algebra.cells import Cells, Nested, Sets, overlaps
from flask_bucketcors.core.wildcards import ANY, Wildcard


class Span(NamedTuple):
    """The texts that match a pattern, with exceptions.

    :param pattern: a text with at most one ``*``.
    :param but_not: patterns within it; texts that match them are left out.
    """

    pattern: str
    but_not: tuple[str, ...] = ()


@dataclass(frozen=True)
class Landscape:
    """All cells and points, and how they lie.

    :param apart: points that no ``*`` covers but the bare one.
    :param cells_of: the cells that are in the same sets, by these.
    :param points_of: the points that are, by these.
    :param points_in: for each cell the points that lie where it lies.
    :param is_empty: whether a cell has no text.
    """

    prefixes: Nested
    suffixes: Nested
    cells: Cells
    points: Mapping[str, Sets]
    apart: Collection[str]
    cells_of: Mapping[Sets, list[Wildcard]]
    points_of: Mapping[Sets, list[str]]
    points_in: Mapping[Wildcard, list[str]]
    is_empty: Callable[[Wildcard], bool]

    def parents(self, cell: Wildcard, top: Wildcard) -> Iterator[Wildcard]:
        """Give the cells next around a cell, up to one that is around it."""
        if cell.prefix != top.prefix:
            parent = self.prefixes.parent(cell.prefix)
            assert parent is not None  # nosec B101 # only the top has none
            yield Wildcard(parent, cell.suffix)
        if cell.suffix != top.suffix:
            parent = self.suffixes.parent(cell.suffix)
            assert parent is not None  # nosec B101 # only the top has none
            yield Wildcard(cell.prefix, parent)

    def children(self, cell: Wildcard) -> Iterator[Wildcard]:
        """Give the cells next within a cell."""
        for prefix in self.prefixes.children(cell.prefix):
            yield Wildcard(prefix, cell.suffix)
        for suffix in self.suffixes.children(cell.suffix):
            yield Wildcard(cell.prefix, suffix)


def find_spans(landscape: Landscape, meant: Collection[Sets], work: Work) -> Iterator[Span]:
    """Give spans that hold together what is meant and nothing else; they may overlap.

    :param meant: the sets of the cells and points that are.
    """
    cells = [cell for sets in meant for cell in landscape.cells_of.get(sets, ())]
    covered: set[Wildcard] = set()
    covered_points: set[str] = set()
    for top in sorted(cells, key=_size):
        work.compare()
        if top not in covered and not landscape.is_empty(top):
            search = _Within(landscape, meant, top, work)
            search.run()
            covered |= search.inside
            covered_points.update(search.points)
            yield Span(_text(top), tuple(search.but_not))
    for sets in meant:
        for text in landscape.points_of.get(sets, ()):
            work.compare()
            if text not in covered_points:
                yield Span(text)


@dataclass
class _Within:
    """Looks for what lies within a cell: the largest cells, and the points, that are not meant.

    :param inside: cells that are meant, with all around them up to the top.
    """

    landscape: Landscape
    meant: Collection[Sets]
    top: Wildcard
    work: Work
    inside: set[Wildcard] = field(default_factory=set)
    points: list[str] = field(default_factory=list)
    but_not: list[str] = field(default_factory=list)

    def run(self) -> None:
        waiting = [(_size(self.top), self.top)]
        seen = {self.top}
        while waiting:
            _, cell = heappop(waiting)
            self.work.compare(2)
            if not all(each in self.inside for each in self.landscape.parents(cell, self.top)):
                continue
            if self._is_outside(cell):
                self.work.keep()
                self.work.compare(1 + min(map(len, cell)) // 4)
                self.but_not.append(_text(cell))
                # What is too short for the pattern lies there, and is not left out by it.
                self._sort(filter(self._is_covered, overlaps(cell)))
                continue
            self.work.keep()
            self.inside.add(cell)
            self._sort(self.landscape.points_in.get(cell, ()))
            for child in self.landscape.children(cell):
                self.work.compare()
                if child not in seen:
                    seen.add(child)
                    heappush(waiting, (_size(child), child))

    def _is_outside(self, cell: Wildcard) -> bool:
        # One without texts may count for either, and is not worth a word.
        return self.landscape.cells[cell] not in self.meant and not self.landscape.is_empty(cell)

    def _is_covered(self, text: str) -> bool:
        return text in self.landscape.points and text not in self.landscape.apart

    def _sort(self, points: Iterable[str]) -> None:
        for text in points:
            self.work.compare()
            if self.top.fits(text):
                is_meant = self.landscape.points[text] in self.meant
                (self.points if is_meant else self.but_not).append(text)


def _size(cell: Wildcard) -> int:
    return len(cell.prefix) + len(cell.suffix)


def _text(cell: Wildcard) -> str:
    return f"{cell.prefix}{ANY}{cell.suffix}"
