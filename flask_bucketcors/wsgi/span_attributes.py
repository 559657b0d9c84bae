"""Attributes of OpenTelemetry spans: what the rules decided about the request of a span.

Fact: the instrumentation of Flask begins its span inside the application, and that of WSGI
servers around it. So if no span is recorded when the application is called, the one that is
recorded when it responds gets the attributes.
"""

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from opentelemetry.trace import get_current_span

from flask_bucketcors.core.decisions import Reason
from flask_bucketcors.wsgi.environ import DECISION
from flask_bucketcors.wsgi.merged_headers import Pair


class SpanAttributes:
    """Describes the requests of one middleware.

    :param dialect: the name of its dialect.
    """

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect

    def preflight(self, reason: Reason | None) -> None:
        self._describe("preflight", reason)

    def around(self, app: WSGIApplication) -> WSGIApplication:
        def described(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            decision = environ.get(DECISION)
            if decision is None or self._describe("actual", decision.reason):
                return app(environ, start_response)

            def start(
                status: str, headers: list[Pair], exc_info: Any = None
            ) -> Callable[[bytes], object]:
                self._describe("actual", decision.reason)
                return start_response(status, headers, exc_info)

            return app(environ, start)

        return described

    def rules_call(self, method: str, status: str, code: str) -> None:
        if code:
            get_current_span().set_attribute("bucketcors.error_code", code)

    def _describe(self, request: str, reason: Reason | None) -> bool:
        """Describe the current span, and return whether it is recorded."""
        span = get_current_span()
        if not span.is_recording():
            return False
        attributes = {
            "bucketcors.request": request,
            "bucketcors.outcome": "allowed" if reason is None else "refused",
            "bucketcors.dialect": self._dialect,
        }
        if reason is not None:
            attributes["bucketcors.reason"] = str(reason)
        span.set_attributes(attributes)
        return True
