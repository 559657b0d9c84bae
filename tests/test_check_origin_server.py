"""``check --origin-server``: which of a CDN and its origin server is at fault.

The CDN here is a proxy that caches by URL, with or without Origin in the key.
"""

import json
import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.support.command_line import invoke
from tests.support.scripted_server import (
    Lines,
    ScriptedServer,
    Serve,
    header_in,
    scripted_servers,
    target_of,
)

PAGE = "https://page.test"
OTHER = "https://other.test"
ID = "x-cos-request-id: NjFh"


@pytest.fixture
def serve() -> Iterator[Serve]:
    with scripted_servers() as serve:
        yield serve


def storage(request: str) -> Lines:
    """A storage whose rules allow both pages."""
    origin = header_in(request, "Origin")
    allowed = [f"Access-Control-Allow-Origin: {origin}"] if origin in (PAGE, OTHER) else []
    methods = ["Access-Control-Allow-Methods: GET, PUT", "Access-Control-Allow-Headers: x-a"]
    return ["200 OK", *allowed, *(methods if allowed else []), "Vary: Origin", ID]


def refusing(request: str) -> Lines:
    return ["200 OK", "Vary: Origin", ID]


def open_to_all(request: str) -> Lines:
    return ["200 OK", "Access-Control-Allow-Origin: *", ID]


class Cdn:
    """Forwards requests to a storage and caches what comes back.

    :param keys: what the key of its cache consists of, beside the path.
    :param forwards: whether it passes on Origin.
    :param options: whether it passes on OPTIONS.
    :param adds: a header that it adds to each response.
    """

    def __init__(
        self,
        keys: tuple[str, ...] = ("query",),
        *,
        forwards: bool = True,
        options: bool = True,
        adds: str = "",
        storage: Any = storage,
    ) -> None:
        self.keys, self.forwards, self.options = keys, forwards, options
        self.adds, self.storage = adds, storage
        self.cache: dict[tuple[str | None, ...], Lines] = {}

    def __call__(self, request: str) -> Lines:
        if request.startswith("OPTIONS"):
            passed = self.storage(request) if self.options else ["405 Method Not Allowed"]
            return [*passed, "X-Cache: MISS"]
        path, _, query = target_of(request).partition("?")
        known = {"query": query, "origin": header_in(request, "Origin")}
        key = (path, *(known[each] for each in self.keys))
        mark = "X-Cache: HIT" if key in self.cache else "X-Cache: MISS"
        if key not in self.cache:
            asked = request if self.forwards else request.replace("Origin: ", "X-Origin: ")
            self.cache[key] = self.storage(asked)
        return [*self.cache[key], mark, *([self.adds] if self.adds else [])]


def compare(
    serve: Serve,
    cdn: Cdn,
    *options: object,
    server: Any = None,
    query: str = "",
    code: int = 1,
) -> tuple[list[str], dict[str, Any], ScriptedServer]:
    """The kinds of faults that are about the CDN, all that is said, and the CDN."""
    front = serve(cdn)
    behind = serve(server or cdn.storage)
    arguments = ["check", front.url + query, "--origin", PAGE, "--origin-server", behind.address]
    output = invoke(*arguments, *options, "--format", "json", code=code).stdout
    data = json.loads(output)
    kinds = [each["kind"] for each in data["faults"] if each["at"][0]["step"] is None]
    return kinds, data, front


@pytest.mark.parametrize(
    "cdn, options, kinds",
    [
        pytest.param(partial(Cdn, ("query", "origin")), [], [], id="Origin is in the key"),
        pytest.param(Cdn, [], ["cdn_cached_plain", "cdn_cached_other"], id="it is not"),
        pytest.param(partial(Cdn, ()), [], ["cdn_cached_other"], id="nor is the query"),
        pytest.param(
            partial(Cdn, ("query", "origin"), forwards=False), [], ["cdn_origin_dropped"], id="drop"
        ),
        pytest.param(
            partial(Cdn, ("query", "origin"), options=False),
            ["--header", "x-a"],
            ["cdn_options"],
            id="405",
        ),
        pytest.param(
            partial(Cdn, ("query", "origin"), adds="Access-Control-Allow-Origin: *"),
            [],
            ["cdn_doubles"],
            id="a header of its own",
        ),
        pytest.param(partial(Cdn, storage=open_to_all), [], [], id="the same for all"),
    ],
)
def test_what_the_cdn_does_is_named(
    cdn: Callable[[], Cdn], options: list[str], kinds: list[str], serve: Serve
) -> None:
    found, data, _ = compare(serve, cdn(), *options, code=1 if kinds else 0)
    assert found == kinds
    assert data["checks"][0]["origin_server"]["allowed"] is True


