"""``flask bucketcors check`` against servers that are right, broken, slow or no servers at all."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import werkzeug.serving
from click.testing import Result
from flask import Flask

from flask_bucketcors import BucketCORS, MemoryStore, Rule, RuleSet
from flask_bucketcors.cli import bucketcors
from flask_bucketcors.cli.check import http_exchange
from tests.support.apps import served_storage
from tests.support.certificates import write_certificate
from tests.support.command_line import invoke
from tests.support.processes import servers
from tests.support.scripted_server import Lines, Serve, scripted_servers
from tests.support.tables import in_one_test

PAGE = "https://page.test"
OTHER_PAGE = "https://other.test"
ID = "x-cos-request-id: NjFh"


@pytest.fixture
def serve() -> Iterator[Serve]:
    with scripted_servers() as serve:
        yield serve


def check(url: str, *options: object, origin: str = PAGE, code: int = 0) -> Result:
    return invoke("check", url, "--origin", origin, *options, code=code)


def faults(url: str, *options: object, origin: str = PAGE, code: int = 1) -> list[tuple[str, str]]:
    """What is wrong with which step of a single check."""
    output = check(url, *options, "--format", "json", origin=origin, code=code).stdout
    data = json.loads(output)
    names = [step["step"] for step in data["checks"][0]["steps"]]
    return [
        (names[place["step"]] if place["step"] is not None else "", fault["kind"])
        for fault in data["faults"]
        for place in fault["at"]
    ]


ALLOWED = ["200 OK", f"Access-Control-Allow-Origin: {PAGE}", "Vary: Origin", ID]
PREFLIGHT_ALLOWED = [*ALLOWED, "Access-Control-Allow-Methods: PUT", "Content-Length: 0"]


def test_no_socket_is_left_to_the_garbage_collector(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the server says that it closes, the socket is the response's, not the connection's."""
    responses: list[http_exchange.HTTPResponse] = []
    begin = http_exchange.HTTPResponse.begin

    def remember(response: http_exchange.HTTPResponse) -> None:
        responses.append(response)
        begin(response)

    monkeypatch.setattr(http_exchange.HTTPResponse, "begin", remember)
    check(serve(GET=[*ALLOWED, "Content-Length: 5", "", "bytes"]).url)
    assert [response.isclosed() for response in responses] == [True]


# What is sent


def test_a_simple_request_is_sent_as_a_browser_sends_it(serve: Serve) -> None:
    server = serve(GET=ALLOWED)
    output = check(f"{server.url}?a=b c&signature=secret").output
    assert output.endswith(" may send this request and read the response\n")
    # What stands in the query may be a signature.
    assert "secret" not in output
    [request] = server.asked
    assert request.startswith("GET /photos/cat.png?a=b%20c&signature=secret HTTP/1.1\r\n")
    assert f"\r\nOrigin: {PAGE}\r\n" in request
    assert request.endswith("\r\n\r\n")


def test_a_preflight_asks_as_a_browser_does(serve: Serve) -> None:
    preflight = [*PREFLIGHT_ALLOWED, "Access-Control-Allow-Headers: x-b, content-type, X-A"]
    server = serve(OPTIONS=preflight, GET=ALLOWED)
    headers = ["X-B: 1", "x-a", "content-type", "accept: text/html"]
    check(server.url, *(part for header in headers for part in ("--header", header)))
    preflight_sent, actual_sent = server.asked
    assert "\r\nAccess-Control-Request-Method: GET\r\n" in preflight_sent
    assert "\r\nAccess-Control-Request-Headers: content-type,x-a,x-b\r\n" in preflight_sent
    assert "\r\nX-B: 1\r\n" in actual_sent
    assert "\r\naccept: text/html\r\n" in actual_sent


