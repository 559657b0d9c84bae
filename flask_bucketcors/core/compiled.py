"""Compiled rules: a rule set made ready to answer requests.

Everything that depends on the rules alone is done once, when they change. A request then
takes a few lookups; the header pairs it is answered with exist already, or lack the origin
alone.

Nothing here remembers requests that were refused, and nothing remembers origins at all but
those that a rule spells out: whoever invents origins fills no memory and slows nobody down.

Facts:

- COS best practice "Setting CORS" and 436/8288, sample 2: rules are tried from the top and
  the first whose origin, method **and** every requested header fit applies, even where a
  later one names the origin.
- 436/8288: what an allowed preflight carries; Allow-Headers holds all names of the rule in
  lower case, or the names asked for where the rule holds ``*``.
- Fetch, "CORS protocol": ``*`` never goes with credentials.
"""

from collections.abc import Hashable, Sequence
from enum import StrEnum
from functools import cache, lru_cache, partial
from typing import Any, Final, NamedTuple

from flask_bucketcors.core.dialects import COS, AllowHeaders, Dialect, find_dialect
from flask_bucketcors.core.headers import RequestedHeaders, parse_requested_headers
from flask_bucketcors.core.origins import NULL, is_origin
from flask_bucketcors.core.rules import Rule, RuleSet
from flask_bucketcors.core.wildcards import ANY, Wildcard, WildcardIndex

ALLOW_CREDENTIALS: Final = "Access-Control-Allow-Credentials"
ALLOW_HEADERS: Final = "Access-Control-Allow-Headers"
ALLOW_METHODS: Final = "Access-Control-Allow-Methods"
ALLOW_ORIGIN: Final = "Access-Control-Allow-Origin"
EXPOSE_HEADERS: Final = "Access-Control-Expose-Headers"
MAX_AGE: Final = "Access-Control-Max-Age"
VARY: Final = "Vary"

# Lists of requested headers that are remembered for all buckets of a middleware together,
# once they were allowed, and how much of their text.
MAX_REMEMBERED: Final = 1024
MAX_REMEMBERED_BYTES: Final = 512
# Rules that say the same but for their origins are one object, for so many of them.
MAX_SHARED: Final = 1024
# Origins of a bucket that are made ready before they are asked for.
MAX_READY: Final = 8
# Combinations of dialect and settings; a process uses a few.
MAX_FORMS: Final = 32

HeaderPairs = tuple[tuple[str, str], ...]
_NOTHING: Final[dict[str, tuple[int, ...]]] = {}


class Reason(StrEnum):
    """Why a request is not allowed.

    ``ORIGIN``, ``METHOD``, ``HEADERS``: the step that the rule which came nearest failed at.
    ``NO_RULES``: the bucket has none. ``UNREADABLE``: they changed and cannot be read.
    ``RULES_CALL``: the request would read or edit the rules, which no page may do here.
    """

    ORIGIN = "origin"
    METHOD = "method"
    HEADERS = "headers"
    NO_RULES = "no_rules"
    UNREADABLE = "unreadable"
    RULES_CALL = "rules_call"


class VaryMode(StrEnum):
    """When answers say that they depend on the origin.

    ``SAFE``: every answer of a bucket that has rules, so that no cache can hand one site's
    answer to another. ``VENDOR``: only what the dialect's documents show.
    """

    SAFE = "safe"
    VENDOR = "vendor"


class Decision(NamedTuple):
    """What the rules say to one request.

    :param headers: ready-made pairs: Access-Control-* if it is allowed, and Vary.
    :param rule: index of the rule that decided, from 0; None if none allows the request.
    :param reason: None if it is allowed.
    """

    headers: HeaderPairs
    rule: int | None = None
    reason: Reason | None = None

    @property
    def allowed(self) -> bool:
        return self.reason is None


