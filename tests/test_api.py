"""The ``?cors`` API over HTTP: every answer and every error, in the forms of COS.

Calls go through the middleware, as they do in an application. The server's clock stands
still, and requests are signed with the signer in ``signing``.
"""

import hashlib
import logging
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIEnvironment
from wsgiref.validate import validator
from xml.etree import ElementTree

import pytest
from qcloud_cos import CosConfig
from qcloud_cos.cos_auth import CosS3Auth
from webtest import TestApp, TestRequest, TestResponse
from werkzeug import Request, Response
from werkzeug.exceptions import abort
from werkzeug.local import LocalProxy
from werkzeug.test import run_wsgi_app

from flask_bucketcors import (
    AccessKey,
    BucketCORSMiddleware,
    MemoryStore,
    Rule,
    RulesAPI,
    RulesCall,
    RuleSet,
    StoredRulesInvalid,
    StoreUnavailable,
)
from flask_bucketcors.core.bucket_names import MAX_BUCKET_NAME_BYTES, is_bucket_name
from tests.support.cos_signing import (
    ACCESS_KEY,
    HOST,
    KEYS,
    NOW,
    SECRET_KEY,
    authorization,
    presigned,
    send,
    signed,
)
from tests.support.tables import in_one_test
from tests.support.vendor_corpus import load

URL = "/photos?cors"
LIMIT = 64 * 1024
MINUTE = 60

OLD = RuleSet([Rule(["https://old.test"], ["GET"])])
NEW = RuleSet([Rule(["https://new.test"], ["PUT"])])
BODY = (
    b"<CORSConfiguration><CORSRule><AllowedOrigin>https://new.test</AllowedOrigin>"
    b"<AllowedMethod>PUT</AllowedMethod></CORSRule></CORSConfiguration>"
)

MakeApp = Callable[..., TestApp]


