"""Rules among each other: which of them decides what another one would."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from flask_bucketcors.analysis.algebra.partition import bits
from flask_bucketcors.analysis.algebra.request_space import Example, Lists, RuleBits
from flask_bucketcors.analysis.algebra.terms import Terms
from flask_bucketcors.analysis.linter.findings import Finding
from flask_bucketcors.analysis.linter.subject import Subject
from flask_bucketcors.analysis.mistakes import Check

# A text names no more rules than this.
MAX_NAMED: Final = 5


class _Overlap(NamedTuple):
    """A request that one rule decides, and another one would.

    :param by: the rule that does, which stands above.
    """

    by: int
    request: Example


class _Unlike(NamedTuple):
    """Requests of one origin that two rules decide, with different responses.

    :param other: the rule that stands above.
    """

    other: int
    its_request: Example
    request: Example


def order_findings(subject: Subject) -> Iterator[Finding]:
    """Look for rules that stand in each other's way."""
    order = _Order(subject)
    for rule in range(len(subject.rules)):
        yield from order.findings(rule)


class _Order:
    """Goes through all kinds of requests once, and keeps one of each kind that matters.

    Rules are named by their places among those that decide.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._requests = subject.requests
        self._decides: set[int] = set()
        self._taken: dict[int, _Overlap] = {}
        self._taken_by_any: dict[int, _Overlap] = {}
        self._unlike: dict[int, _Unlike] = {}
        # For each rule those that decide requests in its place.
        self._above: dict[int, set[int]] = {}
        # What each of some rules decides, if a request has their origin and method; None if no
        # list of headers was found.
        self._headers: dict[RuleBits, dict[int, tuple[str, ...]]] = {}
        self._compared: set[RuleBits] = set()
        # For each rule those above it that it does not differ from.
        self._like: dict[int, RuleBits] = {}
        self._look_at_all()

    def _look_at_all(self) -> None:
        work = self._subject.work
        for atom in self._requests.origins.atoms:
            deciding: dict[int, Example] = {}
            for method, rules in self._requests.by_method.items():
                together = atom.sets & rules
                if together not in self._headers:
                    work.keep(1 + together.bit_count() // 8)
                    self._headers[together] = self._find_headers(together)
                    self._look_at(atom.example, method, together)
                found = self._headers[together]
                work.compare(1 + len(found))
                for rule, headers in found.items():
                    if rule not in deciding:
                        deciding[rule] = Example(atom.example, method, headers)
            self._decides |= deciding.keys()
            self._compare(deciding)

    def _find_headers(self, together: RuleBits) -> dict[int, tuple[str, ...]]:
        found = {}
        for rule, lists in self._requests.decided(together):
            headers = self._requests.example(lists)
            if headers is not None:
                found[rule] = headers
            elif self._requests.may_be_read(lists):
                # Not known to be out of reach.
                self._decides.add(rule)
        return found

    def _look_at(self, origin: str, method: str, together: RuleBits) -> None:
        decided = self._requests.decided(together)
        for rule in bits(together):
            self._subject.work.compare(1 + len(decided) // 4)
            for by, lists in decided:
                if by >= rule:
                    break
                self._look_at_pair(origin, method, rule, by, lists)

    def _look_at_pair(self, origin: str, method: str, rule: int, by: int, lists: Lists) -> None:
        above = self._above.setdefault(rule, set())
        if by in above:
            return
        work = self._subject.work
        both = lists.within(Lists(self._requests.allowed[rule]), work)
        headers = self._requests.example(both) if both.exist(work) else None
        if headers is None:
            return
        above.add(by)
        any_first = self._terms(by).any_origin and not self._terms(rule).any_origin
        taken = self._taken_by_any if any_first else self._taken
        taken.setdefault(rule, _Overlap(by, Example(origin, method, headers)))

    def _compare(self, deciding: dict[int, Example]) -> None:
        together = sum(1 << rule for rule in deciding)
        if together in self._compared:
            return
        self._compared.add(together)
        for rule in sorted(deciding, reverse=True):
            self._subject.work.compare()
            if rule not in self._unlike:
                above = together & ((1 << rule) - 1) & ~self._like.get(rule, 0)
                self._compare_with(rule, above, deciding)

    def _compare_with(self, rule: int, above: RuleBits, deciding: dict[int, Example]) -> None:
        for other in sorted(bits(above), reverse=True):
            self._subject.work.compare()
            if self._aspects(other, rule):
                self._unlike[rule] = _Unlike(other, deciding[other], deciding[rule])
                return
        self._like[rule] = self._like.get(rule, 0) | above

    def _terms(self, rule: int) -> Terms:
        return self._subject.terms[rule]

    def _aspects(self, rule: int, other: int) -> list[str]:
        """Give what the responses of two rules differ in, in words."""
        one, two = self._terms(rule), self._terms(other)
        allowed = self._requests.allowed
        differ = {
            "credentials": one.credentials != two.credentials,
            "max-age": one.max_age != two.max_age,
            "allowed headers": allowed[rule] != allowed[other],
            "exposed headers": one.exposed != two.exposed,
        }
        return [name for name, differs in differ.items() if differs]

    def findings(self, rule: int) -> Iterator[Finding]:
        """Say what is to be said of a rule."""
        overlaps = [each[rule] for each in (self._taken, self._taken_by_any) if rule in each]
        if overlaps and rule not in self._decides:
            yield self._unreachable(rule, overlaps[0])
        elif rule in self._taken:
            yield self._partly_shadowed(rule, self._taken[rule])
        if rule in self._taken_by_any:
            yield self._any_origin_first(rule, self._taken_by_any[rule])
        if rule in self._unlike:
            yield self._disagreement(rule, self._unlike[rule])

    def _unreachable(self, rule: int, overlap: _Overlap) -> Finding:
        above = sorted(self._above[rule])
        return self._finding(
            Check.RULE_UNREACHABLE,
            rule,
            f"No request reaches this rule: {self._named(above)} above it "
            f"match{'es' if len(above) == 1 else ''} every request that it allows.",
            overlap.request,
            help=f"delete the rule, or move it above {self._named(above[:1])}",
        )

    def _partly_shadowed(self, rule: int, overlap: _Overlap) -> Finding:
        above, own = (self._requests.origins.sets[each] for each in (overlap.by, rule))
        is_exception = above != own and not above & ~own
        above_it = self._named([overlap.by])
        return self._finding(
            Check.RULE_PARTLY_SHADOWED,
            rule,
            f"{above_it.capitalize()} is above this rule and matches some of the requests that it "
            "allows.",
            overlap.request,
            help=f"keep both if {above_it} is meant as an exception; rules that do not overlap are "
            "simpler"
            if is_exception
            else "",
        )

    def _any_origin_first(self, rule: int, overlap: _Overlap) -> Finding:
        above = self._named([overlap.by])
        return self._finding(
            Check.ANY_ORIGIN_FIRST,
            rule,
            f"{above.capitalize()} allows '*' and is above this rule: the origins that this rule "
            "names get '*' in the response, and so no credentials.",
            overlap.request,
            help=f"move this rule above {above}",
        )

    def _disagreement(self, rule: int, unlike: _Unlike) -> Finding:
        aspects = self._aspects(unlike.other, rule)
        return self._finding(
            Check.RULES_DISAGREE,
            rule,
            f"This rule and {self._named([unlike.other])} give one origin different "
            f"{' and '.join(filter(None, [', '.join(aspects[:-1]), aspects[-1]]))}.",
            unlike.its_request,
            unlike.request,
        )

    def _named(self, rules: Sequence[int]) -> str:
        numbers = [str(self._subject.index(rule) + 1) for rule in rules]
        if len(numbers) > MAX_NAMED:
            numbers = [*numbers[:MAX_NAMED], "others"]
        if len(numbers) == 1:
            return f"rule {numbers[0]}"
        return f"rules {', '.join(numbers[:-1])} and {numbers[-1]}"

    def _finding(
        self, check: Check, rule: int, text: str, *requests: Example, help: str = ""
    ) -> Finding:
        witnesses = (self._subject.witness(*request) for request in requests)
        return self._subject.finding(check, self._subject.index(rule), text, *witnesses, help=help)
