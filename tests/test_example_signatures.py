"""The example's objects, with the signatures of each vendor's own code."""

from base64 import b64decode
from typing import Any
from xml.etree import ElementTree

import pytest
from webtest import TestApp, TestResponse

from example_app.storage import Storage
from tests.support.cos_signing import send
from tests.support.example_store import build_app
from tests.support.sdk_signers import BUCKET, HOST, KEYS, SIGNERS, Sent, signed

ALL = [pytest.param(name, id=name) for name in SIGNERS]
FORMS = [pytest.param(False, id="header"), pytest.param(True, id="query")]
PREFIXES = {"oss": "x-oss-", "s3": "x-amz-", "obs": "x-obs-"}
ODD_KEY = "dir/a b+c~d'(e)!*=&@$,;:[]\u00fc\u6f22//k"


@pytest.fixture
def app(empty_storage: Storage) -> TestApp:
    empty_storage.create_bucket(BUCKET, public=False)
    return TestApp(build_app(empty_storage, KEYS))


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


def named(signer: str, **headers: str) -> dict[str, str]:
    """Headers as the vendor of a signer calls them."""
    prefix = PREFIXES[SIGNERS[signer][0]]
    return {prefix + name.replace("_", "-"): value for name, value in headers.items()}


@pytest.mark.parametrize("signer", ALL)
def test_headers_have_the_names_of_whoever_signs(app: TestApp, signer: str) -> None:
    metadata = named(signer, meta_author="me")
    ask(app, signer, method="PUT", key="k", body=b"data", headers=metadata)
    [(name, value)] = metadata.items()
    answer = ask(app, signer, key="k")
    assert answer.headers[name] == value
    assert not [each for each in answer.headers if each.lower().startswith("x-cos-")]
    # The same object, as it was stored by whomever.
    other = next(each for each in SIGNERS if SIGNERS[each][0] != SIGNERS[signer][0])
    assert ask(app, other, key="k").headers[next(iter(named(other, meta_author="")))] == value


@pytest.mark.parametrize("signer", ALL)
def test_no_upload_succeeds_without_what_it_asks_for(app: TestApp, signer: str) -> None:
    for asked in (
        named(signer, acl="public-read"),
        named(signer, server_side_encryption="AES256"),
        named(signer, storage_class="IA"),
    ):
        refused = ask(app, signer, method="PUT", key="k", body=b"data", headers=asked)
        assert (refused.status_int, code(refused)) == (501, "NotImplemented")
        assert next(iter(asked)) in refused.xml.findtext("Message")
    ask(app, signer, method="PUT", key="k", body=b"data")
    kept = named(signer, forbid_overwrite="true")
    refused = ask(app, signer, method="PUT", key="k", body=b"new", headers=kept)
    assert (refused.status_int, code(refused)) == (409, "FileAlreadyExists")
    assert ask(app, signer, key="k").body == b"data"


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("signer", ALL)
def test_copies(app: TestApp, signer: str, slash: str) -> None:
    metadata = named(signer, meta_author="me")
    ask(app, signer, method="PUT", key="a/\u00fc", body=b"data", headers=metadata)
    source = named(signer, copy_source=f"{slash}{BUCKET}/a/%C3%BC")
    copied = ask(app, signer, method="PUT", key="copy", headers=source)
    assert copied.xml.tag == "CopyObjectResult"
    copy = ask(app, signer, key="copy")
    assert (copy.body, copy.headers[next(iter(metadata))]) == (b"data", "me")
    replaced = {**source, **named(signer, metadata_directive="REPLACE", meta_author="you")}
    ask(app, signer, method="PUT", key="copy", headers=replaced)
    assert ask(app, signer, key="copy").headers[next(iter(metadata))] == "you"
    for wrong in (f"{BUCKET}.cos.test/a", BUCKET, f"{BUCKET}/%FF"):
        asked = named(signer, copy_source=wrong)
        refused = ask(app, signer, method="PUT", key="copy", headers=asked)
        assert code(refused) == "InvalidArgument"


@pytest.mark.parametrize("presigned", FORMS)
@pytest.mark.parametrize("signer", ALL)
def test_nobody_else_makes_a_copy_of_an_upload(app: TestApp, signer: str, presigned: bool) -> None:
    ask(app, signer, method="PUT", key="secret", body=b"data")
    sent = signed(signer, presigned=presigned, method="PUT", key="k", query={})
    theirs = named(signer, copy_source=f"/{BUCKET}/secret")
    assert call(app, sent.but(headers=theirs)).status_int == 403
    # Under another vendor's name, which the signature does not cover, it is nothing.
    ours = {"x-cos-copy-source": f"{BUCKET}.cos.test/secret", "x-cos-meta-author": "me"}
    assert call(app, sent.but(headers=ours)).status_int == 200
    stored = ask(app, signer, key="k")
    assert (stored.body, "x-cos-meta-author" in stored.headers) == (b"", False)


@pytest.mark.parametrize("signer", ALL)
def test_listings_of_the_second_version(app: TestApp, signer: str) -> None:
    for key in ("a b", "b", "c\u00fc", "d/e"):
        ask(app, signer, method="PUT", key=key)
    query = {"list-type": "2", "max-keys": "2", "start-after": "a", "delimiter": "/"}
    page = ask(app, signer, query=query).xml
    assert [each.text for each in page.iterfind("Contents/Key")] == ["a b", "b"]
    assert (page.findtext("KeyCount"), page.findtext("IsTruncated")) == ("2", "true")
    assert (page.findtext("Contents/Type") == "Normal") == (SIGNERS[signer][0] == "oss")
    query["continuation-token"] = page.findtext("NextContinuationToken")
    page = ask(app, signer, query=query).xml
    assert [each.text for each in page.iterfind("Contents/Key")] == ["c\u00fc"]
    assert page.findtext("CommonPrefixes/Prefix") == "d/"
    assert (page.findtext("IsTruncated"), page.find("NextContinuationToken")) == ("false", None)
    query["continuation-token"] = "?"
    assert code(ask(app, signer, query=query)) == "InvalidArgument"


@pytest.mark.parametrize("signer", ALL)
def test_what_commands_ask_before_they_begin(app: TestApp, signer: str) -> None:
    assert ask(app, signer, query={"location": ""}).xml.tag == "LocationConstraint"
    for url in (f"/{BUCKET}?apiversion", "/other-1?apiversion"):
        version = send(app, "HEAD", url)
        assert (version.status_int, version.headers["x-obs-api"]) == (200, "3.0")


def test_an_error_without_a_body_is_in_a_header_to_oss(app: TestApp) -> None:
    answer = ask(app, "oss2 V4", method="HEAD", key="none")
    document = ElementTree.fromstring(b64decode(answer.headers["x-oss-err"]))
    assert (answer.status_int, document.findtext("Code")) == (404, "NoSuchKey")
    assert document.findtext("RequestId") == answer.headers["x-oss-request-id"]


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
