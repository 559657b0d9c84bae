"""An exchange between a page and a bucket, played through: rules answer, a browser judges."""

from collections.abc import Sequence
from typing import NamedTuple

from flask_bucketcors.core.browser import (
    allows_method,
    passes_cors_check,
    refused_names,
    unexposed_names,
)
from flask_bucketcors.core.compiled import ClosedRules, CompiledRules, Decision, Reason
from flask_bucketcors.core.dialects import Dialect
from flask_bucketcors.core.grants import HeaderPairs
from flask_bucketcors.core.rules import RuleSet


class Request(NamedTuple):
    """What a page asks for.

    :param headers: names that the preflight asks for, as given.
    :param preflighted: whether a preflight goes first.
    :param wanted: response headers that the page reads.
    """

    origin: str
    method: str
    headers: Sequence[str]
    credentials: bool
    preflighted: bool
    dialect: Dialect
    wanted: Sequence[str] = ()

    @property
    def is_plain_options(self) -> bool:
        """Whether it is an OPTIONS request that is no preflight."""
        return not self.method or (self.method == "OPTIONS" and not self.preflighted)

    @property
    def requested_headers(self) -> str:
        """Access-Control-Request-Headers."""
        return ",".join(self.headers)

    @property
    def judged_headers(self) -> str:
        """What of them the decision that is asked for looks at.

        A browser sends no Access-Control-Request-Headers with the request itself; who asks how
        a request with them is judged, where they count, asks about no preflight.
        """
        judged = self.preflighted or self.dialect.decides_by_requested
        return self.requested_headers if judged else ""


class Exchange(NamedTuple):
    """What came of a request.

    :param preflight: the decision about the preflight; None if there is none.
    :param actual: the decision about the request itself.
    :param unexposed: response headers that the page wants and cannot read.
    """

    preflight: Decision | None
    actual: Decision
    passes_preflight: bool
    passes_actual: bool
    unexposed: Sequence[str]

    @property
    def decision(self) -> Decision:
        """The decision that was asked for."""
        return self.actual if self.preflight is None else self.preflight

    @property
    def passes(self) -> bool:
        """Whether the page gets all it wants."""
        return self.passes_preflight and self.passes_actual and not self.unexposed

    @property
    def stopped_at(self) -> Decision:
        """The decision that stops the page; the last one if none does."""
        if self.preflight is not None and not self.passes_preflight:
            return self.preflight
        return self.actual


def play(rule_set: RuleSet | None, request: Request) -> Exchange:
    """Answer a request by rules, and judge the answers as a browser does."""
    rules: CompiledRules | ClosedRules = ClosedRules(Reason.NO_RULES, request.dialect)
    if rule_set is not None:
        rules = CompiledRules(rule_set, request.dialect)
    judged = "" if request.preflighted else request.judged_headers
    actual = rules.actual(request.origin, request.method, judged)
    passes_actual = actual.allowed and _passes(request, actual.headers)
    unexposed = unexposed_names(request.wanted, request.credentials, actual.headers)
    if not request.preflighted:
        return Exchange(None, actual, True, passes_actual, unexposed)
    preflight = rules.preflight(request.origin, request.method, request.requested_headers)
    passes_preflight = preflight.allowed and _passes_preflight(request, preflight.headers)
    return Exchange(preflight, actual, passes_preflight, passes_actual, unexposed)


def _passes(request: Request, pairs: HeaderPairs) -> bool:
    return passes_cors_check(request.origin, request.credentials, pairs)


def _passes_preflight(request: Request, pairs: HeaderPairs) -> bool:
    return (
        _passes(request, pairs)
        and allows_method(request.method, request.credentials, pairs)
        and not refused_names(request.headers, request.credentials, pairs)
    )
