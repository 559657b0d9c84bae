"""A page that makes a request: what its browser sends, and what becomes of the response."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple
from urllib.parse import urldefrag, urljoin, urlsplit
from wsgiref.types import WSGIEnvironment

from flask_bucketcors.analysis.explainer.explain import Explanation, explain
from flask_bucketcors.analysis.spelling.sent_origins import browser_form, is_sendable
from flask_bucketcors.core.browser import (
    BrowserRequest,
    Failure,
    cors_failure,
    is_forbidden,
    is_forbidden_method,
    preflight_failures,
    sent_method,
    value_of,
)
from flask_bucketcors.core.errors import BucketCORSError
from flask_bucketcors.core.headers import is_header_name
from flask_bucketcors.core.hosts import DEFAULT_PORTS
from flask_bucketcors.core.resolvers import URLKind
from flask_bucketcors.testing.clients import (
    CLIENT_FORM,
    Response,
    TestClient,
    application_of,
    is_client,
    prepare,
    send,
    send_with_cookies,
)
from flask_bucketcors.wsgi.environ import read_request
from flask_bucketcors.wsgi.middleware import BucketCORSMiddleware
from flask_bucketcors.wsgi.rules_calls import find_layer

# Fetch, "HTTP-redirect fetch".
_MAX_REDIRECTS: Final = 20
_REDIRECTS: Final = (301, 302, 303, 307, 308)
# Fetch, "request-body-header name".
_OF_A_BODY: Final = ("content-encoding", "content-language", "content-location", "content-type")

_PREFLIGHT: Final = "preflight"
_ACTUAL: Final = "actual"


class Step(NamedTuple):
    """A request of the browser, with its response.

    :param kind: ``"preflight"`` or ``"actual"``.
    :param failure: the first check of the browser that the response fails.
    :param redirected_to: the URL of the request, if redirects led to it.
    """

    kind: str
    environ: WSGIEnvironment
    response: Response
    failure: Failure | None = None
    redirected_to: str | None = None


@dataclass(frozen=True, slots=True)
class PageVisit:
    """A page that makes a request.

    :raises TypeError: if ``client`` is no client.
    :raises ValueError: if no browser sends such a request.
    """

    client: TestClient
    url: str
    page: BrowserRequest
    body: bytes

    def __post_init__(self) -> None:
        if not is_client(self.client):
            raise TypeError(f"client is a {type(self.client).__name__}: write {CLIENT_FORM}")
        _check_origin(self.page.origin)
        if not is_header_name(self.page.method) or is_forbidden_method(self.page.method):
            raise ValueError(f"no page can send the method {self.page.method!r}")
        for name, _ in self.page.headers:
            if is_forbidden(name):
                raise ValueError(f"no page can set the header {name!r}: leave it to the browser")

    @classmethod
    def of(
        cls,
        client: TestClient,
        url: str,
        origin: str,
        method: str,
        headers: Mapping[str, str] | None,
        credentials: bool,
        body: bytes,
    ) -> "PageVisit":
        """Take what a test wrote."""
        sent = list((headers or {}).items())
        page = BrowserRequest(origin, sent_method(method), sent, credentials)
        return cls(client, urldefrag(url).url, page, body)

    def last_step(self) -> Step:
        """Send what the browser sends, and give the last response, or the first that fails.

        :raises ValueError: if no CORS is involved, or the browser goes on where the client cannot.
        """
        visit = self
        for _ in range(_MAX_REDIRECTS + 1):
            step = visit._step()
            location = value_of("Location", step.response.headers)
            if step.failure or location is None or step.response.status not in _REDIRECTS:
                return step if visit is self else step._replace(redirected_to=visit.url)
            visit = visit._redirected(step, location)
        raise ValueError(f"{self.url} leads to more than {_MAX_REDIRECTS} redirects")

    def report(self, step: Step) -> str:
        """Say what became of the request, and why."""
        verdict = "refuses" if step.failure else "allows"
        pairs = step.response.headers
        found = [f"{name}: {value}" for name, value in pairs if name.lower().startswith("access-")]
        lines = [
            f"a browser {verdict} {self.page.method} {self.url} for a page of {self.page.origin}",
            *([f"redirected to {step.redirected_to}"] if step.redirected_to else []),
            f"{step.kind} response: {step.response.status}, "
            + (", ".join(found) or "no Access-Control headers"),
        ]
        return "\n".join([*lines, *self._explain(step)])

    def _step(self) -> Step:
        page = self.page
        if page.needs_preflight:
            step = self._send(_PREFLIGHT)
            failures = preflight_failures(
                page.origin,
                page.method,
                page.requested_headers,
                page.credentials,
                step.response.headers,
                step.response.status,
            )
            failure = next((failure for failure, _ in failures), None)
            if failure:
                return step._replace(failure=failure)
        step = self._send(_ACTUAL)
        failure = cors_failure(page.origin, page.credentials, step.response.headers)
        return step._replace(failure=failure)

    def _send(self, kind: str) -> Step:
        """Send one of the requests, with the cookies of the client if the browser would."""
        page = self.page
        if kind == _PREFLIGHT:
            request = prepare(self.client, self.url, "OPTIONS", page.preflight_headers(), b"")
        else:
            headers = page.actual_headers()
            request = prepare(self.client, self.url, page.method, headers, self.body)
        environ = request.get_environ()
        if _origin(environ) == page.origin:
            raise ValueError(
                f"{self.url} has the origin of the page, {page.origin}: no CORS is involved, and "
                "browsers allow everything; write the origin of another page"
            )
        if kind == _ACTUAL and page.credentials:
            return Step(kind, environ, send_with_cookies(self.client, request))
        return Step(kind, environ, send(self.client, environ))

    def _redirected(self, step: Step, location: str) -> "PageVisit":
        """The request that a browser sends after a redirect (Fetch, "HTTP-redirect fetch")."""
        origin = _origin(step.environ)
        url = urljoin(f"{origin}{step.environ['REQUEST_URI']}", location)
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}".lower() != origin:
            raise ValueError(
                f"{self.url} redirects to {url}, on another host: a browser goes on there with "
                "'Origin: null', so test that URL by itself, with origin='null'"
            )
        page, body, status = self.page, self.body, step.response.status
        if (status in (301, 302) and page.method == "POST") or (
            status == 303 and page.method not in ("GET", "HEAD")
        ):
            kept = [pair for pair in page.headers if pair[0].lower() not in _OF_A_BODY]
            page, body = replace(page, method="GET", headers=kept), b""
        return replace(self, url=url, page=page, body=body)

    def _explain(self, step: Step) -> Iterator[str]:
        """Explain a response by the rules of the bucket."""
        middleware = find_layer(application_of(self.client), BucketCORSMiddleware)
        if middleware is None:
            yield "no rules apply: the application is not wrapped by BucketCORS"
            return
        resolved = middleware.resolve(read_request(step.environ))
        if resolved is None or resolved.kind is not URLKind.BUCKET:
            what = "is about no bucket" if resolved is None else f"has {resolved.kind.value}"
            yield f"no rules apply: the URL {what}"
            return
        try:
            explanation = self._explanation(middleware, resolved.bucket, step)
        except BucketCORSError as error:
            yield str(error)
            return
        yield f"bucket {resolved.bucket!r}: {explanation.text}"
        if not (explanation.allowed or step.failure):
            yield "The rules do not allow it: the application itself sent the headers."

    def _explanation(
        self, middleware: BucketCORSMiddleware, bucket: str, step: Step
    ) -> Explanation:
        page, response = self.page, step.response
        seen = {"status": response.status, "headers": response.headers, "reads": ()}
        return explain(
            middleware.store.get(bucket) or middleware.find_default_rules(bucket),
            origin=page.origin,
            method=page.method,
            headers=() if step.failure and step.kind == _ACTUAL else page.requested_headers,
            credentials=page.credentials,
            # What a browser lets pass is explained as a whole.
            kind=step.kind if step.failure else None,
            dialect=middleware.dialect,
            response=seen if step.failure else None,
            allow_credentials=middleware.allow_credentials,
            vary=middleware.vary,
        )


def _check_origin(origin: str) -> None:
    if not is_sendable(origin):
        sent = browser_form(origin)
        hint = repr(sent) if is_sendable(sent) else "scheme://host or scheme://host:port"
        raise ValueError(f"no browser sends {origin!r} as the origin of a page: write {hint}")


def _origin(environ: WSGIEnvironment) -> str:
    """The origin of a URL, as a browser writes it."""
    scheme, host = environ["wsgi.url_scheme"], environ["HTTP_HOST"].lower()
    return f"{scheme}://{host.removesuffix(':' + DEFAULT_PORTS[scheme])}"
