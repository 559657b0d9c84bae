"""What messages mean that no rules can change, and what the evidence leaves open."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from flask_bucketcors.analysis.evidence.said import BEYOND_RULES, Said
from flask_bucketcors.analysis.explainer.case import Case
from flask_bucketcors.analysis.explainer.header_forms import written_wrong
from flask_bucketcors.analysis.mistakes import Cause
from flask_bucketcors.analysis.spelling.lookalikes import shown
from flask_bucketcors.analysis.spelling.sent_origins import browser_form

_ATTRIBUTE: Final = "set its crossorigin attribute (crossorigin='anonymous')"

#: What is wrong and what to do, for each complaint that the rules have no part in.
MEANINGS: Final[Mapping[Said, str]] = {
    Said.LOCAL_NETWORK: (
        "The browser asks before a page may reach a local network; no header changes that: load "
        "the page over https, and allow it when the browser asks."
    ),
    Said.PRIVATE_PREFLIGHT: (
        "An older Chromium asks whether a page may reach a private network: the response to the "
        "preflight needs `Access-Control-Allow-Private-Network: true`, which no rule gives. Set "
        "it in a proxy, or update the browser."
    ),
    Said.NO_RESPONSE: (
        "The browser got no response, or something other than CORS stopped it: check the "
        "network, the certificate, http on an https page, the page's Content-Security-Policy, "
        "service workers and extensions that block requests."
    ),
    Said.USER_INFO: (
        "The request was redirected to an address with a user name, which browsers do not follow "
        "across origins: redirect to an address without one."
    ),
    Said.TAINTED: (
        f"The image, video or sound was requested without CORS: {_ATTRIBUTE} before its src, "
        "and clear the cache, which may contain the earlier response."
    ),
    Said.INTEGRITY_WITHOUT_CORS: (
        "The element has an integrity attribute and was loaded without CORS, so the browser may "
        f"not check it: {_ATTRIBUTE}. The rules decide after that."
    ),
    Said.INTEGRITY: (
        "The response arrived, and its content is not that of the integrity attribute: compute "
        "the hash again, or check which file the address gives. CORS is not the cause."
    ),
    Said.OPAQUE: (
        "The resource was requested without CORS, and the browser keeps such a response from the "
        "page: request it with CORS (mode 'cors', or the crossorigin attribute), and check that "
        "the response is not an error page and has the right Content-Type."
    ),
    Said.RESOURCE_POLICY: (
        "A Cross-Origin-Resource-Policy or Cross-Origin-Embedder-Policy header stopped it, not "
        "CORS: send `Cross-Origin-Resource-Policy: cross-origin` with the object, or request it "
        "with CORS."
    ),
    Said.SAME_ORIGIN_ONLY: (
        "Only a page of the same origin may do that (read a frame, start a worker, load a track "
        "without a crossorigin attribute); no CORS rule changes it."
    ),
    Said.MODE: (
        "The script's fetch has a mode that rules CORS out ('no-cors' or 'same-origin'): write "
        "mode: 'cors', or leave it out."
    ),
    Said.BAD_FONT: (
        "The response arrived, and is no font: look at what the address gives, which is often an "
        "error page. CORS is not the cause."
    ),
    Said.UNNAMED: (
        "The message hides the cause: scripts are not told why a request failed. The browser's "
        "console has the cause in a line of its own, and its network tab shows whether a response "
        "came: copy that line."
    ),
}


def evidence_lines(case: Case) -> Iterator[str]:
    """Give what the evidence means, what was guessed, and what was not understood."""
    seen, console = case.seen, case.seen.console
    if console.loses_origin:
        first, last = browser_form(console.redirected_from or ""), browser_form(console.url or "")
        yield (
            f"The request was redirected from {shown(first)} to {shown(last)}, and both are "
            "foreign to the page, so the browser sends `Origin: null` to the second, though it "
            "prints the page's origin."
        )
    wrong = written_wrong(seen.pairs or (), case.request.origin, case.request.credentials)
    if wrong:
        yield f"In {wrong.header}, {wrong.text()}."
    yield from dict.fromkeys(
        MEANINGS[each.said] for each in seen.complaints if each.said in MEANINGS
    )
    if console.others:
        yield (
            f"The text is about {console.others + 1} requests, and this explains the first alone: "
            "explain the others one at a time."
        )
    if seen.is_unread:
        yield (
            "The text of the console was not understood, so this is about the rules alone: copy "
            "the whole message about the failed request from the browser's console."
        )
    if "method" in case.guessed:
        yield (
            f"The evidence does not tell the method, so {case.request.method} is a guess: give "
            "the method of the request."
        )
    if "origin" in case.guessed:
        yield (
            f"The evidence has no Origin, so {shown(case.request.origin)} is a guess, from the "
            "page's address: give the origin if it is another."
        )


def is_unexplained(case: Case, causes: Sequence[Cause]) -> bool:
    """Whether the rules allow the request, and the text does not tell what stops it."""
    is_silent = case.seen.is_unread or case.seen.says(Said.UNNAMED)
    return is_silent and _is_fine_by_rules(case, causes)


def is_beyond_rules(case: Case, causes: Sequence[Cause]) -> bool:
    """Whether the rules allow the request, and what stops it has nothing to do with them."""
    stopped = case.seen.has_failed or case.seen.says(*BEYOND_RULES)
    return stopped and _is_fine_by_rules(case, causes)


def _is_fine_by_rules(case: Case, causes: Sequence[Cause]) -> bool:
    return causes[0] is Cause.OTHER and case.exchange.passes
