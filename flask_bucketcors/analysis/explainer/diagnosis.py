"""Which causes stop a request, what stops a browser first coming first."""

from collections.abc import Iterable, Sequence
from typing import Final

from flask_bucketcors.analysis.evidence.response import exposes_any
from flask_bucketcors.analysis.explainer.case import Case
from flask_bucketcors.analysis.explainer.exchange import play
from flask_bucketcors.analysis.explainer.response_causes import (
    after_rules,
    before_rules,
    instead_of_rules,
)
from flask_bucketcors.analysis.explainer.rule_trace import RuleTrace
from flask_bucketcors.analysis.mistakes import Cause
from flask_bucketcors.core.headers import is_header_name, parse_requested_headers
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.core.wildcards import ANY

_EXPOSING: Final = frozenset({Cause.EXPOSE_MISSING, Cause.EXPOSE_PATTERN, Cause.SHADOWED_RULE})


def find_causes(case: Case) -> list[Cause]:
    """Give what stops the request, in the order in which a browser meets it.

    Something in front of the rules may respond to a preflight; the application responds to the
    request itself. So what a response shows comes before the rules only if refusing rules do not
    look like that, and instead of them where they allow the request. What the page cannot read
    comes last, as the response has arrived by then.
    """
    by_rules = list(_causes_of_rules(case))
    if by_rules and not _EXPOSING.issuperset(by_rules):
        first, last = before_rules(case), after_rules(case)
        if by_rules[0] in (Cause.NO_RULES, Cause.ACRM_MISSING):
            # The application may have responded to what is no preflight.
            found = [*by_rules, *(each for each in first if each is not Cause.APP_REFUSED), *last]
        else:
            found = [*first, *by_rules, *last]
    else:
        found = [*instead_of_rules(case), *by_rules]
    return list(dict.fromkeys(found))


def _causes_of_rules(case: Case) -> Iterable[Cause]:
    """What stops the request in the rules, or in the request itself, so that no rule allows it."""
    if case.request.is_plain_options:
        yield Cause.ACRM_MISSING
    if case.near is not None:
        yield from _causes_of_refusal(case, case.near)
    elif not case.plain.rules:
        yield Cause.NO_RULES
    else:
        yield from _causes_of_response(case)


def _causes_of_refusal(case: Case, near: RuleTrace) -> Iterable[Cause]:
    request = case.request
    if not request.origin:
        yield Cause.OTHER
        return
    if parse_requested_headers(request.judged_headers) is None and all(
        map(is_header_name, request.headers)
    ):
        # Each is a name; together they are too many.
        yield Cause.OTHER
        return
    for mismatch in near.mismatches:
        if not request.is_plain_options or mismatch.field != "allowed_methods":
            yield from mismatch.causes
    rule = case.plain.rules[near.rule]
    if request.lacks_credentials:
        yield Cause.OTHER
    elif request.credentials and ANY in rule.allowed_origins:
        yield Cause.CREDENTIALS_WILDCARD
    exposed = {name.lower() for name in rule.expose_headers}
    if any(name.lower() not in exposed for name in request.wanted):
        yield _exposing_cause(rule.expose_headers)


def _causes_of_response(case: Case) -> Iterable[Cause]:
    """What a browser does not accept in the response that rules give."""
    request, exchange = case.request, case.exchange
    winner = case.winner or 0
    exposed = case.plain.rules[winner].expose_headers
    if request.lacks_credentials:
        return [Cause.OTHER]
    found = []
    if not exchange.passes_preflight or not exchange.passes_actual:
        found.append(Cause.CREDENTIALS_WILDCARD)
    starred = any(ANY in name for name in exposed)
    if starred or (request.wanted and request.credentials and exposes_any(case.seen)):
        found.append(Cause.EXPOSE_PATTERN)
    elif exchange.unexposed:
        found.append(Cause.EXPOSE_MISSING)
    if found and not exchange.passes and _serves_further_down(case, winner):
        found.insert(0, Cause.SHADOWED_RULE)
    return found


def _exposing_cause(exposed: Sequence[str]) -> Cause:
    has_pattern = any(ANY in name for name in exposed)
    return Cause.EXPOSE_PATTERN if has_pattern else Cause.EXPOSE_MISSING


def _serves_further_down(case: Case, winner: int) -> bool:
    further = (rule.rule for rule in case.plain.rules[winner + 1 :])
    return any(play(RuleSet([rule]), case.request).passes for rule in further if rule is not None)
