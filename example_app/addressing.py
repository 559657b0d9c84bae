"""The target of a request: the service, a bucket or an object.

COS has two forms of address, and this server takes both: ``http://BUCKET.SUFFIX/KEY``
(virtual host) and ``http://HOST/BUCKET/KEY`` (path). They are read from the WSGI environment
rather than by Flask's routing, which would merge slashes that belong to a key.
"""

from dataclasses import dataclass
from enum import Enum
from wsgiref.types import WSGIEnvironment

from example_app.errors import StorageError
from flask_bucketcors.core.hosts import split_host


class Level(Enum):
    """What kind of thing is addressed."""

    SERVICE = "service"
    BUCKET = "bucket"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Target:
    """What a request addresses; a part that it does not name is empty."""

    bucket: str
    key: str

    @property
    def level(self) -> Level:
        """An object if there is a key, else a bucket if it is named, else the service."""
        if self.key:
            return Level.OBJECT
        return Level.BUCKET if self.bucket else Level.SERVICE


def find_target(environ: WSGIEnvironment, host_suffix: str) -> Target:
    """Read the target of a request.

    :param host_suffix: in lower case. Hosts that end with a dot and this name begin with a
        bucket; all others, and all hosts if it is empty, are path style.
    :raises StorageError: InvalidURI, if path or query is not UTF-8, or Host is no host.
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
