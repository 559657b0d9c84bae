"""The target of a request: the service, a bucket or an object.

Addresses have one of two forms, as on COS: ``http://BUCKET.SUFFIX/KEY`` (virtual host) or
``http://HOST/BUCKET/KEY`` (path). They are read from the WSGI environ, because Flask's routing
would merge slashes that belong to a key.
"""

from dataclasses import dataclass
from enum import Enum
from wsgiref.types import WSGIEnvironment

from example_app.errors import StorageError
from flask_bucketcors.core.hosts import split_host


class Level(Enum):
    """What a request addresses."""

    SERVICE = "service"
    BUCKET = "bucket"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Target:
    """A bucket and a key; each is empty if the request does not name it."""

    bucket: str
    key: str

    @property
    def level(self) -> Level:
        """An object if there is a key, else a bucket if there is one, else the service."""
        if self.key:
            return Level.OBJECT
        return Level.BUCKET if self.bucket else Level.SERVICE


def find_target(environ: WSGIEnvironment, host_suffix: str) -> Target:
    """Read the target of a request.

    :param host_suffix: in lower case. A host that ends with a dot and this suffix begins with a
        bucket. With any other host, or an empty suffix, the path names the bucket.
    :raises StorageError: InvalidURI if path or query is not UTF-8, or Host is invalid.
    """
    path = _decode(environ.get("PATH_INFO", "")).removeprefix("/")
    _decode(environ.get("QUERY_STRING", ""))
    host = _host_name(environ.get("HTTP_HOST", ""))
    if host_suffix and host.endswith(f".{host_suffix}"):
        return Target(host.removesuffix(f".{host_suffix}"), path)
    bucket, _, key = path.partition("/")
    return Target(bucket, key)


def _host_name(host: str) -> str:
    if not host:
        return ""
    split = split_host(host)
    if split is None:
        raise StorageError("InvalidURI", "The Host header must be a name or an address.")
    return split[0].removesuffix(".").lower()


def _decode(text: str) -> str:
    try:
        return text.encode("latin-1").decode()
    except UnicodeDecodeError:
        raise StorageError("InvalidURI") from None
