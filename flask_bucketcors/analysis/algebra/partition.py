"""What many sets of patterns tell apart: atoms, texts that are in the same of the sets.

A set is what a rule lists: texts, and texts with one ``*``. Whether one set covers others, or
what is in these and not in those, is then a matter of bits: a set is a number with one bit for
each of its atoms.

Why the atoms are found completely:

1. A text fits ``prefix*suffix`` if it begins with the prefix, ends with the suffix, and has room
   for both. The prefixes that a text begins with are beginnings of the longest one, and the
   suffixes that it ends with are ends of the longest one. So where there is room for these two,
   they alone decide what the text fits.
2. Where there is no room, the two share characters. There are few such texts, and they can be
   written down: the prefix, followed by what the suffix has beyond a beginning that the prefix
   ends with.
3. So all texts fall into *points*, single texts (those of 2, and what is listed without a
   ``*``), and *cells*, each with a longest prefix and a longest suffix. All texts of a cell are
   in the same sets, and there are no more cells than prefixes times suffixes.
4. Whether a cell has a text at all is found out by trying: ``prefix + middle + suffix``, shorter
   middles first. What decides whether a middle will do, now or with more behind it, is the state
   of the grammar, how much of a longer prefix or of a point it still is, and the longest end of
   it that a longer suffix begins with. These come to an end, and one middle of each is enough;
   but for a middle that has a whole longer prefix already, which nothing behind it can change, and
   which must not stand in for others.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, reduce
from operator import or_
from typing import NamedTuple, TypeVar

from flask_bucketcors.analysis.algebra.bounds import Work
from flask_bucketcors.analysis.algebra.cells import (
    Sets,
    find_cells,
    find_points,
    most_lookups,
    nested_prefixes,
    nested_suffixes,
)
from flask_bucketcors.analysis.algebra.grammars import Grammar
from flask_bucketcors.analysis.algebra.search import Wanted, find_example, find_shortest
from flask_bucketcors.analysis.algebra.spans import Landscape, Span, find_spans
from flask_bucketcors.core.wildcards import ANY, Wildcard

#: Atoms, a bit for each.
Atoms = int


class Atom(NamedTuple):
    """Texts that are in the same sets.

    :param sets: a bit for each of these sets.
    :param example: one of the texts.
    """

    sets: Sets
    example: str


class Partition:
    """The atoms of some sets of patterns.

    :param sets: what each set lists.
    :param grammar: which texts there are; others are left out.
    :param work: that this is a part of; what is found later counts for it, too.
    :param apart: texts beyond the grammar that count all the same, each with what must be listed
        for it to be in a set. No other ``*`` covers them.
    :raises TooIntricate: if the bounds of the work do not suffice; so do the methods.
    """

    def __init__(
        self,
        sets: Sequence[Iterable[str]],
        grammar: Grammar,
        work: Work,
        apart: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        listed: defaultdict[str, Sets] = defaultdict(int)
        for index, texts in enumerate(sets):
            for text in texts:
                listed[text] |= 1 << index
        patterns = {each: listed[text] for text in listed if (each := Wildcard.parse(text))}
        self._work = work
        self._grammar = grammar
        self._prefixes = nested_prefixes(patterns, work)
        self._suffixes = nested_suffixes(patterns, work)
        self._cells = find_cells(patterns, self._prefixes, self._suffixes, work)
        #: How many lookups it takes at most to find which patterns a text fits.
        self.lookups: int = most_lookups(patterns, self._prefixes)
        self._points = find_points(listed, patterns, self._cells, self.lookups, grammar, work)
        self._apart = dict(apart or {})
        self._points |= {
            text: reduce(or_, (listed[each] for each in others if each in listed), 0)
            for text, others in self._apart.items()
        }
        self._examples: dict[Wildcard, str | None] = {}
        self._shortest: dict[int, str] = {}
        self._spans: dict[Atoms, tuple[Span, ...]] = {}
        #: All of them, in an order that depends on nothing but the sets.
        self.atoms: tuple[Atom, ...] = tuple(self._find_atoms())
        self.all: int = (1 << len(self.atoms)) - 1
        self._count = len(sets)

    @cached_property
    def sets(self) -> tuple[Atoms, ...]:
        """For each set the atoms that it is made of."""
        self._work.keep(self._count * len(self.atoms) // 8192)
        members = [bytearray(len(self.atoms) // 8 + 1) for _ in range(self._count)]
        for bit, atom in enumerate(self.atoms):
            self._work.compare(1 + atom.sets.bit_count() // 2)
            for index in bits(atom.sets):
                members[index][bit >> 3] |= 1 << (bit & 7)
        return tuple(int.from_bytes(each, "little") for each in members)

    def _find_atoms(self) -> Iterator[Atom]:
        found = {0}
        for cell, sets in self._cells.items():
            if sets not in found and (example := self.example(cell)) is not None:
                self._work.keep()
                found.add(sets)
                yield Atom(sets, example)
        for text, sets in self._points.items():
            if sets not in found:
                self._work.keep()
                found.add(sets)
                yield Atom(sets, text)

    def example(self, cell: Wildcard) -> str | None:
        """Give a text of a cell that reads well; None if the cell is empty."""
        if cell not in self._examples:
            self._examples[cell] = find_example(self._wanted(cell), self._grammar)
        return self._examples[cell]

    def _wanted(self, cell: Wildcard) -> Wanted:
        longer_prefixes = tuple(self._prefixes.children(cell.prefix))
        longer_suffixes = tuple(self._suffixes.children(cell.suffix))
        self._work.compare(1 + (len(longer_prefixes) + len(longer_suffixes)) // 64)
        return Wanted(cell, longer_prefixes, longer_suffixes, self._points, self._work)

    def shortest(self, bit: int) -> str:
        """Give the shortest text of an atom."""
        if bit not in self._shortest:
            sets = self.atoms[bit].sets
            self._work.compare()
            cells = self._landscape.cells_of.get(sets, ())
            found = (find_shortest(self._wanted(cell), self._grammar) for cell in cells)
            points = self._landscape.points_of.get(sets, ())
            self._shortest[bit] = min((*filter(None, found), *points), key=len)
        return self._shortest[bit]

    def least_listed(self, pattern: Wildcard) -> Iterator[Atom]:
        """Give texts that fit a listed pattern and as few others as any that fits it.

        What is listed without a ``*`` counts for nothing here.
        """
        waiting = {pattern: None}
        while waiting:
            self._work.compare()
            cell = next(iter(waiting))
            del waiting[cell]
            example = self.example(cell)
            if example is not None:
                yield Atom(self._cells[cell], example)
            else:
                waiting |= dict.fromkeys(self._landscape.children(cell))

    def any_text(self, atoms: Atoms) -> str:
        """Give a text out of some atoms, at least one."""
        return self.atoms[(atoms & -atoms).bit_length() - 1].example

    def spans(self, atoms: Atoms) -> tuple[Span, ...]:
        """Describe some atoms together."""
        if atoms not in self._spans:
            self._work.compare(atoms.bit_count())
            meant = dict.fromkeys(self.atoms[bit].sets for bit in bits(atoms & self.all))
            spans = find_spans(self._landscape, meant, self._work)
            self._spans[atoms] = tuple(sorted(spans, key=lambda each: (ANY in each[0], each)))
        return self._spans[atoms]

    @cached_property
    def _landscape(self) -> Landscape:
        self._work.compare(len(self._cells) + len(self._points))
        self._work.keep(len(self._cells) // 4)
        return Landscape(
            prefixes=self._prefixes,
            suffixes=self._suffixes,
            cells=self._cells,
            points=self._points,
            apart=self._apart,
            cells_of=_turned(self._cells),
            points_of=_turned(self._points),
            points_in=self._points_in_cells(),
            is_empty=lambda cell: self.example(cell) is None,
        )

    def _points_in_cells(self) -> dict[Wildcard, list[str]]:
        points: defaultdict[Wildcard, list[str]] = defaultdict(list)
        for text in self._points:
            covering = self._apart.get(text, (text,))
            if text in self._apart and ANY not in covering:
                continue
            reached = "" if text in self._apart else text
            prefix, suffix = self._prefixes.longest(reached), self._suffixes.longest(reached)
            if prefix is not None and suffix is not None:
                points[Wildcard(prefix, suffix)].append(text)
        return points


def bits(number: int) -> Iterator[int]:
    """Give the positions of the bits of a number, from the lowest."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


Found = TypeVar("Found")


def _turned(sets_of: Mapping[Found, Sets]) -> dict[Sets, list[Found]]:
    """Put together what is in the same sets."""
    found: defaultdict[Sets, list[Found]] = defaultdict(list)
    for each, sets in sets_of.items():
        found[sets].append(each)
    return found
