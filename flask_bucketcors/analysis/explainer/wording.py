"""Explanations in words: short, with the rule's number, its value and what to write."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from flask_bucketcors.analysis.evidence.response import Seen
from flask_bucketcors.analysis.evidence.said import Said
from flask_bucketcors.analysis.explainer.case import Case
from flask_bucketcors.analysis.explainer.console_meanings import (
    MEANINGS,
    evidence_lines,
    is_beyond_rules,
    is_unexplained,
)
from flask_bucketcors.analysis.explainer.exchange import PageRequest
from flask_bucketcors.analysis.explainer.fix import Fix
from flask_bucketcors.analysis.explainer.rule_trace import Mismatch
from flask_bucketcors.analysis.mistakes import Cause
from flask_bucketcors.analysis.spelling.lookalikes import shown
from flask_bucketcors.analysis.spelling.misspelt import is_misspelt
from flask_bucketcors.analysis.spelling.origin_parts import WRAPPING, several
from flask_bucketcors.analysis.spelling.sent_origins import browser_form, is_sendable
from flask_bucketcors.core.browser import passes_cors_check
from flask_bucketcors.core.dialects import LIST_ELEMENTS, Dialect
from flask_bucketcors.core.fields import method_problem
from flask_bucketcors.core.headers import (
    MAX_REQUESTED_HEADERS,
    MAX_REQUESTED_HEADERS_BYTES,
    parse_requested_headers,
)
from flask_bucketcors.core.origins import NULL
from flask_bucketcors.core.problems import Problem
from flask_bucketcors.core.rules import lacking_methods
from flask_bucketcors.core.wildcards import ANY

_SHOWN_MISMATCHES: Final = 6
_SHOWN_PROBLEMS: Final = 3


class Told(NamedTuple):
    """What there is to tell.

    :param causes: what stops the request, in order.
    :param fixes: edits that help.
    :param next_fix: what the rules need once nothing stops the request before them, or once the
        settings allow their methods.
    """

    case: Case
    causes: Sequence[Cause]
    fixes: Sequence[Fix]
    next_fix: Fix | None

    @property
    def is_before_rules(self) -> bool:
        """Whether something else stops a request that the rules would refuse as well."""
        return bool(self.mismatches) and self.is_elsewhere

    @property
    def is_elsewhere(self) -> bool:
        """Whether something other than the rules stops the request first, and it is known."""
        first = self.causes[0] if self.causes else Cause.OTHER
        return not first.is_by_rules and first is not Cause.OTHER

    @property
    def mismatches(self) -> list[Mismatch]:
        """Where the nearest rule and the request differ, as far as it says anything."""
        found = self.case.near.mismatches if self.case.near is not None else ()
        plain = self.case.request.is_plain_options
        return [each for each in found if not plain or each.field == "allowed_origins"]

    @property
    def could_be_sent(self) -> bool:
        """Whether a browser could send such a request; unknown without an origin."""
        origin = self.case.request.origin
        return not origin or is_sendable(origin)


def verdict(found: Told) -> str:
    """What became of the request, in a word or a few."""
    if not found.causes:
        return "Allowed"
    if found.is_before_rules:
        return "Stopped before the rules apply"
    if found.causes[0] is Cause.VARY_MISSING:
        return "Stopped by a cache"
    if is_unexplained(found.case, found.causes):
        return "Not explained"
    if is_beyond_rules(found.case, found.causes):
        return "Stopped, but not by the rules"
    if found.is_elsewhere:
        return "Stopped, but not by the rules"
    return "Refused" if found.case.winner is None else "Stopped by the browser"


def summary(found: Told) -> str:
    """Why, in a sentence or two."""
    request, causes = found.case.request, found.causes
    page = f"from {shown(request.origin)}" if request.origin else "without an Origin"
    what = f"{request.method or 'the request'} {page}"
    if not causes:
        return f"{_who_allows(found, what)}."
    meaning = causes[0].meaning
    if found.is_elsewhere:
        return meaning
    if is_unexplained(found.case, causes):
        return f"{_who_allows(found, what)}, but the text of the console does not tell a cause."
    if is_beyond_rules(found.case, causes):
        return f"{_who_allows(found, what)}, and something else stops it."
    if found.case.winner is not None:
        return f"{_who_allows(found, what)}. {meaning}"
    told = any(each.nearest is not None for each in found.mismatches)
    return f"no rule allows {what}." + ("" if told else f" {meaning}")


def _who_allows(found: Told, what: str) -> str:
    winner, decided = found.case.winner, found.case.decided
    decided = winner if decided is None else decided
    rule = f"rule {(decided or 0) + 1} allows"
    if winner is None or winner == decided:
        return f"{rule} {what}"
    return f"{rule} the preflight of {what}, and rule {winner + 1} the request itself"


def details(found: Told) -> list[str]:
    """What there is to see, a line each."""
    lines = [*evidence_lines(found.case), *_details(found)]
    if found.case.problems:
        lines.append(_refused_values(found.case.problems))
    told = {each.causes[0] for each in found.mismatches}
    also = [each for each in found.causes[1:] if each not in told]
    if also:
        lines.append("Also: " + " ".join(each.meaning for each in also[:3]))
    return lines


def _refused_values(problems: Sequence[Problem]) -> str:
    named = "; ".join(map(str, problems[:_SHOWN_PROBLEMS]))
    more = len(problems) - _SHOWN_PROBLEMS
    return f"The API rejects these rules: {named}" + (f"; and {more} more." if more > 0 else ".")


def _details(found: Told) -> list[str]:
    case, causes, seen = found.case, found.causes, found.case.seen
    lines = []
    if seen.status is not None and Cause.APP_REFUSED in causes:
        lines.append(f"The response had status {seen.status}.")
    if found.is_before_rules:
        lines.append("Once that is corrected, the rules refuse the request.")
    if case.near is not None:
        lines += _mismatches(case.near.rule, found.mismatches, is_sendable(case.request.origin))
    if not found.could_be_sent:
        lines.append(_sent_instead(case.request.origin))
    if Cause.HEADER_UNDERSCORE in causes and case.winner is not None:
        lines.append("The rules allow the name; a server in between drops such headers.")
    held = case.max_age if seen.max_age is None else seen.max_age
    if Cause.MAX_AGE_CACHED in causes and held is not None:
        lines.append(f"The browser may use the old response for {held} seconds.")
    if Cause.OTHER in causes:
        lines.append(_other(case.request, seen))
    return lines


def _sent_instead(origin: str) -> str:
    sent = browser_form(origin)
    if sent != origin and is_sendable(sent):
        return f"Browsers do not send {shown(origin)}, but {shown(sent)}; try that origin."
    return (
        f"Browsers do not send {shown(origin)}: an origin starts with its scheme, and has the host "
        "and the port of the page's address, as in 'https://a.example'; try that."
    )


def _other(request: PageRequest, seen: Seen) -> str:
    if not request.origin:
        return (
            "The request has no origin: give the page's, as the browser's Origin header shows it."
        )
    if seen.has_failed:
        return MEANINGS[Said.NO_RESPONSE]
    if seen.is_unread or seen.says(*MEANINGS):
        # The lines about the evidence say it.
        return ""
    if seen.says(Said.UNEXPOSED):
        return (
            f"The page could not read {', '.join(request.wanted)}, which these rules expose: check "
            "that they are the bucket's rules and that the response has the header, and clear the "
            "cache."
        )
    if request.lacks_credentials:
        return (
            "The page sends credentials, but BUCKETCORS_ALLOW_CREDENTIALS is off, so no response "
            "allows them. Turn it on, or send none."
        )
    if seen.says(Said.NO_CREDENTIALS) or _lacks_credentials(request, seen):
        return (
            "The response lacks Access-Control-Allow-Credentials: true, which these rules give; "
            "check BUCKETCORS_ALLOW_CREDENTIALS, and what else sets CORS headers."
        )
    if parse_requested_headers(request.judged_headers) is None:
        return (
            "The preflight asks for too many headers: at most "
            f"{MAX_REQUESTED_HEADERS} names and {MAX_REQUESTED_HEADERS_BYTES} bytes are read."
        )
    return (
        "The response is not what these rules give: check that they are the bucket's rules, and "
        "whether something else responded."
    )


def _lacks_credentials(request: PageRequest, seen: Seen) -> bool:
    """Whether the response would do for a page that sends no credentials."""
    pairs = seen.pairs or ()
    with_them = passes_cors_check(request.origin, True, pairs)
    return request.credentials and not with_them and passes_cors_check(request.origin, False, pairs)


def _mismatches(rule: int, mismatches: Sequence[Mismatch], sendable: bool) -> list[str]:
    # An origin that browsers do not send has nothing to do with the rules.
    told = [each for each in mismatches if sendable or each.field != "allowed_origins"]
    far = [each for each in told if each.nearest is None]
    close = [_mismatch(rule, each) for each in told if each.nearest is not None]
    return [*close[:_SHOWN_MISMATCHES], *_lacking(rule, far)]


def _lacking(rule: int, mismatches: Sequence[Mismatch]) -> list[str]:
    by_field: dict[str, list[str]] = {}
    for each in mismatches:
        by_field.setdefault(LIST_ELEMENTS[each.field], []).append(shown(each.asked))
    lacks = (f"its {element} lacks {', '.join(asked)}" for element, asked in by_field.items())
    return [f"Rule {rule + 1} is nearest, but {', and '.join(lacks)}."] if by_field else []


def _mismatch(rule: int, mismatch: Mismatch) -> str:
    element, held = LIST_ELEMENTS[mismatch.field], mismatch.nearest or ""
    why = mismatch.causes[0].meaning
    if mismatch.causes[0] is Cause.ORIGIN_NOT_LISTED:
        why = _miswritten_origin(held, mismatch.asked)
    elif mismatch.causes[0] is Cause.METHOD_MISSING:
        why = _miswritten_method(held)
    elif mismatch.causes[0] is Cause.HEADER_MISSING:
        why = "Each name must be a separate value, without a colon."
    return (
        f"Rule {rule + 1} has {element} {shown(held)}, but the request has "
        f"{shown(mismatch.asked)}. {why}"
    )


def _miswritten_method(held: str) -> str:
    """Why a value that names a method does not allow it."""
    if held == ANY:
        return "`*` is not a method; list the methods."
    if held.isalpha():
        return "That is not a method that rules can allow."
    return "Each method must be a separate value."


def _miswritten_origin(held: str, asked: str) -> str:
    """Why a value does not match the origin that it was meant for."""
    if is_misspelt(held, asked):
        return f"Did you mean {shown(asked)}? The hosts differ by a letter or two."
    if several(held):
        return "Each origin must be a separate value."
    if held.strip(WRAPPING) != held:
        return "Origins have no quotes or brackets around them."
    if held.count(ANY) > 1 and "\\" not in held:
        return "A value with more than one `*` matches nothing."
    if "\\" in held or ".*" in held or held[:1] == "^":
        return "Regular expressions do not work here; one `*` stands for any characters."
    return "Browsers do not send it like that."


def help_text(found: Told) -> str:
    """What helps if there is no fix; empty if that is unknown, or if nothing has to.

    Where each fix is dangerous, or works with some servers alone, what to do instead.
    """
    if not found.causes or found.case.request.lacks_credentials:
        return ""
    if found.fixes:
        return _instead(found.causes[0], found.fixes[0])
    cause, request = found.causes[0], found.case.request
    then = _then(found.next_fix, request.dialect) if found.next_fix else ""
    if found.is_before_rules:
        return f"help: {cause.help}" + (f"; then {then}" if then else "")
    if cause is Cause.OTHER:
        return ""
    if then:
        return f"help: {then}"
    if method_problem(request.method) and request.method and cause is Cause.METHOD_MISSING:
        methods = ", ".join(request.dialect.methods)
        return f"help: use one of the methods that rules can allow: {methods}"
    if cause is Cause.VARY_MISSING and not found.case.can_turn_vary_on:
        return (
            "help: clear the cache, and let every response have `Vary: Origin`, also without an "
            'Origin in the request, as BUCKETCORS_VARY = "safe" does'
        )
    if not found.is_elsewhere and not found.could_be_sent and request.origin != NULL:
        return "No change of the rules helps with such an origin."
    return f"help: {cause.help}"


def _instead(cause: Cause, fix: Fix) -> str:
    if cause is Cause.HEADER_UNDERSCORE:
        # The fix of the rules does not help where a server drops the header.
        return f"help: {cause.help}"
    if not fix.is_dangerous:
        return ""
    return f"help: {cause.help if cause is Cause.ORIGIN_NULL else fix.dangers[0].help}"


def _then(fix: Fix, dialect: Dialect) -> str:
    """Say what to change in the rules, and before that in the settings."""
    text = f"{fix.text[0].lower()}{fix.text[1:]}"
    lacking = ", ".join(lacking_methods(fix.rules, dialect.extra_methods))
    return f"add {lacking} to BUCKETCORS_EXTRA_METHODS; then {text}" if lacking else text
