"""The routes of a Flask application say which of its URLs are about buckets.

Applications of many kinds are asked about the same URLs. What the package says of each URL is
compared with what Werkzeug's router does with it, and each difference has its reason.
"""

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from functools import partial
from itertools import product
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import pytest
from flask import Blueprint, Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, Map, RequestRedirect
from werkzeug.routing import Rule as Route
from werkzeug.test import create_environ
from werkzeug.wrappers import Response

from flask_bucketcors import (
    BucketCORS,
    BucketCORSMiddleware,
    MemoryStore,
    Request,
    Rule,
    RuleSet,
    create_blueprint,
)
from flask_bucketcors.core.bucket_paths import BucketPaths, Where
from flask_bucketcors.core.reserved import Reserved
from flask_bucketcors.core.resolvers import Resolved, URLKind, make_resolver
from flask_bucketcors.routes import read_routes
from tests.support.old_releases import ALWAYS_MERGES_SLASHES
from tests.support.tables import in_one_test

METHODS: Final = ("GET", "PUT", "DELETE", "POST")

_URLS: Final = """
    / /photos /photos/ /photos/cat.txt /photos/2024/cat.txt /photos//cat.txt //photos/cat.txt
    /7 /7/cat.txt /007/cat.txt /api /api/ /api/items /api/items/3 /api/other /health /login
    /login/callback /static /static/app.css /favicon.ico /ann/profile /ann/settings /about
    /files /files/ /files/photos /files/photos/ /files/photos/cat.txt /files/photos//cat.txt
    /files//photos/cat.txt /files/7/cat.txt /files/007/cat.txt /files/upload /files/upload/form
    /files/files/cat.txt /files/main /pics/photos/cat.txt /pics/upload/cat.txt
    /t/acme/photos/cat.txt /t/acme /b-photos/cat.txt /storage/photos /storage/photos/cat.txt
    /photos/../api/items /files/../api/items /~photos/cat.txt /café/cat.txt
"""
URLS: Final = _URLS.split()


class Theirs(NamedTuple):
    """What the router does with a request.

    :param route: the route that serves it; None for a redirect, and if there is none.
    """

    route: Route | None = None
    bucket: object = None
    is_redirect: bool = False


class Why(Enum):
    """Why the package and the router differ about a request: a text, and what then holds."""

    NO_ROUTE = (
        "nothing is served there, but all that is below a prefix is a bucket's",
        lambda ours, theirs: ours and theirs == Theirs(),
    )
    REDIRECT = (
        "the router redirects, and so the bucket's rules hold for the redirect",
        lambda ours, theirs: ours and theirs.is_redirect,
    )
    MEETS = (
        "a route without the variable serves URLs of buckets",
        lambda ours, theirs: ours and theirs.route and theirs.bucket is None,
    )
    RESERVED = (
        "another route spells the name out, with another method or at another place",
        lambda ours, theirs: ours is None and theirs.bucket is not None,
    )
    MISFIT = (
        "the name that the route takes may be another bucket's, too",
        lambda ours, theirs: ours is None and theirs.bucket is not None,
    )
    DEFAULTS = (
        "the route sets the bucket, and the URL does not contain it",
        lambda ours, theirs: theirs.bucket == (theirs.route.defaults or {}).get("bucket"),
    )
    DOTS = (
        "a path with '..' opens nothing",
        lambda ours, theirs: ours is None,
    )
    CONVERTED = (
        "the name is what the URL contains, before the converter changes it",
        lambda ours, theirs: ours and theirs.bucket and ours != str(theirs.bucket),
    )
    FALLS_BACK = (
        "the longer prefix counts, and the router takes the shorter one",
        lambda ours, theirs: theirs.bucket == "files",
    )
    HOST = (
        "the host names the bucket",
        lambda ours, theirs: ours == "photos",
    )
    SETTING = (
        "a setting says where the buckets are",
        lambda ours, theirs: ours != theirs.bucket,
    )

    def holds(self, ours: str | None, theirs: Theirs) -> bool:
        """Whether the reason fits what was seen."""
        return bool(self.value[1](ours, theirs))


#: All differences that no other reason names.
ALL_OTHERS: Final = "*"


class Upper(BaseConverter):
    """A converter of an application, with an expression and a conversion of its own."""

    regex = "[a-z]{3,6}"

    def to_python(self, value: str) -> str:
        return value.upper()


class Application(NamedTuple):
    """An application of a user.

    :param routes: each with its methods, if not all, and its options.
    :param differences: for each reason, the URLs; with the methods, if not all.
    :param host: the host of the requests.
    :param prefix: of the blueprint that has the routes.
    """

    routes: list[tuple[str, dict[str, Any]] | str]
    differences: dict[Why, str]
    host: str = "localhost"
    settings: Mapping[str, Any] = MappingProxyType({})
    options: Mapping[str, Any] = MappingProxyType({})
    prefix: str | None = None
    url_map: Mapping[str, Any] = MappingProxyType({})


