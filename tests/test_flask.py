"""The extension and the blueprint in Flask applications, hostile ones among them."""

import gc
import json
import os
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    g,
    has_app_context,
    request,
    session,
)
from flask_wtf import CSRFProtect
from prometheus_client import CollectorRegistry
from webtest import TestApp, TestResponse
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_bucketcors import (
    AccessKey,
    BucketCORS,
    BucketCORSMiddleware,
    BucketCORSState,
    MemoryStore,
    Request,
    Rule,
    RulesAPI,
    RulesCall,
    RuleSet,
    SetupRefused,
    SQLiteStore,
    StoreUnavailable,
    create_blueprint,
)
from flask_bucketcors.api.rules_api import FINDINGS, LINT
from tests.support import ROOT, cos_signing
from tests.support.cos_signing import ACCESS_KEY, KEYS, SECRET_KEY, send
from tests.support.processes.children import CHILD_SECONDS, run_python

PAGE = "https://page.test"
URL = "/photos?cors"
OBJECT = "/photos/cat.png"
METHODS = ["GET", "PUT", "POST", "DELETE"]
RULES = RuleSet([Rule([PAGE], ["GET", "PUT"], ["*"])])
BODY = (
    b"<CORSConfiguration><CORSRule><AllowedOrigin>https://page.test</AllowedOrigin>"
    b"<AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>"
    b"<AllowedHeader>*</AllowedHeader></CORSRule></CORSConfiguration>"
)

MakeApp = Callable[..., Flask]


def rules_for(origin: str) -> bytes:
    return BODY.replace(b"https://page.test", origin.encode()).replace(
        b"<AllowedMethod>PUT", b"<AllowedMethod>HEAD"
    )


@pytest.fixture
def make_app(tmp_path: Path) -> Iterator[MakeApp]:
    """Give a function that makes applications, with settings that it is given."""
    apps = []

    def make(name: str = "storage", **settings: Any) -> Flask:
        app = Flask(name, instance_path=str(tmp_path / name), static_folder=None)
        app.config.update({f"BUCKETCORS_{key}": value for key, value in settings.items()})
        apps.append(app)
        return app

    yield make
    for app in apps:
        if "bucketcors" in app.extensions:
            store_of(app).close()


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    store = MemoryStore()
    store.put("photos", RULES)
    yield store
    store.close()


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(ACCESS_KEYS=KEYS)


def add_storage(app: Flask) -> list[str]:
    """Give an application routes for buckets and objects; they note what they are called for."""
    seen = []

    def view(bucket: str, key: str = "") -> str:
        seen.append(request.method)
        return "app"

    app.add_url_rule("/<bucket>", "bucket", view, methods=METHODS)
    app.add_url_rule("/<bucket>/<path:key>", "object", view, methods=METHODS)
    return seen


def signed(app: Flask, method: str, url: str = URL, body: bytes = b"", **more: Any) -> TestResponse:
    return cos_signing.signed(TestApp(app), method, url, body, now=int(time.time()), **more)


def preflight(app: Flask, url: str = OBJECT, **headers: str) -> TestResponse:
    sent = {"Origin": PAGE, "Access-Control-Request-Method": "PUT", **headers}
    return send(TestApp(app), "OPTIONS", url, headers=sent)


def get(app: Flask, url: str = OBJECT, **headers: str) -> TestResponse:
    return send(TestApp(app), "GET", url, headers={"Origin": PAGE, **headers})


def is_decorated(response: TestResponse) -> bool:
    return response.headers.getall("Access-Control-Allow-Origin") == [PAGE]


def store_of(app: Flask) -> Any:
    return BucketCORSState.of(app).store


def edit_rules(app: Flask, url: str = URL, **headers: str) -> None:
    """Put, get and delete rules as an SDK does."""
    form = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    assert signed(app, "PUT", url, BODY, headers=form).status_code == 200
    assert b"https://page.test" in signed(app, "GET", url, headers=headers).body
    assert signed(app, "DELETE", url, headers=headers).status_code == 204
    assert signed(app, "GET", url, headers=headers).status_code == 404


def with_extension(app: Flask) -> None:
    app.config["BUCKETCORS_ACCESS_KEYS"] = KEYS
    BucketCORS(app, store=MemoryStore())


def with_blueprint(app: Flask) -> None:
    app.register_blueprint(create_blueprint(MemoryStore(), access_keys=KEYS))


def own_routes(app: Flask) -> None:
    pass


def aborting_hook(app: Flask) -> None:
    app.before_request(lambda: abort(401))


def form_reading_hook(app: Flask) -> None:
    @app.before_request
    def read_form() -> None:
        assert request.form is not None


def answering_hook(app: Flask) -> None:
    app.before_request(lambda: Response("closed for repairs", 503))


def csrf_protection(app: Flask) -> None:
    app.secret_key = "secret"
    CSRFProtect(app)


def strict_slashes(app: Flask) -> None:
    app.url_map.strict_slashes = True
    app.add_url_rule("/<any(photos):bucket>/", "photos", lambda bucket: bucket, methods=METHODS)


def catch_all(app: Flask) -> None:
    methods = [*METHODS, "OPTIONS"]
    app.add_url_rule("/<any(photos):bucket>", "greedy", lambda bucket: abort(418), methods=methods)


def error_pages(app: Flask) -> None:
    app.register_error_handler(Exception, lambda error: ("sorry", 200))


