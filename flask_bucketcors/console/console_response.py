"""Responses of the console, whose security headers the application cannot replace by accident."""

from typing import Final
from wsgiref.types import WSGIEnvironment

from flask import Response
from werkzeug.datastructures import Headers
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as WerkzeugResponse

# Scripts and styles come from files alone. A login to which a POST is redirected must be on the
# same host, because form-action covers redirects (CSP 3, 6.4.2).
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_SECURITY_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    # A page of another window must not reach into this one (HTML, 7.1.3).
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Flask-WTF refuses forms by https without a Referer, so "no-referrer" is too strict.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_NOT_STORED: Final = "no-store"


class ConsoleResponse(Response):
    """A page, a redirect, or a file of the console.

    An application's ``after_request`` functions, such as those of Flask-Talisman and Flask-CORS,
    change the headers of every response. The console's own are set afterwards, when the response
    is sent, and none of CORS remains.

    :ivar cache_control_value: the value of Cache-Control.
    """

    cache_control_value = _NOT_STORED

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        """Give the headers as they are sent."""
        headers = super().get_wsgi_headers(environ)
        for name in [name for name, _ in headers if name.lower().startswith("access-control-")]:
            del headers[name]
        for name, value in _SECURITY_HEADERS.items():
            headers[name] = value
        headers["Cache-Control"] = self.cache_control_value
        return headers


def go_to(url: str) -> WerkzeugResponse:
    """Send the browser to another page of the console, which it then requests with GET."""
    # Flask's function of this name does without the class.
    return redirect(url, 303, ConsoleResponse)