def build(application: Application) -> Flask:
    app = Flask("storage", **{"static_folder": None, **application.options})
    app.config.update(application.settings)
    app.url_map.converters["upper"] = Upper
    for name, value in application.url_map.items():
        setattr(app.url_map, name, value)
    BucketCORS(app, store=MemoryStore())
    blueprint = Blueprint("views", __name__)
    for number, each in enumerate(application.routes):
        route, options = each if isinstance(each, tuple) else (each, {})
        url, *methods = route.split()
        options = {"methods": methods or METHODS, **options}
        blueprint.add_url_rule(url, f"view{number}", lambda **values: "", **options)
    app.register_blueprint(blueprint, url_prefix=application.prefix)
    return app


def ask_router(app: Flask, method: str, path: str, host: str) -> Theirs:
    environ = create_environ(base_url=f"http://{host}/", method=method)
    # The client of tests would take what follows two slashes for a host.
    environ["PATH_INFO"] = path.encode().decode("latin-1")
    adapter = app.create_url_adapter(app.request_class(environ))
    assert adapter is not None
    try:
        route, values = adapter.match(return_rule=True)
    except RequestRedirect:
        return Theirs(is_redirect=True)
    except HTTPException:
        return Theirs()
    return Theirs(route, values.get(app.config["BUCKETCORS_ROUTE_VARIABLE"]))


def ask_package(app: Flask, method: str, path: str, host: str) -> str | None:
    resolve = app.extensions["bucketcors"].middleware.resolve
    found: Resolved | None = resolve(Request(method, path, host))
    return found.bucket if found and found.kind is URLKind.BUCKET else None