@pytest.mark.parametrize("install", [with_extension, with_blueprint])
@pytest.mark.parametrize("first", ["hostility first", "hostility last"])
@pytest.mark.parametrize(
    "hostility, status",
    [
        (own_routes, 200),
        (aborting_hook, 401),
        (form_reading_hook, 200),
        (answering_hook, 503),
        (csrf_protection, 400),
        (strict_slashes, 308),
        (catch_all, 418),
        (error_pages, 200),
    ],
)
def test_nothing_in_an_application_comes_between(make_app, install, hostility, status, first):
    """Its routes, hooks and protections never see a rules call; DELETE does not mean the bucket.

    ``status`` is what the application does to a DELETE that is not about rules.
    """
    app = make_app()
    for step in (hostility, install) if first == "hostility first" else (install, hostility):
        step(app)
    seen = add_storage(app)
    edit_rules(app)
    assert seen == []
    assert signed(app, "DELETE", "/photos").status_code == status


@pytest.mark.parametrize(
    "hostility", [own_routes, aborting_hook, csrf_protection, strict_slashes, catch_all]
)
def test_preflights_are_answered_before_the_application(make_app, store, hostility):
    app = make_app()
    hostility(app)
    seen = add_storage(app)
    BucketCORS(app, store=store)
    for url in ("/photos", "/photos/", OBJECT, URL):
        assert preflight(app, url).status_code == 200
        assert preflight(app, url, Origin="https://evil.test").status_code == 403
    assert seen == []


@pytest.mark.parametrize(
    "url, status",
    [
        pytest.param("/photos/cat.png", 200, id="view"),
        pytest.param("/photos/missing/", 404, id="abort"),
        pytest.param("/photos/a/b/c/d", 404, id="no route"),
        pytest.param("/photos/post", 405, id="no such method"),
        pytest.param("/photos/crash", 500, id="unhandled exception"),
        pytest.param("/photos/folder", 308, id="redirect"),
    ],
)
def test_whatever_flask_answers_is_decorated(make_app, store, url, status):
    app = make_app()
    app.add_url_rule("/<bucket>/cat.png", "cat", lambda bucket: "cat")
    app.add_url_rule("/<bucket>/missing/", "missing", lambda bucket: abort(404))
    app.add_url_rule("/<bucket>/post", "post", lambda bucket: "post", methods=["POST"])
    app.add_url_rule("/<bucket>/crash", "crash", lambda bucket: 1 / 0)
    app.add_url_rule("/<bucket>/folder/", "folder", lambda bucket: "folder")
    BucketCORS(app, store=store)
    response = get(app, url)
    assert response.status_code == status
    assert is_decorated(response)
    assert "Origin" in response.headers["Vary"]


def test_an_applications_own_cors_gives_way(app, store):
    @app.after_request
    def own_cors(response: Response) -> Response:
        response.access_control_allow_origin = "*"
        response.access_control_max_age = 5
        return response

    add_storage(app)
    BucketCORS(app, store=store)
    response = get(app)
    assert is_decorated(response)
    assert "Access-Control-Max-Age" not in response.headers
    assert get(app, "/albums").headers["Access-Control-Allow-Origin"] == "*"


def test_rules_put_are_in_force_with_the_next_request(app):
    """From the first PUT to the DELETE, with the store that the extension makes."""
    BucketCORS(app)
    add_storage(app)
    assert not is_decorated(get(app))
    assert signed(app, "PUT", body=BODY).status_code == 200
    assert is_decorated(get(app))
    assert preflight(app).status_code == 200
    assert signed(app, "DELETE").status_code == 204
    assert not is_decorated(get(app))


def test_a_proxy_fix_goes_around_the_extension(make_app, store):
    """Applied after it, so that the bucket is that of the host which the client named."""
    app = make_app(HOST_SUFFIXES=["cos.test"], ACCESS_KEYS=KEYS)
    BucketCORS(app, store=store)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_host=1)
    headers = {"Host": "internal:8000", "X-Forwarded-Host": "photos.cos.test"}
    assert preflight(app, "/cat.png", **headers).status_code == 200
    assert is_decorated(get(app, "/cat.png", **headers))
    signature = cos_signing.authorization(
        "GET", "/?cors", {"host": "photos.cos.test"}, now=int(time.time())
    )
    response = send(TestApp(app), "GET", "/?cors", headers={**headers, "Authorization": signature})
    assert response.status_code == 200


@pytest.mark.parametrize("prefix", [None, "/storage", "/a/b"])
def test_a_blueprint_alone(make_app, store, prefix):
    """It serves the rules below its prefix, and leaves everything else to the application."""
    app = make_app()
    app.register_blueprint(create_blueprint(store, access_keys=KEYS), url_prefix=prefix)
    seen = add_storage(app)
    edit_rules(app, f"{prefix or ''}/photos?cors")
    assert seen == []
    assert signed(app, "DELETE", "/photos").status_code == 200
    assert signed(app, "DELETE", "/photos/key?cors").status_code == 200
    assert not is_decorated(get(app))
    assert store.list() == []


def test_a_blueprint_leaves_other_paths_alone(make_app, store):
    app = make_app()
    app.register_blueprint(create_blueprint(store, access_keys=KEYS), url_prefix="/storage")
    seen = add_storage(app)
    for url in ("/photos?cors", "/storage?cors", "/storagex?cors", "/storagex/photos?cors"):
        assert signed(app, "DELETE", url).text == "app"
    assert len(seen) == 4


@pytest.mark.parametrize(
    "outer, inner, url",
    [
        pytest.param("/storage", None, "/storage/photos?cors", id="outer prefix"),
        pytest.param(None, "/storage", "/storage/photos?cors", id="inner prefix"),
        pytest.param("/a", "/b", "/a/b/photos?cors", id="two prefixes"),
        pytest.param(None, None, "/photos?cors", id="no prefix"),
    ],
)
def test_a_blueprint_in_a_blueprint(make_app, store, outer, inner, url):
    app = make_app()
    parent = Blueprint("parent", __name__)
    parent.register_blueprint(create_blueprint(store, access_keys=KEYS), url_prefix=inner)
    app.register_blueprint(parent, url_prefix=outer)
    edit_rules(app, url)


