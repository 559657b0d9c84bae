"""Beside flask-cors: rules decide at the URLs of buckets, flask-cors at all others.

Each claim is a comparison with the application that has one of the two alone. The page
``docs/from-flask-cors.md`` says the same in words.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from flask import Blueprint, Flask, abort
from flask_cors import CORS, cross_origin
from flask_cors.core import CONFIG_OPTIONS

from flask_bucketcors import BucketCORS, MemoryStore, Rule, RuleSet, create_blueprint
from tests.support import ROOT
from tests.support.fetch_model import (
    PageRequest,
    may_proceed,
    needs_preflight,
    preflight_request_headers,
)

IN_RULES = "https://rules.test"
IN_FLASK_CORS = "https://cors.test"
RULES = RuleSet([Rule([IN_RULES], ["GET", "PUT"], ["*"], expose_headers=["ETag"])])
PAGE = ROOT / "docs" / "from-flask-cors.md"

#: Gives an application one of the two, or both.
Step = Callable[[Flask], object]


def make_site(decorate: Callable[[Any], Any] = lambda view: view) -> Blueprint:
    """The routes of an application, of which those below ``/files`` are about buckets."""
    site = Blueprint("site", __name__)

    @site.route("/files/<bucket>", methods=["GET", "PUT"])
    @site.route("/files/<bucket>/<path:key>", methods=["GET", "PUT"])
    @site.route("/api/items", methods=["GET", "PUT"])
    @decorate
    def item(**names: str) -> tuple[str, dict[str, str]]:
        return "an item", {"Vary": "Accept"}

    @site.get("/files/<bucket>/missing")
    @site.get("/api/missing")
    @decorate
    def missing(**names: str) -> None:
        abort(404)

    @site.get("/files/<bucket>/broken")
    @site.get("/api/broken")
    @decorate
    def broken(**names: str) -> None:
        raise ZeroDivisionError

    return site


def with_app(**options: Any) -> Step:
    """flask-cors for the application."""

    def step(app: Flask) -> None:
        app.register_blueprint(make_site())
        CORS(app, **options)

    return step


def with_blueprint(app: Flask) -> None:
    """flask-cors for a blueprint."""
    site = make_site()
    CORS(site, origins=[IN_FLASK_CORS])
    app.register_blueprint(site)


def with_decorator(app: Flask) -> None:
    """flask-cors for each view."""
    app.register_blueprint(make_site(cross_origin(origins=[IN_FLASK_CORS])))


def without(app: Flask) -> None:
    """No flask-cors."""
    app.register_blueprint(make_site())


def bucketcors(app: Flask) -> None:
    store = MemoryStore()
    store.put("photos", RULES)
    BucketCORS(app, store=store)


def make_app(*steps: Step, **settings: str) -> Flask:
    app = Flask("site")
    app.config.update(settings)
    # The traceback of each broken view would take most of the time.
    app.logger.disabled = True
    for step in steps:
        step(app)
    return app


EACH_OPTION = {
    "origins": [IN_FLASK_CORS],
    "methods": ["PUT"],
    "allow_headers": ["x-a"],
    "expose_headers": ["X-B"],
    "supports_credentials": True,
    "max_age": timedelta(minutes=10),
    "send_wildcard": True,
    "vary_header": False,
    "always_send": False,
    "allow_private_network": True,
    "automatic_options": False,
    "intercept_exceptions": False,
    "resources": {r"/files/*": {"origins": "*"}, r"/api/*": {"origins": IN_FLASK_CORS}},
}
FLASK_CORS = [
    pytest.param(with_app(), id="CORS(app)"),
    pytest.param(with_app(origins=[IN_FLASK_CORS, IN_RULES], supports_credentials=True), id="both"),
    pytest.param(with_blueprint, id="CORS(blueprint)"),
    pytest.param(with_decorator, id="cross_origin"),
    *(pytest.param(with_app(**{name: EACH_OPTION[name]}), id=name) for name in EACH_OPTION),
]
ORDERS = pytest.mark.parametrize("bucketcors_first", [True, False], ids=["before", "after"])


def both(flask_cors: Step, bucketcors_first: bool, **settings: str) -> Flask:
    steps = (bucketcors, flask_cors) if bucketcors_first else (flask_cors, bucketcors)
    return make_app(*steps, **settings)


def actual(method: str, url: str, origin: str | None = IN_FLASK_CORS) -> tuple[Any, ...]:
    return method, url, {"Origin": origin} if origin else {}


def preflight(url: str, origin: str = IN_FLASK_CORS) -> tuple[Any, ...]:
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-a,x-c"}
    private = {"Access-Control-Request-Private-Network": "true"}
    return "OPTIONS", url, {"Origin": origin, **asked, **private}


def actuals_below(url: str) -> list[Any]:
    """The actual requests of pages of each kind."""
    return [
        actual(method, f"{url}{rest}", origin)
        for method, rest in (
            ("GET", "/items"),
            ("HEAD", "/items"),
            ("PUT", "/items"),
            ("PUT", "/missing"),
            ("GET", "/missing"),
            ("GET", "/broken"),
        )
        for origin in (IN_RULES, IN_FLASK_CORS, "https://other.test", "null", None)
    ]


def preflights_below(url: str) -> list[Any]:
    """The preflights of pages of each kind."""
    return [
        preflight(f"{url}{rest}", origin)
        for rest in ("/items", "/missing", "/nowhere")
        for origin in (IN_RULES, IN_FLASK_CORS, "https://other.test")
    ]


def requests_for_photos() -> list[Any]:
    return [*preflights_below("/files/photos"), *actuals_below("/files/photos")]


def other_requests() -> list[Any]:
    nowhere = [actual("GET", "/nowhere"), preflight("/nowhere")]
    return [*preflights_below("/api"), *actuals_below("/api"), *nowhere]


def actuals_for_empty() -> list[Any]:
    return actuals_below("/files/empty")


def preflights_for_empty() -> list[Any]:
    return preflights_below("/files/empty")


def cors(app: Flask, request: tuple[Any, ...]) -> tuple[int, list[tuple[str, str]]]:
    """The status of a response, and of its headers those of CORS and Vary, in order."""
    method, url, headers = request
    response = app.test_client().open(url, method=method, headers=headers)
    names = ("Access-Control-", "Vary")
    return response.status_code, [pair for pair in response.headers if pair[0].startswith(names)]


@cache
def responses(steps: tuple[Step, ...], requests: Callable[[], list[Any]]) -> list[Any]:
    """What an application responds that has one of the two alone; it is compared with several."""
    app = make_app(*steps)
    return [cors(app, request) for request in requests()]


def allow_origin(response: tuple[int, list[tuple[str, str]]]) -> str | None:
    return dict(response[1]).get("Access-Control-Allow-Origin")


@ORDERS
@pytest.mark.parametrize("flask_cors", FLASK_CORS)
def test_at_a_bucket_that_has_rules_they_alone_decide(
    flask_cors: Step, bucketcors_first: bool
) -> None:
    app, alone = both(flask_cors, bucketcors_first), (without, bucketcors)
    requests = requests_for_photos
    for request, response in zip(requests(), responses(alone, requests), strict=True):
        (status, found), (expected_status, expected) = cors(app, request), response
        assert status == expected_status
        assert {k: v for k, v in found if k != "Vary"} == {k: v for k, v in expected if k != "Vary"}
        assert varies_by(found) == varies_by(expected)


def varies_by(headers: list[tuple[str, str]]) -> list[str]:
    """The names in Vary, sorted; one that is there twice is in the list twice."""
    values = ", ".join(value for name, value in headers if name == "Vary")
    return sorted(filter(None, values.split(", ")))


@ORDERS
@pytest.mark.parametrize("flask_cors", FLASK_CORS)
def test_at_other_urls_flask_cors_alone_decides(flask_cors: Step, bucketcors_first: bool) -> None:
    app, expected = both(flask_cors, bucketcors_first), responses((flask_cors,), other_requests)
    assert [cors(app, request) for request in other_requests()] == expected


@ORDERS
@pytest.mark.parametrize("flask_cors", FLASK_CORS)
@pytest.mark.parametrize("no_rules", ["refuse", "pass"])
def test_at_a_bucket_without_rules_flask_cors_decides_actual_requests(
    flask_cors: Step, bucketcors_first: bool, no_rules: str
) -> None:
    app = both(flask_cors, bucketcors_first, BUCKETCORS_NO_RULES=no_rules)
    found = [cors(app, request) for request in actuals_for_empty()]
    assert found == responses((flask_cors,), actuals_for_empty)
    found = [cors(app, request) for request in preflights_for_empty()]
    if no_rules == "pass":
        assert found == responses((flask_cors,), preflights_for_empty)
    else:
        assert {(status, allow_origin((status, headers))) for status, headers in found} == {
            (403, None)
        }


@ORDERS
def test_calls_about_rules_are_not_seen_by_flask_cors(bucketcors_first: bool) -> None:
    app = both(with_app(), bucketcors_first)
    for request in (actual("GET", "/files/photos?cors"), actual("DELETE", "/files/empty?cors")):
        status, headers = cors(app, request)
        assert (status, allow_origin((status, headers))) == (403, None)
    assert allow_origin(cors(app, actual("GET", "/files/photos?cors", IN_RULES))) == IN_RULES


@ORDERS
def test_nor_are_they_where_the_blueprint_alone_responds(bucketcors_first: bool) -> None:
    def blueprint(app: Flask) -> None:
        app.register_blueprint(create_blueprint(MemoryStore()), url_prefix="/files")

    steps = (blueprint, with_app()) if bucketcors_first else (with_app(), blueprint)
    app = make_app(*steps)
    assert cors(app, actual("DELETE", "/files/photos?cors")) == (403, [])
    assert allow_origin(cors(app, actual("GET", "/api/items"))) == IN_FLASK_CORS


# What the page shows.

BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
BESIDE, BEFORE, AFTER, CONVERTER, CONVERTED = BLOCKS
REQUESTS = [
    PageRequest("https://www.example.com"),
    PageRequest("https://www.example.com", "PUT", {"Content-Type": "image/png"}),
    PageRequest("https://www.example.com", "PUT", {"X-Other": "1"}),
    PageRequest("https://www.example.com", "DELETE"),
    PageRequest("https://www.example.com", credentials=True),
    PageRequest("https://shop.example.org", "PUT", credentials=True),
    PageRequest("https://a.b.example.org"),
    PageRequest("https://example.org"),
    PageRequest("https://other.example"),
    PageRequest("null"),
]


def documented(block: str) -> Flask:
    """The application of a block, with a store in memory."""
    names: dict[str, Any] = {"__name__": "documented"}
    memory = f"BucketCORS(app, store={MemoryStore.__name__}())"
    names |= {MemoryStore.__name__: MemoryStore}
    exec(block.replace("BucketCORS(app)", memory), names)
    app = names["app"]
    assert isinstance(app, Flask)
    return app


def proceeds(app: Flask, request: PageRequest, url: str = "/files/photos/cat.png") -> bool:
    """Whether a page's request works in a browser."""
    client = app.test_client()
    asked = None
    if needs_preflight(request):
        response = client.options(url, headers=preflight_request_headers(request))
        asked = response.status_code, [*response.headers]
    headers = {"Origin": request.origin, **request.headers}
    response = client.open(url, method=request.sent_method, headers=headers)
    return may_proceed(request, asked, (response.status_code, [*response.headers]))


