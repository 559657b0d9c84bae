"""Whole requests: which bucket they are about, who signed them, and what comes back."""

from base64 import b64encode
from collections.abc import Collection, Iterator
from hashlib import md5, sha256
from typing import Any, Final
from xml.etree.ElementTree import fromstring

from flask_bucketcors import AccessKey, BucketCORSMiddleware, MemoryStore, Rule, RulesAPI, RuleSet
from flask_bucketcors.core.dialects import DIALECTS
from flask_bucketcors.core.origins import is_origin
from flask_bucketcors.core.resolvers import Resolved, make_resolver
from flask_bucketcors.signatures import (
    SignatureError,
    SignedRequest,
    find_scheme,
    has_unknown_authorization,
    verify,
)
from flask_bucketcors.wsgi.environ import read_request
from flask_bucketcors.wsgi.kept_rules import _PLAIN_NAME
from tests.fuzz.target import Message, Target, message
from tests.support.attack_corpus import Response, call
from tests.support.vendor_corpus import load

BUCKET: Final = "examplebucket-1250000000"
SUFFIXES: Final = ("cos.test", "cos.{region}.test")
LITERAL: Final = "https://a.test"
RULES: Final = RuleSet(
    [
        Rule([LITERAL, "https://*.b.test"], ["GET", "PUT"], ["x-cos-*", "range"], ["ETag"], 5),
        Rule(["null", "http://[::1]:*"], ["POST", "HEAD"], ["*"]),
    ]
)
PUBLIC: Final = RuleSet([Rule(["*"], ["GET"])])
# Of a header, and of a document with the whole of its problems.
MAX_HEADER: Final = 16 * 1024
MAX_DOCUMENT: Final = 64 * 1024
MAX_MESSAGE: Final = 1024
#: Where the bucket is named: by path, below a prefix, by host.
PLACES: Final = ({}, {"url_prefix": "/s"}, {"host_suffixes": SUFFIXES})

_RESOLVERS = [make_resolver(**each) for each in PLACES]  # type: ignore[arg-type]


def check_bucket(data: bytes) -> None:
    """A resolver gives a name and whether it is a root; what it says in a hurry is the same."""
    environ = Message.read(data).environ()
    request = read_request(environ)
    for resolve in _RESOLVERS:
        resolved = resolve(request)
        if resolved is None:
            continue
        assert isinstance(resolved.bucket, str)
        assert isinstance(resolved.is_root, bool)
        assert "/" not in resolved.bucket
        assert resolve(request) == resolved
        _check_hurry(resolve, environ, resolved)


def _check_hurry(resolve: Any, environ: dict[str, Any], resolved: Resolved) -> None:
    if ".." in environ["PATH_INFO"]:
        # The hot path leaves these to the resolver.
        return
    try:
        name = resolve.name_bucket(environ["PATH_INFO"], environ["HTTP_HOST"])
    except LookupError:
        return
    # Rules of others are kept under a key that no request has.
    assert not _PLAIN_NAME.fullmatch(name) or resolved._replace(is_assumed=False) == Resolved(
        name, False
    )


_WARMING: Final = (
    (f"/{BUCKET}/k", "h"),
    (f"/s/{BUCKET}/k", "h"),
    ("/k", f"{BUCKET}.cos.test"),
)