@pytest.mark.parametrize(
    "prefix",
    [
        pytest.param("/storage/", id="trailing slash"),
        pytest.param("/", id="slash"),
        pytest.param("", id="empty"),
    ],
)
def test_prefixes_that_flask_takes(make_app, store, prefix):
    """Flask strips the slash at the end of a prefix for the routes of a blueprint."""
    app = make_app()
    app.register_blueprint(create_blueprint(store, access_keys=KEYS), url_prefix=prefix)
    edit_rules(app, f"{prefix.rstrip('/')}/photos?cors")


def test_a_blueprint_alone_answers_the_first_question_of_an_obs_sdk(make_app, store):
    """The application has nothing at the root of a bucket, and would say 404."""
    app = make_app()
    app.register_blueprint(create_blueprint(store, access_keys=KEYS))
    client = app.test_client()
    assert client.head("/photos?apiversion").status_code == 200
    assert client.head("/photos?other").status_code == 404


def test_a_prefix_with_variables_is_refused(make_app, store):
    """It stands for many paths; taken as text it would leave rules calls to the application."""
    blueprint = create_blueprint(store, access_keys=KEYS)
    with pytest.raises(ValueError, match="<tenant>"):
        make_app().register_blueprint(blueprint, url_prefix="/<tenant>")


@pytest.mark.parametrize("first", ["blueprint", "middleware"])
@pytest.mark.parametrize("prefix", ["", "/storage"])
def test_a_blueprint_and_the_middleware_by_hand(make_app, store, first, prefix):
    """In either order the middleware needs no ``api=``, and rules calls take part in CORS."""
    app = make_app()
    blueprint = create_blueprint(store, access_keys=KEYS)

    def wrap() -> None:
        app.wsgi_app = BucketCORSMiddleware(app.wsgi_app, store=store, url_prefix=prefix)

    def register() -> None:
        app.register_blueprint(blueprint, url_prefix=prefix or None)

    for step in (register, wrap) if first == "blueprint" else (wrap, register):
        step()
    seen = add_storage(app)
    assert preflight(app, f"{prefix}{OBJECT}").status_code == 200
    assert preflight(app, f"{prefix}{URL}").status_code == 200
    assert is_decorated(signed(app, "GET", f"{prefix}{URL}", headers={"Origin": PAGE}))
    edit_rules(app, f"{prefix}{URL}")
    assert seen == []


@pytest.mark.parametrize("first", ["blueprint", "middleware"])
def test_a_proxy_fix_between_blueprint_and_middleware(make_app, store, first):
    """What stands between the two hides neither from the other."""
    app = make_app()
    blueprint = create_blueprint(store, access_keys=KEYS)

    def wrap() -> None:
        app.wsgi_app = BucketCORSMiddleware(app.wsgi_app, store=store)

    def proxy() -> None:
        app.wsgi_app = ProxyFix(app.wsgi_app)

    def register() -> None:
        app.register_blueprint(blueprint)

    steps = [register, proxy, wrap]
    for step in steps if first == "blueprint" else steps[::-1]:
        step()
    assert is_decorated(signed(app, "GET", headers={"Origin": PAGE}))
    edit_rules(app)


def by_extension(app: Flask, store: MemoryStore) -> None:
    BucketCORS(app, store=store)


def by_hand(app: Flask, store: MemoryStore) -> None:
    api = RulesAPI(store, access_keys=KEYS)
    app.wsgi_app = BucketCORSMiddleware(app.wsgi_app, store=store, api=api)


@pytest.mark.parametrize("install", [by_extension, by_hand])
def test_two_apis_in_one_application_are_refused(make_app, store, install):
    app = make_app()
    install(app, store)
    with pytest.raises(RuntimeError, match=r"has a \?cors API already"):
        app.register_blueprint(create_blueprint(store))


def test_an_extension_over_a_blueprint_is_refused(make_app, store):
    """Of two APIs, one would never be called."""
    app = make_app()
    app.register_blueprint(create_blueprint(store))
    with pytest.raises(RuntimeError, match=r"has a \?cors API already"):
        BucketCORS(app, store=store)


def test_the_extension_twice_is_refused(app, store):
    cors = BucketCORS(app, store=store)
    with pytest.raises(RuntimeError, match="has BucketCORS already: call init_app once"):
        cors.init_app(app)
    with pytest.raises(RuntimeError, match="has BucketCORS already"):
        BucketCORS(app, store=store)


def test_two_applications_in_one_process_never_meet(make_app):
    """The factory pattern: one extension object, settings and rules for each application."""
    cors = BucketCORS()
    first = make_app("first", ACCESS_KEYS=KEYS)
    second = make_app("second", ACCESS_KEYS={"AKIDsecond": "secret"}, ALLOW_CREDENTIALS=False)
    for app in (first, second):
        cors.init_app(app)
        add_storage(app)
    assert signed(first, "PUT", body=BODY).status_code == 200
    assert signed(second, "PUT", body=BODY).status_code == 403
    assert is_decorated(get(first))
    assert not is_decorated(get(second))
    store_of(second).put("photos", RULES)
    assert "Access-Control-Allow-Credentials" in get(first).headers
    assert "Access-Control-Allow-Credentials" not in get(second).headers


def test_the_store_can_be_reached(app):
    """For the application's own deletion of a bucket, and for tests."""
    BucketCORS(app)
    store_of(app).put("photos", RULES, "the application")
    assert preflight(app).status_code == 200
    store_of(app).delete("photos")
    assert preflight(app).status_code == 403
    assert isinstance(store_of(app), SQLiteStore)


def test_the_extension_gives_the_store_of_its_application(make_app):
    """Of the only one without a context, of several that of the current one."""
    cors = BucketCORS()
    with pytest.raises(SetupRefused, match=r"serves no application yet: call init_app\(app\)"):
        cors.store.list()
    first, second, other = map(make_app, ["first", "second", "other"])
    cors.init_app(first)
    assert cors.store is store_of(first)
    BucketCORS(other)
    with other.app_context():
        assert cors.store is store_of(first)
    cors.init_app(second)
    for app in (first, second):
        with app.app_context():
            assert cors.store is store_of(app)
    with pytest.raises(SetupRefused, match="serves several applications, and none of them is the"):
        cors.store.list()
    with other.app_context(), pytest.raises(SetupRefused, match="serves several applications"):
        cors.store.list()