def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """What must never see a ``?cors`` call on a bucket."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"app"]


def build(
    store: MemoryStore, *, host_suffixes: Iterable[str] = (), **options: Any
) -> BucketCORSMiddleware:
    api = RulesAPI(store, **{"access_keys": KEYS, "clock": lambda: NOW, **options})
    return BucketCORSMiddleware(
        validator(application), store=store, api=api, host_suffixes=host_suffixes
    )


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    store = MemoryStore()
    yield store
    store.close()


@pytest.fixture
def make(store: MemoryStore) -> MakeApp:
    return lambda **options: TestApp(validator(build(store, **options)))


@pytest.fixture
def app(make: MakeApp) -> TestApp:
    return make()


def put_stream(app: TestApp, stream: Any, **environ: Any) -> TestResponse:
    """Make a signed PUT with a body that is not simply bytes."""
    headers = {"Host": HOST, "Authorization": authorization("PUT", URL, {"host": HOST})}
    request = TestRequest.blank(URL, method="PUT", headers=headers)
    request.environ.pop("CONTENT_LENGTH", None)
    request.environ.update({"wsgi.input": stream, **environ})
    return app.do_request(request, expect_errors=True)


CHUNKS = {"HTTP_TRANSFER_ENCODING": "chunked"}
ENDS = {"wsgi.input_terminated": True}
ENDLESS = {"wsgi.input_terminated": False}
CHUNKED = {**CHUNKS, **ENDS}


class Socket:
    """The input as a server hands it over that reads from its socket: it cannot seek."""

    def __init__(self, body: bytes) -> None:
        self._stream = BytesIO(body)

    def read(self, size: int) -> bytes:
        assert size > 0
        return self._stream.read(size)

    readline = readlines = __iter__ = read


def document(*rules: str, more: str = "") -> bytes:
    inner = "".join(f"<CORSRule>{rule}</CORSRule>" for rule in rules)
    return f"<CORSConfiguration>{inner}{more}</CORSConfiguration>".encode()


def rule(
    origin: str = "https://new.test", method: str = "PUT", more: str = "", **elements: str
) -> str:
    """One rule as XML; the texts are put in as they are."""
    extra = "".join(f"<{name}>{value}</{name}>" for name, value in elements.items())
    return (
        f"<AllowedOrigin>{origin}</AllowedOrigin><AllowedMethod>{method}</AllowedMethod>"
        f"{extra}{more}"
    )


def document_of(size: int) -> bytes:
    return BODY + b" " * (size - len(BODY))


def md5(body: bytes) -> str:
    return b64encode(hashlib.md5(body).digest()).decode()


def error_of(response: TestResponse) -> dict[str, str]:
    """The elements of an error document; asserts everything that every error has in common."""
    text = response.body.decode("utf-8")
    assert response.content_type == "application/xml"
    assert text.startswith("<?xml version='1.0' encoding='utf-8' ?>\n<Error>\n\t<Code>")
    root = ElementTree.fromstring(text)
    values = {element.tag: element.text or "" for element in root}
    assert list(values) == ["Code", "Message", "Resource", "RequestId", "TraceId"]
    assert all(values.values())
    assert values["RequestId"] == response.headers["x-cos-request-id"]
    assert values["TraceId"] == response.headers["x-cos-trace-id"]
    assert response.headers["Content-Length"] == str(len(response.body))
    return values


def assert_error(response: TestResponse, status: int, code: str, *texts: str) -> None:
    """Of an answer: status, code, and what its message has to mention."""
    error = error_of(response)
    assert (response.status_code, error["Code"]) == (status, code)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    for text in texts:
        assert text in error["Message"]


def test_the_signer_agrees_with_the_vendors_sdk():
    config = CosConfig(Endpoint=HOST, SecretId=ACCESS_KEY, SecretKey=SECRET_KEY)
    headers = {"host": HOST, "content-md5": md5(b"a"), "x-cos-meta-a": "a b/c+\u00fc~"}
    params = {"cors": "", "x a": "b/c&d"}
    request = SimpleNamespace(method="PUT", url="", headers=dict(headers))
    theirs = CosS3Auth(config, "/my b\u00fccket/a+b", params)(request).headers["Authorization"]
    sign_time = re.search("q-sign-time=([^&]+)", theirs)[1]
    url = "/my%20b%C3%BCcket/a%2Bb?cors&x+a=b%2Fc%26d"
    assert authorization("PUT", url, headers, sign_time=sign_time) == theirs


@pytest.mark.parametrize("url", ["/photos?cors", "/photos/?cors=", "/photos?a=b&cors"])
def test_put_get_delete(app, store, url):
    put = signed(app, "PUT", url, BODY)
    assert (put.status, put.body) == ("200 OK", b"")
    assert put.headers["Content-Length"] == "0"
    assert store.get("photos") == NEW
    got = signed(app, "GET", url)
    assert (got.status, got.content_type) == ("200 OK", "application/xml")
    assert b"https://new.test" in got.body
    deleted = signed(app, "DELETE", url)
    assert (deleted.status, deleted.body) == ("204 No Content", b"")
    assert store.get("photos") is None
    for response in (put, got, deleted):
        assert response.headers["x-cos-request-id"]
        assert "x-cos-trace-id" not in response.headers


def test_deleting_what_is_not_there_succeeds(app):
    assert signed(app, "DELETE", URL).status_code == 204
    assert signed(app, "DELETE", URL).status_code == 204


def test_put_replaces_the_whole_configuration(app, store):
    store.put("photos", OLD)
    signed(app, "PUT", URL, BODY)
    assert store.get("photos") == NEW


def test_get_is_the_vendors_sample_byte_for_byte(app):
    """COS 436/8274, of the rules that 436/8279 puts."""
    vectors = load("vectors.json")
    sample = vectors["get_output_cos"][0]
    put = next(
        each for each in vectors["put_bodies_valid"] if each["name"] == "cos-doc-2020-07-two-rules"
    )
    assert signed(app, "PUT", URL, put["text"].encode()).status_code == 200
    got = signed(app, "GET", URL)
    assert got.body == sample["text"].encode()
    assert got.headers["Content-Length"] == str(sample["length"])


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no type"),
        pytest.param({"Content-Type": "application/xml"}, id="XML"),
        pytest.param({"Content-Type": "application/x-www-form-urlencoded"}, id="form"),
        pytest.param({"Content-Type": "text/plain;charset=UTF-8"}, id="text"),
        pytest.param({"Content-Type": "multipart/form-data; boundary=a"}, id="multipart"),
        pytest.param({"Expect": "100-continue"}, id="expectation"),
        pytest.param({"Content-MD5": md5(BODY)}, id="digest"),
    ],
)
def test_bodies_are_taken_whatever_they_are_called(app, store, headers):
    assert signed(app, "PUT", URL, BODY, headers=headers).status_code == 200
    assert store.get("photos") == NEW


def test_a_chunked_body(app, store):
    assert put_stream(app, BytesIO(BODY), **CHUNKED).status_code == 200
    assert store.get("photos") == NEW


SIZE = str(len(BODY))
# What servers say of a body, and what becomes of a PUT then. Each was seen in the environ of one.
FRAMINGS = {
    "length": ({"CONTENT_LENGTH": SIZE}, BytesIO, 200),
    "length, from the socket": ({"CONTENT_LENGTH": SIZE}, Socket, 200),
    "length as a number": ({"CONTENT_LENGTH": int(SIZE)}, BytesIO, 200),
    "length, flag false": ({"CONTENT_LENGTH": SIZE, **ENDLESS}, Socket, 200),
    "chunks that end": ({**CHUNKS, **ENDS}, Socket, 200),
    "chunks that end, empty length": ({"CONTENT_LENGTH": "", **CHUNKS, **ENDS}, Socket, 200),
    "chunks, decoded and held whole": (CHUNKS, BytesIO, 200),
    "chunks from the socket": (CHUNKS, Socket, 411),
    "chunks from the socket, empty length": ({"CONTENT_LENGTH": "", **CHUNKS}, Socket, 411),
    "chunks from the socket, flag false": ({**CHUNKS, **ENDLESS}, Socket, 411),
    "chunks and the length of what was sent": ({"CONTENT_LENGTH": SIZE, **CHUNKS}, BytesIO, 411),
    "chunks of which none has arrived": (CHUNKS, lambda body: BytesIO(), 411),
    "neither": ({}, Socket, 400),
    "neither, empty length": ({"CONTENT_LENGTH": ""}, Socket, 400),
    "neither, flag false": (ENDLESS, Socket, 400),
    "neither, held whole": ({}, BytesIO, 400),
    "neither, and nothing comes": (ENDS, lambda body: BytesIO(), 400),
    "no chunk": ({**CHUNKS, **ENDS}, lambda body: BytesIO(), 400),
    "length 0": ({"CONTENT_LENGTH": "0"}, Socket, 400),
    "length 0 as a number": ({"CONTENT_LENGTH": 0}, Socket, 400),
}


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("dialect", ["cos", "oss", "s3", "obs"])
def test_where_a_body_ends(store, framing, dialect):
    """It is read where that is known; elsewhere nothing is, for a socket has no end."""
    environ, stream, status = FRAMINGS[framing]
    # Without the validator, which would hide what kind of stream there is.
    app = TestApp(build(store, dialect=dialect, authorize=lambda call: True), lint=False)
    headers = {"Host": HOST}
    request = TestRequest.blank(URL, method="PUT", headers=headers)
    request.environ.pop("CONTENT_LENGTH", None)
    request.environ.update({"wsgi.input": stream(BODY), **environ})
    response = app.do_request(request, expect_errors=True)
    assert response.status_code == status
    assert store.get("photos") == (NEW if status == 200 else None)
    if status == 411:
        assert b"<Code>MissingContentLength</Code>" in response.body
        assert b"cannot read chunks" in response.body
    if status == 400:
        assert b"<Code>MissingRequestBodyError</Code>" in response.body


@pytest.mark.parametrize("length", [SIZE, int(SIZE)], ids=["text", "number"])
def test_a_length_that_is_signed(store, length):
    """It is a header like others, whatever the server makes of it."""
    # WebTest's lint wants text there.
    app = TestApp(build(store), lint=False)
    signature = authorization("PUT", URL, {"host": HOST, "content-length": SIZE})
    headers = {"Host": HOST, "Authorization": signature}
    request = TestRequest.blank(URL, method="PUT", headers=headers)
    request.environ.update({"wsgi.input": BytesIO(BODY), "CONTENT_LENGTH": length})
    assert app.do_request(request, expect_errors=True).status_code == 200


@pytest.mark.parametrize("method, status", [("PUT", 400), ("GET", 404), ("DELETE", 204)])
@pytest.mark.parametrize("is_warm", [False, True], ids=["cold", "warmed"])
def test_an_environ_with_nothing_in_it_that_may_be_missing(store, method, status, is_warm):
    """PEP 3333: variables that are empty may be missing."""
    store.put("warm", OLD)
    app = build(store, authorize=lambda call: True, host_suffixes=["test"])
    if is_warm:
        run_wsgi_app(app, TestRequest.blank("/warm/key").environ, buffered=True)
    environ = {
        "REQUEST_METHOD": method,
        "HTTP_HOST": "photos.test",
        "QUERY_STRING": "cors",
        "SERVER_NAME": "store.test",
        "SERVER_PORT": 80,
        "wsgi.input": Socket(b""),
    }
    assert run_wsgi_app(app, environ, buffered=True)[1].startswith(str(status))


def test_history_names_who_signed(app, store):
    signed(app, "PUT", URL, BODY)
    signed(app, "DELETE", URL)
    assert [entry.author for entry in store.history("photos")] == [ACCESS_KEY] * 2


def test_options_that_is_no_preflight_names_the_methods(app):
    response = send(app, "OPTIONS", URL)
    assert (response.status_code, response.body) == (200, b"")
    assert response.headers["Allow"] == "GET, PUT, DELETE, OPTIONS"


def test_no_configuration(app):
    assert_error(signed(app, "GET", URL), 404, "NoSuchCORSConfiguration")


TWO_STARS = "https://*.a.*"


@pytest.mark.parametrize(
    "body, texts",
    [
        pytest.param(b"rules", [], id="no XML"),
        pytest.param(b"<CORSConfiguration>", [], id="no end"),
        pytest.param(b"<Cors/>", ["CORSConfiguration"], id="another root"),
        pytest.param(document(), ["CORSRule is missing"], id="no rule"),
        pytest.param(
            document("<AllowedMethod>GET</AllowedMethod>"), ["AllowedOrigin"], id="origin"
        ),
        pytest.param(document("<AllowedOrigin>*</AllowedOrigin>"), ["AllowedMethod"], id="method"),
        pytest.param(document(rule(MaxAgeSeconds="x")), ["MaxAgeSeconds 'x'"], id="age"),
        pytest.param(document(rule(), more="<Extra/>"), ["Extra"], id="unknown element"),
        pytest.param(document(rule(ID="a", more="<ID>b</ID>")), ["ID"], id="two ids"),
        pytest.param(b"<!DOCTYPE a>" + BODY, ["document type"], id="document type"),
        pytest.param(
            b'<!DOCTYPE a [<!ENTITY b "c">]>' + document(rule("&b;")),
            ["document type"],
            id="entity",
        ),
        pytest.param(BODY.decode().encode("utf-16"), ["UTF-8"], id="UTF-16"),
        pytest.param(b"\xff" + BODY, ["UTF-8"], id="no text"),
    ],
)
def test_documents_of_the_wrong_shape(app, body, texts):
    assert_error(signed(app, "PUT", URL, body), 400, "MalformedXML", *texts)


@pytest.mark.parametrize(
    "body, text",
    [
        pytest.param(document(rule(TWO_STARS)), f"rule 1: AllowedOrigin '{TWO_STARS}'", id="stars"),
        pytest.param(document(rule("http://a/b")), "AllowedOrigin 'http://a/b'", id="path"),
        pytest.param(document(rule(method="get")), "AllowedMethod 'get'", id="case of a method"),
        pytest.param(document(rule(method="PATCH")), "AllowedMethod 'PATCH'", id="method"),
        pytest.param(document(rule(AllowedHeader="a b")), "AllowedHeader 'a b'", id="header"),
        pytest.param(document(rule(ExposeHeader="x-*")), "ExposeHeader 'x-*'", id="exposed star"),
        pytest.param(document(rule(MaxAgeSeconds="-1")), "MaxAgeSeconds -1", id="age"),
        pytest.param(document(rule(ID="i" * 256)), "ID 'iiii", id="long id"),
        pytest.param(document(*[rule()] * 101), "CORSRule 101", id="too many rules"),
    ],
)
def test_values_that_are_refused_are_named(app, body, text):
    assert_error(signed(app, "PUT", URL, body), 400, "InvalidArgument", text)


def test_every_problem_is_named_at_once(app):
    body = document(
        rule(TWO_STARS, ExposeHeader="*"), rule(), rule(method="get", MaxAgeSeconds="2147483648")
    )
    assert_error(
        signed(app, "PUT", URL, body),
        400,
        "InvalidArgument",
        f"rule 1: AllowedOrigin '{TWO_STARS}'",
        "rule 1: ExposeHeader '*'",
        "rule 3: AllowedMethod 'get'",
        "rule 3: MaxAgeSeconds 2147483648",
    )


def test_a_hundred_rules_are_taken(app, store):
    assert signed(app, "PUT", URL, document(*[rule()] * 100)).status_code == 200
    assert len(store.get("photos").rules) == 100


@pytest.mark.parametrize("environ", [{}, CHUNKED], ids=["length", "chunked"])
@pytest.mark.parametrize("size, status", [(LIMIT, 200), (LIMIT + 1, 400), (LIMIT * 40, 400)])
def test_the_size_of_a_document(app, size, status, environ):
    environ = environ or {"CONTENT_LENGTH": str(size)}
    response = put_stream(app, BytesIO(document_of(size)), **environ)
    assert response.status_code == status
    if status != 200:
        assert_error(response, 400, "XMLSizeLimit")


class Endless:
    """A body without an end, of which only so much may be read."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int) -> bytes:
        assert 0 < size <= LIMIT
        self.given += size
        assert self.given <= 2 * 1024 * 1024
        return b" " * size

    readline = readlines = __iter__ = read


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"CONTENT_LENGTH": str(10**15)}, id="length"),
        pytest.param(CHUNKED, id="chunked"),
    ],
)
def test_an_endless_body_is_read_within_bounds(app, environ):
    """A little beyond the limit, so that the sender is still there to get the answer."""
    assert_error(put_stream(app, Endless(), **environ), 400, "XMLSizeLimit")


