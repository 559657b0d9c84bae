"""The COS signature: vendor vectors, what it must cover, and every way it can fail."""

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_bucketcors import AccessKey
from flask_bucketcors.core.dialects import COS
from flask_bucketcors.signatures import SignatureError, SignedRequest, Signer, verify
from tests.support.tables import in_one_test
from tests.support.vendor_corpus import load

NOW = 1594295570
VECTORS = load("vectors.json")["cos_signatures"]
KEYS = {"AKIDEXAMPLE": "ExampleSecretKey"}
SIGNER = Signer("AKIDEXAMPLE", "cos")


def by_name(kind: str, name: str) -> dict[str, Any]:
    """One vector."""
    return next(vector for vector in VECTORS[kind] if vector["name"] == name)


def header_request(vector: dict[str, Any], **changes: Any) -> SignedRequest:
    """The request of a vector whose signature is in the header, or one that differs from it."""
    url = urlsplit(vector["url"])
    parts: dict[str, Any] = {
        "method": vector["method"],
        "bucket": "examplebucket-1250000000",
        "key": url.path.removeprefix("/"),
        "path": url.path.encode(),
        "query": tuple(parse_qsl(url.query, keep_blank_values=True)),
        "headers": {**vector["signed_headers"], "authorization": vector["authorization"]},
    }
    headers = {**parts["headers"], **changes.pop("headers", {})}
    return SignedRequest(**{**parts, **changes, "headers": headers})


def query_request(vector: dict[str, Any]) -> SignedRequest:
    """The request of a pre-signed URL."""
    url = urlsplit(vector["url"])
    query = tuple(parse_qsl(url.query, keep_blank_values=True))
    return SignedRequest("GET", url.path.encode(), query, {"host": url.netloc}, "b", "k")


def refusal(request: SignedRequest, keys: Any = KEYS, **options: Any) -> tuple[str, str | None]:
    """Code and message that a request is refused with."""
    with pytest.raises(SignatureError) as refused:
        verify(request, keys, **{"now": NOW, "must_sign": ("cors",), **options})
    return COS.errors[refused.value.code].code, refused.value.message


PUT = by_name("sdk", "put_cors")
GET = by_name("sdk", "get_cors")


@pytest.mark.parametrize("vector", VECTORS["sdk"], ids=lambda vector: vector["name"])
def test_what_the_sdk_signs_holds(vector: dict[str, Any]) -> None:
    must_sign = tuple(vector["params"])
    assert verify(header_request(vector), KEYS, now=NOW, must_sign=must_sign) == SIGNER


@pytest.mark.parametrize(
    "vector",
    [by_name("presigned_sdk", "presigned_get_object"), *VECTORS["presigned_computed"]],
    ids=lambda vector: vector["name"],
)
def test_pre_signed_urls_hold(vector: dict[str, Any]) -> None:
    assert verify(query_request(vector), KEYS, now=NOW) == SIGNER


def test_a_signature_that_leaves_out_the_host_is_refused() -> None:
    vector = by_name("presigned_sdk", "presigned_get_object_nohost")
    code, message = refusal(query_request(vector))
    assert (code, "host" in str(message)) == ("AccessDenied", True)


@pytest.mark.parametrize("name", ["x-cos-acl", "content-type"])
def test_a_header_that_must_be_signed_has_to_be_listed(name: str) -> None:
    with pytest.raises(SignatureError, match=f"header that must be signed: {name}"):
        verify(header_request(GET), KEYS, now=NOW, must_sign_headers=(name,))
    assert verify(header_request(PUT), KEYS, now=NOW, must_sign_headers=("content-md5",))


def test_an_unsigned_request_has_no_requester() -> None:
    for authorization in ({}, {"authorization": ""}, {"authorization": "Bearer abc"}):
        request = SignedRequest(
            "GET", b"/", (("cors", ""),), {"host": "h", **authorization}, "b", ""
        )
        assert verify(request, KEYS, now=NOW) is None


