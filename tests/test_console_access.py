"""Who reaches the console: its hooks, hosts, schemes, browsers, forms; and what surrounds it."""

import itertools
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from time import time
from typing import Any, NoReturn

import pytest
from flask import Flask, Response, abort, redirect, session
from flask_wtf.csrf import CSRFProtect
from itsdangerous import TimestampSigner
from werkzeug.datastructures import Headers
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client

from flask_bucketcors import (
    BucketCORS,
    BucketCORSState,
    ConsoleCall,
    ConsoleOptions,
    MemoryStore,
    Request,
    Rule,
    RuleSet,
    SettingRefused,
    SetupRefused,
    StoreUnavailable,
    console_app,
)
from tests.support.console_apps import OWN_FORM, PREFIX, console_application, forms_of, text_of
from tests.support.old_releases import ALWAYS_MERGES_SLASHES

RULES = RuleSet([Rule(["https://evil.example"], ["GET", "PUT", "POST"], ["*"])])
EVIL = {"Origin": "https://evil.example"}
PREFLIGHT = {**EVIL, "Access-Control-Request-Method": "POST"}
PAGES = ("/", "/b/photos/", "/b/photos/add", "/b/photos/try", "/static/x.css", "/nothing/here")


def page_of(app: Flask, path: str = "/", **options: Any) -> tuple[int, str]:
    response = app.test_client().get(f"{PREFIX}{path}", **options)
    return response.status_code, text_of(response.text)


def console_token(app: Flask, **options: Any) -> str:
    page = app.test_client().get(f"{PREFIX}/b/photos/text", **options).text
    return next(dict(form.fields)["token"] for form in forms_of(page) if form.method == "post")


def post(app: Flask, token: str | None, headers: dict[str, str], **options: Any) -> int:
    """Send a form that changes nothing yet."""
    data = {} if token is None else {"token": token}
    path = f"{PREFIX}/b/photos/changes"
    fields = {**data, "kind": "clear", "version": ""}
    return app.test_client().post(path, data=fields, headers=headers, **options).status_code


# Off


def test_an_application_without_a_console_does_not_import_it() -> None:
    code = (
        "import sys; from flask import Flask; from flask_bucketcors import BucketCORS, MemoryStore;"
        "app = Flask('a'); BucketCORS(app, store=MemoryStore());"
        "app.test_client().get('/-/cors/');"
        "print([name for name in sys.modules if '.console' in name and 'bucketcors' in name])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("path", PAGES)
def test_without_a_hook_every_page_is_404(path: str) -> None:
    assert page_of(console_application(options=ConsoleOptions()), path)[0] == 404


def test_a_console_without_a_secret_key_is_refused() -> None:
    options = ConsoleOptions(authorize=lambda call: "alice")
    with pytest.raises(SetupRefused, match="set SECRET_KEY"):
        BucketCORS(Flask("a"), store=MemoryStore(), console=options)
    with pytest.raises(SettingRefused, match="secret_key is empty"):
        console_app(MemoryStore(), authorize=lambda call: "alice", secret_key="")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ConsoleOptions(authorize=True), "authorize of ConsoleOptions is True"),  # type: ignore[arg-type]
        (lambda: ConsoleOptions(visible=["a"]), "visible of ConsoleOptions is"),  # type: ignore[arg-type]
        (lambda: BucketCORS(console=True), "write ConsoleOptions"),  # type: ignore[arg-type]
    ],
)
def test_wrong_options_are_refused_at_once(make: Callable[[], object], words: str) -> None:
    with pytest.raises(SettingRefused, match=words):
        make()


@pytest.mark.parametrize("prefix", ["", "/", "console", "/a/<b>", "/a//b", "/../a", "/a/.", None])
def test_a_prefix_that_would_take_all_urls_or_is_none_is_refused(prefix: object) -> None:
    with pytest.raises(SettingRefused, match="BUCKETCORS_CONSOLE_PREFIX is"):
        console_application(console_prefix=prefix)