def test_what_may_change_something_is_not_sent_unless_asked_for(serve: Serve) -> None:
    server = serve(OPTIONS=PREFLIGHT_ALLOWED, PUT=ALLOWED)
    output = check(server.url, "--method", "put").output
    assert "is not sent: it may change something (--send-unsafe)" in output
    assert server.methods == ["OPTIONS"]
    check(server.url, "--method", "put", "--send-unsafe")
    assert server.methods[1:] == ["OPTIONS", "PUT"]
    # Never with a body.
    assert "\r\nContent-Length: 0\r\n" in server.asked[-1]
    assert server.asked[-1].endswith("\r\n\r\n")


def test_a_request_that_its_preflight_refuses_is_not_sent(serve: Serve) -> None:
    server = serve(OPTIONS=["403 Forbidden", ID])
    check(server.url, "--header", "x-a", code=1)
    assert server.methods == ["OPTIONS"]


@in_one_test
@pytest.mark.parametrize(
    "options, message",
    [
        (["--origin", "https://page.test/"], "a browser sends https://page.test: write that"),
        (["--origin", "HTTPS://Page.Test:443"], "a browser sends https://page.test"),
        (["--origin", "https://b\xfccher.test:8443"], "sends https://xn--bcher-kva.test:8443: "),
        (["--origin", "page.test"], "write scheme://host"),
        (["--origin", "https://[page"], "write scheme://host"),
        (["--header", "Cookie: a=b"], "a page cannot set cookie"),
        (["--header", "Sec-Fetch-Mode: cors"], "a page cannot set sec-fetch-mode"),
        (["--header", "a b"], "write NAME or"),
        (["--header", "x-a: b\r\nx-c: d"], "write NAME or"),
        (["--method", "TRACE"], "a page cannot send this method"),
        (["--method", "A B"], "a page cannot send this method"),
        (["--timeout", "0"], "not in the range"),
    ],
)
def test_what_no_browser_would_send_is_wrong_usage(options: Lines, message: str) -> None:
    assert message in check("http://127.0.0.1:9/", *options, code=2).output


@pytest.mark.parametrize(
    "url", ["ftp://a.test/", "a.test", "http://u:p@a.test/", "http://a:x/", "http://[::1/"]
)
def test_the_address_is_one_of_http(url: str) -> None:
    assert "write http://host/path" in check(url, code=2).output


@in_one_test
@pytest.mark.parametrize(
    "host",
    [
        "a b", "a%20b", "a\tb", "a|b", "a..b", "a\u202eb.test", "\xfc\u2063.test",
        "a" * 64 + ".test", "a." * 127 + "test", "...",
    ],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_host_is_one_that_a_browser_asks_for(scheme: str, host: str) -> None:
    output = check(f"{scheme}://{host}/", code=2).output
    assert "no host has that name: write http://host/path" in output


def test_an_address_of_ipv6_has_no_zone() -> None:
    assert "no host has that name" in check("http://[fe80::1%25lo]/", code=2).output


def test_an_address_that_is_not_utf_8_is_wrong_usage() -> None:
    assert "write it in UTF-8" in check("http://127.0.0.1:9/\udcff", code=2).output


# What is found


@pytest.mark.parametrize(
    "response, options, expected",
    [
        pytest.param(["200 OK", ID], [], ["no_allow_origin"], id="200 without CORS headers"),
        pytest.param(
            ["200 OK", "Content-Type: text/plain", "", "hello"],
            [],
            ["no_allow_origin", "in_front"],
            id="plain text, not of a storage",
        ),
        pytest.param(
            ["200 OK", f"Access-Control-Allow-Origin: {OTHER_PAGE}", "Vary: Origin", ID],
            [],
            ["other_origin"],
            id="another page's origin",
        ),
        pytest.param(
            ["200 OK", f"Access-Control-Allow-Origin: {PAGE}\x0c", "Vary: Origin", ID],
            [],
            ["origin_invisible_character"],
            id="a blank that browsers do not remove",
        ),
        pytest.param(
            [*ALLOWED, f"Access-Control-Allow-Origin: {PAGE}"],
            [],
            ["duplicate_headers"],
            id="the same origin twice",
        ),
        pytest.param(
            ["200 OK", f"Access-Control-Allow-Origin: {PAGE}, *", ID],
            [],
            ["origin_list"],
            id="two origins in a line",
        ),
        pytest.param(
            ["200 OK", "Access-Control-Allow-Origin: *", ID],
            ["--credentials"],
            ["credentials_wildcard"],
            id="a star, with credentials",
        ),
        pytest.param(
            ALLOWED, ["--credentials"], ["credentials_missing"], id="credentials not allowed"
        ),
        pytest.param(
            ["302 Found", "Location: /login?token=secret"],
            [],
            ["login_page", "redirect_no_allow_origin"],
            id="a redirect to a login page",
        ),
        pytest.param(
            ["403 Forbidden", "Via: 1.1 proxy", "X-Cache: HIT", "Server: cloudflare"],
            [],
            ["no_allow_origin", "in_front"],
            id="a CDN that refuses",
        ),
    ],
)
def test_responses_to_the_request_are_judged_by_their_headers(
    response: Lines, options: Lines, expected: Lines, serve: Serve
) -> None:
    server = serve(GET=response, OPTIONS=["204 No Content"])
    assert faults(server.url, *options) == [("actual", cause) for cause in expected]


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(["200 OK", "Access-Control-Allow-Origin: *"], id="a star, without an id"),
        pytest.param(["404 Not Found", *ALLOWED[1:]], id="an error that the page may read"),
        pytest.param([*ALLOWED[:2], "Vary: *", ID], id="what varies by everything"),
        pytest.param(["304 Not Modified", *ALLOWED[1:]], id="not modified"),
    ],
)
def test_what_a_browser_hands_to_the_page_is_no_fault(response: Lines, serve: Serve) -> None:
    assert faults(serve(GET=response).url, code=0) == []


