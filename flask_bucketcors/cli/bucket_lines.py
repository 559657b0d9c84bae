"""The lines of an export: a bucket with its rules, and its history if you ask for that.

A line with a history has the last change beside the name of the bucket, and the earlier changes,
newest first, in a list::

    {"bucket": "photos", "time": 2.5, "author": "bob", "rules": [...], "history": [
        {"time": 1.5, "author": null, "rules": null}, ...]}

So a bucket is always one line: a file that ends too early has whole buckets, and never the past of
a bucket without its present.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from flask_bucketcors.core.problems import InvalidRules
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.documents.from_json import load_json
from flask_bucketcors.stores.checked_arguments import (
    MAX_AUTHOR_LENGTH,
    check_author,
    checked_time,
)
from flask_bucketcors.stores.history_entry import HistoryEntry, PastChange

# The longest document of a dialect has 64 KiB, and about as many as JSON.
MAX_LINE_BYTES: Final = 1024 * 1024
# As many changes of that length as a store keeps by default, and some more.
MAX_HISTORY_LINE_BYTES: Final = 64 * MAX_LINE_BYTES

# The key of a document in a line.
_XML: Final = "xml"
_HISTORY: Final = "history"
_CHANGE_FORM: Final = 'write {"time": 1700000000.5, "author": null, "rules": [...]}'


class ReadLine(NamedTuple):
    """A line of an export.

    :param data: the present rules, in any form; None if the line says that there are none.
    :param past: the earlier changes, the oldest first; None if the line has no history.
    :param time, author: of the last change, if the line has a history.
    """

    bucket: str
    data: Any
    past: Sequence[PastChange] | None = None
    time: float = 0.0
    author: str | None = None


def format_line(bucket: str, data: Any) -> str:
    """Format a line without a history.

    :param data: the rules in some form: plain data, or a text for XML.
    """
    return json.dumps({"bucket": bucket, **_keyed(data)}) + "\n"


def _keyed(data: Any) -> dict[str, Any]:
    """Rules in a form, as keys beside the name of a bucket."""
    if isinstance(data, str):
        return {_XML: data}
    # Google Cloud Storage has a list alone, and this key in the properties of a bucket.
    return data if isinstance(data, dict) else {"cors": data}


def format_history_line(bucket: str, entries: Sequence[HistoryEntry]) -> tuple[str, int]:
    """Format a line with a history, and tell how many of the oldest changes have no place in it.

    :param entries: the history, newest first. Unreadable rules become a deletion: nobody could use
        them either.
    """
    last, *past = entries
    beginning = json.dumps({"bucket": bucket, **_change_data(last)})[:-1] + f', "{_HISTORY}": ['
    texts: list[str] = []
    free = MAX_HISTORY_LINE_BYTES - len(beginning) - len("]}\n")
    for entry in past:
        text = json.dumps(_change_data(entry))
        free -= len(text) + len(", ")
        if free < 0:
            break
        texts.append(text)
    return f"{beginning}{', '.join(texts)}]}}\n", len(past) - len(texts)


def _change_data(entry: HistoryEntry) -> dict[str, Any]:
    # Another tool may have written anything as a time or an author. PostgreSQL stores no NUL.
    try:
        time = checked_time(entry.time)
    except (TypeError, ValueError):
        time = 0.0
    author = entry.author
    if not isinstance(author, str | None):
        author = ascii(author)[:MAX_AUTHOR_LENGTH]
    if author is not None:
        author = author.replace("\0", "\ufffd")
    rules = entry.rule_set.as_dict() if entry.rule_set else {"rules": None}
    return {"time": time, "author": author, **rules}


def parse_line(line: bytes) -> ReadLine:
    """Parse a line, but for the present rules in it.

    :raises InvalidRules: if it is no line of an export.
    """
    if len(line) > MAX_HISTORY_LINE_BYTES:
        raise InvalidRules(detail=f"longer than {MAX_HISTORY_LINE_BYTES} bytes")
    # To parse a long line takes a lot of memory, and only a history makes one long.
    if len(line) > MAX_LINE_BYTES and f'"{_HISTORY}"'.encode() not in line:
        raise InvalidRules(detail=f"longer than {MAX_LINE_BYTES} bytes")
    data, problems = load_json(line)
    if problems:
        raise InvalidRules(problems)
    if not isinstance(data, dict) or not isinstance(data.get("bucket"), str):
        raise InvalidRules(detail='without a bucket: write {"bucket": "...", "rules": [...]}')
    bucket = data.pop("bucket")
    if _HISTORY in data:
        return _with_history(bucket, data)
    xml = data.get(_XML)
    return ReadLine(bucket, xml if data.keys() == {_XML} and isinstance(xml, str) else data)


def _with_history(bucket: str, data: dict[str, Any]) -> ReadLine:
    history = data.pop(_HISTORY)
    if not isinstance(history, list):
        raise InvalidRules(detail=f"without a list of changes as its history: {_CHANGE_FORM}")
    try:
        time, author = _pop_time_and_author(data)
    except InvalidRules as error:
        raise InvalidRules(detail=f"{error.detail}: {_CHANGE_FORM}") from None
    past = [*_parse_history(history)][::-1]
    return ReadLine(bucket, None if data == {"rules": None} else data, past, time, author)


def _parse_history(history: Sequence[Any]) -> Iterator[PastChange]:
    for number, each in enumerate(history, 1):
        try:
            yield _parse_change(each)
        except InvalidRules as error:
            raise InvalidRules(detail=f"wrong in change {number} of its history: {error}") from None


def _parse_change(data: Any) -> PastChange:
    if not isinstance(data, dict):
        raise InvalidRules(detail=f"no change: {_CHANGE_FORM}")
    time, author = _pop_time_and_author(data)
    rules = None if data == {"rules": None} else RuleSet.from_dict(data)
    return PastChange(time, author, rules)


def _pop_time_and_author(data: dict[str, Any]) -> tuple[float, str | None]:
    time, author = data.pop("time", None), data.pop("author", None)
    try:
        check_author(author)
        return checked_time(time), author
    except (TypeError, ValueError) as error:
        raise InvalidRules(detail=f"without what a change has: {error}") from None
