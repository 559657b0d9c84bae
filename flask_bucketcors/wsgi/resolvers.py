"""Which bucket a request is about: by path, by host, or as the application says.

A resolver takes a WSGI environ and gives a :class:`Resolved`, or None if the request is about
no bucket.

Two kinds of URL name no bucket and may not be left to chance:

- A **dot segment**. ``/other/..%2fphotos/cat.txt`` arrives decoded (PEP 3333). Its first segment
  is ``other``, and many applications serve an object of ``photos`` for it, so the rules of
  neither bucket may count.
- A **reserved** first segment belongs to the application's own routes. No bucket has such a
  name, or its rules would open them.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from enum import Enum
from functools import cached_property
from typing import Final, NamedTuple
from wsgiref.types import WSGIEnvironment

from flask_bucketcors.core.hosts import (
    REGION,
    checked_prefix,
    checked_suffix,
    split_host,
)
from flask_bucketcors.wsgi.reserved import (
    SEPARATORS,
    FindReserved,
    Reserved,
    begins_with,
)

#: The key of the environ under which the ``?cors`` API finds the name of its call's bucket.
BUCKET: Final = "flask_bucketcors.bucket"


class Kind(Enum):
    """What a URL stands for."""

    BUCKET = "a bucket or an object in it"
    DOT_SEGMENT = "a path with a segment '..'"
    RESERVED = "a first segment that is the application's own"


class Resolved(NamedTuple):
    """What a request is about.

    :param bucket: name of the bucket; ``""`` where there is none.
    :param is_root: whether it is about the bucket itself and not an object in it.
    :param kind: what the URL stands for.
    """

    bucket: str
    is_root: bool
    kind: Kind = Kind.BUCKET


#: What an application may pass: it takes an environ and gives None, or ``(bucket, key)``, where
#: the key of a bucket itself is ``""``.
BucketFunction = Callable[[WSGIEnvironment], tuple[str, str] | None]

# Characters of a host name, a port included: no longer one is looked at in a hurry.
MAX_HOST: Final = 253
# Spellings of host suffixes, with ports, that clients were seen to use.
MAX_LEARNT: Final = 64


# No bucket has this name; what is about it is refused, or left to the application.
_NO_NAME: Final = ""
_DOT_SEGMENT: Final = Resolved(_NO_NAME, True, Kind.DOT_SEGMENT)
_RESERVED: Final = Resolved(_NO_NAME, True, Kind.RESERVED)


def has_dot_segment(path: str) -> bool:
    """Whether a decoded path has a segment ``..``, between ``/``, ``\\`` or an end.

    Applications on any system resolve it (RFC 3986, 5.2.4), some of them ``\\`` as well.
    """
    return ".." in path and ".." in SEPARATORS.split(path)


class Resolver(ABC):
    """Says which bucket a request is about."""

    #: Whether the first segment of the path always names it.
    is_plain_path = False

    @property
    def reserved(self) -> Reserved:
        """The first segments that are the application's own."""
        return Reserved()

    @abstractmethod
    def __call__(self, environ: WSGIEnvironment) -> Resolved | None: ...

    def name_bucket(self, environ: WSGIEnvironment) -> str:
        """Name the bucket of a request that is plainly about an object in it, at little cost.

        The path has no ``..`` anywhere.

        :raises LookupError, ValueError: if it has to be looked at more closely.
        """
        raise LookupError


def make_resolver(
    buckets: BucketFunction | None = None,
    host_suffixes: Iterable[str] = (),
    url_prefix: str = "",
    find_reserved: FindReserved = Reserved,
) -> Resolver:
    """Build the resolver for an application.

    :param buckets: the application's own function; the others are not used then.
    :param host_suffixes: host names below which each bucket has a name of its own, such as
        ``cos.example.com`` or ``cos.{region}.example.com``.
    :param url_prefix: path below which the buckets are, such as ``/storage``.
    :param find_reserved: gives the first segments that are the application's own.
    :raises ValueError: if a suffix or the prefix does not have that form.
    """
    if buckets is not None:
        return ByFunction(buckets)
    prefix = _guise(checked_prefix(url_prefix))
    if isinstance(host_suffixes, str):
        raise ValueError(f"{host_suffixes!r} is a text: write a list of host suffixes")
    suffixes = tuple(map(checked_suffix, host_suffixes))
    return ByHost(suffixes, prefix, find_reserved) if suffixes else ByPath(prefix, find_reserved)


class ByPath(Resolver):
    """The first segment of the path below a prefix names the bucket."""

    def __init__(self, prefix: str, find_reserved: FindReserved = Reserved) -> None:
        self._prefix = prefix
        self._start = f"{prefix}/"
        self._start_length = len(self._start)
        self._find_reserved = find_reserved
        self.is_plain_path = not prefix

    @cached_property
    def reserved(self) -> Reserved:
        return self._find_reserved()

    def __call__(self, environ: WSGIEnvironment) -> Resolved | None:
        path = _below(self._prefix, environ)
        if path is None:
            return None
        if has_dot_segment(path):
            return _DOT_SEGMENT
        name, _, key = path.partition("/")
        if not name.strip("."):
            return None
        bucket, is_root = _text(name), not key or not key.strip("/")
        if begins_with(self.reserved.names, bucket):
            return _RESERVED if is_root else None
        return Resolved(bucket, is_root)

    def name_bucket(self, environ: WSGIEnvironment) -> str:
        path: str = environ["PATH_INFO"]
        if not path.startswith(self._start):
            raise LookupError
        bucket, key = path[self._start_length :].split("/", 1)
        # "/" is right before "0": such a key is not empty nor begins with a slash.
        if key < "0":
            raise LookupError
        return bucket