@pytest.mark.parametrize(
    "response, options, expected",
    [
        pytest.param(
            ["301 Moved", "Location: https://elsewhere.test/", *PREFLIGHT_ALLOWED[1:]],
            [],
            ["redirected"],
            id="a redirect",
        ),
        pytest.param(
            ["403 Forbidden", *PREFLIGHT_ALLOWED[1:]], [], ["status"], id="another status"
        ),
        pytest.param(ALLOWED, [], ["method_missing"], id="no methods"),
        pytest.param(
            [*ALLOWED, "Access-Control-Allow-Methods: put"], [], ["method_case"], id="their case"
        ),
        pytest.param(
            PREFLIGHT_ALLOWED, ["--header", "x-a"], ["header_missing"], id="a header less"
        ),
        pytest.param(
            [*PREFLIGHT_ALLOWED, "Access-Control-Allow-Headers: a(b"],
            [],
            ["headers_no_list"],
            id="a list that is none",
        ),
        pytest.param(
            [*PREFLIGHT_ALLOWED, "Access-Control-Allow-Headers: *"],
            ["--header", "authorization"],
            ["headers_star_authorization"],
            id="a star is not Authorization",
        ),
        pytest.param(
            ["200 OK", "Content-Type: text/plain", "", "OK"],
            [],
            ["no_allow_origin", "in_front"],
            id="plain text in place of CORS",
        ),
    ],
)
def test_responses_to_a_preflight_are_judged_as_browsers_do(
    response: Lines, options: Lines, expected: Lines, serve: Serve
) -> None:
    server = serve(OPTIONS=response)
    found = faults(server.url, "--method", "PUT", *options)
    assert found == [("preflight", cause) for cause in expected]


def test_an_origin_without_vary_is_found_though_a_browser_takes_it(serve: Serve) -> None:
    def echo(connection: socket.socket) -> None:
        asked = server.asked[-1]
        origin = f"Access-Control-Allow-Origin: {PAGE}\r\n" if "Origin:" in asked else ""
        connection.sendall(f"HTTP/1.0 200 OK\r\n{origin}{ID}\r\n\r\n".encode())

    server = serve(GET=echo)
    output = check(server.url, code=1).output
    assert "allowed: " in output
    assert "vary_missing: the response names the origin without Vary: Origin" in output


