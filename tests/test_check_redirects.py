"""How ``check`` follows redirects: as a browser does, hop by hop."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from flask_bucketcors.cli.check.redirects import headers_behind, is_local, method_behind
from tests.support.command_line import invoke
from tests.support.scripted_server import (
    Lines,
    Serve,
    header_in,
    scripted_servers,
    target_of,
)
from tests.support.tables import in_one_test

PAGE = "http://page.test"
ID = "x-cos-request-id: NjFh"
OPEN = ["200 OK", "Access-Control-Allow-Origin: *", ID]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with scripted_servers() as serve:
        yield serve


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name below .test is this machine."""
    resolve = socket.getaddrinfo

    def here(host: Any, *rest: Any, **options: Any) -> Any:
        return resolve("127.0.0.1" if str(host).endswith(".test") else host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", here)


def check(url: str, *options: object, origin: str = PAGE, code: int = 0) -> dict[str, Any]:
    output = invoke(
        "check", url, "--origin", origin, *options, "--format", "json", code=code
    ).stdout
    found: dict[str, Any] = json.loads(output)
    return found


def kinds(data: dict[str, Any]) -> list[tuple[int, str]]:
    """What is wrong, and behind how many redirects."""
    steps = data["checks"][0]["steps"]
    return [
        (steps[place["step"]]["redirects"], fault["kind"])
        for fault in data["faults"]
        for place in fault["at"]
    ]


def redirect(target: str, status: str = "302 Found") -> Lines:
    return [status, f"Location: {target}", "Access-Control-Allow-Origin: *", ID]


def echo(request: str) -> Lines:
    """Allow the origin that asks, whatever it is."""
    origin = header_in(request, "Origin") or ""
    return ["200 OK", f"Access-Control-Allow-Origin: {origin}", "Vary: Origin", ID]


def test_a_redirect_on_one_host_keeps_the_origin(serve: Serve) -> None:
    server = serve(lambda request: redirect("/b") if target_of(request) == "/a" else echo(request))
    data = check(f"{server.address}/a")
    assert [step["redirects"] for step in data["checks"][0]["steps"]] == [0, 1]
    assert server.origins() == [PAGE, PAGE]


def test_behind_a_redirect_from_one_foreign_origin_to_another_the_origin_is_null(
    serve: Serve,
) -> None:
    last = serve(echo)
    first = serve(GET=redirect(last.url))
    data = check(first.url)
    assert (first.origins(), last.origins()) == ([PAGE], ["null"])
    assert data["checks"][0]["steps"][1]["origin"] == "null"


@pytest.mark.parametrize(
    "response",
    [
        ["200 OK", ID],
        ["200 OK", f"Access-Control-Allow-Origin: {PAGE}", "Vary: Origin", ID],
    ],
)
def test_a_response_behind_it_that_does_not_allow_null_is_said_to_lose_the_origin(
    response: Lines, serve: Serve
) -> None:
    last = serve(GET=response, OPTIONS=response)
    first = serve(GET=redirect(last.url))
    data = check(first.url, code=1)
    assert kinds(data) == [(1, "origin_lost")]
    text = invoke("check", first.url, "--origin", PAGE, code=1).output
    assert f"actual after 1 redirect: GET {last.url} -> 200\n  (sent with Origin: null)" in text
    assert f"a page of {PAGE} does not get the response of {last.url}" in text


def test_the_redirect_itself_needs_the_header(serve: Serve) -> None:
    last = serve(GET=OPEN)
    first = serve(GET=["302 Found", f"Location: {last.url}", ID])
    assert kinds(check(first.url, code=1)) == [(0, "redirect_no_allow_origin")]
    assert last.asked == []


def test_a_page_own_url_that_redirects_away_is_not_checked_until_then(serve: Serve) -> None:
    """As where an application redirects to a signed URL of its storage."""
    storage = serve(echo)
    app = serve(GET=["302 Found", f"Location: {storage.url}"])
    data = check(app.url, origin=app.address)
    assert (app.origins(), storage.origins()) == ([None], [app.address])
    assert data["checks"][0]["is_cors"] is True
    refusing = serve(GET=["403 Forbidden", ID])
    app.scripts["GET"] = ["302 Found", f"Location: {refusing.url}"]
    assert kinds(check(app.url, origin=app.address, code=1)) == [(1, "no_allow_origin")]


def test_a_redirect_back_to_the_page_is_checked_with_null(serve: Serve) -> None:
    page = serve(echo)
    storage = serve(GET=redirect(page.url))
    check(storage.url, origin=page.address)
    assert page.origins() == ["null"]


def test_the_same_origin_is_no_cors(serve: Serve) -> None:
    server = serve(GET=["200 OK"])
    data = check(server.url, origin=server.address, code=1)
    assert kinds(data) == [(0, "same_origin")]
    assert data["checks"][0]["is_cors"] is False
    assert server.origins() == [None]
    text = invoke("check", server.url, "--origin", server.address, code=1).output
    assert f"not checked: a page of {server.address} reads it without CORS\n" in text
    assert "pass the origin of the page that fails" in text


def test_each_hop_has_its_preflight(serve: Serve) -> None:
    allowed = ["204 No Content", "Access-Control-Allow-Origin: *", ID]
    allowed += ["Access-Control-Allow-Headers: x-a, authorization"]
    last = serve(OPTIONS=allowed, GET=OPEN)
    first = serve(OPTIONS=allowed, GET=redirect(last.url))
    check(first.url, "--header", "x-a", "--header", "Authorization: Bearer secret")
    assert (first.methods, last.methods) == (["OPTIONS", "GET"], ["OPTIONS", "GET"])
    assert header_in(first.asked[1], "Authorization") == "Bearer secret"
    # It is not sent on to another origin.
    assert header_in(last.asked[0], "Access-Control-Request-Headers") == "x-a"
    assert header_in(last.asked[1], "Authorization") is None


def test_a_preflight_is_not_redirected(serve: Serve) -> None:
    last = serve(GET=OPEN, OPTIONS=OPEN)
    first = serve(OPTIONS=redirect(last.url, "301 Moved"), GET=redirect(last.url))
    data = check(first.url, "--header", "x-a", code=1)
    assert kinds(data) == [(0, "redirected")]
    assert last.asked == []


def test_twenty_redirects_are_followed_and_no_more(serve: Serve) -> None:
    def count(request: str) -> Lines:
        number = int(target_of(request)[1:])
        return redirect(f"/{number - 1}") if number else echo(request)

    server = serve(count)
    assert len(check(f"{server.address}/20")["checks"][0]["steps"]) == 21
    assert kinds(check(f"{server.address}/21", code=1)) == [(20, "redirect_limit")]
    circle = serve(GET=redirect("/photos/cat.png"))
    assert kinds(check(circle.url, code=1)) == [(20, "redirect_limit")]
    assert len(circle.asked) == 21


@pytest.mark.parametrize(
    "location, kind",
    [
        ("file:///etc/passwd", "redirect_target"),
        ("ftp://a.test/", "redirect_target"),
        ("data:text/plain,hello", "redirect_target"),
        ("javascript:alert(1)", "redirect_target"),
        ("http://", "redirect_target"),
        ("http://[", "redirect_target"),
        ("http://a b/", "redirect_target"),
        ("http://a.test:99999/", "redirect_target"),
        ("http://user:secret@a.test/", "redirect_user_name"),
        ("http://user@a.test/", "redirect_user_name"),
    ],
)
def test_redirects_that_no_browser_follows(location: str, kind: str, serve: Serve) -> None:
    assert kinds(check(serve(GET=redirect(location)).url, code=1)) == [(0, kind)]


@pytest.mark.parametrize(
    "location, target",
    [
        ("/b?next=https://a.test/", "/b?next=https://a.test/"),
        ("b", "/photos/b"),
        ("../b", "/b"),
        ("?b", "/photos/cat.png?b"),
        ("/b#part", "/b"),
        ("/caf\u00e9", "/caf%C3%A9"),
        ("/caf%C3%A9", "/caf%C3%A9"),
    ],
)
def test_locations_are_read_as_browsers_read_them(location: str, target: str, serve: Serve) -> None:
    server = serve(lambda request: redirect(location) if len(server.asked) == 1 else echo(request))
    check(server.url)
    assert target_of(server.asked[1]) == target


def test_a_redirect_without_a_location_is_the_response(serve: Serve) -> None:
    assert kinds(check(serve(GET=["302 Found", *OPEN[1:]]).url)) == []


@pytest.mark.usefixtures("names")
def test_a_redirect_from_a_public_host_to_a_local_one_is_not_followed(serve: Serve) -> None:
    inside = serve(GET=OPEN)
    for host in (
        "127.0.0.1",
        "localhost",
        "[::1]",
        "10.0.0.1",
        "169.254.169.254",
        "127.1",
        "0x7f000001",
    ):
        outside = serve(GET=redirect(f"http://{host}:{inside.port}/"))
        url = f"http://storage.test:{outside.port}/a"
        assert kinds(check(url, code=1)) == [(0, "local_network")]
    assert inside.asked == []


@pytest.mark.usefixtures("names")
def test_a_redirect_of_an_https_page_to_http_is_blocked(serve: Serve) -> None:
    server = serve(GET=redirect("http://storage.test/a"))
    found = check(server.url, origin="https://page.test", code=1)
    assert kinds(found) == [(0, "mixed_content")]


@in_one_test
@pytest.mark.parametrize(
    "status, method, behind",
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (301, "PUT", "PUT"),
        (302, "DELETE", "DELETE"),
        (303, "HEAD", "HEAD"),
        (303, "GET", "GET"),
    ],
)
def test_the_method_behind_a_redirect(status: int, method: str, behind: str) -> None:
    assert method_behind(status, method) == behind