def test_a_store_that_is_passed_is_that_of_every_application(make_app, store):
    cors = BucketCORS(store=store)
    assert cors.store is store
    for name in ("first", "second"):
        cors.init_app(make_app(name))
    assert cors.store is store


def test_an_extension_keeps_no_application_alive(store):
    cors = BucketCORS(store=store)
    apps = [Flask(f"app{number}", static_folder=None) for number in range(3)]
    for app in apps:
        cors.init_app(app)
    left = [weakref.ref(app) for app in apps]
    del app, apps
    gc.collect()
    assert [each() for each in left] == [None] * 3


def test_an_application_without_the_extension_is_said_to_be_without(app):
    with pytest.raises(SetupRefused, match="the application 'storage' does not have BucketCORS"):
        BucketCORSState.of(app)
    app.extensions["bucketcors"] = "another extension"
    with pytest.raises(SetupRefused, match="does not have BucketCORS: write BucketCORS"):
        BucketCORSState.of(app)
    del app.extensions["bucketcors"]


def test_a_store_that_is_given_is_used(app, store, tmp_path):
    BucketCORS(app, store=store)
    assert store_of(app) is store
    assert list(tmp_path.rglob("*.sqlite")) == []


def test_a_store_that_is_empty_is_used(app):
    """Whatever an empty one is worth as a truth value."""

    class SizedStore(MemoryStore):
        def __len__(self) -> int:
            return len(self.list())

    store = SizedStore()
    BucketCORS(app, store=store)
    assert store_of(app) is store


@pytest.mark.parametrize(
    "database, path",
    [
        pytest.param(None, "storage/bucketcors.sqlite", id="default, in the instance folder"),
        pytest.param("rules.sqlite", "storage/rules.sqlite", id="relative, to the instance folder"),
        pytest.param("a/b/rules.sqlite", "storage/a/b/rules.sqlite", id="folders are made"),
        pytest.param(Path("rules.db"), "storage/rules.db", id="path object"),
        pytest.param("{tmp}/elsewhere/rules.db", "elsewhere/rules.db", id="absolute"),
    ],
)
def test_where_the_database_is(make_app, tmp_path, database, path):
    if isinstance(database, str):
        database = database.format(tmp=tmp_path)
    app = make_app() if database is None else make_app(DATABASE=database)
    BucketCORS(app)
    store_of(app).put("photos", RULES)
    store = SQLiteStore(tmp_path / path)
    assert store.get("photos") == RULES
    store.close()


def test_a_database_in_memory_leaves_no_file(make_app, tmp_path):
    app = make_app(DATABASE=":memory:")
    BucketCORS(app)
    store_of(app).put("photos", RULES)
    assert preflight(app).status_code == 200
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    "settings, error",
    [
        pytest.param({"DATABASE": "."}, StoreUnavailable, id="database that is a folder"),
        pytest.param({"VARY": "always"}, RuntimeError, id="bad setting"),
    ],
)
def test_an_application_that_is_refused_is_left_as_it_was(
    make_app, store, tmp_path, settings, error
):
    """So that it can be put right and used."""
    app = make_app(**settings)
    (tmp_path / "storage").mkdir()
    wsgi_app = app.wsgi_app
    with pytest.raises(error):
        BucketCORS(app)
    assert app.wsgi_app == wsgi_app
    assert "bucketcors" not in app.extensions
    app.config.update(BUCKETCORS_DATABASE=":memory:", BUCKETCORS_VARY="safe")
    BucketCORS(app)


def test_the_test_client_goes_through_the_extension(app, store):
    BucketCORS(app, store=store)
    headers = {"Origin": PAGE, "Access-Control-Request-Method": "PUT"}
    assert app.test_client().options(OBJECT, headers=headers).status_code == 200


def status_of_call(app: Flask) -> int:
    return signed(app, "PUT", body=BODY).status_code


def status_of_preflight(app: Flask, url: str = OBJECT, **headers: str) -> int:
    return preflight(app, url, **headers).status_code


def status_below_a_host(app: Flask) -> int:
    return status_of_preflight(app, "/", Host="photos.cos.test")


def status_below_a_prefix(app: Flask) -> int:
    return status_of_preflight(app, "/storage/photos")


def status_without_rules(app: Flask) -> int:
    return status_of_preflight(app, "/empty")


def status_of_rules_preflight(app: Flask) -> int:
    return status_of_preflight(app, URL)


def status_of_plain_options(app: Flask) -> int:
    return send(TestApp(app), "OPTIONS", OBJECT).status_code


def allowed_credentials(app: Flask) -> str | None:
    return get(app).headers.get("Access-Control-Allow-Credentials")


def timing_allow_origin(app: Flask) -> str | None:
    return get(app).headers.get("Timing-Allow-Origin")


def vary(app: Flask) -> str | None:
    return get(app).headers.get("Vary")


def database_files(app: Flask) -> list[str]:
    return sorted(path.name for path in Path(app.instance_path).glob("*.sqlite"))


def entries_of_history(app: Flask) -> int:
    for _ in range(4):
        store_of(app).put("photos", RULES)
    return len(store_of(app).history("photos"))


def status_of_dangerous_rules(app: Flask) -> int:
    return signed(app, "PUT", body=rules_for("null")).status_code


def status_of_rules_with_patch(app: Flask) -> int:
    return signed(app, "PUT", body=BODY.replace(b"PUT", b"PATCH")).status_code


