"""What a line of the log says as fields, for programs that read logs.

Every line of the package has them in one attribute of its record, ``record.bucketcors``: the name
of the event, and its values. docs/logging.md lists all events with their fields.
"""

import os
from collections.abc import Mapping
from typing import Any, Final

#: The attribute of a record that has the fields.
ATTRIBUTE: Final = "bucketcors"
#: How many characters a text may have after it is escaped.
MAX_TEXT: Final = 900
#: How many items a list may have.
MAX_ITEMS: Final = 20


def fields(event: str, **values: object) -> Mapping[str, Mapping[str, Any]]:
    """Give the argument ``extra`` of a call that writes a line.

    Clients choose many of the values. So texts are escaped as ``repr`` does, without quotation
    marks, and cut, as they are in the line itself. Never raises.

    :param event: what happened; the same for all lines of one kind.
    :param values: numbers, texts, paths, errors and lists of texts; None for what is unknown.
    """
    shown = {name: _shown(value) for name, value in values.items()}
    return {ATTRIBUTE: {"event": event, **shown}}


def _shown(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_shown(each) for each in value[:MAX_ITEMS]]
    try:
        return _escaped(_text(value))
    except Exception:
        # An exception of an application may have no text, and the line matters more.
        return type(value).__name__


def _text(value: object) -> str:
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    return os.fspath(value) if isinstance(value, os.PathLike) else str(value)


def _escaped(text: str) -> str:
    return repr(text[:MAX_TEXT])[1:-1][:MAX_TEXT]
