"""The loggers of the package, and what they write."""

import ast
import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flask_bucketcors.log_fields import MAX_ITEMS, MAX_TEXT
from tests.support import ROOT

#: As the sources name them.
LOGGERS = {
    name
    for path in sorted((ROOT / "flask_bucketcors").rglob("*.py"))
    for name in re.findall(r"getLogger\(\"?(.*?)\"?\)", path.read_text("utf-8"))
}


def _events_of(path: Path) -> Iterator[tuple[str, str, frozenset[str]]]:
    text = path.read_text("utf-8")
    logger = next(iter(re.findall(r"getLogger\(\"flask_bucketcors\.(.*?)\"\)", text)), "")
    for node in ast.walk(ast.parse(text)):
        # The function of the same name in the standard library gets no text.
        if (
            isinstance(node, ast.Call)
            and getattr(node.func, "id", "") == "fields"
            and isinstance(node.args[0], ast.Constant)
        ):
            names = frozenset(str(each.arg) for each in node.keywords)
            yield str(node.args[0].value), logger, names


#: The event, the logger and the fields of each line, as the sources write them.
EVENTS = {event for path in (ROOT / "flask_bucketcors").rglob("*.py") for event in _events_of(path)}
_FIELDS = {event: names for event, _, names in EVENTS}

#: Line feeds, a colour code, a change of the writing direction, quotes and formats.
FORGED = "x\r\nERROR:root:forged\x1b[31m\u202e\u2028\x85'\"%s%n"
LONG = "x" * 20_000
#: In UTF-8, each character has four bytes.
LONG_IN_BYTES = "\U0001f600" * 20_000

#: In bytes.
MAX_LINE = 2048

#: Gives logger, level and text of each line so far.
Lines = Callable[[], list[tuple[str, str, str]]]


def watch(caplog: pytest.LogCaptureFixture) -> Lines:
    """Log everything but what middlewares say at their first request."""
    # The last level is also that of the handler.
    caplog.set_level(logging.ERROR, logger="flask_bucketcors.routes")
    caplog.set_level(logging.DEBUG, logger="flask_bucketcors")

    def lines() -> list[tuple[str, str, str]]:
        found = [(each.name, each.levelname, each.getMessage()) for each in caplog.records]
        for *_, text in found:
            assert text.isprintable(), text
            assert len(text.encode()) < MAX_LINE
        for each in caplog.records:
            check_fields(each)
        return found

    return lines


def check_fields(record: logging.LogRecord) -> None:
    """Whether a record has the fields of its event, which no client can forge or make long."""
    said: dict[str, Any] = dict(vars(record)["bucketcors"])
    assert json.loads(json.dumps(said)) == said
    assert said.keys() - {"event"} == _FIELDS[said["event"]]
    for value in said.values():
        for text in value if isinstance(value, list) else [value]:
            assert not isinstance(text, str) or (text.isprintable() and len(text) <= MAX_TEXT)
        assert not isinstance(value, list) or len(value) <= MAX_ITEMS
