"""Explain: why a page's request fails, and the smallest change that helps.

This is no second matcher: each step uses the compiled rules, and the decision is theirs. Added
are how near a rule came, what a browser makes of the response (the Fetch standard), and what was
seen of the real response.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask_bucketcors.analysis.algebra.bounds import Bounds, Work
from flask_bucketcors.analysis.evidence.response import Seen, read_response, wanted_headers
from flask_bucketcors.analysis.evidence.said import Said
from flask_bucketcors.analysis.explainer import wording
from flask_bucketcors.analysis.explainer.case import Case
from flask_bucketcors.analysis.explainer.diagnosis import find_causes
from flask_bucketcors.analysis.explainer.exchange import PageRequest
from flask_bucketcors.analysis.explainer.fix import Fix
from flask_bucketcors.analysis.explainer.fix_search import find_fixes
from flask_bucketcors.analysis.explainer.rule_trace import RuleTrace, trace_rules
from flask_bucketcors.analysis.mistakes import Cause
from flask_bucketcors.analysis.spelling.unchecked import PlainRules
from flask_bucketcors.core.browser import SAFE_METHODS, needs_preflight
from flask_bucketcors.core.decisions import Decision
from flask_bucketcors.core.dialects import Dialect, find_dialect
from flask_bucketcors.core.fields import METHODS
from flask_bucketcors.core.grants import VaryMode
from flask_bucketcors.core.origins import NULL
from flask_bucketcors.core.problems import Problem
from flask_bucketcors.core.rules import lacking_methods
from flask_bucketcors.core.wildcards import ANY
from flask_bucketcors.documents.any_form import AnyRules

KINDS: Final = ("preflight", "actual")
# Stands for an unknown page (RFC 6761: no one has a name below .invalid).
_ANY_PAGE: Final = "https://page.invalid"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a page's request fails, or that it does not.

    :param allowed: whether the rules allow the request, a browser accepts the response, and the
        response that you passed shows no failure. Then there is no cause.
    :param decision: what the compiled rules decide, without values that the API would reject.
    :param trace: how far the request came in each rule, from the top.
    :param nearest: the trace of the rule that comes nearest; None if a rule allows the request.
    :param cause: what stops the browser first; None if ``allowed``.
    :param also: what would stop it next, in order.
    :param problems: why the API would reject the rules.
    :param fixes: edits of the rules, from the tightest to the loosest; none if no change of the
        rules helps, or if the API would refuse it.
    :param verdict: the result in a few words, such as "Refused".
    :param summary: why, in a sentence or two.
    :param details: the evidence, a line each.
    :param help: what to do if there is no fix, or what is better than the fixes; may be empty.
    :param notes: values of the rules that were converted or ignored.
    """

    allowed: bool
    decision: Decision
    trace: tuple[RuleTrace, ...]
    nearest: RuleTrace | None
    cause: Cause | None
    also: tuple[Cause, ...]
    problems: tuple[Problem, ...]
    fixes: tuple[Fix, ...]
    verdict: str
    summary: str
    details: tuple[str, ...]
    help: str
    notes: tuple[str, ...] = ()

    @property
    def headline(self) -> str:
        """Verdict and summary."""
        return f"{self.verdict}: {self.summary}"

    @property
    def text(self) -> str:
        """The explanation in a few lines, with the first fix."""
        fix = f"Fix: {self.fixes[0].text} {self.fixes[0].effect}" if self.fixes else ""
        return "\n".join(filter(None, (self.headline, *self.details, self.help, fix)))


def explain(
    rules: AnyRules,
    *,
    origin: str | None = None,
    method: str | None = "GET",
    headers: Iterable[str] = (),
    credentials: bool = False,
    kind: str | None = "preflight",
    dialect: Dialect | str = "cos",
    extra_methods: Iterable[str] = (),
    response: Mapping[str, Any] | None = None,
    allow_credentials: bool = True,
    vary: VaryMode | str = VaryMode.SAFE,
    guessed: Iterable[str] = (),
    bounds: Bounds = Bounds.NARROW,
) -> Explanation:
    """Say why a request fails under rules, and what to change.

    :param rules: in any form; they may be rules that the API would reject.
    :param origin: the page's, as sent; None takes it from the console's text.
    :param method: of the request, or Access-Control-Request-Method; None or ``""`` if a
        preflight lacks it.
    :param headers: names that the preflight asks for.
    :param credentials: whether the page asks for cookies to be sent.
    :param kind: ``"preflight"``: a request that is preflighted; ``"actual"``: one that is not;
        None: as a browser sends it.
    :param dialect: the vendor whose responses are assumed, or its name.
    :param extra_methods: the methods that the API would accept beside GET, PUT, POST, DELETE and
        HEAD: the application's BUCKETCORS_EXTRA_METHODS.
    :param response: the response that you saw, all optional: ``status`` (a number; 0 if none
        arrived), ``headers`` (names to values or lists of values), ``console`` (what the browser
        printed), ``reads`` (names of headers that the page reads; without it, they are guessed).
    :param allow_credentials, vary: as the application sets them, see
        :class:`~flask_bucketcors.CompiledRules`.
    :param guessed: names of arguments above that are guesses, which the explanation mentions. They
        are those of :func:`~flask_bucketcors.from_console` and :func:`~flask_bucketcors.from_har`.
    :param bounds: limits of the work to find the effects of all fixes together.
    :raises ValueError: if the dialect, a method, the kind or the mode is unknown, or the rules
        have none of the forms of :data:`~flask_bucketcors.AnyRules`.
    :raises TypeError: if the bounds are no :class:`~flask_bucketcors.Bounds`.
    """
    plain = PlainRules.read(rules)
    seen = read_response(response)
    asked_method = _method(method or "", plain, seen)
    names = _names(headers, seen)
    request = PageRequest(
        origin=_sent_origin(_page_origin(plain, seen) if origin is None else origin, seen),
        method=asked_method,
        headers=names,
        credentials=credentials or seen.says(Said.WILDCARD, Said.NO_CREDENTIALS),
        preflighted=_is_preflighted(kind, asked_method, names),
        dialect=find_dialect(dialect, extra_methods),
        wanted=wanted_headers(seen),
        allow_credentials=allow_credentials,
        vary=VaryMode(vary),
    )
    known = frozenset(guessed)
    if "method" in known:
        request = _likeliest(plain, request, seen)
    case = Case(plain, request, seen, known, Work(bounds))
    return _explain(case, tuple(plain.reading.notes))


