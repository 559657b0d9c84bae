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

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from flask_bucketcors.core.candidates import Candidate, Chains, Pending, make_chain
from flask_bucketcors.core.decisions import Decision, Reason, Refused, refusals
from flask_bucketcors.core.dialects import Dialect, find_dialect
from flask_bucketcors.core.fields import CheckedRules, Fields
from flask_bucketcors.core.grants import (
    CompiledRule,
    Grant,
    HeaderPairs,
    VaryMode,
    forms_of,
)
from flask_bucketcors.core.headers import RequestedHeaders, parse_requested_headers
from flask_bucketcors.core.origins import fits_any, is_origin
from flask_bucketcors.core.rules import RuleSet, fields_of
from flask_bucketcors.core.wildcards import ANY, Wildcard, WildcardIndex

# If a bucket has at most this many origins, and they need at most this many candidates, each origin
# has its own before the first request.
MAX_READY: Final = 8
MAX_READY_RULES: Final = 16
# Origins of other buckets share candidates: at most this many, and twice as many as the bucket has
# origins. Beyond this, the bucket starts again with none.
MIN_SHARED_RULES: Final = 16

# The longest digest whose object takes 64 bytes.
DIGEST_BYTES: Final = 31

# For an estimate of memory, in bytes: rules; a candidate that is ready; what origins of the same
# rules share.
RULES_BYTES: Final = 190
READY_BYTES: Final = 490
SHARED_BYTES: Final = 200
UNIT_BYTES: Final = 64
PLACE_BYTES: Final = 26


class _Covers(NamedTuple):
    """The rules with a ``*``.

    :param patterns: finds those with a ``*`` in a text; None if there are none.
    :param any_origin: those with a bare ``*``.
    """

    patterns: WildcardIndex[int] | None
    any_origin: Sequence[int]

    def find(self, origin: str) -> Sequence[int]:
        """Give the rules with a ``*`` that covers an origin, from the top."""
        if self.patterns is None or not is_origin(origin):
            return self.any_origin if self.any_origin and fits_any(origin) else ()
        found = self.patterns.find(origin)
        if len(found) + len(self.any_origin) > 1:
            return sorted({*found, *self.any_origin})
        return found or self.any_origin


