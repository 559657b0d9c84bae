"""Reads the values of fields in documents, and names fields as documents do."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from flask_bucketcors.core.dialects import ELEMENTS
from flask_bucketcors.core.problems import Problem

_INTEGER = re.compile(r"[+-]?[0-9]+")
# Python refuses to convert longer numbers, which are out of range anyway.
_MAX_DIGITS: Final = 4000


def read_integer(text: str | None) -> int | str | None:
    """Read a whole number; give any other text as it is."""
    if text is None or not _INTEGER.fullmatch(text):
        return text
    return shortened_integer(text)


def read_boolean(value: Any) -> Any:
    """Read true or false, also as texts in any case; give any other value as it is."""
    return (
        {"true": True, "false": False}.get(value.lower(), value)
        if isinstance(value, str)
        else value
    )


def shortened_integer(digits: str) -> int:
    """Read a number of any length; of a very long one, only the first digits."""
    return int(digits[:_MAX_DIGITS])


def in_element_names(problem: Problem, elements: Mapping[str, str] = ELEMENTS) -> Problem:
    """A problem whose field has the name that the document uses.

    :param elements: the names of the fields in the document.
    """
    return replace(problem, field=elements.get(problem.field, problem.field))
