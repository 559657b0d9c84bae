"""``check``: asks a live server what a page would be told."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import SplitResult

import click

from flask_bucketcors.analysis.explainer.explain import Explanation
from flask_bucketcors.cli.check.arguments import read_headers, read_method, read_origin, read_url
from flask_bucketcors.cli.check.http_exchange import (
    DEFAULT_TIMEOUT_SECONDS,
    Answer,
    Headers,
    Unreachable,
    ask,
)
from flask_bucketcors.cli.check.report_check import Step, as_data, print_steps
from flask_bucketcors.cli.check.verdicts import (
    Finding,
    FindingKind,
    PageRequest,
    judge_actual,
    judge_preflight,
    judge_where_from,
)
from flask_bucketcors.cli.options import (
    Source,
    bucket_option,
    dialect_option,
    find_source,
    rules_option,
)
from flask_bucketcors.cli.report_explain import print_explanation
from flask_bucketcors.cli.terminal import JSON, echo_json, fail_if, format_option
from flask_bucketcors.core.headers import ALLOW_ORIGIN

# What somebody else's answer looks like.
_PERHAPS_OF_ANOTHER: Final = (
    FindingKind.NO_ALLOW_ORIGIN,
    FindingKind.OTHER_ORIGIN,
    FindingKind.REDIRECTED,
)
# What may be sent without changing anything.
_HARMLESS_METHODS: Final = ("GET", "HEAD")

PREFLIGHT: Final = "preflight"
ACTUAL: Final = "actual"

_LOCAL_HOSTS = re.compile(r"localhost|.*\.localhost|127\.[0-9.]+|::1")


@dataclass(frozen=True)
class _Check:
    """What to ask, and how."""

    url: SplitResult
    request: PageRequest
    send_unsafe: bool
    seconds: float

    def steps(self) -> list[Step]:
        """Ask, as far as a browser would go."""
        if self._is_mixed():
            text = "a browser lets no https page ask an http address: serve it by https"
            return [
                Step(ACTUAL, self.request.method, None, [Finding(FindingKind.MIXED_CONTENT, text)])
            ]
        if not self.request.needs_preflight:
            return [self._actual()]
        judge = partial(judge_preflight, self.request)
        preflight = self._step(PREFLIGHT, "OPTIONS", self.request.preflight_headers(), judge)
        if preflight.blocks:
            return [preflight]
        actual = self._actual()
        # Caches keep no OPTIONS; what they may keep says for itself on what it depends.
        return [preflight.without(FindingKind.VARY_MISSING) if actual.answer else preflight, actual]

    def _actual(self) -> Step:
        method = self.request.method
        if method not in _HARMLESS_METHODS and not self.send_unsafe:
            return Step(ACTUAL, method, None, [])
        judge = partial(judge_actual, self.request)
        step = self._step(ACTUAL, method, self.request.actual_headers(), judge)
        if method in _HARMLESS_METHODS and step.answer and self._is_fixed(step.answer):
            return step.without(FindingKind.VARY_MISSING)
        return step

    def _is_fixed(self, answer: Answer) -> bool:
        """Whether the server gives this origin to everybody: then the answer does not vary."""
        if not any(
            each.kind is FindingKind.VARY_MISSING for each in judge_actual(self.request, answer)
        ):
            return False
        headers = [pair for pair in self.request.actual_headers() if pair[0] != "Origin"]
        try:
            other = ask(self.url, self.request.method, headers, self.seconds)
        except Unreachable:
            return False
        return other.values(ALLOW_ORIGIN) == answer.values(ALLOW_ORIGIN)

    def _step(
        self,
        name: str,
        method: str,
        headers: Headers,
        judge: Callable[[Answer], Iterable[Finding]],
    ) -> Step:
        try:
            answer = ask(self.url, method, headers, self.seconds)
        except Unreachable as error:
            text = f"{error}: {error.hint}"
            return Step(name, method, None, [Finding(FindingKind.UNREACHABLE, text)])
        findings = list(judge(answer))
        if any(each.kind in _PERHAPS_OF_ANOTHER for each in findings):
            findings.extend(judge_where_from(answer))
        return Step(name, method, answer, findings)

    def _is_mixed(self) -> bool:
        return (
            self.request.origin.startswith("https://")
            and self.url.scheme == "http"
            and not _LOCAL_HOSTS.fullmatch(self.url.hostname or "")
        )


@click.command("check")
@click.argument("url", callback=read_url)
@click.option("--origin", required=True, callback=read_origin, help="Where the page is from.")
@click.option(
    "--method", default="GET", show_default=True, callback=read_method, help="What the page sends."
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    callback=read_headers,
    help="A header that the page sets: a name, or 'Name: value'. May be repeated.",
)
@click.option("--credentials", is_flag=True, help="Judge as for a page that sends cookies.")
@click.option("--send-unsafe", is_flag=True, help="Send what may change something, too.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1, max=600),
    default=DEFAULT_TIMEOUT_SECONDS,
    show_default=True,
    help="Seconds to wait for each answer.",
)
@rules_option
@bucket_option
@dialect_option
@format_option
@click.pass_context
def check(
    context: click.Context,
    url: SplitResult,
    origin: str,
    method: str,
    headers: Headers,
    credentials: bool,
    send_unsafe: bool,
    timeout: float,
    rules: str | None,
    bucket: str | None,
    dialect: str | None,
    form: str,
) -> None:
    """Ask the server at URL what a page would be told.

    Sends the preflight, if a browser would send one, and then the request itself, and judges
    the answers as a browser does: by Access-Control-Allow-Origin, not by the status. The
    request itself is sent if it is a GET or HEAD; others change something, and are sent with
    --send-unsafe only, without a body: a PUT then makes an empty object. No redirect is
    followed, and no cookie is sent.

    With --rules or --bucket, what was answered is explained by these rules.

    \b
    Example:
      flask bucketcors check https://photos.test/a.png --origin https://page.test
    """
    source = find_source(context, rules, bucket, dialect)
    request = PageRequest(origin, method, headers, credentials)
    steps = _Check(url, request, send_unsafe, timeout).steps()
    # Where nothing answered, there is nothing to explain by rules.
    explains = source is not None and not (steps[-1].answer is None and steps[-1].findings)
    explanation = _explain(source, request, steps) if source and explains else None
    if form == JSON:
        echo_json(as_data(steps, explanation))
    else:
        print_steps(url, request, steps)
        if source and explanation:
            print_explanation(explanation, source.rule)
    refused = explanation is not None and not explanation.allowed
    fail_if(refused or any(step.findings for step in steps))


def _explain(source: Source, request: PageRequest, steps: Sequence[Step]) -> Explanation:
    """Explain the last answer, which is the one that refuses if one does."""
    answered = [step for step in steps if step.answer]
    kind = answered[-1].name if answered else steps[-1].name
    return source.explain(
        origin=request.origin,
        method=request.method,
        headers=request.asked_headers if kind == PREFLIGHT else (),
        credentials=request.credentials,
        kind=kind,
        answer=_seen(answered[-1]) if answered else None,
    )


def _seen(step: Step) -> dict[str, Any] | None:
    """An answer as explanations take it. Nobody knows here what the page reads of it."""
    answer = step.answer
    if answer is None:
        return None
    headers = {name: answer.values(name) for name, _ in answer.headers}
    seen = {"headers": headers, "reads": []}
    # The page gets the answer, whatever its status: that is then no matter of CORS.
    passes = step.name == ACTUAL and not step.blocks
    return seen if passes else {**seen, "status": answer.status}
