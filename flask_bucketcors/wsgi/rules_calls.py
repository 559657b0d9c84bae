"""``?cors`` calls on buckets, which go to the API and not to the application."""

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, Final, TypeVar
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask_bucketcors.core.bucket_paths import ReadRoutes
from flask_bucketcors.core.outcomes import API, VERSION, find_responder
from flask_bucketcors.core.resolvers import Resolver
from flask_bucketcors.log_fields import fields
from flask_bucketcors.wsgi.environ import BUCKET, read_request
from flask_bucketcors.wsgi.merged_headers import Pair

logger: Final = logging.getLogger("flask_bucketcors.routes")

_URLS: Final = "%s: %s; reserved names: %s%s"
_MISFIT: Final = "no URL of the route %r is about a bucket: %s; pass buckets="

#: How many reserved names, and how many misfits, are logged.
MAX_LOGGED: Final = 20
# An application may contain itself, or invent attributes. Real stacks are not that deep.
MAX_LAYERS: Final = 100


class RulesCallRouter:
    """Sends ``?cors`` calls on buckets to the API, and everything else to the application.

    It is all that an application needs if it serves only the API.

    :param make_resolver: builds the resolver from ``read_routes``, at the first request.
    :param read_routes: reads the routes of the application. A middleware around it may need them.
    """

    def __init__(
        self,
        app: WSGIApplication,
        api: WSGIApplication,
        make_resolver: Callable[..., Resolver],
        read_routes: ReadRoutes,
    ) -> None:
        self.app = app
        self.api = api
        self.read_routes = read_routes
        self._make_resolver = make_resolver

    @cached_property
    def _resolve(self) -> Resolver:
        resolver = self._make_resolver(read_routes=self.read_routes)
        log_urls(resolver, "URLs of buckets for ?cors calls")
        return resolver

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


def log_urls(resolver: Resolver, what: str = "URLs of buckets") -> None:
    """Log which URLs are about buckets, and which routes have a bucket that names none."""
    names = sorted(resolver.reserved.names)
    shown = ", ".join(map(repr, names[:MAX_LOGGED])) or "none"
    more = f" and {len(names) - MAX_LOGGED} more" if len(names) > MAX_LOGGED else ""
    forms = ", ".join(resolver.url_forms) or "none"
    said = fields("bucket_urls", urls=[*resolver.url_forms], reserved=names)
    logger.info(_URLS, what, forms, shown, more, extra=said)
    for route, reason in resolver.paths.misfits[:MAX_LOGGED]:
        said = fields("route_without_bucket", route=route, problem=reason)
        logger.error(_MISFIT, route, reason, extra=said)


_Layer = TypeVar("_Layer")


def find_layer(app: object, kind: type[_Layer]) -> _Layer | None:
    """Find a layer of a stack of WSGI applications."""
    return next((layer for layer in layers(app) if isinstance(layer, kind)), None)


def layers(app: object) -> Iterator[object]:
    """The layers of a stack of WSGI applications, the outermost first.

    Middlewares of Werkzeug and of this package keep what they wrap as ``app``, and Flask as
    ``wsgi_app``. Layers behind a middleware that does neither are not found.
    """
    for _ in range(MAX_LAYERS):
        if app is None:
            return
        yield app
        app = getattr(app, "app", None) or getattr(app, "wsgi_app", None)


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
