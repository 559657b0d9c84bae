"""What is the application's own among the names of buckets."""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple


class Reserved(NamedTuple):
    """What is the application's own: first segments of paths below the prefix, and hosts.

    :param names: no bucket has one of these names.
    :param on_hosts: no object begins with one of these on a bucket's own host.
    :param hosts: hosts that are the application's own; no bucket has the name that one of them
        would give it.
    """

    names: frozenset[str] = frozenset()
    on_hosts: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def these(cls, segments: Iterable[str]) -> "Reserved":
        """Segments that somebody wrote: they are reserved in both styles of URL."""
        names = frozenset(segments)
        return cls(names, names)


#: Gives what is reserved. It is called once, at the first request.
FindReserved = Callable[[], Reserved]

#: What stands between the segments of a path, for one system or another.
SEPARATORS = re.compile(r"[/\\]")

_NO_SEGMENTS = re.compile(r"(?:\.?[/\\])*")


def begins_with(segments: frozenset[str], path: str) -> bool:
    """Whether the first segment is one of these to an application that reads a path in any way.

    Some resolve ``.`` (RFC 3986, 5.2.4), some take ``\\`` for ``/``.
    """
    resolved = _NO_SEGMENTS.sub("", path, count=1)
    return path.partition("/")[0] in segments or SEPARATORS.split(resolved, 1)[0] in segments
