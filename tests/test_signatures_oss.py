"""The signatures of OSS: recorded ones, and every way in which one can be wrong."""

import hmac
import time
from typing import Any
from urllib.parse import urlsplit

import oss2
import oss2.http
import pytest

from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.signatures import SignatureError, Signer, verify
from tests.support.sdk_signers import (
    ACCESS_KEY,
    BUCKET,
    HOST,
    KEYS,
    SECRET_KEY,
    Sent,
    sha256,
    signed,
)
from tests.support.tables import in_one_test
from tests.support.vendor_corpus import load

# The key of the example in OSS's documentation; it opens nothing.
EXAMPLE_KEYS = {"44CF9590006BF252F707": "OtxrzxIsfpFjA7SwPzILwy8Bw21TLhquhboDYROV"}

VECTORS = load("vectors.json")
CAPTURED = [*VECTORS["sdk_requests"]["oss-v1"], *VECTORS["sdk_requests"]["oss-v4"]]
SIGNER = Signer("LTAIEXAMPLE", "oss")
CAPTURED_AT = 1795322113
KEYS_THEN = {"LTAIEXAMPLE": "ExampleSecret"}


def captured(entry: dict[str, Any]) -> Sent:
    """A request that oss2 sent."""
    path, _, query = entry["path"].partition("?")
    headers = {name.lower(): value for name, value in entry["headers"]}
    return Sent(entry["method"], path, query, headers, bucket="examplebucket")


@pytest.mark.parametrize("entry", CAPTURED, ids=lambda entry: entry["method"])
def test_requests_as_oss2_sent_them_hold(entry: dict[str, Any]) -> None:
    request = captured(entry).request()
    assert verify(request, KEYS_THEN, now=CAPTURED_AT, must_sign=("cors",)) == SIGNER


def test_the_example_of_version_1_holds() -> None:
    """ "Include a V1 signature in the Authorization header"."""
    sent = Sent(
        "PUT",
        "/nelson",
        "",
        {
            "content-md5": "ODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM=",
            "content-type": "text/html",
            "date": "Thu, 17 Nov 2005 18:49:58 GMT",
            "host": "oss-example.oss-cn-hangzhou.aliyuncs.com",
            "x-oss-meta-author": "foo@bar.com",
            "x-oss-magic": "abracadabra",
            "authorization": "OSS 44CF9590006BF252F707:26NBxoKdsyly4EDv6inkoDft/yA=",
        },
        bucket="oss-example",
        key="nelson",
    )
    assert verify(sent.request(), EXAMPLE_KEYS, now=1132253398)


V1, V4 = (captured(VECTORS["sdk_requests"][name][0]) for name in ("oss-v1", "oss-v4"))


def refused(sent: Sent, *, now: float = CAPTURED_AT) -> tuple[Refusal, str | None]:
    """Code and text that a request is refused with."""
    with pytest.raises(SignatureError) as refusal:
        verify(sent.request(), {**KEYS, **KEYS_THEN}, now=now)
    return refusal.value.code, refusal.value.message


def edited(sent: Sent, old: str, new: str) -> Sent:
    """A request with something else in its Authorization."""
    authorization = sent.headers["authorization"]
    assert old in authorization
    return sent.but(headers={"authorization": authorization.replace(old, new)})


INVALID = (Refusal.INVALID_AUTHORIZATION, "Authorization header is invalid.")
MISMATCH = (Refusal.SIGNATURE_MISMATCH, None)
DATELESS = (Refusal.ACCESS_DENIED, "OSS authentication requires a valid Date.")


def invalid(text: str) -> tuple[Refusal, str]:
    """What is said of a V4 signature that has a wrong part."""
    return Refusal.INVALID_AUTHORIZATION, text


