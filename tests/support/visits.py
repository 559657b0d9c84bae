"""A page in a browser, as the model of the Fetch standard has it, and an application under test."""

from typing import Any, NamedTuple

from webtest import TestApp

from tests.support.fetch_model import (
    PageRequest,
    exposed_headers,
    may_proceed,
    needs_preflight,
    passes_preflight,
    preflight_request_headers,
)


class Visit(NamedTuple):
    """What a page's script can read of a response."""

    status: int
    headers: dict[str, str]
    body: bytes


def visit(app: Any, url: str, request: PageRequest, body: bytes = b"") -> Visit | None:
    """Send a request as a browser does; None if the page cannot send it or read the response."""
    # WebTest's lint does not know the methods that pages may use.
    client = TestApp(app, lint=False)

    def ask(method: str, headers: dict[str, str], body: bytes = b"") -> Any:
        return client.request(url, method=method, headers=headers, body=body, expect_errors=True)

    preflight = None
    if needs_preflight(request):
        response = ask("OPTIONS", preflight_request_headers(request))
        preflight = response.status_int, list(response.headers.items())
        if not passes_preflight(request, *preflight):
            return None
    actual = ask(request.sent_method, {"Origin": request.origin, **request.headers}, body)
    pairs = list(actual.headers.items())
    if not may_proceed(request, preflight, (actual.status_int, pairs)):
        return None
    return Visit(actual.status_int, exposed_headers(request, pairs), actual.body)