def findings_for_a_suffix(app: Flask) -> str:
    body = rules_for("https://*.a.test")
    answer = signed(app, "PUT", body=body, headers={LINT: "1"})
    return answer.headers[FINDINGS]


def counted_refusals(app: Flask) -> int | None:
    preflight(app, Origin="https://other.test")
    counter = BucketCORSState.of(app).middleware.refusals
    return None if counter is None else sum(row.times for row in counter.rows("photos"))


def shows_health(app: Flask) -> bool:
    return "closed_buckets" in app.test_client().get("/up").text


def counted_decisions(app: Flask) -> float:
    preflight(app)
    registry = app.config["BUCKETCORS_METRICS"] or CollectorRegistry()
    return sum(
        sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "bucketcors_decisions_total"
    )


def reads_of_two_buckets_in_turn(app: Flask) -> int:
    reads = []
    read = store_of(app).read
    store_of(app).read = lambda bucket: reads.append(bucket) or read(bucket)
    store_of(app).put("albums", RULES)
    for bucket in ("photos", "albums", "photos", "albums"):
        preflight(app, f"/{bucket}/a")
    return len(reads)


@pytest.mark.parametrize(
    "setting, value, look, by_default, changed",
    [
        ("ACCESS_KEYS", {}, status_of_call, 200, 403),
        ("ALLOW_CREDENTIALS", False, allowed_credentials, "true", None),
        ("API_CROSS_ORIGIN", False, status_of_rules_preflight, 200, 403),
        ("DATABASE", "b.sqlite", database_files, ["bucketcors.sqlite"], ["b.sqlite"]),
        ("EXTRA_METHODS", ["PATCH"], status_of_rules_with_patch, 400, 200),
        ("HEALTH_PATH", "/up", shows_health, False, True),
        ("HISTORY", 2, entries_of_history, 5, 2),
        ("HOST_SUFFIXES", ["cos.test"], status_below_a_host, 404, 200),
        ("HOST_SUFFIXES", ("cos.test",), status_below_a_host, 404, 200),
        ("ROUTE_VARIABLE", "key", status_without_rules, 403, 200),
        ("CACHED_BUCKETS", 1, reads_of_two_buckets_in_turn, 2, 4),
        ("CACHED_BYTES", 1, reads_of_two_buckets_in_turn, 2, 4),
        ("METRICS", CollectorRegistry(), counted_decisions, 0, 1),
        ("NO_RULES", "pass", status_without_rules, 403, 200),
        ("PLAIN_OPTIONS", "refuse", status_of_plain_options, 200, 403),
        ("PUBLIC_SUFFIX", lambda host: host, findings_for_a_suffix, "none", "BC205;rule=1"),
        ("REFUSALS", True, counted_refusals, None, 1),
        ("REQUIRE_CONTENT_MD5", True, status_of_call, 200, 400),
        ("STRICT", "dangers", status_of_dangerous_rules, 200, 400),
        ("TIMING_ALLOW_ORIGIN", True, timing_allow_origin, None, PAGE),
        ("URL_PREFIX", "/storage", status_below_a_prefix, 403, 200),
        ("VARY", "vendor", vary, "Origin", None),
    ],
)
def test_what_a_setting_does(make_app, setting, value, look, by_default, changed):
    """Seen without it and with it."""
    seen = []
    for settings in ({}, {setting: value}):
        app = make_app(f"storage{len(seen)}", **{"ACCESS_KEYS": KEYS, **settings})
        BucketCORS(app)
        add_storage(app)
        store_of(app).put("photos", RULES)
        seen.append(look(app))
    assert seen == [by_default, changed]


def test_hosts_alone_may_name_buckets(make_app):
    """Elsewhere, Flask responds to a preflight itself."""
    seen = []
    for hosts_only in (False, True):
        app = make_app(f"{hosts_only}", HOST_SUFFIXES=["cos.test"], HOSTS_ONLY=hosts_only)
        BucketCORS(app, store=MemoryStore())
        add_storage(app)
        hosts = ("photos.cos.test", "localhost")
        seen.append([status_of_preflight(app, "/albums", Host=host) for host in hosts])
    assert seen == [[403, 403], [403, 200]]


@pytest.mark.parametrize("keys", [KEYS, KEYS.get, {ACCESS_KEY: AccessKey(SECRET_KEY)}])
def test_forms_of_access_keys(make_app, keys):
    app = make_app(ACCESS_KEYS=keys)
    BucketCORS(app)
    assert status_of_call(app) == 200


def test_the_settings_in_force_can_be_seen(make_app):
    app = make_app(VARY="vendor")
    BucketCORS(app)
    assert app.config.get_namespace("BUCKETCORS_", lowercase=False) == {
        "ACCESS_KEYS": None,
        "ALLOW_CREDENTIALS": True,
        "API_CROSS_ORIGIN": None,
        "DATABASE": "bucketcors.sqlite",
        "DEFAULT_RULES": None,
        "DIALECT": "cos",
        "EXTRA_METHODS": (),
        "HEALTH_PATH": "",
        "HISTORY": None,
        "HOSTS_ONLY": False,
        "HOST_SUFFIXES": (),
        "LIMITS": {},
        "CONSOLE_INSECURE": False,
        "CONSOLE_PREFIX": "/-/cors",
        "CACHED_BUCKETS": 100_000,
        "CACHED_BYTES": 256 * 1024 * 1024,
        "METRICS": False,
        "NO_RULES": "refuse",
        "PLAIN_OPTIONS": "app",
        "PUBLIC_SUFFIX": None,
        "REFRESH_SECONDS": 1.0,
        "REFUSALS": False,
        "REPLICA": "bucketcors-replica.sqlite",
        "REQUIRE_CONTENT_MD5": False,
        "ROUTE_VARIABLE": "bucket",
        "STALE_SECONDS": None,
        "STRICT": "off",
        "TIMING_ALLOW_ORIGIN": False,
        "URL_PREFIX": "",
        "VARY": "vendor",
    }


