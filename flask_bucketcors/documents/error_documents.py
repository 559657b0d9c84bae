"""Fills in the error documents of dialects."""

import re
from collections.abc import Iterable

from flask_bucketcors.core.dialects import Dialect
from flask_bucketcors.documents.to_xml import escape_text

_PLACE = re.compile(r"\$(\w+)")


def error_places(document: str) -> list[str]:
    """The names of the placeholders in an error document, in order, without ``$``."""
    return _PLACE.findall(document)


def fill_error(document: str, texts: Iterable[str], dialect: Dialect) -> str:
    """Fill in an error document.

    :param texts: one for each placeholder, in order; they are escaped here.
    """
    remaining = iter(texts)
    return _PLACE.sub(lambda _: escape_text(next(remaining), dialect.error_escapes), document)
