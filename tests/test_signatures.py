"""All schemes side by side: what real SDKs sign holds, and opens nothing but what it is for."""

import hmac
import time
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_bucketcors import AccessKey
from flask_bucketcors.core.dialects import COS
from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.signatures import (
    SCHEMES,
    SIGNATURE_PARAMETERS,
    SignatureError,
    SignedRequest,
    Signer,
    find_scheme,
    has_unknown_authorization,
    verify,
)
from tests.support.sdk_signers import (
    ACCESS_KEY,
    BUCKET,
    CORS,
    HOST,
    KEYS,
    RECORDED,
    RECORDED_AT,
    SECRET_KEY,
    SIGNERS,
    TEMPORARY_KEY,
    TEMPORARY_SECRET,
    TOKEN,
    Sent,
    recorded,
    sha256,
    signed,
)
from tests.support.tables import in_one_test

BODY = b"<CORSConfiguration/>"
ODD_KEY = "dir/a b+c~d'(e)!*=&@$,;:[]\u00fc\u6f22//./k"
FORMS = [pytest.param(False, id="header"), pytest.param(True, id="query")]
ALL = [pytest.param(name, id=name) for name in SIGNERS]


def check(sent: Sent, keys: Any = KEYS, **options: Any) -> Signer | None:
    """Who signed what was sent, now."""
    choices = {"now": time.time(), "must_sign": ("cors",), **options}
    return verify(sent.request(), keys, **choices)


def refusal(sent: Sent, keys: Any = KEYS, **options: Any) -> str:
    """What a request is refused as."""
    with pytest.raises(SignatureError) as refused:
        check(sent, keys, **options)
    assert refused.value.code in COS.errors
    return refused.value.code


@in_one_test
@pytest.mark.parametrize("entry", RECORDED, ids=[entry["name"] for entry in RECORDED])
def test_what_sdks_sent_holds(entry: dict[str, Any]) -> None:
    sent = recorded(entry)
    signer = check(sent, now=RECORDED_AT)
    assert signer is not None
    name = entry["name"]
    assert signer.access_key_id == (TEMPORARY_KEY if "token" in name else ACCESS_KEY)
    dialect = "oss" if " OSS" in name else "obs" if "OBS" in name else "s3"
    assert signer.dialect == dialect
    assert signer.payload_sha256 in (None, sha256(sent.body))


@in_one_test
@pytest.mark.parametrize("presigned", FORMS)
@pytest.mark.parametrize("key", ["", "k", ODD_KEY])
@pytest.mark.parametrize("signer", ALL)
def test_what_signers_sign_holds(signer: str, key: str, presigned: bool) -> None:
    sent = signed(signer, presigned=presigned, key=key, method="PUT", body=BODY)
    scheme = find_scheme(sent.request())
    assert scheme is not None
    assert scheme.dialect == SIGNERS[signer][0]
    assert check(sent) == (
        ACCESS_KEY,
        SIGNERS[signer][0],
        sha256(BODY) if signer == "botocore V4" and not presigned else None,
    )


@in_one_test
@pytest.mark.parametrize("presigned", FORMS)
@pytest.mark.parametrize("signer", ALL)
def test_headers_and_sub_resources_are_signed(signer: str, presigned: bool) -> None:
    sent = signed(
        signer,
        presigned=presigned,
        key="k",
        query={"response-content-type": "text/a b&c=\u00fc", "uploadId": "1/2+3="},
        headers={} if presigned else {"Content-Type": "text/plain", "x-oss-meta-a": "b  c"},
    )
    assert check(sent, must_sign=("response-content-type", "uploadid"))


@pytest.mark.parametrize("presigned", FORMS)
@pytest.mark.parametrize("signer", ALL)
def test_a_signature_holds_in_either_style(signer: str, presigned: bool) -> None:
    """The bucket is signed, not how it was addressed; where the path is signed, it is sent."""
    sent = signed(signer, presigned=presigned, key="k")
    if signer == "botocore V4":
        pytest.skip("V4 signs path and host as they are sent")
    assert check(sent.but(path="/k", headers={"host": f"{BUCKET}.store.test"}))


