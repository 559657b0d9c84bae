"""``explain``: explain why a page's request is refused, and how to fix it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from flask_bucketcors.analysis.evidence import (
    MAX_CONSOLE,
    MAX_CURL,
    MAX_HAR,
    from_console,
    from_copy,
    from_har,
)
from flask_bucketcors.analysis.explainer.explain import Explanation
from flask_bucketcors.cli.database_options import database_option
from flask_bucketcors.cli.options import (
    bucket_option,
    dialect_option,
    extra_methods_option,
    find_source,
    resource_option,
    rules_option,
)
from flask_bucketcors.cli.report_explain import explain_by, explanation_data, print_explanation
from flask_bucketcors.cli.rule_files import (
    INPUT_FILE,
    INPUT_TEXT,
    once_stdin,
    read_bytes,
    read_text,
)
from flask_bucketcors.cli.rule_sources import Source
from flask_bucketcors.cli.terminal import (
    JSON,
    echo_json,
    fail_if,
    format_option,
    printable,
)
from flask_bucketcors.core.browser import (
    SAFE_METHODS,
    combined,
    needs_preflight,
    unsafe_names,
)

# A character has up to four bytes.
MAX_TEXT_BYTES: Final = 4 * max(MAX_CONSOLE, MAX_CURL)


def _read_pair(
    context: click.Context, parameter: click.Parameter, texts: Sequence[str]
) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon or not name.strip():
            raise click.BadParameter("write 'NAME: VALUE'")
        headers.setdefault(name.strip(), []).append(value.strip())
    return headers


@click.command("explain")
@rules_option
@resource_option
@bucket_option
@dialect_option
@database_option
@extra_methods_option
@click.option("--origin", help="The origin of the page, as its browser sends it.")
@click.option("--method", help="The method of the request.  [default: GET]")
@click.option(
    "--header",
    "headers",
    multiple=True,
    help="A header that the page sets: NAME or 'NAME: VALUE'. Repeatable.",
)
@click.option("--credentials", is_flag=True, help="The page sends cookies.")
@click.option("--actual", is_flag=True, help="The browser sends no preflight.")
@click.option("--status", type=click.IntRange(100, 599), help="The status of the response.")
@click.option(
    "--response-header",
    "seen",
    multiple=True,
    callback=_read_pair,
    help="A header of the response, 'NAME: VALUE'. Repeatable.",
)
@click.option(
    "--console", type=INPUT_TEXT, help="What the browser's console shows; - is standard input."
)
@click.option(
    "--curl",
    type=INPUT_TEXT,
    help="The request as the browser's tools copy it: curl, fetch or PowerShell; - is standard "
    "input.",
)
@click.option("--har", type=INPUT_FILE, help="A HAR file, saved by a browser's network tab.")
@format_option
def explain_request(
    rules: str | None,
    resource: str | None,
    bucket: str | None,
    dialect: str | None,
    extra_methods: Sequence[str],
    form: str,
    **known: Any,
) -> None:
    """Explain why a page's request is refused, and how to fix it.

    Give the rules with --rules or --bucket. You can pass rules that the API would reject; they
    are often the cause. Describe the request with options, a curl command, a HAR file or the
    text of the browser's console. Options override what these contain. The exit code is 1 if
    something fails, or if a text is not understood.

    \b
    Example:
      flask bucketcors explain --rules rules.xml --origin https://page.test
    """
    once_stdin([rules, known["console"], known["curl"], known["har"]])
    source = find_source(rules, bucket, dialect, extra_methods, resource)
    if source is None:
        raise click.UsageError("write --rules FILE or --bucket NAME")
    requests = [_merged(evidence, known) for evidence in _evidence(known)]
    if not any(each.get("origin") or "console" in each.get("response", {}) for each in requests):
        raise click.UsageError("write --origin, as the browser's console shows it")
    _report(source, _explanations(source, requests), form)


def _evidence(known: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """What a curl command, a HAR file or a console text tells of each request."""
    har = known["har"]
    if sum(known[name] is not None for name in ("console", "curl", "har")) > 1:
        raise click.UsageError("write one of --console, --curl and --har")
    try:
        # Enough is read to notice that a text is too long.
        if known["console"] is not None:
            return [_from_console(read_text(known["console"], MAX_TEXT_BYTES), known)]
        if known["curl"] is not None:
            return [from_copy(read_text(known["curl"], MAX_TEXT_BYTES))]
        return [{}] if har is None else from_har(read_bytes(har, MAX_HAR))
    except ValueError as error:
        raise click.UsageError(printable(str(error))) from None


def _from_console(text: str, known: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        found = from_console(text)
    except ValueError:
        # The options may describe the request, and the text the response.
        if known["origin"] is None:
            raise
        return {"response": {"console": text}, "guessed": ["method"]}
    method = known["method"] or found["method"]
    if method not in SAFE_METHODS or _asked_headers(known["headers"]):
        # The text may be about the actual request, but a browser sends a preflight first.
        found["kind"] = "preflight"
    return found


def _merged(evidence: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """What evidence and options tell of one request; options win."""
    # The case is kept: it may be the cause.
    method = known["method"]
    headers = _asked_headers(known["headers"])
    said = {
        "origin": known["origin"],
        "method": method,
        "headers": list(dict.fromkeys([*evidence.get("headers", ()), *headers])),
        "credentials": known["credentials"] or None,
        "kind": "actual" if known["actual"] else None,
    }
    if said["kind"] is None and evidence and needs_preflight(method or "GET", headers):
        # What the options add may need a preflight.
        said["kind"] = "preflight"
    seen = {"status": known["status"], "headers": known["seen"] or None}
    response = {**(evidence.get("response") or {}), **_said(seen)}
    guessed = [name for name in evidence.get("guessed", ()) if known[name] is None]
    found = {**evidence, **_said(said), "guessed": guessed}
    return {**found, "response": response} if response else found


def _asked_headers(texts: Sequence[str]) -> list[str]:
    """The requested headers of a preflight: all names but those with a safe value."""
    pairs = [(name.strip(), value.strip()) for name, _, value in (t.partition(":") for t in texts)]
    unsafe = unsafe_names(combined(pair for pair in pairs if pair[1]))
    names = dict.fromkeys(name for name, value in pairs if not value or name.lower() in unsafe)
    return list(names)


def _said(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _explanations(
    source: Source, requests: Sequence[Mapping[str, Any]]
) -> list[tuple[Explanation, int]]:
    """Each different explanation, with the number of its requests: pages repeat what fails."""
    numbers = Counter(map(repr, requests))
    found: dict[str, tuple[Explanation, int]] = {}
    for key, request in {repr(each): each for each in requests}.items():
        explanation = explain_by(source, **request)
        _, number = found.get(explanation.text, (explanation, 0))
        found[explanation.text] = explanation, number + numbers[key]
    return list(found.values())


def _report(source: Source, explanations: Sequence[tuple[Explanation, int]], form: str) -> None:
    # Among many requests, the first one that fails is explained first.
    found = sorted(explanations, key=lambda each: each[0].allowed)
    if form == JSON:
        first, *more = ({**explanation_data(each), "requests": number} for each, number in found)
        echo_json({**first, "default_rules": source.is_default, **({"more": more} if more else {})})
    else:
        _print(source, found)
    fail_if(not found[0][0].allowed)


def _print(source: Source, explanations: Sequence[tuple[Explanation, int]]) -> None:
    if source.is_default:
        name = printable(source.name)
        click.echo(f"bucket {name} has no rules of its own: the default rules decide")
    for place, (explanation, number) in enumerate(explanations):
        if place:
            click.echo()
        print_explanation(explanation, source)
        if number > 1:
            click.echo(f"This is about {number} requests.")
