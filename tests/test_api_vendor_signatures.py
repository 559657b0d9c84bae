"""The ``?cors`` API accepts what each vendor's own signer signs, and refuses what it did not."""

import time
from typing import Any
from xml.etree import ElementTree

import pytest
from webtest import TestApp, TestResponse

from flask_bucketcors import BucketCORSMiddleware, MemoryStore, RulesAPI, RulesCall
from tests.support.cos_signing import send
from tests.support.sdk_signers import ACCESS_KEY, BUCKET, KEYS, SIGNERS, Sent, signed

URL = f"/{BUCKET}?cors"
BODY = (
    b"<CORSConfiguration><CORSRule><AllowedOrigin>https://new.test</AllowedOrigin>"
    b"<AllowedMethod>PUT</AllowedMethod></CORSRule></CORSConfiguration>"
)
OTHER = BODY.replace(b"new.test", b"sly.test")


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def app(store: MemoryStore) -> TestApp:
    return make(store)


def make(store: MemoryStore, **options: Any) -> TestApp:
    """An application with nothing but the API."""
    api = RulesAPI(store, **{"access_keys": KEYS, "clock": time.time, **options})
    return TestApp(BucketCORSMiddleware(lambda e, s: [b""], store=store, api=api))


def call(app: TestApp, sent: Sent) -> TestResponse:
    """Make a call that is signed already."""
    url = f"{sent.path}?{sent.query}"
    return send(app, sent.method, url, sent.body, sent.headers)


def error(response: TestResponse) -> tuple[int, str, str]:
    """Status, code and message of an error."""
    document = ElementTree.fromstring(response.body)
    return response.status_int, document.findtext("Code", ""), document.findtext("Message", "")


@pytest.mark.parametrize("presigned", [False, True], ids=["header", "query"])
@pytest.mark.parametrize("signer", SIGNERS)
def test_calls_may_be_signed_as_any_vendor_does(
    app: TestApp, store: MemoryStore, signer: str, presigned: bool
) -> None:
    def answer(method: str, body: bytes = b"") -> int:
        return call(app, signed(signer, presigned=presigned, method=method, body=body)).status_int

    assert answer("PUT", BODY) == 200
    assert store.history(BUCKET)[0].author == ACCESS_KEY
    assert answer("GET") == 200
    assert answer("DELETE") == 204
    assert store.get(BUCKET) is None


@pytest.mark.parametrize("presigned", [False, True], ids=["header", "query"])
@pytest.mark.parametrize("signer", SIGNERS)
def test_a_call_on_another_bucket_is_refused(
    app: TestApp, store: MemoryStore, signer: str, presigned: bool
) -> None:
    sent = signed(signer, presigned=presigned, method="PUT", body=BODY)
    status, code, _ = error(call(app, sent.but(path="/albums")))
    assert (status, code) == (403, "SignatureDoesNotMatch")
    assert store.list() == []


def test_a_body_that_was_signed_cannot_be_swapped(app: TestApp, store: MemoryStore) -> None:
    sent = signed("botocore V4", method="PUT", body=BODY).but(body=OTHER)
    assert error(call(app, sent))[:2] == (400, "XAmzContentSHA256Mismatch")
    assert store.list() == []


def test_a_body_in_chunks_is_refused(app: TestApp) -> None:
    headers = {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}
    sent = signed("botocore V4", method="PUT", body=BODY).but(headers=headers)
    status, code, message = error(call(app, sent))
    assert (status, code, "UNSIGNED-PAYLOAD" in message) == (501, "NotImplemented", True)


@pytest.mark.parametrize("authorization", ["Bearer token", "Basic dTpw", "x"])
def test_another_authorization_is_for_a_hook_to_judge(
    store: MemoryStore, authorization: str
) -> None:
    requesters = []

    def hook(rules_call: RulesCall) -> bool:
        requesters.append(rules_call.requester)
        return bool(rules_call.environ["HTTP_AUTHORIZATION"] == authorization)

    headers = {"Authorization": authorization}
    assert send(make(store, authorize=hook), "PUT", URL, BODY, headers).status_int == 200
    assert requesters == [None]
    status, code, message = error(send(make(store), "PUT", URL, BODY, headers))
    assert (status, code, "is not supported" in message) == (403, "AccessDenied", True)


def test_a_hook_that_refuses_says_no_more(store: MemoryStore) -> None:
    app = make(store, authorize=lambda rules_call: False)
    refused = send(app, "GET", URL, headers={"Authorization": "Bearer token"})
    assert error(refused) == (403, "AccessDenied", "Access Denied.")


@pytest.mark.parametrize(
    "name, value, code",
    [
        ("x-amz-checksum-crc32", "AAAAAA==", "BadDigest"),
        ("x-amz-checksum-crc32", "AAAA", "InvalidRequest"),
        ("x-amz-checksum-sha256", "x", "InvalidRequest"),
        ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==", "BadDigest"),
    ],
)
def test_checksums_are_compared(
    app: TestApp, store: MemoryStore, name: str, value: str, code: str
) -> None:
    sent = signed("botocore V4", method="PUT", body=BODY, headers={name: value})
    assert error(call(app, sent))[:2] == (400, code)
    assert store.list() == []
