"""A request: the parts that the rules of a bucket depend on."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from flask_bucketcors.core.hosts import split_host

#: What separates the segments of a path, on one system or another.
SEPARATORS: Final = re.compile(r"[/\\]")

_VERSION_QUERIES: Final = ("apiversion", "apiversion=")


class Request(NamedTuple):
    """A request, independent of the server's interface. It is passed to ``buckets=`` functions.

    :param method: the method as sent.
    :param path: the decoded path below the place where the application is mounted, such as
        ``/photos/cat.png``. Bytes that are not UTF-8 are surrogates.
    :param host: the Host header as sent, which may have a port; ``""`` if it was not sent.
    :param query: the query string as sent, without ``?``.
    :param origin: the Origin header as sent; None if it was not sent.
    :param requested_method: Access-Control-Request-Method as sent; None if it was not sent.
    :param requested_headers: Access-Control-Request-Headers as sent; ``""`` if it was not sent.
    :param environ: the WSGI environ, for everything else.
    """

    method: str
    path: str
    host: str = ""
    query: str = ""
    origin: str | None = None
    requested_method: str | None = None
    requested_headers: str = ""
    environ: Mapping[str, Any] = MappingProxyType({})

    @property
    def hostname(self) -> str:
        """The host in lower case, without port and trailing dot; ``""`` if Host is invalid."""
        split = split_host(self.host)
        return split[0].rstrip(".").lower() if split else ""

    @property
    def preflight_headers(self) -> tuple[str | None, str | None, str]:
        """Origin, requested method and requested headers."""
        return self.origin, self.requested_method, self.requested_headers

    @property
    def is_preflight(self) -> bool:
        """Whether it is a preflight (Fetch, "CORS protocol": both headers are present)."""
        return self.method == "OPTIONS" and None not in (self.origin, self.requested_method)

    @property
    def has_dot_segment(self) -> bool:
        r"""Whether the path has a segment ``..``, delimited by ``/``, ``\`` or an end of the path.

        Applications resolve it (RFC 3986, 5.2.4), and some of them treat ``\`` as ``/``.
        """
        return ".." in self.path and ".." in SEPARATORS.split(self.path)

    @property
    def names_rules(self) -> bool:
        """Whether the query names the rules of a bucket: ``?cors``, ``?cors=``, alone or not.

        Case does not matter. COS signs names in lower case, so a signature for ``?cors`` covers
        ``?CORS``, which an application would treat as the bucket itself.
        """
        query = self.query
        if "cors" not in query.lower() and "%" not in query:
            return False
        return any(name.lower() == "cors" for name, _ in parse_qsl(query, keep_blank_values=True))

    @property
    def asks_for_version(self) -> bool:
        """Whether it is the first request that the SDKs of Huawei OBS send to a bucket."""
        return self.method == "HEAD" and self.query in _VERSION_QUERIES
