"""What a rule must hold to allow a request, and how to say what changes in it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from flask_bucketcors.analysis.explainer.origin_nearness import corrected_pattern, is_for_all
from flask_bucketcors.analysis.explainer.rule_trace import Mismatch
from flask_bucketcors.analysis.spelling.lookalikes import shown
from flask_bucketcors.analysis.spelling.origin_parts import cut, several
from flask_bucketcors.analysis.spelling.unchecked import PlainRule
from flask_bucketcors.core.dialects import LIST_ELEMENTS
from flask_bucketcors.core.fields import method_problem
from flask_bucketcors.core.headers import is_header_name
from flask_bucketcors.core.origins import covers, pattern_problem
from flask_bucketcors.core.wildcards import ANY

_Values = tuple[str, ...]

_SEPARATORS = re.compile(r"[\s,;|]+")
# Who wrote more into one value is not understood anyway.
_MAX_PARTS: Final = 64


def allowing(
    rule: PlainRule, mismatches: Sequence[Mismatch], patterns: bool
) -> tuple[PlainRule, list[str]]:
    """Give a rule that allows what was asked as well, and what changes, in words.

    :param patterns: whether an origin pattern may be written right as a pattern.
    """
    words: list[str] = []
    added: dict[str, list[str]] = {}
    for each in mismatches:
        held = getattr(rule, each.field)
        if each.field == "allowed_origins":
            values, text = _with_origin(held, each, patterns)
        else:
            values, text = _with_value(held, each)
        rule = replace(rule, **{each.field: values})
        if text:
            words.append(text)
        elif each.asked not in held:
            added.setdefault(LIST_ELEMENTS[each.field], []).append(each.asked)
    return rule, [*words, *_additions(added)]


def exposing(rule: PlainRule, names: Sequence[str]) -> PlainRule:
    """Give a rule that exposes some response headers as well."""
    missing = unlisted(names, rule.expose_headers)
    return replace(rule, expose_headers=(*rule.expose_headers, *missing))


def unlisted(names: Sequence[str], listed: Sequence[str]) -> list[str]:
    """The names that are not listed, whatever their case."""
    known = {name.lower() for name in listed}
    return [name for name in names if name.lower() not in known]


def in_words(values: Sequence[str]) -> str:
    """Values for a message."""
    return ", ".join(map(shown, values))


def _additions(added: dict[str, list[str]]) -> Iterator[str]:
    for element, names in added.items():
        yield f"add {in_words(names)} to {element}"


def _with_value(held: _Values, mismatch: Mismatch) -> tuple[_Values, str]:
    parts = [part for part in _parts(mismatch) if part not in held]
    if parts:
        return (*held, *parts), f"write {in_words(parts)} as separate values"
    asked, nearest = mismatch.asked, mismatch.nearest
    is_instead = nearest is not None and nearest not in held
    text = f"write {shown(asked)} instead of {shown(nearest or '')}" if is_instead else ""
    return held if asked in held else (*held, asked), text


def _parts(mismatch: Mismatch) -> list[str]:
    """What a value holds that was meant as several, if it holds what was asked."""
    texts = _SEPARATORS.split(mismatch.nearest or "")[:_MAX_PARTS]
    if mismatch.field == "allowed_methods":
        parts = [text.upper() for text in texts if method_problem(text.upper()) is None]
    else:
        parts = [text for text in texts if is_header_name(text) and ANY not in text]
    meant = {part.lower() for part in parts}
    return list(dict.fromkeys(parts)) if len(meant) > 1 and mismatch.asked.lower() in meant else []


def _with_origin(held: _Values, mismatch: Mismatch, patterns: bool) -> tuple[_Values, str]:
    nearest, origin = mismatch.nearest, mismatch.asked
    parts = [cut(each).text for each in several(nearest or "")]
    if parts:
        kept = [each for each in parts if pattern_problem(each) is None]
        kept = [each for each in kept if patterns or ANY not in each]
        if not any(covers(each, origin) for each in kept):
            kept.append(origin)
        return (*held, *kept), f"write {in_words(kept)} as separate values"
    corrected = corrected_pattern(nearest, origin) if nearest else None
    if corrected is not None and ANY in corrected and (not patterns or is_for_all(corrected)):
        corrected = None
    written = corrected or origin
    if corrected is None or nearest not in held:
        values = tuple(dict.fromkeys([*held, written]))
    else:
        values = tuple(written if each == nearest else each for each in held)
    if nearest is not None and (corrected or nearest not in held):
        return values, f"write {shown(written)} instead of {shown(nearest)}"
    return values, f"add {shown(written)} to AllowedOrigin"
