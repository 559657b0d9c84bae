"""Which bucket a request is about: by path, by host, or by a function of the application.

A resolver takes a :class:`~flask_bucketcors.core.request.Request` and gives a :class:`Resolved`,
or None if the request is about no bucket.

Two kinds of URL must not name a bucket:

- A **dot segment**. ``/other/..%2fphotos/cat.txt`` arrives decoded. Its first segment is
  ``other``, and many applications serve an object of ``photos`` for it, so the rules of neither
  bucket may apply.
- A **reserved** first segment belongs to the application's own routes. A bucket of that name
  would open them to other sites.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple

from flask_bucketcors.core.bucket_names import MAX_BUCKET_NAME_BYTES
from flask_bucketcors.core.bucket_paths import (
    BucketPaths,
    NamePatterns,
    ReadRoutes,
    Where,
    without_routes,
)
from flask_bucketcors.core.errors import shown_value
from flask_bucketcors.core.hosts import REGION, checked_suffix, split_host
from flask_bucketcors.core.request import Request
from flask_bucketcors.core.reserved import Reserved, begins_with

#: Returns which bucket a request is about: ``(bucket, key)``, or None for no bucket. A key that is
#: empty, or has only slashes, stands for the bucket itself. So if hosts name the buckets, you can
#: return ``request.path`` as the key.
BucketFunction = Callable[[Request], tuple[str, str] | None]


class URLKind(Enum):
    """What a URL stands for."""

    BUCKET = "a bucket or an object in it"
    DOT_SEGMENT = "a path with a segment '..'"
    RESERVED = "a first segment that belongs to the application"


class Resolved(NamedTuple):
    """What a request is about.

    :param bucket: the name of the bucket; ``""`` if it has none.
    :param is_root: whether the request is about the bucket itself and not an object in it.
    :param kind: what the URL stands for.
    :param is_assumed: whether nothing says that the URL is about a bucket.
    """

    bucket: str
    is_root: bool
    kind: URLKind = URLKind.BUCKET
    is_assumed: bool = False


# Longer hosts are always resolved in full. In characters, with the port.
MAX_HOST: Final = 253
# How many spellings of host suffixes, with ports, are remembered.
MAX_LEARNT: Final = 64
# How many names that fit the pattern of a prefix are remembered.
MAX_FITTING: Final = 10_000

_NO_NAME: Final = ""
_DOT_SEGMENT: Final = Resolved(_NO_NAME, True, URLKind.DOT_SEGMENT)
_RESERVED: Final = Resolved(_NO_NAME, True, URLKind.RESERVED)


class Resolver(ABC):
    """Finds the bucket that a request is about."""

    #: Whether the first segment of the path always names it.
    is_plain_path = False
    #: Whether nothing says which URLs are about buckets, so that all are.
    is_assumed = False
    #: Which paths name buckets.
    paths: BucketPaths = BucketPaths({})
    #: The forms of URLs that are about a bucket, for people. Those by path have a prefix.
    url_forms: Mapping[str, str | None] = MappingProxyType({})

    @property
    def reserved(self) -> Reserved:
        """What belongs to the application."""
        return self.paths.reserved

    @abstractmethod
    def __call__(self, request: Request) -> Resolved | None: ...

    def is_bucket_host(self, request: Request) -> bool:
        """Whether the host of a request is one bucket's, whichever path is requested."""
        return False

    def name_bucket(self, path: str, host: str) -> str:
        """Find the bucket quickly, if the request is clearly about an object in it.

        :param path: the path without ``..``. It may be text, or bytes decoded as latin-1 (PEP
            3333); the returned name has the same form.
        :param host: the Host header.
        :raises LookupError: if the request has to be resolved in full.
        """
        raise LookupError

    def may_be_bucket(self, name: str) -> bool:
        """Whether a name that :meth:`name_bucket` found may be a bucket's.

        :param name: ASCII letters, digits, ``.``, ``-`` and ``_``, and not only dots.
        """
        return False


def make_resolver(
    buckets: BucketFunction | None = None,
    *,
    host_suffixes: Iterable[str] = (),
    url_prefix: str = "",
    hosts_only: bool = False,
    reserved: Iterable[str] = (),
    read_routes: ReadRoutes = without_routes,
) -> Resolver:
    """Build the resolver for an application.

    :param buckets: the application's own function; if given, the other parameters are not used.
    :param host_suffixes: host names below which each bucket has a name of its own, such as
        ``cos.example.com`` or ``cos.{region}.example.com``.
    :param url_prefix, hosts_only: see :class:`~flask_bucketcors.core.bucket_paths.Where`.
    :param reserved: segments that belong to the application.
    :param read_routes: reads which paths name buckets, and what else belongs to the application.
    :raises ValueError: if a suffix or the prefix does not have that form.
    """
    if buckets is not None:
        return ByFunction(buckets)
    suffixes = tuple(map(checked_suffix, host_suffixes))
    paths = read_routes(Where(suffixes, url_prefix, hosts_only)).reserving(reserved)
    if suffixes:
        return ByHost(suffixes, paths)
    return ByOnePath(paths) if len(paths.prefixes) == 1 else ByPath(paths)