@in_one_test
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"method": "DELETE"}, id="method"),
        pytest.param({"path": b"/other/"}, id="path"),
        pytest.param({"path": b"//"}, id="path, another slash"),
        pytest.param({"query": (("cors", "x"),)}, id="value of the parameter"),
        pytest.param({"query": (("cors", ""), ("cors", ""))}, id="parameter twice"),
        pytest.param({"headers": {"host": "other.cos.test"}}, id="host"),
        pytest.param({"headers": {"host": ""}}, id="no host"),
        pytest.param({"headers": {"content-md5": "AAAA"}}, id="digest of the body"),
        pytest.param({"headers": {"content-length": "386"}}, id="length of the body"),
    ],
)
def test_a_signature_opens_nothing_else(changes: dict[str, Any]) -> None:
    assert refusal(header_request(PUT, **changes))[0] == "SignatureDoesNotMatch"


def test_parameters_that_are_not_signed_are_refused() -> None:
    request = header_request(GET, query=(("cors", ""), ("acl", "")))
    assert refusal(request) == (
        "AccessDenied",
        "Strict signature missing param that must be signed: acl",
    )
    vector = by_name("sdk", "get_object")
    request = header_request(vector, query=(("cors", ""),))
    assert refusal(request)[0] == "AccessDenied"


def test_a_parameter_without_a_name_is_not_signed_by_an_empty_list() -> None:
    request = header_request(by_name("sdk", "get_object"), query=(("", "x"),))
    assert verify(request, KEYS, now=NOW) == SIGNER
    assert refusal(header_request(GET, query=(("cors", ""), ("", "x"))))[0] == "AccessDenied"


@pytest.mark.parametrize("host", ["{0}:8080", "{0}"])
def test_the_host_counts_with_or_without_its_port(host: str) -> None:
    """The Python SDK signs the name alone where it sends the port as well."""
    name = GET["signed_headers"]["host"]
    request = header_request(GET, headers={"host": host.format(name)})
    assert verify(request, KEYS, now=NOW) == SIGNER


@pytest.mark.parametrize(
    "now, expected",
    [
        pytest.param(1594295510 - 900, None, id="15 minutes early"),
        pytest.param(
            1594295510 - 901, ("RequestTimeTooSkewed", None), id="more than 15 minutes early"
        ),
        pytest.param(1594305570, None, id="last second"),
        pytest.param(1594305571, ("AccessDenied", "Request has expired"), id="expired"),
    ],
)
def test_the_window_of_time(now: int, expected: tuple[str, str | None] | None) -> None:
    request = header_request(GET)
    if expected is None:
        assert verify(request, KEYS, now=now) == SIGNER
    else:
        assert refusal(request, now=now) == expected


@pytest.mark.parametrize(
    "keys, expected",
    [
        pytest.param({"AKIDEXAMPLE": "other"}, "SignatureDoesNotMatch", id="wrong secret"),
        pytest.param({"other": "ExampleSecretKey"}, "InvalidAccessKeyId", id="unknown key"),
        pytest.param({}, "InvalidAccessKeyId", id="no keys"),
        pytest.param(lambda key: None, "InvalidAccessKeyId", id="callable without the key"),
        pytest.param(
            {"AKIDEXAMPLE": AccessKey("ExampleSecretKey", "token")},
            "InvalidAccessKeyId",
            id="temporary key without its token",
        ),
    ],
)
def test_keys_that_do_not_fit(keys: Any, expected: str) -> None:
    assert refusal(header_request(GET), keys)[0] == expected


def test_keys_may_come_from_a_callable() -> None:
    assert verify(header_request(GET), KEYS.get, now=NOW) == SIGNER