def test_the_page_shows_an_application_before_and_after() -> None:
    before, after = map(documented, (BEFORE, AFTER))
    outcomes = {request.origin + request.method: proceeds(before, request) for request in REQUESTS}
    assert {True, False} == set(outcomes.values())
    for request in REQUESTS:
        for url in ("/files/photos/cat.png", "/files/videos/cat.mp4"):
            expected = proceeds(before, request, url)
            assert proceeds(after, request, url) is expected, (request, url)


def test_the_page_shows_an_application_with_both() -> None:
    app = documented(BESIDE)
    page = PageRequest("https://www.example.com")
    assert proceeds(app, page)
    assert not proceeds(app, PageRequest("https://app.example.com"))
    assert proceeds(app, PageRequest("https://app.example.com"), "/api/items")
    assert not proceeds(app, page, "/api/items")
    # Nothing opens a bucket that nobody has given rules.
    assert not proceeds(app, PageRequest("https://app.example.com"), "/files/new/cat.png")


def test_the_page_has_a_row_for_each_option() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ", PAGE.read_text(), re.M)
    assert sorted(rows) == sorted(name.removeprefix("CORS_").lower() for name in CONFIG_OPTIONS)
    assert set(rows) == set(EACH_OPTION)


@pytest.mark.parametrize(
    "origins, origin, allowed",
    [
        ([r"https://.*\.example\.com"], "https://www.example.com.evil.test", True),
        ([r"https://www.example.com$"], "https://wwwxexample.com", True),
        (["https://www.example.com"], "HTTPS://WWW.EXAMPLE.COM", True),
        (["https://www.example.com"], "https://www.example.com.evil.test", False),
    ],
)
def test_what_the_page_says_of_origins_in_flask_cors(
    origins: list[str], origin: str, allowed: bool
) -> None:
    app = make_app(with_app(origins=origins))
    assert (allow_origin(cors(app, actual("GET", "/api/items", origin))) == origin) is allowed


