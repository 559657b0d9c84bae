"""What becomes of a request: who responds to it, and which CORS headers the response carries.

Nothing here knows WSGI: the middleware translates a request into a
:class:`~flask_bucketcors.core.request.Request`, and an :class:`Outcome` into calls.
"""

from collections.abc import Callable, Collection
from enum import Enum
from functools import partial
from typing import Final, NamedTuple

from flask_bucketcors.core.closed_rules import BucketRules, ClosedRules
from flask_bucketcors.core.decisions import Decision, Reason
from flask_bucketcors.core.dialects import Dialect
from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.core.fields import METHODS
from flask_bucketcors.core.grants import VaryMode
from flask_bucketcors.core.headers import parse_requested_headers
from flask_bucketcors.core.request import Request
from flask_bucketcors.core.resolvers import Resolved, Resolver, URLKind


class Responder(Enum):
    """Who responds to a request."""

    APPLICATION = "the application"
    VERSION = "the application, but a 404 becomes 200"
    RULES = "the rules of the bucket, to a preflight"
    API = "the ?cors API"


# In CPython 3.11, access to a member of an enumeration is slow.
APPLICATION, VERSION, RULES, API = Responder
_RESERVED: Final = URLKind.RESERVED
_DOT_SEGMENT: Final = URLKind.DOT_SEGMENT


class Outcome(NamedTuple):
    """What becomes of a request.

    :param responder: who responds.
    :param resolved: what the request is about; None for no bucket.
    :param decision: what the rules decide; None if they do not apply to the request.
    :param headers: headers to add to the response of the application or the API; None if the
        response stays as it is.
    """

    responder: Responder
    resolved: Resolved | None
    decision: Decision | None = None
    headers: list[tuple[str, str]] | None = None


_UNTOUCHED: Final = Outcome(APPLICATION, None)


class Outcomes:
    """Determines what becomes of each request.

    :param resolve: finds the bucket that a request is about.
    :param find_rules: gives the rules of a bucket; None if it has none.
    :param default: the rules of buckets without rules of their own; None for no rules.
    :param dialect, vary: the form of the responses.
    :param plain_options, no_rules: as :class:`~flask_bucketcors.BucketCORSMiddleware` takes them.
    """

    def __init__(
        self,
        resolve: Resolver,
        find_rules: Callable[[str], BucketRules | None],
        dialect: Dialect,
        *,
        default: BucketRules | None = None,
        vary: VaryMode = VaryMode.SAFE,
        plain_options: str = "app",
        no_rules: str = "refuse",
    ) -> None:
        self._resolve = resolve
        self._find_rules = find_rules
        self._default = default
        self._decides_by_requested = dialect.decides_by_requested
        self._refuses_plain_options = plain_options == "refuse"
        closed = partial(ClosedRules, dialect=dialect, vary=vary)
        self._dot_segment, self._rules_call = closed(Reason.DOT_SEGMENT), closed(Reason.RULES_CALL)
        # They respond to an OPTIONS where there are no rules.
        self._without_rules = None if no_rules == "pass" else closed(Reason.NO_RULES)

    def find(
        self, request: Request, has_api: bool, is_api_cross_origin: Callable[[], bool]
    ) -> Outcome:
        """Determine what becomes of a request.

        :param has_api: whether there is a ``?cors`` API.
        :param is_api_cross_origin: returns whether ``?cors`` calls take part in CORS.
        """
        resolved = self._resolve(request)
        if resolved is None:
            return _UNTOUCHED
        responder = find_responder(request, resolved, has_api)
        if resolved.kind is _RESERVED:
            return Outcome(responder, resolved)
        if resolved.kind is _DOT_SEGMENT:
            rules: BucketRules | None = self._dot_segment
        elif responder is API and not is_api_cross_origin():
            rules = self._rules_call
        else:
            rules = self._find_rules(resolved.bucket)
            if resolved.is_assumed and rules is self._default:
                # Default rules would open URLs of the application that are about no bucket.
                rules = None
        if request.method == "OPTIONS" and (self._refuses_plain_options or request.is_preflight):
            responding = rules or self._without_rules
            if responding is not None:
                origin, method, headers = request.preflight_headers
                decision = responding.preflight(origin or "", method or "", headers)
                return Outcome(RULES, resolved, decision)
        if rules is None:
            return Outcome(responder, resolved)
        if request.origin is None:
            return Outcome(responder, resolved, None, rules.without_origin)
        decision = self._decide_actual(rules, request, request.origin)
        return Outcome(responder, resolved, decision, list(decision.headers))

    def _decide_actual(self, rules: BucketRules, request: Request, origin: str) -> Decision:
        if not self._decides_by_requested:
            return rules.actual(origin, request.method)
        requested = request.requested_method
        method = request.method if requested is None else requested
        return rules.actual(origin, method, request.requested_headers)


def find_responder(request: Request, resolved: Resolved | None, has_api: bool) -> Responder:
    """Determine who responds to a request that is not a preflight.

    The application never gets a ``?cors`` call on a bucket: to it, ``DELETE /bucket?cors`` would
    mean the bucket.

    :param has_api: whether there is a ``?cors`` API, and so SDKs may look for it.
    """
    if resolved is None or not resolved.is_root:
        return APPLICATION
    if request.names_rules:
        return API
    if has_api and resolved.bucket and request.asks_for_version:
        return VERSION
    return APPLICATION


# As above.
_REFUSED: Final = Refusal.PREFLIGHT_REFUSED
_HEADERS, _UNREADABLE, _NO_RULES = Reason.HEADERS, Reason.UNREADABLE, Reason.NO_RULES


def preflight_refusal(
    reason: Reason,
    origin: str | None,
    method: str | None,
    headers: str,
    methods: Collection[str] = METHODS,
) -> Refusal:
    """Find the refusal of a preflight, as specific as any dialect is (recorded responses of S3).

    :param reason: the reason of the decision.
    :param origin, method, headers: the request's ``preflight_headers``.
    :param methods: the methods that rules can have.
    """
    if reason is _UNREADABLE:
        return Refusal.UNAVAILABLE
    if origin is None:
        return Refusal.PREFLIGHT_NO_ORIGIN
    if reason is _NO_RULES:
        return Refusal.PREFLIGHT_NO_RULES
    if method not in methods:
        return Refusal.PREFLIGHT_METHOD
    if reason is _HEADERS and parse_requested_headers(headers) is None:
        return Refusal.PREFLIGHT_HEADERS
    return _REFUSED