class ByHost(Resolver):
    """Below a suffix, the rest of the host names the bucket; elsewhere the path does."""

    def __init__(self, suffixes: Iterable[str], prefix: str, find_reserved: FindReserved) -> None:
        self._prefix = prefix
        self._by_path = ByPath(prefix, self._find_reserved)
        self._find_given = find_reserved
        self._below_suffix = _host_pattern(suffixes)
        self._behind_label = _host_pattern(filter(None, (s.partition(".")[2] for s in suffixes)))
        self._start = f"{prefix}/"
        self._start_length = len(self._start)
        self._learnt: set[str] = set()

    @property
    def reserved(self) -> Reserved:
        return self._by_path.reserved

    def _find_reserved(self) -> Reserved:
        found = self._find_given()
        names = filter(None, map(self._name_by_host, found.hosts))
        return found._replace(names=found.names.union(names))

    def _name_by_host(self, host: str) -> str | None:
        split = split_host(host)
        match = self._below_suffix.fullmatch(split[0]) if split else None
        return match["bucket"].lower() if match and match["bucket"] else None

    @cached_property
    def _reserved_on_hosts(self) -> frozenset[str]:
        return frozenset(map(_guise, self.reserved.on_hosts))

    def __call__(self, environ: WSGIEnvironment) -> Resolved | None:
        host = environ.get("HTTP_HOST", "")
        split = split_host(host)
        match = self._below_suffix.fullmatch(split[0]) if split else None
        if match is None or match["bucket"] is None:
            # A Host that is none names no bucket, and must not turn into path style either.
            return self._by_path(environ) if split or not host else Resolved(_NO_NAME, True)
        self._learn(host, match["bucket"])
        path = _below(self._prefix, environ)
        return None if path is None else self._on_host(match["bucket"].lower(), path)

    def _on_host(self, bucket: str, path: str) -> Resolved | None:
        if has_dot_segment(path):
            return _DOT_SEGMENT
        if bucket in self.reserved.names:
            return None if path else _RESERVED
        if begins_with(self._reserved_on_hosts, path):
            return None
        return Resolved(bucket, not path)

    def name_bucket(self, environ: WSGIEnvironment) -> str:
        host: str = environ["HTTP_HOST"]
        label, _, rest = host.partition(".")
        path = environ["PATH_INFO"]
        if self._prefix:
            is_object = path.startswith(self._start) and path[self._start_length :] >= "0"
        else:
            is_object = path >= "/0"
        if rest in self._learnt and label.islower() and is_object and len(host) <= MAX_HOST:
            if self._reserved_on_hosts and self._may_be_reserved(path):
                raise LookupError
            return label
        raise LookupError

    def _may_be_reserved(self, path: str) -> bool:
        first = path[self._start_length :].partition("/")[0]
        return first in self._reserved_on_hosts or "\\" in first

    def _learn(self, host: str, bucket: str) -> None:
        """Remember what stands behind the first label, if any label there is a bucket."""
        label, _, rest = host.partition(".")
        split = split_host(rest)
        if label != bucket or split is None:
            return
        # With another label the host may be a suffix itself, and then names no bucket.
        behind_label = self._behind_label.fullmatch(split[0])
        if behind_label is None or behind_label["bucket"] is not None:
            if len(self._learnt) >= MAX_LEARNT:
                self._learnt.clear()
            self._learnt.add(rest)


def _below(prefix: str, environ: WSGIEnvironment) -> str | None:
    """The path below the prefix, without the slashes that it begins with.

    Werkzeug's router takes any number of them for one; where this said otherwise, a call that
    is for the rules would reach the route that is for the bucket.
    """
    path: str = environ.get("PATH_INFO", "")
    if path == "*" and environ.get("REQUEST_METHOD") == "OPTIONS":
        # RFC 9112, 3.2.4: about the server as a whole.
        return None
    path = path.lstrip("/")
    if not prefix:
        return path
    head, below = path[: len(prefix) - 1], path[len(prefix) - 1 :]
    return below.lstrip("/") if f"/{head}" == prefix and below[:1] in ("", "/") else None


def _host_pattern(suffixes: Iterable[str]) -> re.Pattern[str]:
    # The bucket is optional and as short as can be: a host that is itself a suffix has no
    # bucket, and of two suffixes that fit the longer one leaves the shorter bucket.
    any_suffix = "|".join(
        re.escape(suffix).replace(re.escape(REGION), "[a-z0-9-]+") for suffix in suffixes
    )
    return re.compile(rf"(?:(?P<bucket>[a-z0-9._-]+?)\.)??(?:{any_suffix})\.?", re.IGNORECASE)


class ByFunction(Resolver):
    """The application's own function says it."""

    def __init__(self, function: BucketFunction) -> None:
        self._function = function

    def __call__(self, environ: WSGIEnvironment) -> Resolved | None:
        found = self._function(environ)
        if found is None:
            return None
        if isinstance(found, str):
            raise TypeError(f"the function for buckets gave {found!r}: give (bucket, key)")
        bucket, key = found
        return Resolved(bucket, not key)


def _guise(text: str) -> str:
    # As PEP 3333 hands paths over.
    return text.encode().decode("latin-1")


def _text(raw: str) -> str:
    # PEP 3333 hands over bytes in the guise of latin-1. Bytes that are not UTF-8 stay
    # distinct, so that no two names fall together.
    if raw.isascii():
        return raw
    return raw.encode("latin-1", "replace").decode("utf-8", "surrogateescape")