def test_serving_loads_no_analysis() -> None:
    """Nor does anything but a PUT among the ``?cors`` calls, whose rules are linted."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = dict(line.split() for line in run_python(SERVING, environ).splitlines())
    assert said == dict.fromkeys(
        ["import", "preflight", "response", "GET", "DELETE"], "unloaded"
    ) | {"PUT": "loaded"}


def test_the_middleware_alone_loads_neither_sqlite_nor_a_parser_of_xml():
    code = """
import sys
import flask_bucketcors.wsgi.middleware
print(*{"flask", "sqlite3", "defusedxml", "xml.etree"} & sys.modules.keys())
"""
    assert run_python(code, {**os.environ, "PYTHONPATH": str(ROOT)}).split() == []


SERVING = """
import sys

def report(what):
    loaded = any(name.startswith("flask_bucketcors.analysis") for name in sys.modules)
    print(what, "loaded" if loaded else "unloaded")

import flask_bucketcors.extension
report("import")

from flask import Flask
from flask_bucketcors import BucketCORS, MemoryStore, Rule, RuleSet
store = MemoryStore()
store.put("photos", RuleSet([Rule(["https://a.example"], ["PUT"])]))
app = Flask("storage", static_folder=None)
BucketCORS(app, store=store, authorize=lambda call: True)
client = app.test_client()
ORIGIN = {"Origin": "https://a.example"}
PREFLIGHT = {**ORIGIN, "Access-Control-Request-Method": "PUT"}
assert client.options("/photos/key", headers=PREFLIGHT).status_code == 200
report("preflight")
assert client.get("/photos/key", headers=ORIGIN).headers["Vary"] == "Origin"
report("response")
document = client.get("/photos?cors")
assert document.status_code == 200
report("GET")
assert client.delete("/photos?cors").status_code == 204
report("DELETE")
assert client.put("/photos?cors", data=document.data).status_code == 200
report("PUT")
"""


def test_settings_are_read_once(app, store):
    BucketCORS(app, store=store)
    app.config["BUCKETCORS_ALLOW_CREDENTIALS"] = False
    assert allowed_credentials(app) == "true"


WRONG = [
    ("ALLOW_CREDENTIALS", ["False", "true", 0, None], "True or False"),
    ("API_CROSS_ORIGIN", ["False", 0, "None"], "True, False or None"),
    ("CONSOLE_INSECURE", ["True", 1, None], "True or False"),
    ("CONSOLE_PREFIX", ["", "/", "cors", "/cors/", "/cors?x", None, 5, b"/cors"], "'/-/cors'"),
    ("DATABASE", ["", None, 5, b"rules.sqlite", True], "the path of a file"),
    ("DEFAULT_RULES", ["", 5, True, b"<CORSRule>"], "a RuleSet, a document in XML or JSON"),
    ("DIALECT", ["azure", "COS", None, ["cos"]], "'cos'"),
    ("EXTRA_METHODS", ["PATCH", ["patch"], ["GET"], {"PATCH": 1}, None], "such as ['PATCH']"),
    ("EXTRA_METHODS", [["TRACE"], ["TRACK"], ["CONNECT"], ["OPTIONS"], [["LOCK"]]], "out of PATCH"),
    (
        "HEALTH_PATH",
        ["health", "/health/", "/", "/up#x", None, 5, b"/up"],
        "such as '/health/cors'",
    ),
    ("HISTORY", [0, -1, "50", 1.5, True], "a whole number from 1, or None"),
    ("HOSTS_ONLY", ["False", 1, None], "True or False"),
    ("HOST_SUFFIXES", ["cos.test", [5], {"cos.test"}, None], "a list of host names"),
    ("HOST_SUFFIXES", [[".cos.test"], ["cos.test:80"], ["a.test", ""]], "cos.example.com"),
    ("CACHED_BUCKETS", [0, -1, "100", 1.5, True, None], "a whole number from 1"),
    ("CACHED_BYTES", [0, -1, "256 MiB", 1.5, True, None], "a whole number from 1"),
    (
        "LIMITS",
        [{"azure": (1, 1)}, {"oss": 20}, {"oss": (20, 0)}, [], None],
        "{'oss': (20, 65536)}",
    ),
    ("NO_RULES", ["app", False, None], "'refuse', 'pass'"),
    ("PLAIN_OPTIONS", ["pass", True, None], "'app', 'refuse'"),
    ("PUBLIC_SUFFIX", ["com", ["com"], True], "a function that gives the public suffix"),
    ("REFRESH_SECONDS", [0, -1, "1", True, None, float("inf")], "a number of seconds above 0"),
    ("METRICS", ["true", "", 1, None, CollectorRegistry], "True, False, or a CollectorRegistry of"),
    ("REFUSALS", ["False", "true", "", 1, None, b"file"], "True, False, the path of a file"),
    ("REPLICA", ["", ":memory:", None, 5, b"copy.sqlite"], "the path of a file"),
    ("REQUIRE_CONTENT_MD5", ["False", 1, None], "True or False"),
    ("ROUTE_VARIABLE", ["", "<bucket>", "a-b", "b\xfccher", None, 5], "such as 'bucket'"),
    ("STALE_SECONDS", [0, -1, "60", True, float("inf")], "a number of seconds above 0"),
    ("STRICT", [True, False, "danger", 1, None], "'off', 'dangers', 'warnings'"),
    ("TIMING_ALLOW_ORIGIN", ["True", 1, None], "True or False"),
    ("URL_PREFIX", ["storage", "/storage/", "/a?b", None, 5, b"/storage"], "'/storage'"),
    ("VARY", ["Safe", True, None, ""], "'safe', 'vendor'"),
]


@pytest.mark.parametrize(
    "setting, value, form",
    [
        pytest.param(setting, value, form, id=f"{setting}={value!r}")
        for setting, values, form in WRONG
        for value in values
    ],
)
def test_settings_that_are_refused(make_app, store, setting, value, form):
    """The error names the key, the value, and the form it has to have."""
    app = make_app(**{setting: value})
    with pytest.raises(RuntimeError, match=f"BUCKETCORS_{setting}") as refused:
        BucketCORS(app, store=store)
    shown = value[-1] if isinstance(value, list) and "example" in form else value
    assert repr(shown) in str(refused.value)
    assert form in str(refused.value)


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param("AKID:hunter2", id="text"),
        pytest.param(["AKID", "hunter2"], id="list"),
        pytest.param({"": "hunter2"}, id="empty id"),
        pytest.param({5: "hunter2"}, id="number for an id"),
        pytest.param({"AKID": b"hunter2"}, id="bytes for a secret"),
        pytest.param({"AKID": 5, "AKIDother": "hunter2"}, id="number for a secret"),
        pytest.param({"AKID": None, "AKIDother": "hunter2"}, id="no secret"),
        pytest.param({"AKID": "", "AKIDother": "hunter2"}, id="empty secret"),
        pytest.param({"AKID": {"secret": "hunter2"}}, id="mapping for a secret"),
        pytest.param(True, id="truth value"),
    ],
)
def test_access_keys_that_are_refused(make_app, store, keys):
    """The error does not show them."""
    app = make_app(ACCESS_KEYS=keys)
    with pytest.raises(RuntimeError, match="BUCKETCORS_ACCESS_KEYS") as refused:
        BucketCORS(app, store=store)
    assert "a mapping of access key ids to secrets" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_every_setting_is_in_these_tables(app, store):
    BucketCORS(app, store=store)
    known = {setting for setting, _, _ in WRONG} | {"ACCESS_KEYS"}
    assert set(app.config.get_namespace("BUCKETCORS_", lowercase=False)) == known


def test_settings_from_the_environment(make_app, monkeypatch):
    """As JSON, which is how Flask reads them."""
    for key, text in {
        f"ACCESS_KEYS__{ACCESS_KEY}": SECRET_KEY,
        "ALLOW_CREDENTIALS": "false",
        "DATABASE": ":memory:",
        "EXTRA_METHODS": '["PATCH", "LOCK"]',
        "HISTORY": "2",
        "HOST_SUFFIXES": '["cos.test"]',
        "VARY": "vendor",
    }.items():
        monkeypatch.setenv(f"FLASK_BUCKETCORS_{key}", text)
    app = make_app()
    app.config.from_prefixed_env()
    BucketCORS(app)
    store_of(app).put("photos", RULES)
    add_storage(app)
    assert status_of_call(app) == 200
    assert status_below_a_host(app) == 200
    assert status_of_rules_with_patch(app) == 200
    assert (allowed_credentials(app), vary(app), entries_of_history(app)) == (None, None, 2)


@pytest.mark.parametrize(
    "key, text",
    [
        pytest.param("ALLOW_CREDENTIALS", "False", id="False is text, false is not"),
        pytest.param("HOST_SUFFIXES", "cos.test", id="text in place of a list"),
        pytest.param("HISTORY", "many", id="text in place of a number"),
        pytest.param("ACCESS_KEYS__AKID", "12345678", id="secret that reads as a number"),
    ],
)
def test_settings_from_the_environment_that_are_refused(make_app, store, monkeypatch, key, text):
    monkeypatch.setenv(f"FLASK_BUCKETCORS_{key}", text)
    app = make_app()
    app.config.from_prefixed_env()
    with pytest.raises(RuntimeError, match=f"BUCKETCORS_{key.partition('__')[0]}"):
        BucketCORS(app, store=store)


def extension_with(app: Flask, store: MemoryStore, **hooks: Any) -> None:
    BucketCORS(app, store=store, **hooks)


def blueprint_with(app: Flask, store: MemoryStore, **hooks: Any) -> None:
    app.register_blueprint(create_blueprint(store, **hooks))


HOOKED = pytest.mark.parametrize("install", [extension_with, blueprint_with])


@HOOKED
@pytest.mark.parametrize("method, url", [("GET", OBJECT), ("OPTIONS", OBJECT), ("PUT", URL)])
def test_a_buckets_function_that_returns_something_else_is_told_what_to_return(
    make_app, store, install, method, url
):
    """Whatever the request is, and not by a bare error of unpacking."""
    app = make_app()
    install(app, store, buckets=lambda request: request.path)
    headers = {"Origin": PAGE, "Access-Control-Request-Method": "PUT"}
    with pytest.raises(TypeError, match=r"the buckets function returned '/photos.*: return \(buck"):
        send(TestApp(app), method, url, headers=headers)


@HOOKED
def test_the_hook_runs_in_the_request_context(make_app, store, install):
    """Of this application and this call, and leaves it behind."""
    app = make_app()
    found: list[Any] = []

    def authorize(call: RulesCall) -> bool:
        g.user = "somebody"
        found.append((current_app.name, request.method, request.path, dict(request.args)))
        found.append((call.bucket, call.method, call.requester, request.get_data()))
        return True

    install(app, store, authorize=authorize)
    assert send(TestApp(app), "PUT", "/photos/?cors=", BODY).status_code == 200
    assert found == [
        ("storage", "PUT", "/photos/", {"cors": ""}),
        ("photos", "PUT", None, b""),
    ]
    assert not has_app_context()


@HOOKED
def test_the_hook_can_look_at_the_session(make_app, store, install):
    app = make_app()
    app.secret_key = "secret"

    @app.route("/login")
    def login() -> str:
        session["user"] = "admin"
        return "hello"

    install(app, store, authorize=lambda call: session.get("user") == "admin")
    browser = TestApp(app)
    assert browser.put(URL, BODY, status=403).content_type == "application/xml"
    browser.get("/login")
    assert browser.put(URL, BODY).status_code == 200


@HOOKED
def test_the_hook_can_name_the_author(make_app, store, install):
    """As it finds the name in the session, which gives None where nobody has logged in."""
    app = make_app()
    app.secret_key = "secret"

    @app.route("/login")
    def login() -> str:
        session["user"] = "alice"
        return "hello"

    install(app, store, authorize=lambda call: session.get("user"))
    browser = TestApp(app)
    assert browser.put(URL, BODY, status=403).content_type == "application/xml"
    browser.get("/login")
    assert browser.put(URL, BODY).status_code == 200
    assert store.history("photos")[0].author == "alice"


@HOOKED
def test_around_the_hook_only_teardown_functions_run(make_app, store, install):
    """What they close, the hook may have opened."""
    app = make_app()
    ran = []
    app.before_request(lambda: ran.append("before"))
    app.teardown_request(lambda error: ran.append("teardown request"))
    app.teardown_appcontext(lambda error: ran.append("teardown context"))
    install(app, store, authorize=lambda call: ran.append("hook"))
    assert send(TestApp(app), "GET", URL).status_code == 403
    assert ran == ["hook", "teardown request", "teardown context"]


@HOOKED
def test_a_hook_that_aborts_is_a_refusal(make_app, store, install):
    app = make_app()
    install(app, store, authorize=lambda call: abort(401))
    response = send(TestApp(app), "DELETE", URL)
    assert (response.status_code, response.content_type) == (403, "application/xml")
    assert store.get("photos") == RULES


@HOOKED
def test_bucket_exists_runs_in_the_context_of_the_application(make_app, store, install):
    app = make_app()
    app.config["BUCKETS"] = ["photos"]
    install(
        app,
        store,
        authorize=lambda call: True,
        bucket_exists=lambda bucket: bucket in current_app.config["BUCKETS"],
    )
    assert send(TestApp(app), "GET", URL).status_code == 200
    assert send(TestApp(app), "GET", "/albums?cors").status_code == 404
    assert not has_app_context()


@pytest.mark.parametrize(
    "hook, setting, cross_origin",
    [
        pytest.param(None, None, True, id="signatures alone"),
        pytest.param(None, False, False, id="signatures, turned off"),
        pytest.param(lambda call: True, None, False, id="hook, which may look at cookies"),
        pytest.param(lambda call: True, True, True, id="hook, turned on"),
    ],
)
def test_rules_calls_in_cors(make_app, store, hook, setting, cross_origin):
    """A page must not widen its own access with somebody's cookies."""
    app = make_app(ACCESS_KEYS=KEYS, API_CROSS_ORIGIN=setting)
    BucketCORS(app, store=store, authorize=hook)
    response = signed(app, "GET", headers={"Origin": PAGE})
    assert response.status_code == 200
    assert is_decorated(response) is cross_origin
    assert status_of_rules_preflight(app) == (200 if cross_origin else 403)
    assert is_decorated(get(app))