def test_what_the_page_says_of_refused_preflights_in_flask_cors() -> None:
    app = make_app(with_app(origins=[IN_FLASK_CORS], allow_headers=["x-a"]))
    refused = cors(app, preflight("/api/items", "https://other.test"))
    assert (refused[0], allow_origin(refused)) == (200, None)
    fewer = dict(cors(app, preflight("/api/items"))[1])
    assert fewer["Access-Control-Allow-Headers"] == "x-a"


# The converter of the page.


def converter() -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "from_flask_cors"}
    exec(CONVERTER, names)
    return names


rule_of = converter()["rule_of"]


def converted(options: dict[str, Any]) -> Flask:
    """The application with default rules in place of flask-cors."""
    app = Flask("site")
    app.config["BUCKETCORS_DEFAULT_RULES"] = RuleSet.parse([rule_of(**options)])
    app.config["BUCKETCORS_ALLOW_CREDENTIALS"] = options.get("supports_credentials", False)
    app.register_blueprint(make_site())
    BucketCORS(app, store=MemoryStore())
    return app


def test_the_page_converts_its_own_example() -> None:
    shown = CONVERTED.replace("from from_flask_cors import rule_of\n", "")
    names: dict[str, Any] = {"rule_of": rule_of}
    exec(shown, names)
    assert names["rules"] == documented(AFTER).config["BUCKETCORS_DEFAULT_RULES"]


