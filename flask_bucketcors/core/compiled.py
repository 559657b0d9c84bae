"""Compiled rules: a rule set made ready to decide requests.

Work that depends only on the rules is done once, when they change. A request then takes a few
lookups. The header pairs of its response exist already, or lack only the origin.

Nothing here remembers refused requests, or origins that no rule spells out. So a client that
invents origins neither fills memory nor slows down others.

Facts:

- COS best practice "Setting CORS" and 436/8288, sample 2: rules are tried from the top and
  the first whose origin, method **and** every requested header fit applies, even if a later
  rule names the origin.
"""

from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from typing import Final, NamedTuple

from flask_bucketcors.core.dialects import Dialect, find_dialect
from flask_bucketcors.core.grants import CompiledRule, Grant, HeaderPairs, VaryMode, forms_of
from flask_bucketcors.core.headers import RequestedHeaders, parse_requested_headers
from flask_bucketcors.core.origins import fits_any, is_origin
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.core.wildcards import ANY, Wildcard, WildcardIndex

# If a bucket has at most this many origins, they are made ready before the first request.
MAX_READY: Final = 8
# How many rules a bucket keeps ready for its origins. Beyond this, it starts again with none.
MAX_READY_RULES: Final = 2048
_NOTHING: Final[dict[str, tuple[int, ...]]] = {}


class Reason(StrEnum):
    """Why a request is not allowed.

    ``ORIGIN``, ``METHOD``, ``HEADERS``: the step at which the nearest rule failed.
    ``NO_RULES``: the bucket has no rules. ``UNREADABLE``: its rules cannot be read.
    ``RULES_CALL``: the request would read or edit the rules, which pages may not do here.
    ``DOT_SEGMENT``: the path has a segment ``..``, so it is not clear whose rules apply.
    """

    ORIGIN = "origin"
    METHOD = "method"
    HEADERS = "headers"
    NO_RULES = "no_rules"
    UNREADABLE = "unreadable"
    RULES_CALL = "rules_call"
    DOT_SEGMENT = "dot_segment"


class Decision(NamedTuple):
    """What the rules decide about one request.

    :param headers: header pairs of the response: Access-Control-* if it is allowed, and Vary.
    :param rule: index of the rule that allows the request, from 0; None if no rule does.
    :param reason: why the request is not allowed; None if it is.
    :param is_default: whether the default rules decided, because the bucket has no rules of its
        own.
    """

    headers: HeaderPairs
    rule: int | None = None
    reason: Reason | None = None
    is_default: bool = False

    @property
    def allowed(self) -> bool:
        """Whether a rule allows the request."""
        return self.reason is None


class Candidate:
    """A rule that allows an origin, and the rules below it that do.

    It is a chain and not a list, because a loop over a list begins with making an iterator.

    :param index: index of the rule, from 0.
    :param methods, preflights: those of the grant.
    :param own_pairs: see :meth:`CompiledRule.own_pairs`.
    :param decision: the decision about an actual request with one of the rule's methods.
    :param added_headers: the headers of the decision, as a list to add to an application's.
    :param next: the next rule that allows the origin; None for the last.
    :param is_default: see :class:`Decision`.
    """

    __slots__ = (
        "added_headers",
        "decision",
        "index",
        "methods",
        "next",
        "own_pairs",
        "preflights",
    )

    def __init__(
        self,
        index: int,
        rule: CompiledRule,
        origin: str,
        next: "Candidate | None",
        is_default: bool,
    ) -> None:
        self.index = index
        self.next = next
        self.methods = rule.grant.methods
        self.preflights = rule.grant.preflights
        self.own_pairs = rule.own_pairs(origin)
        self.decision = Decision(rule.actual(origin), index, None, is_default)
        # A separate list: the application has access to the decision, and must not change this.
        self.added_headers = list(self.decision.headers)

    def indexes(self) -> list[int]:
        """The indexes of this rule and of those below it that allow the origin."""
        found: list[int] = []
        rule: Candidate | None = self
        while rule is not None:
            found.append(rule.index)
            rule = rule.next
        return found


