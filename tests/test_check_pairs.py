"""Several pages and URLs in one ``check``, its JSON, its exit codes, and its rules."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_bucketcors import BucketCORS, MemoryStore, Rule, RuleSet
from tests.support.command_line import invoke
from tests.support.scripted_server import (
    Lines,
    Serve,
    as_http,
    header_in,
    scripted_servers,
)

PAGE = "https://page.test"
OTHER = "https://other.test"
ID = "x-cos-request-id: NjFh"
ALLOWED = ["200 OK", f"Access-Control-Allow-Origin: {PAGE}", "Vary: Origin", ID]
KNOWN_STEP = {
    "step", "redirects", "method", "url", "origin", "status", "headers", "code", "code_means",
}  # fmt: skip


@pytest.fixture
def serve() -> Iterator[Serve]:
    with scripted_servers() as serve:
        yield serve


def for_page_alone(request: str) -> Lines:
    origin = header_in(request, "Origin")
    return ALLOWED if origin == PAGE else ["200 OK", "Vary: Origin", ID]


def check(*arguments: object, code: int, **options: Any) -> dict[str, Any]:
    output = invoke("check", *arguments, "--format", "json", code=code, **options).stdout
    found: dict[str, Any] = json.loads(output)
    return found


def test_each_page_is_checked_with_each_url(serve: Serve) -> None:
    server = serve(for_page_alone)
    open_server = serve(GET=["200 OK", "Access-Control-Allow-Origin: *", ID])
    urls = [server.url, open_server.url]
    data = check(*urls, "--origin", PAGE, "--origin", OTHER, code=1)
    found = [(each["url"], each["origin"], each["allowed"]) for each in data["checks"]]
    assert found == [
        (server.url, PAGE, True),
        (server.url, OTHER, False),
        (open_server.url, PAGE, True),
        (open_server.url, OTHER, True),
    ]
    assert data["allowed"] is False
    assert [each["at"] for each in data["faults"]] == [[{"check": 1, "step": 0}]]


def test_the_same_fault_is_said_once_with_the_pairs_that_have_it(serve: Serve) -> None:
    server = serve(GET=["200 OK", "Vary: Origin", ID])
    urls = [server.url, f"{server.address}/photos/dog.png"]
    output = invoke("check", *urls, "--origin", PAGE, "--origin", OTHER, code=1).output
    assert output.count("the response has no Access-Control-Allow-Origin") == 1
    pairs = [f"    {origin} -> {url}\n" for url in urls for origin in (PAGE, OTHER)]
    assert output.endswith("".join(pairs))
    assert "4 checks, 4 with faults\n" in output
    data = check(*urls, "--origin", PAGE, "--origin", OTHER, code=1)
    [fault] = data["faults"]
    assert [each["check"] for each in fault["at"]] == [0, 1, 2, 3]


def test_a_pair_that_is_named_twice_is_checked_once(serve: Serve) -> None:
    server = serve(GET=ALLOWED)
    data = check(server.url, f"{server.url}#top", "--origin", PAGE, "--origin", PAGE, code=0)
    assert len(data["checks"]) == len(server.asked) == 1


def test_all_that_pass_are_no_failure(serve: Serve) -> None:
    server = serve(GET=ALLOWED)
    urls = [server.url, f"{server.address}/b"]
    output = invoke("check", *urls, "--origin", PAGE).output
    assert output.endswith("\n\n2 checks, 0 with faults\n")


def test_a_url_and_an_origin_are_needed() -> None:
    assert "Missing argument" in invoke("check", "--origin", PAGE, code=2).output
    assert "Missing option '--origin'" in invoke("check", "http://a.test/", code=2).output


# JSON


def test_json_has_the_same_keys_whatever_happens(serve: Serve) -> None:
    passing = serve(GET=ALLOWED)
    failing = serve(OPTIONS=["403 Forbidden", ID, "", "<Error><Code>AccessDenied</Code></Error>"])
    silent = serve(ANY=b"")
    for url, options, code in [
        (passing.url, [], 0),
        (failing.url, ["--header", "x-a"], 1),
        (silent.url, [], 1),
    ]:
        data = check(url, "--origin", PAGE, *options, code=code)
        assert data.keys() == {"allowed", "checks", "faults", "saved"}
        [one] = data["checks"]
        assert one.keys() == {
            "url", "origin", "allowed", "is_cors", "steps", "origin_server", "explanation",
        }  # fmt: skip
        assert all(step.keys() == KNOWN_STEP for step in one["steps"])
        for fault in data["faults"]:
            assert fault.keys() == {"kind", "level", "header", "text", "at"}


def test_json_says_all_that_the_text_says(serve: Serve) -> None:
    body = "<Error><Code>AccessForbidden</Code></Error>"
    server = serve(OPTIONS=["403 Forbidden", ID, "", body])
    options = ["--origin", PAGE, "--header", "x-a"]
    data = check(server.url, *options, code=1)
    text = invoke("check", server.url, *options, code=1).output
    [step] = data["checks"][0]["steps"]
    assert f"  {step['code']}: {step['code_means']}\n" in text
    for fault in data["faults"]:
        assert f"  {fault['kind']}: {fault['text']}\n" in text


# Codes


@pytest.mark.parametrize(
    "response, code, kinds",
    [
        pytest.param(
            ["403 Forbidden", ID, "", "<Error><Code>SignatureDoesNotMatch</Code></Error>"],
            "SignatureDoesNotMatch",
            ["auth_before_cors", "no_allow_origin", "status"],
            id="a signature",
        ),
        pytest.param(
            ["401 Unauthorized", "WWW-Authenticate: Basic"],
            None,
            ["auth_before_cors", "no_allow_origin", "status"],
            id="a password",
        ),
        pytest.param(
            ["403 Forbidden", "", "<Error><Code>AccessForbidden</Code></Error>"],
            "AccessForbidden",
            ["no_allow_origin", "status"],
            id="the rules, as something with a code sent it",
        ),
        pytest.param(
            ["301 Moved Permanently", ID, "", "<Error><Code>PermanentRedirect</Code></Error>"],
            "PermanentRedirect",
            ["redirected"],
            id="another region, without a Location",
        ),
        pytest.param(
            ["404 Not Found", "", "<Error><Code>NoSuchBucket</Code></Error>"],
            "NoSuchBucket",
            ["no_allow_origin", "status"],
            id="no bucket",
        ),
    ],
)
def test_preflights_are_explained_by_the_code(
    response: Lines, code: str | None, kinds: list[str], serve: Serve
) -> None:
    data = check(serve(OPTIONS=response).url, "--origin", PAGE, "--method", "PUT", code=1)
    [step] = data["checks"][0]["steps"]
    assert step["code"] == code
    assert [each["kind"] for each in data["faults"]] == kinds


def test_a_wrong_region_is_no_redirect_without_a_location(serve: Serve) -> None:
    body = "<Error><Code>PermanentRedirect</Code></Error>"
    server = serve(GET=["301 Moved Permanently", ID, "", body])
    data = check(server.url, "--origin", PAGE, code=1)
    assert [each["kind"] for each in data["faults"]] == ["no_allow_origin"]
    assert data["checks"][0]["steps"][0]["code"] == "PermanentRedirect"


def test_an_error_that_the_page_may_read_is_explained_too(serve: Serve) -> None:
    body = "<Error><Code>NoSuchKey</Code></Error>"
    output = invoke(
        "check", serve(GET=["404 Not Found", *ALLOWED[1:], "", body]).url, "--origin", PAGE
    ).output
    assert "  NoSuchKey: there is no such object: check the path of the URL\n" in output
    assert "CORS is not the cause of its status, 404" in output


def test_codes_in_compressed_documents_are_read(serve: Serve) -> None:
    document = gzip.compress(b"<Error><Code>NoSuchKey</Code></Error>")
    head = as_http(["404 Not Found", *ALLOWED[1:], "Content-Encoding: gzip"])
    data = check(serve(GET=head + document).url, "--origin", PAGE, code=0)
    assert data["checks"][0]["steps"][0]["code"] == "NoSuchKey"


BOMB = gzip.compress(b"<Error><Code>NoSuchKey</Code>" + b" " * 10_000_000)


@pytest.mark.parametrize(
    "encoding, body",
    [
        ("gzip", BOMB),
        ("gzip", b"\x1f\x8b\x08broken"),
        ("br", b"\x0b\x02"),
        ("gzip", b""),
        ("identity", b"<Error><Code>\x1b[31mred</Code></Error>"),
        ("identity", b"<Error><Code>a\xe2\x80\xaeb</Code></Error>"),
        ("identity", b'{"code": "\\u001b[31mred"}'),
        ("identity", b"<Error>" * 100_000),
    ],
    ids=["bomb", "broken", "unknown", "empty", "colour", "direction", "json", "deep"],
)
def test_documents_of_hostile_servers_say_nothing(encoding: str, body: bytes, serve: Serve) -> None:
    head = as_http(["404 Not Found", *ALLOWED[1:], f"Content-Encoding: {encoding}"])
    output = invoke("check", serve(GET=head + body).url, "--origin", PAGE).output
    assert "\x1b" not in output
    assert "\u202e" not in output
    assert output.splitlines()[1].startswith("  Access-Control-Allow-Origin: ")


# Buckets


@pytest.fixture
def app() -> Flask:
    store = MemoryStore()
    store.put("photos", RuleSet([Rule([PAGE], ["GET"])]))
    app = Flask("storage")
    app.add_url_rule("/files/<bucket>/<path:key>", "read", lambda bucket, key: "an object")
    BucketCORS(app, store=store)
    return app


@pytest.mark.parametrize(
    "path, reason",
    [
        ("/photos/cat.png", "it names no bucket"),
        ("/", "it names no bucket"),
        ("/files/videos/cat.mp4", "it names the bucket videos"),
        ("/files/%0a/cat.mp4", "it names the bucket \\n"),
        ("/files/..%2fphotos/cat.png", "it is a path with a segment '..'"),
    ],
)
def test_a_url_of_no_bucket_is_not_explained_by_its_rules(
    path: str, reason: str, app: Flask, serve: Serve
) -> None:
    server = serve(GET=["404 Not Found", ID])
    data = check(f"{server.address}{path}", "--origin", PAGE, "--bucket", "photos", code=1, app=app)
    [text] = [each["text"] for each in data["faults"] if each["kind"] == "no_bucket"]
    assert text.startswith(f"the URL is not one of the bucket: {reason}: ")
    assert data["checks"][0]["explanation"] is None


def test_a_url_of_the_bucket_is_explained(app: Flask, serve: Serve) -> None:
    server = serve(GET=["404 Not Found", ID])
    url = f"{server.address}/files/photos/cat.png"
    data = check(url, "--origin", PAGE, "--bucket", "photos", code=1, app=app)
    assert data["checks"][0]["explanation"] is not None
    assert [each["kind"] for each in data["faults"]] == ["no_allow_origin"]


def test_a_url_of_no_bucket_that_passes_is_advice(app: Flask, serve: Serve) -> None:
    """A server may mount the application below a prefix."""
    server = serve(GET=ALLOWED)
    data = check(server.url, "--origin", PAGE, "--bucket", "photos", code=0, app=app)
    assert [(each["kind"], each["level"]) for each in data["faults"]] == [("no_bucket", "advice")]


def test_a_function_that_needs_an_environ_is_not_held_against_the_url(serve: Serve) -> None:
    store = MemoryStore()
    store.put("photos", RuleSet([Rule([PAGE], ["GET"])]))
    app = Flask("storage")
    BucketCORS(app, store=store, buckets=lambda request: (request.environ["bucket"], request.path))
    data = check(serve(GET=ALLOWED).url, "--origin", PAGE, "--bucket", "photos", code=0, app=app)
    assert data["faults"] == []


def test_a_file_of_rules_has_no_bucket(serve: Serve, tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps([{"allowed_origins": [OTHER], "allowed_methods": ["GET"]}]))
    data = check(serve(for_page_alone).url, "--origin", OTHER, "--rules", rules, code=1)
    assert "no_bucket" not in [each["kind"] for each in data["faults"]]
