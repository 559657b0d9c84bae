"""The console in applications as they are: under other policies, logins, paths and schemes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any
from wsgiref.types import WSGIApplication

import pytest
from console_person import Person, person
from console_site import ConsoleSite, Wrap, listening, served
from flask import Flask
from flask_talisman import Talisman
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

import example_app
from example_app.console import ADMINISTRATOR, console_password
from example_app.example_bucket import SEEDED_BUCKET
from flask_bucketcors import BucketCORSState, MemoryStore, Store

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ORIGIN = "https://www.example.com"


def with_csrf_protect(app: Flask) -> WSGIApplication:
    CSRFProtect(app)
    return app


def with_talisman(app: Flask) -> WSGIApplication:
    Talisman(app)
    return app


def with_both(app: Flask) -> WSGIApplication:
    Talisman(app)
    CSRFProtect(app)
    return app


def with_talisman_without_https(app: Flask) -> WSGIApplication:
    Talisman(app, force_https=False, session_cookie_secure=False)
    return app


def behind_a_proxy(app: Flask) -> WSGIApplication:
    """A proxy serves https, and asks the application by plain http."""
    with_both(app)
    fixed = ProxyFix(app, x_proto=1)
    told = {"wsgi.url_scheme": "http", "HTTP_X_FORWARDED_PROTO": "https"}
    return lambda environ, start_response: fixed({**environ, **told}, start_response)


def below_a_path(app: Flask) -> WSGIApplication:
    return DispatcherMiddleware(NotFound(), {"/shop": app})


def as_it_is(app: Flask) -> WSGIApplication:
    return app


#: Wrap; the arguments of ``served``; the host, and the options of the browser's profile.
HOSTS: dict[str, tuple[Wrap, dict[str, Any], str, dict[str, Any]]] = {
    "CSRFProtect": (with_csrf_protect, {}, "127.0.0.1", {}),
    "CSRFProtect without JavaScript": (
        with_csrf_protect,
        {},
        "localhost",
        {"java_script_enabled": False},
    ),
    "Talisman by https": (with_talisman, {"tls": "adhoc"}, "shop.test", {}),
    "Talisman and CSRFProtect by https": (with_both, {"tls": "adhoc"}, "shop.test", {}),
    "behind a proxy": (behind_a_proxy, {"tls": "adhoc"}, "shop.test", {}),
    "Talisman by http": (with_talisman_without_https, {}, "127.0.0.1", {}),
    "below a path": (below_a_path, {"root": "/shop"}, "127.0.0.1", {}),
    "another prefix": (as_it_is, {"console_prefix": "/admin/cors"}, "127.0.0.1", {}),
    "below a path with another prefix by https": (
        below_a_path,
        {"root": "/shop", "console_prefix": "/admin/cors", "tls": "adhoc"},
        "shop.test",
        {},
    ),
    "plain http": (as_it_is, {"console_insecure": True}, "shop.test", {}),
    "CSRFProtect by plain http": (with_csrf_protect, {"console_insecure": True}, "shop.test", {}),
}


#: What Chromium says by plain http; then it protects nothing.
IGNORED = "The Cross-Origin-Opener-Policy header has been ignored"


def add_a_rule(who: Person, bucket: str) -> None:
    """Go from the list of buckets to a saved rule, in four clicks."""
    who.open("/")
    who.type("Name of the bucket", bucket)
    who.click("Open")
    who.type("Your site's origin", ORIGIN)
    who.click("Read only")
    who.click("See what changes")
    assert "Newly allowed" in who.text
    who.click("Save")


def is_saved(store: Store, bucket: str, author: str) -> bool:
    [change, *_] = store.history(bucket)
    rules = change.rule_set.rules if change.rule_set else ()
    return change.author == author and [*rules[-1].allowed_origins] == [ORIGIN]


@pytest.mark.parametrize("kind", HOSTS)
def test_a_rule_is_added_and_saved(browser: "Browser", kind: str) -> None:
    wrap, arguments, host, options = HOSTS[kind]
    store = MemoryStore()
    with (
        served(store, wrap, **arguments) as site,
        person(browser, site, "alice", host, ignore_https_errors=True, **options) as alice,
    ):
        add_a_rule(alice, "photos")
        assert "Saved as revision 1." in alice.text
        assert [each for each in alice.trouble if not each.startswith(IGNORED)] == []
        # Without the stylesheet nothing is raised above the page.
        style = "getComputedStyle(document.querySelector('.top')).display"
        assert alice.page.evaluate(style) == "flex"
    assert is_saved(store, "photos", "alice")


def test_the_example_application_asks_for_its_password(
    browser: "Browser", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXAMPLE_DATA", str(tmp_path))
    monkeypatch.setenv("EXAMPLE_DEMO_PORT", "0")
    monkeypatch.delenv("EXAMPLE_CONSOLE_PASSWORD", raising=False)
    app = example_app.create_app()
    store = BucketCORSState.of(app).store
    login = {"username": ADMINISTRATOR, "password": console_password(tmp_path)}
    with listening(app) as port:
        site = ConsoleSite(store, port)
        with browser.new_context() as context:
            assert context.request.get(site.console()).status == 401
        with person(browser, site, http_credentials=login) as who:
            who.open("/")
            assert who.page.inner_text(".who") == ADMINISTRATOR
            who.click(SEEDED_BUCKET)
            who.click("Add a rule")
            who.type("Origins", ORIGIN)
            who.click("GET read")
            who.click("See what changes")
            who.click("Save")
            assert "Saved as revision" in who.text
            assert who.trouble == []
    assert is_saved(store, SEEDED_BUCKET, ADMINISTRATOR)
    store.close()