class Forms:
    """How answers are written; what the rules of all buckets of a middleware have in common.

    :param dialect: whose forms.
    :param vary: see :class:`VaryMode`.
    :param response_vary: the owner's ResponseVary.
    :param allow_credentials: whether an answer that names the origin also allows credentials.
    """

    def __init__(
        self, dialect: Dialect, vary: VaryMode, response_vary: bool, allow_credentials: bool
    ) -> None:
        self.join = dialect.list_separator.join
        self.allow_headers = dialect.allow_headers
        self.actual_in_full = dialect.actual_in_full
        self.allow_credentials = allow_credentials
        always = vary is VaryMode.SAFE or (response_vary and not dialect.varies_on_match)
        on_match = always or dialect.varies_on_match
        self.vary = actual_vary(dialect, vary) if on_match else ()
        self.preflight_vary = preflight_vary(dialect, vary) if on_match else ()
        #: What an answer carries if the request names no origin, or one that is refused.
        self.refused_vary = self.vary if always else ()
        self.refused_actuals = _refusals(self.refused_vary)
        self.refused_preflights = _refusals(self.preflight_vary if always else ())
        #: The same as a list to add to an application's headers.
        self.without_origin = list(self.refused_vary)
        self._grant = lru_cache(MAX_SHARED)(partial(Grant, self))
        #: Gives the compiled rule for all of a rule but its origins.
        self.compile_rule = lru_cache(MAX_SHARED)(self._compile_rule)
        self._memories: list[dict[str, HeaderPairs]] = []

    def _compile_rule(self, max_age: int | None, *granted: Any) -> "CompiledRule":
        return CompiledRule(self._grant(*granted), max_age)

    def remember(self, memory: dict[str, HeaderPairs], text: str, pairs: HeaderPairs) -> None:
        """Spare the next request that asks for these headers the reading of them.

        :param memory: the rule's own.
        :param text: Access-Control-Request-Headers as sent, of a request that was allowed.
        """
        # Forgetting everything now and then is cheaper than keeping an order of use.
        if len(self._memories) >= MAX_REMEMBERED:
            for each in self._memories:
                each.clear()
            self._memories = []
        memory[text] = pairs
        self._memories.append(memory)


