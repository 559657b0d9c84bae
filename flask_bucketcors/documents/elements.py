"""What the parts of a rule are called in documents, and how their values are read."""

import re
from dataclasses import replace
from typing import Final

from flask_bucketcors.core.fields import LIST_ELEMENTS
from flask_bucketcors.core.problems import Problem

LISTS: Final = {element: field for field, element in LIST_ELEMENTS.items()}
SINGLES: Final = {"ID": "id", "MaxAgeSeconds": "max_age_seconds"}
_ELEMENTS: Final = {
    **{field: element for element, field in (LISTS | SINGLES).items()},
    "rules": "CORSRule",
    "response_vary": "ResponseVary",
}
_INTEGER = re.compile(r"[+-]?[0-9]+")
# Python reads no longer numbers; they are out of range anyway.
_MAX_DIGITS: Final = 4000


def read_integer(text: str | None) -> int | str | None:
    """Read a number; what is none stays."""
    if text is None or not _INTEGER.fullmatch(text):
        return text
    return shortened_integer(text)


def shortened_integer(digits: str) -> int:
    """Read a number of any length; only the first digits of one that is out of any range."""
    return int(digits[:_MAX_DIGITS])


def in_element_names(problem: Problem) -> Problem:
    """A problem as the author of an XML document knows its field."""
    return replace(problem, field=_ELEMENTS.get(problem.field, problem.field))