class ByPath(Resolver):
    """The segment below a prefix names the bucket."""

    def __init__(self, paths: BucketPaths) -> None:
        self.paths = paths
        self.is_assumed: bool = paths.is_assumed
        # The longest first, because one prefix may be below another.
        self._prefixes = sorted(paths.prefixes.items(), key=lambda each: len(each[0]), reverse=True)
        self.url_forms: Mapping[str, str | None] = {
            f"{prefix}/<bucket>/<key>": prefix for prefix in sorted(paths.prefixes)
        }
        self.is_plain_path: bool = [*paths.prefixes] == [""]
        self._reserved_names = paths.reserved.names
        self._takes_any_name = None in paths.prefixes.values()
        # If all prefixes have the same patterns, other names never have rules in memory.
        is_uniform = len(set(paths.prefixes.values())) <= 1
        # Below the others, the names that are known to fit.
        self._fitting: dict[str, set[str]] = {
            prefix: set() for prefix, patterns in self._prefixes if patterns and not is_uniform
        }
        self._starts = [
            (start := f"{_raw(prefix)}/", len(start), self._fitting.get(prefix))
            for prefix, _ in self._prefixes
        ]

    def __call__(self, request: Request) -> Resolved | None:
        path = _path(request)
        if path is None:
            return None
        for prefix, patterns in self._prefixes:
            below = _below(prefix, path)
            if below is None:
                continue
            if request.has_dot_segment:
                return _DOT_SEGMENT
            bucket, _, key = below.partition("/")
            if bucket.strip(".") and _fits(bucket, patterns):
                if prefix in self._fitting and len(bucket) <= MAX_BUCKET_NAME_BYTES:
                    _remember(self._fitting[prefix], bucket, MAX_FITTING)
                return self._in_path(bucket, key)
        return None

    def _in_path(self, bucket: str, key: str) -> Resolved | None:
        is_root = not key or not key.strip("/")
        if begins_with(self.reserved.names, bucket):
            return _RESERVED if is_root else None
        return Resolved(bucket, is_root, is_assumed=self.paths.is_assumed)

    def name_bucket(self, path: str, host: str) -> str:
        for start, length, fitting in self._starts:
            if path.startswith(start):
                bucket, _, key = path[length:].partition("/")
                # "0" follows "/" in ASCII: a key from "0" on is not empty and does not begin with
                # a slash.
                if key < "0" or (fitting is not None and bucket not in fitting):
                    raise LookupError
                return bucket
        raise LookupError

    def may_be_bucket(self, name: str) -> bool:
        if name in self._reserved_names:
            return False
        return self._takes_any_name or any(_fits(name, each) for _, each in self._prefixes)


class ByOnePath(ByPath):
    """The same below one prefix, in less time."""

    def __init__(self, paths: BucketPaths) -> None:
        super().__init__(paths)
        [(self._start, self._start_length, _)] = self._starts

    def name_bucket(self, path: str, host: str) -> str:
        if not path.startswith(self._start):
            raise LookupError
        bucket, _, key = path[self._start_length :].partition("/")
        if key < "0":
            raise LookupError
        return bucket