class Grant:
    """What a rule allows its origins to do: all of it but the origins and the max-age.

    Most rules of most buckets have one of a few grants, which they share.
    """

    __slots__ = (
        "_actual_end",
        "_any_header",
        "_credentials",
        "_fixed_headers",
        "_fixed_value",
        "_forms",
        "_header_names",
        "_header_patterns",
        "_preflight_end",
        "actual_in_full",
        "any_origin",
        "methods",
        "preflights",
    )

    def __init__(
        self,
        forms: Forms,
        any_origin: bool,
        methods: Sequence[str],
        headers: Sequence[str],
        exposed: Sequence[str],
    ) -> None:
        self._forms = forms
        self.actual_in_full = forms.actual_in_full
        self.any_origin = any_origin
        self.methods = methods
        self._any_header = ANY in headers
        names = [name.lower() for name in headers]
        self._fixed_headers = tuple(name for name in names if ANY not in name)
        self._fixed_value = forms.join(self._fixed_headers)
        self._header_names = frozenset(self._fixed_headers)
        wildcards = [(found, True) for found in map(Wildcard.parse, names) if found]
        self._header_patterns = WildcardIndex(wildcards) if wildcards else None
        credentials = forms.allow_credentials and not any_origin
        self._credentials = _pair(ALLOW_CREDENTIALS, "true" if credentials else "")
        exposed_pairs = _pair(EXPOSE_HEADERS, forms.join(exposed))
        methods_pairs = _pair(ALLOW_METHODS, forms.join(methods))
        in_full = methods_pairs if forms.actual_in_full else ()
        self._actual_end = (*self._credentials, *exposed_pairs, *in_full, *forms.vary)
        self._preflight_end = (*methods_pairs, *exposed_pairs, *forms.preflight_vary)
        #: Access-Control-Request-Headers as sent to the pairs of the answer that are the same
        #: for all origins and rules of this grant.
        self.preflights: dict[str, HeaderPairs] = {}

    def allows_header(self, name: str) -> bool:
        """Whether a request header may be sent; ``name`` is in lower case, names have no case."""
        return (
            self._any_header
            or name in self._header_names
            or (self._header_patterns is not None and bool(self._header_patterns.find(name)))
        )

    def allow_origin(self, origin: str) -> tuple[str, str]:
        """The pair that answers an origin that the rule allows."""
        return (ALLOW_ORIGIN, ANY if self.any_origin else origin)

    def actual(self, origin: str) -> HeaderPairs:
        """The pairs of the answer to an actual request that the rule allows, max-age apart."""
        return (self.allow_origin(origin), *self._actual_end)

    def preflight(self, requested_headers: str) -> HeaderPairs | None:
        """The pairs of the answer to a preflight that are the grant's; None if it is refused.

        :param requested_headers: Access-Control-Request-Headers as sent.
        """
        pairs = self.preflights.get(requested_headers)
        if pairs is None:
            requested = parse_requested_headers(requested_headers)
            if requested is None or not all(map(self.allows_header, requested.names)):
                return None
            allowed = self._allow_headers(requested)
            pairs = (*self._credentials, *_pair(ALLOW_HEADERS, allowed), *self._preflight_end)
            # What all answers of the rule share takes no room of its own.
            own = "" if allowed is self._fixed_value else allowed
            if max(len(requested_headers), len(own)) <= MAX_REMEMBERED_BYTES:
                self._forms.remember(self.preflights, requested_headers, pairs)
        return pairs

    def _allow_headers(self, requested: RequestedHeaders) -> str:
        """The Allow-Headers value; ``requested`` are names that the rule allows.

        A browser takes ``x-cos-meta-*`` for a name, so a pattern is answered with the names
        that were asked for.
        """
        if self._forms.allow_headers is AllowHeaders.LOWERED:
            return self._forms.join(requested.names)
        if self._any_header or self._forms.allow_headers is AllowHeaders.REQUESTED:
            return self._forms.join(requested.sent)
        # A dict keeps the order and drops what was asked for twice.
        by_pattern = dict.fromkeys(n for n in requested.names if n not in self._header_names)
        if not by_pattern:
            return self._fixed_value
        return self._forms.join((*self._fixed_headers, *by_pattern))


class CompiledRule:
    """A rule but for its origins.

    :param max_age: the pair of its max-age, if it has one.
    """

    __slots__ = ("grant", "max_age")

    def __init__(self, grant: Grant, max_age: int | None) -> None:
        self.grant = grant
        self.max_age = _pair(MAX_AGE, "" if max_age is None else str(max_age))

    def actual(self, origin: str) -> HeaderPairs:
        """The pairs of the answer to an actual request that the rule allows."""
        pairs = self.grant.actual(origin)
        return (*pairs, *self.max_age) if self.grant.actual_in_full else pairs

    def own_pairs(self, origin: str) -> HeaderPairs:
        """The pairs of a preflight's answer that are not the grant's."""
        return (self.grant.allow_origin(origin), *self.max_age)


