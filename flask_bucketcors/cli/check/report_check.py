"""Prints the results of ``check``, as text and as JSON."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult

import click

from flask_bucketcors.analysis.evidence.response import OWN_IDS
from flask_bucketcors.analysis.explainer.explain import Explanation
from flask_bucketcors.analysis.response_mistakes import Level
from flask_bucketcors.cli.check.faults import Fault
from flask_bucketcors.cli.check.http_exchange import Response
from flask_bucketcors.cli.check.origin_server import Comparison, Probe
from flask_bucketcors.cli.check.page_check import Step, fails, is_same_origin
from flask_bucketcors.cli.report_explain import explanation_data, print_explanation
from flask_bucketcors.cli.rule_sources import Source
from flask_bucketcors.cli.terminal import clipped, counted, printable
from flask_bucketcors.core.browser import value_of

# The number of characters of an address or a value that are printed; JSON has all.
_MAX_SHOWN: Final = 500

# What shows whether a response comes from a cache.
_CACHE_HEADERS: Final = frozenset(
    {"age", "cf-cache-status", "x-cache", "x-cache-lookup", "x-swift-cachetime", "x-nws-log-uuid"}
)
# Other headers may contain secrets, such as cookies.
_SHOWN_HEADERS: Final = OWN_IDS | _CACHE_HEADERS | {"location", "server", "vary", "via"}
_SHOWN_START: Final = "access-control-"
_QUERY: Final = re.compile("[?#]")
_USER: Final = re.compile("^([^/]*//)[^/]*@")
_COLOURS: Final = {Level.BLOCKS: "red", Level.WARNING: "yellow", Level.ADVICE: "cyan"}


class Result(NamedTuple):
    """What was found out about a page and a URL.

    :param faults: those of no step.
    :param comparison: of a CDN with its origin server.
    """

    url: SplitResult
    origin: str
    steps: Sequence[Step]
    faults: Sequence[Fault] = ()
    explanation: Explanation | None = None
    comparison: Comparison | None = None

    @property
    def allowed(self) -> bool:
        """Whether a browser gives the response to the page."""
        return not any(step.blocks for step in self.steps)

    @property
    def is_checked(self) -> bool:
        """Whether CORS was involved at all."""
        return not is_same_origin(self.steps)

    @property
    def fails(self) -> bool:
        """Whether something is wrong that has to be corrected."""
        refused = self.explanation is not None and not self.explanation.allowed
        others = any(each.level is not Level.ADVICE for each in self._others)
        return refused or others or fails(self.steps)

    @property
    def _others(self) -> Sequence[Fault]:
        return [*self.faults, *(self.comparison.faults if self.comparison else ())]

    def placed_faults(self) -> Iterator[tuple[Fault, int | None]]:
        """Each fault with the number of its step."""
        for number, step in enumerate(self.steps):
            yield from ((fault, number) for fault in step.faults)
        yield from ((fault, None) for fault in self._others)


def as_data(results: Sequence[Result], saved: str | None) -> dict[str, Any]:
    """Everything that the text says, as plain data."""
    return {
        "allowed": all(each.allowed for each in results),
        "checks": [_check_data(each) for each in results],
        "faults": [
            {**_fault_data(fault), "at": [{"check": check, "step": step} for check, step in places]}
            for fault, places in _grouped(results)
        ],
        "saved": saved,
    }


def _fault_data(fault: Fault) -> dict[str, Any]:
    return {
        "kind": fault.kind,
        "level": fault.level,
        "header": fault.header or None,
        "text": fault.text,
    }


def _check_data(result: Result) -> dict[str, Any]:
    comparison, explanation = result.comparison, result.explanation
    return {
        "url": _address(result.url),
        "origin": result.origin,
        "allowed": result.allowed,
        "is_cors": result.is_checked,
        "steps": list(map(_step_data, result.steps)),
        "origin_server": _comparison_data(comparison) if comparison else None,
        "explanation": explanation_data(explanation) if explanation else None,
    }


def _comparison_data(comparison: Comparison) -> dict[str, Any]:
    return {
        "url": _address(comparison.server),
        "allowed": not any(step.blocks for step in comparison.steps),
        "steps": [
            {**_step_data(step), "faults": list(map(_fault_data, step.faults))}
            for step in comparison.steps
        ],
        "probes": list(map(_probe_data, comparison.probes)),
    }


def _probe_data(probe: Probe) -> dict[str, Any]:
    return {
        "where": probe.where,
        "origin": probe.origin or None,
        "status": probe.response.status,
        "headers": _shown_headers(probe.response),
        "is_cached": probe.is_cached,
    }


def _step_data(step: Step) -> dict[str, Any]:
    code, response = step.code, step.response
    return {
        "step": step.name,
        "redirects": step.hop,
        "method": step.method,
        "url": _address(step.url),
        "origin": step.origin or None,
        "status": response.status if response else None,
        "headers": _shown_headers(response) if response else None,
        "code": code.code if code else None,
        "code_means": (code.meaning if code else "") or None,
    }


def _shown_headers(response: Response) -> list[tuple[str, str]]:
    return [
        (name, _without_secrets(value) if name.lower() == "location" else value)
        for name, value in response.headers
        if name.lower() in _SHOWN_HEADERS or name.lower().startswith(_SHOWN_START)
    ]


def _without_secrets(location: str) -> str:
    """An address without its query and fragment, which may contain secrets, and its user."""
    return _USER.sub(r"\1", _QUERY.split(location, maxsplit=1)[0])


def _address(url: SplitResult) -> str:
    """An address without its query, which may contain a signature."""
    return f"{url.scheme}://{url.netloc}{url.path or '/'}"


def _grouped(results: Sequence[Result]) -> list[tuple[Fault, list[tuple[int, int | None]]]]:
    """Each fault once, with the numbers of the checks and the steps that have it."""
    places: dict[Fault, list[tuple[int, int | None]]] = {}
    for number, result in enumerate(results):
        for fault, step in result.placed_faults():
            places.setdefault(fault, []).append((number, step))
    return list(places.items())


def print_results(results: Sequence[Result], source: Source | None, saved: str | None) -> None:
    """Print results as text."""
    for result in results:
        _print_steps(result.steps)
        if result.comparison:
            _print_comparison(result.comparison)
        _print_verdict(result)
        if len(results) == 1:
            _print_faults(results)
        if source and result.explanation:
            print_explanation(result.explanation, source)
        if len(results) > 1:
            click.echo()
    if len(results) > 1:
        _print_summary(results)
    if saved:
        click.echo(f"saved: {printable(saved)}")


def _print_summary(results: Sequence[Result]) -> None:
    failed = sum(each.fails for each in results)
    click.echo(f"{counted(len(results), 'check')}, {failed} with faults")
    _print_faults(results)


def _print_faults(results: Sequence[Result]) -> None:
    for fault, places in _grouped(results):
        colour = _COLOURS[fault.level]
        click.echo(f"  {click.style(fault.kind, fg=colour)}: {printable(fault.text)}")
        for number in dict.fromkeys(number for number, _ in places) if len(results) > 1 else ():
            result = results[number]
            click.echo(f"    {result.origin} -> {_shown(_address(result.url))}")


def _shown(text: str) -> str:
    return clipped(printable(text), _MAX_SHOWN)


def _print_verdict(result: Result) -> None:
    last = result.steps[-1]
    if not result.is_checked:
        verdict, text = click.style("not checked", fg="yellow", bold=True), "reads it without CORS"
    elif result.allowed:
        verdict, text = click.style("allowed", fg="green", bold=True), f"may {_allowed(last)}"
    else:
        verdict, text = click.style("refused", fg="red", bold=True), "does not get the response"
        text += f" of {_shown(_address(last.url))}" if last.hop else ""
    click.echo(f"{verdict}: a page of {result.origin} {text}")


def _allowed(step: Step) -> str:
    """What the page may do, by the last step."""
    response = step.response
    if response is None:
        return "send this request"
    if response.status >= 400:
        return f"read the response; CORS is not the cause of its status, {response.status}"
    return "send this request and read the response"


def _print_comparison(comparison: Comparison) -> None:
    click.echo(f"origin server: {_shown(_address(comparison.server))}")
    _print_steps(comparison.steps)
    for step in comparison.steps:
        for fault in step.faults:
            click.echo(f"  {fault.kind}: {printable(fault.text)}")
    if comparison.probes:
        click.echo("cache: requests in this order")
    for probe in comparison.probes:
        click.echo(f"  {_probe_line(probe)}")


def _probe_line(probe: Probe) -> str:
    marks = [
        f"{name}: {clipped(printable(value), 60)}"
        for name in sorted(_CACHE_HEADERS)
        if (value := value_of(name, probe.response.headers)) is not None
    ]
    allowed = clipped(printable(probe.allow_origin or "(none)"), 100)
    origin = probe.origin or "(none)"
    return ", ".join([f"{probe.where}, Origin {origin} -> Allow-Origin {allowed}", *marks])


def _print_steps(steps: Iterable[Step]) -> None:
    for step in steps:
        _print_step(step)


def _print_step(step: Step) -> None:
    behind = f" after {counted(step.hop, 'redirect')}" if step.hop else ""
    title = f"{step.name}{behind}: {step.method} {_shown(_address(step.url))}"
    if step.response is None:
        unsent = "" if step.faults else " is not sent: it may change something (--send-unsafe)"
        click.echo(f"{title}{unsent}")
        return
    click.echo(f"{title} -> {step.response.status}")
    if step.hop:
        click.echo(f"  (sent with Origin: {step.origin or 'none'})")
    if step.code:
        click.echo(f"  {step.code.text}")
    _print_headers(step, step.response)


def _print_headers(step: Step, response: Response) -> None:
    deciding = {each.header.lower() for each in step.faults}
    for name, value in _shown_headers(response):
        shown = _shown(value)
        click.echo(f"  {printable(name)}: {shown}")
        if name.lower() in deciding:
            margin = " " * len(f"  {printable(name)}: ")
            click.echo(margin + click.style("^" * max(1, len(shown)), fg="red"))
