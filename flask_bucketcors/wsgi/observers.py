"""What is told of each request to code that counts or describes it.

Nothing here runs unless somebody observes. The hot path does not ask who does: an observed one is
made of other parts, when the first request comes.
"""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import Any, Final, Protocol
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask_bucketcors.core.decisions import Decision, Reason
from flask_bucketcors.log_fields import fields
from flask_bucketcors.wsgi.environ import ERROR_CODE
from flask_bucketcors.wsgi.hot_path import RespondToPreflight
from flask_bucketcors.wsgi.merged_headers import Pair
from flask_bucketcors.wsgi.request_ids import IdSeries

logger: Final = logging.getLogger("flask_bucketcors.metrics")

_NO_SPANS: Final = "OpenTelemetry cannot be used, so no span says what the rules decided: %r"


def are_spans_recorded() -> bool:
    """Whether the application traces with OpenTelemetry.

    The library is not imported for this question. An application that traces has imported it, and
    has set a provider of tracers, before its first request.

    :raises Exception: whatever the library raises.
    """
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return False
    provider = trace.get_tracer_provider()
    return not isinstance(provider, trace.ProxyTracerProvider | trace.NoOpTracerProvider)


class Observer(Protocol):
    """Observes the requests of one middleware. Its methods never raise."""

    def preflight(self, reason: Reason | None) -> None:
        """A preflight was decided; None if it is allowed."""

    def around(self, app: WSGIApplication) -> WSGIApplication:
        """Wrap the application in what observes the decisions that it finds in the environ."""

    def rules_call(self, method: str, status: str, code: str) -> None:
        """A ``?cors`` call has its status, such as ``"403"``, and an error code or ``""``."""


class ObservedIds:
    """IDs that tell when they are taken.

    The hot path takes IDs for preflights that it allows, and for nothing else.
    """

    def __init__(self, ids: IdSeries, observer: Observer) -> None:
        tell = observer.preflight

        def take(reason: None) -> tuple[Pair, ...]:
            tell(reason)
            return next(ids.series)

        # Not a generator, in which two threads may not be at once.
        self.series: Iterator[tuple[Pair, ...]] = map(take, repeat(None))


class ObservedParts:
    """The parts of a middleware that its observers see.

    :param app: the application.
    :param respond_to_preflight: responds to preflights that the hot path does not allow.
    :param ids: the IDs of responses to preflights that it allows.
    """

    def __init__(
        self, app: WSGIApplication, respond_to_preflight: RespondToPreflight, ids: IdSeries
    ) -> None:
        self.app: WSGIApplication = app
        self.respond_to_preflight: RespondToPreflight = respond_to_preflight
        self.ids: IdSeries = ids
        self.observers: list[Observer] = []
        self._describes_spans = False

    def wrap(self, app: WSGIApplication) -> None:
        """Let the observers see another application."""
        self.app = app
        for each in self.observers:
            self.app = each.around(self.app)

    def add(self, observer: Observer) -> None:
        """Let an observer see all parts, before the hot path is made of them."""
        self.observers.append(observer)
        self.app = observer.around(self.app)
        self.respond_to_preflight = observed_preflight(self.respond_to_preflight, observer)
        self.ids = ObservedIds(self.ids, observer)

    def describe_spans(self, dialect: str) -> None:
        """Describe the spans of requests, if the application traces."""
        try:
            if not self._describes_spans and are_spans_recorded():
                # It imports the library.
                from flask_bucketcors.wsgi.span_attributes import SpanAttributes

                self._describes_spans = True
                self.add(SpanAttributes(dialect))
        except Exception as error:
            # A provider that the environment names may be missing, and a test may have replaced
            # the library. The first request would fail, and so would all after it.
            logger.error(_NO_SPANS, error, extra=fields("spans_not_described", error=error))

    def observed_call(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> StartResponse:
        """Let observers see how a ``?cors`` call ends."""
        for each in self.observers:
            start_response = observed_call(environ, start_response, each)
        return start_response


def observed_preflight(respond: RespondToPreflight, observer: Observer) -> RespondToPreflight:
    """Tell an observer of each preflight that goes to a function."""
    tell = observer.preflight

    # Each argument by its name, because the hot path calls this, too.
    def tell_and_respond(
        decision: Decision,
        bucket: str,
        is_root: bool,
        sent: tuple[str | None, str | None, str],
        environ: WSGIEnvironment,
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        tell(decision.reason)
        return respond(decision, bucket, is_root, sent, environ, start_response)

    return tell_and_respond


def observed_call(
    environ: WSGIEnvironment, start_response: StartResponse, observer: Observer
) -> StartResponse:
    """Tell an observer how a ``?cors`` call ends."""

    def start(status: str, headers: list[Pair], exc_info: Any = None) -> Callable[[bytes], object]:
        code = environ.get(ERROR_CODE, "")
        observer.rules_call(environ.get("REQUEST_METHOD", ""), status[:3], code)
        return start_response(status, headers, exc_info)

    return start