_NOTHING: Final[dict[str, Candidate | Pending]] = {}
# In CPython 3.11, access to a member of an enumeration is slow.
_ORIGIN: Final = Reason.ORIGIN
# Most origins are in one rule only, and share its tuple with other buckets.
_SINGLE: Final = tuple([Pending((index,)) for index in range(100)])


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

    The decisions of an instance do not change. It remembers lookups: which rules allow the origins
    that the rules spell out, and allowed lists of requested headers. Threads can share it, and so
    can buckets: it does not know whose rules these are.
    """

    __slots__ = (
        "_chains",
        "_covers",
        "_forms",
        "by_origin",
        "digest",
        "first",
        "origin",
        "rules",
        "units",
        "users",
    )

    def __init__(
        self,
        rule_set: RuleSet | CheckedRules,
        dialect: Dialect | str = "cos",
        *,
        vary: VaryMode | str = VaryMode.SAFE,
        allow_credentials: bool = True,
        timing_allow_origin: bool = False,
        is_default: bool = False,
    ) -> None:
        if isinstance(rule_set, RuleSet):
            all_fields: CheckedRules = [*map(fields_of, rule_set.rules)]
            response_vary = rule_set.response_vary
        else:
            all_fields, response_vary = rule_set, None
        self._forms = forms = forms_of(
            find_dialect(dialect),
            # To look a member up by itself takes as long as the rest.
            vary if type(vary) is VaryMode else VaryMode(vary),
            bool(response_vary),
            allow_credentials,
            timing_allow_origin,
            is_default,
        )
        self.rules: tuple[CompiledRule, ...] = tuple(map(forms.compile_rule, all_fields))
        literals, patterns, any_origin = _index_origins(all_fields)
        if len(self.rules) > 1 and sum(map(len, literals.values())) > len(literals):
            # Origins that the same rules spell out share what is known of them.
            literals = _shared(literals)
        self._covers = _Covers(patterns, any_origin) if patterns or any_origin else None
        #: What is known of each origin that the rules spell out.
        self.by_origin: dict[str, Candidate | Pending] = _NOTHING
        #: The only origin that they spell out is not in the dictionary, which would take longer.
        self.origin: str | None = None
        self.first: Candidate | None = None
        self._chains: Chains | None = None
        if len(literals) > MAX_READY or not self._make_ready(literals):
            self.by_origin = {**literals}
            self._chains = Chains(self.rules, 2 * len(literals) + MIN_SHARED_RULES)
        #: What the rules take in memory, also after requests, as estimated, in units of 64 bytes.
        #: Small numbers are objects that exist already.
        self.units: int = self._estimate(literals) // UNIT_BYTES
        #: For a cache: the digest, and how many buckets have these rules.
        self.digest: bytes = b""
        self.users: int = 0

    def _estimate(self, literals: Mapping[str, Pending]) -> int:
        size = RULES_BYTES + 8 * len(self.rules) + sum(map(len, literals)) + 56 * len(literals)
        for rule in self.rules:
            if rule.size:
                size += rule.size
                rule.size = 0
        if self._covers is not None and self._covers.patterns is not None:
            size += self._covers.patterns.size
        if self._chains is None:
            if self.first is not None:
                return size + READY_BYTES * self.first.count()
            chains = self.by_origin.values()
            ready = sum(each.count() for each in chains if isinstance(each, Candidate))
            return size + READY_BYTES * ready
        size += PLACE_BYTES * len(literals)
        return size + sum([SHARED_BYTES + 8 * len(each) for each in {*literals.values()}])

    def _make_ready(self, literals: Mapping[str, Pending]) -> bool:
        """Make candidates for each origin, unless there are too many rules."""
        if len(literals) == 1:
            # There are no more rules than methods in a chain. Most buckets are of this kind.
            [(origin, literal)] = literals.items()
            indexes: Sequence[int] = literal
            if len(self.rules) > 1:
                indexes = self._deciding(self._allowing(origin, literal))
            self.origin, self.first = origin, make_chain(self.rules, literal, indexes, origin)
            return True
        deciding = {
            origin: self._deciding(self._allowing(origin, literal))
            for origin, literal in literals.items()
        }
        if sum(map(len, deciding.values())) > MAX_READY_RULES:
            return False
        self.by_origin = {
            origin: make_chain(self.rules, literals[origin], indexes, origin)
            for origin, indexes in deciding.items()
        }
        return True

    @property
    def without_origin(self) -> list[tuple[str, str]]:
        """The headers of a response if the request has no origin."""
        return self._forms.without_origin

    def preflight(self, origin: str, method: str, requested_headers: str = "") -> Decision:
        """Decide a preflight.

        :param origin: the Origin header as sent.
        :param method: Access-Control-Request-Method as sent.
        :param requested_headers: Access-Control-Request-Headers as sent; ``""`` if it was not sent.
        """
        candidate = self._first_candidate(origin, method)
        pairs = candidate and candidate.preflights.get(requested_headers)
        if candidate and pairs:
            own_pairs = candidate.own_pairs or candidate.make_own_pairs(origin)
            return Decision((*own_pairs, *pairs), candidate.index, None, self._forms.is_default)
        index, pairs, nearest = self._decide(origin, method, requested_headers)
        if pairs is None:
            return refusals(self._forms)[nearest].preflight
        rule = self.rules[index]
        headers = (*rule.own_pairs(rule.grant.allow_origin(origin)), *pairs)
        return Decision(headers, index, None, self._forms.is_default)

    def actual(self, origin: str, method: str, requested_headers: str = "") -> Decision:
        """Decide an actual request.

        :param origin: the Origin header as sent.
        :param method: the request's. In S3, Access-Control-Request-Method if it was sent.
        :param requested_headers: in S3, Access-Control-Request-Headers as sent; otherwise ``""``.
        """
        candidate = None if requested_headers else self._first_candidate(origin, method)
        if candidate is not None:
            return candidate.decision or candidate.decide(origin)
        index, pairs, nearest = self._decide(origin, method, requested_headers)
        if pairs is None:
            return refusals(self._forms)[nearest].actual
        return Decision(self.rules[index].actual(origin), index, None, self._forms.is_default)

    def _first_candidate(self, origin: str, method: str) -> Candidate | None:
        """Give the first rule that allows an origin and a method, if it is ready."""
        known = self.first if origin == self.origin else self.by_origin.get(origin)
        candidate = known if isinstance(known, Candidate) else None
        while candidate is not None and method not in candidate.methods:
            candidate = candidate.next
        return candidate

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
        known = self.first if origin == self.origin else self.by_origin.get(origin)
        if known is None:
            return self._covers.find(origin) if self._covers else ()
        if isinstance(known, Candidate):
            return self._allowing(origin, known.literal)
        indexes = self._allowing(origin, known)
        if self._chains is not None:
            found = self._chains.find(known, self._deciding(indexes))
            if found is None:
                self._forget()
            else:
                self.by_origin[origin] = found
        return indexes

    def _forget(self) -> None:
        """Let all origins be as before the first request from them."""
        for origin, known in self.by_origin.items():
            if isinstance(known, Candidate):
                self.by_origin[origin] = known.literal

    def _allowing(self, origin: str, literal: Sequence[int]) -> Sequence[int]:
        """The rules that allow an origin, from the top; ``literal`` are those that spell it out."""
        covering = self._covers.find(origin) if self._covers else ()
        return sorted({*literal, *covering}) if covering else literal

    def _deciding(self, indexes: Sequence[int]) -> tuple[int, ...]:
        """Of rules, those that have a method which no earlier one has."""
        if len(indexes) == 1:
            return (indexes[0],)
        seen: set[str] = set()
        found = []
        for index in indexes:
            methods = self.rules[index].grant.methods
            if not seen.issuperset(methods):
                seen.update(methods)
                found.append(index)
        return tuple(found)


def refused_by(rules: CompiledRules) -> Refused | None:
    """Give what is decided about all origins that the rules do not spell out.

    None if it depends on the origin.
    """
    return None if rules._covers else refusals(rules._forms)[_ORIGIN]


def _index_origins(
    all_fields: Sequence[Fields],
) -> tuple[dict[str, Pending], WildcardIndex[int] | None, tuple[int, ...]]:
    """Index rules by the origins that they spell out, and by patterns with ``*`` in a text.

    The last are the rules with a bare ``*``.
    """
    literals: dict[str, Pending] = {}
    patterns = []
    any_origin: list[int] = []
    for index, fields in enumerate(all_fields):
        own = _SINGLE[index] if index < len(_SINGLE) else Pending((index,))
        for origin in fields[0]:
            # Searching for a star is much faster than splitting at it.
            wildcard = Wildcard.parse(origin) if ANY in origin else None
            if wildcard is None:
                known = literals.get(origin, own)
                literals[origin] = own if known is own else Pending(known + own)
            elif origin != ANY:
                patterns.append((wildcard, index))
            elif not any_origin or any_origin[-1] != index:
                any_origin.append(index)
    return literals, WildcardIndex(patterns) if patterns else None, tuple(any_origin)


def digest_of(rule_set: RuleSet) -> bytes:
    """Give a digest of all that compiled rules depend on.

    The IDs of rules are not in it. No value contains a comma, a space or a line feed.
    """
    lines = [
        f"{','.join(rule.allowed_origins)} {','.join(rule.allowed_methods)} "
        f"{','.join(rule.allowed_headers)} {','.join(rule.expose_headers)} {rule.max_age_seconds}"
        for rule in rule_set.rules
    ]
    return digest_of_text("\n".join(lines) + ("\nvary" if rule_set.response_vary else ""))


def digest_of_text(text: str) -> bytes:
    """Give a digest of a text. No two texts have the same: it is longer than that of SHA-224."""
    # An error handler takes time even if there is no error.
    content = text.encode() if text.isascii() else text.encode("utf-8", "surrogatepass")
    return sha256(content).digest()[:DIGEST_BYTES]


def _shared(literals: Mapping[str, Pending]) -> dict[str, Pending]:
    first: dict[Pending, Pending] = {}
    return {origin: first.setdefault(each, each) for origin, each in literals.items()}
