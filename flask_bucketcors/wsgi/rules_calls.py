"""``?cors`` calls on buckets, which go to the API and not to the application."""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask_bucketcors.core.outcomes import API, VERSION, find_responder
from flask_bucketcors.core.reserved import Reserved
from flask_bucketcors.core.resolvers import Resolver
from flask_bucketcors.wsgi.environ import BUCKET, read_request
from flask_bucketcors.wsgi.merged_headers import Pair

# An application may contain itself, or invent attributes. Real stacks are not that deep.
MAX_LAYERS: Final = 100


class RulesCallRouter:
    """Sends ``?cors`` calls on buckets to the API, and everything else to the application.

    It is all that an application needs if it serves only the API.

    :param find_reserved: gives what belongs to the application below a URL prefix.
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
        request = read_request(environ)
        resolved = self._resolve(request)
        responder = find_responder(request, resolved, True)
        if resolved is not None and responder is API:
            environ[BUCKET] = resolved.bucket
            return self.api(environ, start_response)
        if responder is VERSION:
            return version_response(self.app, environ, start_response)
        return self.app(environ, start_response)


_Layer = TypeVar("_Layer")


def find_layer(app: object, kind: type[_Layer]) -> _Layer | None:
    """Find a layer of a stack of WSGI applications.

    Middlewares of Werkzeug and of this package keep what they wrap as ``app``, and Flask as
    ``wsgi_app``. Layers behind a middleware that does neither are not found.
    """
    for _ in range(MAX_LAYERS):
        if isinstance(app, kind):
            return app
        app = getattr(app, "app", None) or getattr(app, "wsgi_app", None)
    return None


def version_response(
    app: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Let an application respond to ``HEAD /?apiversion``, and turn a 404 into 200.

    The SDKs of Huawei OBS give up after a 404, and most applications have nothing at the root of a
    bucket. Any other status stays as it is.
    """

    def start(status: str, headers: list[Pair], exc_info: Any = None) -> Callable[[bytes], object]:
        found = "200 OK" if status.startswith("404 ") else status
        return start_response(found, headers, exc_info)

    return app(environ, start)
