"""Compiled rules: a rule set made ready to answer requests.

Everything that depends on the rules alone is done once, when they change. A request then
takes a lookup, and the first time an origin or a list of headers is seen a few comparisons;
the header pairs it is answered with exist already.

Facts:

- COS best practice "Setting CORS" and 436/8288, sample 2: rules are tried from the top and
  the first whose origin, method **and** every requested header fit applies, even where a
  later one names the origin.
- 436/8288: what an allowed preflight carries; Allow-Headers holds all names of the rule in
  lower case, or the names asked for where the rule holds ``*``.
- Fetch, "CORS protocol": ``*`` never goes with credentials.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import cache
from typing import Final, NamedTuple, TypeVar

from flask_bucketcors.core.dialects import COS, Dialect
from flask_bucketcors.core.headers import parse_requested_headers
from flask_bucketcors.core.origins import OriginPattern
from flask_bucketcors.core.rules import Rule, RuleSet
from flask_bucketcors.core.wildcards import ANY, Wildcard

ALLOW_CREDENTIALS: Final = "Access-Control-Allow-Credentials"
ALLOW_HEADERS: Final = "Access-Control-Allow-Headers"
ALLOW_METHODS: Final = "Access-Control-Allow-Methods"
ALLOW_ORIGIN: Final = "Access-Control-Allow-Origin"
EXPOSE_HEADERS: Final = "Access-Control-Expose-Headers"
MAX_AGE: Final = "Access-Control-Max-Age"
VARY: Final = "Vary"

MAX_METHOD_BYTES: Final = 64
# Allowed requests that a bucket remembers the decision for, and how much of their text.
# Refused ones are never remembered, so that nobody fills the memory by inventing origins.
MAX_REMEMBERED: Final = 16
MAX_REMEMBERED_BYTES: Final = 512

HeaderPairs = tuple[tuple[str, str], ...]
_Key = TypeVar("_Key")


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


# In the order in which a rule is compared with a request.
_STEPS: Final = (Reason.ORIGIN, Reason.METHOD, Reason.HEADERS)


class VaryMode(StrEnum):
    """When answers say that they depend on the origin.

    ``SAFE``: every answer of a bucket that has rules, so that no cache can hand one site's
    answer to another. ``VENDOR``: only what the dialect's documents show.
    """

    SAFE = "safe"
    VENDOR = "vendor"


class Decision(NamedTuple):
    """What the rules say to one request.

    :param headers: ready-made pairs: Access-Control-* if it is allowed, for a preflight
        Vary as well.
    :param rule: index of the rule that decided, from 0; None if none allows the request.
    :param reason: None if it is allowed.
    """

    headers: HeaderPairs
    rule: int | None = None
    reason: Reason | None = None

    @property
    def allowed(self) -> bool:
        return self.reason is None


class CompiledRule:
    """The predicates of one rule and the parts of the answer that it gives."""

    __slots__ = (
        "any_header",
        "any_origin",
        "expose_value",
        "header_names",
        "header_patterns",
        "methods_value",
        "origin_patterns",
        "origins",
        "rule",
        "separator",
    )

    def __init__(self, rule: Rule, dialect: Dialect) -> None:
        join = dialect.list_separator.join
        self.rule = rule
        patterns = tuple(map(OriginPattern, rule.allowed_origins))
        self.any_origin = any(pattern.is_any for pattern in patterns)
        self.origins = frozenset(pattern.text for pattern in patterns if not pattern.wildcard)
        self.origin_patterns = tuple(pattern for pattern in patterns if pattern.wildcard)
        self.any_header = ANY in rule.allowed_headers
        names = tuple(name.lower() for name in rule.allowed_headers)
        self.header_names = tuple(name for name in names if ANY not in name)
        self.header_patterns = frozenset(filter(None, map(Wildcard.parse, names)))
        self.separator = dialect.list_separator
        self.methods_value = join(rule.allowed_methods)
        self.expose_value = join(rule.expose_headers)

    def failed_step(self, origin: str, method: str, names: Iterable[str] | None) -> Reason | None:
        """The first of the three conditions that a request does not meet; None if it meets all.

        :param names: requested headers; None where they cannot be read, which no rule allows.
        """
        if not self.allows_origin(origin):
            return Reason.ORIGIN
        if not self.allows_method(method):
            return Reason.METHOD
        if names is None or not all(map(self.allows_header, names)):
            return Reason.HEADERS
        return None

    def allows_origin(self, origin: str) -> bool:
        return origin in self.origins or any(
            pattern.matches(origin) for pattern in self.origin_patterns
        )

    def allows_method(self, method: str) -> bool:
        return method in self.rule.allowed_methods

    def allows_header(self, name: str) -> bool:
        """Whether a request header may be sent; names have no case (RFC 9110, 5.1)."""
        name = name.lower()
        return (
            self.any_header
            or name in self.header_names
            or any(pattern.fits(name) for pattern in self.header_patterns)
        )

    def allow_headers_value(self, requested: Sequence[str]) -> str:
        """The Allow-Headers value; ``requested`` are names that the rule allows.

        A browser takes ``x-cos-meta-*`` for a name, so a pattern is answered with the names
        that were asked for.
        """
        if self.any_header:
            return self.separator.join(requested)
        asked = (name.lower() for name in requested)
        # A dict keeps the order and drops what was asked for twice.
        by_pattern = dict.fromkeys(name for name in asked if name not in self.header_names)
        return self.separator.join((*self.header_names, *by_pattern))


class CompiledRules:
    """A rule set, ready to decide about requests in one dialect.

    :param rule_set: the rules.
    :param dialect: whose forms the answers take.
    :param vary: see :class:`VaryMode`.
    :param allow_credentials: whether an answer that names the origin also allows credentials,
        as COS and S3 do.

    Instances do not change, but for a bounded memory of requests that were allowed; threads
    share them.
    """

    __slots__ = (
        "_actuals",
        "_allow_credentials",
        "_preflight_vary",
        "_preflights",
        "_refused_actuals",
        "_refused_preflights",
        "rules",
        "varies",
    )

    def __init__(
        self,
        rule_set: RuleSet,
        dialect: Dialect = COS,
        *,
        vary: VaryMode | str = VaryMode.SAFE,
        allow_credentials: bool = True,
    ) -> None:
        safe = VaryMode(vary) is VaryMode.SAFE
        #: Whether every answer of the bucket is to carry ``Vary: Origin``.
        self.varies = safe or bool(rule_set.response_vary)
        self.rules = tuple(CompiledRule(rule, dialect) for rule in rule_set.rules)
        self._allow_credentials = allow_credentials
        self._preflight_vary = _preflight_vary(safe=safe, varies=self.varies)
        self._refused_preflights = _refusals(self._preflight_vary)
        self._refused_actuals = _refusals(())
        self._preflights: dict[tuple[str, str, str], Decision] = {}
        self._actuals: dict[tuple[str, str], Decision] = {}

    def preflight(self, origin: str, method: str, requested_headers: str = "") -> Decision:
        """Decide about a preflight.

        :param origin: the Origin header as sent.
        :param method: Access-Control-Request-Method as sent.
        :param requested_headers: Access-Control-Request-Headers as sent; ``""`` if it was not.
        """
        key = (origin, method, requested_headers)
        decision = self._preflights.get(key)
        if decision is None:
            decision = self._decide_preflight(*key)
            if decision.allowed and len(requested_headers) <= MAX_REMEMBERED_BYTES:
                _remember(self._preflights, key, decision)
        return decision

    def actual(self, origin: str, method: str) -> Decision:
        """Decide about an actual request: ``origin`` and ``method`` as sent."""
        key = (origin, method)
        decision = self._actuals.get(key)
        if decision is None:
            decision = self._decide_actual(*key)
            if decision.allowed:
                _remember(self._actuals, key, decision)
        return decision

    def first_match(self, origin: str, method: str, names: Sequence[str] | None) -> int | Reason:
        """Find the first rule that allows a request, or the step that the nearest one failed at.

        The parameters are those of :meth:`CompiledRule.failed_step`.
        """
        nearest = Reason.ORIGIN
        for index, rule in enumerate(self.rules):
            failed = rule.failed_step(origin, method, names)
            if failed is None:
                return index
            if _STEPS.index(failed) > _STEPS.index(nearest):
                nearest = failed
        return nearest

    def _decide_preflight(self, origin: str, method: str, requested_headers: str) -> Decision:
        names = parse_requested_headers(requested_headers)
        known_method = method if len(method) <= MAX_METHOD_BYTES else ""
        found = self.first_match(origin, known_method, names)
        if isinstance(found, Reason):
            return self._refused_preflights[found]
        return Decision(self._preflight_headers(found, origin, names or ()), rule=found)

    def _decide_actual(self, origin: str, method: str) -> Decision:
        found = self.first_match(origin, method, ())
        if isinstance(found, Reason):
            return self._refused_actuals[found]
        rule = self.rules[found]
        pairs = (
            *self._credentials(rule),
            (ALLOW_ORIGIN, ANY if rule.any_origin else origin),
            (EXPOSE_HEADERS, rule.expose_value),
        )
        return Decision(_with_values(pairs), rule=found)

    def _preflight_headers(self, index: int, origin: str, names: Sequence[str]) -> HeaderPairs:
        # The order is that of the samples in 436/8288.
        rule = self.rules[index]
        max_age = rule.rule.max_age_seconds
        pairs = (
            *self._credentials(rule),
            (ALLOW_HEADERS, rule.allow_headers_value(names)),
            (ALLOW_METHODS, rule.methods_value),
            (ALLOW_ORIGIN, ANY if rule.any_origin else origin),
            (EXPOSE_HEADERS, rule.expose_value),
            (MAX_AGE, "" if max_age is None else str(max_age)),
        )
        return (*_with_values(pairs), *self._preflight_vary)

    def _credentials(self, rule: CompiledRule) -> HeaderPairs:
        allowed = self._allow_credentials and not rule.any_origin
        return ((ALLOW_CREDENTIALS, "true"),) if allowed else ()


class ClosedRules:
    """Stands in for compiled rules where no request is allowed, all for one reason.

    A preflight that is refused looks the same whether a bucket has other rules or none, so
    that it does not tell which.

    :param reason: why.
    :param vary: see :class:`VaryMode`.
    """

    __slots__ = ("_actual", "_preflight", "varies")

    def __init__(self, reason: Reason, *, vary: VaryMode = VaryMode.SAFE) -> None:
        self.varies = vary is VaryMode.SAFE
        headers = _preflight_vary(safe=self.varies, varies=self.varies)
        self._preflight = _refusals(headers)[reason]
        self._actual = _refusals(())[reason]

    def preflight(self, origin: str, method: str, requested_headers: str = "") -> Decision:
        return self._preflight

    def actual(self, origin: str, method: str) -> Decision:
        return self._actual


def _preflight_vary(*, safe: bool, varies: bool) -> HeaderPairs:
    """The Vary header of a preflight's answer, allowed or not."""
    if safe:
        return ((VARY, "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),)
    return ((VARY, "Origin"),) if varies else ()


@cache
def _refusals(headers: HeaderPairs) -> dict[Reason, Decision]:
    """The refusals with these headers; they are the same for every bucket, and shared."""
    return {reason: Decision(headers, reason=reason) for reason in Reason}


def _with_values(pairs: Iterable[tuple[str, str]]) -> HeaderPairs:
    return tuple(pair for pair in pairs if pair[1])


def _remember(memory: dict[_Key, Decision], key: _Key, decision: Decision) -> None:
    # Forgetting everything now and then is cheaper than keeping an order of use.
    if len(memory) >= MAX_REMEMBERED:
        memory.clear()
    memory[key] = decision
