"""What ``check`` found, as text and as JSON."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult

import click

from flask_bucketcors.analysis.evidence.response import OWN_IDS
from flask_bucketcors.analysis.explainer.explain import Explanation
from flask_bucketcors.cli.check.http_exchange import Answer
from flask_bucketcors.cli.check.verdicts import Finding, FindingKind, PageRequest
from flask_bucketcors.cli.report_explain import explanation_data
from flask_bucketcors.cli.terminal import printable

# Of an address or a header's value so much is shown to a person; JSON has the whole.
_MAX_SHOWN: Final = 500

# Others may hold what is nobody's business, such as cookies.
_SHOWN_HEADERS: Final = OWN_IDS | {
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "age",
    "location",
    "server",
    "vary",
    "via",
    "x-cache",
}


class Step(NamedTuple):
    """A request that was sent, or why it was not, and what a browser makes of it."""

    name: str
    method: str
    answer: Answer | None
    findings: Sequence[Finding]

    @property
    def blocks(self) -> bool:
        """Whether a finding keeps the page from its response."""
        return any(each.blocks for each in self.findings)

    def without(self, kind: FindingKind) -> "Step":
        """The same, as if there were nothing of this kind."""
        return self._replace(findings=[each for each in self.findings if each.kind is not kind])


def as_data(steps: Sequence[Step], explanation: Explanation | None) -> dict[str, Any]:
    """What was answered and found, as plain data."""
    findings = [
        {"step": step.name, "kind": each.kind, "text": each.text, "blocks": each.blocks}
        for step in steps
        for each in step.findings
    ]
    explained = {"explanation": explanation_data(explanation)} if explanation else {}
    return {
        "allowed": not any(step.blocks for step in steps),
        "findings": findings,
        **{step.name: _answer_data(step) for step in steps},
        **explained,
    }


def _answer_data(step: Step) -> dict[str, Any] | None:
    if step.answer is None:
        return None
    return {
        "method": step.method,
        "status": step.answer.status,
        "headers": _shown_headers(step.answer),
    }


def _shown_headers(answer: Answer) -> list[tuple[str, str]]:
    return [
        # The query of an address may be a signature.
        (name, value.partition("?")[0] if name.lower() == "location" else value)
        for name, value in answer.headers
        if name.lower() in _SHOWN_HEADERS
    ]


def print_steps(url: SplitResult, request: PageRequest, steps: Sequence[Step]) -> None:
    """Print what was answered and found, for a person."""
    address = _clipped(printable(f"{url.scheme}://{url.netloc}{url.path or '/'}"))
    for step in steps:
        _print_step(step, address)
    if any(step.blocks for step in steps):
        verdict = click.style("refused", fg="red", bold=True)
        click.echo(f"{verdict}: a page of {request.origin} does not get the answer")
    else:
        verdict = click.style("allowed", fg="green", bold=True)
        click.echo(f"{verdict}: a page of {request.origin} may {_allowed(steps[-1].answer)}")
    for finding in chain.from_iterable(step.findings for step in steps):
        colour = "red" if finding.blocks else "yellow"
        click.echo(f"  {click.style(finding.kind, fg=colour)}: {printable(finding.text)}")


def _allowed(answer: Answer | None) -> str:
    """What a page may do that got this last answer; None if it was not sent."""
    if answer is None:
        return "send this"
    if answer.status >= 400:
        return f"read the answer; that it is a {answer.status} is not by CORS"
    return "do this"


def _clipped(text: str) -> str:
    more = len(text) - _MAX_SHOWN
    return f"{text[:_MAX_SHOWN]} (and {more} more characters)" if more > 0 else text


def _print_step(step: Step, address: str) -> None:
    title = f"{step.name}: {step.method} {address}"
    if step.answer is None:
        unsent = "" if step.findings else " is not sent: it may change something (--send-unsafe)"
        click.echo(f"{title}{unsent}")
        return
    click.echo(f"{title} -> {step.answer.status}")
    deciding = {each.header.lower() for each in step.findings if each.header}
    for name, value in _shown_headers(step.answer):
        shown = _clipped(printable(value))
        click.echo(f"  {printable(name)}: {shown}")
        if name.lower() in deciding:
            margin = " " * len(f"  {printable(name)}: ")
            click.echo(margin + click.style("^" * max(1, len(shown)), fg="red"))