@pytest.mark.parametrize(
    "body, sent, code",
    [
        pytest.param(b"", None, "MissingRequestBodyError", id="empty body"),
        pytest.param(b"", md5(b""), "MissingRequestBodyError", id="empty body with its digest"),
        pytest.param(BODY, md5(b"other"), "BadDigest", id="digest of another body"),
        pytest.param(BODY, "", "InvalidDigest", id="empty digest"),
        pytest.param(BODY, "not base64!", "InvalidDigest", id="no base64"),
        pytest.param(BODY, hashlib.md5(BODY).hexdigest(), "InvalidDigest", id="hexadecimal"),
        pytest.param(BODY, b64encode(b"a" * 15).decode(), "InvalidDigest", id="15 bytes"),
        pytest.param(BODY, "\u00fc" * 24, "InvalidDigest", id="no ASCII"),
    ],
)
def test_bodies_that_are_not_what_was_promised(app, body, sent, code):
    headers = {} if sent is None else {"Content-MD5": sent}
    assert_error(signed(app, "PUT", URL, body, headers=headers), 400, code)


def test_an_incomplete_body(app):
    response = put_stream(app, BytesIO(BODY), CONTENT_LENGTH=str(len(BODY) + 1))
    assert_error(response, 400, "IncompleteBody")