CHANGES: dict[str, dict[str, Any]] = {
    "bucket": {"bucket": "other", "path": "/other/k"},
    "bucket by its host": {
        "bucket": "other",
        "path": "/k",
        "headers": {"host": "other.store.test"},
    },
    "no bucket": {"bucket": "", "path": "/k"},
    "key": {"key": "l", "path": f"/{BUCKET}/l"},
    "key below": {"key": "k/l", "path": f"/{BUCKET}/k/l"},
    "the bucket itself": {"key": "", "path": f"/{BUCKET}/"},
    "method": {"method": "DELETE"},
    "another slash": {"key": "/k", "path": f"/{BUCKET}//k"},
    "type": {"headers": {"content-type": "text/html"}},
    "digest": {"headers": {"content-md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}},
}


@pytest.mark.parametrize("presigned", FORMS)
@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("signer", ALL)
def test_a_signature_opens_nothing_else(
    signer: str, changes: dict[str, Any], presigned: bool
) -> None:
    if signer == "botocore V4" and not changes.keys() - {"headers"}:
        pytest.skip("V4 of S3 signs of these headers what the client chooses")
    sent = signed(signer, presigned=presigned, key="k")
    assert refusal(sent.but(**changes)) == Refusal.SIGNATURE_MISMATCH


OTHER_QUERIES = [
    "cors=x",
    "cors&cors",
    "cors&uploads",
    "cors&acl",
    "cors&versionId=1",
    "cors&policy=&delete",
    "cors&x=y",
    "cors&=y",
    "cors&x-amz-acl=private",
    "cors&x-oss-meta-a=b",
    "cors&x-cos-acl=private",
    "acl",
    "CORS",
    "%63ors&Cors",
]


@in_one_test
@pytest.mark.parametrize("presigned", FORMS)
@pytest.mark.parametrize("signer", ALL)
def test_another_query_is_refused(signer: str, presigned: bool) -> None:
    sent = signed(signer, presigned=presigned)
    assert sent.query.startswith("cors")
    for query in OTHER_QUERIES:
        other = sent.but(query=query + sent.query.removeprefix("cors"))
        assert refusal(other) in (Refusal.SIGNATURE_MISMATCH, Refusal.ACCESS_DENIED), query
    assert refusal(sent, must_sign=("acl", "cors")) == Refusal.ACCESS_DENIED


@in_one_test
@pytest.mark.parametrize("presigned", FORMS)
@pytest.mark.parametrize("signer", ALL)
def test_a_signature_without_cors_does_not_open_the_rules(signer: str, presigned: bool) -> None:
    sent = signed(signer, presigned=presigned, query={}).but(path=f"/{BUCKET}/")
    rules_call = sent.but(query="&".join(filter(None, ("cors", sent.query))))
    assert refusal(rules_call) == Refusal.SIGNATURE_MISMATCH


@pytest.mark.parametrize("signer", ["oss2 V1", "botocore V2", "esdk-obs-python"])
def test_what_continues_a_listing_need_not_be_signed(signer: str) -> None:
    """No such scheme signs it, and SDKs send it."""
    query = {"uploads": "", "prefix": "a", "max-uploads": "3", "encoding-type": "url"}
    assert check(signed(signer, query=query), must_sign=("uploads",))


@in_one_test
@pytest.mark.parametrize("presigned", FORMS)
@pytest.mark.parametrize("signer", ALL)
def test_a_header_that_must_be_signed(signer: str, presigned: bool) -> None:
    sent = signed(signer, presigned=presigned)
    unsigned = sent.but(headers={"x-cos-copy-source": "other"})
    assert refusal(unsigned, must_sign_headers=("x-cos-copy-source",)) == Refusal.ACCESS_DENIED
    assert check(unsigned)


@in_one_test
@pytest.mark.parametrize("signer", ALL)
def test_headers_of_the_vendor_are_signed(signer: str) -> None:
    prefix = {"oss": "x-oss-", "s3": "x-amz-", "obs": "x-obs-"}[SIGNERS[signer][0]]
    name = f"{prefix}copy-source"
    sent = signed(signer, headers={name: "/a/b"})
    assert check(sent, must_sign_headers=(name,))
    refused = (Refusal.SIGNATURE_MISMATCH, Refusal.ACCESS_DENIED)
    assert refusal(sent.but(headers={name: "/a/c"})) in refused
    assert refusal(sent.but(headers={name: None})) in refused
    assert refusal(sent.but(headers={f"{prefix}acl": "public-read"})) in refused


@pytest.mark.parametrize("host", ["other.test:8080", "", f"{BUCKET}.evil.test"])
@pytest.mark.parametrize("presigned", FORMS)
def test_where_the_host_is_signed_no_other_fits(host: str, presigned: bool) -> None:
    sent = signed("botocore V4", presigned=presigned)
    assert refusal(sent.but(headers={"host": host})) == Refusal.SIGNATURE_MISMATCH
    assert check(signed("oss2 V4", presigned=presigned).but(headers={"host": "any.test"}))


HOUR = 3600


@in_one_test
@pytest.mark.parametrize(
    "later, expected",
    [
        (-15 * 60 + 5, None),
        (15 * 60 - 5, None),
        (-15 * 60 - 5, Refusal.CLOCK_SKEWED),
        (15 * 60 + 5, Refusal.CLOCK_SKEWED),
        (24 * HOUR, Refusal.CLOCK_SKEWED),
    ],
)
@pytest.mark.parametrize("signer", ALL)
def test_the_clocks_may_differ_by_15_minutes(
    signer: str, later: int, expected: Refusal | None
) -> None:
    sent = signed(signer)
    if expected is None:
        assert check(sent, now=time.time() + later)
    else:
        assert refusal(sent, now=time.time() + later) == expected


@in_one_test
@pytest.mark.parametrize("signer", ALL)
def test_a_url_expires(signer: str) -> None:
    sent = signed(signer, presigned=True)
    later = time.time() + (55 if signer != "alibabacloud-oss-v2 V1" else 895)
    assert check(sent, now=later)
    with pytest.raises(SignatureError, match="Request has expired"):
        check(sent, now=time.time() + 16 * 60)


@in_one_test
@pytest.mark.parametrize("presigned", FORMS)
@pytest.mark.parametrize(
    "keys, expected",
    [
        pytest.param({ACCESS_KEY: "other"}, Refusal.SIGNATURE_MISMATCH, id="wrong secret"),
        pytest.param({}, Refusal.INVALID_ACCESS_KEY, id="unknown key"),
        pytest.param({ACCESS_KEY: ""}, Refusal.INVALID_ACCESS_KEY, id="empty secret"),
        pytest.param(lambda key: None, Refusal.INVALID_ACCESS_KEY, id="callable without it"),
        pytest.param(
            {ACCESS_KEY: AccessKey("ExampleSecretKey", "token")},
            Refusal.INVALID_ACCESS_KEY,
            id="temporary key without its token",
        ),
    ],
)
@pytest.mark.parametrize("signer", ALL)
def test_keys_that_do_not_fit(signer: str, keys: Any, expected: Refusal, presigned: bool) -> None:
    assert refusal(signed(signer, presigned=presigned), keys) == expected


@in_one_test
@pytest.mark.parametrize("presigned", FORMS)
@pytest.mark.parametrize("signer", ALL)
def test_a_temporary_key_comes_with_its_token(signer: str, presigned: bool) -> None:
    sent = signed(signer, presigned=presigned, token=TOKEN)
    assert check(sent) == (TEMPORARY_KEY, SIGNERS[signer][0], check(sent)[2])  # type: ignore[index]
    other = {TEMPORARY_KEY: AccessKey(TEMPORARY_SECRET, "other")}
    assert refusal(sent, other) == Refusal.INVALID_ACCESS_KEY
    # A token that nobody asked for is none of ours.
    assert check(sent, {TEMPORARY_KEY: TEMPORARY_SECRET})


@pytest.mark.parametrize("presigned", FORMS)
@pytest.mark.parametrize("signer", ALL)
def test_a_token_that_was_signed_cannot_be_left_out(signer: str, presigned: bool) -> None:
    if signer == "alibabacloud-oss-v2 V1" and not presigned:
        pytest.skip("it sends a header that OSS has no name for, and does not sign it")
    sent = signed(signer, presigned=presigned, token=TOKEN)
    names = ("x-oss-security-token", "x-amz-security-token", "x-obs-security-token")
    parts = [part for part in sent.query.split("&") if "security-token" not in part.lower()]
    without = sent.but(query="&".join(parts), headers=dict.fromkeys(names))
    assert refusal(without, {TEMPORARY_KEY: TEMPORARY_SECRET}) in (
        Refusal.SIGNATURE_MISMATCH,
        Refusal.ACCESS_DENIED,
    )


@in_one_test
@pytest.mark.parametrize("ours", ALL)
@pytest.mark.parametrize("theirs", ALL)
def test_two_signatures_are_one_too_many(ours: str, theirs: str) -> None:
    header, query = signed(ours), signed(theirs, presigned=True)
    both = header.but(query=query.query)
    with pytest.raises(SignatureError, match="Only one of") as refused:
        check(both)
    assert refused.value.code == Refusal.INVALID_AUTHORIZATION
    scheme = find_scheme(both.request())
    assert scheme is not None
    assert scheme.dialect == SIGNERS[ours][0]


def test_two_signatures_in_one_query_are_one_too_many() -> None:
    first, second = (signed(name, presigned=True) for name in ("oss2 V1", "botocore V4"))
    assert refusal(first.but(query=f"{first.query}&{second.query}")) == (
        Refusal.INVALID_AUTHORIZATION
    )


@in_one_test
@pytest.mark.parametrize("signer", ["oss2 V1", "botocore V2", "esdk-obs-python"])
@pytest.mark.parametrize("name", ["OSS", "AWS", "OBS"])
def test_a_signature_under_another_name_opens_the_same_call_only(signer: str, name: str) -> None:
    """The three compute the same where none of their own headers is sent."""
    sent = signed(signer, key="k")
    _, _, credentials = sent.headers["authorization"].partition(" ")
    renamed = sent.but(headers={"authorization": f"{name} {credentials}"})
    assert check(renamed)
    for changes in CHANGES.values():
        assert refusal(renamed.but(**changes)) == Refusal.SIGNATURE_MISMATCH


@in_one_test
@pytest.mark.parametrize("signer", ["oss2 V2", "oss2 V4", "botocore V4"])
@pytest.mark.parametrize("name", ["OSS", "OSS2", "OSS4-HMAC-SHA256", "AWS", "AWS4-HMAC-SHA256"])
def test_no_other_signature_is_taken_for_another(signer: str, name: str) -> None:
    sent = signed(signer)
    own, _, credentials = sent.headers["authorization"].partition(" ")
    if own != name:
        sent = sent.but(headers={"authorization": f"{name} {credentials}"})
        assert refusal(sent) in (
            Refusal.INVALID_AUTHORIZATION,
            Refusal.INVALID_REQUEST,
            Refusal.MALFORMED_AUTHORIZATION,
            Refusal.INVALID_ACCESS_KEY,
        )


@in_one_test
@pytest.mark.parametrize(
    "authorization, unknown",
    [
        (None, False),
        ("", False),
        (" ", False),
        ("Bearer abc", True),
        ("Basic dXNlcjpwYXNz", True),
        ("bearer", True),
        ("OSSx a:b", True),
        ("\u00e4", True),
    ],
)
def test_what_is_no_signature(authorization: str | None, unknown: bool) -> None:
    """An application's hook may well use it; here nobody has signed."""
    sent = Sent(headers={"host": HOST}).but(headers={"authorization": authorization})
    assert find_scheme(sent.request()) is None
    assert check(sent) is None
    assert has_unknown_authorization(sent.request()) is unknown


def test_an_unknown_authorization_beside_a_signed_url() -> None:
    sent = signed("botocore V4", presigned=True).but(headers={"authorization": "Basic eA=="})
    assert check(sent)


def test_the_parameters_of_signatures_are_known() -> None:
    for signer in SIGNERS:
        for token in (None, TOKEN):
            query = signed(signer, presigned=True, token=token).query
            names = {part.partition("=")[0] for part in query.split("&")}
            assert names <= SIGNATURE_PARAMETERS | CORS.keys()


AUTHORIZATIONS = st.one_of(
    st.text(st.characters(max_codepoint=255), max_size=80),
    st.builds(
        "{} {}".format,
        st.sampled_from(
            ["OSS", "OSS2", "OSS4-HMAC-SHA256", "OSS4-X", "AWS", "AWS4-HMAC-SHA256", "AWS4-", "OBS"]
        ),
        st.lists(
            st.one_of(
                st.sampled_from(
                    [
                        "AKIDEXAMPLE",
                        ":",
                        "=",
                        ",",
                        ";",
                        "/",
                        " ",
                        "Credential=",
                        "Signature=",
                        "AccessKeyId:",
                        "Signature:",
                        "AdditionalHeaders:",
                        "AdditionalHeaders=",
                        "SignedHeaders=",
                        "host",
                        "20261122",
                        "us-east-1",
                        "s3",
                        "oss",
                        "aws4_request",
                        "aliyun_v4_request",
                    ]
                ),
                st.text(st.characters(max_codepoint=255), max_size=5),
            ),
            max_size=14,
        ).map("".join),
    ),
)
DATES = st.one_of(
    st.sampled_from(["Sun, 22 Nov 2026 15:17:34 GMT", "20261122T151734Z", "20261399T996161Z"]),
    st.text(st.characters(max_codepoint=255), max_size=40),
    st.datetimes().map(str),
)
NOW = 1_795_360_654


@given(
    AUTHORIZATIONS,
    st.dictionaries(
        st.sampled_from(["date", "x-amz-date", "x-oss-date", "x-obs-date"]), DATES, max_size=2
    ),
    st.sampled_from([None, "UNSIGNED-PAYLOAD", "0" * 64, "STREAMING-X", "x", ""]),
)
def test_no_authorization_does_more_than_be_refused(
    authorization: str, dates: dict[str, str], payload: str | None
) -> None:
    digests = {f"x-{vendor}-content-sha256": payload for vendor in ("amz", "oss") if payload}
    sent = Sent(headers={"host": HOST, "authorization": authorization, **dates, **digests})
    refused_or_nobody(sent)


PARAMETERS = st.sampled_from([*sorted(SIGNATURE_PARAMETERS), "cors", "x-amz-date", "Signature"])
VALUES = st.one_of(
    st.sampled_from(
        [
            "AKIDEXAMPLE",
            "OSS2",
            "OSS4-HMAC-SHA256",
            "AWS4-HMAC-SHA256",
            "60",
            "20261122T151734Z",
            "1795361000",
            "host",
            "AKIDEXAMPLE%2F20261122%2Fus-east-1%2Fs3%2Faws4_request",
            "AKIDEXAMPLE/20261122/us-east-1/oss/aliyun_v4_request",
            "%FF",
            "%F0%9F%98%80",
            "%00",
        ]
    ),
    st.text(st.characters(max_codepoint=255, exclude_characters="&#"), max_size=20),
)


@given(st.lists(st.tuples(PARAMETERS, VALUES), max_size=12))
def test_no_query_does_more_than_be_refused(pairs: list[tuple[str, str]]) -> None:
    query = "&".join(f"{name}={value}" for name, value in pairs)
    refused_or_nobody(Sent(query=query, headers={"host": HOST}))


def refused_or_nobody(sent: Sent) -> None:
    """Neither a signer nor another exception comes of it."""
    for keys in (KEYS, {}, lambda key: KEYS.get(key)):
        refused = None
        try:
            assert check(sent, keys, now=NOW) is None
        except SignatureError as error:
            refused = error
        assert refused is None or (refused.code in COS.errors and str(refused).isascii())


@pytest.mark.parametrize("scheme", ["OSS", "OSS2", "AWS", "OBS", "AWS4-HMAC-SHA256"])
def test_no_odd_access_key_reaches_a_callable(scheme: str) -> None:
    asked: list[str] = []

    def find(key: str) -> None:
        asked.append(key)

    for key in ("a\x00b", "a b", "\u00e4", "k" * 129, ""):
        headers = {
            "host": HOST,
            "x-oss-date": "20261122T151734Z",
            "date": "Sun, 22 Nov 2026 15:17:34 GMT",
            "authorization": f"{scheme} {key}:c2lnbmF0dXJl",
        }
        with pytest.raises(SignatureError):
            check(Sent(headers=headers), find, now=NOW)
    assert asked == []


def test_two_queries_do_not_fall_together() -> None:
    """Bytes that are no UTF-8 are not all the same character."""
    requests = [
        SignedRequest.from_environ(
            {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "QUERY_STRING": query}, "b", ""
        )
        for query in ("a=%FF", "a=%FE", "a=\xff\xfe", "a=%EF%BF%BD", "a=?")
    ]
    assert len({request.query for request in requests}) == 5


def test_every_scheme_has_a_dialect_of_its_vendor() -> None:
    assert {scheme.dialect for scheme in SCHEMES} == {"cos", "oss", "s3", "obs"}


KEYS_NEAR_KE = {
    "one letter more": "key",
    "one letter less": "k",
    "another last letter": "kf",
    "a slash behind it": "ke/",
    "the bucket itself": "",
}


@in_one_test
@pytest.mark.parametrize("presigned", FORMS)
@pytest.mark.parametrize("key", KEYS_NEAR_KE.values(), ids=KEYS_NEAR_KE)
@pytest.mark.parametrize("signer", ALL)
def test_a_signature_opens_no_key_that_is_nearly_the_same(
    signer: str, key: str, presigned: bool
) -> None:
    sent = signed(signer, presigned=presigned, key="ke")
    assert refusal(sent.but(key=key, path=f"/{BUCKET}/{key}")) == Refusal.SIGNATURE_MISMATCH


def v2_signed(name: str, resource: str, bucket: str, key: str) -> Sent:
    """A request of V1, V2 or OBS whose signature is over this resource."""
    date = "Sun, 22 Nov 2026 15:17:34 GMT"
    text = f"GET\n\n\n{date}\n{resource}"
    mac = b64encode(hmac.digest(SECRET_KEY.encode(), text.encode(), "sha1")).decode()
    headers = {"host": HOST, "date": date, "authorization": f"{name} {ACCESS_KEY}:{mac}"}
    return Sent(path=resource, query="", headers=headers, bucket=bucket, key=key)


@in_one_test
@pytest.mark.parametrize("name", ["OSS", "AWS", "OBS"])
@pytest.mark.parametrize(
    "resource, bucket, key, holds",
    [
        ("/b/ke", "b", "ke", True),
        ("/b/ke", "b", "key", False),
        ("/b/", "b", "", True),
        ("/b", "b", "", True),
        ("/b", "b", "k", False),
        ("/b", "bu", "", False),
        ("/bu", "b", "", False),
        ("/", "", "", True),
        ("", "", "", False),
        ("/", "b", "", False),
        ("/b/", "", "", False),
    ],
)
def test_the_slash_behind_a_bucket_alone_may_be_left_out(
    name: str, resource: str, bucket: str, key: str, holds: bool
) -> None:
    sent = v2_signed(name, resource, bucket, key)
    options: dict[str, Any] = {"now": NOW, "must_sign": ()}
    if holds:
        assert check(sent, **options)
    else:
        assert refusal(sent, **options) == Refusal.SIGNATURE_MISMATCH


@pytest.mark.parametrize("header", ["content-md5", "content-type"])
@pytest.mark.parametrize("presigned", FORMS)
@pytest.mark.parametrize("signer", ALL)
def test_digest_and_type_are_signed_where_they_are_demanded(
    signer: str, presigned: bool, header: str
) -> None:
    sent = signed(signer, presigned=presigned, headers={header: "1B2M2Y8AsgTpgAmY7PhCfg=="})
    if signer == "botocore V2" and presigned:
        pytest.skip("botocore moves both into the query of the URL")
    assert check(sent, must_sign_headers=(header,))
    other = sent.but(headers={header: "other"})
    assert refusal(other, must_sign_headers=(header,)) == Refusal.SIGNATURE_MISMATCH


OWN_PARAMETERS = {
    "oss2 V2": ["x-oss-signature-version=OSS2"],
    "oss2 V4": ["x-oss-signature-version=x", "x-oss-signature=x", "x-oss-credential=x"],
    "botocore V4": ["X-Amz-Algorithm=x", "X-Amz-Credential=x", "X-Amz-Signature=x"],
    "botocore V2": ["AWSAccessKeyId=x", "AWSAccessKeyId="],
    "oss2 V1": ["OSSAccessKeyId=x", "OSSAccessKeyId="],
    "esdk-obs-python": ["AccessKeyId=x", "AccessKeyId="],
}
EACH_PARAMETER = [(name, each) for name in OWN_PARAMETERS for each in OWN_PARAMETERS[name]]


@in_one_test
@pytest.mark.parametrize("signer, parameter", EACH_PARAMETER)
def test_one_parameter_of_a_signed_url_makes_a_second_signature(
    signer: str, parameter: str
) -> None:
    """Some of them are signed by nobody: beside a signed header they would pass unseen."""
    sent = signed(signer)
    with pytest.raises(SignatureError, match="Only one of"):
        check(sent.but(query=f"{sent.query}&{parameter}"))


@in_one_test
@pytest.mark.parametrize("signer", ALL)
def test_the_name_of_a_scheme_has_no_case(signer: str) -> None:
    """RFC 9110, 11.1."""
    sent = signed(signer)
    scheme, _, rest = sent.headers["authorization"].partition(" ")
    for name in (scheme.lower(), scheme.upper(), scheme.title()):
        assert check(sent.but(headers={"authorization": f"{name} {rest}"})) == check(sent)


TIMES: dict[str, tuple[Sent, float]] = {
    "V1": (v2_signed("OSS", "/b/k", "b", "k"), NOW),
    "V2": (v2_signed("AWS", "/b/k", "b", "k"), NOW),
    "OBS": (v2_signed("OBS", "/b/k", "b", "k"), NOW),
}


@in_one_test
@pytest.mark.parametrize("sent, made", TIMES.values(), ids=TIMES)
@pytest.mark.parametrize(
    "later, expected",
    [
        (-15 * 60, None),
        (15 * 60, None),
        (-15 * 60 - 1, Refusal.CLOCK_SKEWED),
        (15 * 60 + 1, Refusal.CLOCK_SKEWED),
    ],
)
def test_the_last_second_of_15_minutes(
    sent: Sent, made: float, later: int, expected: Refusal | None
) -> None:
    options: dict[str, Any] = {"now": made + later, "must_sign": ()}
    if expected is None:
        assert check(sent, **options)
    else:
        assert refusal(sent, **options) == expected


@pytest.mark.parametrize("length, is_known", [(1, True), (128, True), (129, False)])
def test_the_longest_access_key_id_that_is_looked_up(length: int, is_known: bool) -> None:
    asked: list[str] = []
    key = "k" * length
    sent = v2_signed("OSS", "/b/", "b", "").but(headers={"authorization": f"OSS {key}:x"})
    with pytest.raises(SignatureError):
        check(sent, asked.append, now=NOW, must_sign=())
    assert asked == [key] * is_known


def test_a_url_of_version_1_or_2_expires_after_its_last_second() -> None:
    for signer in ("oss2 V1", "oss2 V2", "botocore V2", "esdk-obs-python"):
        sent = signed(signer, presigned=True)
        names = ("Expires", "x-oss-expires")
        expires = int(next(value for name, value in sent.request().query if name in names))
        assert check(sent, now=expires)
        assert refusal(sent, now=expires + 1) == Refusal.ACCESS_DENIED


def test_the_parameters_of_each_scheme() -> None:
    assert [(scheme.dialect, " ".join(sorted(scheme.parameters))) for scheme in SCHEMES] == [
        (
            "cos",
            "q-ak q-header-list q-key-time q-sign-algorithm q-sign-time q-signature "
            "q-url-param-list x-cos-security-token",
        ),
        ("oss", "Expires OSSAccessKeyId Signature security-token x-oss-security-token"),
        (
            "oss",
            "security-token x-oss-access-key-id x-oss-additional-headers x-oss-expires "
            "x-oss-signature x-oss-signature-version",
        ),
        (
            "oss",
            "x-oss-additional-headers x-oss-credential x-oss-date x-oss-expires "
            "x-oss-security-token x-oss-signature x-oss-signature-version",
        ),
        ("s3", "AWSAccessKeyId Expires Signature X-Amz-Security-Token x-amz-security-token"),
        (
            "s3",
            "X-Amz-Algorithm X-Amz-Content-Sha256 X-Amz-Credential X-Amz-Date X-Amz-Expires "
            "X-Amz-Security-Token X-Amz-Signature X-Amz-SignedHeaders",
        ),
        ("obs", "AccessKeyId Expires Signature x-obs-security-token"),
    ]


@pytest.mark.parametrize("presigned", FORMS)
@pytest.mark.parametrize("signer", ALL)
def test_a_token_that_must_be_signed(signer: str, presigned: bool) -> None:
    """In a URL as a parameter, else as a header; V1 of OSS signs the parameter alone."""
    sent = signed(signer, presigned=presigned, token=TOKEN)
    if not presigned:
        name = next(name for name in sent.headers if "security-token" in name)
        if not name.startswith("x-"):
            pytest.skip("it sends a header that OSS has no name for, and does not sign it")
        assert check(sent, must_sign_headers=(name,))
        return
    name = next(name for name, _ in sent.request().query if "security-token" in name.lower())
    assert check(sent, must_sign=("cors", name.lower()))


@in_one_test
@pytest.mark.parametrize("presigned", FORMS)
@pytest.mark.parametrize("key", ["", "k"])
@pytest.mark.parametrize("signer", ALL)
def test_a_request_without_a_query_can_be_signed(signer: str, key: str, presigned: bool) -> None:
    sent = signed(signer, presigned=presigned, key=key, query={})
    assert check(sent, must_sign=())
    if not presigned:
        assert sent.query == ""


def test_what_an_error_says_of_itself() -> None:
    error = SignatureError(Refusal.ACCESS_DENIED, "Request has expired")
    assert str(error) == "AccessDenied Request has expired"
    assert str(SignatureError(Refusal.SIGNATURE_MISMATCH)) == "SignatureDoesNotMatch"