APPLICATIONS: Final = {
    "buckets at the root": Application(
        [
            "/<bucket>",
            "/<bucket>/<path:key>",
            "/api/items GET",
            "/health GET",
            "/login",
            ("/static/<path:filename> GET", {}),
        ],
        {
            Why.NO_ROUTE: "/photos/ /files/",
            Why.REDIRECT: "/photos//cat.txt /files//photos/cat.txt",
            Why.RESERVED: """
                /api /api/items(PUT,DELETE,POST) /api/items/3 /api/other
                /health(PUT,DELETE,POST) /login/callback /static
                /static/app.css(PUT,DELETE,POST)
            """,
            Why.DOTS: "/photos/../api/items /files/../api/items",
        },
    ),
    "below a prefix": Application(
        [
            "/files/<bucket>",
            "/files/<bucket>/<path:key>",
            "/files/upload POST",
            "/api/items GET",
            "/health GET",
            "/login",
        ],
        {
            Why.NO_ROUTE: "/files/photos/",
            Why.REDIRECT: "/files/photos//cat.txt /files//photos/cat.txt",
            Why.RESERVED: "/files/upload(GET,PUT,DELETE) /files/upload/form",
            Why.DOTS: "/files/../api/items",
        },
    ),
    "blueprint with a prefix": Application(
        ["/<bucket>", "/<bucket>/<path:key>"],
        {},
        prefix="/storage",
    ),
    "several prefixes": Application(
        ["/files/<bucket>/<path:key>", "/pics/<bucket>/<path:key>", "/files/upload POST"],
        {
            Why.NO_ROUTE: "/files/photos /files/photos/ /files/main",
            Why.REDIRECT: "/files/photos//cat.txt /files//photos/cat.txt",
            Why.RESERVED: "/files/upload/form /pics/upload/cat.txt",
            Why.DOTS: "/files/../api/items",
        },
    ),
    "a prefix below another": Application(
        ["/<bucket>/<path:key>", "/files/<bucket>/<path:key>"],
        {
            Why.NO_ROUTE: """
                /photos /photos/ /7 /api /api/ /health /login /static
                /favicon.ico /about
            """,
            Why.REDIRECT: "/photos//cat.txt /files//photos/cat.txt",
            Why.RESERVED: "/files/files/cat.txt",
            Why.DOTS: "/photos/../api/items /files/../api/items",
            Why.FALLS_BACK: """
                /files/photos /files/photos/ /files/photos//cat.txt
                /files/upload /files/main
            """,
        },
    ),
    "numbers": Application(
        ["/files/<int:bucket>/<path:key>", "/api/items GET", "/health GET", "/login"],
        {
            Why.CONVERTED: "/files/007/cat.txt",
        },
    ),
    "numbers below a prefix, any name beside it": Application(
        ["/files/<int:bucket>/<path:key>", "/<bucket>/<path:key>"],
        {
            Why.NO_ROUTE: """
                /photos /photos/ /7 /api /api/ /health /login /static
                /favicon.ico /about
            """,
            Why.REDIRECT: "/photos//cat.txt",
            Why.RESERVED: """
                /files/photos /files/photos/ /files/photos/cat.txt
                /files/photos//cat.txt /files/upload /files/upload/form
                /files/files/cat.txt /files/main
            """,
            Why.DOTS: "/photos/../api/items /files/../api/items",
            Why.CONVERTED: "/files/007/cat.txt",
        },
    ),
    "a list of names": Application(
        ["/<any(photos,files):bucket>/<path:key>"],
        {
            Why.NO_ROUTE: "/photos /photos/ /files /files/",
            Why.REDIRECT: "/photos//cat.txt /files//photos/cat.txt",
            Why.DOTS: "/photos/../api/items /files/../api/items",
        },
    ),
    "names of a length": Application(
        [
            "/<string(length=6):bucket>",
            "/<string(length=6):bucket>/<path:key>",
            "/<string(length=6):user>/profile",
        ],
        {
            Why.NO_ROUTE: "/photos/",
            Why.REDIRECT: "/photos//cat.txt",
            Why.DOTS: "/photos/../api/items",
        },
    ),
    "a converter of the application": Application(
        ["/files/<upper:bucket>/<path:key>"],
        {
            Why.NO_ROUTE: "/files/photos /files/photos/ /files/upload /files/main",
            Why.REDIRECT: "/files/photos//cat.txt /files//photos/cat.txt",
            Why.CONVERTED: "/files/photos/cat.txt /files/upload/form /files/files/cat.txt",
        },
    ),
    "names with slashes": Application(
        ["/files/<path:bucket> GET"],
        {
            Why.MISFIT: """
                /files/photos(GET) /files/photos/(GET)
                /files/photos/cat.txt(GET) /files/photos//cat.txt(GET)
                /files/7/cat.txt(GET) /files/007/cat.txt(GET) /files/upload(GET)
                /files/upload/form(GET) /files/files/cat.txt(GET)
                /files/main(GET)
            """,
            Why.DOTS: "/files/../api/items(GET)",
        },
    ),
    "misfits alone": Application(
        ["/t/<tenant>/<bucket>/<path:key>", "/b-<bucket>/<path:key>", "/<user>/profile"],
        {
            Why.MISFIT: "/t/acme/photos/cat.txt /b-photos/cat.txt",
        },
    ),
    "a misfit beside a prefix": Application(
        ["/t/<tenant>/<bucket>/<path:key>", "/files/<bucket>", "/files/<bucket>/<path:key>"],
        {
            Why.NO_ROUTE: "/files/photos/",
            Why.REDIRECT: "/files/photos//cat.txt /files//photos/cat.txt",
            Why.MISFIT: "/t/acme/photos/cat.txt",
            Why.DOTS: "/files/../api/items",
        },
    ),
    "a language in front": Application(
        ["/files/<bucket>/<path:key>", "/<lang>/files/<bucket>/<path:key>"],
        {
            Why.NO_ROUTE: "/files/photos /files/photos/ /files/upload /files/main",
            Why.REDIRECT: "/files/photos//cat.txt /files//photos/cat.txt",
            Why.DOTS: "/files/../api/items",
        },
    ),
    "no variable": Application(
        ["/<name>/<path:key>", "/<user>/profile", "/api/items GET", "/health GET", "/login"],
        {
            Why.NO_ROUTE: "/photos /photos/ /7 /static /favicon.ico /about /files /files/",
            Why.REDIRECT: "/photos//cat.txt /files//photos/cat.txt",
            Why.MEETS: ALL_OTHERS,
        },
    ),
    "a variable of another name": Application(
        ["/files/<name>/<path:key>", "/api/items GET", "/health GET", "/login"],
        {
            Why.NO_ROUTE: "/files/photos /files/photos/ /files/upload /files/main",
            Why.REDIRECT: "/files/photos//cat.txt /files//photos/cat.txt",
            Why.DOTS: "/files/../api/items",
        },
        settings={"BUCKETCORS_ROUTE_VARIABLE": "name"},
    ),
    "hosts of buckets": Application(
        [
            ("/<path:key>", {"host": "<bucket>.cos.test"}),
            ("/api/items GET", {"host": "www.cos.test"}),
            ("/health GET", {"host": "<bucket>.cos.test"}),
        ],
        {
            Why.NO_ROUTE: "/",
            Why.RESERVED: "/health",
            Why.DOTS: "/photos/../api/items /files/../api/items",
        },
        host="photos.cos.test",
        settings={"BUCKETCORS_HOST_SUFFIXES": ["cos.test"]},
        options={"host_matching": True},
    ),
    "hosts of buckets, on the application's own host": Application(
        [
            ("/<path:key>", {"host": "<bucket>.cos.test"}),
            ("/api/items GET", {"host": "www.cos.test"}),
            ("/health GET", {"host": "<bucket>.cos.test"}),
        ],
        {
            Why.RESERVED: ALL_OTHERS,
            Why.DOTS: "/photos/../api/items /files/../api/items",
        },
        host="www.cos.test",
        settings={"BUCKETCORS_HOST_SUFFIXES": ["cos.test"]},
        options={"host_matching": True},
    ),
    "hosts of buckets, no suffix": Application(
        [
            ("/<path:key>", {"host": "<bucket>.cos.test"}),
            ("/api/items GET", {"host": "www.cos.test"}),
            ("/health GET", {"host": "<bucket>.cos.test"}),
        ],
        {
            Why.MISFIT: ALL_OTHERS,
            Why.DOTS: "/photos/../api/items /files/../api/items",
        },
        host="photos.cos.test",
        options={"host_matching": True},
    ),
    "subdomains of buckets": Application(
        [
            ("/<path:key>", {"subdomain": "<bucket>"}),
            ("/api/items GET", {"subdomain": "www"}),
            ("/<bucket>/<path:key>", {}),
        ],
        {
            Why.NO_ROUTE: "/",
            Why.DOTS: "/photos/../api/items /files/../api/items",
        },
        host="photos.cos.test",
        settings={"BUCKETCORS_HOST_SUFFIXES": ["cos.test"], "SERVER_NAME": "cos.test"},
        options={"subdomain_matching": True},
    ),
    "subdomains of buckets, on the main host": Application(
        [
            ("/<path:key>", {"subdomain": "<bucket>"}),
            ("/api/items GET", {"subdomain": "www"}),
            ("/<bucket>/<path:key>", {}),
        ],
        {
            Why.NO_ROUTE: """
                /photos /photos/ /7 /health /login /static /favicon.ico /about
                /files /files/
            """,
            Why.REDIRECT: "/photos//cat.txt /files//photos/cat.txt",
            Why.RESERVED: "/api/items /api/items/3 /api/other",
            Why.DOTS: "/photos/../api/items /files/../api/items",
        },
        host="cos.test",
        settings={"BUCKETCORS_HOST_SUFFIXES": ["cos.test"], "SERVER_NAME": "cos.test"},
        options={"subdomain_matching": True},
    ),
    "suffixes, and the bucket in the path on every host": Application(
        ["/<bucket>", "/<bucket>/<path:key>", "/api/items GET"],
        {
            Why.NO_ROUTE: "/ /photos/ /files/",
            Why.REDIRECT: "/photos//cat.txt /files//photos/cat.txt",
            Why.RESERVED: "/api /api/items(PUT,DELETE,POST) /api/items/3 /api/other",
            Why.DOTS: "/photos/../api/items /files/../api/items",
            Why.HOST: ALL_OTHERS,
        },
        host="photos.cos.test",
        settings={"BUCKETCORS_HOST_SUFFIXES": ["cos.test"]},
    ),
    "only hosts name buckets": Application(
        ["/<bucket>", "/<bucket>/<path:key>", "/api/items GET"],
        {
            Why.DOTS: "/photos/../api/items /files/../api/items",
            Why.SETTING: ALL_OTHERS,
        },
        settings={"BUCKETCORS_HOST_SUFFIXES": ["cos.test"], "BUCKETCORS_HOSTS_ONLY": True},
    ),
    "a bucket that a route sets": Application(
        [("/files/main", {"defaults": {"bucket": "main"}}), "/files/<bucket>/<path:key>"],
        {
            Why.NO_ROUTE: "/files/photos /files/photos/ /files/upload",
            Why.REDIRECT: "/files/photos//cat.txt /files//photos/cat.txt",
            Why.DEFAULTS: "/files/main",
            Why.DOTS: "/files/../api/items",
        },
    ),
    "static files at the root": Application(
        ["/files/<bucket>", "/files/<bucket>/<path:key>"],
        {
            Why.NO_ROUTE: "/files/photos/(PUT,DELETE,POST)",
            Why.REDIRECT: """
                /files/photos//cat.txt(PUT,DELETE,POST)
                /files//photos/cat.txt(PUT,DELETE,POST)
            """,
            Why.MEETS: """
                /files/photos/(GET) /files/photos//cat.txt(GET)
                /files//photos/cat.txt(GET)
            """,
            Why.DOTS: "/files/../api/items",
        },
        options={"static_folder": "static", "static_url_path": ""},
    ),
    "slash at the end": Application(
        ["/files/<bucket>/", "/files/<bucket>/<path:key>"],
        {
            Why.REDIRECT: """
                /files/photos /files/photos//cat.txt /files//photos/cat.txt
                /files/upload /files/main
            """,
            Why.DOTS: "/files/../api/items",
        },
    ),
    "slash at the end or not": Application(
        ["/files/<bucket>/", "/files/<bucket>/<path:key>"],
        {
            Why.REDIRECT: "/files/photos//cat.txt /files//photos/cat.txt",
            Why.DOTS: "/files/../api/items",
        },
        url_map={"strict_slashes": False},
    ),
    "slashes in routes that are not merged": Application(
        ["/files//photos/<bucket>", "/files//photos/<bucket>/", "/<bucket>/cat.txt"],
        {
            Why.NO_ROUTE: """
                /photos /photos/ /photos/2024/cat.txt /photos//cat.txt /7 /api
                /api/ /api/items /api/items/3 /api/other /health /login
                /login/callback /static /static/app.css /favicon.ico
                /ann/profile /ann/settings /about /pics/photos/cat.txt
                /pics/upload/cat.txt /t/acme/photos/cat.txt /t/acme
                /storage/photos /storage/photos/cat.txt
            """,
        },
        url_map={"merge_slashes": False},
    ),
    "slashes that are not merged": Application(
        ["/files/<bucket>", "/files/<bucket>/<path:key>"],
        {
            Why.NO_ROUTE: "/files/photos/ /files/photos//cat.txt /files//photos/cat.txt",
            Why.DOTS: "/files/../api/items",
        },
        url_map={"merge_slashes": False},
    ),
    "pages of users": Application(
        ["/<bucket>", "/<bucket>/<path:key>", "/<user>/profile GET", "/<user>/settings GET"],
        {
            Why.NO_ROUTE: "/photos/ /api/ /files/",
            Why.REDIRECT: "/photos//cat.txt /files//photos/cat.txt",
            Why.MEETS: "/ann/profile(GET) /ann/settings(GET)",
            Why.DOTS: "/photos/../api/items /files/../api/items",
        },
    ),
    "a page for every path": Application(
        ["/files/<bucket>", "/files/<bucket>/<path:key>", "/<path:page> GET"],
        {
            Why.NO_ROUTE: "/files/photos/(PUT,DELETE,POST)",
            Why.REDIRECT: """
                /files/photos//cat.txt(PUT,DELETE,POST)
                /files//photos/cat.txt(PUT,DELETE,POST)
            """,
            Why.MEETS: """
                /files/photos/(GET) /files/photos//cat.txt(GET)
                /files//photos/cat.txt(GET)
            """,
            Why.DOTS: "/files/../api/items",
        },
    ),
    "websockets and routes that build URLs": Application(
        [
            "/files/<bucket>",
            "/files/<bucket>/<path:key>",
            ("/files/upload/feed GET", {"websocket": True}),
            ("/api/<bucket> GET", {"websocket": True}),
            ("/pics/<bucket>/<path:key>", {"build_only": True}),
        ],
        {
            Why.NO_ROUTE: "/files/photos/",
            Why.REDIRECT: "/files/photos//cat.txt /files//photos/cat.txt",
            Why.DOTS: "/files/../api/items",
        },
    ),
    "a prefix in the settings": Application(
        ["/<bucket>", "/<bucket>/<path:key>", "/api/items GET"],
        {
            Why.DOTS: "/photos/../api/items /files/../api/items",
            Why.SETTING: ALL_OTHERS,
        },
        settings={"BUCKETCORS_URL_PREFIX": "/storage"},
    ),
    "all paths, by a setting": Application(
        ["/files/<bucket>", "/files/<bucket>/<path:key>", "/api/items GET"],
        {
            Why.NO_ROUTE: """
                /photos /photos/ /photos/cat.txt /photos/2024/cat.txt
                /photos//cat.txt //photos/cat.txt /7 /7/cat.txt /007/cat.txt
                /health /login /login/callback /static /static/app.css
                /favicon.ico /ann/profile /ann/settings /about
                /pics/photos/cat.txt /pics/upload/cat.txt /t/acme/photos/cat.txt
                /t/acme /b-photos/cat.txt /storage/photos
                /storage/photos/cat.txt /~photos/cat.txt /café/cat.txt
            """,
            Why.DOTS: "/files/../api/items",
            Why.SETTING: """
                /files/photos /files/photos/cat.txt /files/7/cat.txt
                /files/007/cat.txt /files/upload /files/upload/form
                /files/files/cat.txt /files/main
            """,
        },
        settings={"BUCKETCORS_URL_PREFIX": "/"},
    ),
    "routes that redirect": Application(
        [
            ("/files/<bucket>/<path:key>", {"redirect_to": "/pics/<bucket>/<key>"}),
            "/pics/<bucket>/<path:key>",
        ],
        {
            Why.NO_ROUTE: "/files/photos /files/photos/ /files/upload /files/main",
            Why.REDIRECT: """
                /files/photos/cat.txt /files/photos//cat.txt
                /files//photos/cat.txt /files/7/cat.txt /files/007/cat.txt
                /files/upload/form /files/files/cat.txt
            """,
        },
    ),
}


