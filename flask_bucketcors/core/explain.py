"""Explain: why a page's request fails, and the smallest change that mends it.

It is no second matcher: each step asks the predicates that the compiled rules use, and the
decision is theirs. What is added is how near a rule came, what a browser makes of the answer
(the Fetch standard), and what was seen of the real answer.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask_bucketcors.core.browser import SAFE_METHODS
from flask_bucketcors.core.causes import Cause
from flask_bucketcors.core.compiled import Decision
from flask_bucketcors.core.dialects import Dialect, ShowVary, find_dialect
from flask_bucketcors.core.explanation import texts
from flask_bucketcors.core.explanation.exchange import Exchange, Request, play
from flask_bucketcors.core.explanation.fixes import Fix, find_fixes
from flask_bucketcors.core.explanation.judging import (
    Case,
    after_rules,
    before_rules,
    instead_of_rules,
    is_about_preflight,
)
from flask_bucketcors.core.explanation.tracing import (
    Mismatch,
    RuleTrace,
    nearest,
    trace_rules,
)
from flask_bucketcors.core.fields import METHODS
from flask_bucketcors.core.headers import is_header_name, parse_requested_headers
from flask_bucketcors.core.plain import PlainRules
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.core.seen import answers
from flask_bucketcors.core.seen.answers import Seen
from flask_bucketcors.core.seen.wordings import Said
from flask_bucketcors.core.wildcards import ANY

__all__ = ["KINDS", "Cause", "Explanation", "Fix", "Mismatch", "RuleTrace", "explain"]

KINDS: Final = ("preflight", "actual")
# Stands for a page which is not known (RFC 6761: .invalid is nobody's).
_ANY_PAGE: Final = "https://page.invalid"
_EXPOSING: Final = frozenset({Cause.EXPOSE_MISSING, Cause.EXPOSE_PATTERN, Cause.SHADOWED_RULE})


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a page's request fails, or that it does not.

    :param allowed: whether nothing was found to fail: the rules allow the request, a browser
        takes their answer, and nothing that was seen says otherwise. Then there is no cause.
    :param decision: what the compiled rules decide; of rules that no PUT would accept, by
        their values that could be stored.
    :param trace: how far the request came in each rule, from the top.
    :param cause: what stops the browser first; None if ``allowed``.
    :param also: what would stop it next, in order.
    :param text: the above in a few lines, for a person.
    :param fixes: changes of the rules, from the tightest to the loosest; none if no change of
        the rules helps.
    """

    allowed: bool
    decision: Decision
    trace: tuple[RuleTrace, ...]
    cause: Cause | None
    also: tuple[Cause, ...]
    text: str
    fixes: tuple[Fix, ...]


def explain(
    rules: RuleSet | Mapping[str, Any] | Iterable[Any] | None,
    *,
    origin: str | None = None,
    method: str | None = "GET",
    headers: Iterable[str] = (),
    credentials: bool = False,
    kind: str = "preflight",
    dialect: Dialect | str = "cos",
    answer: Mapping[str, Any] | None = None,
) -> Explanation:
    """Say why a request fails under rules, and what to change.

    :param rules: a rule set; or plain unchecked data, a list of mappings with the names of
        Rule's fields (or ``{"rules": [...]}``), also such as no PUT would accept; or None.
    :param origin: the page's, as sent; None takes it from the console's text.
    :param method: of the request, or Access-Control-Request-Method; None or ``""`` if a
        preflight lacks it.
    :param headers: names that a preflight asks for.
    :param credentials: whether the page asks for cookies to be sent.
    :param kind: ``"preflight"``: a request that is preflighted; ``"actual"``: one that is not.
    :param dialect: whose forms the answers take, or its name.
    :param answer: what was seen: ``status`` (a number), ``headers`` (name to a value or a list
        of values), ``console`` (what the browser printed); all optional.
    :raises ValueError: if the dialect or the kind is unknown, or the rules have none of the
        forms.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}: write 'preflight' or 'actual'")
    plain = PlainRules.read(rules)
    seen = answers.read_answer(answer)
    request = Request(
        origin=_page_origin(plain, seen) if origin is None else origin,
        method=_method(method or "", plain, seen),
        headers=_names(headers, seen),
        credentials=credentials or seen.says(Said.WILDCARD, Said.NO_CREDENTIALS),
        preflighted=kind == "preflight",
        dialect=find_dialect(dialect) if isinstance(dialect, str) else dialect,
        wanted=answers.wanted_headers(seen),
    )
    return _explain(plain, request, seen)


def _page_origin(plain: PlainRules, seen: Seen) -> str:
    """The page's origin, as far as the console tells."""
    told = seen.console.origin
    if told or not seen.says(Said.UNEXPOSED):
        return told or ""
    # The answer came through, so it is one of those that the rules allow.
    held = (text for rule in plain.rules for text in rule.fields["allowed_origins"])
    return next((text for text in held if ANY not in text), _ANY_PAGE)