# The hook


def test_the_hook_is_asked_for_each_page_with_its_bucket_and_action() -> None:
    asked: list[tuple[str, str | None, str]] = []

    def authorize(call: ConsoleCall) -> str:
        asked.append((call.action, call.bucket, call.request.path))
        return "alice"

    app = console_application(options=ConsoleOptions(authorize=authorize))
    for path in ("/", "/b/photos/history", "/b/photos/add"):
        page_of(app, path)
    first = dict.fromkeys((action, bucket) for action, bucket, _ in asked)
    assert list(first)[:2] == [("list", None), ("read", "photos")]
    assert asked[-1] == ("write", "photos", f"{PREFIX}/b/photos/add")


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        (None, 403, "You may not see the list of buckets."),
        ("", 403, "You may not see the list of buckets."),
        ("  ", 403, "You may not see the list of buckets."),
        ("alice", 200, "alice"),
        ("<script>alert(1)</script>", 200, "<script>alert(1)</script>"),
    ],
)
def test_what_the_hook_says(said: str | None, status: int, words: str) -> None:
    app = console_application(options=ConsoleOptions(authorize=lambda call: said))
    found = page_of(app)
    assert found[0] == status
    assert words in found[1]


def test_a_response_of_the_hook_is_passed_on() -> None:
    login = ConsoleOptions(authorize=lambda call: redirect("/login"))
    assert page_of(console_application(options=login))[0] == 302
    basic = Response("Who are you?", 401, {"WWW-Authenticate": 'Basic realm="shop"'})
    found = console_application(options=ConsoleOptions(authorize=lambda call: basic))
    response = found.test_client().get(f"{PREFIX}/")
    assert response.headers["WWW-Authenticate"] == 'Basic realm="shop"'
    aborting = console_application(options=ConsoleOptions(authorize=lambda call: abort(401)))
    assert page_of(aborting)[0] == 401


def test_a_hook_that_returns_true_is_a_mistake_and_lets_nobody_in() -> None:
    app = console_application(options=ConsoleOptions(authorize=lambda call: True))  # type: ignore[arg-type, return-value]
    app.testing = True
    with pytest.raises(TypeError, match="return the name of the person as text"):
        app.test_client().get(f"{PREFIX}/")


def test_the_hook_runs_after_the_application_knows_who_asks() -> None:
    app = console_application(
        options=ConsoleOptions(authorize=lambda call: session.get("user")),
    )

    @app.get("/login")
    def login() -> str:
        session["user"] = "bob"
        return "in"

    client = app.test_client()
    assert client.get(f"{PREFIX}/").status_code == 403
    client.get("/login")
    assert "bob" in client.get(f"{PREFIX}/").text


# What a person sees in the list


def test_the_list_shows_what_the_visible_hook_names_with_or_without_rules() -> None:
    store = MemoryStore()
    for name in ("alices-shop", "bobs-shop", "zoo"):
        store.put(name, RULES)
    visible = {"alice": ["zoo", "alices-new"], "root": None}
    options = ConsoleOptions(lambda call: call.request.args["as"], visible.__getitem__)
    app = console_application(store, options=options)
    alices, roots = page_of(app, "/?as=alice")[1], page_of(app, "/?as=root")[1]
    assert "alices-new" in alices
    assert "zoo" in alices
    assert "bobs-shop" not in alices
    assert "bobs-shop" in roots
    assert "zoo" not in page_of(app, "/?as=alice&prefix=alices")[1]


def test_a_bucket_that_the_application_does_not_have_is_404() -> None:
    app = Flask("shop")
    app.secret_key = "k"
    options = ConsoleOptions(lambda call: "alice")
    store = MemoryStore()
    BucketCORS(app, store=store, console=options, bucket_exists=lambda name: name == "photos")
    assert page_of(app, "/b/photos/")[0] == 200
    assert page_of(app, "/b/other/") == (
        404,
        "Skip to the content CORS console Not Found The application has no bucket of this name.",
    )
    # Rules that remain under the name of a bucket that is gone can still be seen and deleted.
    store.put("other", RULES)
    assert page_of(app, "/b/other/")[0] == 200


