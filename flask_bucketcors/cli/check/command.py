"""``check``: send requests to a live server, and judge the responses as a browser does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult

import click

from flask_bucketcors.analysis.explainer.explain import Explanation
from flask_bucketcors.analysis.mistakes import Cause
from flask_bucketcors.cli.check.arguments import read_headers, read_method, read_origin, read_url
from flask_bucketcors.cli.check.faults import (
    Fault,
    ServerFault,
    actual_faults,
    has_id,
    preflight_faults,
    source_faults,
)
from flask_bucketcors.cli.check.http_exchange import (
    DEFAULT_TIMEOUT_SECONDS,
    Headers,
    Response,
    Unreachable,
    ask,
)
from flask_bucketcors.cli.check.report_check import Step, as_data, print_steps
from flask_bucketcors.cli.database_options import database_option
from flask_bucketcors.cli.options import (
    bucket_option,
    dialect_option,
    extra_methods_option,
    find_source,
    resource_option,
    rules_option,
)
from flask_bucketcors.cli.report_explain import explain_by, print_explanation
from flask_bucketcors.cli.rule_sources import Source
from flask_bucketcors.cli.terminal import JSON, echo_json, fail_if, format_option
from flask_bucketcors.core.browser import BrowserRequest, Failure, value_of
from flask_bucketcors.core.headers import ALLOW_ORIGIN
from flask_bucketcors.core.hosts import is_loopback

# Faults that something in front of the storage may have caused.
_PERHAPS_OF_ANOTHER: Final = (
    Failure.NO_ALLOW_ORIGIN,
    Failure.OTHER_ORIGIN,
    ServerFault.REDIRECTED,
)
# Methods that change nothing.
_HARMLESS_METHODS: Final = ("GET", "HEAD")

PREFLIGHT: Final = "preflight"
ACTUAL: Final = "actual"


@dataclass(frozen=True)
class _Check:
    """The requests to send.

    :param send_unsafe: whether to send methods that may change something.
    :param seconds: to wait for each response.
    """

    url: SplitResult
    request: BrowserRequest
    send_unsafe: bool
    seconds: float

    def steps(self) -> list[Step]:
        """Send the requests that a browser would send, and judge the responses."""
        if self._is_mixed():
            text = "browsers block http requests of https pages: serve the address over https"
            fault = Fault(ServerFault.MIXED_CONTENT, text)
            return [Step(ACTUAL, self.request.method, None, [fault])]
        if not self.request.needs_preflight:
            return [self._actual()]
        preflight = self._with_source(self._send(PREFLIGHT))
        if preflight.blocks:
            return [preflight]
        actual = self._actual(preflight.response)
        # Caches do not store responses to OPTIONS, so the actual response is what has to vary.
        return [preflight.without(Cause.VARY_MISSING) if actual.response else preflight, actual]

    def _actual(self, preflight: Response | None = None) -> Step:
        method = self.request.method
        if method not in _HARMLESS_METHODS and not self.send_unsafe:
            return Step(ACTUAL, method, None, [])
        step = self._with_source(self._send(ACTUAL), preflight)
        if method in _HARMLESS_METHODS and step.response and self._is_fixed(step):
            return step.without(Cause.VARY_MISSING)
        return step

    def _is_fixed(self, step: Step) -> bool:
        """Whether the server always sends this origin, so that its response does not vary."""
        if not step.has(Cause.VARY_MISSING):
            return False
        headers = [pair for pair in self.request.actual_headers() if pair[0] != "Origin"]
        try:
            other = ask(self.url, self.request.method, headers, self.seconds)
        except Unreachable:
            return False
        return value_of(ALLOW_ORIGIN, other.headers) == self.request.origin

    def _send(self, name: str) -> Step:
        request, is_preflight = self.request, name == PREFLIGHT
        method = "OPTIONS" if is_preflight else request.method
        headers = request.preflight_headers() if is_preflight else request.actual_headers()
        find_faults = preflight_faults if is_preflight else actual_faults
        try:
            response = ask(self.url, method, headers, self.seconds)
        except Unreachable as error:
            fault = Fault(ServerFault.UNREACHABLE, f"{error}: {error.hint}")
            return Step(name, method, None, [fault])
        return Step(name, method, response, list(find_faults(request, response)))

    def _with_source(self, step: Step, preflight: Response | None = None) -> Step:
        """The step, with the fault of what stands in front of the storage, if there is one.

        :param preflight: the response to a preflight, if one was sent before the step.
        """
        if step.response is None or not step.has(*_PERHAPS_OF_ANOTHER):
            return step
        if step.name == ACTUAL and preflight is None and not has_id(step.response):
            preflight = self._send(PREFLIGHT).response
        found = source_faults(self.request, step.response, preflight)
        return step._replace(faults=[*step.faults, *found])

    def _is_mixed(self) -> bool:
        return (
            self.request.origin.startswith("https://")
            and self.url.scheme == "http"
            and not is_loopback(self.url.hostname or "")
        )


@click.command("check")
@click.argument("url", callback=read_url)
@click.option("--origin", required=True, callback=read_origin, help="The origin of the page.")
@click.option(
    "--method",
    default="GET",
    show_default=True,
    callback=read_method,
    help="The method of the request.",
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    callback=read_headers,
    help="A header that the page sets: NAME or 'NAME: VALUE'. Repeatable.",
)
@click.option("--credentials", is_flag=True, help="The page sends cookies.")
@click.option("--send-unsafe", is_flag=True, help="Also send requests that may change something.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1, max=600),
    default=DEFAULT_TIMEOUT_SECONDS,
    show_default=True,
    help="Seconds to wait for each response.",
)
@rules_option
@resource_option
@bucket_option
@dialect_option
@database_option
@extra_methods_option
@format_option
def check(
    url: SplitResult,
    origin: str,
    method: str,
    headers: Headers,
    credentials: bool,
    send_unsafe: bool,
    timeout: float,
    rules: str | None,
    resource: str | None,
    bucket: str | None,
    dialect: str | None,
    extra_methods: Sequence[str],
    form: str,
) -> None:
    """Check how a live server responds to a page.

    Sends the preflight, if a browser would send one, and then the actual request. Judges the
    responses as a browser does: by their Access-Control headers, not by the status. If a refused
    response does not show that a storage sent it, sends a preflight to find out.

    GET and HEAD requests are sent. Other methods may change something: they are sent only with
    --send-unsafe, without a body, so a PUT creates an empty object. Redirects are not followed,
    and cookies are not sent.

    With --rules or --bucket, explains the response by these rules.

    \b
    Example:
      flask bucketcors check https://photos.test/a.png --origin https://page.test
    """
    source = find_source(rules, bucket, dialect, extra_methods, resource)
    request = BrowserRequest(origin, method, headers, credentials)
    steps = _Check(url, request, send_unsafe, timeout).steps()
    # Without a response there is nothing to explain.
    explains = source is not None and not (steps[-1].response is None and steps[-1].faults)
    explanation = _explain(source, request, steps) if source and explains else None
    if form == JSON:
        echo_json(as_data(steps, explanation))
    else:
        print_steps(url, request, steps)
        if source and explanation:
            print_explanation(explanation, source)
    refused = explanation is not None and not explanation.allowed
    fail_if(refused or any(step.faults for step in steps))


def _explain(source: Source, request: BrowserRequest, steps: Sequence[Step]) -> Explanation:
    """Explain the last response, which is the one that fails if any does."""
    seen = [(step.name, _seen(step, step.response)) for step in steps if step.response]
    kind, response = seen[-1] if seen else (steps[-1].name, None)
    return explain_by(
        source,
        origin=request.origin,
        method=request.method,
        headers=request.requested_headers if kind == PREFLIGHT else (),
        credentials=request.credentials,
        kind=kind,
        response=response,
    )


def _seen(step: Step, response: Response) -> dict[str, Any]:
    """A response as :func:`flask_bucketcors.explain` takes it; no header is known to be read."""
    seen = {"headers": list(response.headers), "reads": []}
    # CORS does not depend on the status of an actual response.
    passes = step.name == ACTUAL and not step.blocks
    return seen if passes else {**seen, "status": response.status}
