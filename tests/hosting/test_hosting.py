"""One table of requests against real servers; where they differ stands in :mod:`exchanges`."""

from pathlib import Path

import pytest
from exchanges import (
    BODIES,
    DECORATED,
    DIFFERENCES,
    EXCHANGES,
    FROM_A,
    RULES,
    WITHOUT_CHUNKS,
    Difference,
    Exchange,
)
from wire import Response, chunks, connect, request

from tests.support.cos_signing import HOST, authorization

AS_ALL = Difference("", {})
#: They close each connection after one response.
CLOSES = ("gunicorn sync", "pyruvate", "uWSGI", "werkzeug", "wsgiref")
WITHOUT_PIPELINES = {
    "bjoern": "answers the last of the requests that arrive together, and no other; browsers and"
    " proxies send none together"
}
#: What else may come after a body that nobody has read, by server and framing.
TAKEN_FOR_REQUESTS = {
    # The line with the size of the first chunk; the connection is closed then.
    ("cheroot", "chunks"): [[b"Malformed Request-Line"]],
}


def ask(port: int, exchange: Exchange) -> Response | None:
    """Send a request on a connection of its own; None if no response comes."""
    with connect(port) as wire:
        wire.send(exchange.request)
        if exchange.breaks_off:
            wire.end()
        return next(iter(wire.receive_all([exchange.method])), None)


@pytest.mark.parametrize("row", EXCHANGES)
def test_an_exchange(name: str, port: int, row: str) -> None:
    expected = EXCHANGES[row]._replace(**DIFFERENCES.get((name, row), AS_ALL).fields)
    response = ask(port, expected)
    if expected.status is None:
        assert response is None
        return
    assert response is not None
    assert response.status == expected.status
    assert response.cors == expected.cors
    if expected.body is not None:
        is_document = expected.body.startswith(b"<Code>")
        assert expected.body in response.body if is_document else response.body == expected.body
    assert {key: response.headers.get(key) for key in expected.headers} == expected.headers


def test_every_difference_is_one() -> None:
    for (name, row), difference in DIFFERENCES.items():
        assert difference.reason
        assert EXCHANGES[row]._replace(**difference.fields) != EXCHANGES[row], name


def authorized(method: str, target: str) -> tuple[str, str]:
    return "Authorization", authorization(method, target, {"host": HOST})


def rules_of(port: int, bucket: str) -> tuple[int, bytes]:
    """Status and body of GET ?cors."""
    with connect(port) as wire:
        target = f"/{bucket}?cors"
        wire.send(request("GET", target, authorized("GET", target)))
        response = wire.receive("GET")
    return response.status, response.body


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "expect"])
@pytest.mark.parametrize("framing", BODIES)
def test_rules_are_put_read_obeyed_and_deleted(
    name: str, port: int, framing: str, waits: bool
) -> None:
    header, body = BODIES[framing]
    bucket = f"{framing}-{waits}"
    target, origin = f"/{bucket}?cors", ("Origin", "https://new.example")
    expect = [("Expect", "100-continue")] if waits else []
    with connect(port) as wire:
        head = request("PUT", target, authorized("PUT", target), header, *expect)
        wire.send(head if waits else head + body)
        # A client that is not asked to continue sends the body after a while all the same.
        if waits and (wire.is_asked_to_continue() or not wire.has_response()):
            wire.send(body)
        put = wire.receive("PUT")
    if framing == "chunks" and name in WITHOUT_CHUNKS:
        assert (put.status, rules_of(port, bucket)[0]) == (411, 404)
        assert b"<Code>MissingContentLength</Code>" in put.body
        assert b"Send the body with a Content-Length" in put.body
        return
    assert (put.status, put.body) == (200, b"")

    status, document = rules_of(port, bucket)
    assert status == 200
    assert b"<AllowedOrigin>https://new.example</AllowedOrigin>" in document

    with connect(port) as wire:
        wire.send(request("GET", f"/{bucket}/object", origin))
        assert wire.receive("GET").cors["allow-origin"] == "https://new.example"

    with connect(port) as wire:
        wire.send(request("DELETE", target, authorized("DELETE", target)))
        deleted = wire.receive("DELETE")
    assert (deleted.status, deleted.body) == (204, b"")
    assert rules_of(port, bucket)[0] == 404


def test_a_body_that_breaks_off_leaves_the_rules_as_they_were(port: int) -> None:
    before = rules_of(port, "photos")
    target = "/photos?cors"
    length = ("Content-Length", str(len(RULES) + 1))
    with connect(port) as wire:
        wire.send(request("PUT", target, authorized("PUT", target), length, body=RULES))
        wire.end()
        wire.receive_all(["PUT"])
    assert rules_of(port, "photos") == before


def test_a_response_is_delivered_as_it_is_made(name: str, port: int, gates: Path) -> None:
    """The first chunk arrives before the application makes the last."""
    gate = gates / f"open-{name.replace(' ', '-')}"
    with connect(port) as wire:
        wire.send(request("GET", f"/photos/stream?{gate.name}", FROM_A))
        response = wire.begin("GET")
        first = response.read(len(b"first "))
        gate.touch()
        assert first + response.read() == b"first last"
        assert response.getheader("Access-Control-Allow-Origin") == DECORATED["allow-origin"]


def test_a_connection_is_used_again(name: str, port: int) -> None:
    """Each response on it is decorated for its own request."""
    if name in CLOSES:
        pytest.skip("it closes each connection after one response")
    targets = ["/photos/object", "/photos/missing", "/other/object"]
    responses: list[Response] = []
    with connect(port) as wire:
        for target in targets:
            wire.send(request("GET", target, FROM_A, close=False))
            responses += wire.receive_all(["GET"])
    expected = [(200, DECORATED), (404, DECORATED), (200, {})]
    assert [(each.status, each.cors) for each in responses] == expected


SMUGGLED = request("GET", "/photos/smuggled", FROM_A, close=False)
NEXT = request("GET", "/photos/next", FROM_A)


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "together"])
@pytest.mark.parametrize("size", [len(SMUGGLED), 64 * 1024], ids=["small", "large"])
@pytest.mark.parametrize("framing", BODIES)
def test_an_unread_body_is_no_request(
    name: str, port: int, framing: str, size: int, together: bool
) -> None:
    """A PUT is refused before its body is read, and the body looks like requests. The next request
    gets its own response, or the connection is closed."""
    if together and name in WITHOUT_PIPELINES:
        pytest.skip(WITHOUT_PIPELINES[name])
    body = SMUGGLED * (size // len(SMUGGLED))
    header = BODIES[framing][0] if framing == "chunks" else ("Content-Length", str(len(body)))
    sent = chunks(body) if framing == "chunks" else body
    with connect(port) as wire:
        first = request("PUT", "/photos?cors", header, body=sent, close=False)
        wire.send(first + NEXT if together else first)
        put = wire.receive_all(["PUT"])
        if name in CLOSES:
            wire.end()
        elif not together:
            wire.send(NEXT)
        others = wire.receive_all(["GET", "GET"])
    assert [each.status for each in put] in ([403], [])
    allowed = [[], [b"/photos/next"], *TAKEN_FOR_REQUESTS.get((name, framing), [])]
    assert [each.body for each in others] in allowed