@pytest.mark.parametrize("said", ["photos", 5, True, [b"photos"], [None]], ids=repr)
def test_a_visible_hook_that_gives_no_names_is_named(said: Any) -> None:
    options = ConsoleOptions(authorize=lambda call: "alice", visible=lambda author: said)
    app = console_application(options=options)
    app.testing = True
    with pytest.raises(TypeError, match=r"the visible hook of the console returned .*: return a"):
        page_of(app)


def test_the_list_leaves_out_names_that_no_bucket_can_have() -> None:
    names = ["", ".", "..", "a/b", "a\0", "\ud800", "e" * 256, "photos"]
    options = ConsoleOptions(authorize=lambda call: "alice", visible=lambda author: iter(names))
    status, text = page_of(console_application(options=options))
    assert status == 200
    assert "Last change photos none yet – – Open" in text  # noqa: RUF001 # the page has dashes


# Buckets and the console share an origin


def everywhere(app: Flask, **options: Any) -> list[tuple[int, Headers]]:
    """The responses to what a page of another site can send to the console."""
    client = app.test_client()
    found = []
    for path in ("/", "/b/photos/", "/static/x", "/b/photos/save"):
        for method, headers in (("GET", EVIL), ("OPTIONS", PREFLIGHT), ("POST", EVIL)):
            sent = client.open(f"{PREFIX}{path}", method=method, headers=headers, **options)
            found.append((sent.status_code, sent.headers))
    return found


def allows_other_sites(responses: list[tuple[int, Headers]]) -> bool:
    return any(
        name.lower().startswith("access-control") for _, headers in responses for name, _ in headers
    )


@pytest.mark.parametrize(
    "settings",
    [{}, {"url_prefix": "/"}, {"console_prefix": PREFIX, "url_prefix": "/-"}, {"hosts_only": True}],
    ids=["by routes", "all paths", "below the console's segment", "hosts only"],
)
def test_no_bucket_has_the_name_of_the_consoles_first_segment(settings: dict[str, Any]) -> None:
    store = MemoryStore()
    for name in ("-", "cors"):
        store.put(name, RULES)
    settings = {"host_suffixes": ["cos.test"], **settings}
    app = console_application(store, **settings)
    assert not allows_other_sites(everywhere(app))
    # Other paths of these buckets keep their rules.
    call = app.test_client().put("/-?cors", data=b"", headers=EVIL)
    assert call.status_code in (400, 404)
    assert not allows_other_sites([(0, call.headers)])