def test_a_function_that_finds_buckets(make_app, store):
    """Given to the extension, or to the blueprint."""

    def buckets(request: Request) -> tuple[str, str]:
        return request.environ.get("HTTP_X_BUCKET", "none"), request.path

    app = make_app(ACCESS_KEYS=KEYS)
    BucketCORS(app, store=store, buckets=buckets)
    assert status_of_preflight(app, "/cat.png", **{"X-Bucket": "photos"}) == 200
    assert status_of_preflight(app, OBJECT) == 403

    app = make_app("blueprint")
    app.register_blueprint(create_blueprint(store, access_keys=KEYS, buckets=buckets))
    edit_rules(app, "/?cors", **{"X-Bucket": "photos"})


def test_a_blueprint_can_demand_a_digest(make_app, store):
    app = make_app()
    app.register_blueprint(create_blueprint(store, access_keys=KEYS, require_content_md5=True))
    assert status_of_call(app) == 400


def test_two_blueprints_in_one_application(make_app, store):
    """Each below a prefix of its own, with a store of its own."""
    app = make_app()
    other = MemoryStore()
    app.register_blueprint(create_blueprint(store, access_keys=KEYS), url_prefix="/a")
    blueprint = create_blueprint(other, access_keys=KEYS, name="other")
    app.register_blueprint(blueprint, url_prefix="/b")
    assert signed(app, "DELETE", "/a/photos?cors").status_code == 204
    assert signed(app, "PUT", "/b/albums?cors", BODY).status_code == 200
    assert (store.list(), other.list()) == ([], ["albums"])


