"""Grants: what rules allow apart from origins and max-ages, and the headers that say so.

The rules of many buckets differ in their origins and little else. What they have in common is
stored once, with the header pairs of the responses.

Facts:

- 436/8288: what the response to an allowed preflight carries; Allow-Headers holds all names of
  the rule in lower case, or the requested names if the rule contains ``*``.
- Fetch, "CORS protocol": ``*`` never goes with credentials.
- Fetch, "TAO check": a page may read the timing of a response whose Timing-Allow-Origin holds its
  origin or ``*``.
"""

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from functools import lru_cache, partial
from sys import getsizeof
from typing import Final

from flask_bucketcors.core.dialects import AllowHeaders, Dialect
from flask_bucketcors.core.fields import EXPOSED_LISTS, HEADER_LISTS, Fields
from flask_bucketcors.core.headers import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    EXPOSE_HEADERS,
    MAX_AGE,
    TIMING_ALLOW_ORIGIN,
    VARY,
    RequestedHeaders,
)
from flask_bucketcors.core.wildcards import ANY, Wildcard, WildcardIndex

# How many allowed lists of requested headers are remembered for all buckets of a middleware, and
# how long such a list may be.
MAX_REMEMBERED: Final = 1024
MAX_REMEMBERED_BYTES: Final = 512
# Rules that differ only in their origins share one object; so many of these objects are kept.
MAX_SHARED: Final = 1024
# Rules with more characters in their header names are not shared.
MAX_SHARED_BYTES: Final = 1024
# Combinations of dialect and settings; a process uses a few.
MAX_FORMS: Final = 32
# For an estimate of memory, in bytes: a rule, and a grant without its header names.
RULE_BYTES: Final = 270
GRANT_BYTES: Final = 500

HeaderPairs = tuple[tuple[str, str], ...]


class VaryMode(StrEnum):
    """When responses say in ``Vary`` that they depend on the origin.

    ``SAFE``: all responses of a bucket that has rules, so that no cache can give one site's
    response to another. ``VENDOR``: only the responses for which the vendor documents it.
    """

    SAFE = "safe"
    VENDOR = "vendor"


class Forms:
    """The form of responses, which all buckets of a middleware have in common.

    :param dialect: the dialect of the responses.
    :param vary: see :class:`VaryMode`.
    :param response_vary: the ResponseVary of the rule set.
    :param allow_credentials: whether a response that names the origin also allows credentials.
    :param timing_allow_origin: whether actual responses let the page read their timing.
    :param is_default: whether the rules are the default ones.
    """

    def __init__(
        self,
        dialect: Dialect,
        vary: VaryMode,
        response_vary: bool,
        allow_credentials: bool,
        timing_allow_origin: bool = False,
        is_default: bool = False,
    ) -> None:
        self.join: Callable[[Iterable[str]], str] = dialect.list_separator.join
        self.allow_headers: AllowHeaders = dialect.allow_headers
        self.actual_in_full: bool = dialect.actual_in_full
        self.allow_credentials = allow_credentials
        self.timing_allow_origin = timing_allow_origin
        self.is_default = is_default
        always = vary is VaryMode.SAFE or (response_vary and not dialect.varies_on_match)
        on_match = always or dialect.varies_on_match
        self.vary: HeaderPairs = actual_vary(dialect) if on_match else ()
        self.preflight_vary: HeaderPairs = preflight_vary(dialect, vary) if on_match else ()
        #: What a response carries if the request has no origin, or a refused one.
        self.refused_vary: HeaderPairs = self.vary if always else ()
        self.refused_preflight_vary: HeaderPairs = self.preflight_vary if always else ()
        #: The same as a list to add to an application's headers.
        self.without_origin: list[tuple[str, str]] = list(self.refused_vary)
        self._shared_grant = lru_cache(MAX_SHARED)(partial(Grant, self))
        self._shared_rule = lru_cache(MAX_SHARED)(self._compile_shared)
        self._memories: list[dict[str, HeaderPairs]] = []

    def compile_rule(self, fields: Fields) -> "CompiledRule":
        """Compile a rule without its origins."""
        origins, methods, headers, exposed, max_age, _ = fields
        # Usual lists are short, and to look them up takes less time than to count.
        if (headers not in HEADER_LISTS or exposed not in EXPOSED_LISTS) and (
            sum(map(len, (*headers, *exposed))) > MAX_SHARED_BYTES
        ):
            # Kept only as long as its bucket: hardly any other rule is equal.
            return CompiledRule(Grant(self, ANY in origins, methods, headers, exposed), max_age)
        return self._shared_rule(max_age, ANY in origins, methods, headers, exposed)

    def _compile_shared(
        self,
        max_age: int | None,
        any_origin: bool,
        methods: Sequence[str],
        headers: Sequence[str],
        exposed: Sequence[str],
    ) -> "CompiledRule":
        return CompiledRule(self._shared_grant(any_origin, methods, headers, exposed), max_age)

    def remember(self, memory: dict[str, HeaderPairs], text: str, pairs: HeaderPairs) -> None:
        """Remember an allowed list of requested headers, so that it need not be parsed again.

        :param memory: the memory of the grant.
        :param text: Access-Control-Request-Headers as sent.
        :param pairs: what the grant's response carries.
        """
        # Clearing everything now and then is faster than tracking the order of use.
        if len(self._memories) >= MAX_REMEMBERED:
            for each in self._memories:
                each.clear()
            self._memories = []
        memory[text] = pairs
        self._memories.append(memory)