def named_reasons(application: Application) -> tuple[dict[tuple[str, str], Why], Why | None]:
    """The reason for each difference that the application names, and the one for all others."""
    named, others = {}, None
    for why, text in application.differences.items():
        if text == ALL_OTHERS:
            others = why
        for url, methods in re.findall(r"([^\s(]+)(?:\((.*?)\))?", text.replace(ALL_OTHERS, "")):
            for method in methods.split(",") if methods else METHODS:
                assert (url, method) not in named, url
                named[url, method] = why
    return named, others


@pytest.mark.parametrize("application", APPLICATIONS.values(), ids=APPLICATIONS)
def test_a_url_is_a_buckets_where_the_router_takes_it_for_one(application: Application) -> None:
    """Or the two differ for a reason."""
    if ALWAYS_MERGES_SLASHES and not application.url_map.get("merge_slashes", True):
        pytest.skip("Werkzeug before 3.0.2 redirects slashes that are not to be merged")
    app = build(application)
    named, others = named_reasons(application)
    for path, method in product(URLS, METHODS):
        ours = ask_package(app, method, path, application.host)
        theirs = ask_router(app, method, path, application.host)
        bucket = None if theirs.bucket is None else str(theirs.bucket)
        if ours == bucket and not (ours and theirs.is_redirect):
            assert (path, method) not in named, (path, method)
            continue
        why = named.get((path, method), others)
        assert why is not None, (method, path, ours, theirs)
        assert why.holds(ours, theirs), (method, path, ours, theirs, why)


