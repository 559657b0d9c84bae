"""All requests that there can be, as far as some rules tell them apart.

A request is an origin, a method and a list of header names. Origins and names come in atoms, see
:mod:`~flask_bucketcors.analysis.algebra.partition`. Methods are the five of the vendors, and those
that occur in the rules beside them. Of a list of names it matters only which atoms it has names
of: a rule allows it if these are all among its own.

So a rule that stands behind others decides about lists that are within its own names and have,
for each rule above it, at least one name that the rule lacks. There is such a list exactly if
none of these differences is empty: one name out of each will do.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, reduce
from operator import and_
from typing import Final, NamedTuple

from flask_bucketcors.analysis.algebra.bounds import Work
from flask_bucketcors.analysis.algebra.grammars import HEADER_NAMES, ORIGINS
from flask_bucketcors.analysis.algebra.partition import Atoms, Partition, bits
from flask_bucketcors.core.fields import EXTRA_METHODS, METHODS
from flask_bucketcors.core.headers import MAX_REQUESTED_HEADERS, MAX_REQUESTED_HEADERS_BYTES
from flask_bucketcors.core.origins import FILE, NULL
from flask_bucketcors.core.rules import Rule
from flask_bucketcors.core.wildcards import ANY

#: What browsers send that does not have the form of an origin, each with what allows it.
APART: Final[Mapping[str, Sequence[str]]] = {NULL: (NULL, ANY), FILE: (FILE, ANY)}

#: Rules, a bit for each.
RuleBits = int


def listed(texts: Sequence[str], most: int | None, count: int | None = None) -> str:
    """List some texts, and say how many more there are.

    :param most: how many to list; None for all.
    :param count: how many there are, if they are not all given.
    """
    more = (len(texts) if count is None else count) - len(texts[:most])
    return ", ".join(texts[:most]) + (f" and {more} more" if more else "")


class Lists(NamedTuple):
    """Lists of header names.

    :param names: what they consist of.
    :param one_of: sets of names; a list has at least one out of each.
    :param not_all_of: a list lacks at least one of these; 0 if that does not matter.
    """

    names: Atoms
    one_of: tuple[Atoms, ...] = ()
    not_all_of: Atoms = 0

    def exist(self, work: Work) -> bool:
        """Whether there is such a list."""
        return all(self.one_of) and (not self.not_all_of or any(self.without_one(work)))

    def without_one(self, work: Work) -> Iterator["Lists"]:
        """Give, for each of those that may not all be there, the lists without it."""
        rest = self.not_all_of
        while rest:
            work.compare(1 + len(self.one_of) // 4)
            name = rest & -rest
            rest ^= name
            lists = Lists(self.names & ~name, tuple(each & ~name for each in self.one_of))
            if all(lists.one_of):
                yield lists

    def within(self, other: "Lists", work: Work) -> "Lists":
        """Give the lists that are also among others."""
        work.compare(1 + (len(self.one_of) + len(other.one_of)) // 4)
        names = self.names & other.names
        one_of = [each & names for each in (*self.one_of, *other.one_of)]
        return Lists(names, _least(one_of, work) if all(one_of) else (0,))


def _least(sets: Iterable[Atoms], work: Work) -> tuple[Atoms, ...]:
    """Leave out a set that holds another one: who has a name out of that one has one of it."""
    kept: list[Atoms] = []
    for each in sorted(set(sets), key=int.bit_count):
        work.compare(1 + len(kept) // 6)
        if not any(other & each == other for other in kept):
            kept.append(each)
    return tuple(kept)


class Example(NamedTuple):
    """A request, one of many.

    :param origin: its Origin.
    :param method: its method, or the one that its preflight asks for.
    :param headers: the names that its preflight asks for, in lower case.
    """

    origin: str
    method: str
    headers: tuple[str, ...] = ()

    def in_words(self, most: int | None = None) -> str:
        """Say what is requested.

        :param most: how many header names to list; None for all.
        """
        asked = f" with {listed(self.headers, most)}" if self.headers else ""
        return f"{self.method} from {self.origin}{asked}"


class Requests:
    """The requests that some rules tell apart.

    :param rules: of one rule set, or of several one after another.
    :param work: that this is a part of; what is found later counts for it, too.
    :raises TooIntricate: if the bounds of the work do not suffice; so do the methods.
    """

    def __init__(self, rules: Sequence[Rule], work: Work) -> None:
        self.rules = rules
        self._work = work
        origins = [rule.allowed_origins for rule in rules]
        self.origins: Partition = Partition(origins, ORIGINS, work, APART)
        lists = [tuple(map(str.lower, rule.allowed_headers)) for rule in rules]
        numbers = {each: number for number, each in enumerate(dict.fromkeys(lists))}
        # Each name that is listed is an atom of its own, so that a list can be said to lack it.
        names = dict.fromkeys(name for each in numbers for name in each if ANY not in name)
        sets = [*numbers, *((name,) for name in names)]
        self.names: Partition = Partition(sets, HEADER_NAMES, work)
        #: For each rule the names that it allows.
        self.allowed: tuple[Atoms, ...] = tuple(self.names.sets[numbers[each]] for each in lists)
        self._name_atoms = dict(zip(names, self.names.sets[len(numbers) :], strict=True))
        self._having: dict[Atoms, RuleBits] = {}
        self._decided: dict[RuleBits, tuple[tuple[int, Lists], ...]] = {}

    @cached_property
    def by_method(self) -> dict[str, RuleBits]:
        """For each method the rules that have it."""
        found = dict.fromkeys((*METHODS, *EXTRA_METHODS), 0)
        for index, rule in enumerate(self.rules):
            for method in set(rule.allowed_methods):
                found[method] |= 1 << index
        return {each: rules for each, rules in found.items() if rules or each in METHODS}

    def name_atom(self, name: str) -> Atoms:
        """Give the atom of a name that a rule lists without a ``*``; 0 if none can ask for it."""
        return self._name_atoms[name]

    def having(self, names: Atoms) -> RuleBits:
        """Give the rules that allow any of some names."""
        if names not in self._having:
            self._work.compare(1 + len(self.allowed) // 8)
            self._work.keep()
            self._having[names] = sum(
                1 << index for index, allowed in enumerate(self.allowed) if allowed & names
            )
        return self._having[names]

    def decided(self, rules: RuleBits) -> tuple[tuple[int, Lists], ...]:
        """Give what each of some rules decides, if a request has their origin and method.

        Rules that decide nothing are left out.

        :param rules: the ones that have both, tried in their order.
        """
        if rules not in self._decided:
            self._work.keep()
            self._decided[rules] = tuple(self._find_decided(rules))
        return self._decided[rules]

    def _find_decided(self, rules: RuleBits) -> Iterator[tuple[int, Lists]]:
        above: list[Atoms] = []
        for index in bits(rules):
            own = self.allowed[index]
            self._work.compare(1 + len(above) // 4)
            one_of = [own & ~each for each in above]
            if all(one_of):
                least = _least(one_of, self._work)
                self._work.keep(1 + len(least) // 4)
                yield index, Lists(own, least)
                above.append(own)

    def refused(self, rules: RuleBits) -> Lists:
        """Give the lists that none of the rules allows."""
        names = self.names.all
        lacking = (names & ~self.allowed[index] for index, _ in self.decided(rules))
        return Lists(names, _least(lacking, self._work))

    def example(self, lists: Lists) -> tuple[str, ...] | None:
        """Give a short list; None if none was found that a server would read.

        To find the shortest of all takes exponential time (hitting set), so where names are
        thousands of characters long, or more than a hundred are needed, one may be missed.
        """
        if lists.not_all_of:
            examples = map(self.example, lists.without_one(self._work))
            return next((each for each in examples if each is not None), None)
        self._work.compare(2 + len(lists.one_of) // 4)
        for find in (self._first_names, self._short_names, self._single_name):
            names = find(lists)
            if names is not None and _is_read(names):
                return names
        return None

    def may_be_read(self, lists: Lists) -> bool:
        """Whether a server might read one of some lists; not if what all of them have is too long.

        True wherever :meth:`example` finds one, and where it may have missed one.
        """
        self._work.compare(1 + len(lists.one_of) // 4)
        forced = [each.bit_length() - 1 for each in lists.one_of if each.bit_count() == 1]
        return _is_read([self.names.shortest(bit) for bit in forced])

    def _first_names(self, lists: Lists) -> tuple[str, ...]:
        chosen = 0
        for each in lists.one_of:
            if not each & chosen:
                chosen |= each & -each
        return tuple(self.names.atoms[bit].example for bit in bits(chosen))

    def _short_names(self, lists: Lists) -> tuple[str, ...]:
        """Give names that are short for how many of the sets they are out of."""
        chosen = []
        missing = [each for each in lists.one_of if each.bit_count() > 1]
        forced = [each.bit_length() - 1 for each in lists.one_of if each.bit_count() == 1]
        while missing or forced:
            bit = forced.pop() if forced else self._best(missing)
            chosen.append(self.names.shortest(bit))
            missing = [each for each in missing if not each >> bit & 1]
        return tuple(chosen)

    def _single_name(self, lists: Lists) -> tuple[str, ...] | None:
        """Give a name that is out of all of the sets; None if there is none."""
        common = reduce(and_, lists.one_of, lists.names)
        self._work.compare(common.bit_count())
        names = [self.names.shortest(bit) for bit in bits(common)]
        return (min(names, key=len),) if names else None

    def _best(self, missing: Sequence[Atoms]) -> int:
        self._work.compare(sum(map(int.bit_count, missing)))
        counts = Counter(bit for each in missing for bit in bits(each))
        return min(counts, key=lambda bit: (len(self.names.shortest(bit)) + 1) / counts[bit])


def _is_read(names: Sequence[str]) -> bool:
    """Whether a server reads a list."""
    size = len(",".join(names))
    return size <= MAX_REQUESTED_HEADERS_BYTES and len(names) <= MAX_REQUESTED_HEADERS