@pytest.mark.parametrize("token, holds", [("token", True), ("tokem", False), ("", False)])
def test_a_temporary_key_comes_with_its_token(token: str, holds: bool) -> None:
    keys = {"AKIDEXAMPLE": AccessKey("ExampleSecretKey", "token")}
    request = header_request(GET, headers={"x-cos-security-token": token})
    if holds:
        assert verify(request, keys, now=NOW) == SIGNER
    else:
        assert refusal(request, keys)[0] == "InvalidAccessKeyId"


def test_a_token_may_stand_in_the_query() -> None:
    keys = {"AKIDEXAMPLE": AccessKey("ExampleSecretKey", "token")}
    request = query_request(by_name("presigned_computed", "presigned_get_cors"))
    with_token = SignedRequest(
        request.method,
        request.path,
        (*request.query, ("x-cos-security-token", "token")),
        request.headers,
        request.bucket,
        request.key,
    )
    assert verify(with_token, keys, now=NOW, must_sign=("cors",)) == SIGNER


def test_secrets_do_not_show() -> None:
    assert "Secret" not in repr(AccessKey("Secret", "SecretToken"))


def test_header_and_query_may_not_both_carry_a_signature() -> None:
    query = query_request(by_name("presigned_computed", "presigned_get_cors")).query
    assert refusal(header_request(GET, query=query))[0] == "InvalidArgument"


def edited(old: str, new: str) -> str:
    """The Authorization of a vector with something else in it."""
    assert old in GET["authorization"]
    return str(GET["authorization"].replace(old, new))


@in_one_test
@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param("q-sign-algorithm=sha1", id="cut off"),
        pytest.param("q-sign-algorithm=", id="cut off earlier"),
        pytest.param(edited("sha1", "sha256"), id="unknown algorithm"),
        pytest.param(edited("sha1", ""), id="no algorithm"),
        pytest.param(edited("&q-ak=AKIDEXAMPLE", ""), id="a field is missing"),
        pytest.param(edited("&q-ak=", "&q-ak=A&q-ak="), id="a field is there twice"),
        pytest.param(edited("&q-ak=", "&x=&q-ak="), id="a field too many"),
        pytest.param(edited("1594295510;1594305570", "1594295510"), id="no end of time"),
        pytest.param(edited("1594295510;", "-1;"), id="negative time"),
        pytest.param(edited("1594295510;", "\u0661;"), id="time in other digits"),
        pytest.param(edited("1594305570", "9" * 5000), id="endless time"),
        pytest.param(edited(GET["signature"], GET["signature"][:-1]), id="short signature"),
        pytest.param(edited(GET["signature"], GET["signature"].upper()), id="upper case"),
        pytest.param(edited(GET["signature"], "\u00e4" * 40), id="signature beyond ASCII"),
        pytest.param(edited(GET["signature"], ""), id="empty signature"),
    ],
)
def test_a_malformed_authorization_is_refused(authorization: str) -> None:
    request = header_request(GET, headers={"authorization": authorization})
    assert refusal(request)[0] in ("AccessDenied", "SignatureDoesNotMatch")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["q-sign-algorithm", "q-ak", "q-sign-time", "q-signature", "x"]),
            st.text(st.characters(max_codepoint=255), max_size=20),
        ),
        max_size=9,
    ),
    st.text(st.characters(max_codepoint=255), max_size=60),
)
def test_no_authorization_does_more_than_be_refused(
    fields: list[tuple[str, str]], tail: str
) -> None:
    listed = "&".join(f"{name}={value}" for name, value in fields)
    for authorization in (listed, "q-sign-algorithm=sha1&" + tail, edited("AKID", tail)):
        request = header_request(GET, headers={"authorization": authorization})
        try:
            assert verify(request, KEYS, now=NOW) is None
        except SignatureError:
            continue