#: Names in the URLs. The rules of each bucket expose a header of its name.
NAMES: Final = sorted(
    {each for url in URLS for each in url.split("/") if each.isascii()} - {"", ".."}
)
PAGE: Final = "https://page.example"


def decided_by(app: Flask, path: str, host: str) -> str | None:
    """The bucket whose rules decided about a request."""
    environ = create_environ(base_url=f"http://{host}/", headers={"Origin": PAGE})
    environ["PATH_INFO"] = path.encode().decode("latin-1")
    response = Response.from_app(app.wsgi_app, environ)
    return response.headers.get("Access-Control-Expose-Headers")


@pytest.mark.parametrize("application", APPLICATIONS.values(), ids=APPLICATIONS)
def test_the_rules_of_that_bucket_decide(application: Application) -> None:
    """Whether or not the rules of all buckets are in memory."""
    app = build(application)
    store = app.extensions["bucketcors"].store
    store.put_many((name, RuleSet([Rule([PAGE], ["GET"], (), [name])])) for name in NAMES)
    for _ in ("cold", "warmed"):
        for path in URLS:
            bucket = ask_package(app, "GET", path, application.host)
            decided = decided_by(app, path, application.host)
            assert decided == (bucket if bucket in NAMES else None), path


def test_there_are_enough_of_them() -> None:
    assert len(APPLICATIONS) >= 15
    assert len(URLS) >= 40
    assert {why for each in APPLICATIONS.values() for why in each.differences} == set(Why)


