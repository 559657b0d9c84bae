"""``check --save``: a HAR 1.2 file of what was exchanged, for ``explain --har``; no secrets."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flask_bucketcors.cli.check import command
from flask_bucketcors.cli.check.saved_har import REDACTED, is_secret
from tests.support.command_line import invoke
from tests.support.scripted_server import Serve, header_in, scripted_servers
from tests.support.tables import in_one_test

PAGE = "https://page.test"
ID = "x-cos-request-id: NjFh"
ALLOWED = ["200 OK", f"Access-Control-Allow-Origin: {PAGE}", "Vary: Origin", ID]
RULES = [{"allowed_origins": [PAGE], "allowed_methods": ["GET"], "allowed_headers": ["x-a"]}]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with scripted_servers() as serve:
        yield serve


@pytest.fixture
def har(tmp_path: Path) -> Path:
    return tmp_path / "exchanged.har"


def entries(har: Path) -> list[dict[str, Any]]:
    log = json.loads(har.read_text())["log"]
    assert log["version"] == "1.2"
    found: list[dict[str, Any]] = log["entries"]
    return found


def save(url: str, har: Path, *options: object, code: int) -> None:
    output = invoke("check", url, "--origin", PAGE, "--save", har, *options, code=code).output
    assert f"saved: {har}\n" in output


def explained(har: Path, rules: Path, code: int) -> dict[str, Any]:
    rules.write_text(json.dumps(RULES))
    arguments = ["explain", "--rules", rules, "--har", har, "--format", "json"]
    found: dict[str, Any] = json.loads(invoke(*arguments, code=code).stdout)
    return found


def test_what_is_saved_has_every_field_of_har(serve: Serve, har: Path) -> None:
    server = serve(OPTIONS=[*ALLOWED, "Access-Control-Allow-Headers: x-a"], GET=ALLOWED)
    save(server.url, har, "--header", "X-A: 1", code=0)
    preflight, actual = entries(har)
    assert preflight["request"]["method"] == "OPTIONS"
    assert {"name": "X-A", "value": "1"} in actual["request"]["headers"]
    assert actual["response"]["status"] == 200
    for entry in (preflight, actual):
        assert entry.keys() == {
            "startedDateTime",
            "time",
            "request",
            "response",
            "cache",
            "timings",
        }
        assert entry["request"].keys() == {
            "method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize",
            "bodySize",
        }  # fmt: skip
        assert entry["response"].keys() == {
            "status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL",
            "headersSize", "bodySize",
        }  # fmt: skip
        assert entry["timings"].keys() == {"send", "wait", "receive"}


def test_what_passed_is_explained_as_allowed(serve: Serve, har: Path, tmp_path: Path) -> None:
    server = serve(OPTIONS=[*ALLOWED, "Access-Control-Allow-Headers: x-a"], GET=ALLOWED)
    save(server.url, har, "--header", "X-A: 1", code=0)
    assert explained(har, tmp_path / "rules.json", 0)["allowed"] is True


def test_what_was_refused_is_saved_and_explained(serve: Serve, har: Path, tmp_path: Path) -> None:
    save(serve(OPTIONS=["403 Forbidden", ID]).url, har, "--header", "X-B: 1", code=1)
    found = explained(har, tmp_path / "rules.json", 1)
    assert found["cause"] == "header_missing"


def test_what_got_no_response_is_saved(serve: Serve, har: Path, tmp_path: Path) -> None:
    save(serve(ANY=b"SSH-2.0-OpenSSH\r\n").url, har, code=1)
    [entry] = entries(har)
    assert entry["response"]["status"] == 0
    assert "the response is not HTTP" in entry["comment"]
    # Without an Origin that a script sent, explain would not know that it is one of CORS.
    assert explained(har, tmp_path / "rules.json", 1)["allowed"] is False


def test_an_interrupted_check_is_saved(
    serve: Serve, har: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(GET=ALLOWED)
    steps = command.PageCheck.steps

    def interrupted(each: Any) -> Any:
        steps(each)
        raise KeyboardInterrupt

    monkeypatch.setattr(command.PageCheck, "steps", interrupted)
    invoke("check", server.url, "--origin", PAGE, "--save", har, code=1)
    assert len(entries(har)) == 1


def test_a_file_that_exists_is_not_overwritten(serve: Serve, har: Path) -> None:
    har.write_text("mine")
    server = serve(GET=ALLOWED)
    output = invoke("check", server.url, "--origin", PAGE, "--save", har, code=2).output
    assert "the file exists: delete it, or name another" in output
    assert (har.read_text(), server.asked) == ("mine", [])


@pytest.mark.parametrize("name", ["", "-"])
def test_what_names_no_file_is_wrong_usage(name: str, serve: Serve) -> None:
    """As an empty variable of a shell; and standard output has the result."""
    server = serve(GET=ALLOWED)
    output = invoke("check", server.url, "--origin", PAGE, "--save", name, code=2).output
    assert "write the name of a file" in output
    assert server.asked == []


def test_a_folder_that_is_not_there_is_said_before_anything_is_sent(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve(GET=ALLOWED)
    path = tmp_path / "missing" / "a.har"
    output = invoke("check", server.url, "--origin", PAGE, "--save", path, code=2).output
    assert "the folder does not exist" in output
    assert server.asked == []


def test_what_no_page_has_sent_is_not_explained(serve: Serve, har: Path, tmp_path: Path) -> None:
    """The other page that asks a CDN may be refused."""

    def storage(request: str) -> list[str]:
        return ALLOWED if header_in(request, "Origin") == PAGE else ["200 OK", "Vary: Origin", ID]

    server, cdn = serve(storage), serve(storage)
    save(cdn.url, har, "--origin-server", server.address, code=0)
    assert len(entries(har)) == 7
    assert explained(har, tmp_path / "rules.json", 0)["allowed"] is True


def test_no_secret_is_saved_even_where_the_server_repeats_it(serve: Serve, har: Path) -> None:
    """In the request, in a redirect, in another header, and in an error document."""
    token, signature = "tok3n-of-the-page", "sig+nature/x"
    body = f"<Error><Code>SignatureDoesNotMatch</Code><SignatureProvided>{signature}"
    server = serve(
        OPTIONS=[*ALLOWED, "Access-Control-Allow-Headers: authorization, x-cos-security-token"],
        GET=[
            "403 Forbidden",
            *ALLOWED[1:],
            "Set-Cookie: session=c00kie-value",
            f"X-Echo: {token}",
            "Location: https://a.test/?x=1&X-Amz-Signature=another-secret",
            "",
            f"{body}</SignatureProvided><Token>{token}</Token></Error>",
        ],
    )
    url = f"{server.url}?q-signature=sig%2Bnature%2Fx&versionId=7"
    headers = [f"Authorization: Bearer {token}", f"x-cos-security-token: {token}"]
    save(url, har, *(part for each in headers for part in ("--header", each)), code=0)
    text = har.read_text()
    for secret in (token, signature, "sig%2Bnature", "c00kie", "another-secret"):
        assert secret not in text
    assert {"name": "versionId", "value": "7"} in entries(har)[1]["request"]["queryString"]
    assert "SignatureDoesNotMatch" in entries(har)[1]["response"]["content"]["text"]
    assert REDACTED in text
    # They were sent all the same.
    assert token in server.asked[1]
    assert "q-signature=sig%2Bnature%2Fx" in server.asked[1]


@pytest.mark.parametrize(
    "sent, repeated",
    [
        ("sig%2Bnature%2F", "sig%2Bnature%2F"),
        ("sig%2Bnature%2F", "sig+nature/"),
        ("sig+nature/", "sig+nature/"),
        ("sig+nature/", "sig nature/"),
    ],
)
def test_a_signature_is_a_secret_in_each_of_its_forms(
    sent: str, repeated: str, serve: Serve, har: Path
) -> None:
    server = serve(GET=[*ALLOWED, f"X-Echo: {repeated}"])
    save(f"{server.url}?Signature={sent}", har, code=0)
    assert repeated not in har.read_text()
    assert f"Signature={sent} " in server.asked[0]


@pytest.mark.parametrize(
    "sent, secrets",
    [
        ("AWS the-key-id:the/signature=", ("the-key-id", "the/signature=")),
        (
            "AWS4-HMAC-SHA256 Credential=the-key-id/20250101/r/s3/aws4_request, "
            "SignedHeaders=content-type;host, Signature=the-signature",
            ("the-key-id", "the-signature"),
        ),
        ("q-sign-algorithm=sha1&q-ak=the-key-id&q-signature=the-signature", ("the-key-id",)),
    ],
)
def test_a_part_of_a_secret_is_one(
    sent: str, secrets: tuple[str, ...], serve: Serve, har: Path
) -> None:
    """Error documents repeat the key's id and the signature, each alone."""
    allowed = "Access-Control-Allow-Headers: authorization, content-type"
    body = "".join(f"<Given>{each}</Given>" for each in secrets)
    server = serve(OPTIONS=[*ALLOWED, allowed], GET=["403 Forbidden", *ALLOWED[1:], "", body])
    save(server.url, har, "--header", f"Authorization: {sent}", code=0)
    text = har.read_text()
    assert not any(each in text for each in secrets)
    assert "authorization, content-type" in text