def test_a_server_that_is_silent_without_an_origin_may_vary(serve: Serve) -> None:
    def respond(request: str) -> Lines:
        if "Origin: " not in request:
            raise ConnectionResetError
        return [*ALLOWED[:2], ID]

    assert faults(serve(respond).url) == [("actual", "vary_missing")]


def test_a_server_that_says_the_same_to_everybody_need_not_vary(serve: Serve) -> None:
    assert faults(serve(GET=[*ALLOWED[:2], ID]).url, code=0) == []


def test_a_preflight_that_no_cache_keeps_need_not_vary(serve: Serve) -> None:
    preflight = [line for line in PREFLIGHT_ALLOWED if "Vary" not in line]
    preflight.append("Access-Control-Allow-Headers: x-a")
    server = serve(OPTIONS=preflight, GET=ALLOWED)
    assert faults(server.url, "--header", "x-a", code=0) == []


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(
            ["103 Early Hints", "Link: </a>", "", "HTTP/1.1 100 Continue", "", "HTTP/1.1 200 OK"],
            id="responses that only announce one",
        ),
        pytest.param(
            ["200 OK", "Access-Control-Expose-Headers: ETag,\r\n  x-a"], id="a folded line"
        ),
    ],
)
def test_what_http_allows_is_read_as_browsers_do(response: Lines, serve: Serve) -> None:
    server = serve(
        GET=lambda connection: connection.sendall(
            "\r\n".join(["HTTP/1.1 " + response[0], *response[1:], *ALLOWED[1:], "", ""]).encode()
        )
    )
    output = check(server.url).output
    assert "-> 200\n" in output
    assert ("Expose-Headers: ETag, x-a\n" in output) is ("Expose" in response[-1])


def test_an_error_that_a_page_may_read_is_not_called_a_success(serve: Serve) -> None:
    output = check(serve(GET=["403 Forbidden", *ALLOWED[1:]]).url).output
    assert output.endswith(" may read the response; CORS is not the cause of its status, 403\n")


def test_an_address_without_end_is_shown_by_its_beginning(serve: Serve) -> None:
    output = check(f"{serve(GET=ALLOWED).url}{'a' * 5000}").output
    assert "more characters) -> 200" in output
    assert len(output) < 1000


def test_the_deciding_value_is_marked(serve: Serve) -> None:
    server = serve(GET=["200 OK", f"Access-Control-Allow-Origin: {OTHER_PAGE}", ID])
    lines = check(server.url, code=1).output.splitlines()
    index = lines.index(f"  Access-Control-Allow-Origin: {OTHER_PAGE}")
    assert lines[index + 1] == " " * 31 + "^" * len(OTHER_PAGE)


def test_what_a_server_says_does_not_command_the_terminal(serve: Serve) -> None:
    evil = "\x1b[31mred\x07"
    lines = ["302 Found", f"Server: {evil}", f"Location: /{evil}?token=secret", "Set-Cookie: s=1"]
    output = check(serve(GET=lines, OPTIONS=lines).url, code=1).output
    assert r"Server: \x1b[31mred\x07" in output
    assert "\x1b" not in output
    assert "secret" not in output
    assert "Set-Cookie" not in output


def test_of_a_value_without_end_the_beginning_is_shown(serve: Serve) -> None:
    lines = ["200 OK", f"Vary: {'a' * 60_000}"]
    output = check(serve(GET=lines, OPTIONS=lines).url, code=1).output
    assert "(and 59500 more characters)" in output
    assert len(output) < 2000


def test_an_http_address_is_not_asked_for_an_https_page() -> None:
    assert faults("http://storage.invalid/photos") == [("actual", "mixed_content")]


# What is no server


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    with suppress(OSError):
        for _ in range(100):
            connection.sendall(b"x")
            time.sleep(0.05)


def flood(status: str, connection: socket.socket) -> None:
    connection.sendall("\r\n".join([f"HTTP/1.1 {status}", *ALLOWED[1:], "", ""]).encode())
    with suppress(OSError):
        for _ in range(10_000):
            connection.sendall(b"x" * 65536)


