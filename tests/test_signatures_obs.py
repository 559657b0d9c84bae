"""The signature of OBS: the document's examples, and every way in which one can be wrong."""

import hmac
import time
from base64 import b64encode
from email.utils import parsedate_to_datetime

import pytest

from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.signatures import SignatureError, Signer, verify
from flask_bucketcors.signatures.obs import OBS
from tests.support.sdk_signers import BUCKET, KEYS, Sent, signed
from tests.support.tables import in_one_test

SIGNER = Signer("AKIDEXAMPLE", "obs")
MADE_AT = time.time()
HEADER = signed("esdk-obs-python")
URL = signed("esdk-obs-python", presigned=True)


def refused(sent: Sent) -> Refusal:
    """What a request is refused as."""
    with pytest.raises(SignatureError) as refusal:
        verify(sent.request(), KEYS, now=MADE_AT)
    return refusal.value.code


@pytest.mark.parametrize(
    "sent, expected",
    [
        pytest.param(
            Sent(headers={"date": "Mon, 12 Oct 2015 08:12:38 GMT"}, query=""),
            "GET\n\n\nMon, 12 Oct 2015 08:12:38 GMT\n/bucket/object.txt",
            id="table 2, an object",
        ),
        pytest.param(
            Sent(
                "PUT",
                query="",
                headers={
                    "x-obs-date": "Thu, 15 Oct 2015 07:20:09 GMT",
                    "x-obs-security-token": "YwkaRTbdY8g7q",
                    "content-type": "text/plain",
                    "content-length": "5913339",
                },
            ),
            "PUT\n\ntext/plain\n\nx-obs-date:Thu, 15 Oct 2015 07:20:09 GMT\n"
            "x-obs-security-token:YwkaRTbdY8g7q\n/bucket/object.txt",
            id="table 3, a temporary key",
        ),
        pytest.param(
            Sent(
                "PUT",
                query="",
                headers={
                    "date": "Wed, 14 Oct 2015 12:08:34 GMT",
                    "x-obs-acl": "public-read",
                    "content-type": "text/plain",
                },
            ),
            "PUT\n\ntext/plain\nWed, 14 Oct 2015 12:08:34 GMT\nx-obs-acl:public-read\n"
            "/bucket/object.txt",
            id="table 4, a header",
        ),
        pytest.param(
            Sent(headers={"date": "Mon, 12 Oct 2015 08:12:38 GMT"}, query="acl"),
            "GET\n\n\nMon, 12 Oct 2015 08:12:38 GMT\n/bucket/object.txt?acl",
            id="table 5, a sub-resource",
        ),
        pytest.param(
            Sent(
                headers={"date": "Mon, 12 Oct 2015 08:12:38 GMT"},
                query="versionId=xxx&prefix=p&response-content-type=text%2Fplain",
            ),
            "GET\n\n\nMon, 12 Oct 2015 08:12:38 GMT\n"
            "/bucket/object.txt?response-content-type=text/plain&versionId=xxx",
            id="note, two of them",
        ),
    ],
)
def test_the_strings_of_the_document(sent: Sent, expected: str) -> None:
    """API reference obs_04_0010; its dates have the day of the week that they fell on."""
    signature = b64encode(hmac.digest(b"ExampleSecretKey", expected.encode(), "sha1")).decode()
    sent = sent.but(
        path="/object.txt",
        bucket="bucket",
        key="object.txt",
        headers={"authorization": f"OBS AKIDEXAMPLE:{signature}"},
    )
    now = parsedate_to_datetime(sent.headers.get("date") or sent.headers["x-obs-date"])
    keys = {"AKIDEXAMPLE": "ExampleSecretKey"}
    assert verify(sent.request(), keys, now=now.timestamp()) == SIGNER


def test_what_the_sdk_signs_holds() -> None:
    for sent in (HEADER, URL):
        assert verify(sent.request(), KEYS, now=MADE_AT, must_sign=("cors",)) == SIGNER


@in_one_test
@pytest.mark.parametrize(
    "changes, expected",
    [
        ({"authorization": "OBS"}, Refusal.INVALID_AUTHORIZATION),
        ({"authorization": "OBS AK"}, Refusal.INVALID_AUTHORIZATION),
        ({"authorization": "OBS AK:"}, Refusal.INVALID_AUTHORIZATION),
        ({"authorization": "OBS :x"}, Refusal.INVALID_AUTHORIZATION),
        ({"authorization": "OBS AK:x"}, Refusal.INVALID_ACCESS_KEY),
        ({"authorization": "OBS AKIDEXAMPLE:x"}, Refusal.SIGNATURE_MISMATCH),
        ({"date": None}, Refusal.ACCESS_DENIED),
        ({"date": "today"}, Refusal.ACCESS_DENIED),
        ({"date": "Mon, 12 Oct 2015 08:12:38 GMT"}, Refusal.CLOCK_SKEWED),
        ({"x-obs-date": "today"}, Refusal.ACCESS_DENIED),
        ({"x-obs-date": HEADER.headers["date"]}, Refusal.SIGNATURE_MISMATCH),
        ({"x-obs-acl": "public-read"}, Refusal.SIGNATURE_MISMATCH),
    ],
)
def test_a_header_that_is_wrong(changes: dict[str, str | None], expected: Refusal) -> None:
    assert refused(HEADER.but(headers=changes)) == expected


@in_one_test
@pytest.mark.parametrize(
    "old, new, expected",
    [
        ("Expires=", "x=", Refusal.ACCESS_DENIED),
        ("Expires=", "Expires=1&Expires=", Refusal.ACCESS_DENIED),
        ("Expires=", "Expires=-", Refusal.ACCESS_DENIED),
        ("Expires=", "Expires=1", Refusal.SIGNATURE_MISMATCH),
        ("Expires=1", "Expires=", Refusal.ACCESS_DENIED),
        ("&Signature=", "&x=", Refusal.ACCESS_DENIED),
        ("AccessKeyId=", "AccessKeyId=x", Refusal.INVALID_ACCESS_KEY),
        ("cors", "cors&x-obs-acl=private", Refusal.SIGNATURE_MISMATCH),
    ],
)
def test_a_url_that_is_wrong(old: str, new: str, expected: Refusal) -> None:
    assert old in URL.query
    assert refused(URL.but(query=URL.query.replace(old, new))) == expected


def test_a_bucket_may_be_signed_with_its_slash_or_without() -> None:
    """In path style the SDK leaves it out, in the other it does not."""
    for sent in (HEADER, HEADER.but(path=f"/{BUCKET}/")):
        assert verify(sent.request(), KEYS, now=MADE_AT)


def test_the_scheme_is_of_obs() -> None:
    assert OBS.dialect == "obs"
    assert OBS.parameters == {"AccessKeyId", "Expires", "Signature", "x-obs-security-token"}