@pytest.mark.parametrize(
    "location",
    [
        "http://me:the-password@127.0.0.1:1/",
        "//the-password@127.0.0.1:1/a",
        "http://page.test/#access_token=the-password",
        "http://page.test/#a?token=the-password",
    ],
)
def test_a_secret_of_a_redirect_is_neither_saved_nor_printed(
    location: str, serve: Serve, har: Path
) -> None:
    url = serve(GET=["302 Found", f"Location: {location}"]).url
    for form in ("text", "json"):
        har.unlink(missing_ok=True)
        found = invoke(
            "check", url, "--origin", PAGE, "--save", har, "--format", form, code=1
        ).output
        assert "the-password" not in found
        assert "the-password" not in har.read_text()
        assert "://" not in location or location.partition("//")[0] in found


def test_a_secret_that_another_begins_with_leaves_nothing_of_it(serve: Serve, har: Path) -> None:
    short, long = "abcdefgh", "abcdefgh-and-more"
    server = serve(GET=[*ALLOWED, f"X-Echo: {long}"])
    save(f"{server.url}?token={short}&signature={long}", har, code=0)
    assert "-and-more" not in har.read_text()


@in_one_test
@pytest.mark.parametrize(
    "name, secret",
    [
        ("Authorization", True),
        ("Proxy-Authorization", True),
        ("Cookie", True),
        ("set-cookie", True),
        ("x-amz-security-token", True),
        ("x-cos-security-token", True),
        ("X-Api-Key", True),
        ("q-signature", True),
        ("q-ak", True),
        ("Signature", True),
        ("X-Amz-Credential", True),
        ("x-oss-signature", True),
        ("OSSAccessKeyId", True),
        ("sig", True),
        ("X%2DAmz%2DSignature", True),
        ("auth_key", True),
        ("X-Auth", True),
        ("GoogleAccessId", True),
        ("x-csrf-token", True),
        ("sessionid", True),
        ("pwd", True),
        ("hmac", True),
        ("hdnea", True),
        ("md5", True),
        ("Policy", True),
        ("Content-MD5", False),
        ("Referrer-Policy", False),
        ("author", False),
        ("Access-Control-Allow-Credentials", False),
        ("Content-Type", False),
        ("design", False),
        ("versionId", False),
        ("keyword", False),
    ],
)
def test_names_of_secrets(name: str, secret: bool) -> None:
    assert is_secret(name) is secret


def test_every_hop_and_probe_is_saved(serve: Serve, har: Path) -> None:
    last = serve(GET=["200 OK", "Access-Control-Allow-Origin: *", ID])
    first = serve(GET=["302 Found", f"Location: {last.url}", "Access-Control-Allow-Origin: *"])
    invoke("check", first.url, "--origin", "http://page.test", "--save", har)
    urls = [each["request"]["url"] for each in entries(har)]
    assert urls == [first.url, last.url]
    assert entries(har)[0]["response"]["redirectURL"] == last.url
