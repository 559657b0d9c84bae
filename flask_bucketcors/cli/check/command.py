"""``check``: send requests to a live server, and judge the responses as a browser does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult

import click

from flask_bucketcors.analysis.explainer.explain import Explanation
from flask_bucketcors.analysis.response_mistakes import Level
from flask_bucketcors.analysis.response_mistakes import ResponseMistake as Mistake
from flask_bucketcors.cli.check.arguments import (
    read_headers,
    read_method,
    read_new_file,
    read_origins,
    read_server,
    read_urls,
)
from flask_bucketcors.cli.check.faults import Fault, fault_of
from flask_bucketcors.cli.check.http_exchange import DEFAULT_TIMEOUT_SECONDS, Headers, Response
from flask_bucketcors.cli.check.origin_server import (
    OTHER_PAGE,
    Comparing,
    Comparison,
    at_server,
)
from flask_bucketcors.cli.check.page_check import ACTUAL, PREFLIGHT, PageCheck, Step, fails
from flask_bucketcors.cli.check.recorded_exchanges import Sender
from flask_bucketcors.cli.check.report_check import Result, as_data, print_results
from flask_bucketcors.cli.check.saved_har import save
from flask_bucketcors.cli.database_options import database_option
from flask_bucketcors.cli.options import (
    bucket_option,
    dialect_option,
    extra_methods_option,
    find_source,
    resource_option,
    rules_option,
)
from flask_bucketcors.cli.report_explain import explain_by
from flask_bucketcors.cli.rule_sources import Source
from flask_bucketcors.cli.terminal import JSON, echo_json, fail_if, format_option
from flask_bucketcors.core.browser import BrowserRequest


@dataclass(frozen=True)
class _Checks:
    """What to check.

    :param server: the origin server behind the URLs.
    """

    sender: Sender
    urls: Sequence[SplitResult]
    origins: Sequence[str]
    method: str
    headers: Headers
    credentials: bool
    send_unsafe: bool
    server: SplitResult | None
    source: Source | None

    def results(self) -> Iterator[Result]:
        """Check each page with each URL."""
        for url in self.urls:
            for origin in self.origins:
                yield self._result(url, origin)

    def _result(self, url: SplitResult, origin: str) -> Result:
        request = BrowserRequest(origin, self.method, self.headers, self.credentials)
        steps = PageCheck(self.sender, url, request, self.send_unsafe).steps()
        comparison = self._comparison(url, request, steps)
        stray = list(self._bucket_faults(url, steps))
        # Without a response there is nothing to explain.
        explains = not stray and steps[-1].hop == 0
        explains = explains and not (steps[-1].response is None and steps[-1].faults)
        explanation = _explain(self.source, request, steps) if self.source and explains else None
        return Result(url, origin, steps, stray, explanation, comparison)

    def _comparison(
        self, url: SplitResult, request: BrowserRequest, steps: Sequence[Step]
    ) -> Comparison | None:
        if self.server is None:
            return None
        server = at_server(url, self.server)
        others = (each for each in self.origins if each != request.origin)
        comparing = Comparing(self.sender, url, server, request, next(others, OTHER_PAGE))
        behind = PageCheck(self.sender, server, request, self.send_unsafe, is_behind=True)
        return comparing.compare(steps, behind.steps())

    def _bucket_faults(self, url: SplitResult, steps: Sequence[Step]) -> Iterator[Fault]:
        """Whether the URL is one of another bucket than the rules, or of none."""
        if self.source is None or self.source.kind != "bucket":
            return
        # Without --bucket, no application is loaded, and no code that serves one.
        from flask_bucketcors.cli.bucket_urls import why_not_of_bucket

        reason = why_not_of_bucket(self.source.name, url)
        if reason:
            fault = fault_of(Mistake.NO_BUCKET, reason)
            yield fault if fails(steps) else fault._replace(level=Level.ADVICE)


@click.command("check")
@click.argument("urls", metavar="URL...", nargs=-1, required=True, callback=read_urls)
@click.option(
    "--origin",
    "origins",
    required=True,
    multiple=True,
    callback=read_origins,
    help="The origin of the page. Repeatable.",
)
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
    "--origin-server",
    "server",
    callback=read_server,
    metavar="URL",
    help="The server behind the CDN of the URL: compare the two. scheme://host:port",
)
@click.option(
    "--save",
    "saved",
    type=click.Path(dir_okay=False),
    callback=read_new_file,
    metavar="FILE",
    help="Write what was exchanged to a new HAR file, without secrets.",
)
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
    timeout: float,
    saved: str | None,
    rules: str | None,
    resource: str | None,
    bucket: str | None,
    dialect: str | None,
    extra_methods: Sequence[str],
    form: str,
    **asked: Any,
) -> None:
    """Check how a live server responds to a page.

    Sends the preflight, if a browser would send one, and then the actual request. Judges the
    responses as a browser does: by their Access-Control headers, not by the status. Follows
    redirects as a browser does. If a refused response does not show that a storage sent it, sends
    a preflight to find out.

    GET and HEAD requests are sent. Other methods may change something: they are sent only with
    --send-unsafe, without a body, so a PUT creates an empty object. Cookies are not sent.

    With several URLs or origins, checks each page with each URL. With --rules or --bucket,
    explains the response by these rules. The exit code is 1 if something has to be corrected, or
    if no CORS was involved.

    \b
    Example:
      flask bucketcors check https://photos.test/a.png --origin https://page.test
    """
    source = find_source(rules, bucket, dialect, extra_methods, resource)
    sender = Sender(timeout)
    try:
        results = list(_Checks(sender, source=source, **asked).results())
    finally:
        if saved:
            save(saved, sender.exchanges)
    if form == JSON:
        echo_json(as_data(results, saved))
    else:
        print_results(results, source, saved)
    fail_if(any(each.fails for each in results) or not any(each.is_checked for each in results))


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