def test_the_headers_behind_a_redirect() -> None:
    of_body = ("Content-Type", "content-encoding", "Content-Language", "Content-Location")
    headers = [*((name, "a") for name in of_body), ("AUTHORIZATION", "x"), ("X-A", "1")]
    kept = headers_behind(headers, same_method=False, same_origin=False)
    assert kept == [("X-A", "1")]
    assert headers_behind(headers, same_method=True, same_origin=True) == headers


@in_one_test
@pytest.mark.parametrize(
    "host, local",
    [
        ("localhost", True),
        ("a.localhost", True),
        ("100.64.0.1", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("192.168.1.1", True),
        ("fd00::1", True),
        ("169.254.169.254", True),
        ("8.8.8.8", False),
        ("storage.test", False),
        ("localhost.test", False),
    ],
)
def test_local_hosts(host: str, local: bool) -> None:
    assert is_local(host) is local


def test_unsafe_methods_are_not_sent_on_without_a_word(serve: Serve) -> None:
    allowed = ["204 No Content", "Access-Control-Allow-Origin: *", ID]
    allowed += ["Access-Control-Allow-Methods: PUT"]
    last = serve(OPTIONS=allowed, PUT=OPEN)
    first = serve(OPTIONS=allowed, PUT=redirect(last.url, "307 Temporary Redirect"))
    check(first.url, "--method", "PUT")
    assert (first.methods, last.methods) == (["OPTIONS"], [])
    check(first.url, "--method", "PUT", "--send-unsafe")
    assert last.methods == ["OPTIONS", "PUT"]