def read(*routes: str, variable: str = "bucket", **where: Any) -> BucketPaths:
    """What the package reads from routes."""
    app = Flask("storage", static_folder=None)
    app.url_map.converters["upper"] = Upper
    for number, route in enumerate(routes):
        app.add_url_rule(route, f"view{number}", lambda **values: "")
    return read_routes(app, variable, Reserved(), Where(**where))


MISFITS = {
    "/<tenant>/<bucket>/<path:key>": "follows another variable",
    "/<lang>/files/<bucket>": "follows another variable",
    "/<path:folder>/<bucket>": "follows another variable",
    "/b-<bucket>": "only a part of a segment",
    "/<bucket>.json": "only a part of a segment",
    "/<bucket>-<int:version>": "only a part of a segment",
    "/<version>-<bucket>": "only a part of a segment",
    "/files/<path:bucket>": "accepts slashes",
}


@in_one_test
@pytest.mark.parametrize("route, reason", MISFITS.items())
def test_a_route_whose_bucket_names_no_url(route: str, reason: str) -> None:
    """Alone, it leaves no path to the buckets. Beside others, these count."""
    alone, beside = read(route), read(route, "/store/<bucket>")
    for paths in (alone, beside):
        [(misfit, why)] = paths.misfits
        assert misfit == route
        assert reason in why
    assert (dict(alone.prefixes), dict(beside.prefixes)) == ({}, {"/store": None})


IN_THE_HOST = "its bucket is in the host, and BUCKETCORS_HOST_SUFFIXES is not set"


@pytest.mark.parametrize(
    "host, reason, is_well_with_suffixes",
    [
        ("<bucket>.cos.test", IN_THE_HOST, True),
        ("<tenant>.cos.test", "follows another variable", False),
    ],
)
def test_a_route_whose_host_has_a_variable(
    host: str, reason: str, is_well_with_suffixes: bool
) -> None:
    """Suffixes are another way to say that hosts name buckets."""
    app = Flask("storage", host_matching=True, static_folder=None)
    route = "/<path:key>" if "<bucket>" in host else "/<bucket>/<path:key>"
    app.add_url_rule(route, "read", lambda **values: "", host=host)
    for suffixes, is_well in [((), False), (("cos.test",), is_well_with_suffixes)]:
        paths = read_routes(app, "bucket", Reserved(), Where(suffixes))
        assert dict(paths.prefixes) == {}
        assert [reason in why for _, why in paths.misfits] == ([] if is_well else [True])


