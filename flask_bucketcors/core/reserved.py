"""Names that no bucket can have, because the application uses them for its own URLs."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from flask_bucketcors.core.request import SEPARATORS


class Reserved(NamedTuple):
    """Segments of paths, and hosts, that belong to the application.

    :param names: no bucket has one of these names, whichever URL names it.
    :param on_hosts: on a bucket's own host, no object's key begins with one of these segments.
    :param hosts: hosts of the application; no bucket has the name that such a host would give it.
    """

    names: frozenset[str] = frozenset()
    on_hosts: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def these(cls, segments: Iterable[str]) -> "Reserved":
        """Reserve segments both as names of buckets and on the hosts of buckets."""
        names = frozenset(segments)
        return cls(names, names)

    def union(self, other: "Reserved") -> "Reserved":
        """Reserve what one of the two reserves."""
        return Reserved(*map(frozenset.union, self, other))


_NO_SEGMENTS = re.compile(r"(?:\.?[/\\])*")
# How a path begins if applications may interpret it in several ways.
_UNUSUAL = (".", "/")


def begins_with(segments: frozenset[str], path: str) -> bool:
    r"""Whether the first segment of a path is one of these, however an application interprets it.

    Some applications resolve ``.`` (RFC 3986, 5.2.4), and some treat ``\`` as ``/``.
    """
    if path.partition("/")[0] in segments:
        return True
    if path[:1] not in _UNUSUAL and "\\" not in path:
        return False
    return SEPARATORS.split(_NO_SEGMENTS.sub("", path, count=1), 1)[0] in segments
