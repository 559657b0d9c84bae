"""Applications that others wrote, or their frameworks, each with the files of a folder at
``/bucket/key``.

Those that are frameworks have three keys in each bucket beside the files: ``stream`` is made in two
chunks, ``own`` has Access-Control-* headers of its own, and ``broken`` raises.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

#: What ``own`` has of its own.
OWN_HEADERS: Final = {
    "Access-Control-Allow-Origin": "https://its-own.example",
    "Access-Control-Max-Age": "1",
    "Vary": "Accept-Encoding",
}
CHUNKS: Final = (b"first ", b"last")
FAILURE: Final = "the application fails on purpose"

#: Called for each chunk of ``stream`` when it is made.
Made = Callable[[bytes], None]


class Application(NamedTuple):
    """How one is built, and what it can do.

    :param build: of a folder and of what is told about chunks.
    :param module: what has to be installed.
    :param is_framework: whether it has the three keys.
    :param has_ranges: whether it answers 206.
    :param is_flat: whether a large file takes no memory in the application itself.
    :param uses_file_wrapper: whether a file is handed to the server as such.
    :param raises: whether an exception leaves it; else it answers 500.
    :param is_pulled: whether it makes a chunk only when the server asks for it.
    """

    build: Callable[[Path, Made], WSGIApplication]
    module: str
    is_framework: bool = True
    has_ranges: bool = True
    is_flat: bool = True
    uses_file_wrapper: bool = True
    raises: bool = False
    is_pulled: bool = True


def _chunks(made: Made) -> Iterator[bytes]:
    for chunk in CHUNKS:
        made(chunk)
        yield chunk


def _wsgidav(folder: Path, made: Made) -> WSGIApplication:
    app: WSGIApplication = import_module("wsgidav.wsgidav_app").WsgiDAVApp(
        {
            "provider_mapping": {"/": {"root": str(folder), "readonly": False}},
            "simple_dc": {"user_mapping": {"*": True}},
            "logging": {"enable": False},
            "verbose": 1,
            "lock_storage": True,
        }
    )
    return app


def _moto(folder: Path, made: Made) -> WSGIApplication:
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    server, backends = import_module("moto.server"), import_module("moto.core.model_instances")
    backends.reset_model_data()
    app: WSGIApplication = server.DomainDispatcherApplication(server.create_backend_app)
    client = import_module("werkzeug.test").Client(app)
    for path in sorted(folder.rglob("*")):
        url = f"http://localhost/{path.relative_to(folder)}"
        body = path.read_bytes() if path.is_file() else b""
        client.put(url, data=body, headers={"x-amz-acl": "public-read"}).close()
    return app


def _django(folder: Path, made: Made) -> WSGIApplication:
    import_module("django_site").configure(folder, made)
    app: WSGIApplication = import_module("django.core.wsgi").get_wsgi_application()
    return app


def _bottle(folder: Path, made: Made) -> WSGIApplication:
    bottle = import_module("bottle")
    app: Any = bottle.Bottle()

    @app.route("/<bucket>/stream")  # type: ignore[untyped-decorator]
    def stream(bucket: str) -> Iterator[bytes]:
        return _chunks(made)

    @app.route("/<bucket>/own")  # type: ignore[untyped-decorator]
    def own(bucket: str) -> str:
        for name, value in OWN_HEADERS.items():
            bottle.response.set_header(name, value)
        return "own"

    @app.route("/<bucket>/broken")  # type: ignore[untyped-decorator]
    def broken(bucket: str) -> str:
        raise RuntimeError(FAILURE)

    @app.route("/<path:path>")  # type: ignore[untyped-decorator]
    def read(path: str) -> object:
        found: object = bottle.static_file(path, root=str(folder))
        return found

    made_app: WSGIApplication = app
    return made_app


def _falcon(folder: Path, made: Made) -> WSGIApplication:
    class Stream:
        def on_get(self, request: Any, response: Any, bucket: str) -> None:
            response.stream = _chunks(made)

    class Own:
        def on_get(self, request: Any, response: Any, bucket: str) -> None:
            response.set_headers(OWN_HEADERS)
            response.text = "own"

    class Broken:
        def on_get(self, request: Any, response: Any, bucket: str) -> None:
            raise RuntimeError(FAILURE)

    app = import_module("falcon").App()
    app.add_route("/{bucket}/stream", Stream())
    app.add_route("/{bucket}/own", Own())
    app.add_route("/{bucket}/broken", Broken())
    app.add_static_route("/", str(folder))
    made_app: WSGIApplication = app
    return made_app


def _pyramid(folder: Path, made: Made) -> WSGIApplication:
    responses = import_module("pyramid.response")

    def stream(request: Any) -> object:
        return responses.Response(app_iter=_chunks(made))

    def own(request: Any) -> object:
        return responses.Response(b"own", headerlist=list(OWN_HEADERS.items()))

    def broken(request: Any) -> object:
        raise RuntimeError(FAILURE)

    config = import_module("pyramid.config").Configurator()
    for view in (stream, own, broken):
        config.add_route(view.__name__, f"/{{bucket}}/{view.__name__}")
        config.add_view(view, route_name=view.__name__)
    config.add_route("read", "/*subpath")
    static_view = import_module("pyramid.static").static_view
    config.add_view(static_view(str(folder), use_subpath=True), route_name="read")
    app: WSGIApplication = config.make_wsgi_app()
    return app


def _starlette(folder: Path, made: Made) -> WSGIApplication:
    responses, routing = import_module("starlette.responses"), import_module("starlette.routing")

    async def chunks() -> AsyncIterator[bytes]:
        for chunk in _chunks(made):
            yield chunk
            await asyncio.sleep(0)

    async def stream(request: Any) -> object:
        return responses.StreamingResponse(chunks(), media_type="text/plain")

    async def own(request: Any) -> object:
        return responses.PlainTextResponse("own", headers=OWN_HEADERS)

    async def broken(request: Any) -> object:
        raise RuntimeError(FAILURE)

    views = [routing.Route(f"/{{bucket}}/{v.__name__}", v) for v in (stream, own, broken)]
    files = import_module("starlette.staticfiles").StaticFiles(directory=str(folder))
    app = import_module("starlette.applications").Starlette(
        routes=[*views, routing.Mount("/", files)]
    )
    wrapped: WSGIApplication = import_module("a2wsgi").ASGIMiddleware(app)
    return wrapped


APPLICATIONS: Final = {
    "WsgiDAV": Application(_wsgidav, "wsgidav", is_framework=False, uses_file_wrapper=False),
    "moto": Application(_moto, "moto", is_framework=False, is_flat=False, uses_file_wrapper=False),
    "Django": Application(_django, "django", has_ranges=False),
    "Bottle": Application(_bottle, "bottle"),
    "Falcon": Application(_falcon, "falcon"),
    "Pyramid": Application(_pyramid, "pyramid", raises=True),
    "Starlette": Application(_starlette, "a2wsgi", uses_file_wrapper=False),
}


class Spy:
    """Counts the calls of an application, and keeps what it returned last."""

    def __init__(self, app: WSGIApplication) -> None:
        self.wrapped = app
        self.calls: list[str] = []
        self.returned: Any = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        self.calls.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        self.returned = self.wrapped(environ, start_response)
        return self.returned