CONVERTIBLE: list[dict[str, Any]] = [
    {},
    {"origins": "https://www.example.com"},
    {"origins": [re.compile(r"^https://.*\.example\.org$")], "methods": "GET, PUT"},
    {"origins": ["https://www.example.com"], "allow_headers": ["Content-Type", r"x-.*$"]},
    {"origins": "https://www.example.com", "supports_credentials": True},
    {"origins": r"https://.+\.example\.org$", "max_age": timedelta(minutes=10)},
]


@pytest.mark.parametrize("options", CONVERTIBLE, ids=str)
def test_pages_get_from_a_converted_rule_what_flask_cors_gave_them(options: dict[str, Any]) -> None:
    before, after = make_app(with_app(**options)), converted(options)
    found = {str(request): proceeds(before, request) for request in REQUESTS}
    assert {True} <= set(found.values())
    assert {str(request): proceeds(after, request) for request in REQUESTS} == found


@pytest.mark.parametrize(
    "origin", [r"https://(a|b)\.example", r"https://.*\..*\.a", r"https://a\d"]
)
def test_a_regular_expression_without_a_pattern_is_named(origin: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(origin))):
        rule_of(origins=origin)


def test_a_max_age_is_a_number_of_seconds() -> None:
    assert rule_of(max_age=timedelta(minutes=10))["max_age_seconds"] == 600
    assert rule_of(max_age="600")["max_age_seconds"] == 600
