"""Explanations in words: short, with the number of the rule, its value and what to write."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from flask_bucketcors.core.causes import Cause
from flask_bucketcors.core.explanation.exchange import Request
from flask_bucketcors.core.explanation.fixes import Fix
from flask_bucketcors.core.explanation.sending import browser_form, is_sendable
from flask_bucketcors.core.explanation.tracing import Mismatch, RuleTrace
from flask_bucketcors.core.fields import METHODS
from flask_bucketcors.core.headers import (
    MAX_REQUESTED_HEADERS,
    MAX_REQUESTED_HEADERS_BYTES,
    parse_requested_headers,
)
from flask_bucketcors.core.looks import shown
from flask_bucketcors.core.origins import NULL
from flask_bucketcors.core.seen.answers import Seen
from flask_bucketcors.core.seen.wordings import Said
from flask_bucketcors.core.wildcards import ANY
from flask_bucketcors.core.written import WRAPPING, several

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


class Findings(NamedTuple):
    """What there is to tell.

    :param near: the rule that comes nearest, if no rule allows the request.
    :param winner: index of the rule that decides, if one does.
    :param fixes: changes that help.
    :param next_fix: what the rules need once what stops the request before them is mended.
    :param refused_values: whether the rules hold values that no PUT accepts.
    :param max_age: MaxAgeSeconds of the rule that decides; None if it has none.
    :param varies: whether ResponseVary cannot be switched on, or is.
    """

    request: Request
    causes: Sequence[Cause]
    near: RuleTrace | None
    winner: int | None
    fixes: Sequence[Fix]
    next_fix: Fix | None
    seen: Seen
    refused_values: bool
    max_age: int | None
    varies: bool

    @property
    def is_before_rules(self) -> bool:
        """Whether something else stops what the rules would refuse as well."""
        return bool(self.mismatches) and self.causes[0] in _NOT_RULES

    @property
    def mismatches(self) -> list[Mismatch]:
        """Where the nearest rule and the request part, as far as it says anything."""
        found = self.near.mismatches if self.near is not None else ()
        plain = self.request.is_plain_options
        return [each for each in found if not plain or each.field == "allowed_origins"]

    @property
    def could_be_sent(self) -> bool:
        """Whether a browser could send such a request; without an origin nobody knows."""
        return not self.request.origin or is_sendable(self.request.origin)


def write(found: Findings) -> str:
    """Put an explanation into words."""
    lines = [_headline(found), *_details(found)]
    if found.refused_values:
        lines.append("These rules hold values that are refused when they are put.")
    also = [each for each in found.causes[1:] if each not in _told(found)]
    if also:
        lines.append("Also: " + " ".join(each.meaning for each in also[:3]))
    lines.append(_remedy(found) if found.causes else "")
    return "\n".join(filter(None, lines))


def _headline(found: Findings) -> str:
    request, causes = found.request, found.causes
    page = f"from {shown(request.origin)}" if request.origin else "without an Origin"
    what = f"{request.method or 'the request'} {page}"
    if not causes:
        return f"Allowed: rule {(found.winner or 0) + 1} allows {what}."
    meaning = causes[0].meaning
    if found.is_before_rules:
        # It is not that the rules allow it.
        behind = meaning.rpartition("; ")[2]
        return f"Stopped before the rules are asked: {behind[0].upper()}{behind[1:]}"
    if causes[0] in _NOT_RULES:
        return f"Stopped, and not by the rules: {meaning}"
    if found.winner is not None:
        return f"Stopped by the browser, though rule {found.winner + 1} allows {what}. {meaning}"
    told = any(each.nearest is not None for each in found.mismatches)
    return f"Refused: no rule allows {what}." + ("" if told else f" {meaning}")


def _told(found: Findings) -> set[Cause]:
    """Causes that the details spell out."""
    return {each.causes[0] for each in found.mismatches}


def _details(found: Findings) -> list[str]:
    causes, seen = found.causes, found.seen
    lines = []
    if seen.status is not None and Cause.APP_REFUSED in causes:
        lines.append(f"The answer had status {seen.status}.")
    if found.is_before_rules:
        lines.append("Once that is mended, the rules refuse it too.")
    if found.near is not None:
        lines += _mismatches(found.near.rule, found.mismatches, is_sendable(found.request.origin))
    if not found.could_be_sent:
        lines.append(_sent_instead(found.request.origin))
    if Cause.HEADER_UNDERSCORE in causes and found.winner is not None:
        lines.append("The rules allow the name; a server on the way drops such names.")
    held = found.max_age if seen.max_age is None else seen.max_age
    if Cause.MAX_AGE_CACHED in causes and held is not None:
        lines.append(f"The browser may hold the old answer for {held} seconds.")
    if Cause.OTHER in causes:
        lines.append(_other(found.request, seen))
    return lines


def _sent_instead(origin: str) -> str:
    sent = browser_form(origin)
    if sent != origin and is_sendable(sent):
        return f"No browser sends {shown(origin)}: it sends {shown(sent)}; ask with that."
    return (
        f"No browser sends {shown(origin)}: an origin starts with its scheme, and has the host "
        "and the port that the page's address shows, as in 'https://a.example'; ask with that."
    )


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


def _mismatches(rule: int, mismatches: Sequence[Mismatch], sendable: bool) -> list[str]:
    # An origin that no browser sends is no matter of the rules.
    told = [each for each in mismatches if sendable or each.field != "allowed_origins"]
    far = [each for each in told if each.nearest is None]
    close = [_mismatch(rule, each) for each in told if each.nearest is not None]
    return [*close[:_SHOWN_MISMATCHES], *_lacking(rule, far)]


def _lacking(rule: int, mismatches: Sequence[Mismatch]) -> list[str]:
    by_field: dict[str, list[str]] = {}
    for each in mismatches:
        by_field.setdefault(_ELEMENTS[each.field], []).append(shown(each.asked))
    lacks = (f"its {element} lacks {', '.join(asked)}" for element, asked in by_field.items())
    return [f"Rule {rule + 1} comes nearest; " + ", and ".join(lacks) + "."] if by_field else []


def _mismatch(rule: int, mismatch: Mismatch) -> str:
    element, held = _ELEMENTS[mismatch.field], mismatch.nearest or ""
    why = mismatch.causes[0].meaning
    if mismatch.causes[0] is Cause.ORIGIN_NOT_LISTED:
        why = _miswritten_origin(held)
    elif mismatch.causes[0] is Cause.METHOD_MISSING:
        why = "Each method must be a value of its own, and `*` is none."
    elif mismatch.causes[0] is Cause.HEADER_MISSING:
        why = "Each name must be a value of its own, without a colon."
    return (
        f"Rule {rule + 1} has {element} {shown(held)}, the request {shown(mismatch.asked)}: "
        f"{why[0].lower()}{why[1:]}"
    )


def _miswritten_origin(held: str) -> str:
    """Why a value does not stand for the origin that it was meant for."""
    if several(held):
        return "Each origin must be a value of its own."
    if held.strip(WRAPPING) != held:
        return "It stands in quotes or brackets, which no origin has."
    if held.count(ANY) > 1 and "\\" not in held:
        return "A value may hold one `*`, and with more it fits nothing."
    if "\\" in held or ".*" in held or held[:1] == "^":
        return "Rules know no regular expressions; one `*` stands for any characters."
    return "It is not written as a browser sends it."


def _remedy(found: Findings) -> str:
    cause, request = found.causes[0], found.request
    if found.fixes:
        return f"Fix: {found.fixes[0].text}"
    if found.is_before_rules:
        then = f" Then the rules: {found.next_fix.text}" if found.next_fix else ""
        return f"What helps: {cause.what_to_do}{then}"
    if cause is Cause.OTHER:
        return ""
    if request.method and request.method not in METHODS and cause is Cause.METHOD_MISSING:
        return (
            "No rule can hold this method: rules know GET, PUT, POST, DELETE and HEAD; use one "
            "of them."
        )
    if cause is Cause.VARY_MISSING and found.varies:
        return (
            "What helps: empty the cache, and let every answer say `Vary: Origin`, to requests "
            'without an Origin too; BUCKETCORS_VARY = "safe" does.'
        )
    if request.origin == NULL and cause is Cause.ORIGIN_NULL:
        return f"What helps: {cause.what_to_do}"
    if cause not in _NOT_RULES and not found.could_be_sent:
        return "No change of the rules helps with such an origin."
    return f"No change of the rules helps. What does: {cause.what_to_do}"