def _method(given: str, plain: PlainRules, seen: Seen) -> str:
    """The method, unless the browser complains of one that this cannot be."""
    if given not in SAFE_METHODS or not seen.says(Said.METHOD):
        return given
    # Firefox does not name it, but lets these pass unasked.
    allowed = {text for rule in plain.rules for text in rule.fields["allowed_methods"]}
    unsafe = (each for each in METHODS if each not in SAFE_METHODS)
    lacking = (each for each in unsafe if each not in allowed)
    return next(iter([*seen.named(Said.METHOD), *lacking]), "PUT")


def _names(headers: Iterable[str], seen: Seen) -> tuple[str, ...]:
    """The names that are asked for: those given, and those that the browser complains of."""
    values = (headers,) if isinstance(headers, str) else headers
    names = (name.strip(" \t") for value in values for name in value.split(","))
    given = [name for name in names if name]
    known = {name.lower() for name in given}
    told = dict.fromkeys(name.lower() for name in seen.named(Said.HEADER))
    return (*given, *(name for name in told if name not in known))


def _explain(plain: PlainRules, request: Request, seen: Seen) -> Explanation:
    exchange = play(plain.rule_set, request)
    traces = trace_rules(plain.rules, request)
    refused = not exchange.stopped_at.allowed
    near = nearest(traces) if traces and refused else None
    causes = _causes(plain, request, exchange, near, seen)
    fixes = find_fixes(plain, request, exchange, causes, near)
    winner = None if refused else _index(plain, exchange.stopped_at)
    age = _max_age(plain, exchange)
    broken = bool(plain.rules) and not plain.is_valid
    next_fix = _next_fix(plain, request, exchange, causes, near)
    varies = plain.response_vary is True or request.dialect.shows_vary is ShowVary.NEVER
    told = texts.Findings(request, causes, near, winner, fixes, next_fix, seen, broken, age, varies)
    cause = causes[0] if causes else None
    decision = exchange.decision._replace(rule=_index(plain, exchange.decision))
    text = texts.write(told)
    return Explanation(not causes, decision, traces, cause, tuple(causes[1:]), text, fixes)


def _next_fix(
    plain: PlainRules,
    request: Request,
    exchange: Exchange,
    causes: Sequence[Cause],
    near: RuleTrace | None,
) -> Fix | None:
    """What the rules need, where something else stops the request before them."""
    if near is None or causes[0] in near.causes:
        return None
    rest = [cause for cause in causes if cause in near.causes]
    return next(iter(find_fixes(plain, request, exchange, rest, near)), None)


def _index(plain: PlainRules, decision: Decision) -> int | None:
    """The index among all rules of the one that decided."""
    return None if decision.rule is None else plain.stored[decision.rule]