@pytest.mark.parametrize("variable", ["bucket", "bucketcors_console_bucket", "file"])
def test_routes_within_the_console_name_no_bucket(
    variable: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    for name in ("photos", "x"):
        store.put(name, RULES)
    app = Flask("shop", static_folder=None)
    app.secret_key = "k"
    app.config["BUCKETCORS_ROUTE_VARIABLE"] = variable
    route = f"{PREFIX}/b/<{variable}>/<path:key>"
    app.add_url_rule(route, "object", lambda **variables: "an object")
    BucketCORS(app, store=store, console=ConsoleOptions(authorize=lambda call: "alice"))
    assert not allows_other_sites(everywhere(app))
    assert "the console is at its path" in caplog.text


@pytest.mark.parametrize("prefix", [PREFIX, f"{PREFIX}/b", f"{PREFIX}/b/photos"])
def test_buckets_within_the_console_are_refused_at_the_start(prefix: str) -> None:
    with pytest.raises(SetupRefused, match=r"BUCKETCORS_URL_PREFIX is .* within the console"):
        console_application(url_prefix=prefix)


@pytest.mark.parametrize("path", [PREFIX, f"{PREFIX}/photos"])
def test_a_health_view_within_the_console_is_refused_at_the_start(path: str) -> None:
    """It would respond in place of a page."""
    with pytest.raises(SetupRefused, match=r"BUCKETCORS_HEALTH_PATH is .* within the console"):
        console_application(health_path=path)


@pytest.mark.parametrize("path", ["", "/b/photos", "//b/photos/", "/b//photos/"])
def test_no_redirect_by_slashes_leads_around_the_consoles_headers(path: str) -> None:
    """Flask's own redirects have what the application adds, and are there without a console."""
    if ALWAYS_MERGES_SLASHES and path.startswith("//"):
        pytest.skip("Werkzeug before 3.0.2 redirects it, with a console or without")
    for options, statuses in ((ConsoleOptions(lambda call: "alice"), (200, 404)), (None, (404,))):
        store = MemoryStore()
        store.put("photos", RULES)
        app = Flask("shop")
        app.secret_key = "k"
        BucketCORS(app, store=store, console=options or ConsoleOptions())
        app.after_request(allow_every_site)
        response = app.test_client().get(f"{PREFIX}{path}", headers=EVIL)
        assert response.status_code in statuses
        assert response.status_code == 404 or not allows_other_sites([(0, response.headers)])


def allow_every_site(response: Response) -> Response:
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def test_a_function_that_names_buckets_is_not_asked_about_the_console() -> None:
    asked = []

    def buckets(request: Request) -> tuple[str, str]:
        asked.append(request.path)
        first, _, key = request.path.strip("/").partition("/")
        return first, key

    app = Flask("shop")
    app.secret_key = "k"
    store = MemoryStore()
    store.put("-", RULES)
    options = ConsoleOptions(authorize=lambda call: "alice")
    BucketCORS(app, store=store, console=options, buckets=buckets)
    assert not allows_other_sites(everywhere(app))
    assert not [path for path in asked if "cors" in path]
    assert page_of(app)[0] == 404  # It names a bucket for "/", so each host is a bucket's.


def test_on_the_host_of_a_bucket_the_console_is_404() -> None:
    store = MemoryStore()
    store.put("photos", RULES)
    app = console_application(store, host_suffixes=["cos.test"])
    responses = everywhere(app, base_url="https://photos.cos.test")
    assert {status for status, _ in responses if status != 308} <= {403, 404}
    assert {status for status, _ in everywhere(app, base_url="https://cos.test")} > {200}
    assert not allows_other_sites(responses)


# Browsers


@pytest.mark.parametrize(
    ("url", "is_served"),
    [
        ("https://shop.example", True),
        ("http://localhost:5000", True),
        ("http://127.0.0.1", True),
        ("http://[::1]:5000", True),
        ("http://console.localhost", True),
        ("http://shop.example", False),
        ("http://10.0.0.7", False),
        ("http://0.0.0.0:5000", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://localhost.evil.example", False),
    ],
)
def test_plain_http_is_served_to_loopback_only(url: str, is_served: bool) -> None:
    status, text = page_of(console_application(), base_url=url)
    assert (status == 200) == is_served
    assert is_served or "BUCKETCORS_CONSOLE_INSECURE" in text
    assert page_of(console_application(console_insecure=True), base_url=url)[0] == 200


def test_behind_a_proxy_that_serves_https_proxyfix_says_so() -> None:
    app = console_application()
    proxied = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example"}
    assert page_of(app, base_url="http://internal", headers=proxied)[0] == 403
    app.wsgi_app = ProxyFix(app.wsgi_app, x_proto=1, x_host=1)  # type: ignore[method-assign]
    assert page_of(app, base_url="http://internal", headers=proxied)[0] == 200


@pytest.mark.parametrize(
    ("mode", "dest"),
    [
        ("cors", "empty"),
        ("same-origin", "empty"),
        ("no-cors", "image"),
        ("no-cors", "script"),
        ("navigate", "iframe"),
        ("navigate", "object"),
        ("navigate", "embed"),
        ("navigate", "empty"),
        ("websocket", "websocket"),
    ],
)
def test_what_a_page_loads_is_refused(mode: str, dest: str) -> None:
    headers = {"Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest, "Sec-Fetch-Site": "same-origin"}
    assert page_of(console_application(), headers=headers)[0] == 403
    assert page_of(console_application(), headers=OWN_FORM)[0] == 200


FORMS = {
    "from the console": (OWN_FORM, 200),
    "a person's own doing": ({**OWN_FORM, "Sec-Fetch-Site": "none"}, 200),
    "another site": ({**OWN_FORM, "Sec-Fetch-Site": "cross-site"}, 403),
    "a sibling": ({**OWN_FORM, "Sec-Fetch-Site": "same-site"}, 403),
    "another site, no Fetch Metadata": (EVIL, 403),
    "a sandboxed page": ({"Origin": "null"}, 403),
    "the console, no Fetch Metadata": ({"Origin": "http://localhost"}, 200),
    "another port": ({"Origin": "http://localhost:81"}, 403),
    "another scheme": ({"Origin": "https://localhost"}, 403),
    "a proxy changed the host": ({**OWN_FORM, "Origin": "https://public.example"}, 200),
    "no header at all": ({}, 200),
}


@pytest.mark.parametrize(("headers", "status"), FORMS.values(), ids=FORMS)
def test_which_forms_are_refused(headers: dict[str, str], status: int) -> None:
    store = MemoryStore()
    store.put("photos", RULES)
    app = console_application(store)
    assert post(app, console_token(app), headers) == status
    # Whatever a browser says, the token is needed.
    assert post(app, None, headers) == 403
    assert post(app, "x" * 200, headers) == 403


def test_a_token_is_of_one_author_and_one_key() -> None:
    store = MemoryStore()
    store.put("photos", RULES)
    alices = console_application(store)
    token = console_token(alices)
    assert post(console_application(store, author="bob"), token, OWN_FORM) == 403
    other_key = console_application(store)
    other_key.secret_key = "rotated"
    assert post(other_key, token, OWN_FORM) == 403
    other_key.config["SECRET_KEY_FALLBACKS"] = ["of the tests", "older"]
    assert post(other_key, token, OWN_FORM) == 200


@pytest.mark.parametrize(
    ("hours", "status"),
    [(11.9, 200), (12.1, 403), (-0.2, 200), (-0.3, 403)],
    ids=["a day's work", "older", "by a later clock", "by a wrong clock"],
)
def test_a_token_is_good_for_twelve_hours_on_each_host(
    hours: float, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    store.put("photos", RULES)
    made = itertools.repeat(int(time() - hours * 3600))
    with monkeypatch.context() as patch:
        patch.setattr(TimestampSigner, "get_timestamp", made.__next__)
        token = console_token(console_application(store))
    # Another application with the same key is another host.
    assert post(console_application(store), token, OWN_FORM) == status


def test_a_form_that_is_too_large_is_refused_before_it_is_read() -> None:
    app = console_application()
    client = app.test_client()
    body = b"token=x&document=" + b"a" * 400_000
    response = client.post(f"{PREFIX}/b/photos/changes", data=body, headers=OWN_FORM)
    assert response.status_code == 413


# What the application adds to its responses


def test_the_headers_stay_the_consoles_own() -> None:
    app = console_application()

    @app.after_request
    def change(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = "default-src *"
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
        response.headers["Cross-Origin-Opener-Policy"] = "unsafe-none"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "public, max-age=60"
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Allow-Credentials"] = "true"
        return response

    for path, status in (("/", 200), ("/nothing", 404), ("/open?bucket=photos", 303)):
        response = app.test_client().get(f"{PREFIX}{path}", headers=EVIL)
        assert response.status_code == status
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Frame-Options"] == "DENY"
        assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert response.headers["Referrer-Policy"] == "same-origin"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "no-store"
        assert not allows_other_sites([(status, response.headers)])


def test_the_redirect_after_a_write_has_the_consoles_headers() -> None:
    store = MemoryStore()
    store.put("photos", RULES)
    app = console_application(store)
    app.after_request(allow_every_site)
    stored = store.read("photos")
    assert stored is not None
    fields = {"token": console_token(app), "kind": "clear", "version": stored.version}
    path = f"{PREFIX}/b/photos/save"
    response = app.test_client().post(path, data=fields, headers=OWN_FORM)
    assert response.status_code == 303
    assert response.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    assert not allows_other_sites([(0, response.headers)])


def test_forms_carry_the_token_of_the_applications_flask_wtf() -> None:
    store = MemoryStore()
    store.put("photos", RULES)
    app = console_application(store)
    CSRFProtect(app)
    client = app.test_client()
    page = client.get(f"{PREFIX}/b/photos/text").text
    fields = next(dict(form.fields) for form in forms_of(page) if form.method == "post")
    sent = {**fields, "kind": "clear"}
    path = f"{PREFIX}/b/photos/changes"
    assert client.post(path, data=sent, headers=OWN_FORM).status_code == 200
    del sent["csrf_token"]
    assert client.post(path, data=sent, headers=OWN_FORM).status_code == 400


def test_the_templates_of_the_application_do_not_replace_the_consoles(tmp_path: Any) -> None:
    for name in ("frame.html", "buckets.html", "base.html"):
        (tmp_path / name).write_text("of the shop")
    app = console_application()
    app.template_folder = tmp_path
    app.jinja_options = {"autoescape": False, "variable_start_string": "[["}
    assert "Buckets" in page_of(app)[1]


def test_the_style_and_the_script_are_cached_for_ever_under_names_of_their_content() -> None:
    client = console_application().test_client()
    page = client.get(f"{PREFIX}/").text
    assets = re.findall(rf'"({PREFIX}/static/console-[0-9a-f]+\.(\w+))"', page)
    assert sorted(ending for _, ending in assets) == ["css", "js", "svg"]
    for path, _ in assets:
        response = client.get(path)
        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert client.get(path.replace("console-", "console-0")).status_code == 404


def test_templates_have_no_inline_code_and_turn_off_no_escaping() -> None:
    for template in (files("flask_bucketcors.console") / "templates").iterdir():
        text = template.read_text("utf-8")
        inline = re.findall(r"\|\s*safe\b|\bstyle=|\bautoescape\b|javascript:|\bon\w+=", text)
        assert not inline, template.name
        assert text.count("<script") == text.count("<script src=")


# WSGI applications that are not Flask's


def test_the_console_as_an_application_of_its_own() -> None:
    store = MemoryStore()
    store.put("photos", RULES, "alice")
    console = console_app(store, authorize=lambda call: "bob", secret_key="k")
    response = Client(console).get("/b/photos/", base_url="http://localhost/admin")
    assert response.status_code == 200
    assert 'href="/admin/b/photos/history"' in response.text


def test_the_extension_uses_the_writer_of_the_api() -> None:
    app = console_application(strict="dangers", limits={"cos": (2, 4096)})
    state = BucketCORSState.of(app)
    assert state.api.writer.strict == "dangers"


# Buckets and stores that are not there


def test_a_name_that_no_bucket_can_have_is_not_found() -> None:
    status, text = page_of(console_application(), "/b/a%0Ab/")
    assert status == 404
    assert "No bucket can have this name." in text


def test_a_store_that_does_not_respond_is_said_on_the_page() -> None:
    class Lost(MemoryStore):
        """A store whose rules cannot be read."""

        def read(self, bucket: str) -> NoReturn:
            """Fail."""
            raise StoreUnavailable("the disk is gone")

    status, text = page_of(console_application(Lost()), "/b/photos/")
    assert status == 503
    assert "The rules cannot be read or written now." in text
    assert "disk" not in text
