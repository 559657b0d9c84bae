"""The examples of docs/signatures.md and docs/api.md do what the pages say."""

import re
import time
from typing import Any

import pytest
from flask import Flask
from webtest import TestApp

from tests.support import ROOT
from tests.support.cos_signing import signed

PAGE = (ROOT / "docs" / "signatures.md").read_text()
[KEYS, HOOK] = [
    code for code in re.findall(r"```python\n(.*?)```", PAGE, re.S) if not code.startswith("# sdk:")
]


@pytest.fixture
def make_app(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the application of a block, in a folder of its own."""

    def make(block: str) -> Flask:
        monkeypatch.chdir(tmp_path_factory.mktemp("documented"))
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(block.replace("Flask(__name__)", "Flask('site', root_path='.')"), names)
        app = names["app"]
        assert isinstance(app, Flask)
        app.secret_key = "of the tests"
        return app

    return make


def call(app: TestApp, url: str, key: str, secret: str, headers: Any = None) -> Any:
    """Read rules with a signature that is valid now."""
    now = int(time.time())
    return signed(app, "GET", url, headers=headers, access_key=key, secret=secret, now=now)


def code_of(response: Any) -> str:
    """The code of an error, "" if the call is allowed and finds no rules."""
    [code] = re.findall("<Code>(.*?)</Code>", response.text)
    return "" if code == "NoSuchCORSConfiguration" else str(code)


@pytest.mark.parametrize(
    "key, secret, code",
    [
        ("AKIDEXAMPLE", "ExampleSecretKey", ""),
        ("AKIDEXAMPLE", "another", "SignatureDoesNotMatch"),
        ("AKIDTEMPORARY", "TemporarySecret", "InvalidAccessKeyId"),
        ("AKIDUNKNOWN", "ExampleSecretKey", "InvalidAccessKeyId"),
    ],
)
def test_keys_are_looked_up(make_app: Any, key: str, secret: str, code: str) -> None:
    app = TestApp(make_app(KEYS))
    response = call(app, "/photos?cors", key, secret)
    assert code_of(response) == code


def test_a_temporary_key_comes_with_its_token(make_app: Any) -> None:
    app = TestApp(make_app(KEYS))
    token = {"x-cos-security-token": "a-token"}
    response = call(app, "/photos?cors", "AKIDTEMPORARY", "TemporarySecret", token)
    assert code_of(response) == ""


@pytest.mark.parametrize(
    "bucket, secret, code",
    [
        ("photos", "Secret1", ""),
        ("videos", "Secret1", "AccessDenied"),
        ("photos", "Secret2", "SignatureDoesNotMatch"),
    ],
)
def test_a_key_belongs_to_a_bucket(make_app: Any, bucket: str, secret: str, code: str) -> None:
    app = TestApp(make_app(HOOK))
    response = call(app, f"/{bucket}?cors", "AKIDPHOTOS", secret)
    assert code_of(response) == code


@pytest.mark.parametrize("bucket, code", [("photos", ""), ("videos", "AccessDenied")])
def test_people_edit_their_own_buckets(make_app: Any, bucket: str, code: str) -> None:
    client = make_app(HOOK).test_client()
    with client.session_transaction() as session:
        session.update(user="ann", buckets=["photos"])
    assert code_of(client.get(f"/{bucket}?cors")) == code
    if not code:
        rules = "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin>"
        rules += "<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"
        assert client.put(f"/{bucket}?cors", data=rules).status_code == 200
        [entry] = client.application.extensions["bucketcors"].store.history(bucket)
        assert entry.author == "ann"


def test_nobody_else_is_allowed(make_app: Any) -> None:
    assert code_of(make_app(HOOK).test_client().get("/photos?cors")) == "AccessDenied"


def test_the_error_that_the_page_of_the_api_shows_is_sent() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    [code] = re.findall(r"## Example.*?```python\n(.*?)```", page, re.S)
    [shown] = re.findall(r"```xml\n(.*?)```", page, re.S)
    names: dict[str, Any] = {"__name__": "documented"}
    exec(code, names)
    [sent, documented] = [
        re.sub("<(RequestId|TraceId)>.+?<", r"<\1><", text)
        for text in (names["refused"].text, shown)
    ]
    assert sent.strip() == documented.strip()