class Grant:
    """What a rule allows its origins to do: the rule without its origins and max-age.

    Most rules of most buckets share one of a few grants.
    """

    __slots__ = (
        "_actual_end",
        "_allows_timing",
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
        "is_default",
        "methods",
        "preflights",
        "size",
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
        self.actual_in_full: bool = forms.actual_in_full
        #: Whether the rule is one of the default rules.
        self.is_default: bool = forms.is_default
        self._allows_timing = forms.timing_allow_origin
        self.any_origin: bool = any_origin
        self.methods: Sequence[str] = methods
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
        #: Access-Control-Request-Headers as sent, to the pairs of the response that are the same
        #: for all origins and rules of this grant.
        self.preflights: dict[str, HeaderPairs] = {}
        parts = (self._fixed_headers, *self._fixed_headers, self._fixed_value, self._header_names)
        patterns = self._header_patterns.size if self._header_patterns else 0
        #: What it takes in memory, in bytes, as estimated.
        exposed_parts = sum(exposed_pairs, ())
        self.size: int = GRANT_BYTES + patterns + sum(map(getsizeof, (*parts, *exposed_parts)))

    def allows_header(self, name: str) -> bool:
        """Whether a request header may be sent.

        :param name: its name in lower case.
        """
        return (
            self._any_header
            or name in self._header_names
            or (self._header_patterns is not None and self._header_patterns.fits(name))
        )

    def allow_origin(self, origin: str) -> tuple[str, str]:
        """The Allow-Origin pair for an origin that the rule allows."""
        return (ALLOW_ORIGIN, ANY if self.any_origin else origin)

    def actual(self, origin: str) -> HeaderPairs:
        """The pairs of the response to an allowed actual request, without the max-age."""
        allowed = ANY if self.any_origin else origin
        if self._allows_timing:
            pairs = (ALLOW_ORIGIN, allowed), (TIMING_ALLOW_ORIGIN, allowed)
            return pairs + self._actual_end
        return ((ALLOW_ORIGIN, allowed), *self._actual_end)

    def preflight(self, requested: RequestedHeaders) -> HeaderPairs | None:
        """The grant's pairs of the response to a preflight; None if it is refused."""
        text = requested.text
        pairs = self.preflights.get(text)
        if pairs is None:
            if not all(map(self.allows_header, requested.names)):
                return None
            allowed = self._allow_headers(requested)
            pairs = (*self._credentials, *_pair(ALLOW_HEADERS, allowed), *self._preflight_end)
            # A value that all responses of the rule share needs no further memory.
            own = "" if allowed is self._fixed_value else allowed
            if max(len(text), len(own)) <= MAX_REMEMBERED_BYTES:
                self._forms.remember(self.preflights, text, pairs)
        return pairs

    def _allow_headers(self, requested: RequestedHeaders) -> str:
        """The Allow-Headers value; ``requested`` are names that the rule allows.

        A browser treats ``x-cos-meta-*`` as a name, so the value contains the requested names in
        place of a pattern.
        """
        if self._forms.allow_headers is AllowHeaders.LOWERED:
            return self._forms.join(requested.names)
        if self._any_header or self._forms.allow_headers is AllowHeaders.REQUESTED:
            return self._forms.join(requested.sent)
        # A dict keeps the order and drops repeated names.
        by_pattern = dict.fromkeys(n for n in requested.names if n not in self._header_names)
        if not by_pattern:
            return self._fixed_value
        return self._forms.join((*self._fixed_headers, *by_pattern))


class CompiledRule:
    """A rule without its origins.

    :param max_age: the rule's MaxAgeSeconds; as an attribute, the header, or None.
    """

    __slots__ = ("grant", "max_age", "size")

    def __init__(self, grant: Grant, max_age: int | None) -> None:
        self.grant: Grant = grant
        self.max_age: tuple[str, str] | None = None if max_age is None else (MAX_AGE, str(max_age))
        #: What the rule takes in memory, in bytes. It is counted for one of the buckets that share
        #: it, which sets it to 0.
        self.size: int = RULE_BYTES + grant.size
        grant.size = 0

    def actual(self, origin: str) -> HeaderPairs:
        """The pairs of the response to an allowed actual request."""
        pairs = self.grant.actual(origin)
        if self.max_age is None or not self.grant.actual_in_full:
            return pairs
        return (*pairs, self.max_age)

    def own_pairs(self, allow_origin: tuple[str, str]) -> HeaderPairs:
        """The pairs of the response to a preflight that are not those of the grant.

        :param allow_origin: the first of them.
        """
        return (allow_origin,) if self.max_age is None else (allow_origin, self.max_age)


@lru_cache(MAX_FORMS)
def forms_of(
    dialect: Dialect,
    vary: VaryMode,
    response_vary: bool,
    allow_credentials: bool,
    timing_allow_origin: bool = False,
    is_default: bool = False,
) -> Forms:
    """Give the forms for these settings. Equal settings share one object."""
    return Forms(dialect, vary, response_vary, allow_credentials, timing_allow_origin, is_default)


def preflight_vary(dialect: Dialect, vary: VaryMode) -> HeaderPairs:
    """The Vary of the response to a preflight."""
    if vary is VaryMode.SAFE:
        return ((VARY, "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),)
    return actual_vary(dialect)


def actual_vary(dialect: Dialect) -> HeaderPairs:
    """The Vary of the response to an actual request."""
    if dialect.decides_by_requested:
        return ((VARY, "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"),)
    return ((VARY, "Origin"),)


def _pair(name: str, value: str) -> HeaderPairs:
    """The header as a pair; no pair if it has no value."""
    return ((name, value),) if value else ()