@in_one_test
@pytest.mark.parametrize(
    "sent, expected",
    [
        *(
            pytest.param(V1.but(headers={"authorization": text}), INVALID, id=f"V1 {text}")
            for text in ("OSS", "OSS :", "OSS x", "OSS x:", "OSS :x", "oss a b")
        ),
        pytest.param(V1.but(headers={"date": None}), DATELESS, id="V1 no date"),
        pytest.param(V1.but(headers={"date": "1795322113"}), DATELESS, id="V1 seconds"),
        pytest.param(V1.but(headers={"x-oss-date": ""}), DATELESS, id="V1 empty date"),
        pytest.param(
            V1.but(headers={"date": "Sun, 22 Nov 2026 04:35:14 GMT"}),
            MISMATCH,
            id="V1 another second",
        ),
        pytest.param(
            V1.but(headers={"x-oss-date": "Sun, 22 Nov 2026 04:35:13 GMT"}),
            MISMATCH,
            id="V1 date in its other place",
        ),
        pytest.param(V1.but(headers={"content-type": "text/xml"}), MISMATCH, id="V1 type"),
        *(
            pytest.param(V1.but(headers={"authorization": text}), INVALID, id=text)
            for text in (
                "OSS2",
                "OSS2 AccessKeyId:a",
                "OSS2 Signature:b",
                "OSS2 AccessKeyId:a,Signature:b,Signature:c",
                "OSS2 AccessKeyId:a,Signature:b,More:c",
                "OSS2 AccessKeyId=a,Signature=b",
            )
        ),
        pytest.param(edited(V4, "HMAC-SHA256", "HMAC-SHA1"), INVALID, id="V4 algorithm"),
        pytest.param(edited(V4, " Credential", " Credentials"), INVALID, id="V4 field"),
        pytest.param(edited(V4, "Signature=", "Signature=x,Signature="), INVALID, id="V4 twice"),
        pytest.param(edited(V4, ", Signature=", ", Other=x, Signature="), INVALID, id="V4 more"),
        pytest.param(
            V4.but(headers={"authorization": "OSS4-HMAC-SHA256"}), INVALID, id="V4 cut off"
        ),
        pytest.param(V4.but(headers={"x-oss-date": None}), DATELESS, id="V4 no date"),
        pytest.param(
            V4.but(headers={"x-oss-date": "20261301T000000Z"}), DATELESS, id="V4 no such date"
        ),
        pytest.param(
            edited(V4, "/aliyun_v4_request", ""),
            invalid("Invalid signing credential in Authorization header."),
            id="V4 parts",
        ),
        pytest.param(
            edited(V4, "/20261122/", "/2026-11-22/"),
            invalid("Invalid signing date in Authorization header."),
            id="V4 day",
        ),
        pytest.param(
            edited(V4, "/20261122/", "/20261121/"),
            invalid("Invalid signing date in Authorization header."),
            id="V4 another day",
        ),
        pytest.param(
            edited(V4, "/cn-hangzhou/", "//"),
            invalid("Invalid signing region in Authorization header."),
            id="V4 no region",
        ),
        pytest.param(
            edited(V4, "/oss/", "/s3/"),
            invalid("Invalid signing product in Authorization header."),
            id="V4 product",
        ),
        pytest.param(
            edited(edited(V4, "/20261122/", "/20261121/"), "/oss/", "/s3/"),
            invalid("Invalid signing product in Authorization header."),
            id="V4 product and another day",
        ),
        pytest.param(
            edited(V4, "/aliyun_v4_request", "/aws4_request"),
            invalid("Invalid signing version in Authorization header."),
            id="V4 terminator",
        ),
        pytest.param(edited(V4, "/cn-hangzhou/", "/cn-beijing/"), MISMATCH, id="V4 region"),
        pytest.param(edited(V4, "b4abed18", ""), MISMATCH, id="V4 short"),
        pytest.param(
            edited(V4, ", Signature", ", AdditionalHeaders=host, Signature"),
            MISMATCH,
            id="V4 more headers",
        ),
        pytest.param(
            V4.but(headers={"x-oss-content-sha256": "x"}),
            invalid("x-oss-content-sha256 must be UNSIGNED-PAYLOAD, or the SHA-256 of the body."),
            id="V4 no such digest",
        ),
        pytest.param(
            V4.but(headers={"x-oss-content-sha256": sha256(b"")}), MISMATCH, id="V4 another digest"
        ),
        pytest.param(V4.but(headers={"content-type": "text/xml"}), MISMATCH, id="V4 type"),
    ],
)
def test_a_header_that_is_wrong(sent: Sent, expected: tuple[Refusal, str | None]) -> None:
    assert refused(sent) == expected


def test_additional_headers_are_signed() -> None:
    sent = signed("oss2 V2", headers={"Range": "bytes=0-1"})
    assert "AdditionalHeaders:range" in sent.headers["authorization"]
    assert verify(sent.request(), KEYS, now=time.time(), must_sign_headers=("range",))
    assert refused(sent.but(headers={"range": "bytes=0-9"}), now=time.time()) == MISMATCH


