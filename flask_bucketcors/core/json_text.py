"""JSON from any source, with a limit on depth that does not depend on the interpreter.

How deep brackets may be nested before Python raises RecursionError, or a stack overflows, differs
among releases, builds and threads. So they are counted first.
"""

import json
from itertools import accumulate
from typing import Any, Final

from flask_bucketcors.core.json_mistakes import in_words

#: Far more than rules or HAR files need, and far less than interpreters can handle.
MAX_DEPTH: Final = 64

_OTHER_BYTES: Final = bytes(set(range(256)) - set(b"[]{}"))
_NEITHER: Final = bytes(set(_OTHER_BYTES) - set(b'"'))
# Pairs that hold nothing are removed so many times, which is enough for rules in any form.
_ROUNDS: Final = 4
_STEPS: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


class NotJSON(ValueError):
    """A text is not JSON; the message says what is wrong, what to write, and where."""


class TooDeep(ValueError):
    """Brackets are nested more than :data:`MAX_DEPTH` deep."""

    def __init__(self) -> None:
        super().__init__(f"brackets are nested more than {MAX_DEPTH} deep")


def parse_json(text: str | bytes, **options: Any) -> Any:
    """Parse JSON.

    :param text: bytes are UTF-8, UTF-16 or UTF-32.
    :param options: those of :func:`json.loads`.
    :raises TooDeep: before anything is built, even if the text is not JSON at all.
    :raises NotJSON: if it is not JSON.
    :raises UnicodeDecodeError: if bytes are not text.
    """
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    if _is_too_deep(text):
        raise TooDeep
    try:
        return json.loads(text, **options)
    except json.JSONDecodeError as error:
        raise NotJSON(in_words(error)) from None


def _is_too_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    brackets = _brackets(text)
    for _ in range(_ROUNDS):
        # Each round takes away one level at least, and two at most.
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if not brackets:
            return False
    depths = accumulate(map(_STEPS.__getitem__, _brackets(text)), initial=0)
    return max(depths) > MAX_DEPTH


def _brackets(text: str) -> bytes:
    """Give the brackets outside strings, up to where the text stops being JSON.

    There is no loop in Python, because rules are parsed each time a bucket is read from the store.
    """
    if "\\" not in text:
        found = text.encode("ascii", "replace").translate(None, _NEITHER).replace(b'""', b"")
        if b'"' not in found:
            # No string holds a bracket.
            return found
    else:
        text = text.replace(r"\\", "").replace(r"\"", "")
    outside = "".join(text.split('"')[::2])
    return outside.encode("ascii", "replace").translate(None, _OTHER_BYTES)
