"""What the log says about signatures that are refused, and what it does not repeat."""

import re
import time
from urllib.parse import quote

import pytest
from webtest import TestApp

from flask_bucketcors import AccessKey, BucketCORSMiddleware, MemoryStore, RulesAPI
from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.signatures import SCHEMES, Keys, SignatureError, verify
from flask_bucketcors.signatures.failure_log import FailureLog, claimed_key_id
from flask_bucketcors.signatures.scheme import SignatureMismatch
from tests.support import ROOT, cos_signing
from tests.support.cos_signing import send
from tests.support.loggers import FORGED, LONG, Lines, watch
from tests.support.sdk_signers import (
    ACCESS_KEY,
    BUCKET,
    SECRET_KEY,
    TEMPORARY_KEY,
    TOKEN,
    Sent,
    signed,
)
from tests.support.tables import in_one_test

ANOTHER: Keys = {ACCESS_KEY: "another", TEMPORARY_KEY: AccessKey("another", TOKEN)}
MAX_DEBUGGED = 1024

SCHEME_OF = {
    "oss2 V1": "OSS V1",
    "oss2 V2": "OSS V2",
    "oss2 V4": "OSS V4",
    "alibabacloud-oss-v2 V1": "OSS V1",
    "alibabacloud-oss-v2 V4": "OSS V4",
    "botocore V2": "S3 V2",
    "botocore V4": "S3 V4",
    "esdk-obs-python": "OBS",
}
a_signer = pytest.mark.parametrize("signer", SCHEME_OF)
a_place = pytest.mark.parametrize("presigned", [False, True], ids=["header", "query"])


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    return watch(caplog)


def call(sent: Sent, keys: Keys = ANOTHER) -> int:
    """Send a request to an API with other keys; give the status."""
    store = MemoryStore()
    api = RulesAPI(store, access_keys=keys)
    app = TestApp(BucketCORSMiddleware(lambda e, s: [b""], store=store, api=api))
    url = f"{sent.path}?{sent.query}"
    return int(send(app, sent.method, url, sent.body, sent.headers).status_int)


def test_every_scheme_is_here() -> None:
    assert {*SCHEME_OF.values(), "COS"} == {scheme.name for scheme in SCHEMES}


@a_place
@a_signer
def test_a_refused_signature(lines: Lines, signer: str, presigned: bool) -> None:
    assert call(signed(signer, presigned=presigned)) == 403
    warning, debugged = lines()
    assert warning[:2] == ("flask_bucketcors.signatures", "WARNING")
    name = SCHEME_OF[signer]
    assert warning[2].startswith(
        f"signature refused (SignatureDoesNotMatch): {name}, host 'store.test:8080', "
        f"key id '{ACCESS_KEY}': '"
    )
    assert debugged[:2] == ("flask_bucketcors.signatures", "DEBUG")
    assert debugged[2].startswith(f"{name} string to sign: b'")
    assert len(debugged[2]) <= MAX_DEBUGGED


@in_one_test
@a_place
@a_signer
def test_the_string_to_sign_is_what_the_client_signed(signer: str, presigned: bool) -> None:
    sent = signed(signer, presigned=presigned, key="a/b")
    with pytest.raises(SignatureMismatch) as refused:
        verify(sent.request(), ANOTHER, now=time.time())
    string_to_sign, _ = refused.value.explain()
    signature = refused.value._signing.sign(SECRET_KEY, string_to_sign)
    assert signature in str(sent.headers) or quote(signature, safe="") in sent.query


def test_the_string_to_sign_of_cos(lines: Lines) -> None:
    """The HttpString shows the parameters and headers, of which it holds the digest."""
    url, headers = f"/{BUCKET}?cors", {"host": "store.test"}
    now = int(time.time())
    authorization = cos_signing.authorization("GET", url, headers, now=now)
    sent = Sent(headers={**headers, "authorization": authorization})
    assert call(sent, {cos_signing.ACCESS_KEY: "another"}) == 403
    warning, debugged = lines()
    assert f"COS, host 'store.test', key id '{cos_signing.ACCESS_KEY}'" in warning[2]
    assert re.fullmatch(
        rf"COS string to sign: b'sha1\\n{now - 60};{now + 600}\\n[0-9a-f]{{40}}\\n'; canonical "
        rf"request: b'get\\n/{BUCKET}\\ncors=\\nhost=store.test\\n'",
        debugged[2],
    )


def test_the_page_shows_a_line_that_is_logged(lines: Lines) -> None:
    sent = signed("botocore V4").but(headers={"host": "photos.example.com"})
    assert call(sent) == 403
    page = (ROOT / "docs" / "logging.md").read_text("utf-8")
    assert f"\n{lines()[0][2]}\n" in page


SECRETS = {
    "cookie": "session=of-alice",
    "x-api-secret": "a-secret",
    "sig": "a-short-one",
    "x-csrf-token": "a-token",
    "proxy-authorization": "Basic a-password",
    "x-amz-server-side-encryption-customer-key": "an-encryption-key",
    "x-oss-server-side-encryption-key": "another-encryption-key",
}


