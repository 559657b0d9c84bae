"""The console in applications as they are: a rule is added and saved, whatever surrounds it.

What only a browser shows, such as that a policy blocks nothing, is in ``tests/chromium``.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_talisman import Talisman
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client

import example_app
from example_app.console import ADMINISTRATOR, console_password
from flask_bucketcors import BucketCORSState, MemoryStore, Rule, Store, console_app
from tests.support.console_apps import PREFIX, Person, console_application, forms_of, text_of

ADDED = Rule(["https://www.example.com"], ["GET"])


def at(url: str, app: WSGIApplication, **headers: str) -> WSGIApplication:
    """Have an application served at a host, with headers that a proxy sends."""
    scheme, _, host = url.partition("://")

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ.update({"wsgi.url_scheme": scheme, "HTTP_HOST": host})
        for name, value in headers.items():
            environ[f"HTTP_{name.upper()}"] = value
        if environ["REQUEST_METHOD"] == "POST":
            # Browsers send it within a site, as the policy of the console asks for.
            environ["HTTP_REFERER"] = f"{headers.get('x_forwarded_proto', scheme)}://{host}/"
        return app(environ, start_response)

    return serve


def csrf_protect(store: Store) -> WSGIApplication:
    app = console_application(store)
    CSRFProtect(app)
    return at("http://localhost", app)


def csrf_protect_behind_a_proxy(store: Store) -> WSGIApplication:
    app = console_application(store)
    CSRFProtect(app)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_proto=1)  # type: ignore[method-assign]
    return at("http://shop.example", app, x_forwarded_proto="https")


def talisman(store: Store) -> WSGIApplication:
    app = console_application(store)
    Talisman(app)
    CSRFProtect(app)
    return at("https://shop.example", app)


def talisman_without_https(store: Store) -> WSGIApplication:
    app = console_application(store)
    Talisman(app, force_https=False, session_cookie_secure=False)
    return at("http://127.0.0.1", app)


def talisman_behind_a_proxy(store: Store) -> WSGIApplication:
    app = console_application(store)
    Talisman(app)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_proto=1)  # type: ignore[method-assign]
    return at("http://shop.example", app, x_forwarded_proto="https")


def below_a_path(store: Store) -> WSGIApplication:
    app = console_application(store)
    return DispatcherMiddleware(NotFound(), {"/shop": app})


def below_a_path_of_a_proxy(store: Store) -> WSGIApplication:
    app = console_application(store)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]
    outside = at("http://localhost", app, x_forwarded_prefix="/shop")
    # The proxy takes the prefix away.
    return DispatcherMiddleware(NotFound(), {"/shop": without_script_name(outside)})


def without_script_name(app: WSGIApplication) -> WSGIApplication:
    return lambda environ, start: app({**environ, "SCRIPT_NAME": ""}, start)


def another_prefix(store: Store) -> WSGIApplication:
    return console_application(store, console_prefix="/admin/cors")


def plain_http(store: Store) -> WSGIApplication:
    return at("http://shop.test", console_application(store, console_insecure=True))


def an_application_of_its_own(store: Store) -> WSGIApplication:
    console = console_app(store, authorize=lambda call: "alice", secret_key="k")
    return DispatcherMiddleware(NotFound(), {"/admin": console})


Make = Callable[[Store], WSGIApplication]
#: Each with the prefix of the console.
HOSTS: list[tuple[Make, str]] = [
    (csrf_protect, PREFIX),
    (csrf_protect_behind_a_proxy, PREFIX),
    (talisman, PREFIX),
    (talisman_without_https, PREFIX),
    (talisman_behind_a_proxy, PREFIX),
    (below_a_path, f"/shop{PREFIX}"),
    (below_a_path_of_a_proxy, f"/shop{PREFIX}"),
    (another_prefix, "/admin/cors"),
    (plain_http, PREFIX),
    (an_application_of_its_own, "/admin"),
]


def add_a_rule(person: Person, bucket: str = "photos") -> str:
    """Go from the list of buckets to a saved rule; give the text of the last page."""
    person.open("/")
    person.send("Open", bucket=bucket)
    assert person.page is not None
    assert f'href="{person.prefix}/b/{bucket}/add"' in person.page.text
    person.open(f"/b/{bucket}/add")
    person.send("See what changes", origins=ADDED.allowed_origins[0], methods="GET")
    return text_of(person.send("Save"))


@pytest.mark.parametrize(("make", "prefix"), HOSTS, ids=[make.__name__ for make, _ in HOSTS])
def test_a_rule_is_added_and_saved(make: Make, prefix: str) -> None:
    store = MemoryStore()
    person = Person(cast(FlaskClient, Client(make(store))), prefix=prefix)
    assert "Saved as revision 1." in add_a_rule(person)
    [change] = store.history("photos")
    assert change.author == "alice"
    assert change.rule_set is not None
    assert change.rule_set.rules == (ADDED,)
    assert person.page is not None
    policies = person.page.headers.getlist("Content-Security-Policy")
    assert len(policies) == 1
    assert "frame-ancestors 'none'" in policies[0]
    assert person.page.headers.getlist("X-Frame-Options") == ["DENY"]
    assert person.page.headers.getlist("Referrer-Policy") == ["same-origin"]


def test_talisman_sends_people_from_plain_http_to_https() -> None:
    app = console_application(MemoryStore())
    Talisman(app)
    response = app.test_client().get(f"{PREFIX}/", base_url="http://shop.example")
    assert response.status_code == 302
    assert response.location == f"https://shop.example{PREFIX}/"


def test_where_browsers_send_no_fetch_metadata_origin_decides() -> None:
    client = Client(plain_http(MemoryStore()))
    person = Person(cast(FlaskClient, client))
    person.open("/b/photos/add")
    found = {}
    for origin in ("http://shop.test", "http://other.test", "null"):
        data = {"kind": "add", "token": _token(person)}
        sent = client.post(f"{PREFIX}/b/photos/changes", data=data, headers={"Origin": origin})
        found[origin] = sent.status_code
    assert found == {"http://shop.test": 200, "http://other.test": 403, "null": 403}


def _token(person: Person) -> str:
    assert person.page is not None
    return dict(forms_of(person.page.text)[-1].fields)["token"]


def test_the_example_application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_DATA", str(tmp_path))
    monkeypatch.setenv("EXAMPLE_DEMO_PORT", "0")
    monkeypatch.delenv("EXAMPLE_CONSOLE_PASSWORD", raising=False)
    app: Flask = example_app.create_app()
    store = BucketCORSState.of(app).store
    bucket = next(iter(store.list()))
    client: Any = app.test_client()
    login = f"{ADMINISTRATOR}:{console_password(tmp_path)}".encode()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Basic {b64encode(login).decode()}"
    assert "Saved as revision" in add_a_rule(Person(client), bucket)
    assert store.history(bucket)[0].author == ADMINISTRATOR
    store.close()
