"""The signatures of S3: what AWS printed, and every way in which one can be wrong."""

import time
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.signatures import SignatureError, Signer, verify
from flask_bucketcors.signatures.canonical import parse_timestamp
from tests.support.sdk_signers import ACCESS_KEY, BUCKET, KEYS, SECRET_KEY, Sent, sha256, signed
from tests.support.tables import in_one_test
from tests.support.vendor_corpus import load

# The keys of the examples in AWS's documentation; they open nothing.
EXAMPLE = "AKIAIOSFODNN7EXAMPLE"
EXAMPLE_KEYS = {EXAMPLE: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
MAY_2013 = 1369353600
EMPTY = sha256(b"")
CREDENTIAL = f"Credential={EXAMPLE}/20130524/us-east-1/s3/aws4_request"


def v4(
    names: str,
    signature: str,
    *,
    method: str = "GET",
    path: str = "/",
    query: str = "",
    headers: dict[str, str] | None = None,
) -> Sent:
    """A request of "Signature Calculations for the Authorization Header"."""
    sent = {
        "host": "examplebucket.s3.amazonaws.com",
        "x-amz-content-sha256": EMPTY,
        "x-amz-date": "20130524T000000Z",
        "authorization": f"AWS4-HMAC-SHA256 {CREDENTIAL},SignedHeaders={names},"
        f"Signature={signature}",
        **(headers or {}),
    }
    return Sent(method, path, query, sent, bucket="examplebucket", key=path[1:])


GET_OBJECT = v4(
    "host;range;x-amz-content-sha256;x-amz-date",
    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    path="/test.txt",
    headers={"range": "bytes=0-9"},
)
PRESIGNED = Sent(
    path="/test.txt",
    query="X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524"
    "%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
    "&X-Amz-SignedHeaders=host&X-Amz-Signature="
    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
    headers={"host": "examplebucket.s3.amazonaws.com"},
    bucket="examplebucket",
    key="test.txt",
)
V4_EXAMPLES = {
    "GET Object": GET_OBJECT,
    "PUT Object": v4(
        "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        method="PUT",
        path="/test%24file.text",
        headers={
            "date": "Fri, 24 May 2013 00:00:00 GMT",
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
            "x-amz-content-sha256": sha256(b"Welcome to Amazon S3."),
        },
    ),
    "GET Bucket lifecycle": v4(
        "host;x-amz-content-sha256;x-amz-date",
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        query="lifecycle",
    ),
    "GET Bucket": v4(
        "host;x-amz-content-sha256;x-amz-date",
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        query="max-keys=2&prefix=J",
    ),
    "pre-signed": PRESIGNED,
}


def v2(
    signature: str,
    date: str,
    *,
    method: str = "GET",
    path: str = "/",
    query: str = "",
    bucket: str = "awsexamplebucket1",
    headers: dict[str, str] | None = None,
) -> Sent:
    """A request of "Signing and authenticating REST requests"."""
    key = path.removeprefix(f"/{bucket}")[1:]
    sent = {"host": "h", "date": date, "authorization": f"AWS {EXAMPLE}:{signature}"}
    return Sent(method, path, query, {**sent, **(headers or {})}, bucket=bucket, key=key)


V2_EXAMPLES = {
    "Object GET": v2(
        "qgk2+6Sv9/oM7G3qLEjTH1a1l1g=", "Tue, 27 Mar 2007 19:36:42 +0000", path="/photos/puppy.jpg"
    ),
    "Object PUT": v2(
        "iqRzw+ileNPu1fhspnRs8nOjjIA=",
        "Tue, 27 Mar 2007 21:15:45 +0000",
        method="PUT",
        path="/photos/puppy.jpg",
        headers={"content-type": "image/jpeg", "content-length": "94328"},
    ),
    "List": v2(
        "m0WP8eCtspQl5Ahe6L1SozdX9YA=",
        "Tue, 27 Mar 2007 19:42:41 +0000",
        query="prefix=photos&max-keys=50&marker=puppy",
    ),
    "Fetch": v2("82ZHiFIjc+WbcwFKGUVEQspPn+0=", "Tue, 27 Mar 2007 19:44:46 +0000", query="acl"),
    "Upload": v2(
        "dKZcB+bz2EPXgSdXZp9ozGeOM4I=",
        "Tue, 27 Mar 2007 21:06:08 +0000",
        method="PUT",
        path="/db-backup.dat.gz",
        bucket="static.awsexamplebucket1.net",
        headers={
            "x-amz-acl": "public-read",
            "content-type": "application/x-download",
            "content-md5": "4gJE4saaMU4BqNR0kLY+lw==",
            "x-amz-meta-reviewedby": "joe@awsexamplebucket1.net,jane@awsexamplebucket1.net",
            "x-amz-meta-filechecksum": "0x02661779",
            "x-amz-meta-checksumalgorithm": "crc32",
            "content-disposition": "attachment; filename=database.dat",
        },
    ),
    "List all my buckets": v2(
        "qGdzdERIC03wnaRNKh6OqZehG9s=", "Wed, 28 Mar 2007 01:29:59 +0000", bucket=""
    ),
    "Query string": Sent(
        path="/photos/puppy.jpg",
        query=f"AWSAccessKeyId={EXAMPLE}&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D"
        "&Expires=1175139620",
        headers={"host": "h"},
        # The page has another name for it, which was put in later.
        bucket="johnsmith",
        key="photos/puppy.jpg",
    ),
}


@pytest.mark.parametrize("sent", V4_EXAMPLES.values(), ids=V4_EXAMPLES)
def test_the_examples_of_version_4_hold(sent: Sent) -> None:
    signer = verify(sent.request(), EXAMPLE_KEYS, now=MAY_2013)
    assert signer is not None
    digest = sent.headers.get("x-amz-content-sha256")
    assert signer == (EXAMPLE, "s3", digest)


@in_one_test
@pytest.mark.parametrize("sent", V2_EXAMPLES.values(), ids=V2_EXAMPLES)
def test_the_examples_of_version_2_hold(sent: Sent) -> None:
    date = sent.headers.get("date")
    now = parsedate_to_datetime(date).timestamp() if date else 1175139620
    signer = verify(sent.request(), EXAMPLE_KEYS, now=now)
    assert signer == Signer(EXAMPLE, "s3")


CAPTURED = load("vectors.json")["sdk_requests"]["s3-boto3"]


@pytest.mark.parametrize("entry", CAPTURED, ids=lambda entry: entry["method"])
def test_requests_as_boto3_sent_them_hold(entry: dict[str, Any]) -> None:
    path, _, query = entry["path"].partition("?")
    headers = {name.lower(): value for name, value in entry["headers"]}
    sent = Sent(entry["method"], path, query, headers, bucket="examplebucket")
    signer = verify(sent.request(), {"AKIDEXAMPLE": "Example"}, now=1795322113, must_sign=("cors",))
    assert signer == ("AKIDEXAMPLE", "s3", sha256(entry["body"].encode()))


def refused(sent: Sent, *, now: float = MAY_2013) -> tuple[Refusal, str | None]:
    """Code and text that a request is refused with."""
    with pytest.raises(SignatureError) as refusal:
        verify(sent.request(), {**EXAMPLE_KEYS, **KEYS}, now=now)
    return refusal.value.code, refusal.value.message


def edited(old: str, new: str) -> Sent:
    """GET Object with something else in its Authorization."""
    authorization = GET_OBJECT.headers["authorization"]
    assert old in authorization
    return GET_OBJECT.but(headers={"authorization": authorization.replace(old, new)})


MALFORMED = "The authorization header is malformed; "
COMPONENTS = (
    MALFORMED + "the authorization header requires three components: Credential, SignedHeaders, "
    "and Signature."
)


@in_one_test
@pytest.mark.parametrize(
    "sent, code, text",
    [
        pytest.param(
            edited("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"),
            Refusal.INVALID_AUTHORIZATION,
            "Unsupported Authorization Type",
            id="algorithm",
        ),
        pytest.param(
            edited("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
            Refusal.INVALID_AUTHORIZATION,
            "Unsupported Authorization Type",
            id="asymmetric algorithm",
        ),
        pytest.param(
            edited(",Signature=", ",Signature"),
            Refusal.MALFORMED_AUTHORIZATION,
            COMPONENTS,
            id="no equals sign",
        ),
        pytest.param(
            edited(",Signature=", ",Signature=x,Signature="),
            Refusal.MALFORMED_AUTHORIZATION,
            COMPONENTS,
            id="two of a kind",
        ),
        pytest.param(
            edited(",Signature=", ",Other=x,Signature="),
            Refusal.MALFORMED_AUTHORIZATION,
            COMPONENTS,
            id="a fourth",
        ),
        pytest.param(
            edited(f"{CREDENTIAL},", ""),
            Refusal.MALFORMED_AUTHORIZATION,
            COMPONENTS,
            id="no credential",
        ),
        pytest.param(
            GET_OBJECT.but(headers={"authorization": "AWS4-HMAC-SHA256"}),
            Refusal.MALFORMED_AUTHORIZATION,
            COMPONENTS,
            id="cut off",
        ),
        pytest.param(
            edited("/aws4_request", ""),
            Refusal.MALFORMED_AUTHORIZATION,
            MALFORMED + "the Credential is mal-formed; expecting "
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
            id="four parts",
        ),
        pytest.param(
            edited("/20130524/", "/2013-05-24/"),
            Refusal.MALFORMED_AUTHORIZATION,
            MALFORMED + 'incorrect date format "2013-05-24". This date in the credential must be '
            'in the format "yyyyMMdd".',
            id="form of the day",
        ),
        pytest.param(
            edited("/20130524/", "/20130523/"),
            Refusal.MALFORMED_AUTHORIZATION,
            MALFORMED + "Invalid credential date. Date is not the same as X-Amz-Date.",
            id="another day",
        ),
        pytest.param(
            edited("/us-east-1/", "//"),
            Refusal.MALFORMED_AUTHORIZATION,
            MALFORMED + "a non-empty region must be provided in the credential.",
            id="no region",
        ),
        pytest.param(
            edited("/s3/", "/sts/"),
            Refusal.MALFORMED_AUTHORIZATION,
            MALFORMED + 'incorrect service "sts". This endpoint belongs to "s3".',
            id="service",
        ),
        pytest.param(
            edited("/aws4_request", "/aws5_request"),
            Refusal.MALFORMED_AUTHORIZATION,
            MALFORMED + 'incorrect terminal "aws5_request". This endpoint uses "aws4_request".',
            id="terminator",
        ),
        pytest.param(
            edited("/us-east-1/", "/eu-west-1/"),
            Refusal.SIGNATURE_MISMATCH,
            None,
            id="another region",
        ),
        pytest.param(
            edited("f0e8bdb8", "F0E8BDB8"), Refusal.SIGNATURE_MISMATCH, None, id="upper case"
        ),
        pytest.param(edited("f0e8bdb8", ""), Refusal.SIGNATURE_MISMATCH, None, id="short"),
        pytest.param(
            edited("f0e8bdb8", "\u00e4" * 8), Refusal.SIGNATURE_MISMATCH, None, id="beyond ASCII"
        ),
        pytest.param(
            edited("SignedHeaders=host;range;", "SignedHeaders=range;host;"),
            Refusal.SIGNATURE_MISMATCH,
            None,
            id="another order",
        ),
        pytest.param(
            edited("host;range;", "host;"), Refusal.SIGNATURE_MISMATCH, None, id="fewer headers"
        ),
        pytest.param(
            edited("host;range;", "range;"),
            Refusal.ACCESS_DENIED,
            "There were headers present in the request which were not signed",
            id="host left out",
        ),
        pytest.param(
            edited(";x-amz-date", ""),
            Refusal.ACCESS_DENIED,
            "There were headers present in the request which were not signed",
            id="date left out",
        ),
        pytest.param(
            edited("x-amz-content-sha256;", ""),
            Refusal.ACCESS_DENIED,
            "There were headers present in the request which were not signed",
            id="digest left out",
        ),
        pytest.param(
            GET_OBJECT.but(headers={"x-amz-acl": "public-read"}),
            Refusal.ACCESS_DENIED,
            "There were headers present in the request which were not signed",
            id="one more header",
        ),
        pytest.param(
            GET_OBJECT.but(headers={"x-amz-content-sha256": None}),
            Refusal.INVALID_REQUEST,
            "Missing required header for this request: x-amz-content-sha256",
            id="no digest",
        ),
        pytest.param(
            GET_OBJECT.but(headers={"x-amz-content-sha256": "unsigned-payload"}),
            Refusal.INVALID_AUTHORIZATION,
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD or a valid sha256 value.",
            id="no such digest",
        ),
        pytest.param(
            GET_OBJECT.but(headers={"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}),
            Refusal.NOT_IMPLEMENTED,
            "This server does not read bodies that are signed in chunks; send "
            "x-amz-content-sha256 as the SHA-256 of the body or UNSIGNED-PAYLOAD.",
            id="in chunks",
        ),
        pytest.param(
            GET_OBJECT.but(headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}),
            Refusal.SIGNATURE_MISMATCH,
            None,
            id="digest taken back",
        ),
        *(
            pytest.param(
                GET_OBJECT.but(headers={"x-amz-date": date}),
                Refusal.ACCESS_DENIED,
                "AWS authentication requires a valid Date or x-amz-date header",
                id=f"date {date}",
            )
            for date in (None, "", "now", "20131324T000000Z", "20130524T000000", "2013-05-24")
        ),
        pytest.param(
            GET_OBJECT.but(headers={"x-amz-date": "20130524T000001Z"}),
            Refusal.SIGNATURE_MISMATCH,
            None,
            id="another second",
        ),
    ],
)
def test_a_header_that_is_wrong(sent: Sent, code: Refusal, text: str | None) -> None:
    assert refused(sent) == (code, text)


def test_the_date_header_will_do() -> None:
    """Where there is no x-amz-date; botocore signs it in the form of x-amz-date."""
    sent = signed("botocore V4", headers={"Date": "Sun, 22 Nov 2026 00:00:00 GMT"})
    assert "x-amz-date" not in sent.headers
    assert verify(sent.request(), KEYS, now=time.time())


def query(old: str, new: str) -> Sent:
    """The pre-signed example with something else in its query."""
    assert old in PRESIGNED.query
    return PRESIGNED.but(query=PRESIGNED.query.replace(old, new))


REQUIRES = (
    "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
    "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
)
WEEK = (
    "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must "
    "be less than 604800 seconds"
)
PARAMETER = "Error parsing the X-Amz-Credential parameter; "


@in_one_test
@pytest.mark.parametrize(
    "sent, text",
    [
        pytest.param(
            query("-SHA256&", "-SHA512&"),
            'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"',
            id="algorithm",
        ),
        *(
            pytest.param(query(f"{name}=", f"x{name}="), REQUIRES, id=f"without {name}")
            for name in (
                "X-Amz-Algorithm",
                "X-Amz-Credential",
                "X-Amz-Date",
                "X-Amz-Expires",
                "X-Amz-SignedHeaders",
                "X-Amz-Signature",
            )
        ),
        pytest.param(
            query("X-Amz-Expires=86400", "X-Amz-Expires=86400&X-Amz-Expires=1"),
            REQUIRES,
            id="a parameter twice",
        ),
        pytest.param(
            query("=20130524T000000Z", "=20130524T000000"),
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
            id="date",
        ),
        pytest.param(query("=86400", "=1e5"), "X-Amz-Expires should be a number", id="number"),
        pytest.param(query("=86400", "=-1"), "X-Amz-Expires should be a number", id="negative"),
        pytest.param(
            query("=86400", "=" + "9" * 5000), "X-Amz-Expires should be a number", id="endless"
        ),
        pytest.param(query("=86400", "=0"), WEEK, id="no time"),
        pytest.param(query("=86400", "=604801"), WEEK, id="more than a week"),
        pytest.param(
            query("%2Faws4_request", ""),
            PARAMETER + "the Credential is mal-formed; "
            'expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
            id="parts",
        ),
        pytest.param(
            query("%2Fs3%2F", "%2Fs4%2F"),
            PARAMETER + 'incorrect service "s4". This endpoint belongs to "s3".',
            id="service",
        ),
        pytest.param(
            query("%2Fs3%2F", "%2F%FF%0A%2F"),
            PARAMETER + 'incorrect service "\\udcff\\n". This endpoint belongs to "s3".',
            id="service beyond text",
        ),
        pytest.param(
            query("%2F20130524", "%2F20130523"),
            'Invalid credential date "20130523". '
            'This date is not the same as X-Amz-Date: "20130524".',
            id="another day",
        ),
    ],
)
def test_a_query_that_is_wrong(sent: Sent, text: str) -> None:
    assert refused(sent) == (Refusal.MALFORMED_URL_SIGNATURE, text)


@in_one_test
@pytest.mark.parametrize(
    "sent, code",
    [
        pytest.param(query("=86400", "=86401"), Refusal.SIGNATURE_MISMATCH, id="longer"),
        pytest.param(query("=host", "="), Refusal.ACCESS_DENIED, id="host not signed"),
        pytest.param(query("=host", "=host;range"), Refusal.SIGNATURE_MISMATCH, id="more headers"),
        pytest.param(
            PRESIGNED.but(headers={"x-amz-acl": "public-read"}),
            Refusal.ACCESS_DENIED,
            id="a header that is not signed",
        ),
        pytest.param(
            PRESIGNED.but(headers={"x-amz-content-sha256": EMPTY}),
            Refusal.SIGNATURE_MISMATCH,
            id="a digest that is not signed",
        ),
        pytest.param(
            PRESIGNED.but(headers={"x-amz-content-sha256": "STREAMING-X"}),
            Refusal.NOT_IMPLEMENTED,
            id="in chunks",
        ),
        pytest.param(
            PRESIGNED.but(query=PRESIGNED.query + "&X-Amz-Security-Token=x"),
            Refusal.SIGNATURE_MISMATCH,
            id="a token",
        ),
    ],
)
def test_a_url_that_was_changed(sent: Sent, code: Refusal) -> None:
    assert refused(sent)[0] == code


@pytest.mark.parametrize(
    "later, expected",
    [
        (-15 * 60, None),
        (-15 * 60 - 1, "Request is not yet valid"),
        (86400, None),
        (86401, "Request has expired"),
    ],
)
def test_the_period_of_a_url(later: int, expected: str | None) -> None:
    if expected is None:
        assert verify(PRESIGNED.request(), EXAMPLE_KEYS, now=MAY_2013 + later)
    else:
        assert refused(PRESIGNED, now=MAY_2013 + later) == (Refusal.ACCESS_DENIED, expected)


NO_DATE = "AWS authentication requires a valid Date or x-amz-date header"
EXPECTED = "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature"
V2_GET, V2_QUERY = V2_EXAMPLES["Object GET"], V2_EXAMPLES["Query string"]
V2_REQUIRES = (
    "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
)


@in_one_test
@pytest.mark.parametrize(
    "sent, code, text",
    [
        *(
            pytest.param(
                V2_GET.but(headers={"authorization": authorization}),
                Refusal.INVALID_AUTHORIZATION,
                EXPECTED,
                id=f"authorization {authorization}",
            )
            for authorization in ("AWS", "AWS :", "AWS x", "AWS x:", "AWS :x", "aws x")
        ),
        pytest.param(
            V2_GET.but(headers={"date": None}), Refusal.ACCESS_DENIED, NO_DATE, id="no date"
        ),
        pytest.param(
            V2_GET.but(headers={"date": "1175024202"}), Refusal.ACCESS_DENIED, NO_DATE, id="seconds"
        ),
        pytest.param(
            V2_GET.but(headers={"x-amz-date": "x"}),
            Refusal.ACCESS_DENIED,
            NO_DATE,
            id="no date in x-amz-date",
        ),
        pytest.param(
            V2_GET.but(headers={"x-amz-date": "Tue, 27 Mar 2007 19:36:42 +0000"}),
            Refusal.SIGNATURE_MISMATCH,
            None,
            id="date in its other place",
        ),
        pytest.param(
            V2_GET.but(headers={"date": "Tue, 27 Mar 2007 19:36:43 +0000"}),
            Refusal.SIGNATURE_MISMATCH,
            None,
            id="another second",
        ),
        pytest.param(
            V2_QUERY.but(query="AWSAccessKeyId=x"),
            Refusal.ACCESS_DENIED,
            V2_REQUIRES,
            id="query cut off",
        ),
        pytest.param(
            V2_QUERY.but(query=V2_QUERY.query + "&Expires=1"),
            Refusal.ACCESS_DENIED,
            V2_REQUIRES,
            id="two times",
        ),
        pytest.param(
            V2_QUERY.but(query=V2_QUERY.query + "x"),
            Refusal.ACCESS_DENIED,
            "Invalid date (should be seconds since epoch)",
            id="no time",
        ),
        pytest.param(
            V2_QUERY.but(query=V2_QUERY.query.replace("1175139620", "1175139621")),
            Refusal.SIGNATURE_MISMATCH,
            None,
            id="another time",
        ),
        pytest.param(
            V2_QUERY.but(query=V2_QUERY.query.replace("1175139620", "1175024201")),
            Refusal.ACCESS_DENIED,
            "Request has expired",
            id="expired",
        ),
    ],
)
def test_a_version_2_that_is_wrong(sent: Sent, code: Refusal, text: str | None) -> None:
    assert refused(sent, now=1175024202) == (code, text)


def test_a_header_cannot_move_into_the_query() -> None:
    """Nobody would read it there, and what it demands would be gone."""
    sent = V2_EXAMPLES["Upload"]
    now = 1175029568
    assert verify(sent.request(), EXAMPLE_KEYS, now=now)
    moved = sent.but(headers={"x-amz-acl": None}, query="x-amz-acl=public-read")
    assert refused(moved, now=now)[0] == Refusal.SIGNATURE_MISMATCH


def test_values_are_compared_with_their_blanks_in_order() -> None:
    sent = signed("botocore V4", headers={"x-amz-meta-a": "  b   c  "})
    for value in ("b c", " b  c "):
        assert verify(sent.but(headers={"x-amz-meta-a": value}).request(), KEYS, now=time.time())


class _AsSent(S3SigV4Auth):
    """As curl 7.88 does it: with the query as it is sent."""

    def canonical_query_string(self, request: AWSRequest) -> str:
        return request.url.partition("?")[2]


@pytest.mark.parametrize("query", ["cors", "cors="])
def test_a_parameter_without_a_value_may_be_signed_as_it_is_sent(query: str) -> None:
    request = AWSRequest("GET", f"http://h/{BUCKET}?{query}")
    _AsSent(Credentials(ACCESS_KEY, SECRET_KEY), "s3", "us-east-1").add_auth(request)
    headers = {name.lower(): value for name, value in request.headers.items()}
    sent = Sent(query=query, headers={"host": "h", **headers})
    assert verify(sent.request(), KEYS, now=time.time(), must_sign=("cors",))
    other = sent.but(query="cors=x").request()
    with pytest.raises(SignatureError):
        verify(other, KEYS, now=time.time())


def week_long(seconds: int) -> Sent:
    """A URL that botocore signs now, for this many seconds."""
    request = AWSRequest("GET", f"http://h/{BUCKET}?cors")
    credentials = Credentials(ACCESS_KEY, SECRET_KEY)
    S3SigV4QueryAuth(credentials, "s3", "us-east-1", expires=seconds).add_auth(request)
    return Sent(query=request.url.partition("?")[2], headers={"host": "h"})


@pytest.mark.parametrize("seconds", [1, 604800])
def test_the_shortest_and_the_longest_life_of_a_url(seconds: int) -> None:
    sent = week_long(seconds)
    made = parse_timestamp(sent.request().parameter("X-Amz-Date") or "")
    assert made is not None
    for now in (made, made + seconds):
        assert verify(sent.request(), KEYS, now=now) == (ACCESS_KEY, "s3", None)
    assert refused(sent, now=made + seconds + 1) == (Refusal.ACCESS_DENIED, "Request has expired")


@pytest.mark.parametrize("seconds", [0, 604801])
def test_a_life_beyond_them_is_refused_although_it_is_signed(seconds: int) -> None:
    assert refused(week_long(seconds), now=time.time()) == (Refusal.MALFORMED_URL_SIGNATURE, WEEK)


@pytest.mark.parametrize(
    "later, expected",
    [(-900, None), (900, None), (-901, Refusal.CLOCK_SKEWED), (901, Refusal.CLOCK_SKEWED)],
)
def test_the_last_second_of_15_minutes(later: int, expected: Refusal | None) -> None:
    if expected is None:
        assert verify(GET_OBJECT.request(), EXAMPLE_KEYS, now=MAY_2013 + later)
    else:
        assert refused(GET_OBJECT, now=MAY_2013 + later) == (expected, None)


@pytest.mark.parametrize("name", ["X-Amz-Signature", "X-Amz-Algorithm", "X-Amz-Credential"])
def test_a_parameter_that_no_one_signed_does_not_pass_beside_a_header(name: str) -> None:
    """X-Amz-Signature is left out of what is signed."""
    sent = GET_OBJECT.but(query=f"{name}=x")
    assert refused(sent)[0] == Refusal.INVALID_AUTHORIZATION