def test_memory_that_runs_out_is_not_the_senders_fault(app):
    class Large(Endless):
        def read(self, size: int) -> bytes:
            raise MemoryError

    assert_error(put_stream(app, Large(), **CHUNKED), 500, "InternalError")


def test_a_connection_that_breaks_inside_the_body(app):
    class Broken(Endless):
        def read(self, size: int) -> bytes:
            raise ConnectionResetError

    assert_error(put_stream(app, Broken(), **CHUNKED), 400, "IncompleteBody")


def test_a_digest_can_be_demanded(make):
    app = make(require_content_md5=True)
    assert_error(signed(app, "PUT", URL, BODY), 400, "MissingContentMD5")
    assert signed(app, "PUT", URL, BODY, headers={"Content-MD5": md5(BODY)}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/%0D%0A", id="line break"),
        pytest.param("/a%00b", id="NUL"),
        pytest.param("/a%7F", id="DEL"),
        pytest.param("/a%C2%85", id="C1 control"),
        pytest.param("/a%FF", id="bytes that are not UTF-8"),
        pytest.param("/" + "a" * (MAX_BUCKET_NAME_BYTES + 1), id="too long"),
        pytest.param("/" + "%C3%BC" * 128, id="too long in bytes"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_names_that_no_bucket_has(app, store, method, path):
    """Said before anybody is asked who they are: the name alone decides it."""
    assert_error(send(app, method, f"{path}?cors", BODY), 400, "InvalidBucketName")
    assert store.list() == []


@pytest.mark.parametrize(
    "path", ["/" + "a" * MAX_BUCKET_NAME_BYTES, "/%E5%86%99%E7%9C%9F", "/a%20b"]
)
def test_names_that_a_bucket_may_have(app, path):
    assert signed(app, "PUT", f"{path}?cors", BODY).status_code == 200
    assert signed(app, "GET", f"{path}?cors").status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_missing_bucket_shows_to_those_who_may_know(make, method):
    app = make(bucket_exists=lambda name: name == "albums")
    assert_error(send(app, method, URL, BODY), 403, "AccessDenied")
    assert_error(signed(app, method, URL, BODY), 404, "NoSuchBucket")
    assert signed(app, method, "/albums?cors", BODY).status_code != 403


@pytest.mark.parametrize("method", ["POST", "HEAD", "PATCH"])
@pytest.mark.parametrize("call", [send, signed], ids=["unsigned", "signed"])
def test_methods_that_do_not_exist(app, store, call, method):
    store.put("photos", OLD)
    response = call(app, method, URL, BODY if method != "HEAD" else b"")
    assert response.status == "405 Method Not Allowed"
    assert response.headers["Allow"] == "GET, PUT, DELETE, OPTIONS"
    if method == "HEAD":
        assert response.body == b""
        assert response.headers["x-cos-request-id"]
    else:
        assert_error(response, 405, "MethodNotAllowed")
    assert store.get("photos") == OLD


def test_methods_have_a_case(store):
    """``delete`` is another method, and linters do not know it."""
    store.put("photos", OLD)
    headers = {"Host": HOST, "Authorization": authorization("DELETE", URL, {"host": HOST})}
    environ = TestRequest.blank(URL, method="delete", headers=headers).environ
    _, status, response_headers = run_wsgi_app(build(store), environ)
    assert status == "405 Method Not Allowed"
    assert response_headers["Allow"] == "GET, PUT, DELETE, OPTIONS"
    assert store.get("photos") == OLD


def test_every_method_is_not_implemented_without_an_api(store):
    app = TestApp(validator(BucketCORSMiddleware(validator(application), store=store)))
    for method in ("GET", "PUT", "DELETE", "POST"):
        assert_error(send(app, method, URL), 501, "NotImplemented")


def failing(error: Exception) -> Callable[..., Any]:
    def fail(*args: Any, **options: Any) -> Any:
        raise error

    return fail


class FailingStore(MemoryStore):
    """A store whose every access is an error."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.get = self.put = self.delete = failing(error)


@in_one_test
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "error, status, code",
    [
        pytest.param(StoreUnavailable("locked"), 503, "ServiceUnavailable", id="unavailable"),
        pytest.param(StoredRulesInvalid("no rules"), 500, "InternalError", id="garbage"),
        pytest.param(ZeroDivisionError(), 500, "InternalError", id="any other error"),
    ],
)
def test_a_store_that_fails(method, error, status, code):
    app = TestApp(validator(build(FailingStore(error))))
    assert_error(signed(app, method, URL, BODY), status, code)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"authorize": failing(ZeroDivisionError("secret"))}, id="authorize"),
        pytest.param({"bucket_exists": failing(ZeroDivisionError("secret"))}, id="bucket_exists"),
        pytest.param({"access_keys": failing(ZeroDivisionError("secret"))}, id="access_keys"),
    ],
)
def test_a_hook_that_raises_is_an_internal_error(make, store, caplog, options):
    """The log has it with its traceback, the client learns nothing of it."""
    response = signed(make(**options), "PUT", URL, BODY)
    assert_error(response, 500, "InternalError")
    assert b"secret" not in response.body
    assert "ZeroDivisionError" in caplog.text
    assert store.list() == []


# What can be wrong with a call, in the order in which it is looked at.
CHECKS = {
    "name": "InvalidBucketName",
    "method": "MethodNotAllowed",
    "signature": "AccessDenied",
    "bucket": "NoSuchBucket",
    "size": "XMLSizeLimit",
    "digest": "BadDigest",
    "document": "MalformedXML",
    "values": "InvalidArgument",
}


@pytest.mark.parametrize("first", CHECKS)
def test_the_order_of_checks(make, first):
    """A call with this wrong, and with all that is checked later, is refused for this."""
    wrong = list(CHECKS)[list(CHECKS).index(first) :]
    app = make(bucket_exists=lambda name: "bucket" not in wrong)
    url = "/a%0Ab?cors" if "name" in wrong else URL
    body = document(rule(method="get"))
    body = b"<" + body if "document" in wrong else body
    body = body + b" " * LIMIT if "size" in wrong else body
    headers = {"Content-MD5": md5(b"other")} if "digest" in wrong else {}
    call = send if "signature" in wrong else signed
    response = call(app, "POST" if "method" in wrong else "PUT", url, body, headers)
    assert error_of(response)["Code"] == CHECKS[first]


@pytest.mark.parametrize(
    "body, headers",
    [
        pytest.param(b"", {}, id="empty"),
        pytest.param(b"<", {}, id="no XML"),
        pytest.param(document(rule(), rule(TWO_STARS)), {}, id="one bad rule of two"),
        pytest.param(document_of(LIMIT + 1), {}, id="too large"),
        pytest.param(BODY, {"Content-MD5": md5(b"other")}, id="wrong digest"),
    ],
)
def test_a_refused_put_leaves_the_old_rules(app, store, body, headers):
    store.put("photos", OLD)
    assert signed(app, "PUT", URL, body, headers=headers).status_code == 400
    assert store.get("photos") == OLD
    assert len(store.history("photos")) == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no signature"),
        pytest.param({"Authorization": ""}, id="empty signature"),
        pytest.param({"Authorization": "Bearer token"}, id="unknown scheme"),
        pytest.param({"Cookie": "session=admin"}, id="cookie"),
    ],
)
def test_nobody_may_do_anything_unless_they_sign(app, store, method, headers):
    store.put("photos", OLD)
    assert_error(
        send(app, method, URL, BODY, headers=headers), 403, "AccessDenied", "Access Denied."
    )
    assert store.get("photos") == OLD


@pytest.mark.parametrize(
    "choices, code, texts",
    [
        pytest.param({"secret": "other"}, "SignatureDoesNotMatch", [], id="another secret"),
        pytest.param({"access_key": "AKIDother"}, "InvalidAccessKeyId", [], id="unknown key"),
        pytest.param({"now": NOW - 11 * MINUTE}, "AccessDenied", ["has expired"], id="expired"),
        pytest.param({"now": NOW + 17 * MINUTE}, "RequestTimeTooSkewed", [], id="in the future"),
        pytest.param({"sign_time": "1;2x"}, "AccessDenied", ["START;END"], id="no time"),
        pytest.param(
            {"key_time": f"{NOW - 60};{NOW - 1}"}, "AccessDenied", ["has expired"], id="expired key"
        ),
        pytest.param({"unsigned": ["cors"]}, "AccessDenied", ["signed: cors"], id="cors unsigned"),
    ],
)
def test_signatures_that_do_not_hold(app, store, choices, code, texts):
    assert_error(signed(app, "PUT", URL, BODY, **choices), 403, code, *texts)
    assert store.list() == []


@pytest.mark.parametrize(
    "choices",
    [
        pytest.param({"now": NOW - 10 * MINUTE}, id="until its last second"),
        pytest.param({"now": NOW + 16 * MINUTE}, id="from a clock 15 minutes ahead"),
        pytest.param({"key_time": f"{NOW - 1};{NOW + 1}"}, id="key time of its own"),
    ],
)
def test_signatures_that_hold(app, choices):
    assert signed(app, "PUT", URL, BODY, **choices).status_code == 200


@pytest.mark.parametrize(
    "method, url, host",
    [
        pytest.param("PUT", "/albums?cors", HOST, id="bucket"),
        pytest.param("PUT", "/photos/?cors", HOST, id="path"),
        pytest.param("PUT", "/?cors", HOST, id="path that names no bucket"),
        pytest.param("PUT", "/photos?cors=x", HOST, id="query"),
        pytest.param("GET", "/photos?cors", HOST, id="method"),
        pytest.param("PUT", "/photos?cors", "other.test", id="host"),
        pytest.param("PUT", "/photos?cors", f"{HOST}:8080", id="port"),
    ],
)
def test_a_signature_for_another_request_is_refused(app, store, method, url, host):
    signature = authorization(method, url, {"host": host})
    response = send(app, "PUT", URL, BODY, {"Authorization": signature})
    assert_error(response, 403, "SignatureDoesNotMatch")
    assert store.list() == []


@pytest.mark.parametrize("more", ["acl", "a=b", "delete="])
def test_a_parameter_that_is_not_signed_is_refused(app, more):
    """It could turn the call into another."""
    url = f"{URL}&{more}"
    name = more.partition("=")[0]
    assert_error(signed(app, "PUT", url, BODY, unsigned=[name]), 403, "AccessDenied", name)
    assert signed(app, "PUT", url, BODY).status_code == 200


def test_a_host_that_is_not_signed_is_refused(app):
    signature = authorization("PUT", URL, {"content-md5": md5(BODY)})
    headers = {"Authorization": signature, "Content-MD5": md5(BODY)}
    assert_error(send(app, "PUT", URL, BODY, headers), 403, "AccessDenied", "host")


def test_a_signed_header_that_was_changed(app):
    signature = authorization("PUT", URL, {"host": HOST, "content-md5": md5(BODY)})
    other = document(rule("https://evil.test"))
    headers = {"Authorization": signature, "Content-MD5": md5(other)}
    assert_error(send(app, "PUT", URL, other, headers), 403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("host", [f"{HOST}:8080", HOST], ids=["with the port", "without it"])
def test_the_port_may_be_signed_or_not(app, host):
    """The Python SDK signs the name alone."""
    headers = {"Host": f"{HOST}:8080", "Authorization": authorization("PUT", URL, {"host": host})}
    assert send(app, "PUT", URL, BODY, headers).status_code == 200


def test_a_signature_below_a_virtual_host(make, store):
    app = make(host_suffixes=[HOST])
    host = f"photos.{HOST}"
    headers = {"Host": host, "Authorization": authorization("PUT", "/?cors=", {"host": host})}
    assert send(app, "PUT", "/?cors=", BODY, headers).status_code == 200
    headers["Host"] = f"albums.{HOST}"
    assert_error(send(app, "PUT", "/?cors=", BODY, headers), 403, "SignatureDoesNotMatch")
    assert store.list() == ["photos"]


def test_a_signature_covers_the_path_that_the_client_sees(store):
    """An application may be mounted below it."""
    environ = TestRequest.blank(
        "/mounted/photos?cors",
        headers={
            "Host": HOST,
            "Authorization": authorization("GET", "/mounted/photos?cors", {"host": HOST}),
        },
    ).environ
    environ.update(SCRIPT_NAME="/mounted", PATH_INFO="/photos")
    store.put("photos", OLD)
    _, status, _ = run_wsgi_app(build(store), environ)
    assert status == "200 OK"


def test_pre_signed_urls(app, store):
    url = presigned("PUT", URL, {"host": HOST})
    assert send(app, "PUT", url, BODY).status_code == 200
    assert store.history("photos")[0].author == ACCESS_KEY
    assert_error(send(app, "DELETE", url), 403, "SignatureDoesNotMatch")
    assert_error(send(app, "PUT", f"{url}&acl", BODY), 403, "AccessDenied", "acl")


def test_two_signatures_in_one_request(app):
    url = presigned("PUT", URL, {"host": HOST})
    assert_error(signed(app, "PUT", url, BODY), 400, "InvalidArgument", "Only one of")


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(KEYS, id="mapping"),
        pytest.param({ACCESS_KEY: AccessKey(SECRET_KEY)}, id="mapping of keys"),
        pytest.param(KEYS.get, id="callable"),
        pytest.param({ACCESS_KEY: AccessKey(SECRET_KEY)}.get, id="callable that gives keys"),
    ],
)
def test_forms_of_access_keys(make, keys):
    app = make(access_keys=keys)
    assert signed(app, "PUT", URL, BODY).status_code == 200
    unknown = signed(app, "PUT", URL, BODY, access_key="AKIDother")
    assert_error(unknown, 403, "InvalidAccessKeyId")


@pytest.mark.parametrize(
    "headers, query, status",
    [
        pytest.param({"x-cos-security-token": "token"}, "", 200, id="header"),
        pytest.param({}, "&x-cos-security-token=token", 200, id="query"),
        pytest.param({}, "", 403, id="none"),
        pytest.param({"x-cos-security-token": ""}, "", 403, id="empty"),
        pytest.param({"x-cos-security-token": "other"}, "", 403, id="another"),
        pytest.param({"x-cos-security-token": "t\u00f6ken"}, "", 403, id="no ASCII"),
        pytest.param({}, "&x-cos-security-token=other", 403, id="another in the query"),
    ],
)
def test_temporary_keys_come_with_their_token(make, headers, query, status):
    app = make(access_keys={ACCESS_KEY: AccessKey(SECRET_KEY, "token")})
    response = signed(app, "PUT", URL + query, BODY, headers, unsigned=["x-cos-security-token"])
    assert response.status_code == status
    if status == 403:
        assert_error(response, 403, "InvalidAccessKeyId")


def test_a_secret_does_not_show():
    assert "secret" not in repr(AccessKey("secret", "secret-token"))


@pytest.mark.parametrize("keys", [None, {}], ids=["none", "empty"])
def test_without_keys_and_hook_everything_is_refused(make, caplog, keys):
    """The log says what to set, once."""
    app = make(access_keys=keys)
    for _ in range(3):
        assert_error(signed(app, "PUT", URL, BODY), 403, "AccessDenied")
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "BUCKETCORS_ACCESS_KEYS" in caplog.text


def test_with_keys_a_call_without_a_signature_is_not_logged(app, caplog):
    assert_error(send(app, "PUT", URL, BODY), 403, "AccessDenied")
    assert caplog.records == []


def test_the_hook_learns_who_wants_what(make):
    calls: list[RulesCall] = []
    app = make(authorize=lambda call: calls.append(call) or True)
    signed(app, "PUT", URL, BODY)
    send(app, "GET", "/albums/?cors=")
    assert [(call.bucket, call.method, call.requester) for call in calls] == [
        ("photos", "PUT", ACCESS_KEY),
        ("albums", "GET", None),
    ]
    assert [call.environ["HTTP_HOST"] for call in calls] == [HOST, HOST]


@pytest.mark.parametrize("answer", [None, False, "", " "], ids=repr)
@pytest.mark.parametrize("call", [send, signed], ids=["unsigned", "signed"])
def test_the_hook_may_refuse_anybody(make, store, call, answer):
    """Whoever signed as well."""
    app = make(authorize=lambda call: answer)
    assert_error(call(app, "PUT", URL, BODY), 403, "AccessDenied")
    assert store.list() == []


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_hook_that_aborts_refuses(make, status):
    """That is how a Flask application says no; its own page would be of no use to an SDK."""
    app = make(authorize=lambda call: abort(status))
    assert_error(signed(app, "PUT", URL, BODY), 403, "AccessDenied")


def test_a_put_that_loses_its_bucket_leaves_no_rules(make, store):
    """Not those from before either."""
    exists = iter([True, False])
    store.put("photos", OLD)
    app = make(bucket_exists=lambda name: next(exists))
    assert_error(signed(app, "PUT", URL, BODY), 404, "NoSuchBucket")
    assert store.get("photos") is None


def test_two_puts_that_lose_their_bucket_leave_no_rules(make, store):
    """The second has replaced the rules of the first, and does not bring them back."""
    exists = iter([True, True, False, False])
    second = [BODY]

    def bucket_exists(name: str) -> bool:
        if store.get(name) is not None and second:
            assert_error(signed(app, "PUT", URL, second.pop()), 404, "NoSuchBucket")
        return next(exists)

    app = make(bucket_exists=bucket_exists)
    assert_error(signed(app, "PUT", URL, BODY), 404, "NoSuchBucket")
    assert store.get("photos") is None


def test_rules_that_came_after_a_refused_put_are_kept(make, store):
    """They are those of another call, which has been asked about itself."""

    def lose(name: str) -> bool:
        if store.get(name) != NEW:
            return True
        store.put(name, OLD)
        return False

    assert_error(signed(make(bucket_exists=lose), "PUT", URL, BODY), 404, "NoSuchBucket")
    assert store.get("photos") == OLD


@pytest.mark.parametrize(
    "answer",
    [1, 0, b"alice", ["alice"], {}, ("Forbidden", 403), Response("Forbidden"), object()],
    ids=lambda answer: type(answer).__name__ + str(bool(answer)),
)
def test_a_hook_that_gives_something_else_does_not_allow(make, store, caplog, answer):
    """A response of a view counts as true."""
    app = make(authorize=lambda call: answer)
    assert_error(signed(app, "PUT", URL, BODY), 500, "InternalError")
    shown = re.escape(ascii(answer)[:80])
    wanted = f"the authorize hook returned {shown}.*: return True, False, or the name of"
    assert re.search(wanted, caplog.text)
    assert store.list() == []


@pytest.mark.parametrize(
    "call, said, author",
    [
        pytest.param(send, "alice", "alice", id="a name, unsigned"),
        pytest.param(send, True, None, id="True, unsigned"),
        pytest.param(signed, "alice", "alice", id="a name, signed: the name"),
        pytest.param(signed, True, ACCESS_KEY, id="True, signed: the key"),
        pytest.param(send, " alice\n", "alice", id="spaces around it"),
        pytest.param(send, LocalProxy(lambda: "alice"), "alice", id="a proxy"),
        pytest.param(send, "al\udcffice", "al\\udcffice", id="not UTF-8"),
        pytest.param(send, "a" * 300, "a" * 256, id="too long for a store"),
    ],
)
def test_the_hook_may_name_the_author(make, store, call, said, author):
    app = make(authorize=lambda rules_call: said)
    assert call(app, "PUT", URL, BODY).status_code == 200
    assert call(app, "DELETE", URL).status_code == 204
    assert [entry.author for entry in store.history("photos")] == [author, author]


def test_a_hook_that_fails_is_an_error_of_the_server(make):
    app = make(authorize=lambda call: abort(503))
    assert_error(signed(app, "PUT", URL, BODY), 500, "InternalError")


def test_a_hook_that_is_a_coroutine_function_does_not_allow(make, store):
    """What it returns is an object, and so true, before it has decided anything."""
    started = []

    async def authorize(call: RulesCall) -> bool:
        return False

    def hook(call: RulesCall) -> Any:
        started.append(authorize(call))
        return started[0]

    response = send(make(authorize=hook), "PUT", URL, BODY)
    started[0].close()
    assert response.status_code in (403, 500)
    assert store.list() == []


def test_the_hook_decides_alone_where_there_are_no_keys(make, store):
    """A signature is nothing then, whatever it holds."""
    app = make(access_keys=None, authorize=lambda call: call.environ.get("HTTP_COOKIE") == "admin")
    assert_error(send(app, "PUT", URL, BODY), 403, "AccessDenied")
    assert_error(signed(app, "PUT", URL, BODY), 403, "AccessDenied")
    assert send(app, "PUT", URL, BODY, headers={"Cookie": "admin"}).status_code == 200
    assert store.history("photos")[0].author is None


def test_the_hook_is_not_asked_about_a_signature_that_does_not_hold(make):
    asked = []
    app = make(authorize=lambda call: asked.append(call) or True)
    assert_error(signed(app, "PUT", URL, BODY, secret="other"), 403, "SignatureDoesNotMatch")
    assert asked == []


@pytest.mark.parametrize("environ", [None, CHUNKED], ids=["length", "chunked"])
@pytest.mark.parametrize(
    "take",
    [
        pytest.param(lambda environ: environ["wsgi.input"].read(), id="reads the input"),
        pytest.param(lambda environ: bytes(Request(environ).form), id="reads the form"),
        pytest.param(lambda environ: Request(environ).get_data(), id="reads the data"),
        pytest.param(lambda environ: environ["wsgi.input"].close(), id="closes the input"),
        pytest.param(lambda environ: environ.clear(), id="clears the environ"),
    ],
)
def test_the_hook_cannot_take_the_body_away(make, store, take, environ):
    found = []
    app = make(authorize=lambda call: found.append(take(call.environ)) or True)
    environ = environ or {"CONTENT_LENGTH": str(len(BODY))}
    form = {"CONTENT_TYPE": "application/x-www-form-urlencoded", **environ}
    assert put_stream(app, BytesIO(BODY), **form).status_code == 200
    assert not found[0]
    assert store.get("photos") == NEW


def test_an_unknown_dialect_is_refused(store):
    """The error says what was given."""
    with pytest.raises(ValueError, match="azure"):
        RulesAPI(store, dialect="azure")


@pytest.mark.parametrize(
    "path, headers, shown",
    [
        pytest.param("/photos", {}, f"{HOST}/photos", id="host and path"),
        pytest.param("/%3Cscript%3E", {}, f"{HOST}/%3Cscript%3E", id="markup"),
        pytest.param("/a%0D%0Ab%00", {}, f"{HOST}/a%0D%0Ab%00", id="control characters"),
        pytest.param("/%C3%BC%FF", {}, f"{HOST}/%C3%BC%FF", id="beyond ASCII"),
        pytest.param("/" + "a" * 9999, {}, f"{HOST}/{'a' * 255}", id="long path"),
        pytest.param("/photos", {"Host": "store.test:80"}, "store.test:80/photos", id="port"),
        pytest.param("/photos", {"Host": "<script>"}, "/photos", id="markup for a host"),
        pytest.param("/photos", {"Host": "a'b&c"}, "/photos", id="quote for a host"),
    ],
)
def test_the_resource_of_an_error_is_host_and_path(app, path, headers, shown):
    """Encoded as in a URL, and no more of it than is useful."""
    response = send(app, "GET", f"{path}?cors", headers=headers)
    assert error_of(response)["Resource"] == shown
    assert b"script>" not in response.body


def test_a_value_is_shown_escaped(app):
    response = signed(app, "PUT", URL, document(rule("&lt;script&gt;'&#x202E;&quot;")))
    assert "<script>" in error_of(response)["Message"]
    assert b"&lt;script&gt;" in response.body
    assert "\u202e" not in response.text


def test_an_apostrophe_is_written_as_the_vendor_writes_it(app):
    response = signed(app, "PUT", URL, BODY, now=NOW + 3600)
    assert "server's time" in error_of(response)["Message"]
    assert b"server&apos;s time" in response.body
    assert b"'" not in response.body.partition(b"?>")[2]


def test_a_message_stays_short(app):
    """Of many problems the first are named and the others counted; of a long value a part."""
    body = document(*[rule("https://*.*" + "a" * 200)] * 100)
    message = error_of(signed(app, "PUT", URL, body))["Message"]
    assert "and 80 more" in message
    assert len(message) < 8 * 1024


def test_every_answer_has_ids_of_its_own(app):
    answers = [send(app, "GET", URL) for _ in range(3)]
    ids = {
        answer.headers[name]
        for answer in answers
        for name in ("x-cos-request-id", "x-cos-trace-id")
    }
    assert len(ids) == 6
    assert re.fullmatch(b"[0-9a-f]{128}", b64decode(answers[0].headers["x-cos-trace-id"]))


@pytest.mark.parametrize(
    "bucket",
    [
        pytest.param("a\r\nERROR forged", id="line break"),
        pytest.param("a\x1b[31m", id="escape sequence"),
        pytest.param("a\x85b", id="C1 control"),
        pytest.param("a\u2028ERROR forged", id="line separator"),
        pytest.param("a\u202e", id="change of direction"),
    ],
)
@pytest.mark.parametrize(
    "error", [StoreUnavailable("locked"), ValueError("no")], ids=["503", "500"]
)
def test_nothing_reaches_the_log_unescaped(caplog, bucket, error):
    """Of names that a bucket may have, however odd; of others nothing at all."""
    app = TestApp(validator(build(FailingStore(error))))
    signed(app, "GET", f"/{quote(bucket)}?cors")
    assert "".join(caplog.messages).isprintable()
    assert bool(caplog.messages) is is_bucket_name(bucket)