def test_a_digest_of_the_body_is_handed_on() -> None:
    """The document has it, although SDKs write UNSIGNED-PAYLOAD."""
    digest = sha256(b"body")
    canonical = (
        "PUT\n/examplebucket/\ncors\n"
        f"x-oss-content-sha256:{digest}\nx-oss-date:20261122T043513Z\n\n\n{digest}"
    )
    scope = ("20261122", "cn-hangzhou", "oss", "aliyun_v4_request")
    text = f"OSS4-HMAC-SHA256\n20261122T043513Z\n{'/'.join(scope)}\n{sha256(canonical.encode())}"
    key = b"aliyun_v4ExampleSecret"
    for part in (*scope, text):
        key = hmac.digest(key, part.encode(), "sha256")
    sent = V4.but(
        headers={
            "x-oss-content-sha256": digest,
            "authorization": f"OSS4-HMAC-SHA256 Credential=LTAIEXAMPLE/{'/'.join(scope)}, "
            f"Signature={key.hex()}",
        }
    )
    signer = verify(sent.request(), KEYS_THEN, now=CAPTURED_AT)
    assert signer == Signer("LTAIEXAMPLE", "oss", digest)


MADE_AT = time.time()
URLS = {version: signed(f"oss2 {version}", presigned=True) for version in ("V1", "V2", "V4")}


def query(version: str, old: str, new: str) -> Sent:
    """A pre-signed URL with something else in its query."""
    sent = URLS[version]
    assert old in sent.query
    return sent.but(query=sent.query.replace(old, new))


@in_one_test
@pytest.mark.parametrize(
    "sent, code",
    [
        pytest.param(query("V1", "&Expires=", "&x="), Refusal.ACCESS_DENIED, id="V1 no time"),
        pytest.param(
            query("V1", "&Signature=", "&x="), Refusal.ACCESS_DENIED, id="V1 no signature"
        ),
        pytest.param(
            query("V1", "&Expires=", "&Expires=1&Expires="),
            Refusal.ACCESS_DENIED,
            id="V1 two times",
        ),
        pytest.param(
            query("V1", "&Expires=", "&Expires=x"), Refusal.ACCESS_DENIED, id="V1 time that is none"
        ),
        pytest.param(
            query("V1", "&Expires=", "&Expires=1"), Refusal.SIGNATURE_MISMATCH, id="V1 another time"
        ),
        pytest.param(query("V2", "x-oss-expires=", "x="), Refusal.ACCESS_DENIED, id="V2 no time"),
        pytest.param(
            query("V2", "x-oss-expires=", "x-oss-expires=x"),
            Refusal.ACCESS_DENIED,
            id="V2 time that is none",
        ),
        pytest.param(
            query("V2", "x-oss-expires=", "x-oss-expires=1"),
            Refusal.SIGNATURE_MISMATCH,
            id="V2 another time",
        ),
        pytest.param(query("V2", "=OSS2", "=OSS3"), Refusal.ACCESS_DENIED, id="V2 version"),
        pytest.param(
            query("V2", "x-oss-signature=", "x-oss-signature=x&x-oss-signature="),
            Refusal.ACCESS_DENIED,
            id="V2 two signatures",
        ),
        pytest.param(
            query("V4", "x-oss-expires=60", "x-oss-expires=61"),
            Refusal.SIGNATURE_MISMATCH,
            id="V4 longer",
        ),
        pytest.param(
            query("V4", "x-oss-expires=60", "x-oss-expires=604801"),
            Refusal.INVALID_AUTHORIZATION,
            id="V4 more than a week",
        ),
        pytest.param(
            query("V4", "x-oss-expires=60", "x-oss-expires=0"),
            Refusal.INVALID_AUTHORIZATION,
            id="V4 no time",
        ),
        pytest.param(
            query("V4", "x-oss-expires=60", "x-oss-expires=x"),
            Refusal.INVALID_AUTHORIZATION,
            id="V4 time that is none",
        ),
        pytest.param(
            query("V4", "x-oss-date=2", "x-oss-date=x2"),
            Refusal.INVALID_AUTHORIZATION,
            id="V4 date",
        ),
        pytest.param(
            query("V4", "x-oss-date=20", "x-oss-date=30"), Refusal.ACCESS_DENIED, id="V4 not yet"
        ),
        pytest.param(
            query("V4", "x-oss-credential=", "x="), Refusal.ACCESS_DENIED, id="V4 no credential"
        ),
        pytest.param(
            query("V4", "HMAC-SHA256", "HMAC-SHA512"),
            Refusal.INVALID_AUTHORIZATION,
            id="V4 version",
        ),
        pytest.param(
            query("V4", "%2Foss%2F", "%2Fs3%2F"), Refusal.INVALID_AUTHORIZATION, id="V4 product"
        ),
    ],
)
def test_a_url_that_is_wrong(sent: Sent, code: Refusal) -> None:
    assert refused(sent, now=MADE_AT)[0] == code


