"""Candidates: the rules that allow an origin, made ready for the hot path.

A bucket with few origins has candidates for each of them, with the headers that name it. The
origins of other buckets share candidates if the same rules allow them.
"""

from collections.abc import Collection, Sequence

from flask_bucketcors.core.decisions import Decision
from flask_bucketcors.core.grants import CompiledRule, HeaderPairs
from flask_bucketcors.core.wildcards import ANY


class Pending(tuple[int, ...]):
    """The rules that spell out an origin, from the top, before the first request from it."""

    __slots__ = ()

    @property
    def methods(self) -> Collection[str]:
        """What tells the hot path, which looks for a :class:`Candidate`, to ask for one."""
        raise LookupError


class Candidate:
    """A rule that allows an origin, and the rules below it that do.

    It is a chain and not a list, because a loop over a list begins with making an iterator. Rules
    that have no method of their own are left out: they are never the first that fits.

    :param index: index of the rule, from 0.
    :param rule: the rule.
    :param next: the next rule that allows the origin; None for the last.
    :param literal: the rules that spell out the origin.
    :param origin: the origin; None if several origins share the candidate.
    :param methods, preflights: those of the rule.
    :param own_pairs: see :meth:`CompiledRule.own_pairs`; empty if they differ.
    :param decision: the decision about an actual request with one of the rule's methods; None if
        it differs.
    :param added_headers: the headers of the decision, as a list to add to an application's.
    """

    __slots__ = (
        "added_headers",
        "decision",
        "index",
        "literal",
        "methods",
        "next",
        "own_pairs",
        "preflights",
        "rule",
    )

    def __init__(
        self,
        index: int,
        rule: CompiledRule,
        next: "Candidate | None",
        literal: Pending,
        origin: str | None,
    ) -> None:
        self.index: int = index
        self.rule: CompiledRule = rule
        self.next: Candidate | None = next
        self.literal: Pending = literal
        self.methods: Sequence[str] = rule.grant.methods
        self.preflights: dict[str, HeaderPairs] = rule.grant.preflights
        self.own_pairs: HeaderPairs = ()
        self.decision: Decision | None = None
        self.added_headers: list[tuple[str, str]] = []
        if origin is not None or rule.grant.any_origin:
            self.decision = self.decide(origin or ANY)
            self.own_pairs = rule.own_pairs(self.decision.headers[0])
            # A separate list: the application has access to the decision, and must not change this.
            self.added_headers = list(self.decision.headers)

    def make_own_pairs(self, origin: str) -> HeaderPairs:
        """Give the pairs of an origin that shares the candidate with others."""
        return self.rule.own_pairs(self.rule.grant.allow_origin(origin))

    def count(self) -> int:
        """How many candidates the chain has."""
        return 1 if self.next is None else 1 + self.next.count()

    def decide(self, origin: str) -> Decision:
        """Decide about an actual request with one of the rule's methods."""
        rule = self.rule
        # As Decision() does, without a call in Python.
        return tuple.__new__(
            Decision, (rule.actual(origin), self.index, None, rule.grant.is_default)
        )


class Chains:
    """Candidates that origins share, of a bucket with many.

    :param rules: the rules of the bucket.
    :param limit: how many candidates to keep.
    """

    __slots__ = ("_by_rules", "_count", "_limit", "_rules")

    def __init__(self, rules: Sequence[CompiledRule], limit: int) -> None:
        self._rules = rules
        self._limit = limit
        self._count = 0
        self._by_rules: dict[tuple[Pending, tuple[int, ...]], Candidate] = {}

    def find(self, literal: Pending, deciding: tuple[int, ...]) -> Candidate | None:
        """Give the candidates for some rules; None if there are too many of them already."""
        found = self._by_rules.get((literal, deciding))
        if found is None:
            self._count += len(deciding)
            if self._count > self._limit:
                self._count = 0
                self._by_rules.clear()
                return None
            found = make_chain(self._rules, literal, deciding, None)
            self._by_rules[literal, deciding] = found
        return found


def make_chain(
    rules: Sequence[CompiledRule], literal: Pending, indexes: Sequence[int], origin: str | None
) -> Candidate:
    """Make candidates of rules; see :class:`Candidate`."""
    chain = Candidate(indexes[-1], rules[indexes[-1]], None, literal, origin)
    for index in indexes[-2::-1]:
        chain = Candidate(index, rules[index], chain, literal, origin)
    return chain
