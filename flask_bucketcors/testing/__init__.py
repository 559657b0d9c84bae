"""For the tests of your application: what browsers let a page do, and a store in memory.

Import these names from ``flask_bucketcors.testing``. They work with pytest and any other runner.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

from werkzeug.datastructures import Headers

from flask_bucketcors import assembly
from flask_bucketcors.core.browser import unexposed_names
from flask_bucketcors.stores.contract import Store
from flask_bucketcors.stores.memory import MemoryStore
from flask_bucketcors.testing.clients import TestClient
from flask_bucketcors.testing.page_visit import PageVisit

__all__ = ["PageResponse", "assert_browser_allows", "assert_browser_refuses", "memory_store"]


@dataclass(frozen=True, slots=True)
class PageResponse:
    """What a page gets of a response.

    :param status: such as 200. A browser also gives a page the responses 404 and 500.
    :param headers: those that the page can read: the ones that every page can, and the exposed
        ones.
    :param body: the content, as sent.
    """

    status: int
    headers: Headers
    body: bytes


@contextmanager
def memory_store() -> Iterator[MemoryStore]:
    """Give applications a store in memory, instead of the database that their settings name.

    It is used by each :class:`~flask_bucketcors.BucketCORS` that is added to an application inside
    the ``with`` block without a store of its own. The application keeps it afterwards.
    """
    store = MemoryStore()

    def open_store(setting: object, **options: object) -> Store:
        return setting if isinstance(setting, Store) else store

    with patch.object(assembly, "open_store", open_store):
        yield store


def assert_browser_allows(
    client: TestClient,
    url: str,
    *,
    origin: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    credentials: bool = False,
    body: bytes = b"",
) -> PageResponse:
    """Check that a browser lets a page make a request and read the response.

    Sends what a browser sends: a preflight if the request needs one, then the request itself.
    Redirects to the same host are followed. The status does not matter: a page can read a 404, so
    compare ``status`` too.

    :param client: Flask's test client, Werkzeug's ``Client`` or WebTest's ``TestApp``. Its cookies
        are sent only with ``credentials``.
    :param url: a path, or a URL with a host.
    :param origin: the origin of the page.
    :param method: of the request, as the page names it.
    :param headers: what the page sets. A header that only the browser sets, such as Cookie, is
        refused.
    :param credentials: whether the page asks for cookies to be sent.
    :param body: what the page sends.
    :raises AssertionError: if the browser keeps the response from the page; the text is that of
        :func:`~flask_bucketcors.explain`, with a fix of the rules.
    :raises ValueError: if no browser sends such a request, or sends it without CORS because the
        page has the same origin as ``url``.
    :raises TypeError: if ``client`` is something else.
    """
    __tracebackhide__ = True
    visit = PageVisit.of(client, url, origin, method, headers, credentials, body)
    step = visit.last_step()
    if step.failure:
        raise AssertionError(visit.report(step))
    status, found, content = step.response
    hidden = unexposed_names([name for name, _ in found], credentials, found)
    return PageResponse(status, Headers([pair for pair in found if pair[0] not in hidden]), content)


def assert_browser_refuses(
    client: TestClient,
    url: str,
    *,
    origin: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    credentials: bool = False,
    body: bytes = b"",
) -> str:
    """Check that a browser refuses a page's request, or keeps the response from the page.

    Parameters and errors are those of :func:`assert_browser_allows`.

    :returns: why, as :func:`~flask_bucketcors.explain` says it. Compare it too, because a bucket
        that is spelled wrong is refused as well.
    """
    __tracebackhide__ = True
    visit = PageVisit.of(client, url, origin, method, headers, credentials, body)
    step = visit.last_step()
    if not step.failure:
        raise AssertionError(visit.report(step))
    return visit.report(step)
