"""One exchange of a page with a bucket: rules decide, a browser judges the response."""

from collections.abc import Sequence
from typing import NamedTuple

from flask_bucketcors.core.browser import passes_cors_check, passes_preflight, unexposed_names
from flask_bucketcors.core.closed_rules import BucketRules, ClosedRules
from flask_bucketcors.core.compiled import CompiledRules
from flask_bucketcors.core.decisions import Decision, Reason
from flask_bucketcors.core.dialects import Dialect
from flask_bucketcors.core.grants import VaryMode
from flask_bucketcors.core.rules import RuleSet


class PageRequest(NamedTuple):
    """The request of a page.

    :param headers: names that the preflight asks for, as given.
    :param preflighted: whether the browser sends a preflight first.
    :param wanted: response headers that the page reads.
    :param allow_credentials, vary: as :class:`~flask_bucketcors.CompiledRules` takes them.
    """

    origin: str
    method: str
    headers: Sequence[str]
    credentials: bool
    preflighted: bool
    dialect: Dialect
    wanted: Sequence[str] = ()
    allow_credentials: bool = True
    vary: VaryMode = VaryMode.SAFE

    @property
    def is_cacheable(self) -> bool:
        """Whether caches keep the response (RFC 9111, 3)."""
        return self.method in ("GET", "HEAD")

    @property
    def is_plain_options(self) -> bool:
        """Whether it is an OPTIONS request that is no preflight."""
        return not self.method or (self.method == "OPTIONS" and not self.preflighted)

    @property
    def lacks_credentials(self) -> bool:
        """Whether the page sends credentials and the application allows none."""
        return self.credentials and not self.allow_credentials

    @property
    def requested_headers(self) -> str:
        """Access-Control-Request-Headers."""
        return ",".join(self.headers)

    @property
    def judged_headers(self) -> str:
        """Those of the requested headers that the decision depends on.

        A browser sends no Access-Control-Request-Headers with the request itself, but some
        dialects judge a request that carries them by them.
        """
        judged = self.preflighted or self.dialect.decides_by_requested
        return self.requested_headers if judged else ""


class Exchange(NamedTuple):
    """What happened to a request.

    :param preflight: the decision about the preflight; None if there was none.
    :param actual: the decision about the request itself.
    :param unexposed: response headers that the page reads and cannot get.
    """

    preflight: Decision | None
    actual: Decision
    passes_preflight: bool
    passes_actual: bool
    unexposed: Sequence[str]

    @property
    def decision(self) -> Decision:
        """The decision about the first request: the preflight, if there was one."""
        return self.actual if self.preflight is None else self.preflight

    @property
    def passes(self) -> bool:
        """Whether the page gets everything that it asks for."""
        return self.passes_preflight and self.passes_actual and not self.unexposed

    @property
    def stopped_at(self) -> Decision:
        """The decision that stops the page; the last one if none does."""
        if self.preflight is not None and not self.passes_preflight:
            return self.preflight
        return self.actual


def play(rule_set: RuleSet | None, request: PageRequest) -> Exchange:
    """Decide a request by rules, and judge the responses as a browser does."""
    rules = _compile(rule_set, request)
    judged = "" if request.preflighted else request.judged_headers
    actual = rules.actual(request.origin, request.method, judged)
    passes_actual = actual.allowed and passes_cors_check(
        request.origin, request.credentials, actual.headers
    )
    unexposed = unexposed_names(request.wanted, request.credentials, actual.headers)
    if not request.preflighted:
        return Exchange(None, actual, True, passes_actual, unexposed)
    preflight = rules.preflight(request.origin, request.method, request.requested_headers)
    passes = preflight.allowed and passes_preflight(
        request.origin, request.method, request.headers, request.credentials, preflight.headers
    )
    return Exchange(preflight, actual, passes, passes_actual, unexposed)


def _compile(rule_set: RuleSet | None, request: PageRequest) -> BucketRules:
    if rule_set is None:
        return ClosedRules(Reason.NO_RULES, request.dialect, vary=request.vary)
    return CompiledRules(
        rule_set,
        request.dialect,
        vary=request.vary,
        allow_credentials=request.allow_credentials,
    )