@pytest.mark.parametrize("server_name, is_own", [("storage.test", True), (None, False)])
@pytest.mark.parametrize("matching, is_matched", [(True, True), (False, False)])
def test_a_subdomain_is_a_host_of_its_own_if_flask_takes_it_for_one(
    server_name: str | None, is_own: bool, matching: bool, is_matched: bool
) -> None:
    app = Flask("storage", subdomain_matching=matching, static_folder=None)
    app.config["SERVER_NAME"] = server_name
    app.add_url_rule("/api", "own", lambda: "", subdomain="www")
    reserved = read_routes(app, "bucket", Reserved(), Where(("storage.test",))).reserved
    hosts = {"www.storage.test"} if is_own and is_matched else set()
    assert reserved.hosts - {server_name} == hosts
    assert reserved.on_hosts == (set() if hosts else {"api"})


@pytest.mark.parametrize(
    "where", [{"url_prefix": "/"}, {"url_prefix": "/store"}, {"hosts_only": True}]
)
def test_no_route_is_a_misfit_where_the_settings_say_where_buckets_are(where: Any) -> None:
    assert read(*MISFITS, **where).misfits == ()


PREFIXES = {
    "one": (["/files/<bucket>"], {"/files": None}),
    "several": (["/files/<bucket>", "/pics/<bucket>/x"], {"/files": None, "/pics": None}),
    "the root": (["/<bucket>/<path:key>"], {"": None}),
    "two segments": (["/a/b/<bucket>/"], {"/a/b": None}),
    "text beyond ASCII": (["/b\xfccher/<bucket>"], {"/b\xfccher": None}),
    "slashes": (["/a//<bucket>"], {"/a": None}),
    "a converter's argument with a bracket": (
        ['/files/<any("a>b", c):bucket>'],
        {"/files": {r"(?:(?:a>b|c))"}},
    ),
    "another variable behind it": (["/files/<bucket>/<path:key>/<int:n>"], {"/files": None}),
    "numbers": (["/files/<int:bucket>"], {"/files": {r"(?:\d+)"}}),
    "signed numbers": (["/files/<int(signed=True):bucket>"], {"/files": {r"(?:-?\d+)"}}),
    "a length": (["/files/<string(length=2):bucket>"], {"/files": {"(?:[^/]{2})"}}),
    "texts, by the converter's name": (["/files/<string:bucket>"], {"/files": None}),
    "two converters": (
        ["/files/<int:bucket>", "/files/<upper:bucket>/x"],
        {"/files": {r"(?:[a-z]{3,6})", r"(?:\d+)"}},
    ),
    "a converter beside none": (["/files/<int:bucket>", "/files/<bucket>/x"], {"/files": None}),
    "a converter for each prefix": (
        ["/files/<int:bucket>", "/pics/<bucket>"],
        {"/files": {r"(?:\d+)"}, "/pics": None},
    ),
    "no route has one": (["/files/<name>"], {"": None}),
    "no route at all": ([], {"": None}),
}


@in_one_test
@pytest.mark.parametrize("routes, expected", PREFIXES.values(), ids=PREFIXES)
def test_prefixes_and_the_names_below_them(routes: list[str], expected: Any) -> None:
    prefixes = read(*routes).prefixes
    patterns = {prefix: found and {p.pattern for p in found} for prefix, found in prefixes.items()}
    assert patterns == expected


class Year(BaseConverter):
    """A converter whose regular expression has a group with a name."""

    def __init__(self, url_map: Map, letter: str) -> None:
        super().__init__(url_map)
        self.regex = rf"(?P<year>\d\d){letter}"


def test_groups_of_two_converters_may_have_the_same_name() -> None:
    app = Flask("storage", static_folder=None)
    app.url_map.converters["year"] = Year
    for letter in ("a", "b"):
        app.add_url_rule(f'/<year("{letter}"):bucket>/x', letter, lambda bucket: bucket)
    resolver = make_resolver(read_routes=partial(read_routes, app, "bucket", Reserved()))
    found = [resolver(Request("GET", f"/{name}/x")) for name in ("12a", "12b", "12c")]
    assert [each and each.bucket for each in found] == ["12a", "12b", None]


RESERVED = {
    "below a prefix": (["/files/<bucket>", "/files/upload", "/api/items"], {"upload"}),
    "at the root": (["/<bucket>", "/api/items", "/health"], {"api", "health"}),
    "one prefix below another": (["/<bucket>", "/files/<bucket>"], {"files"}),
    "at one of two prefixes": (["/a/<bucket>", "/b/<bucket>", "/b/new"], {"new"}),
    "a misfit's": (["/<bucket>", "/t/<tenant>/<bucket>"], {"t"}),
    "longer than the prefix": (["/files/<bucket>", "/files/upload/<int:part>"], {"upload"}),
    "the prefix alone": (["/files/<bucket>", "/files"], set()),
    "behind a variable": (["/files/<bucket>", "/<lang>/upload"], set()),
    "with a variable": (["/files/<bucket>", "/files/v<int:number>"], set()),
}


