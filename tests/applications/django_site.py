"""A Django project of one module; Django has one for a whole process."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django
from apps import CHUNKS, FAILURE, OWN_HEADERS
from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from django.views.static import serve

_site: dict[str, Any] = {}


def configure(folder: Path, made: Callable[[bytes], None]) -> None:
    """Serve the files of a folder."""
    _site.update(folder=str(folder), made=made)
    if not settings.configured:
        settings.configure(
            ALLOWED_HOSTS=["*"],
            SECRET_KEY="not secret",
            ROOT_URLCONF=__name__,
            MIDDLEWARE=["django.middleware.http.ConditionalGetMiddleware"],
            LOGGING_CONFIG=None,
        )
        django.setup()
        # Else Python writes what it logs to stderr.
        logging.getLogger("django").addHandler(logging.NullHandler())


def _chunks() -> Iterator[bytes]:
    for chunk in CHUNKS:
        _site["made"](chunk)
        yield chunk


def stream(request: Any, bucket: str) -> StreamingHttpResponse:
    return StreamingHttpResponse(_chunks())


def own(request: Any, bucket: str) -> HttpResponse:
    return HttpResponse("own", headers=OWN_HEADERS)


def broken(request: Any, bucket: str) -> HttpResponse:
    raise RuntimeError(FAILURE)


def read(request: Any, key: str) -> Any:
    return serve(request, key, document_root=_site["folder"])


urlpatterns = [
    path("<bucket>/stream", stream),
    path("<bucket>/own", own),
    path("<bucket>/broken", broken),
    path("<path:key>", read),
]
