"""``?cors`` calls on buckets: told from other requests, and taken out before the application."""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask_bucketcors.wsgi.merged_headers import Pair
from flask_bucketcors.wsgi.reserved import Reserved
from flask_bucketcors.wsgi.resolvers import BUCKET, Resolved, Resolver

# An application may hold itself, or make up attributes; a real stack is not that high.
MAX_LAYERS: Final = 100

_VERSION_QUERIES: Final = ("apiversion", "apiversion=")


class RulesCallRouter:
    """Sends ``?cors`` calls on buckets to the API, and everything else to the application.

    It is the half of the middleware that an application needs which serves the API alone.

    :param find_reserved: gives what is the application's own below a URL prefix.
    """

    def __init__(
        self,
        app: WSGIApplication,
        api: WSGIApplication,
        resolve: Resolver,
        find_reserved: Callable[[str], Reserved],
    ) -> None:
        self.app = app
        self.api = api
        self.find_reserved = find_reserved
        self._resolve = resolve

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        resolved = self._resolve(environ)
        if resolved is None or not resolved.is_root:
            return self.app(environ, start_response)
        if names_rules(environ):
            environ[BUCKET] = resolved.bucket
            return self.api(environ, start_response)
        if asks_for_version(environ, resolved):
            return answer_version(self.app, environ, start_response)
        return self.app(environ, start_response)


_Layer = TypeVar("_Layer")


def find_layer(app: object, kind: type[_Layer]) -> _Layer | None:
    """Find a layer of a stack of WSGI applications.

    Middlewares of Werkzeug and of this package keep what they wrap as ``app``, Flask as
    ``wsgi_app``; what is behind one that does neither is out of sight.
    """
    for _ in range(MAX_LAYERS):
        if isinstance(app, kind):
            return app
        app = getattr(app, "app", None) or getattr(app, "wsgi_app", None)
    return None


def names_rules(environ: WSGIEnvironment) -> bool:
    """Whether the query names the rules of a bucket: ``?cors``, ``?cors=``, alone or not.

    In any case: COS signs names in lower case, so that a signature for ``?cors`` covers
    ``?CORS``, which would be about the bucket itself to an application.
    """
    query = environ.get("QUERY_STRING", "")
    if "cors" not in query.lower() and "%" not in query:
        return False
    return any(name.lower() == "cors" for name, _ in parse_qsl(query, keep_blank_values=True))


def asks_for_version(environ: WSGIEnvironment, resolved: Resolved) -> bool:
    """Whether a request is the one with which the SDKs of Huawei OBS begin on a bucket."""
    return (
        resolved.is_root
        and resolved.bucket != ""
        and environ["REQUEST_METHOD"] == "HEAD"
        and environ.get("QUERY_STRING") in _VERSION_QUERIES
    )


def answer_version(
    app: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Have an application answer such a request, and make "found" of its "not found".

    The SDKs take 404 for the end and never make the call that they are about to make. Most
    applications have nothing at the root of a bucket; what else they say there stands.
    """

    def start(status: str, headers: list[Pair], exc_info: Any = None) -> Callable[[bytes], object]:
        found = "200 OK" if status.startswith("404 ") else status
        return start_response(found, headers, exc_info)

    return app(environ, start)
