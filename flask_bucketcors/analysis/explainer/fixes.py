"""Changes of rules that let a request pass, each tried out before it is offered.

A change is offered only if a browser would then get through and read what it wants. No new
``*`` is written; a pattern that has one already and is written wrong may be written right, after
what is tighter. What a change does beside is said, see
:mod:`~flask_bucketcors.analysis.explainer.fix`: a rule is moved above others, which may take
something from them, only if nothing else helps.
"""

from collections.abc import Iterator, Sequence

from flask_bucketcors.analysis.explainer.exchange import Exchange, Request, play
from flask_bucketcors.analysis.explainer.fix import Fix
from flask_bucketcors.analysis.explainer.origin_nearness import FAR
from flask_bucketcors.analysis.explainer.rule_changes import Fields, in_words, mend, unlisted
from flask_bucketcors.analysis.explainer.rule_trace import RuleTrace
from flask_bucketcors.analysis.mistakes import Cause
from flask_bucketcors.analysis.spelling.sent_origins import is_sendable
from flask_bucketcors.analysis.spelling.unchecked import PlainRule, PlainRules
from flask_bucketcors.core.dialects import ShowVary
from flask_bucketcors.core.fields import METHODS
from flask_bucketcors.core.headers import is_header_name
from flask_bucketcors.core.rules import Rule, RuleSet
from flask_bucketcors.core.wildcards import ANY


def find_fixes(
    plain: PlainRules,
    request: Request,
    exchange: Exchange,
    causes: Sequence[Cause],
    near: RuleTrace | None,
) -> tuple[Fix, ...]:
    """Give the changes that help, from the tightest to the loosest.

    :param causes: what stops the request; the first is what it is about.
    :param near: the rule that comes nearest; None if there are no rules.
    """
    if not causes:
        return ()
    if causes[0] is Cause.VARY_MISSING:
        return _vary_fixes(plain, request)
    # Rules that serve the page already are not what is to be changed, but for a pattern that
    # no PUT accepts.
    serves = exchange.passes and causes[0] is not Cause.EXPOSE_PATTERN
    if not causes[0].is_by_rules or serves or not _can_be_held(request):
        return ()
    workshop = _Workshop(plain, request)
    if exchange.stopped_at.allowed:
        tries = workshop.for_answers(exchange, causes)
    elif near is None:
        tries = workshop.own_rule()
    else:
        tries = workshop.for_refusals(near)
    return tuple(_first_of_each(tries))


def _can_be_held(request: Request) -> bool:
    """Whether rules could allow the request at all, and a browser could send it."""
    return (
        is_sendable(request.origin)
        and request.method in METHODS
        and all(is_header_name(name) and ANY not in name for name in request.headers)
        and all(is_header_name(name) and ANY not in name for name in request.wanted)
    )


def _first_of_each(fixes: Iterator[Fix]) -> Iterator[Fix]:
    offered: list[RuleSet] = []
    for fix in fixes:
        if fix.rules not in offered:
            offered.append(fix.rules)
            yield fix


def _vary_fixes(plain: PlainRules, request: Request) -> tuple[Fix, ...]:
    shown_by = request.dialect.shows_vary is not ShowVary.NEVER
    if plain.rule_set is None or plain.response_vary or not shown_by:
        return ()
    fixed = RuleSet(plain.rule_set.rules, True)
    if not play(fixed, request).passes:
        return ()
    text = "Switch ResponseVary on, then empty the cache."
    return (Fix(fixed, text, plain.rule_set, request),)


