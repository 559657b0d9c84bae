"""Prints the results of ``check``, as text and as JSON."""

from collections.abc import Sequence
from enum import StrEnum
from itertools import chain
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult

import click

from flask_bucketcors.analysis.evidence.response import OWN_IDS
from flask_bucketcors.analysis.explainer.explain import Explanation
from flask_bucketcors.cli.check.faults import Fault
from flask_bucketcors.cli.check.http_exchange import Response
from flask_bucketcors.cli.report_explain import explanation_data
from flask_bucketcors.cli.terminal import clipped, printable
from flask_bucketcors.core.browser import BrowserRequest

# The number of characters of an address or a value that are printed; JSON has all.
_MAX_SHOWN: Final = 500

# Other headers may contain secrets, such as cookies.
_SHOWN_HEADERS: Final = OWN_IDS | {"age", "location", "server", "vary", "via", "x-cache"}
_SHOWN_START: Final = "access-control-"


class Step(NamedTuple):
    """A request of the check, and its result.

    :param response: None if the request was not sent, or got no response.
    :param faults: what is wrong with the response, or why there is none.
    """

    name: str
    method: str
    response: Response | None
    faults: Sequence[Fault]

    @property
    def blocks(self) -> bool:
        """Whether a fault lets a browser keep the response from the page."""
        return any(each.blocks for each in self.faults)

    def has(self, *kinds: StrEnum) -> bool:
        """Whether there is a fault of one of these kinds."""
        return any(each.kind in kinds for each in self.faults)

    def without(self, kind: StrEnum) -> "Step":
        """The same step without faults of a kind."""
        return self._replace(faults=[each for each in self.faults if each.kind != kind])


def as_data(steps: Sequence[Step], explanation: Explanation | None) -> dict[str, Any]:
    """Responses and faults as plain data."""
    faults = [
        {"step": step.name, "kind": each.kind, "text": each.text, "blocks": each.blocks}
        for step in steps
        for each in step.faults
    ]
    explained = {"explanation": explanation_data(explanation)} if explanation else {}
    return {
        "allowed": not any(step.blocks for step in steps),
        "faults": faults,
        **{step.name: _response_data(step) for step in steps},
        **explained,
    }


def _response_data(step: Step) -> dict[str, Any] | None:
    if step.response is None:
        return None
    headers = _shown_headers(step.response)
    return {"method": step.method, "status": step.response.status, "headers": headers}


def _shown_headers(response: Response) -> list[tuple[str, str]]:
    return [
        # The query of an address may contain a signature.
        (name, value.partition("?")[0] if name.lower() == "location" else value)
        for name, value in response.headers
        if name.lower() in _SHOWN_HEADERS or name.lower().startswith(_SHOWN_START)
    ]


def print_steps(url: SplitResult, request: BrowserRequest, steps: Sequence[Step]) -> None:
    """Print responses and faults as text."""
    url_text = f"{url.scheme}://{url.netloc}{url.path or '/'}"
    address = clipped(printable(url_text), _MAX_SHOWN)
    for step in steps:
        _print_step(step, address)
    if any(step.blocks for step in steps):
        verdict = click.style("refused", fg="red", bold=True)
        click.echo(f"{verdict}: a page of {request.origin} does not get the response")
    else:
        verdict = click.style("allowed", fg="green", bold=True)
        click.echo(f"{verdict}: a page of {request.origin} may {_allowed(steps[-1].response)}")
    for fault in chain.from_iterable(step.faults for step in steps):
        colour = "red" if fault.blocks else "yellow"
        click.echo(f"  {click.style(fault.kind, fg=colour)}: {printable(fault.text)}")


def _allowed(response: Response | None) -> str:
    """What the page may do.

    :param response: the last response; None if the actual request was not sent.
    """
    if response is None:
        return "send this request"
    if response.status >= 400:
        return f"read the response; CORS is not the cause of its status, {response.status}"
    return "send this request and read the response"


def _print_step(step: Step, address: str) -> None:
    title = f"{step.name}: {step.method} {address}"
    if step.response is None:
        unsent = "" if step.faults else " is not sent: it may change something (--send-unsafe)"
        click.echo(f"{title}{unsent}")
        return
    click.echo(f"{title} -> {step.response.status}")
    deciding = {each.header.lower() for each in step.faults}
    for name, value in _shown_headers(step.response):
        shown = clipped(printable(value), _MAX_SHOWN)
        click.echo(f"  {printable(name)}: {shown}")
        if name.lower() in deciding:
            margin = " " * len(f"  {printable(name)}: ")
            click.echo(margin + click.style("^" * max(1, len(shown)), fg="red"))