class Candidate:
    """A rule that allows an origin, and those below it that do.

    A chain and not a list, because a loop over a list begins with making an iterator.

    :param index: which one, from 0.
    :param methods, preflights: the grant's.
    :param own_pairs: see :meth:`CompiledRule.own_pairs`.
    :param decision: about its actual requests, if the method is one of the rule's.
    :param added_headers: those of the decision, as a list to add to an application's.
    :param next: the next rule that allows the origin; None for the last.
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
        self, index: int, rule: CompiledRule, origin: str, next: "Candidate | None"
    ) -> None:
        self.index = index
        self.next = next
        self.methods = rule.grant.methods
        self.preflights = rule.grant.preflights
        self.own_pairs = rule.own_pairs(origin)
        self.decision = Decision(rule.actual(origin), index)
        # Not the decision's own: what an application may get hold of cannot be changed.
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
    :param dialect: whose forms the answers take, or its name.
    :param vary: see :class:`VaryMode`.
    :param allow_credentials: whether an answer that names the origin also allows credentials,
        as COS and S3 do.
    :raises ValueError: if there is no such dialect or mode.

    What an instance decides does not change. It grows by what it has looked up already: the
    origins that the rules spell out, and lists of headers that were allowed. Threads share it.
    """

    __slots__ = (
        "_any_origin",
        "_forms",
        "_literals",
        "_patterns",
        "by_origin",
        "rules",
        "version",
        "without_origin",
    )

    def __init__(
        self,
        rule_set: RuleSet,
        dialect: Dialect | str = COS,
        *,
        vary: VaryMode | str = VaryMode.SAFE,
        allow_credentials: bool = True,
    ) -> None:
        dialect = find_dialect(dialect) if isinstance(dialect, str) else dialect
        response_vary = bool(rule_set.response_vary)
        self._forms = forms = _forms(dialect, VaryMode(vary), response_vary, allow_credentials)
        #: What the rules were known by where they were read; for whoever keeps them.
        self.version: Hashable = None
        #: What an answer carries if the request names no origin.
        self.without_origin = forms.without_origin
        self.rules = tuple(_compile_rule(rule, forms) for rule in rule_set.rules)
        self._literals, self._patterns = _index_origins(rule_set)
        self._any_origin = tuple(i for i, rule in enumerate(self.rules) if rule.grant.any_origin)
        #: Origins that the rules spell out, to the rules that allow them: all where there are
        #: few, else those that were asked for.
        self.by_origin: dict[str, Candidate] = {}
        if len(self._literals) <= MAX_READY:
            for origin in self._literals:
                self._allowing(origin)
            self._literals = _NOTHING

    def preflight(self, origin: str, method: str, requested_headers: str = "") -> Decision:
        """Decide about a preflight.

        :param origin: the Origin header as sent.
        :param method: Access-Control-Request-Method as sent.
        :param requested_headers: Access-Control-Request-Headers as sent; ``""`` if it was not.
        """
        nearest = Reason.ORIGIN
        for index in self._allowing(origin):
            rule = self.rules[index]
            if method in rule.grant.methods:
                pairs = rule.grant.preflight(requested_headers)
                if pairs is not None:
                    return Decision((*rule.own_pairs(origin), *pairs), index)
                nearest = Reason.HEADERS
            elif nearest is Reason.ORIGIN:
                nearest = Reason.METHOD
        return self._forms.refused_preflights[nearest]

    def actual(self, origin: str, method: str, requested_headers: str = "") -> Decision:
        """Decide about an actual request.

        :param origin: the Origin header as sent.
        :param method: the request's; where the dialect decides by what is requested,
            Access-Control-Request-Method if it was sent.
        :param requested_headers: in such a dialect, Access-Control-Request-Headers as sent.
        """
        nearest = Reason.ORIGIN
        for index in self._allowing(origin):
            rule = self.rules[index]
            if method in rule.grant.methods:
                if not requested_headers or rule.grant.preflight(requested_headers) is not None:
                    return Decision(rule.actual(origin), index)
                nearest = Reason.HEADERS
            elif nearest is Reason.ORIGIN:
                nearest = Reason.METHOD
        return self._forms.refused_actuals[nearest]

    def _allowing(self, origin: str) -> Sequence[int]:
        """The rules that allow an origin, from the top; one that is spelt out is made ready."""
        ready = self.by_origin.get(origin)
        if ready is not None:
            return ready.indexes()
        literal = self._literals.get(origin, ())
        covering = self._covering(origin)
        if not literal:
            return covering
        indexes = sorted({*literal, *covering})
        self.by_origin[origin] = self._chain(indexes, origin)
        return indexes

    def _covering(self, origin: str) -> Sequence[int]:
        """The rules with a ``*`` that covers an origin, from the top."""
        if not self._any_origin and self._patterns is None:
            return ()
        if origin == NULL:
            return self._any_origin
        if not is_origin(origin):
            return ()
        found = self._patterns.find(origin) if self._patterns else ()
        if len(found) + len(self._any_origin) > 1:
            return sorted({*found, *self._any_origin})
        return found or self._any_origin

    def _chain(self, indexes: Sequence[int], origin: str) -> Candidate:
        last, *others = reversed(indexes)
        chain = Candidate(last, self.rules[last], origin, None)
        for index in others:
            chain = Candidate(index, self.rules[index], origin, chain)
        return chain


