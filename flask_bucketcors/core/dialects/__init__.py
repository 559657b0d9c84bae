"""The dialects: COS, OSS, S3 and OBS as records.

This package is private: it may change without notice.

To add one, write its record in a module here, based on ``BASE`` or a similar dialect, and list it
in ``DIALECTS``. In addition to the code, it needs its facts in ``tests/support/dialect_facts.py``
and its lines in ``docs/api.md`` and ``docs/configuration.md``.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from flask_bucketcors.core.dialects.base import BASE, ELEMENTS, LIST_ELEMENTS, XML_ESCAPES
from flask_bucketcors.core.dialects.cos import COS
from flask_bucketcors.core.dialects.oss import OSS
from flask_bucketcors.core.dialects.record import (
    AllowHeaders,
    Dialect,
    ErrorResponse,
    Id,
    IdForm,
    ShowVary,
)
from flask_bucketcors.core.dialects.s3 import OBS, S3

__all__ = [
    "BASE",
    "COS",
    "DIALECTS",
    "ELEMENTS",
    "LIST_ELEMENTS",
    "OBS",
    "OSS",
    "S3",
    "XML_ESCAPES",
    "AllowHeaders",
    "Dialect",
    "ErrorResponse",
    "Id",
    "IdForm",
    "Limits",
    "ShowVary",
    "find_dialect",
    "limited",
]

#: How many rules and bytes a document may have, by dialect.
Limits = Mapping[str, tuple[int, int]]

#: The dialects by name. All lists and checks of their names use it.
DIALECTS: Final[Mapping[str, Dialect]] = {each.name: each for each in (COS, OSS, S3, OBS)}


def find_dialect(name: str | Dialect) -> Dialect:
    """Give the dialect of a name; a dialect stands for itself.

    :raises ValueError: if no dialect has the name.
    """
    if isinstance(name, Dialect):
        return name
    if name not in DIALECTS:
        known = ", ".join(map(repr, DIALECTS))
        raise ValueError(f"dialect is {name!r}: write one of {known}")
    return DIALECTS[name]


def limited(limits: Limits) -> dict[str, Dialect]:
    """Give the dialects by name, with these limits in place of those of the vendors."""
    return {
        **DIALECTS,
        **{
            name: replace(find_dialect(name), max_rules=rules, max_body_bytes=size)
            for name, (rules, size) in limits.items()
        },
    }
