"""The example's objects, with the signatures of each vendor's own code."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from signing import send
from vendors import BUCKET, HOST, KEYS, SIGNERS, Sent, signed
from webtest import TestApp, TestResponse

from example_app.storage import Storage
from example_app.views import create_blueprint

ALL = [pytest.param(name, id=name) for name in SIGNERS]
FORMS = [pytest.param(False, id="header"), pytest.param(True, id="query")]
ODD_KEY = "dir/a b+c~d'(e)!*=&@$,;:[]\u00fc\u6f22//k"


@pytest.fixture
def app(tmp_path: Path) -> TestApp:
    storage = Storage(tmp_path)
    storage.create_bucket(BUCKET, public=False)
    app = Flask("store", static_folder=None)
    app.register_blueprint(create_blueprint(storage, KEYS))
    return TestApp(app)


def call(app: TestApp, sent: Sent) -> TestResponse:
    """Make a call that is signed already."""
    url = f"{sent.path}?{sent.query}"
    return send(app, sent.method, url, sent.body, {"Host": HOST, **sent.headers})


def ask(app: TestApp, signer: str, *, presigned: bool = False, **choices: Any) -> TestResponse:
    """Sign a call and make it."""
    return call(app, signed(signer, presigned=presigned, **{"query": {}, **choices}))


def code(response: TestResponse) -> str:
    """The code of an error."""
    return str(response.xml.findtext("Code"))


@pytest.mark.parametrize("presigned", FORMS)
@pytest.mark.parametrize("key", ["k", ODD_KEY])
@pytest.mark.parametrize("signer", ALL)
def test_objects(app: TestApp, signer: str, key: str, presigned: bool) -> None:
    put = ask(app, signer, presigned=presigned, method="PUT", key=key, body=b"data")
    assert put.status_int == 200
    assert ask(app, signer, presigned=presigned, key=key).body == b"data"
    delete = ask(app, signer, presigned=presigned, method="DELETE", key=key)
    assert delete.status_int == 204


@pytest.mark.parametrize("signer", ALL)
def test_listings(app: TestApp, signer: str) -> None:
    query = {"prefix": "a b", "delimiter": "/", "max-keys": "3"}
    assert ask(app, signer, query=query).status_int == 200
    query = {"uploads": "", "prefix": "a b", "max-uploads": "3"}
    assert ask(app, signer, query=query).status_int == 200


@pytest.mark.parametrize("signer", ALL)
def test_uploads_in_parts(app: TestApp, signer: str) -> None:
    begun = ask(app, signer, method="POST", key="k", query={"uploads": ""})
    upload = begun.xml.findtext("UploadId")
    query = {"partNumber": "1", "uploadId": upload}
    assert ask(app, signer, method="PUT", key="k", query=query, body=b"a").status_int == 200
    parts = ask(app, signer, key="k", query={"uploadId": upload, "max-parts": "5"})
    assert parts.xml.findtext("Part/Size") == "1"
    aborted = ask(app, signer, method="DELETE", key="k", query={"uploadId": upload})
    assert aborted.status_int == 204


@pytest.mark.parametrize("presigned", FORMS)
@pytest.mark.parametrize("signer", ALL)
def test_what_changes_the_call_must_be_signed(app: TestApp, signer: str, presigned: bool) -> None:
    ask(app, signer, method="PUT", key="k", body=b"data")
    query = {"response-content-type": "text/x a"}
    chosen = ask(app, signer, presigned=presigned, key="k", query=query)
    assert chosen.headers["Content-Type"] == "text/x a"
    for name in ("response-content-type=text/html", "uploadId=1"):
        sent = signed(signer, presigned=presigned, key="k", query={})
        other = sent.but(query="&".join(filter(None, (sent.query, name))))
        assert call(app, other).status_int == 403
    # A deletion of the object must not become one of an upload.
    sent = signed(signer, presigned=presigned, method="DELETE", key="k", query={})
    other = sent.but(query="&".join(filter(None, (sent.query, "uploadId=1"))))
    assert call(app, other).status_int == 403


def test_a_body_that_was_signed_cannot_be_swapped(app: TestApp) -> None:
    sent = signed("botocore V4", method="PUT", key="k", query={}, body=b"data")
    assert code(call(app, sent.but(body=b"evil"))) == "BadDigest"
    assert code(ask(app, "botocore V4", key="k")) == "NoSuchKey"


def test_a_body_in_chunks_is_refused(app: TestApp) -> None:
    headers = {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}
    sent = signed("botocore V4", method="PUT", key="k", query={}, body=b"4\r\ndata\r\n0\r\n\r\n")
    assert code(call(app, sent.but(headers=headers))) == "NotImplemented"


@pytest.mark.parametrize(
    "text", ["OSS", "AWS x", "OBS a:b", "OSS2 x", "OSS4-HMAC-SHA256 x", "AWS4-X"]
)
def test_a_signature_that_cannot_be_read(app: TestApp, text: str) -> None:
    sent = Sent(path=f"/{BUCKET}/k", query="", headers={"authorization": text})
    response = call(app, sent)
    assert response.status_int in (400, 403)
    assert code(response) in ("InvalidArgument", "InvalidAccessKeyId", "AccessDenied")
