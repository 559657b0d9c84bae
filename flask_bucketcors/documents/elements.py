"""How the values of fields are read from documents, and what documents call the fields."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from flask_bucketcors.core.dialects import ELEMENTS
from flask_bucketcors.core.problems import Problem

_INTEGER = re.compile(r"[+-]?[0-9]+")
# Python refuses longer numbers; they are out of range anyway.
_MAX_DIGITS: Final = 4000


def read_integer(text: str | None) -> int | str | None:
    """Read a whole number; other texts stay as they are."""
    if text is None or not _INTEGER.fullmatch(text):
        return text
    return shortened_integer(text)


def shortened_integer(digits: str) -> int:
    """Read a number of any length; of a very long one, only the first digits."""
    return int(digits[:_MAX_DIGITS])


def in_element_names(problem: Problem, elements: Mapping[str, str] = ELEMENTS) -> Problem:
    """A problem as the author of a document knows its field.

    :param elements: what the document calls each field.
    """
    return replace(problem, field=elements.get(problem.field, problem.field))