def drip_tls(connection: socket.socket) -> None:
    # The head of a record of 16 KiB that holds a ServerHello.
    connection.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")
    with suppress(OSError):
        while True:
            connection.sendall(b"\0")
            time.sleep(0.05)


def test_a_server_that_drips_its_handshake_is_given_up(serve: Serve) -> None:
    url = serve(ANY=drip_tls).url.replace("http:", "https:")
    output = check(url, "--timeout", "0.2", code=1).output
    assert "unreachable: no response within 0.2 seconds" in output


def announce(connection: socket.socket) -> None:
    with suppress(OSError):
        while True:
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")


def test_a_server_that_announces_without_end_is_given_up(serve: Serve) -> None:
    output = check(serve(GET=announce).url, "--timeout", "0.2", code=1).output
    assert "unreachable: no response within 0.2 seconds" in output


def test_a_server_that_drips_is_given_up(serve: Serve) -> None:
    output = check(serve(GET=drip).url, "--timeout", "0.2", code=1).output
    assert "unreachable: no response within 0.2 seconds" in output


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found"])
def test_of_an_endless_body_the_beginning_is_read(status: str, serve: Serve) -> None:
    assert faults(serve(GET=partial(flood, status)).url, "--timeout", "20", code=0) == []


def drip_body(connection: socket.socket) -> None:
    connection.sendall("\r\n".join(["HTTP/1.1 404 Not Found", *ALLOWED[1:], "", ""]).encode())
    with suppress(OSError):
        while True:
            connection.sendall(b"<")
            time.sleep(0.05)


def test_a_body_that_drips_does_not_hide_the_headers(serve: Serve) -> None:
    assert faults(serve(GET=drip_body).url, "--timeout", "0.3", code=0) == []


@pytest.mark.parametrize(
    "response, message",
    [
        (b"", "no connection: Remote end closed connection without response"),
        (b"SSH-2.0-OpenSSH\r\n", "the response is not HTTP"),
        (
            b"HTTP/1.1 200 OK\r\n" + b"X-A: 1\r\n" * 101 + b"\r\n",
            "the response's headers cannot be read: got more than 100 headers",
        ),
        (
            b"HTTP/1.1 200 OK\r\nX-A: " + b"1" * 70_000,
            "the response's headers cannot be read: got more than 65536 bytes",
        ),
        (
            b"HTTP/1.1 200 OK\r\nnonsense\r\nAccess-Control-Allow-Origin: *\r\n\r\n",
            "the response's headers cannot be read: one of their lines is not a header",
        ),
    ],
)
def test_what_is_not_http_is_said(response: bytes, message: str, serve: Serve) -> None:
    server = serve(GET=lambda connection: connection.sendall(response))
    output = check(server.url, code=1).output
    assert message in output


def test_a_closed_port_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    output = check(f"http://127.0.0.1:{port}/", code=1).output
    assert "closed_port: the connection is refused: check the port in the URL" in output


def test_a_server_without_tls_is_said(serve: Serve) -> None:
    def plain(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

    server = serve(ANY=plain)
    output = check(server.url.replace("http:", "https:"), code=1).output
    assert "speaks_http: the server speaks plain HTTP on this port" in output


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(
            b"HTTP/1.1 400 Bad Request\r\n\r\n<title>400 The plain HTTP request was sent to HTTPS "
            b"port</title>",
            id="nginx",
        ),
        pytest.param(
            b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
            id="Go",
        ),
        pytest.param(
            b"HTTP/1.1 400 Bad Request\r\n\r\nReason: You're speaking plain HTTP to an SSL-enabled "
            b"server port.",
            id="Apache",
        ),
        pytest.param(
            b"HTTP/1.1 400 \r\n\r\nBad Request\r\nThis combination of host and port requires TLS.",
            id="Tomcat",
        ),
        pytest.param(b"\x15\x03\x01\x00\x02\x02\x46", id="an alert of TLS"),
    ],
)
def test_a_server_with_tls_is_said(response: bytes, serve: Serve) -> None:
    assert faults(serve(ANY=response).url) == [("actual", "speaks_tls")]


