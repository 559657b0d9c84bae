"""What is wrong with a text that is almost JSON, and what to write, in words.

Where the parser stops is known; what a person meant there is told by the characters around.
"""

import json
import re
from typing import Final

_COMMA_BEFORE: Final = "a comma before"
_QUOTES: Final = "\u201c\u201d\u201e\u00ab\u00bb\u2018\u2019\u201a"
_WORD: Final = re.compile(r"[A-Za-z_$][\w$-]*")
_COMMENTS: Final = ("//", "/*", "#", "<!--")
_PYTHON_WORDS: Final = {"True": "true", "False": "false", "None": "null", "undefined": "null"}
_INVISIBLE: Final = re.compile("[\u00a0\u200b-\u200f\u2028-\u202e\u2060\ufeff]")


def in_words(error: json.JSONDecodeError) -> str:
    """Say what is wrong, what to write, and where."""
    text, position = error.doc, error.pos
    mistake = _mistake(text, position, error.msg)
    if mistake.startswith(_COMMA_BEFORE):
        # Some releases of Python point at what is behind the comma.
        position = text.rfind(",", 0, position + 1)
    line = text.count("\n", 0, position) + 1
    return f"{mistake} (line {line}, column {position - text.rfind(chr(10), 0, position)})"


def _mistake(text: str, position: int, message: str) -> str:
    rest, before = text[position:], text[:position].rstrip()
    if message.startswith("Extra data"):
        return "something follows the end: remove it, or put all of it into one list"
    if message.startswith("Invalid control character"):
        return "a text has a line break or a tab in it: write \\n or \\t"
    if message.startswith("Invalid \\"):
        return "a backslash in a text: write it twice"
    if message.startswith("Expecting ':'") and rest:
        return "a colon is missing: write it between a name and its value"
    return _at(rest.lstrip(" \t\r\n"), before)


def _at(rest: str, before: str) -> str:
    """Say what is wrong where the parser stopped.

    :param rest: what stands there, from the first character that is no blank.
    :param before: what stands before.
    """
    for of_this in (_of_commas, _of_characters, _of_words):
        if found := of_this(rest, before):
            return found
    return "this is not a value: write a text in double quotes, a number, a list or an object"


def _of_commas(rest: str, before: str) -> str | None:
    # Which of the two the parser points at depends on the release of Python.
    behind = rest[1:].lstrip() if rest.startswith(",") else rest
    has_comma = rest.startswith(",") or before.endswith(",")
    if has_comma and behind[:1] in ("}", "]"):
        return f"{_COMMA_BEFORE} {behind[0]}: remove it"
    if not rest:
        return "the text ends too early: a bracket or a quote is not closed, or it was cut off"
    if rest[0] in '"{[' and before and before[-1] in '"}]0123456789el':
        return "a comma is missing before this: write it between values"
    return None


def _of_characters(rest: str, before: str) -> str | None:
    if rest.startswith(_COMMENTS):
        return "a comment: JSON has none, remove it"
    if rest[0] in _QUOTES:
        return f"a typographic quote {rest[0]!a}: write the straight one"
    if rest[0] == "'":
        return "a single quote: write double quotes"
    if _INVISIBLE.match(rest):
        return f"an invisible character {rest[0]!a}: remove it"
    if rest[0] == "<":
        return "XML within JSON" if before else "this is XML or HTML, and no JSON"
    if rest[0] == '"':
        return "a text that is not closed: write a double quote at its end"
    return None


def _of_words(rest: str, before: str) -> str | None:
    word = _WORD.match(rest)
    if word is None:
        return None
    if word[0] in _PYTHON_WORDS:
        return f"{word[0]}: write {_PYTHON_WORDS[word[0]]}"
    if before.endswith(("{", ",")) and rest[word.end() :].lstrip().startswith((":", "=")):
        return "a name without quotes: write it in double quotes, with a colon behind it"
    return "a text without quotes: write it in double quotes"
