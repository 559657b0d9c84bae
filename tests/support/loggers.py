"""The loggers of the package, and what they write."""

import logging
import re
from collections.abc import Callable

import pytest

from tests.support import ROOT

#: As the sources name them.
LOGGERS = {
    name
    for path in sorted((ROOT / "flask_bucketcors").rglob("*.py"))
    for name in re.findall(r"getLogger\(\"?(.*?)\"?\)", path.read_text("utf-8"))
}

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
        return found

    return lines
