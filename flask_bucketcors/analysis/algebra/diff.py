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

from flask_bucketcors.analysis.algebra.bounds import AMPLE, Bounds
from flask_bucketcors.analysis.algebra.partition import Atoms, bits
from flask_bucketcors.analysis.algebra.regions import Region
from flask_bucketcors.analysis.algebra.request_space import Example, Lists, Requests, RuleBits
from flask_bucketcors.analysis.algebra.terms import Terms, terms_of
from flask_bucketcors.core.dialects import Dialect, find_dialect
from flask_bucketcors.core.rules import Rule
from flask_bucketcors.documents.any_form import AnyRules, read_rule_set


class ChangeKind(StrEnum):
    """What becomes of the requests of a region."""

    NEWLY_ALLOWED = "newly_allowed"
    NO_LONGER_ALLOWED = "no_longer_allowed"
    OTHER_TERMS = "other_terms"


@dataclass(frozen=True, slots=True)
class Change:
    """Requests that two rule sets decide differently, all in the same way.

    :param region: which.
    :param witness: an example request, one of them.
    :param before: the terms of the old rules; None: they refuse.
    :param after: those of the new rules; None: they refuse.
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
        """The fields of the terms that are not alike; none where one of them refuses."""
        if self.before is None or self.after is None:
            return ()
        pairs = zip(Terms._fields, self.before, self.after, strict=True)
        return tuple(name for name, before, after in pairs if before != after)

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
    bounds: Bounds = AMPLE,
) -> Diff:
    """Say which requests two rule sets decide differently.

    :param old, new: in any form; they must be valid.
    :param dialect: whose forms the responses take, or its name.
    :param allow_credentials: whether a response that names the origin also allows credentials.
    :param bounds: of the work.
    :raises InvalidRules: with every problem of the rules.
    :raises ValueError: if there is no such dialect, or the rules have none of the forms.
    :raises TooIntricate: if the values with a ``*`` overlap in too many ways.
    """
    dialect = find_dialect(dialect)
    old_rules, new_rules = _rules(old), _rules(new)
    rules = (*old_rules, *new_rules)
    terms = [terms_of(rule, dialect, allow_credentials) for rule in rules]
    return Diff(tuple(_Comparison(Requests(rules, bounds), terms, len(old_rules)).changes()))


def _rules(rules: AnyRules) -> tuple[Rule, ...]:
    rule_set = read_rule_set(rules)
    return tuple(rule_set.rules) if rule_set else ()


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
    """

    def __init__(self, requests: Requests, terms: Sequence[Terms], count: int) -> None:
        self._requests = requests
        self._terms = terms
        self._old: RuleBits = (1 << count) - 1
        self._differences: dict[RuleBits, tuple[_Difference, ...]] = {}

    def changes(self) -> Iterator[Change]:
        found = self._by_origins().items()
        for (difference, origins), methods in sorted(found, key=lambda each: each[0][0].order):
            headers = self._requests.example(difference.lists)
            # Without an example, a list would have to be longer than what a server reads.
            if headers is not None:
                region = Region(tuple(methods), self._requests, origins, difference.lists)
                origin = self._requests.origins.any_text(origins)
                witness = Example(origin, methods[0], headers)
                yield Change(region, witness, difference.before, difference.after)

    def _by_origins(self) -> dict[tuple[_Difference, Atoms], list[str]]:
        """Give the differences, each with all origins and methods that it goes for."""
        origins: defaultdict[tuple[_Difference, str], Atoms] = defaultdict(int)
        for bit, atom in enumerate(self._requests.origins.atoms):
            for method, rules in self._requests.by_method.items():
                for difference in self._between(atom.sets & rules):
                    origins[difference, method] |= 1 << bit
        methods: defaultdict[tuple[_Difference, Atoms], list[str]] = defaultdict(list)
        for (difference, method), atoms in origins.items():
            methods[difference, atoms].append(method)
        return methods

    def _between(self, rules: RuleBits) -> tuple[_Difference, ...]:
        """Give the differences for requests that have the origin and method of these rules."""
        if rules not in self._differences:
            self._differences[rules] = tuple(self._compare(rules & self._old, rules & ~self._old))
        return self._differences[rules]

    def _compare(self, old: RuleBits, new: RuleBits) -> Iterator[_Difference]:
        sides = dict(self._sides(new))
        for rule, old_lists in self._sides(old):
            before = self._terms_of(rule)
            for other in self._meeting(old_lists, sides):
                after = self._terms_of(other)
                if before != after:
                    lists = self._where_unlike(before, after, old_lists.within(sides[other]))
                    if lists.exist():
                        yield _Difference(before, after, lists)

    def _sides(self, rules: RuleBits) -> Iterator[tuple[int | None, Lists]]:
        """Give what each rule decides, and what none of them allows."""
        yield from self._requests.decided(rules)
        yield None, self._requests.refused(rules)

    def _meeting(self, lists: Lists, sides: Mapping[int | None, Lists]) -> Iterator[int | None]:
        """Give the rules that can have lists in common with some, and None.

        All of these lists have a name out of some sets. A rule that allows no name out of the
        smallest one has none of them.
        """
        smallest = min(lists.one_of, key=int.bit_count, default=None)
        if smallest is None:
            yield from sides
            return
        yield from (rule for rule in bits(self._requests.having(smallest)) if rule in sides)
        yield None

    def _terms_of(self, rule: int | None) -> Terms | None:
        return None if rule is None else self._terms[rule]

    def _where_unlike(self, before: Terms | None, after: Terms | None, lists: Lists) -> Lists:
        """Leave out lists for which the responses are alike, if they differ in header names alone.

        A request that asks for all of these names gets them from both.
        """
        if before is None or after is None or before != after._replace(headers=before.headers):
            return lists
        names = [self._requests.name_atom(name) for name in before.headers ^ after.headers]
        if not all(name & lists.names for name in names):
            return lists
        unlike = lists._replace(not_all_of=sum(names))
        # Where there is but one, these are the lists without it.
        return next(unlike.without_one(), unlike) if len(names) == 1 else unlike