class CompiledRules:
    """A rule set, ready to decide about requests in one dialect.

    :param rule_set: the rules.
    :param dialect: the form of the responses: a dialect or its name.
    :param vary: see :class:`VaryMode`.
    :param allow_credentials: whether a response that names the origin also allows credentials,
        as COS and S3 do.
    :param timing_allow_origin: whether the response to an actual request carries
        Timing-Allow-Origin, so that the page may read its timing.
    :param is_default: whether these are the default rules, for buckets without rules of their own.
    :raises ValueError: if there is no such dialect or mode.

    The decisions of an instance do not change. It remembers lookups: the origins that the rules
    spell out, and allowed lists of requested headers. Threads can share it.
    """

    __slots__ = (
        "_any_origin",
        "_forms",
        "_is_default",
        "_literals",
        "_patterns",
        "_ready",
        "by_origin",
        "rules",
        "without_origin",
    )

    def __init__(
        self,
        rule_set: RuleSet,
        dialect: Dialect | str = "cos",
        *,
        vary: VaryMode | str = VaryMode.SAFE,
        allow_credentials: bool = True,
        timing_allow_origin: bool = False,
        is_default: bool = False,
    ) -> None:
        dialect = find_dialect(dialect)
        response_vary = bool(rule_set.response_vary)
        self._forms = forms = forms_of(
            dialect, VaryMode(vary), response_vary, allow_credentials, timing_allow_origin
        )
        self._is_default = is_default
        #: What a response carries if the request has no origin.
        self.without_origin = forms.without_origin
        self.rules = tuple(forms.compile_rule(rule) for rule in rule_set.rules)
        self._literals, self._patterns = _index_origins(rule_set)
        self._any_origin = tuple(i for i, rule in enumerate(self.rules) if rule.grant.any_origin)
        #: The rules that allow each origin that the rules spell out: all such origins if there
        #: are few, otherwise those of earlier requests.
        self.by_origin: dict[str, Candidate] = {}
        self._ready = 0
        if len(self._literals) <= MAX_READY:
            for origin in self._literals:
                self.allowing(origin)
            self._literals = _NOTHING

    def preflight(self, origin: str, method: str, requested_headers: str = "") -> Decision:
        """Decide a preflight.

        :param origin: the Origin header as sent.
        :param method: Access-Control-Request-Method as sent.
        :param requested_headers: Access-Control-Request-Headers as sent; ``""`` if it was not sent.
        """
        index, pairs, nearest = self._decide(origin, method, requested_headers)
        if pairs is None:
            return refusals(self._forms.refused_preflight_vary, self._is_default)[nearest]
        headers = (*self.rules[index].own_pairs(origin), *pairs)
        return Decision(headers, index, None, self._is_default)

    def actual(self, origin: str, method: str, requested_headers: str = "") -> Decision:
        """Decide an actual request.

        :param origin: the Origin header as sent.
        :param method: the request's; where the dialect decides by what is requested,
            Access-Control-Request-Method if it was sent.
        :param requested_headers: in such a dialect, Access-Control-Request-Headers as sent.
        """
        index, pairs, nearest = self._decide(origin, method, requested_headers)
        if pairs is None:
            return refusals(self._forms.refused_vary, self._is_default)[nearest]
        return Decision(self.rules[index].actual(origin), index, None, self._is_default)

    def _decide(
        self, origin: str, method: str, requested_headers: str
    ) -> tuple[int, HeaderPairs | None, Reason]:
        """The first rule that allows a request, and its grant's pairs for a preflight.

        Without pairs, no rule allows it. The reason is the step at which the nearest rule failed.
        """
        nearest = Reason.ORIGIN
        requested: RequestedHeaders | None = None
        refusing: set[Grant] = set()
        for index in self.allowing(origin):
            grant = self.rules[index].grant
            if method not in grant.methods:
                nearest = Reason.METHOD if nearest is Reason.ORIGIN else nearest
                continue
            nearest = Reason.HEADERS
            # Parsed once, and only when a rule fits origin and method.
            if requested is None:
                requested = parse_requested_headers(requested_headers)
            if requested is None:
                break
            pairs = None if grant in refusing else grant.preflight(requested)
            if pairs is not None:
                return index, pairs, nearest
            refusing.add(grant)
        return -1, None, nearest

    def allowing(self, origin: str) -> Sequence[int]:
        """Give the indexes of the rules that allow an origin, from the top.

        An origin that a rule spells out is kept ready for the next request.

        :param origin: the Origin header as sent.
        """
        ready = self.by_origin.get(origin)
        if ready is not None:
            return ready.indexes()
        literal = self._literals.get(origin, ())
        covering = self._covering(origin)
        if not literal:
            return covering
        indexes = sorted({*literal, *covering})
        self._ready += len(indexes)
        if self._ready > MAX_READY_RULES:
            self.by_origin.clear()
            self._ready = len(indexes)
        self.by_origin[origin] = self._chain(indexes, origin)
        return indexes

    def _covering(self, origin: str) -> Sequence[int]:
        """The rules with a ``*`` that covers an origin, from the top."""
        if self._patterns is None or not is_origin(origin):
            return self._any_origin if self._any_origin and fits_any(origin) else ()
        found = self._patterns.find(origin)
        if len(found) + len(self._any_origin) > 1:
            return sorted({*found, *self._any_origin})
        return found or self._any_origin

    def _chain(self, indexes: Sequence[int], origin: str) -> Candidate:
        last, *others = reversed(indexes)
        chain = Candidate(last, self.rules[last], origin, None, self._is_default)
        for index in others:
            chain = Candidate(index, self.rules[index], origin, chain, self._is_default)
        return chain


def _index_origins(
    rule_set: RuleSet,
) -> tuple[dict[str, tuple[int, ...]], WildcardIndex[int] | None]:
    """Index rules by the origins that they spell out, and by patterns with ``*`` in a text."""
    literals: dict[str, tuple[int, ...]] = {}
    patterns = []
    for index, rule in enumerate(rule_set.rules):
        # Most origins are in one rule only, and share its tuple.
        own = (index,)
        for origin in rule.allowed_origins:
            # Searching for a star is much faster than splitting at it.
            wildcard = Wildcard.parse(origin) if ANY in origin else None
            if wildcard is None:
                literals[origin] = literals[origin] + own if origin in literals else own
            elif origin != ANY:
                patterns.append((wildcard, index))
    return literals, WildcardIndex(patterns) if patterns else None


@cache
def refusals(headers: HeaderPairs, is_default: bool = False) -> dict[Reason, Decision]:
    """Give the refusals with these headers. All buckets share them."""
    return {reason: Decision(headers, None, reason, is_default) for reason in Reason}