@a_place
@a_signer
def test_no_secret_is_repeated(lines: Lines, signer: str, presigned: bool) -> None:
    sent = signed(signer, presigned=presigned, token=TOKEN, headers=SECRETS)
    call(sent)
    text = " ".join(text for *_, text in lines())
    assert f"key id '{TEMPORARY_KEY}'" in text
    signatures = re.findall(r"ignature[=:]([^&,\s']{20,})", f"{sent.query} {sent.headers}")
    signatures += re.findall(rf"{TEMPORARY_KEY}:([^'\s]+)", str(sent.headers))
    assert signatures
    for secret in (TOKEN, *SECRETS.values(), *signatures):
        assert secret not in text
        assert quote(secret, safe="") not in text


def test_a_cookie_that_a_client_signs_is_not_repeated(lines: Lines) -> None:
    headers = {"host": "store.test", "cookie": "session=of-alice", "x-cos-security-token": TOKEN}
    now = int(time.time())
    url = f"/{BUCKET}?cors&x-cos-security-token=the-token"
    authorization = cos_signing.authorization("GET", url, headers, now=now)
    query = url.partition("?")[2]
    sent = Sent(query=query, headers={**headers, "authorization": authorization})
    call(sent, {cos_signing.ACCESS_KEY: "another"})
    assert "cookie=...&host=store.test&x-cos-security-token=..." in lines()[1][2]
    assert "cors=&x-cos-security-token=..." in lines()[1][2]


@pytest.mark.parametrize(
    "seconds, written", [([0, 0], 1), ([0, 59.9], 1), ([0, 60], 2), ([0, 59, 61, 100, 121], 3)]
)
def test_one_line_a_minute_and_scheme(lines: Lines, seconds: list[float], written: int) -> None:
    request, error = Sent().request(), SignatureError(Refusal.SIGNATURE_MISMATCH)
    times = iter([each for each in seconds for _ in (*SCHEMES, None)])
    log = FailureLog(lambda: next(times))
    for _ in seconds:
        for scheme in (*SCHEMES, None):
            log.write(request, scheme, error, "message")
    assert len(lines()) == written * (len(SCHEMES) + 1)


@pytest.mark.parametrize("value", ["Bearer the-token", "Basic the-token", "x the-token"])
def test_an_unknown_authorization_is_not_repeated(lines: Lines, value: str) -> None:
    assert call(Sent(headers={"host": "store.test", "authorization": value})) == 403
    ((_, level, text),) = lines()
    assert level == "WARNING"
    assert "(UnknownAuthorization): unknown scheme, host 'store.test', key id None: '" in text
    assert "the-token" not in text


def test_a_call_without_a_signature_is_not_logged(lines: Lines) -> None:
    assert call(Sent()) == 403
    assert lines() == []


CLAIMED = [
    ("AWS KEY:sig", "", "KEY"),
    ("aws KEY:sig", "", "KEY"),
    ("OSS KEY:sig", "", "KEY"),
    ("OBS KEY:sig", "", "KEY"),
    ("OBS :sig", "", None),
    ("AWS4-HMAC-SHA256 Credential=KEY/2026/r/s3/aws4_request, Signature=sig", "", "KEY"),
    ("AWS4-HMAC-SHA256 Signature=sig,Credential=KEY", "", "KEY"),
    ("OSS4-HMAC-SHA256 Credential=KEY/2026", "", "KEY"),
    ("OSS2 AccessKeyId:KEY,Signature:sig", "", "KEY"),
    ("q-sign-algorithm=sha1&q-ak=KEY&q-sign-time=1;2", "", "KEY"),
    ("q-sign-algorithm=sha1&not-q-ak=KEY", "", None),
    ("", "X-Amz-Credential=KEY%2F2026", "KEY"),
    ("", "x-oss-credential=KEY", "KEY"),
    ("", "AWSAccessKeyId=&AccessKeyId=KEY", "KEY"),
    ("", "", None),
]


@in_one_test
@pytest.mark.parametrize("authorization, query, key_id", CLAIMED)
def test_the_key_id_that_a_signature_claims(
    authorization: str, query: str, key_id: str | None
) -> None:
    sent = Sent(query=query, headers={"authorization": authorization})
    assert claimed_key_id(sent.request()) == key_id


@pytest.mark.parametrize("value", [FORGED, LONG, "\udcff"])
@pytest.mark.parametrize("old", ["store.test:8080", ACCESS_KEY, "us-east-1", "the-value", BUCKET])
def test_no_signature_forges_a_line(lines: Lines, old: str, value: str) -> None:
    """In the host, the key id, the scope, a signed header, and the path."""
    environ = signed("botocore V4", headers={"x-amz-meta-a": "the-value"}).environ()
    new = value.encode("utf-8", "surrogateescape").decode("latin-1")
    changed = {key: text.replace(old, new) for key, text in environ.items()}
    changed["flask_bucketcors.bucket"] = "photos"
    api = RulesAPI(MemoryStore(), access_keys=ANOTHER)
    b"".join(api(changed, lambda *_: None))  # type: ignore[arg-type]
    assert lines()[0][1] == "WARNING"
