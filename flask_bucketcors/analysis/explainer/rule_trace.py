"""How far a request came in each rule, by the predicates of the compiled rules."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from flask_bucketcors.analysis.explainer.exchange import PageRequest
from flask_bucketcors.analysis.explainer.origin_nearness import (
    NOT_NEAR,
    corrected_pattern,
    fits_as_meant,
    is_for_all,
    origin_differences,
)
from flask_bucketcors.analysis.linter.shared_domains import with_shared_domains
from flask_bucketcors.analysis.linter.sites import site, usual_public_suffix
from flask_bucketcors.analysis.mistakes import Cause, Kind
from flask_bucketcors.analysis.spelling.lookalikes import MAX_LENGTH, skeleton, without_invisible
from flask_bucketcors.analysis.spelling.misspelt import is_misspelt
from flask_bucketcors.analysis.spelling.origin_parts import cut, several
from flask_bucketcors.analysis.spelling.sent_origins import browser_form
from flask_bucketcors.analysis.spelling.unchecked import PlainRule
from flask_bucketcors.core.compiled import CompiledRules
from flask_bucketcors.core.decisions import Reason
from flask_bucketcors.core.fields import method_problem
from flask_bucketcors.core.grants import Grant
from flask_bucketcors.core.headers import (
    MAX_REQUESTED_HEADERS,
    is_header_name,
    parse_requested_headers,
)
from flask_bucketcors.core.origins import NULL, covers
from flask_bucketcors.core.problems import ProblemReason
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.core.wildcards import ANY

#: At most so many values are compared with the request, so that an explanation stays quick.
MAX_COMPARED: Final = 10_000

# A person looks for the rule that names the page's host, and then at what else is wrong in it.
_OTHER_HOST_COST: Final = 1000
# A rule for a whole domain was less likely written with this page in mind, one for all origins
# still less. Both costs are less than two mistakes.
_DOMAIN_COST: Final = 25
_ANY_ORIGIN_COST: Final = 25
# An origin below the same registered domain is farther away than a similar one, but nearer than
# a rule for all origins that lacks the method.
_SAME_SITE_GAIN: Final = 50
# A host with a typing error was meant for the page.
_MISSPELT_GAIN: Final = 100
_OTHER_HOST: Final = (
    Cause.ORIGIN_APEX,
    Cause.ORIGIN_SUBDOMAIN_DEPTH,
    Cause.ORIGIN_IP_LOCALHOST,
    Cause.ORIGIN_NULL,
    Cause.ORIGIN_NOT_LISTED,
)

_MAX_PATTERNS: Final = 16
_SEPARATORS = re.compile(r"[\s,;:|]+")
_REASONS: Final = {
    "allowed_origins": Reason.ORIGIN,
    "allowed_methods": Reason.METHOD,
    "allowed_headers": Reason.HEADERS,
}


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Where a request and a rule differ.

    :param field: of the rule, as :class:`~flask_bucketcors.Rule` spells it.
    :param asked: what the request has.
    :param nearest: the value of the rule that came nearest; None if none comes near.
    :param causes: what differs; the first is the one to name.
    """

    field: str
    asked: str
    nearest: str | None
    causes: tuple[Cause, ...]

    @property
    def kind(self) -> Kind:
        """The kind of its causes; of several, the one farthest from the rule."""
        return max(cause.kind for cause in self.causes)


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """How far a request came in one rule.

    :param rule: index of the rule, from 0.
    :param reason: the first check that failed; None if the rule allows the request.
    :param mismatches: everything that does not match, in the order of the checks.
    :param distance: how far the rule is from allowing the request, 0 if it does; the numbers
        have no meaning but their order.
    """

    rule: int
    reason: Reason | None
    mismatches: tuple[Mismatch, ...]
    distance: int = 0

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Why the rule does not allow the request, in order and each once."""
        return tuple(dict.fromkeys(cause for each in self.mismatches for cause in each.causes))


def trace_rules(rules: Sequence[PlainRule], request: PageRequest) -> tuple[RuleTrace, ...]:
    """Trace the request through every rule, from the top."""
    budget = MAX_COMPARED
    found = []
    for index, rule in enumerate(rules):
        near = rule.allowed_origins[: max(budget, 0)]
        found.append(_trace_rule(index, rule, request, near))
        budget -= len(rule.allowed_origins) + len(rule.allowed_headers)
    return tuple(found)


def _trace_rule(
    index: int, rule: PlainRule, request: PageRequest, near: Sequence[str]
) -> RuleTrace:
    compiled = CompiledRules(RuleSet([rule.stand_in]), request.dialect)
    grant = compiled.rules[0].grant
    # What only stands in for a list that the rule lacks allows nothing.
    allows_origin = rule.fields["allowed_origins"] and compiled.allowing(request.origin)
    allows_method = rule.fields["allowed_methods"] and request.method in grant.methods
    mismatches = [
        *(() if allows_origin else _origin_mismatch(request.origin, near)),
        *(() if allows_method else _method_mismatch(rule, request)),
        *(_header_mismatches(rule, grant, request) if request.judged_headers else ()),
    ]
    reason = _REASONS[mismatches[0].field] if mismatches else None
    distance = _distance(mismatches)
    if distance:
        distance += _host_cost(request.origin, near, mismatches[0])
    return RuleTrace(index, reason, tuple(mismatches), distance)


def _host_cost(origin: str, near: Sequence[str], first: Mismatch) -> int:
    """How far a rule is from naming the page's host, however it spells it.

    :param near: the values of its AllowedOrigin.
    :param first: what differs first.
    """
    if first.field != "allowed_origins":
        return min((_naming_cost(text) for text in near if covers(text, origin)), default=0)
    is_about_host = any(cause in _OTHER_HOST for cause in first.causes)
    if first.nearest is not None and (not is_about_host or _says_the_same(first)):
        return _naming_cost(first.nearest)
    if first.nearest is not None and is_misspelt(first.nearest, origin):
        return _OTHER_HOST_COST - _MISSPELT_GAIN
    if first.nearest is None and _is_same_site(origin, near):
        return _OTHER_HOST_COST - _SAME_SITE_GAIN
    return _OTHER_HOST_COST


def _naming_cost(pattern: str) -> int:
    if is_for_all(pattern):
        return _OTHER_HOST_COST + _ANY_ORIGIN_COST
    return _DOMAIN_COST if ANY in cut(pattern).host else 0


def _is_same_site(origin: str, near: Sequence[str]) -> bool:
    name = site(cut(origin).host, with_shared_domains(usual_public_suffix))
    return "." in name and any(f".{cut(text).host}".endswith(f".{name}") for text in near)


def _origin_mismatch(origin: str, near: Sequence[str]) -> Iterator[Mismatch]:
    compared = [
        Mismatch("allowed_origins", origin, text, origin_differences(text, origin)) for text in near
    ]
    best = min(compared, key=_cost, default=None)
    if best is None:
        causes = (Cause.ORIGIN_NULL,) if origin == NULL else NOT_NEAR
        yield Mismatch("allowed_origins", origin, None, causes)
    elif best.kind is Kind.UNRELATED and not _says_the_same(best):
        misspelt = (text for text in near if is_misspelt(text, origin))
        yield replace(best, nearest=None if origin == NULL else next(misspelt, None))
    else:
        yield best


def _method_mismatch(rule: PlainRule, request: PageRequest) -> Iterator[Mismatch]:
    method = request.method
    same = [each for each in rule.allowed_methods if each.strip().upper() == method.upper()]
    if same and method:
        yield Mismatch("allowed_methods", method, same[0], (Cause.METHOD_CASE,))
    elif method == "HEAD" and "GET" in map(str.upper, rule.allowed_methods):
        yield Mismatch("allowed_methods", method, "GET", (Cause.METHOD_HEAD_NOT_GET,))
    else:
        held = next((each for each in rule.allowed_methods if _names_method(each, method)), None)
        problem = method_problem(method, request.dialect.extra_methods)
        is_off = problem is ProblemReason.EXTRA_METHOD
        cause = Cause.METHOD_NOT_ENABLED if is_off else Cause.METHOD_MISSING
        yield Mismatch("allowed_methods", method, held, (cause,))


def _names_method(held: str, method: str) -> bool:
    # "GET,PUT" in one value, or a "*": meant, but not valid.
    return bool(method_problem(held)) and (held == ANY or (bool(method) and method in held.upper()))


def _header_mismatches(rule: PlainRule, grant: Grant, request: PageRequest) -> Iterator[Mismatch]:
    names = parse_requested_headers(request.judged_headers)
    if names is not None:
        refused = [name for name in names.sent if not grant.allows_header(name.lower())]
    else:
        given = request.headers[:MAX_REQUESTED_HEADERS]
        refused = [name for name in given if parse_requested_headers(name) is None]
        refused = refused or list(request.headers[:1])
    if refused:
        held = _HeldNames(rule.allowed_headers[:MAX_COMPARED])
        yield from (_header_mismatch(held, name) for name in dict.fromkeys(refused))


class _HeldNames:
    """The names of a rule, to be found by what somebody may have meant by them."""

    def __init__(self, names: Sequence[str]) -> None:
        self.by_dashes: dict[str, str] = {}
        self.by_looks: dict[str, str] = {}
        self.by_parts: dict[str, str] = {}
        # Patterns that are written wrong, as they were meant.
        self.patterns: list[tuple[str, str, Cause]] = []
        for name in reversed(names):
            text = name[:MAX_LENGTH].lower()
            self.by_dashes[text.replace("_", "-")] = name
            plain = without_invisible(text)
            if plain != text or not text.isascii():
                self.by_looks[skeleton(plain)] = name
            if ANY in text:
                self._keep_pattern(name, plain, text)
            if not is_header_name(name):
                # Several names in one value, or a name with its colon.
                self.by_parts.update(dict.fromkeys(_SEPARATORS.split(text), name))

    def _keep_pattern(self, name: str, plain: str, text: str) -> None:
        looks = skeleton(plain)
        if looks != skeleton(text) or not text.isascii():
            self.patterns.append((looks, name, Cause.HEADER_INVISIBLE_CHARACTER))
        elif "_" in text:
            self.patterns.append((text.replace("_", "-"), name, Cause.HEADER_UNDERSCORE))
        del self.patterns[:-_MAX_PATTERNS]

    def pattern_for(self, asked: str) -> tuple[str, Cause] | None:
        """A pattern that was meant to cover a name, and why it does not."""
        for meant, name, cause in self.patterns:
            by_looks = cause is Cause.HEADER_INVISIBLE_CHARACTER
            text = skeleton(asked) if by_looks else asked.replace("_", "-")
            if fits_as_meant(meant, text):
                return name, cause
        return None


def _header_mismatch(held: _HeldNames, name: str) -> Mismatch:
    asked = name[:MAX_LENGTH].lower()
    if without_invisible(asked) != asked or not asked.isascii():
        return _header(name, None, Cause.HEADER_INVISIBLE_CHARACTER)
    if dashed := held.by_dashes.get(asked.replace("_", "-")):
        return _header(name, dashed, Cause.HEADER_UNDERSCORE)
    if alike := held.by_looks.get(skeleton(asked)):
        return _header(name, alike, Cause.HEADER_INVISIBLE_CHARACTER)
    if (part := held.by_parts.get(asked)) is None and (found := held.pattern_for(asked)):
        return _header(name, *found)
    return _header(name, part)


def _header(name: str, held: str | None, cause: Cause = Cause.HEADER_MISSING) -> Mismatch:
    return Mismatch("allowed_headers", name, held, (cause,))


def _says_the_same(mismatch: Mismatch) -> bool:
    """Whether pattern and origin mean the same, and one of them is written wrong."""
    if mismatch.nearest is None:
        return False
    parts = several(mismatch.nearest) or [mismatch.nearest]
    if any(corrected_pattern(each, mismatch.asked) is not None for each in parts):
        return True
    sent = browser_form(mismatch.asked)
    if sent == mismatch.asked:
        return False
    return (
        sent == browser_form(mismatch.nearest)
        or corrected_pattern(mismatch.nearest, sent) is not None
    )


def _cost(mismatch: Mismatch) -> int:
    more = len(mismatch.causes) - 1
    if mismatch.kind is Kind.SPELLING:
        return Kind.SPELLING + more
    if mismatch.field == "allowed_origins" and _says_the_same(mismatch):
        return Kind.SPELLING + more
    return mismatch.kind + more * 5


def _distance(mismatches: Sequence[Mismatch]) -> int:
    headers = [_cost(each) for each in mismatches if each.field == "allowed_headers"]
    others = sum(_cost(each) for each in mismatches if each.field != "allowed_headers")
    # Ten missing names are one oversight. A rule that lacks only names was meant for such a
    # request, more likely than one that lacks the method: together they weigh less.
    return others + (min(max(headers), Kind.NOT_INCLUDED) + min(len(headers), 9) if headers else 0)
