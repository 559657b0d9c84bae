"""What a change of rules allows that was not allowed before, and the other way round.

Exact, and not by samples: two rule sets differ in no request exactly if there is no change.
That goes for all texts that have the form of an origin, for ``null`` and ``file://``, and for
all lists of header names that a server reads, see
:mod:`~flask_bucketcors.analysis.algebra.request_space`.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from flask_bucketcors.analysis.algebra.bounds import Bounds, Work
from flask_bucketcors.analysis.algebra.partition import Atoms, bits
from flask_bucketcors.analysis.algebra.regions import Region
from flask_bucketcors.analysis.algebra.request_space import Example, Lists, Requests, RuleBits
from flask_bucketcors.analysis.algebra.spans import Span
from flask_bucketcors.analysis.algebra.terms import FELT, Terms, terms_of
from flask_bucketcors.core.dialects import Dialect, find_dialect
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.documents.any_form import AnyRules, read_rule_set


class ChangeKind(StrEnum):
    """How the requests of a region change."""

    NEWLY_ALLOWED = "newly_allowed"
    NO_LONGER_ALLOWED = "no_longer_allowed"
    OTHER_TERMS = "other_terms"


@dataclass(frozen=True, slots=True)
class Change:
    """Requests that two rule sets treat differently, all in the same way.

    :param region: which.
    :param witness: an example request in the region.
    :param before: the terms of the old rules; None if they refuse.
    :param after: the terms of the new rules; None if they refuse.
    """

    region: Region
    witness: Example
    before: Terms | None
    after: Terms | None

    @property
    def kind(self) -> ChangeKind:
        """Whether requests are newly allowed, no longer allowed, or allowed on other terms."""
        if self.before is None:
            return ChangeKind.NEWLY_ALLOWED
        return ChangeKind.NO_LONGER_ALLOWED if self.after is None else ChangeKind.OTHER_TERMS

    @property
    def aspects(self) -> tuple[str, ...]:
        """The names of the terms that differ; empty if one of the rule sets refuses."""
        if self.before is None or self.after is None:
            return ()
        pairs = zip(Terms._fields, self.before, self.after, strict=True)
        return tuple(name for name, before, after in pairs if before != after)

    @property
    def felt_aspects(self) -> tuple[str, ...]:
        """Those of the aspects that a browser acts on: neither ``methods`` nor ``headers``."""
        return tuple(name for name in self.aspects if name in FELT)

    @property
    def is_felt(self) -> bool:
        """Whether a page notices the change.

        It does not if the responses differ only in the methods and headers that they name beside
        the requested ones. At most, browsers then leave out other preflights than before.
        """
        return self.kind is not ChangeKind.OTHER_TERMS or bool(self.felt_aspects)

    def as_dict(self) -> dict[str, Any]:
        """The change as plain data."""
        return {
            "kind": str(self.kind),
            "region": self.region.as_dict(),
            "example": {**self.witness._asdict(), "headers": list(self.witness.headers)},
            "before": self.before and self.before.as_dict(),
            "after": self.after and self.after.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class Diff:
    """All changes between two rule sets. It is false if there are none, and iterates over them.

    :param changes: newly allowed requests first, then those no longer allowed.
    """

    changes: tuple[Change, ...]

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def by_origins(self) -> dict[tuple[Span, ...], tuple[Change, ...]]:
        """Group the changes by the origins of their regions.

        The changes of a group, and the groups by their first change, are in the order of the diff.
        Two groups may have origins in common.

        :raises TooIntricate: if the bounds of the diff do not suffice to name the origins.
        """
        groups: defaultdict[tuple[Span, ...], list[Change]] = defaultdict(list)
        for change in self.changes:
            groups[change.region.origins].append(change)
        return {origins: tuple(changes) for origins, changes in groups.items()}

    def of_kind(self, kind: ChangeKind) -> tuple[Change, ...]:
        """The changes of one kind."""
        return tuple(each for each in self.changes if each.kind is kind)

    @property
    def newly_allowed(self) -> tuple[Change, ...]:
        """Requests that only the new rules allow."""
        return self.of_kind(ChangeKind.NEWLY_ALLOWED)

    @property
    def no_longer_allowed(self) -> tuple[Change, ...]:
        """Requests that only the old rules allow."""
        return self.of_kind(ChangeKind.NO_LONGER_ALLOWED)

    @property
    def on_other_terms(self) -> tuple[Change, ...]:
        """Requests that both allow, on different terms."""
        return self.of_kind(ChangeKind.OTHER_TERMS)


def diff(
    old: AnyRules,
    new: AnyRules,
    dialect: Dialect | str = "cos",
    *,
    allow_credentials: bool = True,
    bounds: Bounds = Bounds.NARROW,
) -> Diff:
    """Say which requests two rule sets treat differently.

    :param old, new: in any form; they must be valid.
    :param dialect: the vendor whose responses are assumed, or its name.
    :param allow_credentials: whether a response that names the origin also allows credentials.
    :param bounds: limits of the work, including the words for regions.
    :raises InvalidRules: with every problem of the rules.
    :raises ValueError: if there is no such dialect, or the rules have none of the forms.
    :raises TooIntricate: if the bounds do not suffice.
    :raises TypeError: if they are no :class:`~flask_bucketcors.Bounds`.
    """
    old_rules, new_rules = read_rule_set(old), read_rule_set(new)
    work = Work(bounds)
    return diff_within(work, old_rules, new_rules, find_dialect(dialect), allow_credentials)


def diff_within(
    work: Work,
    old: RuleSet | None,
    new: RuleSet | None,
    dialect: Dialect,
    allow_credentials: bool,
) -> Diff:
    """Compare rules as :func:`diff` does, as a part of other work.

    :raises TooIntricate: if its bounds do not suffice.
    """
    old_rules, new_rules = (() if each is None else each.rules for each in (old, new))
    if old_rules == new_rules:
        return Diff(())
    rules = (*old_rules, *new_rules)
    # Equal ones are one object, and so are compared at once.
    known: dict[Terms, Terms] = {}
    found = (terms_of(rule, dialect, allow_credentials) for rule in rules)
    terms = [known.setdefault(each, each) for each in found]
    comparison = _Comparison(Requests(rules, work), terms, len(old_rules), work)
    return Diff(tuple(comparison.changes()))


class _Difference(NamedTuple):
    """How requests of some origins and a method are decided differently."""

    before: Terms | None
    after: Terms | None
    lists: Lists

    @property
    def order(self) -> int:
        """What matters most to an owner comes first."""
        return 0 if self.before is None else 1 if self.after is None else 2


class _Comparison:
    """Compares what rules decide with what other rules decide.

    :param requests: of all rules, the old ones first.
    :param terms: of each rule.
    :param count: of the old rules.
    :param work: that this is a part of.
    """

    def __init__(self, requests: Requests, terms: Sequence[Terms], count: int, work: Work) -> None:
        self._work = work
        self._requests = requests
        self._terms = terms
        self._old: RuleBits = (1 << count) - 1
        self._found: list[_Difference] = []
        self._numbers: dict[_Difference, int] = {}
        self._differences: dict[RuleBits, tuple[int, ...]] = {}

    def changes(self) -> Iterator[Change]:
        found = self._by_origins()
        for number, origins, methods in sorted(found, key=lambda each: self._found[each[0]].order):
            difference = self._found[number]
            headers = self._requests.example(difference.lists)
            # Without an example, a list would have to be longer than what a server reads.
            if headers is not None:
                self._work.keep()
                region = Region(tuple(methods), self._requests, origins, difference.lists)
                origin = self._requests.origins.any_text(origins)
                witness = Example(origin, methods[0], headers)
                yield Change(region, witness, difference.before, difference.after)

    def _by_origins(self) -> list[tuple[int, Atoms, list[str]]]:
        """Give the numbers of differences, each with all origins and methods that it goes for."""
        origins: defaultdict[tuple[int, str], Atoms] = defaultdict(int)
        for bit, atom in enumerate(self._requests.origins.atoms):
            for method, rules in self._requests.by_method.items():
                numbers = self._between(atom.sets & rules)
                self._work.compare(1 + len(numbers))
                for number in numbers:
                    origins[number, method] |= 1 << bit
        methods: defaultdict[tuple[int, Atoms], list[str]] = defaultdict(list)
        for (number, method), atoms in origins.items():
            methods[number, atoms].append(method)
        return [(number, atoms, named) for (number, atoms), named in methods.items()]

    def _between(self, rules: RuleBits) -> tuple[int, ...]:
        """Give the differences for requests that have the origin and method of these rules."""
        if rules not in self._differences:
            found = self._compare(rules & self._old, rules & ~self._old)
            self._differences[rules] = tuple(map(self._number, found))
        return self._differences[rules]

    def _number(self, difference: _Difference) -> int:
        if difference not in self._numbers:
            self._work.keep(1 + len(difference.lists.one_of) // 4)
            self._numbers[difference] = len(self._found)
            self._found.append(difference)
        return self._numbers[difference]

    def _compare(self, old: RuleBits, new: RuleBits) -> Iterator[_Difference]:
        sides = dict(self._sides(new))
        self._work.compare(1 + len(sides))
        for rule, old_lists in self._sides(old):
            before = self._terms_of(rule)
            for other in self._meeting(old_lists, new, sides):
                after = self._terms_of(other)
                self._work.compare()
                if before != after:
                    both = old_lists.within(sides[other], self._work)
                    lists = self._where_unlike(before, after, both)
                    if lists.exist(self._work):
                        yield _Difference(before, after, lists)

    def _sides(self, rules: RuleBits) -> Iterator[tuple[int | None, Lists]]:
        """Give what each rule decides, and what none of them allows."""
        yield from self._requests.decided(rules)
        yield None, self._requests.refused(rules)

    def _meeting(
        self, lists: Lists, new: RuleBits, sides: Mapping[int | None, Lists]
    ) -> Iterator[int | None]:
        """Give the rules that can have lists in common with some, and None.

        All of these lists have a name out of some sets. A rule that allows no name out of the
        smallest one has none of them.
        """
        smallest = min(lists.one_of, key=int.bit_count, default=None)
        if smallest is None:
            yield from sides
            return
        having = self._requests.having(smallest) & new
        self._work.compare(1 + having.bit_count() // 4)
        yield from (rule for rule in bits(having) if rule in sides)
        yield None

    def _terms_of(self, rule: int | None) -> Terms | None:
        return None if rule is None else self._terms[rule]

    def _where_unlike(self, before: Terms | None, after: Terms | None, lists: Lists) -> Lists:
        """Leave out lists for which the responses are alike, if they differ in header names alone.

        A request that asks for all of these names gets them from both.
        """
        if before is None or after is None or before != after._replace(headers=before.headers):
            return lists
        self._work.compare((len(before.headers) + len(after.headers)) // 8)
        differing = before.headers ^ after.headers
        names = [self._requests.name_atom(name) for name in differing]
        if not all(name & lists.names for name in names):
            return lists
        unlike = lists._replace(not_all_of=sum(names))
        # Where there is but one, these are the lists without it.
        return next(unlike.without_one(self._work), unlike) if len(names) == 1 else unlike