def test_what_version_1_cannot_tell_apart() -> None:
    """It signs keys and values as they are; what an application signs for must be its own."""
    url = signed("oss2 V1", presigned=True, method="PUT", key="?cors", query={})
    rules = url.but(path="/examplebucket-1250000000/", key="", query=f"cors&{url.query}")
    assert verify(rules.request(), KEYS, now=time.time(), must_sign=("cors",))
    for signer in ("oss2 V2", "oss2 V4", "botocore V2", "botocore V4", "esdk-obs-python"):
        url = signed(signer, presigned=True, method="PUT", key="?cors", query={})
        rules = url.but(path="/examplebucket-1250000000/", key="", query=f"cors&{url.query}")
        assert refused(rules, now=time.time()) == MISMATCH


@pytest.mark.parametrize("version", ["v2", "v4"])
def test_additional_headers_of_a_url_are_signed(version: str) -> None:
    auth = oss2.make_auth(ACCESS_KEY, SECRET_KEY, version)
    request = oss2.http.Request(
        "GET",
        f"http://{HOST}/{BUCKET}/",
        params={"cors": ""},
        headers={"range": "bytes=0-1"},
        region="cn-hangzhou",
        product="oss",
    )
    url = auth._sign_url(request, BUCKET, "", 60, ["range"])
    sent = Sent("GET", f"/{BUCKET}/", urlsplit(url).query, {"host": HOST, "range": "bytes=0-1"})
    assert "x-oss-additional-headers=range" in sent.query
    options: dict[str, Any] = {"must_sign": ("cors",), "must_sign_headers": ("range",)}
    assert verify(sent.request(), KEYS, now=time.time(), **options) == (ACCESS_KEY, "oss", None)
    assert refused(sent.but(headers={"range": "bytes=0-9"}), now=time.time()) == MISMATCH
    for instead in ("", "&x-oss-additional-headers="):
        query = sent.query.replace("&x-oss-additional-headers=range", instead)
        assert refused(sent.but(query=query), now=time.time()) == MISMATCH
        with pytest.raises(SignatureError, match="header that must be signed: range"):
            verify(sent.but(query=query).request(), KEYS, now=time.time(), **options)


@pytest.mark.parametrize(
    "seconds, expected",
    [
        ("0", Refusal.INVALID_AUTHORIZATION),
        ("1", Refusal.SIGNATURE_MISMATCH),
        ("604800", Refusal.SIGNATURE_MISMATCH),
        ("604801", Refusal.INVALID_AUTHORIZATION),
        ("9999999999", Refusal.INVALID_AUTHORIZATION),
        ("00000000060", Refusal.INVALID_AUTHORIZATION),
    ],
)
def test_the_longest_life_of_a_url_is_a_week(seconds: str, expected: Refusal) -> None:
    """What is looked at further is not refused for its length, but for its signature."""
    sent = query("V4", "x-oss-expires=60", f"x-oss-expires={seconds}")
    assert refused(sent, now=MADE_AT)[0] == expected


@in_one_test
@pytest.mark.parametrize("sent", [V1, V4], ids=["V1", "V4"])
@pytest.mark.parametrize(
    "later, expected",
    [(-900, None), (900, None), (-901, Refusal.CLOCK_SKEWED), (901, Refusal.CLOCK_SKEWED)],
)
def test_the_last_second_of_15_minutes(sent: Sent, later: int, expected: Refusal | None) -> None:
    if expected is None:
        assert verify(sent.request(), KEYS_THEN, now=CAPTURED_AT + later) == SIGNER
    else:
        assert refused(sent, now=CAPTURED_AT + later) == (expected, None)
