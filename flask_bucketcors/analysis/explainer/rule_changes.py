"""Changes of one rule that let it allow a request, in place and in words."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from flask_bucketcors.analysis.explainer.origin_nearness import is_for_all, mended_pattern
from flask_bucketcors.analysis.explainer.rule_trace import Mismatch
from flask_bucketcors.analysis.spelling.lookalikes import shown
from flask_bucketcors.analysis.spelling.origin_parts import cut, several
from flask_bucketcors.core.dialects import LIST_ELEMENTS
from flask_bucketcors.core.fields import METHODS
from flask_bucketcors.core.headers import is_header_name
from flask_bucketcors.core.origins import covers, pattern_problem
from flask_bucketcors.core.wildcards import ANY

Fields = dict[str, Any]

_SEPARATORS = re.compile(r"[\s,;|]+")
# Who wrote more into one value is not understood anyway.
_MAX_PARTS: Final = 64


def mend(fields: Fields, mismatches: Sequence[Mismatch], patterns: bool) -> Iterator[str]:
    """Change the fields so that the rule allows what was asked; say what was done."""
    added: dict[str, list[str]] = {}
    for each in mismatches:
        if each.field == "allowed_origins":
            yield _mend_origins(fields, each, patterns)
            continue
        held: list[str] = fields[each.field]
        parts = [part for part in _parts(each) if part not in held]
        if parts:
            fields[each.field] = [*held, *parts]
            yield f"write each of {in_words(parts)} as a value of its own"
            continue
        if each.asked not in held:
            fields[each.field] = [*held, each.asked]
        if each.nearest is not None and each.nearest not in held:
            yield f"write {shown(each.asked)} instead of {shown(each.nearest)}"
        elif each.asked not in held:
            added.setdefault(LIST_ELEMENTS[each.field], []).append(each.asked)
    yield from (f"add {in_words(names)} to {element}" for element, names in added.items())


def _parts(mismatch: Mismatch) -> list[str]:
    """What a value holds that was meant as several, if it holds what was asked."""
    texts = _SEPARATORS.split(mismatch.nearest or "")[:_MAX_PARTS]
    if mismatch.field == "allowed_methods":
        parts = [text.upper() for text in texts if text.upper() in METHODS]
    else:
        parts = [text for text in texts if is_header_name(text) and ANY not in text]
    meant = {part.lower() for part in parts}
    return list(dict.fromkeys(parts)) if len(meant) > 1 and mismatch.asked.lower() in meant else []


def _mend_origins(fields: Fields, mismatch: Mismatch, patterns: bool) -> str:
    held: list[str] = fields["allowed_origins"]
    nearest, origin = mismatch.nearest, mismatch.asked
    parts = [cut(each).text for each in several(nearest or "")]
    if parts:
        kept = [each for each in parts if pattern_problem(each) is None]
        kept = [each for each in kept if patterns or ANY not in each]
        if not any(covers(each, origin) for each in kept):
            kept.append(origin)
        fields["allowed_origins"] = [*held, *kept]
        return f"write each of {in_words(kept)} as a value of its own"
    mended = mended_pattern(nearest, origin) if nearest else None
    if mended is not None and ANY in mended and (not patterns or is_for_all(mended)):
        mended = None
    written = mended or origin
    if mended is None or nearest not in held:
        fields["allowed_origins"] = list(dict.fromkeys([*held, written]))
    else:
        fields["allowed_origins"] = [written if each == nearest else each for each in held]
    if nearest is not None and (mended or nearest not in held):
        return f"write {shown(written)} instead of {shown(nearest)}"
    return f"add {shown(written)} to AllowedOrigin"


def unlisted(names: Sequence[str], listed: Sequence[str]) -> list[str]:
    """The names that are not listed, whatever their case."""
    known = {name.lower() for name in listed}
    return [name for name in names if name.lower() not in known]


def in_words(values: Sequence[str]) -> str:
    """Values for a message."""
    return ", ".join(map(shown, values))
