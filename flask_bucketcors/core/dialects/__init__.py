"""The dialects: COS, OSS, S3 and OBS as records.

This package is private: it may change without notice.

To add one, write its record in a module here, based on ``BASE`` or a similar dialect, and list it
in ``DIALECTS``. In addition to the code, it needs its facts in ``tests/support/dialect_facts.py``
and its lines in ``docs/api.md``, ``docs/vendors.md`` and ``docs/configuration.md``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
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
from flask_bucketcors.core.fields import EXTRA_METHODS

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

# Combinations of dialect and methods; a process uses a few.
MAX_EXTENDED: Final = 32
#: How many rules and bytes a document may have, by dialect.
Limits = Mapping[str, tuple[int, int]]

#: The dialects by name. All lists and checks of their names use it.
DIALECTS: Final[Mapping[str, Dialect]] = {each.name: each for each in (COS, OSS, S3, OBS)}


def find_dialect(name: str | Dialect, extra_methods: Iterable[str] = ()) -> Dialect:
    """Give the dialect of a name; a dialect stands for itself.

    :param extra_methods: the methods that rules in a document may have beside those of the
        vendor. None leaves the dialect as it is.
    :raises ValueError: if no dialect has the name, or rules cannot have one of the methods.
    """
    if not isinstance(name, Dialect) and name not in DIALECTS:
        known = ", ".join(map(repr, DIALECTS))
        raise ValueError(f"dialect is {name!r}: write one of {known}")
    dialect = name if isinstance(name, Dialect) else DIALECTS[name]
    methods = tuple(extra_methods)
    return _extended(dialect, frozenset(methods)) if methods else dialect


# Compiled rules share what they have in common for each dialect, so equal ones are one object.
@lru_cache(MAX_EXTENDED)
def _extended(dialect: Dialect, methods: frozenset[str]) -> Dialect:
    for method in methods:
        if method not in EXTRA_METHODS:
            known = ", ".join(map(repr, EXTRA_METHODS))
            raise ValueError(f"extra_methods has {method!r}: write some of {known}")
    return replace(dialect, extra_methods=tuple(m for m in EXTRA_METHODS if m in methods))


def limited(limits: Limits, extra_methods: Iterable[str] = ()) -> dict[str, Dialect]:
    """Give the dialects by name, with these limits in place of those of the vendors.

    :param extra_methods: see :func:`find_dialect`.
    :raises ValueError: as :func:`find_dialect`.
    """
    methods = tuple(extra_methods)
    found = dict(DIALECTS)
    for name, (rules, size) in limits.items():
        found[name] = replace(find_dialect(name), max_rules=rules, max_body_bytes=size)
    return {name: find_dialect(each, methods) for name, each in found.items()}