class ClosedRules:
    """Stands in for compiled rules where no request is allowed, all for one reason.

    In COS a preflight that is refused looks the same whether a bucket has other rules or none.
    OSS, S3 and OBS tell these apart. In all of them a bucket that is missing looks like one
    without rules, so that nobody learns which there are.

    :param reason: why.
    :param dialect: whose forms the answers take.
    :param vary: see :class:`VaryMode`.
    """

    __slots__ = ("_actual", "_preflight", "by_origin", "version", "without_origin")

    def __init__(
        self, reason: Reason, dialect: Dialect = COS, *, vary: VaryMode = VaryMode.SAFE
    ) -> None:
        forms = _forms(dialect, vary, False, False)
        self.version: Hashable = None
        self.without_origin = forms.without_origin
        self.by_origin: dict[str, Candidate] = {}
        self._preflight = forms.refused_preflights[reason]
        self._actual = forms.refused_actuals[reason]

    def preflight(self, origin: str, method: str, requested_headers: str = "") -> Decision:
        return self._preflight

    def actual(self, origin: str, method: str, requested_headers: str = "") -> Decision:
        return self._actual


@lru_cache(MAX_FORMS)
def _forms(dialect: Dialect, vary: VaryMode, response_vary: bool, allow_credentials: bool) -> Forms:
    return Forms(dialect, vary, response_vary, allow_credentials)


def _compile_rule(rule: Rule, forms: Forms) -> CompiledRule:
    return forms.compile_rule(
        rule.max_age_seconds,
        ANY in rule.allowed_origins,
        rule.allowed_methods,
        rule.allowed_headers,
        rule.expose_headers,
    )


def _index_origins(
    rule_set: RuleSet,
) -> tuple[dict[str, tuple[int, ...]], WildcardIndex[int] | None]:
    """What finds the rules of an origin: by the ones spelt out, and by a ``*`` in another text."""
    literals: dict[str, tuple[int, ...]] = {}
    patterns = []
    for index, rule in enumerate(rule_set.rules):
        # Most origins stand in one rule: they share its tuple.
        own = (index,)
        for origin in rule.allowed_origins:
            # Looking for a star is much cheaper than cutting at it.
            wildcard = Wildcard.parse(origin) if ANY in origin else None
            if wildcard is None:
                literals[origin] = literals[origin] + own if origin in literals else own
            elif origin != ANY:
                patterns.append((wildcard, index))
    return literals, WildcardIndex(patterns) if patterns else None


def preflight_vary(dialect: Dialect, vary: VaryMode) -> HeaderPairs:
    """What says on what the answer to a preflight depends."""
    if vary is VaryMode.SAFE:
        return ((VARY, "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),)
    return actual_vary(dialect, vary)


def actual_vary(dialect: Dialect, vary: VaryMode) -> HeaderPairs:
    """What says on what the answer to an actual request depends."""
    if dialect.decides_by_requested:
        return ((VARY, "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"),)
    return ((VARY, "Origin"),)


@cache
def _refusals(headers: HeaderPairs) -> dict[Reason, Decision]:
    """The refusals with these headers; they are the same for every bucket, and shared."""
    return {reason: Decision(headers, reason=reason) for reason in Reason}


def _pair(name: str, value: str) -> HeaderPairs:
    """The header as the only pair; no pair where there is no value."""
    return ((name, value),) if value else ()