def test_a_blueprint_below_a_host(make_app, store):
    app = make_app()
    app.register_blueprint(create_blueprint(store, access_keys=KEYS, host_suffixes=["cos.test"]))
    edit_rules(app, "/?cors", Host="photos.cos.test")


IMPORT = """
import json, logging, sys
import defusedxml.ElementTree, flask
before = set(sys.modules)
events = []

def note(event, args):
    code = event == "open" and str(args[0]).endswith((".py", ".pyc", ".so"))
    if event.startswith(("open", "sqlite3.", "socket.", "subprocess.", "os.mk")) and not code:
        events.append([event, str(args[0])])

sys.addaudithook(note)
import flask_bucketcors
tops = {name.partition(".")[0] for name in set(sys.modules) - before}
logger = logging.getLogger("flask_bucketcors")
print(json.dumps({
    "events": events,
    "modules": sorted(tops - sys.stdlib_module_names),
    "logger": [logger.level, len(logger.handlers)],
}))
"""


def test_importing_the_package_does_nothing():
    """No input or output, no extras, no settings of loggers."""
    found = subprocess.run(
        [sys.executable, "-B", "-c", IMPORT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=CHILD_SECONDS,
    )
    assert json.loads(found.stdout) == {
        "events": [],
        "modules": ["flask_bucketcors"],
        "logger": [0, 0],
    }
