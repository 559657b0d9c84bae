"""A request as clients sign it, for all signature schemes."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qsl
from wsgiref.types import WSGIEnvironment

from flask_bucketcors.core.hosts import split_host

# Names of headers and parameters whose values do not belong in a log.
_SECRET: Final = re.compile(
    r"token|signature(?!-version)|\bsig\b|secret|passw|cookie|session|auth|(customer|encryption)-key",
    re.I,
)
_HIDDEN: Final = "..."


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The parts of a request that signatures cover.

    :param method: as sent.
    :param path: decoded bytes of SCRIPT_NAME and PATH_INFO together, as the client meant it.
    :param query: decoded names and values in the order sent; a name without ``=`` has ``""``.
        Bytes that are not UTF-8 are surrogates, so that different queries stay different.
    :param headers: names in lower case; values as sent, without surrounding whitespace.
    :param bucket: the bucket that the request is about, in any style of URL; ``""`` if there is
        none.
    :param key: the object that the request is about; ``""`` for the bucket itself.
    """

    method: str
    path: bytes
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    bucket: str
    key: str

    @classmethod
    def from_environ(cls, environ: WSGIEnvironment, bucket: str, key: str) -> "SignedRequest":
        """Read a request.

        :param bucket, key: as found by the application. Several schemes sign them, and only the
            application knows which bucket and key it will use.
        """
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        return cls(
            method=environ["REQUEST_METHOD"],
            path=path.encode("latin-1") or b"/",
            query=tuple(_query(environ.get("QUERY_STRING", ""))),
            headers=_headers(environ),
            bucket=bucket,
            key=key,
        )

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter; None if it was not sent."""
        return next((value for key, value in self.query if key == name), None)

    def header(self, name: str) -> str:
        """The value of a header; ``""`` if it was not sent."""
        return self.headers.get(name, "")

    def without_secrets(self) -> "SignedRequest":
        """Give the request with dots in place of tokens, signatures, cookies and the like."""
        return replace(
            self,
            query=tuple((name, _shown(name, value)) for name, value in self.query),
            headers={name: _shown(name, value) for name, value in self.headers.items()},
        )

    @property
    def authorization_scheme(self) -> str:
        """The first word of the Authorization header, in lower case (RFC 9110, 11.1)."""
        return self.header("authorization").partition(" ")[0].lower()

    def has_parameter(self, names: Collection[str]) -> bool:
        """Whether one of these parameters was sent."""
        return any(name in names for name, _ in self.query)

    def hosts(self) -> Iterator[str]:
        """The Host as sent, and without its port, because some SDKs sign only the name."""
        host = self.header("host")
        yield host
        split = split_host(host)
        if split and split[1]:
            yield split[0]


def _shown(name: str, value: str) -> str:
    return _HIDDEN if _SECRET.search(name) else value


def _query(query: str) -> list[tuple[str, str]]:
    # PEP 3333 passes bytes decoded as latin-1.
    text = query.encode("latin-1").decode("utf-8", "surrogateescape")
    return parse_qsl(text, keep_blank_values=True, errors="surrogateescape")


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    headers = {
        key[5:].replace("_", "-").lower(): value.strip()
        for key, value in environ.items()
        if key.startswith("HTTP_") and isinstance(value, str)
    }
    for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        # Some servers pass the length as a number.
        value = str(environ.get(key, "")).strip()
        if value:
            headers[key.replace("_", "-").lower()] = value
    return headers
