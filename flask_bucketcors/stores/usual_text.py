"""The text of usual rules, read in less than half the time of a JSON parser and a full check.

Nearly all stored texts are as :func:`~flask_bucketcors.stores.rows.format_rule_set` writes them,
and hold nothing that JSON has to escape. One regular expression divides such a text. It must leave
nothing but what stands between two rules. The values pass the same checks as those of any rule.

Any other text is left to the parser, also one that is not JSON at all.
"""

import json
import re
from collections.abc import Mapping
from typing import Final

from flask_bucketcors.core.fields import (
    EXPOSED_LISTS,
    HEADER_LISTS,
    MAX_SHARED_LISTS,
    METHOD_LISTS,
    CheckedRules,
    Fields,
    have_usual_origins,
    problem_of,
)

_Texts = tuple[str, ...]

# ASCII without the quote and the backslash, so these characters stand for themselves. Possessive,
# so that no text takes more than one pass.
_CHARACTERS = r"[!#-\[\]-~]++"
_ORIGINS = rf'"({_CHARACTERS}(?:","{_CHARACTERS})*+)"'
_RULE: Final = re.compile(
    rf'\{{"allowed_origins":\[{_ORIGINS}\]'
    r',"allowed_methods":\["([A-Z",]++)\]'
    r'(?:,"allowed_headers":\["([A-Za-z0-9*",-]++)\])?+'
    r'(?:,"expose_headers":\["([A-Za-z0-9",-]++)\])?+'
    r'(?:,"max_age_seconds":(0|[1-9][0-9]{0,8}+))?+'
    r'(?:,"id":"([^"\\]{1,255}+)")?+\}'
)
# What splitting gives for each rule: the groups, and what follows the rule.
_PARTS: Final = _RULE.groups + 1
_BEFORE, _BETWEEN, _AFTER = '{"rules":[', {","}, ["]}"]


class _ListTexts(dict[str | None, _Texts]):
    """Lists of methods or of header names, by their text from behind the first quote on, or None.

    :param lists: those that need no full check.
    """

    def __init__(self, lists: Mapping[_Texts, _Texts]) -> None:
        super().__init__()
        self._lists = lists

    def __missing__(self, text: str | None) -> _Texts:
        values = () if text is None else self._lists[tuple(json.loads(f'["{text}]'))]
        if len(self) >= MAX_SHARED_LISTS:
            self.clear()
        return self.setdefault(text, values)


_METHOD_TEXTS: Final = _ListTexts(METHOD_LISTS)
_HEADER_TEXTS: Final = _ListTexts(HEADER_LISTS)
_EXPOSED_TEXTS: Final = _ListTexts(EXPOSED_LISTS)


def read_usual_text(text: str) -> CheckedRules | None:
    """Read rules from the text that is stored for a bucket; None if it has to be parsed."""
    before, *parts = _RULE.split(text)
    if before != _BEFORE or parts[-1:] != _AFTER:
        return None
    try:
        if len(parts) == _PARTS:
            all_fields = [_fields(*parts)]
        elif {*parts[_PARTS - 1 : -1 : _PARTS]} == _BETWEEN:
            rest = iter(parts)
            all_fields = [_fields(*each) for each in zip(*[rest] * _PARTS, strict=True)]
        else:
            return None
    except (KeyError, ValueError):
        # A value is not usual, or a list is not JSON.
        return None
    return all_fields if have_usual_origins(all_fields) else None


def _fields(
    origins: str,
    methods: str,
    headers: str | None,
    exposed: str | None,
    max_age: str | None,
    id: str | None,
    _: str,
) -> Fields:
    return (
        tuple(origins.split('","')),
        _METHOD_TEXTS[methods],
        _HEADER_TEXTS[headers],
        _EXPOSED_TEXTS[exposed],
        None if max_age is None else int(max_age),
        None if id is None else _checked_id(id),
    )


def _checked_id(text: str) -> str:
    if problem_of("id", text):
        raise ValueError(text)
    return text
