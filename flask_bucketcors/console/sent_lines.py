"""What a browser and the application send to each other, line by line."""

from dataclasses import dataclass
from typing import Final

from flask_bucketcors.analysis.explainer.exchange import Exchange, PageRequest, play
from flask_bucketcors.core.decisions import Reason
from flask_bucketcors.core.outcomes import preflight_refusal
from flask_bucketcors.core.rules import RuleSet

_ALLOWED: Final = "200 OK"
_ASKED_METHOD: Final = "Access-Control-Request-Method"
_ASKED_HEADERS: Final = "Access-Control-Request-Headers"


@dataclass(frozen=True, slots=True)
class SentLines:
    """Requests and responses, as lines.

    :param preflight: the request before the request; empty if browsers send none.
    :param preflight_response: the response to it.
    :param request: the request itself.
    :param response: what the rules add to its response.
    :param gets_there: whether a browser sends the request itself.
    :param is_open: whether the application may respond to the preflight instead, because the
        bucket has no rules.
    """

    preflight: tuple[str, ...]
    preflight_response: tuple[str, ...]
    request: tuple[str, ...]
    response: tuple[str, ...]
    gets_there: bool
    is_open: bool


def sent_lines(rule_set: RuleSet | None, request: PageRequest) -> SentLines:
    """Give what is sent about a request.

    :param rule_set: the rules; None for no rules.
    """
    exchange = play(rule_set, request)
    origin = f"Origin: {request.origin}"
    preflight = exchange.preflight
    return SentLines(
        preflight=_preflight(request, origin) if preflight else (),
        preflight_response=_preflight_response(exchange, request),
        request=(request.method, origin),
        response=tuple(f"{name}: {value}" for name, value in exchange.actual.headers),
        gets_there=exchange.passes_preflight,
        is_open=preflight is not None and preflight.reason is Reason.NO_RULES,
    )


def _preflight(request: PageRequest, origin: str) -> tuple[str, ...]:
    lines = ("OPTIONS", origin, f"{_ASKED_METHOD}: {request.method}")
    names = request.requested_headers
    return (*lines, f"{_ASKED_HEADERS}: {names}") if names else lines


def _preflight_response(exchange: Exchange, request: PageRequest) -> tuple[str, ...]:
    decision = exchange.preflight
    if decision is None:
        return ()
    status = _ALLOWED
    if decision.reason is not None:
        sent = (request.origin, request.method, request.requested_headers)
        dialect = request.dialect
        status = dialect.errors[preflight_refusal(decision.reason, *sent, dialect.methods)].status
    return (status, *(f"{name}: {value}" for name, value in decision.headers))