class ByHost(ByPath):
    """Below a suffix, the rest of the host names the bucket; elsewhere the path does."""

    def __init__(self, suffixes: Iterable[str], paths: BucketPaths) -> None:
        self._below_suffix = _host_pattern(suffixes)
        self._behind_label = _host_pattern(filter(None, (s.partition(".")[2] for s in suffixes)))
        self._learnt: set[str] = set()
        reserved = paths.reserved
        names = reserved.names.union(filter(None, map(self._name_by_host, reserved.hosts)))
        super().__init__(paths._replace(reserved=reserved._replace(names=names)))
        self.is_assumed = self.is_plain_path = False
        by_host = {f"<bucket>.{each}/<key>": None for each in suffixes}
        self.url_forms: Mapping[str, str | None] = {**by_host, **self.url_forms}
        self._reserved_on_hosts = frozenset(map(_raw, reserved.on_hosts))

    def _name_by_host(self, host: str) -> str | None:
        split = split_host(host)
        match = self._below_suffix.fullmatch(split[0]) if split else None
        return match["bucket"].lower() if match and match["bucket"] else None

    def is_bucket_host(self, request: Request) -> bool:
        name = self._name_by_host(request.host)
        return name is not None and name not in self.reserved.names

    def __call__(self, request: Request) -> Resolved | None:
        host = request.host
        split = split_host(host)
        match = self._below_suffix.fullmatch(split[0]) if split else None
        if match is None or match["bucket"] is None:
            # An invalid Host names no bucket, and must not become path style.
            return super().__call__(request) if split or not host else Resolved(_NO_NAME, True)
        self._learn(host, match["bucket"])
        path = _path(request)
        if path is None:
            return None
        if request.has_dot_segment:
            return _DOT_SEGMENT
        return self._on_host(match["bucket"].lower(), path)

    def _on_host(self, bucket: str, path: str) -> Resolved | None:
        if bucket in self.reserved.names:
            return None if path else _RESERVED
        if begins_with(self.reserved.on_hosts, path):
            return None
        return Resolved(bucket, not path)

    def name_bucket(self, path: str, host: str) -> str:
        label, _, rest = host.partition(".")
        # Such a path begins with one slash, and does not end there.
        is_object = "/0" <= path < "0"
        if rest in self._learnt and label.islower() and is_object and len(host) <= MAX_HOST:
            if self._reserved_on_hosts and self._may_be_reserved(path):
                raise LookupError
            return label
        raise LookupError

    def may_be_bucket(self, name: str) -> bool:
        return name not in self._reserved_names

    def _may_be_reserved(self, path: str) -> bool:
        first = path[1:].partition("/")[0]
        return first in self._reserved_on_hosts or "\\" in first

    def _learn(self, host: str, bucket: str) -> None:
        """Remember what follows the first label, if any label there is a bucket."""
        label, _, rest = host.partition(".")
        split = split_host(rest)
        if label != bucket or split is None:
            return
        # With another label, the host may be a suffix itself, which names no bucket.
        behind_label = self._behind_label.fullmatch(split[0])
        if behind_label is None or behind_label["bucket"] is not None:
            _remember(self._learnt, rest, MAX_LEARNT)


class ByFunction(Resolver):
    """A function of the application names the bucket."""

    url_forms: Mapping[str, str | None] = MappingProxyType(
        {"those for which the buckets function names one": None}
    )

    def __init__(self, function: BucketFunction) -> None:
        self._function = function

    def is_bucket_host(self, request: Request) -> bool:
        # Of the root of a host that has several buckets, a function cannot name one.
        environ = {**request.environ, "PATH_INFO": "/", "QUERY_STRING": "", "RAW_URI": "/"}
        return self(request._replace(path="/", query="", environ=environ)) is not None

    def __call__(self, request: Request) -> Resolved | None:
        found: object = self._function(request)
        if found is None:
            return None
        if isinstance(found, tuple) and len(found) == 2:
            bucket, key = found
            if isinstance(bucket, str) and isinstance(key, str):
                return Resolved(bucket, not key.strip("/"))
        raise TypeError(
            f"the buckets function returned {shown_value(found)}: return (bucket, key), such as "
            "('photos', 'cat.png'), or None"
        )


def _fits(bucket: str, patterns: NamePatterns) -> bool:
    return patterns is None or any(each.fullmatch(bucket) for each in patterns)


def _remember(texts: set[str], text: str, most: int) -> None:
    if len(texts) >= most:
        texts.clear()
    texts.add(text)


def _path(request: Request) -> str | None:
    """The path without the slashes that it begins with; None if the request has none.

    Werkzeug's router treats several slashes as one. If this function did not, a ``?cors`` call
    could reach the route for the bucket.
    """
    if request.path == "*" and request.method == "OPTIONS":
        # RFC 9112, 3.2.4: the request is about the server as a whole.
        return None
    return request.path.lstrip("/")


def _below(prefix: str, path: str) -> str | None:
    """What of a path is below a prefix; None if the path is elsewhere."""
    if not prefix:
        return path
    head, below = path[: len(prefix) - 1], path[len(prefix) - 1 :]
    return below.lstrip("/") if f"/{head}" == prefix and below[:1] in ("", "/") else None


def _host_pattern(suffixes: Iterable[str]) -> re.Pattern[str]:
    # The bucket is optional and as short as possible: a host that is itself a suffix has no
    # bucket, and if two suffixes fit, the longer one applies.
    any_suffix = "|".join(
        re.escape(suffix).replace(re.escape(REGION), "[a-z0-9-]+") for suffix in suffixes
    )
    return re.compile(rf"(?:(?P<bucket>[a-z0-9._-]+?)\.)??(?:{any_suffix})\.?", re.IGNORECASE)


def _raw(text: str) -> str:
    # As PEP 3333 passes paths.
    return text.encode().decode("latin-1")