def test_a_host_that_does_not_resolve_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*arguments: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    output = check("http://photos.cos.nowhere.test/a", origin="http://page.test", code=1).output
    assert "no_such_host: the host does not resolve: check the spelling" in output


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost, signed by itself, and its key."""
    return write_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def https_port(certificate: Path) -> Iterator[int]:
    """A storage that speaks TLS on 127.0.0.1."""
    store = MemoryStore()
    store.put("photos", RuleSet([Rule([PAGE], ["GET"])]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with werkzeug_server(make_app(store), ssl_context=context) as url:
        yield int(url.rpartition(":")[2])


def test_https_is_checked(
    https_port: int, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    url = f"https://localhost:{https_port}/photos/cat.png"
    assert f"allowed: a page of {PAGE} may send this request" in check(url).output
    assert ("actual", "no_allow_origin") in faults(url, origin=OTHER_PAGE)
    # The certificate names another host.
    output = check(url.replace("localhost", "127.0.0.1"), code=1).output
    assert "certificate: the certificate is refused: " in output


def test_plain_http_to_a_port_that_speaks_tls_is_said(https_port: int) -> None:
    """Its certificate need not be one that is trusted."""
    url = f"http://127.0.0.1:{https_port}/photos/cat.png"
    assert faults(url, origin="http://page.test") == [("actual", "speaks_tls")]


def test_a_certificate_that_nobody_vouches_for_is_refused(https_port: int) -> None:
    output = check(f"https://localhost:{https_port}/photos/cat.png", code=1).output
    assert "certificate: the certificate is refused: self-signed certificate" in output
    assert "correct the certificate" in output


# Real servers


@contextmanager
def werkzeug_server(app: Any, **options: Any) -> Iterator[str]:
    server = werkzeug.serving.make_server("127.0.0.1", 0, app, **options)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def make_app(store: MemoryStore, **settings: object) -> Flask:
    app = Flask("storage")
    app.config.update(settings)
    app.add_url_rule("/<bucket>/<path:key>", "read", lambda bucket, key: "an object")
    BucketCORS(app, store=store)
    return app


def test_an_application_is_checked_and_explained_by_its_rules(tmp_path: Path) -> None:
    store = MemoryStore()
    store.put("photos", RuleSet([Rule([PAGE], ["GET", "PUT"], ["x-a"])]))
    app = make_app(store)
    rules = Path(tmp_path, "rules.json")
    rules.write_text(json.dumps({"rules": [rule.as_dict() for rule in store.get("photos").rules]}))  # type: ignore[union-attr]
    with werkzeug_server(app) as url:
        url = f"{url}/photos/cat.png"
        assert faults(url, "--header", "x-a", code=0) == []
        output = check(url, "--header", "x-b", "--rules", rules, code=1).output
        assert "no_allow_origin" in output
        assert "Refused[header_missing]" in output
        arguments = ["check", url, "--origin", PAGE, "--bucket", "photos", "--format", "json"]
        result = app.test_cli_runner().invoke(bucketcors, [*arguments, "--method", "DELETE"])
        assert json.loads(result.stdout)["checks"][0]["explanation"]["cause"] == "method_missing"


def test_a_response_is_explained_as_that_of_its_own_request(serve: Serve, tmp_path: Path) -> None:
    rules = Path(tmp_path, "rules.json")
    rule = {"allowed_origins": [PAGE], "allowed_methods": ["GET"], "allowed_headers": ["x-a"]}
    rules.write_text(json.dumps([rule]))
    preflight = [*PREFLIGHT_ALLOWED, "Access-Control-Allow-Headers: x-a"]
    server = serve(OPTIONS=preflight, GET=ALLOWED)
    output = check(server.url, "--header", "x-a", "--rules", rules).output
    assert f"Allowed: rule 1 allows GET from '{PAGE}'" in output


@pytest.mark.parametrize(
    "response",
    [
        pytest.param([*ALLOWED, "ETag: 1"], id="a header that the page may not want"),
        pytest.param(["404 Not Found", *ALLOWED[1:]], id="an error that the page may read"),
    ],
)
def test_what_a_page_gets_is_explained_as_that(
    response: Lines, serve: Serve, tmp_path: Path
) -> None:
    rules = Path(tmp_path, "rules.json")
    rules.write_text(json.dumps([{"allowed_origins": [PAGE], "allowed_methods": ["GET"]}]))
    output = check(serve(GET=response).url, "--rules", rules).output
    assert f"Allowed: rule 1 allows GET from '{PAGE}'" in output


def test_what_got_no_response_is_not_explained(serve: Serve, tmp_path: Path) -> None:
    rules = Path(tmp_path, "rules.json")
    rule = {"allowed_origins": [PAGE], "allowed_methods": ["GET"], "allowed_headers": ["x-a"]}
    rules.write_text(json.dumps([rule]))
    preflight = [*PREFLIGHT_ALLOWED, "Access-Control-Allow-Headers: x-a"]
    server = serve(OPTIONS=preflight, GET=lambda connection: connection.sendall(b""))
    output = check(server.url, "--header", "x-a", "--rules", rules, code=1).output
    assert "unreachable" in output
    assert "Allowed" not in output
    assert "rule 1" not in output


def test_values_of_a_header_that_is_set_twice_are_one(serve: Serve) -> None:
    types = ["--header", "Content-Type: application/json", "--header", "Content-Type: text/plain"]
    server = serve(
        OPTIONS=[*PREFLIGHT_ALLOWED, "Access-Control-Allow-Headers: content-type"], GET=ALLOWED
    )
    check(server.url, *types)
    assert server.methods[0] == "OPTIONS"
    assert "Access-Control-Request-Headers: content-type\r\n" in server.asked[0]


def test_secrets_that_a_page_sends_are_not_shown(serve: Serve) -> None:
    server = serve(OPTIONS=["403 Forbidden", ID])
    output = check(server.url, "--header", "Authorization: Bearer secret", code=1).output
    assert "secret" not in output


REFUSED = {
    "other rules": [Rule([OTHER_PAGE], ["GET"])],
    "other method": [Rule([PAGE], ["PUT"])],
    "no rules": [],
}


@pytest.mark.parametrize("vary", ["safe", "vendor"])
@pytest.mark.parametrize("rules", REFUSED.values(), ids=REFUSED)
def test_a_refusal_by_a_wrapped_application_is_known_to_be_its_own(
    rules: list[Rule], vary: str
) -> None:
    """It has no id of a storage; the response to a preflight of the same URL has one."""
    store = MemoryStore()
    if rules:
        store.put("photos", RuleSet(rules))
    with werkzeug_server(make_app(store, BUCKETCORS_VARY=vary)) as url:
        assert faults(f"{url}/photos/cat.png") == [("actual", "no_allow_origin")]


def test_a_page_that_the_rules_of_a_wrapped_application_refuse_is_an_object() -> None:
    """Not a page in place of the storage, whatever its title."""
    store = MemoryStore()
    store.put("photos", RuleSet([Rule([OTHER_PAGE], ["GET"])]))
    app = make_app(store, BUCKETCORS_VARY="vendor")
    app.view_functions["read"] = lambda bucket, key: "<html><title>Log in</title></html>"
    with werkzeug_server(app) as url:
        assert faults(f"{url}/photos/page.html") == [("actual", "no_allow_origin")]


def test_a_page_in_place_of_the_storage_comes_first(serve: Serve) -> None:
    lines = ["200 OK", "Content-Type: text/html", "", "<!doctype html><title>Shop</title>"]
    server = serve(GET=lines, OPTIONS=lines)
    assert faults(server.url) == [("actual", "web_page"), ("actual", "no_allow_origin")]
    found = faults(server.url, "--header", "x-a")
    assert found == [("preflight", "web_page"), ("preflight", "no_allow_origin")]


def through_cdn(app: Any, *, forwards_origin: bool) -> Any:
    """The application behind a CDN, as a WSGI application."""

    def cdn(environ: Any, start_response: Any) -> Any:
        if environ["REQUEST_METHOD"] != "OPTIONS" and not forwards_origin:
            environ.pop("HTTP_ORIGIN", None)
        marks = [("Server", "cloudflare"), ("CF-Ray", "7d1"), ("X-Cache", "MISS")]

        def start(status: str, headers: Any, exc_info: Any = None) -> Any:
            return start_response(status, [*headers, *marks], exc_info)

        return app(environ, start)

    return cdn


def test_a_cdn_is_not_blamed_for_what_the_rules_refuse(tmp_path: Path) -> None:
    store = MemoryStore()
    store.put("photos", RuleSet([Rule([OTHER_PAGE], ["GET"])]))
    rules = Path(tmp_path, "rules.json")
    rules.write_text(json.dumps([{"allowed_origins": [OTHER_PAGE], "allowed_methods": ["GET"]}]))
    with werkzeug_server(through_cdn(make_app(store), forwards_origin=True)) as url:
        output = check(f"{url}/photos/cat.png", "--rules", rules, code=1).output
    assert "in_front" not in output
    assert "Refused[origin_not_listed]" in output
    assert "CDN" not in output


@pytest.mark.parametrize("sends", ["GET without Origin", "500 of the server"])
def test_what_a_preflight_allows_was_changed_behind_the_rules(sends: str) -> None:
    store = MemoryStore()
    store.put("photos", RuleSet([Rule([PAGE], ["GET"])]))
    app = through_cdn(make_app(store), forwards_origin=False)

    def failing(environ: Any, start_response: Any) -> Any:
        if environ["REQUEST_METHOD"] == "OPTIONS":
            return app(environ, start_response)
        start_response("500 Internal Server Error", [("Content-Length", "0")])
        return []

    with werkzeug_server(failing if sends == "500 of the server" else app) as url:
        output = check(f"{url}/photos/cat.png", code=1).output
    assert "in_front: the storage allows this request in a preflight, so a cache" in output


def test_a_response_that_names_origin_in_vary_was_decided_by_rules(serve: Serve) -> None:
    """Also where something in front responds to OPTIONS in place of the storage."""
    server = serve(GET=["200 OK", "Vary: Accept, origin"], OPTIONS=["204 No Content"])
    assert faults(server.url) == [("actual", "no_allow_origin")]


def test_two_responses_without_an_id_are_said_to_be_of_somebody_else(serve: Serve) -> None:
    server = serve(GET=["200 OK"], OPTIONS=["204 No Content"])
    output = check(server.url, code=1).output
    assert server.methods == ["GET", "OPTIONS"]
    assert (
        "in_front: the response has no id of a storage, such as x-cos-request-id, and neither has "
        "the response to a preflight: perhaps the storage did not send it, the URL "
        "belongs to no bucket, or the bucket has no rules\n"
    ) in output


def test_two_layers_that_both_respond_are_found() -> None:
    store = MemoryStore()
    store.put("photos", RuleSet([Rule([PAGE], ["GET"])]))
    app = make_app(store)
    inner = app.wsgi_app

    def adding(environ: Any, start_response: Any) -> Any:
        def start(status: str, headers: Any, exc_info: Any = None) -> Any:
            return start_response(status, [*headers, ("Access-Control-Allow-Origin", PAGE)])

        return inner(environ, start)

    with werkzeug_server(adding) as url:
        assert faults(f"{url}/photos/cat.png") == [("actual", "duplicate_headers")]


def test_gunicorn_is_checked(tmp_path: Path) -> None:
    environ = {served_storage.DATABASE: str(tmp_path / "rules.sqlite")}
    with servers.gunicorn(served_storage.APP, environ=environ, workers=1) as server:
        url = f"http://127.0.0.1:{server.port}/photos/cat.png"
        assert faults(url, "--method", "PUT") == [
            ("preflight", "no_allow_origin"),
            ("preflight", "status"),
        ]