def _causes(
    plain: PlainRules, request: Request, exchange: Exchange, near: RuleTrace | None, seen: Seen
) -> list[Cause]:
    by_rules = list(_causes_of_rules(plain, request, exchange, near, seen))
    case = Case(
        seen,
        request,
        lambda origin: play(plain.rule_set, request._replace(origin=origin)).actual.allowed,
        _max_age(plain, exchange),
        is_about_preflight(seen, request),
    )
    if by_rules and not _EXPOSING.issuperset(by_rules):
        first, last = before_rules(case), after_rules(case)
        if by_rules[0] in (Cause.NO_RULES, Cause.ACRM_MISSING):
            # The application may have answered what is no preflight to rules.
            found = [*by_rules, *(each for each in first if each is not Cause.APP_REFUSED), *last]
        else:
            found = [*first, *by_rules, *last]
    else:
        found = [*instead_of_rules(case), *by_rules]
    return list(dict.fromkeys(found))


def _max_age(plain: PlainRules, exchange: Exchange) -> int | None:
    index = _index(plain, exchange.decision)
    age = None if index is None else plain.rules[index].max_age_seconds
    return age if isinstance(age, int) else None


def _causes_of_rules(
    plain: PlainRules, request: Request, exchange: Exchange, near: RuleTrace | None, seen: Seen
) -> Iterable[Cause]:
    """What in the rules stops the request, or in the request so that no rule can allow it."""
    if request.is_plain_options:
        yield Cause.ACRM_MISSING
    if near is not None:
        yield from _causes_of_refusal(plain, request, near)
    elif not plain.rules:
        yield Cause.NO_RULES
    else:
        yield from _causes_of_answer(plain, request, exchange, seen)


def _causes_of_refusal(plain: PlainRules, request: Request, near: RuleTrace) -> Iterable[Cause]:
    if not request.origin:
        yield Cause.OTHER
        return
    if parse_requested_headers(request.judged_headers) is None and all(
        map(is_header_name, request.headers)
    ):
        # Each is a name; together they are more than is read.
        yield Cause.OTHER
        return
    yield from (
        cause for cause in near.causes if not request.is_plain_options or cause not in _OF_METHODS
    )
    rule = plain.rules[near.rule]
    if request.credentials and ANY in rule.allowed_origins:
        yield Cause.CREDENTIALS_WILDCARD
    exposed = {name.lower() for name in rule.expose_headers}
    if any(name.lower() not in exposed for name in request.wanted):
        yield _exposing_cause(rule.expose_headers)


_OF_METHODS: Final = frozenset({Cause.METHOD_MISSING, Cause.METHOD_CASE, Cause.METHOD_HEAD_NOT_GET})


def _causes_of_answer(
    plain: PlainRules, request: Request, exchange: Exchange, seen: Seen
) -> Iterable[Cause]:
    """What a browser does not accept in the answer that rules give."""
    winner = _index(plain, exchange.stopped_at) or 0
    exposed = plain.rules[winner].expose_headers
    found = []
    if not exchange.passes_preflight or not exchange.passes_actual:
        found.append(Cause.CREDENTIALS_WILDCARD)
    starred = any(ANY in name for name in exposed)
    if starred or (request.wanted and request.credentials and answers.exposes_any(seen)):
        found.append(Cause.EXPOSE_PATTERN)
    elif exchange.unexposed:
        found.append(Cause.EXPOSE_MISSING)
    if found and not exchange.passes and _serves_further_down(plain, request, winner):
        found.insert(0, Cause.SHADOWED_RULE)
    return found


def _exposing_cause(exposed: Sequence[str]) -> Cause:
    has_pattern = any(ANY in name for name in exposed)
    return Cause.EXPOSE_PATTERN if has_pattern else Cause.EXPOSE_MISSING


def _serves_further_down(plain: PlainRules, request: Request, winner: int) -> bool:
    further = (plain.rules[index].rule for index in plain.stored if index > winner)
    return any(play(RuleSet([rule]), request).passes for rule in further if rule is not None)
