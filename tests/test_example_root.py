"""The root of the example application, and the lines that it prints: for people, and true."""

import html
import shlex
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from flask import Flask

import example_app
from example_app.demo.client import StoreClient
from example_app.example_bucket import SEEDED_BUCKET, SEEDED_RULES
from flask_bucketcors import Rule, RuleSet

HTML = "text/html,application/xhtml+xml,*/*;q=0.8"
HOST = "127.0.0.1:5000"

CreateApp = Callable[[], Flask]


@pytest.fixture
def create_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CreateApp]:
    """What builds the application, of which the database is closed afterwards."""
    apps: list[Flask] = []
    monkeypatch.setenv("EXAMPLE_DATA", str(tmp_path))
    monkeypatch.setenv("EXAMPLE_DEMO_PORT", "0")

    def create() -> Flask:
        apps.append(example_app.create_app())
        return apps[-1]

    yield create
    for app in apps:
        app.extensions["bucketcors"].store.close()


def ask(app: Flask, method: str = "GET", url: str = "/", **headers: str) -> Any:
    return app.test_client().open(url, method=method, headers={"Host": HOST, **headers})


def signature() -> str:
    keys = example_app.DEFAULT_ACCESS_KEY, example_app.DEFAULT_SECRET_KEY
    return StoreClient(f"http://{HOST}", *keys).sign("GET", "/", {}, time.time())


# The page


@pytest.mark.parametrize(
    "method, url, headers, status, content_type",
    [
        pytest.param("GET", "/", {"Accept": HTML}, 200, "text/html", id="browser"),
        pytest.param("HEAD", "/", {"Accept": HTML}, 200, "text/html", id="HEAD"),
        pytest.param("GET", "/", {"Accept": "*/*"}, 403, "application/xml", id="curl or a script"),
        pytest.param("GET", "/", {}, 403, "application/xml", id="no Accept"),
        pytest.param("POST", "/", {"Accept": HTML}, 405, "application/xml", id="POST"),
        pytest.param(
            "GET", "/", {"Accept": HTML, "Authorization": "x"}, 403, "application/xml",
            id="wrong signature",
        ),
        pytest.param(
            "GET", "/?q-signature=x", {"Accept": HTML}, 403, "application/xml",
            id="wrong signature in the query",
        ),
        pytest.param(
            "GET", f"/{SEEDED_BUCKET}/", {"Accept": HTML}, 403, "application/xml", id="bucket"
        ),
        pytest.param(
            "GET", "/", {"Accept": HTML, "Host": f"{SEEDED_BUCKET}.cos.test"}, 403,
            "application/xml", id="bucket's host",
        ),
        pytest.param(
            "GET", "/", {"Accept": HTML, "Host": "cos.test"}, 200, "text/html", id="service's host"
        ),
        pytest.param("GET", "/", {"Accept": HTML, "Host": "a b"}, 400, "application/xml", id="-"),
    ],
)  # fmt: skip
def test_only_a_person_gets_the_page(
    create_app: CreateApp,
    method: str,
    url: str,
    headers: dict[str, str],
    status: int,
    content_type: str,
) -> None:
    response = ask(create_app(), method, url, **headers)
    assert (response.status_code, response.mimetype) == (status, content_type)


@pytest.mark.parametrize("accept", [HTML, "*/*"])
@pytest.mark.parametrize("place", ["header", "query"])
def test_a_signed_request_lists_the_buckets(create_app: CreateApp, accept: str, place: str) -> None:
    signed = signature()
    if place == "header":
        response = ask(create_app(), Accept=accept, Authorization=signed)
    else:
        response = ask(create_app(), url=f"/?{signed}", Accept=accept)
    assert f"<Name>{SEEDED_BUCKET}</Name>" in response.text


def test_the_page_is_neither_framed_nor_cached(create_app: CreateApp) -> None:
    headers = ask(create_app(), Accept=HTML).headers
    assert headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert headers["Cache-Control"] == "no-store"