def _is_preflighted(kind: str | None, method: str, names: Sequence[str]) -> bool:
    if kind not in (None, *KINDS):
        raise ValueError(f"kind is {kind!r}: write 'preflight', 'actual' or None")
    return needs_preflight(method, names) if kind is None else kind == "preflight"


def _likeliest(plain: PlainRules, request: PageRequest, seen: Seen) -> PageRequest:
    """The request with the method to which the rules come nearest, where nothing tells it."""
    held = {text for rule in plain.rules for text in rule.allowed_methods}
    others = [text for text in METHODS if text in held and text != request.method]
    unsafe = [request._replace(method=text) for text in others if text not in SAFE_METHODS]
    safe = [request._replace(method=text) for text in others if text in SAFE_METHODS]
    told = {each.preflight for each in seen.complaints}
    if True in told and not request.headers:
        # Without headers, safe methods have no preflight.
        found = unsafe or [request]
    elif False in told:
        found = [request, *safe]
    else:
        found = [request, *safe, *(each._replace(preflighted=True) for each in unsafe)]
    return min(found, key=lambda each: _distance(plain, each))


def _distance(plain: PlainRules, request: PageRequest) -> int:
    return min((each.distance for each in trace_rules(plain.rules, request)), default=0)


def _sent_origin(page: str, seen: Seen) -> str:
    """The Origin that the browser sends for a page."""
    return NULL if seen.console.loses_origin else page


def _page_origin(plain: PlainRules, seen: Seen) -> str:
    """The page's origin, as far as the console tells."""
    told = seen.console.origin
    if told or not seen.says(Said.UNEXPOSED):
        return told or ""
    # The response came through, so it is one of those that the rules allow.
    held = (text for rule in plain.rules for text in rule.fields["allowed_origins"])
    return next((text for text in held if ANY not in text), _ANY_PAGE)


def _method(given: str, plain: PlainRules, seen: Seen) -> str:
    """The method, unless the browser complains of one that this cannot be."""
    if given not in SAFE_METHODS or not seen.says(Said.METHOD):
        return given
    # Firefox does not name the method, but lets these pass without a preflight.
    allowed = {text for rule in plain.rules for text in rule.fields["allowed_methods"]}
    unsafe = (each for each in METHODS if each not in SAFE_METHODS)
    lacking = (each for each in unsafe if each not in allowed)
    return next(iter([*seen.named(Said.METHOD), *lacking]), "PUT")


def _names(headers: Iterable[str], seen: Seen) -> tuple[str, ...]:
    """The requested names: those given, and those that the browser complains of."""
    values = (headers,) if isinstance(headers, str) else headers
    names = (name.strip(" \t") for value in values for name in value.split(","))
    given = [name for name in names if name]
    known = {name.lower() for name in given}
    told = dict.fromkeys(name.lower() for name in seen.named(Said.HEADER))
    return (*given, *(name for name in told if name not in known))


def _explain(case: Case, notes: tuple[str, ...]) -> Explanation:
    causes = find_causes(case)
    found = find_fixes(case, causes)
    extra_methods = case.request.dialect.extra_methods
    fixes = tuple(each for each in found if not lacking_methods(each.rules, extra_methods))
    next_fix = found[0] if found and not fixes else _next_fix(case, causes)
    told = wording.Told(case, causes, fixes, next_fix)
    return Explanation(
        allowed=not causes,
        decision=case.exchange.decision._replace(rule=case.decided),
        trace=case.traces,
        nearest=case.near,
        cause=causes[0] if causes else None,
        also=tuple(causes[1:]),
        problems=case.problems,
        fixes=fixes,
        verdict=wording.verdict(told),
        summary=wording.summary(told),
        details=tuple(wording.details(told)),
        help=wording.help_text(told),
        notes=notes,
    )


def _next_fix(case: Case, causes: Sequence[Cause]) -> Fix | None:
    """What the rules need, where something else stops the request before them."""
    if case.near is None or causes[0] in case.near.causes:
        return None
    rest = [cause for cause in causes if cause in case.near.causes]
    return next(iter(find_fixes(case, rest)), None)
