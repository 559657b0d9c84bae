"""Which bucket a request is about: by path, by host, or as the application says.

A resolver takes a WSGI environ and gives ``(bucket, is_root)``, or None if the request is
about no bucket. ``is_root`` says whether it is about the bucket itself and not an object in it.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Final
from wsgiref.types import WSGIEnvironment

from flask_bucketcors.core.hosts import split_host

#: The key of the environ under which the ``?cors`` API finds the name of its call's bucket.
BUCKET: Final = "flask_bucketcors.bucket"

Resolved = tuple[str, bool]

#: What an application may pass: it takes an environ and gives None, or ``(bucket, key)``, where
#: the key of a bucket itself is ``""``.
BucketFunction = Callable[[WSGIEnvironment], tuple[str, str] | None]

# Characters of a host name, a port included: no longer one is looked at in a hurry.
MAX_HOST: Final = 253
# Spellings of host suffixes, with ports, that clients were seen to use.
MAX_LEARNT: Final = 64

_REGION: Final = "{region}"
_SUFFIX = re.compile(r"(?:[a-z0-9-]+|\{region\})(?:\.(?:[a-z0-9-]+|\{region\}))*")


class Resolver(ABC):
    """Says which bucket a request is about."""

    #: Whether the first segment of the path always names it.
    is_plain_path = False

    @abstractmethod
    def __call__(self, environ: WSGIEnvironment) -> Resolved | None: ...

    def name_bucket(self, environ: WSGIEnvironment) -> str:
        """Name the bucket of a request that is plainly about an object in it, at little cost.

        :raises LookupError, ValueError: if it has to be looked at more closely.
        """
        raise LookupError


def make_resolver(
    buckets: BucketFunction | None = None,
    *,
    host_suffixes: Iterable[str] = (),
    url_prefix: str = "",
) -> Resolver:
    """Build the resolver for an application.

    :param buckets: the application's own function; the other two are not used then.
    :param host_suffixes: host names below which each bucket has a name of its own, such as
        ``cos.example.com`` or ``cos.{region}.example.com``.
    :param url_prefix: path below which the buckets are, such as ``/storage``.
    :raises ValueError: if a suffix or the prefix does not have that form.
    """
    if buckets is not None:
        return ByFunction(buckets)
    prefix = _checked_prefix(url_prefix)
    if isinstance(host_suffixes, str):
        raise ValueError(f"{host_suffixes!r} is a text: write a list of host suffixes")
    suffixes = tuple(map(_checked_suffix, host_suffixes))
    return ByHost(suffixes, prefix) if suffixes else ByPath(prefix)


class ByPath(Resolver):
    """The first segment of the path below a prefix names the bucket."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._start = f"{prefix}/"
        self._start_length = len(self._start)
        self.is_plain_path = not prefix

    def __call__(self, environ: WSGIEnvironment) -> Resolved | None:
        path = _below(self._prefix, environ)
        if path is None:
            return None
        name, _, key = path.partition("/")
        if not name.strip("."):
            return None
        return _text(name), not key or not key.strip("/")

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

    def __init__(self, suffixes: Iterable[str], prefix: str) -> None:
        self._prefix = prefix
        self._by_path = ByPath(prefix)
        self._below_suffix = _host_pattern(suffixes)
        self._behind_label = _host_pattern(filter(None, (s.partition(".")[2] for s in suffixes)))
        self._start = f"{prefix}/"
        self._start_length = len(self._start)
        self._learnt: set[str] = set()

    def __call__(self, environ: WSGIEnvironment) -> Resolved | None:
        host = environ.get("HTTP_HOST", "")
        split = split_host(host)
        match = self._below_suffix.fullmatch(split[0]) if split else None
        if match is None or match["bucket"] is None:
            # A Host that is none names no bucket, and must not turn into path style either.
            return self._by_path(environ) if split or not host else ("", True)
        self._learn(host, match["bucket"])
        path = _below(self._prefix, environ)
        return None if path is None else (match["bucket"].lower(), not path)

    def name_bucket(self, environ: WSGIEnvironment) -> str:
        host: str = environ["HTTP_HOST"]
        label, _, rest = host.partition(".")
        path = environ["PATH_INFO"]
        if self._prefix:
            is_object = path.startswith(self._start) and path[self._start_length :] >= "0"
        else:
            is_object = path >= "/0"
        if rest in self._learnt and label.islower() and is_object and len(host) <= MAX_HOST:
            return label
        raise LookupError

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
        re.escape(suffix).replace(re.escape(_REGION), "[a-z0-9-]+") for suffix in suffixes
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
        return bucket, not key


def _text(raw: str) -> str:
    # PEP 3333 hands over bytes in the guise of latin-1. Bytes that are not UTF-8 stay
    # distinct, so that no two names fall together.
    if raw.isascii():
        return raw
    return raw.encode("latin-1", "replace").decode("utf-8", "surrogateescape")


def _checked_prefix(prefix: str) -> str:
    if prefix in ("", "/"):
        return ""
    if not prefix.startswith("/") or prefix.endswith("/") or "<" in prefix:
        raise ValueError(
            f"{prefix!r} is not a URL prefix: write it like '/storage', without variables"
        )
    # As PEP 3333 hands paths over.
    return prefix.encode().decode("latin-1")


def _checked_suffix(suffix: str) -> str:
    if not _SUFFIX.fullmatch(suffix.lower()):
        raise ValueError(
            f"{suffix!r} is not a host suffix: write it like 'cos.example.com' or "
            "'cos.{region}.example.com', without port and leading dot"
        )
    return suffix.lower()