def test_the_page_of_an_empty_store_speaks_of_no_bucket(
    create_app: CreateApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXAMPLE_EMPTY", "1")
    text = ask(create_app(), Accept=HTML).text
    assert "There is no example bucket." in text
    assert "curl" not in text


# Agreement with the stored rules


RULES: dict[str, tuple[RuleSet | None, str]] = {
    "first ones": (SEEDED_RULES, "200 with Access-Control-Allow-Origin"),
    "any origin": (RuleSet([Rule(["*"], ["GET"])]), "200 with"),
    "any subdomain": (RuleSet([Rule(["https://*.a.test"], ["DELETE"], ["x-a"])]), "200 with"),
    "null": (RuleSet([Rule(["null"], ["GET", "PUT"])]), "200 with"),
    "second rule": (RuleSet([Rule(["https:*"], ["PUT"]), Rule(["http://a"], ["PUT"])]), "200 with"),
    "no page": (RuleSet([Rule(["https:*"], ["PUT"])]), "403, because no rule allows it"),
    "none": (None, "403, because the bucket has no rules"),
}


@pytest.mark.parametrize("rules, outcome", RULES.values(), ids=RULES)
def test_page_and_printed_lines_say_what_the_stored_rules_do(
    create_app: CreateApp,
    capsys: pytest.CaptureFixture[str],
    rules: RuleSet | None,
    outcome: str,
) -> None:
    store = create_app().extensions["bucketcors"].store
    store.delete(SEEDED_BUCKET)
    if rules:
        store.put(SEEDED_BUCKET, rules)
    with running():
        app = create_app()
    said, command, _ = capsys.readouterr().err.splitlines()
    assert outcome in said
    page = ask(app, Accept=HTML).text
    assert outcome in page
    assert command.strip() in html.unescape(page)
    response = send(app, command)
    assert str(response.status_code) == outcome[:3]
    assert ("Access-Control-Allow-Origin" in response.headers) is outcome.startswith("200")


def send(app: Flask, command: str) -> Any:
    """Send what a curl command sends."""
    curl, _, _, method, url, *options = shlex.split(command)
    assert (curl, options[::2]) == ("curl", ["-H"] * (len(options) // 2))
    headers = [tuple(each.split(": ")) for each in options[1::2]]
    return app.test_client().open(url, method=method, headers=headers)


def running(host: str = "127.0.0.1", port: int = 5000) -> click.Context:
    """The context in which ``flask run`` builds the application."""
    context = click.Context(click.Command("run"))
    context.params = {"host": host, "port": port}
    return context


@pytest.mark.parametrize(
    "host, url",
    [
        ("127.0.0.1", "http://127.0.0.1:5000/"),
        ("0.0.0.0", "http://127.0.0.1:5000/"),
        ("::", "'http://[::1]:5000/"),
        ("::1", "'http://[::1]:5000/"),
        ("localhost", "http://localhost:5000/"),
    ],
)
def test_the_printed_address_is_one_to_open(
    create_app: CreateApp, capsys: pytest.CaptureFixture[str], host: str, url: str
) -> None:
    with running(host):
        create_app()
    assert f" OPTIONS {url}" in capsys.readouterr().err


# The address of the demo page


def test_the_page_leads_to_the_demo(
    create_app: CreateApp, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EXAMPLE_DEMO_PORT")
    monkeypatch.setattr(example_app, "start_demo", lambda demo, host, port: True)
    with running(port=7000):
        app = create_app()
    assert "The demo page: http://127.0.0.1:7001/\n" in capsys.readouterr().err
    assert 'href="http://127.0.0.1:7001/"' in ask(app, Accept=HTML).text


def test_a_port_that_another_program_uses_is_said(
    create_app: CreateApp, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setenv("EXAMPLE_DEMO_PORT", str(port))
        with running():
            app = create_app()
    said = capsys.readouterr().err
    assert f"No demo page: port {port} is in use; set EXAMPLE_DEMO_PORT\n" in said
    assert "demo page" not in ask(app, Accept=HTML).text


def test_without_a_demo_the_page_does_not_speak_of_it(create_app: CreateApp) -> None:
    assert "demo page" not in ask(create_app(), Accept=HTML).text
