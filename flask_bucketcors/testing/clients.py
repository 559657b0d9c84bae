"""Sends requests through the test clients of Flask, Werkzeug and WebTest."""

from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import urlsplit
from wsgiref.types import WSGIApplication, WSGIEnvironment

from flask.testing import EnvironBuilder as FlaskEnvironBuilder
from flask.testing import FlaskClient
from werkzeug.test import Client, EnvironBuilder, run_wsgi_app

#: What to write as ``client``.
CLIENT_FORM: Final = "Flask's test client, Werkzeug's Client or WebTest's TestApp"


class WebTestClient(Protocol):
    """What is used of WebTest's ``TestApp``."""

    app: Any
    extra_environ: Any
    RequestClass: Any

    def do_request(self, req: Any, /, *, expect_errors: bool) -> Any: ...


#: A test client of Flask, Werkzeug's ``Client``, or WebTest's ``TestApp``.
TestClient = Client | WebTestClient


class Response(NamedTuple):
    """A response, whichever client got it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def is_client(client: object) -> bool:
    """Whether requests can be sent through it."""
    return isinstance(client, Client) or hasattr(client, "do_request")


def application_of(client: TestClient) -> WSGIApplication:
    """The application that a client sends requests to."""
    found: WSGIApplication = client.application if isinstance(client, Client) else client.app
    return found


def prepare(
    client: TestClient, url: str, method: str, headers: list[tuple[str, str]], body: bytes
) -> EnvironBuilder:
    """Prepare a request as the client would, without its cookies.

    :param url: a path, or a URL with a host.
    """
    given: dict[str, Any] = {"method": method, "headers": headers, "data": body or None}
    if isinstance(client, FlaskClient):
        base = client.environ_base
        return FlaskEnvironBuilder(client.application, url, environ_base=base, **given)
    base = dict(getattr(client, "extra_environ", {}))
    parts = urlsplit(url)
    scheme, host = parts.scheme or "http", parts.netloc or base.get("HTTP_HOST", "localhost")
    path = parts._replace(scheme="", netloc="").geturl()
    return EnvironBuilder(path, f"{scheme}://{host}/", environ_base=base, **given)


def send(client: TestClient, environ: WSGIEnvironment) -> Response:
    """Send a request without cookies; those of the response are not kept."""
    body, status, headers = run_wsgi_app(application_of(client), environ, buffered=True)
    return Response(int(status[:3]), [*headers], b"".join(body))


def send_with_cookies(client: TestClient, request: EnvironBuilder) -> Response:
    """Send a request with the client's cookies; it keeps those of the response."""
    if isinstance(client, Client):
        response = client.open(request, buffered=True)
        return Response(response.status_code, [*response.headers], response.get_data())
    environ = request.get_environ()
    found = client.do_request(client.RequestClass(environ), expect_errors=True)
    return Response(found.status_int, [*found.headers.items()], found.body)