def test_a_request_is_read_from_its_environ() -> None:
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "/mounted",
        "PATH_INFO": "/b\xc3\xbc/k",
        "QUERY_STRING": "cors&a=%C3%BC+b&c=",
        "HTTP_HOST": " h ",
        "HTTP_X_COS_META_A": "1",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "",
        "wsgi.input": object(),
    }
    assert SignedRequest.from_environ(environ, "b\u00fc", "k") == SignedRequest(
        method="GET",
        path=b"/mounted/b\xc3\xbc/k",
        query=(("cors", ""), ("a", "\u00fc b"), ("c", "")),
        headers={"host": "h", "x-cos-meta-a": "1", "content-type": "text/plain"},
        bucket="b\u00fc",
        key="k",
    )


SENT = load("vectors.json")["sdk_requests"]


@pytest.mark.parametrize("name", ["cos-domain-127.0.0.1:port", "cos-ip-port"])
def test_requests_as_the_sdk_sent_them_hold(name: str) -> None:
    """Whole requests, recorded on the wire; their signatures begin when they were made."""
    for sent in SENT[name]:
        path, _, query = sent["path"].partition("?")
        headers = {name.lower(): value for name, value in sent["headers"]}
        began = re.search("q-sign-time=([0-9]+)", headers["authorization"])
        assert began is not None
        request = SignedRequest(
            sent["method"],
            path.encode(),
            tuple(parse_qsl(query, keep_blank_values=True)),
            headers,
            "examplebucket-1250000000",
            "",
        )
        now = int(began[1])
        assert verify(request, KEYS, now=now, must_sign=("cors",)) == SIGNER


FIELDS = [
    "q-ak",
    "q-sign-time",
    "q-key-time",
    "q-header-list",
    "q-url-param-list",
    "q-signature",
]


@pytest.mark.parametrize("name", FIELDS)
def test_seven_fields_of_which_one_has_another_name(name: str) -> None:
    """It is refused as one that is missing, and is no fault of the server."""
    authorization = edited(f"&{name}=", f"&{name}x=")
    request = header_request(GET, headers={"authorization": authorization})
    text = "The signature must have each of its seven fields once."
    assert refusal(request) == ("AccessDenied", text)


def test_seven_fields_beside_one_that_is_there_twice() -> None:
    authorization = f"{GET['authorization']}&q-ak=AKIDEXAMPLE"
    request = header_request(GET, headers={"authorization": authorization})
    assert refusal(request)[0] == "AccessDenied"


@in_one_test
@pytest.mark.parametrize("name", ["q-sign-time", "q-key-time"])
@pytest.mark.parametrize(
    "start, end, expected",
    [
        (NOW + 900, NOW + 900, "SignatureDoesNotMatch"),
        (NOW + 901, NOW + 901, "RequestTimeTooSkewed"),
        (0, NOW, "SignatureDoesNotMatch"),
        (0, NOW - 1, "AccessDenied"),
    ],
)
def test_both_times_have_to_be_now(name: str, start: int, end: int, expected: str) -> None:
    """Their first and last second count."""
    authorization = edited(f"&{name}=1594295510;1594305570", f"&{name}={start};{end}")
    request = header_request(GET, headers={"authorization": authorization})
    assert refusal(request)[0] == expected


def test_a_signature_that_is_none_costs_no_look_at_the_keys() -> None:
    asked: list[str] = []
    request = header_request(GET, headers={"authorization": edited(GET["signature"], "x")})
    assert refusal(request, asked.append)[0] == "SignatureDoesNotMatch"
    assert asked == []


@in_one_test
@pytest.mark.parametrize("name", ["CONTENT_TYPE", "CONTENT_LENGTH"])
@pytest.mark.parametrize("sent, expected", [("5", "5"), (" 5 ", "5"), ("", None), (None, None)])
def test_headers_that_cgi_has_names_of_its_own_for(
    name: str, sent: str | None, expected: str | None
) -> None:
    """SDKs sign both."""
    environ = {"REQUEST_METHOD": "PUT", "PATH_INFO": "/b/k"}
    if sent is not None:
        environ[name] = sent
    request = SignedRequest.from_environ(environ, "b", "k")
    assert request.headers.get(name.lower().replace("_", "-")) == expected