class _Workshop:
    """Makes changed rule sets for one request and keeps those that help."""

    def __init__(self, plain: PlainRules, request: Request) -> None:
        self._plain = plain
        self._request = request
        self._base = [_base_fields(rule) for rule in plain.rules]
        self._has_offered = False

    def for_refusals(self, near: RuleTrace) -> Iterator[Fix]:
        """Changes for a request that no rule allows."""
        is_tight = _is_tight(self._plain.rules[near.rule], near, self._request)
        if not is_tight:
            yield from self.own_rule()
        yield from self._in_rule(near)
        yield from self._in_rule(near, patterns=True)
        if is_tight and not self._has_offered:
            yield from self.own_rule()

    def for_answers(self, exchange: Exchange, causes: Sequence[Cause]) -> Iterator[Fix]:
        """Changes for a request that a rule allows, but with an answer that does not do."""
        winner = self._plain.stored[exchange.stopped_at.rule or 0]
        if Cause.SHADOWED_RULE in causes:
            yield from self._moved(winner)
        if exchange.passes_preflight and exchange.passes_actual:
            yield from self._exposing(winner)
        else:
            yield from self.own_rule(self._base[winner]["expose_headers"])
            if not self._has_offered:
                # To name the origin takes "*" away from all others.
                yield from self._named(winner)

    def own_rule(self, exposed: Sequence[str] = ()) -> Iterator[Fix]:
        """A rule for this request alone: at the end, or where it is needed to be first.

        :param exposed: what the page could read so far.
        """
        request = self._request
        own: Fields = {
            "allowed_origins": [request.origin],
            "allowed_methods": [request.method],
            "allowed_headers": list(dict.fromkeys(request.headers)),
            "expose_headers": [*exposed, *unlisted(request.wanted, exposed)],
        }
        text = f"Add a rule for {in_words([request.origin])} alone, with {request.method}"
        if request.headers:
            text += f" and the headers {in_words(own['allowed_headers'])}"
        yield from self._try([*self._base, own], len(self._base), text)

    def _in_rule(self, near: RuleTrace, patterns: bool = False) -> Iterator[Fix]:
        """Changes of one rule; ``patterns``: one with a ``*`` may be written right as one."""
        fields = dict(self._base[near.rule])
        changes = list(mend(fields, near.mismatches, patterns))
        missing = unlisted(self._request.wanted, fields["expose_headers"])
        if missing:
            fields["expose_headers"] = [*fields["expose_headers"], *missing]
            changes.append(f"add {in_words(missing)} to ExposeHeader")
        rules = [*self._base]
        rules[near.rule] = fields
        text = f"In rule {near.rule + 1}, " + " and ".join(changes)
        yield from self._try(rules, near.rule, text)

    def _exposing(self, winner: int) -> Iterator[Fix]:
        fields = dict(self._base[winner])
        names = unlisted(self._request.wanted or ["ETag"], fields["expose_headers"])
        fields["expose_headers"] = [*fields["expose_headers"], *names]
        rules = [*self._base]
        rules[winner] = fields
        patterns = [each for each in self._plain.rules[winner].expose_headers if ANY in each]
        instead = f" instead of {in_words(patterns)}" if patterns else ""
        text = f"In rule {winner + 1}, add {in_words(names)} to ExposeHeader{instead}"
        yield from self._try(rules, None, text)

    def _named(self, winner: int) -> Iterator[Fix]:
        fields = dict(self._base[winner])
        fields["allowed_origins"] = [self._request.origin]
        fields["expose_headers"] = [
            *fields["expose_headers"],
            *unlisted(self._request.wanted, fields["expose_headers"]),
        ]
        rules = [*self._base]
        rules[winner] = fields
        origin = in_words([self._request.origin])
        text = (
            f"In rule {winner + 1}, write {origin} instead of '*' "
            "(and every other origin that needs it)"
        )
        yield from self._try(rules, None, text)

    def _moved(self, winner: int) -> Iterator[Fix]:
        for index in self._plain.stored:
            if index > winner and play(_rule_set([self._base[index]], None), self._request).passes:
                rules = [*self._base]
                rules.insert(winner, rules.pop(index))
                yield from self._try(rules, None, f"Move rule {index + 1} above rule {winner + 1}")
                return

    def _try(self, rules: list[Fields], changed: int | None, text: str) -> Iterator[Fix]:
        """Offer the rules if they help, else with the changed one moved to where it is reached.

        A rule that is moved may take something from others, so that is a last resort.
        """
        if self._helps(rules):
            yield self._fix(rules, text)
        elif changed is not None and changed > 0 and not self._has_offered:
            # The first rule that fits the request itself may not be the one that was changed.
            first = [rules[changed], *rules[:changed], *rules[changed + 1 :]]
            if self._helps(first):
                yield self._fix(first, f"{text}; it must stand above rule 1")

    def _fix(self, rules: list[Fields], text: str) -> Fix:
        rule_set = _rule_set(rules, self._plain.response_vary)
        assert rule_set is not None  # nosec B101 # these rules helped, so they are valid
        self._has_offered = True
        text = f"{text}{self._left_out(rules)}."
        return Fix(rule_set, text, self._plain.rule_set, self._request)

    def _left_out(self, rules: Sequence[Fields]) -> str:
        numbers = [str(i + 1) for i, base in enumerate(self._base) if not _is_rule(base)]
        if not numbers or all(map(_is_rule, rules)):
            return ""
        return f"; of rule {', '.join(numbers)} nothing is left that a rule may hold"

    def _helps(self, rules: list[Fields]) -> bool:
        rule_set = _rule_set(rules, self._plain.response_vary)
        if rule_set is None or len(rule_set.rules) > max(
            self._request.dialect.max_rules, len(self._base)
        ):
            return False
        return play(rule_set, self._request).passes


def _base_fields(rule: PlainRule) -> Fields:
    return dict(rule.fields) if rule.is_valid else rule.mended()


def _is_rule(fields: Fields) -> bool:
    return bool(fields["allowed_origins"] and fields["allowed_methods"])


def _rule_set(rules: Sequence[Fields], response_vary: bool | None) -> RuleSet | None:
    kept = [Rule(**fields) for fields in rules if _is_rule(fields)]
    return RuleSet(kept, response_vary) if kept else None


def _is_tight(rule: PlainRule, near: RuleTrace, request: Request) -> bool:
    """Whether a change of the rule gives nothing to others, and little more than asked."""
    by_field = {each.field: each for each in near.mismatches}
    origin = by_field.get("allowed_origins")
    if origin is not None and FAR.issuperset(origin.causes) and origin.nearest is None:
        return set(rule.fields["allowed_methods"]) <= {request.method} and (
            ANY not in rule.allowed_headers
        )
    if len(by_field) > (origin is not None):
        return all(
            each in (request.origin, getattr(origin, "nearest", None))
            for each in rule.allowed_origins
        )
    return True
