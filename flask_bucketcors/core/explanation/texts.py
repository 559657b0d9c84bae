"""Explanations in words: short, with the number of the rule, its value and what to write."""

from collections.abc import Sequence
from typing import Final

from flask_bucketcors.core.explanation.answers import Seen
from flask_bucketcors.core.explanation.causes import Cause
from flask_bucketcors.core.explanation.characters import shown
from flask_bucketcors.core.explanation.exchange import Request
from flask_bucketcors.core.explanation.fixes import Fix
from flask_bucketcors.core.explanation.nearness import browser_form
from flask_bucketcors.core.explanation.tracing import Mismatch, RuleTrace
from flask_bucketcors.core.explanation.wordings import Said
from flask_bucketcors.core.fields import METHODS
from flask_bucketcors.core.headers import (
    MAX_REQUESTED_HEADERS,
    MAX_REQUESTED_HEADERS_BYTES,
    parse_requested_headers,
)
from flask_bucketcors.core.origins import NULL

_ELEMENTS: Final = {
    "allowed_origins": "AllowedOrigin",
    "allowed_methods": "AllowedMethod",
    "allowed_headers": "AllowedHeader",
}
_NOT_RULES: Final = frozenset(
    {
        Cause.ACRM_MISSING,
        Cause.APP_REFUSED,
        Cause.CDN_ANSWERED,
        Cause.DUPLICATE_HEADERS,
        Cause.MAX_AGE_CACHED,
        Cause.VARY_MISSING,
    }
)
_SHOWN_MISMATCHES: Final = 6


def write(
    request: Request,
    causes: Sequence[Cause],
    near: RuleTrace | None,
    winner: int | None,
    fixes: Sequence[Fix],
    seen: Seen,
    refused_values: bool,
    max_age: int | None,
) -> str:
    """Put an explanation into words.

    :param near: the rule that comes nearest, if no rule allows the request.
    :param winner: index of the rule that decides, if one does.
    :param refused_values: whether the rules hold values that no PUT accepts.
    :param max_age: MaxAgeSeconds of the rule that decides; None if it has none.
    """
    lines = [_headline(request, causes, near, winner)]
    lines += _details(request, causes, near, seen, max_age)
    if refused_values:
        lines.append("These rules hold values that are refused when they are put.")
    if len(causes) > 1:
        lines.append("Also: " + " ".join(each.meaning for each in causes[1:4]))
    lines.append(_remedy(request, causes, fixes) if causes else "")
    return "\n".join(filter(None, lines))


def _headline(
    request: Request, causes: Sequence[Cause], near: RuleTrace | None, winner: int | None
) -> str:
    what = f"{request.method or 'the request'} from {shown(request.origin)}"
    if not causes:
        return f"Allowed: rule {(winner or 0) + 1} allows {what}."
    if causes[0] in _NOT_RULES:
        return f"Stopped, and not by the rules: {causes[0].meaning}"
    if near is not None and any(each.nearest is not None for each in near.mismatches):
        return f"Refused: no rule allows {what}."
    if winner is not None:
        return (
            f"Stopped by the browser, though rule {winner + 1} allows {what}. {causes[0].meaning}"
        )
    return f"Refused: no rule allows {what}. {causes[0].meaning}"


def _details(
    request: Request,
    causes: Sequence[Cause],
    near: RuleTrace | None,
    seen: Seen,
    max_age: int | None,
) -> list[str]:
    found = []
    if near is not None and request.method:
        far = [each for each in near.mismatches if each.nearest is None]
        found = [_mismatch(near.rule, each) for each in near.mismatches if each not in far]
        found = [*found[:_SHOWN_MISMATCHES], *_lacking(near.rule, far)]
    sent = browser_form(request.origin)
    if request.origin and sent != request.origin:
        found.append(
            f"No browser sends {shown(request.origin)}: it sends {shown(sent)}; ask with that."
        )
    elif request.origin not in ("", NULL) and "://" not in request.origin:
        found.append(
            f"No browser sends {shown(request.origin)}: an origin starts with its scheme, as in "
            "'https://a.example'; ask with that."
        )
    held = max_age if seen.max_age is None else seen.max_age
    if Cause.MAX_AGE_CACHED in causes and held is not None:
        found.append(f"The browser may hold the old answer for {held} seconds.")
    if Cause.OTHER in causes:
        found.append(_other(request, seen))
    if seen.status is not None and Cause.APP_REFUSED in causes:
        found.append(f"The answer had status {seen.status}.")
    return found


def _other(request: Request, seen: Seen) -> str:
    if not request.origin:
        return "The request names no origin: give the page's, as the browser's Origin shows it."
    if seen.says(Said.LOCAL_NETWORK):
        return "The browser lets no page reach a local network unasked; no header changes that."
    if seen.says(Said.TAINTED):
        return (
            "The picture was asked for without CORS: set its crossorigin attribute before its "
            "address, and empty the cache, which may hold it as it was asked for before."
        )
    if seen.says(Said.NO_ANSWER):
        return (
            "The browser got no answer, or something else than CORS stopped it: look at network "
            "and certificate, at http on an https page, at the page's content policy, at a "
            "service worker and at what blocks requests."
        )
    if seen.says(Said.NO_CREDENTIALS):
        return (
            "The answer lacks Access-Control-Allow-Credentials: true, which these rules give; "
            "look at BUCKETCORS_ALLOW_CREDENTIALS, and at what else writes CORS headers."
        )
    if parse_requested_headers(request.judged_headers) is None:
        return (
            f"It asks for more headers than are read: {MAX_REQUESTED_HEADERS} names, "
            f"{MAX_REQUESTED_HEADERS_BYTES} bytes."
        )
    return (
        "The answer is not the one that these rules give: look whether they are the bucket's, "
        "and whether something else answered."
    )


def _lacking(rule: int, mismatches: Sequence[Mismatch]) -> list[str]:
    by_field: dict[str, list[str]] = {}
    for each in mismatches:
        by_field.setdefault(_ELEMENTS[each.field], []).append(shown(each.asked))
    lacks = (f"its {element} lacks {', '.join(asked)}" for element, asked in by_field.items())
    return [f"Rule {rule + 1} comes nearest; " + ", and ".join(lacks) + "."] if by_field else []


def _mismatch(rule: int, mismatch: Mismatch) -> str:
    element = _ELEMENTS[mismatch.field]
    why = mismatch.causes[0].meaning
    return (
        f"Rule {rule + 1} has {element} {shown(mismatch.nearest or '')}, the request "
        f"{shown(mismatch.asked)}: {why[0].lower()}{why[1:]}"
    )


def _remedy(request: Request, causes: Sequence[Cause], fixes: Sequence[Fix]) -> str:
    if fixes:
        return f"Fix: {fixes[0].text}"
    if causes[0] is Cause.OTHER:
        return ""
    if request.method and request.method not in METHODS and causes[0] is Cause.METHOD_MISSING:
        return (
            "No rule can hold this method: rules know GET, PUT, POST, DELETE and HEAD; use one "
            "of them."
        )
    if request.origin == NULL and causes[0] is Cause.ORIGIN_NULL:
        return f"What helps: {causes[0].what_to_do}"
    return f"No change of the rules helps. What does: {causes[0].what_to_do}"