@in_one_test
@pytest.mark.parametrize("routes, expected", RESERVED.values(), ids=RESERVED)
def test_reserved_names(routes: list[str], expected: set[str]) -> None:
    assert read(*routes).reserved.names == expected


def test_on_the_hosts_of_buckets_the_first_segments_of_all_routes_are_reserved() -> None:
    paths = read("/files/<bucket>", "/files/upload", "/api/items", host_suffixes=("cos.test",))
    assert paths.reserved.on_hosts == {"files", "api"}


def ask_rules(app: Flask, path: str) -> int:
    return app.test_client().delete(f"{path}?cors").status_code


@in_one_test
@pytest.mark.parametrize("path", ["/files", "/files/upload", "/files/upload/", "/files//upload"])
@pytest.mark.parametrize("install", ["extension", "blueprint"])
def test_a_rules_call_on_a_reserved_segment_never_reaches_the_application(
    path: str, install: str
) -> None:
    app = Flask("storage", static_folder=None)
    if install == "extension":
        BucketCORS(app, store=MemoryStore(), authorize=lambda call: True)
    else:
        app.register_blueprint(create_blueprint(MemoryStore(), authorize=lambda call: True))
    for route in ("/<bucket>", "/<bucket>/<path:key>", "/files/<bucket>", "/files/upload"):
        app.add_url_rule(route, route, lambda **values: "app", methods=METHODS)
    assert ask_rules(app, path) == 400
    assert ask_rules(app, "/files/photos") == 204
    assert ask_rules(app, "/photos") == 204


@pytest.mark.parametrize("prefix, bucket", [(None, "/files/photos"), ("/", "/photos")])
@pytest.mark.parametrize("first", ["blueprint", "middleware"])
def test_a_blueprint_lends_the_routes_to_a_middleware(
    first: str, prefix: str | None, bucket: str
) -> None:
    """A prefix is each one's own."""
    app = Flask("storage", static_folder=None)
    store = MemoryStore()
    store.put("photos", RuleSet([Rule([PAGE], ["GET"], (), ["photos"])]))
    blueprint = create_blueprint(store, authorize=lambda call: True, route_variable="name")

    def wrap() -> None:
        app.wsgi_app = BucketCORSMiddleware(app.wsgi_app, store=store)  # type: ignore[method-assign]

    def register() -> None:
        app.register_blueprint(blueprint, url_prefix=prefix)

    for step in (register, wrap) if first == "blueprint" else (wrap, register):
        step()
    app.add_url_rule("/files/<name>/<path:key>", "read", lambda **values: "")
    assert decided_by(app, "/files/photos/cat.txt", "h") == "photos"
    assert decided_by(app, "/photos/cat.txt", "h") is None
    assert ask_rules(app, bucket) == 204


def test_the_first_request_logs_where_the_buckets_are(caplog: pytest.LogCaptureFixture) -> None:
    """Once, whichever thread is first; and each route that names none, as an error."""
    app = Flask("storage", static_folder=None)
    app.config["BUCKETCORS_HOST_SUFFIXES"] = ["cos.test"]
    BucketCORS(app, store=MemoryStore())
    for route in ("/files/<bucket>", "/files/upload", "/<tenant>/<bucket>"):
        app.add_url_rule(route, route, lambda **values: "")
    with caplog.at_level("INFO"), ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: app.test_client().get("/"), range(32)))
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        (
            "INFO",
            "URLs of buckets: <bucket>.cos.test/<key>, /files/<bucket>/<key>; "
            "reserved names: 'upload'",
        ),
        (
            "ERROR",
            "no URL of the route '/<tenant>/<bucket>' is about a bucket: its bucket follows "
            "another variable, so two buckets would have one name; pass buckets=",
        ),
    ]


LOGGED = {
    "misfits alone": (["/b-<bucket>"], {}, "URLs of buckets: none; reserved names: none"),
    "a function": (
        ["/api/items"],
        {"buckets": lambda request: None},
        "URLs of buckets: those for which the buckets function names one; reserved names: none",
    ),
    "many names": (
        [f"/own{number:02}" for number in range(22)],
        {},
        "/<bucket>/<key>; reserved names: 'own00', 'own01',",
    ),
}


@pytest.mark.parametrize("routes, arguments, said", LOGGED.values(), ids=LOGGED)
def test_what_is_logged(
    routes: list[str], arguments: Any, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = Flask("storage", static_folder=None)
    BucketCORS(app, store=MemoryStore(), **arguments)
    for route in routes:
        app.add_url_rule(route, route, lambda **values: "")
    with caplog.at_level("INFO"):
        app.test_client().get("/")
    message = caplog.records[0].getMessage()
    assert said in message
    assert message.count("'own") in (0, 20)
    assert message.endswith(" and 2 more") is ("own00" in message)
