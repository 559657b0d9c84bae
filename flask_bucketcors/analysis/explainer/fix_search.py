"""Edits of rules that let a request pass, each tried out before it is offered.

An edit is offered only if a browser would then get through and read what it wants. No new ``*``
is written. A pattern that has one already and is misspelled may be corrected, after what is
tighter. :mod:`~flask_bucketcors.analysis.explainer.fix` says what else an edit does. Moving a
rule above others may take something from them, so it is offered only if nothing else helps.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import attrgetter

from flask_bucketcors.analysis.explainer.case import Case
from flask_bucketcors.analysis.explainer.exchange import PageRequest, play
from flask_bucketcors.analysis.explainer.fix import Broken, Fix
from flask_bucketcors.analysis.explainer.rule_changes import (
    allowing,
    exposing,
    in_words,
    unlisted,
)
from flask_bucketcors.analysis.explainer.rule_trace import RuleTrace
from flask_bucketcors.analysis.mistakes import Cause, Kind
from flask_bucketcors.analysis.spelling.sent_origins import is_sendable
from flask_bucketcors.analysis.spelling.unchecked import PlainRule
from flask_bucketcors.core.fields import method_problem
from flask_bucketcors.core.headers import is_header_name
from flask_bucketcors.core.rule_edits import (
    AddRule,
    MoveRule,
    ReplaceRule,
    RuleEdit,
    SetResponseVary,
)
from flask_bucketcors.core.rules import Rule, RuleSet
from flask_bucketcors.core.wildcards import ANY


def find_fixes(case: Case, causes: Sequence[Cause]) -> tuple[Fix, ...]:
    """Give the edits that help, from the tightest to the loosest, and dangerous ones last.

    :param causes: what stops the request; the first is what it is about.
    """
    if not causes:
        return ()
    if causes[0] is Cause.VARY_MISSING:
        return _vary_fixes(case)
    # Rules that serve the page already need no change, but for a pattern that the API rejects.
    serves = case.exchange.passes and causes[0] is not Cause.EXPOSE_PATTERN
    if not causes[0].is_by_rules or serves or not _can_be_held(case.request):
        return ()
    workshop = _Workshop(case)
    if case.exchange.stopped_at.allowed:
        tries = workshop.for_responses(causes)
    elif case.near is None:
        tries = workshop.own_rule()
    else:
        tries = workshop.for_refusals(case.near)
    return tuple(sorted(_first_of_each(tries), key=attrgetter("is_dangerous")))


def _can_be_held(request: PageRequest) -> bool:
    """Whether rules could allow the request at all, and a browser could send it."""
    return (
        is_sendable(request.origin)
        and method_problem(request.method) is None
        and all(is_header_name(name) and ANY not in name for name in request.headers)
        and all(is_header_name(name) and ANY not in name for name in request.wanted)
    )


def _first_of_each(fixes: Iterator[Fix]) -> Iterator[Fix]:
    offered: list[RuleSet] = []
    for fix in fixes:
        if fix.rules not in offered:
            offered.append(fix.rules)
            yield fix


def _vary_fixes(case: Case) -> tuple[Fix, ...]:
    rule_set, edit = case.plain.rule_set, SetResponseVary(True)
    if rule_set is None or not case.can_turn_vary_on:
        return ()
    if not play(edit.apply(rule_set), case.request).passes:
        return ()
    text = "Turn ResponseVary on, then clear the cache."
    return (Fix(edit, text, rule_set, Broken(rule_set, case.request, case.work)),)


class _Workshop:
    """Makes edits for one request and keeps those that help.

    Edits apply to the corrected rules, without those of which nothing is left. Indexes and texts
    number the rules as they were given.
    """

    def __init__(self, case: Case) -> None:
        self._exchange = case.exchange
        self._plain = plain = case.plain
        self._request = case.request
        self._base = [rule.corrected for rule in plain.rules]
        self._kept = [index for index, each in enumerate(self._base) if each.rule is not None]
        rules = [each.rule for each in self._base if each.rule is not None]
        self._before = RuleSet(rules, plain.response_vary) if rules else None
        self._broken = Broken(plain.rule_set, case.request, case.work)
        self._has_offered = False

    def for_refusals(self, near: RuleTrace) -> Iterator[Fix]:
        """Edits for a request that no rule allows."""
        is_tight = _is_tight(self._plain.rules[near.rule], near, self._request)
        if not is_tight:
            yield from self.own_rule()
        yield from self._in_rule(near)
        yield from self._in_rule(near, patterns=True)
        if is_tight and not self._has_offered:
            yield from self.own_rule()

    def for_responses(self, causes: Sequence[Cause]) -> Iterator[Fix]:
        """Edits for a request that a rule allows, but whose response a browser rejects."""
        exchange = self._exchange
        winner = self._plain.stored[exchange.stopped_at.rule or 0]
        if Cause.SHADOWED_RULE in causes:
            yield from self._moved(winner)
        if exchange.passes_preflight and exchange.passes_actual:
            yield from self._exposing(winner)
        else:
            yield from self.own_rule(self._base[winner].expose_headers)
            if not self._has_offered:
                # To name the origin takes "*" away from all others.
                yield from self._named(winner)

    def own_rule(self, exposed: Sequence[str] = ()) -> Iterator[Fix]:
        """Add a rule for this request alone, at the end or else at the top.

        :param exposed: what the page could read so far.
        """
        request = self._request
        headers = list(dict.fromkeys(request.headers))
        expose_headers = [*exposed, *unlisted(request.wanted, exposed)]
        rule = Rule([request.origin], [request.method], headers, expose_headers)
        last, first = self._adding(rule), self._adding(rule, 0)
        yield from self._try(last, f"A{str(last)[1:]}")
        if self._kept:
            yield from self._try_at_top(first, f"A{str(first)[1:]}")

    def _in_rule(self, near: RuleTrace, patterns: bool = False) -> Iterator[Fix]:
        """Change one rule, in its place or else at the top.

        :param patterns: whether a pattern with a ``*`` may be written right as one.
        """
        rule, words = allowing(self._base[near.rule], near.mismatches, patterns)
        if missing := unlisted(self._request.wanted, rule.expose_headers):
            rule = exposing(rule, missing)
            words.append(f"add {in_words(missing)} to ExposeHeader")
        if rule.rule is not None:
            text = f"In rule {near.rule + 1}, {' and '.join(words)}"
            edit = self._replacing(near.rule, rule.rule)
            yield from self._try(edit, text, near.rule)
            if self._place(near.rule) > 0:
                top = self._replacing(near.rule, rule.rule, 0)
                text += ", and move it above rule 1"
                yield from self._try_at_top(top, text, near.rule)

    def _exposing(self, winner: int) -> Iterator[Fix]:
        base = self._base[winner]
        names = unlisted(self._request.wanted or ["ETag"], base.expose_headers)
        patterns = [each for each in self._plain.rules[winner].expose_headers if ANY in each]
        instead = f" instead of {in_words(patterns)}" if patterns else ""
        text = f"In rule {winner + 1}, add {in_words(names)} to ExposeHeader{instead}"
        yield from self._try_changed(winner, exposing(base, names), text)

    def _named(self, winner: int) -> Iterator[Fix]:
        named = replace(self._base[winner], allowed_origins=(self._request.origin,))
        text = (
            f"In rule {winner + 1}, write {in_words([self._request.origin])} instead of '*' "
            "(and every other origin that needs it)"
        )
        yield from self._try_changed(winner, exposing(named, self._request.wanted), text)

    def _moved(self, winner: int) -> Iterator[Fix]:
        for index in self._plain.stored:
            rule = self._base[index].rule
            if index > winner and rule and play(RuleSet([rule]), self._request).passes:
                edit = MoveRule(self._place(index), self._place(winner))
                yield from self._try(edit, f"Move rule {index + 1} above rule {winner + 1}")
                return

    def _place(self, index: int) -> int:
        """Where a rule is, or would be, among those that edits apply to."""
        return bisect_left(self._kept, index)

    def _replacing(self, index: int, rule: Rule, to: int | None = None) -> RuleEdit:
        place = self._place(index)
        if self._base[index].rule is None:
            return self._adding(rule, place if to is None else to)
        return ReplaceRule(place, rule, to)

    def _adding(self, rule: Rule, index: int | None = None) -> AddRule:
        # Where no rule is left, nothing else holds what was given.
        return AddRule(rule, index, None if self._before else self._plain.response_vary)

    def _try_changed(self, index: int, changed: PlainRule, text: str) -> Iterator[Fix]:
        if changed.rule is not None:
            yield from self._try(self._replacing(index, changed.rule), text, index)

    def _try_at_top(self, edit: RuleEdit, text: str, changed: int | None = None) -> Iterator[Fix]:
        """Offer a rule at the top, where no other decides first, if nothing else has helped.

        It may take something from the others, so that is a last resort.
        """
        if not self._has_offered:
            yield from self._try(edit, text, changed)

    def _try(self, edit: RuleEdit, text: str, changed: int | None = None) -> Iterator[Fix]:
        """Offer an edit if it helps.

        :param changed: the rule that it is about.
        """
        if self._helps(edit.apply(self._before)):
            self._has_offered = True
            text = f"{text}{self._left_out(changed)}."
            yield Fix(edit, text, self._before, self._broken)

    def _left_out(self, changed: int | None) -> str:
        left = sorted({*range(len(self._base))} - {*self._kept, changed})
        numbers = ", ".join(str(each + 1) for each in left)
        return f"; leave out rules without valid values: {numbers}" if left else ""

    def _helps(self, rules: RuleSet) -> bool:
        most = max(self._request.dialect.max_rules, len(self._base))
        return len(rules.rules) <= most and play(rules, self._request).passes


def _is_tight(rule: PlainRule, near: RuleTrace, request: PageRequest) -> bool:
    """Whether a change of the rule gives nothing to others, and little more than asked."""
    by_field = {each.field: each for each in near.mismatches}
    origin = by_field.get("allowed_origins")
    if origin is not None and origin.kind is Kind.UNRELATED and origin.nearest is None:
        return set(rule.fields["allowed_methods"]) <= {request.method} and (
            ANY not in rule.allowed_headers
        )
    if len(by_field) > (origin is not None):
        return all(
            each in (request.origin, getattr(origin, "nearest", None))
            for each in rule.allowed_origins
        )
    return True
