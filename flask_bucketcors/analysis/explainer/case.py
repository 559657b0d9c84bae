"""A case to explain: the rules, the request of a page, and what was seen of the response."""

from dataclasses import dataclass
from functools import cached_property

from flask_bucketcors.analysis.algebra.bounds import Work
from flask_bucketcors.analysis.evidence.response import Seen
from flask_bucketcors.analysis.evidence.said import Said
from flask_bucketcors.analysis.explainer.exchange import Exchange, PageRequest, play
from flask_bucketcors.analysis.explainer.rule_trace import RuleTrace, trace_rules
from flask_bucketcors.analysis.spelling.unchecked import PlainRules
from flask_bucketcors.core.decisions import Decision
from flask_bucketcors.core.dialects import ShowVary
from flask_bucketcors.core.problems import Problem


@dataclass(frozen=True)
class Case:
    """What is known, and what follows from it by the compiled rules.

    :param plain: the rules as they were written.
    :param request: the request that fails.
    :param seen: what was seen of the response.
    :param guessed: which arguments about the request are guesses.
    :param work: that finding the effects of fixes is a part of.
    """

    plain: PlainRules
    request: PageRequest
    seen: Seen
    guessed: frozenset[str]
    work: Work

    @cached_property
    def exchange(self) -> Exchange:
        """What the rules and a browser make of the request."""
        return play(self.plain.rule_set, self.request)

    @cached_property
    def traces(self) -> tuple[RuleTrace, ...]:
        """How far the request came in each rule."""
        return trace_rules(self.plain.rules, self.request)

    @cached_property
    def near(self) -> RuleTrace | None:
        """The rule that needs least to allow the request, of equals the first.

        None if a rule allows it, or if there are no rules.
        """
        if self.exchange.stopped_at.allowed:
            return None
        return min(self.traces, key=lambda each: each.distance, default=None)

    @property
    def decided(self) -> int | None:
        """Index of the rule that decides about the request; None if none does."""
        return self._index_of(self.exchange.decision)

    @property
    def winner(self) -> int | None:
        """Index of the rule that decides about what stops the page; None if none does.

        If nothing stops the page, the rule that decides about the request itself.
        """
        return self._index_of(self.exchange.stopped_at)

    @property
    def max_age(self) -> int | None:
        """MaxAgeSeconds of the rule that decides; None if it has no valid one."""
        age: int | None = None
        if self.decided is not None:
            age = self.plain.rules[self.decided].fields["max_age_seconds"]
        return age

    @property
    def can_turn_vary_on(self) -> bool:
        """Whether ResponseVary is off, and the dialect has it."""
        has_vary = self.request.dialect.shows_vary is not ShowVary.NEVER
        return has_vary and not self.plain.response_vary

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """Why the API would reject the rules."""
        return self.plain.problems(self.request.dialect)

    @cached_property
    def is_about_preflight(self) -> bool:
        """Whether the response that was seen is the response to a preflight."""
        seen, request = self.seen, self.request
        told = [each.preflight for each in seen.complaints if each.preflight is not None]
        if told:
            return told[0]
        if seen.says(Said.NO_ALLOW_ORIGIN) and request.is_cacheable:
            # Safari and Firefox do not say it. Without requested headers, a preflight is unlikely.
            return request.preflighted and bool(request.headers)
        return request.preflighted

    def allows(self, origin: str) -> bool:
        """Whether the rules allow the actual request from another origin."""
        other = self.request._replace(origin=origin)
        return play(self.plain.rule_set, other).actual.allowed

    def _index_of(self, decision: Decision) -> int | None:
        """The index among all rules, as they were written, of the one that decided."""
        return None if decision.rule is None else self.plain.stored[decision.rule]