class Served:
    """An application behind the middleware.

    :param methods: of ``?cors`` calls that anybody may make. Where none of them writes, the
        rules stay as they are.
    """

    def __init__(self, dialect: str, place: Any, methods: Collection[str] = ("GET",)) -> None:
        store = MemoryStore()
        store.put_many([(BUCKET, RULES), ("public", PUBLIC)])
        self.rules_calls: list[str] = []
        api = RulesAPI(store, authorize=lambda call: call.method in methods, dialect=dialect)
        self.app = BucketCORSMiddleware(
            self._application, store=store, api=api, dialect=dialect, api_cross_origin=True, **place
        )
        self.resolve = self.app.resolve

    def _application(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        request = read_request(environ)
        resolved = self.resolve(request)
        if resolved and resolved.is_root and request.names_rules:
            self.rules_calls.append(environ["REQUEST_METHOD"])
        start_response("200 OK", [("Content-Type", "text/plain"), ("Vary", "Cookie")])
        return [b"object"]

    def warm(self) -> "Served":
        """Have everything in memory that a request may be answered from."""
        page = [("Origin", LITERAL), ("Access-Control-Request-Method", "GET")]
        for path, host in _WARMING:
            for method in ("GET", "OPTIONS"):
                data = message(method, path, [("Host", host), *page])
                call(self.app, Message.read(data).environ())
        return self


_WARM = {
    (dialect, number): Served(dialect, place).warm()
    for dialect in DIALECTS
    for number, place in enumerate(PLACES)
}


def check_request(data: bytes) -> None:
    """No exception, nothing in a header that passed no grammar, and the same warmed and cold."""
    sent = Message.read(data)
    dialect = list(DIALECTS)[sum(data) % len(DIALECTS)]
    for number in (1,) if sent.target.startswith("/s/") else (0, 2):
        _check_both(sent, _WARM[dialect, number], Served(dialect, PLACES[number]))


def _check_both(sent: Message, warm: Served, cold: Served) -> None:
    responses = [call(each.app, _environ(sent)) for each in (warm, cold)]
    for response in responses:
        _check_response(sent, response)
    assert _told(responses[0]) == _told(responses[1])
    assert not warm.rules_calls
    assert not cold.rules_calls


def check_call(data: bytes) -> None:
    """Whatever body, digests and length a ``?cors`` call has, it is a response and no exception."""
    sent = Message.read(data)
    dialect = list(DIALECTS)[sum(data) % len(DIALECTS)]
    served = Served(dialect, {}, ("GET", "PUT", "DELETE"))
    query = "&".join(filter(None, ("cors", sent.target.partition("?")[2])))
    environ = {**_environ(sent), "PATH_INFO": f"/{BUCKET}", "QUERY_STRING": query}
    _check_response(sent, call(served.app, environ))
    assert not served.rules_calls


def _environ(sent: Message) -> dict[str, Any]:
    environ = sent.environ()
    environ["wsgi.input"].write(sent.body)
    environ["wsgi.input"].seek(0)
    return {**environ, "wsgi.input_terminated": True}


def _told(response: Response) -> tuple[Any, ...]:
    """A response without what is another one each time."""
    ids = {id.header for dialect in DIALECTS.values() for id in dialect.ids}
    kept = [pair for pair in response.pairs if pair[0] not in ids and pair[0] != "Content-Length"]
    return response.status, kept


def _check_response(sent: Message, response: Response) -> None:
    assert 200 <= response.status < 600
    assert response.status != 500
    for name, value in response.pairs:
        assert len(name) + len(value) <= MAX_HEADER
        assert (name + value).isascii()
        assert (name + value).isprintable()
    allowed = response.values("Access-Control-Allow-Origin")
    assert len(allowed) <= 1
    for origin in allowed:
        assert origin in ("*", LITERAL, "null") or (
            is_origin(origin) and origin == sent.environ()["HTTP_ORIGIN"]
        )
        assert origin != "*" or not response.values("Access-Control-Allow-Credentials")
    assert len(response.body) <= MAX_DOCUMENT
    if response.body.startswith(b"<"):
        fromstring(response.body)


# Not from vendors.py, which imports all SDKs: the first of the recorded calls, and their keys.
_RECORDED: Final = load("sdk_requests.json")
_NOW: Final = 1_795_360_655.0 + 60
_KEYS: Final = {
    "AKIDEXAMPLE": "ExampleSecretKey",
    "TEMPKEY": AccessKey("TempSecret", "the/token+="),
}
_METHODS: Final = {entry["method"] for entry in _RECORDED}


def check_signature(data: bytes) -> None:
    """Somebody signed the request, nobody did, or it is refused in words that are bounded.

    A signature that somebody made opens the call that it was made for, and no other.
    """
    sent = Message.read(data)
    environ = sent.environ()
    resolved = _RESOLVERS[2](read_request(environ)) or ("", True)
    key = environ["PATH_INFO"].partition(resolved[0])[2].lstrip("/") if not resolved[1] else ""
    request = SignedRequest.from_environ(environ, resolved[0], key)
    asked: list[str] = []

    def keys(access_key_id: str) -> Any:
        asked.append(access_key_id)
        return _KEYS.get(access_key_id)

    try:
        signer = verify(request, keys, now=_NOW, must_sign=("cors",))
    except SignatureError as error:
        _check_refusal(error)
    else:
        assert (signer is None) is (find_scheme(request) is None)
        # One of another kind is ignored beside a signed URL.
        assert isinstance(has_unknown_authorization(request), bool)
        if signer is not None:
            assert signer.access_key_id in _KEYS
            assert (request.bucket, request.key) == (BUCKET, "")
            assert request.method in _METHODS
            assert "cors" in {name.lower() for name, _ in request.query}
    assert all(each.isascii() and each.isprintable() and len(each) <= 128 for each in asked)


def _check_refusal(error: SignatureError) -> None:
    assert all(error.code in dialect.errors for dialect in DIALECTS.values())
    message = error.message or ""
    assert len(message) <= MAX_MESSAGE
    assert message.isascii()
    assert message.isprintable()


def signature_seeds() -> Iterator[bytes]:
    """``?cors`` calls as the vendors' SDKs send them."""
    for entry in _RECORDED:
        yield message(entry["method"], entry["target"], entry["headers"])


_CALLS: Final = (
    f"/{BUCKET}?cors",
    f"/s/{BUCKET}/?cors=",
    f"/{BUCKET}//?a&CORS",
    f"//{BUCKET}?cors",
)


def call_seeds() -> Iterator[bytes]:
    """The same with their bodies, and with all kinds of digests."""
    for entry in _RECORDED:
        if entry["body"]:
            body = entry["body"].encode()
            yield message(entry["method"], entry["target"], entry["headers"], body)
            digests = [
                ("Content-MD5", b64encode(md5(body).digest()).decode()),
                ("X-Amz-Checksum-Sha256", b64encode(sha256(body).digest()).decode()),
                ("X-Amz-Content-Sha256", sha256(body).hexdigest()),
            ]
            yield message("PUT", "/", digests, body)


def request_seeds() -> Iterator[bytes]:
    """Requests of pages and of attackers."""
    for case in load("attacks.json"):
        request = case["request"]
        if request is not None and sum(map(len, map(str, request["headers"]))) < 2048:
            path = request["path"].replace("bucket-a", BUCKET)
            written = message(request["method"], path, request["headers"])
            yield written.replace(b"https://example.com", LITERAL.encode())
    page = [("Origin", LITERAL), ("Access-Control-Request-Method", "PUT")]
    for target, host in (*_WARMING, ("/public/k", "h")):
        for method in ("GET", "OPTIONS"):
            yield message(method, target, [("Host", host), *page])
    document = b"<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin></CORSRule>"
    for place in (
        f"/{BUCKET}?cors",
        f"/s/{BUCKET}/?cors=",
        f"/{BUCKET}//?a&CORS",
        f"//{BUCKET}?cors",
    ):
        for method in ("GET", "PUT", "DELETE", "HEAD", "OPTIONS"):
            headers = [
                ("Origin", "https://x.b.test"),
                ("Content-MD5", "a"),
                ("Content-Length", "9"),
            ]
            yield message(method, place, headers, document)
    yield message("GET", "/?cors", [("Host", f"{BUCKET}.cos.test:80"), ("Origin", "null")])
    for host in (f"{BUCKET}.cos.a.test", f"{BUCKET}.b.cos.test", f"{BUCKET}.other.test"):
        for target in ("/k", "/?cors", "//?cors"):
            yield message("DELETE", target, [("Host", host), ("Origin", "http://[::1]:1")])


_WORDS = (
    b"?cors", b"&cors=", b"CORS", b"%63ors", b"/", b"//", b"..", b"%2f", b"%2e%2e", b"%00", b"\\",
    b"*", b"OPTIONS ", b"PUT ", b"DELETE ", b"\nOrigin: ", LITERAL.encode(), b"null",
    b"\nHost: ", b".cos.test", b".cos.a.test", b":80", BUCKET.encode(), b"public", b"/s/",
    b"\n", b"\n\n", b"\r",
    b"\nAccess-Control-Request-Method: ", b"\nAccess-Control-Request-Headers: ", b"x-cos-a", b",",
    b"\nContent-Length: ", b"\nContent-MD5: ", b"\nX-Amz-Checksum-Crc32: ",
    b"\nX-Bucketcors-Lint: 1",
)  # fmt: skip
_SIGNED = (
    b"\nAuthorization: ", b"AWS4-HMAC-SHA256 ", b"OSS ", b"OSS2 ", b"OSS4-HMAC-SHA256 ", b"AWS ",
    b"OBS ", b"q-sign-algorithm=sha1&", b"Credential=", b"Signature=", b"&X-Amz-Expires=1",
    b"AKIDEXAMPLE", b"\nDate: ", b"\nx-oss-date: ", b"\nx-amz-date: ", b"20261122T151734Z",
    b"+0000", b"99999999999999999999", b"-0", b";", b":", b"=", b"&Expires=",
    b"\nx-amz-content-sha256: STREAMING-",
)  # fmt: skip

TARGETS = (
    Target("bucket", check_bucket, request_seeds, _WORDS),
    Target("request", check_request, request_seeds, _WORDS),
    Target("call", check_call, call_seeds, _SIGNED + _WORDS),
    Target("signature", check_signature, signature_seeds, _SIGNED + _WORDS),
)