def test_a_cdn_is_not_blamed_for_what_the_origin_server_does(serve: Serve) -> None:
    kinds, data, front = compare(serve, Cdn(storage=refusing))
    assert kinds == ["both_refuse"]
    assert "so the CDN is not at fault" in json.dumps(data)
    # Nothing is to be learnt from its cache.
    assert len([each for each in front.asked if each.startswith("GET")]) == 1


def test_a_cdn_with_cors_of_its_own_is_no_fault(serve: Serve) -> None:
    kinds, data, _ = compare(serve, Cdn(storage=open_to_all), server=refusing, code=0)
    assert kinds == ["origin_server_refuses"]
    assert data["checks"][0]["origin_server"]["allowed"] is False


def down(request: str) -> Lines:
    raise ConnectionResetError


@pytest.mark.parametrize("cdn", [Cdn(storage=open_to_all), Cdn(storage=refusing)])
def test_an_origin_server_that_is_down_is_not_said_to_refuse(cdn: Cdn, serve: Serve) -> None:
    """Many respond to their CDN alone."""
    kinds, data, _ = compare(serve, cdn, server=down)
    assert kinds == ["origin_server_silent"]
    [step] = data["checks"][0]["origin_server"]["steps"]
    assert step["faults"][0]["kind"] == "unreachable"


def test_a_cdn_that_is_down_is_not_said_to_differ(serve: Serve) -> None:
    arguments = ["--origin", PAGE, "--origin-server", serve(storage).address, "--format", "json"]
    data = json.loads(invoke("check", serve(down).url, *arguments, code=1).stdout)
    assert [each["kind"] for each in data["faults"]] == ["unreachable"]


def test_an_origin_server_may_be_http_for_a_page_that_is_https(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CDN requests it, and not the page."""
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *rest: resolve("127.0.0.1", *rest))
    server, cdn = serve(storage), serve(Cdn(("query", "origin")))
    address = f"http://storage.test:{server.port}"
    output = invoke("check", cdn.url, "--origin", PAGE, "--origin-server", address, code=0).output
    assert "mixed_content" not in output


def test_the_requests_fill_the_cache_under_names_of_their_own(serve: Serve) -> None:
    """So visitors do not get what they have put there."""
    _, data, front = compare(serve, Cdn(), query="?v=1")
    first, *probes = map(target_of, front.asked)
    assert first == "/photos/cat.png?v=1"
    assert all(each.startswith("/photos/cat.png?v=1&bucketcors-check=") for each in probes)
    assert probes[0] == probes[1] != probes[2] == probes[3]
    assert front.origins() == [PAGE, None, PAGE, PAGE, "https://bucketcors-check.invalid"]
    shown = data["checks"][0]["origin_server"]["probes"]
    assert [each["is_cached"] for each in shown] == [False, True, False, True, False]
    assert [each["where"] for each in shown] == ["cdn"] * 4 + ["origin server"]


def test_a_signed_url_is_not_changed(serve: Serve) -> None:
    _, _, front = compare(serve, Cdn(), query="?Signature=abc")
    assert {target_of(each) for each in front.asked} == {"/photos/cat.png?Signature=abc"}


def test_what_was_cached_before_is_told_from_what_the_cdn_drops(serve: Serve) -> None:
    cdn = Cdn(())
    cdn.cache["/photos/cat.png",] = ["200 OK", ID]
    kinds, _, _ = compare(serve, cdn)
    assert kinds == ["cdn_cached_plain"]


def test_the_other_page_is_one_of_those_that_are_checked(serve: Serve) -> None:
    _, data, front = compare(serve, Cdn(("query", "origin")), "--origin", OTHER, code=0)
    assert front.origins() == [PAGE, None, PAGE, PAGE, OTHER, OTHER, None, OTHER, OTHER, PAGE]
    assert len(data["checks"]) == 2


def test_unsafe_requests_are_not_repeated(serve: Serve) -> None:
    _, data, front = compare(serve, Cdn(("query", "origin")), "--method", "PUT", code=0)
    assert front.methods == ["OPTIONS"]
    assert data["checks"][0]["origin_server"]["probes"] == []


def test_the_text_shows_both_and_the_order(serve: Serve) -> None:
    front, behind = serve(Cdn()), serve(storage)
    arguments = ["check", front.url, "--origin", PAGE, "--origin-server", behind.address]
    output = invoke(*arguments, code=1).output
    assert f"origin server: {behind.url}\nactual: GET {behind.url} -> 200\n" in output
    assert "cache: requests in this order\n  cdn, Origin (none) -> Allow-Origin (none)" in output
    assert "Allow-Origin (none), x-cache: HIT\n" in output
    assert "add Origin to the cache key of the CDN" in output


def test_the_origin_server_has_no_path() -> None:
    arguments = ["check", "http://a.test/a", "--origin", PAGE, "--origin-server", "http://b.test/b"]
    assert "the path is the URL's" in invoke(*arguments, code=2).output
